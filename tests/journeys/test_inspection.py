"""An inspector takes visits along, records where there is no network, and sends by tapping; what is lost on the way is sent again once."""

from __future__ import annotations

import io
import os
from collections.abc import Callable
from datetime import timedelta
from typing import Any

import pytest
from PIL import Image
from sqlalchemy import select

from clinic_orders import clock
from clinic_orders.actions import inspections as deeds
from clinic_orders.actions.inspections import NewPlan
from clinic_orders.exchange.attachments import path_of
from clinic_orders.models.base import db
from clinic_orders.models.inspections import Visit, VisitPhoto
from clinic_orders.models.supervision import FindingRecord
from clinic_orders.queries.inspections import answers_of
from clinic_orders.rules.inspection.checklist import SHIPPED
from clinic_orders.rules.inspection.record import Answer, PartySignature, Said
from clinic_orders.rules.inspection.steps import Choice, VisitState
from clinic_orders.rules.parties import Actor, Role
from tests.conftest import LiveServer
from tests.inspections_world import FINE, INSPECTORS, a_record
from tests.journeys.people import Person, people

pytestmark = pytest.mark.browser

CITY = Actor("赵红军", Role.CITY)


def big_photo() -> bytes:
    """A photo as large as a phone's."""
    out = io.BytesIO()
    Image.frombytes("RGB", (2400, 1800), os.urandom(2400 * 1800 * 3)).save(out, "JPEG", quality=80)
    return out.getvalue()


def two_visits(server: LiveServer) -> tuple[str, str]:
    """A plan that runs, with a clinic and its hospital; the numbers of the visits."""
    people(server)
    with server.app.app_context():
        today = clock.today()
        plan = deeds.make_plan(
            NewPlan("四季度利剑行动", today, today + timedelta(days=9), "31号文", inspectors=INSPECTORS),
            key="plan", by=CITY, at=clock.now(),
        )  # fmt: skip
        visits = deeds.add_visits(plan.number, ["V01", "H01"], Choice.HAND, by=CITY, at=clock.now())
        deeds.start_plan(plan.number, by=CITY, at=clock.now())
        by_name = {visit.institution_id: visit.number for visit in visits}
        numbers = [by_name[key] for key in sorted(by_name)]
        hospital, clinic = numbers[0], numbers[1]
        db.session.remove()
    return clinic, hospital


def fills_in(page: Any, **no: str) -> None:
    """Every line as it should be, but for those with a remark."""
    for item in SHIPPED:
        page.check(f"input[name=a-{item.code}][value={'no' if item.code in no else 'yes'}]", force=True)
        if item.code in no:
            page.fill(f"input[name=r-{item.code}]", no[item.code])
    page.fill("input[name=party_name]", "王保田")


def test_an_inspector_records_without_a_network_and_sends_once(
    live_server: LiveServer, new_page: Callable[..., Any]
) -> None:
    clinic, hospital = two_visits(live_server)
    inspector = Person(new_page(width=360, height=640))
    page = inspector.page
    inspector.logs_in("county")
    inspector.goes_to("/inspections/phone/")
    page.get_by_role("button", name="保存到本机").click()
    page.get_by_text("已把 2 家单位保存到本机").wait_for()

    page.context.set_offline(True)
    page.goto(f"/inspections/phone/{clinic}")
    fills_in(page, sign="门口没有挂牌")
    page.locator("input[name=p-sign]").set_input_files(
        {"name": "门口.jpg", "mimeType": "image/jpeg", "buffer": big_photo()}
    )
    page.locator("[data-kept=sign] img").wait_for()
    pad = page.locator("[data-mark=mark-party] canvas")
    pad.scroll_into_view_if_needed()
    box = pad.bounding_box()
    page.mouse.move(box["x"] + 20, box["y"] + 20)
    page.mouse.down()
    page.mouse.move(box["x"] + 120, box["y"] + 60, steps=4)
    page.mouse.up()
    inspector.looks()
    page.get_by_role("button", name="签字确认").click()
    page.get_by_text("有网络时请点“发给医保局”").wait_for()
    # The phone is put away and taken out again: everything is still there.
    page.goto("/inspections/phone/")
    page.locator(f"[data-visit={clinic}] [data-mine]:not([hidden])").wait_for()
    # What was not taken along says so; nothing answers but the phone itself.
    page.goto("/inspections/phone/JC2026-9999")
    page.get_by_text("没有网络，本机也没有保存这一页").wait_for()
    page.goto(f"/inspections/phone/{clinic}")
    page.locator("[data-kept=sign] img").wait_for()
    assert page.input_value("input[name=r-sign]") == "门口没有挂牌"
    page.get_by_role("button", name="发给医保局").click()
    page.get_by_text("没有网络。内容都保存在本机").wait_for()

    page.context.set_offline(False)
    # The answer is lost on the way once; sent again, nothing is recorded twice.
    lost: list[str] = []

    def lose(route: Any) -> None:
        if route.request.method == "POST" and not lost:
            lost.append(route.fetch().text())
            route.abort()
        else:
            route.continue_()

    page.context.route(f"**/inspections/phone/{clinic}", lose)
    page.get_by_role("button", name="发给医保局").click()
    page.get_by_text("没有网络。内容都保存在本机").wait_for()
    assert '"signed"' in lost[0]
    page.get_by_role("button", name="发给医保局").click()
    page.wait_for_url(f"**/inspections/visits/{clinic}")
    inspector.looks()
    with live_server.app.app_context():
        visit = db.session.scalars(select(Visit).where(Visit.number == clinic)).one()
        assert (visit.state, visit.party_name) == (VisitState.SIGNED, "王保田")
        photos = db.session.scalars(select(VisitPhoto).order_by(VisitPhoto.id)).all()
        assert [one.code for one in photos] == ["sign", "mark-party"]
        with Image.open(
            path_of(live_server.app.extensions["settings"].instance, photos[0].stored_as)
        ) as kept:
            assert max(kept.size) == 1280
        assert db.session.scalars(select(FindingRecord.key)).all() == [f"{clinic}/sign"]
        db.session.remove()

    # Somebody else is faster: the phone says who, keeps everything, and sends its own only when it is told to.
    page.context.set_offline(True)
    page.goto(f"/inspections/phone/{hospital}")
    fills_in(page, zone="没有专柜")
    page.get_by_role("button", name="先保存，暂不签字").click()
    page.get_by_text("有网络时请点“发给医保局”").wait_for()
    with live_server.app.app_context():
        visit = db.session.scalars(select(Visit).where(Visit.number == hospital)).one()
        deeds.record_visit(
            hospital, a_record(FINE, sign=False, on=clock.today(), party=PartySignature()), key="other",
            seen_version=visit.version, by=CITY, at=clock.now(),
        )  # fmt: skip
        db.session.remove()
    page.context.set_offline(False)
    page.get_by_role("button", name="发给医保局").click()
    page.get_by_text("赵红军已于").wait_for()
    inspector.looks()
    page.get_by_role("button", name="用我的替换").click()
    page.wait_for_url(f"**/inspections/visits/{hospital}")
    with live_server.app.app_context():
        visit = db.session.scalars(select(Visit).where(Visit.number == hospital)).one()
        assert visit.state is VisitState.RECORDED
        assert answers_of(visit.id)["zone"] == Said(Answer.NO, "没有专柜")
        db.session.remove()
    assert not inspector.found
