"""The monthly statistics against figures worked out by hand, and the closing of a month (R-STAT-1, R-STAT-2)."""

from __future__ import annotations

import json
from datetime import date, timedelta
from decimal import Decimal
from typing import Any

import pytest
from flask import Flask

from clinic_orders.actions.statistics import close_month, figures_hash
from clinic_orders.cli import run
from clinic_orders.queries import statistics as questions
from clinic_orders.queries.statistics import Figures, closed_month, restated, statistics
from clinic_orders.rules.closing import MonthAlreadyClosed, MonthChangedMeanwhile, MonthNotOver
from clinic_orders.rules.days import Month
from clinic_orders.rules.parties import SYSTEM, Actor, NotAllowed, Role
from tests.files_world import COUNTY, WORLD, going_back, make_world, moment, order, receipt, take_well
from tests.files_world import NOW as RECORDED_AT

pytestmark = pytest.mark.both_databases

FEBRUARY = Month(2026, 2)
CLOSED_AT = moment("2026-03-01T03:00")


@pytest.fixture
def world(app: Flask) -> None:
    """A clinic with an order of January and one of February; its hospital bought nothing; a third one has left."""
    make_world()
    gone = {**WORLD["institutions"][0], "code": "0H09", "name": "旧县镇卫生院", "left_on": date(2026, 2, 10)}
    take_well("institutions", gone)
    take_well(
        "orders",
        order(),
        order(
            order_no="A2",
            institution_code="0V01",
            submitted_at=moment("2026-02-03T09:00"),
            confirmed_at=moment("2026-02-03T10:00"),
            pack_price=Decimal("3.3650"),
            item_code="LY002",
            packs=7,
            confirmed_packs=6,
        ),
        order(
            order_no="A3",
            institution_code="0H09",
            submitted_at=moment("2026-02-04T09:00"),
            confirmed_at=moment("2026-02-04T10:00"),
        ),
    )
    take_well(
        "receipts",
        receipt(accepted_packs=8, rejected_packs=2, reject_reason="damaged"),
        receipt(
            receipt_no="R2",
            order_no="A2",
            item_code="LY002",
            shipped_packs=6,
            accepted_packs=6,
            shipped_at=moment("2026-02-04T08:00"),
            delivered_at=moment("2026-02-05T08:00"),
            accepted_at=moment("2026-02-05T09:00"),
        ),
    )
    # R1 owes 8 × 0.125 = 1.00; three packs go back, so 5 × 0.125 = 0.625, rounded once to 0.63.
    take_well("returns", going_back())
    take_well(
        "payments",
        {
            "institution_code": "0V01",
            "distributor_code": "D01",
            "payment_no": "P1",
            "amount": Decimal("0.50"),
            "paid_on": date(2026, 2, 28),
            "receipt_no": "R1",
        },
    )
    take_well(
        "agreed-volumes",
        {
            "institution_code": "0V01",
            "item_code": "LY001",
            "cycle_start": date(2026, 1, 1),
            "cycle_end": date(2026, 12, 31),
            "agreed_packs": 20,
        },
    )


def test_city_county_and_kinds(world):
    found = statistics(FEBRUARY).as_json()
    assert (found["month"], found["frozen"]) == ("2026-02", False)
    city = found["city"]
    assert city == {
        "institutions": 2,
        "participating": 1,
        "coverage": "0.5000",
        # The clinic accepted both items within 90 days, the hospital none.
        "items_carried_average": "1.00",
        "orders": 1,
        "order_packs": 7,
        "order_amount": "23.56",
        "accepted_amount": "20.19",
        # A2 alone has its limit in February among members: 6 of 7 packs came.
        "delivery_rate": "0.8571",
        "amount_due": "0.63",
        "amount_paid_on_time": "0.50",
        "on_time_payment_rate": "0.7937",
        "overdue_amount": "0.00",
        "over_markup_lines": 0,
        "over_markup_excess": "0.00",
        # Eight packs accepted, three gone back, of twenty.
        "fulfilment": "0.2500",
        "trace_rate": None,
        "findings": city["findings"],
    }
    assert found["counties"] == [{"code": COUNTY, **city, "findings": found["counties"][0]["findings"]}]
    assert [one["kind"] for one in found["kinds"]] == ["township_hospital", "village_clinic"]
    hospitals, clinics = found["kinds"]
    assert (hospitals["institutions"], hospitals["coverage"], hospitals["delivery_rate"]) == (
        1,
        "0.0000",
        None,
    )
    assert (clinics["coverage"], clinics["order_packs"]) == ("1.0000", 7)


