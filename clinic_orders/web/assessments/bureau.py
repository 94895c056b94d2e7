"""The bureau's side: years, sheets, on-site points, publication, appeals, the result (R-STAT-3)."""

from __future__ import annotations

from typing import Any

from flask import Response, abort, flash, redirect, render_template, request, url_for
from flask_babel import gettext as _
from werkzeug.wrappers import Response as AnyResponse

from clinic_orders.actions import assessments as deeds
from clinic_orders.actions.loading import ChangedMeanwhile, NotFound
from clinic_orders.models.assessments import Assessment
from clinic_orders.queries import assessments as queries
from clinic_orders.queries.assessments import Sheet, SheetsWanted
from clinic_orders.queries.institutions import counties
from clinic_orders.rules.assessment import AssessmentStep, Grade, Indicator, Use, is_possible
from clinic_orders.rules.assessment.steps import years_to_open
from clinic_orders.rules.errors import N_, RuleBroken
from clinic_orders.rules.parties import InstitutionKind, Permission, Role
from clinic_orders.rules.policy_parameters import PARAMETERS
from clinic_orders.web.assessments.door import OUT, blueprint, errors_of, found_sheet, words
from clinic_orders.web.display import MISSING, label, percent
from clinic_orders.web.errors import say
from clinic_orders.web.guards import actor, at, needs, today
from clinic_orders.web.listing import Column, as_file, page_cut, sort_order, wanted_file

_WAITS = (
    ("self", N_("No self-score yet")),
    ("site", N_("Not scored on the spot")),
    ("appeal", N_("Appeal undecided")),
)
_COLUMNS_OF_YEARS = (
    Column(N_("Year"), lambda one: one.year),
    Column(N_("State"), lambda one: one.state),
    Column(N_("Figures as of"), lambda one: one.as_of),
    Column(N_("Self-score until"), lambda one: one.self_until),
    Column(N_("Published at"), lambda one: one.published_at),
    Column(N_("Appeal until"), lambda one: one.appeal_until),
)
COLUMNS = (
    Column(N_("Code"), lambda row: row.code),
    Column(N_("Name"), lambda row: row.name),
    Column(N_("Kind"), lambda row: row.kind),
    Column(N_("County"), lambda row: row.county),
    Column(N_("Township or street"), lambda row: row.township),
    Column(N_("Self-score"), lambda row: row.self_total),
    Column(N_("Total"), lambda row: row.total),
    Column(N_("Grade of the year"), lambda row: row.grade),
    Column(N_("Fund settlement of the year"), lambda row: row.used(Use.SETTLEMENT)),
    Column(N_("Return of the deposit"), lambda row: row.used(Use.DEPOSIT)),
    Column(N_("Renewal of the agreement"), lambda row: row.used(Use.RENEWAL)),
    Column(N_("Why nobody went"), lambda row: row.no_visit),
)


def _years(words_: str, sort: str) -> list[Assessment]:
    rows = [one for one in queries.assessments() if words_ in str(one.year)]
    return rows if sort.startswith("-") else rows[::-1]


def _index(error: RuleBroken | None = None) -> str:
    words_, sort = request.args.get("q", "").strip()[:8], sort_order({"year"}, "-year")
    rows, known = _years(words_, sort), {one.year for one in queries.assessments()}
    page = page_cut(len(rows))
    return render_template(
        "assessments/index.html",
        rows=rows[page.offset : page.offset + page.limit],
        page=page,
        sort=sort,
        words=words_,
        may_decide=actor().may(Permission.ASSESSMENT_DECIDE),
        years=[(str(one), str(one)) for one in years_to_open(known, today=today())],
        errors=errors_of(error),
        **_shared(),
    )


def _shared() -> dict[str, Any]:
    found = words()
    found["this_year"] = today().year
    return found


@blueprint.get("/assessments")
@needs(Permission.ASSESSMENT_SCORE)
def index() -> str | Response:
    """The years that are or were assessed."""
    if wanted_file():
        words_, sort = request.args.get("q", "").strip()[:8], sort_order({"year"}, "-year")
        return as_file("assessments", _COLUMNS_OF_YEARS, _years(words_, sort))
    return _index()


