"""The clock: which jobs there are, when they run, and how a run is made (rules section 12).

A job asks a question and calls a deed for each answer, each in its own transaction, so that one bad record does
not stop the night. Every job is safe to run twice. The scheduler is its own process; a run is claimed in the
database first, so several schedulers make one run, and slots missed during a downtime are caught up in order.
"""

from __future__ import annotations

import logging
import os
import socket
import traceback
from collections.abc import Callable, Collection, Iterator, Sequence
from dataclasses import dataclass, field
from datetime import date, datetime, timedelta
from typing import TypeVar

from apscheduler.triggers.cron import CronTrigger
from flask import current_app

from clinic_orders import clock
from clinic_orders.actions import bulletins as bulletin_deeds
from clinic_orders.actions import (
    cases,
    code_months,
    findings,
    lapsing,
    payables,
    payment_holds,
    payment_links,
    payment_reminders,
    price_marks,
    sealing,
    stock_news,
)
from clinic_orders.actions import jobs as runs
from clinic_orders.actions import statements as statement_deeds
from clinic_orders.actions import statistics as statistics_deeds
from clinic_orders.exchange.alipay import Gateway, account_of, is_on
from clinic_orders.models.base import db, reading_only
from clinic_orders.models.jobs import JobRun
from clinic_orders.queries import arrears
from clinic_orders.queries import cases as case_questions
from clinic_orders.queries import jobs as job_queries
from clinic_orders.queries import lapsing as questions
from clinic_orders.queries import payment_links as link_questions
from clinic_orders.queries import statements as statement_questions
from clinic_orders.queries.bulletins import drafts_wanted
from clinic_orders.queries.checks import CHECKS, Scope, check, price_night
from clinic_orders.queries.findings import all_institution_ids
from clinic_orders.queries.statistics import closed_month, figures_to_keep, months_wanted
from clinic_orders.queries.stock import who_keeps_stock
from clinic_orders.rules.days import SHANGHAI, Month, day_in_china
from clinic_orders.rules.errors import N_
from clinic_orders.rules.findings import CheckRule
from clinic_orders.rules.parties import SYSTEM, Actor
from clinic_orders.rules.payment_links import Verdict

log = logging.getLogger(__name__)

# After a longer downtime the oldest slots are left out: the jobs look at all that is still open anyway.
CATCH_UP = timedelta(days=62)


@dataclass(slots=True)
class Outcome:
    """What a run did: rows read, records changed, records that failed (logged one by one)."""

    rows_read: int = 0
    changed: int = 0
    failures: int = 0


Work = Callable[[date, datetime, Outcome], None]


@dataclass(frozen=True, slots=True)
class Job:
    """One scheduled job.

    Attributes:
        name: its word on the console.
        title: English msgid of what it does.
        cron: minute, hour, day, month, day of week, in Asia/Shanghai.
        work: does it for an as-of day, counting into the outcome.
        catch_up: whether every missed slot is run later, or only the newest.

    """

    name: str
    title: str
    cron: str
    work: Work
    catch_up: bool = True
    _trigger: list[CronTrigger] = field(default_factory=list, compare=False)

    @property
    def trigger(self) -> CronTrigger:
        """The cron line as APScheduler's trigger."""
        if not self._trigger:
            self._trigger.append(CronTrigger.from_crontab(self.cron, timezone=SHANGHAI))
        return self._trigger[0]

    def slots(self, after: datetime, until: datetime) -> Iterator[datetime]:
        """The scheduled instants in (after, until], oldest first."""
        moment = self.trigger.get_next_fire_time(None, after + timedelta(seconds=1))
        while moment is not None and moment <= until:
            yield moment
            moment = self.trigger.get_next_fire_time(moment, moment + timedelta(seconds=1))


R = TypeVar("R")


def _each(found: Sequence[R], deed: Callable[[R], object], outcome: Outcome) -> None:
    """Do a deed for each record; a failing one is logged and counted, the others go on."""
    outcome.rows_read += len(found)
    for record_id in found:
        try:
            deed(record_id)
            outcome.changed += 1
        except Exception:
            db.session.rollback()
            log.exception("a record of the night's work failed", extra={"record_id": record_id})
            outcome.failures += 1


