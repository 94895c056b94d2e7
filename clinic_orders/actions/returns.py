"""Accepted goods go back: asked for by the buyer, agreed by the distributor, counted from that day (R-DEL-5)."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime
from decimal import Decimal
from typing import Any

from sqlalchemy import select

from clinic_orders.actions import audit, notices
from clinic_orders.actions.answering import LinesNotPossible, touch
from clinic_orders.actions.loading import (
    ChangedMeanwhile,
    order_for_update,
    return_for_update,
    shipment_for_update,
)
from clinic_orders.actions.numbers import RETURN, next_numbers
from clinic_orders.actions.payment_holds import free_if_paid
from clinic_orders.actions.transaction import transactional
from clinic_orders.models.base import db
from clinic_orders.models.deliveries import GoodsReturn, ReturnCode, ReturnLine, Shipment, ShipmentLine
from clinic_orders.models.orders import Order
from clinic_orders.queries.receiving import asked_back
from clinic_orders.rules.answering import MoreCodesThanPacks, ReasonTooLong
from clinic_orders.rules.delivery import check_return
from clinic_orders.rules.errors import N_, RuleBroken
from clinic_orders.rules.money import total
from clinic_orders.rules.order_steps import Step, check_step, sides_of
from clinic_orders.rules.ordering import check_quantities, return_state, shipment_state
from clinic_orders.rules.parties import Actor, Permission, Role
from clinic_orders.rules.payment_terms import OwedLine, return_amount
from clinic_orders.rules.reasons import ReturnReason, parse_reason

_REASON_LENGTH = 100
_REFUSAL_LENGTH = 200
_CODES_LENGTH = 4000


@dataclass(frozen=True, slots=True)
class ReturnedPacks:
    """Packs of one received batch that are to go back.

    Attributes:
        packs: how many, at least 1.
        reason: coded, ``other`` may be followed by ``:text``.
        codes: trace codes of the packs, where they are known.

    """

    packs: int
    reason: str
    codes: tuple[str, ...] = ()


class ReturnEmpty(RuleBroken):
    """Nothing was chosen."""

    message = N_("Write for at least one batch how many packs go back.")


class NoSuchBatch(RuleBroken):
    """The receipt has no such batch."""

    message = N_("This batch is not on %(number)s.")


class RefusalReasonMissing(RuleBroken):
    """A return is refused without saying why."""

    message = N_("Write in a few words why you do not take the goods back.")


def _checked(line: ShipmentLine | None, asked: ReturnedPacks, waiting: int, number: str) -> str:
    """The reason as it is stored; refuses what can't go back (R-DEL-5)."""
    if line is None:
        raise NoSuchBatch(number=number)
    check_return(asked.packs, accepted=line.accepted_packs or 0, returned=line.returned_packs + waiting)
    if len(asked.codes) > asked.packs or len(" ".join(asked.codes)) > _CODES_LENGTH:
        raise MoreCodesThanPacks(codes=len(asked.codes), packs=asked.packs)
    reason = parse_reason(ReturnReason, asked.reason).stored
    if len(reason) > _REASON_LENGTH:
        raise ReasonTooLong(limit=_REASON_LENGTH - len("other:"))
    return reason


def check_return_lines(shipment: Shipment, lines: Mapping[int, ReturnedPacks]) -> dict[int, str]:
    """The reasons as they are stored, by line, if all lines can go back; nothing is written (R-DEL-5).

    Raises:
        LinesNotPossible: with a refusal for each line (by its id) that is not right.

    """
    known = {line.id: line for line in shipment.lines}
    waiting = asked_back(shipment.id)
    problems: dict[int, RuleBroken] = {}
    reasons: dict[int, str] = {}
    for line_id, asked in lines.items():
        try:
            reasons[line_id] = _checked(
                known.get(line_id), asked, waiting.get(line_id, 0), shipment.receipt_no
            )
        except RuleBroken as refusal:
            problems[line_id] = refusal
    if problems:
        raise LinesNotPossible(shipment.receipt_no, problems)
    return reasons


def _same_request(shipment: Shipment, lines: Mapping[int, ReturnedPacks], by: Actor) -> GoodsReturn | None:
    """A request of this person that waits and asks for exactly the same: the form was sent twice."""
    wanted = {line_id: (asked.packs, asked.reason) for line_id, asked in lines.items()}
    for found in db.session.scalars(
        select(GoodsReturn).where(
            GoodsReturn.shipment_id == shipment.id,
            GoodsReturn.requested_by_id == by.user_id,
            GoodsReturn.agreed_at.is_(None),
            GoodsReturn.refused_at.is_(None),
            GoodsReturn.withdrawn_at.is_(None),
        )
    ):
        if {line.shipment_line_id: (line.packs, line.reason) for line in found.lines} == wanted:
            return found
    return None


