"""Plans at the desk: the list, making one, choosing and drawing, starting and ending (R-CASE-5)."""

from __future__ import annotations

import secrets
from collections.abc import Callable, Mapping
from typing import Any

from flask import Response as FlaskResponse
from flask import abort, flash, redirect, render_template, request, url_for
from flask_babel import gettext, ngettext
from werkzeug.wrappers import Response

from clinic_orders.actions import inspections as deeds
from clinic_orders.actions.inspections import NewPlan
from clinic_orders.actions.loading import NotFound
from clinic_orders.models.inspections import InspectionPlan
from clinic_orders.queries import inspections as queries
from clinic_orders.queries.inspections import PlansWanted, VisitsWanted
from clinic_orders.queries.institutions import counties
from clinic_orders.rules.days import parse_day
from clinic_orders.rules.errors import N_, RuleBroken
from clinic_orders.rules.inspection.drawing import rank
from clinic_orders.rules.inspection.record import LEAST_INSPECTORS
from clinic_orders.rules.inspection.steps import (
    Choice,
    PlanState,
    VisitState,
    plan_steps_from,
)
from clinic_orders.rules.parties import InstitutionKind, Permission, Role
from clinic_orders.web.display import label
from clinic_orders.web.errors import say
from clinic_orders.web.guards import actor, at, needs, today
from clinic_orders.web.inspection_words import PLAN_SHAPES, VISIT_SHAPES
from clinic_orders.web.inspections.door import blueprint, fresh_key
from clinic_orders.web.listing import Column, as_file, page_cut, sort_order, wanted_file

PLAN_COLUMNS = (
    Column(N_("Plan number"), lambda row: row.number),
    Column(N_("Name of the plan"), lambda row: row.name),
    Column(N_("First day of the inspections"), lambda row: row.first_day),
    Column(N_("Last day of the inspections"), lambda row: row.last_day),
    Column(N_("County"), lambda row: row.county),
    Column(N_("Basis"), lambda row: row.basis),
    Column(N_("State"), lambda row: row.state),
    Column(N_("Institutions"), lambda row: row.visits),
    Column(N_("Records signed"), lambda row: row.signed),
)
VISIT_COLUMNS = (
    Column(N_("Visit number"), lambda row: row.number),
    Column(N_("Institution code"), lambda row: row.code),
    Column(N_("Institution"), lambda row: row.institution),
    Column(N_("County"), lambda row: row.county),
    Column(N_("Kind"), lambda row: row.kind),
    Column(N_("How chosen"), lambda row: row.choice),
    Column(N_("Why"), lambda row: row.why),
    Column(N_("State"), lambda row: row.state),
    Column(N_("Visited on"), lambda row: row.visited_on),
    Column(N_("Not so"), lambda row: row.faults),
)


@blueprint.get("/")
@needs(Permission.INSPECTIONS_HANDLE)
def index() -> str | FlaskResponse:
    """The plans that the bureau may see, the newest first."""
    state = request.args.get("state", "")
    wanted = PlansWanted(
        request.args.get("q", "").strip()[:64], PlanState(state) if state in set(PlanState) else None
    )
    sort = sort_order(set(queries.PLAN_SORTS), "-number")
    if wanted_file():
        rows = queries.plans(actor(), on=today(), wanted=wanted, sort=sort)
        return as_file("inspection-plans", PLAN_COLUMNS, rows)
    page = page_cut(queries.count_plans(actor(), on=today(), wanted=wanted))
    return render_template(
        "inspections/index.html",
        rows=queries.plans(
            actor(), on=today(), wanted=wanted, sort=sort, limit=page.limit, offset=page.offset
        ),
        wanted=wanted,
        filtered=wanted != PlansWanted(),
        states=[(one.value, label(one)) for one in PlanState],
        shapes=PLAN_SHAPES,
        page=page,
        sort=sort,
        today=today(),
    )


