from __future__ import annotations

import threading
from collections.abc import Callable
from datetime import date, datetime, timedelta
from decimal import Decimal
from typing import Any

import pytest
from flask import Flask
from sqlalchemy import select

from clinic_orders.actions.answering import answer_order_in_full
from clinic_orders.actions.loading import ChangedMeanwhile
from clinic_orders.actions.receiving import LineAcceptance, accept_shipment
from clinic_orders.actions.returns import ReturnedPacks, agree_return, request_return
from clinic_orders.actions.shipping import mark_delivered, void_shipment
from clinic_orders.models.accounts import User
from clinic_orders.models.audit import AuditEntry
from clinic_orders.models.base import db
from clinic_orders.models.deliveries import GoodsReturn, Shipment
from clinic_orders.models.orders import Order
from clinic_orders.rules.parties import Actor, OrderMode, Role
from tests.checking_client import CheckingClient
from tests.deliveries_in_work import LATER, accepted, everything, make_shipment, make_user
from tests.orders_in_work import NOW, World, make_order, make_world

CODES = tuple(f"8123456{number:013d}" for number in range(6))
TODAY = NOW + timedelta(hours=5)


@pytest.fixture
def world(app: Flask, clock_at: Callable[[datetime], None]) -> World:
    clock_at(TODAY)
    return make_world()


@pytest.fixture
def buyer(world: World) -> Actor:
    return make_user("王保田", world.clinic)


@pytest.fixture
def browser(client: CheckingClient, buyer: Actor) -> CheckingClient:
    """The client, logged in as somebody of the village clinic."""
    client.log_in(db.session.get(User, buyer.user_id))
    return client


def be(client: CheckingClient, person: Actor) -> None:
    client.log_in(db.session.get(User, person.user_id))


def line(shipment: Shipment, place: int) -> int:
    return shipment.lines[place].id


def test_all_is_received_with_one_press_and_the_page_says_what_to_pay_by_when(
    browser: CheckingClient, world: World
) -> None:
    shipment = make_shipment(world)
    browser.get(f"/receiving/{shipment.receipt_no}", status=200)
    assert "货款 2026 年 12 月 31 日前付" in browser.page.text
    assert "127.87" in browser.page.one(".buybar-sum").text
    browser.submit(button="do=all", follow_redirects=True)
    assert browser.page.h1 == f"收货单 {shipment.receipt_no}"
    assert "127.87 元，付给豫西安康医药配送有限公司" in browser.page.text
    assert "2026 年 12 月 31 日前付清，剩 41 天" in browser.page.text
    assert [row.accepted_packs for row in shipment.lines] == [6, 12, 20]


def test_the_tab_counts_what_waits_and_the_list_leads_there(browser: CheckingClient, world: World) -> None:
    first, _second = make_shipment(world), make_shipment(world)
    browser.get("/receiving/", status=200)
    assert browser.page.one('nav a[href="/receiving/"] .count').text == "2"
    assert browser.page.all(f'a[href="/receiving/{first.receipt_no}"]')
    assert "还没有收过货" in browser.page.text


def test_goods_that_arrived_say_until_when_they_are_to_be_received(
    browser: CheckingClient, world: World, clock_at: Callable[[datetime], None]
) -> None:
    shipment = make_shipment(world)
    mark_delivered(shipment.receipt_no, by=world.seller, at=TODAY)
    browser.get("/receiving/")
    assert "请在 11 月 24 日前收货" in browser.page.text
    clock_at(TODAY + timedelta(days=5))
    browser.get("/receiving/")
    assert "应在 11 月 24 日前收货，请尽快收" in browser.page.text


def test_nothing_to_receive_says_so(browser: CheckingClient) -> None:
    browser.get("/receiving/", status=200)
    assert "现在没有要收的货" in browser.page.text


def test_a_line_with_a_problem_opens_takes_a_reason_and_shows_the_new_sum_before_it_counts(
    browser: CheckingClient, world: World
) -> None:
    shipment = make_shipment(world)
    third = line(shipment, 2)
    browser.get(f"/receiving/{shipment.receipt_no}")
    browser.submit(button=f"open={third}")
    assert browser.page.one(f"#a-{third}")["value"] == "20"
    assert not browser.page.all('button[value="all"]')
    browser.submit(button="do=accept", **{f"a-{third}": "18", f"why-{third}": "damaged"})
    assert "请再看一眼" in browser.page.text
    assert "收下 36 盒，不收 2 盒，应付 121.14 元" in browser.page.text
    assert shipment.accepted_at is None
    browser.submit(button="do=accept", follow_redirects=True)
    assert (shipment.lines[2].accepted_packs, shipment.lines[2].reject_reason) == (18, "damaged")
    assert shipment.owed == Decimal("121.14")
    assert "破损" in browser.page.text


