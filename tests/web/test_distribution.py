from __future__ import annotations

import csv
import io
from collections.abc import Callable
from datetime import date, datetime, timedelta
from typing import Any

import pytest
from flask import Flask

from clinic_orders.actions.answering import answer_order_in_full
from clinic_orders.actions.returns import ReturnedPacks, agree_return, request_return
from clinic_orders.actions.shipping import ShipLine, ship, void_shipment
from clinic_orders.documents import PapersOff
from clinic_orders.documents import distribution as papers
from clinic_orders.models.accounts import RoleAssignment, User
from clinic_orders.models.base import db
from clinic_orders.models.orders import Order
from clinic_orders.rules.parties import Role
from tests.checking_client import CheckingClient
from tests.deliveries_in_work import accepted
from tests.orders_in_work import LONG_AGO, NOW, World, make_order, make_world

GOOD = date(2028, 6, 30)
CODE = "81234567890123456789"


def make_seller(world: World, username: str = "seller") -> User:
    user = User(username=username, name="刘敏", password_hash="-", created_at=LONG_AGO)
    user.assignments.append(
        RoleAssignment(
            role=Role.DISTRIBUTOR, distributor_id=world.distributor.id, valid_from=date(2026, 1, 1)
        )
    )
    db.session.add(user)
    db.session.commit()
    return user


@pytest.fixture
def world(app: Flask, client: CheckingClient, clock_at: Callable[[datetime], None]) -> World:
    world = make_world()
    clock_at(NOW)
    client.log_in(make_seller(world))
    return world


def sent(client: CheckingClient, selector: str, *, status: int | None = None, **values: Any) -> Any:
    response = client.submit(selector, **values)
    assert status is None or response.status_code == status, client.page and client.page.text
    return response


def answered(world: World, packs: tuple[int, ...] = (6, 12, 20)) -> Order:
    order = make_order(world, packs)
    answer_order_in_full(order.order_no, by=world.seller, at=NOW - timedelta(hours=1))
    return order


def lines_of(order: Order, name: str) -> list[int | None]:
    db.session.refresh(order)
    return [getattr(line, name) for line in order.lines]


def test_the_day_shows_late_orders_first_and_filters_by_its_figures(
    world: World, client: CheckingClient
) -> None:
    emergency = make_order(world, (2,), submitted_at=NOW - timedelta(hours=3), emergency=True)
    waiting = make_order(world, institution=world.hospital)
    to_ship = answered(world)
    make_order(world, submitted_at=NOW - timedelta(days=5))
    page = client.get("/distribution/").page
    assert page.h1 == "今天要办"
    numbers = [row["id"] for row in page.all("tr[id]")]
    assert (
        numbers == [emergency.order_no, waiting.order_no, to_ship.order_no]
        or numbers[0] == emergency.order_no
    )
    assert "超时 1 小时" in page.text
    assert "超时作废" in page.text
    assert [row["id"] for row in client.get("/distribution/?show=ship").page.all("tr[id]")] == [
        to_ship.order_no
    ]
    assert [row["id"] for row in client.get("/distribution/?show=late").page.all("tr[id]")] == [
        emergency.order_no
    ]


def test_several_orders_are_answered_on_one_screen_and_what_is_typed_for_the_others_stays(
    world: World, client: CheckingClient
) -> None:
    first, second = make_order(world, (6, 12)), make_order(world, (5,))
    client.get(f"/distribution/?open={first.order_no}&open={second.order_no}")
    one, two = f"c-{first.order_no}-1", f"c-{second.order_no}-1"
    page = sent(
        client,
        "section form",
        button=f"do=answer:{first.order_no}",
        **{one: "4", f"w-{first.order_no}-1": "stock_out", two: "3"},
    ).page
    assert "已响应 1 张" in page.text
    assert lines_of(first, "confirmed_packs") == [4, 12]
    assert page.one(f'input[name="{two}"]')["value"] == "3"
    page = sent(client, "section form", button="do=answer").page
    assert "请选" in page.text
    assert page.one(f'input[name="{two}"]')["value"] == "3"
    sent(
        client,
        "section form",
        button="do=answer",
        status=None,
        **{f"w-{second.order_no}-1": "other", f"t-{second.order_no}-1": "厂家停供"},
    )
    assert [line.answer_reason for line in db.session.get(Order, second.id).lines] == ["other:厂家停供"]