# Making one -------------------------------------------------------------------------------------------


def _people(text: str) -> list[tuple[str, str]]:
    """Inspectors typed one a line, the number of the certificate behind the name."""
    found = []
    for line in text.splitlines():
        name, _, paper = line.strip().replace("，", " ").replace(",", " ").partition(" ")
        if name:
            found.append((name, paper.strip()))
    return found


def _typed(typed: Mapping[str, str], kinds: list[str]) -> NewPlan:
    return NewPlan(
        typed.get("name", ""),
        parse_day(typed.get("first_day", "")),
        parse_day(typed.get("last_day", "")),
        typed.get("basis", ""),
        typed.get("county", ""),
        [InstitutionKind(kind) for kind in kinds if kind in set(InstitutionKind)],
        _people(typed.get("inspectors", "")),
        LEAST_INSPECTORS,
    )


_FIELD = {
    "PlanNameMissing": "name",
    "PlanDaysWrong": "last_day",
    "DayNotUnderstood": "first_day",
    "BasisMissing": "basis",
    "TooFewInspectors": "inspectors",
    "NotFound": "county",
}


def _form(
    typed: Mapping[str, Any],
    chosen: list[str],
    plan: InspectionPlan | None,
    errors: tuple[tuple[str, str], ...] = (),
) -> str:
    return render_template(
        "inspections/plan_form.html",
        typed=typed,
        chosen=chosen,
        plan=plan,
        fixed=plan is not None and _has_visits(plan),
        errors=errors,
        kinds=[(kind.value, label(kind)) for kind in InstitutionKind],
        counties=counties(actor()) if actor().role is Role.CITY else [],
        key=typed.get("key") or fresh_key(),
        today=today(),
    )


def _has_visits(plan: InspectionPlan) -> bool:
    return bool(queries.count_visits(actor(), on=today(), wanted=VisitsWanted(plan_id=plan.id)))


@blueprint.get("/new")
@needs(Permission.INSPECTIONS_HANDLE)
def new() -> str:
    """The form of a plan."""
    return _form({}, [], None)


@blueprint.post("/new")
@needs(Permission.INSPECTIONS_HANDLE)
def make() -> Response | tuple[str, int]:
    """Make a plan once."""
    chosen = request.form.getlist("kinds")
    try:
        plan = deeds.make_plan(
            _typed(request.form, chosen),
            key=request.form.get("key", "")[:64] or fresh_key(),
            by=actor(),
            at=at(),
        )
    except RuleBroken as refusal:
        error = (_FIELD.get(refusal.code, "name"), say(refusal))
        return _form(request.form, chosen, None, (error,)), 422
    flash(gettext("The plan is made. Now choose or draw the institutions."), "ok")
    return redirect(url_for(".show", number=plan.number), 303)


def _of_plan(plan: InspectionPlan) -> dict[str, str]:
    people = queries.inspectors_of(plan.id)
    return {
        "name": plan.name,
        "first_day": plan.first_day.isoformat(),
        "last_day": plan.last_day.isoformat(),
        "basis": plan.basis,
        "county": plan.county_code or "",
        "inspectors": "\n".join(f"{one.name} {one.certificate}".strip() for one in people),
    }


def _found(number: str) -> InspectionPlan:
    plan = queries.find_plan(number, actor(), on=today())
    if plan is None:
        abort(404)
    return plan


@blueprint.get("/<number>/change")
@needs(Permission.INSPECTIONS_HANDLE)
def change(number: str) -> str:
    """The form of a plan that is there."""
    plan = _found(number)
    return _form(_of_plan(plan), list(plan.kinds), plan)


