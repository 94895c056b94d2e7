"""What a month's indicators are added up from, institution by institution, and the indicators beyond the contract.

A *row* says what one institution brings into the figures of its block, already as it counts there: who is no member
brings its money and agreed volume only. A figure is a sum over rows, or one sum divided by another, so that the rows
behind every figure can be shown and add up to it (R-STAT-2).

>>> row = row_of(Own(member=True, orders=2, lines_to_answer=4, lines_answered=3))
>>> row["orders"], row["participating"]
(2, 1)
>>> further_of([row])["confirmation_rate"], further_of([row])["savings"]
('0.7500', None)
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from decimal import Decimal
from typing import Any, Final

from clinic_orders.rules.indicators import CENT, SHARE, Own, Traded, money, share

Row = Mapping[str, Any]

AGES: Final = ("overdue_1_30", "overdue_31_60", "overdue_61_90", "overdue_over_90")
"""What is overdue by the days it is (R-PAY-4)."""

MONEY: Final = frozenset(
    {
        "order_amount",
        "accepted_amount",
        "amount_due",
        "amount_paid_on_time",
        "overdue_amount",
        "over_markup_excess",
        "savings",
        "savings_of",
        *AGES,
    }
)
"""The columns of a row that are yuan; the others are whole numbers."""

# Of institutions that have left only these count (formats.md section 3); reports and findings stay with them.
_ALSO_OF_OTHERS: Final = frozenset(
    {"amount_due", "amount_paid_on_time", "overdue_amount", *AGES, "counted", "agreed"}
    | {"findings", "findings_raised", "findings_cured", "findings_open"}
)


def _columns(own: Own) -> dict[str, int | Decimal]:
    return {
        "institutions": 1,
        "participating": 1 if own.orders else 0,
        "items_carried": own.carried,
        "orders": own.orders,
        "order_packs": own.packs,
        "order_amount": own.amount,
        "accepted_amount": own.accepted_amount,
        "asked": own.asked,
        "delivered": own.delivered,
        "delivered_in_time": own.in_time,
        "amount_due": own.due,
        "amount_paid_on_time": own.paid_in_time,
        "overdue_amount": own.overdue,
        "over_markup_lines": own.over_markup_lines,
        "over_markup_excess": own.over_markup_excess,
        "counted": own.counted,
        "agreed": own.agreed,
        "codable_lines": own.codable_lines,
        "coded_lines": own.coded_lines,
        "findings": own.findings.total(),
        "minimum_due": own.minimum_due,
        "minimum_met": own.minimum_met,
        "lines_to_answer": own.lines_to_answer,
        "lines_answered": own.lines_answered,
        **dict(zip(AGES, own.overdue_by_age, strict=True)),
        "savings": own.saved,
        "savings_of": own.saved_of,
        "reports_due": own.reports_due,
        "reports_received": own.reports_received,
        "reports_in_time": own.reports_in_time,
        "findings_raised": own.raised,
        "findings_cured": own.cured,
        "findings_open": own.open_findings,
    }


COLUMNS: Final = tuple(_columns(Own()))
"""The columns of a row, in order."""


def row_of(own: Own) -> dict[str, int | Decimal]:
    """What an institution brings into the figures of its block, as it counts there."""
    columns = _columns(own)
    if own.member:
        return columns
    return {
        name: value if name in _ALSO_OF_OTHERS else Decimal(0) if name in MONEY else 0
        for name, value in columns.items()
    }


@dataclass(frozen=True, slots=True)
class Parts:
    """How a figure is made of rows: a sum, or a sum divided by another; ``known_by`` must be above 0 for a sum.

    Attributes:
        part: column that is added up.
        whole: column it is divided by; "" = nothing.
        known_by: column without which nothing is known; "" = always known.
        smallest: the last decimal of a share or average.

    """

    part: str
    whole: str = ""
    known_by: str = ""
    smallest: Decimal = SHARE

    @property
    def columns(self) -> tuple[str, ...]:
        """The columns that a page shows of the rows behind the figure."""
        return tuple(dict.fromkeys(name for name in (self.part, self.whole, self.known_by) if name))

    def of(self, sums: Mapping[str, Any]) -> int | str | None:
        """The figure, written as ``statistics`` prints it; None where nothing is divided by, or known."""
        if self.whole:
            return share(sums[self.part], sums[self.whole], self.smallest)
        if self.known_by and not sums[self.known_by]:
            return None
        return money(sums[self.part]) if self.part in MONEY else int(sums[self.part])


CONTRACT: Final[Mapping[str, Parts]] = {
    "institutions": Parts("institutions"),
    "participating": Parts("participating"),
    "coverage": Parts("participating", "institutions"),
    "items_carried_average": Parts("items_carried", "institutions", smallest=CENT),
    "orders": Parts("orders"),
    "order_packs": Parts("order_packs"),
    "order_amount": Parts("order_amount"),
    "accepted_amount": Parts("accepted_amount"),
    "delivery_rate": Parts("delivered", "asked"),
    "amount_due": Parts("amount_due"),
    "amount_paid_on_time": Parts("amount_paid_on_time"),
    "on_time_payment_rate": Parts("amount_paid_on_time", "amount_due"),
    "overdue_amount": Parts("overdue_amount"),
    "over_markup_lines": Parts("over_markup_lines"),
    "over_markup_excess": Parts("over_markup_excess"),
    "fulfilment": Parts("counted", "agreed"),
    "trace_rate": Parts("coded_lines", "codable_lines"),
}
"""The indicators of formats.md section 3, as sums over rows."""

FURTHER: Final[Mapping[str, Parts]] = {
    "minimum_compliance": Parts("minimum_met", "minimum_due"),
    "confirmation_rate": Parts("lines_answered", "lines_to_answer"),
    "on_time_rate": Parts("delivered_in_time", "asked"),
    **{name: Parts(name) for name in AGES},
    "savings": Parts("savings", known_by="savings_of"),
    "reports_due": Parts("reports_due"),
    "reporting_rate": Parts("reports_received", "reports_due"),
    "on_time_reporting_rate": Parts("reports_in_time", "reports_due"),
    "findings_raised": Parts("findings_raised"),
    "findings_cured": Parts("findings_cured"),
    "findings_open": Parts("findings_open"),
}
"""The indicators of R-STAT-2 beyond those, as sums over rows."""


@dataclass(frozen=True, slots=True)
class InScope:
    """How many institutions of a county and kind the scheme is meant for, as the bureau has set it."""

    county_code: str
    kind: str
    institutions: int


def sums_of(rows: Iterable[Row], columns: Iterable[str] = COLUMNS) -> dict[str, int | Decimal]:
    """Each column added up."""
    total: dict[str, int | Decimal] = {name: Decimal(0) if name in MONEY else 0 for name in columns}
    for row in rows:
        for name in total:
            if row[name]:
                total[name] += row[name]
    return total


def scheme_coverage(members: Mapping[tuple[str, str], int], scope: Iterable[InScope]) -> dict[str, Any]:
    """Institutions in scope, and the share of them that are members (覆盖率, R-STAT-2).

    Only counties and kinds whose number is set count, on both sides; without any the figures are None: a number
    that nobody has set is not made up.

    Args:
        members: by county code and kind.
        scope: the numbers that are set.

    >>> scheme_coverage({("410325", "village_clinic"): 3, ("410325", "retail_pharmacy"): 9},
    ...                 [InScope("410325", "village_clinic", 4)])
    {'in_scope': 4, 'in_scope_members': 3, 'scheme_coverage': '0.7500'}

    """
    cells = list(scope)
    if not cells:
        return {"in_scope": None, "in_scope_members": None, "scheme_coverage": None}
    number = sum(one.institutions for one in cells)
    joined = sum(members.get((one.county_code, one.kind), 0) for one in cells)
    return {"in_scope": number, "in_scope_members": joined, "scheme_coverage": share(joined, number)}


def trade_of(trades: Iterable[Mapping[tuple[str, str], Traded]]) -> list[dict[str, Any]]:
    """Orders, packs and yuan by mode and channel, in their order."""
    total: dict[tuple[str, str], Traded] = {}
    for trade in trades:
        for key, one in trade.items():
            before = total.get(key, Traded(0, 0, Decimal(0)))
            total[key] = Traded(
                before.orders + one.orders, before.packs + one.packs, before.amount + one.amount
            )
    return [
        {
            "mode": mode,
            "channel": channel,
            "orders": one.orders,
            "packs": one.packs,
            "amount": money(one.amount),
        }
        for (mode, channel), one in sorted(total.items())
    ]


LEVELS: Final = range(1, 9)
"""The levels of the ladder (R-CASE-2)."""


def cases_of(cases: Iterable[Mapping[int, int]]) -> dict[str, int]:
    """Cases by level, every level named; by text, because the names of JSON are text.

    >>> cases_of([{1: 2}, {1: 1, 4: 1}])["1"]
    3
    """
    those = list(cases)
    return {str(level): sum(one.get(level, 0) for one in those) for level in LEVELS}


def further_of(rows: Iterable[Row]) -> dict[str, Any]:
    """The indicators of a block beyond the contract, but for those of scope, trade and cases."""
    needed = {name for parts in FURTHER.values() for name in parts.columns}
    sums = sums_of(rows, needed)
    return {name: parts.of(sums) for name, parts in FURTHER.items()}
