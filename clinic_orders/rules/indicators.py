"""The indicators of a month for a block of institutions, and how they are written (R-STAT-2, formats.md section 3).

A block is the city, a county or a kind. Its figures are sums over institutions; shares are divided once, at the end.

>>> clinic = Own(member=True, orders=1, packs=3, amount=Decimal("9.99"), carried=30)
>>> block = block_of([clinic, Own(member=True, carried=33)])
>>> block["coverage"], block["items_carried_average"], block["order_amount"], block["delivery_rate"]
('0.5000', '31.50', '9.99', None)
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable
from dataclasses import dataclass, field
from decimal import Decimal
from fractions import Fraction
from typing import Any, NamedTuple

from clinic_orders.rules.findings import CheckRule, rounded

CENT = Decimal("0.01")
SHARE = Decimal("0.0001")


class Traded(NamedTuple):
    """Orders submitted, their packs and yuan."""

    orders: int
    packs: int
    amount: Decimal


@dataclass(slots=True)
class Own:
    """What one institution did in a month, as of its last day; money in yuan.

    Attributes:
        member: whether it is a member on that day. Of others only the money and the agreed volume count.
        orders, packs, amount: submitted in the month, whatever became of them.
        carried: items kept (R-STOCK-3).
        accepted_amount: of receipts accepted in the month, returns not deducted.
        asked, delivered: packs of its order lines whose limit fell in the month (R-DEL-4).
        due, paid_in_time, overdue: as paying organisation (R-PAY-4, R-PAY-6).
        over_markup_lines, over_markup_excess: of its findings.
        counted, agreed: packs of its agreements that run on the day (R-VOL-2).
        coded_lines, codable_lines: sale lines that should carry a trace code, those that do (R-TRACE-2, T9).
        findings: number by rule.

    What follows goes into the indicators beyond the contract, see ``rules.further_indicators``:

    Attributes:
        in_time: of the packs asked for, those delivered by the limit.
        lines_to_answer, lines_answered: its order lines to be answered in the month, those that were in time.
        trade: orders, packs and yuan submitted in the month, by mode and channel.
        minimum_due, minimum_met: 1 where a stocking minimum is judged, and where it is kept (R-STOCK-4).
        overdue_by_age: outstanding by days overdue: 1 to 30, 31 to 60, 61 to 90, over 90 (R-PAY-4).
        saved: against the ceiling price, of what was accepted in the month; ``saved_of`` is what that cost.
        reports_due, reports_received, reports_in_time: reports that fell due in the month.
        cases: of those against it that were not closed at the end of the month, by the level they had reached (1 to 8).
        raised, cured, open_findings: of the stored findings that name it: first seen in the month, ended in it,
            open at its end.

    """

    member: bool = False
    orders: int = 0
    packs: int = 0
    amount: Decimal = Decimal(0)
    carried: int = 0
    accepted_amount: Decimal = Decimal(0)
    asked: int = 0
    delivered: int = 0
    due: Decimal = Decimal(0)
    paid_in_time: Decimal = Decimal(0)
    overdue: Decimal = Decimal(0)
    over_markup_lines: int = 0
    over_markup_excess: Decimal = Decimal(0)
    counted: int = 0
    agreed: int = 0
    coded_lines: int = 0
    codable_lines: int = 0
    findings: Counter[CheckRule] = field(default_factory=Counter)
    in_time: int = 0
    lines_to_answer: int = 0
    lines_answered: int = 0
    trade: dict[tuple[str, str], Traded] = field(default_factory=dict)
    minimum_due: int = 0
    minimum_met: int = 0
    overdue_by_age: list[Decimal] = field(default_factory=lambda: [Decimal(0)] * 4)
    saved: Decimal = Decimal(0)
    saved_of: Decimal = Decimal(0)
    reports_due: int = 0
    reports_received: int = 0
    reports_in_time: int = 0
    cases: Counter[int] = field(default_factory=Counter)
    raised: int = 0
    cured: int = 0
    open_findings: int = 0


def share(part: int | Decimal, whole: int | Decimal, smallest: Decimal = SHARE) -> str | None:
    """A share or average as text, rounded half up; None where nothing is divided by."""
    if not whole:
        return None
    return str(rounded(Fraction(part) / Fraction(whole), smallest))


def money(amount: Decimal) -> str:
    """Yuan as text with two decimals."""
    return str(rounded(amount, CENT))


def block_of(
    institutions: Iterable[Own], without_institution: Counter[CheckRule] | None = None
) -> dict[str, Any]:
    """The figures of a block as ``statistics --format json`` prints them, in their order (formats.md section 3).

    Args:
        institutions: of the block.
        without_institution: findings that name no institution; they count for the city only.

    """
    everybody = list(institutions)
    members = [one for one in everybody if one.member]
    number = len(members)
    participating = sum(1 for one in members if one.orders)
    due = sum((one.due for one in everybody), Decimal(0))
    in_time = sum((one.paid_in_time for one in everybody), Decimal(0))
    findings = sum((one.findings for one in everybody), Counter(without_institution or ()))
    return {
        "institutions": number,
        "participating": participating,
        "coverage": share(participating, number),
        "items_carried_average": share(sum(one.carried for one in members), number, CENT),
        "orders": sum(one.orders for one in members),
        "order_packs": sum(one.packs for one in members),
        "order_amount": money(sum((one.amount for one in members), Decimal(0))),
        "accepted_amount": money(sum((one.accepted_amount for one in members), Decimal(0))),
        "delivery_rate": share(sum(one.delivered for one in members), sum(one.asked for one in members)),
        "amount_due": money(due),
        "amount_paid_on_time": money(in_time),
        "on_time_payment_rate": share(in_time, due),
        "overdue_amount": money(sum((one.overdue for one in everybody), Decimal(0))),
        "over_markup_lines": sum(one.over_markup_lines for one in members),
        "over_markup_excess": money(sum((one.over_markup_excess for one in members), Decimal(0))),
        "fulfilment": share(sum(one.counted for one in everybody), sum(one.agreed for one in everybody)),
        "trace_rate": share(
            sum(one.coded_lines for one in members), sum(one.codable_lines for one in members)
        ),
        "findings": {rule.value: findings[rule] for rule in CheckRule if findings[rule]},
    }
