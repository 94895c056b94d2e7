"""How long a party has to answer, and what an answer needs (R-CASE-3)."""

from __future__ import annotations

from datetime import date, timedelta
from enum import StrEnum

from clinic_orders.rules.errors import N_, RuleBroken
from clinic_orders.rules.ladder.steps import (
    CaseState,
)


class AnswerKind(StrEnum):
    """What a party files: an answer, an appeal against the facts or the step, a rectification report."""

    ANSWER = "answer"
    APPEAL = "appeal"
    RECTIFICATION_REPORT = "rectification_report"


class LetterState(StrEnum):
    """What a letter is: waiting for the second officer, out, not signed by the second officer, or void.

    REVOKED: an appeal was upheld; its number stays used, and whoever verifies it is told.
    """

    PROPOSED = "proposed"
    ISSUED = "issued"
    SENT_BACK = "sent_back"
    REVOKED = "revoked"


class CaseOutcome(StrEnum):
    """How a case ended.

    RESOLVED: a re-check found it in order. UNFOUNDED: an appeal was upheld. DROPPED: a draft from which nothing came.
    """

    RESOLVED = "resolved"
    UNFOUNDED = "unfounded"
    DROPPED = "dropped"


class DeadlineTooEarly(RuleBroken):
    """A letter never gives less time than the policy does."""

    message = N_("The last day to answer is %(least)s at the earliest: %(days)s days from today.")


class AnswerTooLate(RuleBroken):
    """The last day to answer is over."""

    message = N_(
        "The last day to answer was %(deadline)s. Call the bureau: it can give you more time, and then you can send this."
    )


class AnswerEmpty(RuleBroken):
    """An answer says something."""

    message = N_("Write at least a sentence. A photo alone does not say what it shows.")


class StillTimeToAnswer(RuleBroken):
    """Nobody is judged before they could speak (R-CASE-3)."""

    message = N_(
        "The party may answer until %(deadline)s. The case can go up a level once it has answered or that day is over."
    )


class ExtensionNotLater(RuleBroken):
    """More time means a later day."""

    message = N_("The last day to answer is %(deadline)s already. Give a later day.")


class ExtensionNeedsReason(RuleBroken):
    """More time for one is given for a reason that all can read."""

    message = N_("Say why more time is given. It stands in the case.")


def earliest_deadline(day: date, answer_days: int) -> date:
    """The first day that may be the last to answer a letter of a day.

    >>> earliest_deadline(date(2026, 11, 20), 9)
    datetime.date(2026, 11, 29)

    """
    return day + timedelta(days=answer_days)


def check_deadline(deadline: date, *, issued_on: date, answer_days: int) -> None:
    """Refuse a last day to answer that gives less time than ``case.answer_days``.

    Raises:
        DeadlineTooEarly: it does.

    """
    least = earliest_deadline(issued_on, answer_days)
    if deadline < least:
        raise DeadlineTooEarly(least=least, days=answer_days)


def deadline_after_receipt(deadline: date, *, received_on: date, answer_days: int) -> date:
    """The last day to answer once a letter is signed for: never less than ``case.answer_days`` from that day.

    >>> deadline_after_receipt(date(2026, 11, 29), received_on=date(2026, 11, 27), answer_days=9)
    datetime.date(2026, 12, 6)

    """
    return max(deadline, earliest_deadline(received_on, answer_days))


def check_answer(text: str, *, deadline: date, today: date) -> str:
    """The words of an answer without blanks around them (R-CASE-3).

    Raises:
        AnswerTooLate, AnswerEmpty: it can't be taken.

    """
    if today > deadline:
        raise AnswerTooLate(deadline=deadline)
    said = text.strip()
    if not said:
        raise AnswerEmpty
    return said


def check_may_go_up(state: CaseState, *, deadline: date | None, today: date) -> None:
    """Refuse a further letter while the party still has time to answer the last one.

    Raises:
        StillTimeToAnswer: it has.

    """
    if state is CaseState.RECEIVED and deadline is not None and today <= deadline:
        raise StillTimeToAnswer(deadline=deadline)


def check_extension(new: date, *, deadline: date, reason: str) -> str:
    """The reason for more time without blanks around it.

    Raises:
        ExtensionNotLater, ExtensionNeedsReason: it can't be given so.

    """
    if new <= deadline:
        raise ExtensionNotLater(deadline=deadline)
    said = reason.strip()
    if not said:
        raise ExtensionNeedsReason
    return said
