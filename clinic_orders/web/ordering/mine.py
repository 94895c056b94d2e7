"""My orders: the list, one order with its history, and what a buyer can still do to it."""

from __future__ import annotations

from flask import abort, flash, redirect, render_template, request, url_for
from flask_babel import gettext, ngettext
from werkzeug.wrappers import Response

from clinic_orders.actions.loading import ChangedMeanwhile
from clinic_orders.actions.withdrawing import (
    WithdrawTooMany,
    disown_order,
    resend_emergency,
    withdraw_order,
)
from clinic_orders.queries.ordering import distributors
from clinic_orders.queries.orders import (
    SORTS,
    LineDetail,
    OrderDetail,
    OrderList,
    order_detail,
)
from clinic_orders.queries.policy import policy_book
from clinic_orders.rules.days import day_in_china, end_of_nth_working_day
from clinic_orders.rules.errors import N_, RuleBroken
from clinic_orders.rules.order_steps import OrderParties, Step, sides_of, steps_open_to
from clinic_orders.rules.ordering import OrderStanding, ResponseState, may_withdraw_unshipped
from clinic_orders.rules.parties import Permission, Role
from clinic_orders.rules.quantities import parse_cart_packs
from clinic_orders.web import guards
from clinic_orders.web import order_words as words
from clinic_orders.web.errors import say
from clinic_orders.web.guards import needs
from clinic_orders.web.listing import Column, as_file, page_cut, sort_order, wanted_file
from clinic_orders.web.ordering.door import blueprint

_EXPORT = (
    Column(N_("Order number"), lambda row: row.order_no),
    Column(N_("Submitted"), lambda row: row.submitted_at),
    Column(N_("Institution"), lambda row: row.institution),
    Column(N_("Distributor"), lambda row: row.distributor),
    Column(N_("Mode"), lambda row: row.mode),
    Column(N_("Emergency"), lambda row: gettext("yes") if row.emergency else ""),
    Column(N_("Items"), lambda row: row.lines_count),
    Column(N_("Packs"), lambda row: row.packs),
    Column(N_("Amount (yuan)"), lambda row: row.amount),
    Column(N_("State"), lambda row: row.state),
    Column(N_("Packs accepted"), lambda row: row.accepted),
)
_RESENT = {ResponseState.PENDING, ResponseState.REFUSED, ResponseState.LAPSED}


def _layout() -> str:
    return "layout/phone.html" if guards.actor().role is Role.INSTITUTION else "layout/desk.html"


@blueprint.get("/orders")
@needs(Permission.ORDERS_READ)
def orders() -> str | Response:
    """The orders that the reader may see, searched, narrowed, sorted, by page or as a file."""
    actor = guards.actor()
    if actor.institution_id is None:
        abort(404)
    chosen = request.args.get("state", "")
    found = OrderList(
        actor,
        guards.at(),
        words=request.args.get("q", ""),
        chosen=OrderStanding(chosen) if chosen in set(OrderStanding) else None,
        sort=sort_order(SORTS, "-submitted"),
    )
    if wanted_file():
        return as_file("orders", _EXPORT, found.rows())
    cut = page_cut(found.count())
    return render_template(
        "ordering/orders.html",
        layout=_layout(),
        rows=found.rows(offset=cut.offset, limit=cut.limit),
        page=cut,
        sort=found.sort,
        words=found.words,
        chosen=chosen,
        filters=[(each.value, words.filter_label(each)) for each in OrderStanding],
        shown=words.shown_state,
        own=actor.institution_id,
    )


def _detail(order_no: str) -> OrderDetail:
    actor = guards.actor()
    found = order_detail(order_no, actor=actor, at=guards.at()) if actor.institution_id is not None else None
    if found is None:
        abort(404)
    return found


def _page(found: OrderDetail, *, problem: str = "", typed: dict[int, str] | None = None) -> str:
    row, at = found.row, guards.at()
    sides = sides_of(guards.actor(), OrderParties(row.ordering_id, row.institution_id, row.distributor_id))
    steps = steps_open_to(sides, row.state)
    withdrawable, late_from = _withdrawable(found, Step.WITHDRAW in steps)
    out_of_time = row.state is not ResponseState.PENDING or at >= row.answer_due_at
    return render_template(
        "ordering/order.html",
        layout=_layout(),
        order=found,
        row=row,
        withdrawable=withdrawable,
        late_from=late_from,
        may_disown=Step.DISOWN in steps,
        may_resend=Step.RESEND_EMERGENCY in steps
        and row.emergency
        and row.state in _RESENT
        and out_of_time
        and found.resent_to is None,
        distributors=[pair for pair in distributors() if pair[0] != row.distributor_id]
        if row.emergency
        else [],
        shown=words.shown_state,
        shown_line=words.shown_line,
        due=words.due_text(row.answer_due_at, at.year),
        event_text=words.event_text,
        reason_text=words.reason_text,
        problem=problem,
        typed=typed or {},
    )


