"""The demonstration fills an empty database, the same way every time, and what it fills in agrees with itself."""

from __future__ import annotations

import csv
import hashlib
import io
import json
from collections import Counter
from datetime import date, datetime, time
from decimal import Decimal
from pathlib import Path

import pytest
from sqlalchemy import select

from clinic_orders.cli import run
from clinic_orders.exchange.demonstration import (
    SMALL_COUNTIES,
    Demonstration,
    files,
    make_demonstration,
)
from clinic_orders.exchange.demonstration.monitoring import observed_prices
from clinic_orders.exchange.demonstration.selling import worth
from clinic_orders.exchange.divisions import CATALOG, read_divisions
from clinic_orders.exchange.exporting import CSV, export_file
from clinic_orders.exchange.tables import KINDS
from clinic_orders.models.base import db
from clinic_orders.models.supervision import FindingRecord
from clinic_orders.queries.checks import checked_rules
from clinic_orders.queries.integrity import problems
from clinic_orders.rules.days import SHANGHAI
from clinic_orders.rules.finding_states import FindingState
from clinic_orders.rules.findings import CheckRule
from clinic_orders.rules.markup import allowed_amount
from clinic_orders.rules.parties import SYSTEM, InstitutionKind
from tests.conftest import Databases, make_app
from tests.migrating import counts, each_goes_down_and_up

# As the console makes it: the history ends as the day begins.
NOW = datetime(2026, 11, 20, tzinfo=SHANGHAI)
# How many of each rule are planted in four months with seed 1, as of a month's and as of a quarter's last day.
PLANTED = {
    date(2026, 11, 20): {
        "delivery_rate": 1,
        "emergency_share": 2,
        "late_acceptance": 10,
        "late_confirmation": 16,
        "monitored_changes": 1,
        "monitored_rise": 1,
        "nonselected_share": 0,
        "over_markup": 7,
        "over_shelf_price": 2,
        "payment_overdue": 28,
        "report_missing": 21,
        "settled_not_sold": 2,
        "sold_beyond_stock": 2,
        "stocking_short": 6,
        "tied_sale": 2,
        "trace_before_receipt": 2,
        "trace_expired": 2,
        "trace_missing": 14,
        "trace_not_received": 2,
        "trace_repeat_far": 2,
        "trace_repeat_near": 2,
        "trace_repeat_same": 2,
        "trace_sold_after_return": 2,
        "trace_wrong_item": 2,
        "volume_behind": 7,
    },
    date(2026, 10, 10): {
        "delivery_rate": 1,
        "emergency_share": 2,
        "late_acceptance": 6,
        "late_confirmation": 14,
        "monitored_changes": 1,
        "monitored_rise": 1,
        "nonselected_share": 2,
        "over_markup": 7,
        "over_shelf_price": 2,
        "payment_overdue": 26,
        "report_missing": 392,
        "settled_not_sold": 2,
        "sold_beyond_stock": 2,
        "stocking_short": 17,
        "tied_sale": 2,
        "trace_before_receipt": 2,
        "trace_expired": 2,
        "trace_missing": 13,
        "trace_not_received": 2,
        "trace_repeat_far": 2,
        "trace_repeat_near": 2,
        "trace_repeat_same": 2,
        "trace_sold_after_return": 2,
        "trace_wrong_item": 2,
        "volume_behind": 6,
    },
}


def _rows(name: str) -> list[dict[str, str]]:
    with (CATALOG / "recommended_338" / f"{name}.csv").open(encoding="utf-8", newline="") as file:
        return list(csv.DictReader(file))


def _policies() -> list[dict[str, str]]:
    with (CATALOG / "policies_example.csv").open(encoding="utf-8", newline="") as file:
        return list(csv.DictReader(file))


