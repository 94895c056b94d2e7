"""What receipts owe, to whom, by when, as of a day (R-PAY-1, R-PAY-2, R-PAY-4).

The sums are made by the database; ``rules.payment_terms`` says the same in plain Python and a test compares
them. Payments are not recorded yet: what a receipt owes is what is outstanding.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date, datetime, timedelta
from decimal import Decimal
from enum import StrEnum
from typing import Any, NamedTuple

from sqlalchemy import (
    BigInteger,
    ColumnElement,
    Select,
    SQLColumnExpression,
    Subquery,
    and_,
    case,
    func,
    literal,
    or_,
    select,
    type_coerce,
)
from sqlalchemy.orm import aliased

from clinic_orders.models.base import Yuan, db
from clinic_orders.models.catalogue import Item
from clinic_orders.models.deliveries import GoodsReturn, ReturnLine, Shipment, ShipmentLine
from clinic_orders.models.orders import Order, OrderLine
from clinic_orders.models.roster import Distributor, InstitutionRecord
from clinic_orders.queries.roster import current, institutions_of
from clinic_orders.rules.days import Month, end_of_day
from clinic_orders.rules.parties import Actor, Role
from clinic_orders.rules.payment_terms import Ageing

ZERO = Decimal("0.00")


class Scope(StrEnum):
    """Whose debts: those the organisation pays itself, or also those of the institutions it looks after."""

    OWN = "own"
    MEMBERS = "members"


class PayableState(StrEnum):
    """Where a receipt stands on the way to its payment, as of a day."""

    OPEN = "open"
    NOT_DUE = "not-due"
    OVERDUE = "overdue"
    UP_TO_30 = Ageing.UP_TO_30.value
    UP_TO_60 = Ageing.UP_TO_60.value
    UP_TO_90 = Ageing.UP_TO_90.value
    OVER_90 = Ageing.OVER_90.value
    NOTHING_OWED = "nothing-owed"


@dataclass(frozen=True, slots=True)
class Wanted:
    """Which receipts of the visible ones a list shows.

    Attributes:
        state: None = all.
        distributor: code of the distributor, "" = all.
        due_month: the month in which payment is due, None = all.
        due_on: the due day itself, None = all.
        county: code of the payer's county, "" = all.
        search: part of a receipt or order number, or of the distributor's or institution's name.

    """

    state: PayableState | None = None
    distributor: str = ""
    due_month: Month | None = None
    due_on: date | None = None
    search: str = ""
    county: str = ""


class Payable(NamedTuple):
    """One receipt and what it owes as of the day."""

    shipment_id: int
    receipt_no: str
    order_no: str
    institution_id: int
    institution: str
    paying_id: int
    payer: str
    distributor_id: int
    distributor_code: str
    distributor: str
    accepted_at: datetime
    acceptance_day: date
    due_on: date
    payment_rule: str
    accepted_packs: int
    returned_packs: int
    owed: Decimal
    owes: Decimal


class Bucket(NamedTuple):
    """A sum with the number of receipts it is made of; ``state`` opens them."""

    state: PayableState
    amount: Decimal
    receipts: int


class Group(NamedTuple):
    """What one distributor is to get on one day."""

    distributor_code: str
    distributor: str
    due_on: date
    amount: Decimal
    receipts: int


@dataclass(frozen=True, slots=True)
class Totals:
    """The figures on top of the page."""

    buckets: dict[PayableState, Bucket]

    def of(self, *states: PayableState) -> Bucket:
        """The sum over some states."""
        found = [self.buckets[state] for state in states if state in self.buckets]
        return Bucket(
            states[0],
            sum((bucket.amount for bucket in found), ZERO),
            sum(bucket.receipts for bucket in found),
        )

    @property
    def overdue(self) -> Bucket:
        """Everything whose due day has passed (R-PAY-4)."""
        return self.of(
            PayableState.UP_TO_30, PayableState.UP_TO_60, PayableState.UP_TO_90, PayableState.OVER_90
        )._replace(state=PayableState.OVERDUE)

    @property
    def open(self) -> Bucket:
        """Everything that is outstanding."""
        overdue, later = self.overdue, self.of(PayableState.NOT_DUE)
        return Bucket(PayableState.OPEN, overdue.amount + later.amount, overdue.receipts + later.receipts)


def payables_visible_to(actor: Actor, on: date, scope: Scope = Scope.OWN) -> ColumnElement[bool]:
    """The receipts whose money concerns the actor.

    A distributor sees what it is owed; an institution what it pays, a headquarters also what its stores pay,
    since one account orders for all; with ``Scope.MEMBERS`` a hospital sees what those it looks after pay. A
    bureau sees the payers of its county.
    """
    if actor.role is Role.DISTRIBUTOR:
        return Shipment.distributor_id == actor.distributor_id
    if actor.institution_id is None or scope is Scope.MEMBERS:
        return institutions_of(actor, Shipment.paying_id, on)
    stores = select(InstitutionRecord.institution_id).where(
        current(InstitutionRecord, on), InstitutionRecord.headquarters_id == actor.institution_id
    )
    return or_(Shipment.paying_id == actor.institution_id, Shipment.paying_id.in_(stores))


def line_amount_sql(price: SQLColumnExpression[Decimal], packs: ColumnElement[int]) -> ColumnElement[Decimal]:
    """``rules.money.line_amount`` in SQL: price × packs rounded half up to 0.01 once, for packs ≥ 0.

    Both sides are whole ten-thousandths of a yuan, so nothing is ever a binary float.
    """
    exact = type_coerce(price, BigInteger) * packs
    return type_coerce((exact + 50) // 100 * 100, Yuan())


def _returned_by(on: date, condition: ColumnElement[bool]) -> Subquery:
    """Packs of each receipt line whose return was agreed on or before the day (R-DEL-5)."""
    return (
        select(ReturnLine.shipment_line_id, func.sum(ReturnLine.packs).label("packs"))
        .join(GoodsReturn, GoodsReturn.id == ReturnLine.return_id)
        .join(Shipment, Shipment.id == GoodsReturn.shipment_id)
        .where(GoodsReturn.agreed_at < end_of_day(on), condition)
        .group_by(ReturnLine.shipment_line_id)
        .subquery("returned")
    )


def receipts_owing(on: date, condition: ColumnElement[bool]) -> Subquery:
    """Each receipt accepted on or before a day with what it owes at the end of that day (R-PAY-1).

    Args:
        on: the as-of date.
        condition: on ``Shipment``; which receipts.

    Returns:
        shipment_id, accepted_packs, returned_packs, owed (before returns), owes.

    """
    returned = _returned_by(on, condition)
    accepted = func.coalesce(ShipmentLine.accepted_packs, 0)
    back = func.coalesce(returned.c.packs, 0)
    return (
        select(
            Shipment.id.label("shipment_id"),
            func.sum(accepted).label("accepted_packs"),
            func.sum(back).label("returned_packs"),
            type_coerce(func.sum(line_amount_sql(OrderLine.pack_price, accepted)), Yuan()).label("owed"),
            type_coerce(func.sum(line_amount_sql(OrderLine.pack_price, accepted - back)), Yuan()).label(
                "owes"
            ),
        )
        .join(ShipmentLine, ShipmentLine.shipment_id == Shipment.id)
        .join(OrderLine, OrderLine.id == ShipmentLine.order_line_id)
        .outerjoin(returned, returned.c.shipment_line_id == ShipmentLine.id)
        .where(Shipment.accepted_at < end_of_day(on), condition)
        .group_by(Shipment.id)
        .subquery("owing")
    )


def _state_sql(owes: ColumnElement[Decimal], on: date) -> ColumnElement[str]:
    """``rules.payment_terms.ageing`` in SQL, with the states that are not overdue."""

    def past(days: int) -> ColumnElement[bool]:
        return Shipment.due_on < on - timedelta(days=days)

    return case(
        (type_coerce(owes, BigInteger) <= 0, literal(PayableState.NOTHING_OWED.value)),
        (past(90), literal(PayableState.OVER_90.value)),
        (past(60), literal(PayableState.UP_TO_90.value)),
        (past(30), literal(PayableState.UP_TO_60.value)),
        (past(0), literal(PayableState.UP_TO_30.value)),
        else_=literal(PayableState.NOT_DUE.value),
    )


_OVERDUE = (PayableState.UP_TO_30, PayableState.UP_TO_60, PayableState.UP_TO_90, PayableState.OVER_90)


def _conditions(
    wanted: Wanted,
    state: ColumnElement[str],
    payer: type[InstitutionRecord],
    receiver: type[InstitutionRecord],
) -> list[ColumnElement[bool]]:
    found: list[ColumnElement[bool]] = []
    if wanted.state is PayableState.OVERDUE:
        found.append(state.in_([bucket.value for bucket in _OVERDUE]))
    elif wanted.state is PayableState.OPEN:
        found.append(state != PayableState.NOTHING_OWED.value)
    elif wanted.state is not None:
        found.append(state == wanted.state.value)
    if wanted.distributor:
        found.append(Distributor.code == wanted.distributor)
    if wanted.due_month is not None:
        found.append(Shipment.due_on.between(wanted.due_month.first_day, wanted.due_month.last_day))
    if wanted.due_on is not None:
        found.append(Shipment.due_on == wanted.due_on)
    if wanted.county:
        found.append(payer.county_code == wanted.county)
    if wanted.search:
        found.append(
            or_(
                *(
                    column.contains(wanted.search, autoescape=True)
                    for column in (
                        Shipment.receipt_no,
                        Order.order_no,
                        Distributor.name,
                        payer.name,
                        receiver.name,
                    )
                )
            )
        )
    return found


def _listed(actor: Actor, on: date, scope: Scope, wanted: Wanted) -> Select[*tuple[Any, ...]]:
    """The receipts of a list with their names; the columns of ``Payable``."""
    owing = receipts_owing(on, payables_visible_to(actor, on, scope))
    payer = aliased(InstitutionRecord, name="payer")
    receiver = aliased(InstitutionRecord, name="receiver")
    state = _state_sql(owing.c.owes, on)
    return (
        select(
            Shipment.id,
            Shipment.receipt_no,
            Order.order_no,
            Shipment.institution_id,
            func.coalesce(receiver.name, "").label("institution"),
            Shipment.paying_id,
            func.coalesce(payer.name, "").label("payer"),
            Shipment.distributor_id,
            Distributor.code.label("distributor_code"),
            Distributor.name.label("distributor"),
            Shipment.accepted_at,
            Shipment.acceptance_day,
            Shipment.due_on,
            Shipment.payment_rule,
            owing.c.accepted_packs,
            owing.c.returned_packs,
            owing.c.owed,
            owing.c.owes,
        )
        .join(owing, owing.c.shipment_id == Shipment.id)
        .join(Order, Order.id == Shipment.order_id)
        .join(Distributor, Distributor.id == Shipment.distributor_id)
        .outerjoin_from(Shipment, payer, and_(payer.institution_id == Shipment.paying_id, current(payer, on)))
        .outerjoin(receiver, and_(receiver.institution_id == Shipment.institution_id, current(receiver, on)))
        .where(*_conditions(wanted, state, payer, receiver))
    )


SORTS = ("due", "accepted", "amount", "distributor", "receipt")


def _order(sort: str, owes: ColumnElement[Decimal]) -> list[ColumnElement[Any]]:
    columns: dict[str, ColumnElement[Any]] = {
        "due": Shipment.due_on.expression,
        "accepted": Shipment.accepted_at.expression,
        "amount": owes,
        "distributor": Distributor.name.expression,
        "receipt": Shipment.receipt_no.expression,
    }
    column = columns[sort.removeprefix("-")]
    number = Shipment.receipt_no
    return [column.desc(), number.desc()] if sort.startswith("-") else [column.asc(), number.asc()]


def payables(
    actor: Actor,
    *,
    on: date,
    scope: Scope = Scope.OWN,
    wanted: Wanted | None = None,
    sort: str = "due",
    limit: int | None = None,
    offset: int = 0,
) -> list[Payable]:
    """The receipts of a page or a file, in their order; one statement.

    Args:
        actor: who looks.
        on: the as-of date.
        scope: see ``Scope``.
        wanted: the filters.
        sort: one of ``SORTS``, with ``-`` downwards.
        limit: at most so many; None = all.
        offset: how many to leave out before.

    """
    statement = _listed(actor, on, scope, wanted or Wanted())
    owes = statement.selected_columns["owes"]
    statement = statement.order_by(*_order(sort, owes)).limit(limit).offset(offset)
    return [Payable(*row) for row in db.session.execute(statement)]


def payables_sum(
    actor: Actor, *, on: date, scope: Scope = Scope.OWN, wanted: Wanted | None = None
) -> tuple[int, Decimal]:
    """How many receipts the filters leave, and what they owe together; one statement."""
    listed = _listed(actor, on, scope, wanted or Wanted()).subquery()
    row = db.session.execute(
        select(func.count(), type_coerce(func.coalesce(func.sum(listed.c.owes), 0), Yuan())).select_from(
            listed
        )
    ).one()
    return int(row[0]), row[1].quantize(ZERO)


def totals(actor: Actor, *, on: date, scope: Scope = Scope.OWN) -> Totals:
    """What is not due yet and what is overdue by age (R-PAY-4); one statement."""
    owing = receipts_owing(on, payables_visible_to(actor, on, scope))
    state = _state_sql(owing.c.owes, on).label("state")
    inner = (
        select(state, owing.c.owes).join_from(Shipment, owing, owing.c.shipment_id == Shipment.id).subquery()
    )
    rows = db.session.execute(
        select(inner.c.state, type_coerce(func.sum(inner.c.owes), Yuan()), func.count()).group_by(
            inner.c.state
        )
    )
    return Totals(
        {
            PayableState(state): Bucket(PayableState(state), amount.quantize(ZERO), count)
            for state, amount, count in rows
        }
    )


def groups(
    actor: Actor, *, on: date, scope: Scope = Scope.OWN, wanted: Wanted | None = None
) -> Sequence[Group]:
    """What is outstanding to each distributor on each due day, the earliest first; one statement."""
    listed = _listed(actor, on, scope, wanted or Wanted(state=PayableState.OPEN)).subquery()
    rows = db.session.execute(
        select(
            listed.c.distributor_code,
            listed.c.distributor,
            listed.c.due_on,
            type_coerce(func.sum(listed.c.owes), Yuan()),
            func.count(),
        )
        .group_by(listed.c.distributor_code, listed.c.distributor, listed.c.due_on)
        .order_by(listed.c.due_on, listed.c.distributor)
    )
    return [Group(code, name, due, amount.quantize(ZERO), count) for code, name, due, amount, count in rows]


def due_months(actor: Actor, *, on: date, scope: Scope = Scope.OWN) -> list[Month]:
    """The months in which something of the actor's falls due, the latest first; one statement."""
    days = db.session.scalars(
        select(Shipment.due_on)
        .where(Shipment.accepted_at < end_of_day(on), payables_visible_to(actor, on, scope))
        .distinct()
    )
    return sorted({Month.of(day) for day in days if day is not None}, reverse=True)


