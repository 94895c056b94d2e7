"""Scorecards: the bureau sees all distributors, each distributor its own, by township, month by month (R-STAT-3)."""

from __future__ import annotations

import csv
import io
from datetime import date
from typing import Any

import pytest

from clinic_orders import documents
from clinic_orders.actions.statistics import close_month
from clinic_orders.documents import scorecards as papers
from clinic_orders.models.accounts import RoleAssignment, User
from clinic_orders.models.base import db
from clinic_orders.models.roster import County
from clinic_orders.queries.score_lines import Where, answer_lines, due_lines
from clinic_orders.queries.score_trend import trend
from clinic_orders.queries.scorecards import Scored, distributor_of
from clinic_orders.queries.statistics import shown_statistics, statistics
from clinic_orders.rules.days import Month
from clinic_orders.rules.parties import SYSTEM, Role
from clinic_orders.rules.scorecard import Score, sum_of
from tests.files_world import COUNTY, make_world, moment, order, receipt, take_well
from tests.many_of_all import make_many
from tests.orders_in_work import LONG_AGO, NOW

FEBRUARY = Month(2026, 2)
LATER = moment("2026-03-05T09:00")


def ordered(number: str, **facts: Any) -> None:
    take_well(
        "orders",
        order(
            **{
                "order_no": number,
                "packs": 10,
                "confirmed_packs": 10,
                "submitted_at": moment("2026-02-03T09:00"),
                "confirmed_at": moment("2026-02-03T10:00"),
                **facts,
            }
        ),
    )


def came(number: str, packs: int, at: str) -> None:
    take_well(
        "receipts",
        receipt(
            receipt_no=f"R-{number}",
            order_no=number,
            shipped_packs=packs,
            accepted_packs=packs,
            shipped_at=None,
            delivered_at=moment(at),
            accepted_at=moment(at),
        ),
    )


@pytest.fixture
def world(app):
    """One order that came in time, one that came late in part, one that never came and was answered late."""
    make_world()
    ordered("A1")
    came("A1", 10, "2026-02-04T09:00")
    ordered("A2")
    came("A2", 4, "2026-02-25T09:00")
    ordered("A3", confirmed_packs=None, confirmed_at=None)


def log_in(client, role: Role, **place: Any) -> None:
    user = User(username=role.value, name="赵红军", password_hash="-", created_at=LONG_AGO)
    user.assignments.append(RoleAssignment(role=role, valid_from=date(2026, 1, 1), **place))
    db.session.add(user)
    db.session.commit()
    client.log_in(user)


def distributor() -> Scored:
    found = distributor_of(code="D01")
    assert found is not None
    return found


def test_a_bureau_sees_all_and_a_distributor_its_own(app, client, clock_at):
    clock_at(NOW)
    world, people = make_many()
    client.log_in(people[Role.CITY])
    page = client.get("/scorecards/?sort=-late", status=200).page
    first = page.all("tbody tr")[0].text
    # Townships of 0 to 59 late item-days together, and those of the orders of this world.
    reckoned = shown_statistics(Month.of(NOW.date()))
    assert reckoned is not None
    assert reckoned.rows is not None
    late = sum(row.score.late_item_days for row in reckoned.rows.scores if row.code == "D01")
    assert late > sum(range(60))
    assert "豫西安康" in first
    assert f"{late:,}" in first
    assert page.texts("nav [aria-current=page]")[0] == "统计"
    page = client.get(page.all("tbody th a")[0]["href"], status=200).page
    assert page.texts(".chart-card h2") == ["及时配送率", "迟送盒日（盒×天）"]
    client.get("/scorecards/D9999", status=404)
    client.get("/scorecards/D9999/lines", status=404)
    client.log_in(people[Role.DISTRIBUTOR])
    page = client.get("/scorecards/own", status=200).page
    first, second = page.texts(".grid-table.cards-s tbody tr")[:2]
    # The township of the orders of this world is the latest of all.
    assert (first[:3], second[:4]) == ("车村镇", "第59镇")
    client.get("/scorecards/", status=403)
    client.get(f"/scorecards/{world.distributor.code}/lines", status=403)


