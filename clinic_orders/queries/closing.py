"""What is still open before a month is closed, in figures whose rows have a page each (R-STAT-1); none forbids the closing."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import date

from sqlalchemy import func, select

from clinic_orders.models.base import db
from clinic_orders.models.import_jobs import ImportJob
from clinic_orders.models.jobs import JobRun, RunState
from clinic_orders.models.statistics import ClosedMonth
from clinic_orders.queries.bureau import unconfirmed_parameters
from clinic_orders.queries.doubles import DoublesWanted, count_doubles
from clinic_orders.queries.findings import FindingsWanted, count_findings
from clinic_orders.queries.payments import PaymentsWanted, payments_count
from clinic_orders.queries.policy import policy_book
from clinic_orders.queries.supply import ProblemsWanted, count_problems
from clinic_orders.rules.days import Month
from clinic_orders.rules.findings import CheckRule
from clinic_orders.rules.import_jobs import ImportState
from clinic_orders.rules.parties import Actor, Permission
from clinic_orders.rules.payments import PaymentState
from clinic_orders.rules.supply import ProblemState

_OPEN_IMPORTS = (ImportState.WAITING, ImportState.READING, ImportState.STORING, ImportState.TRIED)


@dataclass(frozen=True, slots=True)
class OpenPoints:
    """What should be looked after first.

    Attributes:
        imports: long files that wait or are being read; None where that is not the reader's business.
        doubles: pairs of orders that nobody has decided on.
        problems: supply problems that nobody has verified or refused.
        reports: reports that were found missing and have not come.
        disputed: payments about which both sides differ.
        unconfirmed: policy numbers in use on the month's last day that rest on no document; None likewise.
        running: jobs that run at this moment; None likewise.

    """

    imports: int | None
    doubles: int
    problems: int
    reports: int
    disputed: int
    unconfirmed: int | None
    running: int | None


def open_points(month: Month, actor: Actor, *, on: date) -> OpenPoints:
    """The points of a month as of today; a fixed number of statements."""
    running = select(func.count()).select_from(JobRun).where(JobRun.state == RunState.RUNNING)
    imports = select(func.count()).select_from(ImportJob).where(ImportJob.state.in_(_OPEN_IMPORTS))
    wanted = FindingsWanted(rule=CheckRule.REPORT_MISSING)
    city = actor.may(Permission.MONTH_CLOSE)
    return OpenPoints(
        imports=(db.session.scalar(imports) or 0) if city else None,
        doubles=count_doubles(actor, on=on, wanted=DoublesWanted()),
        problems=count_problems(actor, on=on, wanted=ProblemsWanted(state=ProblemState.WAITING)),
        reports=count_findings(actor, on=on, wanted=wanted).total,
        disputed=payments_count(actor, on=on, wanted=PaymentsWanted(state=PaymentState.DISPUTED))[0],
        unconfirmed=len(unconfirmed_parameters(policy_book(), on=month.last_day)) if city else None,
        running=(db.session.scalar(running) or 0) if city else None,
    )


def month_to_close(*, on: date) -> Month:
    """The month whose figures are frozen next: that after the last closed one, or the one before today's."""
    last = db.session.scalar(select(func.max(ClosedMonth.month)))
    before = Month.of(on).previous()
    if last is None:
        return before
    following = Month.parse(last).next()
    return following if following.first_day <= on else Month.of(on)
