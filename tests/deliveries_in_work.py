"""Shipments for the tests of acceptance, returns and payables: answered in full, shipped as told."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import date, datetime, timedelta
from decimal import Decimal

from clinic_orders.actions.answering import answer_order_in_full
from clinic_orders.actions.receiving import LineAcceptance, accept_shipment
from clinic_orders.actions.shipping import ShipLine, ship
from clinic_orders.models.accounts import RoleAssignment, User
from clinic_orders.models.base import db
from clinic_orders.models.deliveries import Shipment
from clinic_orders.models.orders import Order
from clinic_orders.models.roster import Institution
from clinic_orders.rules.parties import Actor, Role
from tests.orders_in_work import LONG_AGO, NOW, World, make_order

GOOD = date(2028, 6, 30)
LATER = NOW + timedelta(hours=3)


def make_user(name: str, institution: Institution, role: Role = Role.INSTITUTION) -> Actor:
    """A person with an account at an institution, as an actor."""
    user = User(username=f"u-{name}", name=name, password_hash="-", created_at=LONG_AGO)
    user.assignments.append(
        RoleAssignment(role=role, institution_id=institution.id, valid_from=date(2026, 1, 1))
    )
    db.session.add(user)
    db.session.commit()
    return Actor(
        name, role, user_id=user.id, institution_id=institution.id, org_name=institution.records[0].name
    )


def make_shipment(
    world: World,
    packs: tuple[int, ...] = (6, 12, 20),
    *,
    order: Order | None = None,
    expiry: Mapping[int, date] | None = None,
    codes: Mapping[int, tuple[str, ...]] | None = None,
    prices: tuple[Decimal, ...] = (),
    at: datetime = LATER,
    batch: str = "B",
) -> Shipment:
    """A shipment of all lines of an order, one batch a line; `expiry` and `codes` by line number."""
    order = order or make_order(world, packs)
    for line, price in zip(order.lines, prices, strict=False):
        line.pack_price = price
    db.session.commit()
    if order.answered_at is None:
        answer_order_in_full(order.order_no, by=world.seller, at=NOW)
    rows = [
        ShipLine(
            line.line_no,
            f"{batch}{line.line_no}",
            (expiry or {}).get(line.line_no, GOOD),
            line.packs,
            codes=(codes or {}).get(line.line_no, ()),
        )
        for line in order.lines
    ]
    return ship(order.order_no, rows, by=world.seller, at=at)


def everything(shipment: Shipment) -> dict[int, LineAcceptance]:
    """All packs of all lines, accepted."""
    return {line.id: LineAcceptance(line.shipped_packs) for line in shipment.lines}


def accepted(
    world: World, *args: object, by: Actor | None = None, at: datetime = LATER, **kwargs: object
) -> Shipment:
    """A shipment that was received in full."""
    shipment = make_shipment(world, *args, at=min(at, LATER), **kwargs)  # type: ignore[arg-type]
    return accept_shipment(shipment.receipt_no, everything(shipment), by=by or world.buyer, at=at)
