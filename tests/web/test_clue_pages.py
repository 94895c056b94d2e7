"""Clues on screen: assigned by the dozen, asked about on a phone, checked, decided, handed over; who sees what."""

from __future__ import annotations

import io
from datetime import date

import pytest
from flask import Flask

from clinic_orders.actions import clues as deeds
from clinic_orders.actions.reported import put_issued_clues
from clinic_orders.models.base import db
from clinic_orders.models.clues import Clue, ClueAnswer, ClueEvidence, ClueTransfer
from clinic_orders.rules.clues import ClueState, ExclusionGround, Measure
from clinic_orders.rules.parties import SYSTEM, Role
from tests.clues_world import (
    CODE,
    LAST_DAY,
    NOW,
    OTHER,
    World,
    answered,
    asked,
    assigned,
    checked,
    far,
    found,
    judged,
    make_world,
    unknown_pack,
)
from tests.exchange.test_attachments import picture
from tests.factories import make_user


@pytest.fixture
def world(app: Flask, clock_at) -> World:
    clock_at(NOW)
    return make_world()


def party(world: World):
    return make_user("party-V01", role=Role.INSTITUTION, institution=world.clinic)


def _form(deed: str) -> str:
    return f'form:has(button[value="{deed}"])'


def test_a_county_assigns_what_was_found_and_asks_at_once(client, world):
    found(unknown_pack("V01"), unknown_pack("V01", OTHER), unknown_pack("M01"))
    client.log_in(world.users["song"])
    page = client.get("/clues/new")
    boxes = client.page.all('input[name="finding"]')
    assert len(boxes) == 2
    assert "伊川康宁" not in page.text
    answer = client.post(
        "/clues/new",
        data={
            "finding": [box["value"] for box in boxes],
            "team": "第一专班",
            "ask": "1",
            "deadline": LAST_DAY.isoformat(),
        },
    )
    assert answer.status_code == 303
    assert {one.state for one in db.session.query(Clue)} == {ClueState.SELF_CHECK}
    page = client.get("/clues/")
    assert "已分派 2 条线索" in page.text
    assert "明白川村卫生室" in page.text
    client.get("/clues/new")
    assert client.page.all('input[name="finding"]') == []


def test_a_form_without_a_name_or_without_a_choice_is_shown_again(client, world):
    (number,) = found(unknown_pack("V01"))
    client.log_in(world.users["song"])
    answer = client.post("/clues/new", data={"finding": number})
    assert (answer.status_code, "请填写承办人" in answer.text) == (422, True)
    answer = client.post("/clues/new", data={"team": "专班"})
    assert (answer.status_code, "请至少选一项" in answer.text) == (422, True)


def test_an_institution_answers_on_a_phone_with_a_photo(client, world):
    clue = asked(assigned(unknown_pack("V01"), by=world.officer("song")), by=world.officer("song"))
    client.log_in(party(world))
    assert clue.number in client.get("/self-checks/").text
    page = client.get(f"/self-checks/{clue.number}")
    assert CODE in page.text
    assert "不是认定违规" in page.text
    assert (
        client.submit(
            "form:has(textarea)", choice="scanned_wrong", text="扫码枪连扫两次。", repaid="x"
        ).status_code
        == 422
    )
    client.submit(
        "form:has(textarea)",
        choice="scanned_wrong",
        text="扫码枪连扫两次。",
        repaid="12.50",
        files=(io.BytesIO(picture()), "同行单.jpg"),
    )
    page = client.get(f"/self-checks/{clue.number}")
    assert "您的反馈已收到" in page.text
    evidence = db.session.query(ClueEvidence).one()
    assert client.get(f"/clues/files/{evidence.id}").data == picture()
    client.log_in(make_user("other", role=Role.INSTITUTION, institution=world.pharmacy))
    assert client.get(f"/clues/files/{evidence.id}").status_code == 404
    assert client.get(f"/self-checks/{clue.number}").status_code == 404


def test_the_bureau_goes_from_check_to_close_on_one_page(client, world):
    officer = world.officer("song")
    clue = asked(assigned(unknown_pack("V01"), by=officer), by=officer)
    client.log_in(world.users["song"])
    client.get(f"/clues/{clue.number}", status=200)
    client.submit(
        _form("check"),
        follow_redirects=True,
        button="do=check",
        way="on_site",
        text="货架与台账不符。",
        files=(io.BytesIO(picture()), "货架.jpg"),
    )
    client.submit(
        _form("paper_answer"),
        follow_redirects=True,
        button="do=paper_answer",
        choice="not_ours",
        text="没有卖过。",
    )
    client.submit(
        _form("judge"), follow_redirects=True, button="do=judge", verdict="violation", reason="无购进凭证。"
    )
    assert client.submit(_form("dispose"), button="do=dispose", measure="fine", amount="").status_code == 422
    assert "须填写金额" in client.page.one("main").text
    client.submit(
        _form("dispose"),
        follow_redirects=True,
        button="do=dispose",
        measure="fine",
        amount="200",
        document_no="嵩医保罚1号",
    )
    client.submit(_form("close"), follow_redirects=True, button="do=close", note="已缴清。")
    page = client.get(f"/clues/{clue.number}")
    for text in ("现场突击检查", "无购进凭证", "嵩医保罚1号", "已办结", "货架.jpg", "这盒药不是我们卖的"):
        assert text in page.text
    assert not client.page.all('main form button[name="do"]')


