"""Goods that are not right: a part is not accepted, another part goes back later; what is to be paid follows."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest

from clinic_orders.queries.integrity import problems
from tests.conftest import LiveServer
from tests.journeys.people import Distributor, VillageDoctor, people

pytestmark = pytest.mark.browser


def test_what_is_not_accepted_or_goes_back_is_not_paid_for(
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

    doctor.receives_all_but(receipt_no, 12, accepted=10, why="破损")
    doctor.goes_to("/payables/")
    assert "33.60" in doctor.text()  # 10 packs of LY001 at 3.36 yuan.

    return_no = doctor.asks_for_a_return(receipt_no, 4, "质量问题")
    doctor.goes_to("/payables/")
    assert "33.60" in doctor.text()  # Asking changes nothing yet.
    seller.agrees_to(return_no)
    doctor.goes_to("/payables/")
    assert "20.16" in doctor.text()  # 6 packs.
    doctor.goes_to(f"/returns/{return_no}")
    doctor.presses("货已退出")

    assert not doctor.found + seller.found
    with live_server.app.app_context():
        assert problems() == []
