"""The set-based delivery rate and the plain rule agree on random orders (R-DEL-3, R-DEL-4)."""

from __future__ import annotations

from dataclasses import dataclass, field
from datetime import date, datetime, timedelta
from fractions import Fraction
from typing import Any

import pytest
from flask import Flask
from hypothesis import HealthCheck, Phase, given, settings
from hypothesis import strategies as st
from sqlalchemy import delete, update

from clinic_orders.models.base import db
from clinic_orders.models.catalogue import Item
from clinic_orders.models.deliveries import Shipment, ShipmentLine
from clinic_orders.models.orders import Order, OrderEvent, OrderLine
from clinic_orders.queries.checks import Scope, check
from clinic_orders.queries.checks.delivery_rate import rates
from clinic_orders.queries.checks.limits import reach_of
from clinic_orders.queries.policy import policy_book
from clinic_orders.queries.scorecards import scores
from clinic_orders.rules.days import Month, day_in_china, end_of_day, start_of_day
from clinic_orders.rules.delivery import DeliveryHours, delivery_limit
from clinic_orders.rules.delivery_rate import LimitedLine, rates_of
from clinic_orders.rules.findings import CheckRule
from clinic_orders.rules.ordering import lapses_at
from clinic_orders.rules.policy import PolicyBook
from clinic_orders.rules.scorecard import Arrival, DueLine, Score, sum_of
from tests.examples import examples
from tests.files_world import make_world, order, receipt, take_well

pytestmark = pytest.mark.both_databases

MONTH = Month(2026, 2)
FIRST = start_of_day(date(2025, 12, 20))


def of_limit(moment: datetime) -> date:
    """The day to which a limit belongs: 24:00 is of the day that ends with it."""
    return day_in_china(moment - timedelta(microseconds=1))


@given(
    begins=st.integers(0, 60 * 24 * 120).map(lambda minutes: FIRST + timedelta(minutes=minutes)),
    hours=st.integers(1, 200),
    remote=st.booleans(),
    emergency=st.booleans(),
)
def test_the_table_of_limits_says_what_the_rule_says(begins, hours, remote, emergency):
    limit = delivery_limit(
        submitted_at=begins,
        answered_at=begins,
        hours=DeliveryHours(hours, hours, hours, hours),
        confirm_days=2,
        remote=remote,
        emergency=emergency,
    )
    reach = reach_of(day_in_china(begins), hours, working_days_only=not emergency)
    assert (reach.day if begins <= reach.until else reach.later_day) == of_limit(limit)


@dataclass
class Drawn:
    """One order of one line, in packs and hours from its submission."""

    submitted: datetime
    packs: int
    emergency: bool
    remote: bool
    answered_after: int | None
    confirmed: int
    withdrawn: int
    withdrawn_after: int
    parts: list[tuple[int, int, int, str, bool]] = field(default_factory=list)


@st.composite
def orders(draw: st.DrawFn) -> Drawn:
    packs = draw(st.integers(1, 20))
    answered = draw(st.none() | st.integers(0, 400))
    confirmed = draw(st.integers(0, packs)) if answered is not None else 0
    one = Drawn(
        submitted=FIRST + timedelta(minutes=draw(st.integers(0, 60 * 24 * 75))),
        packs=packs,
        emergency=draw(st.booleans()),
        remote=draw(st.booleans()),
        answered_after=answered,
        confirmed=confirmed,
        withdrawn=0,
        withdrawn_after=draw(st.integers(0, 500)),
    )
    left = confirmed
    for _ in range(draw(st.integers(0, 2))):
        if left:
            shipped = draw(st.integers(1, left))
            left -= shipped
            rejected = draw(st.integers(0, shipped))
            reason = draw(st.sampled_from(["damaged", "not_ordered", "other:hat"]))
            one.parts.append((draw(st.integers(0, 600)), shipped, rejected, reason, draw(st.booleans())))
    one.withdrawn = draw(st.integers(0, packs if answered is None else left))
    return one


def later(one: Drawn, hours: int) -> datetime:
    return one.submitted + timedelta(hours=hours)