def test_ticked_orders_are_confirmed_in_full_and_the_refused_ones_are_named(
    world: World, client: CheckingClient
) -> None:
    first, second = make_order(world), make_order(world)
    client.get("/distribution/")
    answer_order_in_full(second.order_no, by=world.seller, at=NOW)
    response = sent(client, "section form", button="do=full", no=[first.order_no, second.order_no])
    assert response.status_code == 409
    assert lines_of(first, "confirmed_packs") == [6, 12, 20]
    assert second.order_no in response.page.one(".note-bad").text
    assert "已响应 1 张" in response.page.text


def test_all_orders_of_the_page_that_wait_for_an_answer_are_ticked_with_one_press(
    world: World, client: CheckingClient
) -> None:
    waiting = [make_order(world, (6,)), make_order(world, (5,), institution=world.hospital)]
    to_ship = answered(world)
    client.get("/distribution/", status=200)
    page = client.get(client.page.one("a[href*='tick=all']")["href"], status=200).page
    ticked = {box["value"] for box in page.all("[name=no][checked]")}
    assert ticked == {order.order_no for order in waiting}
    assert to_ship.order_no not in ticked
    answer = client.submit("section form", button="do=full")
    assert "tick" not in answer.location
    assert [lines_of(order, "confirmed_packs") for order in waiting] == [[6], [5]]


def test_bad_quantities_come_back_as_typed_with_a_word_at_their_line(
    world: World, client: CheckingClient
) -> None:
    order = make_order(world)
    client.get(f"/distribution/orders/{order.order_no}")
    for typed in ("-1", "1.5", "1e9", "一", "", "21"):
        form = {f"c-{order.order_no}-1": "6", f"c-{order.order_no}-2": "12", f"c-{order.order_no}-3": typed}
        response = client.post(
            f"/distribution/orders/{order.order_no}/answer",
            data={**form, f"v-{order.order_no}": str(order.version)},
            status=409,
        )
        assert response.page.one(f"#e-{order.order_no}-3")
        assert response.page.one(f'input[name="c-{order.order_no}-3"]')["value"] == typed
    assert lines_of(order, "confirmed_packs") == [None, None, None]


def test_the_second_of_two_people_is_told_and_sees_what_was_typed(
    world: World, client: CheckingClient
) -> None:
    order = make_order(world)
    client.get(f"/distribution/?open={order.order_no}")
    answer_order_in_full(order.order_no, by=world.seller, at=NOW)
    response = sent(
        client,
        "section form",
        button=f"do=answer:{order.order_no}",
        **{f"c-{order.order_no}-1": "5", f"w-{order.order_no}-1": "stock_out"},
    )
    assert response.status_code == 409
    assert "您刚才填的：" in response.page.text
    assert "氯吡格雷 5" in response.page.text


def test_goods_are_shipped_in_batches_without_javascript(world: World, client: CheckingClient) -> None:
    order = answered(world)
    page = client.get(f"/distribution/orders/{order.order_no}/ship").page
    assert [box["value"] for box in page.all('input[name="packs"]')] == ["6", "12", "20"]
    sent(client, "main form", packs=["6", "5", ""], batch_no=["B1", "A1", ""], button="add=2")
    assert [box["value"] for box in client.page.all('input[name="packs"]')] == ["6", "5", "7", ""]
    assert [box["value"] for box in client.page.all('input[name="batch_no"]')] == ["B1", "A1", "", ""]
    response = sent(client, "main form", batch_no=["B1", "A1", "", ""], button="do=ship", status=409)
    assert len(response.page.all(".error-summary li")) == 3
    response = sent(
        client,
        "main form",
        packs=["6", "5", "7", ""],
        batch_no=["B1", "A1", "A2", ""],
        expiry=["2028-06-30", "2026-01-01", "2028-06-30", ""],
        invoice_no=["0881", "0882", "", ""],
        codes=[CODE, "", "", ""],
        button="do=ship",
        status=409,
    )
    assert "2026" in response.page.one(".error-summary li").text
    assert response.page.all('input[name="batch_no"]')[2]["value"] == "A2"
    response = sent(
        client,
        "main form",
        expiry=["2028-06-30", "2027-01-01", "2028-06-30", ""],
        button="do=ship",
        follow_redirects=True,
    )
    assert response.page.h1.startswith("随货同行单 PS20261120-")
    assert lines_of(order, "shipped_packs") == [6, 12, 0]


