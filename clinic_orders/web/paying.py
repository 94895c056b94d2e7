"""Paying by link 支付宝付款: the sum, the way to Alipay, and what came of it; off unless the operator set it up."""

from __future__ import annotations

import logging
import re
import secrets
from collections.abc import Callable, Mapping
from decimal import Decimal
from functools import wraps
from typing import ParamSpec, TypeVar

import segno
from flask import Blueprint, abort, current_app, flash, redirect, render_template, request, url_for
from flask_babel import gettext
from werkzeug.wrappers import Response

from clinic_orders.actions import payment_links as deeds
from clinic_orders.config import Settings
from clinic_orders.exchange.alipay import Gateway, GatewayUnreachable, account_of, is_on, unsigned
from clinic_orders.queries import payment_links as queries
from clinic_orders.queries import payments as payment_queries
from clinic_orders.queries.payables import Book
from clinic_orders.queries.payment_links import LinkRow
from clinic_orders.rules.errors import N_, RuleBroken
from clinic_orders.rules.money import parse_amount
from clinic_orders.rules.parties import SYSTEM, Permission
from clinic_orders.rules.payment_links import SETTLED, LinksOff, LinkState, Verdict
from clinic_orders.web.display import register_labels
from clinic_orders.web.errors import say
from clinic_orders.web.goods_pages import frame
from clinic_orders.web.guards import actor, at, needs, public, signed, today
from clinic_orders.web.limits import limiter

blueprint = Blueprint("paying", __name__, url_prefix="/pay")
log = logging.getLogger(__name__)

P = ParamSpec("P")
R = TypeVar("R")

register_labels(
    {
        LinkState.OPEN: N_("Waiting for payment"),
        LinkState.PAID: N_("Paid"),
        LinkState.CLOSED: N_("Closed"),
    }
)
SHAPES = {LinkState.OPEN: "wait", LinkState.PAID: "ok", LinkState.CLOSED: "off"}
_TO_LOOK_AT = (Verdict.PAID_TWICE, Verdict.OTHER_AMOUNT, Verdict.REFUNDED)


def _settings() -> Settings:
    settings: Settings = current_app.extensions["settings"]
    return settings


def _gateway(distributor_code: str) -> Gateway | None:
    account = account_of(_settings(), distributor_code)
    return None if account is None else Gateway(_settings(), account)


@blueprint.app_template_global("can_pay_by_link")
def can_pay_by_link(distributor_code: str) -> bool:
    """Whether the person can pay this distributor by link."""
    return (
        is_on(_settings())
        and actor().institution_id is not None
        and actor().may(Permission.PAYMENTS_RECORD)
        and account_of(_settings(), distributor_code) is not None
    )


def where_set_up(view: Callable[P, R]) -> Callable[P, R]:
    """Have a page only where the operator switched paying by link on; everybody else finds nothing there."""

    @wraps(view)
    def asked(*args: P.args, **kwargs: P.kwargs) -> R:
        if not is_on(_settings()):
            abort(404)
        return view(*args, **kwargs)

    return asked


def _pair(text: str) -> tuple[payment_queries.PayerOption, str]:
    """Between whom it is paid, and the distributor's code; 404 for anybody else's."""
    found = re.fullmatch(r"([0-9]{1,9})-([0-9]{1,9})", text)
    asked = (int(found[1]), int(found[2])) if found else (0, 0)
    options = payment_queries.payers_of(actor(), on=today()) if actor().institution_id else []
    option = next((one for one in options if (one.paying_id, one.distributor_id) == asked), None)
    if option is None:
        abort(404)
    return option, payment_queries.code_of_distributor(option.distributor_id)


def _form(typed: Mapping[str, str], errors: Mapping[str, str]) -> str:
    option, code = _pair(typed.get("pair", ""))
    receipt_no = typed.get("receipt_no", "")[:64]
    book = Book(actor(), on=today(), pair=(option.paying_id, option.distributor_id))
    rows = [row for row in book.receipts if not receipt_no or row.receipt_no == receipt_no]
    owed = sum((row.outstanding for row in rows), Decimal("0.00"))
    return render_template(
        "paying/new.html",
        frame=frame(),
        option=option,
        on=account_of(_settings(), code) is not None,
        receipt_no=receipt_no,
        receipts=sorted(rows, key=lambda row: (row.due_on, row.receipt_no)),
        owed=owed,
        typed={"amount": str(owed)} | dict(typed),
        errors=errors,
        key=typed.get("key") or secrets.token_urlsafe(18),
        own=actor().institution_id,
    )


@blueprint.get("/new")
@needs(Permission.PAYMENTS_RECORD)
@where_set_up
def new() -> str:
    """What is to be paid to one distributor, or for one receipt, before it is paid."""
    return _form({name: request.args.get(name, "") for name in ("pair", "receipt_no")}, {})


