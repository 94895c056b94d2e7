"""More than a page of shelves, as the night keeps them, for the tests that walk over all lists."""

from __future__ import annotations

from datetime import timedelta

from sqlalchemy import select

from clinic_orders.actions.stock_levels import keep_stock_levels, sum_stock_levels
from clinic_orders.models.base import db
from clinic_orders.models.roster import Institution
from clinic_orders.models.stock import StockCount
from clinic_orders.queries.stock_levels import keepers
from clinic_orders.rules.parties import SYSTEM
from tests.orders_in_work import NOW, World


def make_shelves(world: World) -> None:
    """One item counted by every village, each another number, and the night after it."""
    villages = db.session.scalars(select(Institution.id).where(Institution.code.like("V2%")))
    for number, village in enumerate(villages):
        db.session.add(
            StockCount(
                institution_id=village,
                item_id=world.items[1].id,
                counted_on=NOW.date() - timedelta(days=number % 30),
                base_units=number + 1,
                recorded_at=NOW,
            )
        )
    db.session.commit()
    keep_stock_levels(keepers(NOW.date()), for_day=NOW.date(), by=SYSTEM, at=NOW)
    sum_stock_levels(for_day=NOW.date(), by=SYSTEM, at=NOW)
