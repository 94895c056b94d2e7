"""Payment holds 停单: whose overdue money stops which orders, since when, and those that have ended (R-PAY-5)."""

from __future__ import annotations

from flask import Blueprint, render_template, request
from werkzeug.wrappers import Response

from clinic_orders.queries import arrears as questions
from clinic_orders.queries import institutions as roster
from clinic_orders.queries.arrears import HoldRow, HoldsWanted
from clinic_orders.rules.errors import N_
from clinic_orders.rules.parties import Permission, Role
from clinic_orders.rules.payment_holds import HoldScope
from clinic_orders.web.display import label, register_labels
from clinic_orders.web.goods_pages import frame
from clinic_orders.web.guards import actor, needs, today
from clinic_orders.web.listing import Column, as_file, page_cut, sort_order, wanted_file

blueprint = Blueprint("holds", __name__, url_prefix="/holds")

register_labels(
    {
        HoldScope.DISTRIBUTOR: N_("Orders to this distributor"),
        HoldScope.ALL: N_("Orders to all distributors"),
    }
)


def scope_words(row: HoldRow) -> str:
    """Which orders a hold stopped when it was last looked at."""
    return label(HoldScope(row.scope))


COLUMNS = (
    Column(N_("Payer"), lambda row: row.payer),
    Column(N_("County"), lambda row: row.county),
    Column(N_("Distributor"), lambda row: row.distributor),
    Column(N_("Owed (yuan)"), lambda row: row.amount),
    Column(N_("Receipts"), lambda row: row.receipts),
    Column(N_("Due since"), lambda row: row.since),
    Column(N_("What it stops"), scope_words),
    Column(N_("Hold began"), lambda row: row.began_at),
    Column(N_("Hold ended"), lambda row: row.ended_at),
)
_STATES = {"running": True, "ended": False, "all": None}


@blueprint.get("/")
@needs(Permission.PAYMENTS_READ)
def index() -> str | Response:
    """The holds that concern the person."""
    asked = request.args.get("state", "running")
    state = asked if asked in _STATES else "running"
    wanted = HoldsWanted(
        _STATES[state], request.args.get("q", "").strip()[:64], request.args.get("county", "")[:12]
    )
    sort = sort_order(set(questions.HOLD_SORTS), "-amount")
    if wanted_file():
        return as_file("holds", COLUMNS, questions.holds(actor(), on=today(), wanted=wanted, sort=sort))
    count, amount = questions.holds_count(actor(), on=today(), wanted=wanted)
    page = page_cut(count)
    return render_template(
        "holds/index.html",
        frame=frame(),
        rows=questions.holds(
            actor(), on=today(), wanted=wanted, sort=sort, limit=page.limit, offset=page.offset
        ),
        amount=amount,
        wanted=wanted,
        state=state,
        counties=roster.counties(actor()) if actor().role is Role.CITY else [],
        scope_words=scope_words,
        policy=questions.policy_of_holds(on=today()),
        page=page,
        sort=sort,
        today=today(),
        year=today().year,
    )
