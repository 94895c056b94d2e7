"""What stands in an official letter, word for word: what is sealed with a hash, kept, laid out and checked again.

A letter is kept as its whole text, not as data for a template: years later it still says what was said.

>>> number = LetterNumber("洛医保函", 2026, 17)
>>> str(number)
'洛医保函〔2026〕17号'
>>> LetterNumber.parse("洛医保函〔2026〕17号") == number
True
"""

from __future__ import annotations

import hashlib
import json
import re
from collections.abc import Mapping
from dataclasses import dataclass, fields
from datetime import date
from enum import StrEnum
from typing import Any, Final, Self

FORM: Final = 1
"""The form of the canonical text; it rises when a field is added or given another meaning."""


class LetterKind(StrEnum):
    """The letters of the ladder (R-CASE-2), and the notice that goes before its last three steps."""

    REMINDER = "reminder"
    INQUIRY = "inquiry"
    BULLETIN = "bulletin"
    INTERVIEW = "interview"
    RECTIFICATION = "rectification"
    PRIOR_NOTICE = "prior_notice"
    SUSPENSION = "suspension"
    CANCELLATION = "cancellation"
    PROPOSAL = "proposal"


LEVELS: Final[Mapping[LetterKind, int]] = {
    LetterKind.REMINDER: 1,
    LetterKind.INQUIRY: 2,
    LetterKind.BULLETIN: 3,
    LetterKind.INTERVIEW: 4,
    LetterKind.RECTIFICATION: 5,
    LetterKind.SUSPENSION: 6,
    LetterKind.CANCELLATION: 7,
    LetterKind.PROPOSAL: 8,
}
"""The level of the ladder that each letter is; a prior notice is none of its own."""

OF_LEVEL: Final[Mapping[int, LetterKind]] = {level: kind for kind, level in LEVELS.items()}


class Part(StrEnum):
    """What a section of a letter is for."""

    FACTS = "facts"
    BASIS = "basis"
    DECISION = "decision"
    MEETING = "meeting"
    DEMAND = "demand"
    RIGHTS = "rights"


class Align(StrEnum):
    """How a column of an annex stands: words at the left, figures at the right, short codes in the middle."""

    LEFT = "left"
    RIGHT = "right"
    CENTER = "center"


_NUMBER = re.compile(r"(?P<word>[^〔〕\s]+)〔(?P<year>\d{4})〕(?P<serial>[1-9]\d*)号")


@dataclass(frozen=True, slots=True)
class LetterNumber:
    """A document number 发文字号: the word of the issuer, the year, the serial number without zeros in front."""

    word: str
    year: int
    serial: int

    def __post_init__(self) -> None:
        """A number that can't be written is a bug.

        Raises:
            ValueError: the word is empty or holds brackets, the year or serial number is out of range.

        """
        if _NUMBER.fullmatch(str(self)) is None:
            raise ValueError(f"not a document number: {self}")

    def __str__(self) -> str:
        """As it stands under the red heading."""
        return f"{self.word}〔{self.year}〕{self.serial}号"

    @classmethod
    def parse(cls, text: str) -> Self:
        """Read a number as it is written.

        Raises:
            ValueError: it is not a document number.

        """
        found = _NUMBER.fullmatch(text)
        if found is None:
            raise ValueError(f"not a document number: {text}")
        return cls(found["word"], int(found["year"]), int(found["serial"]))


@dataclass(frozen=True, slots=True)
class Section:
    """A part of the body; a paragraph is plain text. The heading has no number, layout counts."""

    part: Part
    heading: str
    paragraphs: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class Column:
    """A column of an annex; ``width`` is its share of the table, in any unit, 0 where the layout decides."""

    heading: str
    align: Align = Align.LEFT
    width: int = 0


@dataclass(frozen=True, slots=True)
class Annex:
    """A table behind the letter. ``total`` is its last row, empty for none; ``note`` stands below it."""

    title: str
    columns: tuple[Column, ...]
    rows: tuple[tuple[str, ...], ...]
    total: tuple[str, ...] = ()
    note: str = ""

    def __post_init__(self) -> None:
        """A table whose rows don't fit its columns is a bug.

        Raises:
            ValueError: a row has more or fewer cells than there are columns.

        """
        width = len(self.columns)
        if any(len(row) != width for row in self.rows) or len(self.total) not in {0, width}:
            raise ValueError(f"rows of the annex {self.title} do not fit its {width} columns")


@dataclass(frozen=True, slots=True)
class Contact:
    """Who answers questions about the letter, and where an answer goes. Any may be empty."""

    office: str = ""
    person: str = ""
    phone: str = ""
    address: str = ""


