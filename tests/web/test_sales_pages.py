"""Sales on screen: the form, what it warns of, what comes back, what is taken back; the checks see them like any other."""

from __future__ import annotations

from collections.abc import Callable
from datetime import date, timedelta
from decimal import Decimal
from typing import Any

import pytest
from sqlalchemy import select

from clinic_orders.models.base import db
from clinic_orders.models.orders import UsualItem
from clinic_orders.models.sales import SaleCode, SaleLine
from clinic_orders.models.stock import ShelfPrice, StockCount
from clinic_orders.models.stock_entries import SaleDraft, StockEntry
from clinic_orders.models.tracing import ProductCode, TraceProduct
from clinic_orders.queries.checks import check
from clinic_orders.queries.checks.scope import Scope
from clinic_orders.queries.stock import shelf_of
from clinic_orders.rules.findings import CheckRule
from tests import factories as make


@pytest.fixture
def world(app: Any, clock_at: Callable[[Any], None]) -> make.World:
    clock_at(make.NOW)
    world = make.make_world(items=6)
    for clinic in (world.clinic, world.second_clinic):
        for place in range(2):
            db.session.add(UsualItem(institution_id=clinic.id, item_id=world.items[place].id, position=place))
    db.session.commit()
    return world


@pytest.fixture
def doctor(client: Any, world: make.World) -> Any:
    """The village doctor's browser."""
    client.log_in(make.make_user("v01", institution=world.clinic))
    return client


def count(world: make.World, place: int, units: int, on: date = make.TODAY - timedelta(days=3)) -> None:
    """What lies on the clinic's shelf."""
    db.session.add(
        StockCount(
            institution_id=world.clinic.id,
            item_id=world.items[place].id,
            counted_on=on,
            base_units=units,
            recorded_at=make.LONG_AGO,
        )
    )
    db.session.commit()


def there(world: make.World, place: int) -> int:
    return shelf_of(world.clinic.id, make.TODAY)[world.items[place].id].on_hand


def lines() -> list[tuple[int, str, bool]]:
    """Units, amount and whether it stands of every sale line."""
    db.session.expire_all()
    rows = db.session.scalars(select(SaleLine).order_by(SaleLine.id))
    return [(row.base_units, f"{row.amount:.2f}", row.replaced_at is None) for row in rows]


def refused(doctor: Any, selector: str = "main form", **boxes: str) -> None:
    """A form that comes back with what is to be put right."""
    assert doctor.submit(selector, **boxes).status_code == 422


def type_sale(doctor: Any, **boxes: str) -> None:
    """Numbers beside medicines, then on to the amounts."""
    doctor.get("/sales/new", status=200)
    doctor.submit("main form", **{"do": "check", **boxes}, follow_redirects=True)
    assert doctor.page.one("h1").text == "核对金额"


def over_markup() -> list[Any]:
    return list(check(Scope(make.TODAY), {CheckRule.OVER_MARKUP}))


def test_two_medicines_one_in_pieces_are_one_receipt_with_proposed_amounts(
    doctor: Any, world: make.World
) -> None:
    one, two = world.items[0], world.items[1]
    count(world, 0, 3 * one.pack_size)
    count(world, 1, 2 * two.pack_size)
    type_sale(doctor, **{f"p-{one.item_code}": "1", f"p-{two.item_code}": "1", f"u-{two.item_code}": "2"})
    doctor.submit("main form", do="save", insured="1", follow_redirects=True)
    assert "已记下" in doctor.page.text
    entry = db.session.scalars(select(StockEntry)).one()
    sold = db.session.scalars(select(SaleLine).order_by(SaleLine.line_no)).all()
    assert [line.base_units for line in sold] == [one.pack_size, two.pack_size + 2]
    assert {line.sale_no for line in sold} == {entry.entry_no}
    assert all(line.insured for line in sold)
    assert entry.amount == sum(line.amount for line in sold) > 0
    assert there(world, 0) == 2 * one.pack_size
    assert over_markup() == []
    doctor.get("/sales/new", status=200)
    assert doctor.page.one(f"#p-{one.item_code}").get("value") == "0"


