"""An assessed year on its pages: self-score, on the spot, publication, appeal, settlement, papers; and who sees what."""

from __future__ import annotations

import io
from collections.abc import Iterator
from datetime import UTC, datetime
from decimal import Decimal
from typing import Any

import pytest
from flask import Flask
from PIL import Image
from sqlalchemy import select

from clinic_orders.actions import assessments as deeds
from clinic_orders.models.assessments import Assessment, AssessmentAppeal, AssessmentSheet
from clinic_orders.models.base import db
from clinic_orders.models.notices import Notice
from clinic_orders.queries import assessments as queries
from clinic_orders.rules.assessment import AssessmentState, Indicator
from clinic_orders.rules.assessment.steps import (
    STEPS,
    AppealDaysRun,
    AppealsOpen,
    AppealTooLate,
    AssessmentOutOfTurn,
    AssessmentStep,
    AssessmentThere,
    SelfScoringOpen,
    SitesNotScored,
    YearAhead,
    YearNotOver,
    check_assessment_step,
    is_possible,
)
from clinic_orders.rules.parties import SYSTEM, Actor, Role
from tests.assessment_world import CITY, keep_month, own_figures, reckon, sheet_of
from tests.checking_client import CheckingClient
from tests.people import SONG, YI, People, make_people, make_user

OPENED = datetime(2027, 1, 4, 2, tzinfo=UTC)
ON_SITE = datetime(2027, 1, 25, 2, tzinfo=UTC)
OUT = datetime(2027, 2, 1, 2, tzinfo=UTC)
LATE = datetime(2027, 2, 9, 2, tzinfo=UTC)


@pytest.fixture
def people(app: Flask, clock_at: Any) -> Iterator[People]:
    clock_at(OPENED)
    found = make_people()
    codes = {"V01": own_figures(), "H01": own_figures(), "V02": own_figures()}
    keep_month("2026-12", codes, county=SONG, at=OPENED)
    yield found
    db.session.rollback()


def opened(people: People) -> AssessmentSheet:
    """An opened and reckoned year; the clinic's sheet."""
    deeds.open_assessment(2026, by=CITY, at=OPENED)
    reckon(2026, at=OPENED)
    return sheet_of(people.institutions["clinic"].id, 2026)


def on_site(people: People) -> AssessmentSheet:
    """The self-scoring is over."""
    sheet = opened(people)
    deeds.go_on_site(2026, by=CITY, at=ON_SITE)
    return sheet


def published(people: People) -> AssessmentSheet:
    """The result is out: the clinic has 8 on-site points, nobody went to the others."""
    sheet = on_site(people)
    deeds.score_on_site(2026, sheet.id, "8", "", "", by=CITY, at=ON_SITE)
    for name in ("hospital", "elsewhere"):
        other = sheet_of(people.institutions[name].id, 2026)
        deeds.score_on_site(2026, other.id, "", "道路不通", "", by=CITY, at=ON_SITE)
    deeds.publish_assessment(2026, by=CITY, at=OUT)
    return sheet


