"""Payments as lists, and between whom they can be made."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import date, datetime
from decimal import Decimal
from typing import Any, NamedTuple

from sqlalchemy import ColumnElement, Select, and_, case, func, select
from sqlalchemy.orm import aliased

from clinic_orders.models.base import db
from clinic_orders.models.deliveries import Shipment
from clinic_orders.models.payments import Payment
from clinic_orders.models.roster import Distributor, InstitutionRecord
from clinic_orders.queries.lists import in_order, with_words
from clinic_orders.queries.payables import payables_visible_to
from clinic_orders.queries.roster import current
from clinic_orders.queries.visibility import payments_visible_to
from clinic_orders.rules.parties import Actor, Role
from clinic_orders.rules.payments import PaymentSide, PaymentState, payment_state


class PayerOption(NamedTuple):
    """A paying institution and a distributor that had to do with each other."""

    paying_id: int
    payer: str
    distributor_id: int
    distributor: str


class PaymentRow(NamedTuple):
    """One payment with the names of both sides."""

    id: int
    payment_no: str
    paying_id: int
    payer: str
    distributor_id: int
    distributor: str
    amount: Decimal
    paid_on: date
    receipt_no: str
    method: str
    reference: str
    entered_by: PaymentSide
    entered_by_name: str
    recorded_at: datetime
    confirmed_at: datetime | None
    confirmed_by_name: str
    disputed_at: datetime | None
    disputed_by_name: str
    dispute_reason: str
    upheld_at: datetime | None
    upheld_by_name: str
    rejected_at: datetime | None
    rejected_by_name: str
    rejection_reason: str
    withdrawn_at: datetime | None
    version: int
    is_refund: bool

    @property
    def state(self) -> PaymentState:
        """Where it stands between the two."""
        return payment_state(self)


@dataclass(frozen=True, slots=True)
class PaymentsWanted:
    """Which payments a list shows: a state (None = all), part of a number, reference or name, refunds or not."""

    state: PaymentState | None = None
    search: str = ""
    refunds: bool | None = None


def payers_of(actor: Actor, *, on: date) -> list[PayerOption]:
    """The pairs between which the actor may enter a payment: those with a shipment; one statement."""
    if actor.role is not Role.DISTRIBUTOR and actor.institution_id is None:
        return []
    payer = aliased(InstitutionRecord, name="payer")
    pairs = (
        select(Shipment.paying_id, Shipment.distributor_id)
        .where(payables_visible_to(actor, on), Shipment.voided_at.is_(None))
        .distinct()
        .subquery("pairs")
    )
    rows = db.session.execute(
        select(pairs.c.paying_id, func.coalesce(payer.name, ""), pairs.c.distributor_id, Distributor.name)
        .join(Distributor, Distributor.id == pairs.c.distributor_id)
        .outerjoin_from(pairs, payer, and_(payer.institution_id == pairs.c.paying_id, current(payer, on)))
        .order_by(Distributor.name, payer.name, pairs.c.paying_id)
    )
    return [PayerOption._make(row) for row in rows]


def _state(state: PaymentState) -> ColumnElement[bool]:
    """``rules.payments.payment_state`` in SQL."""
    withdrawn, confirmed = Payment.withdrawn_at.is_not(None), Payment.confirmed_at.is_not(None)
    upheld, disputed = Payment.upheld_at.is_not(None), Payment.disputed_at.is_not(None)
    rejected = Payment.rejected_at.is_not(None)
    return {
        PaymentState.WITHDRAWN: withdrawn,
        PaymentState.CONFIRMED: and_(~withdrawn, confirmed),
        PaymentState.UPHELD: and_(~withdrawn, ~confirmed, upheld),
        PaymentState.REJECTED: and_(~withdrawn, ~confirmed, ~upheld, rejected),
        PaymentState.DISPUTED: and_(~withdrawn, ~confirmed, ~upheld, ~rejected, disputed),
        PaymentState.WAITING: and_(~withdrawn, ~confirmed, ~upheld, ~disputed),
    }[state]


def _conditions(actor: Actor, on: date, wanted: PaymentsWanted) -> list[ColumnElement[bool]]:
    """What the payments themselves are asked; the words are asked of names, too."""
    conditions = [payments_visible_to(actor, on)]
    if wanted.state is not None:
        conditions.append(_state(wanted.state))
    if wanted.refunds is not None:
        conditions.append(Payment.is_refund.is_(wanted.refunds))
    return conditions


def _listed(actor: Actor, on: date, wanted: PaymentsWanted) -> Select[*tuple[Any, ...]]:
    payer = aliased(InstitutionRecord, name="payer")
    conditions = _conditions(actor, on, wanted)
    conditions += with_words(
        wanted.search,
        Payment.payment_no,
        Payment.reference,
        payer.name,
        Distributor.name,
        Shipment.receipt_no,
    )
    return (
        select(
            Payment.id,
            Payment.payment_no,
            Payment.paying_id,
            func.coalesce(payer.name, "").label("payer"),
            Payment.distributor_id,
            Distributor.name.label("distributor"),
            Payment.amount,
            Payment.paid_on,
            func.coalesce(Shipment.receipt_no, "").label("receipt_no"),
            Payment.method,
            Payment.reference,
            Payment.entered_by,
            Payment.entered_by_name,
            Payment.recorded_at,
            Payment.confirmed_at,
            Payment.confirmed_by_name,
            Payment.disputed_at,
            Payment.disputed_by_name,
            Payment.dispute_reason,
            Payment.upheld_at,
            Payment.upheld_by_name,
            Payment.rejected_at,
            Payment.rejected_by_name,
            Payment.rejection_reason,
            Payment.withdrawn_at,
            Payment.version,
            Payment.is_refund,
        )
        .join(Distributor, Distributor.id == Payment.distributor_id)
        .outerjoin_from(Payment, payer, and_(payer.institution_id == Payment.paying_id, current(payer, on)))
        .outerjoin(Shipment, Shipment.id == Payment.shipment_id)
        .where(*conditions)
    )


SORTS = ("paid", "amount", "number", "recorded")


def payments(
    actor: Actor,
    *,
    on: date,
    wanted: PaymentsWanted | None = None,
    sort: str = "-paid",
    limit: int | None = None,
    offset: int = 0,
) -> list[PaymentRow]:
    """The payments of a page or a file; one statement."""
    columns: dict[str, ColumnElement[Any]] = {
        "paid": Payment.paid_on.expression,
        "amount": Payment.amount.expression,
        "number": Payment.payment_no.expression,
        "recorded": Payment.recorded_at.expression,
    }
    order = in_order(sort, columns, Payment.id)
    statement = _listed(actor, on, wanted or PaymentsWanted()).order_by(*order).limit(limit).offset(offset)
    return [PaymentRow._make(row) for row in db.session.execute(statement)]


def payments_count(actor: Actor, *, on: date, wanted: PaymentsWanted | None = None) -> tuple[int, Decimal]:
    """How many payments the filters leave, and their sum less the refunds; one statement."""
    wanted = wanted or PaymentsWanted()
    statement = _listed(actor, on, wanted)
    sums = (func.count(), func.sum(case((Payment.is_refund, -Payment.amount), else_=Payment.amount)))
    # Names are joined to each payment at most once; without words to look for nothing asks for them.
    asked = (
        statement.with_only_columns(*sums, maintain_column_froms=True)
        if wanted.search
        else select(*sums).where(*_conditions(actor, on, wanted))
    )
    count, amount = db.session.execute(asked).one()
    return count, (amount or Decimal(0)).quantize(Decimal("0.01"))


def find_payment(payment_id: int, actor: Actor, *, on: date) -> PaymentRow | None:
    """One payment, if the actor may see it."""
    row = db.session.execute(
        _listed(actor, on, PaymentsWanted()).where(Payment.id == payment_id)
    ).one_or_none()
    return None if row is None else PaymentRow._make(row)


def waiting_for(actor: Actor, *, on: date) -> int:
    """How many payments the other side entered and this one has not answered; one statement."""
    other = PaymentSide.INSTITUTION if actor.role is Role.DISTRIBUTOR else PaymentSide.DISTRIBUTOR
    return (
        db.session.scalar(
            select(func.count())
            .select_from(Payment)
            .where(payments_visible_to(actor, on), _state(PaymentState.WAITING), Payment.entered_by == other)
        )
        or 0
    )


def name_of_institution(institution_id: int, *, on: date) -> str:
    """Its name on a day, or nothing if it is unknown then."""
    return (
        db.session.scalar(
            select(InstitutionRecord.name).where(
                InstitutionRecord.institution_id == institution_id, current(InstitutionRecord, on)
            )
        )
        or ""
    )


def name_of_distributor(distributor_id: int) -> str:
    """Its name."""
    return db.session.scalar(select(Distributor.name).where(Distributor.id == distributor_id)) or ""


def code_of_distributor(distributor_id: int) -> str:
    """Its code."""
    return db.session.scalar(select(Distributor.code).where(Distributor.id == distributor_id)) or ""
