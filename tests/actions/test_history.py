"""Imported orders, receipts and returns: what is stored, what is refused, what stays as it was."""

from __future__ import annotations

from datetime import date
from decimal import Decimal
from typing import Any

import pytest
from flask import Flask
from sqlalchemy import func, select

from clinic_orders.actions.numbers import next_numbers
from clinic_orders.models.base import db
from clinic_orders.models.deliveries import GoodsReturn, Shipment, ShipmentCode
from clinic_orders.models.exchange import ImportBatch
from clinic_orders.models.orders import EventKind, Order, OrderEvent, OrderLine
from tests.files_world import (
    NOW,
    counts,
    going_back,
    make_world,
    moment,
    order,
    receipt,
    refused,
    take,
    take_well,
)

CODE = "81234567890123456789"


@pytest.fixture(autouse=True)
def world(app: Flask) -> None:
    make_world()


def one_order() -> Order:
    return db.session.execute(select(Order).where(Order.order_no == "A1")).scalar_one()


def events() -> list[tuple[EventKind, int | None, str]]:
    rows = db.session.execute(
        select(OrderEvent.kind, OrderEvent.packs, OrderEvent.actor_name).order_by(
            OrderEvent.at, OrderEvent.id
        )
    )
    return [tuple(row) for row in rows]


# Orders ------------------------------------------------------------------------------------------------


def test_an_imported_order_has_its_sums_its_deadline_and_its_history() -> None:
    report = take_well("orders", order(packs=3, confirmed_packs=2), order("LY002", packs=3, confirmed_packs=3, pack_price=Decimal("3.3650")))  # fmt: skip
    assert counts(report) == (2, 0, 0)
    found = one_order()
    assert (found.lines_count, found.packs, found.amount) == (2, 6, Decimal("10.48"))
    # Monday: two working days later is Wednesday, until 24:00.
    assert found.answer_due_at == moment("2026-01-08T00:00")
    assert found.answered_at == moment("2026-01-05T10:00")
    assert [line.line_no for line in found.lines] == [1, 2]
    assert events() == [
        (EventKind.SUBMITTED, 6, "明白川村卫生室"),
        (EventKind.ANSWERED, 2, "豫西安康医药配送有限公司"),
        (EventKind.ANSWERED, 3, "豫西安康医药配送有限公司"),
    ]
    assert db.session.get(ImportBatch, found.import_batch_id) is not None


def test_an_order_without_answer_waits_for_one() -> None:
    take_well("orders", order(confirmed_packs=None, confirmed_at=None))
    assert one_order().answered_at is None
    assert one_order().lines[0].confirmed_packs is None


def test_whether_packs_were_withdrawn_before_the_answer_is_told_by_the_instants() -> None:
    take_well(
        "orders",
        order(confirmed_packs=8, withdrawn_packs=2, withdrawn_at=moment("2026-01-05T09:30")),
        order("LY002", withdrawn_packs=4, withdrawn_at=moment("2026-01-12T09:30")),
        order("LY003", confirmed_packs=None, confirmed_at=None, withdrawn_packs=10, withdrawn_at=moment("2026-02-01T00:00")),
    )  # fmt: skip
    assert [(line.withdrawn_before, line.withdrawn_after) for line in one_order().lines] == [
        (2, 0),
        (0, 4),
        (10, 0),
    ]


def test_an_emergency_of_the_past_needs_no_reason() -> None:
    take_well("orders", order(emergency=True))
    assert one_order().answer_due_at == moment("2026-01-05T11:00")


def test_rules_about_who_may_order_what_are_not_applied_to_history() -> None:
    take_well("orders", order("LY003", packs=99_999, confirmed_packs=0, submitted_at=moment("2031-01-05T09:00"), confirmed_at=moment("2031-01-06T09:00")))  # fmt: skip


