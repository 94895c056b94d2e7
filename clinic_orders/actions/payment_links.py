"""Links to pay by: made by a person, paid or closed by what the gateway tells (R-PAY-7, decision 0016)."""

from __future__ import annotations

import json
import secrets
from collections.abc import Mapping
from datetime import date, datetime, timedelta
from decimal import Decimal
from typing import Any, Final

from sqlalchemy import select

from clinic_orders.actions import audit, notices
from clinic_orders.actions.loading import NotFound
from clinic_orders.actions.numbers import LINK, PAYMENT, next_numbers
from clinic_orders.actions.payment_holds import free_if_paid
from clinic_orders.actions.payments import may_enter, receipt_between, tell_other_side
from clinic_orders.actions.transaction import transactional
from clinic_orders.models.base import db
from clinic_orders.models.payment_links import GatewayMessage, PaymentLink
from clinic_orders.models.payments import Payment
from clinic_orders.models.roster import Institution
from clinic_orders.queries.payables import Book
from clinic_orders.queries.payments import name_of_distributor
from clinic_orders.queries.visibility import links_visible_to
from clinic_orders.rules.days import SHANGHAI, day_in_china
from clinic_orders.rules.parties import SYSTEM, Actor, Permission
from clinic_orders.rules.payment_links import (
    LIFETIME,
    TO_LOOK_AT,
    GatewayNotice,
    LinkFacts,
    LinkOver,
    LinkState,
    Verdict,
    check_amount,
    judge,
)
from clinic_orders.rules.payments import PaymentMethod, PaymentSide, check_entry

# Who confirms for the distributor: its account at the gateway has the money.
GATEWAY_NAME: Final = "支付宝"
# A message of the gateway is kept whole; one of anybody as far as it takes to see what it wanted.
_KEPT, _KEPT_OF_ANYBODY = 4000, 1000


@transactional
def open_link(
    paying_id: int,
    distributor_id: int,
    amount: Decimal,
    *,
    key: str,
    app_id: str,
    seller_id: str,
    receipt_no: str = "",
    by: Actor,
    at: datetime,
) -> PaymentLink:
    """Make a link to pay a sum; the same form, and the same sum while a link for it is open, give the same link.

    Args:
        paying_id: the paying institution: the actor's own, or a store of its chain.
        distributor_id: to whom.
        amount: yuan with at most two decimals.
        key: made when the form was rendered.
        app_id: the distributor's application at the gateway.
        seller_id: its account there.
        receipt_no: the receipt meant; empty: what falls due first.
        by: who will pay, or send the link to somebody who does.
        at: when.

    Raises:
        NotFound: the actor does not pay this distributor.
        AmountNotPositive, ReceiptOfOthers, MoreThanOwed: see ``rules.payments`` and ``rules.payment_links``.

    """
    by.need(Permission.PAYMENTS_RECORD)
    today = day_in_china(at)
    db.session.execute(select(Institution.id).where(Institution.id == paying_id).with_for_update())
    if by.institution_id is None or not may_enter(by, paying_id, distributor_id, on=today):
        raise NotFound(number=str(paying_id))
    check_entry(amount, today, today=today)
    shipment_id = receipt_between(receipt_no, paying_id, distributor_id) if receipt_no else None
    same = db.session.execute(
        select(PaymentLink)
        .where(
            PaymentLink.paying_id == paying_id,
            (PaymentLink.form_key == key)
            | (
                (PaymentLink.distributor_id == distributor_id)
                & (PaymentLink.state == LinkState.OPEN)
                & (PaymentLink.expires_at > at)
                & (PaymentLink.amount == amount)
                & PaymentLink.shipment_id.is_not_distinct_from(shipment_id)
            ),
        )
        .order_by(PaymentLink.id)
        .limit(1)
    ).scalar_one_or_none()
    if same is not None:
        return same
    outstanding = Book(SYSTEM, on=today, pair=(paying_id, distributor_id)).outstanding
    owed = outstanding.get(shipment_id, Decimal(0)) if shipment_id else sum(outstanding.values(), Decimal(0))
    check_amount(amount, owed)
    (number,) = next_numbers(LINK, at=at)
    link = PaymentLink(
        # Two databases behind one application at the gateway would otherwise give out the same number.
        number=f"{number}-{secrets.token_hex(4)}",
        token=secrets.token_urlsafe(24),
        form_key=key,
        paying_id=paying_id,
        distributor_id=distributor_id,
        shipment_id=shipment_id,
        amount=amount,
        app_id=app_id,
        seller_id=seller_id,
        created_by_id=by.user_id,
        created_by_name=by.name,
        created_at=at,
        expires_at=at + LIFETIME,
    )
    db.session.add(link)
    db.session.flush()
    _write_down("open_link", link, by=by, at=at, after={"amount": amount, "receipt_no": receipt_no})
    return link


@transactional
def close_link(number: str, *, by: Actor, at: datetime) -> PaymentLink:
    """Close an open link, after the gateway was told to take no money for it.

    Raises:
        NotFound: no such link, or not the actor's.
        LinkOver: it is paid or closed.

    """
    if by.user_id is not None:
        by.need(Permission.PAYMENTS_RECORD)
    link = _locked(number, by=by, at=at)
    if link is None:
        raise NotFound(number=number)
    if link.state is not LinkState.OPEN:
        raise LinkOver()
    _close(link, by=by, at=at)
    return link


