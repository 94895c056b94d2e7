"""What waits for a bureau today is one number: beside the tab on every page, and on the desk, where its parts stand."""

from __future__ import annotations

import pytest
from flask import g

from clinic_orders.actions.alarms import NO_DISTRIBUTOR, raise_alarms
from clinic_orders.actions.transaction import transaction
from clinic_orders.models.base import db
from clinic_orders.models.jobs import JobRun, RunState
from clinic_orders.queries.bureau import desk
from clinic_orders.rules.parties import Actor, Role
from clinic_orders.web.navigation import head_of
from tests.factories import NOW, later, make_order, make_user, make_world

CITY = Actor("city", Role.CITY)
SONG, YICHUAN = (Actor(code, Role.COUNTY, county_code=code) for code in ("410325", "410329"))


def ran(job, state, *, days):
    moment = later(days)
    db.session.add(
        JobRun(
            job=job,
            scheduled_at=moment,
            as_of=moment.date(),
            state=state,
            started_at=moment,
            heartbeat_at=moment,
            ended_at=moment,
        )
    )


@pytest.fixture
def waiting(app):
    """One matter of each kind and its neighbour that does not count."""
    world = make_world()
    make_order(world, (6,), at=later(-20))
    make_order(world, (6,), institution=world.second_clinic, at=later(-5))
    make_order(world, (6,), at=later(-2))
    make_order(world, (6,), institution=world.pharmacy, at=later(hours=-1))
    facts = {"facts": {"institution": "甲", "item": "乙"}}
    with transaction():
        raise_alarms(NO_DISTRIBUTOR, {"1": facts, "2": facts}, county_code="410325", at=NOW)
        raise_alarms(NO_DISTRIBUTOR, {"3": facts}, county_code="410329", at=NOW)
    ran("lapse-orders", RunState.FAILED, days=-1)
    ran("check-volume", RunState.FAILED, days=-2)
    ran("check-volume", RunState.DONE, days=-1)
    ran("check-stock", RunState.FAILED, days=-9)
    db.session.commit()
    return world


@pytest.mark.both_databases
@pytest.mark.parametrize(
    ("by", "parts"), [(CITY, (3, 1, 1, 1)), (SONG, (2, 1, 1, 0)), (YICHUAN, (1, 0, 0, 0))]
)
def test_the_number_beside_the_tab_is_the_sum_of_what_stands_on_the_desk(app, waiting, by, parts):
    with app.test_request_context("/bureau/"):
        g.now = NOW
        found = desk(by, at=NOW)
        (tab,) = (place for place in head_of(by, NOW).places if place.endpoint == "bureau.desk")
    assert (found.open_alarms, found.due_today, found.lapsed, len(found.failed_jobs or ())) == parts
    assert tab.waiting == found.to_do == sum(parts)


def test_the_page_says_the_number_of_its_tab(client, clock_at, waiting):
    clock_at(NOW)
    client.log_in(make_user("song", role=Role.COUNTY, county="410325"))
    client.get("/bureau/", status=200)
    assert client.page.h1 == "今天要办 4 件"
    (tab,) = client.page.all(".tabs a[aria-current]")
    assert "4" in tab.text


def test_the_tabs_of_a_bureau_are_one_statement(app, count_sql, waiting):
    with app.test_request_context("/bureau/"):
        g.now = NOW
        head_of(CITY, NOW)
        with count_sql() as asked:
            head_of(CITY, NOW)
    # The policy and the numbers; a page that reads remembers the policy.
    assert asked.count == 2, str(asked)
