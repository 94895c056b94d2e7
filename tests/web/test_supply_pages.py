"""Supply problems on screen: reported, verified with a backup item, refused, ended, and who sees what."""

from __future__ import annotations

from collections.abc import Callable
from datetime import date, datetime, timedelta

import pytest
from flask import Flask
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from sqlalchemy import select

from clinic_orders.actions import supply as deeds
from clinic_orders.models.accounts import User
from clinic_orders.models.audit import AuditEntry
from clinic_orders.models.base import db
from clinic_orders.models.notices import Notice
from clinic_orders.models.volume import SupplyProblem
from clinic_orders.queries.supply import in_state, shortages
from clinic_orders.rules.parties import Actor, NotAllowed, Role
from clinic_orders.rules.pinyin import item_keys
from clinic_orders.rules.supply import ProblemKnown, ProblemState, problem_state
from tests.checking_client import CheckingClient
from tests.many_of_all import make_people
from tests.orders_in_work import NOW, World, make_world

TODAY = NOW.date()
COUNTY = "410325"


@pytest.fixture
def world(app: Flask, clock_at: Callable[[datetime], None]) -> World:
    clock_at(NOW)
    found = make_world(items=3)
    for item in found.items:
        keys = item_keys(
            generic_name=item.generic_name,
            form=item.form,
            strength=item.strength,
            manufacturer=item.manufacturer,
            approval_no=item.approval_no,
        )
        item.search_text, item.search_initials, item.search_pinyin = keys.text, keys.initials, keys.pinyin
    db.session.commit()
    return found


@pytest.fixture
def people(world: World) -> dict[Role, User]:
    return make_people(world)


def one() -> SupplyProblem:
    db.session.expire_all()
    return db.session.scalars(select(SupplyProblem)).one()


def report(client: CheckingClient, world: World, words: str = "断货三周") -> None:
    choose(client, world)
    client.submit(words=words, follow_redirects=True)


def choose(client: CheckingClient, world: World) -> None:
    """Look for the first item, and follow its line."""
    item = world.items[0]
    client.get("/supply/new", status=200)
    client.submit("form[role=search]", q=item.generic_name)
    (line,) = (
        line["href"] for line in client.page.all("a.item") if line["href"].endswith(f"={item.item_code}")
    )
    client.get(line, status=200)


def test_a_clinic_reports_the_county_verifies_ends_and_lets_it_go_on(
    client: CheckingClient, world: World, people: dict[Role, User]
) -> None:
    client.log_in(people[Role.INSTITUTION])
    client.get("/supply/", status=200)
    assert "没有供应问题" in client.page.text
    report(client, world)
    assert "待核实" in client.page.text
    client.log_in(people[Role.COUNTY])
    client.get(f"/supply/{one().id}", status=200)
    client.submit(
        "form:has(select[name=backup])", do="verify", backup=world.items[1].item_code, follow_redirects=True
    )
    assert "已核实" in client.page.text
    found = one()
    assert (found.backup_item_id, found.county_code, found.verified_by) == (
        world.items[1].id,
        COUNTY,
        "王桂兰",
    )
    assert shortages(COUNTY, on=TODAY)[world.items[0].item_code].backup == world.items[1].generic_name
    assert shortages("410329", on=TODAY) == {}
    client.submit(do="end", last_day=TODAY.isoformat(), follow_redirects=True)
    assert one().last_day == TODAY
    client.submit(do="continue", follow_redirects=True)
    assert one().last_day is None
    deeds_done = [
        entry.deed
        for entry in db.session.scalars(select(AuditEntry).where(AuditEntry.subject_type == "supply_problem"))
    ]
    assert deeds_done == [
        "report_supply_problem", "verify_supply_problem", "end_supply_problem", "continue_supply_problem",
    ]  # fmt: skip
    told = {
        (notice.kind, notice.county_code, notice.institution_id)
        for notice in db.session.scalars(select(Notice))
    }
    assert told == {
        ("supply_problem_reported", COUNTY, None),
        ("supply_problem_verified", None, world.clinic.id),
    }


def test_a_refused_report_says_why_and_may_come_again(
    client: CheckingClient, world: World, people: dict[Role, User]
) -> None:
    client.log_in(people[Role.INSTITUTION])
    report(client, world)
    client.log_in(people[Role.COUNTY])
    client.get(f"/supply/{one().id}", status=200)
    client.submit("form:has(input[name=reason])", do="refuse", reason="配送企业有货", follow_redirects=True)
    assert "配送企业有货" in client.page.text
    client.log_in(people[Role.INSTITUTION])
    report(client, world)
    assert [row.refused_at is None for row in db.session.scalars(select(SupplyProblem))] == [False, True]


