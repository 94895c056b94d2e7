"""The allocation of R-PAY-3 over many pairs as one ordered pass of constant memory (twin of ``rules.allocation``).

Receipts, returns and payments come as streams in the order of their pairs and are read side by side; an institution
and its distributor are laid out as soon as their rows are there, and forgotten again. Amounts are whole
ten-thousandths of a yuan; days and instants stay as the driver gives them, for they are only compared.

``lay_out`` is ``rules.allocation.allocate`` without the record of which payment reached which receipt on which day.
A property test holds the two equal on random histories, on both databases.
"""

from __future__ import annotations

from bisect import insort
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, field
from datetime import date, datetime, timedelta
from decimal import Decimal
from functools import partial
from typing import Any, Final, NamedTuple

from sqlalchemy import (
    BigInteger,
    ColumnElement,
    Connection,
    Date,
    Dialect,
    Select,
    String,
    and_,
    case,
    or_,
    select,
    type_coerce,
)

from clinic_orders.models.base import UtcDateTime, Yuan
from clinic_orders.models.deliveries import GoodsReturn, Shipment
from clinic_orders.models.payments import Payment
from clinic_orders.models.streaming import as_driver, driver_rows, from_driver
from clinic_orders.rules.allocation import Allocation, PaymentMade, ReceiptOwed, allocate, missing
from clinic_orders.rules.days import day_in_china, end_of_day, start_of_day
from clinic_orders.rules.money import ZERO
from clinic_orders.rules.payments import last_day_of_disputed

Pair = tuple[int, int]
Row = tuple[Any, ...]


class OpenReceipt(NamedTuple):
    """A receipt on which something is outstanding: due day, number and id, and what is left in ten-thousandths."""

    due: Any
    receipt_no: str
    left: int
    shipment_id: int


@dataclass(slots=True)
class Laid:
    """How the money of one pair lies on the day looked at, in ten-thousandths of a yuan.

    Attributes:
        open: the receipts that are not fully paid, by due day and number.
        advance: what waits unnamed for the next receipts.
        waiting: what waits for a named receipt that is not accepted yet.
        uncovered: what refunds sent back without finding it.

    """

    open: list[OpenReceipt] = field(default_factory=list)
    advance: int = 0
    waiting: int = 0
    uncovered: int = 0

    @property
    def ahead(self) -> int:
        """What lies with the distributor (``Allocation.ahead``)."""
        return self.advance + self.waiting - self.uncovered


def first_running_dispute(on: date) -> datetime:
    """The first instant at which a dispute would still leave its payment counting on a day (R-PAY-7)."""
    earliest = on
    while last_day_of_disputed(start_of_day(earliest - timedelta(days=1))) >= on:
        earliest -= timedelta(days=1)
    return start_of_day(earliest)


def counts_on_sql(on: date) -> ColumnElement[bool]:
    """``rules.payments.counts_on`` with the paid date, in SQL: the payments that count as of a day (R-PAY-7)."""
    end = end_of_day(on)
    return and_(
        Payment.paid_on <= on,
        or_(Payment.withdrawn_at.is_(None), Payment.withdrawn_at >= end),
        or_(Payment.rejected_at.is_(None), Payment.rejected_at >= end),
        or_(
            Payment.disputed_at.is_(None),
            Payment.disputed_at >= first_running_dispute(on),
            Payment.confirmed_at < end,
            Payment.upheld_at < end,
        ),
    )


# Place of each column in a row of the streams; the first two are the pair.
AT: Final = 2
RECEIPT_NO, SHIPMENT, DUE, OWES = 3, 4, 5, 6
PAYMENT_NO, AMOUNT, NAMED = 3, 4, 5