@pytest.mark.parametrize(
    ("typed", "said"),
    [
        ("", "请填"),
        ("-1", "-1"),
        ("1.5", "1.5"),
        ("1e9", "1e9"),
        ("一", "一"),
        ("21", "最多"),
        ("99999999999999999999", "最多"),
    ],
)
def test_bad_numbers_are_named_and_everything_typed_stays(
    browser: CheckingClient, world: World, typed: str, said: str
) -> None:
    shipment = make_shipment(world)
    second, third = line(shipment, 1), line(shipment, 2)
    browser.get(f"/receiving/{shipment.receipt_no}")
    browser.submit(button=f"open={third}")
    browser.submit(button=f"open={second}")
    browser.submit(
        button="do=accept",
        **{f"a-{third}": typed, f"a-{second}": "11", f"why-{second}": "other", f"text-{second}": "瓶盖松了"},
    )
    summary = browser.page.one(".error-summary")
    assert said in summary.text
    assert "阿卡波糖" in browser.page.text
    assert summary.all(f'a[href="#a-{third}"]')
    assert browser.page.one(f"#a-{third}")["value"] == typed
    assert browser.page.one(f"#a-{second}")["value"] == "11"
    assert browser.page.one(f"#text-{second}")["value"] == "瓶盖松了"
    assert browser.page.one(f'#why-{second} input[value="other"]').get("checked") is not None
    assert shipment.accepted_at is None


def test_full_width_digits_are_digits(browser: CheckingClient, world: World) -> None:
    shipment = make_shipment(world)
    first = line(shipment, 0)
    browser.get(f"/receiving/{shipment.receipt_no}")
    browser.submit(button=f"open={first}")
    browser.submit(button="do=scan", **{f"a-{first}": "５"})
    assert "收下 37 盒，不收 1 盒" in browser.page.one(".buybar-sum").text


def test_the_summary_leads_to_the_reasons_that_are_missing(browser: CheckingClient, world: World) -> None:
    shipment = make_shipment(world, expiry={1: date(2027, 1, 31)})
    first, third = line(shipment, 0), line(shipment, 2)
    browser.get(f"/receiving/{shipment.receipt_no}")
    browser.submit(button=f"open={third}")
    browser.submit(button="do=accept", **{f"a-{third}": "18"})
    links = [link["href"] for link in browser.page.all(".error-summary a")]
    assert links == [f"#near-{first}", f"#why-{third}"]
    for link in links:
        browser.page.one(link)
    browser.submit(button="do=accept", **{f"near-{first}": "当月能用完", f"why-{third}": "wrong_item"})
    browser.submit(button="do=accept")
    assert shipment.lines[0].short_expiry_reason == "当月能用完"


def test_closing_a_line_again_takes_what_was_typed_back(browser: CheckingClient, world: World) -> None:
    shipment = make_shipment(world)
    third = line(shipment, 2)
    browser.get(f"/receiving/{shipment.receipt_no}")
    browser.submit(button=f"open={third}")
    browser.submit(button=f"close={third}", **{f"a-{third}": "3"})
    assert "收下 38 盒" in browser.page.one(".buybar-sum").text
    browser.submit(button="do=all", follow_redirects=True)
    assert shipment.lines[2].accepted_packs == 20


def test_expired_goods_are_filled_in_as_not_accepted(browser: CheckingClient, world: World) -> None:
    shipment = make_shipment(world)
    shipment.lines[0].expiry_date = date(2026, 11, 19)
    db.session.commit()
    browser.get(f"/receiving/{shipment.receipt_no}")
    assert "已过期，不能收" in browser.page.text
    assert "收下 32 盒，不收 6 盒" in browser.page.one(".buybar-sum").text
    browser.submit(button="do=all", follow_redirects=True)
    found = shipment.lines[0]
    assert (found.accepted_packs, found.rejected_packs, found.reject_reason) == (0, 6, "short_expiry")


