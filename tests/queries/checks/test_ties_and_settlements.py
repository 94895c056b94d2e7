"""Tied sales and settlements: the questions and the plain rules agree on random facts (R-PRICE-6, R-PRICE-7, R-STOCK-3)."""

from __future__ import annotations

from collections import Counter
from datetime import date, datetime, timedelta
from decimal import Decimal
from typing import Any

import pytest
from flask import Flask
from hypothesis import HealthCheck, Phase, given, settings
from hypothesis import strategies as st
from sqlalchemy import insert, select

from clinic_orders.models.base import db
from clinic_orders.models.deliveries import GoodsReturn, ReturnLine, Shipment, ShipmentLine
from clinic_orders.models.sales import Settlement
from clinic_orders.models.stock import StockCount
from clinic_orders.queries.checks import Scope, check
from clinic_orders.rules.days import Month, start_of_day
from clinic_orders.rules.findings import CheckRule, in_order
from clinic_orders.rules.markup import SaleSeen, tied_sale
from clinic_orders.rules.roster import Days
from clinic_orders.rules.settlement import settled_not_sold
from clinic_orders.rules.stocking import Count, Movement, ledger_at_end
from tests.examples import examples
from tests.files_world import NOW
from tests.prices_world import (
    CLINIC,
    PACK_SIZE,
    PHARMACY,
    clear_prices,
    ids,
    make_prices_world,
    purchase,
    put_policy,
    put_purchase,
    put_sale,
    put_states,
)

pytestmark = pytest.mark.both_databases

MONTH = Month(2026, 3)
DAYS = st.dates(date(2026, 2, 20), date(2026, 4, 2))
PRODUCTS = ("钙片", "维生素C")
# Shrinking a case means writing it anew a thousand times; the first one found says enough.
WITHOUT_SHRINKING = settings(
    max_examples=examples(40),
    deadline=None,
    phases=[Phase.explicit, Phase.reuse, Phase.generate],
    suppress_health_check=[HealthCheck.function_scoped_fixture],
)


@pytest.fixture
def world(app: Flask) -> None:
    make_prices_world()


# A receipt: who, the day, items and products on it with their units.
receipts = st.tuples(
    st.sampled_from([CLINIC, PHARMACY]),
    st.sampled_from(
        [date(2026, 3, 2), date(2026, 3, 9), date(2026, 3, 9), date(2026, 3, 20), date(2026, 4, 1)]
    ),
    st.lists(
        st.tuples(st.sampled_from(["LY001", "LY002", *PRODUCTS]), st.sampled_from([28, 28, 28, -28])),
        min_size=1,
        max_size=4,
    ),
)


@WITHOUT_SHRINKING
@given(
    drawn=st.lists(receipts, min_size=1, max_size=9),
    least=st.integers(0, 4),
    share=st.sampled_from(["0.50", "0.80", "1"]),
    as_of=st.sampled_from([date(2026, 3, 9), date(2026, 3, 31)]),
    left=st.none() | st.just(date(2026, 3, 10)),
)
def test_tied_sales(world, drawn, least, share, as_of, left):
    clear_prices()
    put_policy("tied.min_receipts", "", date(2026, 1, 1), str(least))
    put_policy("tied.share", "", date(2026, 1, 1), share)
    put_states(PHARMACY, None, [Days(date(2025, 1, 1), left)])
    all_of: Counter[tuple[str, str]] = Counter()
    with_one: Counter[tuple[str, str, str]] = Counter()
    for number, (code, day, lines) in enumerate(drawn):
        for place, (name, units) in enumerate(lines):
            sale = SaleSeen(
                f"S{number}", str(place), day, units, Decimal(units).copy_abs() * (1 if units > 0 else -1)
            )
            item = name if name.startswith("LY") else None
            put_sale(code, item, sale, product="" if item else name)
        if day > as_of or (code == PHARMACY and left is not None and day > left):
            continue
        sold = {name for name, units in lines if units > 0}
        for item in sold - set(PRODUCTS):
            all_of[code, item] += 1
            with_one.update((code, item, product) for product in sold & set(PRODUCTS))
    db.session.commit()
    expected = [
        found
        for (code, item, product), count in with_one.items()
        if (
            found := tied_sale(
                code,
                item,
                str(MONTH),
                receipts=all_of[code, item],
                with_product=count,
                product=product,
                min_receipts=least,
                share=Decimal(share),
            )
        )
    ]
    assert check(Scope(as_of), [CheckRule.TIED_SALE]) == in_order(expected)


