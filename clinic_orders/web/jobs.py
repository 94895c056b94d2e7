"""The clock's work: which jobs there are, when they ran and run next, and running one by hand."""

from __future__ import annotations

import re
from dataclasses import dataclass
from datetime import datetime

from flask import Blueprint, Response, abort, flash, redirect, render_template, request, url_for
from flask_babel import gettext as _
from flask_babel import ngettext
from werkzeug.wrappers import Response as AnyResponse

from clinic_orders import jobs
from clinic_orders.actions.jobs import UnknownJob
from clinic_orders.exchange import cells
from clinic_orders.models.jobs import JobRun, RunState
from clinic_orders.queries import jobs as questions
from clinic_orders.rules.errors import N_
from clinic_orders.rules.parties import Permission
from clinic_orders.web import guards
from clinic_orders.web.display import label, register_labels
from clinic_orders.web.guards import needs
from clinic_orders.web.listing import Column, as_file, page_cut, sort_order, wanted_file
from clinic_orders.web.typed import Typed

blueprint = Blueprint("jobs", __name__, url_prefix="/jobs")

register_labels(
    {
        RunState.RUNNING: N_("running"),
        RunState.DONE: N_("done"),
        RunState.FAILED: N_("failed"),
    }
)
SHAPES = {RunState.RUNNING: "wait", RunState.DONE: "ok", RunState.FAILED: "bad"}
_DAILY = re.compile(r"(\d+) (\d+) \* \* \*")
_MONTHLY = re.compile(r"(\d+) (\d+) (\d+|last) \* \*")
_QUARTERLY = re.compile(r"(\d+) (\d+) (\d+) 1,4,7,10 \*")
_HOURLY = re.compile(r"(\d+) \* \* \* \*")
_EVERY = re.compile(r"\*/(\d+) \* \* \* \*")


@dataclass(frozen=True, slots=True)
class Row:
    """A job with its last run, its next time and what it missed."""

    name: str
    title: str
    times: str
    last: JobRun | None
    next: datetime | None
    missed: int


def times_of(cron: str) -> str:
    """When a job runs, in words; lines of other forms than the jobs have stand as they are."""
    if found := _DAILY.fullmatch(cron):
        return str(_("every day at %(time)s", time=f"{int(found[2])}:{int(found[1]):02}"))
    if found := _MONTHLY.fullmatch(cron):
        time = f"{int(found[2])}:{int(found[1]):02}"
        if found[3] == "last":
            return str(_("on the last day of each month at %(time)s", time=time))
        return str(_("on day %(day)s of each month at %(time)s", day=int(found[3]), time=time))
    if found := _QUARTERLY.fullmatch(cron):
        time = f"{int(found[2])}:{int(found[1]):02}"
        return str(_("on day %(day)s of each quarter at %(time)s", day=int(found[3]), time=time))
    if found := _HOURLY.fullmatch(cron):
        return str(_("every hour, %(minutes)s minutes past", minutes=int(found[1])))
    if found := _EVERY.fullmatch(cron):
        return str(ngettext("every %(num)d minute", "every %(num)d minutes", int(found[1])))
    return cron


def title_of(name: str) -> str:
    """What a job does; its word where it is no more."""
    return next((_(job.title) for job in jobs.JOBS if job.name == name), name)


def _trigger(run: JobRun) -> str:
    return str(_("by hand") if run.trigger == "manual" else _("by the clock"))


_FILE = (
    Column(N_("Job"), lambda run: title_of(run.job)),
    Column(N_("As of"), lambda run: run.as_of),
    Column(N_("Started"), lambda run: run.started_at),
    Column(N_("Ended"), lambda run: run.ended_at),
    Column(N_("State"), lambda run: run.state),
    Column(N_("How"), _trigger),
    Column(N_("Attempt"), lambda run: run.attempt),
    Column(N_("Read"), lambda run: run.rows_read),
    Column(N_("Records changed"), lambda run: run.changed),
    Column(N_("Records that failed"), lambda run: run.failures),
    Column(N_("Error"), lambda run: run.error),
)


@blueprint.get("/")
@needs(Permission.JOBS_RUN)
def index() -> str | Response:
    """The jobs, and the history of their runs."""
    return _page(Typed())


def _page(typed: Typed) -> str | Response:
    states = {state.value: state for state in RunState}
    wanted = {name: request.args.get(name, "")[:100] for name in ("q", "job", "state", "trigger")}
    words = wanted["q"].split()[:5]
    sort = sort_order(questions.RUN_ORDERS, "-started")
    statement = questions.runs(
        words=words,
        titled=[
            [job.name for job in jobs.JOBS if word.casefold() in _(job.title).casefold()] for word in words
        ],
        job=wanted["job"],
        state=states.get(wanted["state"]),
        trigger=wanted["trigger"],
        sort=sort,
    )
    if wanted_file():
        return as_file("job-runs", _FILE, questions.list_runs(statement))
    cut = page_cut(questions.count_runs(statement))
    last, at = questions.last_runs(), guards.at()
    return render_template(
        "jobs/index.html",
        jobs=[
            Row(
                job.name,
                _(job.title),
                times_of(job.cron),
                last.get(job.name),
                job.trigger.get_next_fire_time(None, at),
                len(jobs.missed_slots(job, at)),
            )
            for job in jobs.JOBS
        ],
        runs=questions.list_runs(statement, offset=cut.offset, limit=cut.limit),
        page=cut,
        sort=sort,
        wanted=wanted,
        filtered=any(wanted.values()),
        states=[(state.value, label(state)) for state in RunState],
        shapes=SHAPES,
        title_of=title_of,
        trigger=_trigger,
        typed=typed,
        today=guards.today(),
    )


@blueprint.get("/runs/<int:run_id>")
@needs(Permission.JOBS_RUN)
def run(run_id: int) -> str:
    """One run, with its error if it failed."""
    found = questions.run_by_id(run_id)
    if found is None:
        abort(404)
    return render_template(
        "jobs/run.html", run=found, title=title_of(found.job), shapes=SHAPES, how=_trigger(found)
    )


@blueprint.post("/<name>/run")
@needs(Permission.JOBS_RUN)
def run_now(name: str) -> AnyResponse | tuple[str | Response, int]:
    """Run a job now for a day, and show what it did."""
    typed = Typed()
    as_of = typed.read("as_of", cells.day())
    if typed.errors:
        return _page(typed), 400
    try:
        made = jobs.run_now(name, as_of, by=guards.actor())
    except UnknownJob:
        abort(404)
    if made.state is RunState.DONE:
        flash(_("The job has run."), "ok")
    else:
        flash(_("The job failed; the error stands below."), "bad")
    return redirect(url_for(".run", run_id=made.id))
