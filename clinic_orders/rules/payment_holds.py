"""When money overdue for long stops orders, which ones, and until when (R-PAY-5, R-PAY-7).

What is *undisputed*: the outstanding amount of a receipt, less what it would owe less if a return that was asked for
and not answered yet were agreed. A disputed payment counts for five working days (R-PAY-7), so until then no amount
that it reached is outstanding; afterwards the rule itself has settled it, unless the bureau upholds it
(docs/decisions/0011).

>>> from datetime import date
>>> late = OverdueReceipt("PS1", date(2026, 8, 31), Decimal("150.00"), noticed=True)
>>> policy = HoldPolicy(after_days=60, min_amount=Decimal("100.00"), scope=HoldScope.DISTRIBUTOR)
>>> hold_on([late], policy, on=date(2026, 10, 30)) is None      # 60 days overdue: not yet more than 60
True
>>> hold_on([late], policy, on=date(2026, 10, 31))
HoldFound(amount=Decimal('150.00'), since=datetime.date(2026, 8, 31), days=61, receipts=('PS1',))
>>> asked_back = OverdueReceipt("PS1", date(2026, 8, 31), Decimal("150.00"), disputed=Decimal("50.01"), noticed=True)
>>> hold_on([asked_back], policy, on=date(2026, 10, 31)) is None
True
>>> hold_on([late], HoldPolicy(after_days=None), on=date(2027, 1, 1)) is None   # not set: no hold
True
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from datetime import date
from decimal import Decimal
from enum import StrEnum

from clinic_orders.rules.payment_terms import days_overdue
from clinic_orders.rules.policy import PolicyBook

PARAMETERS = ("payment.hold_after_days", "payment.hold_min_amount", "payment.hold_scope")
NOTHING = Decimal("0.00")


class HoldScope(StrEnum):
    """Which orders a hold stops: those to the distributor that waits for its money, or all."""

    DISTRIBUTOR = "distributor"
    ALL = "all"


@dataclass(frozen=True, slots=True)
class HoldPolicy:
    """The parameters ``payment.hold_…`` on a day; ``after_days`` None = no hold at all."""

    after_days: int | None
    min_amount: Decimal = Decimal("100.00")
    scope: HoldScope = HoldScope.DISTRIBUTOR


def hold_policy(book: PolicyBook, *, on: date) -> HoldPolicy:
    """The parameters in force on a day."""
    return HoldPolicy(
        book.whole_or_none("payment.hold_after_days", on=on),
        book.decimal_or_none("payment.hold_min_amount", on=on) or NOTHING,
        HoldScope(book.choice("payment.hold_scope", on=on)),
    )


@dataclass(frozen=True, slots=True)
class OverdueReceipt:
    """A receipt of one institution and one distributor, as of a day.

    Attributes:
        receipt_no: its number.
        due_on: its due day.
        outstanding: yuan that no payment has reached.
        disputed: yuan by which unanswered returns would lower what it owes.
        noticed: the notice that it is overdue was sent before.

    """

    receipt_no: str
    due_on: date
    outstanding: Decimal
    disputed: Decimal = NOTHING
    noticed: bool = False

    @property
    def undisputed(self) -> Decimal:
        """What nobody disputes of it."""
        return max(NOTHING, self.outstanding - self.disputed)


@dataclass(frozen=True, slots=True)
class HoldFound:
    """Why orders are stopped.

    Attributes:
        amount: undisputed yuan overdue for too long.
        since: the earliest due day among them.
        days: by how many days that is overdue.
        receipts: their numbers, the earliest due first.

    """

    amount: Decimal
    since: date
    days: int
    receipts: tuple[str, ...]


def hold_on(receipts: Iterable[OverdueReceipt], policy: HoldPolicy, *, on: date) -> HoldFound | None:
    """Whether an institution's debts to a distributor stop orders on a day (R-PAY-5); None = they do not."""
    if policy.after_days is None:
        return None
    late = sorted(
        (
            one
            for one in receipts
            if one.noticed and one.undisputed > 0 and days_overdue(one.due_on, on=on) > policy.after_days
        ),
        key=lambda one: (one.due_on, one.receipt_no),
    )
    amount = sum((one.undisputed for one in late), NOTHING)
    if not late or amount < policy.min_amount:
        return None
    since = late[0].due_on
    return HoldFound(amount, since, days_overdue(since, on=on), tuple(one.receipt_no for one in late))


@dataclass(frozen=True, slots=True)
class RunningHold:
    """A hold that was recorded and told: whose debt, to whom, how much, since when."""

    paying_id: int
    distributor_id: int
    distributor: str
    amount: Decimal
    since: date


def stopping(
    holds: Iterable[RunningHold], *, paying_id: int, distributor_id: int | None, scope: HoldScope
) -> RunningHold | None:
    """The hold that stops an order, the largest first; None = nothing stops it (R-PAY-5).

    Only debts of the organisation that would pay *this* order count: a village whose hospital is in arrears orders
    and pays itself, and a hospital in arrears can't pay for a village either. Emergencies are passed in
    ``rules.order_refusals``.

    Args:
        holds: those that run, of whomever.
        paying_id: who would pay the order.
        distributor_id: to whom the order would go; None = not known yet.
        scope: policy ``payment.hold_scope``.

    >>> hospital = RunningHold(7, 1, "甲公司", Decimal("150.00"), date(2026, 8, 31))
    >>> stopping([hospital], paying_id=9, distributor_id=1, scope=HoldScope.ALL) is None
    True
    >>> stopping([hospital], paying_id=7, distributor_id=2, scope=HoldScope.DISTRIBUTOR) is None
    True
    >>> stopping([hospital], paying_id=7, distributor_id=2, scope=HoldScope.ALL) is hospital
    True

    """
    found = [
        hold
        for hold in holds
        if hold.paying_id == paying_id and (scope is HoldScope.ALL or hold.distributor_id == distributor_id)
    ]
    return max(found, key=lambda hold: (hold.amount, -hold.distributor_id), default=None)
