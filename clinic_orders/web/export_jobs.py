"""Long exports behind the scenes on screen: ask for one, see how far it is, fetch it; each person their own."""

from __future__ import annotations

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

from clinic_orders.actions import export_jobs as deeds
from clinic_orders.exchange.background_exports import file_of
from clinic_orders.exchange.exporting import CSV, refuse_beyond_sheet
from clinic_orders.exchange.tables import KINDS
from clinic_orders.exchange.writing import TooMuchForSheet
from clinic_orders.models.export_jobs import ExportJob
from clinic_orders.queries import export_jobs as questions
from clinic_orders.queries.export_jobs import ExportsWanted
from clinic_orders.queries.file_counts import count_rows
from clinic_orders.rules.background import Step
from clinic_orders.rules.errors import N_
from clinic_orders.rules.export_jobs import EXPORT, KEPT, ExportState
from clinic_orders.rules.parties import Permission
from clinic_orders.web.downloads import MEDIA
from clinic_orders.web.errors import say
from clinic_orders.web.file_words import KIND_WORDS, kind_name
from clinic_orders.web.guards import actor, at, needs, today
from clinic_orders.web.listing import Column, as_file, page_cut, sort_order, wanted_file

blueprint = Blueprint("export_jobs", __name__, url_prefix="/files/exports")

SHAPES = {
    ExportState.WAITING: "wait",
    ExportState.WRITING: "wait",
    ExportState.DONE: "ok",
    ExportState.REFUSED: "bad",
    ExportState.FAILED: "bad",
    ExportState.CANCELLED: "off",
}
# Seconds after which the page of an export on its way looks again.
_AGAIN = 5

_COLUMNS = (
    Column(N_("Number"), lambda job: job.id),
    Column(N_("Asked for at"), lambda job: job.requested_at),
    Column(N_("Kind of file"), lambda job: kind_name(job.kind)),
    Column(N_("Format"), lambda job: job.form.upper()),
    Column(N_("State"), lambda job: job.state),
    Column(N_("Rows"), lambda job: job.total),
    Column(N_("Size in bytes"), lambda job: job.size),
    Column(N_("Ended"), lambda job: job.ended_at),
)


def _job(number: int) -> ExportJob:
    found = questions.find_export(number, actor())
    if found is None:
        abort(404)
    return found


def _is_gone(job: ExportJob) -> bool:
    """Whether its file was there and is kept no longer."""
    return job.state is ExportState.DONE and job.ended_at is not None and job.ended_at + KEPT < at()


def _kinds_called(words: str) -> list[str] | None:
    """The kinds whose name on screen, or in the command, has all the words; None without a word."""
    if not words:
        return None
    wanted = words.casefold().split()
    return [
        name for name in KIND_WORDS if all(word in f"{kind_name(name)} {name}".casefold() for word in wanted)
    ]


def ask_page(kind: str, form: str, total: int) -> str:
    """Say that a file is made behind the scenes, and ask for the word to begin."""
    refusal = ""
    try:
        refuse_beyond_sheet(form, total)
    except TooMuchForSheet as too_much:
        refusal = say(too_much)
    return render_template(
        "export_jobs/new.html",
        kind=kind,
        name=kind_name(kind),
        form=CSV if refusal else form,
        total=total,
        refusal=refusal,
        days=KEPT.days,
    )


@blueprint.get("/")
@needs(Permission.FILES_EXPORT)
def index() -> str | Response:
    """A person's own long exports and where they stand."""
    words = request.args.get("q", "").strip()
    states = {state.value: state for state in ExportState}
    state = states.get(request.args.get("state", ""))
    wanted = ExportsWanted(_kinds_called(words), state)
    sort = sort_order(questions.EXPORT_SORTS, "-at")
    if wanted_file():
        return as_file("long-exports", _COLUMNS, questions.exports(actor(), wanted, sort=sort))
    cut = page_cut(questions.count_exports(actor(), wanted))
    return render_template(
        "export_jobs/index.html",
        rows=questions.exports(actor(), wanted, sort=sort, offset=cut.offset, limit=cut.limit),
        page=cut,
        sort=sort,
        words=words,
        state=state,
        states=list(ExportState),
        kind_name=kind_name,
        shapes=SHAPES,
        is_gone=_is_gone,
        days=KEPT.days,
    )


@blueprint.post("/")
@needs(Permission.FILES_EXPORT)
def start() -> str | AnyResponse:
    """Ask that a file be made."""
    kind, form = request.form.get("kind", ""), request.form.get("form", "")
    if kind not in KINDS or form not in MEDIA:
        abort(404)
    total = count_rows(kind, actor(), today())
    try:
        refuse_beyond_sheet(form, total)
    except TooMuchForSheet:
        return ask_page(kind, form, total)
    job = deeds.request_export(kind, form, total, by=actor(), at=at())
    return redirect(url_for(".show", number=job.id))


@blueprint.get("/<int:number>")
@needs(Permission.FILES_EXPORT)
def show(number: int) -> Response:
    """One export: how far it is, or its file. Looks again by itself until it has ended."""
    job = _job(number)
    is_open = job.state in EXPORT.open
    again = is_open and "still" not in request.args
    file = file_of(current_app.extensions["settings"].instance, job)
    response = Response(
        render_template(
            "export_jobs/show.html",
            job=job,
            name=kind_name(job.kind),
            shape=SHAPES[job.state],
            is_open=is_open,
            # Rows may have come or gone since they were counted.
            share=min(99, 100 * job.rows // job.total) if job.total else 0,
            again=_AGAIN if again else 0,
            has_file=job.state is ExportState.DONE and file.is_file(),
            until=job.ended_at + KEPT if job.ended_at else None,
            days=KEPT.days,
            can_cancel=EXPORT.is_possible(Step.CANCEL, job.state),
            can_retry=EXPORT.is_possible(Step.RETRY, job.state),
        )
    )
    if again:
        response.headers["Refresh"] = str(_AGAIN)
    return response


@blueprint.get("/<int:number>/file")
@needs(Permission.FILES_EXPORT)
def file(number: int) -> Response:
    """The file of an export, for who asked for it alone."""
    job = _job(number)
    path = file_of(current_app.extensions["settings"].instance, job)
    if job.state is not ExportState.DONE or not path.is_file():
        abort(404)
    response = send_file(
        path,
        mimetype=MEDIA[job.form],
        as_attachment=True,
        download_name=f"{job.kind}-{job.requested_at:%Y%m%d}.{job.form}",
        max_age=0,
    )
    # Nothing between the office and the person keeps what others may not see.
    response.headers["Cache-Control"] = "private, no-store"
    return response


@blueprint.post("/<int:number>/cancel")
@needs(Permission.FILES_EXPORT)
def cancel(number: int) -> AnyResponse:
    """Cancel an export that is not made yet."""
    deeds.cancel_export(_job(number).id, by=actor(), at=at())
    flash(_("The export is cancelled."), "ok")
    return redirect(url_for(".show", number=number))


@blueprint.post("/<int:number>/retry")
@needs(Permission.FILES_EXPORT)
def retry(number: int) -> AnyResponse:
    """Let an export that broke off be made once more."""
    deeds.retry_export(_job(number).id, by=actor(), at=at())
    flash(_("The file is made once more."), "ok")
    return redirect(url_for(".show", number=number))
