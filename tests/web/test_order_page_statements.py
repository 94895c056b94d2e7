"""The order page asks little, and never shows what was true before."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest
from sqlalchemy import text

from clinic_orders.models.base import db
from tests import factories as make

WHOLE = "/order?show=all"


@pytest.fixture
def world(app: Any, clock_at: Callable[[Any], None]) -> make.World:
    clock_at(make.NOW)
    return make.make_world()


@pytest.fixture
def doctor(client: Any, world: make.World) -> Any:
    """The village doctor's browser."""
    client.log_in(make.make_user("v01", institution=world.clinic))
    return client


def shown(doctor: Any) -> str:
    return str(doctor.get(WHOLE, status=200).get_data(as_text=True))


def change(statement: str) -> None:
    """A change that no deed of this process makes, as of another process or a database console."""
    db.session.execute(text(statement))
    db.session.commit()


@pytest.mark.both_databases
def test_the_whole_list_takes_five_statements(
    doctor: Any, count_sql: Callable[[], Any], world: make.World
) -> None:
    shown(doctor)
    with count_sql() as seen:
        shown(doctor)
    assert seen.count == 5, str(seen)


@pytest.mark.both_databases
def test_the_page_shows_every_change_at_once(doctor: Any, world: make.World) -> None:
    item = world.items[0]
    assert item.generic_name in shown(doctor)
    change(f"UPDATE price SET pack_price = 1234500 WHERE item_id = {item.id}")
    assert "123.45" in shown(doctor)
    change(f"UPDATE item SET generic_name = '新名字的药' WHERE id = {item.id}")
    assert "新名字的药" in shown(doctor)
    assert 'max="77"' not in shown(doctor)
    change(
        "INSERT INTO policy_value (parameter, kind, scale, valid_from, value, document_no, confirmed, example,"
        " recorded_at) VALUES ('order.max_packs', '', '', '2026-01-01', '77', '', true, false,"
        " '2026-01-01 00:00:00')"
    )
    assert 'max="77"' in shown(doctor)
    change(f"DELETE FROM edition_item WHERE item_id = {item.id}")
    assert "新名字的药" not in shown(doctor)
    untold = shown(doctor).count('name="tell"')
    change("DELETE FROM delivery_relation")
    assert shown(doctor).count('name="tell"') > untold


@pytest.mark.both_databases
def test_a_relation_of_ones_own_goes_before_the_countys(doctor: Any, world: make.World) -> None:
    """Only one's own relation is asked for besides what is remembered of the county (R-CAT-3)."""
    item = world.items[0]
    change("DELETE FROM delivery_relation")
    assert f'name="tell" value="{item.item_code}"' in shown(doctor)
    change(
        "INSERT INTO delivery_relation (institution_id, item_id, distributor_id, valid_from, recorded_at)"
        f" VALUES ({world.clinic.id}, {item.id}, {world.distributor.id}, '2026-01-01', '2026-01-01 00:00:00')"
    )
    page = shown(doctor)
    assert f'name="tell" value="{item.item_code}"' not in page
    assert f'name="q-{item.item_code}"' in page


def test_what_a_draft_holds_beside_the_edition_is_still_shown(doctor: Any, world: make.World) -> None:
    item = world.items[0]
    doctor.post("/order/draft", data={f"q-{item.item_code}": "3"})
    change(f"DELETE FROM edition_item WHERE item_id = {item.id}")
    assert item.generic_name in shown(doctor)
