"""Files that people attach to forms, and files given out again: photos and papers, only ever as downloads."""

from __future__ import annotations

import io
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from flask import Response, abort, current_app, request, send_file

from clinic_orders.exchange.attachments import Upload, path_of, stored
from clinic_orders.models.attachments import Attached
from clinic_orders.rules.attachments import AttachedFile

FILE_REFUSALS = frozenset({"TooManyFiles", "FileTooLarge", "FileEmpty", "FileKindRefused", "FileDamaged"})
"""Codes of refusals that stand at the box for files."""


@contextmanager
def attached() -> Iterator[list[AttachedFile]]:
    """The files of this request, checked and kept while the block names them to a deed."""
    settings = current_app.extensions["settings"]
    uploads = [
        Upload(file.filename or "", file.stream) for file in request.files.getlist("files") if file.filename
    ]
    with stored(settings.instance, uploads, limit_mb=settings.attachment_mb) as files:
        yield files


def download(found: Attached | None) -> Response:
    """A file for whoever may see it; 404 where there is none."""
    if found is None:
        abort(404)
    path: Path = path_of(current_app.extensions["settings"].instance, found.stored_as)
    if not path.is_file():
        abort(404)
    response = send_file(
        io.BytesIO(path.read_bytes()),
        mimetype=found.media_type,
        as_attachment=True,
        download_name=found.name,
        max_age=0,
    )
    # Whatever a reader does with it, it runs nothing and reaches nobody.
    response.headers["Content-Security-Policy"] = "default-src 'none'; sandbox"
    response.headers["Cache-Control"] = "no-store"
    return response
