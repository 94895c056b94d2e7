"""Payments from files; they count as confirmed (R-PAY-7)."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from datetime import datetime
from typing import Any, Final, NamedTuple, cast

from sqlalchemy import Table, select

from clinic_orders.actions.bulk import (
    NumberedRow,
    Problems,
    Stored,
    in_parts,
    insert_rows,
    reserve_ids,
    update_rows,
)
from clinic_orders.actions.history.shared import (
    Change,
    Codes,
    RecordedHere,
    check_code,
    touch_many,
    write_down,
)
from clinic_orders.actions.payment_holds import free_if_paid
from clinic_orders.actions.transaction import transactional
from clinic_orders.models.base import db
from clinic_orders.models.deliveries import Shipment
from clinic_orders.models.payments import Payment
from clinic_orders.queries.files import payment_rows
from clinic_orders.rules.parties import Actor, Permission
from clinic_orders.rules.payments import PaymentSide, ReceiptOfOthers

_PAYMENTS: Final = cast("Table", Payment.__table__)
_COMPARED: Final = ("amount", "paid_on", "receipt_no", "method", "reference", "recorded_by")
_KEY: Final = ("institution_code", "distributor_code", "payment_no")


class _Receipt(NamedTuple):
    """A receipt that payments name, and between whom it is."""

    id: int
    paying_id: int
    distributor_id: int


def _receipts(numbers: set[str]) -> dict[str, _Receipt]:
    found: dict[str, _Receipt] = {}
    for part in in_parts(numbers):
        for row in db.session.execute(
            select(Shipment.receipt_no, Shipment.id, Shipment.paying_id, Shipment.distributor_id).where(
                Shipment.receipt_no.in_(part), Shipment.voided_at.is_(None)
            )
        ):
            found[row.receipt_no] = _Receipt(row.id, row.paying_id, row.distributor_id)
    return found


def _known(numbers: set[str]) -> dict[tuple[str, ...], dict[str, Any]]:
    found = {}
    for part in in_parts(numbers):
        for row in payment_rows(Payment.payment_no.in_(part)):
            found[tuple(row[column] for column in _KEY)] = row
    return found


def plain(row: Mapping[str, Any]) -> dict[str, Any]:
    """A row as it is compared and stored; what is left out is empty."""
    return {column: row.get(column) or "" for column in _COMPARED}


@transactional
def put_payments(rows: Sequence[NumberedRow], *, by: Actor, at: datetime, batch_id: int | None) -> Stored:
    """Add or change payments by institution, distributor and number (formats.md kind ``payments``), all or none.

    Raises:
        RowsRefused: unknown codes, a receipt that is not between the two, or a change to what people recorded here.

    """
    by.need(Permission.FILES_IMPORT)
    problems, stored = Problems(), Stored()
    codes = Codes(
        institutions=[row["institution_code"] for _, row in rows],
        distributors=[row["distributor_code"] for _, row in rows],
    )
    receipts = _receipts({row["receipt_no"] for _, row in rows if row.get("receipt_no")})
    known = _known({row["payment_no"] for _, row in rows})
    new: list[dict[str, Any]] = []
    changed: list[dict[str, Any]] = []
    changes: list[Change] = []
    for number, row in rows:
        check_code(codes.institutions, row, number, "institution_code", problems)
        check_code(codes.distributors, row, number, "distributor_code", problems)
        paying = codes.institutions.get(row["institution_code"], 0)
        distributor = codes.distributors.get(row["distributor_code"], 0)
        said = plain(row)
        receipt = receipts.get(said["receipt_no"])
        if said["receipt_no"] and (receipt is None or receipt[1:] != (paying, distributor)):
            problems.add(number, "receipt_no", ReceiptOfOthers(receipt_no=said["receipt_no"]))
            continue
        values = {column: said[column] for column in ("amount", "paid_on", "method", "reference")}
        values |= {
            "shipment_id": None if receipt is None else receipt.id,
            "entered_by_name": said["recorded_by"],
        }
        old = known.get(tuple(row[column] for column in _KEY))
        before = None if old is None else plain(old)
        if before == said:
            stored.unchanged += 1
        elif old is None:
            new.append(_new(row["payment_no"], paying, distributor, values, at=at, batch_id=batch_id))
        elif old["import_batch_id"] is None:
            differing = next(column for column in _COMPARED if plain(old)[column] != said[column])
            problems.add(number, differing, RecordedHere(number=row["payment_no"]))
        else:
            changed.append(values | {"id": old["id"]})
            changes.append(Change(old["id"], row["payment_no"], paying, distributor, before, said))
    problems.raise_if_any()
    for row_id, values in zip(reserve_ids(_PAYMENTS, len(new)), new, strict=True):
        values["id"] = row_id
        after = {"amount": values["amount"], "paid_on": values["paid_on"]}
        subject = values["payment_no"]
        changes.append(Change(row_id, subject, values["paying_id"], values["distributor_id"], None, after))
    insert_rows(_PAYMENTS, new)
    update_rows(_PAYMENTS, changed)
    touch_many(_PAYMENTS, (row["id"] for row in changed), at)
    stored.created, stored.updated = len(new), len(changed)
    write_down("put_payments", "payment", changes, by=by, at=at)
    db.session.expire_all()
    free_if_paid(*{(change.institution_id, change.distributor_id) for change in changes}, at=at)
    return stored


def _new(
    payment_no: str,
    paying: int,
    distributor: int,
    values: Mapping[str, Any],
    *,
    at: datetime,
    batch_id: int | None,
) -> dict[str, Any]:
    return {
        **values,
        "payment_no": payment_no,
        "paying_id": paying,
        "distributor_id": distributor,
        "entered_by": PaymentSide.FILE,
        "confirmed_at": at,
        "confirmed_by_name": "",
        "disputed_by_name": "",
        "dispute_reason": "",
        "upheld_by_name": "",
        "rejected_by_name": "",
        "rejection_reason": "",
        "version": 1,
        "import_batch_id": batch_id,
        "recorded_at": at,
    }
