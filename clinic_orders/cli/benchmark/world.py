"""A prefecture to measure in: the shipped catalogue, the demonstration's roster, buyers with accounts and history."""

from __future__ import annotations

import contextlib
import os
import random
import secrets
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from datetime import datetime, timedelta
from pathlib import Path
from typing import Final

from flask import Flask
from flask_migrate import upgrade as migrate

from clinic_orders import clock
from clinic_orders.actions.accounts import open_account
from clinic_orders.actions.divisions import load_divisions
from clinic_orders.actions.drafts import Typed, save_draft
from clinic_orders.actions.ordering import submit_draft
from clinic_orders.cli.benchmark.visitor import Visitor
from clinic_orders.cli.context import Failed
from clinic_orders.config import PREFIX
from clinic_orders.exchange.demonstration import Demonstration, make_demonstration
from clinic_orders.exchange.divisions import CATALOG, read_divisions
from clinic_orders.exchange.importing import Report, import_file, import_rows
from clinic_orders.exchange.reading import open_file
from clinic_orders.exchange.tables import KINDS
from clinic_orders.models.base import db
from clinic_orders.queries.accounts import principal
from clinic_orders.queries.demonstration import institution_id
from clinic_orders.queries.ordering import Buyer, buyer
from clinic_orders.rules.days import day_in_china
from clinic_orders.rules.parties import SYSTEM, Actor, InstitutionKind, Role

LINES: Final = 12
BUYERS: Final = 13
_SEED: Final = 338
_HISTORY_MONTHS: Final = 6
_ROSTER: Final = ("distributors", "institutions", "commitments", "mandates", "delivery-relations")
_SHIPPED: Final = (
    ("catalogue", "recommended_338/catalogue.csv"),
    ("prices", "recommended_338/prices.csv"),
    ("editions", "recommended_338/editions.csv"),
    ("policies", "policies_example.csv"),
)


@dataclass(slots=True)
class Clinic:
    """A village clinic with somebody who orders for it, logged in."""

    buyer: Buyer
    actor: Actor
    visitor: Visitor
    orders: int = 0


@dataclass(frozen=True, slots=True)
class World:
    """Where it is measured.

    Attributes:
        app: the application.
        reader: the clinic that looks at the order page; its last order was a month ago.
        clinics: those that send orders.
        items: the codes of the items that somebody delivers.

    """

    app: Flask
    reader: Clinic
    clinics: list[Clinic]
    items: list[str]

    def next_cart(self, clinic: Clinic) -> dict[str, str]:
        """Twelve items that this clinic has not ordered in this run, with packs, so that nothing is a duplicate."""
        first = clinic.orders * LINES
        if first + LINES > len(self.items):
            raise Failed("too many rounds: every item has been ordered")
        clinic.orders += 1
        return {code: str(2 + place) for place, code in enumerate(self.items[first : first + LINES])}


def environment(database_url: str, instance: Path) -> dict[str, str]:
    """The settings of a measurement, as a process of its own or this one would read them."""
    wanted = {
        "DATABASE_URL": database_url,
        "INSTANCE": str(instance),
        "SECRET_KEY": secrets.token_urlsafe(32),
        "SECURE_COOKIES": "0",
        "TODAY": "",
        "LOGIN_LIMIT": "10000 per minute",
        "PUBLIC_LIMIT": "1000000 per minute",
        "RATE_LIMIT_STORAGE": "memory://",
    }
    return {PREFIX + name: value for name, value in wanted.items()}


@contextlib.contextmanager
def application(make_app: Callable[[], Flask], database_url: str, instance: Path) -> Iterator[Flask]:
    """The application on another database than the one of the settings, its connections closed at the end."""
    wanted = environment(database_url, instance)
    before = {name: os.environ.get(name) for name in wanted}
    os.environ.update(wanted)
    try:
        app = make_app()
    finally:
        for name, value in before.items():
            if value is None:
                del os.environ[name]
            else:
                os.environ[name] = value
    try:
        yield app
    finally:
        with app.app_context():
            db.session.remove()
            db.engine.dispose()


