"""My duties: pay, keep, buy, sell, each with what stands, until when, and the rule in plain words (product.md)."""

from __future__ import annotations

from flask import Blueprint, abort, render_template

from clinic_orders.queries import duties as queries
from clinic_orders.queries import reports
from clinic_orders.queries.checks import Scope
from clinic_orders.queries.payables import Book
from clinic_orders.queries.roster import standing
from clinic_orders.rules.days import Month
from clinic_orders.rules.findings import Grade
from clinic_orders.rules.parties import PUBLIC_KINDS, Permission
from clinic_orders.rules.reporting import ReportKind, due_in
from clinic_orders.web.formula_words import formula_words
from clinic_orders.web.goods_pages import frame
from clinic_orders.web.guards import actor, needs, today

blueprint = Blueprint("duties", __name__, url_prefix="/duties")

GRADE_SHAPES = {Grade.BEHIND: "warn", Grade.SEVERELY_BEHIND: "bad", Grade.UNFULFILLED: "bad"}
SHOWN = 3
"""How many agreements stand on the card itself; the others open below it."""


@blueprint.get("/")
@needs(Permission.REPORTS_MAKE)
def index() -> str:
    """The four cards of the actor's own institution."""
    institution_id, on = actor().institution_id, today()
    if institution_id is None:
        abort(404)
    own = standing(institution_id, on=on)
    scope = Scope(on, [institution_id])
    book = Book(actor(), on=on)
    keep = queries.kept(institution_id, own.kind, own.scale, scope)
    volume = queries.volume(institution_id, scope)
    sold = queries.sold(institution_id, scope)
    month = Month.of(on)
    day = reports.report_day(scope.book, month, own.kind, own.scale)
    due = [
        one for one in due_in(month.next(), volume_day=None, report_day=day) if one.kind is ReportKind.SALES
    ]
    return render_template(
        "duties/index.html",
        frame=frame(),
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
