"""What is to be looked after before a month is closed: one list for the desk and for the page that closes it (R-STAT-1)."""

from __future__ import annotations

from dataclasses import dataclass

from flask import url_for
from flask_babel import gettext as _
from flask_babel import ngettext

from clinic_orders import jobs
from clinic_orders.queries import closing
from clinic_orders.rules.days import Month
from clinic_orders.rules.findings import CheckRule
from clinic_orders.rules.parties import Permission
from clinic_orders.rules.payments import PaymentState
from clinic_orders.rules.supply import ProblemState
from clinic_orders.web.guards import actor, at, today


@dataclass(frozen=True, slots=True)
class Point:
    """One line of the list: how much is open, what it says, where its rows are."""

    open: int
    title: str
    text: str
    url: str

    @property
    def done(self) -> bool:
        """Whether nothing is open."""
        return not self.open


def _point(number: int | None, title: str, wrong: str, fine: str, url: str) -> Point | None:
    return None if number is None else Point(number, title, wrong if number else fine, url)


def checklist(month: Month) -> list[Point]:
    """The points of a month for the reader, those of others left out."""
    found = closing.open_points(month, actor(), on=today())
    missed = jobs.missed_nights(at()) if actor().may(Permission.JOBS_RUN) else None
    points = [
        _point(
            found.imports,
            _("Long files"),
            _("%(num)s are not taken in yet", num=found.imports),
            _("all are taken in"),
            url_for("import_jobs.index"),
        ),
        _point(
            found.doubles,
            _("Possible doubles"),
            ngettext(
                "%(num)s pair waits for a decision and counts twice",
                "%(num)s pairs wait for a decision and count twice",
                found.doubles or 0,
            ),
            _("all decided"),
            url_for("doubles.index"),
        ),
        _point(
            found.problems,
            _("Supply problems"),
            _("%(num)s wait to be verified; they decide who answers for the volume", num=found.problems),
            _("all verified or refused"),
            url_for("supply.index", state=ProblemState.WAITING.value),
        ),
        _point(
            found.reports,
            _("Missing reports"),
            ngettext(
                "%(num)s report has not come",
                "%(num)s reports have not come",
                found.reports or 0,
            ),
            _("all reports are there"),
            url_for("findings.index", rule=CheckRule.REPORT_MISSING.value),
        ),
        _point(
            found.disputed,
            _("Disputed payments"),
            ngettext(
                "%(num)s payment: both sides differ",
                "%(num)s payments: both sides differ",
                found.disputed or 0,
            ),
            _("none is disputed"),
            url_for("payments.index", state=PaymentState.DISPUTED.value),
        ),
        _point(
            found.unconfirmed,
            _("Policy parameters"),
            _("%(num)s rest on no document yet", num=found.unconfirmed),
            _("all confirmed"),
            url_for("policy.index"),
        ),
        _point(
            missed,
            _("Nights of the checks"),
            ngettext(
                "%(num)s run was missed; it is caught up by itself",
                "%(num)s runs were missed; they are caught up by themselves",
                missed or 0,
            ),
            _("no night is missing"),
            url_for("jobs.index"),
        ),
        _point(
            found.running,
            _("Running work"),
            ngettext(
                "%(num)s job is running; wait until it is done",
                "%(num)s jobs are running; wait until they are done",
                found.running or 0,
            ),
            _("nothing runs"),
            url_for("jobs.index"),
        ),
    ]
    return [point for point in points if point is not None]
