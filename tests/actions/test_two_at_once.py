"""Two people act on one order at the same instant: one wins, the other is told."""

from __future__ import annotations

import threading
from collections.abc import Callable
from datetime import date
from decimal import Decimal

import pytest
from flask import Flask
from sqlalchemy import select

from clinic_orders.actions.answering import Answer, answer_order, answer_order_in_full
from clinic_orders.actions.applications import begin_application, visitor
from clinic_orders.actions.loading import ChangedMeanwhile
from clinic_orders.actions.selling import SoldLine, record_sale
from clinic_orders.actions.shipping import ShipLine, ship
from clinic_orders.models.applications import Application
from clinic_orders.models.base import db
from clinic_orders.models.orders import Order
from clinic_orders.models.sales import SaleLine
from clinic_orders.rules.parties import InstitutionKind
from tests.orders_in_work import NOW, make_order, make_world

pytestmark = pytest.mark.both_databases


def at_once(app: Flask, deed: Callable[[], object], times: int = 4) -> list[str]:
    """What each of several threads got that did the deed together."""
    barrier, results = threading.Barrier(times), []

    def run() -> None:
        with app.app_context():
            barrier.wait(10)
            try:
                deed()
            except ChangedMeanwhile:
                results.append("told")
            else:
                results.append("won")
            finally:
                db.session.remove()

    threads = [threading.Thread(target=run) for _ in range(times)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join(60)
    return sorted(results)


def test_of_four_answers_at_once_one_wins_and_three_are_told(committed_app: Flask) -> None:
    with committed_app.app_context():
        world = make_world()
        order = make_order(world, (6,))
        number, version, seller, id_ = order.order_no, order.version, world.seller, order.id
        db.session.remove()
    answers = {1: Answer(4, "stock_out")}
    results = at_once(
        committed_app, lambda: answer_order(number, answers, by=seller, at=NOW, seen_version=version)
    )
    assert results == ["told", "told", "told", "won"]
    with committed_app.app_context():
        found = db.session.get(Order, id_)
        assert found is not None
        assert len(found.events) == 2
        db.session.remove()


def test_of_four_shipments_at_once_one_wins_and_nothing_is_shipped_twice(committed_app: Flask) -> None:
    with committed_app.app_context():
        world = make_world()
        order = make_order(world, (6,))
        order = answer_order_in_full(order.order_no, by=world.seller, at=NOW)
        number, version, seller, id_ = order.order_no, order.version, world.seller, order.id
        db.session.remove()
    rows = [ShipLine(1, "B1", date(2028, 6, 30), 6)]
    results = at_once(committed_app, lambda: ship(number, rows, by=seller, at=NOW, seen_version=version))
    assert results == ["told", "told", "told", "won"]
    with committed_app.app_context():
        found = db.session.get(Order, id_)
        assert found is not None
        assert found.lines[0].shipped_packs == 6
        db.session.remove()


def test_of_four_sales_of_one_form_at_once_one_is_written_down(committed_app: Flask) -> None:
    with committed_app.app_context():
        world = make_world()
        doctor, code = world.buyer, world.items[0].item_code
        db.session.remove()
    line = SoldLine(code, 28, Decimal("3.36"))

    def sell() -> object:
        return record_sale([line], sold_on=NOW.date(), insured=True, key="k" * 20, by=doctor, at=NOW)

    assert at_once(committed_app, sell) == ["won"] * 4
    with committed_app.app_context():
        assert db.session.scalars(select(SaleLine.amount)).all() == [Decimal("3.3600")]
        db.session.remove()


def test_of_four_beginnings_of_one_form_at_once_one_application_is_begun(committed_app: Flask) -> None:
    with committed_app.app_context():
        make_world()
        db.session.remove()

    def begin() -> object:
        return begin_application(
            InstitutionKind.RETAIL_PHARMACY,
            "同济堂大药房",
            "410325",
            key="k" * 20,
            by=visitor("", "同济堂"),
            at=NOW,
        )

    assert at_once(committed_app, begin) == ["won"] * 4
    with committed_app.app_context():
        assert db.session.scalars(select(Application.name)).all() == ["同济堂大药房"]
        db.session.remove()
