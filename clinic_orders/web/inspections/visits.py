"""One visit at the desk: its record, photos and course, the paper, taking back, looking again (R-CASE-5)."""

from __future__ import annotations

from collections.abc import Callable

from flask import Response as FlaskResponse
from flask import abort, flash, redirect, render_template, request, url_for
from flask_babel import gettext
from werkzeug.wrappers import Response

from clinic_orders.actions import inspections as deeds
from clinic_orders.actions.loading import NotFound
from clinic_orders.documents.inspection_record import inspection_record
from clinic_orders.models.inspections import Visit
from clinic_orders.queries import inspections as queries
from clinic_orders.rules.errors import N_, RuleBroken
from clinic_orders.rules.inspection.record import Answer
from clinic_orders.rules.inspection.steps import PlanState, VisitState, visit_steps_from
from clinic_orders.rules.parties import Permission
from clinic_orders.web.errors import say
from clinic_orders.web.guards import actor, at, needs, today
from clinic_orders.web.inspection_words import VISIT_SHAPES
from clinic_orders.web.inspections.door import blueprint, by_group
from clinic_orders.web.papers import pdf
from clinic_orders.web.photos import give_photo, kept_bytes


def _page(number: str, refusal: str = "") -> str:
    found = queries.find_visit(number, actor(), on=today())
    if found is None:
        abort(404)
    answers, photos = queries.answers_of(found.id), queries.photos_of(found.id)
    items = list(queries.items_of(found.checklist_id).values())
    people = {one.place: one.name for one in queries.inspectors_of(found.plan_id)}
    return render_template(
        "inspections/visit.html",
        found=found,
        visit=queries.visit_by_id(found.id),
        groups=by_group(items),
        answers=answers,
        photos={code: [one for one in photos if one.code == code] for code in {one.code for one in photos}},
        people=[people[place] for place in found.inspectors if place in people],
        faults=[item for item in items if item.code in answers and answers[item.code].answer is Answer.NO],
        steps={step.value for step in visit_steps_from(found.state)},
        running=found.plan_state is PlanState.RUNNING,
        signed=found.state is VisitState.SIGNED,
        events=queries.visit_events_of(found.id),
        shapes=VISIT_SHAPES,
        refusal=refusal,
        typed=request.form,
        today=today(),
    )


@blueprint.get("/visits/<number>")
@needs(Permission.INSPECTIONS_HANDLE)
def visit(number: str) -> str:
    """One visit with its record."""
    return _page(number)


def _take_back(number: str, seen: int | None) -> Visit:
    return deeds.take_back_record(
        number, request.form.get("reason", ""), seen_version=seen, by=actor(), at=at()
    )


def _not_met(number: str, seen: int | None) -> Visit:
    return deeds.not_met(number, request.form.get("reason", ""), seen_version=seen, by=actor(), at=at())


def _drop(number: str, seen: int | None) -> Visit:
    return deeds.drop_visit(number, request.form.get("reason", ""), seen_version=seen, by=actor(), at=at())


def _restore(number: str, seen: int | None) -> Visit:
    return deeds.restore_visit(number, seen_version=seen, by=actor(), at=at())


def _look_back(number: str, seen: int | None) -> Visit:
    return deeds.look_back(number, seen_version=seen, by=actor(), at=at())


_STEPS: dict[str, tuple[Callable[[str, int | None], Visit], str]] = {
    "take_back": (
        _take_back,
        N_("The record is taken back; its findings are let go until it is signed again."),
    ),
    "not_met": (_not_met, N_("Written down.")),
    "drop": (_drop, N_("Taken off the plan.")),
    "restore": (_restore, N_("Back on the plan.")),
    "look_back": (_look_back, N_("Another look is planned.")),
}


@blueprint.post("/visits/<number>")
@needs(Permission.INSPECTIONS_HANDLE)
def visit_step(number: str) -> Response | tuple[str, int]:
    """Take back, say that nobody was met, take off, put back, look again."""
    found = _STEPS.get(request.form.get("do", ""))
    if found is None:
        abort(400)
    deed, done = found
    try:
        changed = deed(number, request.form.get("version", type=int))
    except NotFound:
        abort(404)
    except RuleBroken as refusal:
        return _page(number, say(refusal)), 409 if refusal.code == "ChangedMeanwhile" else 422
    flash(gettext(done), "ok")
    return redirect(url_for(".visit", number=changed.number), 303)


@blueprint.get("/visits/<number>/record")
@needs(Permission.INSPECTIONS_HANDLE)
def paper(number: str) -> Response | tuple[str, int]:
    """The record of a visit as a paper 现场检查笔录."""
    return pdf(f"record-{number}", lambda: inspection_record(number, read=kept_bytes, by=actor(), at=at()))


@blueprint.get("/photos/<int:photo_id>")
@needs(Permission.INSPECTIONS_HANDLE)
def photo(photo_id: int) -> FlaskResponse:
    """A photo of a visit, or a drawn mark."""
    found = queries.find_photo(photo_id, actor(), on=today())
    if found is None:
        abort(404)
    return give_photo(found.stored_as, found.media_type, found.name)
