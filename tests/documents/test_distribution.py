from __future__ import annotations

import io
from datetime import date, timedelta
from itertools import pairwise

import pikepdf
import pypdfium2
import pytest
from flask import Flask

from clinic_orders import documents
from clinic_orders.actions.answering import answer_order_in_full
from clinic_orders.actions.shipping import ShipLine, ship
from clinic_orders.documents.distribution import delivery_note, picking_list
from clinic_orders.models.base import db
from clinic_orders.models.deliveries import Shipment
from tests.orders_in_work import NOW, World, make_order, make_world

GOOD = date(2028, 6, 30)
LATER = NOW + timedelta(hours=3)


def pages(pdf: bytes | None) -> list[str]:
    assert pdf is not None
    paper = pypdfium2.PdfDocument(pdf)
    try:
        found = []
        for page in paper:
            text = page.get_textpage()
            found.append(text.get_text_bounded())
            text.close()
            page.close()
        return found
    finally:
        paper.close()


def together(pdf: bytes | None) -> str:
    return "".join("".join(pages(pdf)).split())


@pytest.fixture
def world(app: Flask) -> World:
    return make_world()


def shipped(world: World, batches: int) -> Shipment:
    order = make_order(world, (batches, 12, 20))
    answer_order_in_full(order.order_no, by=world.seller, at=NOW)
    rows = [ShipLine(1, f"B{number:04d}", GOOD, 1, f"0881{number:04d}") for number in range(batches)]
    return ship(order.order_no, rows, by=world.seller, at=LATER)


def test_a_delivery_note_says_who_what_how_much_and_in_capitals(world: World) -> None:
    shipment = shipped(world, 3)
    text = together(delivery_note(shipment.receipt_no, by=world.seller, at=LATER))
    for words in (
        "豫西安康医药配送有限公司",
        "随货同行单",
        shipment.receipt_no,
        "明白川村卫生室",
        "嵩县车村镇",
        "氯吡格雷",
        "石药集团欧意药业有限公司",
        "国药准字H20260000",
        "B0002",
        "2028-06-30",
        "3.365",
        "壹拾元壹角壹分",
        "收货人（签章）",
        "第1页，共1页",
    ):
        assert words in text, words


def test_a_long_delivery_note_repeats_its_head_and_loses_no_batch(world: World) -> None:
    shipment = shipped(world, 200)
    found = pages(delivery_note(shipment.receipt_no, by=world.seller, at=LATER))
    assert 3 < len(found) <= 12
    text = "".join("".join(found).split())
    assert all(f"B{number:04d}" in text for number in range(200))
    for page in found[:-1]:
        assert "批准文号" in "".join(page.split())
    assert f"共{len(found)}页" in text


def test_the_letters_are_of_an_embedded_chinese_font(world: World) -> None:
    pdf = delivery_note(shipped(world, 3).receipt_no, by=world.seller, at=LATER)
    assert pdf is not None
    paper = pikepdf.open(io.BytesIO(pdf))
    names = {str(font.BaseFont) for font in paper.pages[0].Resources.Font.values()}
    files = [
        thing for thing in paper.objects if isinstance(thing, pikepdf.Dictionary) and "/FontName" in thing
    ]
    assert all("/FontFile3" in thing or "/FontFile2" in thing for thing in files)
    assert files
    assert any("CJK" in name or "WenQuanYi" in name or "Han" in name for name in names), names


def test_a_foreign_shipment_has_no_note_and_a_void_one_says_so(world: World) -> None:
    shipment = shipped(world, 1)
    assert delivery_note(shipment.receipt_no, by=world.stranger, at=LATER) is None
    shipment.voided_at, shipment.void_reason = LATER, "写错"
    db.session.commit()
    assert "作废" in together(delivery_note(shipment.receipt_no, by=world.seller, at=LATER))


def test_a_picking_list_sums_items_over_the_orders_and_parts_them_again(world: World) -> None:
    first, second = make_order(world, (6, 12)), make_order(world, (5,), institution=world.hospital)
    foreign = make_order(world, (99,), distributor=world.other_distributor)
    answer_order_in_full(first.order_no, by=world.seller, at=NOW)
    ship(first.order_no, [ShipLine(2, "A1", GOOD, 12)], by=world.seller, at=LATER)
    numbers = [first.order_no, second.order_no, foreign.order_no]
    text = together(picking_list(numbers, by=world.seller, at=LATER))
    for words in (
        "拣货单",
        "1种11盒",
        "112张",
        first.order_no,
        second.order_no,
        "未响应，按订量",
        "白元镇卫生院",
    ):
        assert words in text, words
    assert foreign.order_no not in text
    assert "厄贝沙坦" not in text
    assert picking_list([foreign.order_no], by=world.seller, at=LATER) is None


def test_papers_never_fetch_from_elsewhere() -> None:
    fetcher = documents._fetcher()
    for url in (
        "https://example.com/x.png",
        "http://127.0.0.1/x",
        "file:///etc/passwd",
        f"{documents.STATIC.as_uri()}/../config.py",
        f"{documents.STATIC.as_uri()}/%2e%2e/config.py",
    ):
        with pytest.raises(ValueError, match="may not use"):
            fetcher.fetch(url)


def test_without_a_chinese_font_papers_are_off_and_name_the_command(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(documents, "_found", [])
    monkeypatch.setattr(documents, "_has_chinese_font", lambda: False)
    assert not documents.available()
    with pytest.raises(documents.PapersOff, match="fonts-noto-cjk"):
        documents.render("picking_list", {})


def test_numbers_of_pages_follow_one_another(world: World) -> None:
    found = pages(delivery_note(shipped(world, 60).receipt_no, by=world.seller, at=LATER))
    assert all(f"第{n}页" in "".join(page.split()) for n, page in enumerate(found, start=1))
    assert all(first != second for first, second in pairwise(found))