def test_the_same_form_sent_twice_is_one_sale(doctor: Any, world: make.World) -> None:
    code = world.items[0].item_code
    type_sale(doctor, **{f"p-{code}": "1"})
    key = doctor.page.one("main form input[name=key]").get("value")
    amount = doctor.page.one(f"#a-{code}").get("value")
    for _ in range(2):
        doctor.post("/sales/check", data={"key": key, "do": "save", f"a-{code}": amount, "insured": "0"})
    assert len(lines()) == 1


def test_what_is_too_dear_or_more_than_there_is_is_said_before_it_is_written_down(
    doctor: Any, world: make.World
) -> None:
    item = world.items[0]
    count(world, 0, 1)
    db.session.add(
        ShelfPrice(
            institution_id=world.clinic.id,
            item_id=item.id,
            posted_on=make.TODAY,
            price=Decimal("0.5000"),
            recorded_at=make.NOW,
        )
    )
    db.session.commit()
    type_sale(doctor, **{f"p-{item.item_code}": "1"})
    assert doctor.page.one(f"#a-{item.item_code}").get("value") == "0.50"
    assert "账面只有 1" in doctor.page.text
    refused(doctor, **{"do": "save", f"a-{item.item_code}": "99.00"})
    assert lines() == []
    assert "超过允许的" in doctor.page.text
    assert "超过您的标签价" in doctor.page.text
    assert "× (1 + 0.00)" in doctor.page.text
    doctor.submit("main form", do="save", follow_redirects=True)
    assert lines() == [(item.pack_size, "99.00", True)]
    assert [one.figures["lines"] for one in check(Scope(make.TODAY), {CheckRule.OVER_SHELF_PRICE})] == [1]
    found = over_markup()
    assert [(one.institution, one.key, one.figures["lines"]) for one in found] == [
        (world.clinic.code, item.item_code, 1)
    ]


@pytest.mark.both_databases
def test_a_sale_taken_back_stands_nowhere_but_on_record_and_can_be_put_right(
    doctor: Any, world: make.World
) -> None:
    item = world.items[0]
    count(world, 0, 5 * item.pack_size)
    type_sale(doctor, **{f"p-{item.item_code}": "2"})
    refused(doctor, **{"do": "save", f"a-{item.item_code}": "999.00"})
    doctor.submit("main form", do="save", follow_redirects=True)
    number = db.session.scalars(select(StockEntry.entry_no)).one()
    assert over_markup()
    assert there(world, 0) == 3 * item.pack_size
    doctor.get(f"/sales/receipt?no={number}", status=200)
    refused(doctor, "main details form", do="refill")
    assert "请选" in doctor.page.text
    doctor.submit("main details form", do="refill", reason="wrong_amount", follow_redirects=True)
    assert over_markup() == []
    assert there(world, 0) == 5 * item.pack_size
    # The numbers and the amount are in the form again.
    assert doctor.page.one(f"#a-{item.item_code}").get("value") == "999.00"
    doctor.submit("main form", **{"do": "save", f"a-{item.item_code}": "1.00"}, follow_redirects=True)
    assert lines() == [(2 * item.pack_size, "999.00", False), (2 * item.pack_size, "1.00", True)]
    page = doctor.get(f"/sales/receipt?no={number}", status=200).page
    assert "已撤销" in page.text
    assert "金额记错" in page.text
    doctor.get("/sales/?kind=taken_back", status=200)
    assert number in doctor.page.text
    doctor.get(f"/stock/items/{item.item_code}", status=200)
    balances = [cell.text for cell in doctor.page.all("tbody tr td:nth-child(4)")]
    assert balances == [str(units * item.pack_size) for units in (3, 5, 3, 5)]
    # Taken back a second time it is refused, and nothing changes.
    doctor.post(f"/sales/receipt?no={number}", data={"reason": "wrong_item", "do": "take-back"}, status=409)


