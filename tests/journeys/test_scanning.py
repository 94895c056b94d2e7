"""The phone reads codes on packs: from a photo and from its camera, with its own detector and without one.

Chromium on Linux has no BarcodeDetector. Where there is none ZXing decodes what the camera really shows; the path of a
phone that has one is walked with a stand-in, which sees the same picture.
"""

from __future__ import annotations

import io
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
import segno
from sqlalchemy import select

from clinic_orders.models.base import db
from clinic_orders.models.catalogue import Item
from clinic_orders.models.deliveries import ShipmentCode
from clinic_orders.models.tracing import TraceProduct
from tests.browser import Chromium
from tests.conftest import LiveServer
from tests.factories import LONG_AGO
from tests.journeys.people import Distributor, VillageDoctor, people

pytestmark = pytest.mark.browser

CODE = "81000010000000000001"


SIDE = 480
STAND_IN = """
    window.BarcodeDetector = class {
        static getSupportedFormats() { return Promise.resolve(FORMATS); }
        constructor(wanted) { if (!wanted.formats.includes("code_128")) { throw new TypeError("no code_128"); } }
        detect(canvas) {
            // What is shown has to have arrived: dark and light, as a code is.
            const seen = canvas.getContext("2d").getImageData(0, 0, canvas.width, canvas.height).data;
            let dark = false, light = false;
            for (let i = 0; i < seen.length; i += 4) { dark = dark || seen[i] < 64; light = light || seen[i] > 192; }
            window.asked = (window.asked || 0) + 1;
            return Promise.resolve(dark && light ? [{ rawValue: "CODE" }] : []);
        }
    };
"""


def stand_in(code: str, formats: str) -> str:
    """A detector that reads this code wherever it is shown a picture with dark and light in it."""
    return STAND_IN.replace("CODE", code).replace("FORMATS", formats)


def film_of(text: str) -> bytes:
    """What a camera sees that is held over a square code: some pictures in grey, one like the other (YUV4MPEG2)."""
    rows = [list(row) for row in segno.make(text, micro=False).matrix]
    dot = SIDE // (len(rows) + 12)
    edge = (SIDE - dot * len(rows)) // 2
    grey = bytearray(b"\xe0" * (SIDE * SIDE))
    for down, row in enumerate(rows):
        for across, dark in enumerate(row):
            for line in range(dot) if dark else ():
                first = (edge + down * dot + line) * SIDE + edge + across * dot
                grey[first : first + dot] = b"\x10" * dot
    picture = b"FRAME\n" + bytes(grey) + b"\x80" * (SIDE * SIDE // 2)
    return f"YUV4MPEG2 W{SIDE} H{SIDE} F10:1 Ip A1:1 C420jpeg\n".encode() + picture * 3


def photo_of(text: str) -> bytes:
    """A photo of a square code."""
    out = io.BytesIO()
    segno.make(text, micro=False).save(out, kind="png", scale=9, border=6)
    return out.getvalue()


def known_code(server: LiveServer) -> None:
    """The first digits of ``CODE`` are of an item."""
    with server.app.app_context():
        item_id = db.session.scalars(select(Item.id).where(Item.item_code == "LY001")).one()
        db.session.add(
            TraceProduct(prefix=CODE[:7], item_id=item_id, base_units_per_code=28, recorded_at=LONG_AGO)
        )
        db.session.commit()


def test_a_photo_of_a_pack_is_read_on_the_phone(
    live_server: LiveServer, new_page: Callable[..., Any]
) -> None:
    people(live_server)
    known_code(live_server)
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


def sells_what_the_camera_sees(page: Any, detector: str | None) -> VillageDoctor:
    """The doctor scans a pack at the counter with the camera, takes the code over, and the pack is on the sale."""
    if detector:
        page.context.add_init_script(detector)
    doctor = VillageDoctor(page)
    doctor.logs_in("village")
    doctor.goes_to("/sales/new")
    doctor.page.locator("[data-camera]").click()
    doctor.page.get_by_text(f"读到 {CODE}").wait_for()
    assert doctor.page.locator("[data-view] video").evaluate("video => video.videoWidth") > 0
    doctor.page.locator("[data-use]").click()
    doctor.page.locator("[name=p-LY001][value='1']").wait_for()
    return doctor


def test_the_camera_is_read_with_the_detector_of_the_phone_and_without_one(
    live_server: LiveServer, chromium: Chromium, tmp_path: Path
) -> None:
    people(live_server)
    known_code(live_server)
    film = tmp_path / "film.y4m"
    film.write_bytes(film_of(CODE))
    camera = ("--use-fake-device-for-media-stream", f"--use-file-for-fake-video-capture={film}")
    other = CODE[:-1] + "2"
    with chromium.another(*camera) as browser, browser.contexts(live_server.url) as opened:

        def phone() -> Any:
            return opened.new_page(width=360, height=640, permissions=["camera"])

        # No detector, or one that reads no codes of packs: ZXing decodes what the camera shows.
        for detector in (None, stand_in(other, "['qr_code']")):
            doctor = sells_what_the_camera_sees(phone(), detector)
            doctor.presses("清空重填")
        # A detector of the phone's own: ZXing is never loaded.
        page = phone()
        asked: list[str] = []
        page.on("request", lambda request: asked.append(request.url))
        doctor = sells_what_the_camera_sees(page, stand_in(CODE, "['code_128', 'qr_code']"))
        assert not [url for url in asked if "zxing" in url]
        # The same with a photo, and with a phone whose detector does not say what it reads.
        page.context.add_init_script(stand_in(other, "[]") + "delete BarcodeDetector.getSupportedFormats;")
        doctor.goes_to("/sales/new")
        doctor.page.locator("[data-photo]").set_input_files(
            {"name": "盒子.png", "mimeType": "image/png", "buffer": photo_of("没有码")}
        )
        doctor.page.locator("[name=p-LY001][value='2']").wait_for()
        assert not [url for url in asked if "zxing" in url]
        assert not doctor.found


def test_a_camera_that_may_not_be_used_is_told_with_what_else_there_is(
    live_server: LiveServer, new_page: Callable[..., Any]
) -> None:
    people(live_server)
    doctor = VillageDoctor(new_page(width=360, height=640))
    doctor.logs_in("village")
    doctor.goes_to("/sales/new")
    doctor.page.locator("[data-camera]").click()
    doctor.page.get_by_text("打不开").wait_for()
    assert doctor.page.locator("[data-view]").is_hidden()
