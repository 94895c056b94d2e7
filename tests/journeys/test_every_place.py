"""Everybody's places, on a telephone and on a wide screen; large letters; English and back."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest
from flask import url_for

from clinic_orders.rules.parties import Role
from clinic_orders.web.navigation import PLACES
from tests.conftest import LiveServer
from tests.journeys.people import Distributor, Person, VillageDoctor, people

pytestmark = pytest.mark.browser
ROLES = [role for role in Role if role is not Role.SYSTEM]


def tabs(server: LiveServer, role: Role) -> list[str]:
    """The addresses of the places in the head."""
    missing = [endpoint for endpoint, _ in PLACES[role] if endpoint not in server.app.view_functions]
    assert not missing, f"{role}: {missing} are named as places and do not exist"
    with server.app.test_request_context():
        return [url_for(endpoint) for endpoint, _ in PLACES[role]]


@pytest.mark.parametrize("role", ROLES)
def test_every_place_of_a_role_can_be_read_on_a_telephone_and_on_a_wide_screen(
    live_server: LiveServer, new_page: Callable[..., Any], role: Role
) -> None:
    people(live_server)
    somebody = Person(new_page(width=360, height=640))
    somebody.logs_in("village" if role is Role.INSTITUTION else role.value)
    somebody.goes_to("/more")
    links = somebody.page.locator("main nav a, main section a").evaluate_all(
        "all => all.map(link => link.getAttribute('href'))"
    )
    for path in dict.fromkeys([*tabs(live_server, role), *links]):
        answer = somebody.page.goto(path)
        assert answer.status == 200, f"{path} answered {answer.status}"
        for width, height in ((360, 640), (1440, 900)):
            somebody.page.set_viewport_size({"width": width, "height": height})
            somebody.looks()
    assert not somebody.found


def test_large_letters_stay_and_every_page_of_the_main_job_still_fits(
    live_server: LiveServer, new_page: Callable[..., Any]
) -> None:
    people(live_server)
    doctor = VillageDoctor(new_page(width=360, height=640))
    seller = Distributor(new_page(width=1440))
    doctor.logs_in("village")
    doctor.goes_to("/more")
    before = doctor.page.evaluate("parseFloat(getComputedStyle(document.querySelector('h1')).fontSize)")
    doctor.presses("大字")
    after = doctor.page.evaluate("parseFloat(getComputedStyle(document.querySelector('h1')).fontSize)")
    assert after > before * 1.1

    doctor.goes_to("/order")
    doctor.finds("atftt")
    doctor.fills_in("LY001", "1200")
    order_no = doctor.sends_the_order()
    doctor.goes_to(f"/orders/{order_no}")
    seller.logs_in("distributor")
    receipt_no = seller.confirms_and_ships(order_no)
    doctor.receives_everything(receipt_no)
    for path in ("/payables/", "/orders", f"/receiving/{receipt_no}", "/catalogue/", "/mandate"):
        doctor.goes_to(path)
    doctor.goes_to("/more")
    doctor.presses("普通字")
    assert doctor.page.locator("html.big-print").count() == 0

    assert not doctor.found + seller.found


def test_english_is_one_press_away_and_chinese_again_another(
    live_server: LiveServer, new_page: Callable[..., Any]
) -> None:
    people(live_server)
    doctor = VillageDoctor(new_page(width=360, height=640))
    doctor.logs_in("village")
    doctor.goes_to("/more")
    doctor.presses("English")
    assert doctor.heading() == "More"
    assert doctor.page.get_attribute("html", "lang") == "en"
    doctor.goes_to("/order")
    assert doctor.heading() == "Order this month's medicines"
    doctor.goes_to("/more")
    doctor.presses("中文")
    assert doctor.heading() == "更多"
    assert doctor.page.get_attribute("html", "lang") == "zh-CN"
    assert not doctor.found