def test_expired_goods_can_not_be_accepted_by_typing_either(browser: CheckingClient, world: World) -> None:
    shipment = make_shipment(world)
    first = line(shipment, 0)
    shipment.lines[0].expiry_date = date(2026, 11, 19)
    db.session.commit()
    browser.get(f"/receiving/{shipment.receipt_no}")
    browser.submit(button=f"open={first}")
    browser.submit(button="do=accept", **{f"a-{first}": "6"})
    assert "已经过期，不能收" in browser.page.one(".error-summary").text


def test_codes_of_the_note_are_marked_and_others_are_refused(browser: CheckingClient, world: World) -> None:
    shipment = make_shipment(world, (3, 3), codes={1: CODES[:3], 2: CODES[3:]})
    browser.get(f"/receiving/{shipment.receipt_no}")
    browser.submit(button="do=scan", code=CODES[0])
    browser.submit(button="do=scan", code=f"{CODES[1]} {CODES[3]}")
    assert "已核对 3 个，共 6 个" in browser.page.text
    browser.submit(button="do=scan", code="81234567890123456789")
    assert "没有追溯码 81234567890123456789" in browser.page.one("#scan-e").text
    assert browser.page.one("#scan")["value"] == "81234567890123456789"
    browser.submit(button="do=scan", code="12")
    assert browser.page.all("#scan-e")
    assert "已核对 3 个，共 6 个" in browser.page.text
    browser.submit(button="do=all", code="", follow_redirects=True)
    assert all(code.accepted for row in shipment.lines for code in row.codes)


def test_the_second_of_two_people_is_told_and_sees_what_they_typed(
    browser: CheckingClient, world: World, app: Flask
) -> None:
    shipment = make_shipment(world)
    third = line(shipment, 2)
    other = app.test_client()
    be(other, make_user("李建国", world.clinic))
    other.get(f"/receiving/{shipment.receipt_no}")
    other.submit(button=f"open={third}")
    other.submit(button="do=scan", **{f"a-{third}": "18", f"why-{third}": "damaged"})
    browser.get(f"/receiving/{shipment.receipt_no}")
    browser.submit(button="do=all")
    assert other.submit(button="do=accept").status_code == 409
    assert other.page.h1 == "已经收过货了"
    assert "王保田" in other.page.text
    assert other.page.texts("tbody tr.on td.n") == ["18", "20", "2", "0"]
    assert shipment.lines[2].accepted_packs == 20


def test_the_same_form_sent_twice_ends_at_the_same_receipt(browser: CheckingClient, world: World) -> None:
    shipment = make_shipment(world)
    browser.get(f"/receiving/{shipment.receipt_no}")
    first = browser.submit(button="do=all")
    browser.get(f"/receiving/{shipment.receipt_no}")
    page = browser.page
    assert page is not None
    token = page.all('input[name="csrf_token"]')[0]["value"]
    again = browser.post(
        f"/receiving/{shipment.receipt_no}",
        data={"csrf_token": token, "do": "all", "shown": "127.87", "version": "1"},
    )
    assert (first.status_code, again.status_code) == (302, 302)
    assert first.location == again.location
    deeds = db.session.scalars(select(AuditEntry.deed)).all()
    assert deeds.count("accept_shipment") == 1


def test_a_shipment_taken_back_meanwhile_says_so_and_keeps_nothing(
    browser: CheckingClient, world: World
) -> None:
    shipment = make_shipment(world)
    browser.get(f"/receiving/{shipment.receipt_no}")
    void_shipment(shipment.receipt_no, "装错车", by=world.seller, at=TODAY)
    assert browser.submit(button="do=all").status_code == 409
    browser.get(f"/receiving/{shipment.receipt_no}")
    assert "装错车" in browser.page.text


def test_a_foreign_receipt_is_not_found(browser: CheckingClient, world: World, buyer: Actor) -> None:
    foreign = make_shipment(world, order=make_order(world, (3,), institution=world.hospital))
    for path in ("", "/acceptance.pdf"):
        browser.get(f"/receiving/{foreign.receipt_no}{path}", status=404)
    browser.get("/receiving/PS20261120-9999", status=404)
    hospital = make_user("李院长", world.hospital, Role.HOSPITAL)
    accept_shipment(foreign.receipt_no, everything(foreign), by=hospital, at=TODAY)
    browser.get(f"/payables/{foreign.receipt_no}", status=404)
    browser.get(f"/returns/of/{foreign.receipt_no}", status=404)
    browser.get("/receiving/")
    browser.post(f"/receiving/{foreign.receipt_no}", data={"do": "all"}, status=404)


