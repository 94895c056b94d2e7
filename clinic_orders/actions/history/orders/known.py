"""The orders of a file that are in the database, and how rows are compared with them."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, Final

from sqlalchemy import select

from clinic_orders.actions.bulk import (
    in_parts,
)
from clinic_orders.models.base import db
from clinic_orders.models.orders import Order, OrderEvent, OrderLine
from clinic_orders.queries.files import order_rows
from clinic_orders.rules.ordering import (
    LineQuantities,
)

HEAD: Final = (
    "institution_code", "ordering_code", "paying_code", "distributor_code", "submitted_at", "mode", "channel",
    "emergency", "emergency_reason",
)  # fmt: skip


LINE: Final = (
    "packs", "pack_price", "confirmed_packs", "confirmed_at", "closed_packs", "closed_at", "closed_reason",
    "withdrawn_packs", "withdrawn_at",
)  # fmt: skip


@dataclass(slots=True)
class KnownOrder:
    """An order that is in the database, with its lines by item code."""

    id: int
    made_here: bool
    rows: dict[str, dict[str, Any]] = field(default_factory=dict)
    shipped: dict[str, LineQuantities] = field(default_factory=dict)
    last_line_no: int = 0

    @property
    def head(self) -> Mapping[str, Any]:
        """One of its rows, for what all agree in."""
        return next(iter(self.rows.values()))


def plain(row: Mapping[str, Any]) -> dict[str, Any]:
    """A row with nothing said twice: 0 packs closed or withdrawn are none, and have no instant."""
    values = {column: row.get(column) for column in (*HEAD, *LINE)}
    values["closed_reason"] = values["closed_reason"] or ""
    values["emergency_reason"] = values["emergency_reason"] or ""
    values["emergency"] = bool(values["emergency"])
    if not values["closed_packs"]:
        values["closed_packs"] = values["closed_at"] = None
        values["closed_reason"] = ""
    if not values["withdrawn_packs"]:
        values["withdrawn_packs"] = values["withdrawn_at"] = None
    return values


def quantities(row: Mapping[str, Any], kept: LineQuantities | None = None) -> LineQuantities:
    """The line's packs as the rules look at them; a withdrawal is before or after the answer by its instant.

    Args:
        row: made plain.
        kept: the same line in the database, for what was shipped, accepted and returned.

    """
    confirmed_at, withdrawn = row["confirmed_at"], row["withdrawn_packs"] or 0
    is_before = confirmed_at is None or (withdrawn and row["withdrawn_at"] < confirmed_at)
    kept = kept or LineQuantities(ordered=0)
    return LineQuantities(
        ordered=row["packs"],
        withdrawn_before=withdrawn if is_before else 0,
        confirmed=row["confirmed_packs"],
        withdrawn_after=0 if is_before else withdrawn,
        closed=row["closed_packs"] or 0,
        shipped=kept.shipped,
        accepted=kept.accepted,
        rejected=kept.rejected,
        returned=kept.returned,
    )


def known_orders(order_nos: Sequence[str]) -> dict[str, KnownOrder]:
    """The orders of a file that are in the database."""
    found: dict[str, KnownOrder] = {}
    for part in in_parts(order_nos):
        for row in db.session.execute(
            select(Order.id, Order.order_no, Order.import_batch_id)
            .where(Order.order_no.in_(part))
            .with_for_update()
        ):
            found[row.order_no] = KnownOrder(row.id, row.import_batch_id is None)
    by_id = {order.id: order for order in found.values()}
    for line in order_rows(by_id):
        by_id[line["order_id"]].rows[line["item_code"]] = line
    for ids in in_parts(by_id):
        for order_id in db.session.scalars(
            select(OrderEvent.order_id).where(OrderEvent.order_id.in_(ids), OrderEvent.user_id.is_not(None))
        ):
            by_id[order_id].made_here = True
    _add_quantities(by_id)
    return found


def _add_quantities(orders: Mapping[int, KnownOrder]) -> None:
    """Give known orders the packs of their lines."""
    code_of = {row["line_id"]: code for order in orders.values() for code, row in order.rows.items()}
    line = OrderLine
    for part in in_parts(orders):
        for row in db.session.execute(
            select(
                line.id,
                line.order_id,
                line.line_no,
                line.shipped_packs,
                line.accepted_packs,
                line.rejected_packs,
                line.returned_packs,
            ).where(line.order_id.in_(part))
        ):
            order = orders[row.order_id]
            order.last_line_no = max(order.last_line_no, row.line_no)
            order.shipped[code_of[row.id]] = LineQuantities(
                ordered=0,
                shipped=row.shipped_packs,
                accepted=row.accepted_packs,
                rejected=row.rejected_packs,
                returned=row.returned_packs,
            )


def columns_that_differ(row: Mapping[str, Any], old: Mapping[str, Any], columns: Sequence[str]) -> list[str]:
    """Those of the columns in which a row of the file says something else."""
    return [column for column in columns if row[column] != old[column]]
