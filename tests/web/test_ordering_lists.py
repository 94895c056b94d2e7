"""The list of orders and of villages: search, narrowing, order, pages, files, statements."""

from __future__ import annotations

import re
from collections.abc import Callable
from datetime import timedelta
from typing import Any

import pytest

from clinic_orders.rules.parties import Role
from tests import factories as make


@pytest.fixture
def world(app: Any, clock_at: Callable[[Any], None]) -> make.World:
    clock_at(make.NOW)
    return make.make_world()


@pytest.fixture
def doctor(client: Any, world: make.World) -> Any:
    """The village doctor's browser."""
    client.log_in(make.make_user("v01", institution=world.clinic))
    return client


@pytest.fixture
def pharmacist(app: Any, world: make.World) -> Any:
    """The hospital pharmacist's browser."""
    client = app.test_client()
    client.log_in(make.make_user("h01", role=Role.HOSPITAL, institution=world.hospital, name="李建国"))
    return client


def text(response: Any) -> str:
    return re.sub(r"\s+", " ", re.sub(r"<[^>]+>", " ", response.get_data(as_text=True)))


def test_the_list_is_searched_narrowed_sorted_paged_and_exported(doctor: Any, world: make.World) -> None:
    assert "还没有采购单" in text(doctor.get("/orders"))
    numbers = [
        make.make_order(world, (place + 1,), at=make.NOW - timedelta(days=10 * place)) for place in range(3)
    ]
    html = doctor.get("/orders?sort=submitted").get_data(as_text=True)
    assert html.index(numbers[2]) < html.index(numbers[0])
    found = text(doctor.get("/orders", query_string={"q": numbers[1]}))
    assert numbers[1] in found
    assert numbers[0] not in found
    waiting = text(doctor.get("/orders?state=unanswered"))
    assert numbers[0] in waiting
    assert numbers[2] not in waiting
    ended = text(doctor.get("/orders?state=ended"))
    assert numbers[2] in ended
    assert "超时作废" in ended
    assert "没有符合的采购单" in text(doctor.get("/orders?q=zzzz"))
    exported = doctor.get("/orders?format=csv").get_data()
    assert exported.startswith(b"\xef\xbb\xbf")
    assert exported.count(b"\r\n") == 4
    assert doctor.get("/orders?format=xlsx").status_code == 200


@pytest.mark.parametrize("path", ["/orders", "/orders?state=ended", "/villages", "/orders?format=csv"])
def test_a_list_asks_the_same_number_of_questions_whatever_its_rows(
    pharmacist: Any, world: make.World, count_sql: Any, path: str
) -> None:
    make.give_mandate(world)
    counts = []
    for place in range(1, 4):
        for _ in range(place):
            make.submit(
                world,
                {world.items[place].item_code: "1", world.items[place + 5].item_code: "1"},
                institution=world.clinic,
                by=world.hospital,
                at=make.later(-40 * place),
            )
        pharmacist.get(path)
        with count_sql() as seen:
            pharmacist.get(path)
        counts.append(seen.count)
    assert len(set(counts)) == 1, str(seen)
