"""Cells as text: what a CSV file would have in place of a spreadsheet's numbers, dates and booleans."""

from __future__ import annotations

import re
from datetime import date, datetime, time, timedelta
from typing import Final

from clinic_orders.exchange.cells import NumberLostDigits, Sheet, excerpt
from clinic_orders.rules.errors import RuleBroken

# What a spreadsheet would take for a formula, in half and full width (see writing.py).
ESCAPED: Final = re.compile(r"'+[=+\-@＝＋－＠\t\r\n]")
_DIGITS_KEPT: Final = 15


def as_text(cell: object, sheet: Sheet) -> str:
    """A cell as the text that a CSV file would have, for a column of a sort.

    Numbers lose the noise of binary fractions and the `.0` of whole ones, dates become ISO, and the mark that
    keeps a text from being a formula is taken off again.

    Raises:
        NumberLostDigits: a number so long that the spreadsheet has dropped its end.

    >>> as_text(28.0, Sheet.WHOLE), as_text(0.1 + 0.2, Sheet.DECIMAL), as_text("'=A1", Sheet.TEXT)
    ('28', '0.3', '=A1')

    """
    if isinstance(cell, str):
        is_marked = cell.startswith("'") and sheet is Sheet.TEXT and ESCAPED.match(cell)
        return cell[1:] if is_marked else cell
    if isinstance(cell, bool):
        return "Y" if cell else "N"
    if isinstance(cell, (int, float)):
        return _number_text(cell)
    if isinstance(cell, datetime):
        nearest = to_millisecond(cell)
        if sheet is Sheet.DAY and nearest.time() == time():
            return nearest.date().isoformat()
        return nearest.isoformat()
    if isinstance(cell, date):
        return f"{cell.isoformat()}T00:00" if sheet is Sheet.INSTANT else cell.isoformat()
    return str(cell)


def _number_text(number: float) -> str:
    if abs(number) >= 10**_DIGITS_KEPT:
        raise NumberLostDigits(typed=f"{number:.0f}")
    if number == int(number):
        return str(int(number))
    shortest = f"{number:.{_DIGITS_KEPT}g}"
    if "e" in shortest:
        shortest = f"{number:.20f}".rstrip("0")
    return shortest


def to_millisecond(moment: datetime) -> datetime:
    """What was meant by a spreadsheet's instant, a binary fraction of days."""
    if not moment.microsecond:
        return moment
    moment += timedelta(microseconds=500)
    return moment.replace(microsecond=moment.microsecond // 1000 * 1000)


def shown(cell: object) -> str:
    """A cell as an error file repeats it."""
    try:
        return (cell if isinstance(cell, str) else as_text(cell, Sheet.TEXT)).strip()
    except NumberLostDigits as lost:
        return str(lost.facts["typed"])


def shortened(refusal: RuleBroken) -> RuleBroken:
    """The same refusal, with what was typed cut to the length of a message."""
    typed = refusal.facts.get("typed")
    if isinstance(typed, str):
        refusal.facts["typed"] = excerpt(typed)
    return refusal
