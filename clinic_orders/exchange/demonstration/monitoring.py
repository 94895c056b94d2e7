"""Watched prices of the demonstration: sentinels, watched items, what they ask month by month; two alarms are planted."""

from __future__ import annotations

from datetime import date, datetime, timedelta
from decimal import Decimal
from typing import NamedTuple

from clinic_orders.actions.monitoring import add_sentinel, add_watched_item, publish_prices
from clinic_orders.exchange.demonstration.world import Demonstration, Planted, Row, dice_for
from clinic_orders.exchange.importing import Report, import_rows
from clinic_orders.rules.days import Month
from clinic_orders.rules.parties import SYSTEM, Actor, InstitutionKind

_SHOPS = 5
_ITEMS = 12
_CENT = Decimal("0.01")


def watch_prices(world: Demonstration, *, officer: Actor, at: datetime) -> list[Report]:
    """Choose who and what is watched, take what was observed as files, publish the months that are over.

    Returns:
        what became of the files, for the caller to look for refusals.

    """
    watched = observed_prices(world)
    for code in watched.codes:
        add_sentinel(code, first=world.start, by=officer, at=at)
    for item in watched.items:
        add_watched_item(item, first=world.start, by=officer, at=at)
    rows, items = watched.rows, watched.items
    return [
        import_rows("monitored-prices", rows, filename="演示数据：监测价格", traced=False, by=SYSTEM, at=at),
        import_rows(
            "listed-products",
            _listed(world, items),
            filename="演示数据：挂网非中选产品",
            traced=False,
            by=SYSTEM,
            at=at,
        ),
    ]


class Watched(NamedTuple):
    """Who is watched, what is watched, and what was observed.

    Attributes:
        codes: institutions that report.
        items: item codes.
        rows: of the kind ``monitored-prices``.

    """

    codes: list[str]
    items: list[str]
    rows: list[Row]


def observed_prices(world: Demonstration) -> Watched:
    """What the sentinels saw month by month; two alarms of the judged month are planted and noted in the world."""
    dice = dice_for(world.seed, "monitoring")
    shops = [
        place.code
        for place in world.places
        if place.kind is InstitutionKind.RETAIL_PHARMACY and place.joined_on <= world.start
    ]
    codes = list(dict.fromkeys([world.show_hospital, world.show_clinic, *shops[:_SHOPS]]))
    items = [str(item["item_code"]) for item in world.items if str(item["item_code"]) in world.prices][
        :_ITEMS
    ]
    rows: list[Row] = []
    judged = Month.of(world.as_of)
    prices = {
        (code, item): (
            world.prices[item] * (1 if code in codes[:2] else Decimal(dice.choice(("1.05", "1.10", "1.15"))))
        ).quantize(_CENT)
        for code in codes
        for item in items
    }
    planted = {(codes[-1], items[1]), (codes[-1], items[2])}
    month = Month.of(world.start)
    while month.first_day < world.today:
        for code, item in sorted(prices):
            day = month.first_day + timedelta(days=dice.randrange(3, 20))
            if day >= world.today or (month > judged and dice.random() < 0.2):
                continue
            out = dice.random() < 0.03 and (code, item) not in planted
            price = prices[code, item]
            if (code, item) not in planted and dice.random() < 0.1:
                price = prices[code, item] = (price * Decimal(dice.choice(("0.97", "1.03")))).quantize(_CENT)
            rows.append(_row(code, item, day, None if out else price))
        month = month.next()
    _plant(world, rows, prices, codes[-1], items[1], items[2])
    return Watched(codes, items, rows)


def publish(world: Demonstration, *, officer: Actor, at: datetime) -> None:
    """Publish the months before this one."""
    month = Month.of(world.start)
    while month.last_day < world.today:
        publish_prices(month, by=officer, at=at)
        month = month.next()


def _row(code: str, item: str, day: date, price: Decimal | None) -> Row:
    return {
        "institution_code": code,
        "item_code": item,
        "observed_on": day,
        "price": price,
        "out_of_stock": price is None,
    }


def _plant(
    world: Demonstration,
    rows: list[Row],
    prices: dict[tuple[str, str], Decimal],
    code: str,
    risen: str,
    often: str,
) -> None:
    """In the judged month one price rises by two fifths and another changes three times."""
    month = Month.of(world.as_of)
    mine = [
        row
        for row in rows
        if row["institution_code"] == code
        and row["item_code"] in {risen, often}
        and row["observed_on"] in month
    ]
    for row in mine:
        rows.remove(row)
    before = {
        row["item_code"]
        for row in rows
        if row["institution_code"] == code and row["observed_on"] < month.first_day
    }
    if not {risen, often} <= before:
        return
    dear = (prices[code, risen] * Decimal("1.40")).quantize(_CENT)
    rows.append(_row(code, risen, month.first_day + timedelta(days=8), dear))
    for place, cents in enumerate(("0.02", "0.00", "0.03")):
        day = month.first_day + timedelta(days=4 + 6 * place)
        rows.append(_row(code, often, day, prices[code, often] + Decimal(cents)))
    world.planted.append(Planted("monitored_rise", "clue", code, "", risen, str(month)))
    world.planted.append(Planted("monitored_changes", "clue", code, "", often, str(month), (("changes", 3),)))


def _listed(world: Demonstration, items: list[str]) -> list[Row]:
    """Invented products beside four watched items, one of each kind of the table and each colour."""
    by_code = {str(item["item_code"]): item for item in world.items}
    kinds = (
        ("passed", "1.20"), ("passed", "2.10"), ("passed", "3.40"), ("not_passed", "1.20"),
        ("not_passed", "1.90"), ("reference", "4.10"), ("selected_elsewhere", "1.60"), ("selected_elsewhere", "0.90"),
    )  # fmt: skip
    rows = []
    for place, (kind, times) in enumerate(kinds):
        code = items[place % 4]
        item, price = by_code[code], world.prices[code]
        rows.append(
            {
                "product_code": f"YS{place + 1:04d}",
                "variety": str(item["generic_name"]),
                "product_name": f"{item['generic_name']} {item['strength']}×{item['pack_size']}（演示）",
                "manufacturer": f"演示制药{place + 1}厂",
                "status": kind,
                "listed_from": world.start,
                "price": (price * Decimal(times)).quantize(_CENT),
                "own_selected_price": price if kind == "selected_elsewhere" else None,
                "highest_selected_price": price,
                "highest_listed_price": (price * Decimal(2)).quantize(_CENT) if kind == "reference" else None,
            }
        )
    return rows
