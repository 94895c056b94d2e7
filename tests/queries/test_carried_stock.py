"""Stock carried forward says on every day what counts and movements say, whatever has changed since (R-STOCK-3)."""

from __future__ import annotations

from collections.abc import Callable
from datetime import UTC, date, datetime, timedelta
from decimal import Decimal
from random import Random
from typing import Any

import pytest
from hypothesis import HealthCheck, Phase, given, settings
from hypothesis import strategies as st
from sqlalchemy import delete, insert, select, true, update

from clinic_orders import jobs
from clinic_orders.actions.stock_balances import carry_stock
from clinic_orders.models.base import db
from clinic_orders.models.catalogue import Item
from clinic_orders.models.deliveries import GoodsReturn, ReturnLine, Shipment, ShipmentLine
from clinic_orders.models.doubles import OrderDouble
from clinic_orders.models.orders import Order
from clinic_orders.models.roster import Institution
from clinic_orders.models.sales import SaleLine
from clinic_orders.models.statistics import ClosedMonth
from clinic_orders.models.stock import StockCount
from clinic_orders.models.stock_balances import StockBalance, StockCarried, StockDisturbed, StockWatch
from clinic_orders.queries.carried import carried_to, days_to_carry, not_holding
from clinic_orders.queries.checks import Scope, check
from clinic_orders.queries.integrity import stock_balances
from clinic_orders.queries.ledger import counted_stock, ledger, with_ledger
from clinic_orders.rules.doubles import DoubleDecision
from clinic_orders.rules.findings import CheckRule
from clinic_orders.rules.parties import SYSTEM
from tests.examples import examples
from tests.files_world import take_well
from tests.queries.checks.test_stocking import draw, empty, world

__all__ = ["world"]

CLOSED = ("2025-11", "2025-12", "2026-01", "2026-02")
ENDS = [date(2025, 12, 31), date(2026, 1, 31), date(2026, 2, 28)]
AT = datetime(2026, 4, 1, tzinfo=UTC)
LATER = datetime(2100, 1, 1, tzinfo=UTC)
RULES = [CheckRule.STOCKING_SHORT, CheckRule.SOLD_BEYOND_STOCK, CheckRule.SETTLED_NOT_SOLD]


def close(*months: str) -> None:
    for month in months:
        db.session.execute(
            insert(ClosedMonth).values(
                month=month, blocks={}, by_county={}, cut_off_at=AT, sha256="0" * 64, closed_by_name=""
            )
        )


def moment(day: date) -> datetime:
    return datetime(day.year, day.month, day.day, 3, tzinfo=UTC)


def pick(model: type[Any], place: int) -> int | None:
    found = db.session.scalars(select(model.id).order_by(model.id)).all()
    return found[place % len(found)] if found else None


def change(model: type[Any], place: int, **values: Any) -> None:
    db.session.execute(update(model).where(model.id == pick(model, place)).values(**values))


def sell_more(place: int, day: date) -> None:
    db.session.execute(
        insert(SaleLine).values(
            institution_id=db.session.scalar(select(Institution.id).where(Institution.code == "0V01")),
            sale_no="N",
            line_no=f"{place}-{day}",
            item_id=db.session.scalar(select(Item.id).where(Item.item_code == "LY001")),
            sold_at=moment(day),
            sold_on=day,
            base_units=7,
            amount=Decimal(0),
            recorded_at=AT,
        )
    )


def take_a_sale_back(place: int, _day: date) -> None:
    change(SaleLine, place, replaced_at=LATER)


def move_a_sale(place: int, day: date) -> None:
    change(SaleLine, place, sold_on=day)


def take_a_sale_out(place: int, _day: date) -> None:
    db.session.execute(delete(SaleLine).where(SaleLine.id == pick(SaleLine, place)))


def count_anew(place: int, day: date) -> None:
    key = {"institution_id": pick(Institution, place), "item_id": pick(Item, place), "counted_on": day}
    if db.session.scalar(select(StockCount.id).filter_by(**key, replaced_at=None)) is None:
        db.session.execute(insert(StockCount).values(**key, base_units=place, recorded_at=AT))


def take_a_count_back(place: int, _day: date) -> None:
    change(StockCount, place, replaced_at=LATER)


def accept_on_another_day(place: int, day: date) -> None:
    change(Shipment, place, accepted_at=moment(day))


def accept_less(place: int, _day: date) -> None:
    change(
        ShipmentLine,
        place,
        accepted_packs=ShipmentLine.returned_packs,
        rejected_packs=ShipmentLine.shipped_packs - ShipmentLine.returned_packs,
        reject_reason="damaged",
    )


def give_back_on_another_day(place: int, day: date) -> None:
    change(GoodsReturn, place, agreed_at=moment(day))


def give_back_more(place: int, _day: date) -> None:
    change(ReturnLine, place, packs=ReturnLine.packs + 1)