def receipts_of(on: date, *conditions: ColumnElement[bool]) -> Select[*tuple[Any, ...]]:
    """The receipts accepted on or before a day, in the order of their pairs and of acceptance."""
    return (
        select(
            Shipment.paying_id,
            Shipment.distributor_id,
            type_coerce(Shipment.accepted_at, String),
            Shipment.receipt_no,
            Shipment.id,
            type_coerce(Shipment.due_on, String),
            type_coerce(Shipment.owed, BigInteger),
        )
        .where(Shipment.accepted_at < end_of_day(on), *conditions)
        .order_by(Shipment.paying_id, Shipment.distributor_id, Shipment.accepted_at)
    )


def returns_of(on: date, *conditions: ColumnElement[bool]) -> Select[*tuple[Any, ...]]:
    """What returns agreed by a day take off the receipts, in the order of their pairs."""
    return (
        select(
            Shipment.paying_id,
            Shipment.distributor_id,
            GoodsReturn.shipment_id,
            type_coerce(GoodsReturn.amount, BigInteger),
        )
        .join(Shipment, Shipment.id == GoodsReturn.shipment_id)
        .where(GoodsReturn.agreed_at < end_of_day(on), *conditions)
        .order_by(Shipment.paying_id, Shipment.distributor_id)
    )


def payments_of(on: date, *conditions: ColumnElement[bool]) -> Select[*tuple[Any, ...]]:
    """The payments that count as of a day, refunds with a minus, in the order of their pairs and days."""
    amount = type_coerce(Payment.amount, BigInteger)
    return (
        select(
            Payment.paying_id,
            Payment.distributor_id,
            type_coerce(Payment.paid_on, String),
            Payment.payment_no,
            case((Payment.is_refund, -amount), else_=amount),
            Payment.shipment_id,
        )
        .where(counts_on_sql(on), *conditions)
        .order_by(Payment.paying_id, Payment.distributor_id, Payment.paid_on)
    )


def first_and_last_due(receipts: Sequence[Row]) -> tuple[Any, Any]:
    """The earliest and the latest due day of rows of ``receipts_of``, as the driver gives them; None of none."""
    dues = [row[DUE] for row in receipts]
    return min(dues, default=None), max(dues, default=None)


class DayEnds:
    """The end of a China day in the driver's terms, of a payment's day or of the day of an acceptance."""

    def __init__(self, dialect: Dialect) -> None:
        self._known: dict[Any, Any] = {}
        self._day = partial(from_driver, Date(), dialect=dialect)
        self._moment = partial(from_driver, UtcDateTime(), dialect=dialect)
        self._back: Callable[[Any], Any] = partial(as_driver, UtcDateTime(), dialect=dialect)

    def of_day(self, day: Any) -> Any:
        """Of the day on which something was paid."""
        found = self._known.get(day)
        if found is None:
            found = self._known[day] = self._back(end_of_day(self._day(day)))
        return found

    def of_moment(self, moment: Any) -> Any:
        """Of the day on which an instant falls."""
        return self._back(end_of_day(day_in_china(self._moment(moment))))


