"""Payments from bank statements: columns once, each line once, corrected by a person, taken back."""

from __future__ import annotations

import io
from collections.abc import Callable
from datetime import date, datetime, timedelta
from decimal import Decimal

import pytest
import xlsxwriter
from flask import Flask
from sqlalchemy import select

from clinic_orders.actions.bank import enter_bank_line, read_bank_file, store_bank_file, undo_bank_file
from clinic_orders.actions.loading import NotFound
from clinic_orders.actions.payments import confirm_payment
from clinic_orders.models.bank import BankLine
from clinic_orders.models.base import db
from clinic_orders.models.deliveries import Shipment
from clinic_orders.models.payments import Payment
from clinic_orders.queries.bank import remembered_columns
from clinic_orders.rules.bank_files import (
    BankField,
    BankLineState,
    ColumnsMissing,
    NoLines,
    PartyUnknown,
    read_entries,
)
from clinic_orders.rules.parties import Actor, NotAllowed, Role
from tests.checking_client import CheckingClient
from tests.deliveries_in_work import accepted
from tests.orders_in_work import NOW, World, make_world
from tests.web.test_payment_pages import person

TODAY = NOW + timedelta(hours=5)
COLUMNS = {BankField.DATE: 0, BankField.AMOUNT: 1, BankField.PARTY: 2, BankField.REFERENCE: 3}
HEADINGS = ["交易日期", "贷方金额", "对方户名", "摘要"]


@pytest.fixture
def world(app: Flask, clock_at: Callable[[datetime], None]) -> World:
    clock_at(TODAY)
    return make_world()


@pytest.fixture
def receipt(world: World) -> Shipment:
    return accepted(world, (2,))


def stored(world: World, *rows: list[str]) -> list[BankLine]:
    made = store_bank_file("流水.csv", list(enumerate([HEADINGS, *rows], 1)), by=world.seller, at=TODAY)
    read_bank_file(made.id, COLUMNS, by=world.seller, at=TODAY)
    return list(db.session.scalars(select(BankLine).where(BankLine.file_id == made.id).order_by(BankLine.id)))


def payments() -> list[Payment]:
    return list(db.session.scalars(select(Payment).order_by(Payment.id)))


@pytest.mark.both_databases
def test_a_line_becomes_one_payment_however_often_it_is_sent(world: World, receipt: Shipment) -> None:
    (line,) = stored(world, ["2026-11-20", "6.73", "明白川村卫生室", "货款"])
    for _ in range(2):
        enter_bank_line(line.id, "V01", receipt.receipt_no, by=world.seller, at=TODAY)
    (payment,) = payments()
    assert (payment.amount, payment.shipment_id, payment.reference) == (Decimal("6.73"), receipt.id, "货款")
    assert (line.state, line.payment_id) == (BankLineState.ENTERED, payment.id)


@pytest.mark.both_databases
def test_a_line_of_an_earlier_file_is_known_and_can_not_be_entered_again(
    world: World, receipt: Shipment
) -> None:
    row = ["2026-11-20", "6.73", "明白川村卫生室", "货款"]
    # Two equal lines of one file are two payments.
    first = stored(world, row, row)
    assert [line.state for line in first] == [BankLineState.OPEN] * 2
    again = stored(world, row, row, ["2026-11-20", "1.00", "明白川村卫生室", "尾款"])
    assert [line.state for line in again] == [BankLineState.KNOWN, BankLineState.KNOWN, BankLineState.OPEN]
    assert [line.same_as_id for line in again[:2]] == [line.id for line in first]
    enter_bank_line(again[0].id, "V01", "", by=world.seller, at=TODAY)
    assert payments() == []


@pytest.mark.both_databases
def test_undo_takes_back_what_nobody_has_confirmed_and_the_lines_can_be_entered_anew(
    world: World, receipt: Shipment
) -> None:
    lines = stored(world, *(["2026-11-20", amount, "明白川村卫生室", ""] for amount in ("1.00", "2.00")))
    for line in lines:
        enter_bank_line(line.id, "明白川村卫生室", "", by=world.seller, at=TODAY)
    confirm_payment(payments()[0].id, by=world.buyer, at=TODAY)
    assert undo_bank_file(lines[0].file_id, by=world.seller, at=TODAY) == (1, 1)
    assert [payment.withdrawn_at is None for payment in payments()] == [True, False]
    assert [line.state for line in lines] == [BankLineState.ENTERED, BankLineState.OPEN]
    enter_bank_line(lines[1].id, "V01", "", by=world.seller, at=TODAY)
    assert [payment.withdrawn_at is None for payment in payments()] == [True, False, True]


