"""Agreements that may be behind: a question that leaves out most of them before anything is attributed (R-VOL-3, R-VOL-4)."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import date, timedelta

from sqlalchemy import and_, exists, func, or_, select

from clinic_orders.models.base import db
from clinic_orders.models.deliveries import Shipment, ShipmentLine
from clinic_orders.models.orders import OrderLine
from clinic_orders.models.roster import Membership
from clinic_orders.models.volume import AgreedVolume
from clinic_orders.queries.checks.scope import Scope
from clinic_orders.queries.doubles import not_set_aside
from clinic_orders.rules.days import end_of_day, start_of_day


def doubtful_agreements(scope: Scope, *, until: date) -> list[int]:
    """Ids of the agreements of the cycles that hold the day, or ended on the day before, that may be behind.

    What the holder itself accepted, less all that ever went back of it, counts whatever the rest is (R-VOL-2). Who has
    enough of that on the day can't be behind; the others are laid out in full.

    Args:
        scope: the day D and whose agreements are wanted.
        until: the day L: D itself for the cycles that hold it, the day before for those that ended then.

    """
    return [
        number for first, last in _cycles(scope, until) for number in _of_cycle(scope, first, last, until)
    ]


def _cycles(scope: Scope, until: date) -> list[tuple[date, date]]:
    agreed = AgreedVolume
    days = (
        and_(agreed.cycle_start <= until, agreed.cycle_end >= until)
        if until == scope.as_of
        else agreed.cycle_end == until
    )
    statement = (
        select(agreed.cycle_start, agreed.cycle_end).where(agreed.replaced_at.is_(None), days).distinct()
    )
    return [(first, last) for first, last in db.session.connection().execute(statement).all()]


def _of_cycle(scope: Scope, first: date, last: date, until: date) -> Iterator[int]:
    agreed, member = AgreedVolume, Membership
    accepted = (
        select(
            Shipment.institution_id,
            OrderLine.item_id,
            func.sum(ShipmentLine.accepted_packs - ShipmentLine.returned_packs).label("packs"),
        )
        .join(ShipmentLine, ShipmentLine.shipment_id == Shipment.id)
        .join(OrderLine, OrderLine.id == ShipmentLine.order_line_id)
        .where(
            Shipment.accepted_at >= start_of_day(first),
            Shipment.accepted_at < end_of_day(until),
            not_set_aside(Shipment.order_id),
            scope.only(Shipment.institution_id),
        )
        .group_by(Shipment.institution_id, OrderLine.item_id)
        .cte("accepted")
    )
    packs = func.coalesce(accepted.c.packs, 0)
    gone, days = (until - first).days + 1, (last - first).days + 1
    # What is agreed with whoever was not a member throughout shrinks, and its time goes faster (R-VOL-3).
    throughout = exists().where(
        member.institution_id == agreed.institution_id,
        member.joined_on <= first,
        or_(member.left_on.is_(None), member.left_on > min(scope.as_of, last - timedelta(days=1))),
    )
    statement = (
        select(agreed.id)
        .outerjoin(
            accepted,
            and_(accepted.c.institution_id == agreed.institution_id, accepted.c.item_id == agreed.item_id),
        )
        .where(
            agreed.replaced_at.is_(None),
            agreed.cycle_start == first,
            agreed.cycle_end == last,
            scope.only(agreed.institution_id),
            packs < agreed.agreed_packs,
            or_(packs * days < agreed.agreed_packs * gone, ~throughout),
        )
    )
    yield from db.session.connection().scalars(statement)
