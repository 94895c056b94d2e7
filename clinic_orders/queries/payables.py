"""What is outstanding, to whom, by when, as of a day (R-PAY-1 to R-PAY-4).

What a receipt owes is what its acceptance made payable less its agreed returns; both are stored when they happen.
Which payment reached it is never stored: ``rules.allocation`` lays the payments of each institution and distributor
over their receipts, in one pass over rows that are fetched for all pairs at once.
"""

from __future__ import annotations

from collections.abc import Callable, Collection, Iterable, Sequence
from dataclasses import dataclass
from datetime import date, datetime
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
    func,
    or_,
    select,
    type_coerce,
)
from sqlalchemy.orm import aliased

from clinic_orders.models.base import Yuan, db
from clinic_orders.models.catalogue import Item
from clinic_orders.models.deliveries import GoodsReturn, ReturnLine, Shipment, ShipmentLine
from clinic_orders.models.orders import Order, OrderLine
from clinic_orders.models.payments import Payment
from clinic_orders.models.roster import Distributor, InstitutionRecord
from clinic_orders.queries.roster import current, institutions_of
from clinic_orders.queries.visibility import payments_visible_to
from clinic_orders.rules.allocation import Allocation, Part, PaymentMade, ReceiptOwed, allocate
from clinic_orders.rules.days import Month, day_in_china, end_of_day
from clinic_orders.rules.parties import Actor, Role
from clinic_orders.rules.payment_terms import Ageing, ageing, days_overdue, is_overdue
from clinic_orders.rules.payments import PaymentFacts, counts_on

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
    """One receipt as of the day.

    ``owed`` is what its acceptance made payable, ``owes`` that less its returns, ``paid`` what payments reached it
    with, and ``outstanding`` what is left (all yuan).
    """

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
    paid: Decimal
    outstanding: Decimal


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


class Balance(NamedTuple):
    """How an institution and a distributor stand with each other (yuan)."""

    paying_id: int
    payer: str
    distributor_id: int
    distributor_code: str
    distributor: str
    outstanding: Decimal
    overdue: Decimal
    advance: Decimal


class _Slim(NamedTuple):
    """What the pass needs of a receipt."""

    id: int
    receipt_no: str
    paying_id: int
    distributor_id: int
    accepted_at: datetime
    due_on: date
    owes: Decimal


Pair = tuple[int, int]


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


_OVERDUE = (PayableState.UP_TO_30, PayableState.UP_TO_60, PayableState.UP_TO_90, PayableState.OVER_90)


_FITTING = {
    PayableState.OVERDUE: frozenset(_OVERDUE),
    PayableState.OPEN: frozenset({PayableState.NOT_DUE, *_OVERDUE}),
}
PART = 500


def _conditions(
    wanted: Wanted,
    payer: type[InstitutionRecord],
    receiver: type[InstitutionRecord],
) -> list[ColumnElement[bool]]:
    found: list[ColumnElement[bool]] = []
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