def _small(seed: int = 1, months: int = 2, today: date = date(2026, 11, 20)) -> Demonstration:
    """The demonstration with all its rows, those of the past months too."""
    world = make_demonstration(
        "small",
        months=months,
        seed=seed,
        today=today,
        now=datetime.combine(today, time(), SHANGHAI),
        divisions=read_divisions(),
        items=_rows("catalogue"),
        prices={row["item_code"]: Decimal(row["pack_price"]) for row in _rows("prices")},
        policies=_policies(),
    )
    for file in list(files(world)):
        if file.name:
            world.rows.setdefault(file.kind, []).extend(file.rows)
    return world


def test_the_same_seed_gives_the_same_rows_and_another_seed_others() -> None:
    assert _small().rows == _small().rows
    assert _small(seed=2).rows["orders"] != _small().rows["orders"]


def test_the_small_prefecture_is_two_real_counties_of_the_promised_size() -> None:
    world = _small()
    kinds = [row["kind"] for row in world.rows["institutions"]]
    hospitals = {InstitutionKind.TOWNSHIP_HOSPITAL, InstitutionKind.COMMUNITY_HEALTH_CENTER}
    clinics = {InstitutionKind.VILLAGE_CLINIC, InstitutionKind.COMMUNITY_HEALTH_STATION}
    assert {row["county_code"] for row in world.rows["institutions"]} == set(SMALL_COUNTIES)
    assert 25 <= sum(kind in hospitals for kind in kinds) <= 40
    assert sum(kind in clinics for kind in kinds) == 300
    assert len(kinds) - sum(kind in hospitals | clinics for kind in kinds) == 40
    assert len(world.rows["distributors"]) == 6


def test_nothing_is_dated_after_its_present_and_every_clinic_has_a_hospital() -> None:
    world = _small()
    moments = [
        row[name]
        for kind in ("orders", "receipts", "returns")
        for row in world.rows[kind]
        for name in (
            "submitted_at",
            "confirmed_at",
            "closed_at",
            "shipped_at",
            "delivered_at",
            "accepted_at",
            "agreed_at",
        )
        if row.get(name) is not None
    ]
    assert moments
    assert max(moments) <= NOW
    codes = {row["code"] for row in world.rows["institutions"]}
    for row in world.rows["institutions"]:
        if row["kind"] is InstitutionKind.VILLAGE_CLINIC:
            assert row["supervisor_code"] in codes


def test_the_people_who_log_in_have_something_to_receive_to_ship_and_to_answer() -> None:
    world = _small()
    mine = [
        row
        for row in world.rows["orders"]
        if (row["institution_code"], row["distributor_code"]) == (world.show_clinic, world.show_distributor)
    ]
    shipped = {row["order_no"] for row in world.rows["receipts"]}
    waiting = {row["order_no"] for row in world.rows["receipts"] if row.get("accepted_at") is None}
    assert any(row["order_no"] in waiting for row in mine)
    assert any(row.get("confirmed_at") is not None and row["order_no"] not in shipped for row in mine)
    assert any(row.get("confirmed_at") is None for row in mine)


@pytest.mark.postgres
@pytest.mark.parametrize("database", ["sqlite and postgresql"])
def test_two_fillings_export_the_same_hold_together_and_pass_every_migration_down_and_up(
    databases: Databases, database: str, tmp_path: Path, capfd: pytest.CaptureFixture[str]
) -> None:
    digests, said = [], []
    for kind in database.split(" and "):
        with (
            databases.fresh(kind) as url,
            make_app(url, instance=tmp_path / kind, today=date(2026, 11, 20)) as app,
        ):
            with pytest.raises(SystemExit) as left:
                run(lambda app=app: app, ["demo", "--months", "2", "--seed", "7", "--format", "json"])
            assert left.value.code == 0
            out, err = capfd.readouterr()
            assert err == ""
            said.append(json.loads(out))
            with app.app_context():
                assert problems() == []
                digests.append(_digest())
                db.session.remove()
                first = each_goes_down_and_up(app, remade=frozenset({"payable_open", "payable_pair"}))
                assert {name: counts()[name] for name in first} == first
                assert problems() == []
                db.session.remove()
    # One of each kind: the two databases are filled and read alike as well.
    assert digests[0] == digests[1]
    assert said[0]["planted"] == said[1]["planted"]
    assert said[0]["planted"]["as_of"] == "2026-10-31"


