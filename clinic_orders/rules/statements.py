"""The monthly statement of account between an institution and a distributor, and who says what about it.

opening + receipts − returns − payments = closing, and closing is what is outstanding less what is paid ahead (R-PAY-1,
R-PAY-3). All of it is as of the month's last day. A payment dated before the month that stopped counting in it (it was
disputed or taken back, R-PAY-7) stands among the payments with the opposite sign. So does a refund (decision 0035): what was
paid in a month is less what was sent back in it.

>>> from datetime import date, datetime, UTC
>>> receipt = ReceiptFact("PS1", datetime(2026, 10, 5, tzinfo=UTC), date(2026, 11, 30), Decimal("60.00"))
>>> paid = PaymentFact("P1", date(2026, 10, 20), Decimal("75.00"))
>>> found = make_statement(Month(2026, 10), [receipt], [ReturnFact("TH1", "PS1", date(2026, 10, 9), Decimal("5"))], [paid])
>>> found.opening, found.receipts, found.returns, found.payments, found.closing, found.advance
(Decimal('0.00'), Decimal('60.00'), Decimal('5.00'), Decimal('75.00'), Decimal('-20.00'), Decimal('20.00'))
"""

from __future__ import annotations

import hashlib
import json
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import date, datetime, timedelta
from decimal import Decimal
from enum import StrEnum
from operator import attrgetter
from typing import Any

from clinic_orders.rules.allocation import PaymentMade, ReceiptOwed, allocate
from clinic_orders.rules.days import Month, day_in_china
from clinic_orders.rules.errors import N_, RuleBroken
from clinic_orders.rules.payment_terms import Ageing, ageing, days_overdue
from clinic_orders.rules.payments import PaymentFacts, PaymentSide, counts_on

CENT = Decimal("0.01")
ZERO = Decimal("0.00")


class EntryKind(StrEnum):
    """What moved the account."""

    RECEIPT = "receipt"
    RETURN = "return"
    PAYMENT = "payment"
    PAYMENT_STOPPED = "payment-stopped"
    PAYMENT_AGAIN = "payment-again"
    REFUND = "refund"
    REFUND_STOPPED = "refund-stopped"
    REFUND_AGAIN = "refund-again"

    @property
    def of_money(self) -> bool:
        """Whether money moved, and not goods."""
        return self not in {EntryKind.RECEIPT, EntryKind.RETURN}


@dataclass(frozen=True, slots=True)
class ReceiptFact:
    """A receipt: number, instant of acceptance, due day, and what the acceptance made payable (yuan)."""

    receipt_no: str
    accepted_at: datetime
    due_on: date
    owed: Decimal


@dataclass(frozen=True, slots=True)
class ReturnFact:
    """A return: number, receipt, the day it was agreed, and what it took off the receipt (yuan)."""

    return_no: str
    receipt_no: str
    agreed_on: date
    amount: Decimal


@dataclass(frozen=True, slots=True)
class PaymentFact:
    """A payment or a refund: number, day, yuan, the receipt it names ("" = none), and what was said about it."""

    payment_no: str
    paid_on: date
    amount: Decimal
    receipt_no: str = ""
    said: PaymentFacts = field(default_factory=PaymentFacts)
    refund: bool = False


@dataclass(frozen=True, slots=True)
class Entry:
    """One line: day, what it is, its number, the receipt it is about, and yuan (negative for what stopped counting and for refunds)."""

    on: date
    kind: EntryKind
    number: str
    about: str
    amount: Decimal

    @property
    def place(self) -> tuple[date, int, str]:
        """Its place among the others: by day, a day's acceptances before its payments, by number."""
        return self.on, list(EntryKind).index(self.kind), self.number


@dataclass(frozen=True, slots=True)
class OpenReceipt:
    """A receipt that is not fully paid at the month's end."""

    receipt_no: str
    accepted_on: date
    due_on: date
    outstanding: Decimal
    days_overdue: int


@dataclass(frozen=True, slots=True)
class Reached:
    """Money of a payment that reached a receipt in the month (R-PAY-3)."""

    on: date
    payment_no: str
    receipt_no: str
    amount: Decimal


