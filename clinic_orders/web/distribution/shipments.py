"""Shipments and returns: lists, one of each, arrival, void, agree, refuse."""

from __future__ import annotations

from typing import Any

from flask import abort, flash, redirect, render_template, request, url_for
from flask_babel import gettext as _
from werkzeug.wrappers import Response

from clinic_orders.actions import returns, shipping
from clinic_orders.actions.loading import NotFound
from clinic_orders.documents import distribution as papers
from clinic_orders.queries import shipments as shipment_questions
from clinic_orders.rules.errors import N_, RuleBroken
from clinic_orders.rules.order_steps import Step
from clinic_orders.rules.ordering import ReturnState, ShipmentState
from clinic_orders.rules.parties import Permission
from clinic_orders.web import distribution_words as words
from clinic_orders.web.distribution import forms
from clinic_orders.web.distribution.base import blueprint
from clinic_orders.web.distribution.ship import typed_moment
from clinic_orders.web.errors import say
from clinic_orders.web.guards import actor, at, needs
from clinic_orders.web.listing import Column, as_file, page_cut, sort_order, wanted_file
from clinic_orders.web.papers import pdf

SHIPMENT_COLUMNS = (
    Column(N_("Shipment note"), lambda row: row.receipt_no),
    Column(N_("Order number"), lambda row: row.order_no),
    Column(N_("Institution"), lambda row: row.institution),
    Column(N_("County"), lambda row: row.county),
    Column(N_("Township"), lambda row: row.township),
    Column(N_("Packs"), lambda row: row.packs),
    Column(N_("Shipped"), lambda row: row.shipped_at),
    Column(N_("Delivered"), lambda row: row.delivered_at),
    Column(N_("Accepted"), lambda row: row.accepted_at),
    Column(N_("Due on"), lambda row: row.due_on),
    Column(N_("Amount (yuan)"), lambda row: row.owed),
    Column(N_("State"), lambda row: _(words.SHIPMENT_WORDS[row.state][1])),
)
RETURN_COLUMNS = (
    Column(N_("Return number"), lambda row: row.return_no),
    Column(N_("Shipment note"), lambda row: row.receipt_no),
    Column(N_("Order number"), lambda row: row.order_no),
    Column(N_("Institution"), lambda row: row.institution),
    Column(N_("County"), lambda row: row.county),
    Column(N_("Packs"), lambda row: row.packs),
    Column(N_("Requested"), lambda row: row.requested_at),
    Column(N_("Agreed at"), lambda row: row.agreed_at),
    Column(N_("Amount (yuan)"), lambda row: row.amount),
    Column(N_("State"), lambda row: _(words.RETURN_WORDS[row.state][1])),
)


@blueprint.get("/shipments")
@needs(Permission.DELIVERIES_SHIP)
def shipments() -> str | Response:
    """Shipments by state, and the returns that institutions ask for."""
    by, now = actor(), at()
    search = {"words": request.args.get("q", "").strip()[:100], "at": now}
    show = request.args.get("show", "")
    ask: Any
    columns: tuple[Column, ...]
    if show == "returns" or show.startswith("returns-"):
        state_name = show.removeprefix("returns").removeprefix("-")
        search["state"] = ReturnState(state_name) if state_name in set(ReturnState) else None
        ask, columns, name = shipment_questions.returns_page, RETURN_COLUMNS, "returns"
        search["sort"] = sort_order(shipment_questions.RETURN_SORTS, "-requested")
    else:
        search["state"] = ShipmentState(show) if show in set(ShipmentState) else None
        ask, columns, name = shipment_questions.shipments_page, SHIPMENT_COLUMNS, "shipments"
        search["sort"] = sort_order(shipment_questions.SHIPMENT_SORTS, "-shipped")
    if wanted_file():
        return as_file(name, columns, ask(by, limit=None, **search)[0])
    rows, total = ask(by, limit=0, **search)
    page = page_cut(total)
    rows, total = ask(by, offset=page.offset, limit=page.limit, **search)
    return render_template(
        "distribution/shipments.html",
        listed=name,
        rows=rows,
        page=page,
        show=show,
        sort=search["sort"],
        q=search["words"],
        shipment_counts=shipment_questions.shipment_counts(by, at=now),
        return_counts=shipment_questions.return_counts(by, at=now),
    )