def test_a_conflict_while_shipping_keeps_every_row(world: World, client: CheckingClient) -> None:
    order = answered(world)
    client.get(f"/distribution/orders/{order.order_no}/ship")
    ship(order.order_no, [ShipLine(1, "Z", GOOD, 2)], by=world.seller, at=NOW)
    form = {
        "packs": ["6", "12", "20"],
        "batch_no": ["B1", "A1", "C1"],
        "expiry": ["2028-06-30", "2028-06-30", "2028-06-30"],
    }
    response = sent(client, "main form", button="do=ship", status=409, **form)
    assert [box["value"] for box in response.page.all('input[name="batch_no"]')] == ["B1", "A1", "C1"]
    assert "刚" in response.page.one(".note-bad").text
    response = sent(client, "main form", button="do=ship", status=409)
    assert "最多还能发 4 盒" in response.page.text
    sent(client, "main form", button="do=ship", status=303, packs=["4", "12", "20"])
    assert lines_of(order, "shipped_packs") == [6, 12, 20]


def test_what_will_not_come_is_closed_with_a_reason(world: World, client: CheckingClient) -> None:
    order = answered(world)
    url = f"/distribution/orders/{order.order_no}"
    client.get(url)
    response = sent(client, "form.stack", status=409, **{"z-1": "7", "w-close": "stock_out"})
    assert response.page.one("#ez-1")
    response = sent(client, "form.stack", status=409, **{"z-1": "2", "w-close": ""})
    assert response.page.one('input[name="z-1"]')["value"] == "2"
    sent(client, "form.stack", status=303, **{"w-close": "stock_out"})
    assert lines_of(order, "closed_packs") == [2, 0, 0]


def test_a_shipment_arrives_or_is_made_void(world: World, client: CheckingClient) -> None:
    order = answered(world)
    made = ship(order.order_no, [ShipLine(1, "Z", GOOD, 2)], by=world.seller, at=NOW)
    url = f"/distribution/shipments/{made.receipt_no}"
    client.get(url)
    sent(client, f'form[action="{url}/delivered"]', status=303)
    db.session.refresh(made)
    assert made.delivered_at == NOW
    client.get(url)
    sent(client, f'form[action="{url}/void"]', status=409)
    sent(client, f'form[action="{url}/void"]', status=303, reason="批号写错")
    assert lines_of(order, "shipped_packs") == [0, 0, 0]
    assert "批号写错" in client.get(url).page.text


def test_the_order_list_searches_sorts_and_exports(world: World, client: CheckingClient) -> None:
    order = make_order(world, institution=world.hospital)
    make_order(world, (1,))
    page = client.get("/distribution/orders?q=白元&status=to_answer&sort=-amount&county=410329").page
    assert page.texts("tbody td:first-child") == [order.order_no]
    assert client.get("/distribution/orders?q=没有").page.all(".empty")
    rows = list(csv.reader(io.StringIO(client.get("/distribution/orders?format=csv").text.lstrip("\ufeff"))))
    assert len(rows) == 3
    assert rows[0][0] == "采购单号"
    assert client.get("/distribution/orders?format=xlsx").data[:2] == b"PK"


@pytest.mark.parametrize(
    "path", ["shipments", "shipments?show=shipped", "shipments?show=returns", "receivables"]
)
def test_lists_are_whole_when_empty_and_as_files(world: World, client: CheckingClient, path: str) -> None:
    assert client.get(f"/distribution/{path}", status=200).page.all(".empty")
    joint = "&" if "?" in path else "?"
    assert client.get(f"/distribution/{path}{joint}format=csv", status=200).mimetype == "text/csv"


def test_foreign_things_are_not_there(world: World, client: CheckingClient) -> None:
    foreign = make_order(world, distributor=world.other_distributor)
    answer_order_in_full(foreign.order_no, by=world.stranger, at=NOW)
    made = ship(foreign.order_no, [ShipLine(1, "Z", GOOD, 2)], by=world.stranger, at=NOW)
    for path in (
        f"orders/{foreign.order_no}",
        f"orders/{foreign.order_no}/ship",
        f"shipments/{made.receipt_no}",
        f"shipments/{made.receipt_no}/note.pdf",
        f"picking-list.pdf?no={foreign.order_no}",
        "shipments/returns/TH20261120-0001",
    ):
        client.get(f"/distribution/{path}", status=404)
    for path in (
        f"orders/{foreign.order_no}/answer",
        f"orders/{foreign.order_no}/close",
        f"orders/{foreign.order_no}/ship",
        f"shipments/{made.receipt_no}/delivered",
        f"shipments/{made.receipt_no}/void",
        "shipments/returns/TH20261120-0001",
    ):
        client.post(
            f"/distribution/{path}",
            data={
                "line": "1",
                "packs": "1",
                "batch_no": "x",
                "expiry": "2028-01-01",
                "invoice_no": "",
                "codes": "",
                "reason": "x",
            },
            status=404,
        )


