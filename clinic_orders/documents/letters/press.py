"""Letters by the thousand: the same look as ``letter_pdf``, at a multiple of its rate (decision 0024).

press = Press()
made = press.make([(content, mark, qr), …])   # a PDF of each, and their pages for one file of all
"""

from __future__ import annotations

import threading
from collections.abc import Sequence
from dataclasses import dataclass

from clinic_orders.documents import PapersOff, what_is_missing
from clinic_orders.documents.letters import mark_of, verify_address
from clinic_orders.documents.letters.setting import Setter
from clinic_orders.documents.letters.shaping import shaper
from clinic_orders.documents.letters.writing import Cut, Sheet, sheet_of, used_by, write
from clinic_orders.rules.letters import LetterContent

# Pango's objects are not made for several threads.
_press = threading.Lock()


@dataclass(frozen=True, slots=True)
class Made:
    """A letter from the press: its own file, and its pages for a file of many."""

    title: str
    pdf: bytes
    sheets: tuple[Sheet, ...]


def title_of(content: LetterContent) -> str:
    """What the file is called inside: title, number and party; a draft says that it is one."""
    draft = "草稿" if content.is_draft else ""
    return " ".join(filter(None, (draft, content.title, str(content.number or ""), content.addressee)))


def set_letters(contents: Sequence[LetterContent], *, address: str) -> list[Made]:
    """A PDF of each letter.

    Args:
        contents: the letters; a few dozen at a time share the cost of the fonts.
        address: our own address for the QR codes; empty for none.

    Raises:
        PapersOff: see ``documents.render``.

    """
    missing = what_is_missing()
    if missing is not None:
        raise PapersOff(command=missing)
    with _press:
        setter = Setter(shaper())
        laid = [
            tuple(
                sheet_of(page) for page in setter.set(one, mark=mark_of(one), qr=verify_address(one, address))
            )
            for one in contents
        ]
        cut = Cut(shaper().fonts, used_by(sheet for sheets in laid for sheet in sheets))
        return [
            Made(title_of(one), write([(title_of(one), sheets)], cut, title=title_of(one)), sheets)
            for one, sheets in zip(contents, laid, strict=True)
        ]


def merged(letters: Sequence[Made], *, title: str) -> bytes:
    """One PDF of many letters, each with its bookmark; they share their fonts."""
    with _press:
        cut = Cut(shaper().fonts, used_by(sheet for one in letters for sheet in one.sheets))
        return write([(one.title, one.sheets) for one in letters], cut, title=title, bookmarks=True)
