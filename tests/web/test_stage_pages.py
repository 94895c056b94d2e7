"""The stage board on screen: each sees its own, figures open what stands behind them (R-STAT-5)."""

from __future__ import annotations

from typing import Any

import pytest
from sqlalchemy import select

from clinic_orders.models.base import db
from clinic_orders.models.roster import Institution
from clinic_orders.rules.parties import Role
from clinic_orders.rules.stages import Stage
from tests.factories import make_items
from tests.many_figures import stage_row
from tests.people import NOW, People, make_people

CYCLE = "2026-01-01_2026-12-31"


@pytest.fixture
def people(app: Any, clock_at: Any) -> People:
    clock_at(NOW)
    return make_people()


def one(people: People, **more: Any) -> int:
    own = people.users[Role.INSTITUTION].assignments[0].institution_id
    assert own is not None
    db.session.add(stage_row(own, **more))
    db.session.commit()
    return own


def test_without_a_board_the_page_says_when_it_comes(people, client):
    client.log_in(people.users[Role.CITY])
    assert "还没有约定采购量" in client.get("/stages/", status=200).page.text


def test_an_institution_sees_only_its_own_line(people, client):
    own = one(people)
    other = db.session.scalars(select(Institution.id).where(Institution.id != own)).first()
    db.session.add(stage_row(other))
    db.session.commit()
    client.log_in(people.users[Role.INSTITUTION])
    page = client.get("/stages/", status=200).page
    assert len(page.all("tbody tr")) == 1
    client.get(f"/stages/{own}/{CYCLE}", status=200)
    client.get(f"/stages/{other}/{CYCLE}", status=404)
    client.get(f"/stages/{own}/2026-01-01_2026-06-30", status=404)
    client.get(f"/stages/{own}/never", status=404)


def test_a_bureau_filters_by_what_warns_and_by_county(people, client, count_sql):
    own = one(people, waiting_late=3, waiting=4, overdue=5, unpaid=5, counted=9, behind=1, report="late")
    client.log_in(people.users[Role.CITY])
    page = client.get("/stages/", status=200).page
    for words in ("逾期未验收", "回款逾期", "采购偏慢", "迟报"):
        assert words in page.text
    for stage in (Stage.REPORT, Stage.ORDER, Stage.ACCEPT, Stage.PAY):
        assert len(client.get(f"/stages/?warns={stage.value}", status=200).page.all("tbody tr")) >= 1
    assert not client.get("/stages/?stands=done", status=200).page.all("tbody tr")
    with count_sql() as seen:
        client.get("/stages/?format=csv", status=200)
    assert seen.count <= 8, str(seen)
    assert own


def test_a_line_opens_its_items_and_an_item_its_papers(people, client):
    item = make_items(1)[0]
    db.session.flush()
    detail = [[item.id, None, 100, 50, 7, 0, 5, 0, 0, 2, 0, None, "order"]]
    own = one(people, ordered=7, counted=5, unpaid=2, detail=detail)
    client.log_in(people.users[Role.COUNTY])
    page = client.get(f"/stages/{own}/{CYCLE}", status=200).page
    assert "2 盒未回款" in page.text
    # Nothing was recorded in this world, so the papers say that the board knew otherwise.
    page = client.get(f"/stages/{own}/{CYCLE}/{item.item_code}/ordered", status=200).page
    assert "上次计算时这里是 7 盒" in page.text
    client.get(f"/stages/{own}/{CYCLE}/{item.item_code}/nonsense", status=404)
    client.get(f"/stages/{own}/{CYCLE}/LY999/ordered", status=404)
