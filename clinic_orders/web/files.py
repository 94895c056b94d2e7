"""Files in and out on screen: what a kind looks like, a trial with its report, the import, exports, past imports."""

from __future__ import annotations

import os
import tempfile
from collections.abc import Iterator
from contextlib import suppress
from dataclasses import dataclass, field
from pathlib import Path
from typing import IO

from flask import (
    Blueprint,
    Response,
    abort,
    current_app,
    flash,
    redirect,
    render_template,
    request,
    session,
    url_for,
)
from flask_babel import gettext as _
from werkzeug.wrappers import Response as AnyResponse

from clinic_orders.actions.files import look_away
from clinic_orders.exchange.exporting import CSV, XLSX, export_file
from clinic_orders.exchange.importing import Report, TooLongForPage, import_file
from clinic_orders.exchange.keeping import KeptFile, find_kept, keep
from clinic_orders.exchange.kinds import Kind
from clinic_orders.exchange.reading.limits import MAX_BYTES
from clinic_orders.exchange.tables import KINDS
from clinic_orders.exchange.writing import (
    TooMuchForSheet,
    write_csv,
    write_error_csv,
    write_error_xlsx,
    write_xlsx,
)
from clinic_orders.models.exchange import ImportBatch
from clinic_orders.models.export_jobs import ExportJob
from clinic_orders.models.import_jobs import ImportJob
from clinic_orders.queries import batches as trials
from clinic_orders.queries import files as questions
from clinic_orders.queries.background import count_open
from clinic_orders.queries.batches import ShownRecord
from clinic_orders.queries.export_jobs import exports_of
from clinic_orders.queries.file_counts import count_rows
from clinic_orders.queries.import_jobs import has_one_writer
from clinic_orders.rules.errors import N_
from clinic_orders.rules.export_jobs import LONG_ROWS
from clinic_orders.rules.import_jobs import LONG_BYTES
from clinic_orders.rules.parties import Permission, Role
from clinic_orders.web import guards
from clinic_orders.web.display import label
from clinic_orders.web.downloads import file_answer
from clinic_orders.web.errors import say
from clinic_orders.web.export_jobs import ask_page
from clinic_orders.web.file_words import KIND_WORDS, columns_of, kind_name
from clinic_orders.web.guards import needs
from clinic_orders.web.listing import Column, as_file, page_cut, sort_order, wanted_file
from clinic_orders.web.listing import write_csv as write_list
from clinic_orders.web.record_words import RECORD_COLUMNS, facts_of

blueprint = Blueprint("files", __name__, url_prefix="/files")

# A page waits for the whole file. So many rows take some seconds; longer files go in behind the scenes.
MAX_ROWS = 20_000
_SHOWN = 100
_SHOWN_RECORDS = 50


def importer(batch: ImportBatch) -> str:
    """Who imported a file; the console has no person."""
    return batch.by_name if batch.by_id else label(Role.SYSTEM)


_COLUMNS = (
    Column(N_("Imported at"), lambda row: row.at),
    Column(N_("Kind of file"), lambda row: kind_name(row.kind)),
    Column(N_("File name"), lambda row: row.filename),
    Column(N_("Rows"), lambda row: row.rows),
    Column(N_("New"), lambda row: row.created),
    Column(N_("Changed"), lambda row: row.updated),
    Column(N_("Unchanged"), lambda row: row.unchanged),
    Column(N_("Imported by"), importer),
    Column(N_("Undone on"), lambda row: row.undone_at),
)


def _kind(name: str) -> Kind:
    if name not in KINDS:
        abort(404)
    return KINDS[name]


def _folder() -> Path:
    folder: Path = current_app.extensions["settings"].instance / "uploads"
    return folder


def _owner() -> int:
    return guards.actor().user_id or 0


@blueprint.url_value_preprocessor
def _take_long_files(endpoint: str | None, _values: dict[str, object] | None) -> None:
    """Let those who are logged in upload what an import can read; nothing else takes so much."""
    if endpoint == "files.upload" and "_user_id" in session:
        request.max_content_length = MAX_BYTES + 1024 * 1024


