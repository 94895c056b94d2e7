"""Paying by link: what a message of the payment gateway means for the link it speaks of (R-PAY-7).

A link is an invitation to pay one sum from one institution to one distributor. Whatever the gateway tells, and however
often, a link becomes at most one payment.

>>> from dataclasses import replace
>>> link = LinkFacts("L1", Decimal("80.00"), LinkState.OPEN, "2021", "2088", "")
>>> notice = GatewayNotice(True, "L1", Decimal("80.00"), "2021", "2088", "T1", TradeStatus.SUCCESS)
>>> judge(link, notice)
<Verdict.PAID: 'paid'>
>>> judge(link, replace(notice, amount=Decimal("8.00")))
<Verdict.OTHER_AMOUNT: 'other_amount'>
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import timedelta
from decimal import Decimal
from enum import StrEnum
from typing import Final

from clinic_orders.rules.errors import N_, RuleBroken

# Long enough to look for a password, short enough that what is to be paid has not changed much.
LIFETIME: Final = timedelta(hours=2)
# A sum that one link may carry; above it a bank transfer is the way.
MOST: Final = Decimal("200000.00")


class LinkState(StrEnum):
    """Where a link stands."""

    OPEN = "open"
    PAID = "paid"
    CLOSED = "closed"


class TradeStatus(StrEnum):
    """What the gateway says about a trade; anything else is unknown to us and changes nothing."""

    WAITING = "WAIT_BUYER_PAY"
    SUCCESS = "TRADE_SUCCESS"
    FINISHED = "TRADE_FINISHED"
    CLOSED = "TRADE_CLOSED"
    OTHER = "other"


class Verdict(StrEnum):
    """What a message means. The first two change something; the others are written down only."""

    PAID = "paid"
    CLOSED = "closed"
    WAITING = "waiting"
    REPEATED = "repeated"
    REFUNDED = "refunded"
    PAID_TWICE = "paid_twice"
    FORGED = "forged"
    UNKNOWN_LINK = "unknown_link"
    OTHER_APP = "other_app"
    OTHER_SELLER = "other_seller"
    OTHER_AMOUNT = "other_amount"


# What the gateway need not tell again; after anything else it shall.
SETTLED: Final = frozenset(
    {
        Verdict.PAID,
        Verdict.CLOSED,
        Verdict.WAITING,
        Verdict.REPEATED,
        Verdict.REFUNDED,
        Verdict.PAID_TWICE,
    }
)
# What both sides are told, because money moved and the books do not follow by themselves.
TO_LOOK_AT: Final = frozenset({Verdict.REFUNDED, Verdict.PAID_TWICE, Verdict.OTHER_AMOUNT})


@dataclass(frozen=True, slots=True)
class LinkFacts:
    """What is known of a link: its number, sum in yuan, state, whose account, and the trade that paid it."""

    number: str
    amount: Decimal
    state: LinkState
    app_id: str
    seller_id: str
    trade_no: str


@dataclass(frozen=True, slots=True)
class GatewayNotice:
    """A message of the gateway.

    Attributes:
        signed: whether the signature is the gateway's own, by the key kept here.
        number: the link it speaks of.
        amount: yuan; None where it is not readable.
        app_id: whose application was paid through.
        seller_id: whose account got the money; empty where the message does not say (the answer to a question).
        trade_no: the gateway's number of the trade.
        status: how the trade stands.
        refunded: whether money went back.

    """

    signed: bool
    number: str
    amount: Decimal | None
    app_id: str
    seller_id: str
    trade_no: str
    status: TradeStatus
    refunded: bool = False


class LinkRefused(RuleBroken):
    """A link that can't be made or used."""


class LinksOff(LinkRefused):
    """The distributor takes no payment by link."""

    message = N_("%(distributor)s takes no payment by Alipay here. Pay by bank transfer and record it.")


class MoreThanOwed(LinkRefused):
    """More than what is outstanding."""

    message = N_("At most %(amount)s yuan can be paid this way: that is what is to be paid now.")


class LinkOver(LinkRefused):
    """The link is paid or closed."""

    message = N_(
        "This payment link is over. Look at its state, and make a new one if something is to be paid."
    )


def judge(link: LinkFacts | None, notice: GatewayNotice) -> Verdict:
    """What a message means for a link; nothing in an unsigned one is believed."""
    if not notice.signed:
        return Verdict.FORGED
    if link is None or link.number != notice.number:
        return Verdict.UNKNOWN_LINK
    if notice.app_id != link.app_id:
        return Verdict.OTHER_APP
    if notice.seller_id and notice.seller_id != link.seller_id:
        return Verdict.OTHER_SELLER
    if notice.refunded:
        return Verdict.REFUNDED
    if notice.status in {TradeStatus.SUCCESS, TradeStatus.FINISHED}:
        if link.state is LinkState.PAID:
            return Verdict.REPEATED if notice.trade_no == link.trade_no else Verdict.PAID_TWICE
        # Money that came after the link was closed has come all the same, once.
        return Verdict.PAID if notice.amount == link.amount else Verdict.OTHER_AMOUNT
    if notice.status is TradeStatus.CLOSED:
        return Verdict.CLOSED if link.state is LinkState.OPEN else Verdict.REPEATED
    return Verdict.WAITING


def check_amount(amount: Decimal, outstanding: Decimal) -> None:
    """Whether a sum can be paid by link: no more than what is outstanding, nor than a link may carry.

    Raises:
        MoreThanOwed: it is more.

    """
    most = min(outstanding, MOST)
    if amount > most:
        raise MoreThanOwed(amount=f"{most:.2f}")
