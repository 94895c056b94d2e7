"""An application from the public form to the log-in slip; who sees it, who decides, what is refused."""

from __future__ import annotations

import io
from collections.abc import Iterator
from datetime import date, timedelta
from decimal import Decimal

import pytest
from flask import Flask
from PIL import Image
from sqlalchemy import select

from clinic_orders.actions import applications as deeds
from clinic_orders.models.accounts import User
from clinic_orders.models.applications import Application
from clinic_orders.models.base import db
from clinic_orders.models.roster import Commitment, Institution
from clinic_orders.queries.applications import application_by_number
from clinic_orders.rules.applications import ApplicationState, DecisionKind, Opinion
from clinic_orders.rules.parties import Actor, Role
from tests.applications_world import COUNTY, WEEK_LATER, begun, filled, known_pharmacy, sent, uscc
from tests.checking_client import CheckingClient
from tests.people import NOW, SONG, People, make_people, make_user


@pytest.fixture
def people(app: Flask, clock_at: object) -> Iterator[People]:
    clock_at(NOW)  # type: ignore[operator]
    yield make_people()
    db.session.rollback()


def photo() -> tuple[io.BytesIO, str]:
    picture = io.BytesIO()
    Image.new("RGB", (4, 4), "white").save(picture, "JPEG")
    picture.seek(0)
    return picture, "执照.jpg"


def fill_in(client: CheckingClient) -> tuple[str, str]:
    """Fill in the whole form as somebody on a phone; number and code."""
    client.get("/apply/", status=200)
    client.submit("form[action='/apply/']", name="嵩县福康大药房", county_code=SONG)
    assert client.page is not None
    number, code = client.page.one("#number").text, client.page.one("#code").text
    client.get("/apply/unit", status=200)
    client.submit(
        "form[action='/apply/unit']", uscc=uscc(1), address="城关镇白云大道18号", licence_no="豫CB0379001",
        legal_rep="王秀英", contact="张建国", phone="13800000000",
    )  # fmt: skip
    client.get("/apply/place", status=200)
    client.submit(
        "form[action='/apply/place']", button="do=save", lng="112.083", lat="34.135", people="3000",
        people_source="居委会2026年10月",
    )  # fmt: skip
    client.get("/apply/facts", status=200)
    no = dict.fromkeys(("fake_drugs", "fund", "dishonesty_list", "judgment_debtor", "other"), "no")
    client.submit("form[action='/apply/facts']", **no)
    for use in ("business_licence", "trade_licence", "legal_rep_id"):
        client.get("/apply/papers", status=200)
        version = client.page.all("input[name=version]")[0].get("value")
        client.post("/apply/papers", data={"version": version, "use": use, "files": [photo()]}, status=303)
    client.get("/apply/letter", status=200)
    client.submit(
        "form[action='/apply/letter']", rate="12", signer="王秀英", clause=[str(one) for one in range(1, 8)]
    )
    return number, code


def test_from_the_form_to_the_slip_with_the_first_password(client: CheckingClient, people: People) -> None:
    known_pharmacy()
    number, code = fill_in(client)
    client.get("/apply/mine", status=200)
    assert client.page is not None
    assert "645 米" in client.page.text
    client.submit("form:has(button[value=send])", button="do=send")
    # Another device comes back with number and code.
    client.log_out()
    assert client.get("/apply/mine").location.endswith("/apply/status")
    client.get("/apply/status")
    assert (
        client.submit("form[action='/apply/status']", number=number, code="cccc-cccc-cccc-cccc").status_code
        == 401
    )
    client.submit("form[action='/apply/status']", number=number, code=code)
    assert "待县局评价" in client.get("/apply/mine").get_data(as_text=True)

    client.log_in(people.users[Role.COUNTY])
    assert number in client.get("/applications/", status=200).get_data(as_text=True)
    client.get(f"/applications/{number}", status=200)
    client.submit("main form", button="do=opinion", opinion="favourable", reason="证照齐全，经营正常")
    client.log_in(people.users[Role.CITY])
    client.get(f"/applications/{number}", status=200)
    client.submit("main form", button="do=decide", decision="admit", reason="符合条件")
    record = deeds_record(number)
    assert record.state is ApplicationState.PUBLISHED
    assert record.published_until == date(2026, 11, 26)
    assert "嵩县福康大药房" in client.get("/apply/published").get_data(as_text=True)


def deeds_record(number: str) -> Application:
    db.session.expire_all()
    found = application_by_number(number)
    assert found is not None
    return found


