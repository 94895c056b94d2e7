"""A world in which every list is longer than a page, for the tests that walk over all lists."""

from __future__ import annotations

from clinic_orders.models.accounts import RoleAssignment, User
from clinic_orders.models.base import db
from clinic_orders.models.orders import NumberSeries
from clinic_orders.rules.parties import Role
from tests.many_assessed import make_assessed
from tests.many_complaints import make_complaints
from tests.many_figures import make_months, make_reckoned, make_stages, make_volumes
from tests.many_found import make_cases, make_clues, make_findings
from tests.many_inspections import make_inspections
from tests.many_monitored import make_monitored
from tests.many_on_shelves import make_shelves
from tests.many_papers import (
    make_bank,
    make_exports,
    make_gateway_messages,
    make_holds,
    make_orders,
    make_statements,
)
from tests.many_persons import make_personal_requests
from tests.many_places import (
    make_applications,
    make_catalogue,
    make_exits,
    make_office,
    make_roster,
    make_stock,
    make_trainings,
)
from tests.many_size import MANY, START
from tests.many_webhooks import make_webhooks
from tests.orders_in_work import LONG_AGO, World, make_world


def make_people(world: World) -> dict[Role, User]:
    """Somebody for every role, whom the checking client can log in."""
    places: dict[Role, dict[str, object]] = {
        Role.INSTITUTION: {"institution_id": world.clinic.id},
        Role.HOSPITAL: {"institution_id": world.hospital.id},
        Role.DISTRIBUTOR: {"distributor_id": world.distributor.id},
        Role.COUNTY: {"county_code": "410325"},
        Role.CITY: {},
        Role.OPERATOR: {},
    }
    people = {}
    for role, place in places.items():
        user = User(username=f"u-{role.value}", name="王桂兰", password_hash="-", created_at=LONG_AGO)
        user.assignments.append(RoleAssignment(role=role, valid_from=START, **place))
        db.session.add(user)
        people[role] = user
    db.session.commit()
    return people


def pass_over_numbers() -> None:
    """Let the next case, clue, list handed over, plan and visit have a number that none of these has."""
    for word in ("AJ", "XS", "YS", "JH", "JC", "嵩县医保提"):
        db.session.merge(NumberSeries(series=f"{word}〔2026〕", last=9100))


def make_many() -> tuple[World, dict[Role, User]]:
    """More than a page of everything that has a list."""
    world = make_world(items=MANY)
    people = make_people(world)
    make_roster(world)
    make_catalogue(world)
    make_office(world)
    make_exports(people)
    make_orders(world, people)
    make_holds(world)
    make_gateway_messages()
    make_statements(world)
    make_bank(world)
    make_findings(world)
    make_cases(world)
    make_clues(world)
    make_volumes(world)
    make_applications()
    make_stages()
    make_exits(world)
    make_personal_requests(world)
    make_webhooks(world)
    make_trainings(world)
    make_stock(world)
    make_complaints(world, MANY)
    make_inspections(world, MANY)
    make_monitored(world, MANY)
    make_shelves(world)
    make_months()
    make_reckoned(world)
    make_assessed(MANY)
    pass_over_numbers()
    db.session.commit()
    return world, people