@blueprint.get("/")
@needs(Permission.FILES_EXPORT)
def index() -> str | Response:
    """The kinds of files; for whoever may import, what came in."""
    may_import = guards.actor().may(Permission.FILES_IMPORT)
    words, kind = request.args.get("q", "").strip(), request.args.get("kind", "")
    state = request.args.get("state", "")
    sort = sort_order(questions.BATCH_SORTS, "-at")
    if wanted_file():
        guards.actor().need(Permission.FILES_IMPORT)
        return as_file("imports", _COLUMNS, questions.batches(words, kind, state, sort=sort))
    cut = page_cut(questions.count_batches(words, kind, state) if may_import else 0)
    return render_template(
        "files/index.html",
        kinds=[(name, kind_name(name), _(KIND_WORDS[name].text)) for name in KINDS],
        kind_name=kind_name,
        importer=importer,
        may_import=may_import,
        long_files=count_open(ImportJob) if may_import else 0,
        long_exports=count_open(ExportJob, exports_of(guards.actor())),
        rows=questions.batches(words, kind, state, sort=sort, offset=cut.offset, limit=cut.limit)
        if may_import
        else [],
        page=cut,
        sort=sort,
        words=words,
        chosen=kind,
        state=state,
    )


@blueprint.get("/<kind>/")
@needs(Permission.FILES_IMPORT)
def kind(kind: str) -> str:
    """What a file of a kind looks like, and the form to bring one."""
    return _kind_page(_kind(kind))


def _kind_page(table: Kind, error: str = "") -> str:
    return render_template(
        "files/kind.html",
        kind=table,
        name=kind_name(table.name),
        text=_(KIND_WORDS[table.name].text),
        columns=columns_of(table),
        error=error,
        max_rows=MAX_ROWS,
    )


@blueprint.post("/<kind>/")
@needs(Permission.FILES_IMPORT)
def upload(kind: str) -> str:
    """Try a file: what it would do, or everything that is wrong with it. Nothing is stored."""
    table, sent = _kind(kind), request.files.get("file")
    if sent is None or not sent.filename:
        return _kind_page(table, _("Choose a file first."))
    name = Path(sent.filename.replace("\\", "/")).name
    kept = keep(_folder(), sent.stream, kind=table.name, filename=name, owner=_owner())
    if kept.path.stat().st_size > LONG_BYTES:
        return _long_page(table, kept)
    trial = Trial(kept)
    report = _import(kept, trial)
    if any(isinstance(problem.refusal, TooLongForPage) for problem in report.errors):
        return _long_page(table, kept)
    return _report_page(table, kept, report, trial)


def _long_page(table: Kind, kept: KeptFile) -> str:
    """Ask when a file is to be taken in for which no page waits."""
    return render_template(
        "import_jobs/new.html",
        kind=table,
        name=kind_name(table.name),
        filename=kept.filename,
        megabytes=f"{kept.path.stat().st_size / 1048576:,.1f}",
        token=kept.token,
        holds_writer=has_one_writer(),
    )


@dataclass(slots=True)
class Trial:
    """What a trial would do to every record: the first to be shown, all in a file beside the upload."""

    kept: KeptFile
    shown: list[ShownRecord] = field(default_factory=list)
    count: int = 0

    def look(self, batch_id: int) -> None:
        """Take it down while it stands; the trial takes it back afterwards."""
        with self.kept.differences.open("w", encoding="utf-8-sig", newline="") as out:
            write_list(RECORD_COLUMNS, self._noted(trials.records(batch_id)), out)
        if not self.count:
            self.kept.differences.unlink()

    def _noted(self, records: Iterator[ShownRecord]) -> Iterator[ShownRecord]:
        for record in records:
            self.count += 1
            if self.count <= _SHOWN_RECORDS:
                self.shown.append(record)
            yield record


@blueprint.post("/<kind>/import")
@needs(Permission.FILES_IMPORT)
def confirm(kind: str) -> str | AnyResponse:
    """Store the file that was tried."""
    table = _kind(kind)
    kept = find_kept(_folder(), request.form.get("token", ""), kind=table.name, owner=_owner())
    if kept is None:
        flash(
            _("This file is no longer here: it was imported or is older than a day. Choose it again."), "warn"
        )
        return redirect(url_for("files.kind", kind=kind))
    report, filename = _import(kept), kept.filename
    if report.errors:
        return _report_page(table, kept, report)
    kept.remove()
    stored = report.stored
    flash(
        _(
            "%(file)s is imported: %(created)s new, %(updated)s changed, %(unchanged)s unchanged.",
            file=filename,
            created=stored.created,
            updated=stored.updated,
            unchanged=stored.unchanged,
        ),
        "ok",
    )
    if stored.batch_id is not None:
        return redirect(url_for("batches.batch", number=stored.batch_id))
    return redirect(url_for("files.index"))


