"""Many letters in one run: choose them, see how far it is, fetch them as one PDF or as a ZIP."""

from __future__ import annotations

from datetime import date

from flask import Blueprint, Response, current_app, redirect, render_template, request, url_for
from flask_babel import gettext as _
from werkzeug.wrappers import Response as AnyResponse

from clinic_orders.actions import letter_runs as deeds
from clinic_orders.documents.letters.runs import LETTER_RUNS
from clinic_orders.queries.letter_runs import RUNS, LettersChosen
from clinic_orders.rules.days import DayNotUnderstood, parse_day
from clinic_orders.rules.errors import N_, RuleBroken
from clinic_orders.rules.letters import LetterKind
from clinic_orders.rules.parties import Permission
from clinic_orders.web.display import label
from clinic_orders.web.errors import say
from clinic_orders.web.guards import actor, at, needs, today
from clinic_orders.web.listing import Column, wanted_file
from clinic_orders.web.paper_runs import RunPages

blueprint = Blueprint("letter_runs", __name__, url_prefix="/letter-runs")

_PAGES = RunPages(
    RUNS,
    LETTER_RUNS,
    "letters",
    (
        Column(N_("Number"), lambda run: run.id),
        Column(N_("Asked for at"), lambda run: run.requested_at),
        Column(N_("Letters from"), lambda run: run.first_day),
        Column(N_("Letters up to"), lambda run: run.last_day),
        Column(N_("Kind of letter"), lambda run: label(run.kind) if run.kind else ""),
        Column(N_("Letters"), lambda run: run.total),
        Column(N_("Made"), lambda run: run.made),
        Column(N_("State"), lambda run: run.state),
        Column(N_("Asked for by"), lambda run: run.by_name),
        Column(N_("Ended"), lambda run: run.ended_at),
    ),
)
_PAGES.add_deeds(
    blueprint,
    Permission.CASES_HANDLE,
    papers="letters",
    cancelled=N_("The run is cancelled. The letters themselves stay as they are."),
)


def _index(errors: list[tuple[str, str]], status: int = 200) -> tuple[str, int]:
    typed = request.form or {
        "first_day": today().replace(day=1).isoformat(),
        "last_day": today().isoformat(),
        "kind": "",
        "unsigned": "",
    }
    page = render_template(
        "letter_runs/index.html",
        kinds=list(LetterKind),
        typed=typed,
        errors=errors,
        **_PAGES.list_values(),
    )
    return page, status


@blueprint.get("/")
@needs(Permission.CASES_HANDLE)
def index() -> tuple[str, int] | Response:
    """The runs and where they stand, and the choice of another one."""
    return _PAGES.as_file() if wanted_file() else _index([])


@blueprint.post("/")
@needs(Permission.CASES_HANDLE)
def start() -> AnyResponse | tuple[str, int]:
    """Ask for a run."""
    errors: list[tuple[str, str]] = []
    days: dict[str, date] = {}
    for name in ("first_day", "last_day"):
        try:
            days[name] = parse_day(request.form.get(name, ""))
        except DayNotUnderstood as refusal:
            errors.append((name, say(refusal)))
    if not errors and days["last_day"] < days["first_day"]:
        errors.append(("last_day", _("The last day lies before the first one.")))
    if errors:
        return _index(errors, 422)
    kinds = {kind.value: kind for kind in LetterKind}
    chosen = LettersChosen(
        days["first_day"],
        days["last_day"],
        kinds.get(request.form.get("kind", "")),
        bool(request.form.get("unsigned")),
    )
    address = current_app.extensions["settings"].alipay_address or request.host_url.rstrip("/")
    try:
        run = deeds.request_letter_run(chosen, address=address, by=actor(), at=at())
    except RuleBroken as refusal:
        return _index([("first_day", say(refusal))], 422)
    return redirect(url_for(".show", number=run.id))


@blueprint.get("/<int:number>")
@needs(Permission.CASES_HANDLE)
def show(number: int) -> Response:
    """One run: how far it is, or its files."""
    return _PAGES.show(number, "letter_runs/show.html")
