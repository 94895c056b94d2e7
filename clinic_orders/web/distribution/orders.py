"""Orders: the list, one order, its answer, packs closed short."""

from __future__ import annotations

from datetime import date
from typing import Any

from flask import abort, flash, redirect, render_template, request, url_for
from flask_babel import gettext as _
from werkzeug.wrappers import Response

from clinic_orders.actions import answering
from clinic_orders.actions.answering import LinesNotPossible
from clinic_orders.models.base import db
from clinic_orders.models.orders import Order
from clinic_orders.queries import distribution as questions
from clinic_orders.queries.distribution import OrderFilter, OrderStatus
from clinic_orders.rules.days import DayNotUnderstood, parse_day
from clinic_orders.rules.errors import N_, RuleBroken
from clinic_orders.rules.parties import Permission
from clinic_orders.web.distribution import forms
from clinic_orders.web.distribution.base import blueprint
from clinic_orders.web.distribution.trouble import Trouble, answer_typed
from clinic_orders.web.errors import say
from clinic_orders.web.guards import actor, at, needs
from clinic_orders.web.listing import Column, as_file, page_cut, sort_order, wanted_file

ORDER_COLUMNS = (
    Column(N_("Order number"), lambda row: row.order_no),
    Column(N_("Institution"), lambda row: row.institution),
    Column(N_("County"), lambda row: row.county),
    Column(N_("Township"), lambda row: row.township),
    Column(N_("Ordered by"), lambda row: row.ordering or row.institution),
    Column(N_("Mode"), lambda row: row.mode),
    Column(N_("Emergency"), lambda row: _("Yes") if row.emergency else ""),
    Column(N_("Submitted"), lambda row: row.submitted_at),
    Column(N_("Answered"), lambda row: row.answered_at),
    Column(N_("Deadline"), lambda row: row.deadline),
    Column(N_("Items"), lambda row: row.items),
    Column(N_("Packs ordered"), lambda row: row.packs),
    Column(N_("Packs confirmed"), lambda row: row.confirmed),
    Column(N_("Packs shipped"), lambda row: row.shipped),
    Column(N_("Packs accepted"), lambda row: row.accepted),
    Column(N_("Amount (yuan)"), lambda row: row.amount),
    Column(N_("State"), lambda row: row.status),
)


def _day(name: str) -> date | None:
    try:
        return parse_day(request.args.get(name, ""))
    except DayNotUnderstood:
        return None


def _order_filter() -> OrderFilter:
    status = request.args.get("status", "")
    return OrderFilter(
        words=request.args.get("q", "").strip()[:100],
        status=OrderStatus(status) if status in set(OrderStatus) else None,
        county=request.args.get("county", ""),
        first_day=_day("first_day"),
        last_day=_day("last_day"),
    )


@blueprint.get("/orders")
@needs(Permission.ORDERS_ANSWER)
def orders() -> str | Response:
    """All orders of the distributor: search, filter, sort, page, export."""
    by, wanted = actor(), _order_filter()
    sort = sort_order(questions.SORTS, "-submitted")
    if wanted_file():
        rows = questions.orders_listed(by, wanted, at=at(), sort=sort, limit=None)
        return as_file("orders", ORDER_COLUMNS, rows)
    page = page_cut(questions.count_orders(by, wanted, at=at()))
    rows = questions.orders_listed(by, wanted, at=at(), sort=sort, offset=page.offset, limit=page.limit)
    return render_template(
        "distribution/orders.html",
        rows=rows,
        page=page,
        sort=sort,
        wanted=wanted,
        counties=questions.counties_of(by, at=at()),
        statuses=list(OrderStatus),
    )


def _order_page(order_no: str, trouble: Trouble | None = None, **typed: Any) -> str:
    sheet = questions.order_sheet(order_no, actor(), at=at())
    if sheet is None:
        abort(404)
    return render_template(
        "distribution/order.html",
        sheet=sheet,
        order=sheet.order,
        row=sheet.row,
        trouble=trouble or Trouble(),
        typed=request.form,
        item_names={line.id: line.item.generic_name for line in sheet.order.lines},
        **{"close_problems": {}, "close_error": "", **typed},
    )


@blueprint.get("/orders/<order_no>")
@needs(Permission.ORDERS_ANSWER)
def order(order_no: str) -> str:
    """One order: lines, history, shipments, and what can be done now."""
    return _order_page(order_no)


def loaded(order_no: str) -> Order:
    """The order with its lines, or 404."""
    found = questions.orders_with_lines([order_no], actor(), at=at())
    if not found:
        abort(404)
    return found[0]


@blueprint.post("/orders/<order_no>/answer")
@needs(Permission.ORDERS_ANSWER)
def answer(order_no: str) -> Response | tuple[str, int]:
    """Answer one order line by line."""
    trouble = Trouble()
    if answer_typed([loaded(order_no)], trouble):
        flash(_("Answered. The institution has been told."), "ok")
        return redirect(url_for(".order", order_no=order_no), 303)
    return _order_page(order_no, trouble), 409


@blueprint.post("/orders/<order_no>/close")
@needs(Permission.ORDERS_ANSWER)
def close(order_no: str) -> Response | tuple[str, int]:
    """Close packs short that will not come."""
    packs, problems = forms.read_closing(loaded(order_no).lines, request.form)
    db.session.rollback()
    try:
        if problems:
            raise LinesNotPossible(order_no, problems)
        answering.close_short(
            order_no,
            packs,
            forms.coded_reason(request.form, "close"),
            by=actor(),
            at=at(),
            seen_version=forms.seen_version(request.form),
        )
    except LinesNotPossible as refusal:
        return _order_page(order_no, close_problems=refusal.problems), 409
    except RuleBroken as refusal:
        return _order_page(order_no, close_error=say(refusal)), 409
    flash(_("Closed. The institution has been told."), "ok")
    return redirect(url_for(".order", order_no=order_no), 303)