def _digest() -> str:
    """Over the exports of every kind."""
    digest = hashlib.sha256()
    for kind in KINDS:
        out = io.BytesIO()
        export_file(kind, CSV, out, by=SYSTEM, on=date(2026, 11, 20))
        digest.update(out.getvalue())
    return digest.hexdigest()


@pytest.mark.parametrize("today", PLANTED)
def test_the_checks_find_exactly_what_was_planted(
    committed_db: str, tmp_path: Path, capfd: pytest.CaptureFixture[str], today: date
) -> None:
    world = _small(months=4, today=today)
    with make_app(committed_db, instance=tmp_path, today=today) as app:
        for words in (
            ["demo", "--months", "4"],
            ["check", "--as-of", world.as_of.isoformat(), "--format", "json"],
        ):
            capfd.readouterr()
            with pytest.raises(SystemExit) as left:
                run(lambda: app, words)
            assert left.value.code == 0
    found = {
        (row["rule"], row["institution"] or "", row["distributor"] or "", row["key"] or ""): row
        for row in json.loads(capfd.readouterr().out)["findings"]
    }
    observed_prices(world)
    planted = {(one.rule, one.institution, one.distributor, one.key): one for one in world.planted}
    assert found.keys() == planted.keys()
    assert len(planted) == len(world.planted)
    for key, one in planted.items():
        figures = {"grade": one.grade, "period": one.period} | dict(one.figures)
        assert {name: found[key][name] for name in figures} == figures, key
    # What is judged once a quarter stands in the quarter that ended before, found and stored.
    with make_app(committed_db, instance=tmp_path, today=today) as app:
        capfd.readouterr()
        with pytest.raises(SystemExit) as left:
            run(
                lambda: app, ["check", "--as-of", world.last_quarter.last_day.isoformat(), "--format", "json"]
            )
        assert left.value.code == 0
        with app.app_context():
            stored = db.session.execute(
                select(FindingRecord.key, FindingRecord.state).where(
                    FindingRecord.rule == CheckRule.NONSELECTED_SHARE
                )
            ).all()
            db.session.remove()
    shares = {
        (row["institution"], row["key"], row["period"], row["grade"], row["share"])
        for row in json.loads(capfd.readouterr().out)["findings"]
        if row["rule"] == "nonselected_share"
    }
    judged = [one for one in world.planted + world.planted_last_quarter if one.rule == "nonselected_share"]
    assert len(judged) >= 2
    assert shares == {
        (one.institution, one.key, one.period, one.grade, dict(one.figures)["share"]) for one in judged
    }
    assert sorted(row.key for row in stored) == sorted(one.key for one in judged)
    assert {row.state for row in stored} == {FindingState.OPEN}
    count = Counter(one.rule for one in world.planted)
    assert {rule.value: count[rule.value] for rule in checked_rules()} == PLANTED[today]


def test_volumes_are_behind_in_each_grade_and_by_the_fault_of_either_side() -> None:
    found = [one for one in _small(months=4).planted if one.rule == "volume_behind"]
    assert {(one.grade, bool(one.distributor)) for one in found} == {
        ("behind", False),
        ("severely_behind", False),
        ("severely_behind", True),
    }


@pytest.mark.parametrize("rate", [Decimal(0), Decimal("0.1"), Decimal("0.15")])
def test_what_is_taken_is_what_the_rule_allows(rate: Decimal) -> None:
    for units in (1, 3, 7, 28, 100):
        for price in (Decimal("0.0101"), Decimal("3.5"), Decimal("12.3456"), Decimal("1200")):
            for pack in (1, 7, 28, 100):
                assert worth(price, rate, units, pack) == allowed_amount(
                    price, rate, base_units=units, pack_size=pack
                )