def test_excluding_and_taking_back_asks_for_a_reason(client, world):
    officer = world.officer("song")
    clue = assigned(unknown_pack("V01"), by=officer)
    checked(clue, by=officer)
    client.log_in(world.users["song"])
    client.get(f"/clues/{clue.number}")
    assert (
        client.submit(_form("exclude"), button="do=exclude", ground="scan_error", reason=" ").status_code
        == 422
    )
    client.submit(
        _form("exclude"), follow_redirects=True, button="do=exclude", ground="scan_error", reason="扫错一位。"
    )
    assert "已排除" in client.get(f"/clues/{clue.number}").text
    page = client.get(f"/findings/{clue.finding_id}")
    assert clue.number in page.text
    assert not client.page.all('button[value="take_back"]')
    client.get(f"/clues/{clue.number}", status=200)
    client.submit(_form("take_back"), follow_redirects=True, button="do=take_back", reason="有新证据。")
    assert "核查中" in client.get(f"/clues/{clue.number}").text


def test_an_old_page_changes_nothing(client, world):
    officer = world.officer("song")
    clue = assigned(unknown_pack("V01"), by=officer)
    client.log_in(world.users["song"])
    client.get(f"/clues/{clue.number}")
    checked(clue, by=officer)
    assert (
        client.submit(_form("check"), button="do=check", way="data", text="另一次比对。").status_code == 409
    )
    assert "另一次比对。" in client.page.one("main").text


def test_a_list_is_made_printed_and_read_again(client, world):
    officer = world.officer("song")
    clue = asked(assigned(unknown_pack("V01"), by=officer), by=officer)
    answered(clue, by=world.somebody(world.clinic))
    judged(clue, [world.clinic.id], by=officer)
    client.log_in(world.users["song"])
    client.get(f"/clues/transfers/new?clue={clue.number}")
    assert "checked" in client.page.one('input[name="clue"]').attributes
    assert client.submit("form:has(input[name=clue])", receiver="").status_code == 422
    client.submit("form:has(input[name=clue])", receiver="市局基金监管科")
    made = db.session.query(ClueTransfer).one()
    assert "无合法购进凭证" in client.get(f"/clues/transfers/{made.number}").text
    assert client.get(f"/clues/transfers/{made.number}/pdf").data.startswith(b"%PDF")
    assert client.get(f"/clues/transfers/{made.number}/xlsx").data.startswith(b"PK")
    client.log_in(world.users["yi"])
    assert client.get(f"/clues/transfers/{made.number}").status_code == 404
    client.log_in(world.users["city"])
    assert made.number in client.get("/clues/transfers/").text


@pytest.mark.parametrize(("maker", "opens"), [("song", True), ("city", False)])
def test_a_clue_leads_to_its_list_only_where_that_opens(client, world, maker, opens):
    officer = world.officer("song")
    clue = asked(assigned(unknown_pack("V01"), by=officer), by=officer)
    answered(clue, by=world.somebody(world.clinic))
    judged(clue, [world.clinic.id], by=officer)
    client.log_in(world.users[maker])
    client.get(f"/clues/transfers/new?clue={clue.number}")
    client.submit("form:has(input[name=clue])", receiver="市局基金监管科")
    address = f"/clues/transfers/{db.session.query(ClueTransfer).one().number}"
    client.log_in(world.users["song"])
    shown = client.get(f"/clues/{clue.number}").text
    assert address.rsplit("/", 1)[1] in shown
    assert (f'href="{address}"' in shown) is opens
    assert client.get(address).status_code == (200 if opens else 404)


def test_another_county_sees_nothing_and_one_of_several_helps(client, world):
    officer, city = world.officer("song"), world.officer("city")
    own = assigned(unknown_pack("V01"), by=officer)
    (finding,) = found(far("M01", "V01"))
    shared = deeds.assign_clue("市级专班", finding_id=finding, by=city, at=NOW)
    client.log_in(world.users["yi"])
    assert client.get(f"/clues/{own.number}").status_code == 404
    page = client.get(f"/clues/{shared.number}")
    assert "协查" in page.text or "由市局认定" in page.text
    assert client.page.all('button[value="check"]')
    assert not client.page.all('button[value="ask"]')
    page = client.get("/findings/?severity=clue")
    assert "明白川村卫生室" in page.text


