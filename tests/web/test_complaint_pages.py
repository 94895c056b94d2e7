"""Complaints of the public: filed without log-in, answered by the bureau, entering cases; nothing kept about persons."""

from __future__ import annotations

import io
import json
import threading
from collections.abc import Callable
from datetime import datetime, timedelta

import pytest
from flask import Flask
from PIL import Image
from sqlalchemy import select, update

from clinic_orders.actions import cases as case_deeds
from clinic_orders.actions import complaints as deeds
from clinic_orders.actions.found_by_people import StandsInACase
from clinic_orders.exchange.attachments import path_of
from clinic_orders.models.audit import AuditEntry
from clinic_orders.models.base import db
from clinic_orders.models.complaints import Complaint, ComplaintPhoto
from clinic_orders.models.notices import Notice
from clinic_orders.models.policy import PolicyValue
from clinic_orders.models.supervision import FindingRecord
from clinic_orders.queries import complaints as queries
from clinic_orders.rules.complaints import (
    THE_PUBLIC,
    ComplaintKind,
    ComplaintState,
    ComplaintStepRefused,
    check_complaint,
    shown_tracking,
)
from clinic_orders.rules.days import end_of_day
from clinic_orders.rules.finding_states import FindingState
from clinic_orders.rules.findings import CheckRule
from clinic_orders.rules.parties import SYSTEM, NotAllowed
from tests.cases_world import NOW, TODAY, World, fresh_key, make_world
from tests.checking_client import CheckingClient
from tests.factories import set_policy

SONG = "410325"


@pytest.fixture
def world(app: Flask, clock_at) -> World:
    clock_at(NOW)
    return make_world()


def photo_with_place() -> bytes:
    """A photo into which a phone wrote where and with what it was taken."""
    exif = Image.Exif()
    exif[0x0110] = "Phone of Somebody"
    exif.get_ifd(0x8825)[2] = (34.0, 37.0, 12.0)
    out = io.BytesIO()
    Image.new("RGB", (2400, 1200), (120, 60, 20)).save(out, "JPEG", exif=exif)
    return out.getvalue()


def file(client: CheckingClient, **changes: object) -> str:
    """File a complaint through the form; its number."""
    client.get("/complaints/new", status=200)
    typed = {"place": "东关大药房", "words": "标签 12.50 元，收了 15 元", "county": SONG, "kind": "dearer"}
    client.submit(**(typed | changes), follow_redirects=True)
    return client.page.url


def one() -> Complaint:
    db.session.expire_all()
    return db.session.scalars(select(Complaint)).one()


def complaint(world: World, *, county: str = SONG, institution: str = "") -> Complaint:
    text = check_complaint(
        ComplaintKind.DEARER, place="东关大药房", words="卖贵了", today=TODAY, contact="138"
    )
    return deeds.file_complaint(
        text, [], key=fresh_key(), county_code=county, institution_code=institution, by=THE_PUBLIC, at=NOW
    )


