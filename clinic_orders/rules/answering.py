"""What the distributor may say to a line, and what may go into a shipment (R-ORD-5, R-ORD-6, R-ORD-7, R-DEL-1).

>>> check_answer(LineQuantities(ordered=20), confirmed=8, reason="stock_out")
'stock_out'
>>> check_answer(LineQuantities(ordered=20), confirmed=8, reason="")
Traceback (most recent call last):
clinic_orders.rules.answering.ShortAnswerNeedsReason: Choose a reason for the 12 packs that you do not confirm.
"""

from __future__ import annotations

from collections.abc import Sequence
from datetime import date
from typing import Final

from clinic_orders.rules.delivery import is_expired
from clinic_orders.rules.errors import N_, RuleBroken
from clinic_orders.rules.ordering import ConfirmedTooMany, LineQuantities, QuantityNegative
from clinic_orders.rules.reasons import CloseReason, parse_reason

MAX_REASON: Final = 100
MAX_BATCH_NO: Final = 64
MAX_INVOICE_NO: Final = 200


class ShortAnswerNeedsReason(RuleBroken):
    """Less is confirmed than is ordered, and no reason stands beside it."""

    message = N_("Choose a reason for the %(packs)s packs that you do not confirm.")


class ReasonNeedsText(RuleBroken):
    """The reason "other" stands without a word."""

    message = N_("Write in a few words what the other reason is.")


class ReasonTooLong(RuleBroken):
    """The text of a reason does not fit."""

    message = N_("Keep the reason under %(limit)s characters.")


class ClosedTooMany(RuleBroken):
    """More is to be closed than is still to be shipped (R-ORD-7)."""

    message = N_("At most %(open)s packs can be closed. You wrote %(packs)s.")


class ShipTooMany(RuleBroken):
    """More is to be shipped than is still promised (R-ORD-5)."""

    message = N_("At most %(open)s packs are still to be shipped. You wrote %(packs)s.")


class NothingToShip(RuleBroken):
    """A row without packs."""

    message = N_("Write at least 1 pack, or leave the row out.")


class BatchMissing(RuleBroken):
    """Goods travel with their batch number (R-DEL-1)."""

    message = N_("Write the batch number as it stands on the pack.")


class TextTooLong(RuleBroken):
    """A batch or invoice number that does not fit."""

    message = N_("At most %(limit)s characters are possible here.")


class BatchExpired(RuleBroken):
    """Goods whose last day has passed can't be shipped: nobody could accept them (R-DEL-2)."""

    message = N_("This batch expired on %(expiry)s. Expired goods can't be shipped.")


class BatchTwice(RuleBroken):
    """One batch of one item stands twice in a shipment."""

    message = N_("Batch %(batch_no)s is there twice. Put its packs into one row.")


class MoreCodesThanPacks(RuleBroken):
    """More trace codes than packs."""

    message = N_("%(codes)s trace codes, but only %(packs)s packs. Take the wrong ones out.")


def parse_close_reason(typed: str) -> str:
    """Read the coded reason of a declined or closed rest in the form in which it is stored.

    Raises:
        ReasonMissing, ReasonUnknown, ReasonTextNotAllowed: see ``rules.reasons``.
        ReasonNeedsText: "other" without a word.
        ReasonTooLong: the text does not fit.

    """
    reason = parse_reason(CloseReason, typed)
    if reason.code is CloseReason.OTHER and not reason.text:
        raise ReasonNeedsText
    if len(reason.stored) > MAX_REASON:
        raise ReasonTooLong(limit=MAX_REASON - len("other:"))
    return reason.stored


def check_answer(line: LineQuantities, *, confirmed: int, reason: str) -> str:
    """The stored reason of an answer to one line; "" where all of it is confirmed (R-ORD-5, R-ORD-6).

    Raises:
        QuantityNegative, ConfirmedTooMany: not a number of packs that can be confirmed.
        ShortAnswerNeedsReason, ReasonMissing and its like: less is confirmed without a proper reason.

    """
    if confirmed < 0:
        raise QuantityNegative
    if confirmed > line.to_answer:
        raise ConfirmedTooMany(confirmed=confirmed, open=line.to_answer)
    if confirmed == line.to_answer:
        return ""
    if not reason.strip():
        raise ShortAnswerNeedsReason(packs=line.to_answer - confirmed)
    return parse_close_reason(reason)


def check_closing(line: LineQuantities, packs: int) -> None:
    """Refuse to close more than is still to be shipped, or less than one pack (R-ORD-7).

    Raises:
        QuantityNegative, ClosedTooMany: not a number of packs that can be closed.

    """
    if packs < 1:
        raise QuantityNegative
    if packs > line.to_ship:
        raise ClosedTooMany(packs=packs, open=line.to_ship)


def check_batch(
    *, batch_no: str, expiry_date: date, packs: int, invoice_no: str, codes: Sequence[str], on: date
) -> None:
    """Hold one row of a shipment to R-DEL-1, apart from what the order leaves to be shipped.

    Raises:
        NothingToShip, BatchMissing, TextTooLong, BatchExpired, MoreCodesThanPacks: what is wrong with it.

    """
    if packs < 1:
        raise NothingToShip
    if not batch_no.strip():
        raise BatchMissing
    if len(batch_no.strip()) > MAX_BATCH_NO:
        raise TextTooLong(limit=MAX_BATCH_NO)
    if len(invoice_no.strip()) > MAX_INVOICE_NO:
        raise TextTooLong(limit=MAX_INVOICE_NO)
    if is_expired(expiry_date, on=on):
        raise BatchExpired(expiry=expiry_date)
    if len(codes) > packs:
        raise MoreCodesThanPacks(codes=len(codes), packs=packs)
