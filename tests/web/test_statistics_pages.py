"""The pages of the monthly statistics: list, month with its rows behind, restatement, county's own, closing."""

from __future__ import annotations

import io
from datetime import UTC, datetime
from decimal import Decimal

import openpyxl
import pytest
from flask_babel import gettext

from clinic_orders.actions.statistics import close_month
from clinic_orders.documents.statistics_words import FURTHER as FURTHER_ON_PAPER
from clinic_orders.documents.statistics_words import INDICATORS as ON_PAPER
from clinic_orders.models.base import db
from clinic_orders.queries.statistics import closed_month, statistics
from clinic_orders.rules.days import Month
from clinic_orders.rules.parties import SYSTEM, Role
from clinic_orders.web.county_map import county_map
from clinic_orders.web.statistics_words import FURTHER, INDICATORS
from tests.many_figures import make_months
from tests.many_of_all import make_people
from tests.orders_in_work import NOW, make_order, make_world

THIS = Month.of(NOW.date())
AFTER = datetime(THIS.next().year, THIS.next().number, 3, 2, tzinfo=UTC)


@pytest.fixture
def people(app, clock_at):
    """One order in a month that is over."""
    world = make_world()
    make_order(world)
    people = make_people(world)
    db.session.commit()
    clock_at(AFTER)
    return people


def test_indicators_are_called_the_same_on_paper_and_on_screen(app):
    with app.test_request_context(headers={"Accept-Language": "zh"}):
        assert [(name, gettext(text)) for name, text in (INDICATORS | FURTHER).items()] == [
            (one.name, one.heading) for one in (*ON_PAPER, *FURTHER_ON_PAPER)
        ]


def test_the_city_opens_a_month_and_its_files(people, client):
    client.log_in(people[Role.CITY])
    page = client.get("/statistics/", status=200).page
    link = page.all(f"a[href='/statistics/{THIS}']")
    assert link
    page = client.get(link[0]["href"], status=200).page
    assert page.all("svg.map path")
    book = openpyxl.load_workbook(io.BytesIO(client.get(f"/statistics/{THIS}/xlsx", status=200).data))
    assert book.sheetnames[0] == "全市"
    assert client.get(f"/statistics/{THIS}/pdf", status=200).data.startswith(b"%PDF")


def test_a_month_that_is_none_or_to_come_is_not_found(people, client):
    client.log_in(people[Role.CITY])
    client.get("/statistics/2026-13", status=404)
    client.get(f"/statistics/{THIS.plus(3)}", status=404)
    client.get(f"/statistics/{THIS}?county=999999", status=404)


def test_a_county_sees_its_own_only_and_does_not_close(people, client):
    client.log_in(people[Role.COUNTY])
    page = client.get(f"/statistics/{THIS}?county=410329", status=200).page
    assert not page.all("svg.map")
    assert not page.all("a[href$='/close']")
    assert "嵩县" in page.texts("h1 + *")[0]
    client.get(f"/statistics/{THIS}/close", status=403)


def test_the_city_closes_a_month_once(people, client):
    client.log_in(people[Role.CITY])
    page = client.get(f"/statistics/{THIS}/close", status=200).page
    assert len(page.all("ul.check li")) == 8
    client.submit(f"form[action='/statistics/{THIS}/close']")
    closed = closed_month(THIS)
    assert closed is not None
    assert closed.closed_by_name == "王桂兰"
    assert "已月结" in client.get(f"/statistics/{THIS}", status=200).get_data(as_text=True)
    assert not client.get(f"/statistics/{THIS}/close", status=200).page.all("form[action$='/close']")


def test_what_came_later_stands_beside_the_frozen_figure(people, client, app):
    close_month(THIS, by=SYSTEM, at=AFTER)
    client.log_in(people[Role.CITY])
    page = client.get(f"/statistics/{THIS}?compare=1", status=200).page
    assert not page.all("section[aria-labelledby=restated] table")
    closed = closed_month(THIS)
    changed = {**closed.blocks, "city": {**closed.blocks["city"], "orders": 99}}
    closed.blocks = changed
    db.session.commit()
    page = client.get(f"/statistics/{THIS}?compare=1", status=200).page
    said = page.texts("section[aria-labelledby=restated] tbody td")
    assert "99" in said
    assert str(statistics(THIS).blocks["city"]["orders"]) == "99"
    assert not client.get(f"/statistics/{THIS}", status=200).page.all("section[aria-labelledby=restated]")


def test_a_month_that_is_over_has_its_share_in_the_line_of_the_year(people, client):
    close_month(THIS, by=SYSTEM, at=AFTER)
    closed = closed_month(THIS)
    paid = {
        **closed.blocks["city"],
        "due_amount": "10.00",
        "on_time_amount": "5.00",
        "on_time_payment_rate": "0.5000",
    }
    closed.blocks = {**closed.blocks, "city": paid}
    db.session.commit()
    client.log_in(people[Role.CITY])
    page = client.get(f"/statistics/{THIS}", status=200).page
    assert page.all("section[aria-labelledby=chart-on_time_payment_rate] circle.dot-on")


def test_the_list_asks_as_often_for_many_months_as_for_few(people, client, count_sql):
    client.log_in(people[Role.CITY])
    client.get("/statistics/", status=200)
    with count_sql() as few:
        client.get("/statistics/", status=200)
    make_months()
    db.session.commit()
    # What the months were closed with is read by each process once, all of them together.
    with count_sql() as first:
        client.get("/statistics/", status=200)
    with count_sql() as many:
        client.get("/statistics/", status=200)
    assert first.count <= few.count + 1, str(first)
    assert many.count == few.count <= 8, str(many)


def test_every_county_has_an_outline_and_equal_figures_have_one_shade():
    drawn = county_map({"410325": Decimal("0.5"), "410329": Decimal("0.9")})
    shades = {area.code: area.shade for area in drawn.areas}
    assert len(shades) == 14
    assert (shades["410325"], shades["410329"], shades["410302"]) == (1, 5, 0)
    assert (drawn.bounds[0], drawn.bounds[-1]) == (Decimal("0.5"), Decimal("0.9"))
    assert county_map({"410325": Decimal(1)}).bounds == []
