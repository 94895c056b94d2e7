"""Statements of account: the facts of a pair over a month, and the lists of either side."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from datetime import date, datetime
from decimal import Decimal
from typing import Any, NamedTuple

from sqlalchemy import ColumnElement, Select, and_, exists, func, or_, select
from sqlalchemy.orm import InstrumentedAttribute

from clinic_orders.models.base import db
from clinic_orders.models.deliveries import GoodsReturn, Shipment
from clinic_orders.models.payments import Payment
from clinic_orders.models.roster import County, Distributor, Institution, InstitutionRecord
from clinic_orders.models.statements import AccountStatement
from clinic_orders.queries.lists import with_words
from clinic_orders.queries.roster import current, institutions_of
from clinic_orders.rules.allocation import Part, SentBack, allocate
from clinic_orders.rules.days import Month, day_in_china, end_of_day
from clinic_orders.rules.parties import Actor, Role
from clinic_orders.rules.payments import PaymentFacts, PaymentSide
from clinic_orders.rules.statements import (
    PaymentFact,
    ReceiptFact,
    ReturnFact,
    Statement,
    StatementState,
    for_allocation,
    make_statement,
)

Pair = tuple[int, int]


def _of_pair(
    paying: InstrumentedAttribute[int],
    distributor: InstrumentedAttribute[int],
    distributor_id: int,
    paying_id: int | None,
) -> ColumnElement[bool]:
    """The rows of a distributor, or of one pair."""
    condition = distributor == distributor_id
    return condition if paying_id is None else and_(condition, paying == paying_id)


@dataclass(slots=True)
class _Facts:
    """What a statement is made of."""

    receipts: list[ReceiptFact]
    returns: list[ReturnFact]
    payments: list[PaymentFact]


def _facts(distributor_id: int, *, until: date, paying_id: int | None = None) -> dict[int, _Facts]:
    """Receipts, returns and payments up to a day, by paying organisation; three statements."""
    found: dict[int, _Facts] = {}

    def of(paying: int) -> _Facts:
        return found.setdefault(paying, _Facts([], [], []))

    mine = _of_pair(Shipment.paying_id, Shipment.distributor_id, distributor_id, paying_id)
    # What was accepted has an instant, a due day and an amount; the columns alone do not say so.
    row: Any
    for row in db.session.execute(
        select(
            Shipment.paying_id, Shipment.receipt_no, Shipment.accepted_at, Shipment.due_on, Shipment.owed
        ).where(Shipment.accepted_at < end_of_day(until), mine)
    ):
        of(row[0]).receipts.append(ReceiptFact(*row[1:]))
    for row in db.session.execute(
        select(
            Shipment.paying_id,
            GoodsReturn.return_no,
            Shipment.receipt_no,
            GoodsReturn.agreed_at,
            GoodsReturn.amount,
        )
        .join(Shipment, Shipment.id == GoodsReturn.shipment_id)
        .where(GoodsReturn.agreed_at < end_of_day(until), mine)
    ):
        returned = ReturnFact(row.return_no, row.receipt_no, day_in_china(row.agreed_at), row.amount)
        of(row.paying_id).returns.append(returned)
    for paying, number, paid_on, amount, receipt_no, refund, *events in db.session.execute(
        select(
            Payment.paying_id,
            Payment.payment_no,
            Payment.paid_on,
            Payment.amount,
            func.coalesce(Shipment.receipt_no, ""),
            Payment.is_refund,
            Payment.confirmed_at,
            Payment.disputed_at,
            Payment.upheld_at,
            Payment.withdrawn_at,
            Payment.rejected_at,
        )
        .outerjoin(Shipment, Shipment.id == Payment.shipment_id)
        .where(
            Payment.paid_on <= until,
            _of_pair(Payment.paying_id, Payment.distributor_id, distributor_id, paying_id),
        )
    ):
        of(paying).payments.append(
            PaymentFact(number, paid_on, amount, receipt_no, PaymentFacts(*events), refund)
        )
    return found


def statement_of(pair: Pair, month: Month) -> Statement:
    """The account of a pair over a month, from what is recorded now; three statements."""
    found = _facts(pair[1], until=month.last_day, paying_id=pair[0]).get(pair[0], _Facts([], [], []))
    return make_statement(month, found.receipts, found.returns, found.payments)


def whereabouts(pair: Pair, payment_no: str, *, on: date) -> tuple[list[Part], list[SentBack]]:
    """Which receipts a payment reached by a day, and what of it a refund took, or a refund of which payments (R-PAY-3).

    Three statements.
    """
    found = _facts(pair[1], until=on, paying_id=pair[0]).get(pair[0], _Facts([], [], []))
    laid = allocate(*for_allocation(found.receipts, found.returns, found.payments, on), on=on)
    return (
        [part for part in laid.parts if part.payment_no == payment_no],
        [one for one in laid.sent_back if payment_no in {one.payment_no, one.refund_no}],
    )


def statements_of(distributor_id: int, month: Month) -> dict[int, Statement]:
    """The accounts of a distributor over a month by paying organisation, those with nothing left out."""
    made = {
        paying: make_statement(month, one.receipts, one.returns, one.payments)
        for paying, one in _facts(distributor_id, until=month.last_day).items()
    }
    return {paying: one for paying, one in made.items() if not one.is_empty}


def distributors_with_account(month: Month) -> list[int]:
    """The distributors with receipts or payments up to the end of a month, for the job that makes statements."""
    last = month.last_day
    return list(
        db.session.scalars(
            select(Distributor.id)
            .where(
                or_(
                    exists().where(
                        Shipment.distributor_id == Distributor.id, Shipment.accepted_at < end_of_day(last)
                    ),
                    exists().where(Payment.distributor_id == Distributor.id, Payment.paid_on <= last),
                )
            )
            .order_by(Distributor.id)
        )
    )


class PairNames(NamedTuple):
    """Who the two are."""

    payer: str
    payer_code: str
    distributor: str
    distributor_code: str
    demo: bool


def _concern(
    actor: Actor,
    paying: InstrumentedAttribute[int],
    distributor: InstrumentedAttribute[int],
    on: date,
) -> ColumnElement[bool]:
    """What concerns the actor: its own account, its stores', its distributor's, its county's."""
    if actor.role is Role.DISTRIBUTOR:
        return distributor == actor.distributor_id
    if actor.institution_id is None:
        return institutions_of(actor, paying, on)
    stores = select(InstitutionRecord.institution_id).where(
        current(InstitutionRecord, on), InstitutionRecord.headquarters_id == actor.institution_id
    )
    return or_(paying == actor.institution_id, paying.in_(stores))


