"""Cases on screen: from the findings to the letter, the party's answer on a phone, decisions; who sees what."""

from __future__ import annotations

import io
import re
from datetime import timedelta

import pytest
from flask import Flask

from clinic_orders.actions import cases as deeds
from clinic_orders.exchange.attachments import path_of
from clinic_orders.models.base import db
from clinic_orders.models.cases import CaseAnswer, CaseAttachment, CaseFile, CaseLetter
from clinic_orders.models.roster import Institution
from clinic_orders.rules.ladder import AnswerKind, CaseState, Level
from clinic_orders.rules.parties import Role
from tests.cases_world import (
    NOW,
    TODAY,
    World,
    answered,
    confirm_all,
    found,
    fresh_key,
    issue,
    make_world,
    overdue,
    proposed,
    request,
    short,
    slow,
)
from tests.exchange.test_attachments import picture
from tests.factories import make_user


@pytest.fixture
def world(app: Flask, clock_at) -> World:
    clock_at(NOW)
    return make_world()


def party(world: World, institution: Institution | None = None):
    place = institution or world.clinic
    role = Role.HOSPITAL if place is world.hospital else Role.INSTITUTION
    return make_user(f"party-{place.code}", role=role, institution=place)


def _form(deed: str) -> str:
    return f'form:has(button[value="{deed}"])'


def draft(world: World) -> CaseFile:
    return deeds.open_case(found(overdue("V01", "PS1"), short("V01")), by=world.officer("song"), at=NOW)


def sent(world: World) -> CaseLetter:
    return issue(draft(world), Level.REMINDER, by=world.officer("song"))


def lying(client) -> list:
    folder = client.application.extensions["settings"].instance / "attachments"
    return [path for path in folder.rglob("*") if path.is_file()]


def again(record):
    return db.session.get_one(type(record), record.id, populate_existing=True)


def test_from_chosen_findings_to_a_letter(client, world):
    ids = found(overdue("V01", "PS1"), short("V01"))
    client.log_in(world.users["song"])
    client.get("/findings/", status=200)
    client.submit('main form[action="/cases/"]', finding=[str(one) for one in ids], follow_redirects=True)
    assert client.page.one("h1").text.startswith("明白川村卫生室")
    assert "草稿" in client.page.one(".preview").text
    assert "5.10元" in client.page.one(".preview").text
    client.submit('form[action$="/letter"]', button="do=issue", follow_redirects=True)
    assert "嵩县医保提〔2026〕1号" in client.page.one("main").text
    client.get("/findings/", status=200)
    assert "AJ2026-0001" in client.page.one("main").text
    assert client.page.all('input[name="finding"]') == []


def test_the_letter_is_shown_as_typed_before_it_goes_out(client, world):
    case = draft(world)
    client.log_in(world.users["song"])
    client.get(f"/cases/{case.number}", status=200)
    client.submit('form[action$="/letter"]', button="do=show", words="11月18日现场查看属实。")
    assert "11月18日现场查看属实。" in client.page.one(".preview").text
    assert again(case).state is CaseState.DRAFT


def test_a_refusal_keeps_what_was_typed_and_says_what_to_do(client, world):
    case = draft(world)
    client.log_in(world.users["song"])
    client.get(f"/cases/{case.number}", status=200)
    answer = client.submit(
        'form[action$="/letter"]', button="do=issue", level="3", jump_reason="多次提醒", words="已看过"
    )
    assert answer.status_code == 422
    assert "stocking.minimum" in client.page.one("main").text
    assert client.page.one("#words").text == "已看过"
    answer = client.submit('form[action$="/letter"]', button="do=issue", deadline="2026-11-xx")
    assert answer.status_code == 422
    assert client.page.one("#deadline")["value"] == "2026-11-xx"


def test_a_page_that_is_no_longer_so_is_refused_with_what_was_typed(client, world):
    case = draft(world)
    client.log_in(world.users["song"])
    client.get(f"/cases/{case.number}", status=200)
    deeds.add_findings(case.number, found(overdue("V01", "PS9")), by=world.officer(), at=NOW)
    answer = client.submit('form[action$="/letter"]', button="do=issue", words="已看过")
    assert answer.status_code == 409
    assert client.page.one("#words").text == "已看过"


def test_the_party_signs_and_answers_with_a_photo_on_a_phone(client, world):
    letter = sent(world)
    client.log_in(party(world))
    client.get("/duties/", status=200)
    assert "1 份公文待签收" in client.page.one("body").text
    client.get("/letters/", status=200)
    assert "待签收" in client.page.one("main table").text
    client.get(f"/letters/{letter.id}", status=200)
    client.submit(f'main form[action="/letters/{letter.id}"]', button="do=receive", follow_redirects=True)
    assert "9 天" in client.page.one("main .duty-date").text
    client.get("/duties/", status=200)
    assert "待签收" not in client.page.one("body").text
    client.get(f"/letters/{letter.id}", status=200)
    client.submit(
        'form[enctype="multipart/form-data"]',
        button="do=answer",
        kind="appeal",
        text="货款已经付清，回单见照片。",
        files=[(io.BytesIO(picture()), "回单.jpg")],
        follow_redirects=True,
    )
    assert "货款已经付清" in client.page.one("main").text
    filed = db.session.query(CaseAttachment).one()
    path = path_of(client.application.extensions["settings"].instance, filed.stored_as)
    assert path.read_bytes() == picture()


