"""The published grades of a year's assessment (R-STAT-3)."""

from __future__ import annotations

from flask import request

from clinic_orders.queries.publicity import grades as questions
from clinic_orders.queries.publicity.roster import places
from clinic_orders.rules.assessment import AssessmentState, Grade
from clinic_orders.rules.publicity import Matter
from clinic_orders.web.assessment_words import GRADE_SHAPES
from clinic_orders.web.display import label
from clinic_orders.web.guards import public
from clinic_orders.web.listing import page_cut
from clinic_orders.web.public.door import blueprint, kept, needs_open, page
from clinic_orders.web.public.medicines import KINDS, chosen_kind


@blueprint.get("/grades")
@public
@kept
def grades() -> str:
    """The grades of a published year, by county, kind and name."""
    found, years = needs_open(Matter.GRADES), questions.published_years()
    asked = request.args.get("year", "")
    chosen = next((one for one in years if str(one.year) == asked), years[0] if years else None)
    counties, kind = places()[0], chosen_kind()
    county = request.args.get("county", "") if request.args.get("county") in dict(counties) else ""
    words = request.args.get("q", "").strip()[:64]
    grade = Grade(request.args["grade"]) if request.args.get("grade") in set(Grade) else None
    rows, cut = [], page_cut(0)
    if chosen is not None:
        wanted = questions.published_grades(chosen.id, words=words, county=county, kind=kind, grade=grade)
        cut = page_cut(questions.grades_count(wanted))
        rows = questions.grades_page(wanted, limit=cut.limit, offset=cut.offset)
    return page(
        "public/grades.html",
        found,
        year=chosen,
        may_change=chosen is not None and chosen.state is not AssessmentState.FINAL,
        years=[one.year for one in years],
        rows=rows,
        page=cut,
        shapes=GRADE_SHAPES,
        words=words,
        counties=counties,
        county=county,
        kinds=[(value, label(one)) for value, one in KINDS],
        kind=kind.value if kind else "",
        grades=[(one.value, label(one)) for one in Grade],
        grade=grade.value if grade else "",
    )
