"""Watched prices and listed products, more than a page of each, for the tests that walk over all lists."""

from __future__ import annotations

from datetime import date
from decimal import Decimal

from clinic_orders.models.base import db
from clinic_orders.models.monitoring import ListedProduct, MonitoredPrice, Sentinel, WatchedItem
from tests.orders_in_work import LONG_AGO, NOW, World

START = date(2026, 1, 1)


def make_monitored(world: World, count: int) -> None:
    """A sentinel, `count` watched items with a price each, and as many listed products whose label is red."""
    db.session.add(
        Sentinel(institution_id=world.clinic.id, valid_from=START, set_by_name="王科长", recorded_at=LONG_AGO)
    )
    for number, item in enumerate(world.items[:count]):
        db.session.add(
            WatchedItem(item_id=item.id, valid_from=START, set_by_name="王科长", recorded_at=LONG_AGO)
        )
        db.session.add(
            MonitoredPrice(
                institution_id=world.clinic.id,
                item_id=item.id,
                observed_on=NOW.date(),
                price=Decimal("3.50"),
                recorded_at=NOW,
            )
        )
        db.session.add(
            ListedProduct(
                product_code=f"LP{number:03}",
                variety=f"品种{number}",
                product_name=f"挂网产品{number}",
                manufacturer="某制药有限公司",
                status="reference",
                listed_from=START,
                price=Decimal("40.00"),
                own_selected_price=Decimal("4.00"),
                highest_selected_price=Decimal("4.00"),
                highest_listed_price=Decimal("40.00"),
                recorded_at=LONG_AGO,
            )
        )
    db.session.flush()
