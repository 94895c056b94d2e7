"""Complaints of the public: what may be said, who takes which step, until when it is answered (R-CASE-5).

Nobody has to say who they are. The number with which somebody asks what became of the complaint can't be guessed, and
is no number of a series; whoever has it reads the answer, and nothing about anybody.

>>> check_step(ComplaintStep.VERIFY, ComplaintState.FILED, {ComplaintSide.OFFICER})
<ComplaintState.VERIFIED: 'verified'>
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from datetime import date
from enum import StrEnum
from typing import Final

from clinic_orders.rules.days import add_working_days
from clinic_orders.rules.errors import N_, RuleBroken
from clinic_orders.rules.findings import CheckRule, Finding, Grade
from clinic_orders.rules.parties import Actor, Role

THE_PUBLIC: Final = Actor(name="公众", role=Role.SYSTEM)
"""Who files a complaint: nobody by name."""
MOST_PHOTOS: Final = 3
PLACE: Final = 120
WORDS: Final = 1000
ITEM: Final = 100
CONTACT: Final = 40
ANSWER: Final = 1000
"""Characters of what is typed."""

# Without what is mistaken for another sign when it is read out or written down: 0 O 1 I L, and U for V.
TRACKING_SIGNS: Final = "23456789ABCDEFGHJKMNPQRSTVWXYZ"
TRACKING_LENGTH: Final = 12
"""30 to the power of 12 numbers, 58 bits: at 30 tries a minute nobody finds another's."""


class ComplaintKind(StrEnum):
    """What a complaint is about."""

    DEARER = "dearer"
    NO_TAG = "no_tag"
    TIED = "tied"
    SHORT = "short"
    INFERIOR = "inferior"
    NOT_SOLD = "not_sold"
    OTHER = "other"


class ComplaintState(StrEnum):
    """Where a complaint stands.

    FILED: nobody has taken it up. IN_WORK: a bureau looks into it. VERIFIED, UNFOUNDED, DECLINED: answered; the last
    says that it is another office's matter. WITHDRAWN: the citizen took it back before anybody had taken it up.
    """

    FILED = "filed"
    IN_WORK = "in_work"
    VERIFIED = "verified"
    UNFOUNDED = "unfounded"
    DECLINED = "declined"
    WITHDRAWN = "withdrawn"


WAITING: Final = frozenset({ComplaintState.FILED, ComplaintState.IN_WORK})
ANSWERED: Final = frozenset({ComplaintState.VERIFIED, ComplaintState.UNFOUNDED, ComplaintState.DECLINED})


class ComplaintStep(StrEnum):
    """One deed in the life of a complaint."""

    FILE = "file"
    WITHDRAW = "withdraw"
    TAKE_UP = "take_up"
    ASSIGN = "assign"
    VERIFY = "verify"
    REFUTE = "refute"
    DECLINE = "decline"
    REOPEN = "reopen"


class ComplaintSide(StrEnum):
    """What somebody is to a complaint: who filed it, an officer who sees it, one who assigns to any county."""

    CITIZEN = "citizen"
    OFFICER = "officer"
    CITY = "city"


@dataclass(frozen=True, slots=True)
class ComplaintRow:
    """One row of the table: a step, the state it needs (None: there is none yet), where it leads, who takes it."""

    step: ComplaintStep
    before: ComplaintState | None
    after: ComplaintState
    sides: frozenset[ComplaintSide]


_S, _C = ComplaintState, ComplaintStep
_CITIZEN = frozenset({ComplaintSide.CITIZEN})
_OFFICERS = frozenset({ComplaintSide.OFFICER, ComplaintSide.CITY})
STEPS: Final = (
    ComplaintRow(_C.FILE, None, _S.FILED, _CITIZEN),
    ComplaintRow(_C.WITHDRAW, _S.FILED, _S.WITHDRAWN, _CITIZEN),
    ComplaintRow(_C.TAKE_UP, _S.FILED, _S.IN_WORK, _OFFICERS),
    # Who gets it begins anew; a county may hand it back to the city, the city to any county.
    *(ComplaintRow(_C.ASSIGN, state, _S.FILED, _OFFICERS) for state in (_S.FILED, _S.IN_WORK)),
    *(ComplaintRow(_C.VERIFY, state, _S.VERIFIED, _OFFICERS) for state in (_S.FILED, _S.IN_WORK)),
    *(ComplaintRow(_C.REFUTE, state, _S.UNFOUNDED, _OFFICERS) for state in (_S.FILED, _S.IN_WORK)),
    *(ComplaintRow(_C.DECLINE, state, _S.DECLINED, _OFFICERS) for state in (_S.FILED, _S.IN_WORK)),
    # An answer that was wrong is taken back: the complaint is looked into again.
    *(ComplaintRow(_C.REOPEN, state, _S.IN_WORK, _OFFICERS) for state in sorted(ANSWERED)),
)
"""Every step with the state it needs, the state after it, and who may take it."""


class ComplaintStepRefused(RuleBroken):
    """The step can't be taken now, or not by this person."""

    message = N_(
        "This is not possible at this point of the complaint. Look at it again: somebody may have gone on with it. Nothing was changed."
    )


class PlaceMissing(RuleBroken):
    """A complaint is about somebody."""

    message = N_("Say which shop or clinic it is: its name, or where it stands.")


class ComplaintWordsMissing(RuleBroken):
    """A complaint says what happened."""

    message = N_("Say in a sentence what happened.")


class ComplaintTooLong(RuleBroken):
    """More than the page takes."""

    message = N_("This is too long. Write at most %(limit)s characters.")