def _load_receipt(
    receipt_no: str,
    lines: Mapping[int, ReturnedPacks],
    *,
    by: Actor,
    at: datetime,
    seen_version: int | None,
) -> tuple[Shipment, GoodsReturn | None]:
    shipment = shipment_for_update(receipt_no, by=by, at=at)
    if seen_version is not None and shipment.version != seen_version:
        again = _same_request(shipment, lines, by)
        if again is None:
            raise ChangedMeanwhile(number=receipt_no)
        return shipment, again
    return shipment, None


@transactional
def request_return(
    receipt_no: str,
    lines: Mapping[int, ReturnedPacks],
    *,
    by: Actor,
    at: datetime,
    seen_version: int | None = None,
) -> GoodsReturn:
    """Ask the distributor to take accepted packs back (R-DEL-5); nothing changes until it agrees.

    The same request sent twice from one page gives the first answer again.

    Args:
        receipt_no: the receipt.
        lines: shipment line id → packs and coded reason.
        by: somebody of the institution that received the goods or ordered them.
        at: the instant of the deed.
        seen_version: the version of the receipt on the page.

    Raises:
        NotFound, ChangedMeanwhile: see ``actions.loading``.
        StepNotAllowed: the goods are not received, or the receipt is another party's.
        ReturnEmpty: no packs were named.
        LinesNotPossible: with a refusal for each line (by its id) that is not right.

    """
    by.need(Permission.DELIVERIES_ACCEPT)
    shipment, again = _load_receipt(receipt_no, lines, by=by, at=at, seen_version=seen_version)
    if again is not None:
        return again
    order = shipment.order
    check_step(
        Step.REQUEST_RETURN,
        shipment_state(
            shipped_at=shipment.shipped_at, accepted_at=shipment.accepted_at, voided_at=shipment.voided_at
        ),
        sides_of(by, order.parties),
    )
    if not lines:
        raise ReturnEmpty()
    reasons = check_return_lines(shipment, lines)
    made = GoodsReturn(
        return_no=next_numbers(RETURN, at=at)[0],
        shipment_id=shipment.id,
        institution_id=shipment.institution_id,
        distributor_id=shipment.distributor_id,
        requested_at=at,
        requested_by_id=by.user_id,
        recorded_at=at,
        lines=[
            ReturnLine(
                shipment_line_id=line_id,
                packs=asked.packs,
                reason=reasons[line_id],
                codes=[ReturnCode(code=code) for code in sorted(set(asked.codes))],
            )
            for line_id, asked in lines.items()
        ],
    )
    db.session.add(made)
    touch(shipment, at)
    db.session.flush()
    _write_down("request_return", made, by=by, at=at, after=_facts_of(made))
    notices.tell(
        "return_requested",
        at=at,
        facts={"return_no": made.return_no, "receipt_no": receipt_no, "packs": _packs(made)},
        link=f"/distribution/shipments/returns/{made.return_no}",
        distributor_id=made.distributor_id,
    )
    free_if_paid((shipment.paying_id, shipment.distributor_id), at=at)
    return made


@transactional
def withdraw_return(
    return_no: str, *, by: Actor, at: datetime, seen_version: int | None = None
) -> GoodsReturn:
    """Take a request back while the distributor has not decided.

    Raises:
        NotFound, ChangedMeanwhile: see ``actions.loading``.
        StepNotAllowed: it is decided, or another party's.

    """
    by.need(Permission.DELIVERIES_ACCEPT)
    found = _decide(Step.WITHDRAW_RETURN, return_no, by=by, at=at, seen_version=seen_version)
    found.withdrawn_at = at
    _write_down("withdraw_return", found, by=by, at=at, after={"withdrawn_at": at})
    notices.tell(
        "return_withdrawn",
        at=at,
        facts={"return_no": return_no, "receipt_no": found.shipment.receipt_no},
        link=f"/distribution/shipments/returns/{return_no}",
        distributor_id=found.distributor_id,
    )
    return found


@transactional
def agree_return(return_no: str, *, by: Actor, at: datetime, seen_version: int | None = None) -> GoodsReturn:
    """Agree to take the packs back: they count as returned from this day (R-DEL-5).

    The amount is the difference that the return makes to what the receipt owes, each line rounded once, so
    that a full return leaves exactly 0.00 (R-PAY-1).

    Raises:
        NotFound, ChangedMeanwhile: see ``actions.loading``.
        StepNotAllowed: it is decided already, or another party's.
        QuantitiesBroken: more would be returned than was accepted.

    """
    by.need(Permission.DELIVERIES_SHIP)
    found = _decide(Step.AGREE_RETURN, return_no, by=by, at=at, seen_version=seen_version)
    shipment = found.shipment
    # The receipt and the order are locked in this order everywhere.
    shipment_for_update(shipment.receipt_no, by=by, at=at)
    order = order_for_update(shipment.order.order_no, by=by, at=at)
    differences: list[Decimal] = []
    for line in found.lines:
        batch = line.shipment_line
        accepted = batch.accepted_packs or 0
        check_return(line.packs, accepted=accepted, returned=batch.returned_packs)
        owed = OwedLine(batch.order_line.pack_price, accepted, batch.returned_packs)
        differences.append(return_amount(owed, line.packs))
        batch.returned_packs += line.packs
        batch.order_line.returned_packs += line.packs
        check_quantities(batch.order_line.quantities)
    found.agreed_at, found.amount = at, total(differences)
    touch(shipment, at)
    touch(order, at)
    _write_down("agree_return", found, by=by, at=at, after={"agreed_at": at, "amount": found.amount})
    _tell_buyers("return_agreed", found, order, {"amount": str(found.amount)}, at=at)
    free_if_paid((shipment.paying_id, shipment.distributor_id), at=at)
    return found


