"""Photos that come with a form, and how they are given out again: only ever as what they are, running nothing."""

from __future__ import annotations

import io
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from flask import Response, abort, current_app, request, send_file

from clinic_orders.exchange.attachments import Upload, path_of, stored_photos
from clinic_orders.rules.attachments import AttachedFile


@contextmanager
def sent_photos(field: str, *, most: int) -> Iterator[list[AttachedFile]]:
    """The photos of a field of this request, checked, cleaned and kept while the block names them to a deed."""
    settings = current_app.extensions["settings"]
    uploads = [
        Upload(file.filename or "", file.stream) for file in request.files.getlist(field) if file.filename
    ]
    with stored_photos(settings.instance, uploads, most=most, limit_mb=settings.attachment_mb) as files:
        yield files


def kept_bytes(stored_as: str) -> bytes | None:
    """What lies under a random name; None where the file is gone."""
    path: Path = path_of(current_app.extensions["settings"].instance, stored_as)
    return path.read_bytes() if path.is_file() else None


def give_photo(stored_as: str, media_type: str, name: str) -> Response:
    """A photo for a page of ours or to be looked at; 404 where the file is gone."""
    content = kept_bytes(stored_as)
    if content is None:
        abort(404)
    response = send_file(
        io.BytesIO(content),
        mimetype=media_type,
        as_attachment=False,
        download_name=name,
        max_age=0,
    )
    # Whatever a reader does with it, it runs nothing and reaches nobody.
    response.headers["Content-Security-Policy"] = "default-src 'none'; sandbox"
    response.headers["Cache-Control"] = "no-store"
    return response
