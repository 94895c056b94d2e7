"""A province: one prefecture after another, each invented from its own seed, in counties with codes of their own.

The first is the demonstration with the real codes. The others have the names of its places under codes that no real
place has, so that they can lie in one database; only the first has trace codes, whose prefixes belong to the items.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from datetime import date, datetime
from decimal import Decimal

from clinic_orders.exchange.demonstration import SCALES, make_demonstration
from clinic_orders.exchange.demonstration.world import Demonstration, Row, Scale, prefix_of

_HOME = prefix_of(0)
# Kinds whose codes belong to the items, wherever they are.
_ONCE = ("trace-products", "product-codes")


def prefectures(
    first: int,
    count: int,
    size: str,
    *,
    months: int,
    seed: int,
    today: date,
    now: datetime,
    divisions: dict[str, list[Row]],
    items: Sequence[Row],
    prices: dict[str, Decimal],
    policies: Sequence[Row] = (),
) -> Iterator[tuple[Demonstration, dict[str, list[Row]]]]:
    """Some prefectures of a province with their divisions, one after another.

    Args:
        first: the number of the first one wanted; 0 is the one with the real codes.
        count: how many.
        size: of each, as for ``make_demonstration``; the other arguments too.
        months: of history.
        seed: the same seed gives the same province, whatever part of it is asked for.
        today: the day before which it ends.
        now: the instant before which it ends.
        divisions: rows of counties, townships, villages with the real codes.
        items: rows of kind ``catalogue``.
        prices: pack price in yuan by item code.
        policies: rows of kind ``policies``.

    """
    for number in range(first, first + count):
        places = {name: [_moved(row, number) for row in rows] for name, rows in divisions.items()}
        world = make_demonstration(
            size,
            scale=_moved_scale(SCALES[size], number),
            months=months,
            seed=seed + number,
            today=today,
            now=now,
            divisions=places,
            items=items,
            prices=prices,
            policies=policies,
            number=number,
        )
        if number:
            world.traced, world.coding, world.scanning = {}, frozenset(), frozenset()
            for kind in _ONCE:
                world.rows.pop(kind, None)
        yield world, places


def _moved(row: Row, number: int) -> Row:
    """The row of a division under the codes of another prefecture."""
    return {name: _code(value, number) if name.endswith("code") else value for name, value in row.items()}


def _code(code: str, number: int) -> str:
    return prefix_of(number) + code.removeprefix(_HOME) if code.startswith(_HOME) else code


def _moved_scale(scale: Scale, number: int) -> Scale:
    counties = None if scale.counties is None else tuple(_code(code, number) for code in scale.counties)
    return Scale(counties, scale.hospitals, scale.clinics, scale.shops, scale.distributors)
