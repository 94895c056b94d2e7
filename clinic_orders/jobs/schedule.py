"""The clock: which jobs there are and when they run, in Asia/Shanghai (rules section 12)."""

from __future__ import annotations

import logging
from datetime import date, datetime

from clinic_orders.actions import api_answers, code_months
from clinic_orders.actions import jobs as runs
from clinic_orders.jobs import audit, checks, figures, money, orders, privacy, webhooks
from clinic_orders.jobs.job import Job, Outcome
from clinic_orders.queries import jobs as job_queries
from clinic_orders.rules.errors import N_
from clinic_orders.rules.parties import SYSTEM

log = logging.getLogger(__name__)


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


def make_code_months(_as_of: date, at: datetime, outcome: Outcome) -> None:
    """Make the tables of the months that trace codes of sales are parted into; SQLite has none."""
    outcome.changed = outcome.rows_read = len(code_months.add_code_months(by=SYSTEM, at=at))


def forget_answers(_as_of: date, at: datetime, outcome: Outcome) -> None:
    """Forget what calls of programs were answered longer ago than they are repeated."""
    outcome.changed = outcome.rows_read = api_answers.forget_answers(by=SYSTEM, at=at)


JOBS: tuple[Job, ...] = (
    Job(
        "record-lapsed-orders",
        N_("Record orders that nobody answered in time"),
        "10 0 * * *",
        orders.record_lapsed_orders,
    ),
    Job(
        "alert-unanswered-emergencies",
        N_("Alert the county bureau of unanswered emergency orders"),
        "*/10 * * * *",
        orders.alert_unanswered_emergencies,
        catch_up=False,
    ),
    Job(
        "remind-of-payments",
        N_("Remind of payments before and after their due day"),
        "10 0 * * *",
        money.remind_of_payments,
    ),
    Job(
        "look-at-payment-holds",
        N_("Begin and end payment holds"),
        "20 0 * * *",
        money.look_at_payment_holds,
        catch_up=False,
    ),
    Job(
        "keep-payables",
        N_("Keep what is owed where payments or receipts have changed"),
        "*/10 * * * *",
        money.keep_payables,
        catch_up=False,
    ),
    Job(
        "ask-for-payments",
        N_("Ask Alipay about payments by link"),
        "*/10 * * * *",
        money.ask_for_payments,
        catch_up=False,
    ),
    Job(
        "check-payments",
        N_("Look for overdue payments and late acceptance"),
        "10 0 * * *",
        checks.check_payments,
    ),
    Job(
        "check-prices",
        N_("Look for prices above the limit and odd trace codes"),
        "0 1 * * *",
        checks.check_prices,
    ),
    Job("check-volume", N_("Compare agreed volume with what was bought"), "30 1 * * *", checks.check_volume),
    Job(
        "check-delivery",
        N_("Look for late deliveries and missing reports"),
        "0 2 * * *",
        checks.check_delivery,
    ),
    Job(
        "check-stocking",
        N_("Count the items kept at the end of the month"),
        "30 23 last * *",
        checks.check_stocking,
    ),
    Job(
        "add-code-months",
        N_("Make the tables of the coming months of trace codes"),
        "40 0 * * *",
        make_code_months,
        catch_up=False,
    ),
    Job("seal-audit", N_("Seal the audit"), "20 * * * *", audit.seal, catch_up=False),
    Job(
        "keep-audit-head",
        N_("Keep the head of the audit outside of the database"),
        "25 1 * * *",
        audit.keep_audit_head,
        catch_up=False,
    ),
    Job(
        "make-statements",
        N_("Make the statements of account of the month before"),
        "30 3 1 * *",
        money.make_statements,
    ),
    Job(
        "tell-stock-news",
        N_("Tell what is used up or near its expiry"),
        "0 6 * * *",
        orders.tell_stock_news,
        catch_up=False,
    ),
    Job(
        "keep-stock-levels",
        N_("Keep what lies on all shelves"),
        "40 5 * * *",
        orders.keep_stock_levels,
        catch_up=False,
    ),
    Job(
        "close-month",
        N_("Close the month before and freeze its statistics"),
        "0 3 1 * *",
        figures.close_month,
    ),
    Job(
        "carry-stock",
        N_("Carry stock forward to the ends of closed months"),
        "50 * * * *",
        figures.carry_stock,
        catch_up=False,
    ),
    Job(
        "draft-bulletin",
        N_("Make the draft of the bulletin of the quarter before"),
        "0 4 1 1,4,7,10 *",
        figures.draft_bulletin,
    ),
    Job(
        "compare-prices",
        N_("Compare the prices posted at the end of the month before"),
        "0 5 1 * *",
        figures.compare_prices,
    ),
    Job(
        "reckon-months",
        N_("Reckon the figures of the months that are not closed"),
        "30 4 * * *",
        figures.reckon_months,
        catch_up=False,
    ),
    Job(
        "reckon-wanted",
        N_("Reckon the months that somebody asked for"),
        "*/10 * * * *",
        figures.reckon_wanted,
        catch_up=False,
    ),
    Job(
        "reckon-stages",
        N_("Reckon how far every agreed volume has come"),
        "50 4 * * *",
        figures.reckon_stages,
        catch_up=False,
    ),
    Job(
        "reckon-assessments",
        N_("Reckon the annual assessments that are not published, and remind of self-scores"),
        "10 5 * * *",
        figures.reckon_assessments,
        catch_up=False,
    ),
    Job(
        "reckon-wanted-assessments",
        N_("Reckon the annual assessments that somebody asked for"),
        "*/10 * * * *",
        figures.reckon_wanted_assessments,
        catch_up=False,
    ),
    Job(
        "warn-of-missed-reports",
        N_("Send notices to who missed so many reports of the year"),
        "20 5 * * *",
        figures.warn_of_missed_reports,
        catch_up=False,
    ),
    Job(
        "collect-cases",
        N_("Collect drafts of cases for the month before"),
        "0 6 16 * *",
        checks.collect_cases,
    ),
    Job(
        "remind-of-cases",
        N_("Tell of unanswered letters and due re-checks"),
        "40 0 * * *",
        checks.remind_of_cases,
        catch_up=False,
    ),
    Job(
        "remind-of-clues",
        N_("Remind of self-checks of trace codes"),
        "45 0 * * *",
        checks.remind_of_clues,
        catch_up=False,
    ),
    Job(
        "forget-persons",
        N_("Erase personal data whose term is over"),
        "40 2 * * *",
        privacy.forget_persons,
        catch_up=False,
    ),
    Job(
        "forget-answers",
        N_("Forget the answers of calls that nobody sends again"),
        "50 2 * * *",
        forget_answers,
        catch_up=False,
    ),
    Job(
        "forget-webhooks",
        N_("Forget what webhooks were sent long ago"),
        "55 2 * * *",
        webhooks.forget_webhooks,
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