def find_pair(pair: Pair, actor: Actor, *, on: date) -> PairNames | None:
    """The names of two that have to do with each other, if their account concerns the actor; one statement."""
    record = InstitutionRecord
    dealt = or_(
        exists().where(Shipment.paying_id == Institution.id, Shipment.distributor_id == Distributor.id),
        exists().where(Payment.paying_id == Institution.id, Payment.distributor_id == Distributor.id),
    )
    row = db.session.execute(
        select(
            func.coalesce(record.name, ""),
            Institution.code,
            Distributor.name,
            Distributor.code,
            Institution.demo,
        )
        .select_from(Institution)
        .join(Distributor, Distributor.id == pair[1])
        .outerjoin(record, and_(record.institution_id == Institution.id, current(record, on)))
        .where(Institution.id == pair[0], dealt, _concern(actor, Institution.id, Distributor.id, on))
    ).one_or_none()
    return None if row is None else PairNames._make(row)


def find_statement(pair: Pair, month: Month) -> AccountStatement | None:
    """What the two said about a month, if anything was made."""
    return db.session.execute(
        select(AccountStatement).where(
            AccountStatement.paying_id == pair[0],
            AccountStatement.distributor_id == pair[1],
            AccountStatement.month == str(month),
        )
    ).scalar_one_or_none()


