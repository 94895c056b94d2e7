"""Many rows go in by the database's fastest way and come out as any insert would have left them."""

from __future__ import annotations

from datetime import UTC, datetime
from decimal import Decimal
from typing import cast

import pytest
from flask import Flask
from sqlalchemy import Table, select, text

from clinic_orders.actions.bulk import insert_rows, reserve_ids, update_rows
from clinic_orders.actions.tuples import ANALYZED_FROM
from clinic_orders.models.audit import AuditEntry
from clinic_orders.models.base import db
from clinic_orders.models.orders import OrderLine
from tests.orders_in_work import make_order, make_world

LINES = cast("Table", OrderLine.__table__)
ENTRIES = cast("Table", AuditEntry.__table__)
AT = datetime(2026, 3, 2, 1, 30, 5, 250, tzinfo=UTC)


@pytest.mark.both_databases
def test_values_of_every_kind_come_back_as_they_went_in_and_what_is_left_out_takes_its_default(
    app: Flask,
) -> None:
    odd = "a\tb\\N\n引号\"'"
    ids = reserve_ids(ENTRIES, 2)
    insert_rows(
        ENTRIES,
        [
            {"id": row_id, "at": AT, "deed": odd, "actor_name": "甲", "actor_role": "city", "subject_type": "x",
             "before": before}
            for row_id, before in zip(ids, (None, {"a": [1, odd], "b": None}), strict=True)
        ],
    )  # fmt: skip
    found = db.session.scalars(select(AuditEntry).order_by(AuditEntry.id)).all()
    assert [(row.at, row.deed, row.subject, row.org_name, row.user_id) for row in found] == [
        (AT, odd, "", "", None)
    ] * 2
    assert [row.before for row in found] == [None, {"a": [1, odd], "b": None}]


@pytest.mark.both_databases
def test_rows_are_changed_by_their_id_and_others_stay(app: Flask) -> None:
    make_order(make_world())
    lines = db.session.scalars(select(OrderLine).order_by(OrderLine.id)).all()
    kept = [(line.id, line.pack_price, line.packs) for line in lines[1:]]
    update_rows(LINES, [{"id": lines[0].id, "pack_price": Decimal("1.2345"), "packs": 77}])
    db.session.expire_all()
    now = db.session.execute(
        select(OrderLine.id, OrderLine.pack_price, OrderLine.packs).order_by(OrderLine.id)
    )
    assert [tuple(row) for row in now] == [(lines[0].id, Decimal("1.2345"), 77), *kept]


@pytest.mark.parametrize("database", [pytest.param("postgresql", marks=pytest.mark.postgres)])
def test_the_planner_of_postgresql_hears_of_a_table_that_grew_while_the_transaction_is_still_open(
    app: Flask,
) -> None:
    def known() -> float:
        asked = text("SELECT reltuples FROM pg_class WHERE relname = 'audit_entry'")
        return float(db.session.execute(asked).scalar_one())

    def add(count: int) -> None:
        insert_rows(
            ENTRIES,
            [
                {
                    "id": row_id,
                    "at": AT,
                    "deed": "x",
                    "actor_name": "甲",
                    "actor_role": "city",
                    "subject_type": "x",
                }
                for row_id in reserve_ids(ENTRIES, count)
            ],
        )

    # The connection may have served another test, whose rows are gone.
    db.session.connection().info.pop("rows_since_analyze", None)
    add(ANALYZED_FROM - 1)
    assert known() < ANALYZED_FROM - 1
    add(1)
    assert known() == ANALYZED_FROM
    add(ANALYZED_FROM // 2)
    assert known() == ANALYZED_FROM, "so few more are not worth a look"
