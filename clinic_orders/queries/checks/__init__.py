"""The checks of formats.md section 3: what is found as of a day, computed and never stored here.

A check is a module with ``RULES`` (the rules whose findings it gives) and ``find(scope)``, which answers them in any
order. It reads set-based, asks the plain rule of ``rules/`` for each case that is left, and is held equal to that
rule on random data by a property test on both databases.
"""

from __future__ import annotations

from collections.abc import Collection, Iterator
from typing import Final, Protocol

from clinic_orders.queries.checks import (
    delivery_rate,
    emergency_share,
    late_acceptance,
    late_confirmation,
    monitored_prices,
    nonselected_share,
    over_markup,
    over_shelf_price,
    payment_overdue,
    report_missing,
    settled_not_sold,
    sold_beyond_stock,
    stocking,
    tied_sale,
    trace_codes,
    trace_missing,
    volume,
)
from clinic_orders.queries.checks.scope import Scope
from clinic_orders.rules.findings import CheckRule, Finding, in_order

__all__ = ["CHECKS", "Scope", "check", "checked_rules"]


class Check(Protocol):
    """A module that finds something."""

    @property
    def RULES(self) -> tuple[CheckRule, ...]:  # noqa: N802 - it is a constant of the module.
        """What it finds."""
        ...

    def find(self, scope: Scope) -> Iterator[Finding]:
        """The findings as of the scope's day."""
        ...


CHECKS: Final[tuple[Check, ...]] = (
    over_markup,
    over_shelf_price,
    payment_overdue,
    stocking,
    volume,
    nonselected_share,
    delivery_rate,
    late_confirmation,
    late_acceptance,
    settled_not_sold,
    emergency_share,
    tied_sale,
    trace_codes,
    trace_missing,
    sold_beyond_stock,
    report_missing,
    monitored_prices,
)


def checked_rules() -> tuple[CheckRule, ...]:
    """Every rule that a check looks for, in the order of formats.md."""
    found = {rule for one in CHECKS for rule in one.RULES}
    return tuple(rule for rule in CheckRule if rule in found)


def check(scope: Scope, rules: Collection[CheckRule] | None = None) -> list[Finding]:
    """All findings as of a day, sorted by rule, institution or distributor, key (formats.md section 3).

    Args:
        scope: the day and what may be looked at.
        rules: only these; None = all.

    """
    wanted = frozenset(CheckRule if rules is None else rules)
    found: list[Finding] = []
    for one in CHECKS:
        if wanted.issuperset(one.RULES):
            found += one.find(scope)
        elif wanted.intersection(one.RULES):
            found += (finding for finding in one.find(scope) if finding.rule in wanted)
    return in_order(found)
