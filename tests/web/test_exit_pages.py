"""Leaving on one's own wish, what stays, and that the past keeps the roster of its day; coming back too early."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import UTC, date, datetime, timedelta
from typing import Any

import pytest
from flask import Flask
from sqlalchemy import select

from clinic_orders.actions import applications, exits
from clinic_orders.actions.bulk import RowsRefused
from clinic_orders.actions.roster import put_institutions
from clinic_orders.models.base import db
from clinic_orders.models.cases import CaseFile, CaseLetter
from clinic_orders.models.exits import ExitRequest
from clinic_orders.models.roster import InstitutionRecord, Membership
from clinic_orders.queries.institutions import institution_id_of
from clinic_orders.queries.statistics import statistics
from clinic_orders.rules.days import Month
from clinic_orders.rules.exits import ExitOutOfTurn, ExitState, PublicStays
from clinic_orders.rules.ladder import CaseState, LetterState, ReentryTooEarly
from clinic_orders.rules.letters import LetterKind
from clinic_orders.rules.parties import Actor, InstitutionKind, Role
from tests.applications_world import filled, uscc
from tests.checking_client import CheckingClient
from tests.deliveries_in_work import accepted
from tests.orders_in_work import World, make_order, make_world
from tests.orders_in_work import make_institution as make_unit
from tests.people import NOW, SONG, People, make_institution, make_people, make_user

NEXT_YEAR = datetime(2027, 2, 15, 2, tzinfo=UTC)


@pytest.fixture
def people(app: Flask, clock_at: Any) -> Iterator[People]:
    clock_at(NOW)
    found = make_people()
    shop = make_institution("P41032500001", "嵩县惠民大药房", kind=InstitutionKind.RETAIL_PHARMACY)
    found.institutions["shop"] = shop
    found.users[Role.INSTITUTION] = make_user("shop", Role.INSTITUTION, institution_id=shop.id)
    db.session.commit()
    yield found
    db.session.rollback()


def test_a_pharmacy_asks_sees_what_stays_and_the_city_lets_it_go(
    client: CheckingClient, people: People
) -> None:
    shop = people.institutions["shop"].id
    client.log_in(people.users[Role.INSTITUTION])
    client.get("/exit", status=200)
    assert client.submit("main form", last_day="2026-11-19", reason="店面到期").status_code == 422
    client.submit("main form", last_day="2026-12-31", reason="店面到期")
    assert "退出申请待医保局决定" in client.get("/exit", status=200).get_data(as_text=True)
    client.log_in(people.users[Role.COUNTY])
    page = client.get("/exits/", status=200).get_data(as_text=True)
    assert "店面到期" in page
    request = db.session.scalars(select(ExitRequest)).one()
    client.post("/exits/", data={"id": request.id, "do": "agree", "answer": "同意"}, status=403)
    client.log_in(people.users[Role.CITY])
    client.get("/exits/", status=200)
    client.submit("form:has(button[value=agree])", button="do=agree", answer="同意")
    db.session.expire_all()
    membership = db.session.scalars(select(Membership).where(Membership.institution_id == shop)).one()
    assert membership.left_on == date(2026, 12, 31)
    assert db.session.scalars(select(ExitRequest)).one().state is ExitState.AGREED
    client.log_in(people.users[Role.INSTITUTION])
    assert "最后一天" in client.get("/exit", status=200).get_data(as_text=True)


def test_a_public_institution_does_not_ask_and_nobody_asks_twice(people: People) -> None:
    clinic = Actor("王保田", Role.INSTITUTION, institution_id=people.institutions["clinic"].id)
    with pytest.raises(PublicStays):
        exits.ask_to_leave("太忙", date(2026, 12, 31), by=clinic, at=NOW)
    shop = Actor("周明", Role.INSTITUTION, institution_id=people.institutions["shop"].id)
    first = exits.ask_to_leave("搬迁", date(2026, 12, 31), by=shop, at=NOW)
    with pytest.raises(ExitOutOfTurn):
        exits.ask_to_leave("搬迁", date(2026, 12, 31), by=shop, at=NOW)
    exits.withdraw_exit(first.id, by=shop, at=NOW)
    city = Actor("李慧", Role.CITY)
    with pytest.raises(ExitOutOfTurn):
        exits.decide_exit(first.id, agree=True, answer="同意", by=city, at=NOW)


@pytest.fixture
def world(app: Flask) -> Iterator[World]:
    yield make_world()
    db.session.rollback()


@pytest.mark.both_databases
def test_the_statistics_of_last_year_do_not_change_when_an_institution_closes(world: World) -> None:
    shop = make_unit("P41032500001", "嵩县惠民大药房", county=SONG, kind=InstitutionKind.RETAIL_PHARMACY)
    for one in (world.clinic, world.hospital, shop):
        db.session.add(Membership(institution_id=one.id, joined_on=date(2026, 1, 1)))
    accepted(world)
    make_order(world, institution=shop)
    db.session.commit()
    month = Month(2026, 11)
    before = statistics(month).as_json()
    assert before["city"]["institutions"] >= 3
    owner = Actor("周明", Role.INSTITUTION, institution_id=shop.id)
    request = exits.ask_to_leave("停业", NEXT_YEAR.date(), by=owner, at=NEXT_YEAR)
    exits.decide_exit(request.id, agree=True, answer="同意", by=Actor("李慧", Role.CITY), at=NEXT_YEAR)
    assert statistics(month).as_json() == before
    after = statistics(Month(2027, 3)).as_json()
    assert after["city"]["institutions"] == before["city"]["institutions"] - 1


# Re-entry by identity code ------------------------------------------------------------------------------


def cancelled(people: People, *, until: date) -> str:
    """The shop was cancelled under its old code; its identity code."""
    shop = people.institutions["shop"]
    record = db.session.scalars(
        select(InstitutionRecord).where(InstitutionRecord.institution_id == shop.id)
    ).one()
    record.uscc = uscc(7)
    case = CaseFile(
        number="AJ2026-0001", institution_id=shop.id, state=CaseState.CLOSED, opened_at=NOW, moved_at=NOW,
        opened_by_name="李慧", closed_at=NOW, outcome="resolved",
    )  # fmt: skip
    db.session.add(case)
    db.session.flush()
    db.session.add(
        CaseLetter(
            case_id=case.id, kind=LetterKind.CANCELLATION, level=7, state=LetterState.ISSUED,
            number="洛医保取消〔2026〕1号", series="取消2026", serial=1, token="t" * 43, content="{}",
            sha256="0" * 64, finding_ids=[], form_key="cancel", deadline=NOW.date(), first_day=date(2026, 11, 1),
            reentry_from=until, made_at=NOW, made_by_name="李慧", second_name="郑敏", second_at=NOW,
            issued_at=NOW, issued_on=date(2026, 11, 1),
        )
    )  # fmt: skip
    record.left_on = date(2026, 10, 31)
    membership = db.session.scalars(select(Membership).where(Membership.institution_id == shop.id)).one()
    membership.left_on = date(2026, 10, 31)
    db.session.commit()
    return record.uscc


def test_whoever_was_cancelled_does_not_come_back_under_another_code(people: People) -> None:
    code = cancelled(people, until=date(2028, 11, 1))
    city = Actor("李慧", Role.CITY)
    row = {
        "code": "P41032500555", "name": "嵩县新生大药房", "kind": InstitutionKind.RETAIL_PHARMACY,
        "county_code": SONG, "uscc": code, "joined_on": date(2026, 12, 1),
    }  # fmt: skip
    with pytest.raises(RowsRefused) as refused:
        put_institutions([(1, row)], by=city, at=NOW)
    assert isinstance(refused.value.problems[0].refusal, ReentryTooEarly)
    put_institutions([(1, row | {"joined_on": date(2028, 11, 1)})], by=city, at=NOW)
    assert institution_id_of("P41032500555") is not None


def test_an_application_with_a_cancelled_identity_code_is_refused_until_its_day(people: People) -> None:
    cancelled(people, until=date(2028, 11, 1))
    made = filled(7)
    with pytest.raises(ReentryTooEarly):
        applications.submit_application(made.number, by=made.by, at=NOW)
    later = datetime(2028, 11, 2, tzinfo=UTC)
    applications.submit_application(made.number, by=made.by, at=later)
    assert later - NOW > timedelta(days=700)
