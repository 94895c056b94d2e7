"""When the two sides of a payment are reminded of it (rules section 12: 7, 3, 1 days before the due day, the day after).

>>> from datetime import date
>>> due = date(2026, 11, 30)
>>> [stage_on(due, on=date(2026, 11, day)) for day in (22, 23, 27, 29, 30)]
[None, <ReminderStage.WEEK: '7'>, <ReminderStage.THREE_DAYS: '3'>, <ReminderStage.TOMORROW: '1'>, None]
>>> stage_on(due, on=date(2026, 12, 1)), stage_on(due, on=date(2027, 3, 1))
(<ReminderStage.OVERDUE: 'overdue'>, <ReminderStage.OVERDUE: 'overdue'>)
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from datetime import date
from decimal import Decimal
from enum import StrEnum

from clinic_orders.rules.payment_terms import days_left, is_overdue

NOTHING = Decimal("0.00")


class ReminderStage(StrEnum):
    """What a receipt is reminded of; each once."""

    WEEK = "7"
    THREE_DAYS = "3"
    TOMORROW = "1"
    OVERDUE = "overdue"


_BEFORE = {7: ReminderStage.WEEK, 3: ReminderStage.THREE_DAYS, 1: ReminderStage.TOMORROW}


def stage_on(due: date, *, on: date) -> ReminderStage | None:
    """The reminder that belongs to a day; None if none does.

    The notice that a day has passed stays due until it is sent: a receipt that came from a file, or whose payment
    was disputed and counts no more, gets it later than on the day after.
    """
    left = days_left(due, on=on)
    return ReminderStage.OVERDUE if left < 0 else _BEFORE.get(left)


@dataclass(frozen=True, slots=True)
class ReceiptToPay:
    """A receipt as a reminder sees it.

    Attributes:
        shipment_id: its row.
        receipt_no: its number.
        due_on: the due day (R-PAY-2).
        outstanding: yuan that no payment has reached on the day the reminder is sent.
        reminded: the stages that were sent already.

    """

    shipment_id: int
    receipt_no: str
    due_on: date
    outstanding: Decimal
    reminded: frozenset[ReminderStage] = frozenset()


def due_reminders(
    receipts: Iterable[ReceiptToPay], *, on: date, sent_on: date
) -> list[tuple[ReceiptToPay, ReminderStage]]:
    """Which receipts are reminded of what, the earliest due day first.

    Args:
        receipts: of one institution and one distributor.
        on: the day whose reminders are asked for; a missed day is asked for later.
        sent_on: the day on which they go out. What was paid meanwhile is left out, and where the due day has
            passed meanwhile, so is the word that it is coming.

    >>> one = ReceiptToPay(1, "PS1", date(2026, 11, 30), Decimal("6.73"))
    >>> [stage for _, stage in due_reminders([one], on=date(2026, 11, 23), sent_on=date(2026, 11, 25))]
    [<ReminderStage.WEEK: '7'>]
    >>> due_reminders([one], on=date(2026, 11, 23), sent_on=date(2026, 12, 1))
    []

    """
    found = []
    for receipt in sorted(receipts, key=lambda one: (one.due_on, one.receipt_no)):
        stage = stage_on(receipt.due_on, on=on)
        if stage is None or stage in receipt.reminded or receipt.outstanding <= 0:
            continue
        if stage is not ReminderStage.OVERDUE and is_overdue(receipt.due_on, receipt.outstanding, on=sent_on):
            continue
        found.append((receipt, stage))
    return found


@dataclass(frozen=True, slots=True)
class Gathered:
    """What one notice says of several receipts.

    Attributes:
        receipts: how many.
        amount: yuan outstanding on them.
        first_due: the earliest due day.
        last_due: the latest due day.

    """

    receipts: int = 0
    amount: Decimal = NOTHING
    first_due: date | None = None
    last_due: date | None = None


def gathered(receipts: Iterable[ReceiptToPay]) -> Gathered:
    """One notice instead of forty: number, sum and due days."""
    rows = list(receipts)
    if not rows:
        return Gathered()
    days = [row.due_on for row in rows]
    return Gathered(len(rows), sum((row.outstanding for row in rows), NOTHING), min(days), max(days))