def test_a_file_goes_out_as_a_download_to_both_sides_and_to_nobody_else(client, world):
    letter = sent(world)
    user = party(world)
    client.log_in(user)
    client.get(f"/letters/{letter.id}")
    client.submit(f'main form[action="/letters/{letter.id}"]', button="do=receive", follow_redirects=True)
    client.submit(
        'form[enctype="multipart/form-data"]',
        button="do=answer",
        text="见照片",
        files=[(io.BytesIO(picture()), "回单.jpg")],
    )
    filed = db.session.query(CaseAttachment).one()
    address = f"/letters/files/{filed.id}"
    for reader in (user, world.users["song"], world.users["city"]):
        client.log_in(reader)
        answer = client.get(address, status=200)
        assert answer.data == picture()
        assert answer.headers["Content-Disposition"].startswith("attachment;")
        assert answer.headers["Content-Type"] == "image/jpeg"
        assert "sandbox" in answer.headers["Content-Security-Policy"]
        assert answer.headers["X-Content-Type-Options"] == "nosniff"
    strangers = [
        world.users["yi"],
        party(world, world.pharmacy),
        party(world, world.hospital),
        make_user("seller", role=Role.DISTRIBUTOR, distributor=world.distributor),
    ]
    for stranger in strangers:
        client.log_in(stranger)
        client.get(address, status=404)
        client.get(f"/letters/{letter.id}/pdf", status=404)


def test_a_file_that_is_no_photo_is_refused_and_the_words_stay(client, world):
    letter = sent(world)
    client.log_in(party(world))
    client.get(f"/letters/{letter.id}")
    client.submit(f'main form[action="/letters/{letter.id}"]', button="do=receive", follow_redirects=True)
    before = lying(client)
    answer = client.submit(
        'form[enctype="multipart/form-data"]',
        button="do=answer",
        text="说明如下",
        files=[(io.BytesIO(b"<script>alert(1)</script>"), "photo.jpg")],
    )
    assert answer.status_code == 422
    assert "不是照片" in client.page.one("main").text
    assert client.page.one("textarea").text == "说明如下"
    assert db.session.query(CaseAnswer).count() == 0
    assert lying(client) == before


def test_letters_of_others_are_not_there(client, world):
    letter = sent(world)
    for stranger in (party(world, world.pharmacy), party(world, world.hospital)):
        client.log_in(stranger)
        client.get(f"/letters/{letter.id}", status=404)
        client.post(f"/letters/{letter.id}", data={"do": "receive"}, status=404)
        assert "嵩县医保提" not in client.get("/letters/", status=200).get_data(as_text=True)


def test_a_county_sees_its_own_cases_only(client, world):
    case = draft(world)
    client.log_in(world.users["yi"])
    client.get(f"/cases/{case.number}", status=404)
    assert case.number not in client.get("/cases/?state=all", status=200).get_data(as_text=True)
    client.log_in(world.users["song"])
    assert case.number in client.get("/cases/?state=all", status=200).get_data(as_text=True)


def test_drafts_of_a_month_are_collected_by_a_button(client, world):
    found(overdue("V01", "PS1"), overdue("P01", "PS2"), slow())
    client.log_in(world.users["city"])
    client.get("/cases/", status=200)
    client.submit('main form[method="post"]', month="2026-11", button="do=collect", follow_redirects=True)
    assert "已归集 3 份草稿" in client.page.one("body").text
    assert db.session.query(CaseFile).count() == 3


def test_every_decision_of_an_officer_is_made_on_the_page(client, world):
    case = draft(world)
    letter = issue(case, Level.REMINDER, by=world.officer("song"))
    page = f"/cases/{case.number}"
    client.log_in(world.users["song"])
    client.get(page, status=200)
    client.submit(_form("receipt"), button="do=receipt", receiver="王保田", follow_redirects=True)
    client.submit(
        _form("extend"), button="do=extend", day="2026-12-20", reason="医生住院", follow_redirects=True
    )
    client.submit(_form("paper_answer"), button="do=paper_answer", text="书面说明", follow_redirects=True)
    client.submit(
        _form("accept"), button="do=accept", reason="属实", recheck_on="2026-11-20", follow_redirects=True
    )
    client.submit(_form("failed"), button="do=failed", reason="仍未付清", follow_redirects=True)
    assert again(case).state is CaseState.UNRESOLVED
    client.submit(
        _form("accept"), button="do=accept", reason="再给时间", recheck_on="2026-11-20", follow_redirects=True
    )
    client.submit(_form("passed"), button="do=passed", reason="已付清", follow_redirects=True)
    assert again(case).state is CaseState.CLOSED
    assert again(letter).received_by_name == "王保田"