def _withdrawable(found: OrderDetail, may: bool) -> tuple[dict[int, int], object]:
    """Packs that can be taken back now by line number, and from when the unshipped rest can be."""
    row = found.row
    if not may:
        return {}, None
    if row.state is ResponseState.PENDING:
        return {line.line_no: line.quantities.to_answer for line in found.lines}, None
    assert row.answered_at is not None
    rest = {line.line_no: line.quantities.to_ship for line in found.lines if line.quantities.to_ship > 0}
    days = policy_book("order.ship_days").whole("order.ship_days", on=day_in_china(row.answered_at))
    if not rest or may_withdraw_unshipped(row.answered_at, ship_days=days, at=guards.at()):
        return rest, None
    return {}, end_of_nth_working_day(row.answered_at, days)


@blueprint.get("/orders/<order_no>")
@needs(Permission.ORDERS_READ)
def order(order_no: str) -> str:
    """One order: lines, quantities, states, who did what and when."""
    return _page(_detail(order_no))


def _again(order_no: str, error: RuleBroken, typed: dict[int, str]) -> tuple[str, int]:
    """The page once more with the refusal and everything typed."""
    return _page(_detail(order_no), problem=say(error), typed=typed), 409


@blueprint.post("/orders/<order_no>/withdraw")
@needs(Permission.ORDERS_PLACE)
def withdraw(order_no: str) -> Response | tuple[str, int]:
    """Take packs back: all that can be, or by line."""
    found = _detail(order_no)
    form = request.form
    typed = {line.line_no: form.get(f"w-{line.line_no}", "") for line in found.lines}
    try:
        packs = None if form.get("do") == "all" else {n: _packs(found.lines, n, t) for n, t in typed.items()}
        taken = withdraw_order(
            order_no, packs, by=guards.actor(), at=guards.at(), seen_version=form.get("version", type=int)
        )
    except (ChangedMeanwhile, RuleBroken) as error:
        return _again(order_no, error, typed)
    flash(ngettext("%(num)s pack was withdrawn.", "%(num)s packs were withdrawn.", taken), "ok")
    return redirect(url_for("ordering.order", order_no=order_no), 303)


def _packs(lines: list[LineDetail], number: int, typed: str) -> int:
    line = next(line for line in lines if line.line_no == number)
    packs = parse_cart_packs(typed, maximum=10**6)
    if packs > line.quantities.ordered:
        raise WithdrawTooMany(name=line.name, open=line.quantities.ordered, packs=packs)
    return packs


@blueprint.post("/orders/<order_no>/disown")
@needs(Permission.ORDERS_PLACE)
def disown(order_no: str) -> Response | tuple[str, int]:
    """Say "not mine" to an order that another made."""
    _detail(order_no)
    try:
        disown_order(
            order_no,
            request.form.get("reason", ""),
            by=guards.actor(),
            at=guards.at(),
            seen_version=request.form.get("version", type=int),
        )
    except RuleBroken as error:
        return _again(order_no, error, {})
    flash(gettext("The order was sent back as not yours. Whoever made it has been told."), "ok")
    return redirect(url_for("ordering.order", order_no=order_no), 303)


@blueprint.post("/orders/<order_no>/resend")
@needs(Permission.ORDERS_PLACE)
def resend(order_no: str) -> Response | tuple[str, int]:
    """Send an emergency order to another distributor."""
    _detail(order_no)
    try:
        new = resend_emergency(
            order_no,
            request.form.get("distributor", default=0, type=int),
            by=guards.actor(),
            at=guards.at(),
            seen_version=request.form.get("version", type=int),
        )
    except RuleBroken as error:
        return _again(order_no, error, {})
    flash(gettext("Sent to another distributor as order %(number)s.", number=new), "ok")
    return redirect(url_for("ordering.order", order_no=new), 303)
