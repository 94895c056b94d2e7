"""What a receipt owes and by when (rules section 5: R-PAY-1, R-PAY-2, R-PAY-4).

"Institution" is here the paying organisation of the order. A receipt falls due by the rule in force on its
acceptance day, and a due date on a day off does not move.

>>> due_date(date(2026, 1, 31), DueRule.END_OF_NEXT_MONTH)
datetime.date(2026, 2, 28)
>>> due_date(date(2026, 12, 5), DueRule.END_OF_NEXT_MONTH)
datetime.date(2027, 1, 31)
>>> due_date(date(2026, 12, 5), DueRule.DAYS_30)
datetime.date(2027, 1, 4)
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from datetime import date, timedelta
from decimal import Decimal
from enum import StrEnum

from clinic_orders.rules.days import Month
from clinic_orders.rules.findings import CheckRule, Finding, Grade
from clinic_orders.rules.money import line_amount, total


class DueRule(StrEnum):
    """The values of policy ``payment.rule``."""

    END_OF_NEXT_MONTH = "end_of_next_month"
    DAYS_30 = "days_30"


class Ageing(StrEnum):
    """How long money has been overdue, in days (R-PAY-4)."""

    UP_TO_30 = "1-30"
    UP_TO_60 = "31-60"
    UP_TO_90 = "61-90"
    OVER_90 = "over-90"


@dataclass(frozen=True, slots=True)
class OwedLine:
    """One line of a receipt: price of a pack in yuan, packs accepted, packs returned by the day asked about."""

    price: Decimal
    accepted: int
    returned: int = 0


def amount_owed(lines: Iterable[OwedLine]) -> Decimal:
    """What a receipt owes in yuan: Σ price × (accepted − returned), each line rounded once (R-PAY-1).

    >>> amount_owed([OwedLine(Decimal("0.125"), 3), OwedLine(Decimal("0.125"), 3, returned=2)])
    Decimal('0.51')
    """
    return total(line_amount(line.price, line.accepted - line.returned) for line in lines)


def return_amount(line: OwedLine, packs: int) -> Decimal:
    """What a return of packs of a line takes off the receipt: the difference it makes (R-PAY-1).

    So the amounts of several returns add up, and a full return leaves exactly 0.00.

    >>> line = OwedLine(Decimal("0.125"), 3)
    >>> return_amount(line, 1), return_amount(OwedLine(Decimal("0.125"), 3, returned=1), 2)
    (Decimal('0.13'), Decimal('0.25'))
    """
    kept = line.accepted - line.returned
    return line_amount(line.price, kept) - line_amount(line.price, kept - packs)


def due_date(acceptance_day: date, rule: DueRule) -> date:
    """The last day on which a payment is in time (R-PAY-2).

    Args:
        acceptance_day: the day that counts for payment, see ``delivery.acceptance_day_for_payment``.
        rule: policy ``payment.rule`` in force on that day.
    """
    if rule is DueRule.DAYS_30:
        return acceptance_day + timedelta(days=30)
    return Month.of(acceptance_day).next().last_day


def days_left(due: date, *, on: date) -> int:
    """Days from a day to the due date; 0 on the due date itself, negative when it has passed."""
    return (due - on).days


def days_overdue(due: date, *, on: date) -> int:
    """Days by which the due date has passed at the end of a day; 0 up to and including the due date.

    >>> days_overdue(date(2026, 10, 31), on=date(2026, 10, 31)), days_overdue(date(2026, 10, 31), on=date(2026, 11, 1))
    (0, 1)
    """
    return max(0, (on - due).days)


def is_overdue(due: date, outstanding: Decimal, *, on: date) -> bool:
    """Whether a receipt is overdue: due before the day, and something outstanding at its end (R-PAY-4)."""
    return due < on and outstanding > 0


def ageing(days: int) -> Ageing | None:
    """The bucket of so many days overdue; None where nothing is overdue (R-PAY-4).

    >>> [ageing(days) for days in (0, 1, 30, 31, 60, 61, 90, 91)] # doctest: +NORMALIZE_WHITESPACE
    [None, <Ageing.UP_TO_30: '1-30'>, <Ageing.UP_TO_30: '1-30'>, <Ageing.UP_TO_60: '31-60'>,
     <Ageing.UP_TO_60: '31-60'>, <Ageing.UP_TO_90: '61-90'>, <Ageing.UP_TO_90: '61-90'>, <Ageing.OVER_90: 'over-90'>]
    """
    if days < 1:
        return None
    if days <= 30:
        return Ageing.UP_TO_30
    if days <= 60:
        return Ageing.UP_TO_60
    return Ageing.UP_TO_90 if days <= 90 else Ageing.OVER_90


def payment_overdue(
    receipt_no: str, institution: str, distributor: str, *, due_on: date, outstanding: Decimal, on: date
) -> Finding | None:
    """The finding on a receipt that is not paid in time (R-PAY-4): a warning up to 30 days, then a violation.

    Args:
        receipt_no: of the receipt.
        institution: code of the paying organisation.
        distributor: code of the one to be paid.
        due_on: the due date.
        outstanding: yuan, at the end of the day D.
        on: the day D.

    >>> payment_overdue("PS1", "C1", "D1", due_on=date(2026, 2, 28), outstanding=Decimal("5.10"),
    ...                 on=date(2026, 3, 31)).as_json()["ageing"]
    '31-60'
    """
    days = days_overdue(due_on, on=on)
    bucket = ageing(days)
    if bucket is None or outstanding <= 0:
        return None
    due = due_on.isoformat()
    return Finding(
        CheckRule.PAYMENT_OVERDUE,
        Grade.WARNING if bucket is Ageing.UP_TO_30 else Grade.VIOLATION,
        institution=institution,
        distributor=distributor,
        key=receipt_no,
        period=due,
        formula=f"outstanding = {outstanding} > 0; {on} − {due} = {days}",
        figures={"outstanding": outstanding, "days_overdue": days, "ageing": bucket.value},
        rows=(("receipt", receipt_no),),
    )