class Book:
    """The receipts and payments that an actor may see, laid out as of a day.

    Two statements fetch them, whatever their number; every figure of a page comes from the one book, so that lists,
    sums, files and details agree.
    """

    def __init__(
        self,
        actor: Actor,
        *,
        on: date,
        scope: Scope = Scope.OWN,
        pair: Pair | None = None,
        counting: Callable[[PaymentFacts, date], bool] = counts_on,
    ) -> None:
        """Fetch and lay out.

        Args:
            actor: who looks.
            on: the as-of date.
            scope: see ``Scope``.
            pair: only this paying organisation and distributor.
            counting: which payments count (R-PAY-7).

        """
        self.on = on
        self.visible = payables_visible_to(actor, on, scope)
        payments_seen = payments_visible_to(actor, on, members=scope is Scope.MEMBERS)
        if pair is not None:
            self.visible &= (Shipment.paying_id == pair[0]) & (Shipment.distributor_id == pair[1])
            payments_seen &= (Payment.paying_id == pair[0]) & (Payment.distributor_id == pair[1])
        self.receipts: list[_Slim] = _slim_receipts(on, self.visible)
        self.outstanding = {row.id: row.owes for row in self.receipts}
        self.pairs: dict[Pair, Allocation] = {}
        receipts: dict[Pair, list[_Slim]] = {}
        for row in self.receipts:
            receipts.setdefault((row.paying_id, row.distributor_id), []).append(row)
        for found, made in _payments_that_count(on, payments_seen, counting).items():
            self._lay_out(found, receipts.get(found, []), made)

    def _lay_out(self, pair: Pair, receipts: list[_Slim], payments: list[PaymentMade]) -> None:
        laid = allocate(
            [
                ReceiptOwed(
                    row.receipt_no, row.accepted_at, day_in_china(row.accepted_at), row.due_on, row.owes
                )
                for row in receipts
            ],
            payments,
            on=self.on,
        )
        self.pairs[pair] = laid
        for row in receipts:
            self.outstanding[row.id] = laid.outstanding[row.receipt_no]

    def state(self, row: _Slim) -> PayableState:
        """Where a receipt stands (R-PAY-4)."""
        if self.outstanding[row.id] <= 0:
            return PayableState.NOTHING_OWED
        age = ageing(days_overdue(row.due_on, on=self.on))
        return PayableState.NOT_DUE if age is None else PayableState(age.value)

    def totals(self) -> Totals:
        """What is not due yet and what is overdue by age (R-PAY-4)."""
        found: dict[PayableState, Bucket] = {}
        for row in self.receipts:
            state = self.state(row)
            before = found.get(state, Bucket(state, ZERO, 0))
            found[state] = Bucket(state, before.amount + self.outstanding[row.id], before.receipts + 1)
        return Totals(found)

    @property
    def advance(self) -> Decimal:
        """All that was paid ahead."""
        return sum((laid.advance for laid in self.pairs.values()), ZERO)

    def _matching(self, wanted: Wanted, sort: str) -> list[int]:
        """The ids of the receipts that the filters leave, in the order wanted; one statement."""
        payer = aliased(InstitutionRecord, name="payer")
        receiver = aliased(InstitutionRecord, name="receiver")
        statement = (
            select(Shipment.id)
            .join(Order, Order.id == Shipment.order_id)
            .join(Distributor, Distributor.id == Shipment.distributor_id)
            .outerjoin_from(
                Shipment, payer, and_(payer.institution_id == Shipment.paying_id, current(payer, self.on))
            )
            .outerjoin(
                receiver,
                and_(receiver.institution_id == Shipment.institution_id, current(receiver, self.on)),
            )
            .where(Shipment.accepted_at < end_of_day(self.on), self.visible)
            .where(*_conditions(wanted, payer, receiver))
            .order_by(*_order(sort))
        )
        found = list(db.session.scalars(statement))
        if wanted.state is not None:
            of = {row.id: self.state(row) for row in self.receipts}
            fitting = _FITTING.get(wanted.state, frozenset({wanted.state}))
            found = [row_id for row_id in found if of[row_id] in fitting]
        if sort.removeprefix("-") == "amount":
            found.sort(key=lambda row_id: self.outstanding[row_id], reverse=sort.startswith("-"))
        return found

    def sum(self, wanted: Wanted | None = None) -> tuple[int, Decimal]:
        """How many receipts the filters leave, and what is outstanding on them together; one statement."""
        found = self._matching(wanted or Wanted(), "due")
        return len(found), sum((self.outstanding[row_id] for row_id in found), ZERO)

    def rows(
        self,
        wanted: Wanted | None = None,
        *,
        sort: str = "due",
        limit: int | None = None,
        offset: int = 0,
    ) -> list[Payable]:
        """The receipts of a page or a file, in their order; one statement more for each 500 of them.

        Args:
            wanted: the filters.
            sort: one of ``SORTS``, with ``-`` downwards.
            limit: at most so many; None = all.
            offset: how many to leave out before.

        """
        found = self._matching(wanted or Wanted(), sort)[offset:]
        found = found if limit is None else found[:limit]
        details: dict[int, Payable] = {}
        for first in range(0, len(found), PART):
            for row in db.session.execute(_details(self.on, found[first : first + PART])):
                owes, left = row.owed - row.returned, self.outstanding[row.id]
                details[row.id] = Payable._make((*row[:17], owes, owes - left, left))
        return [details[row_id] for row_id in found]

    def groups(self) -> Sequence[Group]:
        """What is outstanding to each distributor on each due day, the earliest first; one statement."""
        names = _distributor_names({row.distributor_id for row in self.receipts})
        found: dict[tuple[date, int], tuple[Decimal, int]] = {}
        for row in self.receipts:
            left = self.outstanding[row.id]
            if left > 0:
                amount, count = found.get((row.due_on, row.distributor_id), (ZERO, 0))
                found[row.due_on, row.distributor_id] = (amount + left, count + 1)
        made = [
            Group(*names[distributor], due, amount, count)
            for (due, distributor), (amount, count) in found.items()
        ]
        return sorted(made, key=lambda group: (group.due_on, group.distributor, group.distributor_code))

    def balances(self) -> list[Balance]:
        """Outstanding, overdue and paid ahead of each pair that has any, the most overdue first; two statements."""
        open_: dict[Pair, list[Decimal]] = {}
        for row in self.receipts:
            left = self.outstanding[row.id]
            sums = open_.setdefault((row.paying_id, row.distributor_id), [ZERO, ZERO])
            sums[0] += left
            if is_overdue(row.due_on, left, on=self.on):
                sums[1] += left
        for pair in self.pairs:
            open_.setdefault(pair, [ZERO, ZERO])
        names = _distributor_names({distributor for _, distributor in open_})
        payers = _payer_names({paying for paying, _ in open_}, self.on)
        found = [
            Balance(
                paying,
                payers.get(paying, ""),
                distributor,
                *names[distributor],
                outstanding,
                overdue,
                self.pairs[paying, distributor].advance if (paying, distributor) in self.pairs else ZERO,
            )
            for (paying, distributor), (outstanding, overdue) in open_.items()
        ]
        return sorted(
            (one for one in found if one.outstanding or one.advance),
            key=lambda one: (-one.overdue, -one.outstanding, one.distributor, one.payer),
        )

    def parts_of(self, receipt_no: str) -> list[Part]:
        """Which payments reached a receipt, in the order in which they did (R-PAY-3)."""
        return [part for laid in self.pairs.values() for part in laid.parts if part.receipt_no == receipt_no]