@dataclass(frozen=True, slots=True)
class Statement:
    """The account of a pair over a month (all yuan).

    Attributes:
        month: which.
        opening: outstanding less paid ahead at the end of the month before; negative = paid ahead.
        receipts: what acceptances of the month made payable.
        returns: what returns agreed in the month took off.
        payments: what was paid in the month, less what stopped counting in it and what was sent back.
        closing: the same as opening, at the month's end.
        outstanding: not paid at the month's end.
        advance: paid ahead at the month's end; below 0 where more was sent back than lay there.
        entries: every movement, by day.
        open_receipts: what is outstanding, by due day.
        reached: which payment reached which receipt in the month.

    """

    month: Month
    opening: Decimal
    receipts: Decimal
    returns: Decimal
    payments: Decimal
    closing: Decimal
    outstanding: Decimal
    advance: Decimal
    entries: tuple[Entry, ...] = ()
    open_receipts: tuple[OpenReceipt, ...] = ()
    reached: tuple[Reached, ...] = ()

    @property
    def overdue(self) -> Decimal:
        """Outstanding and past its due day at the month's end (R-PAY-4)."""
        return sum((one.outstanding for one in self.open_receipts if one.days_overdue), ZERO)

    @property
    def refunds(self) -> Decimal:
        """What was sent back in the month; ``payments`` is less by it."""
        kinds = (EntryKind.REFUND, EntryKind.REFUND_STOPPED, EntryKind.REFUND_AGAIN)
        return -_sum(self.entries, *kinds)

    def by_age(self) -> dict[Ageing | None, Decimal]:
        """Outstanding by age; None = not due yet."""
        found: dict[Ageing | None, Decimal] = dict.fromkeys((None, *Ageing), ZERO)
        for one in self.open_receipts:
            found[ageing(one.days_overdue)] += one.outstanding
        return found

    @property
    def is_empty(self) -> bool:
        """Whether there is nothing to say."""
        return not (self.opening or self.entries or self.closing or self.open_receipts)

    def to_json(self) -> dict[str, Any]:
        """As it is kept when it is confirmed: plain texts."""
        return {
            "month": str(self.month),
            **{name: str(getattr(self, name)) for name in _FIGURES},
            "entries": [[_text(value) for value in _values(one)] for one in self.entries],
            "open_receipts": [[_text(value) for value in _values(one)] for one in self.open_receipts],
            "reached": [[_text(value) for value in _values(one)] for one in self.reached],
        }

    @property
    def fingerprint(self) -> str:
        """The same for the same figures and lines; a form carries what its reader saw."""
        plain = json.dumps(self.to_json(), sort_keys=True, ensure_ascii=False)
        return hashlib.sha256(plain.encode()).hexdigest()[:32]


_FIGURES = ("opening", "receipts", "returns", "payments", "closing", "outstanding", "advance")


_place = attrgetter("place")


def _values(row: Entry | OpenReceipt | Reached) -> list[Any]:
    return [getattr(row, name) for name in row.__slots__]


def _text(value: Any) -> str:
    return value.isoformat() if isinstance(value, date) else str(value)


def statement_from_json(kept: Mapping[str, Any]) -> Statement:
    """What ``Statement.to_json`` kept."""
    return Statement(
        Month.parse(kept["month"]),
        **{name: Decimal(kept[name]) for name in _FIGURES},
        entries=tuple(
            Entry(date.fromisoformat(on), EntryKind(kind), number, about, Decimal(amount))
            for on, kind, number, about, amount in kept["entries"]
        ),
        open_receipts=tuple(
            OpenReceipt(
                number, date.fromisoformat(accepted), date.fromisoformat(due), Decimal(left), int(days)
            )
            for number, accepted, due, left, days in kept["open_receipts"]
        ),
        reached=tuple(
            Reached(date.fromisoformat(on), payment, receipt, Decimal(amount))
            for on, payment, receipt, amount in kept["reached"]
        ),
    )


