from __future__ import annotations

from collections.abc import Callable
from datetime import date, timedelta
from typing import Any

import pytest
from flask import Flask

from clinic_orders.actions.answering import Answer, answer_order, answer_order_in_full
from clinic_orders.actions.shipping import ShipLine, ship
from clinic_orders.models.base import db
from clinic_orders.models.roster import InstitutionRecord
from clinic_orders.queries.counting import numbers
from clinic_orders.queries.distribution import (
    OrderFilter,
    OrderStatus,
    count_open,
    count_orders,
    lapsed_since,
    open_orders,
    order_sheet,
    orders_listed,
    orders_with_lines,
)
from clinic_orders.rules.days import day_in_china
from tests.orders_in_work import NOW, World, make_order, make_world

GOOD = date(2028, 6, 30)
LATER = NOW + timedelta(hours=3)


@pytest.fixture
def world(app: Flask) -> World:
    return make_world()


def test_the_work_list_has_the_most_urgent_first_and_only_open_orders(world: World) -> None:
    answered = make_order(world, (2, 3), submitted_at=NOW - timedelta(days=1))
    answer_order_in_full(answered.order_no, by=world.seller, at=NOW - timedelta(hours=20))
    emergency = make_order(world, (1,), submitted_at=NOW - timedelta(hours=3), emergency=True)
    waiting = make_order(world, submitted_at=NOW - timedelta(hours=1))
    lapsed = make_order(world, submitted_at=NOW - timedelta(days=9))
    refused = make_order(world, (4,))
    answer_order(refused.order_no, {1: Answer(0, "stock_out")}, by=world.seller, at=NOW)
    shipped = make_order(world, (4,))
    answer_order_in_full(shipped.order_no, by=world.seller, at=NOW)
    ship(shipped.order_no, [ShipLine(1, "B", GOOD, 4)], by=world.seller, at=NOW)
    make_order(world, distributor=world.other_distributor)

    rows = open_orders(world.seller, at=NOW)
    assert [(row.order_no, row.status, row.late) for row in rows] == [
        (emergency.order_no, OrderStatus.TO_ANSWER, True),
        (answered.order_no, OrderStatus.TO_SHIP, False),
        (waiting.order_no, OrderStatus.TO_ANSWER, False),
    ]
    assert (rows[1].open_items, rows[1].open_packs, rows[1].institution, rows[1].county) == (
        2,
        5,
        "明白川村卫生室",
        "嵩县",
    )
    assert numbers([count_open(world.seller, NOW)]) == [3]
    assert lapsed_since(world.seller, since=NOW - timedelta(days=20), at=NOW) == 1
    assert lapsed_since(world.seller, since=NOW - timedelta(days=1), at=NOW) == 0
    statuses = {row.order_no: row.status for row in orders_listed(world.seller, OrderFilter(), at=NOW)}
    assert statuses[lapsed.order_no] is OrderStatus.LAPSED
    assert statuses[refused.order_no] is OrderStatus.REFUSED
    assert statuses[shipped.order_no] is OrderStatus.UNDER_WAY


def test_the_delivery_limit_skips_days_off_and_is_longer_where_only_cold_goods_are_left(world: World) -> None:
    order = make_order(world, (1, 1, 1, 1, 1), submitted_at=NOW)
    answer_order_in_full(order.order_no, by=world.seller, at=NOW)
    (row,) = open_orders(world.seller, at=NOW)
    # Friday's answer gives 48 hours without the weekend.
    assert row.deadline == NOW + timedelta(days=4)
    rows = [ShipLine(number, "B", GOOD, 1) for number in (1, 2, 3, 4)]
    ship(order.order_no, rows, by=world.seller, at=NOW)
    (row,) = open_orders(world.seller, at=NOW)
    assert row.deadline == NOW + timedelta(days=5)


def test_an_emergency_order_lapses_after_its_working_days_like_any_other(world: World) -> None:
    order = make_order(world, submitted_at=NOW, emergency=True)
    end = NOW + timedelta(days=4, hours=14, minutes=19)
    assert open_orders(world.seller, at=end - timedelta(seconds=1))
    assert not open_orders(world.seller, at=end)
    (row,) = orders_listed(world.seller, OrderFilter(status=OrderStatus.LAPSED), at=end)
    assert row.order_no == order.order_no
    assert not count_orders(world.seller, OrderFilter(status=OrderStatus.TO_ANSWER), at=end)


