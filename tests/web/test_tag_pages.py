"""Double price tags: what has a posted price is printed beside its selected price."""

from __future__ import annotations

from collections.abc import Callable
from datetime import timedelta
from decimal import Decimal
from typing import Any

import pytest

from clinic_orders.documents import as_html
from clinic_orders.documents.price_tags import TagSize, tags_of
from clinic_orders.models.base import db
from clinic_orders.models.stock import ShelfPrice
from tests import factories as make


@pytest.fixture
def world(app: Any, clock_at: Callable[[Any], None]) -> make.World:
    clock_at(make.NOW)
    world = make.make_world(items=4)
    for place, days, price in ((0, 30, "3.0000"), (0, 3, "3.5000"), (0, -3, "9.0000"), (1, 3, "7.1250")):
        db.session.add(
            ShelfPrice(
                institution_id=world.pharmacy.id,
                item_id=world.items[place].id,
                posted_on=make.TODAY - timedelta(days=days),
                price=Decimal(price),
                recorded_at=make.LONG_AGO,
            )
        )
    db.session.commit()
    return world


def test_a_tag_has_the_price_posted_last_by_today_and_the_selected_one(world: make.World) -> None:
    tags = {tag.item.id: tag for tag in tags_of(world.pharmacy.id, make.TODAY)}
    assert {item: tag.posted for item, tag in tags.items()} == {
        world.items[0].id: Decimal("3.5000"),
        world.items[1].id: Decimal("7.1250"),
    }
    assert all(tag.selected is not None for tag in tags.values())
    html = as_html(
        "price_tags",
        {
            "pages": [[list(tags.values())]],
            "size": TagSize.SMALL,
            "institution": "白元大药房",
            "phone": "",
            "demo": False,
        },
    )
    assert "7.125" in html
    assert "投诉电话" not in html


def test_what_is_ticked_is_printed_and_nothing_of_others(client: Any, world: make.World) -> None:
    client.log_in(make.make_user("p01", institution=world.pharmacy))
    page = client.get("/stock/tags/", status=200).page
    assert len(page.all("tbody tr")) == 2
    answer = client.post(
        "/stock/tags/", data={"do": "ticked", "size": "2x4", "item": world.items[0].item_code}
    )
    assert answer.mimetype == "application/pdf"
    assert answer.data.startswith(b"%PDF")
    answer = client.post("/stock/tags/", data={"do": "ticked", "item": world.items[3].item_code})
    assert answer.status_code == 303
    client.log_in(make.make_user("v01", institution=world.clinic))
    assert client.get("/stock/tags/", status=200).page.all(".empty")
