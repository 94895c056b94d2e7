"""Answers and acceptances that came late or not at all (R-ORD-6, R-DEL-6).

>>> finding = late_confirmation("CG1", "D1", submitted_on=date(2026, 11, 16), last_day=date(2026, 11, 18),
...                             answered_on=date(2026, 11, 20), on=date(2026, 11, 30))
>>> finding.period, finding.figures["working_days"]
('2026-11-20', 4)
"""

from __future__ import annotations

from datetime import date

from clinic_orders.rules.days import Month, working_days_after
from clinic_orders.rules.findings import CheckRule, Finding, Grade


def late_confirmation(
    order_no: str,
    distributor: str,
    *,
    submitted_on: date,
    last_day: date,
    answered_on: date | None,
    on: date,
) -> Finding | None:
    """The warning on an order that was answered late or lapsed in the month of D (R-ORD-6).

    Args:
        order_no: its number.
        distributor: code of the one who had to answer.
        submitted_on: day of submission.
        last_day: the last day to answer; an unanswered order lapses at its end, which is its day of lapse.
        answered_on: day of the answer; None, or after D, if there is none.
        on: the day D.

    """
    if answered_on is not None and answered_on <= on:
        if answered_on <= last_day:
            return None
        day = answered_on
    elif last_day <= on:
        day = last_day
    else:
        return None
    if day not in Month.of(on):
        return None
    days = working_days_after(submitted_on, day)
    return Finding(
        CheckRule.LATE_CONFIRMATION,
        Grade.WARNING,
        institution=None,
        distributor=distributor,
        key=order_no,
        period=day.isoformat(),
        formula=f"{submitted_on} → {day}: working_days = {days}; last day {last_day}",
        figures={"working_days": days},
        rows=(("order", order_no),),
    )


def late_acceptance(
    receipt_no: str, institution: str, *, due_day: date, accepted_on: date | None, on: date
) -> Finding | None:
    """The warning on goods that were not accepted in time (R-DEL-6), for those due in the month of D.

    Args:
        receipt_no: of the shipment or receipt.
        institution: code of the receiver.
        due_day: the last day on which acceptance was due.
        accepted_on: the day on which the goods were or stand as accepted; None, or after D, if they are not.
        on: the day D.

    >>> late_acceptance("PS1", "C1", due_day=date(2026, 11, 24), accepted_on=None, on=date(2026, 11, 24))
    >>> late_acceptance("PS1", "C1", due_day=date(2026, 11, 24), accepted_on=None,
    ...                 on=date(2026, 11, 30)).figures["working_days"]
    4

    """
    until = accepted_on if accepted_on is not None and accepted_on <= on else on
    if due_day not in Month.of(on) or until <= due_day:
        return None
    days = working_days_after(due_day, until)
    return Finding(
        CheckRule.LATE_ACCEPTANCE,
        Grade.WARNING,
        institution=institution,
        distributor=None,
        key=receipt_no,
        period=due_day.isoformat(),
        formula=f"{due_day} → {until}: working_days = {days}",
        figures={"working_days": days},
        rows=(("receipt", receipt_no),),
    )