def record_lapsed_orders(_as_of: date, at: datetime, outcome: Outcome) -> None:
    """Record the orders that nobody answered in time (R-ORD-6); they lapsed by date already."""
    found = questions.lapsed_unrecorded(at)
    _each(found, lambda order_id: lapsing.record_lapse(order_id, by=SYSTEM, at=at), outcome)


def alert_unanswered_emergencies(_as_of: date, at: datetime, outcome: Outcome) -> None:
    """Alert the county bureau of emergency orders without an answer in the allowed hours (R-ORD-9)."""
    found = questions.unanswered_emergencies(at)
    _each(found, lambda order_id: lapsing.alert_emergency(order_id, by=SYSTEM, at=at), outcome)


def remind_of_payments(as_of: date, at: datetime, outcome: Outcome) -> None:
    """Remind of what falls due in 7, 3 and 1 days and of what fell due, once for each receipt (section 12)."""
    found = arrears.receipts_to_remind(as_of, sent_on=day_in_china(at))

    def deed(pair: arrears.Pair) -> None:
        payment_reminders.remind_of_payments(*pair, for_day=as_of, by=SYSTEM, at=at)

    _each(sorted(found), deed, outcome)


def look_at_payment_holds(_as_of: date, at: datetime, outcome: Outcome) -> None:
    """Begin and end the holds that overdue money puts on orders (R-PAY-5)."""
    found = arrears.pairs_to_look_at(on=day_in_china(at))
    _each(found, lambda pair: payment_holds.look_at_hold(*pair, by=SYSTEM, at=at), outcome)


def keep_payables(_as_of: date, at: datetime, outcome: Outcome) -> None:
    """Lay the money of those out anew whose receipts, returns or payments have changed, or whose day has come."""
    outcome.changed = outcome.rows_read = payables.keep_payables(by=SYSTEM, at=at)


def make_statements(as_of: date, at: datetime, outcome: Outcome) -> None:
    """Make the statements of account of the month before and tell both sides."""
    month = Month.of(as_of).previous()
    found = statement_questions.distributors_with_account(month)
    _each(
        found,
        lambda distributor: statement_deeds.make_statements(distributor, month, by=SYSTEM, at=at),
        outcome,
    )


def tell_stock_news(as_of: date, at: datetime, outcome: Outcome) -> None:
    """Tell who keeps a stock what was used up or is near its expiry at the end of the day before."""
    day = as_of - timedelta(days=1)
    found = who_keeps_stock(day)
    _each(found, lambda one: stock_news.tell_stock_news(one, for_day=day, by=SYSTEM, at=at), outcome)


# Failing one by one beyond this, it is not the institutions that fail.
_MOST_FAILURES = 20
# Sales and counts of a month are reported in the first days of the next: so long its end is looked at again.
_LATE_REPORTS = 15
_TRACE_RULES = frozenset(
    rule for rule in CheckRule if rule.value.startswith("trace_") or rule is CheckRule.SOLD_BEYOND_STOCK
)
_MONTH_RULES = frozenset(
    {
        CheckRule.DELIVERY_RATE,
        CheckRule.LATE_CONFIRMATION,
        CheckRule.EMERGENCY_SHARE,
        CheckRule.NONSELECTED_SHARE,
        CheckRule.SETTLED_NOT_SOLD,
    }
)


def _look(as_of: date, rules: Collection[CheckRule], at: datetime, outcome: Outcome) -> None:
    """Look for findings as of a day and store them, each check in its own transactions (R-CASE-1)."""
    for one in CHECKS:
        wanted = frozenset(rules).intersection(one.RULES)
        if wanted:
            _look_at(None, as_of, wanted, at, outcome)


def _look_at(
    ids: Sequence[int] | None, as_of: date, rules: Collection[CheckRule], at: datetime, outcome: Outcome
) -> None:
    """One check of some institutions; where it fails, halves of them, so that the failing one stands alone."""
    try:
        found = check(Scope(as_of, ids), rules)
        done = findings.raise_findings(as_of, found, rules, institution_ids=ids, by=SYSTEM, at=at)
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
                _look_at(half, as_of, rules, at, outcome)
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
    _look(as_of, {CheckRule.PAYMENT_OVERDUE, CheckRule.LATE_ACCEPTANCE}, at, outcome)