def test_the_way_of_an_assessment_on_its_pages(client: CheckingClient, people: People, clock_at: Any) -> None:
    client.log_in(people.users[Role.INSTITUTION])
    client.get("/assessment", status=200)
    client.log_in(people.users[Role.COUNTY])
    client.get("/assessments", status=200)
    client.post("/assessments", data={"year": 2026}, status=403)
    client.log_in(people.users[Role.CITY])
    client.get("/assessments", status=200)
    offered = [option["value"] for option in client.page.all("select[name=year] option")]
    assert offered == ["2026", "2027", "2025"]
    # The year that is due stands there without being chosen.
    assert client.submit("main form:has(select[name=year])").status_code == 303
    client.get("/assessments/2026", status=200)
    reckon(2026, at=OPENED)
    clinic = sheet_of(people.institutions["clinic"].id, 2026)

    client.log_in(people.users[Role.INSTITUTION])
    page = client.get("/assessment", status=200).get_data(as_text=True)
    assert "应付 200.00 元，按期付 150.00 元" in page
    assert "15.00" not in page
    wrong = client.submit("main form", payment="25")
    assert wrong.status_code == 422
    scores = {"payment": "20", "stocking": "10", "price": "10", "reporting": "10", "tracing": "10"}
    own = scores | {"training": "0", "conduct": "5", "site": "10", "note": "已整改"}
    client.get("/assessment", status=200)
    assert client.submit("main form", **own).status_code == 303
    assert "15.00" in client.get("/assessment/2026", status=200).get_data(as_text=True)
    for indicator in Indicator:
        client.get(f"/assessments/2026/sheets/{clinic.id}/behind/{indicator.value}", status=200)
    # Before the publication the sheet is no paper of the institution's.
    client.get(f"/assessments/2026/sheets/{clinic.id}/paper", status=404)

    clock_at(ON_SITE)
    client.log_in(people.users[Role.CITY])
    client.get("/assessments/2026", status=200)
    assert client.submit("form:has(button[value=on_site])", button="do=on_site").status_code == 303
    client.log_in(people.users[Role.COUNTY])
    client.get("/assessments/2026?waits=site", status=200)
    client.get(f"/assessments/2026/sheets/{clinic.id}", status=200)
    assert client.submit("form:has(input[name=points])", points="11").status_code == 422
    client.get(f"/assessments/2026/sheets/{clinic.id}", status=200)
    client.submit("form:has(input[name=points])", points="8.5", note="标牌在，价签齐")
    for name in ("hospital", "elsewhere"):
        other = sheet_of(people.institutions[name].id, 2026)
        deeds.score_on_site(2026, other.id, "", "道路不通", "", by=CITY, at=ON_SITE)

    clock_at(OUT)
    client.log_in(people.users[Role.CITY])
    client.get("/assessments/2026", status=200)
    assert client.submit("form:has(button[value=publish])", button="do=publish").status_code == 303
    page = client.get("/assessments/2026", status=200).get_data(as_text=True)
    assert "待确认的政策参数" in page
    client.log_in(people.users[Role.INSTITUTION])
    page = client.get("/assessment/2026", status=200).get_data(as_text=True)
    # 15 + 10 + 10 + 5 + 9 + 0 + 5 + 8.5 of 20 + 10 + 10 + 10 + 10 + 5 + 5 + 10
    assert "78.13" in page
    picture = io.BytesIO()
    Image.new("RGB", (4, 4), "white").save(picture, "JPEG")
    for _ in range(2):
        sent = {
            "do": "appeal",
            "key": "one",
            "text": "培训有签到表",
            "files": (io.BytesIO(picture.getvalue()), "签到.jpg"),
        }
        client.post("/assessment/2026", data=sent, status=303)
    appeal = db.session.scalars(select(AssessmentAppeal)).one()
    assert client.get(f"/assessments/2026/sheets/{clinic.id}/paper").content_type == "application/pdf"

    client.log_in(people.users[Role.CITY])
    client.get("/assessments/2026?waits=appeal", status=200)
    client.get(f"/assessments/2026/sheets/{clinic.id}", status=200)
    answered = client.submit(
        "form:has(button[value=uphold])",
        button="do=uphold",
        indicator="training",
        points="5",
        answer="签到表属实",
    )
    assert answered.status_code == 303
    db.session.expire_all()
    assert (appeal.points_before, appeal.points_after) == (Decimal(0), Decimal(5))
    clock_at(LATE)
    client.get("/assessments/2026", status=200)
    assert client.submit("form:has(button[value=finish])", button="do=finish").status_code == 303
    assert db.session.scalars(select(Assessment.state)).one() is AssessmentState.FINAL
    for path in ("paper", "workbook"):
        client.get(f"/assessments/2026/{path}", status=200)
        client.get(f"/assessments/2026/sheets/{clinic.id}/{path}", status=200)
    client.get("/assessments/2026?format=xlsx", status=200)
    client.log_in(people.users[Role.INSTITUTION])
    page = client.get("/assessment/2026", status=200).get_data(as_text=True)
    assert "84.38" in page
    assert "签到表属实" in page


def test_nobody_sees_the_sheet_of_somebody_else(client: CheckingClient, people: People) -> None:
    published(people)
    elsewhere = sheet_of(people.institutions["elsewhere"].id, 2026)
    paths = [
        f"/assessments/2026/sheets/{elsewhere.id}/{what}" for what in ("paper", "workbook", "behind/payment")
    ]
    for role in (Role.INSTITUTION, Role.HOSPITAL, Role.COUNTY):
        client.log_in(people.users[role])
        for path in paths:
            client.get(path, status=404)
    page = client.get("/assessments/2026", status=200).get_data(as_text=True)
    assert "白元村" not in page
    client.get(f"/assessments/2026/sheets/{elsewhere.id}", status=404)
    client.log_in(make_user("13800000077", Role.COUNTY, county_code=YI))
    client.get(f"/assessments/2026/sheets/{elsewhere.id}", status=200)
    client.log_in(people.users[Role.DISTRIBUTOR])
    client.get("/assessment", status=403)


