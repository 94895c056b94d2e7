"""What is outstanding, in words and figures: states, filters, rows, sums (R-PAY-1 to R-PAY-4)."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import date, datetime
from decimal import Decimal
from enum import StrEnum
from typing import NamedTuple

from clinic_orders.rules.days import Month
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
