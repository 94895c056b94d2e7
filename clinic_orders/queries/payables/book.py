"""The book of an actor: what is outstanding on which receipt as of a day, with sums, lists and balances from it."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from datetime import date
from decimal import Decimal
from functools import cached_property
from typing import Any, NamedTuple

from sqlalchemy import Date, and_, select
from sqlalchemy.orm import aliased

from clinic_orders.models.base import db
from clinic_orders.models.deliveries import Shipment
from clinic_orders.models.orders import Order
from clinic_orders.models.payments import Payment
from clinic_orders.models.roster import Distributor, InstitutionRecord
from clinic_orders.models.streaming import from_driver
from clinic_orders.queries.payables.laying import (
    SHIPMENT,
    Laid,
    OpenReceipt,
    Pair,
    Which,
    allocation_of,
    lay_out_all,
)
from clinic_orders.queries.payables.records import (
    ZERO,
    Balance,
    Bucket,
    Group,
    Payable,
    PayableState,
    Scope,
    Totals,
    Wanted,
)
from clinic_orders.queries.payables.rows import (
    PART,
    conditions,
    details,
    distributor_names,
    order,
    payer_names,
)
from clinic_orders.queries.payables.visible import payables_visible_to
from clinic_orders.queries.roster import current
from clinic_orders.queries.visibility import payments_visible_to
from clinic_orders.rules.allocation import Part
from clinic_orders.rules.days import end_of_day
from clinic_orders.rules.parties import Actor
from clinic_orders.rules.payment_terms import ageing, days_overdue, is_overdue

_OVERDUE = (PayableState.UP_TO_30, PayableState.UP_TO_60, PayableState.UP_TO_90, PayableState.OVER_90)
_FITTING = {
    PayableState.OVERDUE: frozenset(_OVERDUE),
    PayableState.OPEN: frozenset({PayableState.NOT_DUE, *_OVERDUE}),
}
# What the book itself can sort by; everything else is asked of the database.
_OWN_SORTS: dict[str, Callable[[Debt], Any]] = {
    "due": lambda row: (row.due_on, row.receipt_no),
    "amount": lambda row: (row.outstanding, row.receipt_no),
    "receipt": lambda row: row.receipt_no,
}


def _yuan(ten_thousandths: int) -> Decimal:
    """Whole cents as such, so that an amount can be typed back as it is shown."""
    cents, rest = divmod(ten_thousandths, 100)
    return Decimal(ten_thousandths).scaleb(-4) if rest else Decimal(cents).scaleb(-2)


class Debt(NamedTuple):
    """A receipt on which something is outstanding (yuan)."""

    id: int
    receipt_no: str
    paying_id: int
    distributor_id: int
    due_on: date
    outstanding: Decimal


class Book:
    """The receipts and payments that an actor may see, laid out as of a day.

    Three statements read them in one ordered pass (``laying``), whatever their number; only what is still open is
    kept. Every figure of a page comes from the one book, so that lists, sums, files and details agree.

    Attributes:
        receipts: those on which something is outstanding.
        outstanding: what is outstanding in yuan, by receipt: of those, and of one pair also of all paid ones.
        count: how many receipts there are, paid ones too.
        advances: what was paid ahead in yuan, by pair, where anything was.

    """

    def __init__(self, actor: Actor, *, on: date, scope: Scope = Scope.OWN, pair: Pair | None = None) -> None:
        """Read and lay out.

        Args:
            actor: who looks.
            on: the as-of date.
            scope: see ``Scope``.
            pair: only this paying organisation and distributor.

        """
        self.on = on
        self._visible = payables_visible_to(actor, on, scope)
        payments = payments_visible_to(actor, on, members=scope is Scope.MEMBERS)
        if pair is not None:
            self._visible &= (Shipment.paying_id == pair[0]) & (Shipment.distributor_id == pair[1])
            payments &= (Payment.paying_id == pair[0]) & (Payment.distributor_id == pair[1])
        self._payments = payments
        self.receipts: list[Debt] = []
        self.outstanding: dict[int, Decimal] = {}
        self.count = 0
        self.advances: dict[Pair, Decimal] = {}
        self._read(whole=pair is not None)

    def _read(self, *, whole: bool) -> None:
        connection = db.session.connection()
        dialect, days = connection.dialect, dict[Any, date]()

        def debt(pair: Pair, found: OpenReceipt) -> Debt:
            due = days.get(found.due)
            if due is None:
                due = days[found.due] = from_driver(Date(), found.due, dialect)
            left = _yuan(found.left)
            return Debt(found.shipment_id, found.receipt_no, *pair, due, left)

        # What the session still holds back is to be seen.
        db.session.flush()
        laid: Laid
        for pair, receipts, laid in lay_out_all(connection, self.on, Which(self._visible, self._payments)):
            self.count += len(receipts)
            if whole:
                self.outstanding.update((row[SHIPMENT], ZERO) for row in receipts)
            self.receipts += [debt(pair, found) for found in laid.open]
            if laid.advance or laid.waiting:
                self.advances[pair] = _yuan(laid.advance + laid.waiting)
        self.outstanding.update((row.id, row.outstanding) for row in self.receipts)

    def state(self, row: Debt) -> PayableState:
        """Where a receipt stands on which something is outstanding (R-PAY-4)."""
        age = ageing(days_overdue(row.due_on, on=self.on))
        return PayableState.NOT_DUE if age is None else PayableState(age.value)

    def totals(self) -> Totals:
        """What is not due yet and what is overdue by age (R-PAY-4)."""
        sums: dict[date, tuple[Decimal, int]] = {}
        for row in self.receipts:
            amount, count = sums.get(row.due_on, (ZERO, 0))
            sums[row.due_on] = amount + row.outstanding, count + 1
        found: dict[PayableState, Bucket] = {}
        for due_on, (amount, count) in sums.items():
            age = ageing(days_overdue(due_on, on=self.on))
            state = PayableState.NOT_DUE if age is None else PayableState(age.value)
            before = found.get(state, Bucket(state, ZERO, 0))
            found[state] = Bucket(state, before.amount + amount, before.receipts + count)
        if settled := self.count - len(self.receipts):
            found[PayableState.NOTHING_OWED] = Bucket(PayableState.NOTHING_OWED, ZERO, settled)
        return Totals(found)

    @property
    def advance(self) -> Decimal:
        """All that was paid ahead."""
        return sum(self.advances.values(), ZERO)

    @cached_property
    def _debts(self) -> dict[int, Debt]:
        return {row.id: row for row in self.receipts}

    def _matching(self, wanted: Wanted, sort: str) -> list[int]:
        """The ids of the receipts that the filters leave, in the order wanted; at most one statement."""
        by, downwards = sort.removeprefix("-"), sort.startswith("-")
        open_ = wanted.state not in {None, PayableState.NOTHING_OWED}
        if open_ and by in _OWN_SORTS and not (wanted.search or wanted.county or wanted.distributor):
            debts = [row for row in self.receipts if self._fits(row, wanted)]
            return [row.id for row in sorted(debts, key=_OWN_SORTS[by], reverse=downwards)]
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
            .where(Shipment.accepted_at < end_of_day(self.on), self._visible)
            .where(*conditions(wanted, payer, receiver))
            .order_by(*order(sort))
        )
        found = list(db.session.scalars(statement))
        debts_by_id = self._debts
        if open_:
            found = [
                row_id
                for row_id in found
                if (row := debts_by_id.get(row_id)) is not None and self._fits(row, wanted)
            ]
        elif wanted.state is PayableState.NOTHING_OWED:
            found = [row_id for row_id in found if row_id not in debts_by_id]
        if by == "amount":
            found.sort(key=lambda row_id: self.outstanding.get(row_id, ZERO), reverse=downwards)
        return found

    def _fits(self, row: Debt, wanted: Wanted) -> bool:
        """Whether an open receipt is of the state and due when it is wanted."""
        if wanted.due_on is not None and row.due_on != wanted.due_on:
            return False
        if wanted.due_month is not None and row.due_on not in wanted.due_month:
            return False
        if wanted.state is None or wanted.state is PayableState.OPEN:
            return True
        return self.state(row) in _FITTING.get(wanted.state, {wanted.state})

    def sum(self, wanted: Wanted | None = None) -> tuple[int, Decimal]:
        """How many receipts the filters leave, and what is outstanding on them together; at most one statement."""
        found = self._matching(wanted or Wanted(), "due")
        return len(found), sum((self.outstanding.get(row_id, ZERO) for row_id in found), ZERO)

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
        rows: dict[int, Payable] = {}
        for first in range(0, len(found), PART):
            for row in db.session.execute(details(self.on, found[first : first + PART])):
                owes, left = row.owed - row.returned, self.outstanding.get(row.id, ZERO)
                rows[row.id] = Payable._make((*row[:17], owes, owes - left, left))
        return [rows[row_id] for row_id in found]

    def groups(self) -> Sequence[Group]:
        """What is outstanding to each distributor on each due day, the earliest first; one statement."""
        names = distributor_names({row.distributor_id for row in self.receipts})
        found: dict[tuple[date, int], tuple[Decimal, int]] = {}
        for row in self.receipts:
            amount, count = found.get((row.due_on, row.distributor_id), (ZERO, 0))
            found[row.due_on, row.distributor_id] = (amount + row.outstanding, count + 1)
        made = [
            Group(*names[distributor], due, amount, count)
            for (due, distributor), (amount, count) in found.items()
        ]
        return sorted(made, key=lambda group: (group.due_on, group.distributor, group.distributor_code))

    def balances(self) -> list[Balance]:
        """Outstanding, overdue and paid ahead of each pair that has any, the most overdue first; two statements."""
        open_: dict[Pair, list[Decimal]] = {pair: [ZERO, ZERO] for pair in self.advances}
        for row in self.receipts:
            sums = open_.setdefault((row.paying_id, row.distributor_id), [ZERO, ZERO])
            sums[0] += row.outstanding
            if is_overdue(row.due_on, row.outstanding, on=self.on):
                sums[1] += row.outstanding
        names = distributor_names({distributor for _, distributor in open_})
        payers = payer_names({paying for paying, _ in open_}, self.on)
        found = [
            Balance(
                paying,
                payers.get(paying, ""),
                distributor,
                *names[distributor],
                outstanding,
                overdue,
                self.advances.get((paying, distributor), ZERO),
            )
            for (paying, distributor), (outstanding, overdue) in open_.items()
        ]
        return sorted(found, key=lambda one: (-one.overdue, -one.outstanding, one.distributor, one.payer))

    def parts_of(self, receipt_no: str) -> list[Part]:
        """Which payments reached a receipt, in the order in which they did, by the plain rule (R-PAY-3)."""
        pair = db.session.execute(
            select(Shipment.paying_id, Shipment.distributor_id).where(
                Shipment.receipt_no == receipt_no, self._visible
            )
        ).one_or_none()
        if pair is None:
            return []
        which = Which(
            self._visible & (Shipment.paying_id == pair[0]) & (Shipment.distributor_id == pair[1]),
            self._payments & (Payment.paying_id == pair[0]) & (Payment.distributor_id == pair[1]),
        )
        laid = allocation_of(db.session.connection(), self.on, which)
        return [part for part in laid.parts if part.receipt_no == receipt_no]
