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

__all__ = [
    "LEVELS",
    "OF_LEVEL",
    "Align",
    "Annex",
    "Column",
    "Contact",
    "LetterContent",
    "LetterKind",
    "LetterNumber",
    "Part",
    "Section",
]
