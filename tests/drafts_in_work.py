"""What the tests of drafts and submissions look at, and the relations that they make."""

from __future__ import annotations

from sqlalchemy import select

from clinic_orders.models.base import db
from clinic_orders.models.orders import DraftLine, Order
from clinic_orders.models.roster import DeliveryRelation
from tests import factories as make


def orders() -> list[Order]:
    return list(db.session.scalars(select(Order).order_by(Order.id)))


def kept() -> dict[str, str]:
    rows = db.session.execute(select(DraftLine.typed, DraftLine.refusal)).all()
    return {row.typed: (row.refusal or {}).get("code", "") for row in rows}


def relation(world: make.World, item: int, distributor: object) -> None:
    db.session.add(
        DeliveryRelation(
            institution_id=world.clinic.id,
            item_id=world.items[item].id,
            distributor_id=distributor.id,  # type: ignore[attr-defined]
            valid_from=make.FIRST_DAY,
            recorded_at=make.LONG_AGO,
        )
    )
    db.session.commit()
