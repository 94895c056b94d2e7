"""Inspections on screen: planned, chosen, drawn and recorded without script; the paper; who sees what."""

from __future__ import annotations

import csv
import io
from hashlib import sha256

import pytest
from flask import Flask
from sqlalchemy import select

from clinic_orders.actions import inspections as deeds
from clinic_orders.models.base import db
from clinic_orders.models.inspections import Checklist, InspectionDraw, InspectionPlan, Visit, VisitPhoto
from clinic_orders.models.supervision import FindingRecord
from clinic_orders.rules.inspection.checklist import SHIPPED
from clinic_orders.rules.inspection.steps import PlanState, VisitState
from clinic_orders.rules.parties import Role
from tests.cases_world import NOW, World, fresh_key, make_world
from tests.checking_client import CheckingClient
from tests.exchange.test_attachments import picture
from tests.inspections_world import TWO_FAULTS, a_record, make_plan, running, send
from tests.people import make_user


@pytest.fixture
def world(app: Flask, clock_at) -> World:
    clock_at(NOW)
    return make_world()


def only(model: type[Visit] | type[InspectionPlan]) -> Visit | InspectionPlan:
    db.session.expire_all()
    return db.session.scalars(select(model)).one()


def filled(client: CheckingClient, **changes: object) -> dict[str, object]:
    """The form of a record with everything as it should be."""
    client.get(client.page.url, status=200)
    data: dict[str, object] = {f"a-{item.code}": "yes" for item in SHIPPED}
    data |= {"key": fresh_key(), "version": client.page.one("main input[name=version]")["value"]}
    data |= {
        "visited_on": NOW.date().isoformat(),
        "inspectors": "陈静\n李慧",
        "party_name": "王保田",
        "do": "sign",
    }
    return data | {"csrf_token": client.csrf_token()} | changes


def test_a_plan_is_made_drawn_started_and_its_protocol_can_be_repeated(
    client: CheckingClient, world: World
) -> None:
    client.log_in(world.users["city"])
    client.get("/inspections/", status=200)
    assert "还没有检查计划" in client.page.text
    client.get("/inspections/new", status=200)
    answer = client.submit(
        name="利剑", last_day="2026-12-20", basis="31号文", inspectors="陈静 001", county="410325"
    )
    assert answer.status_code == 422
    assert "只列了 1 名" in client.page.text
    client.submit(inspectors="陈静 001\n李慧，002\n周明", follow_redirects=True)
    plan = only(InspectionPlan)
    client.submit(
        'form:has(button[value="draw"])', do="draw", wanted="2", seed="7 21 5 13", follow_redirects=True
    )
    assert "抽取完成" in client.page.text
    answer = client.get(f"/inspections/{plan.number}/draws/1?format=csv")
    rows = list(csv.reader(io.StringIO(answer.get_data().decode("utf-8-sig"))))
    assert rows[1][2] == sha256(f"7 21 5 13|institution|{rows[1][1]}".encode()).hexdigest()
    drawn = [row[1] for row in rows[1:] if row[3]]
    assert drawn == db.session.scalars(select(InspectionDraw.drawn)).one()
    client.get(f"/inspections/{plan.number}", status=200)
    client.submit('form:has(button[value="start"])', do="start", follow_redirects=True)
    assert only(InspectionPlan).state is PlanState.RUNNING


def test_institutions_are_chosen_by_risk_with_the_sum_before_ones_eyes(
    client: CheckingClient, world: World
) -> None:
    plan = make_plan(world.officer("song"))
    client.log_in(world.users["song"])
    client.get(f"/inspections/{plan.number}/choose", status=200)
    assert "0 × 10 + 0 × 3 + 0 × 2 + 0 × 8 + 12 × 1 = 12" in client.page.text
    assert "伊川康宁门诊部" not in client.page.text
    client.submit('main form[method="post"]', code=["V01", "H01"], follow_redirects=True)
    assert "已把 2 家单位列入计划" in client.page.text
    client.get(f"/inspections/{plan.number}/choose?by=hand&q=V01", status=200)
    assert "没有符合条件的单位" in client.page.text
    client.get(f"/inspections/{plan.number}?q=明白川", status=200)
    assert len(client.page.all("main tbody tr")) == 1
    client.log_in(world.users["yi"])
    assert client.get(f"/inspections/{plan.number}").status_code == 404


