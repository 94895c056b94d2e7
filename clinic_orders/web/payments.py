"""Payments 付款 and refunds 退款: what was entered by whom, what the other side says about it, and the form to enter one."""

from __future__ import annotations

import re
import secrets
from collections.abc import Callable, Mapping
from typing import TypeVar

from flask import Blueprint, abort, flash, redirect, render_template, request, url_for
from flask_babel import gettext, ngettext
from werkzeug.wrappers import Response

from clinic_orders.actions import payments as deeds
from clinic_orders.actions.loading import NotFound
from clinic_orders.models.payments import Payment
from clinic_orders.queries import payments as queries
from clinic_orders.queries.audit import times_done
from clinic_orders.queries.payables import Book
from clinic_orders.queries.payments import PaymentsWanted
from clinic_orders.queries.statements import whereabouts
from clinic_orders.rules.days import parse_day
from clinic_orders.rules.errors import N_, RuleBroken
from clinic_orders.rules.money import parse_amount
from clinic_orders.rules.parties import Permission, Role
from clinic_orders.rules.payments import (
    PaymentMethod,
    PaymentSide,
    PaymentState,
    last_day_of_disputed,
)
from clinic_orders.web import payment_words
from clinic_orders.web.display import label
from clinic_orders.web.errors import say
from clinic_orders.web.goods_pages import frame
from clinic_orders.web.guards import actor, at, needs, today
from clinic_orders.web.listing import Column, as_file, page_cut, sort_order, wanted_file

blueprint = Blueprint("payments", __name__, url_prefix="/payments")

R = TypeVar("R")
KINDS = {False: N_("Payment"), True: N_("Refund")}

COLUMNS = (
    Column(N_("Payment number"), lambda row: row.payment_no),
    Column(N_("Payer"), lambda row: row.payer),
    Column(N_("Distributor"), lambda row: row.distributor),
    Column(N_("Amount (yuan)"), lambda row: -row.amount if row.is_refund else row.amount),
    Column(N_("Payment or refund"), lambda row: gettext(KINDS[row.is_refund])),
    Column(N_("Paid on"), lambda row: row.paid_on),
    Column(N_("For receipt"), lambda row: row.receipt_no),
    Column(N_("Way of payment"), lambda row: way(row.method)),
    Column(N_("Bank's number"), lambda row: row.reference),
    Column(N_("Recorded by"), lambda row: row.entered_by_name),
    Column(N_("State"), lambda row: row.state),
    Column(N_("What is wrong with it"), lambda row: row.dispute_reason),
    Column(N_("Why it does not count"), lambda row: row.rejection_reason),
)


def way(method: str) -> str:
    """How it was paid, in words; files may say it in their own."""
    return label(PaymentMethod(method)) if method in set(PaymentMethod) else method


blueprint.add_app_template_filter(way, "payment_way")


def _side() -> PaymentSide | None:
    """The side on which the person stands; none for a bureau."""
    if actor().role is Role.DISTRIBUTOR:
        return PaymentSide.DISTRIBUTOR
    return PaymentSide.INSTITUTION if actor().institution_id is not None else None


@blueprint.get("/")
@needs(Permission.PAYMENTS_READ)
def index() -> str | Response:
    """The payments that concern the person."""
    asked = request.args.get("state", "")
    wanted = PaymentsWanted(
        PaymentState(asked) if asked in set(PaymentState) else None,
        request.args.get("q", "").strip()[:64],
        {"payments": False, "refunds": True}.get(request.args.get("kind", "")),
    )
    sort = sort_order(set(queries.SORTS), "-paid")
    if wanted_file():
        rows = queries.payments(actor(), on=today(), wanted=wanted, sort=sort)
        return as_file("payments", COLUMNS, rows)
    count, amount = queries.payments_count(actor(), on=today(), wanted=wanted)
    page = page_cut(count)
    return render_template(
        "payments/index.html",
        frame=frame(),
        rows=queries.payments(
            actor(), on=today(), wanted=wanted, sort=sort, limit=page.limit, offset=page.offset
        ),
        amount=amount,
        waiting=queries.waiting_for(actor(), on=today()) if _side() else 0,
        side=_side(),
        wanted=wanted,
        states=[(state.value, label(state)) for state in PaymentState],
        kinds=[("payments", gettext("Payments")), ("refunds", gettext("Refunds"))],
        shapes=payment_words.STATE_SHAPES,
        page=page,
        sort=sort,
        year=today().year,
    )


