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
from typing import Any

from clinic_orders.rules.findings import CheckRule, rounded

_CENT = Decimal("0.01")
_SHARE = Decimal("0.0001")


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


def _share(part: int | Decimal, whole: int | Decimal, smallest: Decimal = _SHARE) -> str | None:
    """A share or average as text, rounded half up; None where nothing is divided by."""
    if not whole:
        return None
    return str(rounded(Fraction(part) / Fraction(whole), smallest))


def _money(amount: Decimal) -> str:
    return str(rounded(amount, _CENT))


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
        "coverage": _share(participating, number),
        "items_carried_average": _share(sum(one.carried for one in members), number, _CENT),
        "orders": sum(one.orders for one in members),
        "order_packs": sum(one.packs for one in members),
        "order_amount": _money(sum((one.amount for one in members), Decimal(0))),
        "accepted_amount": _money(sum((one.accepted_amount for one in members), Decimal(0))),
        "delivery_rate": _share(sum(one.delivered for one in members), sum(one.asked for one in members)),
        "amount_due": _money(due),
        "amount_paid_on_time": _money(in_time),
        "on_time_payment_rate": _share(in_time, due),
        "overdue_amount": _money(sum((one.overdue for one in everybody), Decimal(0))),
        "over_markup_lines": sum(one.over_markup_lines for one in members),
        "over_markup_excess": _money(sum((one.over_markup_excess for one in members), Decimal(0))),
        "fulfilment": _share(sum(one.counted for one in everybody), sum(one.agreed for one in everybody)),
        "trace_rate": _share(
            sum(one.coded_lines for one in members), sum(one.codable_lines for one in members)
        ),
        "findings": {rule.value: findings[rule] for rule in CheckRule if findings[rule]},
    }