def check_prices(as_of: date, at: datetime, outcome: Outcome) -> None:
    """Compare sales that are new, or whose inputs changed, with promised markups and posted prices (R-PRICE).

    Tied sales and trace codes are looked for among all sales of the month.
    """
    night = price_night.tonight(as_of - timedelta(days=1), at=at)
    for look in night.looks:
        ids = None if look.institution_ids is None else sorted(look.institution_ids)
        _look_at(ids, look.as_of, price_night.RULES, at, outcome)
    # Where something failed the next night has to look again.
    if night.mark is not None and not outcome.failures:
        price_marks.keep_price_mark(night.mark, by=SYSTEM, at=at)
    for day in _days_to_look_at(as_of):
        _look(day, {CheckRule.TIED_SALE} | _TRACE_RULES, at, outcome)


def check_volume(as_of: date, at: datetime, outcome: Outcome) -> None:
    """Compare agreed volume with what was bought by the end of the day before."""
    _look(as_of - timedelta(days=1), {CheckRule.VOLUME_BEHIND}, at, outcome)


def check_delivery(as_of: date, at: datetime, outcome: Outcome) -> None:
    """Look for low delivery, late answers, shares of a month that has ended, and reports that are missing."""
    for day in _days_to_look_at(as_of):
        _look(day, _MONTH_RULES, at, outcome)
        if day == Month.of(day).last_day:
            # Stock counts of a month's end come in the first days of the next.
            _look(day, {CheckRule.STOCKING_SHORT}, at, outcome)
    _look(as_of, {CheckRule.REPORT_MISSING}, at, outcome)


def check_stocking(as_of: date, at: datetime, outcome: Outcome) -> None:
    """Count on the last evening of a month how many items each member keeps (R-STOCK-4)."""
    _look(as_of, {CheckRule.STOCKING_SHORT}, at, outcome)


def collect_cases(as_of: date, at: datetime, outcome: Outcome) -> None:
    """Gather the open findings of the month before into drafts by party; late reports have come by then (R-CASE-2)."""
    month = Month.of(as_of).previous()
    found = case_questions.parties_to_collect(month, SYSTEM, on=as_of)
    _each(found, lambda party: cases.collect_case(party, month, by=SYSTEM, at=at), outcome)


def remind_of_cases(_as_of: date, at: datetime, outcome: Outcome) -> None:
    """Tell the bureau of days to answer that are over and re-checks that are due; nothing goes up by itself."""
    today = day_in_china(at)
    found = [*case_questions.deadlines_over(today), *case_questions.rechecks_due(today)]
    _each(found, lambda case_id: cases.remind_of_case(case_id, by=SYSTEM, at=at), outcome)


def close_month(as_of: date, at: datetime, outcome: Outcome) -> None:
    """Freeze the figures of the month before; a month that somebody closed already is left alone (R-STAT-1)."""
    months = [month for month in [Month.of(as_of).previous()] if closed_month(month) is None]
    _each(months, lambda month: statistics_deeds.close_month(month, by=SYSTEM, at=at), outcome)


def draft_bulletin(as_of: date, at: datetime, outcome: Outcome) -> None:
    """Make the draft of the bulletin of the quarter that has ended; one that is there already stays (R-STAT-3)."""
    _each(
        drafts_wanted(as_of),
        lambda quarter: bulletin_deeds.draft_bulletin(quarter, by=SYSTEM, at=at),
        outcome,
    )


def _reckon(month: Month, at: datetime) -> None:
    """Reckon first and keep then, so that no writer waits for the reckoning."""
    with reading_only():
        figures = figures_to_keep(month)
        db.session.rollback()
    statistics_deeds.keep_reckoned(month, figures, by=SYSTEM, at=at)


def reckon_months(as_of: date, at: datetime, outcome: Outcome) -> None:
    """Reckon the month that runs, and the one before while it is open, for the pages (R-STAT-2)."""
    running = Month.of(as_of)
    months = [month for month in (running.previous(), running) if closed_month(month) is None]
    _each(months, lambda month: _reckon(month, at), outcome)


def reckon_wanted(_as_of: date, at: datetime, outcome: Outcome) -> None:
    """Reckon the months that somebody asked for."""
    _each(months_wanted(), lambda month: _reckon(month, at), outcome)


