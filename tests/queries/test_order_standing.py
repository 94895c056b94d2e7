"""Where an order stands, by the rule and by the condition of a list: the same on random orders."""

from __future__ import annotations

from datetime import timedelta
from typing import Any

import pytest
from hypothesis import HealthCheck, Phase, given, settings
from hypothesis import strategies as st
from sqlalchemy import select, update

from clinic_orders.models.base import db
from clinic_orders.models.orders import Order, OrderLine
from clinic_orders.queries.orders import has_lapsed, narrowed
from clinic_orders.queries.policy import policy_book
from clinic_orders.rules.ordering import LineQuantities, OrderStanding, check_quantities, order_standing
from tests.factories import NOW, make_order, make_world


@pytest.fixture
def order(app: Any) -> tuple[int, list[int]]:
    """An order and the row ids of its lines."""
    number = make_order(make_world(), (6, 6), at=NOW - timedelta(days=30))
    order_id = db.session.scalars(select(Order.id).where(Order.order_no == number)).one()
    lines = db.session.scalars(select(OrderLine.id).where(OrderLine.order_id == order_id)).all()
    return order_id, list(lines)


@st.composite
def quantities(draw: st.DrawFn, answered: bool) -> LineQuantities:
    """What R-ORD-5 allows for a line."""

    def up_to(most: int) -> int:
        return draw(st.sampled_from([0, most]) | st.integers(0, most))

    before = up_to(3)
    if not answered:
        return LineQuantities(3, before)
    confirmed = up_to(3 - before)
    after = up_to(confirmed)
    closed = up_to(confirmed - after)
    shipped = up_to(confirmed - after - closed)
    accepted = up_to(shipped)
    rejected = up_to(shipped - accepted)
    return LineQuantities(3, before, confirmed, after, closed, shipped, accepted, rejected, up_to(accepted))


@st.composite
def histories(draw: st.DrawFn) -> tuple[dict[str, Any], list[LineQuantities]]:
    """The head of an order and its lines."""
    submitted = NOW - timedelta(hours=draw(st.integers(0, 24 * 14)))
    answered = draw(st.booleans())
    head = {
        "submitted_at": submitted,
        "answer_due_at": submitted + timedelta(hours=draw(st.integers(1, 24 * 6))),
        "answered_at": submitted + timedelta(hours=1) if answered else None,
        "emergency": draw(st.booleans()),
        "emergency_reason": "蛇咬伤",
    }
    return head, [draw(quantities(answered)) for _ in range(2)]


@pytest.mark.both_databases
@settings(
    max_examples=25,
    deadline=None,
    phases=[Phase.explicit, Phase.generate],
    suppress_health_check=[HealthCheck.function_scoped_fixture],
)
@given(histories())
def test_where_an_order_stands_is_the_same_in_sql_and_by_the_rule(
    order: tuple[int, list[int]], history: tuple[dict[str, Any], list[LineQuantities]]
) -> None:
    head, lines = history
    order_id, ids = order
    db.session.execute(update(Order).where(Order.id == order_id).values(head))
    for line_id, line in zip(ids, lines, strict=True):
        check_quantities(line)
        db.session.execute(
            update(OrderLine)
            .where(OrderLine.id == line_id)
            .values(
                packs=line.ordered,
                withdrawn_before=line.withdrawn_before,
                confirmed_packs=line.confirmed,
                withdrawn_after=line.withdrawn_after,
                closed_packs=line.closed,
                shipped_packs=line.shipped,
                accepted_packs=line.accepted,
                rejected_packs=line.rejected,
                returned_packs=line.returned,
            )
        )
    db.session.expire_all()
    lapsed = has_lapsed(db.session.get_one(Order, order_id), NOW, policy_book("order.confirm_days"))
    found = [
        standing
        for standing in OrderStanding
        if db.session.scalars(select(Order.id).where(narrowed(standing, NOW))).all()
    ]
    assert found == [order_standing(lines, answered=head["answered_at"] is not None, lapsed=lapsed)]
