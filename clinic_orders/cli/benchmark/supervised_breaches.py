"""Who breaks what in the world of ``benchmark.supervised``, so that every check has findings to make.

In proportions like those of the demonstration: of some thousands of institutions a few dozens, one of twenty
distributors. Each is a condition in plain SQL on ``institution i``, on an order's ``d.n`` (the number of its day), or on
``purchase_order o`` and ``item t``. Numbers are small enough for the smallest world to have one of each.
"""

from __future__ import annotations

from collections.abc import Collection
from typing import Final

from sqlalchemy import Connection, text

LATE_ANSWER: Final = "i.id % 50 = 20"
"""Whose orders are answered late (R-ORD-4)."""

LATE_ACCEPTANCE: Final = "i.id % 50 = 1"
"""Who accepts late (R-DEL-6)."""

SILENT: Final = "i.id % 50 = 11"
"""Who reports neither the sales nor the stock of the month before the last (rules section 12)."""

EMERGENCIES: Final = "i.id % 200 = 9 AND d.n IN (0, 10)"
"""Which orders are emergencies besides those of everybody: two of five of the same place (R-ORD-9)."""

SHORT: Final = "o.distributor_id = 7 AND (o.id + t.id / 10) % 4 = 0"
"""The lines of which a distributor delivers a fifth in the last months (R-DEL-4)."""

TOO_MUCH: Final = "i.id % 120 = 9 AND t.id = 1"
"""Who buys more than allowed of a group elsewhere (R-VOL-6)."""

ROSE: Final = "(n.institution_id + w.item_id + {number}) % 30 = 0"
"""The watched prices that rose by half in a month (R-STAT-4)."""

CHANGED: Final = "n.institution_id % 100 = 1 AND (n.institution_id + w.item_id + {number}) % 30 = 7"
"""The watched prices that changed thrice in a month."""

_MONTHS_SHORT: Final = 3
_TIED: Final = "i.id % 500 = 9"
_TIED_ITEM: Final = 3
_TIED_RECEIPTS: Final = 24


def comes_short(number: int, months: Collection[int]) -> bool:
    """Whether the failing distributor fails in the month of a number: in the three that end each length of history."""
    return any(0 <= length - 1 - number < _MONTHS_SHORT for length in months)


def sell_tied(connection: Connection, number: int, days: str) -> None:
    """A few sell single pieces of an item only together with another product, receipt after receipt (R-PRICE-6).

    Args:
        connection: to the database.
        number: how many months came before.
        days: the days of the month as rows of number, day and noon.

    """
    for line_no, item, other, amount in (
        ("1", f"{_TIED_ITEM}", "", "p.pack_price / t.pack_size"),
        ("2", "NULL", "深海鱼油软胶囊", "680000"),
    ):
        connection.execute(
            text(
                f"""
                INSERT INTO sale_line (institution_id, sale_no, line_no, item_id, other_product, sold_at, sold_on,
                                       base_units, amount, insured, recorded_at)
                SELECT i.id, 'T{number}-' || d.n, '{line_no}', {item}, '{other}', d.noon, d.day, 1, {amount}, false, d.noon
                FROM institution i JOIN {days} d ON d.n < {_TIED_RECEIPTS} JOIN item t ON t.id = {_TIED_ITEM}
                JOIN price p ON p.item_id = t.id
                    AND p.valid_from = (SELECT max(q.valid_from) FROM price q WHERE q.item_id = t.id AND q.valid_from <= d.day)
                WHERE {_TIED}
                """  # noqa: S608
            )
        )
