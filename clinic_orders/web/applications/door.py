"""The blueprint of applications, and what the applicant's and the bureaus' pages share: papers, files, the map."""

from __future__ import annotations

import io
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Final

from flask import Blueprint, Response, abort, current_app, request, send_file, session
from werkzeug.wrappers import Response as AnyResponse

from clinic_orders.actions.applications import visitor
from clinic_orders.documents.commitments import commitment_pdf
from clinic_orders.exchange.attachments import Upload, path_of, stored
from clinic_orders.models.applications import Application, ApplicationFile
from clinic_orders.queries import applications as queries
from clinic_orders.queries.pharmacies import near
from clinic_orders.rules.applications import ApplicationState
from clinic_orders.rules.attachments import AttachedFile
from clinic_orders.rules.geodesy import Place
from clinic_orders.rules.parties import Actor, InstitutionKind
from clinic_orders.web.applications.place_map import Window, drawing
from clinic_orders.web.guards import today
from clinic_orders.web.papers import pdf

blueprint = Blueprint("applications", __name__)

HELD: Final = "application"
"""Where the session keeps the number of the application whose secret was shown."""

SHAPES: Final = {
    ApplicationState.DRAFT: "wait",
    ApplicationState.SUBMITTED: "wait",
    ApplicationState.RETURNED: "warn",
    ApplicationState.ASSESSED: "wait",
    ApplicationState.PROPOSED: "wait",
    ApplicationState.PUBLISHED: "ok",
    ApplicationState.REFUSED: "bad",
    ApplicationState.WITHDRAWN: "off",
    ApplicationState.ADMITTED: "ok",
}


def held() -> Application | None:
    """The application that this session has opened with its secret."""
    number = session.get(HELD)
    return None if number is None else queries.application_by_number(number)


def doer(found: Application) -> Actor:
    """The applicant as the doer of a deed."""
    return visitor(found.contact or found.name, found.name)


@contextmanager
def attached() -> Iterator[list[AttachedFile]]:
    """The files of this request, checked and kept while the block names them to a deed."""
    settings = current_app.extensions["settings"]
    uploads = [
        Upload(file.filename or "", file.stream) for file in request.files.getlist("files") if file.filename
    ]
    with stored(settings.instance, uploads, limit_mb=settings.attachment_mb) as files:
        yield files


def as_download(paper: ApplicationFile | None) -> Response:
    """An attached paper, only ever as a download."""
    if paper is None:
        abort(404)
    path = path_of(current_app.extensions["settings"].instance, paper.stored_as)
    if not path.is_file():
        abort(404)
    response = send_file(
        io.BytesIO(path.read_bytes()),
        mimetype=paper.media_type,
        as_attachment=True,
        download_name=paper.name,
        max_age=0,
    )
    # Whatever a reader does with it, it runs nothing and reaches nobody.
    response.headers["Content-Security-Policy"] = "default-src 'none'; sandbox"
    response.headers["Cache-Control"] = "no-store"
    return response


def letter_paper(found: Application) -> AnyResponse | tuple[str, int]:
    """The signed commitment letter as a PDF."""
    if found.signed_at is None:
        abort(404)
    return pdf(
        f"commitment-{found.number}",
        lambda: commitment_pdf(found, county=queries.county_name(found.county_code)),
    )


def map_picture(window: Window, pin: Place | None, *codes: str) -> Response:
    """The map around a place as a picture: counties, designated pharmacies, the unit itself."""
    asked = queries.terms(InstitutionKind.RETAIL_PHARMACY, on=today()).least_metres
    pharmacies = near(window.centre, window.reach, but_for=codes, most=200)
    text = drawing(window, pin, pharmacies, least=asked)
    response = Response(text, content_type="image/svg+xml; charset=utf-8")
    response.headers["Cache-Control"] = "private, max-age=300"
    return response