def make_statement(
    month: Month,
    receipts: Iterable[ReceiptFact],
    returns: Iterable[ReturnFact],
    payments: Iterable[PaymentFact],
) -> Statement:
    """The account of one institution and one distributor over a month.

    Args:
        month: which.
        receipts: of the pair; those accepted after the month are left out.
        returns: that were agreed; those agreed after the month are left out.
        payments: of the pair, also those that do not count; those dated after the month are left out.

    """
    first, last = month.first_day, month.last_day
    before = first - timedelta(days=1)
    accepted = [one for one in receipts if day_in_china(one.accepted_at) <= last]
    agreed = [one for one in returns if one.agreed_on <= last]
    paid = [one for one in payments if one.paid_on <= last]
    entries, opening = [], ZERO
    for receipt in accepted:
        on = day_in_china(receipt.accepted_at)
        if on < first:
            opening += receipt.owed
        else:
            entries.append(Entry(on, EntryKind.RECEIPT, receipt.receipt_no, "", _cents(receipt.owed)))
    for back in agreed:
        if back.agreed_on < first:
            opening -= back.amount
        else:
            entries.append(
                Entry(back.agreed_on, EntryKind.RETURN, back.return_no, back.receipt_no, _cents(back.amount))
            )
    for payment in paid:
        counted = payment.paid_on < first and counts_on(payment.said, before)
        if counted:
            opening -= -payment.amount if payment.refund else payment.amount
        entries += _payment_entry(payment, counted=counted, first=first, last=last)
    laid = allocate(*for_allocation(accepted, agreed, paid, last), on=last)
    due = {one.receipt_no: one for one in accepted}
    open_receipts = sorted(
        (
            OpenReceipt(
                number,
                day_in_china(due[number].accepted_at),
                due[number].due_on,
                _cents(left),
                days_overdue(due[number].due_on, on=last),
            )
            for number, left in laid.outstanding.items()
            if left > 0
        ),
        key=lambda one: (one.due_on, one.receipt_no),
    )
    outstanding = sum((one.outstanding for one in open_receipts), ZERO)
    advance = _cents(laid.ahead)
    return Statement(
        month,
        opening=_cents(opening),
        receipts=_sum(entries, EntryKind.RECEIPT),
        returns=_sum(entries, EntryKind.RETURN),
        payments=_sum(entries, *(kind for kind in EntryKind if kind.of_money)),
        closing=outstanding - advance,
        outstanding=outstanding,
        advance=advance,
        entries=tuple(sorted(entries, key=_place)),
        open_receipts=tuple(open_receipts),
        reached=tuple(
            Reached(part.on, part.payment_no, part.receipt_no, _cents(part.amount))
            for part in laid.parts
            if part.on >= first
        ),
    )


def _payment_entry(payment: PaymentFact, *, counted: bool, first: date, last: date) -> list[Entry]:
    """What a payment or a refund does to the account in the month: nothing, or one line."""
    counts = counts_on(payment.said, last)
    number, about, amount = payment.payment_no, payment.receipt_no, _cents(payment.amount)
    came, stopped, again = _PAYMENT_KINDS
    if payment.refund:
        came, stopped, again = _REFUND_KINDS
        amount = -amount
    if payment.paid_on >= first:
        return [Entry(payment.paid_on, came, number, about, amount)] if counts else []
    if counted and not counts:
        return [Entry(last, stopped, number, about, -amount)]
    if counts and not counted:
        return [Entry(last, again, number, about, amount)]
    return []


_PAYMENT_KINDS = (EntryKind.PAYMENT, EntryKind.PAYMENT_STOPPED, EntryKind.PAYMENT_AGAIN)
_REFUND_KINDS = (EntryKind.REFUND, EntryKind.REFUND_STOPPED, EntryKind.REFUND_AGAIN)


def for_allocation(
    receipts: Sequence[ReceiptFact],
    returns: Sequence[ReturnFact],
    payments: Sequence[PaymentFact],
    last: date,
) -> tuple[list[ReceiptOwed], list[PaymentMade]]:
    """What ``rules.allocation`` lays out as of a day: receipts less their returns, and the payments that count."""
    less: dict[str, Decimal] = {}
    for back in returns:
        less[back.receipt_no] = less.get(back.receipt_no, ZERO) + back.amount
    owed = [
        ReceiptOwed(
            one.receipt_no,
            one.accepted_at,
            day_in_china(one.accepted_at),
            one.due_on,
            one.owed - less.get(one.receipt_no, ZERO),
        )
        for one in receipts
    ]
    made = [
        PaymentMade(one.payment_no, one.paid_on, one.amount, one.receipt_no, one.refund)
        for one in payments
        if counts_on(one.said, last)
    ]
    return owed, made