def test_papers_come_as_pdf_or_say_what_to_install(
    world: World, client: CheckingClient, monkeypatch: pytest.MonkeyPatch
) -> None:
    order = answered(world)
    made = ship(order.order_no, [ShipLine(1, "Z", GOOD, 2)], by=world.seller, at=NOW)
    for path in (f"shipments/{made.receipt_no}/note.pdf", "picking-list.pdf"):
        assert client.get(f"/distribution/{path}", status=200).data.startswith(b"%PDF")

    def off(*_args: Any, **_kwargs: Any) -> bytes:
        raise PapersOff(command="apt-get install …")

    monkeypatch.setattr(papers, "render", off)
    response = client.get(f"/distribution/shipments/{made.receipt_no}/note.pdf", status=409)
    assert "apt-get install" in response.page.text


def test_ticked_orders_are_printed_for_picking(world: World, client: CheckingClient) -> None:
    order = make_order(world)
    client.get("/distribution/")
    response = sent(client, "section form", button="do=pick", no=[order.order_no], status=303)
    assert response.location.endswith(f"/distribution/picking-list.pdf?no={order.order_no}")


def test_each_list_asks_the_same_number_of_questions_however_long_it_is(
    world: World, client: CheckingClient, count_sql: Callable[[], Any]
) -> None:
    counts: list[list[int]] = []
    # The first page of a process also asks for what it remembers from then on.
    client.get("/distribution/", status=200)
    for _round in range(2):
        for _number in range(3):
            order = answered(world)
            made = ship(
                order.order_no,
                [ShipLine(1, "Z", GOOD, 2), ShipLine(2, "Z", GOOD, 2)],
                by=world.seller,
                at=NOW,
            )
            make_order(world)
        seen = []
        for path in (
            "",
            "orders?q=车村",
            "shipments",
            "shipments?show=returns",
            "receivables",
            f"orders/{order.order_no}",
            f"orders/{order.order_no}/ship",
            f"shipments/{made.receipt_no}",
        ):
            with count_sql() as statements:
                client.get(f"/distribution/{path}", status=200)
            seen.append(statements.count)
        counts.append(seen)
    assert counts[0] == counts[1]


def test_a_clinic_has_no_business_here(world: World, client: CheckingClient) -> None:
    user = User(username="clinic", name="王桂兰", password_hash="-", created_at=LONG_AGO)
    user.assignments.append(
        RoleAssignment(role=Role.INSTITUTION, institution_id=world.clinic.id, valid_from=date(2026, 1, 1))
    )
    db.session.add(user)
    db.session.commit()
    client.log_in(user)
    for path in ("", "orders", "shipments"):
        client.get(f"/distribution/{path}", status=403)
    client.get("/distribution/receivables", status=404)


def test_void_notes_stay_in_the_list(world: World, client: CheckingClient) -> None:
    order = answered(world)
    made = ship(order.order_no, [ShipLine(1, "Z", GOOD, 2)], by=world.seller, at=NOW)
    void_shipment(made.receipt_no, "写错", by=world.seller, at=NOW)
    assert made.receipt_no in client.get("/distribution/shipments?show=void").page.text


def test_the_distributor_notes_that_returned_goods_have_arrived(world: World, client: CheckingClient) -> None:
    shipment = accepted(world, (6,), at=NOW, by=world.buyer)
    asked = request_return(
        shipment.receipt_no, {shipment.lines[0].id: ReturnedPacks(2, "quality")}, by=world.buyer, at=NOW
    )
    agree_return(asked.return_no, by=world.seller, at=NOW)
    client.get(f"/distribution/shipments/returns/{asked.return_no}", status=200)
    client.submit("main form", button="do=send_back", follow_redirects=True)
    assert "已记下：货收到了，并通知了机构。" in client.page.text
    assert not client.page.all("button[value=send_back]")
    client.post(f"/distribution/shipments/returns/{asked.return_no}", data={"do": "send_back"}, status=409)
