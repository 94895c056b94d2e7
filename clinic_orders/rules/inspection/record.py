"""The record of a visit 现场检查笔录: answers, remarks and signatures, and the findings that it holds (R-CASE-5).

>>> items = {"sign": ChecklistItem("sign", ItemGroup.SIX, "悬挂标牌", "", Grade.WARNING)}
>>> check_answers(items, {"sign": Said(Answer.NO, "没有挂")}, whole=True)
>>> [one.key for one in findings_of("JC2026-0001", items, {"sign": Said(Answer.NO, "没有挂")}, institution="V01",
...                                 visited_on=date(2026, 11, 20))]
['JC2026-0001/sign']
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import date
from enum import StrEnum
from typing import Final

from clinic_orders.rules.errors import N_, RuleBroken
from clinic_orders.rules.findings import CheckRule, Finding, Grade
from clinic_orders.rules.inspection.checklist import ChecklistItem, ItemGroup

REMARK: Final = 300
SUMMARY: Final = 2000
NAME: Final = 40
LEAST_INSPECTORS: Final = 2
"""Two officers at least make an inspection and sign its record (行政处罚法 art. 42); no office may change that."""
MOST_PHOTOS: Final = 40
"""Photos of one visit."""

__all__ = [
    "LEAST_INSPECTORS",
    "MOST_PHOTOS",
    "NAME",
    "REMARK",
    "SUMMARY",
    "Answer",
    "AnswersMissing",
    "ChecklistItem",
    "Grade",
    "InspectorsMissing",
    "ItemGroup",
    "PartyNotSigned",
    "PartySignature",
    "RecordTooLong",
    "RemarkMissing",
    "Said",
    "TooManyPhotosOfVisit",
    "UnknownItem",
    "VisitedInFuture",
    "check_answers",
    "check_signatures",
    "check_visited_on",
    "finding_key",
    "findings_of",
]


class Answer(StrEnum):
    """What was found about an item: it is so, it is not, it does not apply here."""

    YES = "yes"
    NO = "no"
    NOT_APPLICABLE = "na"


@dataclass(frozen=True, slots=True)
class Said:
    """An answer and what was seen."""

    answer: Answer
    remark: str = ""


@dataclass(frozen=True, slots=True)
class PartySignature:
    """Who of the institution signed, or that nobody did and why."""

    name: str = ""
    post: str = ""
    refused: bool = False
    refusal: str = ""


class UnknownItem(RuleBroken):
    """An answer to something that nobody asked."""

    message = N_(
        "The checklist of this visit has no line %(code)s. Open the visit anew: its checklist may have been changed."
    )


class RemarkMissing(RuleBroken):
    """Whoever holds something against somebody says what was seen."""

    message = N_("“%(text)s” is not so: write what you saw.")


class RecordTooLong(RuleBroken):
    """More than the paper takes."""

    message = N_("This is too long. Write at most %(limit)s characters.")


class AnswersMissing(RuleBroken):
    """A record is signed when everything has been looked at."""

    message = N_(
        "%(count)s lines have no answer yet, the first is “%(text)s”. Answer them, or say that they do not apply."
    )


class InspectorsMissing(RuleBroken):
    """Two at least sign."""

    message = N_("At least %(least)s inspectors sign the record. Give their names.")


class PartyNotSigned(RuleBroken):
    """The party signs, or it is written down why it did not."""

    message = N_("Give the name of who signs for the institution; if nobody will, say so and why.")


class VisitedInFuture(RuleBroken):
    """A visit has taken place."""

    message = N_("The day of the visit is still to come. Correct it.")


class TooManyPhotosOfVisit(RuleBroken):
    """More photos than anybody looks at."""

    message = N_("A visit has at most %(limit)s photos. Leave some out.")


def check_answers(items: Mapping[str, ChecklistItem], answers: Mapping[str, Said], *, whole: bool) -> None:
    """Refuse answers that don't fit the checklist.

    Args:
        items: of the visit's checklist, by code, in their order.
        answers: by code.
        whole: whether every item needs an answer, as it does when the record is signed.

    Raises:
        UnknownItem, RecordTooLong, AnswersMissing, RemarkMissing: what is wrong.

    """
    for code, said in answers.items():
        if code not in items:
            raise UnknownItem(code=code)
        if len(said.remark) > REMARK:
            raise RecordTooLong(limit=REMARK)
    if not whole:
        return
    missing = [item for code, item in items.items() if code not in answers]
    if missing:
        raise AnswersMissing(count=len(missing), text=missing[0].text)
    for code, said in answers.items():
        if said.answer is Answer.NO and not said.remark.strip():
            raise RemarkMissing(text=items[code].text)


def check_signatures(
    inspectors: Sequence[str], party: PartySignature
) -> tuple[tuple[str, ...], PartySignature]:
    """Who signed, without blanks around the names.

    Raises:
        InspectorsMissing, PartyNotSigned, RecordTooLong: what is wrong.

    """
    names = tuple(dict.fromkeys(name.strip() for name in inspectors if name.strip()))
    if len(names) < LEAST_INSPECTORS:
        raise InspectorsMissing(least=LEAST_INSPECTORS)
    kept = PartySignature(party.name.strip(), party.post.strip(), party.refused, party.refusal.strip())
    if (kept.refused and not kept.refusal) or (not kept.refused and not kept.name):
        raise PartyNotSigned
    if any(len(text) > NAME for text in (*names, kept.name, kept.post)):
        raise RecordTooLong(limit=NAME)
    if len(kept.refusal) > REMARK:
        raise RecordTooLong(limit=REMARK)
    return names, kept


def check_visited_on(visited_on: date, *, today: date) -> None:
    """Refuse a day that has not come.

    Raises:
        VisitedInFuture: it has not.

    """
    if visited_on > today:
        raise VisitedInFuture


def finding_key(visit: str, code: str) -> str:
    """The key of the finding about an item of a visit."""
    return f"{visit}/{code}"


def findings_of(
    visit: str,
    items: Mapping[str, ChecklistItem],
    answers: Mapping[str, Said],
    *,
    institution: str,
    visited_on: date,
    number: str = "",
) -> list[Finding]:
    """The findings of a signed record: one for each item that is not so, in the order of the checklist.

    Args:
        visit: the number under which they stand; of a re-inspection the first visit's, so that what was not put
            right stays one finding.
        items: of the checklist, by code.
        answers: by code.
        institution: the code of the visited one.
        visited_on: the day of the visit.
        number: the number of the visit itself, if it is another.

    """
    return [
        Finding(
            CheckRule.INSPECTION,
            item.grade,
            institution=institution,
            distributor=None,
            key=finding_key(visit, code),
            period=visited_on.isoformat(),
            formula=f"answer = no; visit = {number or visit}",
            figures={"asked": item.text, "remark": answers[code].remark},
            rows=(("inspection", number or visit),),
        )
        for code, item in items.items()
        if code in answers and answers[code].answer is Answer.NO
    ]
