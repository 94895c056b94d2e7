"""A village doctor takes a photo of the code on a pack: the phone reads it, and it goes onto the receipt."""

from __future__ import annotations

import io
from collections.abc import Callable
from typing import Any

import pytest
import segno
from sqlalchemy import select

from clinic_orders.models.base import db
from clinic_orders.models.catalogue import Item
from clinic_orders.models.deliveries import ShipmentCode
from clinic_orders.models.tracing import TraceProduct
from tests.conftest import LiveServer
from tests.factories import LONG_AGO
from tests.journeys.people import Distributor, VillageDoctor, people

pytestmark = pytest.mark.browser

CODE = "81000010000000000001"


def photo_of(text: str) -> bytes:
    """A photo of a square code."""
    out = io.BytesIO()
    segno.make(text, micro=False).save(out, kind="png", scale=9, border=6)
    return out.getvalue()


def test_a_photo_of_a_pack_is_read_on_the_phone(
    live_server: LiveServer, new_page: Callable[..., Any]
) -> None:
    people(live_server)
    with live_server.app.app_context():
        item_id = db.session.scalars(select(Item.id).where(Item.item_code == "LY001")).one()
        db.session.add(
            TraceProduct(prefix=CODE[:7], item_id=item_id, base_units_per_code=28, recorded_at=LONG_AGO)
        )
        db.session.commit()
    doctor = VillageDoctor(new_page(width=360, height=640))
    seller = Distributor(new_page(width=1440))
    doctor.logs_in("village")
    doctor.finds("atftt")
    doctor.fills_in("LY001", "12")
    order_no = doctor.sends_the_order()
    seller.logs_in("distributor")
    receipt_no = seller.confirms_and_ships(order_no)

    doctor.goes_to(f"/receiving/{receipt_no}")
    photo = doctor.page.locator("[data-photo]")
    photo.set_input_files({"name": "盒子.png", "mimeType": "image/png", "buffer": photo_of("没有码")})
    doctor.page.get_by_text("没有码”不是追溯码").wait_for()
    doctor.page.locator("[data-photo]").set_input_files(
        {"name": "盒子.png", "mimeType": "image/png", "buffer": photo_of(f"https://example.cn/t?c={CODE}")}
    )
    doctor.page.get_by_text("您补了 1 个码").wait_for()
    doctor.looks()
    doctor.presses("全部收下 12 盒")

    with live_server.app.app_context():
        assert db.session.execute(select(ShipmentCode.code, ShipmentCode.accepted)).all() == [(CODE, True)]
    assert not doctor.found