@blueprint.post("/")
@needs(Permission.PAYMENTS_RECORD)
def confirm_chosen() -> Response:
    """Confirm the ticked payments that the other side entered."""
    done, refused = 0, ""
    for typed in request.form.getlist("id")[:500]:
        try:
            deeds.confirm_payment(int(typed) if typed.isdigit() else 0, by=actor(), at=at())
            done += 1
        except RuleBroken as refusal:
            refused = refused or say(refusal)
    if done:
        flash(
            ngettext("%(count)s payment confirmed.", "%(count)s payments confirmed.", done, count=done), "ok"
        )
    if refused or not done:
        flash(refused or gettext("Tick the payments first."), "warn")
    return redirect(url_for(".index", state=PaymentState.WAITING.value), 303)


def _form(typed: Mapping[str, str], errors: Mapping[str, str]) -> str:
    return render_template(
        "payments/new.html",
        frame=frame(),
        recorded=times_done(actor(), "record_payment"),
        pairs=queries.payers_of(actor(), on=today()),
        side=_side(),
        own=actor().institution_id,
        typed=typed,
        errors=errors,
        methods=[(method.value, label(method)) for method in PaymentMethod],
        key=typed.get("key") or secrets.token_urlsafe(18),
        today=today(),
    )


@blueprint.get("/new")
@needs(Permission.PAYMENTS_RECORD)
def new() -> str:
    """The form of a payment; it may be filled in from a receipt."""
    asked = {name: request.args.get(name, "")[:64] for name in ("pair", "receipt_no", "amount")}
    return _form({"paid_on": today().isoformat(), "method": PaymentMethod.TRANSFER.value} | asked, {})


def _read(name: str, read: Callable[[str], R], errors: dict[str, str]) -> R | None:
    """One box of the form; what can't be read is noted."""
    try:
        return read(request.form.get(name, ""))
    except RuleBroken as refusal:
        errors[name] = say(refusal)
        return None


def _typed_pair(typed: Mapping[str, str], errors: dict[str, str]) -> re.Match[str] | None:
    """Between whom the money went; a form without its key was not made by this program."""
    pair = re.fullmatch(r"([0-9]{1,9})-([0-9]{1,9})", typed.get("pair", ""))
    if pair is None:
        errors["pair"] = gettext("Choose between whom the money went.")
    if not re.fullmatch(r"[A-Za-z0-9_-]{16,64}", typed.get("key", "")):
        abort(400)
    return pair


@blueprint.post("/new")
@needs(Permission.PAYMENTS_RECORD)
def record() -> Response | tuple[str, int]:
    """Enter the payment; the same form sent twice makes one."""
    typed = request.form
    errors: dict[str, str] = {}
    pair = _typed_pair(typed, errors)
    amount, paid_on = _read("amount", parse_amount, errors), _read("paid_on", parse_day, errors)
    if pair is None or amount is None or paid_on is None:
        return _form(typed, errors), 422
    try:
        payment = deeds.record_payment(
            int(pair[1]),
            int(pair[2]),
            amount,
            paid_on,
            key=typed["key"],
            receipt_no=typed.get("receipt_no", "").strip(),
            method=typed.get("method", ""),
            reference=typed.get("reference", "").strip(),
            by=actor(),
            at=at(),
        )
    except RuleBroken as refusal:
        return _form(typed, {_FIELD.get(refusal.code, "pair"): say(refusal)}), 422
    flash(gettext("%(number)s is recorded. The other side has been told.", number=payment.payment_no), "ok")
    return redirect(url_for(".show", payment_id=payment.id), 303)


def _refund_form(typed: Mapping[str, str], errors: Mapping[str, str]) -> str:
    ahead = Book(actor(), on=today()).advances
    pairs = [
        (one, ahead[one.paying_id, one.distributor_id])
        for one in queries.payers_of(actor(), on=today())
        if ahead.get((one.paying_id, one.distributor_id), 0) > 0
    ]
    if len(pairs) == 1 and "amount" not in typed:
        typed = {"amount": f"{pairs[0][1]:.2f}"} | dict(typed)
    return render_template(
        "payments/refund.html",
        frame=frame(),
        recorded=times_done(actor(), "record_refund"),
        pairs=pairs,
        side=_side(),
        own=actor().institution_id,
        typed=typed,
        errors=errors,
        methods=[(method.value, label(method)) for method in PaymentMethod],
        key=typed.get("key") or secrets.token_urlsafe(18),
        today=today(),
    )


@blueprint.get("/refund")
@needs(Permission.PAYMENTS_RECORD)
def refund() -> str:
    """The form of a refund of what was paid ahead."""
    asked = {"pair": request.args["pair"][:64]} if "pair" in request.args else {}
    return _refund_form({"paid_on": today().isoformat(), "method": PaymentMethod.TRANSFER.value} | asked, {})