def test_anybody_complains_with_a_photo_and_reads_the_answer_with_the_number(
    client: CheckingClient, world: World
) -> None:
    client.get("/complaints/new", status=200)
    assert client.page.one("form[enctype]")["action"] == "/complaints/new"
    sent = {
        "place": "东关大药房",
        "words": "标签 12.50 元，收了 15 元",
        "county": SONG,
        "kind": "dearer",
        "contact": "13800000000",
        "key": client.page.one("input[name=key]")["value"],
        "csrf_token": client.csrf_token(),
    }
    for _ in range(2):
        # The form sent twice makes one complaint, with one photo.
        answer = client.post(
            "/complaints/new",
            data=sent | {"photos": [(io.BytesIO(photo_with_place()), "家门口.jpg")]},
            content_type="multipart/form-data",
            follow_redirects=True,
        )
        assert answer.status_code == 200
    found = one()
    assert "投诉已收到" in client.page.text
    assert shown_tracking(found.tracking) in client.page.text
    assert (found.state, found.county_code, found.institution_id) == (ComplaintState.FILED, SONG, None)
    told = db.session.scalars(select(Notice).where(Notice.kind == "complaint_filed")).one()
    assert (told.county_code, told.link) == (SONG, f"/complaints/{found.number}")

    client.log_in(world.users["song"])
    client.get("/complaints/", status=200)
    assert found.number in client.page.text
    client.get(f"/complaints/{found.number}", status=200)
    assert "13800000000" in client.page.text
    assert len(client.page.all(".photos img")) == 1
    client.submit('form:has(button[value="take_up"])', do="take_up", follow_redirects=True)
    client.get(f"/complaints/{found.number}?find=V01", status=200)
    chosen = client.page.all("select[name=institution] option")[1]["value"]
    client.submit(
        'form:has(button[value="verify"])',
        do="verify", institution=chosen, answer="查实多收 2.50 元，已责令退还。", remark="标签 12.50 元，实收 15.00 元",
        follow_redirects=True,
    )  # fmt: skip
    found = one()
    assert (found.state, found.contact) == (ComplaintState.VERIFIED, "")
    finding = db.session.get_one(FindingRecord, found.finding_id)
    assert (finding.rule, finding.key, finding.state) == (
        CheckRule.COMPLAINT,
        found.number,
        FindingState.OPEN,
    )
    client.get(f"/findings/{finding.id}", status=200)
    assert "标签 12.50 元，实收 15.00 元" in client.page.text

    client.log_out()
    client.get("/complaints/status", query_string={"number": found.tracking.lower()}, follow_redirects=True)
    assert "查实多收 2.50 元" in client.page.text
    assert world.users["song"].name not in client.page.text
    assert finding.subject not in client.page.text


def test_what_the_camera_wrote_into_a_photo_is_not_kept(
    client: CheckingClient, world: World, app: Flask
) -> None:
    client.get("/complaints/new", status=200)
    client.post(
        "/complaints/new",
        data={"place": "药房", "words": "没有价签", "key": "k" * 20, "csrf_token": client.csrf_token(),
              "photos": [(io.BytesIO(photo_with_place()), "a.jpg")]},
        content_type="multipart/form-data",
    )  # fmt: skip
    kept = db.session.scalars(select(ComplaintPhoto)).one()
    path = path_of(app.extensions["settings"].instance, kept.stored_as)
    with Image.open(path) as picture:
        assert not picture.getexif()
        assert max(picture.size) == 1920
    assert b"Somebody" not in path.read_bytes()
    assert client.get(f"/complaints/photos/{kept.id}").status_code == 302
    client.log_in(world.users["yi"])
    assert client.get(f"/complaints/photos/{kept.id}").status_code == 404
    client.log_in(world.users["city"])
    answer = client.get(f"/complaints/photos/{kept.id}")
    assert (answer.status_code, answer.content_type) == (200, "image/jpeg")
    assert "sandbox" in answer.headers["Content-Security-Policy"]


@pytest.mark.parametrize(
    ("name", "content", "said"),
    [
        ("a.pdf", b"%PDF-1.7 x", "不是照片"),
        ("a.jpg", b"<script>alert(1)</script>", "不是照片"),
        ("a.jpg", b"\xff\xd8\xff\xe0" + b"0" * 64, "损坏"),
    ],
)
def test_what_is_no_photo_is_refused_and_what_was_typed_stays(
    client: CheckingClient, world: World, name: str, content: bytes, said: str
) -> None:
    client.get("/complaints/new", status=200)
    answer = client.post(
        "/complaints/new",
        data={"place": "药房", "words": "没有价签，问了不说", "key": "k" * 20, "csrf_token": client.csrf_token(),
              "photos": [(io.BytesIO(content), name)]},
        content_type="multipart/form-data",
    )  # fmt: skip
    assert answer.status_code == 422
    assert said in client.page.text
    assert client.page.one("textarea[name=words]").text == "没有价签，问了不说"
    assert db.session.scalars(select(Complaint)).all() == []


