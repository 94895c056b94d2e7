"""``db check`` says nothing about sound records and names each sum that was tampered with."""

from __future__ import annotations

from decimal import Decimal

import pytest
from flask import Flask
from sqlalchemy import update

from clinic_orders.actions.receiving import accept_shipment
from clinic_orders.models.base import db
from clinic_orders.models.deliveries import Shipment, ShipmentLine
from clinic_orders.models.orders import Order, OrderLine
from clinic_orders.queries.integrity import problems
from tests.deliveries_in_work import LATER, everything, make_shipment
from tests.orders_in_work import make_world

TAMPERED = {
    "owed": update(Shipment).values(owed=Shipment.owed + Decimal("0.01")),
    "order_sums": update(Order).values(packs=Order.packs + 1),
    "accepted_packs": update(OrderLine).values(accepted_packs=OrderLine.accepted_packs - 1),
    "returns": update(ShipmentLine).values(returned_packs=1),
}


@pytest.mark.both_databases
@pytest.mark.parametrize("check", [None, *TAMPERED])
def test_sound_records_pass_and_each_wrong_sum_is_named(app: Flask, check: str | None) -> None:
    world = make_world()
    shipment = make_shipment(world)
    accept_shipment(shipment.receipt_no, everything(shipment), by=world.buyer, at=LATER)
    assert problems() == []
    if check is not None:
        db.session.execute(TAMPERED[check])
        assert check in {problem.check for problem in problems()}
