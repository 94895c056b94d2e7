"""When a month can be closed (R-STAT-1)."""

from __future__ import annotations

from datetime import date

from clinic_orders.rules.days import Month
from clinic_orders.rules.errors import N_, RuleBroken


class MonthNotOver(RuleBroken):
    """The month has not ended yet."""

    message = N_("%(month)s can be closed from %(day)s on, when it is over.")


class MonthAlreadyClosed(RuleBroken):
    """The month's figures are frozen already."""

    message = N_(
        "%(month)s is closed and its figures stay as they are. What was recorded since stands beside them as a restatement."
    )


class MonthChangedMeanwhile(RuleBroken):
    """Something was recorded by the cut-off that the figures had not seen."""

    message = N_(
        "While %(month)s was reckoned, others recorded what belongs into it. Close it again in a moment."
    )


def check_closing(month: Month, *, today: date, closed: bool) -> None:
    """Refuse to close a month that is not over, or a second time.

    Raises:
        MonthNotOver, MonthAlreadyClosed: why not.

    >>> check_closing(Month(2026, 10), today=date(2026, 11, 1), closed=False)

    """
    if closed:
        raise MonthAlreadyClosed(month=str(month))
    if today <= month.last_day:
        raise MonthNotOver(month=str(month), day=month.next().first_day.isoformat())