def watch(_as_of: date, at: datetime, outcome: Outcome) -> None:
    """Report slots of the other jobs that were missed or failed for good, so that nothing is silent."""
    for job in JOBS:
        if job.name == "watch-jobs":
            continue
        failed = job_queries.exhausted_slots(job.name, runs.MOST_ATTEMPTS)
        outcome.rows_read += len(failed)
        outcome.failures += len(failed)
        for slot in sorted(failed):
            log.error("job %s failed for good at its slot %s", job.name, slot.isoformat())


def ask_for_payments(_as_of: date, at: datetime, outcome: Outcome) -> None:
    """Ask the gateway about the links whose message has not come, and close those that are over."""
    settings = current_app.extensions["settings"]

    def deed(link: tuple[str, str, datetime]) -> None:
        number, code, expires_at = link
        account = account_of(settings, code)
        if account is None:
            return
        gateway = Gateway(settings, account)
        notice, fields = gateway.ask(number, at=at)
        verdict = payment_links.take_message(notice, fields, asked=True, by=SYSTEM, at=at)
        if verdict is Verdict.WAITING and expires_at <= at:
            gateway.close(number, at=at)
            payment_links.close_link(number, by=SYSTEM, at=at)

    _each(link_questions.open_links() if is_on(settings) else [], deed, outcome)


def seal(_as_of: date, at: datetime, outcome: Outcome) -> None:
    """Bind the new entries of the audit into its chain."""
    outcome.changed = outcome.rows_read = sealing.seal_audit(by=SYSTEM, at=at)


def make_code_months(_as_of: date, at: datetime, outcome: Outcome) -> None:
    """Make the tables of the months that trace codes of sales are parted into; SQLite has none."""
    outcome.changed = outcome.rows_read = len(code_months.add_code_months(by=SYSTEM, at=at))


JOBS: tuple[Job, ...] = (
    Job(
        "record-lapsed-orders",
        N_("Record orders that nobody answered in time"),
        "10 0 * * *",
        record_lapsed_orders,
    ),
    Job(
        "alert-unanswered-emergencies",
        N_("Alert the county bureau of unanswered emergency orders"),
        "*/10 * * * *",
        alert_unanswered_emergencies,
        catch_up=False,
    ),
    Job(
        "remind-of-payments",
        N_("Remind of payments before and after their due day"),
        "10 0 * * *",
        remind_of_payments,
    ),
    Job(
        "look-at-payment-holds",
        N_("Begin and end payment holds"),
        "20 0 * * *",
        look_at_payment_holds,
        catch_up=False,
    ),
    Job(
        "keep-payables",
        N_("Keep what is owed where payments or receipts have changed"),
        "*/10 * * * *",
        keep_payables,
        catch_up=False,
    ),
    Job(
        "ask-for-payments",
        N_("Ask Alipay about payments by link"),
        "*/10 * * * *",
        ask_for_payments,
        catch_up=False,
    ),
    Job("check-payments", N_("Look for overdue payments and late acceptance"), "10 0 * * *", check_payments),
    Job("check-prices", N_("Look for prices above the limit and odd trace codes"), "0 1 * * *", check_prices),
    Job("check-volume", N_("Compare agreed volume with what was bought"), "30 1 * * *", check_volume),
    Job("check-delivery", N_("Look for late deliveries and missing reports"), "0 2 * * *", check_delivery),
    Job(
        "check-stocking",
        N_("Count the items kept at the end of the month"),
        "30 23 last * *",
        check_stocking,
    ),
    Job(
        "add-code-months",
        N_("Make the tables of the coming months of trace codes"),
        "40 0 * * *",
        make_code_months,
        catch_up=False,
    ),
    Job("seal-audit", N_("Seal the audit"), "20 * * * *", seal, catch_up=False),
    Job(
        "make-statements",
        N_("Make the statements of account of the month before"),
        "30 3 1 * *",
        make_statements,
    ),
    Job(
        "tell-stock-news",
        N_("Tell what is used up or near its expiry"),
        "0 6 * * *",
        tell_stock_news,
        catch_up=False,
    ),
    Job("close-month", N_("Close the month before and freeze its statistics"), "0 3 1 * *", close_month),
    Job(
        "draft-bulletin",
        N_("Make the draft of the bulletin of the quarter before"),
        "0 4 1 1,4,7,10 *",
        draft_bulletin,
    ),
    Job(
        "reckon-months",
        N_("Reckon the figures of the months that are not closed"),
        "30 4 * * *",
        reckon_months,
        catch_up=False,
    ),
    Job(
        "reckon-wanted",
        N_("Reckon the months that somebody asked for"),
        "*/10 * * * *",
        reckon_wanted,
        catch_up=False,
    ),
    Job("collect-cases", N_("Collect drafts of cases for the month before"), "0 6 16 * *", collect_cases),
    Job(
        "remind-of-cases",
        N_("Tell of unanswered letters and due re-checks"),
        "40 0 * * *",
        remind_of_cases,
        catch_up=False,
    ),
    Job("watch-jobs", N_("Report missed and failed jobs"), "30 6 * * *", watch, catch_up=False),
)


