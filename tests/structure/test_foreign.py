"""Every endpoint with an object in its path answers 404 to whom the object is not: pages and forms, found by going there.

The addresses come from the pages of their owners, the strangers are everybody whose role may open the endpoint: another
clinic, a hospital, another distributor, another county. Nothing is listed but what everybody may see.
"""

from __future__ import annotations

from werkzeug.routing import IntegerConverter

from clinic_orders.models.accounts import RoleAssignment, User
from clinic_orders.models.base import db
from clinic_orders.models.roster import Institution
from clinic_orders.rules.parties import Role
from tests.crawler import Address
from tests.foreign_world import make_foreign
from tests.fuzz.rubbish import form_body
from tests.fuzz.walking import RawClient, allowed_to, keeping_cookies, noting, undone, walk_as
from tests.many_of_all import make_many
from tests.many_size import START
from tests.orders_in_work import LONG_AGO

OWNERS = (Role.INSTITUTION, Role.DISTRIBUTOR, Role.COUNTY)
WORDS = frozenset({"kind", "month", "quarter", "year", "parameter", "item_code", "day", "days", "name"})
"""Arguments that name no object of anybody: a month, a kind of file, an item of the catalogue."""
COMMON = {
    "roster.institution": "the roster is read by every bureau",
    "scorecards.answers": "a distributor is known to every bureau; a county finds the lines of its own institutions there",
    "scorecards.lines": "as scorecards.answers",
    "scorecards.paper": "as scorecards.answers",
    "scorecards.show": "as scorecards.answers",
    "stock.item": "an item of the catalogue in the reader's own stock",
    "stock_overview.item": "an item of the catalogue in the reader's own county or villages",
    "supply.show": "the problems of this world are of the whole city, which concern everybody",
}
"""Endpoints whose object is everybody's, and why."""

NOT_ASKED = {
    "api.show_order": "no session opens it; others' orders are asked for with tokens in tests/api/test_reading.py",
    "api.answer": "as api.show_order, in tests/api/test_storing.py",
    "api.receive_goods": "as api.answer",
    "api.ship_goods": "as api.answer",
    "api.show_webhook": "as api.show_order; those of others are asked for in tests/api/test_webhooks.py",
    "api.end_webhook": "as api.show_webhook",
    "api.list_deliveries": "as api.show_webhook",
    "api.pause_webhook": "as api.show_webhook",
    "api.ping_webhook": "as api.show_webhook",
    "api.renew_secret": "as api.show_webhook",
    "api.resend_delivery": "as api.show_webhook",
    "api.resume_webhook": "as api.show_webhook",
    "api.show_statistics": "its argument is a month",
    "paying.ask": "without an account at Alipay there are no links; those of others are asked for in test_paying",
    "paying.close": "as paying.ask",
    "paying.show": "as paying.ask",
}
"""Endpoints at which nobody is asked for another's object here, and why."""

PERSONAL = frozenset({"devices.end", "home.open_notice"})
"""Endpoints whose object is a person's own: it is not even the city's or the operator's, who otherwise see all."""


def person(role: Role, **place: object) -> User:
    user = User(username=f"stranger-{role.value}", name="陌生人", password_hash="-", created_at=LONG_AGO)
    user.assignments.append(RoleAssignment(role=role, valid_from=START, **place))
    db.session.add(user)
    return user


def make_strangers(world) -> dict[Role, User]:
    """People of other organisations, none of which has to do with the owners'."""
    village = (
        db.session.query(Institution)
        .filter(Institution.code.like("V2%"))
        .order_by(Institution.id.desc())
        .first()
    )
    strangers = {
        Role.INSTITUTION: person(Role.INSTITUTION, institution_id=village.id),
        Role.HOSPITAL: person(Role.HOSPITAL, institution_id=world.hospital.id),
        Role.DISTRIBUTOR: person(Role.DISTRIBUTOR, distributor_id=world.other_distributor.id),
        Role.COUNTY: person(Role.COUNTY, county_code="410329"),
        Role.CITY: person(Role.CITY),
        Role.OPERATOR: person(Role.OPERATOR),
    }
    db.session.commit()
    return strangers


