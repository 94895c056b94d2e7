"""Scorecards: the bureau sees all distributors, each distributor its own, by township (R-STAT-3)."""

from __future__ import annotations

from clinic_orders.rules.parties import Role
from tests.many_of_all import make_many
from tests.orders_in_work import NOW


def test_a_bureau_sees_all_and_a_distributor_its_own(app, client, clock_at):
    clock_at(NOW)
    world, people = make_many()
    client.log_in(people[Role.CITY])
    page = client.get("/scorecards/?sort=-late", status=200).page
    first = page.all("tbody tr")[0].text
    # Townships of 0 to 59 late item-days together.
    assert "豫西安康" in first
    assert "1,770" in first
    client.get(page.all("tbody th a")[0]["href"], status=200)
    client.get("/scorecards/D9999", status=404)
    client.log_in(people[Role.DISTRIBUTOR])
    page = client.get("/scorecards/own", status=200).page
    assert page.texts("tbody tr")[0].startswith("第59镇")
    client.get("/scorecards/", status=403)
    assert world.distributor.code
