"""The bureau's side of complaints: the list, taking up, assigning, answering, and taking an answer back (R-CASE-5)."""

from __future__ import annotations

from collections.abc import Callable

from flask import Response as FlaskResponse
from flask import abort, flash, redirect, render_template, request, url_for
from flask_babel import gettext
from werkzeug.wrappers import Response

from clinic_orders.actions import complaints as deeds
from clinic_orders.actions.loading import NotFound
from clinic_orders.models.complaints import Complaint
from clinic_orders.queries import complaints as queries
from clinic_orders.queries.cases import cases_of_findings
from clinic_orders.queries.complaints import ComplaintsWanted
from clinic_orders.queries.counting import Question
from clinic_orders.queries.institutions import counties
from clinic_orders.rules.complaints import ComplaintKind, ComplaintState, ComplaintStep, steps_open_to
from clinic_orders.rules.errors import N_, RuleBroken
from clinic_orders.rules.findings import Grade
from clinic_orders.rules.parties import Actor, Permission, Role
from clinic_orders.web.complaint_words import SHAPES
from clinic_orders.web.complaints.door import blueprint
from clinic_orders.web.display import label
from clinic_orders.web.errors import say
from clinic_orders.web.guards import actor, at, needs, today
from clinic_orders.web.listing import Column, as_file, page_cut, sort_order, wanted_file
from clinic_orders.web.navigation import counts
from clinic_orders.web.photos import give_photo


@counts("complaints.index")
def _waiting(person: Actor, _at: object) -> Question | int:
    return queries.waiting_question(person)


COLUMNS = (
    Column(N_("Complaint number"), lambda row: row.number),
    Column(N_("What it is about"), lambda row: row.kind),
    Column(N_("Which shop or clinic"), lambda row: row.place),
    Column(N_("Institution"), lambda row: row.institution),
    Column(N_("County"), lambda row: row.county),
    Column(N_("Item"), lambda row: row.item),
    Column(N_("What happened"), lambda row: row.words),
    Column(N_("Happened on"), lambda row: row.happened_on),
    Column(N_("Filed at"), lambda row: row.filed_at),
    Column(N_("Last day to answer"), lambda row: row.deadline),
    Column(N_("Last day confirmed"), lambda row: None if row.deadline is None else row.deadline_confirmed),
    Column(N_("State"), lambda row: row.state),
    Column(N_("Answered at"), lambda row: row.answered_at),
    Column(N_("Answer"), lambda row: row.answer),
)
STATES = ("waiting", "late", *(state.value for state in ComplaintState), "all")
_STATE_WORDS = {
    "waiting": N_("To be answered"),
    "late": N_("Last day to answer over"),
    "all": N_("All"),
}


def _state_words(state: str) -> str:
    return gettext(_STATE_WORDS[state]) if state in _STATE_WORDS else label(ComplaintState(state))


def _wanted() -> ComplaintsWanted:
    state, kind = request.args.get("state", "waiting"), request.args.get("kind", "")
    return ComplaintsWanted(
        request.args.get("q", "").strip()[:64],
        state if state in STATES else "waiting",
        ComplaintKind(kind) if kind in set(ComplaintKind) else None,
        request.args.get("county", "")[:12],
    )


@blueprint.get("/")
@needs(Permission.COMPLAINTS_HANDLE)
def index() -> str | FlaskResponse:
    """The complaints that the bureau may see; those to be answered first, by their last day."""
    wanted, sort = _wanted(), sort_order(set(queries.SORTS), "deadline")
    if wanted_file():
        return as_file(
            "complaints", COLUMNS, queries.complaints(actor(), on=today(), wanted=wanted, sort=sort)
        )
    page = page_cut(queries.count_complaints(actor(), on=today(), wanted=wanted))
    return render_template(
        "complaints/index.html",
        rows=queries.complaints(
            actor(), on=today(), wanted=wanted, sort=sort, limit=page.limit, offset=page.offset
        ),
        wanted=wanted,
        filtered=wanted != ComplaintsWanted(),
        states=[(state, _state_words(state)) for state in STATES],
        kinds=[(kind.value, label(kind)) for kind in ComplaintKind],
        counties=counties(actor()) if actor().role is Role.CITY else [],
        shapes=SHAPES,
        page=page,
        sort=sort,
        today=today(),
    )


