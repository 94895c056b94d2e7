"""The record on a phone: the list to take along, the form, and how it is sent, with or without script (R-CASE-5).

The form works as any form. With ``static/inspect.js`` what is typed and photographed stays on the phone until the
inspector sends it; ``static/inspect-worker.js`` shows the pages that were taken along where there is no network.
"""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Any

from flask import Response as FlaskResponse
from flask import abort, current_app, flash, jsonify, redirect, render_template, request, url_for
from flask_babel import gettext
from flask_wtf.csrf import generate_csrf
from werkzeug.wrappers import Response

from clinic_orders.actions import inspections as deeds
from clinic_orders.actions.inspections import VisitRecord
from clinic_orders.actions.loading import NotFound
from clinic_orders.exchange.attachments import path_of
from clinic_orders.queries import inspections as queries
from clinic_orders.queries.inspections import VisitRow, VisitsWanted
from clinic_orders.rules.days import parse_day
from clinic_orders.rules.errors import RuleBroken
from clinic_orders.rules.inspection.checklist import ChecklistItem
from clinic_orders.rules.inspection.record import NAME, REMARK, SUMMARY, Answer, PartySignature, Said
from clinic_orders.rules.inspection.steps import PlanState, VisitState, VisitStep, visit_steps_from
from clinic_orders.rules.parties import Permission
from clinic_orders.web.display import label, moment
from clinic_orders.web.errors import say
from clinic_orders.web.guards import actor, at, needs, today
from clinic_orders.web.inspection_words import VISIT_SHAPES
from clinic_orders.web.inspections.door import blueprint, by_group, fresh_key
from clinic_orders.web.listing import page_cut
from clinic_orders.web.photos import sent_photos

PLACE = "place"
"""The field of photos of the place itself, which belong to no line."""
_MOST_AT_ONCE = 6


@blueprint.get("/phone/")
@needs(Permission.INSPECTIONS_HANDLE)
def phone() -> str:
    """The visits of running plans that somebody still has to make or to sign."""
    words = request.args.get("q", "").strip()[:64]
    wanted = VisitsWanted(words=words, to_visit=True)
    page = page_cut(queries.count_visits(actor(), on=today(), wanted=wanted))
    return render_template(
        "inspections/phone.html",
        rows=queries.visits(actor(), on=today(), wanted=wanted, limit=page.limit, offset=page.offset),
        words=words,
        shapes=VISIT_SHAPES,
        page=page,
        today=today(),
    )


def _found(number: str) -> VisitRow:
    found = queries.find_visit(number, actor(), on=today())
    if found is None:
        abort(404)
    return found


def _kept(found: VisitRow) -> dict[str, str]:
    """The fields as the record has them."""
    visit, answers = queries.visit_by_id(found.id), queries.answers_of(found.id)
    fields = {
        "visited_on": (visit.visited_on or today()).isoformat(),
        "summary": visit.summary,
        "party_name": visit.party_name,
        "party_post": visit.party_post,
        "refusal": visit.refusal,
        "refused": "1" if visit.party_refused else "",
    }
    for code, said in answers.items():
        fields[f"a-{code}"], fields[f"r-{code}"] = said.answer.value, said.remark
    return fields


def _page(number: str, typed: Mapping[str, str] | None = None, refusal: str = "") -> str:
    found = _found(number)
    people = queries.inspectors_of(found.plan_id)
    own = [one.name for one in people if one.place in found.inspectors]
    fields: dict[str, Any] = {"inspectors": "\n".join(own)} | dict(
        typed if typed is not None else _kept(found)
    )
    steps = visit_steps_from(found.state)
    photos = queries.photos_of(found.id)
    earlier = queries.answers_of(found.follows_id) if found.follows_id else {}
    return render_template(
        "inspections/record.html",
        found=found,
        groups=by_group(list(queries.items_of(found.checklist_id).values())),
        fields=fields,
        earlier={code: said for code, said in earlier.items() if said.answer is Answer.NO},
        answers=[(one.value, label(one)) for one in Answer],
        photos={code: [one for one in photos if one.code == code] for code in {one.code for one in photos}},
        may=VisitStep.RECORD in steps and found.plan_state is PlanState.RUNNING,
        key=fields.get("key") or fresh_key(),
        limits={"remark": REMARK, "summary": SUMMARY, "name": NAME},
        place=PLACE,
        refusal=refusal,
        who=actor().user_id,
        today=today(),
    )


@blueprint.get("/phone/<number>")
@needs(Permission.INSPECTIONS_HANDLE)
def record(number: str) -> str:
    """The form of a record."""
    return _page(number)


def _answers(items: Mapping[str, ChecklistItem], typed: Mapping[str, str]) -> dict[str, Said]:
    found = {}
    for name, value in typed.items():
        if name.startswith("a-") and value in set(Answer):
            code = name[2:]
            found[code] = Said(Answer(value), typed.get(f"r-{code}", "").strip())
    # In the order of the checklist, so that what is missing is named from above.
    known = {code: found.pop(code) for code in items if code in found}
    return known | found