@pytest.mark.parametrize(
    ("more", "column", "code"),
    [
        ({"institution_code": "X"}, "institution_code", "UnknownCode"),
        ({"ordering_code": "X"}, "ordering_code", "UnknownCode"),
        ({"paying_code": "X"}, "paying_code", "UnknownCode"),
        ({"distributor_code": "X"}, "distributor_code", "UnknownCode"),
        ({"item_code": "X"}, "item_code", "UnknownCode"),
        ({"confirmed_packs": None}, "confirmed_packs", "ComesTogether"),
        ({"confirmed_at": None}, "confirmed_at", "ComesTogether"),
        ({"closed_packs": 1}, "closed_at", "ComesTogether"),
        ({"closed_at": moment("2026-01-09T00:00")}, "closed_packs", "ComesTogether"),
        ({"withdrawn_packs": 1}, "withdrawn_at", "ComesTogether"),
        ({"withdrawn_at": moment("2026-01-09T00:00")}, "withdrawn_packs", "ComesTogether"),
        ({"confirmed_packs": 11}, "confirmed_packs", "ConfirmedTooMany"),
        ({"closed_packs": 11, "closed_at": moment("2026-01-09T00:00")}, "closed_packs", "ShippedTooMany"),
        ({"withdrawn_packs": 11, "withdrawn_at": moment("2026-01-09T00:00")}, "withdrawn_packs", "ShippedTooMany"),
        ({"withdrawn_packs": 11, "withdrawn_at": moment("2026-01-05T09:10")}, "withdrawn_packs", "WithdrawnTooMany"),
        ({"withdrawn_packs": 1, "withdrawn_at": moment("2026-01-05T09:10")}, "confirmed_packs", "ConfirmedTooMany"),
        (
            {"confirmed_packs": None, "confirmed_at": None, "closed_packs": 1, "closed_at": moment("2026-01-09T00:00")},
            "closed_packs",
            "ClosedWithoutAnswer",
        ),
        ({"confirmed_at": moment("2026-01-05T08:59")}, "confirmed_at", "TooEarly"),
        ({"closed_packs": 1, "closed_at": moment("2026-01-05T09:59")}, "closed_at", "TooEarly"),
        ({"withdrawn_packs": 1, "withdrawn_at": moment("2026-01-05T08:59")}, "withdrawn_at", "TooEarly"),
    ],
)  # fmt: skip
def test_a_row_that_cannot_be_is_refused_with_its_column(
    more: dict[str, Any], column: str, code: str
) -> None:
    report = take(
        "orders", order(order_no="A0"), order(**{"ordering_code": "0V01", "paying_code": "0V01"} | more)
    )
    assert refused(report) == [(3, column, code)]
    assert db.session.scalar(select(func.count()).select_from(Order)) == 0


def test_rows_of_one_order_agree_in_what_is_not_of_the_line() -> None:
    report = take("orders", order(), order("LY002", distributor_code="D02", mode="proxy"))
    assert refused(report) == [(3, "distributor_code", "RowsDisagree"), (3, "mode", "RowsDisagree")]
    report = take("orders", order(), order("LY002", institution_code="0H01"))
    assert refused(report) == [(3, "institution_code", "RowsDisagree")]


def test_the_same_orders_again_change_nothing() -> None:
    rows = [
        order(closed_packs=2, closed_at=moment("2026-01-07T00:00"), closed_reason="other:厂家停供"),
        order("LY002", withdrawn_packs=0, closed_packs=0),
    ]
    take_well("orders", *rows)
    before = events()
    assert counts(take_well("orders", *rows)) == (0, 0, 2)
    assert events() == before
    assert one_order().version == 1


def test_a_changed_row_changes_its_line_and_its_history() -> None:
    take_well("orders", order(confirmed_packs=None, confirmed_at=None), order("LY002"))
    report = take_well("orders", order(packs=20, confirmed_packs=15))
    assert counts(report) == (0, 1, 0)
    found = one_order()
    assert (found.packs, found.version, found.lines_count) == (30, 2, 2)
    assert [packs for kind, packs, _ in events() if kind is EventKind.ANSWERED] == [10, 15]
    assert counts(take_well("orders", order("LY003"))) == (1, 0, 0)
    assert [line.line_no for line in one_order().lines] == [1, 2, 3]