class HappenedInFuture(RuleBroken):
    """What is complained of has happened."""

    message = N_("This day is still to come. Give the day on which it happened, or leave it empty.")


class AnswerMissing(RuleBroken):
    """Whoever complained reads what was found."""

    message = N_("Write the answer: what you found, and what becomes of it. The citizen reads it.")


class ReasonMissing(RuleBroken):
    """An answer is taken back for a reason."""

    message = N_("Say why. It stands in the course of the complaint.")


class WhoIsItAbout(RuleBroken):
    """A verified complaint is held against an institution of the roster."""

    message = N_("Choose the institution of the roster that the complaint is about.")


class NotAssignedThere(RuleBroken):
    """A county hands a complaint to the city; only the city to any county."""

    message = N_("You can hand the complaint to the city bureau. It assigns it to the right county.")


@dataclass(frozen=True, slots=True)
class ComplaintText:
    """What a citizen typed, without blanks around it."""

    kind: ComplaintKind
    place: str
    item: str
    words: str
    happened_on: date | None
    contact: str


def check_complaint(
    kind: ComplaintKind,
    *,
    place: str,
    words: str,
    today: date,
    item: str = "",
    happened_on: date | None = None,
    contact: str = "",
) -> ComplaintText:
    """What a complaint says, in the form in which it is kept.

    Args:
        kind: what it is about.
        place: which shop or clinic, in the citizen's words or by its name.
        words: what happened.
        today: the day of filing.
        item: the medicine, if one is named.
        happened_on: when; need not be known.
        contact: a telephone number, of free will; erased with the answer.

    Raises:
        PlaceMissing, ComplaintWordsMissing, ComplaintTooLong, HappenedInFuture: what is wrong.

    """
    kept = [text.strip() for text in (place, words, item, contact)]
    if not kept[0]:
        raise PlaceMissing
    if not kept[1]:
        raise ComplaintWordsMissing
    for text, limit in zip(kept, (PLACE, WORDS, ITEM, CONTACT), strict=True):
        if len(text) > limit:
            raise ComplaintTooLong(limit=limit)
    if happened_on is not None and happened_on > today:
        raise HappenedInFuture
    return ComplaintText(kind, kept[0], kept[2], kept[1], happened_on, kept[3])


def said(text: str, missing: type[RuleBroken], *, limit: int = ANSWER) -> str:
    """An answer or reason without blanks around it; refused where it is missing or too long."""
    kept = text.strip()
    if not kept:
        raise missing
    if len(kept) > limit:
        raise ComplaintTooLong(limit=limit)
    return kept


def check_step(
    step: ComplaintStep, state: ComplaintState | None, sides: Iterable[ComplaintSide]
) -> ComplaintState:
    """The state to which a step leads.

    Raises:
        ComplaintStepRefused: it can't be taken from this state, or not by this side.

    """
    mine = frozenset(sides)
    for row in STEPS:
        if row.step is step and row.before is state and row.sides & mine:
            return row.after
    raise ComplaintStepRefused


def steps_open_to(sides: Iterable[ComplaintSide], state: ComplaintState) -> list[ComplaintStep]:
    """The steps that somebody may take now, each once, in the order of the table.

    >>> steps_open_to({ComplaintSide.CITIZEN}, ComplaintState.FILED)
    [<ComplaintStep.WITHDRAW: 'withdraw'>]
    """
    mine = frozenset(sides)
    return list(dict.fromkeys(row.step for row in STEPS if row.before is state and row.sides & mine))


def answer_by(filed_on: date, working_days: int | None) -> date | None:
    """The last day to answer; None where the bureau has set no deadline (``complaint.answer_days``).

    >>> answer_by(date(2026, 11, 20), 5), answer_by(date(2026, 11, 20), None)
    (datetime.date(2026, 11, 27), None)
    """
    return None if working_days is None else add_working_days(filed_on, working_days)


def is_late(state: ComplaintState, deadline: date | None, *, confirmed: bool, today: date) -> bool:
    """Whether a complaint waits beyond its last day; of a day that rests on an unconfirmed number nobody is told so.

    >>> [is_late(ComplaintState.FILED, date(2026, 11, 20), confirmed=one, today=date(2026, 11, 21)) for one in (True, False)]
    [True, False]
    """
    return state in WAITING and confirmed and deadline is not None and deadline < today


def tracking_number(typed: str) -> str:
    """A number as somebody typed it, in the form in which it is kept: no blanks or dashes, capital letters.

    >>> tracking_number(" 23ab-cdef ghjk ")
    '23ABCDEFGHJK'
    """
    return "".join(sign for sign in typed.upper() if sign.isalnum())[:TRACKING_LENGTH]


def shown_tracking(number: str) -> str:
    """A number in groups of four, to be read out and written down.

    >>> shown_tracking("23ABCDEFGHJK")
    '23AB-CDEF-GHJK'
    """
    return "-".join(number[at : at + 4] for at in range(0, len(number), 4))


def finding_of(
    number: str, about: ComplaintKind, remark: str, *, institution: str, verified_on: date, grade: Grade
) -> Finding:
    """The finding that a verified complaint is, against an institution (R-CASE-5).

    Args:
        number: of the complaint.
        about: what it is about.
        remark: what the bureau found.
        institution: its code.
        verified_on: the day of the answer.
        grade: a violation, or a warning.

    """
    return Finding(
        CheckRule.COMPLAINT,
        grade,
        institution=institution,
        distributor=None,
        key=number,
        period=verified_on.isoformat(),
        formula=f"verified = {verified_on.isoformat()}",
        figures={"about": about.value, "remark": remark},
        rows=(("complaint", number),),
    )
