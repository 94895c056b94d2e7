"""Jobs that look for findings at night and store them (R-CASE-1), and those about cases."""

from __future__ import annotations

import logging
from collections.abc import Collection, Sequence
from datetime import date, datetime, timedelta

from clinic_orders.actions import cases, clues, complaints, findings, price_marks, trace_marks
from clinic_orders.jobs.job import Outcome, each
from clinic_orders.models.base import db
from clinic_orders.queries import cases as case_questions
from clinic_orders.queries import complaints as complaint_questions
from clinic_orders.queries.checks import CHECKS, Scope, check, price_night, trace_night
from clinic_orders.queries.clues import unfinished_self_checks
from clinic_orders.queries.findings import all_institution_ids
from clinic_orders.rules.days import Month, day_in_china
from clinic_orders.rules.findings import CheckRule
from clinic_orders.rules.parties import SYSTEM

log = logging.getLogger(__name__)


# Failing one by one beyond this, it is not the institutions that fail.
_MOST_FAILURES = 20
# Sales and counts of a month are reported in the first days of the next: so long its end is looked at again.
_LATE_REPORTS = 15
# So many trace codes are judged and stored in one transaction.
_CODES_AT_ONCE = 5000
_MONTH_RULES = frozenset(
    {
        CheckRule.DELIVERY_RATE,
        CheckRule.LATE_CONFIRMATION,
        CheckRule.EMERGENCY_SHARE,
        CheckRule.NONSELECTED_SHARE,
        CheckRule.SETTLED_NOT_SOLD,
        CheckRule.MONITORED_RISE,
        CheckRule.MONITORED_CHANGES,
    }
)


def look(as_of: date, rules: Collection[CheckRule], at: datetime, outcome: Outcome) -> None:
    """Look for findings as of a day and store them, each check in its own transactions (R-CASE-1)."""
    for one in CHECKS:
        wanted = frozenset(rules).intersection(one.RULES)
        if wanted:
            look_at(None, as_of, wanted, at, outcome)


