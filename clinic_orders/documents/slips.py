"""First-log-in slips 首次登录密码条: eight on a sheet, to be cut and handed over."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from datetime import datetime
from typing import Final

from clinic_orders.documents import render

ON_A_SHEET: Final = 8


def login_slips(
    slips: Sequence[Mapping[str, str]], *, address: str, printed_at: datetime, demo: bool
) -> bytes:
    """The slips as a PDF.

    Args:
        slips: for each ``org_name``, ``name``, ``place``, ``username`` and ``password``.
        address: where to log in, as it is typed on a telephone.
        printed_at: stands on every slip.
        demo: whether the slips are marked as demonstration data.

    Raises:
        PapersOff: Pango or a Chinese font is missing.

    """
    sheets = [slips[start : start + ON_A_SHEET] for start in range(0, len(slips), ON_A_SHEET)]
    return render(
        "login_slips",
        {"kind": "slips", "sheets": sheets, "address": address, "printed_at": printed_at, "demo": demo},
    )