def _shipment_page(receipt_no: str, error: str = "") -> str:
    sheet = shipment_questions.shipment_sheet(receipt_no, actor(), at=at())
    if sheet is None:
        abort(404)
    return render_template(
        "distribution/shipment.html", sheet=sheet, shipment=sheet.shipment, error=error, typed=request.form
    )


@blueprint.get("/shipments/<receipt_no>")
@needs(Permission.DELIVERIES_SHIP)
def shipment(receipt_no: str) -> str:
    """One shipment: batches, arrival, acceptance, returns."""
    return _shipment_page(receipt_no)


@blueprint.get("/shipments/<receipt_no>/note.pdf")
@needs(Permission.DELIVERIES_SHIP)
def delivery_note(receipt_no: str) -> Response | tuple[str, int]:
    """The delivery note that travels with the goods."""
    return pdf(receipt_no, lambda: papers.delivery_note(receipt_no, by=actor(), at=at()))


@blueprint.post("/shipments/<receipt_no>/delivered")
@needs(Permission.DELIVERIES_SHIP)
def delivered(receipt_no: str) -> Response | tuple[str, int]:
    """Note that the goods arrived."""
    try:
        shipping.mark_delivered(
            receipt_no,
            by=actor(),
            at=at(),
            seen_version=forms.seen_version(request.form),
            delivered_at=typed_moment("delivered_at"),
        )
    except NotFound:
        abort(404)
    except RuleBroken as refusal:
        return _shipment_page(receipt_no, say(refusal)), 409
    flash(_("Noted as delivered. The institution is asked to accept the goods."), "ok")
    return redirect(url_for(".shipment", receipt_no=receipt_no), 303)


@blueprint.post("/shipments/<receipt_no>/void")
@needs(Permission.DELIVERIES_SHIP)
def void(receipt_no: str) -> Response | tuple[str, int]:
    """Take a wrong delivery note back."""
    try:
        made = shipping.void_shipment(
            receipt_no,
            request.form.get("reason", ""),
            by=actor(),
            at=at(),
            seen_version=forms.seen_version(request.form),
        )
    except NotFound:
        abort(404)
    except RuleBroken as refusal:
        return _shipment_page(receipt_no, say(refusal)), 409
    flash(_("The delivery note is void; its packs are to be shipped again."), "ok")
    return redirect(url_for(".order", order_no=made.order.order_no), 303)


def _return_page(return_no: str, error: str = "") -> str:
    sheet = shipment_questions.return_sheet(return_no, actor(), at=at())
    if sheet is None:
        abort(404)
    return render_template(
        "distribution/goods_return.html",
        sheet=sheet,
        goods_return=sheet.goods_return,
        error=error,
        reason=request.form.get("reason", ""),
    )


@blueprint.get("/shipments/returns/<return_no>")
@needs(Permission.DELIVERIES_SHIP)
def goods_return(return_no: str) -> str:
    """One return: what goes back and why; agree or refuse."""
    return _return_page(return_no)


@blueprint.post("/shipments/returns/<return_no>")
@needs(Permission.DELIVERIES_SHIP)
def decide_return(return_no: str) -> Response | tuple[str, int]:
    """Agree to a return, refuse it with a reason, or say that the goods have arrived."""
    seen = forms.seen_version(request.form)
    try:
        if request.form.get("do") == "agree":
            returns.agree_return(return_no, by=actor(), at=at(), seen_version=seen)
            flash(_("Agreed. What the institution owes is less from today."), "ok")
        elif request.form.get("do") == Step.SEND_BACK.value:
            returns.confirm_sent_back(return_no, by=actor(), at=at(), seen_version=seen)
            flash(_("Noted: the goods are here. The institution has been told."), "ok")
        else:
            why = request.form.get("reason", "")
            returns.refuse_return(return_no, why, by=actor(), at=at(), seen_version=seen)
            flash(_("Refused. The institution has been told why."), "ok")
    except NotFound:
        abort(404)
    except RuleBroken as refusal:
        return _return_page(return_no, say(refusal)), 409
    return redirect(url_for(".goods_return", return_no=return_no), 303)