def city(people: People, name: str = "李慧", offset: int = 0) -> Actor:
    user = people.users[Role.CITY] if not offset else make_user(f"1380000010{offset}", Role.CITY)
    return Actor(name, Role.CITY, user_id=user.id, org_name="市医保局")


def test_when_the_list_is_over_the_unit_comes_on_the_roster_with_letter_and_account(
    client: CheckingClient, people: People, clock_at: object
) -> None:
    made = sent(1)
    deeds.give_opinion(made.number, Opinion.FAVOURABLE, "好", by=COUNTY, at=NOW)
    known_pharmacy()
    made2 = sent(2)
    assert made.record.nearest_m is None
    assert made2.record.nearest_m == 645
    deeds.decide_application(made.number, DecisionKind.ADMIT, "虽然名单未导入", by=city(people), at=NOW)
    assert made.record.state is ApplicationState.PROPOSED
    deeds.confirm_decision(made.number, by=city(people, "郑敏", 1), at=NOW)
    clock_at(WEEK_LATER)  # type: ignore[operator]
    client.log_in(people.users[Role.CITY])
    client.get(f"/applications/{made.number}", status=200)
    page = client.submit("main form", button="do=enrol").get_data(as_text=True)
    record = made.record
    institution = db.session.get_one(Institution, record.institution_id)
    assert institution.code == uscc(1)
    assert uscc(1) in page
    assert db.session.scalar(select(User.id).where(User.username == uscc(1))) is not None
    letter = db.session.scalars(select(Commitment).where(Commitment.institution_id == institution.id)).one()
    assert letter.markup_rate == Decimal("0.15")
    assert institution.memberships[0].joined_on == NOW.date() + timedelta(days=8)
    assert client.get(f"/applications/{made.number}", status=200)


def test_the_incomplete_is_not_sent_and_says_what_is_missing(client: CheckingClient, people: People) -> None:
    made = begun()
    with client.session_transaction() as session:
        session["application"] = made.number
    client.get("/apply/mine", status=200)
    answer = client.submit("form:has(button[value=send])", button="do=send")
    assert answer.status_code == 422
    assert "申请还没填完" in answer.get_data(as_text=True)
    client.get("/apply/unit")
    answer = client.submit(
        "form[action='/apply/unit']", uscc=uscc(1)[:-1] + ("0" if uscc(1)[-1] != "0" else "1"), address="甲",
        licence_no="1", legal_rep="王", contact="张", phone="13800000000",
    )  # fmt: skip
    assert answer.status_code == 422
    assert 'value="甲"' in answer.get_data(as_text=True)


def test_a_tap_on_the_map_sets_the_place_without_a_script(client: CheckingClient, people: People) -> None:
    made = begun()
    with client.session_transaction() as session:
        session["application"] = made.number
    page = client.get("/apply/place", status=200)
    assert 'type="image"' in page.get_data(as_text=True)
    known_pharmacy()
    base = {"mid_lng": "112.083", "mid_lat": "34.135", "span": "1500", "version": "1"}
    client.post("/apply/place", data=base | {"map.x": "144", "map.y": "144"}, status=200)
    assert client.page is not None
    assert client.page.one("#lng").get("value") == "112.083000"
    client.post("/apply/place", data=base | {"map.x": "144", "map.y": "0"}, status=200)
    assert client.page.one("#lat").get("value") == "34.141760"
    picture = client.get("/apply/map.svg?lng=112.083&lat=34.135&span=1500", status=200)
    assert picture.mimetype == "image/svg+xml"
    assert "嵩县老百姓大药房" in picture.get_data(as_text=True)


def test_a_foreign_county_and_a_draft_are_not_found(client: CheckingClient, people: People) -> None:
    draft, made = filled(1), sent(2)
    yichuan = make_user("13800000077", Role.COUNTY, county_code="410329")
    client.log_in(yichuan)
    client.get(f"/applications/{made.number}", status=404)
    client.log_in(people.users[Role.COUNTY])
    client.get(f"/applications/{made.number}", status=200)
    client.get(f"/applications/{draft.number}", status=404)


def test_what_was_sent_back_shows_what_is_missing_and_is_sent_again(
    client: CheckingClient, people: People
) -> None:
    made = sent(1)
    client.log_in(people.users[Role.COUNTY])
    client.get(f"/applications/{made.number}")
    client.submit("main form", button="do=send_back", reason="缺许可证第二页")
    client.log_out()
    with client.session_transaction() as session:
        session["application"] = made.number
    assert "缺许可证第二页" in client.get("/apply/mine", status=200).get_data(as_text=True)
    client.submit("form:has(button[value=send])", button="do=send")
    assert made.record.state is ApplicationState.SUBMITTED
    client.get("/apply/letter.pdf", status=200)