class StatementRow(NamedTuple):
    """A statement in the list (yuan)."""

    id: int
    paying_id: int
    payer: str
    county: str
    distributor_id: int
    distributor: str
    month: str
    state: StatementState
    opening: Decimal
    receipts: Decimal
    returns: Decimal
    payments: Decimal
    closing: Decimal
    overdue: Decimal
    made_at: datetime
    differs_reason: str


@dataclass(frozen=True, slots=True)
class StatementsWanted:
    """Which statements a list shows: a state, a month, part of a name; empty = all."""

    state: StatementState | None = None
    month: Month | None = None
    search: str = ""


SORTS = ("month", "name", "closing", "overdue")


def _listed(actor: Actor, on: date, wanted: StatementsWanted) -> Select[*tuple[Any, ...]]:
    record, made = InstitutionRecord, AccountStatement
    conditions = [_concern(actor, made.paying_id, made.distributor_id, on)]
    if wanted.state is not None:
        conditions.append(made.state == wanted.state)
    if wanted.month is not None:
        conditions.append(made.month == str(wanted.month))
    conditions += with_words(wanted.search, record.name, Distributor.name)
    return (
        select(
            made.id,
            made.paying_id,
            func.coalesce(record.name, "").label("payer"),
            func.coalesce(County.name, "").label("county"),
            made.distributor_id,
            Distributor.name.label("distributor"),
            made.month,
            made.state,
            made.opening,
            made.receipts,
            made.returns,
            made.payments,
            made.closing,
            made.overdue,
            made.made_at,
            made.differs_reason,
        )
        .join(Distributor, Distributor.id == made.distributor_id)
        .outerjoin(record, and_(record.institution_id == made.paying_id, current(record, on)))
        .outerjoin(County, County.code == record.county_code)
        .where(*conditions)
    )


def statements(
    actor: Actor,
    *,
    on: date,
    wanted: StatementsWanted | None = None,
    sort: str = "-month",
    limit: int | None = None,
    offset: int = 0,
) -> list[StatementRow]:
    """The statements of a page or a file; one statement."""
    name = Distributor.name if actor.institution_id is not None else InstitutionRecord.name
    columns: dict[str, ColumnElement[Any]] = {
        "month": AccountStatement.month.expression,
        "name": name.expression,
        "closing": AccountStatement.closing.expression,
        "overdue": AccountStatement.overdue.expression,
    }
    column, last = columns[sort.removeprefix("-")], AccountStatement.id
    order = [column.desc(), last.asc()] if sort.startswith("-") else [column.asc(), last.desc()]
    statement = _listed(actor, on, wanted or StatementsWanted()).order_by(*order).limit(limit).offset(offset)
    return [StatementRow._make(row) for row in db.session.execute(statement)]


def statements_count(actor: Actor, *, on: date, wanted: StatementsWanted | None = None) -> int:
    """How many statements the filters leave; one statement."""
    listed = _listed(actor, on, wanted or StatementsWanted()).subquery()
    return db.session.scalar(select(func.count()).select_from(listed)) or 0


def months_of(actor: Actor, *, on: date) -> list[Month]:
    """The months of the actor's statements, the latest first; one statement."""
    made = AccountStatement
    months: Iterable[str] = db.session.scalars(
        select(made.month)
        .where(_concern(actor, made.paying_id, made.distributor_id, on))
        .distinct()
        .order_by(made.month.desc())
    )
    return [Month.parse(month) for month in months]


def waiting_for(actor: Actor, *, on: date) -> int:
    """How many statements wait for the actor's side; one statement."""
    own = StatementState.BY_DISTRIBUTOR if actor.institution_id is not None else StatementState.BY_INSTITUTION
    made = AccountStatement
    condition = made.state.in_([StatementState.READY, own])
    return (
        db.session.scalar(
            select(func.count())
            .select_from(made)
            .where(_concern(actor, made.paying_id, made.distributor_id, on), condition)
        )
        or 0
    )


def side_of(actor: Actor) -> PaymentSide | None:
    """On which side of an account the actor stands; None for a bureau."""
    if actor.role is Role.DISTRIBUTOR:
        return PaymentSide.DISTRIBUTOR
    return PaymentSide.INSTITUTION if actor.institution_id is not None else None