def test_the_same_report_again_and_one_without_words_are_answered(
    client: CheckingClient, world: World, people: dict[Role, User]
) -> None:
    client.log_in(people[Role.DISTRIBUTOR])
    choose(client, world)
    assert client.submit(words=" ").status_code == 422
    assert "请用一句话说明情况" in client.page.text
    client.submit(words="缺货", county_code=COUNTY, follow_redirects=True)
    client.log_in(people[Role.INSTITUTION])
    choose(client, world)
    assert client.submit(words="没货").status_code == 422
    assert "无需再次上报" in client.page.text
    assert client.page.one("input[name=words]").get("value") == "没货"


def test_the_item_is_looked_for_by_pinyin_and_what_is_none_is_not_reported(
    client: CheckingClient, world: World, people: dict[Role, User]
) -> None:
    client.log_in(people[Role.INSTITUTION])
    client.get("/supply/new?q=zzzz", status=200)
    assert not client.page.all("a.item")
    assert "没有找到" in client.page.text
    client.get("/supply/new?item_code=NONE", status=200)
    assert "请选择品规" in client.page.text
    answer = client.post("/supply/new", data={"item_code": "NONE", "first_day": str(TODAY), "words": "断货"})
    assert answer.status_code == 422
    assert db.session.scalars(select(SupplyProblem)).all() == []
    # By pinyin the same lines are found as by name.
    name = world.items[0].generic_name
    client.get("/supply/new", query_string={"q": name}, status=200)
    by_name = [line["href"] for line in client.page.all("a.item")]
    letters = world.items[0].search_initials.split()[0]
    client.get("/supply/new", query_string={"q": letters}, status=200)
    assert {line["href"] for line in client.page.all("a.item")} >= set(by_name)
    assert by_name


def test_two_decisions_at_once_do_not_overwrite_each_other(
    client: CheckingClient, world: World, people: dict[Role, User]
) -> None:
    client.log_in(people[Role.INSTITUTION])
    report(client, world)
    client.log_in(people[Role.COUNTY])
    client.get(f"/supply/{one().id}", status=200)
    city = Actor("李慧", Role.CITY, user_id=people[Role.CITY].id)
    deeds.verify_supply_problem(one().id, by=city, at=NOW)
    backup = world.items[1].item_code
    assert client.submit("form:has(select[name=backup])", do="verify", backup=backup).status_code == 409
    assert one().backup_item_id is None


def test_who_may_not_decides_nothing_and_foreign_ones_are_not_there(
    client: CheckingClient, world: World, people: dict[Role, User]
) -> None:
    item = world.items[0].item_code
    city, buyer = Actor("李慧", Role.CITY), Actor("王", Role.INSTITUTION, institution_id=world.clinic.id)
    elsewhere = deeds.report_supply_problem(item, TODAY, "断货", county_code="410329", by=city, at=NOW)
    client.log_in(people[Role.COUNTY])
    client.get(f"/supply/{elsewhere.id}", status=404)
    with pytest.raises(NotAllowed):
        deeds.verify_supply_problem(elsewhere.id, by=buyer, at=NOW)
    whole = deeds.report_supply_problem(world.items[1].item_code, TODAY, "断货", by=city, at=NOW)
    client.get(f"/supply/{whole.id}", status=200)
    assert "全市" in client.page.text
    assert not client.page.all("button[value=verify]")
    # What is short in the whole city is short in the county.
    with pytest.raises(ProblemKnown):
        deeds.report_supply_problem(world.items[1].item_code, TODAY, "断货", by=buyer, at=NOW)


DAYS = st.none() | st.dates(TODAY - timedelta(days=2), TODAY + timedelta(days=2))


@pytest.mark.both_databases
@settings(max_examples=20, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(st.sampled_from(["waiting", "verified", "refused"]), DAYS)
def test_the_state_in_sql_is_that_of_the_rule(world: World, how: str, last: date | None) -> None:
    with db.session.begin_nested() as nested:
        problem = SupplyProblem(
            item_id=world.items[0].id,
            first_day=TODAY - timedelta(days=9),
            last_day=last,
            reported_at=NOW,
            verified_at=NOW if how == "verified" else None,
            verified_by="李" if how == "verified" else "",
            refused_at=NOW if how == "refused" else None,
            refusal_reason="否" if how == "refused" else "",
            recorded_at=NOW,
        )
        db.session.add(problem)
        db.session.flush()
        states = [
            state
            for state in ProblemState
            if db.session.scalars(select(SupplyProblem.id).where(in_state(state, TODAY))).all()
        ]
        assert states == [problem_state(problem, on=TODAY)]
        nested.rollback()
