"""The book of an actor: what is outstanding on which receipt as of a day, with sums, lists and balances from it."""

from __future__ import annotations

from collections.abc import Callable, Container, Sequence
from datetime import date
from decimal import Decimal
from functools import cached_property
from heapq import nsmallest
from typing import Any, NamedTuple

from sqlalchemy import ColumnElement, Date, select

from clinic_orders.models.base import db
from clinic_orders.models.deliveries import Shipment
from clinic_orders.models.payments import Payment
from clinic_orders.models.streaming import from_driver
from clinic_orders.queries.payables.kept import FEW, Kept, kept_pairs, of_payers
from clinic_orders.queries.payables.laying import (
    SHIPMENT,
    OpenReceipt,
    Pair,
    Which,
    allocation_of,
    first_and_last_due,
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
    details,
    distributor_names,
    matching,
    payer_names,
)
from clinic_orders.queries.payables.visible import payables_visible_to
from clinic_orders.queries.visibility import payments_visible_to
from clinic_orders.rules.allocation import Part
from clinic_orders.rules.days import Month
from clinic_orders.rules.parties import Actor
from clinic_orders.rules.payment_terms import ageing, days_overdue, is_overdue

_OVERDUE = (PayableState.UP_TO_30, PayableState.UP_TO_60, PayableState.UP_TO_90, PayableState.OVER_90)
_FITTING = {
    PayableState.OVERDUE: frozenset(_OVERDUE),
    PayableState.OPEN: frozenset({PayableState.NOT_DUE, *_OVERDUE}),
}
# Everything, and everything on which nothing is outstanding: how many they are needs no list.
_WHOLE = (Wanted(), Wanted(PayableState.NOTHING_OWED))
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

    Two statements read how the money lies where that is kept (``kept``), three more lay it out in one ordered pass
    where something has changed since, and for one pair alone (``laying``); only what is still open is held. Every
    figure of a page comes from the one book, so that lists, sums, files and details agree.

    Attributes:
        receipts: those on which something is outstanding.
        outstanding: what is outstanding in yuan, by receipt: of those, and of one pair also of all paid ones.
        count: how many receipts there are, paid ones too.
        advances: what was paid ahead in yuan, by pair, where anything was; below 0 where more was sent back.

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
        self._asked = actor, scope, pair
        self.receipts: list[Debt] = []
        self.outstanding: dict[int, Decimal] = {}
        self.count = 0
        self.advances: dict[Pair, Decimal] = {}
        self._days: dict[Any, date] = {}
        self._found: dict[tuple[Wanted, str], list[int]] = {}
        self._owed: set[int] = set()
        self._dues: set[Any] = set()
        # What the session still holds back is to be seen.
        db.session.flush()
        if pair is not None:
            self._lay_out(self._which, whole=True)
        else:
            self._read(kept_pairs(actor, on, scope))
        self.outstanding.update((row.id, row.outstanding) for row in self.receipts)

    @cached_property
    def _visible(self) -> ColumnElement[bool]:
        """The receipts in view; most pages find everything kept and never ask."""
        actor, scope, pair = self._asked
        found = payables_visible_to(actor, self.on, scope)
        if pair is not None:
            found &= (Shipment.paying_id == pair[0]) & (Shipment.distributor_id == pair[1])
        return found

    @cached_property
    def _payments(self) -> ColumnElement[bool]:
        """The payments in view."""
        actor, scope, pair = self._asked
        found = payments_visible_to(actor, self.on, members=scope is Scope.MEMBERS)
        if pair is not None:
            found &= (Payment.paying_id == pair[0]) & (Payment.distributor_id == pair[1])
        return found

    @property
    def _which(self) -> Which:
        return Which(self._visible, self._payments)

    def _read(self, kept: Kept) -> None:
        """Take what is kept and holds; lay out the rest."""
        payers = kept.stale_payers
        if len(payers) > FEW:
            self._lay_out(self._which)
            return
        for pair, found in kept.holding.items():
            self._note(pair, found.receipts, found.dues, found.open, found.advance)
        if payers:
            self._lay_out(of_payers(self._which, payers), holding=kept.holding)

    def _lay_out(self, which: Which, *, holding: Container[Pair] = frozenset(), whole: bool = False) -> None:
        for pair, receipts, laid in lay_out_all(db.session.connection(), self.on, which):
            if pair in holding:
                continue
            if whole:
                self.outstanding.update((row[SHIPMENT], ZERO) for row in receipts)
            dues = first_and_last_due(receipts)
            self._note(pair, len(receipts), dues, laid.open, laid.ahead)

    def _note(
        self, pair: Pair, receipts: int, dues: tuple[Any, Any], found: Sequence[OpenReceipt], advance: int
    ) -> None:
        self.count += receipts
        if receipts:
            self._owed.add(pair[1])
            self._dues.update(dues)
        self.receipts += [
            Debt(one.shipment_id, one.receipt_no, *pair, self._day(one.due), _yuan(one.left))
            for one in sorted(found)
        ]
        if advance:
            self.advances[pair] = _yuan(advance)

    def _day(self, due: Any) -> date:
        """A due day as the driver gave it; most receipts share theirs."""
        found = self._days.get(due)
        if found is None:
            found = self._days[due] = from_driver(Date(), due, db.session.connection().dialect)
        return found

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
        """The ids of the receipts that the filters leave, in the order wanted; at most one statement, asked once."""
        found = self._found.get((wanted, sort))
        if found is None:
            found = self._found[wanted, sort] = self._match(wanted, sort)
        return found

    def _match(self, wanted: Wanted, sort: str) -> list[int]:
        by, downwards = sort.removeprefix("-"), sort.startswith("-")
        open_ = wanted.state not in {None, PayableState.NOTHING_OWED}
        if open_ and by in _OWN_SORTS and not (wanted.search or wanted.county or wanted.distributor):
            debts = [row for row in self.receipts if self._fits(row, wanted)]
            return [row.id for row in sorted(debts, key=_OWN_SORTS[by], reverse=downwards)]
        statement = matching(wanted, sort, self.on).where(self._visible)
        found = [row_id for (row_id,) in db.session.connection().execute(statement).all()]
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

    def _first(self, wanted: Wanted, sort: str, count: int) -> list[int]:
        """The first so many of all receipts, or of those on which nothing is outstanding; one or two statements.

        A long list is mostly looked at from its beginning, and its receipts are more than anybody wants to sort.
        """
        statement = matching(wanted, sort, self.on).where(self._visible)
        wholly = wanted.state is None
        for most in (count if wholly else 2 * count, count + len(self.receipts)):
            rows = db.session.connection().execute(statement.limit(most)).all()
            found = [row_id for (row_id,) in rows if wholly or row_id not in self._debts]
            if len(found) >= count or len(rows) < most:
                break
        return found[:count]

    def _fits(self, row: Debt, wanted: Wanted) -> bool:
        """Whether an open receipt is of the state and due when it is wanted."""
        if wanted.due_on is not None and row.due_on != wanted.due_on:
            return False
        if wanted.due_month is not None and row.due_on not in wanted.due_month:
            return False
        if wanted.state is None or wanted.state is PayableState.OPEN:
            return True
        return self.state(row) in _FITTING.get(wanted.state, {wanted.state})

    def sum(self, wanted: Wanted | None = None, *, sort: str = "due") -> tuple[int, Decimal]:
        """How many receipts the filters leave, and what is outstanding on them together; at most one statement.

        Whoever goes on to ask for rows says their order already.
        """
        wanted = wanted or Wanted()
        if wanted in _WHOLE:
            settled = self.count - len(self.receipts)
            if wanted.state is PayableState.NOTHING_OWED:
                return settled, ZERO
            return self.count, sum((row.outstanding for row in self.receipts), ZERO)
        found = self._matching(wanted, sort)
        reached = self._debts
        return len(found), sum((reached[row_id].outstanding for row_id in found if row_id in reached), ZERO)

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
        wanted = wanted or Wanted()
        if limit is not None and wanted in _WHOLE and sort.removeprefix("-") != "amount":
            found = self._first(wanted, sort, offset + limit)[offset:]
        else:
            found = self._matching(wanted, sort)[offset:]
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

    def distributors(self) -> list[tuple[str, str]]:
        """Code and name of those with accepted receipts, by name; one statement."""
        return sorted(distributor_names(self._owed).values(), key=lambda one: (one[1], one[0]))

    def due_months(self) -> list[Month]:
        """The months from the first to the last in which something falls due, the latest first."""
        if not self._dues:
            return []
        months = [Month.of(max(map(self._day, self._dues)))]
        first = Month.of(min(map(self._day, self._dues)))
        while months[-1] > first:
            months.append(months[-1].previous())
        return months

    def balances(self, limit: int | None = None) -> list[Balance]:
        """Outstanding, overdue and paid ahead of each pair that has any, the most overdue first; two statements.

        Args:
            limit: only so many of them; None = all.

        """
        open_: dict[Pair, list[Decimal]] = {pair: [ZERO, ZERO] for pair in self.advances}
        for row in self.receipts:
            sums = open_.setdefault((row.paying_id, row.distributor_id), [ZERO, ZERO])
            sums[0] += row.outstanding
            if is_overdue(row.due_on, row.outstanding, on=self.on):
                sums[1] += row.outstanding
        if limit is not None:
            open_ = dict(nsmallest(limit, open_.items(), key=lambda one: (-one[1][1], -one[1][0], one[0])))
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