def test_the_list_finds_by_number_place_and_item_and_each_state_keeps_its_own(world: World) -> None:
    first = make_order(world, (1,), order_no="CG20261120-9001")
    second = make_order(world, (1, 2), institution=world.hospital, order_no="CG20261120-9002")
    done = make_order(world, (4,), institution=world.hospital, order_no="CG20261120-9003")
    answer_order_in_full(done.order_no, by=world.seller, at=NOW)
    withdrawn = make_order(world, (4,), order_no="CG20261120-9004")
    withdrawn.lines[0].withdrawn_before = 4
    disowned = make_order(world, (4,), order_no="CG20261120-9005")
    disowned.disowned_at = NOW
    db.session.commit()

    def found(**wanted: Any) -> list[str]:
        rows = orders_listed(world.seller, OrderFilter(**wanted), at=NOW, sort="number")
        assert count_orders(world.seller, OrderFilter(**wanted), at=NOW) == len(rows)
        return [row.order_no[-1] for row in rows]

    assert found(words="9002") == ["2"]
    assert found(words="白元") == ["2", "3"]
    assert found(words="厄贝沙坦") == ["2"]
    assert found(words="车村 氯吡格雷") == ["1", "4", "5"]
    assert found(words="100%_") == []
    assert found(county="410329") == ["2", "3"]
    assert found(status=OrderStatus.TO_ANSWER) == ["1", "2"]
    assert found(status=OrderStatus.TO_SHIP) == ["3"]
    assert found(status=OrderStatus.WITHDRAWN) == ["4"]
    assert found(status=OrderStatus.DISOWNED) == ["5"]
    assert found(last_day=date(2026, 11, 19)) == []
    for status in OrderStatus:
        for row in orders_listed(world.seller, OrderFilter(status=status), at=NOW):
            assert row.status is status
    assert first.order_no
    assert second.order_no


def test_sorting_and_paging_keep_to_the_whole_list(world: World) -> None:
    numbers = [make_order(world, (count,)).order_no for count in (3, 1, 2)]
    rows = orders_listed(world.seller, OrderFilter(), at=NOW, sort="-packs", offset=1, limit=1)
    assert [row.packs for row in rows] == [2]
    rows = orders_listed(world.seller, OrderFilter(), at=NOW, sort="nonsense", limit=None)
    assert {row.order_no for row in rows} == set(numbers)


def test_foreign_orders_are_not_there(world: World) -> None:
    order = make_order(world)
    assert order_sheet(order.order_no, world.stranger, at=NOW) is None
    assert orders_with_lines([order.order_no], world.stranger, at=NOW) == []
    assert order_sheet(order.order_no, world.seller, at=NOW) is not None


@pytest.mark.both_databases
def test_the_lists_ask_the_same_number_of_questions_however_long_they_are(
    app: Flask, count_sql: Callable[[], Any]
) -> None:
    world = make_world()
    counts = []
    for _round in range(2):
        for number in range(4):
            order = make_order(world)
            if number % 2:
                answer_order_in_full(order.order_no, by=world.seller, at=NOW)
        db.session.expire_all()
        with count_sql() as seen:
            assert open_orders(world.seller, at=NOW)
            orders_listed(world.seller, OrderFilter(words="明白川 CG"), at=NOW)
            order_sheet(order.order_no, world.seller, at=NOW)
        counts.append(seen.count)
    assert counts[0] == counts[1]


@pytest.mark.both_databases
@pytest.mark.parametrize("emergency", [False, True])
def test_the_limit_is_that_of_the_place_as_it_was_on_the_day_from_which_it_runs(
    world: World, emergency: bool
) -> None:
    order = make_order(world, submitted_at=NOW - timedelta(hours=2), emergency=emergency)
    answer_order_in_full(order.order_no, by=world.seller, at=NOW - timedelta(hours=1))
    (before,) = open_orders(world.seller, at=NOW)
    old = world.clinic.records[0]
    tomorrow = day_in_china(NOW) + timedelta(days=1)
    old.valid_before = tomorrow
    world.clinic.records.append(
        InstitutionRecord(
            valid_from=tomorrow,
            name=old.name,
            kind=old.kind,
            county_code=old.county_code,
            township=old.township,
            remote=True,
            joined_on=old.joined_on,
            recorded_at=NOW,
        )
    )
    db.session.commit()
    (after,) = open_orders(world.seller, at=NOW + timedelta(days=1))
    assert after.deadline == before.deadline
    other = make_order(world, submitted_at=NOW + timedelta(days=1), emergency=emergency)
    answer_order_in_full(other.order_no, by=world.seller, at=NOW + timedelta(days=1))
    rows = {row.order_no: row.deadline for row in open_orders(world.seller, at=NOW + timedelta(days=1))}
    assert rows[other.order_no] - timedelta(hours=30) > rows[order.order_no]