def distributors_owed(actor: Actor, *, on: date, scope: Scope = Scope.OWN) -> list[tuple[str, str]]:
    """Code and name of the distributors with receipts of the actor's; one statement."""
    ids = select(Shipment.distributor_id).where(
        Shipment.accepted_at < end_of_day(on), payables_visible_to(actor, on, scope)
    )
    rows = db.session.execute(
        select(Distributor.code, Distributor.name)
        .where(Distributor.id.in_(ids))
        .order_by(Distributor.name, Distributor.code)
    )
    return [(code, name) for code, name in rows]


class StatementLine(NamedTuple):
    """One line of a receipt in the formula of R-PAY-1."""

    item_code: str
    name: str
    strength: str
    batch_no: str
    price: Decimal
    accepted: int
    returned: int
    owes: Decimal


def statement_lines(shipment_id: int, *, on: date) -> list[StatementLine]:
    """The formula of what a receipt owes at the end of a day, line by line; one statement."""
    returned = _returned_by(on, Shipment.id == shipment_id)
    accepted = func.coalesce(ShipmentLine.accepted_packs, 0)
    back = func.coalesce(returned.c.packs, 0)
    rows = db.session.execute(
        select(
            Item.item_code,
            Item.generic_name,
            Item.strength,
            ShipmentLine.batch_no,
            OrderLine.pack_price,
            accepted,
            back,
            line_amount_sql(OrderLine.pack_price, accepted - back),
        )
        .join(OrderLine, OrderLine.id == ShipmentLine.order_line_id)
        .join(Item, Item.id == OrderLine.item_id)
        .outerjoin(returned, returned.c.shipment_line_id == ShipmentLine.id)
        .where(ShipmentLine.shipment_id == shipment_id)
        .order_by(ShipmentLine.id)
    )
    return [StatementLine(*row) for row in rows]