def test_an_incomplete_complaint_comes_back_with_everything_typed(
    client: CheckingClient, world: World
) -> None:
    client.get("/complaints/new", status=200)
    answer = client.submit(place=" ", words="卖贵了", happened_on=(TODAY + timedelta(days=3)).isoformat())
    assert answer.status_code == 422
    assert "请写明是哪家药店或诊所" in client.page.text
    answer = client.submit(place="药房", words="卖贵了", happened_on=(TODAY + timedelta(days=3)).isoformat())
    assert answer.status_code == 422
    assert "这一天还没到" in client.page.text


def test_the_page_of_an_institution_leads_to_the_form_with_its_name(
    client: CheckingClient, world: World
) -> None:
    client.get("/complaints/new?institution=V01&item=阿司匹林", status=200)
    client.submit(words="没有价签", follow_redirects=True)
    found = one()
    assert (found.institution_id, found.county_code, found.item) == (world.clinic.id, SONG, "阿司匹林")


def test_without_policy_there_is_no_deadline_and_with_it_working_days_count(
    client: CheckingClient, world: World
) -> None:
    first = complaint(world)
    assert first.deadline is None
    set_policy("complaint.answer_days", "5")
    second = complaint(world)
    assert second.deadline is not None
    assert second.deadline > TODAY + timedelta(days=4)
    client.log_in(world.users["song"])
    client.get("/complaints/", status=200)
    assert client.page.texts("main tbody th a") == [second.number, first.number]


@pytest.mark.parametrize("days", ["", "1"], ids=["no number", "a number nobody vouches for"])
def test_without_a_confirmed_number_of_days_no_last_day_is_stated_and_nobody_is_late(
    client: CheckingClient, world: World, clock_at: Callable[[datetime], None], days: str
) -> None:
    if days:
        set_policy("complaint.answer_days", days)
        db.session.execute(update(PolicyValue).values(confirmed=False))
        db.session.commit()
    found = complaint(world)
    assert (found.deadline is None) == (days == "")
    assert not found.deadline_confirmed
    later = NOW + timedelta(days=40)
    assert queries.complaints_due(TODAY + timedelta(days=40)) == []
    assert not deeds.remind_of_complaint(found.number, by=SYSTEM, at=later)
    clock_at(later)
    client.get(f"/complaints/status/{found.tracking}", status=200)
    assert "答复截止日" not in client.page.text
    assert ("还没有确认答复期限" if days else "没有规定答复期限") in client.page.text
    client.log_in(world.users["song"])
    client.get("/complaints/", status=200)
    assert ("待确认" if days else "未设定") in client.page.one("main tbody tr").text
    assert "已超期限" not in client.page.one("main tbody tr").text
    client.get("/complaints/?state=late", status=200)
    assert found.number not in client.page.text
    client.get(f"/complaints/{found.number}", status=200)
    assert ("答复天数待确认" if days else "未设定") in client.page.text


def test_the_bureau_is_told_once_when_the_last_day_has_come(world: World) -> None:
    set_policy("complaint.answer_days", "1")
    found = complaint(world)
    assert found.deadline is not None
    assert queries.complaints_due(found.deadline - timedelta(days=1)) == []
    assert queries.complaints_due(found.deadline) == [found.number]
    later = end_of_day(found.deadline) - timedelta(hours=3)
    assert [deeds.remind_of_complaint(found.number, by=SYSTEM, at=later) for _ in range(2)] == [True, False]
    told = db.session.scalars(select(Notice).where(Notice.kind == "complaint_due")).one()
    assert (told.county_code, told.facts["number"]) == (SONG, found.number)
    assert queries.complaints_due(found.deadline + timedelta(days=5)) == []


def test_a_county_sees_its_own_hands_to_the_city_and_the_city_to_any(
    client: CheckingClient, world: World
) -> None:
    own, foreign = complaint(world), complaint(world, county="410329")
    client.log_in(world.users["song"])
    client.get("/complaints/", status=200)
    assert own.number in client.page.text
    assert foreign.number not in client.page.text
    assert client.get(f"/complaints/{foreign.number}").status_code == 404
    client.get(f"/complaints/{own.number}", status=200)
    client.submit('form:has(button[value="assign"])', do="assign", note="不在我县", follow_redirects=True)
    assert own.number not in client.page.text
    client.log_in(world.users["city"])
    client.get(f"/complaints/{own.number}", status=200)
    assert "不在我县" in client.page.text
    client.submit('form:has(button[value="assign"])', do="assign", county="410329", follow_redirects=True)
    db.session.expire_all()
    assert db.session.get_one(Complaint, own.id).county_code == "410329"
    with pytest.raises(deeds.NotAssignedThere):
        deeds.assign_complaint(own.number, SONG, by=world.officer("yi"), at=NOW)