def fill(app: Flask, size: str = "small") -> World:
    """Migrate the empty database, fill it with the roster of a demonstration of this size, log the clinics in."""
    at = clock.now()
    with app.app_context():
        migrate()
        demonstration = _load(at, size)
        dice = random.Random(_SEED)  # noqa: S311 - nothing secret is made of it.
        delivered = sorted(
            row["item_code"]
            for row in demonstration.rows["delivery-relations"]
            if row["scope"] == demonstration.show_county
        )
        dice.shuffle(delivered)
        opened = [_clinic(app, code, at) for code in _codes(demonstration)]
        for clinic, _ in opened:
            _order_before(clinic, delivered, at, dice)
        # Statistics of the data at hand, as a database in use has them.
        with db.engine.begin() as connection:
            connection.exec_driver_sql("ANALYZE")
        db.session.remove()
    # Outside of the context above: a request inside of it would share its `g`, and so the person.
    for clinic, password in opened:
        clinic.visitor.log_in(clinic.buyer.code, password)
    reader, *clinics = [clinic for clinic, _ in opened]
    return World(app, reader, clinics, delivered)


def _load(at: datetime, size: str) -> Demonstration:
    divisions = read_divisions()
    load_divisions(divisions, by=SYSTEM, at=at)
    for kind, name in _SHIPPED:
        path = CATALOG / name
        _checked(import_file(kind, path, path.name, by=SYSTEM, at=at))
    files = {
        kind: [row for _, row in open_file(KINDS[kind], CATALOG / name).rows()] for kind, name in _SHIPPED
    }
    demonstration = make_demonstration(
        size,
        months=1,
        seed=_SEED,
        today=day_in_china(at),
        now=at,
        divisions=divisions,
        items=files["catalogue"],
        prices={row["item_code"]: row["pack_price"] for row in files["prices"]},
    )
    for kind in _ROSTER:
        _checked(import_rows(kind, demonstration.rows[kind], filename="bench", by=SYSTEM, at=at))
    return demonstration


def _checked(report: Report) -> None:
    if report.errors:
        raise Failed(f"{report.kind}: {report.errors[0].as_dict(str)}")


def _codes(demonstration: Demonstration) -> list[str]:
    """Village clinics of the county in view that have a letter."""
    signed = {row["institution_code"] for row in demonstration.rows["commitments"]}
    found = [
        place.code
        for place in demonstration.places
        if place.kind is InstitutionKind.VILLAGE_CLINIC
        and place.county == demonstration.show_county
        and place.code in signed
    ]
    return found[:BUYERS]


def _clinic(app: Flask, code: str, at: datetime) -> tuple[Clinic, str]:
    """A clinic with an account, and the account's password."""
    password = secrets.token_urlsafe(12)
    account = open_account(
        code,
        code,
        Role.INSTITUTION,
        institution_id=institution_id(code),
        password=password,
        must_change_password=False,
        by=SYSTEM,
        at=at,
    )
    found = principal(account.user_id, None, on=day_in_china(at))
    assert found is not None
    assert found.actor.institution_id is not None
    ordered_for = buyer(found.actor.institution_id, on=day_in_china(at))
    assert ordered_for is not None
    db.session.rollback()
    return Clinic(ordered_for, found.actor, Visitor(app)), password


def _order_before(clinic: Clinic, items: list[str], at: datetime, dice: random.Random) -> None:
    """Half a year of monthly orders, so that "last time" and the usual list have something to say."""
    usual = dice.sample(items, 24)
    for month in range(_HISTORY_MONTHS, 0, -1):
        moment = at - timedelta(days=30 * month + 2)
        packs = {code: str(dice.randrange(2, 20)) for code in dice.sample(usual, LINES)}
        save_draft(clinic.buyer, Typed(packs=packs), by=clinic.actor, at=moment)
        submit_draft(
            key=secrets.token_urlsafe(18),
            ordering_id=clinic.buyer.ordering_id,
            institution_id=clinic.buyer.institution_id,
            by=clinic.actor,
            at=moment,
        )
