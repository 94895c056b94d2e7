"""Stock on screen: the list, how an item moved, losses, own numbers."""

from __future__ import annotations

from collections.abc import Callable
from datetime import timedelta
from typing import Any

import pytest
from sqlalchemy import select

from clinic_orders.models.base import db
from clinic_orders.models.orders import UsualItem
from clinic_orders.models.stock import StockCount
from clinic_orders.models.stock_entries import StockEntry
from clinic_orders.models.stock_keeping import StockSetting
from clinic_orders.queries.ledger import ledger
from tests import factories as make


@pytest.fixture
def world(app: Any, clock_at: Callable[[Any], None]) -> make.World:
    clock_at(make.NOW)
    world = make.make_world(items=6)
    for number, units in enumerate((50, 3)):
        db.session.add(
            StockCount(
                institution_id=world.clinic.id,
                item_id=world.items[number].id,
                counted_on=make.TODAY - timedelta(days=9),
                base_units=units,
                recorded_at=make.LONG_AGO,
            )
        )
    db.session.commit()
    return world


@pytest.fixture
def doctor(client: Any, world: make.World) -> Any:
    client.log_in(make.make_user("v01", institution=world.clinic))
    return client


def lose(doctor: Any, world: make.World, units: int, **boxes: str) -> Any:
    doctor.get("/stock/loss/new", status=200)
    code = world.items[0].item_code
    return doctor.submit(
        "main form",
        **{"do": "save", f"q-{code}": str(units), "reason": "expired", **boxes},
        follow_redirects=True,
    )


def test_a_loss_lessens_what_is_there_and_not_the_ledger_of_the_checks(
    doctor: Any, world: make.World
) -> None:
    item = world.items[0]
    lose(doctor, world, 8)
    assert "损耗已记下" in doctor.page.text
    assert "过期" in doctor.page.text
    of_checks = ledger(make.TODAY, select(StockEntry.institution_id))
    assert {row.item_id: row.base_units for row in db.session.execute(of_checks)}[item.id] == 50
    page = doctor.get(f"/stock/items/{item.item_code}", status=200).page
    assert "按核查口径库存为 50" in page.text
    assert [cell.text for cell in page.all("tbody tr td:nth-child(4)")] == ["42", "50"]
    # Whoever counts afterwards brings both together.
    doctor.get("/reports/stock", status=200)
    doctor.submit("main form", **{"do": "save", f"q-{item.item_code}": "41"}, follow_redirects=True)
    page = doctor.get(f"/stock/items/{item.item_code}", status=200).page
    assert "按核查口径" not in page.text
    assert "差异 -1" in page.text


@pytest.mark.both_databases
def test_a_loss_is_taken_back_and_stays_on_record(doctor: Any, world: make.World) -> None:
    lose(doctor, world, 8)
    number = db.session.scalars(select(StockEntry.entry_no)).one()
    doctor.submit("main details form", reason="not_happened", follow_redirects=True)
    assert "没有发生" in doctor.page.text
    page = doctor.get(f"/stock/items/{world.items[0].item_code}", status=200).page
    assert [cell.text for cell in page.all("tbody tr td:nth-child(4)")] == ["50", "42", "50"]
    doctor.post(f"/stock/loss?no={number}", data={"reason": "wrong_item"}, status=409)
    # A loss is no sale, and the page of sales does not take it back.
    doctor.get(f"/sales/receipt?no={number}", status=404)


def test_a_loss_needs_a_reason_and_a_number_and_keeps_what_was_typed(doctor: Any, world: make.World) -> None:
    lose(doctor, world, 8, reason="")
    assert "请选择原因" in doctor.page.text or "请选" in doctor.page.text
    assert doctor.page.one(f"#q-{world.items[0].item_code}").get("value") == "8"
    lose(doctor, world, 0)
    assert "请至少给一种药填上数量" in doctor.page.text


def test_the_list_filters_and_says_what_lasts_how_long(doctor: Any, world: make.World) -> None:
    page = doctor.get("/stock/", status=200).page
    assert len(page.all("tbody tr")) == 2
    assert doctor.get("/stock/?show=expiring", status=200).page.all(".empty")
    doctor.get(f"/stock/?q={world.items[1].generic_name}", status=200)
    assert doctor.page.all("tbody tr")


def test_own_numbers_are_kept_and_checked(doctor: Any, world: make.World) -> None:
    doctor.get("/stock/settings", status=200)
    assert doctor.submit("main form", lead_days="99").status_code == 422
    assert "0 到 60" in doctor.page.text
    doctor.submit("main form", lead_days="3", follow_redirects=True)
    assert db.session.scalars(select(StockSetting.lead_days)).one() == 3
    # Somebody else has set them meanwhile.
    answer = doctor.post(
        "/stock/settings",
        data={"version": "0", "use_days": "30", "lead_days": "1", "cover_days": "9", "expiry_days": "9"},
    )
    assert answer.status_code == 409
    db.session.expire_all()
    assert db.session.scalars(select(StockSetting.lead_days)).one() == 3


def test_the_order_page_fills_in_what_runs_low_with_its_formula(doctor: Any, world: make.World) -> None:
    item = world.items[1]
    db.session.add(UsualItem(institution_id=world.clinic.id, item_id=item.id, position=0))
    db.session.add(
        StockCount(
            institution_id=world.clinic.id,
            item_id=item.id,
            counted_on=make.TODAY - timedelta(days=69),
            base_units=63,
            recorded_at=make.LONG_AGO,
        )
    )
    db.session.commit()
    page = doctor.get("/order", status=200).page
    assert "快用完了" in page.text
    # 60 in 60 days; 9 days after the count of 3 none of these is left, and 37 days have to be covered.
    assert "60 ÷ 60 天 ×（到货 7 天 + 备货 30 天）− 库存 3 + 盘点后约用 3 − 在途 0 = 37" in page.text
    doctor.submit("main form", do="suggested", follow_redirects=True)
    packs = -(-37 // item.pack_size)
    assert doctor.page.one(f"[name=q-{item.item_code}]").get("value") == str(packs)
    assert "快用完了" not in doctor.page.text