def test_a_verified_complaint_enters_a_case_and_its_answer_can_be_taken_back_before(world: World) -> None:
    officer = world.officer("song")
    found = complaint(world)
    deeds.verify_complaint(found.number, "V01", "属实，已责令退款。", by=officer, at=NOW)
    first = found.finding_id
    assert first is not None
    deeds.reopen_complaint(found.number, "写错了单位", by=officer, at=NOW)
    assert db.session.get_one(FindingRecord, first).state is FindingState.WAIVED
    assert (found.state, found.finding_id, found.answer) == (ComplaintState.IN_WORK, None, "")
    deeds.verify_complaint(found.number, "H01", "属实，已责令退款。", by=officer, at=NOW)
    second = found.finding_id
    assert second not in {None, first}
    case = case_deeds.open_case([second], by=officer, at=NOW)
    assert case.institution_id == world.hospital.id
    with pytest.raises(StandsInACase):
        deeds.reopen_complaint(found.number, "再看一次", by=officer, at=NOW)
    case_deeds.withdraw_case(case.number, "先不立案", by=officer, at=NOW)
    deeds.reopen_complaint(found.number, "再看一次", by=officer, at=NOW)
    deeds.verify_complaint(found.number, "H01", "属实。", by=officer, at=NOW)
    assert found.finding_id == second
    assert db.session.get_one(FindingRecord, second).state is FindingState.OPEN


def test_the_citizen_takes_it_back_only_until_somebody_looks_into_it(
    client: CheckingClient, world: World
) -> None:
    url = file(client)
    client.get(url, status=200)
    client.submit(follow_redirects=True)
    assert "您已撤回这件投诉" in client.page.text
    other = complaint(world)
    deeds.take_up_complaint(other.number, by=world.officer("song"), at=NOW)
    with pytest.raises(ComplaintStepRefused):
        deeds.withdraw_complaint(other.tracking, by=THE_PUBLIC, at=NOW)


def test_the_history_holds_no_telephone_number_and_others_may_not_come(
    client: CheckingClient, world: World
) -> None:
    found = complaint(world)
    deeds.refute_complaint(found.number, "现场核对价签一致。", by=world.officer("song"), at=NOW)
    entries = db.session.scalars(select(AuditEntry).where(AuditEntry.subject_type == "complaint")).all()
    assert [entry.deed for entry in entries] == ["file_complaint", "refute_complaint"]
    assert "138" not in json.dumps([[entry.before, entry.after] for entry in entries])
    with pytest.raises(NotAllowed):
        deeds.take_up_complaint(found.number, by=world.somebody(world.clinic), at=NOW)


def test_one_address_can_not_file_without_end(client: CheckingClient, world: World) -> None:
    answers = []
    for _ in range(22):
        answers.append(
            client.post(
                "/complaints/new", data={"place": "", "words": "", "csrf_token": client.csrf_token()}
            ).status_code
        )
    assert answers[0] == 422
    assert answers[-1] == 429


@pytest.mark.both_databases
def test_one_form_sent_four_times_at_once_makes_one_complaint(committed_app: Flask) -> None:
    with committed_app.app_context():
        make_world()
        db.session.remove()
    text = check_complaint(ComplaintKind.OTHER, place="药房", words="x", today=TODAY)
    barrier, numbers = threading.Barrier(4), []

    def run() -> None:
        with committed_app.app_context():
            barrier.wait(10)
            numbers.append(deeds.file_complaint(text, [], key="the same key", by=THE_PUBLIC, at=NOW).number)
            db.session.remove()

    threads = [threading.Thread(target=run) for _ in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join(30)
    assert len(numbers) == 4
    assert len(set(numbers)) == 1
