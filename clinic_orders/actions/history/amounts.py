"""What returns take off their receipts, worked out again after a file changed one of the two (R-PAY-1)."""

from __future__ import annotations

from collections.abc import Iterable
from decimal import Decimal
from typing import Final, cast

from sqlalchemy import Table, select

from clinic_orders.actions.bulk import in_parts, update_rows
from clinic_orders.models.base import db
from clinic_orders.models.deliveries import GoodsReturn, ReturnLine, ShipmentLine
from clinic_orders.models.orders import OrderLine
from clinic_orders.rules.money import ZERO
from clinic_orders.rules.payment_terms import OwedLine, return_amount

_RETURNS: Final = cast("Table", GoodsReturn.__table__)


def settle_returns(shipment_ids: Iterable[int]) -> None:
    """Give every agreed return of some receipts its amount: the difference it makes, in the order of agreement."""
    for part in in_parts(dict.fromkeys(shipment_ids)):
        amounts: dict[int, Decimal] = {}
        kept: dict[int, Decimal] = {}
        returned: dict[int, int] = {}
        for row in db.session.execute(
            select(
                GoodsReturn.id,
                GoodsReturn.amount,
                ReturnLine.shipment_line_id,
                ReturnLine.packs,
                ShipmentLine.accepted_packs,
                OrderLine.pack_price,
            )
            .join(ReturnLine, ReturnLine.return_id == GoodsReturn.id)
            .join(ShipmentLine, ShipmentLine.id == ReturnLine.shipment_line_id)
            .join(OrderLine, OrderLine.id == ShipmentLine.order_line_id)
            .where(GoodsReturn.shipment_id.in_(part), GoodsReturn.agreed_at.is_not(None))
            .order_by(GoodsReturn.agreed_at, GoodsReturn.return_no, ReturnLine.id)
        ):
            before = returned.get(row.shipment_line_id, 0)
            owed = OwedLine(row.pack_price, row.accepted_packs or 0, before)
            amounts[row.id] = amounts.get(row.id, ZERO) + return_amount(owed, row.packs)
            returned[row.shipment_line_id] = before + row.packs
            kept[row.id] = row.amount
        update_rows(
            _RETURNS,
            [
                {"id": row_id, "amount": amount}
                for row_id, amount in amounts.items()
                if amount != kept[row_id]
            ],
        )
