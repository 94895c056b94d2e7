"""The orders and receipts that a file of receipts names, as they are in the database, and the policy of its days."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from datetime import datetime
from typing import Any, Final

from sqlalchemy import select

from clinic_orders.actions.bulk import (
    in_parts,
)
from clinic_orders.actions.history.shared import (
    Standings,
    receipt_terms,
)
from clinic_orders.models.base import db
from clinic_orders.models.catalogue import Item
from clinic_orders.models.deliveries import Shipment
from clinic_orders.models.orders import Order, OrderLine
from clinic_orders.queries.files import receipt_rows
from clinic_orders.queries.policy import policy_book
from clinic_orders.rules.days import day_in_china
from clinic_orders.rules.ordering import LineQuantities
from clinic_orders.rules.policy import PolicyBook

HEAD: Final = ("order_no", "shipped_at", "delivered_at", "accepted_at")


LINE: Final = (
    "shipped_packs", "accepted_packs", "rejected_packs", "reject_reason", "short_expiry_reason", "expiry_date",
    "invoice_no", "trace_codes",
)  # fmt: skip


_POLICY: Final = ("delivery.accept_days", "delivery.min_shelf_months", "payment.rule")


@dataclass(slots=True)
class _OrderLine:
    """A line of an order with its packs as they will be."""

    id: int
    order_id: int
    price: Any
    packs: LineQuantities
    changed: bool = False

    def add(self, row: Mapping[str, Any], sign: int = 1) -> None:
        """Count a row of a receipt, or take it out again."""
        self.packs = replace(
            self.packs,
            shipped=self.packs.shipped + sign * row["shipped_packs"],
            accepted=self.packs.accepted + sign * (row["accepted_packs"] or 0),
            rejected=self.packs.rejected + sign * (row["rejected_packs"] or 0),
        )
        self.changed = True


@dataclass(slots=True)
class NamedOrder:
    """An order that receipts name."""

    id: int
    institution_id: int
    paying_id: int
    distributor_id: int
    lines: dict[str, _OrderLine] = field(default_factory=dict)


Key = tuple[str, str]


@dataclass(slots=True)
class KnownReceipt:
    """A receipt that is in the database, with its rows by item code and batch."""

    id: int
    made_here: bool
    rows: dict[Key, dict[str, Any]] = field(default_factory=dict)

    @property
    def head(self) -> Mapping[str, Any]:
        """One of its rows, for what all agree in."""
        return next(iter(self.rows.values()))


def plain(row: Mapping[str, Any]) -> dict[str, Any]:
    """A row as it is stored: of received goods both packs, the arrival at the latest with the acceptance.

    Goods under way without the instant of shipping left at the latest when they arrived, if that is known.
    """
    values = {column: row.get(column) for column in (*HEAD, *LINE)}
    for column in ("reject_reason", "short_expiry_reason", "invoice_no"):
        values[column] = values[column] or ""
    if values["accepted_at"] is None:
        values["shipped_at"] = values["shipped_at"] or values["delivered_at"]
    else:
        values["delivered_at"] = values["delivered_at"] or values["accepted_at"]
        for column, other in (("rejected_packs", "accepted_packs"), ("accepted_packs", "rejected_packs")):
            if values[column] is None and values[other] is not None:
                values[column] = 0
    if not values["rejected_packs"]:
        values["reject_reason"] = ""
    if not values["accepted_packs"]:
        values["short_expiry_reason"] = ""
    values["trace_codes"] = tuple(sorted(values["trace_codes"] or ()))
    return values


def key_of(row: Mapping[str, Any]) -> Key:
    """Item code and batch, which name a row within its receipt."""
    return row["item_code"], row["batch_no"]


def named_orders(order_nos: Sequence[str]) -> dict[str, NamedOrder]:
    """The orders that the file names, with their lines by item code; locked until the deed ends."""
    found: dict[str, NamedOrder] = {}
    by_id: dict[int, NamedOrder] = {}
    for part in in_parts(dict.fromkeys(order_nos)):
        for row in db.session.execute(
            select(Order.id, Order.order_no, Order.institution_id, Order.paying_id, Order.distributor_id)
            .where(Order.order_no.in_(part))
            .with_for_update()
        ):
            found[row.order_no] = by_id[row.id] = NamedOrder(
                row.id, row.institution_id, row.paying_id, row.distributor_id
            )
    line = OrderLine
    for ids in in_parts(by_id):
        for found_line in db.session.execute(
            select(
                line.id, line.order_id, Item.item_code, line.pack_price, line.packs, line.withdrawn_before,
                line.confirmed_packs, line.withdrawn_after, line.closed_packs, line.shipped_packs,
                line.accepted_packs, line.rejected_packs, line.returned_packs,
            )
            .join(Item, Item.id == line.item_id)
            .where(line.order_id.in_(ids))
        ):  # fmt: skip
            packs = LineQuantities(*found_line[4:])
            by_id[found_line.order_id].lines[found_line.item_code] = _OrderLine(
                found_line.id, found_line.order_id, found_line.pack_price, packs
            )
    return found


def known_receipts(receipt_nos: Sequence[str]) -> dict[str, KnownReceipt]:
    """The receipts of a file that are in the database."""
    found: dict[str, KnownReceipt] = {}
    for part in in_parts(receipt_nos):
        for row in db.session.execute(
            select(
                Shipment.id,
                Shipment.receipt_no,
                Shipment.import_batch_id,
                Shipment.shipped_by_id,
                Shipment.accepted_by_id,
                Shipment.voided_at,
            )
            .where(Shipment.receipt_no.in_(part))
            .with_for_update()
        ):
            made_here = row.import_batch_id is None or any(row[3:])
            found[row.receipt_no] = KnownReceipt(row.id, made_here)
    by_id = {receipt.id: receipt for receipt in found.values()}
    for receipt in receipt_rows(by_id):
        by_id[receipt["shipment_id"]].rows[key_of(receipt)] = receipt
    return found


class Policy:
    """What policy says on the days of the file, for the kinds of institution it names."""

    def __init__(self, orders: Mapping[str, NamedOrder]) -> None:
        self._book: PolicyBook = policy_book(*_POLICY)
        self._standings = Standings(
            institution
            for order in orders.values()
            for institution in (order.institution_id, order.paying_id)
        )

    def min_shelf_months(self, order: NamedOrder, accepted_at: datetime) -> int:
        """Months of shelf life that accepted goods should have left."""
        day = day_in_china(accepted_at)
        who = self._standings.on(order.institution_id, day)
        return self._book.whole("delivery.min_shelf_months", kind=who.kind, scale=who.scale, on=day)

    def terms(self, order: NamedOrder, row: Mapping[str, Any]) -> dict[str, Any]:
        """Acceptance day, rule and due day of received goods (R-DEL-6, R-PAY-2)."""
        return receipt_terms(
            self._book,
            self._standings,
            institution_id=order.institution_id,
            paying_id=order.paying_id,
            delivered_at=row["delivered_at"],
            accepted_at=row["accepted_at"],
        )

    def name(self, order: NamedOrder) -> str:
        """The receiver's name, which stands where a person's would."""
        return self._standings.name(order.institution_id)