def test_the_second_officer_signs_on_the_page_and_the_first_can_not(client, world):
    confirm_all()
    case = proposed(world, world.clinic, Level.SUSPENSION)
    client.log_in(world.users["city"])
    client.get(f"/cases/{case.number}", status=200)
    assert client.page.all('button[value="countersign"]') == []
    client.log_in(world.users["second"])
    client.get(f"/cases/{case.number}", status=200)
    client.post(
        f"/cases/{case.number}",
        data={"do": "countersign", "version": again(case).version},
        follow_redirects=True,
    )
    assert again(case).level == Level.SUSPENSION
    assert "洛医保停〔2026〕1号" in client.page.one("main").text


def test_a_severe_step_goes_from_notice_to_proposal_on_the_page(client, world):
    confirm_all()
    case = deeds.open_case(found(overdue("V01", "PS1")), by=world.officer(), at=NOW)
    client.log_in(world.users["city"])
    client.get(f"/cases/{case.number}?level=6&jump_reason=情节严重", status=200)
    assert "事先告知" in client.page.one(".preview").text
    client.submit('form[action$="/letter"]', button="do=issue", follow_redirects=True)
    letter = db.session.query(CaseLetter).one()
    answered(letter, by=world.somebody(world.clinic))
    client.get(f"/cases/{case.number}", status=200)
    client.submit(
        'form[action$="/letter"]',
        button="do=issue",
        first_day=TODAY.isoformat(),
        last_day=(TODAY + timedelta(days=29)).isoformat(),
        follow_redirects=True,
    )
    assert again(case).state is CaseState.PROPOSED


def test_papers_of_drafts_and_letters(client, world):
    case = draft(world)
    client.log_in(world.users["song"])
    page = client.get(f"/cases/{case.number}", status=200).page
    link = next(a["href"] for a in page.all("a") if "/draft.pdf" in (a.get("href") or ""))
    assert client.get(link, status=200).data.startswith(b"%PDF")
    letter = issue(case, Level.REMINDER, by=world.officer("song"))
    client.log_in(party(world))
    answer = client.get(f"/letters/{letter.id}/pdf", status=200)
    assert answer.data.startswith(b"%PDF")
    assert re.search(r'filename="letter-[\w-]+\.pdf"', answer.headers["Content-Disposition"])


def test_a_letter_that_has_been_overtaken_leads_to_the_newest(client, world):
    letter = sent(world)
    case = again(letter)
    deeds.receive_letter(letter.id, by=world.somebody(world.clinic), at=NOW)
    number = db.session.get_one(CaseFile, case.case_id).number
    later = NOW + timedelta(days=10)
    newest = deeds.issue_letter(
        number, request(Level.INQUIRY, later), key=fresh_key(), by=world.officer("song"), at=later
    )
    client.log_in(party(world))
    client.get(f"/letters/{letter.id}", status=200)
    assert client.page.one(f'a[href="/letters/{newest.id}"]')


def test_after_the_last_day_the_party_is_told_whom_to_call(client, world, clock_at):
    letter = sent(world)
    deeds.receive_letter(letter.id, by=world.somebody(world.clinic), at=NOW)
    clock_at(NOW + timedelta(days=10))
    client.log_in(party(world))
    client.get(f"/letters/{letter.id}", status=200)
    assert "请打电话给医保局" in client.page.one("main").text
    assert client.page.all("textarea") == []


def test_an_upheld_appeal_is_read_by_the_party(client, world):
    letter = sent(world)
    deeds.receive_letter(letter.id, by=world.somebody(world.clinic), at=NOW)
    deeds.answer_letter(
        letter.id,
        AnswerKind.APPEAL,
        "不是我单位的货",
        key=fresh_key(),
        by=world.somebody(world.clinic),
        at=NOW,
    )
    case = db.session.get_one(CaseFile, letter.case_id)
    deeds.uphold_appeal(case.number, "单号录错", by=world.officer("song"), at=NOW)
    client.log_in(party(world))
    client.get(f"/letters/{letter.id}", status=200)
    words = client.page.one("main").text
    assert "申诉成立" in words
    assert "单号录错" in words


def test_the_party_does_not_read_who_proposed_what_in_the_bureau(client, world):
    confirm_all()
    case = proposed(world, world.clinic, Level.SUSPENSION)
    letter = db.session.query(CaseLetter).filter_by(case_id=case.id).order_by(CaseLetter.id).first()
    assert letter is not None
    client.log_in(party(world))
    client.get(f"/letters/{letter.id}", status=200)
    assert "送第二人" not in client.page.one("main").text
