"""The bureau suspends an institution: its orders are refused and say why; an urgent one goes out all the same."""

from __future__ import annotations

from collections.abc import Callable
from datetime import timedelta
from typing import Any

import pytest

from clinic_orders import clock
from tests.conftest import LiveServer
from tests.journeys.people import Bureau, VillageDoctor, people

pytestmark = pytest.mark.browser


def test_a_suspended_institution_is_told_why_it_may_not_order_and_orders_urgently(
    live_server: LiveServer, new_page: Callable[..., Any]
) -> None:
    people(live_server)
    city, county = Bureau(new_page(width=1440)), Bureau(new_page(width=360, height=640))
    doctor = VillageDoctor(new_page(width=360, height=640))
    doctor.logs_in("village")
    doctor.finds("atftt")
    doctor.fills_in("LY001", "5")
    doctor.presses("查找")

    city.logs_in("city")
    city.suspends("明白川村卫生室", clock.today() + timedelta(days=30), "货款逾期未清")

    doctor.goes_to("/order")
    assert "采购已暂停" in doctor.text()
    doctor.goes_to("/order/check")
    assert doctor.page.get_by_role("button", name="提交采购单").count() == 0

    order_no = doctor.orders_urgently("atftt", "LY001", "2", "心梗病人在路上")
    county.logs_in("county")
    county.goes_to(f"/bureau/orders/{order_no}")
    assert "心梗病人在路上" in county.text()

    assert not city.found + county.found + doctor.found
