"""Many letters in one run: choose them, see how far it is, fetch them as one PDF or as a ZIP."""

from __future__ import annotations

from datetime import date

from flask import (
    Blueprint,
    Response,
    abort,
    current_app,
    flash,
    redirect,
    render_template,
    request,
    send_file,
    url_for,
)
from flask_babel import gettext as _
from werkzeug.wrappers import Response as AnyResponse

from clinic_orders.actions import letter_runs as deeds
from clinic_orders.documents.letters.runs import PDF, ZIP, folder_of
from clinic_orders.models.letter_runs import LetterRun
from clinic_orders.queries import letter_runs as questions
from clinic_orders.queries.letter_runs import LettersChosen
from clinic_orders.rules.background import Step
from clinic_orders.rules.days import DayNotUnderstood, parse_day
from clinic_orders.rules.errors import N_, RuleBroken
from clinic_orders.rules.letter_runs import LETTER_RUN, LetterRunState
from clinic_orders.rules.letters import LetterKind
from clinic_orders.rules.parties import Permission
from clinic_orders.web.display import label
from clinic_orders.web.errors import say
from clinic_orders.web.guards import actor, at, needs, today
from clinic_orders.web.listing import Column, as_file, page_cut, sort_order, wanted_file

blueprint = Blueprint("letter_runs", __name__, url_prefix="/letter-runs")

SHAPES = {
    LetterRunState.WAITING: "wait",
    LetterRunState.PRINTING: "wait",
    LetterRunState.DONE: "ok",
    LetterRunState.FAILED: "bad",
    LetterRunState.CANCELLED: "off",
}
# Seconds after which the page of a run on its way looks again.
_AGAIN = 5
_FILES = {"pdf": (PDF, "application/pdf"), "zip": (ZIP, "application/zip")}
_COLUMNS = (
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
)


def _run(number: int) -> LetterRun:
    found = questions.find_run(number, actor())
    if found is None:
        abort(404)
    return found


def _index(errors: list[tuple[str, str]], status: int = 200) -> tuple[str, int]:
    words = request.args.get("q", "").strip()
    states = {state.value: state for state in LetterRunState}
    state = states.get(request.args.get("state", ""))
    sort = sort_order(questions.RUN_SORTS, "-at")
    cut = page_cut(questions.count_runs(actor(), words, state))
    typed = request.form or {
        "first_day": today().replace(day=1).isoformat(),
        "last_day": today().isoformat(),
        "kind": "",
        "unsigned": "",
    }
    page = render_template(
        "letter_runs/index.html",
        rows=questions.runs(actor(), words, state, sort=sort, offset=cut.offset, limit=cut.limit),
        page=cut,
        sort=sort,
        words=words,
        state=state,
        states=list(LetterRunState),
        kinds=list(LetterKind),
        shapes=SHAPES,
        typed=typed,
        errors=errors,
    )
    return page, status


@blueprint.get("/")
@needs(Permission.CASES_HANDLE)
def index() -> tuple[str, int] | Response:
    """The runs and where they stand, and the choice of another one."""
    if wanted_file():
        sort = sort_order(questions.RUN_SORTS, "-at")
        states = {state.value: state for state in LetterRunState}
        words, state = request.args.get("q", "").strip(), states.get(request.args.get("state", ""))
        return as_file("letter-runs", _COLUMNS, questions.runs(actor(), words, state, sort=sort))
    return _index([])


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
    """One run: how far it is, or its files. Looks again by itself until it has ended."""
    run = _run(number)
    again = run.state in LETTER_RUN.open and "still" not in request.args
    folder = folder_of(current_app.extensions["settings"].instance, run.token)
    files = [
        (form, (folder / name).stat().st_size)
        for form, (name, _media) in _FILES.items()
        if run.state is LetterRunState.DONE and (folder / name).is_file()
    ]
    response = Response(
        render_template(
            "letter_runs/show.html",
            run=run,
            shape=SHAPES[run.state],
            is_open=run.state in LETTER_RUN.open,
            share=100 * run.made // run.total,
            again=_AGAIN if again else 0,
            files=files,
            can_cancel=LETTER_RUN.is_possible(Step.CANCEL, run.state),
            can_retry=LETTER_RUN.is_possible(Step.RETRY, run.state),
        )
    )
    if again:
        response.headers["Refresh"] = str(_AGAIN)
    return response


@blueprint.get("/<int:number>/letters.<form>")
@needs(Permission.CASES_HANDLE)
def file(number: int, form: str) -> Response:
    """The letters of a run in one file."""
    run = _run(number)
    if form not in _FILES or run.state is not LetterRunState.DONE:
        abort(404)
    name, media = _FILES[form]
    path = folder_of(current_app.extensions["settings"].instance, run.token) / name
    if not path.is_file():
        abort(404)
    return send_file(
        path, mimetype=media, as_attachment=True, download_name=f"letters-{run.id}.{form}", max_age=0
    )


@blueprint.post("/<int:number>/cancel")
@needs(Permission.CASES_HANDLE)
def cancel(number: int) -> AnyResponse:
    """Cancel a run; the letters stay as they are."""
    deeds.cancel_letter_run(number, by=actor(), at=at())
    flash(_("The run is cancelled. The letters themselves stay as they are."), "ok")
    return redirect(url_for(".show", number=number))


@blueprint.post("/<int:number>/retry")
@needs(Permission.CASES_HANDLE)
def retry(number: int) -> AnyResponse:
    """Let a run that broke off go on."""
    deeds.retry_letter_run(number, by=actor(), at=at())
    flash(_("The run goes on where it broke off."), "ok")
    return redirect(url_for(".show", number=number))
