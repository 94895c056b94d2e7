"""What an officer types for a letter of the ladder, who issues it, and the word in its number (R-CASE-2).

>>> series_of(LetterKind.INTERVIEW), series_of(LetterKind.INQUIRY, "伊川县")
('洛医保约', '伊川医保函')
>>> bureau_name(), bureau_name("嵩县")
('洛阳市医疗保障局', '嵩县医疗保障局')
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import date, datetime
from typing import Final

from clinic_orders.rules.errors import N_, RuleBroken
from clinic_orders.rules.ladder import Level
from clinic_orders.rules.letters import OF_LEVEL, LetterKind

_CITY: Final = "洛阳市"
_CITY_WORD: Final = "洛医保"
_KIND_WORDS: Final[Mapping[LetterKind, str]] = {
    LetterKind.REMINDER: "提",
    LetterKind.INQUIRY: "函",
    LetterKind.BULLETIN: "通",
    LetterKind.INTERVIEW: "约",
    LetterKind.RECTIFICATION: "改",
    LetterKind.PRIOR_NOTICE: "告",
    LetterKind.SUSPENSION: "停",
    LetterKind.CANCELLATION: "消",
    LetterKind.PROPOSAL: "建",
}
MOST_WORDS: Final = 1000
"""How many characters the officer may add to a letter, and the party may write in an answer times ten."""


class MeetingIncomplete(RuleBroken):
    """Nobody can come to an interview without day, time and place."""

    message = N_("Give the day, the time and the place of the interview.")


class MeetingInThePast(RuleBroken):
    """An interview lies ahead."""

    message = N_("The interview must lie in the future.")


class TextTooLong(RuleBroken):
    """More than the letter or the case has room for."""

    message = N_(
        "This text has %(length)s characters; at most %(limit)s are possible. Attach the rest as a file."
    )


def bureau_name(county: str = "") -> str:
    """The name of the bureau of a county by the county's name; of the city where none is given."""
    return f"{county or _CITY}医疗保障局"


def series_of(kind: LetterKind, county: str = "") -> str:
    """The word in front of the year in the number of a letter: the bureau's, then the kind's character.

    Short names of counties may begin alike (洛宁, 洛龙), so the whole name stands; a name of one character keeps its
    ending.
    """
    short = county[:-1] if len(county) > len("嵩县") and county[-1] in "县区市" else county
    return f"{short + '医保' if county else _CITY_WORD}{_KIND_WORDS[kind]}"


@dataclass(frozen=True, slots=True)
class LetterRequest:
    """What an officer types for a letter.

    Attributes:
        level: of the letter; for a prior notice the level of which it gives notice.
        deadline: the last day to answer.
        notice: whether it is the prior notice.
        jump_reason: why a level is left out; empty where none is.
        first_day: of a suspension; of a cancellation the day from which it acts.
        last_day: of a suspension.
        meeting_at: instant of an interview.
        meeting_place: where it is.
        ends_status: whether a proposal is to cancel designated status, not to suspend it.
        words: facts in the officer's own words, a paragraph a line.

    """

    level: Level
    deadline: date
    notice: bool = False
    jump_reason: str = ""
    first_day: date | None = None
    last_day: date | None = None
    meeting_at: datetime | None = None
    meeting_place: str = ""
    ends_status: bool = False
    words: str = ""

    @property
    def kind(self) -> LetterKind:
        """Which letter it is."""
        return LetterKind.PRIOR_NOTICE if self.notice else OF_LEVEL[self.level]


def check_meeting(request: LetterRequest, *, at: datetime) -> None:
    """Refuse an interview to which nobody could come.

    Raises:
        MeetingIncomplete, MeetingInThePast: what is wrong with it.

    """
    if request.kind is not LetterKind.INTERVIEW:
        return
    if request.meeting_at is None or not request.meeting_place.strip():
        raise MeetingIncomplete
    if request.meeting_at <= at:
        raise MeetingInThePast


def check_length(text: str, limit: int) -> str:
    """The text without blanks around it.

    Raises:
        TextTooLong: it does not fit.

    """
    said = text.strip()
    if len(said) > limit:
        raise TextTooLong(length=len(said), limit=limit)
    return said
