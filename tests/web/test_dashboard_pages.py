"""The dashboard: four duties over twelve months, frozen and nightly figures, by county and kind; the desk's findings."""

from __future__ import annotations

from collections.abc import Callable
from datetime import date, timedelta
from decimal import Decimal
from typing import Any

import pytest

from clinic_orders import jobs
from clinic_orders.actions.statistics import close_month
from clinic_orders.exchange.divisions import county_rings
from clinic_orders.models.base import db
from clinic_orders.models.jobs import JobRun, RunState
from clinic_orders.models.supervision import FindingRecord
from clinic_orders.rules.days import Month
from clinic_orders.rules.finding_states import FindingState
from clinic_orders.rules.findings import CheckRule, Grade
from clinic_orders.rules.parties import SYSTEM, Role
from clinic_orders.web.county_map import county_map
from tests import factories as make

OCTOBER, NOVEMBER = Month(2026, 10), Month(2026, 11)


@pytest.fixture
def world(app: Any, clock_at: Callable[[Any], None]) -> make.World:
    clock_at(make.NOW)
    return make.make_world(items=4)


@pytest.fixture
def city(client: Any, world: make.World) -> Any:
    client.log_in(make.make_user("city", role=Role.CITY))
    return client


def finding(world: make.World, rule: CheckRule, grade: Grade, key: str = "", **more: Any) -> None:
    figures = {
        CheckRule.STOCKING_SHORT: {"carried": 1, "minimum": 9},
        CheckRule.REPORT_MISSING: {"due_on": "2026-11-05"},
    }[rule]
    values: dict[str, Any] = {
        "rule": rule,
        "subject": f"{world.clinic.code}/",
        "key": key,
        "period": "2026-10",
        "institution_id": world.clinic.id,
        "grade": grade,
        "formula": "carried = 1 < minimum = 9",
        "figures": figures,
        "rows": [],
        "state": FindingState.OPEN,
        "first_seen": date(2026, 11, 1),
        "last_seen": date(2026, 11, 1),
        "raised_at": make.NOW,
    }
    db.session.add(FindingRecord(**values | more))
    db.session.commit()


def test_the_dashboard_shows_the_latest_closed_month_and_every_duty_as_a_file(
    city: Any, world: make.World
) -> None:
    page = city.get("/dashboard/", status=200).page
    assert "还没有数" in page.text
    close_month(OCTOBER, by=SYSTEM, at=make.NOW)
    jobs.run_now("reckon-months")
    page = city.get("/dashboard/", status=200).page
    assert "2026 年 10 月" in page.text
    assert "嵩县" in page.text
    for duty in ("pay", "keep", "buy", "sell"):
        rows = city.get(f"/dashboard/?duty={duty}&format=csv", status=200).get_data(as_text=True)
        assert "2026-10,已冻结" in rows or "2026-10" in rows
        assert "2026-11" in rows
        assert "伊川县" in rows
    page = city.get("/dashboard/?month=2026-11&county=410325&kind=village_clinic&duty=keep", status=200).page
    assert "未关账" in page.text
    city.get("/dashboard/?county=999999", status=404)
    city.get("/dashboard/?month=2027-01", status=404)


def test_every_figure_of_the_dashboard_opens_a_page(city: Any, world: make.World) -> None:
    close_month(OCTOBER, by=SYSTEM, at=make.NOW)
    links = {link["href"] for link in city.get("/dashboard/", status=200).page.all("main .facts a")}
    assert len(links) >= 4
    for link in sorted(links):
        city.get(link, status=200)


def test_the_inner_districts_are_enlarged_where_they_have_figures() -> None:
    two = county_map({"410325": Decimal("0.9"), "410329": Decimal("0.8")})
    assert two.inset is None
    inner = county_map({code: Decimal(code) for code in county_rings()}).inset
    assert inner is not None
    assert {area.code for area in inner.areas if area.label} == {"410302", "410303", "410304", "410305"}
    for area in inner.areas:
        if area.label:
            assert 0 < area.label[0] < 246
            assert 0 < area.label[1] < 154


def test_the_dashboard_sums_the_month_up_and_shows_what_is_overdue_by_its_days(
    city: Any, world: make.World
) -> None:
    close_month(OCTOBER, by=SYSTEM, at=make.NOW)
    page = city.get("/dashboard/?month=2026-10", status=200).page
    assert len(page.all("main nav.facts a")) == 6
    assert "逾期货款，按天数" in page.text
    assert [row.text for row in page.all("section[aria-labelledby=ages] tbody th")] == [
        "1–30 天",
        "31–60 天",
        "61–90 天",
        "90 天以上",
    ]
    # A month without figures has neither.
    page = city.get("/dashboard/?month=2026-09", status=200).page
    assert page.all("main nav.facts a") == []
    assert page.all("section[aria-labelledby=ages]") == []


def test_a_county_has_its_own_dashboard_only(client: Any, world: make.World) -> None:
    close_month(OCTOBER, by=SYSTEM, at=make.NOW)
    client.log_in(make.make_user("county", role=Role.COUNTY, county="410329"))
    page = client.get("/dashboard/?county=410325", status=200).page
    assert "伊川县" in page.text
    assert "嵩县" not in page.text


def test_the_desk_counts_findings_by_severity_matter_and_county_and_each_number_opens_its_list(
    city: Any, world: make.World
) -> None:
    finding(world, CheckRule.STOCKING_SHORT, Grade.VIOLATION)
    finding(world, CheckRule.REPORT_MISSING, Grade.WARNING, "sales")
    finding(world, CheckRule.REPORT_MISSING, Grade.WARNING, "stock_count")
    finding(world, CheckRule.STOCKING_SHORT, Grade.VIOLATION, period="2026-09", state=FindingState.DECIDED)
    page = city.get("/bureau/", status=200).page
    links = {link["href"]: link.text for link in page.all("section[aria-labelledby=open-findings] a")}
    assert links["/findings/?rule=report_missing&severity=reminder"] == "2"
    assert links["/findings/?rule=stocking_short&severity=grave"] == "1"
    assert "2" in links["/findings/?severity=reminder"]
    for link in links:
        city.get(link, status=200)
    assert "2 份还没有报送" in page.text


def test_the_checklist_tells_what_is_missing_before_the_closing(city: Any, world: make.World) -> None:
    done = city.get("/statistics/2026-10/close", status=200).page
    assert "都导完了" in done.text
    assert "没有漏" in done.text
    late = make.NOW - timedelta(days=3)
    db.session.add(
        JobRun(
            job="check-volume",
            scheduled_at=late,
            as_of=late.date(),
            state=RunState.DONE,
            started_at=late,
            heartbeat_at=late,
            ended_at=late,
        )
    )
    db.session.commit()
    assert jobs.missed_nights(make.NOW) == 3
    assert "漏了 3 次" in city.get("/statistics/2026-10/close", status=200).page.text
