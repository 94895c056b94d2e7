"""Printable materials of the six unified standards 六统一: A4 sheets with the institution's name and where to complain.

The scheme names the six standards and gives no wording or design for them. What stands on these sheets is this house's
own, made from the duties of the commitment letter, and a bureau that publishes its own replaces the template.
"""

from __future__ import annotations

import io
import zipfile
from collections.abc import Callable, Collection, Sequence
from dataclasses import dataclass
from datetime import date
from decimal import Decimal
from enum import StrEnum

from clinic_orders.documents import render
from clinic_orders.queries.roster import has_demo_data
from clinic_orders.queries.standards import StandardsOf
from clinic_orders.rules.parties import PUBLIC_KINDS


class Sheet(StrEnum):
    """The sheets, in the order of the standards."""

    SIGN = "sign"
    ZONE = "zone"
    PROMISE = "promise"
    SLOGAN = "slogan"
    RULES = "rules"
    DUTIES = "duties"


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


def standards_pdf(
    institutions: Sequence[StandardsOf], sheets: Collection[Sheet], *, phone: str, on: date
) -> bytes | None:
    """The wanted sheets of some institutions as one PDF, institution by institution; None where there is nothing.

    Args:
        institutions: whose.
        sheets: which.
        phone: the bureau's telephone for complaints; empty = a line to write it on.
        on: the day they were made.

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
            "demo": has_demo_data(),
        },
    )


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
    with zipfile.ZipFile(file, "w", zipfile.ZIP_STORED) as folder:
        for number, one in enumerate(institutions, start=1):
            paper = standards_pdf([one], sheets, phone=phone, on=on)
            if paper is not None:
                folder.writestr(f"{one.code}.pdf", paper)
            if told is not None:
                told(number)
    return file.getvalue()
