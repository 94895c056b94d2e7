"""What no trace code tells: sales without a code (R-TRACE-2, T9), and more sold than was in stock (T10d).

Both are clues per institution, item and month; quantities are base units, days are days in Asia/Shanghai.

>>> trace_missing("C1", "X1", Month(2026, 3), [("S1", "1"), ("S2", "1")]).figures
{'times': 2}
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from datetime import date, timedelta

from clinic_orders.rules.days import Month
from clinic_orders.rules.findings import CheckRule, Finding, Grade
from clinic_orders.rules.stocking import Count, Movement, ledger_at_end


def wants_code(base_units: int, *, pack_size: int, day: date, full_from: date | None) -> bool:
    """Whether a sale line of an item with trace products must carry a code: whole packs, from a day on (T9).

    Args:
        base_units: of the line; customer returns carry none.
        pack_size: of the item.
        day: of the sale.
        full_from: policy ``trace.full_from``; None = not set.

    >>> from datetime import date
    >>> first = date(2026, 1, 1)
    >>> [wants_code(units, pack_size=28, day=first, full_from=first) for units in (28, 56, 14, 42, -28)]
    [True, True, False, False, False]
    >>> wants_code(28, pack_size=28, day=date(2025, 12, 31), full_from=first)
    False

    """
    return full_from is not None and base_units > 0 and base_units % pack_size == 0 and day >= full_from


def trace_missing(
    institution: str, item_code: str, month: Month, lines: Sequence[tuple[str, str]] | int
) -> Finding | None:
    """The clue that sale lines of a month that want a code have none (T9).

    Args:
        institution: its code.
        item_code: of the item.
        month: of the sales.
        lines: sale and line numbers, or how many they are.

    """
    times = lines if isinstance(lines, int) else len(lines)
    if not times:
        return None
    rows = () if isinstance(lines, int) else tuple(("sale", f"{institution} {a} {b}") for a, b in lines)
    return Finding(
        CheckRule.TRACE_MISSING,
        Grade.CLUE,
        institution=institution,
        distributor=None,
        key=item_code,
        period=str(month),
        formula=f"lines without code = {times}",
        figures={"times": times},
        rows=rows,
    )


def days_below_zero(
    counts: Sequence[Count], movements: Sequence[Movement], *, first: date, last: date
) -> list[date]:
    """The days from the first to the last at whose end less than nothing is there (T10d, R-STOCK-3).

    Only days from the first count on are looked at: before it nobody knows what was there.

    >>> days_below_zero([Count(date(2026, 3, 2), 10)], [Movement(date(2026, 3, 1), -99), Movement(date(2026, 3, 3), -11)],
    ...                 first=date(2026, 3, 1), last=date(2026, 3, 4))
    [datetime.date(2026, 3, 3), datetime.date(2026, 3, 4)]
    """
    counted = min((one.day for one in counts), default=None)
    if counted is None:
        return []
    day, found = max(first, counted), []
    while day <= last:
        if ledger_at_end(counts, movements, on=day) < 0:
            found.append(day)
        day += timedelta(days=1)
    return found


def sold_beyond_stock(
    institution: str, item_code: str, month: Month, days: Iterable[date], *, lowest: int | None = None
) -> Finding | None:
    """The clue that an item went below nothing on days of a month (T10d).

    Args:
        institution: its code.
        item_code: of the item.
        month: of the days.
        days: see ``days_below_zero``; only those on which the institution was a member.
        lowest: the lowest ledger on them, for the formula.

    """
    known = sorted(days)
    if not known:
        return None
    shown = "stock" if lowest is None else f"stock = {lowest}"
    return Finding(
        CheckRule.SOLD_BEYOND_STOCK,
        Grade.CLUE,
        institution=institution,
        distributor=None,
        key=item_code,
        period=str(month),
        formula=f"{shown} < 0 on {len(known)} days",
        figures={"times": len(known)},
        rows=tuple(("day", str(day)) for day in known),
    )
