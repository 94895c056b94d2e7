"""Acceptance of delivered goods 验收入库 (R-DEL-2, R-DEL-6), and what it makes payable by when (R-PAY-1, R-PAY-2)."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import date, datetime
from decimal import Decimal

from clinic_orders.actions import audit, notices
from clinic_orders.actions.answering import LinesNotPossible, touch
from clinic_orders.actions.loading import ChangedMeanwhile, order_for_update, shipment_for_update
from clinic_orders.actions.transaction import transactional
from clinic_orders.models.base import db
from clinic_orders.models.deliveries import Shipment, ShipmentCode, ShipmentLine
from clinic_orders.models.orders import Order
from clinic_orders.queries.policy import policy_book
from clinic_orders.queries.roster import standing
from clinic_orders.rules.answering import MoreCodesThanPacks, ReasonNeedsText, ReasonTooLong
from clinic_orders.rules.days import day_in_china
from clinic_orders.rules.delivery import AcceptedLine, acceptance_day_for_payment, check_acceptance
from clinic_orders.rules.errors import N_, RuleBroken
from clinic_orders.rules.order_steps import Step, check_step, sides_of
from clinic_orders.rules.ordering import check_quantities, shipment_state
from clinic_orders.rules.parties import Actor, Permission
from clinic_orders.rules.payment_terms import DueRule, OwedLine, amount_owed, due_date
from clinic_orders.rules.policy import PolicyBook
from clinic_orders.rules.reasons import Reason, RejectReason, parse_reason
from clinic_orders.rules.tracing import parse_trace_code

_REASON_LENGTH = 100
_SHORT_REASON_LENGTH = 200


@dataclass(frozen=True, slots=True)
class LineAcceptance:
    """What was found of one batch of a shipment.

    Attributes:
        accepted: packs taken in.
        rejected: packs not taken in; together with the accepted ones they make what was shipped.
        reason: why packs were rejected: code of ``RejectReason``, ``other`` may be followed by ``:text``.
        short_expiry_reason: why packs near expiry are accepted.
        codes: trace codes that were read off the packs; those that the distributor has not noted are added.

    """

    accepted: int
    rejected: int = 0
    reason: str = ""
    short_expiry_reason: str = ""
    codes: tuple[str, ...] = ()


class AcceptanceIncomplete(RuleBroken):
    """A line of the shipment was left out."""

    message = N_("Say for this line too how many packs you accept and how many not.")


class NotOnShipment(RuleBroken):
    """The shipment has no such line."""

    message = N_("This batch is not on %(number)s.")


class AcceptedAlready(ChangedMeanwhile):
    """Somebody else has received these goods; what was typed is shown beside what is recorded."""

    message = N_(
        "%(name)s has already received %(number)s. What you typed is kept below; compare it with what is recorded."
    )


@dataclass(frozen=True, slots=True)
class Terms:
    """When the money for goods accepted at an instant is due.

    Attributes:
        acceptance_day: the day that counts (R-DEL-6).
        rule: ``payment.rule`` in force on it.
        due_on: the last day on which the payment is in time (R-PAY-2).

    """

    acceptance_day: date
    rule: DueRule
    due_on: date


POLICY = ("delivery.accept_days", "delivery.min_shelf_months", "payment.rule")


def terms_of(shipment: Shipment, *, at: datetime, book: PolicyBook) -> Terms:
    """The acceptance day, the rule and the due day if the goods are accepted at an instant (R-DEL-6, R-PAY-2).

    Policy is that of its own day: the days to accept hold from the day of delivery, the payment rule from the
    acceptance day, for the kind and scale of the receiving and of the paying institution.
    """
    day = day_in_china(at)
    if shipment.delivered_at is not None:
        delivered = day_in_china(shipment.delivered_at)
        receiver = standing(shipment.institution_id, on=delivered)
        accept_days = book.whole(
            "delivery.accept_days", kind=receiver.kind, scale=receiver.scale, on=delivered
        )
        day = acceptance_day_for_payment(at, delivered_at=shipment.delivered_at, accept_days=accept_days)
    payer = standing(shipment.paying_id, on=day)
    rule = DueRule(book.choice("payment.rule", kind=payer.kind, scale=payer.scale, on=day))
    return Terms(day, rule, due_date(day, rule))


def shelf_months(shipment: Shipment, *, at: datetime, book: PolicyBook) -> int:
    """The months of shelf life that goods must have left on the acceptance day, else a reason is asked (R-DEL-2)."""
    day = day_in_china(at)
    receiver = standing(shipment.institution_id, on=day)
    return book.whole("delivery.min_shelf_months", kind=receiver.kind, scale=receiver.scale, on=day)


def _reason(line: LineAcceptance) -> Reason[RejectReason] | None:
    """The coded reason, None where there is none; the rules ask for it where packs were rejected."""
    if not line.rejected or not line.reason.strip():
        return None
    reason = parse_reason(RejectReason, line.reason)
    if reason.code is RejectReason.OTHER and not reason.text:
        raise ReasonNeedsText()
    if len(reason.stored) > _REASON_LENGTH:
        raise ReasonTooLong(limit=_REASON_LENGTH - len("other:"))
    return reason


def _checked(line: ShipmentLine, found: LineAcceptance, *, on: date, min_shelf_months: int) -> LineAcceptance:
    """The line as it is stored; refuses what R-DEL-2 does not allow."""
    reason = _reason(found)
    if len(found.short_expiry_reason.strip()) > _SHORT_REASON_LENGTH:
        raise ReasonTooLong(limit=_SHORT_REASON_LENGTH)
    check_acceptance(
        AcceptedLine(
            shipped=line.shipped_packs,
            accepted=found.accepted,
            rejected=found.rejected,
            expiry=line.expiry_date,
            reject_reason=reason,
            short_expiry_reason=found.short_expiry_reason,
        ),
        on=on,
        min_shelf_months=min_shelf_months,
    )
    if found.rejected and len(found.codes) > found.accepted:
        raise MoreCodesThanPacks(codes=len(found.codes), packs=found.accepted)
    codes = {code.code for code in line.codes}.union(map(parse_trace_code, found.codes))
    if len(codes) > line.shipped_packs:
        raise MoreCodesThanPacks(codes=len(codes), packs=line.shipped_packs)
    return LineAcceptance(
        accepted=found.accepted,
        rejected=found.rejected,
        reason=reason.stored if reason else "",
        short_expiry_reason=found.short_expiry_reason.strip() if found.accepted else "",
        codes=found.codes,
    )


def check_lines(
    shipment: Shipment, lines: Mapping[int, LineAcceptance], *, at: datetime, book: PolicyBook
) -> dict[int, LineAcceptance]:
    """The lines as they are stored, if all of them hold R-DEL-2 at an instant; nothing is written.

    Raises:
        LinesNotPossible: with a refusal for each line (by its id) that is not right.

    """
    day = day_in_china(at)
    months = shelf_months(shipment, at=at, book=book)
    known = {line.id: line for line in shipment.lines}
    problems: dict[int, RuleBroken] = {
        line_id: NotOnShipment(number=shipment.receipt_no) for line_id in lines if line_id not in known
    }
    checked: dict[int, LineAcceptance] = {}
    for line_id, line in known.items():
        try:
            if line_id not in lines:
                raise AcceptanceIncomplete()
            checked[line_id] = _checked(line, lines[line_id], on=day, min_shelf_months=months)
        except RuleBroken as refusal:
            problems[line_id] = refusal
    if problems:
        raise LinesNotPossible(shipment.receipt_no, problems)
    return checked


def _is_recorded(shipment: Shipment, lines: Mapping[int, LineAcceptance]) -> bool:
    """Whether exactly this acceptance stands in the shipment already: the form was sent twice."""
    if set(lines) != {line.id for line in shipment.lines}:
        return False
    for line in shipment.lines:
        sent = lines[line.id]
        try:
            reason = _reason(sent)
        except RuleBroken:
            return False
        if (line.accepted_packs, line.rejected_packs, line.reject_reason) != (
            sent.accepted,
            sent.rejected,
            reason.stored if reason else "",
        ):
            return False
    return True


def _mark_codes(line: ShipmentLine, found: LineAcceptance) -> None:
    """Say of each trace code whether its pack was accepted (R-TRACE-1).

    Where a part was rejected, only codes that were checked say which packs came in; the others are known to be
    rejected as soon as every accepted pack has its code, and stay open until then.
    """
    checked = set(found.codes)
    if found.accepted:
        noted = {code.code for code in line.codes}
        line.codes.extend(ShipmentCode(code=code, accepted=True) for code in found.codes if code not in noted)
    for code in line.codes:
        if not found.rejected:
            code.accepted = True
        elif not found.accepted:
            code.accepted = False
        elif code.code in checked:
            code.accepted = True
        else:
            code.accepted = False if len(checked) == found.accepted else None


@transactional
def accept_shipment(
    receipt_no: str,
    lines: Mapping[int, LineAcceptance],
    *,
    by: Actor,
    at: datetime,
    seen_version: int | None = None,
) -> Shipment:
    """Receive the goods of a shipment, line by line; from now on money is owed (R-DEL-2, R-PAY-1, R-PAY-2).

    The same acceptance sent twice by one person is done once and answered with what is recorded.

    Args:
        receipt_no: the shipment's number, which is the receipt's too.
        lines: shipment line id → what was found; every line of the shipment.
        by: somebody of the institution that receives the goods or ordered them.
        at: the instant of acceptance.
        seen_version: the version of the page on which the lines were typed.

    Returns:
        The shipment with acceptance, amount owed and due day.

    Raises:
        NotFound, ChangedMeanwhile: see ``actions.loading``.
        AcceptedAlready: somebody else was first, or something else is recorded.
        StepNotAllowed: the shipment is void or not shipped, or another party's.
        LinesNotPossible: with a refusal for each line (by its id) that is not right.

    """
    by.need(Permission.DELIVERIES_ACCEPT)
    shipment = shipment_for_update(receipt_no, by=by, at=at)
    sides = sides_of(by, shipment.order.parties)
    if shipment.accepted_at is not None and sides:
        if shipment.accepted_by_id == by.user_id and _is_recorded(shipment, lines):
            return shipment
        raise AcceptedAlready(number=receipt_no, name=shipment.accepted_by_name)
    check_step(
        Step.ACCEPT,
        shipment_state(
            shipped_at=shipment.shipped_at, accepted_at=shipment.accepted_at, voided_at=shipment.voided_at
        ),
        sides,
    )
    if seen_version is not None and shipment.version != seen_version:
        raise ChangedMeanwhile(number=receipt_no)
    book = policy_book(*POLICY)
    checked = check_lines(shipment, lines, at=at, book=book)
    order = order_for_update(shipment.order.order_no, by=by, at=at)
    _record(shipment, order, checked, by=by, at=at, book=book)
    _tell(shipment, order, checked, by=by, at=at)
    return shipment


def _record(
    shipment: Shipment,
    order: Order,
    checked: Mapping[int, LineAcceptance],
    *,
    by: Actor,
    at: datetime,
    book: PolicyBook,
) -> None:
    """Write the acceptance, the order's running sums, the amount and the due day."""
    arrival_known = shipment.delivered_at is not None
    terms = terms_of(shipment, at=at, book=book)
    order_lines = {line.id: line for line in order.lines}
    owed: list[OwedLine] = []
    for line in shipment.lines:
        found = checked[line.id]
        line.accepted_packs, line.rejected_packs = found.accepted, found.rejected
        line.reject_reason, line.short_expiry_reason = found.reason, found.short_expiry_reason
        _mark_codes(line, found)
        order_line = order_lines[line.order_line_id]
        order_line.accepted_packs += found.accepted
        order_line.rejected_packs += found.rejected
        owed.append(OwedLine(order_line.pack_price, found.accepted))
    for order_line in order_lines.values():
        check_quantities(order_line.quantities)
    # Goods in the hands of the receiver have arrived; the distributor may not have said so.
    if shipment.delivered_at is None:
        shipment.delivered_at = at
    shipment.accepted_at, shipment.accepted_by_id, shipment.accepted_by_name = at, by.user_id, by.name
    shipment.acceptance_day, shipment.payment_rule = terms.acceptance_day, terms.rule.value
    shipment.due_on, shipment.owed = terms.due_on, amount_owed(owed)
    touch(shipment, at)
    touch(order, at)
    db.session.flush()
    audit.record(
        "accept_shipment",
        by=by,
        at=at,
        subject_type="shipment",
        subject_id=shipment.id,
        subject=shipment.receipt_no,
        institution_id=shipment.institution_id,
        distributor_id=shipment.distributor_id,
        county_code=standing(shipment.institution_id, on=day_in_china(at)).county_code,
        before={"accepted_at": None, "delivered_at": shipment.delivered_at if arrival_known else None},
        after={
            "order_no": order.order_no,
            "delivered_at": shipment.delivered_at,
            "acceptance_day": terms.acceptance_day,
            "payment_rule": terms.rule.value,
            "due_on": terms.due_on,
            "owed": shipment.owed,
            "lines": [
                {
                    "batch_no": line.batch_no,
                    "accepted": line.accepted_packs,
                    "rejected": line.rejected_packs,
                    "reject_reason": line.reject_reason,
                    "short_expiry_reason": line.short_expiry_reason,
                    "codes": len(checked[line.id].codes),
                }
                for line in shipment.lines
            ],
        },
    )


def _tell(
    shipment: Shipment, order: Order, checked: Mapping[int, LineAcceptance], *, by: Actor, at: datetime
) -> None:
    """Tell the distributor; and those of the receiver, orderer and payer who did not do it themselves."""
    facts: dict[str, str | int] = {
        "receipt_no": shipment.receipt_no,
        "order_no": order.order_no,
        "accepted": sum(found.accepted for found in checked.values()),
        "rejected": sum(found.rejected for found in checked.values()),
        "owed": str(shipment.owed or Decimal(0)),
        "due_on": "" if shipment.due_on is None else shipment.due_on.isoformat(),
        "distributor": order.distributor.name,
    }
    kind = "goods_accepted_part" if facts["rejected"] else "goods_accepted"
    notices.tell(
        kind,
        at=at,
        facts=facts,
        link=f"/distribution/shipments/{shipment.receipt_no}",
        distributor_id=shipment.distributor_id,
    )
    for institution_id in dict.fromkeys((order.institution_id, order.ordering_id, order.paying_id)):
        if institution_id != by.institution_id:
            notices.tell(
                "goods_accepted_for_you",
                at=at,
                facts=facts,
                link=f"/receiving/{shipment.receipt_no}",
                institution_id=institution_id,
            )
