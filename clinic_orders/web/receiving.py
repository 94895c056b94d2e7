"""Receiving goods 收货: what is under way, one delivery note line by line, the receipts so far."""

from __future__ import annotations

from datetime import datetime

from flask import Blueprint, abort, current_app, flash, redirect, render_template, request, url_for
from flask_babel import gettext
from werkzeug.wrappers import Response

from clinic_orders.actions.answering import LinesNotPossible
from clinic_orders.actions.loading import NotFound
from clinic_orders.actions.receiving import POLICY, accept_shipment, check_lines, shelf_months, terms_of
from clinic_orders.documents.receiving import acceptance_note
from clinic_orders.models.deliveries import Shipment
from clinic_orders.queries import receiving as queries
from clinic_orders.queries.counting import Question
from clinic_orders.queries.payables import Book, Scope, statement_lines
from clinic_orders.queries.policy import policy_book
from clinic_orders.queries.receiving import ReceiptState, ReceiptsWanted
from clinic_orders.queries.scanning import Met, sightings
from clinic_orders.rules.days import Month
from clinic_orders.rules.errors import N_, RuleBroken
from clinic_orders.rules.order_steps import Step, sides_of, steps_open_to
from clinic_orders.rules.ordering import ShipmentState, shipment_state
from clinic_orders.rules.parties import Actor, Permission
from clinic_orders.web import acceptance_form, navigation
from clinic_orders.web.acceptance_form import REASONS, AcceptanceForm
from clinic_orders.web.errors import say
from clinic_orders.web.goods_pages import asked_month, frame, month_options, named
from clinic_orders.web.guards import actor, at, needs, today
from clinic_orders.web.listing import Column, as_file, page_cut, sort_order, wanted_file
from clinic_orders.web.papers import pdf
from clinic_orders.web.reasons import reject_reason, return_reason
from clinic_orders.web.scanning import Note, met_before

blueprint = Blueprint("receiving", __name__, url_prefix="/receiving")
blueprint.add_app_template_filter(reject_reason)
blueprint.add_app_template_filter(return_reason)

# More than these wait only at a large hospital; the rest stands on the list of what is under way.
_FIRST = 30

COLUMNS = (
    Column(N_("Receipt"), lambda row: row.receipt_no),
    Column(N_("Order number"), lambda row: row.order_no),
    Column(N_("Receiver"), lambda row: row.institution),
    Column(N_("Distributor"), lambda row: row.distributor),
    Column(N_("Shipped"), lambda row: row.shipped_at),
    Column(N_("Delivered"), lambda row: row.delivered_at),
    Column(N_("Received"), lambda row: row.accepted_at),
    Column(N_("Received by"), lambda row: row.accepted_by_name),
    Column(N_("Packs sent"), lambda row: row.packs),
    Column(N_("Packs accepted"), lambda row: row.accepted_packs),
    Column(N_("Packs rejected"), lambda row: row.rejected_packs),
    Column(N_("Packs returned"), lambda row: row.returned_packs),
    Column(N_("Owed on acceptance (yuan)"), lambda row: row.owed),
    Column(N_("Payment due"), lambda row: row.due_on),
)


@navigation.counts("receiving.index")
def _waiting(person: Actor, _at: datetime) -> Question | int:
    return queries.waiting_question(person) or 0


@blueprint.get("/")
@needs(Permission.DELIVERIES_ACCEPT)
def index() -> str | Response:
    """What is to be received now, and the receipts so far."""
    asked = request.args.get("state", "")
    state = ReceiptState(asked) if asked in set(ReceiptState) else ReceiptState.RECEIVED
    wanted = ReceiptsWanted(state, asked_month(), request.args.get("q", "").strip()[:64])
    sort = sort_order(set(queries.SORTS), "-accepted" if state is ReceiptState.RECEIVED else "-shipped")
    if wanted_file():
        rows = queries.receipts(actor(), on=today(), wanted=wanted, sort=sort)
        return as_file("receipts", COLUMNS, rows)
    page = page_cut(queries.receipts_count(actor(), on=today(), wanted=wanted))
    return render_template(
        "receiving/index.html",
        frame=frame(),
        waiting=queries.receipts(
            actor(),
            on=today(),
            wanted=ReceiptsWanted(ReceiptState.WAITING),
            sort="shipped",
            limit=_FIRST + 1,
        ),
        first=_FIRST,
        book=policy_book("delivery.accept_days"),
        to_be_received_by=queries.to_be_received_by,
        rows=queries.receipts(
            actor(), on=today(), wanted=wanted, sort=sort, limit=page.limit, offset=page.offset
        ),
        wanted=wanted,
        month_options=month_options([Month.of(today()).plus(-back) for back in range(24)]),
        has_ordering="ordering.order_page" in current_app.view_functions,
        page=page,
        sort=sort,
        today=today(),
    )


def _find(receipt_no: str) -> Shipment:
    shipment = queries.find_shipment(receipt_no, actor(), on=today())
    if shipment is None:
        abort(404)
    return shipment


def state_of(shipment: Shipment) -> ShipmentState:
    """Where the shipment stands now."""
    return shipment_state(
        shipped_at=shipment.shipped_at, accepted_at=shipment.accepted_at, voided_at=shipment.voided_at
    )


