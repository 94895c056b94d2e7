"""Paying: the village records what it paid, it counts at once, and the distributor confirms it."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest

from clinic_orders.queries.integrity import problems
from tests.conftest import LiveServer
from tests.journeys.people import Distributor, VillageDoctor, people

pytestmark = pytest.mark.browser


def test_a_payment_counts_at_once_and_is_confirmed_by_the_other_side(
    live_server: LiveServer, new_page: Callable[..., Any]
) -> None:
    people(live_server)
    doctor = VillageDoctor(new_page(width=360, height=640))
    seller = Distributor(new_page(width=1440))
    doctor.logs_in("village")
    doctor.finds("atftt")
    doctor.fills_in("LY001", "12")
    order_no = doctor.sends_the_order()
    seller.logs_in("distributor")
    receipt_no = seller.confirms_and_ships(order_no)
    doctor.receives_everything(receipt_no)

    doctor.goes_to("/payables/")
    assert "40.32" in doctor.text()  # 12 packs of LY001 at 3.36 yuan.
    doctor.follows("登记付款")
    assert doctor.page.locator(".tabs [aria-current]").inner_text().startswith("付款")
    doctor.page.fill("[name=amount]", "40.32")
    doctor.presses("登记")
    doctor.goes_to("/payments/")
    number = doctor.page.locator("main tbody a").first.inner_text()
    doctor.goes_to("/payables/")
    before_the_answer = doctor.text()

    seller.goes_to("/payments/?state=waiting")
    assert seller.page.locator(".tabs [aria-current]").inner_text().startswith("应收")
    seller.follows(number)
    seller.presses("确认这笔付款")
    assert "已确认" in seller.text()
    doctor.goes_to("/payables/")
    assert doctor.text() == before_the_answer  # It counted from the entry on.

    assert not doctor.found + seller.found
    with live_server.app.app_context():
        assert problems() == []
