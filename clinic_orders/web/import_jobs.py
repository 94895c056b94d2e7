"""Long files behind the scenes on screen: when one is to be taken in, how far it is, what came of it."""

from __future__ import annotations

from datetime import datetime

from flask import Blueprint, Response, abort, current_app, flash, redirect, render_template, request, url_for
from flask_babel import gettext as _
from werkzeug.wrappers import Response as AnyResponse

from clinic_orders.actions import import_jobs as deeds
from clinic_orders.exchange.differences import SORTS, Differences
from clinic_orders.exchange.import_folders import ImportFolder
from clinic_orders.exchange.keeping import find_kept
from clinic_orders.exchange.tables import KINDS
from clinic_orders.models.exchange import RecordChange
from clinic_orders.models.import_jobs import ImportJob
from clinic_orders.queries import import_jobs as questions
from clinic_orders.queries.batches import shown_again
from clinic_orders.rules.background import SILENT_AFTER, Step
from clinic_orders.rules.errors import N_
from clinic_orders.rules.import_jobs import (
    IMPORT,
    TRIED_KEPT,
    ImportState,
    next_night,
)
from clinic_orders.rules.parties import Permission
from clinic_orders.web import guards
from clinic_orders.web.context import locale
from clinic_orders.web.display import label
from clinic_orders.web.downloads import file_answer
from clinic_orders.web.file_words import KIND_WORDS, kind_name
from clinic_orders.web.guards import needs
from clinic_orders.web.listing import Column, as_file, page_cut, sort_order, wanted_file
from clinic_orders.web.record_words import RECORD_COLUMNS, facts_of

blueprint = Blueprint("import_jobs", __name__, url_prefix="/files/background")

SHAPES = {
    ImportState.WAITING: "wait",
    ImportState.READING: "wait",
    ImportState.STORING: "wait",
    ImportState.TRIED: "wait",
    ImportState.DONE: "ok",
    ImportState.REFUSED: "bad",
    ImportState.FAILED: "bad",
    ImportState.CANCELLED: "off",
}
# Seconds after which the page of a file on its way looks again.
_AGAIN = 5

_COLUMNS = (
    Column(N_("Number"), lambda job: job.id),
    Column(N_("Uploaded at"), lambda job: job.requested_at),
    Column(N_("Kind of file"), lambda job: kind_name(job.kind)),
    Column(N_("File name"), lambda job: job.filename),
    Column(N_("Size in bytes"), lambda job: job.size),
    Column(N_("State"), lambda job: job.state),
    Column(N_("Rows"), lambda job: job.rows),
    Column(N_("New"), lambda job: job.created),
    Column(N_("Changed"), lambda job: job.updated),
    Column(N_("Unchanged"), lambda job: job.unchanged),
    Column(N_("Problems"), lambda job: job.problems),
    Column(N_("Uploaded by"), lambda job: job.by_name),
    Column(N_("Ended"), lambda job: job.ended_at),
)


def _job(number: int) -> ImportJob:
    found = questions.import_job(number)
    if found is None:
        abort(404)
    return found


def _folder(job: ImportJob) -> ImportFolder:
    return ImportFolder(current_app.extensions["settings"].instance, job.token)


def _wanted_hour(at: datetime) -> datetime:
    """Not before when the file is to be taken in: now, or when few people work."""
    return next_night(at) if request.form.get("when") == "night" else at


@blueprint.get("/")
@needs(Permission.FILES_IMPORT)
def index() -> str | Response:
    """The long files and where they stand."""
    words, kind = request.args.get("q", "").strip(), request.args.get("kind", "")
    states = {state.value: state for state in ImportState}
    state = states.get(request.args.get("state", ""))
    sort = sort_order(questions.JOB_SORTS, "-at")
    if wanted_file():
        return as_file("long-files", _COLUMNS, questions.import_jobs(words, kind, state, sort=sort))
    cut = page_cut(questions.count_jobs(words, kind, state))
    return render_template(
        "import_jobs/index.html",
        rows=questions.import_jobs(words, kind, state, sort=sort, offset=cut.offset, limit=cut.limit),
        page=cut,
        sort=sort,
        words=words,
        chosen=kind,
        state=state,
        kinds=[(name, kind_name(name)) for name in KIND_WORDS],
        states=list(ImportState),
        kind_name=kind_name,
        shapes=SHAPES,
    )


@blueprint.post("/")
@needs(Permission.FILES_IMPORT)
def start() -> AnyResponse:
    """Ask that an uploaded file be tried or taken in, now or at night."""
    kind, token = request.form.get("kind", ""), request.form.get("token", "")
    actor, at = guards.actor(), guards.at()
    uploads = current_app.extensions["settings"].instance / "uploads"
    kept = find_kept(uploads, token, kind=kind, owner=actor.user_id or 0) if kind in KINDS else None
    if kept is None:
        flash(_("This file is on its way already, or is older than a day. Look at the list."), "warn")
        return redirect(url_for(".index"))
    folder, filename = ImportFolder(uploads.parent, kept.token), kept.filename
    try:
        folder.take(kept)
    except FileNotFoundError:
        # The button was pressed twice; the first press has done it.
        return redirect(url_for(".index"))
    try:
        job = deeds.request_import(
            kind,
            filename,
            folder.token,
            folder.source.stat().st_size,
            run_after=_wanted_hour(at),
            # Whoever did not choose sees first what the file would do.
            trial=request.form.get("how") != "store",
            by=actor,
            at=at,
        )
    except BaseException:
        folder.remove()
        raise
    return redirect(url_for(".show", number=job.id))