def lay_out(receipts: list[Row], payments: list[Row], ends: DayEnds, *, returned: dict[int, int]) -> Laid:
    """Lay out the payments of one pair over its receipts (R-PAY-3).

    Args:
        receipts: rows of ``receipts_of`` of one pair; sorted here.
        payments: rows of ``payments_of`` of the same pair; sorted here.
        ends: the ends of days.
        returned: what returns take off, by receipt.

    """
    # Numbers decide within an instant or a day. Python compares them as the rule does, a database by its locale.
    receipts.sort()
    payments.sort()
    if any(payment[AMOUNT] < 0 for payment in payments):
        # A day's refunds come after its payments.
        payments.sort(key=lambda row: (row[AT], row[AMOUNT] < 0, row[PAYMENT_NO]))
    open_: list[list[Any]] = []
    places: dict[int, int] | None = None
    # What waits for a receipt, payment by payment in cells of one sum each: by receipt, and in their order.
    waits: dict[int, list[list[int]]] = {}
    cells: list[list[int]] = []
    advance = rest = uncovered = 0
    rest_until: Any = None
    taken, count = 0, len(receipts)

    def spread(amount: int) -> int:
        """Pay what is accepted, oldest due day first, then what refunds lack; answers what is left."""
        nonlocal uncovered
        paid = 0
        for entry in open_:
            if amount < entry[2]:
                entry[2] -= amount
                amount = 0
                break
            amount -= entry[2]
            paid += 1
        del open_[:paid]
        if uncovered:
            part = amount if amount < uncovered else uncovered
            uncovered -= part
            amount -= part
        return amount

    for payment in (*payments, None):
        end = None if payment is None else ends.of_day(payment[AT])
        while taken < count:
            receipt = receipts[taken]
            at = receipt[AT]
            if end is not None and at >= end:
                break
            if rest and at >= rest_until:
                advance += spread(rest)
                rest = 0
            taken += 1
            shipment, owes = receipt[SHIPMENT], receipt[OWES]
            if returned:
                owes -= returned.get(shipment, 0)
            if waits and shipment in waits:
                money = sum(cell[0] for cell in waits[shipment])
                for cell in waits.pop(shipment):
                    cell[0] = 0
                part = money if money < owes else owes
                owes -= part
                if money > part:
                    rest += money - part
                    rest_until = ends.of_moment(at)
            if advance:
                part = advance if advance < owes else owes
                owes -= part
                advance -= part
            if owes > 0:
                insort(open_, [receipt[DUE], receipt[RECEIPT_NO], owes, shipment])
        if rest:
            # Every acceptance of the day has been; the payments of the day come after it.
            advance += spread(rest)
            rest = 0
        if payment is None:
            break
        amount, named = payment[AMOUNT], payment[NAMED]
        if amount < 0:
            back = -amount
            part = advance if advance < back else back
            advance -= part
            back -= part
            for cell in cells:
                part = cell[0] if cell[0] < back else back
                cell[0] -= part
                back -= part
            uncovered += back
            continue
        if named is not None:
            if places is None:
                places = {receipt[SHIPMENT]: place for place, receipt in enumerate(receipts)}
            if places.get(named, count) >= taken:
                cells.append([amount])
                waits.setdefault(named, []).append(cells[-1])
                continue
            for place, entry in enumerate(open_):
                if entry[3] == named:
                    part = amount if amount < entry[2] else entry[2]
                    amount -= part
                    entry[2] -= part
                    if not entry[2]:
                        del open_[place]
                    break
        if amount:
            advance += spread(amount)
    waiting = sum(cell[0] for cell in cells)
    return Laid([OpenReceipt._make(entry) for entry in open_], advance, waiting, uncovered)


def _by_pair(connection: Connection, statement: Select[*tuple[Any, ...]]) -> Iterator[tuple[Pair, list[Row]]]:
    """The rows of a stream, one pair after the other."""
    paying = distributor = 0
    held: list[Row] = []
    for rows in driver_rows(connection, statement):
        for row in rows:
            if row[0] != paying or row[1] != distributor:
                if held:
                    yield (paying, distributor), held
                paying, distributor, held = row[0], row[1], []
            held.append(row)
    if held:
        yield (paying, distributor), held


@dataclass(frozen=True, slots=True)
class Which:
    """Conditions on the rows of the streams, on top of the day: on shipments, and on payments."""

    shipments: ColumnElement[bool]
    payments: ColumnElement[bool]


@dataclass(frozen=True, slots=True)
class PairRows:
    """All rows of one pair: of ``receipts_of`` and ``payments_of``, and what returns take off, by receipt."""

    pair: Pair
    receipts: list[Row]
    payments: list[Row]
    returned: dict[int, int]


