"""An institution's side: the signed records about it, what was not in order, until when it is looked at again (R-CASE-5)."""

from __future__ import annotations

from flask import abort, render_template, request
from werkzeug.wrappers import Response

from clinic_orders.documents.inspection_record import inspection_record
from clinic_orders.queries import inspections as queries
from clinic_orders.rules.errors import N_
from clinic_orders.rules.inspection.record import Answer
from clinic_orders.rules.parties import SYSTEM, Permission
from clinic_orders.web.guards import actor, at, needs, today
from clinic_orders.web.inspections.door import blueprint
from clinic_orders.web.listing import Column, as_file, page_cut, sort_order, wanted_file
from clinic_orders.web.papers import pdf
from clinic_orders.web.photos import kept_bytes

COLUMNS = (
    Column(N_("Number of the visit"), lambda row: row.number),
    Column(N_("Visited on"), lambda row: row.visited_on),
    Column(N_("Name of the plan"), lambda row: row.plan),
    Column(N_("Lines not in order"), lambda row: row.faults),
    Column(N_("Looked at again by"), lambda row: row.again_by),
    Column(N_("Signed at"), lambda row: row.signed_at),
)


def _own() -> int:
    institution_id = actor().institution_id
    if institution_id is None:
        abort(404)
    return institution_id


@blueprint.get("/ours/")
@needs(Permission.REPORTS_MAKE)
def ours() -> str | Response:
    """The signed records about the institution."""
    words, sort = request.args.get("q", "").strip()[:64], sort_order(set(queries.OWN_SORTS), "-visited")
    if wanted_file():
        return as_file("inspections", COLUMNS, queries.own_records(_own(), words, sort=sort))
    page = page_cut(queries.count_own_records(_own(), words))
    return render_template(
        "inspections/ours.html",
        rows=queries.own_records(_own(), words, sort=sort, limit=page.limit, offset=page.offset),
        words=words,
        page=page,
        sort=sort,
        today=today(),
    )


@blueprint.get("/ours/<number>")
@needs(Permission.REPORTS_MAKE)
def our_record(number: str) -> str:
    """One record: what was not in order, and what is to be done."""
    found = queries.own_record(_own(), number)
    if found is None:
        abort(404)
    answers, items = queries.answers_of(found.id), queries.items_of(found.checklist_id)
    return render_template(
        "inspections/our_record.html",
        found=found,
        faults=[
            (item, answers[code])
            for code, item in items.items()
            if code in answers and answers[code].answer is Answer.NO
        ],
        visit=queries.visit_by_id(found.id),
        today=today(),
    )


@blueprint.get("/ours/<number>/record")
@needs(Permission.REPORTS_MAKE)
def our_paper(number: str) -> Response | tuple[str, int]:
    """The record as the paper that both sides signed 现场检查笔录."""
    if queries.own_record(_own(), number) is None:
        abort(404)
    # The institution is a party to the record; the paper itself is made as for the office.
    return pdf(f"record-{number}", lambda: inspection_record(number, read=kept_bytes, by=SYSTEM, at=at()))
