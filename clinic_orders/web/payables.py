"""What is to be paid 应付: to whom, by when, how long overdue; each figure opens its receipts."""

from __future__ import annotations

from flask import Blueprint, abort, render_template, request
from werkzeug.wrappers import Response

from clinic_orders.queries import arrears, receiving
from clinic_orders.queries import payables as queries
from clinic_orders.queries.payables import Book, PayableState, Scope, Wanted
from clinic_orders.rules.errors import N_
from clinic_orders.rules.parties import Permission, Role
from clinic_orders.rules.payment_terms import days_overdue
from clinic_orders.web.display import label, register_labels
from clinic_orders.web.goods_pages import asked_month, frame, month_options
from clinic_orders.web.guards import actor, needs, today
from clinic_orders.web.listing import Column, as_file, page_cut, sort_order, wanted_file

blueprint = Blueprint("payables", __name__, url_prefix="/payables")

register_labels(
    {
        PayableState.OPEN: N_("Everything to pay"),
        PayableState.NOT_DUE: N_("Not due yet"),
        PayableState.OVERDUE: N_("Due day has passed"),
        PayableState.UP_TO_30: N_("1–30 days past due"),
        PayableState.UP_TO_60: N_("31–60 days past due"),
        PayableState.UP_TO_90: N_("61–90 days past due"),
        PayableState.OVER_90: N_("Over 90 days past due"),
        PayableState.NOTHING_OWED: N_("Nothing to pay"),
    }
)

COLUMNS = (
    Column(N_("Receipt"), lambda row: row.receipt_no),
    Column(N_("Order number"), lambda row: row.order_no),
    Column(N_("Payer"), lambda row: row.payer),
    Column(N_("Receiver"), lambda row: row.institution),
    Column(N_("Distributor"), lambda row: row.distributor),
    Column(N_("Received"), lambda row: row.accepted_at),
    Column(N_("Acceptance day that counts"), lambda row: row.acceptance_day),
    Column(N_("Payment due"), lambda row: row.due_on),
    Column(N_("Packs accepted"), lambda row: row.accepted_packs),
    Column(N_("Packs returned"), lambda row: row.returned_packs),
    Column(N_("Owed on acceptance (yuan)"), lambda row: row.owed),
    Column(N_("Owed less returns (yuan)"), lambda row: row.owes),
    Column(N_("Paid (yuan)"), lambda row: row.paid),
    Column(N_("To pay now (yuan)"), lambda row: row.outstanding),
    Column(N_("Days past due"), lambda row: days_overdue(row.due_on, on=today()) if row.outstanding else 0),
)

AGEING = (PayableState.UP_TO_30, PayableState.UP_TO_60, PayableState.UP_TO_90, PayableState.OVER_90)


def _scope() -> Scope:
    asked = request.args.get("scope", "")
    return Scope.MEMBERS if asked == Scope.MEMBERS.value and actor().role is Role.HOSPITAL else Scope.OWN


def _wanted() -> Wanted:
    asked = request.args.get("state", PayableState.OPEN.value)
    return Wanted(
        state=PayableState(asked) if asked in set(PayableState) else None,
        distributor=request.args.get("distributor", "")[:64],
        due_month=asked_month("due"),
        search=request.args.get("q", "").strip()[:64],
    )


@blueprint.get("/")
@needs(Permission.PAYMENTS_READ)
def index() -> str | Response:
    """What is to be paid, with the receipts behind each figure."""
    scope, wanted = _scope(), _wanted()
    sort = sort_order(set(queries.SORTS), "due")
    book = Book(actor(), on=today(), scope=scope)
    if wanted_file():
        return as_file("payables", COLUMNS, book.rows(wanted, sort=sort))
    count, amount = book.sum(wanted, sort=sort)
    page = page_cut(count)
    running = arrears.holds(actor(), on=today()) if actor().role is not Role.DISTRIBUTOR else []
    return render_template(
        "payables/index.html",
        holds=running,
        frame=frame(),
        totals=book.totals(),
        groups=book.groups(),
        balances=book.balances(limit=30),
        record=Permission.PAYMENTS_RECORD,
        rows=book.rows(wanted, sort=sort, limit=page.limit, offset=page.offset),
        amount=amount,
        wanted=wanted,
        scope=scope,
        may_choose_scope=actor().role is Role.HOSPITAL,
        distributors=book.distributors(),
        months=month_options(book.due_months()),
        states=[(state.value, label(state)) for state in PayableState],
        ageing=AGEING,
        not_due=PayableState.NOT_DUE,
        page=page,
        sort=sort,
        today=today(),
        days_overdue=days_overdue,
    )


@blueprint.get("/<receipt_no>")
@needs(Permission.PAYMENTS_READ)
def show(receipt_no: str) -> str:
    """How the sum of one receipt comes about: its lines, its returns, the rule of its due day."""
    shipment = receiving.find_shipment(receipt_no, actor(), on=today())
    if shipment is None or shipment.accepted_at is None:
        abort(404)
    book = Book(actor(), on=today(), scope=Scope.MEMBERS, pair=(shipment.paying_id, shipment.distributor_id))
    return render_template(
        "payables/show.html",
        parts=book.parts_of(receipt_no),
        record=Permission.PAYMENTS_RECORD,
        outstanding=book.outstanding.get(shipment.id),
        frame=frame(),
        shipment=shipment,
        formula=queries.statement_lines(shipment.id, on=today()),
        returns=[found for found in receiving.returns_of(shipment.id) if found.agreed_at is not None],
        names=receiving.names_of((shipment.institution_id, shipment.paying_id), on=today()),
        overdue=days_overdue(shipment.due_on, on=today()) if shipment.due_on else 0,
        today=today(),
    )