def ask(app, client, address: Address) -> tuple[int, bool]:
    """The status of the answer, and whether anything was stored; what was done is undone."""
    posts = address.method == "POST"
    with undone(app), keeping_cookies(client), noting(app) as noted:
        answer = client.open(
            address.path,
            method=address.method,
            data=form_body(list(address.fields)) if posts else None,
            content_type="application/x-www-form-urlencoded" if posts else None,
        )
        return answer.status_code, posts and bool(noted.more())


def guessed(app, walk, endpoints: set[str]) -> list[Address]:
    """Addresses of endpoints that no page has led to, made of the objects of other pages of the same area."""
    values: dict[tuple[str, str], object] = {}
    for address in walk.addresses:
        for name, value in address.arguments:
            values.setdefault((address.endpoint.partition(".")[0], name), value)
            values.setdefault(("", name), value)
    made = []
    for rule in app.url_map.iter_rules():
        area = rule.endpoint.partition(".")[0]
        known = {name: values.get((area, name), values.get(("", name))) for name in rule.arguments}
        if rule.endpoint in endpoints and None not in known.values():
            whole = {name for name in rule.arguments if isinstance(rule._converters[name], IntegerConverter)}
            if not all(isinstance(known[name], int) for name in whole):
                continue
            _, path = rule.build(known | dict(rule.defaults or {}), append_unknown=False)
            method = "GET" if "GET" in rule.methods else "POST"
            address = Address(rule.endpoint, method, path, tuple(known.items()))
            if ask(app, walk.client, address)[0] not in {404, 405}:
                made.append(address)
    return made


def test_what_is_anothers_is_not_found(app):
    world, people = make_many()
    made = make_foreign(app.extensions["settings"].instance, world, people)
    owners = {role: walk_as(app, role.value, people, most=1) for role in OWNERS}
    strangers = make_strangers(world)
    clients = {role: RawClient(app) for role in strangers}
    for role, user in strangers.items():
        clients[role].log_in(user)
    wanted, wrong, asked = with_objects(app), [], set()
    for owner in people:
        walk = owners.get(owner)
        led = made[owner] + ([one for one in walk.addresses if one not in walk.made_up] if walk else [])
        led = [one for one in led if one.endpoint in wanted]
        missing = wanted - {one.endpoint for one in led}
        by_guess = guessed(app, walk, missing & allowed_to(owner.value)) if walk else []
        wrong += [
            f"{one} is not there for {owner.value}"
            for one in made[owner]
            if not is_there(app, people, owner, one)
        ]
        for role, client in clients.items():
            for address in led + by_guess:
                if address.endpoint not in endpoints_of(role):
                    continue
                asked.add((address.endpoint, role.value))
                status, kept = ask(app, client, address)
                # A form without its fields may be refused before anybody looks for the object.
                if status not in ({400, 404} if address in by_guess else {404}) or kept:
                    wrong.append(
                        f"{address.endpoint}: {address.method} {address.path} of {owner.value} answers {role.value} {status}"
                    )
    assert not wrong, "\n".join(sorted(set(wrong)))
    pairs = {(one, role.value) for role in strangers for one in wanted & endpoints_of(role)}
    left = {pair for pair in pairs - asked if pair[0] not in NOT_ASKED}
    assert not left, f"asked by nobody who is a stranger; make one in tests/foreign_world.py: {sorted(left)}"
    assert not {one for one, _ in asked} & set(NOT_ASKED), "asked after all"


def is_there(app, people: dict[Role, User], owner: Role, address: Address) -> bool:
    """Whether the owner finds it, so that not finding it says something."""
    client = RawClient(app)
    client.log_in(db.session.merge(people[owner]))
    return ask(app, client, address)[0] not in {404, 405}


def endpoints_of(role: Role) -> set[str]:
    """The endpoints at which a stranger of a role is asked: the bureau of the city and the operator see what is the city's."""
    allowed = allowed_to(role.value)
    return allowed & PERSONAL if role in {Role.CITY, Role.OPERATOR} else allowed


def with_objects(app) -> set[str]:
    """The endpoints behind the log-in whose path names an object, and which more than one side may open."""
    strangers = set().union(*(allowed_to(role.value) for role in (*OWNERS, Role.HOSPITAL)))
    return {
        rule.endpoint
        for rule in app.url_map.iter_rules()
        if rule.arguments - WORDS - set(rule.defaults or {})
        and rule.endpoint in strangers
        and getattr(app.view_functions[rule.endpoint], "__guard__", None) != "public"
        and rule.endpoint not in COMMON
    }