def test_a_changed_head_changes_the_whole_order() -> None:
    take_well("orders", order(), order("LY002"))
    report = take_well("orders", order(distributor_code="D02"), order("LY002", distributor_code="D02"))
    assert counts(report) == (0, 2, 0)
    assert one_order().distributor.code == "D02"
    assert events()[1][2] == "洛北仁和医药有限公司"


def test_what_rests_on_an_order_is_not_taken_from_it() -> None:
    take_well("orders", order())
    take_well("receipts", receipt())
    assert refused(take("orders", order(confirmed_packs=9))) == [(2, "withdrawn_packs", "ShippedTooMany")]
    assert refused(take("orders", order(distributor_code="D02"))) == [(2, "distributor_code", "ShippedFixed")]
    assert refused(take("orders", order(pack_price=Decimal(1)))) == [(2, "pack_price", "ShippedFixed")]


def test_what_people_did_here_is_not_changed_by_a_file() -> None:
    take_well("orders", order())
    one_order().import_batch_id = None
    db.session.commit()
    assert counts(take_well("orders", order())) == (0, 0, 1)
    assert refused(take("orders", order(packs=11))) == [(2, "packs", "RecordedHere")]
    assert refused(take("orders", order(), order("LY002"))) == [(3, "item_code", "RecordedHere")]


def test_a_number_that_came_from_elsewhere_is_not_given_out_again() -> None:
    take_well(
        "orders", order(order_no="CG20261120-0007"), order(order_no="CG20261120-0003"), order(order_no="X-9")
    )
    assert next_numbers("CG", at=NOW) == ["CG20261120-0008"]
    take_well("orders", order(order_no="CG20261120-0005"))
    assert next_numbers("CG", at=NOW) == ["CG20261120-0009"]


# Receipts ----------------------------------------------------------------------------------------------


def shipment(number: str = "R1") -> Shipment:
    return db.session.execute(select(Shipment).where(Shipment.receipt_no == number)).scalar_one()


def one_line() -> OrderLine:
    return one_order().lines[0]


def test_accepted_goods_are_owed_for_and_due() -> None:
    take_well("orders", order())
    take_well(
        "receipts", receipt(accepted_packs=9, rejected_packs=1, reject_reason="damaged", trace_codes=(CODE,))
    )
    found = shipment()
    assert (found.owed, found.due_on, found.payment_rule) == (
        Decimal("1.13"),
        date(2026, 2, 28),
        "end_of_next_month",
    )
    assert found.accepted_by_name == "明白川村卫生室"
    line = one_line()
    assert (line.shipped_packs, line.accepted_packs, line.rejected_packs) == (10, 9, 1)
    assert db.session.scalars(select(ShipmentCode.accepted)).all() == [True]


def test_acceptance_counts_for_payment_not_later_than_it_was_due() -> None:
    take_well("orders", order())
    # Delivered on Thursday the 29th: due on Monday, 2 February; accepted in March.
    late = receipt(delivered_at=moment("2026-01-29T10:00"), accepted_at=moment("2026-03-03T10:00"))
    take_well("receipts", late)
    assert (shipment().acceptance_day, shipment().due_on) == (date(2026, 2, 2), date(2026, 3, 31))


def test_goods_under_way_are_received_by_a_later_file() -> None:
    take_well("orders", order())
    under_way = receipt(accepted_packs=None, rejected_packs=None, accepted_at=None, trace_codes=(CODE,))
    take_well("receipts", under_way)
    assert (shipment().owed, shipment().due_on, one_line().shipped_packs) == (None, None, 10)
    assert counts(take_well("receipts", receipt(trace_codes=(CODE,)))) == (0, 1, 0)
    assert (shipment().owed, one_line().accepted_packs) == (Decimal("1.25"), 10)
    assert db.session.scalars(select(ShipmentCode.accepted)).all() == [True]


def test_rejected_packs_left_empty_are_none() -> None:
    take_well("orders", order())
    take_well("receipts", receipt(rejected_packs=None))
    assert counts(take_well("receipts", receipt())) == (0, 0, 1)


def test_a_short_shelf_life_only_warns() -> None:
    take_well("orders", order())
    report = take_well("receipts", receipt(expiry_date=date(2026, 1, 31)))
    assert [(w.row, w.column, w.refusal.code) for w in report.warnings] == [
        (2, "expiry_date", "ShortShelfLife")
    ]