def _slim_receipts(on: date, condition: ColumnElement[bool]) -> list[_Slim]:
    returned = (
        select(GoodsReturn.shipment_id, func.sum(GoodsReturn.amount).label("amount"))
        .where(GoodsReturn.agreed_at < end_of_day(on))
        .group_by(GoodsReturn.shipment_id)
        .subquery("returned")
    )
    owes = Shipment.owed - func.coalesce(returned.c.amount, 0)
    statement = (
        select(
            Shipment.id,
            Shipment.receipt_no,
            Shipment.paying_id,
            Shipment.distributor_id,
            Shipment.accepted_at,
            Shipment.due_on,
            type_coerce(owes, Yuan()),
        )
        .outerjoin(returned, returned.c.shipment_id == Shipment.id)
        .where(Shipment.accepted_at < end_of_day(on), condition)
    )
    return [_Slim._make(row) for row in db.session.execute(statement)]


def _payments_that_count(
    on: date, condition: ColumnElement[bool], counting: Callable[[PaymentFacts, date], bool]
) -> dict[Pair, list[PaymentMade]]:
    """The payments dated on or before a day that count on it, by pair; one statement."""
    found: dict[Pair, list[PaymentMade]] = {}
    statement = (
        select(
            Payment.paying_id,
            Payment.distributor_id,
            Payment.payment_no,
            Payment.paid_on,
            Payment.amount,
            func.coalesce(Shipment.receipt_no, ""),
            Payment.confirmed_at,
            Payment.disputed_at,
            Payment.upheld_at,
            Payment.withdrawn_at,
        )
        .outerjoin(Shipment, Shipment.id == Payment.shipment_id)
        .where(Payment.paid_on <= on, condition)
    )
    for paying, distributor, number, paid_on, amount, named, *events in db.session.execute(statement):
        if counting(PaymentFacts(*events), on):
            made = PaymentMade(number, paid_on, amount, named)
            found.setdefault((paying, distributor), []).append(made)
    return found


