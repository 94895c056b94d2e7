"""How much of what was ordered a distributor delivers, and in time (R-DEL-4).

Quantities are packs. A line belongs to the month in which its delivery limit (R-DEL-3) falls.

>>> lines = [LimitedLine(ordered=10, withdrawn_by_limit=2, delivered=8, delivered_in_time=4, rejected_justified=1)]
>>> rates = rates_of(lines)
>>> rates.delivery_rate, rates.on_time_rate
(Fraction(7, 8), Fraction(1, 2))
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from decimal import Decimal
from fractions import Fraction

from clinic_orders.rules.days import Month
from clinic_orders.rules.findings import CheckRule, Finding, Grade, rounded


@dataclass(frozen=True, slots=True)
class LimitedLine:
    """An order line whose delivery limit falls in the month looked at, as of the day D.

    Attributes:
        ordered: packs.
        withdrawn_by_limit: taken back by the buyer on or before the day of the limit; later ones do not matter.
        delivered: delivered by D, whatever became of them.
        delivered_in_time: of these, those delivered by the instant of the limit.
        rejected_justified: rejected by D for a reason that is the distributor's (R-VOL-5).
        rejected_in_time: of these, those on shipments delivered by the instant of the limit.

    """

    ordered: int
    withdrawn_by_limit: int
    delivered: int
    delivered_in_time: int
    rejected_justified: int = 0
    rejected_in_time: int = 0


@dataclass(frozen=True, slots=True)
class Rates:
    """Packs asked for and delivered; the shares are None where nothing was asked for."""

    asked: int
    delivered: int
    delivered_in_time: int

    @property
    def delivery_rate(self) -> Fraction | None:
        """配送率."""
        return Fraction(self.delivered, self.asked) if self.asked else None

    @property
    def on_time_rate(self) -> Fraction | None:
        """及时配送率."""
        return Fraction(self.delivered_in_time, self.asked) if self.asked else None


def rates_of(lines: Iterable[LimitedLine]) -> Rates:
    """Gather lines of one month (R-DEL-4); what is withdrawn after the limit stays undelivered."""
    asked = delivered = in_time = 0
    for line in lines:
        asked += line.ordered - line.withdrawn_by_limit
        delivered += line.delivered - line.rejected_justified
        in_time += line.delivered_in_time - line.rejected_in_time
    return Rates(asked, delivered, in_time)


def months_below(rates: Sequence[Fraction | None], limits: Sequence[Decimal]) -> int:
    """How many months up to the last one in a row were below the limit of their time (R-DEL-4).

    A month with nothing due neither counts nor breaks the run.

    Args:
        rates: by month, the last one is the month of D; None = nothing due.
        limits: policy ``delivery.rate_alert`` on the last day of each month.

    >>> months_below([Fraction(95, 100), Fraction(8, 10), None, Fraction(7, 10)], [Decimal("0.90")] * 4)
    2

    """
    run = 0
    for rate, limit in zip(reversed(rates), reversed(limits), strict=True):
        if rate is None:
            continue
        if rate >= Fraction(limit):
            break
        run += 1
    return run


def low_delivery_rate(
    distributor: str,
    month: Month,
    rates: Sequence[Fraction | None],
    limits: Sequence[Decimal],
    *,
    alert_months: int,
) -> Finding | None:
    """The finding on a distributor at the end of a month (R-DEL-4).

    Args:
        distributor: its code.
        month: the month of D.
        rates: its delivery rates by month up to this one, as of D.
        limits: policy ``delivery.rate_alert`` on the last day of each of these months.
        alert_months: policy ``delivery.rate_alert_months``.

    Returns:
        None where fewer months in a row are below, or nothing was due in this month.

    """
    now = rates[-1] if rates else None
    run = months_below(rates, limits)
    if now is None or run < alert_months or now >= Fraction(limits[-1]):
        return None
    return Finding(
        CheckRule.DELIVERY_RATE,
        Grade.VIOLATION,
        institution=None,
        distributor=distributor,
        key=None,
        period=str(month),
        formula=f"rate = {rounded(now, Decimal('0.0001'))} < {limits[-1]}; months_below = {run} ≥ {alert_months}",
        figures={"rate": now, "months_below": run},
    )
