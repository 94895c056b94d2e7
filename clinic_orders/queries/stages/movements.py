"""What moves an agreement through its stages: orders, receipts, goods that wait (R-STAT-5).

Each answers movements in the form in which ``queries.checks.volume.attributed`` finds the agreement they belong to.
"""

from __future__ import annotations

from collections.abc import Collection
from datetime import date
from typing import Any

from sqlalchemy import CTE, and_, func, or_, select

from clinic_orders.models.deliveries import Shipment, ShipmentLine
from clinic_orders.models.expressions import china_day, instant
from clinic_orders.models.orders import Order, OrderEvent, OrderLine
from clinic_orders.models.roster import InstitutionRecord
from clinic_orders.models.volume import AgreedVolume
from clinic_orders.queries.checks.order_lines import WITHDRAWALS
from clinic_orders.queries.checks.scope import Scope
from clinic_orders.queries.checks.volume import may_count, of_items
from clinic_orders.queries.doubles import counts_once
from clinic_orders.rules.days import day_in_china, start_of_day
from clinic_orders.rules.delivery import acceptance_due_day, auto_acceptance_day


def agreements_since(scope: Scope, oldest: date) -> CTE:
    """The agreements of the cycles that have begun by the day and ended on a day or later."""
    row = AgreedVolume
    return (
        select(
            row.id,
            row.institution_id,
            row.item_id,
            row.cycle_start,
            row.cycle_end,
            row.reported_packs,
            row.agreed_packs,
            row.already_adjusted,
        )
        .where(row.replaced_at.is_(None), row.cycle_start <= scope.as_of, row.cycle_end >= oldest)
        .cte("agreement")
    )


def lines_ordered(scope: Scope, first: date, items: Collection[int] | None = None) -> CTE:
    """Order lines submitted from a day on: ``packs`` less what the buyer took back by D, where any are left."""
    withdrawn = (
        select(OrderEvent.line_id, func.sum(OrderEvent.packs).label("packs"))
        .join(OrderLine, OrderLine.id == OrderEvent.line_id)
        .where(
            OrderLine.withdrawn_before + OrderLine.withdrawn_after > 0,
            OrderEvent.kind.in_(WITHDRAWALS),
            OrderEvent.at < scope.ends,
        )
        .group_by(OrderEvent.line_id)
        .cte("withdrawn")
    )
    packs = OrderLine.packs - func.coalesce(withdrawn.c.packs, 0)
    return (
        select(
            OrderLine.id.label("movement"),
            Order.order_no.label("number"),
            Order.institution_id,
            OrderLine.item_id,
            china_day(Order.submitted_at).label("day"),
            Order.distributor_id,
            packs.label("packs"),
        )
        .select_from(Order)
        .join(OrderLine, OrderLine.order_id == Order.id)
        .outerjoin(withdrawn, withdrawn.c.line_id == OrderLine.id)
        .where(
            Order.submitted_at >= start_of_day(first),
            Order.submitted_at < scope.ends,
            counts_once(Order.id),
            may_count(scope, Order.institution_id),
            of_items(items),
            packs > 0,
        )
        .cte("moved")
    )


def goods_waiting(scope: Scope, first: date, items: Collection[int] | None = None) -> CTE:
    """Shipment lines delivered from a day on and not accepted by D, with what their last day depends on."""
    record, day = InstitutionRecord, china_day(Shipment.delivered_at)
    return (
        select(
            ShipmentLine.id.label("movement"),
            Shipment.receipt_no.label("number"),
            Shipment.institution_id,
            OrderLine.item_id,
            day.label("day"),
            Shipment.distributor_id,
            ShipmentLine.shipped_packs.label("packs"),
            Shipment.delivered_at,
            record.kind,
            record.scale,
        )
        .select_from(Shipment)
        .join(ShipmentLine, ShipmentLine.shipment_id == Shipment.id)
        .join(OrderLine, OrderLine.id == ShipmentLine.order_line_id)
        .outerjoin(
            record,
            and_(
                record.institution_id == Shipment.institution_id,
                record.valid_from <= day,
                or_(record.valid_before.is_(None), record.valid_before > day),
            ),
        )
        .where(
            Shipment.delivered_at >= start_of_day(first),
            Shipment.delivered_at < scope.ends,
            func.coalesce(Shipment.accepted_at, instant(scope.ends)) >= scope.ends,
            or_(Shipment.voided_at.is_(None), Shipment.voided_at >= scope.ends),
            counts_once(Shipment.order_id),
            may_count(scope, Shipment.institution_id),
            of_items(items),
        )
        .cte("moved")
    )


def waits_late(scope: Scope, row: Any) -> bool | None:
    """Whether goods that wait are late to be accepted on D; None where they stand as accepted by then (R-DEL-6).

    Args:
        scope: the day and the policy.
        row: of ``goods_waiting``.

    """
    day, book = day_in_china(row.delivered_at), scope.book
    silent = auto_acceptance_day(
        row.delivered_at, auto_accept_days=book.whole_or_none("delivery.auto_accept_days", on=day)
    )
    if silent is not None and silent <= scope.as_of:
        return None
    days = book.whole("delivery.accept_days", kind=row.kind, scale=row.scale or None, on=day)
    return acceptance_due_day(row.delivered_at, accept_days=days) < scope.as_of