@blueprint.post("/<number>/change")
@needs(Permission.INSPECTIONS_HANDLE)
def save(number: str) -> Response | tuple[str, int]:
    """Change a plan that has not been started."""
    plan, chosen = _found(number), request.form.getlist("kinds")
    try:
        typed = _typed(_of_plan(plan) | request.form.to_dict(), chosen)
        deeds.change_plan(
            number, typed, seen_version=request.form.get("version", type=int), by=actor(), at=at()
        )
    except RuleBroken as refusal:
        error = (_FIELD.get(refusal.code, ""), say(refusal))
        return _form(_of_plan(plan) | request.form.to_dict(), chosen, _found(number), (error,)), 422
    flash(gettext("The plan is changed."), "ok")
    return redirect(url_for(".show", number=number), 303)


# One plan ---------------------------------------------------------------------------------------------


def _page(number: str, refusal: str = "") -> str | FlaskResponse:
    plan = _found(number)
    state = request.args.get("state", "")
    wanted = VisitsWanted(
        plan.id,
        request.args.get("q", "").strip()[:64],
        VisitState(state) if state in set(VisitState) else None,
    )
    sort = sort_order(set(queries.VISIT_SORTS), "position")
    if wanted_file():
        return as_file("visits", VISIT_COLUMNS, queries.visits(actor(), on=today(), wanted=wanted, sort=sort))
    page = page_cut(queries.count_visits(actor(), on=today(), wanted=wanted))
    people = queries.inspectors_of(plan.id)
    draws = queries.draws_of(plan.id)
    manages = queries.may_manage(actor(), plan)
    may = {step.value for step in plan_steps_from(plan.state)} if manages else set()
    return render_template(
        "inspections/show.html",
        plan=plan,
        rows=queries.visits(
            actor(), on=today(), wanted=wanted, sort=sort, limit=page.limit, offset=page.offset
        ),
        wanted=wanted,
        filtered=wanted != VisitsWanted(plan.id),
        states=[(one.value, label(one)) for one in VisitState],
        people={one.place: one.name for one in people},
        inspectors=people,
        draws=draws,
        may=may,
        pool=len(queries.pool(plan, actor(), on=today())) if "draw" in may else 0,
        seed=request.form.get("seed") or secrets.token_hex(8),
        typed=request.form,
        key=fresh_key(),
        county=dict(counties(actor())).get(plan.county_code or "", ""),
        kinds=[label(InstitutionKind(kind)) for kind in plan.kinds],
        events=queries.plan_events_of(plan.id),
        shapes=PLAN_SHAPES,
        visit_shapes=VISIT_SHAPES,
        refusal=refusal,
        page=page,
        sort=sort,
        today=today(),
    )


@blueprint.get("/<number>")
@needs(Permission.INSPECTIONS_HANDLE)
def show(number: str) -> str | FlaskResponse:
    """A plan, its visits and draws, and what can be done now."""
    return _page(number)


def _start(number: str, seen: int | None) -> object:
    return deeds.start_plan(number, seen_version=seen, by=actor(), at=at())


def _end(number: str, seen: int | None) -> object:
    return deeds.end_plan(number, seen_version=seen, by=actor(), at=at())


def _reopen(number: str, seen: int | None) -> object:
    return deeds.reopen_plan(number, request.form.get("reason", ""), seen_version=seen, by=actor(), at=at())


def _withdraw(number: str, seen: int | None) -> object:
    return deeds.withdraw_plan(number, request.form.get("reason", ""), seen_version=seen, by=actor(), at=at())


def _draw(number: str, _seen: int | None) -> object:
    return deeds.draw_visits(
        number,
        request.form.get("wanted", 0, type=int),
        request.form.get("seed", ""),
        request.form.get("reason", ""),
        key=request.form.get("key", "")[:64] or fresh_key(),
        by=actor(),
        at=at(),
    )


_STEPS: dict[str, tuple[Callable[[str, int | None], object], str]] = {
    "start": (_start, N_("The plan is started; the counties have been told.")),
    "end": (_end, N_("The plan is ended.")),
    "reopen": (_reopen, N_("The plan runs again.")),
    "withdraw": (_withdraw, N_("The plan is withdrawn; its draws stay on record.")),
    "draw": (_draw, N_("Drawn. Seed, roster and result are kept; anybody can repeat the draw.")),
}


