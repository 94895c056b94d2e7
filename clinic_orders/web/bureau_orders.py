"""All orders that a bureau may see, to look at only: a county those of its institutions."""

from __future__ import annotations

from datetime import date

from flask import Blueprint, Response, abort, render_template, request
from flask_babel import gettext as _

from clinic_orders.queries import distribution as questions
from clinic_orders.queries import institutions as roster
from clinic_orders.queries.distribution import OrderFilter, OrderStatus
from clinic_orders.queries.orders import order_detail
from clinic_orders.queries.relations import distributor_choices
from clinic_orders.rules.days import end_of_day, parse_day
from clinic_orders.rules.errors import N_, RuleBroken
from clinic_orders.rules.parties import InstitutionKind, OrderMode, Permission, Role
from clinic_orders.web import guards
from clinic_orders.web.display import label
from clinic_orders.web.distribution_words import deadline_words
from clinic_orders.web.errors import say
from clinic_orders.web.guards import needs
from clinic_orders.web.listing import PER_PAGE, Column, as_file, page_cut, sort_order, wanted_file
from clinic_orders.web.order_words import event_text, reason_text, shown_line, shown_state

blueprint = Blueprint("bureau_orders", __name__, url_prefix="/bureau/orders")

# Shape and word of an order's status.
STATUS_WORDS: dict[OrderStatus, tuple[str, str]] = {
    OrderStatus.TO_ANSWER: ("wait", N_("Awaiting the answer")),
    OrderStatus.TO_SHIP: ("wait", N_("To be shipped")),
    OrderStatus.UNDER_WAY: ("warn", N_("Under way, not yet accepted")),
    OrderStatus.DONE: ("ok", N_("Delivered")),
    OrderStatus.REFUSED: ("bad", N_("Declined")),
    OrderStatus.LAPSED: ("bad", N_("Lapsed")),
    OrderStatus.WITHDRAWN: ("off", N_("Withdrawn")),
    OrderStatus.DISOWNED: ("off", N_("Sent back as not ours")),
}


def _status(status: OrderStatus) -> tuple[str, str]:
    kind, word = STATUS_WORDS[status]
    return kind, _(word)


_FILE = (
    Column(N_("Order number"), lambda row: row.order_no),
    Column(N_("Submitted"), lambda row: row.submitted_at),
    Column(N_("County"), lambda row: row.county),
    Column(N_("Township or street"), lambda row: row.township),
    Column(N_("Institution"), lambda row: row.institution),
    Column(N_("Ordered by"), lambda row: row.ordering or row.institution),
    Column(N_("Distributor"), lambda row: row.distributor),
    Column(N_("Mode"), lambda row: row.mode),
    Column(N_("Emergency"), lambda row: _("yes") if row.emergency else _("no")),
    Column(N_("Items"), lambda row: row.items),
    Column(N_("Packs ordered"), lambda row: row.packs),
    Column(N_("Packs confirmed"), lambda row: row.confirmed),
    Column(N_("Packs shipped"), lambda row: row.shipped),
    Column(N_("Packs accepted"), lambda row: row.accepted),
    Column(N_("Amount (yuan)"), lambda row: row.amount),
    Column(N_("State"), lambda row: _status(row.status)[1]),
    Column(N_("Due"), lambda row: row.deadline),
)


def _wanted(errors: list[tuple[str, str]]) -> OrderFilter:
    kind, mode, status = (request.args.get(name, "") for name in ("kind", "mode", "status"))
    return OrderFilter(
        words=request.args.get("q", "").strip(),
        status=OrderStatus(status) if status in set(OrderStatus) else None,
        county=request.args.get("county", ""),
        first_day=_day("first", errors),
        last_day=_day("last", errors),
        kind=InstitutionKind(kind) if kind in set(InstitutionKind) else None,
        mode=OrderMode(mode) if mode in set(OrderMode) else None,
        distributor=request.args.get("distributor", ""),
        institution_id=request.args.get("institution", type=int),
        emergency=request.args.get("emergency") == "1",
        answer_due_by=end_of_day(guards.today()) if request.args.get("due") == "today" else None,
    )


def _day(name: str, errors: list[tuple[str, str]]) -> date | None:
    """A day of the filter; one that is none is said and left out."""
    typed = request.args.get(name, "").strip()
    if not typed:
        return None
    try:
        return parse_day(typed)
    except RuleBroken as error:
        errors.append((f"f-{name}", say(error)))
        return None


@blueprint.get("/")
@needs(Permission.ORDERS_READ)
def index() -> str | Response:
    """The orders that fit."""
    actor = guards.actor()
    errors: list[tuple[str, str]] = []
    wanted = _wanted(errors)
    sort = sort_order(questions.SORTS, "-submitted")
    if wanted_file():
        rows, _total = questions.orders_page(actor, wanted, at=guards.at(), sort=sort, limit=None)
        return as_file("orders", _FILE, rows)
    asked = max(request.args.get("page", 1, type=int), 1)
    rows, total = questions.orders_page(
        actor, wanted, at=guards.at(), sort=sort, offset=(asked - 1) * PER_PAGE, limit=PER_PAGE
    )
    cut = page_cut(total)
    if cut.page != asked:
        rows, _total = questions.orders_page(
            actor, wanted, at=guards.at(), sort=sort, offset=cut.offset, limit=PER_PAGE
        )
    return render_template(
        "bureau_orders/index.html",
        rows=rows,
        page=cut,
        sort=sort,
        wanted=wanted,
        typed=request.args,
        errors=errors,
        filtered=wanted != OrderFilter(),
        status=_status,
        statuses=[(one.value, _status(one)[1]) for one in STATUS_WORDS],
        kinds=[(kind.value, label(kind)) for kind in InstitutionKind],
        modes=[(mode.value, label(mode)) for mode in OrderMode],
        counties=[] if actor.role is Role.COUNTY else roster.counties(actor),
        distributors=distributor_choices(),
        deadline_words=deadline_words,
        due_today=request.args.get("due") == "today",
    )


@blueprint.get("/<path:order_no>")
@needs(Permission.ORDERS_READ)
def order(order_no: str) -> str:
    """One order with its lines, deliveries and history."""
    found = order_detail(order_no, actor=guards.actor(), at=guards.at())
    if found is None:
        abort(404)
    return render_template(
        "bureau_orders/order.html",
        order=found,
        row=found.row,
        shown=shown_state,
        shown_line=shown_line,
        event_text=event_text,
        reason_text=reason_text,
        may_see_institution=guards.actor().may(Permission.ROSTER_READ),
    )
