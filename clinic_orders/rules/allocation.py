"""Which payment paid which receipt, and what waits (R-PAY-3); what was paid in time (R-PAY-6).

One institution and one distributor are looked at together, as of a day D: receipts accepted and payments dated on or
before D, each receipt owing what it owes with the returns agreed by D (R-PAY-1). The money is laid out anew from the
beginning each time, in the order of the days, so the answer depends on the records alone and asked twice is the same.

On each day, in this order: (1) the day's acceptances, by instant and receipt number; each takes first from the
payments that named it and waited for it, then from what waits as an advance, the oldest first; (2) what the payments
of (1) left over is treated like an unnamed payment of this day; (3) the day's payments, by number, go to the receipt
they name, then to the accepted receipts, oldest due date and receipt number first; what is left waits as an advance.
A payment that names a receipt not yet accepted waits for it, whole.

The rule does not say in so many words whether a receipt takes first from the payment that names it or from an
advance. Money goes first to the receipt it names, so the named payment comes first; the sum paid is the same.

A refund sends money back that waits as an advance (decision 0035). It is the last thing of its day and takes what waits
unnamed, the oldest first, then what waits for a receipt, by the order of the payments. What it does not find, because a payment it rested on
counts no more, is uncovered: money that comes free later fills it before it waits. So Σ payments + Σ uncovered =
Σ parts + Σ waiting + Σ refunds, and nothing is uncovered when a refund is entered.

>>> from datetime import date, datetime, UTC
>>> january = ReceiptOwed("PS1", datetime(2026, 1, 20, tzinfo=UTC), date(2026, 1, 20), date(2026, 2, 28), Decimal("60"))
>>> march = ReceiptOwed("PS2", datetime(2026, 3, 2, tzinfo=UTC), date(2026, 3, 2), date(2026, 4, 30), Decimal("50"))
>>> result = allocate([january, march], [PaymentMade("P1", date(2026, 2, 10), Decimal("100"))], on=date(2026, 3, 31))
>>> [(part.receipt_no, part.payment_no, part.amount, part.on) for part in result.parts]
[('PS1', 'P1', Decimal('60'), datetime.date(2026, 2, 10)), ('PS2', 'P1', Decimal('40'), datetime.date(2026, 3, 2))]
>>> result.outstanding["PS2"], result.advance
(Decimal('10'), Decimal('0'))
"""

from __future__ import annotations

from bisect import insort
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field
from datetime import date, datetime
from decimal import Decimal

NOTHING = Decimal(0)


@dataclass(frozen=True, slots=True)
class ReceiptOwed:
    """An accepted receipt and what it owes as of the day looked at.

    Attributes:
        receipt_no: its number.
        accepted_at: the instant of acceptance, for the order within a day.
        accepted_on: the day of that instant in China; R-DEL-6 moves the due date only.
        due_on: the due date (R-PAY-2).
        owed: yuan, with the returns agreed by then (R-PAY-1).
    """

    receipt_no: str
    accepted_at: datetime
    accepted_on: date
    due_on: date
    owed: Decimal


@dataclass(frozen=True, slots=True)
class PaymentMade:
    """A payment or a refund that counts (R-PAY-7).

    Attributes:
        payment_no: its number, the order within a day.
        paid_on: its day.
        amount: yuan, above 0.
        receipt_no: the receipt it names; empty if none.
        refund: whether the money went back to who pays; a refund names no receipt.
    """

    payment_no: str
    paid_on: date
    amount: Decimal
    receipt_no: str = ""
    refund: bool = False


@dataclass(frozen=True, slots=True)
class Part:
    """Money of one payment that reached one receipt on a day."""

    receipt_no: str
    payment_no: str
    amount: Decimal
    on: date


@dataclass(frozen=True, slots=True)
class SentBack:
    """Money of one payment that a refund sent back, on the refund's day or when it came free."""

    refund_no: str
    payment_no: str
    amount: Decimal
    on: date