@blueprint.post("/<number>")
@needs(Permission.INSPECTIONS_HANDLE)
def step(number: str) -> Response | tuple[str | FlaskResponse, int]:
    """Draw, start, end, open again or withdraw."""
    found = _STEPS.get(request.form.get("do", ""))
    if found is None:
        abort(400)
    deed, done = found
    try:
        deed(number, request.form.get("version", type=int))
    except NotFound:
        abort(404)
    except RuleBroken as refusal:
        return _page(number, say(refusal)), 409 if refusal.code == "ChangedMeanwhile" else 422
    flash(gettext(done), "ok")
    return redirect(url_for(".show", number=number), 303)


# Choosing ---------------------------------------------------------------------------------------------

_BY: dict[str, tuple[Choice, str]] = {
    "risk": (Choice.RISK, N_("By risk")),
    "findings": (Choice.FINDINGS, N_("By findings")),
    "hand": (Choice.HAND, N_("By name")),
}


@blueprint.get("/<number>/choose")
@needs(Permission.INSPECTIONS_HANDLE)
def choose(number: str) -> str:
    """Whom the plan could visit, with what is known of each and the sum."""
    plan = _found(number)
    by = request.args.get("by", "risk")
    by = by if by in _BY else "risk"
    words = request.args.get("q", "").strip()[:64]
    found = queries.candidates(plan, actor(), on=today(), words=words)
    if by == "findings":
        found = sorted(
            (one for one in found if one.findings),
            key=lambda one: (-one.risk.grave, -one.risk.reminder, -one.risk.clue, one.code),
        )
    elif by == "hand":
        found = sorted(found, key=lambda one: (one.name, one.code))
    page = page_cut(len(found))
    return render_template(
        "inspections/choose.html",
        plan=plan,
        rows=found[page.offset : page.offset + page.limit],
        ways=[(way, gettext(word)) for way, (_, word) in _BY.items()],
        by=by,
        words=words,
        weights=queries.weights_on(today()),
        page=page,
        today=today(),
    )


@blueprint.post("/<number>/choose")
@needs(Permission.INSPECTIONS_HANDLE)
def add(number: str) -> Response:
    """Put the ticked institutions on the plan."""
    choice, _ = _BY.get(request.form.get("by", ""), _BY["hand"])
    try:
        made = deeds.add_visits(number, request.form.getlist("code"), choice, by=actor(), at=at())
    except NotFound:
        abort(404)
    flash(
        ngettext("%(num)d institution is on the plan.", "%(num)d institutions are on the plan.", len(made)),
        "ok",
    )
    return redirect(url_for(".show", number=number), 303)


@blueprint.get("/<number>/draws/<int:draw>")
@needs(Permission.INSPECTIONS_HANDLE)
def protocol(number: str, draw: int) -> FlaskResponse:
    """A draw as a file: every code of the roster with its number, in the order of the draw."""
    plan = _found(number)
    found = next((one for one in queries.draws_of(plan.id) if one.number == draw), None)
    if found is None:
        abort(404)
    drawn = set(found.drawn)
    ordered = sorted(found.pool, key=lambda code: rank(found.seed, "institution", code))
    columns = (
        Column(N_("Place in the draw"), lambda row: row[0]),
        Column(N_("Institution code"), lambda row: row[1]),
        Column(N_("Number (SHA-256)"), lambda row: row[2]),
        Column(N_("Drawn"), lambda row: row[3]),
        Column(N_("Seed"), lambda row: found.seed),
    )
    rows = (
        (place, code, rank(found.seed, "institution", code), gettext("yes") if code in drawn else "")
        for place, code in enumerate(ordered, start=1)
    )
    return as_file(f"draw-{number}-{draw}", columns, rows)