def test_every_figure_opens_rows_whose_sums_it_is(world, client, clock_at):
    clock_at(LATER)
    log_in(client, Role.CITY)
    page = client.get("/scorecards/D01?month=2026-02", status=200).page
    shown = dict(zip(page.texts(".facts .k"), page.texts(".facts .v"), strict=True))
    links = dict(zip(page.texts(".facts .k"), [link["href"] for link in page.all(".facts a")], strict=True))
    # Six packs of A2 and ten of A3 never came; four of A2 came late.
    assert shown["未送到（盒）"] == "16"
    for word, column, orders in (
        ("迟送盒日（盒×天）", "late", {"A2", "A3"}),
        ("未送到（盒）", "missing", {"A2", "A3"}),
        ("应送（盒）", "asked", {"A1", "A2", "A3"}),
    ):
        page = client.get(links[word], status=200).page
        assert set(page.texts("tbody th")) == orders
        assert page.texts(f"[data-sum={column}]") == [shown[word]]
    assert set(client.get(links["订单响应率"], status=200).page.texts("tbody th")) == {"A1", "A2", "A3"}
    page = client.get("/scorecards/D01/answers?month=2026-02&show=late", status=200).page
    assert page.texts("tbody th") == ["A3"]
    client.get("/scorecards/D01/lines?month=2026-02&show=everything", status=404)


def test_the_lines_are_found_narrowed_and_exported(world, client, clock_at):
    clock_at(LATER)
    log_in(client, Role.DISTRIBUTOR, distributor_id=distributor().id)
    address = "/scorecards/own/lines?month=2026-02"
    assert client.get(f"{address}&show=came_late", status=200).page.texts("tbody th") == ["A2"]
    assert client.get(f"{address}&q=A3", status=200).page.texts("tbody th") == ["A3"]
    assert client.get(f"{address}&q=nothing", status=200).page.all("main .empty")
    assert client.get(f"{address}&county={COUNTY}&township=别的镇", status=200).page.all("main .empty")
    file = client.get(f"{address}&format=csv", status=200).get_data(as_text=True).lstrip("\ufeff")
    rows = list(csv.DictReader(io.StringIO(file)))
    assert {(row["采购单号"], row["未送到（盒）"], row["晚到（盒）"]) for row in rows} == {
        ("A2", "6", "4"),
        ("A3", "10", "0"),
    }
    client.get("/scorecards/D01/lines", status=403)


def test_another_county_sees_nothing_of_these_lines(world, client, clock_at):
    clock_at(LATER)
    db.session.add(County(code="410326", name="汝阳县"))
    db.session.commit()
    log_in(client, Role.COUNTY, county_code="410326")
    page = client.get(f"/scorecards/D01/lines?month=2026-02&show=all&county={COUNTY}", status=200).page
    assert page.all("main .empty")


@pytest.mark.both_databases
def test_the_lines_add_up_to_the_figures_and_the_months_to_a_trend(world):
    rows = statistics(FEBRUARY).rows
    assert rows is not None
    score = sum_of(row.score for row in rows.scores)
    lines = due_lines(FEBRUARY, Where(distributor().id))
    assert sum(line.late for line in lines) == score.late_item_days > 0
    assert sum(line.due.in_time for line in lines) == score.in_time
    assert [line.named.township for line in lines] == [lines[0].named.township] * 3
    answers = answer_lines(FEBRUARY, Where(distributor().id))
    assert (len(answers), sum(one.in_time for one in answers)) == (
        score.lines_to_answer,
        score.lines_answered,
    )
    assert due_lines(FEBRUARY, Where(distributor().id, COUNTY, "别的镇")) == []
    assert [one.score for one in trend(FEBRUARY, code="D01", county=None)] == [None] * 12
    close_month(FEBRUARY, by=SYSTEM, at=LATER)
    months = trend(FEBRUARY.plus(1), code="D01", county=COUNTY)
    assert (months[-2].month, months[-2].frozen, months[-2].score) == (FEBRUARY, True, score)
    assert months[-1].score is None
    assert trend(FEBRUARY, code="D01", county="410326")[-1].score == Score()


def test_on_paper_stand_the_figures_the_months_and_the_late_lines(world, client, clock_at):
    clock_at(LATER)
    close_month(FEBRUARY, by=SYSTEM, at=LATER)
    log_in(client, Role.CITY)
    assert client.get("/scorecards/D01/pdf?month=2026-02", status=200).data.startswith(b"%PDF")
    assert client.get("/scorecards/all/pdf?month=2026-02", status=200).data.startswith(b"%PDF")
    client.get("/scorecards/D01/pdf?month=2026-01", status=404)
    found = statistics(FEBRUARY)
    assert found.rows is not None
    townships = [papers.Row(f"嵩县 {row.township}", row.score) for row in found.rows.scores]
    late = [one for one in due_lines(FEBRUARY, Where(distributor().id)) if not one.due.all_in_time]
    paper = papers.ScorecardPaper(
        found, "D01", "豫西安康", "", townships, trend(FEBRUARY, code="D01", county=None), late * 150, LATER
    )
    html = documents.as_html("scorecard", papers.paper_data(paper))
    assert "已月结，截至 2026年3月5日 9:00 的登记" in html
    assert "共 300 条，列出迟送盒日最多的 200 条" in html
    assert html.count('<td class="nw">A3</td>') == 150
    assert (html.count("<rect"), html.count("<circle")) == (1, 1)
