"""Price monitoring by SQL says what the plain rule says, and its alarms are findings (R-STAT-4)."""

from __future__ import annotations

from datetime import date, timedelta
from decimal import Decimal
from typing import Any

import pytest
from hypothesis import HealthCheck, Phase, given, settings
from hypothesis import strategies as st
from sqlalchemy import delete, insert

from clinic_orders.actions.findings import raise_findings
from clinic_orders.actions.monitoring import (
    add_sentinel,
    add_watched_item,
    collect_prices,
    end_watched_item,
    publish_prices,
)
from clinic_orders.models.base import db
from clinic_orders.models.monitoring import MonitoredPrice, WatchedItem
from clinic_orders.models.supervision import FindingRecord
from clinic_orders.queries.checks import Scope, check
from clinic_orders.queries.monitoring import monitored_month, prices_of_month, to_collect
from clinic_orders.rules.days import Month
from clinic_orders.rules.findings import CheckRule
from clinic_orders.rules.monitoring import (
    MonthPublished,
    MonthStillRuns,
    NothingObserved,
    NotWatched,
    Observed,
    WatchedAlready,
    month_of,
)
from clinic_orders.rules.parties import SYSTEM
from clinic_orders.rules.reporting import NothingTyped
from tests import factories as make
from tests.examples import examples

OCTOBER = Month(2026, 10)
RULES = {CheckRule.MONITORED_RISE, CheckRule.MONITORED_CHANGES}
FEW = settings(
    max_examples=examples(20),
    deadline=None,
    phases=[Phase.generate],
    suppress_health_check=[HealthCheck.function_scoped_fixture],
)
DAYS = st.integers(min_value=0, max_value=70).map(lambda number: date(2026, 8, 30) + timedelta(days=number))
PRICES = st.sampled_from([None, Decimal("3.0000"), Decimal("3.3333"), Decimal("4.0000"), Decimal("9.9999")])
SEEN = st.dictionaries(DAYS, st.tuples(PRICES, st.booleans()), max_size=9)


@pytest.fixture
def world(app: Any) -> make.World:
    world = make.make_world(items=3)
    for item in world.items[:2]:
        add_watched_item(item.item_code, first=make.FIRST_DAY, by=SYSTEM, at=make.NOW)
    for place in (world.clinic, world.pharmacy):
        add_sentinel(place.code, first=make.FIRST_DAY, by=SYSTEM, at=make.NOW)
    return world


def observe(institution: Any, item: Any, seen: dict[date, tuple[Decimal | None, bool]]) -> list[Observed]:
    rows = [
        {
            "institution_id": institution.id, "item_id": item.id, "observed_on": day, "price": price,
            "out_of_stock": out or price is None, "recorded_at": make.LONG_AGO,
        }
        for day, (price, out) in seen.items()
    ]  # fmt: skip
    if rows:
        db.session.execute(insert(MonitoredPrice), rows)
    return [Observed(row["observed_on"], row["price"], row["out_of_stock"]) for row in rows]


@pytest.mark.both_databases
@FEW
@given(st.lists(SEEN, min_size=4, max_size=4))
def test_the_statement_and_the_rule_agree_on_whatever_was_observed(
    world: make.World, seen: list[dict[date, tuple[Decimal | None, bool]]]
) -> None:
    db.session.execute(delete(MonitoredPrice))
    pairs = [(place, item) for place in (world.clinic, world.pharmacy) for item in world.items[:2]]
    for month in (Month(2026, 9), OCTOBER):
        db.session.execute(delete(MonitoredPrice))
        wanted = {}
        for (place, item), days in zip(pairs, seen, strict=True):
            observed = observe(place, item, days)
            if any(one.day in month for one in observed):
                wanted[place.id, item.id] = month_of(observed, month)
        assert prices_of_month(month) == wanted