def test_a_sheet_that_changed_meanwhile_is_shown_again_with_what_was_typed(
    client: CheckingClient, people: People, clock_at: Any
) -> None:
    sheet = on_site(people)
    clock_at(ON_SITE)
    client.log_in(people.users[Role.COUNTY])
    client.get(f"/assessments/2026/sheets/{sheet.id}", status=200)
    deeds.score_on_site(2026, sheet.id, "6", "", "", by=CITY, at=ON_SITE)
    answer = client.submit("form:has(input[name=points])", points="7", note="双标签齐全")
    assert answer.status_code == 409
    assert "双标签齐全" in answer.get_data(as_text=True)
    db.session.expire_all()
    found = queries.find_sheet(2026, sheet.id, SYSTEM, on=ON_SITE.date())
    assert found is not None
    assert found.line(Indicator.SITE).points == Decimal(6)


def test_what_people_typed_stays_when_the_figures_are_reckoned_anew(people: People) -> None:
    sheet = on_site(people)
    deeds.score_on_site(2026, sheet.id, "8", "", "很好", by=CITY, at=ON_SITE)
    version = sheet.version
    deeds.ask_to_reckon_assessment(2026, by=CITY, at=ON_SITE)
    assert queries.wanted_years() == [2026]
    reckon(2026, at=ON_SITE)
    assert queries.wanted_years() == []
    found = queries.find_sheet(2026, sheet.id, SYSTEM, on=ON_SITE.date())
    assert found is not None
    assert found.line(Indicator.SITE).points == Decimal(8)
    assert (found.sheet.site_note, found.sheet.version) == ("很好", version)


def test_steps_out_of_turn_are_refused(people: People) -> None:
    with pytest.raises(YearAhead):
        deeds.open_assessment(2028, by=CITY, at=OPENED)
    sheet = opened(people)
    with pytest.raises(AssessmentThere):
        deeds.open_assessment(2026, by=CITY, at=OPENED)
    with pytest.raises(SelfScoringOpen):
        deeds.go_on_site(2026, by=CITY, at=OPENED)
    clinic = Actor("王保田", Role.INSTITUTION, institution_id=sheet.institution_id)
    with pytest.raises(AssessmentOutOfTurn):
        deeds.file_appeal(2026, "不对", [], key="a", by=clinic, at=OPENED)
    deeds.go_on_site(2026, by=CITY, at=ON_SITE)
    with pytest.raises(AssessmentOutOfTurn):
        deeds.score_self(2026, {}, "", by=clinic, at=ON_SITE)
    with pytest.raises(SitesNotScored):
        deeds.publish_assessment(2026, by=CITY, at=OUT)


def test_a_year_that_runs_is_not_published(people: People) -> None:
    deeds.open_assessment(2027, by=CITY, at=OPENED)
    reckon(2027, at=OPENED)
    deeds.go_on_site(2027, by=CITY, at=ON_SITE)
    with pytest.raises(YearNotOver):
        deeds.publish_assessment(2027, by=CITY, at=OUT)


def test_an_appeal_is_in_time_and_decided_before_the_result_is_settled(people: People) -> None:
    sheet = published(people)
    clinic = Actor("王保田", Role.INSTITUTION, institution_id=sheet.institution_id)
    with pytest.raises(AppealTooLate):
        deeds.file_appeal(2026, "不对", [], key="late", by=clinic, at=LATE)
    deeds.file_appeal(2026, "追溯码已补扫", [], key="a", by=clinic, at=OUT)
    with pytest.raises(AppealDaysRun):
        deeds.finish_assessment(2026, by=CITY, at=OUT)
    with pytest.raises(AppealsOpen):
        deeds.finish_assessment(2026, by=CITY, at=LATE)
    appeal = db.session.scalars(select(AssessmentAppeal)).one()
    before = db.session.scalars(select(Assessment.sha256)).one()
    deeds.decide_appeal(appeal.id, uphold=False, answer="补扫不计入当年", by=CITY, at=LATE)
    deeds.finish_assessment(2026, by=CITY, at=LATE)
    assert db.session.scalars(select(Assessment.sha256)).one() == before
    told = db.session.scalars(
        select(Notice.kind).where(Notice.institution_id == sheet.institution_id).order_by(Notice.id)
    ).all()
    assert told == ["assessment_opened", "assessment_published", "assessment_rejected"]


def test_whoever_has_not_scored_itself_is_reminded_once(people: People) -> None:
    opened(people)
    for expected in (3, 0):
        assert (
            deeds.remind_of_self_scores(2026, by=SYSTEM, at=datetime(2027, 1, 17, 2, tzinfo=UTC)) == expected
        )


def test_every_step_stands_in_the_table_and_leads_on() -> None:
    assert {row.step for row in STEPS} == set(AssessmentStep)
    for step in AssessmentStep:
        for state in (None, *AssessmentState):
            if is_possible(step, state):
                assert check_assessment_step(step, state) in set(AssessmentState)
            else:
                with pytest.raises(AssessmentOutOfTurn):
                    check_assessment_step(step, state)
