"""Rubbish for forms and pages, the same each time: nothing breaks, nothing refused stores anything. `make fuzz` is the long form."""

from __future__ import annotations

from clinic_orders.rules.parties import Role
from tests.fuzz.walking import walk_as
from tests.many_of_all import make_many

LED = (Role.INSTITUTION.value, Role.DISTRIBUTOR.value, "anonymous")
"""They are led through their pages and get rubbish into the forms of real records; the others by address only."""
BY_ADDRESS = (Role.HOSPITAL.value, Role.COUNTY.value, Role.CITY.value, Role.OPERATOR.value)


def test_no_rubbish_breaks_a_page_or_stores_what_was_refused(app):
    _, people = make_many()
    walks = [walk_as(app, role, people, most=1) for role in LED]
    walks += [walk_as(app, role, people, most=0) for role in BY_ADDRESS]
    for number, walk in enumerate(walks):
        walk.run(30, number)
    faults = [f"as {one.role}: {one.what}\n{one.error[-1500:]}" for walk in walks for one in walk.broken]
    assert not faults, "\n\n".join(faults)
    assert sum(walk.asked for walk in walks) >= 180
    answered = {status for walk in walks for status in walk.answers}
    assert {200, 302, 404} <= answered, "the rubbish reached pages, forms and records"