@transactional
def refuse_return(
    return_no: str, reason: str, *, by: Actor, at: datetime, seen_version: int | None = None
) -> GoodsReturn:
    """Refuse to take the packs back, with the reason in words; nothing else changes.

    Raises:
        NotFound, ChangedMeanwhile: see ``actions.loading``.
        StepNotAllowed: it is decided already, or another party's.
        RefusalReasonMissing, ReasonTooLong: why must be said in a few words.

    """
    by.need(Permission.DELIVERIES_SHIP)
    found = _decide(Step.REFUSE_RETURN, return_no, by=by, at=at, seen_version=seen_version)
    why = reason.strip()
    if not why:
        raise RefusalReasonMissing()
    if len(why) > _REFUSAL_LENGTH:
        raise ReasonTooLong(limit=_REFUSAL_LENGTH)
    found.refused_at, found.refusal_reason = at, why
    _write_down("refuse_return", found, by=by, at=at, after={"refused_at": at, "reason": why})
    _tell_buyers("return_refused", found, found.shipment.order, {"reason": why}, at=at)
    return found


@transactional
def confirm_sent_back(
    return_no: str, *, by: Actor, at: datetime, seen_version: int | None = None
) -> GoodsReturn:
    """Note that the packs went back; what is owed was settled on the day of agreement (R-DEL-5).

    The buyer says so when they leave, the distributor when they are there; the first word counts and the other side
    is told (decision 0023).

    Raises:
        NotFound, ChangedMeanwhile: see ``actions.loading``.
        StepNotAllowed: it is not agreed, or another party's.

    """
    arrived = by.role is Role.DISTRIBUTOR
    by.need(Permission.DELIVERIES_SHIP if arrived else Permission.DELIVERIES_ACCEPT)
    found = _decide(Step.SEND_BACK, return_no, by=by, at=at, seen_version=seen_version)
    found.sent_back_at = at
    _write_down("confirm_sent_back", found, by=by, at=at, after={"sent_back_at": at})
    if arrived:
        _tell_buyers("return_arrived", found, found.shipment.order, {"packs": _packs(found)}, at=at)
        return found
    notices.tell(
        "return_sent_back",
        at=at,
        facts={"return_no": return_no, "receipt_no": found.shipment.receipt_no, "packs": _packs(found)},
        link=f"/distribution/shipments/returns/{return_no}",
        distributor_id=found.distributor_id,
    )
    return found


def _decide(step: Step, return_no: str, *, by: Actor, at: datetime, seen_version: int | None) -> GoodsReturn:
    """The return, locked, if the actor may take this step now."""
    found = return_for_update(return_no, by=by, at=at, seen_version=seen_version)
    state = return_state(
        agreed_at=found.agreed_at,
        refused_at=found.refused_at,
        withdrawn_at=found.withdrawn_at,
        sent_back_at=found.sent_back_at,
    )
    check_step(step, state, sides_of(by, found.shipment.order.parties))
    return found


def _packs(found: GoodsReturn) -> int:
    return sum(line.packs for line in found.lines)


def _facts_of(made: GoodsReturn) -> dict[str, Any]:
    return {
        "return_no": made.return_no,
        "lines": [
            {"shipment_line_id": line.shipment_line_id, "packs": line.packs, "reason": line.reason}
            for line in made.lines
        ],
    }


def _write_down(deed: str, found: GoodsReturn, *, by: Actor, at: datetime, after: Mapping[str, Any]) -> None:
    audit.record(
        deed,
        by=by,
        at=at,
        subject_type="goods_return",
        subject_id=found.id,
        subject=found.return_no,
        institution_id=found.institution_id,
        distributor_id=found.distributor_id,
        after=after,
    )


def _tell_buyers(
    kind: str, found: GoodsReturn, order: Order, facts: Mapping[str, str | int], *, at: datetime
) -> None:
    """Tell the receiver, and whoever ordered for it or pays for it, what the distributor decided."""
    whole = {
        "return_no": found.return_no,
        "receipt_no": found.shipment.receipt_no,
        "distributor": order.distributor.name,
        **facts,
    }
    for institution_id in dict.fromkeys((order.institution_id, order.ordering_id, order.paying_id)):
        notices.tell(
            kind, at=at, facts=whole, link=f"/returns/{found.return_no}", institution_id=institution_id
        )
