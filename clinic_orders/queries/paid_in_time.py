"""What fell due in a month, what of it was paid in time, and what is overdue, by paying organisation (R-PAY-4, R-PAY-6)."""

from __future__ import annotations

from collections import defaultdict
from dataclasses import dataclass, field
from datetime import date
from decimal import Decimal
from functools import partial
from typing import Any

from sqlalchemy import Connection, Date, true

from clinic_orders.models.deliveries import Shipment
from clinic_orders.models.streaming import from_driver
from clinic_orders.queries.doubles import counts_once
from clinic_orders.queries.payables.laying import (
    AT,
    DUE,
    OWES,
    SHIPMENT,
    DayEnds,
    PairRows,
    Which,
    lay_out,
    rows_of_pairs,
)
from clinic_orders.rules.days import Month
from clinic_orders.rules.payment_terms import Ageing, ageing, days_overdue

_AGES = list(Ageing)


@dataclass(slots=True)
class MonthOwed:
    """Yuan, as of the month's last day.

    Attributes:
        due: what receipts due in the month owe.
        in_time: the part of it that reached them on or before their due dates.
        overdue: outstanding on receipts with a due date before that day.
        by_age: the same by the days overdue: 1 to 30, 31 to 60, 61 to 90, over 90.

    """

    due: Decimal = Decimal(0)
    in_time: Decimal = Decimal(0)
    overdue: Decimal = Decimal(0)
    by_age: list[Decimal] = field(default_factory=lambda: [Decimal(0)] * len(Ageing))


def month_owed(connection: Connection, month: Month, which: Which | None = None) -> dict[int, MonthOwed]:
    """The money of a month by row id of the paying organisation; one ordered pass over all pairs.

    Args:
        connection: where it is read.
        month: the month; returns and payments count by its last day.
        which: whose receipts and payments; None = all.

    """
    on = month.last_day
    day = partial(from_driver, Date(), dialect=connection.dialect)
    ends = DayEnds(connection.dialect)
    days: dict[Any, date] = {}
    found: dict[int, MonthOwed] = defaultdict(MonthOwed)
    for one in rows_of_pairs(connection, on, which or Which(counts_once(Shipment.order_id), true())):
        owed = found[one.pair[0]]
        due_rows: dict[Any, list[tuple[int, int]]] = defaultdict(list)
        for row in one.receipts:
            due = row[DUE]
            if due not in days:
                days[due] = day(due)
            if days[due] in month:
                due_rows[due].append((row[SHIPMENT], row[OWES] - one.returned.get(row[SHIPMENT], 0)))
        laid = lay_out(one.receipts, one.payments, ends, returned=one.returned)
        for entry in laid.open:
            age = ageing(days_overdue(days[entry.due], on=on))
            if age is not None:
                owed.overdue += _yuan(entry.left)
                owed.by_age[_AGES.index(age)] += _yuan(entry.left)
        left_on_last_day = {entry.shipment_id: entry.left for entry in laid.open}
        for due, receipts in due_rows.items():
            last = days[due] == on
            left = left_on_last_day if last else _left_at_end(one, due, ends)
            owed.due += _yuan(sum(owes for _, owes in receipts))
            owed.in_time += _yuan(sum(owes - left.get(shipment, 0) for shipment, owes in receipts))
    return found


def _left_at_end(one: PairRows, due: Any, ends: DayEnds) -> dict[int, int]:
    """What was left on each receipt at the end of an earlier due day, with the returns of the day looked at."""
    end = ends.of_day(due)
    receipts = [row for row in one.receipts if row[AT] < end]
    payments = [row for row in one.payments if row[AT] <= due]
    laid = lay_out(receipts, payments, ends, returned=one.returned)
    return {entry.shipment_id: entry.left for entry in laid.open}


def _yuan(ten_thousandths: int) -> Decimal:
    return Decimal(ten_thousandths).scaleb(-4)