def test_the_answer_on_paper_is_recorded_once(client, world):
    officer = world.officer("song")
    clue = asked(assigned(unknown_pack("V01"), by=officer), by=officer)
    client.log_in(world.users["song"])
    client.get(f"/clues/{clue.number}", status=200)
    client.submit(
        _form("paper_answer"),
        follow_redirects=True,
        button="do=paper_answer",
        choice="not_ours",
        text="没有卖过。",
    )
    answer = db.session.query(ClueAnswer).one()
    assert answer.on_paper


def issued(number: str, code: str, **more: object) -> tuple[int, dict[str, object]]:
    return int(number), {
        "issued_batch": "豫线索2026-11", "clue_no": number, "trace_code": code, "issuer": "河南省医疗保障局",
        "issued_on": date(2026, 11, 2), "deadline": date(2026, 12, 31), **more,
    }  # fmt: skip


def test_clues_from_above_are_matched_with_our_own_assigned_and_answered(client, world):
    (finding,) = found(unknown_pack("V01"))
    put_issued_clues(
        [issued("1", CODE, institution_code="V01"), issued("2", OTHER, institution_name="外市门诊部")],
        by=SYSTEM, at=NOW, batch_id=None,
    )  # fmt: skip
    client.log_in(world.users["city"])
    page = client.get("/clues/issued")
    assert "本市核查已发现 1 项" in page.text
    assert "外市门诊部" in page.text
    client.submit(
        "form:has(input[name=issued])",
        issued=["豫线索2026-11\t1", "豫线索2026-11\t2"],
        team="市专班",
        follow_redirects=True,
    )
    ours, other = db.session.query(Clue).order_by(Clue.id).all()
    # One look for the code, whoever noticed it first; nobody of ours can be asked about the other.
    assert (ours.finding_id, ours.state, other.finding_id, other.state) == (
        finding, ClueState.SELF_CHECK, None, ClueState.ASSIGNED,
    )  # fmt: skip
    checked(other, by=world.officer())
    deeds.exclude_clue(
        other.number, ExclusionGround.NOT_HERE, "机构和药品均不在本市。", by=world.officer(), at=NOW
    )
    answers = client.get("/clues/issued?format=csv").data.decode("utf-8-sig")
    assert "机构和药品均不在本市。" in answers
    assert "药品和机构都不属于本市" in answers
    client.log_in(world.users["song"])
    assert "外市门诊部" not in client.get("/clues/issued").text


def test_our_own_finding_takes_up_the_clue_from_above_(client, world):
    put_issued_clues([issued("1", CODE, institution_code="V01")], by=SYSTEM, at=NOW, batch_id=None)
    clue = assigned(unknown_pack("V01"), by=world.officer("song"))
    assert (clue.issued_batch, clue.issued_no) == ("豫线索2026-11", "1")
    client.log_in(world.users["song"])
    assert "河南省医疗保障局" in client.get(f"/clues/{clue.number}").text
    assert clue.number in client.get("/clues/?origin=above").text
    assert clue.number not in client.get("/clues/?origin=own").text


def test_the_measures_of_all_clues_stand_together_with_their_sums(client, world):
    officer, clue = world.officer("song"), assigned(unknown_pack("V01"), by=world.officer("song"))
    asked(clue, by=officer)
    answered(clue, by=world.somebody(world.clinic))
    judged(clue, [world.clinic.id], by=officer)
    day = NOW.date()
    deeds.dispose_clue(clue.number, Measure.RECOVER, "320.50", "嵩医保处〔2026〕3号", day, by=officer, at=NOW)
    deeds.dispose_clue(clue.number, Measure.RECOVER, "9.50", "", day, by=officer, at=NOW)
    deeds.dispose_clue(clue.number, Measure.INTERVIEW, "", "", day, by=officer, at=NOW)
    client.log_in(world.users["song"])
    page = client.get("/clues/measures/").page
    assert dict(zip(page.texts(".facts .k"), page.texts(".facts .v"), strict=True)) == {
        "追回医保基金": "330.00 元",
        "约谈": "1",
    }
    assert len(page.all("tbody tr")) == 3
    page = client.get(page.all(".facts a")[0]["href"]).page
    assert len(page.all("tbody tr")) == 2
    assert "330.00" in page.one("tfoot").text
    assert page.all("tbody th a")[0]["href"] == f"/clues/{clue.number}"
    assert client.get("/clues/measures/?first=2025-01-01&last=2025-12-31").page.all("main .empty")
    assert "嵩医保处" in client.get("/clues/measures/?format=csv").get_data(as_text=True)