def test_a_record_is_sent_and_signed_without_script_with_a_photo(
    client: CheckingClient, world: World
) -> None:
    (visit,) = running(world)
    client.log_in(world.users["song"])
    client.get("/inspections/phone/", status=200)
    assert "明白川村卫生室" in client.page.text
    client.get(f"/inspections/phone/{visit.number}", status=200)
    data = filled(client, **{"a-sign": "no", "r-sign": ""})
    address = f"/inspections/phone/{visit.number}"

    def photo() -> tuple[io.BytesIO, str]:
        return io.BytesIO(picture()), "门口.jpg"

    answer = client.post(address, data=data | {"p-sign": photo()}, content_type="multipart/form-data")
    assert answer.status_code == 422
    assert "请写明现场情况" in client.page.text
    assert client.page.one("input[name=party_name]")["value"] == "王保田"
    data["r-sign"] = "门口没有挂牌"
    for _ in range(2):
        # Sent again, the photo and the record are taken once.
        answer = client.post(
            address,
            data=data | {"p-sign": photo()},
            content_type="multipart/form-data",
            follow_redirects=True,
        )
        assert answer.status_code == 200
    found = only(Visit)
    assert (found.state, found.signed_names, found.party_name) == (
        VisitState.SIGNED,
        ["陈静", "李慧"],
        "王保田",
    )
    assert len(db.session.scalars(select(VisitPhoto)).all()) == 1
    assert db.session.scalars(select(FindingRecord.key)).all() == [f"{visit.number}/sign"]
    client.get(f"/inspections/visits/{visit.number}", status=200)
    assert "门口没有挂牌" in client.page.text
    shown = client.get(client.page.one(".photos img")["src"])
    assert shown.content_type == "image/jpeg"
    client.get(f"/findings/?rule=inspection&q={visit.number}", status=200)
    assert "悬挂统一的集采药品标牌" in client.page.text
    client.log_in(world.users["yi"])
    assert client.get(f"/inspections/visits/{visit.number}").status_code == 404


def test_who_was_slower_sees_it_and_keeps_everything_typed(client: CheckingClient, world: World) -> None:
    (visit,) = running(world)
    client.log_in(world.users["song"])
    client.get(f"/inspections/phone/{visit.number}", status=200)
    data = filled(client, **{"a-sign": "no", "r-sign": "没有挂牌", "do": "save"})
    send(visit, a_record(sign=False), by=world.officer("city"))
    address = f"/inspections/phone/{visit.number}"
    told = client.post(address, data=data, headers={"Accept": "application/json"})
    assert (told.status_code, told.json["code"], told.json["by"]) == (409, "ChangedMeanwhile", "陈静")
    answer = client.post(address, data=data)
    assert answer.status_code == 409
    assert client.page.one("input[name=r-sign]")["value"] == "没有挂牌"
    answer = client.post(
        address, data=data | {"version": told.json["version"]}, headers={"Accept": "application/json"}
    )
    assert (answer.status_code, answer.json["state"], answer.json["again"]) == (200, "recorded", False)


def test_the_record_is_a_paper_with_both_names(client: CheckingClient, world: World, app: Flask) -> None:
    (visit,) = running(world)
    client.log_in(world.users["song"])
    assert client.get(f"/inspections/visits/{visit.number}/record").status_code == 404
    send(visit, a_record(TWO_FAULTS), by=world.officer("song"))
    answer = client.get(f"/inspections/visits/{visit.number}/record")
    assert (answer.status_code, answer.content_type) == (200, "application/pdf")
    assert answer.data.startswith(b"%PDF")