def look_at(
    ids: Sequence[int] | None,
    as_of: date,
    rules: Collection[CheckRule],
    at: datetime,
    outcome: Outcome,
    pairs: Collection[tuple[int, int]] | None = None,
) -> None:
    """One check of some institutions; where it fails, halves of them, so that the failing one stands alone.

    Args:
        ids: the institutions; None = everybody.
        as_of: the day D of the look.
        rules: which findings are looked for.
        at: when.
        outcome: is added to.
        pairs: only these items of institutions; None = all.

    """
    own = pairs if pairs is None or ids is None else {pair for pair in pairs if pair[0] in ids}
    try:
        found = check(Scope(as_of, ids, pairs=own), rules)
        done = findings.raise_findings(as_of, found, rules, institution_ids=ids, pairs=own, by=SYSTEM, at=at)
    except Exception:
        db.session.rollback()
        outcome.failures += 1
        names = ", ".join(sorted(rule.value for rule in rules))
        log.exception("the checks %s as of %s failed", names, as_of, extra={"institution_ids": ids})
        if outcome.failures >= _MOST_FAILURES:
            raise
        ids = all_institution_ids() if ids is None else ids
        if len(ids) > 1:
            for half in (ids[: len(ids) // 2], ids[len(ids) // 2 :]):
                look_at(half, as_of, rules, at, outcome, own)
        return
    outcome.rows_read += len(found)
    outcome.changed += done.touched


def _days_to_look_at(as_of: date) -> list[date]:
    """The day before, which is over; early in a month also the end of the month before, for late reports."""
    yesterday = as_of - timedelta(days=1)
    end_before = Month.of(yesterday).previous().last_day
    return [end_before, yesterday] if yesterday.day <= _LATE_REPORTS else [yesterday]


def check_payments(as_of: date, at: datetime, outcome: Outcome) -> None:
    """Age what is owed, and look for goods that were not accepted in time, as of the day that begins."""
    look(as_of, {CheckRule.PAYMENT_OVERDUE, CheckRule.LATE_ACCEPTANCE}, at, outcome)


def check_prices(as_of: date, at: datetime, outcome: Outcome) -> None:
    """Look at sales that are new, or whose inputs changed: promised markups, posted prices, trace codes (R-PRICE, R-TRACE).

    Tied sales, sales without a code and beyond the stock are looked for among all sales of the month.
    """
    night = price_night.tonight(as_of - timedelta(days=1), at=at)
    for part in night.looks:
        ids = None if part.institution_ids is None else sorted(part.institution_ids)
        look_at(ids, part.as_of, price_night.RULES, at, outcome, part.pairs)
    # Where something failed the next night has to look again.
    if night.mark is not None and not outcome.failures:
        price_marks.keep_price_mark(night.mark, by=SYSTEM, at=at)
    _check_traces(as_of - timedelta(days=1), at, outcome)
    for day in _days_to_look_at(as_of):
        look(day, {CheckRule.TIED_SALE, CheckRule.TRACE_MISSING, CheckRule.SOLD_BEYOND_STOCK}, at, outcome)


def _check_traces(as_of: date, at: datetime, outcome: Outcome) -> None:
    failed = outcome.failures
    night = trace_night.tonight(as_of, at=at)
    for part in night.looks:
        if part.codes is None:
            look_at(None, part.as_of, trace_night.RULES, at, outcome)
            continue
        codes = sorted(part.codes)
        for start in range(0, len(codes), _CODES_AT_ONCE):
            _look_at_codes(codes[start : start + _CODES_AT_ONCE], part.as_of, at, outcome)
    if night.mark is not None and outcome.failures == failed:
        trace_marks.keep_trace_mark(night.mark, by=SYSTEM, at=at)


def _look_at_codes(codes: Sequence[str], as_of: date, at: datetime, outcome: Outcome) -> None:
    try:
        found = check(Scope(as_of, codes=codes), trace_night.RULES)
        done = findings.raise_findings(as_of, found, trace_night.RULES, keys=codes, by=SYSTEM, at=at)
    except Exception:
        db.session.rollback()
        outcome.failures += 1
        log.exception("the clues on %d codes as of %s failed", len(codes), as_of)
        if outcome.failures >= _MOST_FAILURES:
            raise
        return
    outcome.rows_read += len(found)
    outcome.changed += done.touched


def check_volume(as_of: date, at: datetime, outcome: Outcome) -> None:
    """Compare agreed volume with what was bought by the end of the day before."""
    look(as_of - timedelta(days=1), {CheckRule.VOLUME_BEHIND}, at, outcome)


def check_delivery(as_of: date, at: datetime, outcome: Outcome) -> None:
    """Look for low delivery, late answers, shares of a month that has ended, and reports that are missing."""
    for day in _days_to_look_at(as_of):
        look(day, _MONTH_RULES, at, outcome)
        if day == Month.of(day).last_day:
            # Stock counts of a month's end come in the first days of the next.
            look(day, {CheckRule.STOCKING_SHORT}, at, outcome)
    look(as_of, {CheckRule.REPORT_MISSING}, at, outcome)


def check_stocking(as_of: date, at: datetime, outcome: Outcome) -> None:
    """Count on the last evening of a month how many items each member keeps (R-STOCK-4)."""
    look(as_of, {CheckRule.STOCKING_SHORT}, at, outcome)


def collect_cases(as_of: date, at: datetime, outcome: Outcome) -> None:
    """Gather the open findings of the month before into drafts by party; late reports have come by then (R-CASE-2)."""
    month = Month.of(as_of).previous()
    found = case_questions.parties_to_collect(month, SYSTEM, on=as_of)
    each(found, lambda party: cases.collect_case(party, month, by=SYSTEM, at=at), outcome)


def remind_of_cases(_as_of: date, at: datetime, outcome: Outcome) -> None:
    """Tell the bureau of days to answer that are over and re-checks that are due; nothing goes up by itself."""
    today = day_in_china(at)
    found = [*case_questions.deadlines_over(today), *case_questions.rechecks_due(today)]
    each(found, lambda case_id: cases.remind_of_case(case_id, by=SYSTEM, at=at), outcome)
    due = complaint_questions.complaints_due(today)
    each(due, lambda number: complaints.remind_of_complaint(number, by=SYSTEM, at=at), outcome)


def remind_of_clues(_as_of: date, at: datetime, outcome: Outcome) -> None:
    """Remind institutions of self-checks that are due, and tell the bureau of days that are over (R-TRACE-3)."""
    found = unfinished_self_checks(day_in_china(at))
    each(found, lambda clue_id: clues.remind_of_clue(clue_id, by=SYSTEM, at=at), outcome)