def _distributor_names(ids: Iterable[int]) -> dict[int, tuple[str, str]]:
    rows = db.session.execute(
        select(Distributor.id, Distributor.code, Distributor.name).where(Distributor.id.in_(ids))
    )
    return {row_id: (code, name) for row_id, code, name in rows}


def _payer_names(ids: Collection[int], on: date) -> dict[int, str]:
    record = InstitutionRecord
    statement = select(record.institution_id, record.name).where(current(record, on))
    if len(ids) < PART:
        statement = statement.where(record.institution_id.in_(ids))
    return {row.institution_id: row.name for row in db.session.execute(statement)}


def _details(on: date, ids: Sequence[int]) -> Select[*tuple[Any, ...]]:
    """The receipts of a page with their names and packs; the columns of ``Payable`` up to ``owed``, and ``returned``."""
    back = _returned_by(on, Shipment.id.in_(ids))
    packs = (
        select(
            ShipmentLine.shipment_id,
            func.sum(func.coalesce(ShipmentLine.accepted_packs, 0)).label("accepted"),
            func.sum(func.coalesce(back.c.packs, 0)).label("returned"),
        )
        .outerjoin(back, back.c.shipment_line_id == ShipmentLine.id)
        .where(ShipmentLine.shipment_id.in_(ids))
        .group_by(ShipmentLine.shipment_id)
        .subquery("packs")
    )
    less = (
        select(func.coalesce(func.sum(GoodsReturn.amount), 0))
        .where(GoodsReturn.shipment_id == Shipment.id, GoodsReturn.agreed_at < end_of_day(on))
        .scalar_subquery()
    )
    payer = aliased(InstitutionRecord, name="payer")
    receiver = aliased(InstitutionRecord, name="receiver")
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
            packs.c.accepted.label("accepted_packs"),
            packs.c.returned.label("returned_packs"),
            Shipment.owed,
            type_coerce(less, Yuan()).label("returned"),
        )
        .join(packs, packs.c.shipment_id == Shipment.id)
        .join(Order, Order.id == Shipment.order_id)
        .join(Distributor, Distributor.id == Shipment.distributor_id)
        .outerjoin_from(Shipment, payer, and_(payer.institution_id == Shipment.paying_id, current(payer, on)))
        .outerjoin(receiver, and_(receiver.institution_id == Shipment.institution_id, current(receiver, on)))
    )


SORTS = ("due", "accepted", "amount", "distributor", "receipt")


def _order(sort: str) -> list[ColumnElement[Any]]:
    columns: dict[str, ColumnElement[Any]] = {
        "due": Shipment.due_on.expression,
        "accepted": Shipment.accepted_at.expression,
        # What is outstanding is not in the database; the book sorts by it afterwards.
        "amount": Shipment.receipt_no.expression,
        "distributor": Distributor.name.expression,
        "receipt": Shipment.receipt_no.expression,
    }
    column = columns[sort.removeprefix("-")]
    number = Shipment.receipt_no
    return [column.desc(), number.desc()] if sort.startswith("-") else [column.asc(), number.asc()]


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