@blueprint.post("/assessments")
@needs(Permission.ASSESSMENT_DECIDE)
def open_year() -> AnyResponse | tuple[str, int]:
    """Open the assessment of a year."""
    year = request.form.get("year", 0, int)
    try:
        deeds.open_assessment(year, by=actor(), at=at())
    except RuleBroken as error:
        return _index(error), 422
    flash(_("The assessment is open. Its figures are reckoned within ten minutes."), "ok")
    return redirect(url_for(".year_page", year=year), 303)


def asked_year(year: int) -> Assessment:
    """The assessment of an address; 404 where there is none."""
    found = queries.find_assessment(year)
    if found is None:
        abort(404)
    return found


def _wanted() -> SheetsWanted:
    kind, grade, waits = (request.args.get(name, "") for name in ("kind", "grade", "waits"))
    return SheetsWanted(
        request.args.get("q", "").strip()[:64],
        request.args.get("county", "") if actor().role is Role.CITY else "",
        InstitutionKind(kind) if kind in set(InstitutionKind) else None,
        Grade(grade) if grade in set(Grade) else None,
        waits if waits in {"self", "site", "appeal"} else "",
    )


def _grade_facts(assessment: Assessment, wanted: SheetsWanted) -> list[dict[str, Any]]:
    """The grades with their numbers; each leads to its sheets."""
    counted = queries.grade_counts(assessment.id, actor(), on=today())
    found: list[dict[str, Any]] = [
        {
            "k": label(one.grade),
            "v": one.number,
            "href": url_for(".year_page", year=assessment.year, grade=one.grade.value),
            "current": wanted.grade is one.grade,
        }
        for one in counted
        if one.grade is not None
    ]
    everybody = {
        "k": _("All sheets"),
        "v": sum(one.number for one in counted),
        "href": url_for(".year_page", year=assessment.year),
        "current": wanted == SheetsWanted(),
    }
    return [everybody, *found]


def _year(year: int, refusal: str = "") -> str:
    assessment, wanted = asked_year(year), _wanted()
    sort = sort_order(set(queries.SORTS), "-total")
    page = page_cut(queries.count_sheets(assessment.id, wanted, actor(), on=today()))
    may_decide = actor().may(Permission.ASSESSMENT_DECIDE)
    return render_template(
        "assessments/year_page.html",
        assessment=assessment,
        unconfirmed=[(name, PARAMETERS[name].label) for name in assessment.unconfirmed if name in PARAMETERS],
        rows=queries.sheet_rows(
            assessment.id, wanted, actor(), on=today(), sort=sort, limit=page.limit, offset=page.offset
        ),
        facts=_grade_facts(assessment, wanted),
        wanted=wanted,
        filtered=wanted != SheetsWanted(),
        refusal=refusal,
        steps={step.value for step in AssessmentStep if may_decide and is_possible(step, assessment.state)},
        page=page,
        sort=sort,
        kinds=[(one.value, label(one)) for one in InstitutionKind],
        grades=[(one.value, label(one)) for one in Grade],
        waits=[(word, _(text)) for word, text in _WAITS],
        counties=counties(actor()) if actor().role is Role.CITY else [],
        uses=list(Use),
        **_shared(),
    )


@blueprint.get("/assessments/<int:year>")
@needs(Permission.ASSESSMENT_SCORE)
def year_page(year: int) -> str | Response:
    """The sheets of a year with totals and grades."""
    if wanted_file():
        sort = sort_order(set(queries.SORTS), "-total")
        rows = queries.sheet_rows(asked_year(year).id, _wanted(), actor(), on=today(), sort=sort)
        return as_file(f"assessment-{year}", COLUMNS, rows)
    return _year(year)


@blueprint.post("/assessments/<int:year>")
@needs(Permission.ASSESSMENT_DECIDE)
def move(year: int) -> AnyResponse | tuple[str, int]:
    """Take the assessment a step further."""
    asked_year(year)
    step, seen = request.form.get("do", ""), request.form.get("version", type=int)
    try:
        if step == "reckon":
            deeds.ask_to_reckon_assessment(year, by=actor(), at=at())
            flash(_("The figures are reckoned anew within ten minutes."), "ok")
        elif step == "on_site":
            deeds.go_on_site(year, seen_version=seen, by=actor(), at=at())
            flash(_("The counties have been told to score on the spot."), "ok")
        elif step == "publish":
            deeds.publish_assessment(year, seen_version=seen, by=actor(), at=at())
            flash(_("The result is published; every institution has been told its own."), "ok")
        elif step == "finish":
            deeds.finish_assessment(year, seen_version=seen, by=actor(), at=at())
            flash(_("The result is settled."), "ok")
        else:
            abort(400)
    except RuleBroken as error:
        return _year(year, say(error)), 409
    return redirect(url_for(".year_page", year=year), 303)


