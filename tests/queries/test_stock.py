"""The stock by the database is the stock by the rule, movement by movement; suggestions and batches rest on it."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import date, timedelta
from decimal import Decimal
from itertools import count as counting
from random import Random
from typing import Any

import pytest
from flask import Flask
from hypothesis import HealthCheck, Phase, given, settings
from hypothesis import strategies as st
from sqlalchemy import delete, insert, select, update

from clinic_orders.actions.losses import set_keeping
from clinic_orders.actions.stock_news import tell_stock_news
from clinic_orders.models.base import db
from clinic_orders.models.deliveries import ShipmentLine
from clinic_orders.models.notices import Notice
from clinic_orders.models.roster import Institution
from clinic_orders.models.stock import StockCount
from clinic_orders.models.stock_entries import StockEntry, StockLoss
from clinic_orders.queries.ledger import ledger
from clinic_orders.queries.stock import movements_of, shelf_of, stock_of, who_keeps_stock
from clinic_orders.queries.stock_levels import levels
from clinic_orders.rules.days import start_of_day
from clinic_orders.rules.markup import SaleSeen
from clinic_orders.rules.parties import SYSTEM, Actor, Role
from clinic_orders.rules.reordering import Keeping
from clinic_orders.rules.stock_entries import EntryKind
from clinic_orders.rules.stocking import Count, Movement, ledger_at_end
from tests.examples import examples
from tests.files_world import NOW
from tests.prices_world import (
    CLINIC,
    ITEMS,
    PACK_SIZE,
    clear_prices,
    ids,
    make_prices_world,
    purchase,
    put_purchase,
    put_sale,
)

pytestmark = pytest.mark.both_databases

FIRST = date(2026, 1, 1)
DAYS = 40
_numbers = counting(1)


@pytest.fixture
def world(app: Flask) -> None:
    make_prices_world()


def day_of(dice: Random) -> date:
    return FIRST + timedelta(days=dice.randrange(DAYS))


def put_entry(kind: EntryKind, day: date, number: str, *, taken_back: bool) -> int:
    institutions, _ = ids()
    return int(
        db.session.execute(
            insert(StockEntry)
            .values(
                institution_id=institutions[CLINIC],
                kind=kind,
                entry_no=number,
                happened_on=day,
                amount=Decimal(0),
                entered_by_name="王保田",
                recorded_at=NOW,
                taken_back_at=NOW if taken_back else None,
                taken_back_reason="wrong_item" if taken_back else "",
            )
            .returning(StockEntry.id)
        ).scalar_one()
    )


def draw(dice: Random, item: str) -> tuple[list[Count], list[Movement], list[Movement]]:
    """Counts, movements that stand, and losses that stand, of one item; taken back ones are stored besides."""
    institutions, items = ids()
    counts = {day_of(dice): dice.randrange(60) for _ in range(dice.randrange(4))}
    for day, units in counts.items():
        db.session.execute(
            insert(StockCount).values(
                institution_id=institutions[CLINIC],
                item_id=items[item],
                counted_on=day,
                base_units=units,
                recorded_at=NOW,
            )
        )
    moved, lost = [], []
    for _ in range(dice.randrange(3)):
        day = day_of(dice)
        put_purchase(CLINIC, item, purchase(f"R{next(_numbers)}", start_of_day(day), "3.36"), packs=2)
        moved.append(Movement(day, 2 * PACK_SIZE))
    for _ in range(dice.randrange(6)):
        day, units, taken_back = day_of(dice), dice.choice([-5, 3, 28]), dice.random() < 0.3
        number = f"LS{next(_numbers)}"
        put_entry(EntryKind.SALE, day, number, taken_back=taken_back)
        more = {"replaced_at": NOW} if taken_back else {}
        put_sale(CLINIC, item, SaleSeen(number, "1", day, units, Decimal(1 if units > 0 else -1)), **more)
        if not taken_back:
            moved.append(Movement(day, -units))
    for _ in range(dice.randrange(3)):
        day, units, taken_back = day_of(dice), dice.randrange(1, 9), dice.random() < 0.3
        entry_id = put_entry(EntryKind.LOSS, day, f"SH{next(_numbers)}", taken_back=taken_back)
        db.session.execute(
            insert(StockLoss).values(
                entry_id=entry_id,
                line_no=1,
                institution_id=institutions[CLINIC],
                item_id=items[item],
                lost_on=day,
                base_units=units,
                reason="expired",
                recorded_at=NOW,
                replaced_at=NOW if taken_back else None,
            )
        )
        if not taken_back:
            lost.append(Movement(day, -units))
    return counts_of(counts), moved, lost


def counts_of(counts: dict[date, int]) -> list[Count]:
    return [Count(day, units) for day, units in counts.items()]


def empty() -> None:
    for table in (StockLoss, StockEntry):
        db.session.execute(delete(table))
    clear_prices()


@settings(
    max_examples=examples(15),
    deadline=None,
    phases=[Phase.explicit, Phase.reuse, Phase.generate],
    suppress_health_check=[HealthCheck.function_scoped_fixture],
)
@given(seed=st.integers(0, 2**32))
def test_the_shelf_is_the_ledger_of_the_rule_less_what_was_lost(world: None, seed: int) -> None:
    empty()
    dice = Random(seed)
    drawn = {item: draw(dice, item) for item in ITEMS}
    db.session.commit()
    institutions, items = ids()
    clinic = institutions[CLINIC]
    for on in (day_of(dice), FIRST + timedelta(days=DAYS)):
        shelf = shelf_of(clinic, on)
        # What is kept of many shelves at once is what each sees of its own.
        kept = {one.item_id: one for one in levels([clinic], on)}
        own = {row.item.id: row for row in stock_of(clinic, at=NOW, on=on).rows if row.shelf.known}
        assert {item: (one.on_hand, one.expires_on, one.near_units) for item, one in kept.items()} == {
            item: (row.on_hand, row.expiry, sum(near.base_units for near in row.near))
            for item, row in own.items()
        }
        checks = {
            row.item_id: int(row.base_units)
            for row in db.session.execute(ledger(on, select(Institution.id).where(Institution.id == clinic)))
        }
        first = FIRST + timedelta(days=dice.randrange((on - FIRST).days + 1))
        for item, (counts, moved, lost) in drawn.items():
            by_rule = ledger_at_end(counts, moved, on=on)
            there = ledger_at_end(counts, [*moved, *lost], on=on)
            found = shelf.get(items[item])
            assert (found.ledger if found else 0) == by_rule == checks.get(items[item], 0)
            assert (found.on_hand if found else 0) == there
            rows = movements_of(clinic, items[item], PACK_SIZE, first, on)
            assert rows.closing == there
            assert rows.opening == ledger_at_end(counts, [*moved, *lost], on=first - timedelta(days=1))


def row_of(item: str) -> Any:
    institutions, items = ids()
    stock = stock_of(institutions[CLINIC], at=NOW, on=NOW.date())
    return next(row for row in stock.rows if row.item.id == items[item])


def put_counts(item: str, counts: Sequence[tuple[int, int]]) -> None:
    """Counts so many days ago."""
    institutions, items = ids()
    for days, units in counts:
        db.session.execute(
            insert(StockCount).values(
                institution_id=institutions[CLINIC],
                item_id=items[item],
                counted_on=NOW.date() - timedelta(days=days),
                base_units=units,
                recorded_at=NOW,
            )
        )


def test_who_only_counts_gets_a_suggestion_from_the_counts(world: None) -> None:
    put_counts(ITEMS[0], [(40, 100), (10, 40)])
    row = row_of(ITEMS[0])
    # 60 in 30 days: 2 a day. 10 days after the count about 20 of the 40 are used; 37 days need 74.
    assert (row.use.base_units, row.use.days, row.use.source.value) == (60, 30, "counts")
    assert (row.order.on_hand, row.order.used_since, row.order.needed, row.order.packs) == (40, 20, 54, 2)
    assert row.days == 10


def test_sales_say_what_is_used_and_what_is_under_way_is_taken_off(world: None) -> None:
    put_counts(ITEMS[0], [(20, 10)])
    put_sale(CLINIC, ITEMS[0], SaleSeen("S1", "1", NOW.date(), 90, Decimal(9)))
    row = row_of(ITEMS[0])
    # One a day; the books say less than nothing, which is taken as nothing.
    assert (row.on_hand, row.order.needed, row.order.packs, row.is_out, row.is_low) == (
        -80,
        37,
        2,
        True,
        True,
    )


def test_what_is_left_is_of_the_batches_that_expire_last(world: None) -> None:
    put_purchase(CLINIC, ITEMS[0], purchase("R1", NOW - timedelta(days=9), "3.36"), packs=2)
    put_sale(CLINIC, ITEMS[0], SaleSeen("S1", "1", NOW.date(), PACK_SIZE + 8, Decimal(9)))
    row = row_of(ITEMS[0])
    assert [(one.batch_no, one.base_units) for one in row.left] == [("B1", PACK_SIZE - 8)]
    assert (row.near, row.expiry) == ([], date(2030, 1, 1))


def notices() -> list[tuple[str, Any]]:
    return [(row.kind, row.facts) for row in db.session.scalars(select(Notice).order_by(Notice.id))]


def test_the_morning_tells_each_thing_once_and_again_when_it_comes_again(world: None) -> None:
    institutions, _ = ids()
    clinic = institutions[CLINIC]
    put_counts(ITEMS[0], [(9, 5)])
    put_sale(CLINIC, ITEMS[0], SaleSeen("S1", "1", NOW.date(), 5, Decimal(1)))
    put_purchase(CLINIC, ITEMS[1], purchase("R1", NOW - timedelta(days=9), "3.36"), packs=2)
    db.session.execute(update(ShipmentLine).values(expiry_date=NOW.date() + timedelta(days=60)))
    db.session.commit()
    assert clinic in who_keeps_stock(NOW.date())

    def morning() -> int:
        return tell_stock_news(clinic, for_day=NOW.date(), by=SYSTEM, at=NOW)

    assert morning() == 2
    found = notices()
    assert [kind for kind, _ in found] == ["stock_out", "stock_near_expiry"]
    assert [facts["count"] for _, facts in found] == [1, 1]
    assert morning() == 0
    # It comes in, and is used up again.
    put_sale(CLINIC, ITEMS[0], SaleSeen("S2", "1", NOW.date(), -5, Decimal(-1)))
    assert morning() == 0
    put_sale(CLINIC, ITEMS[0], SaleSeen("S3", "1", NOW.date(), 5, Decimal(1)))
    assert morning() == 1
    assert [kind for kind, _ in notices()] == ["stock_out", "stock_near_expiry", "stock_out"]


def test_nobody_is_told_who_does_not_want_it(world: None) -> None:
    institutions, _ = ids()
    put_counts(ITEMS[0], [(9, 5)])
    put_sale(CLINIC, ITEMS[0], SaleSeen("S1", "1", NOW.date(), 5, Decimal(1)))
    doctor = Actor("王保田", Role.INSTITUTION, institution_id=institutions[CLINIC], org_name="村卫生室")
    set_keeping(Keeping(tells=False), seen_version=0, by=doctor, at=NOW)
    assert tell_stock_news(institutions[CLINIC], for_day=NOW.date(), by=SYSTEM, at=NOW) == 0
    assert notices() == []
