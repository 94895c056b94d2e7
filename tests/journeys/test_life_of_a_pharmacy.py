"""The whole way of a pharmacy: application, first order, inspection, suspension, another look, re-admission."""

from __future__ import annotations

import io
import re
from collections.abc import Callable
from datetime import timedelta
from typing import Any

import pytest
from PIL import Image
from sqlalchemy import update

from clinic_orders import clock
from clinic_orders.models.applications import Application
from clinic_orders.models.base import db
from clinic_orders.rules.inspection.checklist import SHIPPED
from tests.applications_world import uscc
from tests.conftest import LiveServer
from tests.journeys.people import Bureau, Person, VillageDoctor, people

pytestmark = pytest.mark.browser


def photo() -> dict[str, Any]:
    picture = io.BytesIO()
    Image.new("RGB", (40, 40), "white").save(picture, "JPEG")
    return {"name": "执照.jpg", "mimeType": "image/jpeg", "buffer": picture.getvalue()}


def applies(owner: Person) -> str:
    """Fill in every part and send it; the application's number."""
    page = owner.page
    owner.goes_to("/apply/")
    page.fill("#name", "嵩县福康大药房连锁有限公司白云大道第一百三十二分店")
    page.select_option("#county_code", "410325")
    page.click("main button.btn-primary")
    owner.looks()
    number = str(page.text_content("#number"))
    owner.goes_to("/apply/unit")
    typed = {
        "uscc": uscc(1),
        "address": "白云大道18号",
        "licence_no": "豫CB0379001",
        "legal_rep": "王秀英",
        "contact": "张建国",
        "phone": "13800000000",
    }
    for name, value in typed.items():
        page.fill(f"#{name}", value)
    page.click("main button.btn-primary")
    owner.goes_to("/apply/place")
    for _ in range(3):
        page.click("input.tap-map", position={"x": 150, "y": 140})
    owner.looks()
    page.fill("#people", "3000")
    page.fill("#people_source", "居委会2026年10月")
    page.click("main button.btn-primary")
    owner.goes_to("/apply/facts")
    for fact in ("fake_drugs", "fund", "dishonesty_list", "judgment_debtor", "other"):
        page.locator(f"fieldset#{fact} label.pick").first.click()
    page.click("main button.btn-primary")
    for use in ("business_licence", "trade_licence", "legal_rep_id"):
        owner.goes_to("/apply/papers")
        page.set_input_files(f"#f-{use}", [photo()])
        page.locator(f"form:has(#f-{use}) button").click()
    owner.goes_to("/apply/letter")
    for clause in range(1, 8):
        page.check(f"#clause-{clause}")
    page.fill("#signer", "王秀英")
    page.locator("canvas").scroll_into_view_if_needed()
    pad = page.locator("canvas").bounding_box()
    page.mouse.move(pad["x"] + 20, pad["y"] + 20)
    page.mouse.down()
    page.mouse.move(pad["x"] + 90, pad["y"] + 60, steps=4)
    page.mouse.up()
    page.click("main button.btn-primary")
    owner.looks()
    page.click("button[value=send]")
    owner.looks()
    return number


def is_inspected(city: Bureau, county: Bureau, *, fault: str) -> str:
    """The city makes a plan with the pharmacy on it, the county records the visit on its phone; the visit's number."""
    page = city.page
    city.goes_to("/inspections/new")
    page.fill("[name=name]", "四季度利剑行动")
    page.fill("[name=last_day]", (clock.today() + timedelta(days=20)).isoformat())
    page.fill("[name=basis]", "洛医保办〔2026〕31号")
    page.fill("[name=inspectors]", "陈静 001\n李慧 002")
    with page.expect_navigation():
        page.click("main button.btn-primary")
    plan = page.url.rsplit("/", 1)[1]
    city.goes_to(f"/inspections/{plan}/choose?by=hand&q=福康")
    page.locator("input[name=code]").first.check()
    with page.expect_navigation():
        page.click("main form[method=post] button.btn-primary")
    city.goes_to(f"/inspections/{plan}")
    with page.expect_navigation():
        page.click("button[value=start]")
    return records(county, fault=fault)


