"""Supply problems 供应问题 and the backup item that counts meanwhile (R-VOL-7)."""

from __future__ import annotations

from datetime import date

from clinic_orders.rules.errors import N_, RuleBroken


class BackupIsTheItem(RuleBroken):
    """An item can't stand in for itself."""

    message = N_("The backup item is the item itself. Choose another one, or leave it empty.")


class ProblemEndsBeforeStart(RuleBroken):
    """The last day of a problem lies before its first."""

    message = N_("The last day (%(last)s) is before the first day (%(first)s). Correct one of them.")


def check_problem(*, item: str, backup: str, first_day: date, last_day: date | None) -> None:
    """Refuse a supply problem that can't be one.

    Raises:
        BackupIsTheItem, ProblemEndsBeforeStart: what is wrong.

    >>> check_problem(item="A", backup="B", first_day=date(2026, 1, 1), last_day=None)
    """
    if backup and backup == item:
        raise BackupIsTheItem
    if last_day is not None and last_day < first_day:
        raise ProblemEndsBeforeStart(first=first_day, last=last_day)


def holds_on(day: date, *, first_day: date, last_day: date | None) -> bool:
    """Whether a day is one of a problem's days, both ends included.

    >>> holds_on(date(2026, 1, 2), first_day=date(2026, 1, 1), last_day=date(2026, 1, 2))
    True
    """
    return first_day <= day and (last_day is None or day <= last_day)