@dataclass(slots=True)
class Allocation:
    """How the money lies on the day looked at.

    Attributes:
        parts: in the order in which the money moved.
        outstanding: what each receipt still owes, by number.
        advances: what waits unnamed for the next receipts, as (payment number, yuan), oldest first.
        waiting: what waits for a named receipt that is not accepted yet, as (payment number, receipt number, yuan).
        sent_back: what refunds took, in the order in which the money moved.
        uncovered: what refunds did not find, as (refund number, yuan), oldest first.
    """

    parts: list[Part] = field(default_factory=list)
    outstanding: dict[str, Decimal] = field(default_factory=dict)
    advances: list[tuple[str, Decimal]] = field(default_factory=list)
    waiting: list[tuple[str, str, Decimal]] = field(default_factory=list)
    sent_back: list[SentBack] = field(default_factory=list)
    uncovered: list[tuple[str, Decimal]] = field(default_factory=list)

    @property
    def advance(self) -> Decimal:
        """All that waits, named or not."""
        named = sum((amount for _, _, amount in self.waiting), NOTHING)
        return sum((amount for _, amount in self.advances), named)

    @property
    def ahead(self) -> Decimal:
        """What lies with the distributor: all that waits, less what it sent back without having it."""
        return self.advance - sum((amount for _, amount in self.uncovered), NOTHING)


class _Ledger:
    """The state while the days go by."""

    def __init__(self) -> None:
        self.result = Allocation()
        # What is accepted and not fully paid, as (due date, receipt number), in that order.
        self.open: list[tuple[date, str]] = []
        # What waits for a receipt, by its number: (payment's place in the order, number, yuan).
        self.waiting: dict[str, list[tuple[int, str, Decimal]]] = {}

    def pay(self, receipt_no: str, payment_no: str, amount: Decimal, on: date) -> Decimal:
        """Move money to a receipt, up to what it owes; answers what is left of the money."""
        part = min(amount, self.result.outstanding[receipt_no])
        if part <= 0:
            return amount
        self.result.parts.append(Part(receipt_no, payment_no, part, on))
        self.result.outstanding[receipt_no] -= part
        return amount - part

    def accept(self, receipt: ReceiptOwed) -> list[tuple[int, str, Decimal]]:
        """A receipt takes what waited for it, then from the advances; answers what the named money left over."""
        number, day = receipt.receipt_no, receipt.accepted_on
        self.result.outstanding[number] = receipt.owed
        rests = [
            (place, payment_no, self.pay(number, payment_no, amount, day))
            for place, payment_no, amount in self.waiting.pop(number, ())
        ]
        if self.result.advances:
            left = [
                (payment_no, self.pay(number, payment_no, amount, day))
                for payment_no, amount in self.result.advances
            ]
            self.result.advances = [(payment_no, rest) for payment_no, rest in left if rest > 0]
        if self.result.outstanding[number] > 0:
            insort(self.open, (receipt.due_on, number))
        return [rest for rest in rests if rest[2] > 0]

    def spread(self, payment_no: str, amount: Decimal, on: date) -> None:
        """Unnamed money goes to what is accepted, oldest due date first; what is left waits."""
        for _, receipt_no in self.open:
            if amount <= 0:
                break
            amount = self.pay(receipt_no, payment_no, amount, on)
        self.open = [entry for entry in self.open if self.result.outstanding[entry[1]] > 0]
        uncovered, self.result.uncovered = self.result.uncovered, []
        for refund_no, missing in uncovered:
            part = self.send_back(refund_no, payment_no, min(amount, missing), on)
            amount -= part
            if missing > part:
                self.result.uncovered.append((refund_no, missing - part))
        if amount > 0:
            self.result.advances.append((payment_no, amount))

    def send_back(self, refund_no: str, payment_no: str, amount: Decimal, on: date) -> Decimal:
        """Note what of a payment a refund takes; answers the amount."""
        if amount > 0:
            self.result.sent_back.append(SentBack(refund_no, payment_no, amount, on))
        return amount

    def refund(self, payment: PaymentMade) -> None:
        """A refund on its day: from what waits unnamed, then from what waits for a receipt."""
        number, left, day = payment.payment_no, payment.amount, payment.paid_on
        advances, self.result.advances = self.result.advances, []
        for payment_no, amount in advances:
            part = self.send_back(number, payment_no, min(left, amount), day)
            left -= part
            if amount > part:
                self.result.advances.append((payment_no, amount - part))
        for place, receipt_no in sorted(
            (entry[0], receipt_no) for receipt_no, entries in self.waiting.items() for entry in entries
        ):
            entries = self.waiting[receipt_no]
            at = next(index for index, entry in enumerate(entries) if entry[0] == place)
            _, payment_no, amount = entries[at]
            part = self.send_back(number, payment_no, min(left, amount), day)
            left -= part
            entries[at : at + 1] = [(place, payment_no, amount - part)] if amount > part else []
        if left > 0:
            self.result.uncovered.append((number, left))

    def receive(self, place: int, payment: PaymentMade) -> None:
        """A payment on its day: to the receipt it names or to wait for it, then to what is accepted."""
        left = payment.amount
        if payment.receipt_no:
            if payment.receipt_no not in self.result.outstanding:
                entry = (place, payment.payment_no, left)
                self.waiting.setdefault(payment.receipt_no, []).append(entry)
                return
            left = self.pay(payment.receipt_no, payment.payment_no, left, payment.paid_on)
        if left > 0:
            self.spread(payment.payment_no, left, payment.paid_on)


