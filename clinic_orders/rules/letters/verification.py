"""What anybody may learn of a letter by its code: that it is real, not whom it accuses of what (R-CASE-2).

>>> masked("安和堂大药房伊川店"), masked("安和堂"), masked("某")
('安和＊＊＊＊＊川店', '安＊＊', '＊')
"""

from __future__ import annotations

from clinic_orders.rules.letters.content import LetterContent, LetterKind

_HIDDEN = "＊"


def masked(name: str) -> str:
    """A name of which somebody who knows it recognises enough, and nobody else learns it."""
    if len(name) < 6:
        return name[: len(name) // 2 or 0] + _HIDDEN * (len(name) - (len(name) // 2 or 0))
    return name[:2] + _HIDDEN * (len(name) - 4) + name[-2:]


def shown_addressee(content: LetterContent) -> str:
    """To whom the letter went, as the public page says it; a bulletin goes to everybody, a proposal to an office."""
    if content.kind in {LetterKind.BULLETIN, LetterKind.PROPOSAL}:
        return content.addressee
    return masked(content.addressee)