def _page(number: str, refusal: str = "") -> str:
    found = queries.find_complaint(number, actor(), on=today())
    if found is None:
        abort(404)
    steps = steps_open_to(queries.sides_of(actor()), found.state)
    typed = request.form
    words = request.args.get("find", typed.get("find", ""))[:64].strip()
    places: list[tuple[str, str]] = []
    if ComplaintStep.VERIFY in steps:
        if words:
            places = list(queries.places_like(words, actor(), on=today()))
        if found.institution_code and found.institution_code not in dict(places):
            places.insert(0, (found.institution_code, found.institution))
    cases = cases_of_findings([found.finding_id], actor(), on=today()) if found.finding_id else {}
    return render_template(
        "complaints/show.html",
        found=found,
        steps={step.value for step in steps},
        photos=queries.photos_of(found.id),
        events=queries.events_of(found.id),
        places=places,
        words=words,
        counties=counties(actor()) if actor().role is Role.CITY else [],
        grades=[(grade.value, label(grade)) for grade in (Grade.VIOLATION, Grade.WARNING)],
        case=cases.get(found.finding_id) if found.finding_id else None,
        shapes=SHAPES,
        refusal=refusal,
        typed=typed,
        today=today(),
    )


@blueprint.get("/<number>")
@needs(Permission.COMPLAINTS_HANDLE)
def show(number: str) -> str:
    """One complaint, what came with it, and what the bureau can do now."""
    return _page(number)


def _verify(number: str, seen: int | None) -> Complaint:
    typed = request.form
    grade = Grade.WARNING if typed.get("grade") == Grade.WARNING else Grade.VIOLATION
    return deeds.verify_complaint(
        number,
        typed.get("institution", ""),
        typed.get("answer", ""),
        typed.get("remark", ""),
        grade=grade,
        seen_version=seen,
        by=actor(),
        at=at(),
    )


def _take_up(number: str, seen: int | None) -> Complaint:
    return deeds.take_up_complaint(number, seen_version=seen, by=actor(), at=at())


def _assign(number: str, seen: int | None) -> Complaint:
    county, note = request.form.get("county", ""), request.form.get("note", "")
    return deeds.assign_complaint(number, county, note, seen_version=seen, by=actor(), at=at())


def _refute(number: str, seen: int | None) -> Complaint:
    return deeds.refute_complaint(
        number, request.form.get("answer", ""), seen_version=seen, by=actor(), at=at()
    )


def _decline(number: str, seen: int | None) -> Complaint:
    return deeds.decline_complaint(
        number, request.form.get("answer", ""), seen_version=seen, by=actor(), at=at()
    )


def _reopen(number: str, seen: int | None) -> Complaint:
    return deeds.reopen_complaint(
        number, request.form.get("reason", ""), seen_version=seen, by=actor(), at=at()
    )


_STEPS: dict[str, tuple[Callable[[str, int | None], Complaint], str]] = {
    "take_up": (_take_up, N_("The complaint is yours to look into.")),
    "assign": (_assign, N_("The complaint is handed over; the other bureau has been told.")),
    "verify": (_verify, N_("Answered. It stands among the findings now and can enter a case.")),
    "refute": (_refute, N_("Answered.")),
    "decline": (_decline, N_("Answered.")),
    "reopen": (_reopen, N_("The answer is taken back; the complaint is to be answered again.")),
}


@blueprint.post("/<number>")
@needs(Permission.COMPLAINTS_HANDLE)
def decide(number: str) -> Response | tuple[str, int]:
    """Take up, assign, answer, or take an answer back."""
    step = _STEPS.get(request.form.get("do", ""))
    if step is None:
        abort(400)
    deed, done = step
    try:
        deed(number, request.form.get("version", type=int))
    except NotFound as missing:
        if missing.facts["number"] == number:
            abort(404)
        return _page(number, say(missing)), 422
    except RuleBroken as refusal:
        return _page(number, say(refusal)), 409 if refusal.code == "ChangedMeanwhile" else 422
    flash(gettext(done), "ok")
    if request.form["do"] == "assign" and queries.find_complaint(number, actor(), on=today()) is None:
        return redirect(url_for(".index"), 303)
    return redirect(url_for(".show", number=number), 303)


@blueprint.get("/photos/<int:photo_id>")
@needs(Permission.COMPLAINTS_HANDLE)
def photo(photo_id: int) -> FlaskResponse:
    """A photo, for whoever may see the complaint."""
    found = queries.find_photo(photo_id, actor())
    if found is None:
        abort(404)
    return give_photo(found.stored_as, found.media_type, found.name)
