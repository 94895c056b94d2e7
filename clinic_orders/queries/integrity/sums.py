"""Foreign keys, and every running sum against its rows."""

from __future__ import annotations

from collections import defaultdict
from decimal import Decimal

from sqlalchemy import Integer, Select, case, func, select, text, type_coerce

from clinic_orders.models.base import db
from clinic_orders.models.deliveries import GoodsReturn, ReturnLine, Shipment, ShipmentLine
from clinic_orders.models.orders import EventKind, Order, OrderEvent, OrderLine
from clinic_orders.queries.integrity.problem import Problem
from clinic_orders.queries.payables import line_amount_sql
from clinic_orders.queries.volume import clashing_cycles
from clinic_orders.rules.errors import N_
from clinic_orders.rules.money import ZERO, line_amount

_DIFFERS = N_("kept %(kept)s, the rows give %(rows)s")


def _foreign_keys() -> list[Problem]:
    # PostgreSQL never lets a dangling reference in; SQLite can be written to with the check switched off.
    if db.session.get_bind().dialect.name != "sqlite":
        return []
    rows = db.session.execute(text("PRAGMA foreign_key_check")).all()
    message = N_("row %(row)s points to a missing row of %(table)s")
    return [Problem("foreign_key", str(row[0]), message, {"row": row[1], "table": row[2]}) for row in rows]


def _event_sum(kind: EventKind) -> Select[int | None]:
    return (
        select(func.coalesce(func.sum(OrderEvent.packs), 0))
        .where(OrderEvent.line_id == OrderLine.id, OrderEvent.kind == kind)
        .correlate(OrderLine)
    )


def _line_sums() -> list[Problem]:
    """Quantities of every order line against its events, shipments and returns (R-ORD-5, R-ORD-8)."""
    live = Shipment.voided_at.is_(None)
    shipped = (
        select(
            ShipmentLine.order_line_id.label("line_id"),
            func.sum(case((live, ShipmentLine.shipped_packs), else_=0)).label("shipped"),
            func.sum(case((live, func.coalesce(ShipmentLine.accepted_packs, 0)), else_=0)).label("accepted"),
            func.sum(case((live, func.coalesce(ShipmentLine.rejected_packs, 0)), else_=0)).label("rejected"),
            func.sum(ShipmentLine.returned_packs).label("returned"),
        )
        .join(Shipment, Shipment.id == ShipmentLine.shipment_id)
        .group_by(ShipmentLine.order_line_id)
        .subquery()
    )
    pairs = {
        "shipped_packs": (OrderLine.shipped_packs, func.coalesce(shipped.c.shipped, 0)),
        "accepted_packs": (OrderLine.accepted_packs, func.coalesce(shipped.c.accepted, 0)),
        "rejected_packs": (OrderLine.rejected_packs, func.coalesce(shipped.c.rejected, 0)),
        "returned_packs": (OrderLine.returned_packs, func.coalesce(shipped.c.returned, 0)),
        "closed_packs": (OrderLine.closed_packs, _event_sum(EventKind.CLOSED).scalar_subquery()),
        "withdrawn_before": (
            OrderLine.withdrawn_before,
            _event_sum(EventKind.WITHDRAWN_BEFORE).scalar_subquery(),
        ),
        "withdrawn_after": (
            OrderLine.withdrawn_after,
            _event_sum(EventKind.WITHDRAWN_AFTER).scalar_subquery(),
        ),
    }
    found = []
    for name, (kept, summed) in pairs.items():
        rows = db.session.execute(
            select(Order.order_no, OrderLine.line_no, kept, summed)
            .join(Order, Order.id == OrderLine.order_id)
            .outerjoin(shipped, shipped.c.line_id == OrderLine.id)
            .where(kept != summed)
        ).all()
        found += [
            Problem(name, f"{row[0]}/{row[1]}", _DIFFERS, {"kept": row[2], "rows": row[3]}) for row in rows
        ]
    return found


def _order_sums() -> list[Problem]:
    """Amount, packs and number of lines of every order against its lines; line amounts against price × packs."""
    lines = (
        select(
            OrderLine.order_id,
            func.sum(OrderLine.amount).label("amount"),
            func.sum(OrderLine.packs).label("packs"),
            func.count().label("lines"),
        )
        .group_by(OrderLine.order_id)
        .subquery()
    )
    rows = db.session.execute(
        select(
            Order.order_no,
            Order.amount,
            lines.c.amount,
            Order.packs,
            lines.c.packs,
            Order.lines_count,
            lines.c.lines,
        )
        .outerjoin(lines, lines.c.order_id == Order.id)
        .where(
            (Order.amount != func.coalesce(lines.c.amount, 0))
            | (Order.packs != func.coalesce(lines.c.packs, 0))
            | (Order.lines_count != func.coalesce(lines.c.lines, 0))
        )
    ).all()
    return [
        Problem(
            "order_sums",
            row[0],
            N_(
                "amount %(amount)s, lines give %(amounts)s; packs %(packs)s, lines give %(all_packs)s; "
                "%(lines)s lines, there are %(all_lines)s"
            ),
            dict(
                zip(("amount", "amounts", "packs", "all_packs", "lines", "all_lines"), row[1:], strict=True)
            ),
        )
        for row in rows
    ]


