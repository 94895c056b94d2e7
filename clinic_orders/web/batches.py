"""One imported file on screen: what it did to every record, and taking it back while nothing rests on it."""

from __future__ import annotations

from flask import Blueprint, Response, abort, flash, redirect, render_template, request, url_for
from flask_babel import ngettext
from werkzeug.wrappers import Response as AnyResponse

from clinic_orders.actions.undoing import BatchRestedOn, undo_batch
from clinic_orders.models.exchange import ImportBatch, RecordChange
from clinic_orders.queries import batches as questions
from clinic_orders.queries.resting import done_by, what_rests_on
from clinic_orders.rules.parties import Permission, Role
from clinic_orders.web import guards
from clinic_orders.web.display import label
from clinic_orders.web.file_words import kind_name
from clinic_orders.web.guards import needs
from clinic_orders.web.listing import as_file, page_cut, wanted_file
from clinic_orders.web.record_words import RECORD_COLUMNS, facts_of

blueprint = Blueprint("batches", __name__, url_prefix="/files/imports")


def importer(batch: ImportBatch) -> str:
    """Who imported a file; the console has no person."""
    return batch.by_name if batch.by_id else label(Role.SYSTEM)


def undoer(batch: ImportBatch) -> str:
    """Who undid it."""
    return batch.undone_by_name if batch.undone_by_id else label(Role.SYSTEM)


def _batch(number: int) -> ImportBatch:
    found = questions.batch(number)
    if found is None:
        abort(404)
    return found


@blueprint.get("/<int:number>")
@needs(Permission.FILES_IMPORT)
def batch(number: int) -> str | Response:
    """What an import did to every record, before and after."""
    found = _batch(number)
    words, change = request.args.get("q", "").strip(), request.args.get("change", "")
    if change not in {"", *RecordChange}:
        change = ""
    if wanted_file():
        return as_file(f"import-{number}", RECORD_COLUMNS, questions.records(number, words, change))
    cut = page_cut(questions.count_records(number, words, change))
    rows = questions.records(number, words, change, offset=cut.offset, limit=cut.limit)
    return render_template(
        "batches/batch.html",
        batch=found,
        kind=kind_name(found.kind),
        importer=importer(found),
        undoer=undoer(found),
        rows=[(record, facts_of(record)) for record in rows],
        page=cut,
        words=words,
        change=change,
        options=[(one.value, label(one)) for one in RecordChange],
    )


@blueprint.get("/<int:number>/undo")
@needs(Permission.FILES_IMPORT)
def undo(number: int) -> str | AnyResponse:
    """What undoing would do, or what stands in its way; nothing happens yet."""
    found = _batch(number)
    if found.undone_at is not None or not found.traced:
        return redirect(url_for("batches.batch", number=number))
    done = done_by(number)
    return render_template(
        "batches/undo.html",
        batch=found,
        kind=kind_name(found.kind),
        importer=importer(found),
        resting=what_rests_on(found, done),
        removed=questions.count_records(number, change=RecordChange.CREATED),
        restored=questions.count_records(number, change=RecordChange.CHANGED),
        returned=questions.count_records(number, change=RecordChange.REMOVED),
    )


@blueprint.post("/<int:number>/undo")
@needs(Permission.FILES_IMPORT)
def do_undo(number: int) -> AnyResponse:
    """Take the import back."""
    found = _batch(number)
    try:
        undone = undo_batch(number, by=guards.actor(), at=guards.at())
    except BatchRestedOn:
        # Something came to rest on it since the page before; that page says what.
        return redirect(url_for("batches.undo", number=number))
    flash(
        ngettext(
            "%(file)s is undone: %(removed)s record taken out, %(restored)s as they were before.",
            "%(file)s is undone: %(removed)s records taken out, %(restored)s as they were before.",
            undone.removed,
            file=found.filename,
            removed=undone.removed,
            restored=undone.restored + undone.returned,
        ),
        "ok",
    )
    return redirect(url_for("batches.batch", number=number))