def _typed(found: VisitRow) -> VisitRecord:
    typed = request.form
    return VisitRecord(
        parse_day(typed.get("visited_on", "")),
        _answers(queries.items_of(found.checklist_id), typed),
        typed.get("summary", ""),
        sign=typed.get("do") == "sign",
        inspectors=typed.get("inspectors", "").splitlines(),
        party=PartySignature(
            typed.get("party_name", ""),
            typed.get("party_post", ""),
            bool(typed.get("refused")),
            typed.get("refusal", ""),
        ),
    )


def _keep_photos(number: str, field: str, code: str, key: str) -> int:
    """Keep the photos of a field, each once; how many came for the first time."""
    new = 0
    with sent_photos(field, most=_MOST_AT_ONCE) as photos:
        for place, one in enumerate(photos):
            kept = deeds.keep_photo(number, code, one, key=f"{key}:{code}:{place}"[:80], by=actor(), at=at())
            if kept is None:
                path_of(current_app.extensions["settings"].instance, one.stored_as).unlink(missing_ok=True)
            else:
                new += 1
    return new


def _fields_with_photos() -> list[tuple[str, str]]:
    """Field and code of every box in which a photo came."""
    names = sorted({name for name, file in request.files.items(multi=True) if file.filename})
    return [(name, "" if name == f"p-{PLACE}" else name[2:]) for name in names if name.startswith("p-")]


def _wants_json() -> bool:
    return request.accept_mimetypes.best == "application/json"


@blueprint.post("/phone/<number>")
@needs(Permission.INSPECTIONS_HANDLE)
def send(number: str) -> Response | tuple[Any, int]:
    """Take a record in once: a page answers a form, JSON the script."""
    found = _found(number)
    key = request.form.get("key", "")[:40] or fresh_key()
    try:
        for field, code in _fields_with_photos():
            _keep_photos(number, field, code, key)
        sent = deeds.record_visit(
            number,
            _typed(found),
            key=key,
            seen_version=request.form.get("version", 0, type=int),
            by=actor(),
            at=at(),
        )
    except NotFound:
        abort(404)
    except RuleBroken as refusal:
        status = 409 if refusal.code == "ChangedMeanwhile" else 422
        if _wants_json():
            return _refused(number, refusal), status
        return _page(number, request.form.to_dict(), say(refusal)), status
    if _wants_json():
        return jsonify(
            state=sent.state.value,
            word=label(sent.state),
            version=sent.version,
            again=sent.again,
            url=url_for(".visit", number=number),
        ), 200
    done = sent.state is VisitState.SIGNED
    flash(
        gettext("The record is signed.") if done else gettext("The record is kept; it is not signed yet."),
        "ok",
    )
    return redirect(url_for(".visit" if done else ".record", number=number), 303)


def _refused(number: str, refusal: RuleBroken) -> FlaskResponse:
    """A refusal for the script; where somebody else was faster, who and when."""
    now = _found(number)
    return jsonify(
        code=refusal.code,
        error=say(refusal),
        version=now.version,
        state=now.state.value,
        word=label(now.state),
        by=now.recorded_by_name,
        at=moment(now.recorded_at) if now.recorded_at else "",
        url=url_for(".visit", number=number),
    )


@blueprint.post("/phone/<number>/photos")
@needs(Permission.INSPECTIONS_HANDLE)
def send_photo(number: str) -> tuple[Any, int]:
    """Take in one photo or mark of the script, once for its key."""
    _found(number)
    code, key = request.form.get("code", ""), request.form.get("key", "")[:60]
    if not key:
        abort(400)
    try:
        new = _keep_photos(number, "photo", "" if code == PLACE else code, key)
    except NotFound:
        abort(404)
    except RuleBroken as refusal:
        return _refused(number, refusal), 422
    return jsonify(new=new), 200


@blueprint.post("/phone/<number>/photos/<int:photo_id>")
@needs(Permission.INSPECTIONS_HANDLE)
def take_off_photo(number: str, photo_id: int) -> Response:
    """Take a photo off a record that is not signed."""
    try:
        deeds.remove_photo(number, photo_id, by=actor(), at=at())
    except NotFound:
        abort(404)
    return redirect(url_for(".record", number=number), 303)


@blueprint.get("/phone/token")
@needs(Permission.INSPECTIONS_HANDLE)
def token() -> FlaskResponse:
    """What the script needs to send what was typed before this log-in: a token of this session, and who it is."""
    return jsonify(csrf=generate_csrf(), who=actor().user_id)


@blueprint.get("/phone/offline")
@needs(Permission.INSPECTIONS_HANDLE)
def offline() -> str:
    """What stands where a page was not taken along and there is no network."""
    return render_template("inspections/offline.html")


@blueprint.get("/phone/worker.js")
@needs(Permission.INSPECTIONS_HANDLE)
def worker() -> FlaskResponse:
    """The worker of these pages; its address bounds what it may touch."""
    script = (Path(current_app.static_folder or "") / "inspect-worker.js").read_bytes()
    response = FlaskResponse(script, content_type="text/javascript; charset=utf-8")
    response.headers["Cache-Control"] = "no-cache"
    return response