def store(number: int, one: Drawn) -> None:
    row: dict[str, Any] = {
        "order_no": f"A{number}",
        "institution_code": "0V01" if one.remote else "0H01",
        "submitted_at": one.submitted,
        "packs": one.packs,
        "emergency": one.emergency,
        "confirmed_packs": None,
        "confirmed_at": None,
    }
    if one.answered_after is not None:
        row |= {"confirmed_packs": one.confirmed, "confirmed_at": later(one, one.answered_after)}
    if one.withdrawn:
        moment = later(one, max(one.answered_after or 0, one.withdrawn_after))
        row |= {"withdrawn_packs": one.withdrawn, "withdrawn_at": moment}
    take_well("orders", order(**row))
    for place, (hours, shipped, rejected, reason, noted) in enumerate(one.parts):
        delivered = later(one, (one.answered_after or 0) + hours)
        take_well(
            "receipts",
            receipt(
                receipt_no=f"R{number}-{place}",
                order_no=f"A{number}",
                shipped_packs=shipped,
                accepted_packs=shipped - rejected,
                rejected_packs=rejected,
                reject_reason=reason if rejected else None,
                shipped_at=None,
                delivered_at=delivered - timedelta(hours=5) if noted and hours >= 5 else None,
                accepted_at=delivered,
            ),
        )


def plain_rate(drawn: list[Drawn], book: PolicyBook, as_of: date, cold_chain: bool) -> Fraction | None:
    """What the rules say, line by line."""
    ends, lines = end_of_day(as_of), []
    for one in drawn:
        answered = None if one.answered_after is None else later(one, one.answered_after)
        seen = answered if answered is not None and answered < ends else None
        begins = one.submitted if one.emergency or seen is None else seen
        day = day_in_china(begins)
        limit = delivery_limit(
            submitted_at=one.submitted,
            answered_at=seen,
            hours=DeliveryHours.of(book, on=day),
            confirm_days=book.whole("order.confirm_days", on=day),
            remote=one.remote,
            cold_chain=cold_chain,
            emergency=one.emergency,
        )
        if one.submitted >= ends or of_limit(limit) not in MONTH:
            continue
        withdrawn_at = later(one, max(one.answered_after or 0, one.withdrawn_after))
        counted = withdrawn_at < ends and day_in_china(withdrawn_at) <= of_limit(limit)
        delivered = rejected = 0
        for hours, shipped, refused, reason, noted in one.parts:
            accepted_at = later(one, (one.answered_after or 0) + hours)
            delivered_at = accepted_at - timedelta(hours=5) if noted and hours >= 5 else accepted_at
            if delivered_at < ends:
                delivered += shipped
                rejected += refused if reason == "damaged" and accepted_at < ends else 0
        lines.append(LimitedLine(one.packs, one.withdrawn if counted else 0, delivered, 0, rejected))
    return rates_of(lines).delivery_rate


def plain_score(drawn: list[Drawn], book: PolicyBook, as_of: date, cold_chain: bool) -> Score:
    """The scorecard that the rules give, line by line (R-STAT-3)."""
    ends, score = end_of_day(as_of), Score()
    for one in drawn:
        answered = None if one.answered_after is None else later(one, one.answered_after)
        seen = answered if answered is not None and answered < ends else None
        if one.submitted >= ends:
            continue
        confirm_days = book.whole("order.confirm_days", on=day_in_china(one.submitted))
        last_day = of_limit(lapses_at(one.submitted, confirm_days=confirm_days))
        withdrawn_at = later(one, max(one.answered_after or 0, one.withdrawn_after))
        taken_back = (
            one.answered_after is None
            and one.withdrawn == one.packs
            and day_in_china(withdrawn_at) <= last_day
        )
        if last_day in MONTH and not taken_back:
            score.lines_to_answer += 1
            score.lines_answered += seen is not None and day_in_china(seen) <= last_day
        begins = one.submitted if one.emergency or seen is None else seen
        limit = delivery_limit(
            submitted_at=one.submitted,
            answered_at=seen,
            hours=DeliveryHours.of(book, on=day_in_china(begins)),
            confirm_days=book.whole("order.confirm_days", on=day_in_china(begins)),
            remote=one.remote,
            cold_chain=cold_chain,
            emergency=one.emergency,
        )
        if of_limit(limit) not in MONTH:
            continue
        arrivals = []
        for hours, shipped, refused, reason, noted in one.parts:
            accepted_at = later(one, (one.answered_after or 0) + hours)
            delivered_at = accepted_at - timedelta(hours=5) if noted and hours >= 5 else accepted_at
            if delivered_at < ends:
                lost = refused if reason == "damaged" and accepted_at < ends else 0
                arrivals.append(Arrival(day_in_china(delivered_at), shipped - lost, delivered_at <= limit))
        counted = withdrawn_at < ends and day_in_china(withdrawn_at) <= of_limit(limit)
        line = DueLine(of_limit(limit), one.packs, one.withdrawn if counted else 0, tuple(arrivals))
        score.take_line(line, on=as_of)
    return score