def _result_facts(found: Sheet) -> list[dict[str, Any]]:
    """Total, grade and what the result leads to."""
    out = found.assessment.state in OUT
    rows: list[dict[str, Any]] = [
        {
            "k": _("Total"),
            "v": MISSING if found.total is None else found.total,
            "note": "" if out else _("not published"),
        },
        {"k": _("Grade of the year"), "v": label(found.grade) if found.grade else MISSING},
    ]
    for use in Use:
        part = found.used(use)
        if part is None:
            said = _("not set")
        elif use is Use.RENEWAL:
            said = _("yes") if part else _("no")
        else:
            said = percent(part, 2)
        rows.append({"k": label(use), "v": said})
    return rows


def _sheet(year: int, sheet_id: int, error: RuleBroken | None = None) -> str:
    found = found_sheet(year, sheet_id)
    may_decide = actor().may(Permission.ASSESSMENT_DECIDE)
    return render_template(
        "assessments/sheet.html",
        found=found,
        errors=errors_of(error),
        typed=request.form,
        may_score=is_possible(AssessmentStep.SCORE_ON_SITE, found.assessment.state),
        may_decide=may_decide and is_possible(AssessmentStep.DECIDE, found.assessment.state),
        has_site=any(one.indicator is Indicator.SITE for one in found.lines),
        site=next((one for one in found.lines if one.indicator is Indicator.SITE), None),
        visits=queries.visits_of(found.sheet.institution_id, year),
        indicators=[(one.indicator.value, label(one.indicator)) for one in found.lines],
        facts=_result_facts(found),
        **_shared(),
    )


@blueprint.get("/assessments/<int:year>/sheets/<int:sheet_id>")
@needs(Permission.ASSESSMENT_SCORE)
def sheet(year: int, sheet_id: int) -> str:
    """One institution's sheet, its on-site points and appeals."""
    return _sheet(year, sheet_id)


@blueprint.post("/assessments/<int:year>/sheets/<int:sheet_id>")
@needs(Permission.ASSESSMENT_SCORE)
def score(year: int, sheet_id: int) -> AnyResponse | tuple[str, int]:
    """Give the on-site points, or say why nobody went."""
    form = request.form
    try:
        deeds.score_on_site(
            year,
            sheet_id,
            form.get("points", ""),
            form.get("no_visit", ""),
            form.get("note", ""),
            seen_version=form.get("version", type=int),
            by=actor(),
            at=at(),
        )
    except NotFound:
        abort(404)
    except RuleBroken as error:
        return _sheet(year, sheet_id, error), 409 if isinstance(error, ChangedMeanwhile) else 422
    flash(_("The on-site points are kept."), "ok")
    return redirect(url_for(".sheet", year=year, sheet_id=sheet_id), 303)


@blueprint.post("/assessments/<int:year>/sheets/<int:sheet_id>/appeals/<int:appeal_id>")
@needs(Permission.ASSESSMENT_DECIDE)
def decide(year: int, sheet_id: int, appeal_id: int) -> AnyResponse | tuple[str, int]:
    """Uphold or reject an appeal."""
    found, form = found_sheet(year, sheet_id), request.form
    if appeal_id not in {one.id for one in found.appeals}:
        abort(404)
    chosen = form.get("indicator", "")
    try:
        deeds.decide_appeal(
            appeal_id,
            uphold=form.get("do") == "uphold",
            answer=form.get("answer", ""),
            indicator=Indicator(chosen) if chosen in set(Indicator) else None,
            points=form.get("points", ""),
            seen_version=form.get("version", type=int),
            by=actor(),
            at=at(),
        )
    except RuleBroken as error:
        return _sheet(year, sheet_id, error), 409 if isinstance(error, ChangedMeanwhile) else 422
    flash(_("Decided; the institution has been told."), "ok")
    return redirect(url_for(".sheet", year=year, sheet_id=sheet_id), 303)