def _cents(amount: Decimal) -> Decimal:
    return amount.quantize(CENT)


def _sum(entries: Iterable[Entry], *kinds: EntryKind) -> Decimal:
    return sum((entry.amount for entry in entries if entry.kind in kinds), ZERO)


@dataclass(frozen=True, slots=True)
class Difference:
    """What changed since a statement was confirmed: lines that came, lines that went, and what that makes."""

    came: tuple[Entry, ...]
    went: tuple[Entry, ...]
    opening: Decimal
    closing: Decimal

    def __bool__(self) -> bool:
        """Whether anything is different."""
        return bool(self.came or self.went or self.opening or self.closing)


def difference(kept: Statement, now: Statement) -> Difference:
    """What is recorded now beside what was confirmed; the confirmed figures stay as they are.

    >>> one = make_statement(Month(2026, 10), [], [], [PaymentFact("P1", date(2026, 10, 2), Decimal("5"))])
    >>> two = make_statement(Month(2026, 10), [], [], [])
    >>> bool(difference(one, one)), difference(one, two).closing
    (False, Decimal('5.00'))
    """
    old, new = set(kept.entries), set(now.entries)
    return Difference(
        tuple(sorted(new - old, key=_place)),
        tuple(sorted(old - new, key=_place)),
        now.opening - kept.opening,
        now.closing - kept.closing,
    )


# Who says what -------------------------------------------------------------------------------------------


class StatementState(StrEnum):
    """Where a statement stands between the two."""

    READY = "ready"
    BY_INSTITUTION = "by-institution"
    BY_DISTRIBUTOR = "by-distributor"
    DIFFERS = "differs"
    AGREED = "agreed"


class StatementStep(StrEnum):
    """What a side says."""

    CONFIRM = "confirm"
    DIFFER = "differ"


_I, _D = PaymentSide.INSTITUTION, PaymentSide.DISTRIBUTOR
_CONFIRM, _DIFFER = StatementStep.CONFIRM, StatementStep.DIFFER
STEPS: dict[tuple[StatementState, StatementStep, PaymentSide], StatementState] = {
    (StatementState.READY, _CONFIRM, _I): StatementState.BY_INSTITUTION,
    (StatementState.READY, _CONFIRM, _D): StatementState.BY_DISTRIBUTOR,
    (StatementState.READY, _DIFFER, _I): StatementState.DIFFERS,
    (StatementState.READY, _DIFFER, _D): StatementState.DIFFERS,
    (StatementState.BY_INSTITUTION, _CONFIRM, _D): StatementState.AGREED,
    (StatementState.BY_INSTITUTION, _DIFFER, _D): StatementState.DIFFERS,
    (StatementState.BY_INSTITUTION, _DIFFER, _I): StatementState.DIFFERS,
    (StatementState.BY_DISTRIBUTOR, _CONFIRM, _I): StatementState.AGREED,
    (StatementState.BY_DISTRIBUTOR, _DIFFER, _I): StatementState.DIFFERS,
    (StatementState.BY_DISTRIBUTOR, _DIFFER, _D): StatementState.DIFFERS,
    (StatementState.DIFFERS, _CONFIRM, _I): StatementState.BY_INSTITUTION,
    (StatementState.DIFFERS, _CONFIRM, _D): StatementState.BY_DISTRIBUTOR,
}
"""From where, what, who → where to. After a difference was stated the figures are confirmed anew by both sides; what
both have confirmed stays."""


class StatementStepRefused(RuleBroken):
    """The statement does not wait for this."""

    message = N_("This statement does not wait for that any more. Look at its state below.")


class MonthNotOver(RuleBroken):
    """A month is settled when it is over."""

    message = N_("%(month)s is not over yet. Its statement is ready on the first day of the next month.")


class DifferenceReasonMissing(RuleBroken):
    """A difference without a word."""

    message = N_("Say what differs: which receipt, return or payment, and by how much.")


def next_state(state: StatementState, step: StatementStep, side: PaymentSide) -> StatementState:
    """Where a step of a side leads.

    Raises:
        StatementStepRefused: the table has no such step.

    """
    found = STEPS.get((state, step, side))
    if found is None:
        raise StatementStepRefused
    return found