@pytest.fixture
def world(app: Flask) -> None:
    make_world()


def empty() -> None:
    for table in (ShipmentLine, Shipment, OrderEvent, OrderLine, Order):
        db.session.execute(delete(table))
    db.session.commit()


@settings(
    max_examples=examples(40),
    deadline=None,
    # Shrinking a case means writing it anew a thousand times; the first one found says enough.
    phases=[Phase.explicit, Phase.reuse, Phase.generate],
    suppress_health_check=[HealthCheck.function_scoped_fixture],
)
@given(
    drawn=st.lists(orders(), min_size=1, max_size=5),
    as_of=st.dates(date(2026, 1, 25), date(2026, 3, 20)),
    cold_chain=st.booleans(),
)
def test_sql_and_rule_give_one_rate(world, drawn, as_of, cold_chain):
    empty()
    db.session.execute(update(Item).where(Item.item_code == "LY001").values(cold_chain=cold_chain))
    for number, one in enumerate(drawn):
        store(number, one)
    db.session.commit()
    book = policy_book()
    found = rates(book, MONTH, as_of=as_of)
    assert found.get("D01") == plain_rate(drawn, book, as_of, cold_chain)
    assert rates(book, MONTH, as_of=as_of, only={"D01"}) == {
        code: rate for code, rate in found.items() if code == "D01"
    }
    assert rates(book, MONTH, as_of=as_of, only={"D99"}) == {}
    assert sum_of(scores(Scope(as_of), MONTH).values()) == plain_score(drawn, book, as_of, cold_chain)


def late_month(number: int, submitted: str, packs: int, came: int) -> None:
    """An order of which only some packs came, in a month of its own."""
    begins = start_of_day(date.fromisoformat(submitted)) + timedelta(hours=9)
    take_well(
        "orders",
        order(
            order_no=f"A{number}",
            submitted_at=begins,
            packs=packs,
            confirmed_packs=packs,
            confirmed_at=begins,
        ),
    )
    if came:
        moment = begins + timedelta(hours=6)
        take_well(
            "receipts",
            receipt(
                receipt_no=f"R{number}",
                order_no=f"A{number}",
                shipped_packs=came,
                accepted_packs=came,
                shipped_at=None,
                delivered_at=moment,
                accepted_at=moment,
            ),
        )


def test_three_months_below_in_a_row_are_found_and_an_empty_one_does_not_break_them(world):
    late_month(1, "2025-11-10", 10, 8)
    late_month(2, "2025-12-10", 10, 5)
    late_month(3, "2026-02-10", 10, 7)
    found = check(Scope(date(2026, 2, 28)), [CheckRule.DELIVERY_RATE])
    assert [one.as_json() for one in found] == [
        {
            "rule": "delivery_rate",
            "grade": "violation",
            "institution": None,
            "distributor": "D01",
            "key": None,
            "period": "2026-02",
            "formula": "rate = 0.7000 < 0.90; months_below = 3 ≥ 3",
            "rate": "0.7000",
            "months_below": 3,
        }
    ]
    assert check(Scope(date(2026, 2, 27)), [CheckRule.DELIVERY_RATE]) == []
    assert check(Scope(date(2026, 1, 31)), [CheckRule.DELIVERY_RATE]) == []


def test_a_good_month_ends_the_run(world):
    late_month(1, "2025-11-10", 10, 8)
    late_month(2, "2025-12-10", 10, 5)
    late_month(3, "2026-01-12", 10, 9)
    late_month(4, "2026-02-10", 10, 7)
    assert check(Scope(date(2026, 2, 28)), [CheckRule.DELIVERY_RATE]) == []