def put_return(shipment_no: str, moment: datetime, packs: int) -> None:
    shipment = db.session.execute(
        select(
            Shipment.id, Shipment.institution_id, Shipment.distributor_id, ShipmentLine.id.label("line_id")
        )
        .join(ShipmentLine, ShipmentLine.shipment_id == Shipment.id)
        .where(Shipment.receipt_no == shipment_no)
    ).one()
    return_id = db.session.execute(
        insert(GoodsReturn)
        .values(
            return_no=f"T-{shipment_no}",
            shipment_id=shipment.id,
            institution_id=shipment.institution_id,
            distributor_id=shipment.distributor_id,
            requested_at=moment,
            agreed_at=moment,
            amount=Decimal(0),
            recorded_at=NOW,
        )
        .returning(GoodsReturn.id)
    ).scalar_one()
    db.session.execute(
        insert(ReturnLine).values(
            return_id=return_id, shipment_line_id=shipment.line_id, packs=packs, reason="quality"
        )
    )


def put_fact(table: Any, item: str, **values: Any) -> None:
    institutions, items = ids()
    db.session.execute(
        insert(table).values(
            institution_id=institutions[CLINIC], item_id=items[item], recorded_at=NOW, **values
        )
    )


@WITHOUT_SHRINKING
@given(
    settled=st.dictionaries(st.sampled_from(["LY001", "LY002"]), st.integers(0, 60), min_size=1),
    counts=st.dictionaries(DAYS, st.integers(0, 30), max_size=2),
    arrivals=st.lists(st.tuples(DAYS, st.integers(0, 2), st.none() | st.integers(0, 20)), max_size=4),
    sales=st.lists(st.tuples(DAYS, st.sampled_from([5, 28, 30, -5])), max_size=6),
)
def test_settlements(world, settled, counts, arrivals, sales):
    clear_prices()
    moved = []
    for number, (day, packs, back) in enumerate(arrivals):
        moment = start_of_day(day) + timedelta(hours=23)
        put_purchase(CLINIC, "LY001", purchase(f"R{number}", moment, "3.36"), packs=packs)
        moved.append(Movement(day, packs * PACK_SIZE))
        if back is not None and packs:
            put_return(f"R{number}", moment + timedelta(days=back), 1)
            moved.append(Movement(day + timedelta(days=back), -PACK_SIZE))
    sold = []
    for number, (day, units) in enumerate(sales):
        put_sale(CLINIC, "LY001", SaleSeen(f"S{number}", "1", day, units, Decimal(units)))
        sold.append(Movement(day, -units))
    for day, units in counts.items():
        put_fact(StockCount, "LY001", counted_on=day, base_units=units)
    for item, units in settled.items():
        put_fact(Settlement, item, month=str(MONTH), base_units=units, amount=Decimal(1))
    db.session.commit()
    first, last = MONTH.first_day, MONTH.last_day
    expected = []
    for item, units in settled.items():
        if not units:
            continue
        ours = item == "LY001"
        found = settled_not_sold(
            CLINIC,
            item,
            MONTH,
            settled=units,
            sold=-sum(one.base_units for one in sold if one.day in MONTH) if ours else 0,
            opening=ledger_at_end(
                [Count(day, number) for day, number in counts.items()],
                [*moved, *sold],
                on=first - timedelta(days=1),
            )
            if ours
            else 0,
            accepted=sum(one.base_units for one in moved if one.day in MONTH) if ours else 0,
        )
        expected += [found] if found else []
    assert check(Scope(last), [CheckRule.SETTLED_NOT_SOLD]) == in_order(expected)
    assert check(Scope(last - timedelta(days=1)), [CheckRule.SETTLED_NOT_SOLD]) == []