@transactional
def take_message(
    notice: GatewayNotice, fields: Mapping[str, Any], *, asked: bool, by: Actor, at: datetime
) -> Verdict:
    """Write a message of the gateway down, and do what it means: at most one payment for a link, whatever is told.

    Args:
        notice: the message, with whether it is signed.
        fields: all that came.
        asked: whether it answers a question of ours.
        by: the system.
        at: now.

    """
    link = _locked(notice.number, by=by, at=at) if notice.signed else None
    facts = None
    if link is not None:
        facts = LinkFacts(link.number, link.amount, link.state, link.app_id, link.seller_id, link.trade_no)
    verdict = judge(facts, notice)
    kept = _KEPT_OF_ANYBODY if verdict is Verdict.FORGED else _KEPT
    # An answer that nobody has paid yet is asked for every ten minutes, and tells nothing.
    if not (asked and verdict in {Verdict.WAITING, Verdict.REPEATED}):
        db.session.add(
            GatewayMessage(
                link_id=link.id if link is not None else None,
                number=notice.number,
                asked=asked,
                fields=json.dumps(dict(fields), ensure_ascii=False, sort_keys=True)[:kept],
                verdict=verdict,
                received_at=at,
            )
        )
    if link is None:
        return verdict
    if verdict is Verdict.PAID:
        _pay(link, notice, _paid_on(fields, at), by=by, at=at)
    elif verdict is Verdict.CLOSED:
        _close(link, by=by, at=at)
    elif verdict in TO_LOOK_AT:
        _tell_both(f"payment_link_{verdict.value}", link, notice, at=at)
    db.session.flush()
    return verdict


def _paid_on(fields: Mapping[str, Any], at: datetime) -> date:
    """The day on which the gateway says that it was paid, never later than today."""
    told = str(fields.get("gmt_payment") or fields.get("send_pay_date") or "")
    try:
        moment = datetime.strptime(told, "%Y-%m-%d %H:%M:%S").replace(tzinfo=SHANGHAI)
    except ValueError:
        return day_in_china(at)
    # A day of long ago would reach behind books that were closed meanwhile; a trade lives for hours.
    return min(max(moment.date(), day_in_china(at - timedelta(days=7))), day_in_china(at))


def _pay(link: PaymentLink, notice: GatewayNotice, paid_on: date, *, by: Actor, at: datetime) -> None:
    """The payment of a link: entered by the payer's side, confirmed at once, since the money is there."""
    (number,) = next_numbers(PAYMENT, at=at)
    payment = Payment(
        payment_no=number,
        paying_id=link.paying_id,
        distributor_id=link.distributor_id,
        shipment_id=link.shipment_id,
        amount=link.amount,
        paid_on=paid_on,
        method=PaymentMethod.ALIPAY.value,
        reference=notice.trade_no,
        entered_by=PaymentSide.INSTITUTION,
        entered_by_id=link.created_by_id,
        entered_by_name=link.created_by_name,
        confirmed_at=at,
        confirmed_by_name=GATEWAY_NAME,
        recorded_at=at,
    )
    db.session.add(payment)
    db.session.flush()
    link.state, link.paid_at, link.closed_at = LinkState.PAID, at, None
    link.trade_no, link.payment_id = notice.trade_no, payment.id
    _write_down(
        "pay_link",
        link,
        by=by,
        at=at,
        after={"amount": link.amount, "paid_on": paid_on, "payment_no": number, "reference": notice.trade_no},
    )
    for side in (PaymentSide.INSTITUTION, PaymentSide.DISTRIBUTOR):
        tell_other_side("payment_by_link", payment, side, at=at)
    free_if_paid((payment.paying_id, payment.distributor_id), at=at)


def _close(link: PaymentLink, *, by: Actor, at: datetime) -> None:
    link.state, link.closed_at = LinkState.CLOSED, at
    db.session.flush()
    _write_down("close_link", link, by=by, at=at, after={"closed_at": at})


def _locked(number: str, *, by: Actor, at: datetime) -> PaymentLink | None:
    """The link, locked until the deed ends, if the actor may see it."""
    return db.session.execute(
        select(PaymentLink)
        .where(PaymentLink.number == number, links_visible_to(by, day_in_china(at)))
        .with_for_update()
        .execution_options(populate_existing=True)
    ).scalar_one_or_none()


def _write_down(deed: str, link: PaymentLink, *, by: Actor, at: datetime, after: dict[str, Any]) -> None:
    audit.record(
        deed,
        by=by,
        at=at,
        subject_type="payment_link",
        subject_id=link.id,
        subject=link.number,
        institution_id=link.paying_id,
        distributor_id=link.distributor_id,
        after=after,
    )


def _tell_both(kind: str, link: PaymentLink, notice: GatewayNotice, *, at: datetime) -> None:
    """Money moved and the books do not follow by themselves: both sides shall look."""
    facts = {
        "number": link.number,
        "amount": str(link.amount),
        "told": str(notice.amount if notice.amount is not None else link.amount),
        "trade_no": notice.trade_no,
        "distributor": name_of_distributor(link.distributor_id),
    }
    path = f"/pay/{link.number}"
    notices.tell(kind, at=at, facts=facts, link=path, institution_id=link.paying_id)
    notices.tell(kind, at=at, facts=facts, link=path, distributor_id=link.distributor_id)