@pytest.mark.both_databases
def test_something_comes_back_at_its_part_of_the_price_and_never_more_than_was_sold(
    doctor: Any, world: make.World
) -> None:
    item = world.items[0]
    count(world, 0, 5 * item.pack_size)
    type_sale(doctor, **{f"p-{item.item_code}": "1"})
    doctor.submit("main form", **{"do": "save", f"a-{item.item_code}": "1.00"}, follow_redirects=True)
    number = db.session.scalars(select(StockEntry.entry_no)).one()
    half = item.pack_size // 2
    doctor.get(f"/sales/return?no={number}", status=200)
    refused(doctor, **{"u-1": str(item.pack_size + 1)})
    assert "最多能退" in doctor.page.text
    doctor.submit("main form", **{"u-1": str(half)}, follow_redirects=True)
    doctor.get(f"/sales/return?no={number}", status=200)
    doctor.submit("main form", **{"u-1": str(item.pack_size - half)}, follow_redirects=True)
    assert sum(units for units, _, _ in lines()) == 0
    assert sum(Decimal(amount) for _, amount, _ in lines()) == 0
    # The sale can't be taken back before what came back of it is.
    doctor.post(f"/sales/receipt?no={number}", data={"reason": "wrong_item", "do": "take-back"}, status=422)
    assert "请先撤销那笔退药" in doctor.page.text


def test_trace_codes_of_the_form_are_stored_and_a_wrong_one_is_named(doctor: Any, world: make.World) -> None:
    code = world.items[0].item_code
    type_sale(doctor, **{f"p-{code}": "1"})
    refused(doctor, **{"do": "save", f"t-{code}": "8123"})
    assert "“8123”不是追溯码" in doctor.page.text
    doctor.submit("main form", **{"do": "save", f"t-{code}": "81234567890123456789"}, follow_redirects=True)
    assert db.session.scalars(select(SaleCode.code)).all() == ["81234567890123456789"]


def test_a_draft_is_kept_and_an_amount_goes_with_the_number_it_belonged_to(
    doctor: Any, world: make.World
) -> None:
    code = world.items[0].item_code
    answer = doctor.post("/sales/draft", data={f"p-{code}": "2", f"a-{code}": "7.00"}, status=200).get_json()
    assert answer["version"]
    doctor.get("/sales/check", status=200)
    assert doctor.page.one(f"#a-{code}").get("value") == "7.00"
    doctor.post("/sales/draft", data={f"p-{code}": "3"}, status=200)
    draft = db.session.scalars(select(SaleDraft)).one()
    assert draft.fields == {f"p-{code}": "3"}
    doctor.post("/sales/new", data={"do": "clear"})
    db.session.expire_all()
    assert db.session.scalars(select(SaleDraft)).one().fields == {}


def test_a_day_to_come_and_a_number_that_is_none_are_refused_with_everything_kept(
    doctor: Any, world: make.World
) -> None:
    code = world.items[0].item_code
    doctor.get("/sales/new", status=200)
    doctor.submit("main form", **{"do": "check", f"p-{code}": "1.5"}, follow_redirects=True)
    assert "1.5" in doctor.page.one(".error-summary").text
    doctor.submit("main form", **{"do": "check", f"p-{code}": "1"}, follow_redirects=True)
    refused(doctor, do="save", sold_on="2026-11-21")
    assert "还没到" in doctor.page.text
    doctor.submit("main form", do="save", sold_on="2026-11-01", follow_redirects=True)
    assert db.session.scalars(select(SaleLine.sold_on)).one() == date(2026, 11, 1)


def test_another_institutions_receipts_look_like_none(client: Any, doctor: Any, world: make.World) -> None:
    type_sale(doctor, **{f"p-{world.items[0].item_code}": "1"})
    doctor.submit("main form", do="save", follow_redirects=True)
    number = db.session.scalars(select(StockEntry.entry_no)).one()
    client.log_in(make.make_user("v02", institution=world.second_clinic))
    client.get(f"/sales/receipt?no={number}", status=404)
    client.get(f"/sales/return?no={number}", status=404)
    client.post(f"/sales/receipt?no={number}", data={"reason": "wrong_item"}, status=404)