def _returns() -> list[Problem]:
    """Returned packs of every received batch against the agreed returns (R-DEL-5)."""
    agreed = (
        select(ReturnLine.shipment_line_id, func.sum(ReturnLine.packs).label("packs"))
        .join(GoodsReturn, GoodsReturn.id == ReturnLine.return_id)
        .where(GoodsReturn.agreed_at.is_not(None))
        .group_by(ReturnLine.shipment_line_id)
        .subquery()
    )
    rows = db.session.execute(
        select(
            Shipment.receipt_no,
            ShipmentLine.batch_no,
            ShipmentLine.returned_packs,
            func.coalesce(agreed.c.packs, 0),
        )
        .join(Shipment, Shipment.id == ShipmentLine.shipment_id)
        .outerjoin(agreed, agreed.c.shipment_line_id == ShipmentLine.id)
        .where(ShipmentLine.returned_packs != func.coalesce(agreed.c.packs, 0))
    ).all()
    return [
        Problem("returns", f"{row[0]} {row[1]}", _DIFFERS, {"kept": row[2], "rows": row[3]}) for row in rows
    ]


def _owed() -> list[Problem]:
    """What every receipt owes, kept as one sum less its returns, against its lines rounded one by one (R-PAY-1)."""
    lines = db.session.execute(
        select(
            ShipmentLine.shipment_id,
            OrderLine.pack_price,
            func.sum(ShipmentLine.accepted_packs).label("accepted"),
            func.sum(ShipmentLine.returned_packs).label("returned"),
        )
        .join(Shipment, Shipment.id == ShipmentLine.shipment_id)
        .join(OrderLine, OrderLine.id == ShipmentLine.order_line_id)
        .where(Shipment.accepted_at.is_not(None))
        .group_by(ShipmentLine.id, ShipmentLine.shipment_id, OrderLine.pack_price)
    )
    summed: dict[int, Decimal] = defaultdict(Decimal)
    for line in lines:
        summed[line.shipment_id] += line_amount(line.pack_price, line.accepted - line.returned)
    returned = {
        row.shipment_id: row.amount
        for row in db.session.execute(
            select(GoodsReturn.shipment_id, func.sum(GoodsReturn.amount).label("amount"))
            .where(GoodsReturn.agreed_at.is_not(None))
            .group_by(GoodsReturn.shipment_id)
        )
    }
    kept = db.session.execute(
        select(Shipment.id, Shipment.receipt_no, Shipment.owed).where(Shipment.accepted_at.is_not(None))
    )
    return [
        Problem("owed", row.receipt_no, _DIFFERS, {"kept": owes, "rows": summed[row.id]})
        for row in kept
        if (owes := row.owed - returned.get(row.id, ZERO)) != summed[row.id]
    ]


def _cycles() -> list[Problem]:
    """Cycles of one item that differ and overlap (R-VOL-1)."""
    return [
        Problem(
            "cycles",
            found.item_code,
            N_("%(first)s to %(last)s overlaps %(other_first)s to %(other_last)s"),
            {
                "first": found.one.first,
                "last": found.one.last,
                "other_first": found.other.first,
                "other_last": found.other.last,
            },
        )
        for found in clashing_cycles()
    ]


def _line_amounts() -> list[Problem]:
    """The amount of every order line against its price × packs, rounded once (R-PAY-1)."""
    right = line_amount_sql(OrderLine.pack_price, type_coerce(OrderLine.packs, Integer))
    rows = db.session.execute(
        select(Order.order_no, OrderLine.line_no, OrderLine.amount, right)
        .join(Order, Order.id == OrderLine.order_id)
        .where(OrderLine.amount != right)
    )  # fmt: skip
    return [
        Problem("line_amount", f"{row[0]}/{row[1]}", _DIFFERS, {"kept": row[2], "rows": row[3]})
        for row in rows
    ]


def _equations() -> list[Problem]:
    """R-ORD-5 of every order line; the database's own checks hold it too, unless they were switched off."""
    line = OrderLine
    confirmed = func.coalesce(line.confirmed_packs, 0)
    rows = db.session.execute(
        select(Order.order_no, line.line_no)
        .join(Order, Order.id == line.order_id)
        .where(
            (confirmed > line.packs - line.withdrawn_before)
            | (line.shipped_packs > confirmed - line.closed_packs - line.withdrawn_after)
            | (line.accepted_packs + line.rejected_packs > line.shipped_packs)
            | (line.returned_packs > line.accepted_packs)
        )
    )
    message = N_("the packs of this line break the equations of an order (R-ORD-5)")
    return [Problem("equations", f"{row[0]}/{row[1]}", message) for row in rows]


def problems() -> list[Problem]:
    """Every sum that does not agree."""
    checks = (
        _foreign_keys, _order_sums, _line_sums, _line_amounts, _equations, _returns, _owed, _cycles
    )  # fmt: skip
    return [problem for check in checks for problem in check()]
