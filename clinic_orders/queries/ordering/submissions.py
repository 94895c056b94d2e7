"""The answer of a submission, shown again whenever the same form comes (R-ORD-2)."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from sqlalchemy import select

from clinic_orders.models.base import db
from clinic_orders.models.orders import Order, Submission
from clinic_orders.models.roster import Distributor, Institution, InstitutionRecord


@dataclass(frozen=True, slots=True)
class StoredAnswer:
    """What a submission led to (R-ORD-2)."""

    institution_id: int
    receiver_code: str
    receiver: str
    at: datetime
    orders: list[str]
    refused: list[dict[str, Any]]


def stored_answer(key: str, *, ordering_id: int) -> StoredAnswer | None:
    """The answer that belongs to a form's key, for the organisation that sent it."""
    row = db.session.execute(
        select(
            Submission.institution_id,
            Institution.code,
            InstitutionRecord.name,
            Submission.at,
            Submission.result,
        )
        .join(Institution, Institution.id == Submission.institution_id)
        .join(InstitutionRecord, InstitutionRecord.institution_id == Institution.id)
        .where(
            Submission.key == key,
            Submission.ordering_id == ordering_id,
            InstitutionRecord.valid_before.is_(None),
        )
    ).first()
    if row is None:
        return None
    return StoredAnswer(row[0], row[1], row[2], row[3], row[4]["orders"], row[4]["refused"])


def orders_by_number(order_nos: Sequence[str]) -> list[Any]:
    """Number, distributor, sums and the last instant to answer of some orders, in the given order."""
    rows = db.session.execute(
        select(
            Order.order_no,
            Distributor.name.label("distributor"),
            Distributor.phone,
            Order.lines_count,
            Order.packs,
            Order.amount,
            Order.answer_due_at,
            Order.emergency,
        )
        .join(Distributor, Distributor.id == Order.distributor_id)
        .where(Order.order_no.in_(order_nos))
    )
    found = {row.order_no: row for row in rows}
    return [found[number] for number in order_nos if number in found]
