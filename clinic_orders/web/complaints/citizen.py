"""What the public sees: a form without log-in, and with the number what became of the complaint (R-CASE-5)."""

from __future__ import annotations

import secrets
from collections.abc import Mapping
from datetime import date

from flask import abort, current_app, flash, redirect, render_template, request, url_for
from flask_babel import gettext
from werkzeug.wrappers import Response

from clinic_orders.actions import complaints as deeds
from clinic_orders.models.complaints import Complaint
from clinic_orders.queries import complaints as queries
from clinic_orders.rules.complaints import (
    ANSWERED,
    CONTACT,
    ITEM,
    MOST_PHOTOS,
    PLACE,
    THE_PUBLIC,
    WORDS,
    ComplaintKind,
    ComplaintState,
    ComplaintText,
    check_complaint,
    shown_tracking,
)
from clinic_orders.rules.days import parse_day
from clinic_orders.rules.errors import RuleBroken
from clinic_orders.web.complaint_words import PUBLIC_SHAPES
from clinic_orders.web.complaints.door import blueprint
from clinic_orders.web.display import label
from clinic_orders.web.errors import say
from clinic_orders.web.guards import at, public, today
from clinic_orders.web.limits import limiter
from clinic_orders.web.photos import sent_photos

_FIELD = {
    "PlaceMissing": "place",
    "ComplaintWordsMissing": "words",
    "HappenedInFuture": "happened_on",
    "DayNotUnderstood": "happened_on",
    "NotFound": "county",
}
_PHOTOS = frozenset({"TooManyPhotos", "PhotoRefused", "FileTooLarge", "FileEmpty", "FileDamaged"})


def _phone() -> str:
    phone: str = current_app.extensions["settings"].complaint_phone
    return phone


def _form(typed: Mapping[str, str], code: str = "", errors: tuple[tuple[str, str], ...] = ()) -> str:
    place = queries.public_place(code, on=today()) if code else None
    return render_template(
        "complaints/new.html",
        typed=typed,
        place=place,
        errors=errors,
        kinds=[(kind.value, label(kind)) for kind in ComplaintKind],
        counties=[] if place else queries.all_counties(),
        key=typed.get("key") or secrets.token_urlsafe(24),
        limits={"place": PLACE, "words": WORDS, "item": ITEM, "contact": CONTACT},
        most_photos=MOST_PHOTOS,
        phone=_phone(),
        today=today(),
    )


@blueprint.get("/new")
@public
@limiter.limit("60 per minute")
def new() -> str:
    """The form; the page of an institution or a price tag leads here with its code, a medicine with its name."""
    asked = {"item": request.args.get("item", "")[:ITEM]}
    return _form(asked, request.args.get("institution", "")[:32])


def _text(typed: Mapping[str, str], place: str) -> ComplaintText:
    day: date | None = None
    if typed.get("happened_on", "").strip():
        day = parse_day(typed["happened_on"])
    kind = typed.get("kind", "")
    return check_complaint(
        ComplaintKind(kind) if kind in set(ComplaintKind) else ComplaintKind.OTHER,
        place=place,
        words=typed.get("words", ""),
        item=typed.get("item", ""),
        happened_on=day,
        contact=typed.get("contact", ""),
        today=today(),
    )


@blueprint.post("/new")
@public
@limiter.limit("20 per hour")
def file() -> Response | tuple[str, int]:
    """File a complaint once; the page that follows has the number."""
    typed, code = request.form, request.form.get("institution", "")[:32]
    place = queries.public_place(code, on=today()) if code else None
    try:
        text = _text(typed, place.name if place else typed.get("place", ""))
        with sent_photos("photos", most=MOST_PHOTOS) as photos:
            filed = deeds.file_complaint(
                text,
                photos,
                key=(typed.get("key") or secrets.token_urlsafe(24))[:64],
                institution_code=place.code if place else "",
                county_code=typed.get("county", ""),
                by=THE_PUBLIC,
                at=at(),
            )
    except RuleBroken as refusal:
        field = "photos" if refusal.code in _PHOTOS else _FIELD.get(refusal.code, "")
        return _form(typed, code, ((field, say(refusal)),)), 422
    return redirect(url_for(".status", tracking=shown_tracking(filed.tracking), new="1"), 303)


@blueprint.get("/status")
@public
@limiter.limit("30 per minute")
def ask() -> Response | str | tuple[str, int]:
    """The box for the number."""
    typed = request.args.get("number", "")[:40]
    if not typed.strip():
        return render_template("complaints/ask.html", typed="", refusal="", phone=_phone())
    found = queries.complaint_by_tracking(typed)
    if found is None:
        refusal = gettext(
            "There is no complaint with this number. Compare it sign by sign with what you wrote down."
        )
        return render_template("complaints/ask.html", typed=typed, refusal=refusal, phone=_phone()), 404
    return redirect(url_for(".status", tracking=shown_tracking(found.tracking)), 303)


def _page(found: Complaint, refusal: str = "") -> str:
    return render_template(
        "complaints/status.html",
        found=found,
        shown=shown_tracking(found.tracking),
        shapes=PUBLIC_SHAPES,
        answered=found.state in ANSWERED,
        may_withdraw=found.state is ComplaintState.FILED,
        is_new=request.args.get("new") == "1",
        refusal=refusal,
        phone=_phone(),
        today=today(),
    )


def _no_index(page: str | tuple[str, int]) -> Response:
    response = current_app.make_response(page)
    response.headers["X-Robots-Tag"] = "noindex"
    # The address is the key to the page: it goes to no other site.
    response.headers["Referrer-Policy"] = "no-referrer"
    return response


@blueprint.get("/status/<tracking>")
@public
@limiter.limit("30 per minute")
def status(tracking: str) -> Response:
    """What became of a complaint: state, days and answer, and nothing about anybody."""
    found = queries.complaint_by_tracking(tracking)
    if found is None:
        refusal = gettext(
            "There is no complaint with this number. Compare it sign by sign with what you wrote down."
        )
        return _no_index(
            (render_template("complaints/ask.html", typed=tracking, refusal=refusal, phone=_phone()), 404)
        )
    return _no_index(_page(found))


@blueprint.post("/status/<tracking>")
@public
@limiter.limit("20 per hour")
def withdraw(tracking: str) -> Response:
    """Take a complaint back while nobody has taken it up."""
    found = queries.complaint_by_tracking(tracking)
    if found is None:
        abort(404)
    try:
        deeds.withdraw_complaint(tracking, by=THE_PUBLIC, at=at())
    except RuleBroken as refusal:
        again = queries.complaint_by_tracking(tracking)
        assert again is not None, "a complaint is never deleted"
        return _no_index((_page(again, say(refusal)), 409))
    flash(gettext("The complaint is taken back."), "ok")
    return redirect(url_for(".status", tracking=tracking), 303)