@blueprint.post("/refund")
@needs(Permission.PAYMENTS_RECORD)
def record_refund() -> Response | tuple[str, int]:
    """Enter the refund; the same form sent twice makes one."""
    typed = request.form
    errors: dict[str, str] = {}
    pair = _typed_pair(typed, errors)
    amount, refunded_on = _read("amount", parse_amount, errors), _read("paid_on", parse_day, errors)
    if pair is None or amount is None or refunded_on is None:
        return _refund_form(typed, errors), 422
    try:
        made = deeds.record_refund(
            int(pair[1]),
            int(pair[2]),
            amount,
            refunded_on,
            key=typed["key"],
            method=typed.get("method", ""),
            reference=typed.get("reference", "").strip(),
            by=actor(),
            at=at(),
        )
    except RuleBroken as refusal:
        return _refund_form(typed, {_FIELD.get(refusal.code, "pair"): say(refusal)}), 422
    flash(gettext("%(number)s is recorded. The other side has been told.", number=made.payment_no), "ok")
    return redirect(url_for(".show", payment_id=made.id), 303)


_FIELD = {
    "RefundAboveAdvance": "amount",
    "AmountNotPositive": "amount",
    "PaidInFuture": "paid_on",
    "ReceiptOfOthers": "receipt_no",
    "ReasonTooLong": "reference",
}


def _page(payment_id: int, *, refusal: str = "") -> str:
    found = queries.find_payment(payment_id, actor(), on=today())
    if found is None:
        abort(404)
    open_ = found.state in {PaymentState.WAITING, PaymentState.DISPUTED}
    reached, sent_back = whereabouts((found.paying_id, found.distributor_id), found.payment_no, on=today())
    return render_template(
        "payments/show.html",
        frame=frame(),
        found=found,
        reached=reached,
        sent_back=sent_back,
        shapes=payment_words.STATE_SHAPES,
        may_answer=open_ and _side() not in {None, found.entered_by},
        may_take_back=open_ and _side() is found.entered_by,
        may_decide=found.state is PaymentState.DISPUTED and actor().may(Permission.PAYMENTS_UPHOLD),
        counts_until=last_day_of_disputed(found.disputed_at) if found.disputed_at else None,
        refusal=refusal,
        typed=request.form,
    )


@blueprint.get("/<int:payment_id>")
@needs(Permission.PAYMENTS_READ)
def show(payment_id: int) -> str:
    """One payment and what can be said about it now."""
    return _page(payment_id)


@blueprint.post("/<int:payment_id>")
@needs(Permission.PAYMENTS_RECORD)
def answer(payment_id: int) -> Response | tuple[str, int]:
    """Confirm or dispute the other side's entry, or take one's own back."""
    seen, step = request.form.get("version", type=int), request.form.get("do", "")
    if step not in _DONE:
        abort(400)
    try:
        _take_step(step, payment_id, seen)
    except NotFound:
        abort(404)
    except RuleBroken as refusal:
        return _page(payment_id, refusal=say(refusal)), 409
    flash(gettext(_DONE[step]), "ok")
    return redirect(url_for(".show", payment_id=payment_id), 303)


def _take_step(step: str, payment_id: int, seen: int | None) -> Payment:
    by, moment = actor(), at()
    if step == "dispute":
        reason = request.form.get("reason", "")
        return deeds.dispute_payment(payment_id, reason, by=by, at=moment, seen_version=seen)
    deed = deeds.confirm_payment if step == "confirm" else deeds.withdraw_payment
    return deed(payment_id, by=by, at=moment, seen_version=seen)


_DONE = {
    "confirm": N_("The payment is confirmed."),
    "dispute": N_("Noted. The other side has been told what is wrong."),
    "withdraw": N_("The entry is taken back; it counts no more."),
}


@blueprint.post("/<int:payment_id>/decide")
@needs(Permission.PAYMENTS_UPHOLD)
def decide(payment_id: int) -> Response | tuple[str, int]:
    """Decide as the bureau whether a disputed payment counts."""
    seen, counts = request.form.get("version", type=int), request.form.get("do", "")
    if counts not in _DECIDED:
        abort(400)
    try:
        if counts == "uphold":
            deeds.uphold_payment(payment_id, by=actor(), at=at(), seen_version=seen)
        else:
            reason = request.form.get("reason", "")
            deeds.reject_payment(payment_id, reason, by=actor(), at=at(), seen_version=seen)
    except NotFound:
        abort(404)
    except RuleBroken as refusal:
        return _page(payment_id, refusal=say(refusal)), 409
    flash(gettext(_DECIDED[counts]), "ok")
    return redirect(url_for(".show", payment_id=payment_id), 303)


_DECIDED = {
    "uphold": N_("The payment is upheld; both sides have been told."),
    "reject": N_("It counts no more from today; both sides have been told why."),
}