def test_a_supervisor_sees_its_village_s_delivery_but_does_not_receive_it(
    client: CheckingClient, world: World
) -> None:
    world.clinic.records[0].supervisor_id = world.hospital.id
    shipment = make_shipment(world)
    be(client, make_user("李院长", world.hospital, Role.HOSPITAL))
    client.get("/receiving/")
    assert "现在没有要收的货" in client.page.text
    client.get(f"/receiving/{shipment.receipt_no}", status=200)
    assert not client.page.all('button[value="accept"]')


def test_the_hospital_receives_what_it_ordered_for_a_village(client: CheckingClient, world: World) -> None:
    order = make_order(world, (4,))
    order.ordering_id, order.mode = world.hospital.id, OrderMode.PROXY
    shipment = make_shipment(world, order=order)
    be(client, make_user("李院长", world.hospital, Role.HOSPITAL))
    client.get("/receiving/")
    assert "给明白川村卫生室" in client.page.text
    client.get(f"/receiving/{shipment.receipt_no}")
    client.submit('form[action$="' + shipment.receipt_no + '"]', button="do=all")
    assert shipment.accepted_by_name == "李院长"


def test_receipts_are_searched_sorted_and_exported(browser: CheckingClient, world: World) -> None:
    small, large = accepted(world, (1,)), accepted(world, (1, 8))
    both = {small.receipt_no, large.receipt_no}

    def listed(query: str = "") -> list[str]:
        browser.get(f"/receiving/{query}", status=200)
        return [text for text in browser.page.texts("tbody a") if text in both]

    assert listed("?sort=owed") == [small.receipt_no, large.receipt_no]
    assert listed("?sort=-owed") == [large.receipt_no, small.receipt_no]
    assert listed("?q=厄贝沙坦") == [large.receipt_no]
    assert listed("?month=2026-11") != []
    assert listed("?month=2026-10") == []
    assert "没有找到" in browser.page.text
    assert listed("?q=%25&sort=nonsense&page=999&state=nonsense") == []
    csv = browser.get("/receiving/?format=csv&q=厄贝沙坦").get_data(as_text=True)
    assert large.receipt_no in csv
    assert small.receipt_no not in csv
    assert browser.get("/receiving/?format=xlsx").data[:2] == b"PK"


def test_a_return_is_asked_for_followed_and_counts(browser: CheckingClient, world: World) -> None:
    receipt = accepted(world)
    first, second = line(receipt, 0), line(receipt, 1)
    browser.get(f"/receiving/{receipt.receipt_no}")
    assert browser.page.all(f'a[href="/returns/of/{receipt.receipt_no}"]')
    browser.get(f"/returns/of/{receipt.receipt_no}", status=200)
    browser.submit(**{f"n-{first}": "7", f"n-{second}": "2"})
    assert "氯吡格雷：最多还能退 6 盒" in browser.page.one(".error-summary").text
    assert "厄贝沙坦：请选一个原因" in browser.page.one(".error-summary").text
    assert browser.page.one(f"#n-{first}")["value"] == "7"
    browser.submit(
        follow_redirects=True,
        **{f"n-{first}": "6", f"why-{first}": "recall", f"why-{second}": "overstock"},
    )
    made = db.session.scalars(select(GoodsReturn)).one()
    assert browser.page.h1 == f"退货单 {made.return_no}"
    assert "待确定" in browser.page.text
    agree_return(made.return_no, by=world.seller, at=TODAY)
    browser.get(f"/returns/{made.return_no}")
    browser.submit(button="do=send_back", follow_redirects=True)
    assert "已退回" in browser.page.text
    browser.get("/returns/?q=氯吡")
    assert browser.page.texts("tbody tr td.n") == ["8", "26.92"]
    browser.get("/returns/?state=requested")
    assert "没有找到" in browser.page.text
    browser.get(f"/payables/{receipt.receipt_no}")
    assert browser.page.one("tfoot td").text == "100.95"


def test_the_same_return_sent_twice_is_one_return(browser: CheckingClient, world: World) -> None:
    receipt = accepted(world)
    first = line(receipt, 0)
    browser.get(f"/returns/of/{receipt.receipt_no}")
    form = {f"n-{first}": "6", f"why-{first}": "recall"}
    one = browser.submit(**form)
    two = browser.submit(**form)
    assert one.location == two.location
    assert len(db.session.scalars(select(GoodsReturn)).all()) == 1