@dataclass(frozen=True, slots=True)
class LetterContent:
    """A whole letter.

    Attributes:
        kind: which letter of the ladder it is.
        issuer: the office whose name stands in red and at the end.
        number: None as long as it is a draft.
        title: 标题, e.g. 约谈通知书.
        addressee: 主送机关, without a colon.
        opening: the first paragraph: what was looked at, and why the letter is written.
        sections: the body in its order.
        closing: the last words, e.g. 特此通知。; may be empty.
        deadline: the last day to do what is demanded; None if nothing is.
        contact: who answers questions.
        annexes: tables behind the letter.
        signed_on: 成文日期; the day of the draft as long as it is one.
        copies: 抄送, each an office.
        printed_by: 印发机关, e.g. the issuer's general office.
        token: the last part of the address at which anybody may verify the letter; empty for a draft.
        demo: whether it is about invented parties and says so on every page.

    """

    kind: LetterKind
    issuer: str
    number: LetterNumber | None
    title: str
    addressee: str
    opening: str
    sections: tuple[Section, ...]
    signed_on: date
    closing: str = ""
    deadline: date | None = None
    contact: Contact = Contact()
    annexes: tuple[Annex, ...] = ()
    copies: tuple[str, ...] = ()
    printed_by: str = ""
    token: str = ""
    demo: bool = False

    @property
    def is_draft(self) -> bool:
        """Whether it has no number yet, and therefore no force."""
        return self.number is None

    def section(self, part: Part) -> Section | None:
        """The section of a part, if the letter has it."""
        return next((one for one in self.sections if one.part is part), None)

    def as_json(self) -> dict[str, Any]:
        """Everything in the letter as JSON has it."""
        return {
            "form": FORM,
            "kind": self.kind.value,
            "issuer": self.issuer,
            "number": None
            if self.number is None
            else {"word": self.number.word, "year": self.number.year, "serial": self.number.serial},
            "title": self.title,
            "addressee": self.addressee,
            "opening": self.opening,
            "sections": [
                {"part": one.part.value, "heading": one.heading, "paragraphs": list(one.paragraphs)}
                for one in self.sections
            ],
            "closing": self.closing,
            "deadline": None if self.deadline is None else self.deadline.isoformat(),
            "contact": _plain(self.contact),
            "annexes": [
                {
                    "title": one.title,
                    "columns": [
                        {"heading": column.heading, "align": column.align.value, "width": column.width}
                        for column in one.columns
                    ],
                    "rows": [list(row) for row in one.rows],
                    "total": list(one.total),
                    "note": one.note,
                }
                for one in self.annexes
            ],
            "signed_on": self.signed_on.isoformat(),
            "copies": list(self.copies),
            "printed_by": self.printed_by,
            "token": self.token,
            "demo": self.demo,
        }

    def canonical(self) -> str:
        """The one text of the letter that is hashed and kept: JSON, keys in order, no spaces, UTF-8."""
        return json.dumps(self.as_json(), ensure_ascii=False, sort_keys=True, separators=(",", ":"))

    def sha256(self) -> str:
        """The hash of the canonical text, 64 hexadecimal digits."""
        return hashlib.sha256(self.canonical().encode()).hexdigest()

    @classmethod
    def from_json(cls, found: Mapping[str, Any]) -> Self:
        """A letter as it was kept.

        Raises:
            ValueError: it is of another form, or a field is missing, unknown or of a wrong kind.

        """
        if found.get("form") != FORM:
            raise ValueError(f"not a letter of form {FORM}: {found.get('form')!r}")
        known = {one.name for one in fields(cls)} | {"form"}
        if found.keys() != known:
            raise ValueError(f"fields of a letter differ: {sorted(found.keys() ^ known)}")
        try:
            return cls(
                kind=LetterKind(found["kind"]),
                issuer=str(found["issuer"]),
                number=None if found["number"] is None else LetterNumber(**found["number"]),
                title=str(found["title"]),
                addressee=str(found["addressee"]),
                opening=str(found["opening"]),
                sections=tuple(
                    Section(Part(one["part"]), str(one["heading"]), tuple(map(str, one["paragraphs"])))
                    for one in found["sections"]
                ),
                closing=str(found["closing"]),
                deadline=None if found["deadline"] is None else date.fromisoformat(found["deadline"]),
                contact=Contact(**found["contact"]),
                annexes=tuple(_annex(one) for one in found["annexes"]),
                signed_on=date.fromisoformat(found["signed_on"]),
                copies=tuple(map(str, found["copies"])),
                printed_by=str(found["printed_by"]),
                token=str(found["token"]),
                demo=bool(found["demo"]),
            )
        except (KeyError, TypeError) as error:
            raise ValueError(f"not a letter: {error}") from error

    @classmethod
    def from_canonical(cls, text: str) -> Self:
        """A letter from its canonical text.

        Raises:
            ValueError: see ``from_json``.

        """
        found = json.loads(text)
        if not isinstance(found, dict):
            raise ValueError("not a letter")
        return cls.from_json(found)


def _plain(contact: Contact) -> dict[str, str]:
    return {one.name: getattr(contact, one.name) for one in fields(contact)}


def _annex(found: Mapping[str, Any]) -> Annex:
    return Annex(
        title=str(found["title"]),
        columns=tuple(
            Column(str(one["heading"]), Align(one["align"]), int(one["width"])) for one in found["columns"]
        ),
        rows=tuple(tuple(map(str, row)) for row in found["rows"]),
        total=tuple(map(str, found["total"])),
        note=str(found["note"]),
    )
