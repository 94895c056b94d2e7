"""Training of staff: an institution enters it with a paper, the bureau reads and exports it (R-STAT-3)."""

from __future__ import annotations

import io
import secrets

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
from flask_babel import gettext
from werkzeug.wrappers import Response as AnyResponse

from clinic_orders.actions import trainings as deeds
from clinic_orders.actions.loading import NotFound
from clinic_orders.exchange.attachments import Upload, path_of, stored
from clinic_orders.queries import trainings as queries
from clinic_orders.rules.days import parse_day
from clinic_orders.rules.errors import N_, RuleBroken
from clinic_orders.rules.parties import Permission
from clinic_orders.rules.trainings import check_training
from clinic_orders.web.errors import say
from clinic_orders.web.guards import actor, at, needs, today
from clinic_orders.web.listing import Column, as_file, page_cut, sort_order, wanted_file

blueprint = Blueprint("trainings", __name__, url_prefix="/trainings")

COLUMNS = (
    Column(N_("Day"), lambda row: row.day),
    Column(N_("Code"), lambda row: row.code),
    Column(N_("Name"), lambda row: row.name),
    Column(N_("County"), lambda row: row.county),
    Column(N_("Subject of the training"), lambda row: row.subject),
    Column(N_("Who took part"), lambda row: row.persons),
    Column(N_("How many took part"), lambda row: row.count),
    Column(N_("Hours"), lambda row: row.hours),
    Column(N_("Paper"), lambda row: row.file_name),
)
_FIELDS = {
    "TrainingIncomplete": "subject",
    "TrainingCountRefused": "count",
    "TrainingHoursRefused": "hours",
    "TrainingAhead": "day",
    "DayNotUnderstood": "day",
}


def _page(error: RuleBroken | None = None) -> str:
    words, year = request.args.get("q", "").strip()[:64], request.args.get("year", type=int)
    sort = sort_order(set(queries.TRAINING_SORTS), "-day")
    page = page_cut(queries.count_trainings(actor(), words=words, year=year, on=today()))
    errors = [] if error is None else [(_FIELDS.get(error.code, "files"), say(error))]
    return render_template(
        "trainings/index.html",
        rows=queries.training_lines(
            actor(), words=words, year=year, on=today(), sort=sort, limit=page.limit, offset=page.offset
        ),
        words=words,
        year=year,
        years=[(one, str(one)) for one in range(today().year, today().year - 6, -1)],
        filtered=bool(words or year),
        may_record=actor().institution_id is not None and actor().may(Permission.REPORTS_MAKE),
        own=actor().institution_id,
        typed=request.form,
        key=request.form.get("key") or secrets.token_urlsafe(24),
        errors=errors,
        wrong=dict(errors),
        page=page,
        sort=sort,
        today=today(),
    )


@blueprint.get("/")
@needs(Permission.AUDIT_READ)
def index() -> str | Response:
    """The records that the reader may see, the latest first."""
    if wanted_file():
        words, year = request.args.get("q", "").strip()[:64], request.args.get("year", type=int)
        sort = sort_order(set(queries.TRAINING_SORTS), "-day")
        return as_file(
            "trainings",
            COLUMNS,
            queries.training_lines(actor(), words=words, year=year, on=today(), sort=sort),
        )
    return _page()


@blueprint.post("/")
@needs(Permission.REPORTS_MAKE)
def record() -> AnyResponse | tuple[str, int]:
    """Record a training, or take one's own record back."""
    form, settings = request.form, current_app.extensions["settings"]
    try:
        if form.get("remove"):
            deeds.remove_training(form.get("remove", 0, int), by=actor(), at=at())
            flash(gettext("The record is taken back."), "ok")
            return redirect(url_for(".index"), 303)
        training = check_training(
            form.get("subject", ""),
            form.get("persons", ""),
            form.get("count", ""),
            form.get("hours", ""),
            parse_day(form.get("day", "")),
            today=today(),
        )
        uploads = [Upload(one.filename or "", one.stream) for one in request.files.getlist("files")]
        with stored(
            settings.instance, [one for one in uploads if one.name][:1], limit_mb=settings.attachment_mb
        ) as files:
            deeds.record_training(
                training,
                files[0] if files else None,
                key=form.get("key", "")[:64] or secrets.token_urlsafe(24),
                by=actor(),
                at=at(),
            )
        flash(gettext("The training is recorded."), "ok")
    except NotFound:
        abort(404)
    except RuleBroken as error:
        return _page(error), 422
    return redirect(url_for(".index"), 303)


@blueprint.get("/<int:training_id>/paper")
@needs(Permission.AUDIT_READ)
def paper(training_id: int) -> Response:
    """The paper of a record, only ever as a download."""
    found = queries.find_training(training_id, actor(), on=today())
    if found is None or found.stored_as is None:
        abort(404)
    path = path_of(current_app.extensions["settings"].instance, found.stored_as)
    if not path.is_file():
        abort(404)
    response = send_file(
        io.BytesIO(path.read_bytes()),
        mimetype=found.media_type,
        as_attachment=True,
        download_name=found.file_name,
        max_age=0,
    )
    response.headers["Content-Security-Policy"] = "default-src 'none'; sandbox"
    response.headers["Cache-Control"] = "no-store"
    return response