def test_statements_are_those_of_ones_own_organisation(world: World, receipt: Shipment) -> None:
    (line,) = stored(world, ["2026-11-20", "6.73", "别家卫生室", ""])
    with pytest.raises(NotFound):
        enter_bank_line(line.id, "V01", "", by=world.stranger, at=TODAY)
    with pytest.raises(NotFound):
        undo_bank_file(line.file_id, by=world.buyer, at=TODAY)
    with pytest.raises(NotAllowed):
        undo_bank_file(line.file_id, by=Actor("市局", Role.CITY), at=TODAY)
    with pytest.raises(PartyUnknown):
        enter_bank_line(line.id, line.party, "", by=world.seller, at=TODAY)


def test_the_columns_are_remembered_for_each_organisation(world: World) -> None:
    stored(world, ["2026-11-20", "6.73", "明白川村卫生室", ""])
    moved = ["序号", "摘要", "对方户名", "贷方金额", "交易日期"]
    columns, known = remembered_columns(world.seller, moved)
    assert known
    assert columns[BankField.AMOUNT] == 3
    assert remembered_columns(world.seller, ["日期", "金额"]) == (
        {BankField.DATE: 0, BankField.AMOUNT: 1},
        False,
    )
    assert not remembered_columns(world.buyer, moved)[1]


def test_money_that_went_the_other_way_and_sums_are_left_out() -> None:
    rows = [
        (2, ["20261105", "-1,200.00"]),
        (3, ["2026/11/6", "-3.5"]),
        (4, ["2026-11-07 10:02:11", "9"]),
        (5, ["合计", "1"]),
    ]
    found = read_entries(rows, {BankField.DATE: 0, BankField.AMOUNT: 1})
    assert [(one.paid_on.day, one.amount) for one in found] == [(5, Decimal("1200.00")), (6, Decimal("3.50"))]
    with pytest.raises(ColumnsMissing):
        read_entries(rows, {BankField.DATE: 0, BankField.AMOUNT: 0})
    with pytest.raises(NoLines):
        read_entries(rows[3:], {BankField.DATE: 0, BankField.AMOUNT: 1})


def workbook(rows: list[list[object]]) -> io.BytesIO:
    file = io.BytesIO()
    book = xlsxwriter.Workbook(file, {"default_date_format": "yyyy-mm-dd"})
    sheet = book.add_worksheet()
    for number, row in enumerate(rows):
        for place, value in enumerate(row):
            sheet.write(number, place, value)
    book.close()
    file.seek(0)
    return file


def test_upload_name_the_columns_correct_a_line_enter_and_undo(
    client: CheckingClient, world: World, receipt: Shipment
) -> None:
    client.log_in(person("刘敏", Role.DISTRIBUTOR, distributor_id=world.distributor.id))
    client.get("/bank/", status=200)
    assert "还没有上传流水" in client.page.text
    content = (
        "某某银行账户明细,,,\r\n交易日期,贷方金额,对方户名,摘要\r\n"
        f'2026-11-20,"6.73",明白川村卫生室,货款{receipt.receipt_no}\r\n2026-11-19,1.00,某村王大夫,货款\r\n'
    ).encode("gb18030")
    client.post("/bank/", data={"file": (io.BytesIO(content), "流水.csv")}, follow_redirects=True)
    assert "各列是什么" in client.page.text
    assert client.page.one("select[name=amount] option[selected]").text == "贷方金额"
    client.submit("main form", follow_redirects=True)
    boxes = client.page.all("tbody input[type=checkbox]")
    assert client.page.one("input[name^=receipt-][value^=PS]")["value"] == receipt.receipt_no
    ids = [box["value"] for box in boxes]
    address = client.page.all("section form[method=post]")[0]["action"]
    answer = client.post(
        address,
        data={
            "line": ids,
            f"party-{ids[0]}": "V01",
            f"receipt-{ids[0]}": receipt.receipt_no,
            f"party-{ids[1]}": "王大夫",
        },
    )
    assert answer.status_code == 422
    assert "没有与“王大夫”的往来" in client.page.text
    (payment,) = payments()
    assert payment.shipment_id == receipt.id
    file = address.partition("?")[0]
    client.post(file, data={"line": ids[1:], f"party-{ids[1]}": "明白川村卫生室"}, follow_redirects=True)
    assert len(payments()) == 2
    csv = client.get(f"{file}?format=csv", status=200).get_data(as_text=True)
    assert csv.count(payment.payment_no) == 1

    rows: list[list[object]] = [
        ["交易日期", "贷方金额", "对方户名", "摘要"],
        [date(2026, 11, 19), 1, "某村王大夫", "货款"],
    ]
    client.post("/bank/", data={"file": (workbook(rows), "流水2.xlsx")}, follow_redirects=True)
    assert "以前登记过" in client.page.text
    assert not client.page.all("tbody input[type=checkbox]")
    client.post(f"{file}/undo", follow_redirects=True)
    assert "已撤回 2 笔付款" in client.page.text
    client.post("/bank/", data={"file": (io.BytesIO(b""), "leer.csv")})
    assert client.page.all(".note")
    client.log_in(person("局长", Role.COUNTY, county_code="410325"))
    client.get("/bank/", status=403)
