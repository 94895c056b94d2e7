"""Ordering for another: the hospital with a mandate, the village that says "not mine", the draft that is lowered."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest

from tests.conftest import LiveServer
from tests.journeys.people import Hospital, VillageDoctor, people

pytestmark = pytest.mark.browser


@pytest.fixture
def doctor(live_server: LiveServer, new_page: Callable[..., Any]) -> VillageDoctor:
    people(live_server)
    doctor = VillageDoctor(new_page(width=360, height=640))
    doctor.logs_in("village")
    return doctor


@pytest.fixture
def hospital(doctor: VillageDoctor, new_page: Callable[..., Any]) -> Hospital:
    hospital = Hospital(new_page(width=1440))
    hospital.logs_in("hospital")
    return hospital


def test_the_hospital_orders_for_a_village_and_the_village_says_that_it_is_not_its_own(
    doctor: VillageDoctor, hospital: Hospital
) -> None:
    hospital.goes_to("/villages")
    assert hospital.page.get_by_role("link", name="替它订药").count() == 0  # Nobody has given a mandate.

    doctor.lets_the_hospital_order()
    order_no = hospital.orders_for("明白川村卫生室", "atftt", "LY001", "9")

    doctor.goes_to("/notices")
    assert "替您订了" in doctor.text()
    assert order_no in doctor.text()
    doctor.says_not_mine(order_no, "我们没有说要")
    assert "已声明非本单位采购" in doctor.text()
    assert doctor.page.get_by_role("button", name="不是我订的").count() == 0
    hospital.goes_to("/notices")
    assert order_no in hospital.text()

    assert not doctor.found + hospital.found


def test_the_hospital_may_lower_a_village_s_draft_but_never_raise_it(
    doctor: VillageDoctor, hospital: Hospital
) -> None:
    doctor.lets_the_hospital_order()
    doctor.goes_to("/order")
    doctor.finds("atftt")
    doctor.fills_in("LY001", "12")
    doctor.presses("查找")
    doctor.asks_the_hospital()
    assert "医院正在核对" in doctor.text()

    hospital.goes_to("/villages")
    hospital.page.locator("tr", has_text="明白川村卫生室").get_by_role("link", name="核对草稿").click()
    # A browser without our attributes sends what it likes: the server has the last word.
    hospital.page.eval_on_selector("[name=r-LY001]", "box => box.removeAttribute('max')")
    hospital.page.fill("[name=r-LY001]", "13")
    hospital.presses("核对采购单")
    assert hospital.heading() != "核对采购单"
    assert "13" in hospital.page.input_value("[name=r-LY001]")

    order_no = hospital.lowers_and_orders("明白川村卫生室", "LY001", "8")
    doctor.goes_to(f"/orders/{order_no}")
    assert "26.88" in doctor.text()  # 8 packs of LY001 at 3.36 yuan.

    assert not doctor.found + hospital.found