def records(county: Bureau, *, fault: str = "") -> str:
    """Record the one visit that is to be made, and send it; the visit's number."""
    page = county.page
    county.goes_to("/inspections/phone/")
    with page.expect_navigation():
        page.locator("[data-visit] a").first.click()
    number = page.url.rsplit("/", 1)[1]
    for item in SHIPPED:
        answer = "no" if fault and item.code == "sign" else "yes"
        page.check(f"input[name=a-{item.code}][value={answer}]", force=True)
    if fault:
        page.fill("input[name=r-sign]", fault)
    page.fill("input[name=party_name]", "王秀英")
    # With a network the phone sends what was signed by itself.
    page.get_by_role("button", name="签字确认").click()
    page.wait_for_url(f"**/inspections/visits/{number}")
    return number


def test_the_whole_way_of_a_pharmacy(live_server: LiveServer, new_page: Callable[..., Any]) -> None:
    people(live_server)
    owner = Person(new_page(width=360, height=640))
    number = applies(owner)
    assert "待县局评价" in owner.text()

    county, city = Bureau(new_page(width=1440)), Bureau(new_page(width=1440))
    county.logs_in("county")
    county.goes_to(f"/applications/{number}")
    county.page.locator("label.pick:has(input[value=favourable])").click()
    county.page.fill("#reason", "证照齐全，经营正常")
    county.page.click("main button.btn-primary")
    county.looks()
    city.logs_in("city")
    city.goes_to(f"/applications/{number}")
    city.page.locator("label.pick:has(input[value=admit])").click()
    city.page.fill("#reason", "符合条件")
    city.page.click("main button.btn-primary[value=decide]")
    # No list of designated pharmacies is imported, so the distance is not known and a second officer looks.
    assert "待复核" in city.text()
    with live_server.app.app_context():
        db.session.execute(update(Application).values(decided_by_id=None))
        db.session.commit()
    city.goes_to(f"/applications/{number}")
    city.page.click("button[value=confirm]")
    assert "公示中" in city.text()
    owner.goes_to("/apply/published")
    assert "第一百三十二分店" in owner.text()
    with live_server.app.app_context():
        # The week of the published list goes by.
        week = timedelta(days=8)
        found = db.session.query(Application).one()
        assert found.published_on is not None
        assert found.published_until is not None
        found.published_on, found.published_until = found.published_on - week, found.published_until - week
        assert found.signed_mark.startswith("M")
        db.session.commit()
    city.goes_to(f"/applications/{number}")
    city.page.click("button[value=enrol]")
    slip = city.text()
    password = re.search(r"[a-z]{4}-[0-9]{4}-[a-z]{4}", slip)
    assert password is not None

    buyer = VillageDoctor(new_page(width=360, height=640))
    page = buyer.page
    page.goto("/account/log-in")
    page.fill("[name=username]", uscc(1))
    page.fill("[name=password]", password[0])
    page.click("main button.btn-primary")
    page.fill("[name=old]", password[0])
    page.fill("[name=new]", "白云大道卖好药材")
    page.fill("[name=again]", "白云大道卖好药材")
    page.click("main button.btn-primary")
    buyer.finds("atftt")
    buyer.fills_in("LY001", "2")
    assert buyer.sends_the_order().startswith("CG")

    # Inspected, and found without the sign; suspended until it hangs.
    visit = is_inspected(city, county, fault="门口没有挂牌")
    buyer.goes_to("/inspections/ours/")
    buyer.goes_to(f"/inspections/ours/{visit}")
    assert "门口没有挂牌" in buyer.text()
    buyer.goes_to("/order")
    buyer.finds("阿托伐他汀")
    buyer.fills_in("LY002", "3")
    buyer.presses("查找")
    city.suspends("第一百三十二分店", clock.today() + timedelta(days=30), "“六统一”标牌未悬挂")
    buyer.goes_to("/order")
    assert "采购已暂停" in buyer.text()
    buyer.goes_to("/order/check")
    assert buyer.page.get_by_role("button", name="提交采购单").count() == 0

    # Looked at again and in order: the finding has ended, the suspension is lifted, orders go out as before.
    county.goes_to(f"/inspections/visits/{visit}")
    with county.page.expect_navigation():
        county.page.click("button[value=look_back]")
    records(county)
    buyer.goes_to("/inspections/ours/")
    buyer.follows(re.compile(r"日"))
    assert "各项都符合" in buyer.text()
    city.lifts_the_suspension("第一百三十二分店", "回头看合格")
    buyer.goes_to("/order")
    assert "采购已暂停" not in buyer.text()
    assert buyer.sends_the_order().startswith("CG")
    assert not owner.found + county.found + city.found + buyer.found