def test_what_is_to_be_paid_by_age_and_each_figure_opens_its_rows(
    browser: CheckingClient, world: World
) -> None:
    old, new = accepted(world, (1,)), accepted(world, (2,))
    old.due_on = date(2026, 10, 1)
    asked = request_return(
        new.receipt_no, {line(new, 0): ReturnedPacks(1, "recall")}, by=world.buyer, at=TODAY
    )
    agree_return(asked.return_no, by=world.seller, at=TODAY)
    browser.get("/payables/", status=200)
    assert browser.page.texts("nav.facts .v") == ["3.37 元", "0.00 元", "3.37 元", "0.00 元", "0.00 元"]
    assert "应付 6.74 元" in browser.page.text
    assert "登记付款" in browser.page.text
    links = [link["href"] for link in browser.page.all("nav.facts a")]
    browser.get(links[2])
    assert browser.page.texts("section:last-of-type tbody a") == [old.receipt_no]
    browser.get(f"/payables/{new.receipt_no}", status=200)
    assert browser.page.one("tfoot td").text == "3.37"
    csv = browser.get("/payables/?format=csv&state=overdue").get_data(as_text=True)
    assert old.receipt_no in csv
    assert "50" in csv
    assert new.receipt_no not in csv


def test_nothing_to_pay_says_so(browser: CheckingClient) -> None:
    browser.get("/payables/", status=200)
    assert "不用付" in browser.page.text
    assert "收了货，要付多少" in browser.page.text


def test_pages_cost_the_same_however_many_rows(browser: CheckingClient, world: World, count_sql: Any) -> None:
    def cost(path: str) -> int:
        browser.get(path)
        with count_sql() as seen:
            browser.get(path, status=200)
        return int(seen.count)

    accepted(world, (1,))
    waiting = make_shipment(world, (1,))
    receipt = accepted(world, (1,))
    request_return(
        receipt.receipt_no, {line(receipt, 0): ReturnedPacks(1, "recall")}, by=world.buyer, at=TODAY
    )
    pages = ["/receiving/", "/payables/", "/returns/"]
    few = [cost(path) for path in pages]
    one = [cost(f"/receiving/{waiting.receipt_no}"), cost(f"/receiving/{receipt.receipt_no}")]
    for _ in range(4):
        again = accepted(world, (3, 2, 1))
        make_shipment(world, (1, 2))
        request_return(
            again.receipt_no, {line(again, 0): ReturnedPacks(1, "recall")}, by=world.buyer, at=TODAY
        )
    assert [cost(path) for path in pages] == few
    large = make_shipment(world, (1, 2, 3, 4, 5), codes={4: CODES[:4]})
    assert cost(f"/receiving/{large.receipt_no}") == one[0]
    assert cost(f"/receiving/{again.receipt_no}") == one[1]


def test_the_acceptance_note_is_a_paper(browser: CheckingClient, world: World) -> None:
    receipt = accepted(world)
    answer = browser.get(f"/receiving/{receipt.receipt_no}/acceptance.pdf", status=200)
    assert answer.data[:5] == b"%PDF-"
    waiting = make_shipment(world)
    browser.get(f"/receiving/{waiting.receipt_no}/acceptance.pdf", status=404)


@pytest.mark.both_databases
def test_of_many_acceptances_at_once_one_is_stored(committed_app: Flask) -> None:
    with committed_app.app_context():
        world = make_world()
        order = make_order(world)
        answer_order_in_full(order.order_no, by=world.seller, at=NOW)
        shipment = make_shipment(world, order=order)
        people = [make_user(f"人{number}", world.clinic) for number in range(4)]
        number, found, seen = shipment.receipt_no, everything(shipment), shipment.version
        order_no = order.order_no
    won: list[str] = []
    lost: list[str] = []
    start = threading.Barrier(len(people))

    def accept(person: Actor) -> None:
        with committed_app.app_context():
            start.wait()
            try:
                lines = {line_id: LineAcceptance(packs.accepted) for line_id, packs in found.items()}
                accept_shipment(number, lines, by=person, at=LATER, seen_version=seen)
                won.append(person.name)
            except ChangedMeanwhile:
                lost.append(person.name)

    threads = [threading.Thread(target=accept, args=(person,)) for person in people]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join(30)
    assert (len(won), len(lost)) == (1, 3)
    with committed_app.app_context():
        stored = db.session.scalars(select(Order).where(Order.order_no == order_no)).one()
        assert [row.accepted_packs for row in stored.lines] == [6, 12, 20]