def _import(kept: KeptFile, trial: Trial | None = None) -> Report:
    """Store the file; with a trial, only look at what that would do."""
    report = import_file(
        kept.kind,
        kept.path,
        kept.filename,
        dry_run=trial is not None,
        max_rows=MAX_ROWS,
        look=trial.look if trial is not None else look_away,
        by=guards.actor(),
        at=guards.at(),
    )
    if report.reading is not None and report.errors:
        with kept.errors(CSV).open("wb") as out:
            refused = write_error_csv(report.reading, out, say)
        if not refused:
            kept.errors(CSV).unlink()
        with suppress(TooMuchForSheet), kept.errors(XLSX).open("w+b") as out:
            write_error_xlsx(report.reading, out, say)
    return report


def _download(out: IO[bytes], name: str, form: str) -> Response:
    """A file that was written, in pieces; it is closed behind the last."""

    def pieces() -> Iterator[bytes]:
        with out:
            while piece := out.read(64 * 1024):
                yield piece

    length = out.seek(0, os.SEEK_END)
    out.seek(0)
    response = file_answer(pieces(), f"{name}.{form}")
    response.content_length = length
    return response


def _report_page(table: Kind, kept: KeptFile, report: Report, trial: Trial | None = None) -> str:
    return render_template(
        "files/report.html",
        kind=table,
        name=kind_name(table.name),
        filename=kept.filename,
        token=kept.token,
        report=report,
        problems=[(problem, say(problem.refusal)) for problem in (report.errors or report.warnings)[:_SHOWN]],
        shown=_SHOWN,
        has_error_file=bool(report.errors) and kept.errors(CSV).exists(),
        label_of={column.name: column.label for column in table.columns},
        differences=[(record, facts_of(record)) for record in trial.shown] if trial else [],
        differences_count=trial.count if trial else 0,
    )


@blueprint.get("/<kind>/errors/<token>")
@needs(Permission.FILES_IMPORT)
def errors(kind: str, token: str) -> AnyResponse:
    """The refused rows with what is wrong with each, to be mended and sent again."""
    form = wanted_file() or CSV
    kept = find_kept(_folder(), token, kind=_kind(kind).name, owner=_owner())
    if kept is None or not kept.errors(form).exists():
        abort(404)
    out = kept.errors(form).open("rb")
    return _download(out, f"{kind}-errors", form)


@blueprint.get("/<kind>/differences/<token>")
@needs(Permission.FILES_IMPORT)
def differences(kind: str, token: str) -> AnyResponse:
    """Every record that a tried file would make or change, before and after."""
    kept = find_kept(_folder(), token, kind=_kind(kind).name, owner=_owner())
    if kept is None or not kept.differences.exists():
        abort(404)
    return _download(kept.differences.open("rb"), f"{kind}-differences", CSV)


@blueprint.get("/<kind>/template")
@needs(Permission.FILES_IMPORT)
def template(kind: str) -> AnyResponse:
    """An empty file of the kind, with Chinese headings."""
    table, form = _kind(kind), wanted_file() or CSV
    out = tempfile.TemporaryFile()  # noqa: SIM115 - it is closed with the answer.
    (write_xlsx if form == XLSX else write_csv)(table, (), out, labels=True)
    return _download(out, f"{table.label}模板", form)


@blueprint.get("/<kind>/export")
@needs(Permission.FILES_EXPORT)
def export(kind: str) -> str | AnyResponse:
    """All records of the kind that the actor may see, as a file that imports unchanged; a long one is asked for."""
    table, form = _kind(kind), wanted_file() or CSV
    total = count_rows(table.name, guards.actor(), guards.today())
    if total > LONG_ROWS:
        return ask_page(table.name, form, total)
    out = tempfile.TemporaryFile()  # noqa: SIM115 - it is closed with the answer.
    export_file(table.name, form, out, by=guards.actor(), on=guards.today())
    return _download(out, f"{kind}-{guards.today():%Y%m%d}", form)
