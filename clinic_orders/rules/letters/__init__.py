"""Official letters (R-CASE-2): what stands in one (``content``) and how it is worded (``wording``)."""

from clinic_orders.rules.letters.content import (
    LEVELS,
    OF_LEVEL,
    Align,
    Annex,
    Column,
    Contact,
    LetterContent,
    LetterKind,
    LetterNumber,
    Part,
    Section,
)
from clinic_orders.rules.letters.matters import Matter, Sold
from clinic_orders.rules.letters.wording import TITLES_SHORT, Earlier, Issuer, Meeting, Terms, compose

__all__ = [
    "LEVELS",
    "OF_LEVEL",
    "TITLES_SHORT",
    "Align",
    "Annex",
    "Column",
    "Contact",
    "Earlier",
    "Issuer",
    "LetterContent",
    "LetterKind",
    "LetterNumber",
    "Matter",
    "Meeting",
    "Part",
    "Section",
    "Sold",
    "Terms",
    "compose",
]