def allocate(receipts: Iterable[ReceiptOwed], payments: Iterable[PaymentMade], *, on: date) -> Allocation:
    """Lay out the payments of one institution to one distributor over its receipts, as of a day (R-PAY-3).

    Refunds stand among the payments.

    Args:
        receipts: of the pair; those accepted after the day are left out.
        payments: of the pair that count; those dated after the day are left out.
        on: the day D.

    Returns:
        every yuan of the payments, in a part, waiting or sent back: Σ payments = Σ parts + Σ refunds + ahead.

    """
    accepted = sorted(
        (one for one in receipts if one.accepted_on <= on),
        key=lambda one: (one.accepted_on, one.accepted_at, one.receipt_no),
    )
    paid = sorted(
        (one for one in payments if one.paid_on <= on),
        key=lambda one: (one.paid_on, one.refund, one.payment_no),
    )
    ledger = _Ledger()
    next_accepted = next_paid = 0
    while next_accepted < len(accepted) or next_paid < len(paid):
        day = _next_day(accepted[next_accepted : next_accepted + 1], paid[next_paid : next_paid + 1])
        rests: list[tuple[int, str, Decimal]] = []
        while next_accepted < len(accepted) and accepted[next_accepted].accepted_on == day:
            rests += ledger.accept(accepted[next_accepted])
            next_accepted += 1
        for _, payment_no, amount in sorted(rests):
            ledger.spread(payment_no, amount, day)
        while next_paid < len(paid) and paid[next_paid].paid_on == day:
            if paid[next_paid].refund:
                ledger.refund(paid[next_paid])
            else:
                ledger.receive(next_paid, paid[next_paid])
            next_paid += 1
    waiting = [
        (place, payment_no, receipt_no, amount)
        for receipt_no, entries in ledger.waiting.items()
        for place, payment_no, amount in entries
    ]
    ledger.result.waiting = [entry[1:] for entry in sorted(waiting)]
    return ledger.result


def _next_day(accepted: Sequence[ReceiptOwed], paid: Sequence[PaymentMade]) -> date:
    """The earlier of the days on which something happens next."""
    return min([one.accepted_on for one in accepted] + [one.paid_on for one in paid])


def missing(receipts: Sequence[ReceiptOwed], payments: Sequence[PaymentMade], *, on: date) -> Decimal:
    """What refunds did not find on their own days, in yuan; nothing is missing when one is entered (decision 0035)."""
    days = {one.payment_no: one.paid_on for one in payments if one.refund and one.paid_on <= on}
    refunded = sum((one.amount for one in payments if one.payment_no in days and one.refund), NOTHING)
    laid = allocate(receipts, payments, on=on)
    return refunded - sum((one.amount for one in laid.sent_back if one.on == days[one.refund_no]), NOTHING)


def paid_in_time(receipt: ReceiptOwed, parts: Iterable[Part]) -> Decimal:
    """What reached a receipt on or before its due date (R-PAY-6), in yuan."""
    return sum(
        (
            part.amount
            for part in parts
            if part.receipt_no == receipt.receipt_no and part.on <= receipt.due_on
        ),
        NOTHING,
    )
