"""My duties: pay, keep, buy, sell, each with what stands, until when, and the rule in plain words (product.md)."""

from __future__ import annotations

from dataclasses import replace

from flask import Blueprint, abort, render_template, request
from werkzeug.wrappers import Response

from clinic_orders.queries import duties as queries
from clinic_orders.queries import reports
from clinic_orders.queries.checks import Scope
from clinic_orders.queries.payables import Book
from clinic_orders.queries.roster import seen_standing, standing
from clinic_orders.rules.days import Month
from clinic_orders.rules.errors import N_
from clinic_orders.rules.findings import Grade
from clinic_orders.rules.parties import PUBLIC_KINDS, Actor, Permission, Role
from clinic_orders.rules.reporting import ReportKind, due_in
from clinic_orders.web.formula_words import formula_words
from clinic_orders.web.goods_pages import frame
from clinic_orders.web.guards import actor, needs, today
from clinic_orders.web.listing import Column, as_file, page_cut, sort_order, wanted_file

blueprint = Blueprint("duties", __name__, url_prefix="/duties")

GRADE_SHAPES = {Grade.BEHIND: "warn", Grade.SEVERELY_BEHIND: "bad", Grade.UNFULFILLED: "bad"}
SHOWN = 3
"""How many agreements stand on the card itself; the others open below it."""


@blueprint.get("/")
@needs(Permission.REPORTS_MAKE)
def index() -> str:
    """The four cards of the actor's own institution."""
    if actor().institution_id is None:
        abort(404)
    return _cards(actor())


@blueprint.get("/<int:institution_id>")
@needs(Permission.REPORTS_MAKE)
def of(institution_id: int) -> str:
    """The same four cards of a village that the actor looks after."""
    own = seen_standing(institution_id, actor(), on=today())
    if own is None or actor().institution_id is None:
        abort(404)
    # What the village itself sees, and nothing of whoever looks.
    return _cards(replace(actor(), role=Role.INSTITUTION, institution_id=institution_id), own.name)


COLUMNS = (
    Column(N_("Code"), lambda row: row.code),
    Column(N_("Institution"), lambda row: row.name),
    Column(N_("Kind"), lambda row: row.kind),
    Column(N_("Township or street"), lambda row: row.township),
    Column(N_("Payment"), lambda row: row.found["pay"]),
    Column(N_("Stocking"), lambda row: row.found["keep"]),
    Column(N_("Agreed volume"), lambda row: row.found["buy"]),
    Column(N_("Price"), lambda row: row.found["sell"]),
    Column(N_("Reports"), lambda row: row.found["report"]),
)


@blueprint.get("/villages")
@needs(Permission.REPORTS_MAKE)
def villages() -> str | Response:
    """The villages, stores and members that the actor looks after, with what the checks found under each duty."""
    if actor().institution_id is None:
        abort(404)
    words = request.args.get("q", "").strip()[:64]
    sort = sort_order(queries.VILLAGE_SORTS, "-open")
    rows = queries.village_duties(actor(), on=today(), words=words, sort=sort)
    if wanted_file():
        return as_file("duties-of-villages", COLUMNS, rows)
    cut = page_cut(len(rows))
    return render_template(
        "duties/villages.html",
        rows=rows[cut.offset : cut.offset + cut.limit],
        page=cut,
        sort=sort,
        words=words,
        behind=sum(1 for row in rows if row.open),
        heads=[("pay", N_("Payment")), ("keep", N_("Stocking")), ("buy", N_("Agreed volume")),
               ("sell", N_("Price")), ("report", N_("Reports"))],
    )  # fmt: skip


def _cards(whose: Actor, village: str = "") -> str:
    institution_id, on = whose.institution_id, today()
    assert institution_id is not None, "the callers have looked"
    own = standing(institution_id, on=on)
    scope = Scope(on, [institution_id])
    book = Book(whose, on=on)
    keep = queries.kept(institution_id, own.kind, own.scale, scope)
    volume = queries.volume(institution_id, scope)
    sold = queries.sold(institution_id, own.kind, own.scale, scope)
    month = Month.of(on)
    day = reports.report_day(scope.book, month, own.kind, own.scale)
    due = [
        one for one in due_in(month.next(), volume_day=None, report_day=day) if one.kind is ReportKind.SALES
    ]
    return render_template(
        "duties/index.html",
        frame=frame(),
        village=village,
        looks_after=not village and actor().role is Role.HOSPITAL,
        totals=book.totals(),
        groups=book.groups(),
        keep=keep,
        volume=volume,
        sold=sold,
        sales_due=due[0].due_on if due else None,
        public=own.kind in PUBLIC_KINDS,
        to_do=sum(
            (
                bool(book.totals().overdue.amount),
                bool(keep.missing),
                bool(volume.behind),
                bool(sold.findings),
            )
        ),
        shapes=GRADE_SHAPES,
        formula_words=formula_words,
        shown=SHOWN,
        month=month,
        today=on,
    )