def _steps(shipment: Shipment) -> list[Step]:
    return steps_open_to(sides_of(actor(), shipment.order.parties), state_of(shipment))


def _names(shipment: Shipment) -> dict[int, str]:
    order = shipment.order
    return queries.names_of((order.institution_id, order.ordering_id, order.paying_id), on=today())


@blueprint.get("/<receipt_no>")
@needs(Permission.ORDERS_READ)
def show(receipt_no: str) -> str:
    """One delivery note: to be received, or as it was received."""
    shipment = _find(receipt_no)
    if Step.ACCEPT in _steps(shipment):
        months = shelf_months(shipment, at=at(), book=policy_book(*POLICY))
        return _form_page(shipment, acceptance_form.prefilled(shipment, on=today(), min_shelf_months=months))
    return _receipt_page(shipment)


def _receipt_page(shipment: Shipment) -> str:
    pair = (shipment.paying_id, shipment.distributor_id)
    book = Book(actor(), on=today(), scope=Scope.MEMBERS, pair=pair)
    return render_template(
        "receiving/show.html",
        outstanding=book.outstanding.get(shipment.id),
        frame=frame(),
        shipment=shipment,
        state=state_of(shipment),
        names=_names(shipment),
        formula=statement_lines(shipment.id, on=today()),
        returns=queries.returns_of(shipment.id),
        may_return=Step.REQUEST_RETURN in _steps(shipment)
        and any((line.accepted_packs or 0) > line.returned_packs for line in shipment.lines),
        today=today(),
    )


def _form_page(
    shipment: Shipment,
    form: AcceptanceForm,
    *,
    refusal: RuleBroken | None = None,
    look_again: bool = False,
) -> str:
    return render_template(
        "receiving/receive.html",
        frame=frame(),
        shipment=shipment,
        names=_names(shipment),
        form=form,
        errors=[
            (entry.error_at, named(entry.item, say(entry.refusal))) for entry in form.entries if entry.refusal
        ],
        line_errors={entry.error_at: say(entry.refusal) for entry in form.entries if entry.refusal},
        scan_error=say(form.scan_error) if form.scan_error else "",
        scan_notes=[*form.notes, *_met_elsewhere(shipment, form)],
        refusal=say(refusal) if refusal else "",
        look_again=look_again,
        terms=terms_of(shipment, at=at(), book=policy_book(*POLICY)),
        months=form.min_shelf_months,
        reasons=[(code, gettext(text)) for code, text in REASONS],
        scanning=request.form.get("do") == "scan",
        today=today(),
    )


def _met_elsewhere(shipment: Shipment, form: AcceptanceForm) -> list[Note]:
    """A warning for each code just scanned that stands on another paper."""
    codes = [scan.code for scan in form.scans]
    seen = sightings(codes, actor(), on=today(), besides=shipment.id)
    goes_with_it = (Met.SHIPPED, Met.REJECTED, Met.TAKEN_BACK)
    return [note for code in codes for note in met_before(seen.get(code, ()), now=goes_with_it)]


def _typed(shipment: Shipment) -> AcceptanceForm:
    months = shelf_months(shipment, at=at(), book=policy_book(*POLICY))
    return acceptance_form.typed(shipment, request.form, on=today(), min_shelf_months=months)


@blueprint.post("/<receipt_no>")
@needs(Permission.DELIVERIES_ACCEPT)
def receive(receipt_no: str) -> str | tuple[str, int] | Response:
    """Open or close a line, check a code, or receive the goods."""
    shipment = _find(receipt_no)
    form = _typed(shipment)
    if request.form.get("do") not in {"accept", "all"} or form.scan_error:
        return _form_page(shipment, form)
    lines = form.found()
    try:
        check_lines(shipment, lines, at=at(), book=policy_book(*POLICY))
    except LinesNotPossible as refused:
        form.refuse(refused.problems)
    if form.problems:
        return _form_page(shipment, form), 422
    # The sum that is owed stands on the page before it is agreed to: typed packs are shown with their sum once.
    if request.form.get("shown", "") != str(form.owed):
        return _form_page(shipment, form, look_again=True)
    try:
        seen = request.form.get("version", type=int)
        accept_shipment(receipt_no, lines, by=actor(), at=at(), seen_version=seen)
    except NotFound:
        abort(404)
    except RuleBroken as refusal:
        return _conflict(receipt_no, refusal), 409
    flash(gettext("Received. Thank you for checking the goods."), "ok")
    return redirect(url_for(".show", receipt_no=receipt_no))


def _conflict(receipt_no: str, refusal: RuleBroken) -> str:
    """What was typed beside what stands now, when somebody else was faster."""
    shipment = _find(receipt_no)
    form = _typed(shipment)
    if Step.ACCEPT in _steps(shipment):
        return _form_page(shipment, form, refusal=refusal)
    return render_template(
        "receiving/conflict.html", frame=frame(), shipment=shipment, form=form, refusal=say(refusal)
    )


@blueprint.get("/<receipt_no>/acceptance.pdf")
@needs(Permission.ORDERS_READ)
def paper(receipt_no: str) -> Response | tuple[str, int]:
    """The acceptance note 验收入库单 of received goods."""
    return pdf(f"acceptance-{receipt_no}", lambda: acceptance_note(receipt_no, by=actor(), at=at()))
