"""Printable materials of the six unified standards 六统一: A4 sheets with the institution's name and where to complain.

The scheme names the six standards and gives no wording or design for them. What stands on these sheets is this house's
own, made from the duties of the commitment letter, and a bureau that publishes its own replaces the template.
"""

from __future__ import annotations

import io
import zipfile
from collections.abc import Callable, Collection, Iterator, Sequence
from dataclasses import dataclass
from datetime import date
from decimal import Decimal
from typing import Final

import pikepdf

from clinic_orders.documents import render
from clinic_orders.queries.roster import has_demo_data
from clinic_orders.queries.standards import StandardsOf
from clinic_orders.rules.parties import PUBLIC_KINDS
from clinic_orders.rules.standards import Sheet

IN_PART: Final = 10
"""So many institutions are printed in one go, which shares the cost of the fonts."""


@dataclass(frozen=True, slots=True)
class Named:
    """What stands on an institution's sheets.

    Attributes:
        name: of the institution.
        public: whether it adds nothing to the price (零差率).
        rate: the promised markup in per cent, "" where no letter promises one.
        long: whether the name wants small letters.

    """

    name: str
    public: bool
    rate: str
    long: bool


def named(one: StandardsOf) -> Named:
    """An institution as its sheets call it."""
    rate = "" if one.rate is None else f"{(one.rate * 100).normalize():f}%"
    return Named(one.name, one.kind in PUBLIC_KINDS or one.rate == Decimal(0), rate, len(one.name) > 14)


def title_of(one: StandardsOf) -> str:
    """What the sheets of an institution are called."""
    return f"{one.name} 六统一宣传资料"


def standards_pdf(
    institutions: Sequence[StandardsOf],
    sheets: Collection[Sheet],
    *,
    phone: str,
    on: date,
    demo: bool | None = None,
) -> bytes | None:
    """The wanted sheets of some institutions as one PDF, institution by institution; None where there is nothing.

    Args:
        institutions: whose; each has a bookmark.
        sheets: which.
        phone: the bureau's telephone for complaints; empty = a line to write it on.
        on: the day they were made.
        demo: whether they say that their data are invented; None = ask the database.

    Raises:
        PapersOff: see ``documents.render``.

    """
    wanted = [sheet for sheet in Sheet if sheet in sheets]
    if not wanted or not institutions:
        return None
    return render(
        "standards",
        {
            "institutions": [named(one) for one in institutions],
            "sheets": [sheet.value for sheet in wanted],
            "phone": phone,
            "on": on,
            "demo": has_demo_data() if demo is None else demo,
        },
    )


def single_papers(
    whole: bytes, institutions: Sequence[StandardsOf], sheets: Collection[Sheet]
) -> Iterator[tuple[StandardsOf, bytes]]:
    """A PDF of each institution, cut from the PDF of all of them: every sheet is a page.

    Args:
        whole: what ``standards_pdf`` made of them.
        institutions: whose.
        sheets: which.

    """
    pages = len(set(sheets))
    with pikepdf.open(io.BytesIO(whole)) as paper:
        for place, one in enumerate(institutions):
            with pikepdf.new() as single:
                single.pages.extend(paper.pages[place * pages : (place + 1) * pages])
                single.docinfo["/Title"] = title_of(one)
                file = io.BytesIO()
                single.save(file)
            yield one, file.getvalue()


def standards_zip(
    institutions: Sequence[StandardsOf],
    sheets: Collection[Sheet],
    *,
    phone: str,
    on: date,
    told: Callable[[int], None] | None = None,
) -> bytes:
    """A ZIP with a PDF of each institution, named by its code.

    Args:
        institutions: whose.
        sheets: which.
        phone: as above.
        on: as above.
        told: is told after each how many are done.

    Raises:
        PapersOff: see ``documents.render``.

    """
    file = io.BytesIO()
    done = 0
    with zipfile.ZipFile(file, "w", zipfile.ZIP_STORED) as folder:
        for first in range(0, len(institutions), IN_PART):
            part = institutions[first : first + IN_PART]
            whole = standards_pdf(part, sheets, phone=phone, on=on)
            for one, paper in () if whole is None else single_papers(whole, part, sheets):
                folder.writestr(f"{one.code}.pdf", paper)
                done += 1
                if told is not None:
                    told(done)
    return file.getvalue()