@pytest.mark.both_databases
def test_a_rise_and_many_changes_are_found_once_and_end_when_they_are_put_right(world: make.World) -> None:
    item, shop = world.items[0], world.pharmacy
    observe(
        shop,
        item,
        {
            date(2026, 9, 5): (Decimal("4.00"), False),
            date(2026, 10, 3): (Decimal("4.10"), False),
            date(2026, 10, 9): (Decimal("4.50"), False),
            date(2026, 10, 20): (Decimal("4.81"), False),
        },
    )
    found = check(Scope(date(2026, 10, 31)), RULES)
    assert [(one.rule, one.institution, one.key, one.period) for one in found] == [
        (CheckRule.MONITORED_CHANGES, "P01", item.item_code, "2026-10"),
        (CheckRule.MONITORED_RISE, "P01", item.item_code, "2026-10"),
    ]
    assert found[1].written_figures() == {"before": "4.00", "price": "4.81", "rise": "0.2025"}
    assert check(Scope(date(2026, 10, 19)), RULES) == [], "two changes, and 12.5 % up by then"
    raise_findings(date(2026, 10, 31), found, RULES, by=SYSTEM, at=make.NOW)
    assert db.session.query(FindingRecord).count() == 2
    assert check(Scope(date(2026, 10, 31), [world.clinic.id]), RULES) == []


def test_exactly_at_the_limit_nothing_is_found(world: make.World) -> None:
    item = world.items[0]
    observe(
        world.clinic,
        item,
        {date(2026, 9, 5): (Decimal("5.00"), False), date(2026, 10, 3): (Decimal("6.00"), False)},
    )
    assert check(Scope(date(2026, 10, 31)), RULES) == []


def test_what_is_no_longer_watched_is_not_judged_and_not_asked_for(world: make.World) -> None:
    item = world.items[0]
    spell = db.session.query(WatchedItem).filter_by(item_id=item.id).one()
    with pytest.raises(WatchedAlready):
        add_watched_item(item.item_code, first=make.TODAY, by=SYSTEM, at=make.NOW)
    end_watched_item(spell.id, last=date(2026, 9, 30), by=SYSTEM, at=make.NOW)
    observe(
        world.clinic,
        item,
        {date(2026, 9, 5): (Decimal("5.00"), False), date(2026, 10, 3): (Decimal("9.00"), False)},
    )
    assert check(Scope(date(2026, 10, 31)), RULES) == []
    assert [one.item.code for one in to_collect(world.clinic.id, on=make.TODAY)] == [world.items[1].item_code]
    with pytest.raises(NotWatched):
        collect_prices({item.item_code: Decimal(1)}, by=world.actor(world.clinic), at=make.NOW)


@pytest.mark.both_databases
def test_a_month_is_reported_filled_in_with_the_last_price_and_published_once(world: make.World) -> None:
    first, second = world.items[:2]
    clinic, shop = world.actor(world.clinic), world.actor(world.pharmacy)
    september = make.later(start=make.NOW, days=-60)
    october = make.later(start=make.NOW, days=-30)
    collect_prices({first.item_code: Decimal("4.00")}, by=clinic, at=september)
    (line, other) = sorted(to_collect(world.clinic.id, on=date(2026, 10, 21)), key=lambda one: one.item.code)
    assert (line.before, line.said, other.before) == (Decimal("4.00"), False, None)
    collect_prices({first.item_code: Decimal("4.40")}, [second.item_code], by=clinic, at=october)
    assert collect_prices({first.item_code: Decimal("4.40")}, by=clinic, at=october) == 0
    collect_prices({first.item_code: Decimal("5.00")}, by=shop, at=october)
    with pytest.raises(NothingTyped):
        collect_prices({}, by=shop, at=october)
    with pytest.raises(NotWatched):
        collect_prices({first.item_code: Decimal(1)}, by=world.actor(world.second_clinic), at=october)
    found = monitored_month(OCTOBER, SYSTEM)
    assert (found.expected, found.reported) == (4, 3)
    assert [(place.code, lacking) for place, lacking in found.missing()] == [("P01", 1)]
    with pytest.raises(MonthStillRuns):
        publish_prices(Month(2026, 11), by=SYSTEM, at=make.NOW)
    with pytest.raises(NothingObserved):
        publish_prices(Month(2026, 3), by=SYSTEM, at=make.NOW)
    made = publish_prices(OCTOBER, by=SYSTEM, at=make.NOW)
    (row, out) = sorted(made.rows, key=lambda one: one["code"])
    assert (row["lowest"], row["highest"], row["mean"]) == ("4.4000", "5.0000", "4.7000")
    assert (row["spread"], row["change"], row["priced"], out["outs"]) == ("0.1364", "0.1000", 2, 1)
    with pytest.raises(MonthPublished):
        publish_prices(OCTOBER, by=SYSTEM, at=make.NOW)