def test_a_wrong_item_of_a_code_or_a_future_day_is_no_reason_to_refuse() -> None:
    take_well("orders", order())
    take_well(
        "receipts",
        receipt(
            accepted_at=moment("2027-06-01T00:00"), trace_codes=tuple(f"{CODE[:-1]}{n}" for n in range(10))
        ),
    )


@pytest.mark.parametrize(
    ("more", "column", "code"),
    [
        ({"order_no": "X"}, "order_no", "UnknownCode"),
        ({"item_code": "LY003"}, "item_code", "NotOrdered"),
        ({"shipped_packs": 11, "accepted_packs": 11}, "shipped_packs", "ShippedTooMany"),
        ({"accepted_packs": 9}, "accepted_packs", "AcceptanceDoesNotAddUp"),
        ({"accepted_packs": 9, "rejected_packs": 1}, "reject_reason", "RejectionNeedsReason"),
        ({"expiry_date": date(2026, 1, 30)}, "expiry_date", "GoodsExpired"),
        ({"accepted_at": None}, "accepted_at", "ComesTogether"),
        ({"accepted_packs": None, "rejected_packs": None}, "accepted_packs", "ComesTogether"),
    ],
)
def test_a_receipt_that_cannot_be_is_refused_with_its_column(
    more: dict[str, Any], column: str, code: str
) -> None:
    take_well("orders", order(), order("LY002"))
    report = take("receipts", receipt("LY002", receipt_no="R0"), receipt(**more))
    assert refused(report) == [(3, column, code)]
    assert one_line().shipped_packs == 0


def test_expired_goods_may_be_rejected_on_the_acceptance_day() -> None:
    take_well("orders", order())
    take_well("receipts", receipt(accepted_packs=0, rejected_packs=10, reject_reason="short_expiry", expiry_date=date(2026, 1, 30)))  # fmt: skip
    assert shipment().owed == Decimal("0.00")


def test_several_receipts_together_ship_no_more_than_was_confirmed() -> None:
    take_well("orders", order())
    rows = [
        receipt(receipt_no="R1", shipped_packs=6, accepted_packs=6),
        receipt(receipt_no="R2", shipped_packs=6, accepted_packs=6),
    ]
    assert refused(take("receipts", *rows)) == [(3, "shipped_packs", "ShippedTooMany")]


def test_rows_of_one_receipt_agree_in_what_is_not_of_the_line() -> None:
    take_well("orders", order())
    half = {"shipped_packs": 5, "accepted_packs": 5}
    other = receipt(batch_no="B2", accepted_at=moment("2026-02-01T09:30"), **half)
    assert refused(take("receipts", receipt(**half), other)) == [(3, "accepted_at", "RowsDisagree")]


def test_a_file_that_changes_an_acceptance_has_all_rows_of_the_receipt() -> None:
    take_well("orders", order())
    half = {"shipped_packs": 5, "accepted_packs": 5}
    take_well("receipts", receipt(**half), receipt(batch_no="B2", **half))
    later = receipt(accepted_at=moment("2026-02-01T09:30"), **half)
    assert refused(take("receipts", later)) == [(2, "accepted_at", "ReceiptIncomplete")]
    fewer = receipt(shipped_packs=5, accepted_packs=4, rejected_packs=1, reject_reason="quality")
    assert counts(take_well("receipts", fewer)) == (0, 1, 0)
    assert (shipment().owed, one_line().accepted_packs) == (Decimal("1.13"), 9)


def test_a_receipt_stays_with_its_order_and_with_those_who_recorded_it() -> None:
    take_well("orders", order(), order(order_no="A2"))
    take_well("receipts", receipt())
    assert refused(take("receipts", receipt(order_no="A2"))) == [(2, "order_no", "Belongs")]
    shipment().import_batch_id = None
    db.session.commit()
    assert counts(take_well("receipts", receipt())) == (0, 0, 1)
    assert refused(take("receipts", receipt(expiry_date=date(2029, 1, 1)))) == [
        (2, "expiry_date", "RecordedHere")
    ]


