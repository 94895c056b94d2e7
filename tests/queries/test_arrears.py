"""What is owed by county and age: the sums are those of the book."""

from __future__ import annotations

from datetime import date
from decimal import Decimal

import pytest
from flask import Flask

from clinic_orders.models.base import db
from clinic_orders.queries.arrears import AGES, debts_by_county
from clinic_orders.queries.payables import Book, PayableState
from tests.orders_in_work import World, make_world
from tests.queries.test_payables import due


@pytest.mark.both_databases
def test_debts_by_county_are_the_sums_of_the_book(app: Flask) -> None:
    world: World = make_world(items=3)
    due(world, date(2026, 1, 31), packs=2)
    due(world, date(2026, 3, 31), packs=1)
    moved = due(world, date(2026, 2, 28), packs=4)
    moved.paying_id = world.hospital.id
    db.session.commit()
    book = Book(world.seller, on=date(2026, 3, 5))
    first, second = debts_by_county(book)
    assert [(one.county, one.payers, one.amount) for one in (first, second)] == [
        ("伊川县", 1, Decimal("13.46")),
        ("嵩县", 1, Decimal("10.10")),
    ]
    assert dict(zip(AGES, second.ages, strict=True)) == {
        PayableState.NOT_DUE: Decimal("3.37"),
        PayableState.UP_TO_30: 0,
        PayableState.UP_TO_60: Decimal("6.73"),
        PayableState.UP_TO_90: 0,
        PayableState.OVER_90: 0,
    }
    assert first.amount + second.amount == book.totals().open.amount