@blueprint.get("/<int:number>")
@needs(Permission.FILES_IMPORT)
def show(number: int) -> Response:
    """One file: how far it is, or what came of it. Looks again by itself until it has ended."""
    job = _job(number)
    folder, at = _folder(job), guards.at()
    life = folder.life() if job.state in IMPORT.running else None
    if life is not None and (life.attempt != job.attempt or life.at < at - SILENT_AFTER):
        life = None
    silent = job.state in IMPORT.running and life is None
    # On SQLite nobody can write while a file is stored, not even that it is to be cancelled.
    can_cancel = IMPORT.is_possible(Step.CANCEL, job.state) and (
        job.state is not ImportState.STORING or silent or not questions.has_one_writer()
    )
    again = job.state in IMPORT.open and "still" not in request.args
    differences = job.differences if job.state is ImportState.TRIED else []
    stored = round(100 * life.share) if life is not None and life.storing else 0
    response = Response(
        render_template(
            "import_jobs/show.html",
            job=job,
            kind=kind_name(job.kind),
            state=job.state,
            shape=SHAPES[job.state],
            is_open=job.state in IMPORT.open,
            again=_AGAIN if again else 0,
            read=100 * job.read_bytes // job.size if job.size else 100,
            stored=stored,
            rows=life.rows if life is not None and not life.storing else job.rows,
            silent=silent,
            can_cancel=can_cancel,
            says_nothing_new=not (job.created or job.updated),
            has_all=folder.differences.exists(),
            differences=[(record, facts_of(record)) for record in map(shown_again, differences)],
            kept_until=job.tried_at + TRIED_KEPT if job.tried_at else None,
            days_kept=TRIED_KEPT.days,
            can_retry=IMPORT.is_possible(Step.RETRY, job.state),
            waits_for_night=job.state is ImportState.WAITING and job.run_after > at,
            holds_writer=questions.has_one_writer(),
            problems=[(told, told["text"].get(locale()) or told["text"]["zh_CN"]) for told in job.report],
            label_of={column.name: column.label for column in KINDS[job.kind].columns}
            if job.kind in KINDS
            else {},
            error_files=[form for form in ("csv", "xlsx") if folder.errors(form).exists()],
        )
    )
    if again:
        response.headers["Refresh"] = str(_AGAIN)
    return response


@blueprint.get("/<int:number>/differences")
@needs(Permission.FILES_IMPORT)
def differences(number: int) -> str | Response:
    """All that a tried file would do, record by record."""
    job = _job(number)
    kept = Differences(_folder(job).differences)
    if job.state is not ImportState.TRIED or not kept.path.exists():
        abort(404)
    words, change = request.args.get("q", "").strip()[:200], request.args.get("change", "")
    if change not in {"", *RecordChange}:
        change = ""
    sort = sort_order(SORTS, "file")
    if wanted_file():
        return as_file(f"differences-{number}", RECORD_COLUMNS, kept.rows(words, change, sort=sort))
    cut = page_cut(kept.count(words, change))
    rows = kept.rows(words, change, sort=sort, offset=cut.offset, limit=cut.limit)
    return render_template(
        "import_jobs/differences.html",
        job=job,
        kind=kind_name(job.kind),
        rows=[(record, facts_of(record)) for record in rows],
        page=cut,
        sort=sort,
        words=words,
        change=change,
        options=[(one.value, label(one)) for one in RecordChange],
    )


@blueprint.post("/<int:number>/store")
@needs(Permission.FILES_IMPORT)
def store(number: int) -> AnyResponse:
    """Have a file stored that was tried, now or at night."""
    at = guards.at()
    deeds.store_tried_import(_job(number).id, run_after=_wanted_hour(at), by=guards.actor(), at=at)
    flash(_("The file will be stored as it was tried."), "ok")
    return redirect(url_for(".show", number=number))


@blueprint.post("/<int:number>/cancel")
@needs(Permission.FILES_IMPORT)
def cancel(number: int) -> AnyResponse:
    """Cancel it; nothing of it is stored, and the file goes."""
    job = deeds.cancel_import(_job(number).id, by=guards.actor(), at=guards.at())
    _folder(job).remove()
    flash(_("The import is cancelled. Nothing of the file was stored."), "ok")
    return redirect(url_for(".show", number=number))


@blueprint.post("/<int:number>/retry")
@needs(Permission.FILES_IMPORT)
def retry(number: int) -> AnyResponse:
    """Let it go on where it broke off."""
    deeds.retry_import(_job(number).id, by=guards.actor(), at=guards.at())
    flash(_("The import goes on where it broke off."), "ok")
    return redirect(url_for(".show", number=number))


@blueprint.get("/<int:number>/errors")
@needs(Permission.FILES_IMPORT)
def errors(number: int) -> Response:
    """The refused rows with what is wrong with each, to be mended and sent again."""
    job, form = _job(number), wanted_file() or "csv"
    path = _folder(job).errors(form)
    if not path.exists():
        abort(404)
    return file_answer(path.read_bytes(), f"{job.kind}-errors.{form}")