def test_scanned_packs_are_added_with_their_codes_and_one_sold_before_is_told(
    doctor: Any, world: make.World
) -> None:
    item = world.items[0]
    first, second, unknown = "81000010000000000001", "81000010000000000002", "89999990000000000001"
    db.session.add(
        TraceProduct(
            prefix="8100001", item_id=item.id, base_units_per_code=item.pack_size, recorded_at=make.NOW
        )
    )
    db.session.add(ProductCode(barcode="6901234567892", item_id=item.id, recorded_at=make.NOW))
    db.session.commit()
    doctor.get("/sales/new", status=200)
    doctor.submit("main form", do="scan", code=f"{first} {first} {unknown} 12", follow_redirects=True)
    page = doctor.page
    assert page.one(f"#p-{item.item_code}")["value"] == "1"
    for words in ("已经扫过了", f"还不知道 {unknown}", "“12”"):
        assert words in page.text
    doctor.submit("main form", do="check", code="6901234567892", follow_redirects=True)
    assert doctor.page.one(f"#p-{item.item_code}")["value"] == "2", (
        "the code was taken over before anything else"
    )
    doctor.submit("main form", do="check", follow_redirects=True)
    doctor.submit("main form", do="save", insured="0", follow_redirects=True)
    assert [code.code for code in db.session.scalars(select(SaleCode))] == [first]
    doctor.get("/sales/new", status=200)
    doctor.submit("main form", do="scan", code=f"{first} {second}", follow_redirects=True)
    assert f"{first} 已于" in doctor.page.text
    assert f"{second} 已于" not in doctor.page.text


def test_of_a_pack_sold_in_pieces_only_the_code_is_noted(doctor: Any, world: make.World) -> None:
    item = world.items[0]
    db.session.add(
        TraceProduct(
            prefix="8100001", item_id=item.id, base_units_per_code=item.pack_size, recorded_at=make.NOW
        )
    )
    db.session.commit()
    doctor.get("/sales/new", status=200)
    doctor.submit(
        "main form",
        do="scan",
        code="81000010000000000001",
        follow_redirects=True,
        **{f"u-{item.item_code}": "3"},
    )
    assert doctor.page.one(f"#p-{item.item_code}")["value"] == "0"
    assert doctor.page.one(f"#u-{item.item_code}")["value"] == "3"


def test_something_outside_the_catalogue_goes_on_the_receipt_and_into_no_stock(
    doctor: Any, world: make.World
) -> None:
    item = world.items[0]
    count(world, 0, 3 * item.pack_size)
    type_sale(doctor, **{f"p-{item.item_code}": "1", "n-1": "医用口罩", "q-1": "10"})
    # What was taken has to be written: nobody knows a price.
    refused(doctor, do="save")
    assert "医用口罩" in doctor.page.text
    doctor.submit("main form", **{"do": "save", "m-1": "5"}, follow_redirects=True)
    assert "已记下" in doctor.page.text
    medicine, mask = db.session.scalars(select(SaleLine).order_by(SaleLine.line_no)).all()
    assert (mask.item_id, mask.other_product, mask.base_units, f"{mask.amount:.2f}") == (
        None,
        "医用口罩",
        10,
        "5.00",
    )
    assert medicine.sale_no == mask.sale_no
    entry = db.session.scalars(select(StockEntry)).one()
    assert entry.amount == medicine.amount + mask.amount
    assert there(world, 0) == 2 * item.pack_size
    # The name is offered again; a receipt taken back to be put right brings it back into the form.
    assert doctor.get("/sales/new", status=200).page.one("#other-names option")["value"] == "医用口罩"
    doctor.get(f"/sales/receipt?no={entry.entry_no}", status=200)
    doctor.submit("main details form", do="refill", reason="wrong_quantity", follow_redirects=True)
    assert doctor.page.one("#m-1")["value"] == "5.00"


def test_only_something_outside_the_catalogue_is_a_sale_too(doctor: Any, world: make.World) -> None:
    type_sale(doctor, **{"n-1": world.items[0].generic_name})
    assert "目录里有同名药品" in doctor.page.text
    doctor.submit("main form", **{"do": "save", "m-1": "12.50"}, follow_redirects=True)
    sold = db.session.scalars(select(SaleLine)).one()
    assert (sold.other_product, sold.base_units) == (world.items[0].generic_name, 1)
    assert over_markup() == []


def test_a_number_without_a_name_is_named(doctor: Any, world: make.World) -> None:
    doctor.get("/sales/new", status=200)
    doctor.submit("main form", **{"do": "check", "q-1": "2"}, follow_redirects=True)
    assert "请填写卖的是什么" in doctor.page.text
    assert doctor.page.one("#q-1")["value"] == "2"