def test_a_signed_record_is_taken_back_and_another_look_is_planned(
    client: CheckingClient, world: World
) -> None:
    (visit,) = running(world)
    send(visit, a_record(TWO_FAULTS), by=world.officer("song"))
    client.log_in(world.users["song"])
    client.get(f"/inspections/visits/{visit.number}", status=200)
    client.submit('form:has(button[value="look_back"])', do="look_back", follow_redirects=True)
    assert "回头看" in client.page.text
    again = client.page.url.rsplit("/", 1)[1]
    client.get(f"/inspections/phone/{again}", status=200)
    assert "上次不符合：门口没有挂牌" in client.page.text
    client.get(f"/inspections/visits/{again}", status=200)
    client.submit('form:has(button[value="drop"])', do="drop", reason="已注销", follow_redirects=True)
    assert "已从计划中去掉" in client.page.text


def test_the_city_makes_the_next_version_of_the_checklist_and_plans_keep_theirs(
    client: CheckingClient, world: World
) -> None:
    old = make_plan(world.officer())
    client.log_in(world.users["song"])
    client.get("/inspections/checklist", status=200)
    assert client.page.all('form[action="/inspections/checklist"]') == []
    client.log_in(world.users["city"])
    client.get("/inspections/checklist", status=200)
    client.submit(
        'form[action="/inspections/checklist"]',
        **{"out-slogan": "1", "new-text-0": "设有举报箱", "new-group-0": "six", "basis": "40号文"},
        follow_redirects=True,
    )
    assert "设有举报箱" in client.page.text
    versions = db.session.scalars(select(Checklist).order_by(Checklist.number)).all()
    assert [one.number for one in versions] == [1, 2]
    assert make_plan(world.officer()).checklist_id == versions[1].id
    assert old.checklist_id == versions[0].id
    client.get("/inspections/checklist?version=1", status=200)
    assert "张贴统一的宣传标语" in client.page.text


def test_what_the_script_needs_is_given_to_whoever_is_logged_in(client: CheckingClient, world: World) -> None:
    assert client.get("/inspections/phone/token").status_code == 302
    client.log_in(world.users["song"])
    told = client.get("/inspections/phone/token").json
    assert told["who"] == world.users["song"].id
    worker = client.get("/inspections/phone/worker.js")
    assert worker.content_type.startswith("text/javascript")
    assert worker.headers["Cache-Control"] == "no-cache"
    client.get("/inspections/phone/offline", status=200)
    (visit,) = running(world)
    deeds.end_plan(only(InspectionPlan).number, by=world.officer(), at=NOW)
    client.get(f"/inspections/phone/{visit.number}", status=200)
    assert "现在不能记录" in client.page.text


def test_an_institution_reads_the_signed_records_about_itself_only(
    client: CheckingClient, world: World
) -> None:
    (visit,) = running(world)
    clinic = make_user("V01", Role.INSTITUTION, institution_id=world.clinic.id)
    shop = make_user("P01", Role.INSTITUTION, institution_id=world.pharmacy.id)
    client.log_in(clinic)
    client.get("/inspections/ours/", status=200)
    send(visit, a_record(TWO_FAULTS), by=world.officer("song"))
    deeds.look_back(visit.number, by=world.officer("song"), at=NOW)
    page = client.get("/inspections/ours/", status=200).get_data(as_text=True)
    assert visit.number in page
    page = client.get(f"/inspections/ours/{visit.number}", status=200).get_data(as_text=True)
    assert "门口没有挂牌" in page
    assert "回头看期限" in page
    client.get(f"/inspections/ours/{visit.number}/record", status=200)
    client.get(f"/inspections/visits/{visit.number}", status=403)
    client.log_in(shop)
    client.get(f"/inspections/ours/{visit.number}", status=404)
    client.get(f"/inspections/ours/{visit.number}/record", status=404)
