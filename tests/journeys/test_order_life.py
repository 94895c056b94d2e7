"""A village's order from log-in to what is to be paid, in a real browser, by three people."""

from __future__ import annotations

from collections.abc import Callable
from datetime import timedelta
from typing import Any

import pytest

from clinic_orders import clock
from clinic_orders.queries.integrity import problems
from clinic_orders.rules.payment_terms import DueRule, due_date
from tests.conftest import LiveServer
from tests.journeys.people import Distributor, VillageDoctor, people

pytestmark = pytest.mark.browser


@pytest.mark.parametrize(
    ("width", "scripts"), [(360, True), (360, False), (1440, True)], ids=["phone", "phone-no-script", "desk"]
)
def test_a_village_order_lives_from_log_in_to_acceptance(
    live_server: LiveServer, new_page: Callable[..., Any], width: int, scripts: bool
) -> None:
    people(live_server)
    doctor = VillageDoctor(new_page(width=width, height=640, javascript=scripts), scripts)
    seller = Distributor(new_page(width=1440, javascript=scripts), scripts)

    doctor.logs_in("village")
    assert doctor.heading() == "订这个月的药"
    doctor.finds("atftt")
    doctor.fills_in("LY001", "12")
    order_no = doctor.sends_the_order()

    seller.logs_in("distributor")
    seller.confirms(order_no)
    day = clock.today()
    receipt_no = seller.ships(order_no, batch_no="B260418", expiry=(day + timedelta(days=700)).isoformat())

    doctor.receives_everything(receipt_no)
    due = due_date(day, DueRule.END_OF_NEXT_MONTH)
    assert f"{due.month} 月 {due.day} 日" in doctor.text()
    doctor.goes_to("/payables/")
    assert "40.32" in doctor.text()  # 12 packs of LY001 at 3.36 yuan.
    doctor.goes_to(f"/orders/{order_no}")

    assert not doctor.found + seller.found
    with live_server.app.app_context():
        assert problems() == []


def test_a_count_that_was_not_sent_is_filled_in_again_on_the_phone_until_it_is_recorded(
    live_server: LiveServer, new_page: Callable[..., Any]
) -> None:
    people(live_server)
    doctor = VillageDoctor(new_page(width=360, height=640))
    doctor.logs_in("village")

    def counts_anew() -> None:
        doctor.page.goto(f"{live_server.url}/reports/stock")
        doctor.page.fill("[name=q]", "atftt")
        doctor.page.click("main button[value=find]")
        doctor.page.wait_for_selector("[name=q-LY001]")

    counts_anew()
    doctor.page.fill("[name=q-LY001]", "7")
    counts_anew()
    assert doctor.page.input_value("[name=q-LY001]") == "7"
    assert "手机里存的 1 处已填回" in doctor.page.inner_text("main .saved")
    with doctor.page.expect_navigation():
        doctor.page.click("main button.btn-primary")
    counts_anew()
    assert doctor.page.get_attribute("form[data-draft-key]", "data-draft-version") != "0"
    assert doctor.page.evaluate("Object.keys(localStorage).filter(key => key.includes('count-'))") == []
    assert not doctor.found


def test_a_loss_that_was_not_sent_is_filled_in_again_and_not_once_it_is_recorded(
    live_server: LiveServer, new_page: Callable[..., Any]
) -> None:
    people(live_server)
    doctor = VillageDoctor(new_page(width=360, height=640))
    doctor.logs_in("village")

    def opens_the_form() -> None:
        doctor.page.goto(f"{live_server.url}/stock/loss/new")
        doctor.page.fill("[name=q]", "atftt")
        with doctor.page.expect_navigation():
            doctor.page.click("main button[value=find]")

    opens_the_form()
    doctor.page.check("[name=reason][value=broken]")
    doctor.page.fill("[name=batch_no]", "B260418")
    doctor.page.fill("[name=q-LY001]", "2")
    opens_the_form()
    assert doctor.page.input_value("[name=q-LY001]") == "2"
    assert doctor.page.input_value("[name=batch_no]") == "B260418"
    assert doctor.page.is_checked("[name=reason][value=broken]")
    with doctor.page.expect_navigation():
        doctor.page.click("main button.btn-primary")
    opens_the_form()
    assert doctor.page.input_value("[name=batch_no]") == ""
    assert doctor.page.evaluate("Object.keys(localStorage).filter(key => key.includes('loss-'))") == []
    assert not doctor.found


def test_a_draft_survives_the_phone_and_comes_back_after_log_in(
    live_server: LiveServer, new_page: Callable[..., Any]
) -> None:
    people(live_server)
    doctor = VillageDoctor(new_page(width=360, height=640))
    doctor.logs_in("village")
    doctor.finds("atftt")
    doctor.fills_in("LY001", "7")
    with doctor.page.expect_response(lambda response: "draft" in response.url and response.status == 200):
        doctor.page.keyboard.press("Tab")
    again = VillageDoctor(new_page(width=360, height=640))
    again.logs_in("village")
    again.finds("atftt")
    assert again.page.input_value("[name=q-LY001]") == "7"