def find_job(name: str) -> Job:
    """The job of that name, or UnknownJob."""
    for job in JOBS:
        if job.name == name:
            return job
    raise runs.UnknownJob(name=name)


def worker_name() -> str:
    """Which process this is, for the history."""
    return f"{socket.gethostname()}:{os.getpid()}"[:64]


def run_slot(
    job: Job,
    scheduled_at: datetime,
    *,
    as_of: date | None = None,
    trigger: str = "schedule",
    by: Actor = SYSTEM,
) -> JobRun | None:
    """Claim a slot and do its work; None if another process has it or it was done before.

    Args:
        job: the job.
        scheduled_at: the slot's instant.
        as_of: the day it is done for; default is the slot's day in China.
        trigger: ``schedule`` or ``manual``.
        by: who asked for the run; its deeds are the system's all the same.

    """
    at = clock.now()
    run = runs.claim_run(
        job.name,
        scheduled_at=scheduled_at,
        as_of=as_of or day_in_china(scheduled_at),
        worker=worker_name(),
        trigger=trigger,
        by=by,
        at=at,
    )
    if run is None:
        return None
    outcome, error = Outcome(), ""
    try:
        job.work(run.as_of, at, outcome)
    except Exception:
        db.session.rollback()
        error = traceback.format_exc()
        log.exception("job %s failed", job.name)
    return runs.end_run(
        run.id,
        rows_read=outcome.rows_read,
        changed=outcome.changed,
        failures=outcome.failures,
        error=error,
        by=SYSTEM,
        at=clock.now(),
    )


def run_now(name: str, as_of: date | None = None, *, by: Actor = SYSTEM) -> JobRun:
    """Run a job by hand, for a day (default today), whatever the schedule says.

    Raises:
        UnknownJob: no job of that name.

    """
    job, at = find_job(name), clock.now()
    run = run_slot(job, at, as_of=as_of or day_in_china(at), trigger="manual", by=by)
    assert run is not None, "a slot of this very instant cannot have been claimed"
    return run


def missed_slots(job: Job, at: datetime) -> list[datetime]:
    """The slots up to now that have no good run, oldest first; a job that never ran has only its newest slot."""
    last = job_queries.last_done_slot(job.name)
    if last is None:
        slots = list(job.slots(at - timedelta(days=32), at))[-1:]
    else:
        slots = list(job.slots(max(last, at - CATCH_UP), at))
    if not job.catch_up:
        slots = slots[-1:]
    given_up = job_queries.exhausted_slots(job.name, runs.MOST_ATTEMPTS)
    return [slot for slot in slots if slot not in given_up]


def missed_nights(at: datetime) -> int:
    """How many slots up to now of the jobs that are caught up have no good run; one statement.

    A job that never ran by the clock is not counted: there is no scheduler yet, or it is new.
    """
    done = job_queries.last_done_slots()
    return sum(
        len(list(job.slots(max(done[job.name], at - CATCH_UP), at)))
        for job in JOBS
        if job.catch_up and job.name in done
    )


def catch_up(at: datetime) -> int:
    """Run every missed slot of every job, in order; answers how many runs were made here."""
    made = 0
    for job in JOBS:
        for slot in missed_slots(job, at):
            if run_slot(job, slot) is not None:
                made += 1
    return made