@blueprint.post("/new")
@needs(Permission.PAYMENTS_RECORD)
@where_set_up
def make() -> Response | tuple[str, int]:
    """Make the link; the same form sent twice makes one."""
    typed = request.form
    option, code = _pair(typed.get("pair", ""))
    account = account_of(_settings(), code)
    if not re.fullmatch(r"[A-Za-z0-9_-]{16,64}", typed.get("key", "")):
        abort(400)
    try:
        if account is None:
            raise LinksOff(distributor=option.distributor)
        link = deeds.open_link(
            option.paying_id,
            option.distributor_id,
            parse_amount(typed.get("amount", "")),
            key=typed["key"],
            app_id=account.app_id,
            seller_id=account.seller_id,
            receipt_no=typed.get("receipt_no", "").strip(),
            by=actor(),
            at=at(),
        )
    except RuleBroken as refusal:
        return _form(typed, {"amount": say(refusal)}), 422
    return redirect(url_for(".show", number=link.number), 303)


@blueprint.get("/<number>")
@needs(Permission.PAYMENTS_READ)
@where_set_up
def show(number: str) -> str:
    """Where a link stands; the person comes back here from Alipay."""
    link = queries.find_link(number, actor(), on=today())
    if link is None:
        abort(404)
    address = f"{_settings().alipay_address.rstrip('/')}{url_for('.go', token=link.token)}"
    verdicts = [verdict for verdict, _ in queries.verdicts_of(link.id)]
    return render_template(
        "paying/show.html",
        frame=frame(),
        link=link,
        shape=SHAPES[link.state],
        over=link.state is LinkState.OPEN and link.expires_at <= at(),
        address=address,
        code=segno.make(address, error="m", micro=False).svg_data_uri(border=2, scale=5),
        trouble=[verdict for verdict in _TO_LOOK_AT if verdict in verdicts],
        may_pay=actor().institution_id is not None and actor().may(Permission.PAYMENTS_RECORD),
        own=actor().institution_id,
    )


@blueprint.get("/go/<token>")
@public
@limiter.limit("60 per minute")
@where_set_up
def go(token: str) -> Response | tuple[str, int]:
    """On to Alipay: who knows the link's address may pay it, and sees no more than Alipay shows."""
    link = queries.link_by_token(token, on=today())
    if link is None:
        abort(404)
    gateway = _gateway(link.distributor_code)
    if gateway is None or link.state is not LinkState.OPEN or link.expires_at <= at():
        return render_template("paying/over.html", link=link), 410
    phone = re.search(r"Mobi|Android|iPhone", request.user_agent.string) is not None
    subject = f"{link.distributor} 药品款 {link.receipt_no or link.number}"
    return redirect(gateway.pay_address(link.number, link.amount, subject, phone=phone, at=at()), 303)


def _own(number: str) -> tuple[LinkRow, Gateway]:
    link = queries.find_link(number, actor(), on=today())
    gateway = _gateway(link.distributor_code) if link else None
    if link is None or gateway is None:
        abort(404)
    return link, gateway


@blueprint.post("/<number>/ask")
@needs(Permission.PAYMENTS_RECORD)
@where_set_up
def ask(number: str) -> Response:
    """Ask Alipay how it stands, where its message has not come."""
    link, gateway = _own(number)
    try:
        notice, fields = gateway.ask(number, at=at())
        verdict = deeds.take_message(notice, fields, asked=True, by=SYSTEM, at=at())
    except GatewayUnreachable:
        flash(
            gettext("Alipay does not answer just now. Nothing is lost: we ask again every ten minutes."),
            "warn",
        )
        return redirect(url_for(".show", number=link.number), 303)
    if verdict is Verdict.WAITING:
        flash(gettext("Alipay has no payment for it yet."), "info")
    return redirect(url_for(".show", number=link.number), 303)


@blueprint.post("/<number>/close")
@needs(Permission.PAYMENTS_RECORD)
@where_set_up
def close(number: str) -> Response:
    """Give the link up; where it was paid meanwhile, that counts."""
    link, gateway = _own(number)
    try:
        notice, fields = gateway.ask(number, at=at())
        verdict = deeds.take_message(notice, fields, asked=True, by=SYSTEM, at=at())
        if verdict is Verdict.WAITING:
            gateway.close(number, at=at())
            deeds.close_link(number, by=actor(), at=at())
            flash(gettext("The link is closed; nothing was paid by it."), "ok")
    except GatewayUnreachable:
        flash(
            gettext("Alipay does not answer just now, so the link stays open. Try again in a minute."), "warn"
        )
    except RuleBroken as refusal:
        flash(say(refusal), "warn")
    return redirect(url_for(".show", number=link.number), 303)


@blueprint.post("/notify/alipay")
@public
@signed
@limiter.limit("240 per minute")
@where_set_up
def notify() -> Response:
    """What Alipay tells by itself. It repeats until the answer is `success`."""
    fields = {name[:64]: value[:4000] for name, value in list(request.form.items())[:80]}
    code = queries.distributor_code_of(fields.get("out_trade_no", "")[:64])
    account = None if code is None else account_of(_settings(), code)
    notice = unsigned(fields) if account is None else Gateway(_settings(), account).read(fields)
    verdict = deeds.take_message(notice, fields, asked=False, by=SYSTEM, at=at())
    if verdict not in SETTLED:
        log.warning("a message about a payment was not believed: %s", verdict.value)
    return Response("success" if verdict in SETTLED else "fail", mimetype="text/plain")
