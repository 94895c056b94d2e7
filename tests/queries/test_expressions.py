"""What SQLite and PostgreSQL write differently says the same, whatever zone the server is set to."""

from __future__ import annotations

from collections.abc import Callable
from datetime import UTC, datetime, timedelta

import pytest
from flask import Flask
from sqlalchemy import ColumnElement, func, literal, null, select, text, type_coerce

from clinic_orders.models.base import UtcDateTime, db
from clinic_orders.models.catalogue import Item
from clinic_orders.models.expressions import among, instant, one_of
from clinic_orders.models.orders import Order
from tests.factories import make_items

pytestmark = pytest.mark.both_databases

ENDS = datetime(2026, 11, 22, 16, 0, tzinfo=UTC)


@pytest.mark.parametrize("zone", ["UTC", "Asia/Shanghai", "America/New_York"])
@pytest.mark.parametrize("hours", [-9, -1, 0, 1, 9])
def test_an_instant_beside_a_column_is_compared_as_it_is_in_every_zone_of_a_server(
    app: Flask, zone: str, hours: int
) -> None:
    if db.engine.dialect.name == "postgresql":
        db.session.execute(text(f"SET LOCAL TIME ZONE '{zone}'"))
    stored = literal(ENDS + timedelta(hours=hours), UtcDateTime())
    unknown = type_coerce(null(), UtcDateTime())
    before, never = db.session.execute(
        select(
            func.coalesce(stored, instant(ENDS)) < instant(ENDS),
            func.coalesce(unknown, instant(ENDS)) < instant(ENDS),
        )
    ).one()
    assert (bool(before), bool(never)) == (hours < 0, False)


def test_one_of_the_values_filled_in_stands_as_a_condition_that_an_index_answers(app: Flask) -> None:
    question = select(Order.id).where(one_of(Order.id, "orders"))
    assert db.session.connection().execute(question, {"orders": [1, 2]}).all() == []
    assert db.session.connection().execute(question, {"orders": []}).all() == []
    written = str(question.compile(dialect=db.engine.dialect))
    condition = written.partition("WHERE ")[2]
    # Held against one, as SQLite's conditions of functions are, it would be reckoned for every row of the table.
    assert " = 1" not in condition, condition


@pytest.mark.parametrize("make", [lambda: one_of(Item.id, "items"), lambda: among(Item.id, select(Item.id))])
def test_conditions_may_be_turned_round(app: Flask, make: Callable[[], ColumnElement[bool]]) -> None:
    one, _other = make_items(2)
    values = {"items": [one.id]}
    yes = (
        db.session.connection()
        .execute(select(func.count()).select_from(Item).where(make()), values)
        .scalar_one()
    )
    no = (
        db.session.connection()
        .execute(select(func.count()).select_from(Item).where(~make()), values)
        .scalar_one()
    )
    every = db.session.connection().execute(select(func.count()).select_from(Item)).scalar_one()
    assert yes + no == every