def rows_of_pairs(connection: Connection, on: date, which: Which) -> Iterator[PairRows]:
    """The rows of every pair with a receipt or a payment, in their order; three statements, constant memory.

    Args:
        connection: where it is read.
        on: the as-of day.
        which: whose receipts and payments.

    """
    none: tuple[Pair, list[Row]] = ((0, 0), [])
    streams = [
        _by_pair(connection, statement)
        for statement in (
            receipts_of(on, which.shipments),
            returns_of(on, which.shipments),
            payments_of(on, which.payments),
        )
    ]
    received, back, paid = (next(stream, none) for stream in streams)
    while received[1] or paid[1]:
        pair = min(one[0] for one in (received, paid) if one[1])
        receipts: list[Row] = []
        payments: list[Row] = []
        returned: dict[int, int] = {}
        if received[1] and received[0] == pair:
            receipts, received = received[1], next(streams[0], none)
        while back[1] and back[0] <= pair:
            if back[0] == pair:
                for row in back[1]:
                    returned[row[2]] = returned.get(row[2], 0) + row[3]
            back = next(streams[1], none)
        if paid[1] and paid[0] == pair:
            payments, paid = paid[1], next(streams[2], none)
        yield PairRows(pair, receipts, payments, returned)


def lay_out_all(connection: Connection, on: date, which: Which) -> Iterator[tuple[Pair, list[Row], Laid]]:
    """Lay out every pair with a receipt or a payment, in their order; see ``rows_of_pairs``.

    Returns:
        the pair, its receipts as rows of ``receipts_of``, and how the money lies.

    """
    ends = DayEnds(connection.dialect)
    for one in rows_of_pairs(connection, on, which):
        yield one.pair, one.receipts, lay_out(one.receipts, one.payments, ends, returned=one.returned)


def allocation_of(connection: Connection, on: date, which: Which) -> Allocation:
    """The plain rule itself over one pair, which knows what came from where on which day (R-PAY-3)."""
    return allocate(*_for_rule(connection, on, which), on=on)


def refundable(connection: Connection, on: date, which: Which, refund: PaymentMade) -> Decimal:
    """How much of a refund the money of one pair covers, every other refund being covered as well as before (yuan)."""
    receipts, payments = _for_rule(connection, on, which)
    less = missing(receipts, [*payments, refund], on=on) - missing(receipts, payments, on=on)
    return max(refund.amount - less, ZERO)


def _for_rule(connection: Connection, on: date, which: Which) -> tuple[list[ReceiptOwed], list[PaymentMade]]:
    """The receipts and payments of one pair as of a day, as the plain rule takes them."""
    day = partial(from_driver, Date(), dialect=connection.dialect)
    moment = partial(from_driver, UtcDateTime(), dialect=connection.dialect)
    yuan = partial(from_driver, Yuan(), dialect=connection.dialect)
    returned: dict[int, int] = {}
    for _, rows in _by_pair(connection, returns_of(on, which.shipments)):
        for row in rows:
            returned[row[2]] = returned.get(row[2], 0) + row[3]
    receipts: list[ReceiptOwed] = []
    numbers: dict[int, str] = {}
    for _, rows in _by_pair(connection, receipts_of(on, which.shipments)):
        for row in rows:
            accepted_at = moment(row[AT])
            owes = yuan(row[OWES] - returned.get(row[SHIPMENT], 0))
            numbers[row[SHIPMENT]] = row[RECEIPT_NO]
            receipts.append(
                ReceiptOwed(row[RECEIPT_NO], accepted_at, day_in_china(accepted_at), day(row[DUE]), owes)
            )
    payments = [
        PaymentMade(
            row[PAYMENT_NO],
            day(row[AT]),
            yuan(abs(row[AMOUNT])),
            # A receipt that is not accepted yet has no number here; any name that no receipt has makes it wait.
            "" if row[NAMED] is None else numbers.get(row[NAMED], f"#{row[NAMED]}"),
            refund=row[AMOUNT] < 0,
        )
        for _, rows in _by_pair(connection, payments_of(on, which.payments))
        for row in rows
    ]
    return receipts, payments
