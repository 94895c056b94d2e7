"""The demonstration prefecture (formats.md section 4): real places and items, invented institutions and deeds.

Everything is made from a seed and comes out as rows of the import kinds, month by month, so that the demonstration
goes the same way as any file and no more than a month is ever held in memory: what it holds is what an import would
hold. Nothing here is a fact about a real institution.

``world`` names and shapes · ``places`` institutions, letters, relations · ``trade`` orders to returns ·
``selling`` sales, shelf prices, settlements, stock counts · ``tracing`` scanned packs and clues on them · ``money`` payments · ``volumes`` agreed volumes and a supply
problem · ``buying_elsewhere`` other purchases · ``points`` where they lie · ``known`` trace products and designated pharmacies · ``province`` many prefectures. What breaks a rule
on purpose is noted where it is made (``Demonstration.planted``).
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from datetime import date, datetime, timedelta
from decimal import Decimal

from clinic_orders.exchange.demonstration.known import choose_traced, known
from clinic_orders.exchange.demonstration.money import payments
from clinic_orders.exchange.demonstration.places import (
    choose_counting,
    make_institutions,
    make_letters,
    make_relations,
    usual_list,
)
from clinic_orders.exchange.demonstration.points import place_institutions
from clinic_orders.exchange.demonstration.reporting import plant_report_missing
from clinic_orders.exchange.demonstration.selling import Selling
from clinic_orders.exchange.demonstration.stocking import plant_stocking_short
from clinic_orders.exchange.demonstration.trade import Trade
from clinic_orders.exchange.demonstration.world import (
    DISTRIBUTOR_NAMES,
    SCALES,
    SMALL_COUNTIES,
    Demonstration,
    File,
    Planted,
    Row,
    Scale,
    dice_for,
    person,
    prefix_of,
)

__all__ = [
    "SCALES",
    "SMALL_COUNTIES",
    "Demonstration",
    "File",
    "Planted",
    "expected_rows",
    "files",
    "make_demonstration",
    "person",
]
# The kinds that stand, in the order in which they rest on each other.
_STANDING = (
    "distributors", "institutions", "commitments", "mandates", "delivery-relations",
    "trace-products", "product-codes", "designated-pharmacies",
)  # fmt: skip


def make_demonstration(
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
    number: int = 0,
    scale: Scale | None = None,
) -> Demonstration:
    """Invent a prefecture; its past months are made when ``files`` is walked.

    Args:
        size: ``small`` (two counties) or ``prefecture``.
        months: how many months of history, the present one included.
        seed: the same seed, day and size give the same rows.
        today: the day it ends before, in China.
        now: the instant it ends at; nothing lies after it.
        divisions: rows of counties, townships, villages.
        items: rows of kind ``catalogue``.
        prices: pack price in yuan by item code.
        policies: rows of kind ``policies`` that hold in it.
        number: which of several prefectures in one database it is; 0 is the one with the real codes.
        scale: how large it is, if not as its size says.

    """
    scale = scale or SCALES[size]
    start = today.replace(day=1)
    for _ in range(months - 1):
        start = (start - timedelta(days=1)).replace(day=1)
    world = Demonstration(seed, start, today, now, items, prices, policies, number)
    world.rows["distributors"] = [
        {"code": f"D{prefix_of(number)}{index + 1:04d}", "name": name, "phone": "0379-0000-0000"}
        for index, name in enumerate(DISTRIBUTOR_NAMES[: scale.distributors])
    ]
    world.distributors = [str(row["code"]) for row in world.rows["distributors"]]
    world.show_distributor = world.distributors[0]
    make_institutions(world, scale, divisions, dice_for(seed, "institutions"))
    place_institutions(world.rows["institutions"], dice_for(seed, "points"))
    make_letters(world, dice_for(seed, "letters"))
    make_relations(world, dice_for(seed, "relations"))
    dice = dice_for(seed, "usual")
    common = dice.sample(list(items), min(120, len(items)))
    for place in world.places:
        place.usual = usual_list(place, items, common, dice)
    choose_counting(world, dice_for(seed, "counting"))
    choose_traced(world)
    counties = {str(row["code"]): row for row in divisions["counties"]}
    for file in known(world, counties):
        world.rows[file.kind] = file.rows
    return world


def files(world: Demonstration) -> Iterator[File]:
    """All files in the order in which they rest on each other; each is made when it is asked for, once."""
    for kind in _STANDING:
        if world.rows.get(kind):
            yield File(kind, "", world.rows[kind])
    trade = Trade(world)
    selling = Selling(world)
    for month, traded in trade.months():
        yield from traded
        yield from selling.month(month, trade.received.pop((month.year, month.month), {}))
    plant_stocking_short(world, trade.kept, selling.counted)
    plant_report_missing(world, selling.sold_before, selling.counted_before)
    yield from trade.volumes.files()
    for elsewhere in trade.elsewhere:
        yield from elsewhere.files()
    yield from payments(world, trade.dues)


def expected_rows(world: Demonstration) -> int:
    """About how many rows ``files`` will give, for a progress bar."""
    months = 1 + (world.today - world.start).days // 31
    lines = sum(len(place.usual) * (1.2 if len(place.usual) >= 30 else 0.8) for place in world.places)
    standing = sum(len(world.rows[kind]) for kind in _STANDING)
    return standing + round(months * (1.3 * lines + 2.3 * len(world.places)))
