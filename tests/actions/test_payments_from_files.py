"""Imported payments: what is stored, what is refused, what stays as it was; they count as confirmed (R-PAY-7)."""

from __future__ import annotations

import io
from collections.abc import Iterator
from datetime import date
from decimal import Decimal
from typing import Any

import pytest
from flask import Flask

from clinic_orders.actions.payments import record_payment
from clinic_orders.exchange.exporting import CSV, export_file
from clinic_orders.models.base import db
from clinic_orders.models.payments import Payment
from clinic_orders.queries.payments import payments
from clinic_orders.rules.parties import SYSTEM, Actor, Role
from clinic_orders.rules.payments import PaymentState
from tests.files_world import NOW, counts, make_world, order, receipt, refused, take, take_well

pytestmark = pytest.mark.both_databases
TODAY = date(2026, 11, 20)


@pytest.fixture(autouse=True)
def world(app: Flask) -> Iterator[None]:
    make_world()
    take_well("orders", order())
    take_well("receipts", receipt())
    yield
    db.session.rollback()


def paid(number: str = "0001", **more: Any) -> dict[str, Any]:
    row = order()
    return {
        "institution_code": row.get("paying_code") or row["institution_code"],
        "distributor_code": row["distributor_code"],
        "payment_no": number,
        "amount": Decimal("1.20"),
        "paid_on": date(2026, 3, 31),
        **more,
    }


def exported() -> bytes:
    out = io.BytesIO()
    export_file("payments", CSV, out, by=SYSTEM, on=TODAY)
    return out.getvalue()


def test_a_file_is_stored_once_counts_as_confirmed_and_comes_back_as_it_went() -> None:
    rows = (
        paid(receipt_no=receipt()["receipt_no"], method="电汇", reference="0012", recorded_by="刘敏"),
        paid("0002"),
    )
    assert counts(take_well("payments", *rows)) == (2, 0, 0)
    assert counts(take_well("payments", *rows)) == (0, 0, 2)
    assert {row.state for row in payments(SYSTEM, on=TODAY)} == {PaymentState.CONFIRMED}
    file = exported()
    assert b"0012" in file
    assert counts(take_well("payments", paid("0002", amount=Decimal("2.00")))) == (0, 1, 0)
    assert exported() != file


def test_what_is_not_between_the_two_is_refused() -> None:
    report = take("payments", paid(receipt_no="R9"), paid("0002", institution_code="X"))
    assert refused(report) == [
        (2, "receipt_no", "ReceiptOfOthers"),
        (3, "institution_code", "UnknownCode"),
    ]


def test_a_file_never_changes_what_people_entered() -> None:
    take_well("payments", paid())
    stored = db.session.query(Payment).one()
    seller = Actor("刘敏", Role.DISTRIBUTOR, distributor_id=stored.distributor_id)
    mine = record_payment(
        stored.paying_id,
        stored.distributor_id,
        Decimal("3.00"),
        TODAY,
        key="k" * 20,
        by=seller,
        at=NOW,
    )
    other = paid(mine.payment_no, amount=Decimal("4.00"), paid_on=TODAY)
    assert refused(take("payments", other)) == [(2, "amount", "RecordedHere")]
