"""What officers type on a case page, read once: the letter, days, reasons; what is wrong field by field."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import date, datetime, time
from typing import Any

from flask_babel import gettext

from clinic_orders.actions import cases as deeds
from clinic_orders.models.cases import CaseLetter
from clinic_orders.queries.cases import CaseRow
from clinic_orders.rules.days import SHANGHAI, parse_day
from clinic_orders.rules.errors import RuleBroken
from clinic_orders.rules.ladder import SEVERE, Level
from clinic_orders.rules.letter_requests import LetterRequest
from clinic_orders.rules.parties import InstitutionKind
from clinic_orders.web.errors import say
from clinic_orders.web.guards import at, today


@dataclass(slots=True)
class LetterForm:
    """The form of a letter as it stands on the page: texts in the boxes, and what they come to.

    Attributes:
        values: text of each box.
        errors: (box, message).
        level: chosen.
        proposing: whether the notice was given and the letter itself is to be proposed now.

    """

    values: dict[str, str]
    level: Level
    proposing: bool
    kind: InstitutionKind | None
    errors: list[tuple[str, str]] = field(default_factory=list)

    @property
    def severe(self) -> bool:
        """Whether the level takes rights away."""
        return self.level in SEVERE

    @property
    def notice(self) -> bool:
        """Whether the letter is the prior notice of its level."""
        return self.severe and not self.proposing

    def error_of(self, name: str) -> str:
        """The message at a box."""
        return next((message for box, message in self.errors if box == name), "")

    def _day(self, name: str, *, required: bool = False) -> date | None:
        text = self.values.get(name, "").strip()
        if not text:
            if required:
                self.errors.append((name, gettext("This must be filled in.")))
            return None
        try:
            return parse_day(text)
        except RuleBroken as refusal:
            self.errors.append((name, say(refusal)))
            return None

    def _meeting(self) -> datetime | None:
        if self.level is not Level.INTERVIEW:
            return None
        day = self._day("meeting_on")
        text = self.values.get("meeting_time", "").strip().replace("：", ":")
        if day is None or not text:
            return None
        try:
            hour, _, minute = text.partition(":")
            clock = time(int(hour), int(minute or 0))
        except ValueError:
            self.errors.append(("meeting_time", gettext("Write the time like 9:30.")))
            return None
        return datetime.combine(day, clock, SHANGHAI)

    def request(self) -> LetterRequest | None:
        """The letter that was typed; None where a box is wrong, which is then among the errors."""
        deadline = self._day("deadline", required=True)
        days = self.level is Level.SUSPENSION or (self.level is Level.CANCELLATION and not self.notice)
        found = LetterRequest(
            self.level,
            deadline or today(),
            notice=self.notice,
            jump_reason=self.values.get("jump_reason", ""),
            first_day=self._day("first_day") if days else None,
            last_day=self._day("last_day") if self.level is Level.SUSPENSION else None,
            meeting_at=self._meeting(),
            meeting_place=self.values.get("meeting_place", ""),
            ends_status=self.values.get("ends_status") == "1" and self.level is Level.PROPOSAL,
            words=self.values.get("words", ""),
        )
        return None if self.errors else found


BOXES = (
    "deadline", "jump_reason", "first_day", "last_day", "meeting_on", "meeting_time", "meeting_place",
    "ends_status", "words",
)  # fmt: skip


def letter_form(case: CaseRow, asked: Mapping[str, Any], *, last: CaseLetter | None) -> LetterForm | None:
    """The form of the next letter: as it was typed, else with what suggests itself; None at the ladder's end.

    Args:
        case: whose.
        asked: the form or the address of this request.
        last: the last letter.

    """
    text = str(asked.get("level", ""))
    typed = Level(int(text)) if text.isdecimal() and int(text) in set(Level) else None
    suggested = deeds.suggested_request(case, last=last, level=typed, at=at())
    if suggested is None:
        return None
    values = {name: str(asked.get(name, "")) for name in BOXES}
    values["deadline"] = values["deadline"] or suggested.deadline.isoformat()
    for name in ("first_day", "last_day"):
        named = getattr(suggested, name)
        if named is not None and name not in asked:
            values[name] = named.isoformat()
    if suggested.meeting_at is not None:
        meeting = suggested.meeting_at
        values["meeting_on"] = values["meeting_on"] or meeting.date().isoformat()
        values["meeting_time"] = values["meeting_time"] or f"{meeting:%-H:%M}"
    values["jump_reason"] = values["jump_reason"] or suggested.jump_reason
    proposing = suggested.level in SEVERE and not suggested.notice
    return LetterForm(values, suggested.level, proposing=proposing, kind=case.kind)