# Returns -----------------------------------------------------------------------------------------------


def amounts() -> dict[str, Decimal | None]:
    return dict(db.session.execute(select(GoodsReturn.return_no, GoodsReturn.amount)).all())


def test_returns_add_up_to_exactly_what_was_owed() -> None:
    take_well("orders", order(packs=3, confirmed_packs=3))
    take_well("receipts", receipt(shipped_packs=3, accepted_packs=3))
    take_well("returns", going_back(return_no="T2", packs=2, agreed_at=moment("2026-02-11T00:00")))
    # One agreed earlier comes later: both amounts are those of the order of agreement.
    take_well("returns", going_back(return_no="T1", packs=1, trace_codes=(CODE,)))
    assert amounts() == {"T1": Decimal("0.13"), "T2": Decimal("0.25")}
    assert shipment().owed == sum(filter(None, amounts().values()))
    assert one_line().returned_packs == 3
    assert counts(take_well("returns", going_back(packs=1, batch_no="B1", trace_codes=(CODE,)))) == (0, 0, 1)


def test_a_batch_is_named_where_the_receipt_has_several_of_the_item() -> None:
    take_well("orders", order())
    half = {"shipped_packs": 5, "accepted_packs": 5}
    take_well("receipts", receipt(**half), receipt(batch_no="B2", **half))
    assert refused(take("returns", going_back())) == [(2, "batch_no", "BatchNeeded")]
    assert refused(take("returns", going_back(batch_no="B3"))) == [(2, "batch_no", "NotReceived")]
    assert counts(take_well("returns", going_back(batch_no="B1"), going_back(batch_no="B2"))) == (2, 0, 0)


@pytest.mark.parametrize(
    ("more", "column", "code"),
    [
        ({"receipt_no": "X"}, "receipt_no", "UnknownCode"),
        ({"item_code": "LY002"}, "item_code", "NotReceived"),
        ({"packs": 11}, "packs", "ReturnTooMany"),
        ({"agreed_at": moment("2026-01-31T09:29")}, "agreed_at", "TooEarly"),
    ],
)
def test_a_return_that_cannot_be_is_refused_with_its_column(
    more: dict[str, Any], column: str, code: str
) -> None:
    take_well("orders", order())
    take_well("receipts", receipt())
    assert refused(take("returns", going_back(**more))) == [(2, column, code)]


def test_goods_under_way_do_not_go_back() -> None:
    take_well("orders", order())
    take_well("receipts", receipt(accepted_packs=None, rejected_packs=None, accepted_at=None))
    assert refused(take("returns", going_back())) == [(2, "packs", "ReturnTooMany")]


def test_one_batch_stands_once_in_a_return() -> None:
    take_well("orders", order())
    take_well("receipts", receipt())
    report = take("returns", going_back(), going_back(batch_no="B1"))
    assert refused(report) == [(3, "batch_no", "BatchReturnedTwice")]


def test_a_changed_return_changes_what_goes_back() -> None:
    take_well("orders", order())
    take_well("receipts", receipt())
    take_well("returns", going_back())
    assert counts(take_well("returns", going_back(packs=10))) == (0, 1, 0)
    assert (amounts(), one_line().returned_packs) == ({"T1": Decimal("1.25")}, 10)
    fewer = receipt(accepted_packs=9, rejected_packs=1, reject_reason="quality")
    assert refused(take("receipts", fewer)) == [(2, "accepted_packs", "ReturnedTooMany")]


def test_a_return_stays_with_its_receipt_and_with_those_who_recorded_it() -> None:
    take_well("orders", order(), order(order_no="A2"))
    take_well("receipts", receipt(), receipt(receipt_no="R2", order_no="A2"))
    take_well("returns", going_back())
    assert refused(take("returns", going_back(receipt_no="R2"))) == [(2, "receipt_no", "Belongs")]
    found = db.session.execute(select(GoodsReturn)).scalar_one()
    found.import_batch_id = None
    db.session.commit()
    assert counts(take_well("returns", going_back())) == (0, 0, 1)
    assert refused(take("returns", going_back(packs=4))) == [(2, "packs", "RecordedHere")]