def set_aside(place: int, day: date) -> None:
    orders = db.session.scalars(select(Order.id).order_by(Order.id)).all()
    if db.session.scalar(select(OrderDouble.id)) is not None:
        db.session.execute(delete(OrderDouble))
    elif len(orders) > 1:
        one, other = orders[place % len(orders)], orders[place % len(orders) - 1]
        db.session.execute(
            insert(OrderDouble).values(
                order_id=one,
                other_id=other,
                found_at=AT,
                decision=DoubleDecision.SAME,
                set_aside_id=one,
                decided_at=AT,
            )
        )


CHANGES: tuple[Callable[[int, date], None], ...] = (
    sell_more,
    take_a_sale_back,
    move_a_sale,
    take_a_sale_out,
    count_anew,
    take_a_count_back,
    accept_on_another_day,
    accept_less,
    give_back_on_another_day,
    give_back_more,
    set_aside,
)


def answers(on: date, *, carried: bool) -> list[Any]:
    """All that is asked of the ledger at the end of a day, begun with balances or not."""
    base = carried_to(on) if carried else None
    connection = db.session.connection()
    pairs = select(Institution.id.label("institution_id"), Item.id.label("item_id"))
    every = pairs.select_from(Institution).join(Item, true()).subquery("pair")
    found = []
    for statement in (
        ledger(on, None, base),
        with_ledger(on, every, base),
        counted_stock(on, lambda _column: true(), base),
    ):
        rows = connection.execute(statement).all()
        found.append(sorted((row.institution_id, row.item_id, int(row.base_units)) for row in rows))
    # Where nothing moved, nothing and 0 are the same.
    found[0] = [row for row in found[0] if row[2]]
    return found


@pytest.mark.both_databases
@settings(
    max_examples=examples(12),
    deadline=None,
    phases=[Phase.explicit, Phase.reuse, Phase.generate],
    suppress_health_check=[HealthCheck.function_scoped_fixture, HealthCheck.too_slow],
)
@given(
    seed=st.integers(0, 2**32),
    steps=st.lists(
        st.tuples(
            st.sampled_from(CHANGES),
            st.integers(0, 9),
            st.dates(date(2025, 11, 20), date(2026, 3, 20)),
            st.booleans(),
        ),
        min_size=1,
        max_size=6,
    ),
)
def test_whatever_is_dated_back_is_seen_at_once_and_carried_the_next_time(world, seed, steps):
    for table in (OrderDouble, ClosedMonth, StockCarried, StockBalance, StockDisturbed, StockWatch):
        db.session.execute(delete(table))
    empty()
    for kind, some in draw(Random(seed)).items():
        if some:
            take_well(kind, *some)
    close(*CLOSED[:3])
    carry_stock(by=SYSTEM, at=AT)
    close(CLOSED[3])
    carry_stock(by=SYSTEM, at=AT)
    for what, place, day, carry in steps:
        what(place, day)
        db.session.flush()
        if carry:
            carry_stock(by=SYSTEM, at=AT)
            assert [not_holding(end) for end in ENDS] == [[], [], []]
            assert list(stock_balances.problems()) == []
        for on in (ENDS[0], ENDS[1], ENDS[1] + timedelta(days=9), date(2026, 3, 31)):
            assert answers(on, carried=True) == answers(on, carried=False)
    with_balances = [check(Scope(end), RULES) for end in (*ENDS[1:], date(2026, 3, 31))]
    db.session.execute(delete(StockCarried))
    assert with_balances == [check(Scope(end), RULES) for end in (*ENDS[1:], date(2026, 3, 31))]


@pytest.mark.both_databases
def test_stock_is_carried_to_the_last_closed_months_and_what_is_dated_back_disturbs_its_institution_alone(
    world,
):
    everybody = set(db.session.scalars(select(Institution.id)))
    assert carry_stock(by=SYSTEM, at=AT) == 0
    close(*CLOSED)
    assert days_to_carry() == ENDS
    assert carry_stock(by=SYSTEM, at=AT) == 3 * len(everybody)
    assert carry_stock(by=SYSTEM, at=AT) == 0
    assert carried_to(date(2026, 2, 27)) == (ENDS[1], [])
    assert carried_to(date(2025, 12, 30)) is None
    sell_more(1, date(2026, 1, 31))
    seller = db.session.scalar(select(Institution.id).where(Institution.code == "0V01"))
    assert not_holding(ENDS[0]) == []
    assert carried_to(ENDS[1]) == (ENDS[1], [seller])
    assert jobs.run_now("carry-stock").changed == 2
    assert carried_to(ENDS[2]) == (ENDS[2], [])
    # What lies after the last closed month disturbs nothing.
    sell_more(2, date(2026, 3, 1))
    assert db.session.scalars(select(StockDisturbed)).all() == []


@pytest.mark.both_databases
def test_a_balance_that_says_something_else_is_a_problem_of_the_database(world):
    close(*CLOSED)
    sell_more(1, date(2026, 1, 31))
    carry_stock(by=SYSTEM, at=AT)
    assert list(stock_balances.problems()) == []
    db.session.execute(update(StockBalance).values(base_units=StockBalance.base_units + 1))
    assert {problem.subject for problem in stock_balances.problems()} == {"0V01 LY001"}