def test_findings_without_an_institution_stand_under_the_city_only(world):
    take_well(
        "orders",
        order(
            order_no="A4", confirmed_packs=None, confirmed_at=None, submitted_at=moment("2026-02-05T09:00")
        ),
    )
    found = statistics(FEBRUARY).as_json()
    assert found["city"]["findings"]["late_confirmation"] == 1
    assert "late_confirmation" not in found["counties"][0]["findings"]


def test_one_county_alone(world):
    found = statistics(FEBRUARY, COUNTY).as_json()
    assert found["city"] is None
    assert [one["code"] for one in found["counties"]] == [COUNTY]
    assert statistics(FEBRUARY, "410302").as_json()["counties"] == []


def test_a_closed_month_stays_as_it_was_and_what_came_later_is_a_restatement(world):
    before = statistics(FEBRUARY).as_json()
    closed = close_month(FEBRUARY, by=SYSTEM, at=CLOSED_AT)
    take_well(
        "orders",
        order(
            order_no="A5", submitted_at=moment("2026-02-20T09:00"), confirmed_at=moment("2026-02-20T10:00")
        ),
    )
    frozen = statistics(FEBRUARY)
    assert frozen.as_json() == before | {"frozen": True}
    assert frozen.cut_off_at == CLOSED_AT
    assert statistics(FEBRUARY, COUNTY).as_json()["counties"] == before["counties"]
    assert restated(FEBRUARY).as_json()["city"]["orders"] == 2
    assert (
        frozen.sha256
        == closed.sha256
        == figures_hash(closed.blocks, closed.by_county, closed.further, closed.rows)
    )


def _late(number: int) -> dict[str, object]:
    return order(
        order_no=f"L{number}",
        submitted_at=moment("2026-02-20T09:00"),
        confirmed_at=moment("2026-02-20T10:00"),
    )


def _recording(monkeypatch: pytest.MonkeyPatch, numbers: list[int]) -> None:
    """While a month is reckoned others record an order each time, at the instant of all files here."""
    reckon = questions.figures_to_keep

    def while_reckoned(month: Month) -> Figures:
        found = reckon(month)
        if numbers:
            take_well("orders", _late(numbers.pop()))
        return found

    monkeypatch.setattr(questions, "figures_to_keep", while_reckoned)


def test_what_was_under_way_at_the_cut_off_counts_and_nothing_else(world, monkeypatch):
    _recording(monkeypatch, [1])
    closed = close_month(FEBRUARY, by=SYSTEM, at=RECORDED_AT)
    assert (closed.blocks["city"]["orders"], closed.cut_off_at) == (2, RECORDED_AT)


def test_what_is_recorded_after_the_cut_off_is_a_restatement(world, monkeypatch):
    _recording(monkeypatch, [1])
    at = RECORDED_AT - timedelta(hours=2)
    closed = close_month(FEBRUARY, by=SYSTEM, at=at)
    assert (closed.blocks["city"]["orders"], closed.cut_off_at) == (1, at)
    assert restated(FEBRUARY).as_json()["city"]["orders"] == 2


def test_the_cut_off_is_not_before_what_the_figures_have_seen(world):
    closed = close_month(FEBRUARY, by=SYSTEM, at=RECORDED_AT - timedelta(minutes=1))
    assert closed.cut_off_at == RECORDED_AT


def test_a_month_that_is_never_at_rest_is_not_closed(world, monkeypatch):
    _recording(monkeypatch, list(range(9)))
    with pytest.raises(MonthChangedMeanwhile):
        close_month(FEBRUARY, by=SYSTEM, at=RECORDED_AT)
    assert closed_month(FEBRUARY) is None


def test_a_month_is_closed_once_and_when_it_is_over(world):
    with pytest.raises(MonthNotOver):
        close_month(FEBRUARY, by=SYSTEM, at=moment("2026-02-28T23:59"))
    with pytest.raises(NotAllowed):
        close_month(FEBRUARY, by=Actor("县", Role.COUNTY, county_code=COUNTY), at=CLOSED_AT)
    assert closed_month(FEBRUARY) is None
    close_month(FEBRUARY, by=SYSTEM, at=CLOSED_AT)
    with pytest.raises(MonthAlreadyClosed):
        close_month(FEBRUARY, by=SYSTEM, at=CLOSED_AT)


def console(app: Flask, *arguments: str) -> Any:
    with pytest.raises(SystemExit) as left:
        run(lambda: app, list(arguments))
    return left.value.code


def test_the_console_closes_and_prints(world, app, capsys):
    assert console(app, "close-month", "2026-02") == 0
    capsys.readouterr()
    assert console(app, "statistics", "2026-02", "--format", "json") == 0
    assert json.loads(capsys.readouterr().out)["frozen"] is True
    assert console(app, "close-month", "2026-02") == 1
    assert "2026-02" in capsys.readouterr().err
    assert console(app, "statistics", "2026-13") == 2
