"""A prefecture with people who log in, filled once for each database and kept; every measurement works on a copy."""

from __future__ import annotations

import contextlib
import json
import os
import random
import shutil
import sqlite3
import subprocess
import sys
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from pathlib import Path
from typing import Any, Final

from flask import Flask
from sqlalchemy import create_engine, select, text

from clinic_orders import clock
from clinic_orders.actions.accounts import open_account
from clinic_orders.actions.answering import answer_order_in_full
from clinic_orders.actions.drafts import Typed, save_draft
from clinic_orders.actions.ordering import submit_draft
from clinic_orders.actions.shipping import ShipLine, ship
from clinic_orders.cli.benchmark.world import LINES, application, environment
from clinic_orders.cli.context import Failed
from clinic_orders.cli.throwaway_postgres import DURABLE, SETTINGS, Cluster, kept_cluster
from clinic_orders.models.base import db
from clinic_orders.models.orders import Order
from clinic_orders.models.roster import Distributor, Institution, InstitutionRecord
from clinic_orders.queries.ordering import DraftRow, buyer, facts, items_on, ordering_policy
from clinic_orders.rules.days import day_in_china
from clinic_orders.rules.order_refusals import BuyerRefused, refusals
from clinic_orders.rules.parties import SYSTEM, Actor, InstitutionKind, Role

PASSWORD: Final = "a crowd at eight 8"  # noqa: S105 - nobody else knows this database.
_COUNTIES: Final = 4
_CARTS: Final = 20
_SEED: Final = 7
_FILLING: Final = SETTINGS | {"shared_buffers": "512MB", "max_wal_size": "4GB"}
# As in service: a commit waits for the disk, and the server keeps its own house.
_SERVING: Final = DURABLE | {"shared_buffers": "1GB", "max_wal_size": "4GB"}
_HOSPITALS: Final = {InstitutionKind.TOWNSHIP_HOSPITAL, InstitutionKind.COMMUNITY_HEALTH_CENTER}


@dataclass(frozen=True, slots=True)
class Wanted:
    """What a prefecture is filled with.

    Attributes:
        size: of the demonstration.
        months: of its history.
        buyers: institutions that log in, as far as there are so many that may order.
        users: how many of these have twenty carts and goods under way.

    """

    size: str
    months: int
    buyers: int
    users: int


@dataclass(frozen=True, slots=True)
class Person:
    """Somebody who logs in.

    Attributes:
        username: with ``PASSWORD``.
        role: of ``rules.parties.Role``.
        carts: of a buyer, item codes by twelves that its county's distributors bring and that it has not ordered lately.

    """

    username: str
    role: str
    carts: tuple[tuple[str, ...], ...] = ()


@dataclass(frozen=True, slots=True)
class Prefecture:
    """A copy of the filled database that may be worked in.

    Attributes:
        url: of the database.
        instance: the folder of its files.
        people: buyers first, those of the mixed traffic before the others.

    """

    url: str
    instance: Path
    people: list[Person]

    def of(self, *roles: Role) -> list[Person]:
        """The people in these roles."""
        return [person for person in self.people if person.role in roles]

    @property
    def environ(self) -> dict[str, str]:
        """The environment of a process that works on it."""
        return os.environ | environment(self.url, self.instance)


@contextlib.contextmanager
def prefecture(
    make_app: Callable[[], Flask], name: str, home: Path, wanted: Wanted, say: Callable[[str], None]
) -> Iterator[Prefecture]:
    """A copy of the filled prefecture on this database; filled first where the folder does not hold it yet.

    Args:
        make_app: makes the application.
        name: of the database.
        home: the folder that is kept.
        wanted: what it is filled with.
        say: tells what goes on.

    """
    home.mkdir(parents=True, exist_ok=True)
    made, copies = home / "people.json", home / "instance"
    with contextlib.ExitStack() as stack:
        if name == "sqlite":
            whole, copy = home / "whole.sqlite3", home / "copy.sqlite3"
            if not made.exists():
                _fill(make_app, f"sqlite:///{whole}", home, wanted, say)
            _upgrade(f"sqlite:///{whole}", home)
            for left in home.glob("copy.sqlite3*"):
                left.unlink()
            say("copying the database")
            copy_file(whole, copy)
            url = f"sqlite:///{copy}"
        else:
            folder = home / "server"
            if not made.exists():
                with kept_cluster(folder, _FILLING) as server:
                    server.drop("whole")
                    _fill(make_app, server.url(server.create(name="whole")), home, wanted, say)
            server = stack.enter_context(kept_cluster(folder, _SERVING))
            _upgrade(server.url("whole"), home)
            say("copying the database")
            server.drop("copy")
            url = server.url(server.create(template="whole", name="copy"))
        shutil.rmtree(copies, ignore_errors=True)
        people = [
            Person(one["username"], one["role"], tuple(tuple(cart) for cart in one["carts"]))
            for one in json.loads(made.read_text())
        ]
        try:
            yield Prefecture(url, copies, people)
        finally:
            _take_away(home, stack, name, server if name != "sqlite" else None)


def _take_away(home: Path, stack: contextlib.ExitStack, name: str, server: Cluster | None) -> None:
    """Remove the copy: what was measured is told, and the next measurement begins with the same data."""
    if server is not None:
        server.drop("copy")
        stack.close()
    for left in home.glob("copy.sqlite3*"):
        left.unlink()


def copy_file(origin: Path, copy: Path) -> None:
    """Copy a database of SQLite with all that is committed, wherever it lies."""
    with (
        contextlib.closing(sqlite3.connect(origin)) as whole,
        contextlib.closing(sqlite3.connect(copy)) as other,
    ):
        whole.backup(other)


def _upgrade(url: str, home: Path) -> None:
    """Bring what was kept to the schema of this program."""
    words = [sys.executable, "-m", "clinic_orders", "db", "upgrade", "--no-backup"]
    environ = os.environ | environment(url, home / "filling")
    done = subprocess.run(words, env=environ, capture_output=True, text=True, check=False)
    if done.returncode:
        raise Failed(f"the kept database could not be upgraded:\n{done.stderr[-2000:]}")


def _fill(
    make_app: Callable[[], Flask], url: str, home: Path, wanted: Wanted, say: Callable[[str], None]
) -> None:
    instance = home / "filling"
    for left in home.glob("whole.sqlite3*"):
        left.unlink()
    say("filling a prefecture, which takes minutes; it is kept")
    done = subprocess.run(
        [
            sys.executable,
            "-m",
            "clinic_orders",
            "demo",
            "--size",
            wanted.size,
            "--months",
            str(wanted.months),
        ],
        env=os.environ | environment(url, instance),
        capture_output=True,
        text=True,
        check=False,
    )
    if done.returncode:
        raise Failed(f"the demonstration could not be made:\n{done.stderr[-2000:]}")
    with application(make_app, url, instance) as app:
        people = settle(app, wanted, say)
    _tidy_up(url)
    (home / "people.json").write_text(json.dumps(people, ensure_ascii=False))


def settle(app: Flask, wanted: Wanted, say: Callable[[str], None]) -> list[dict[str, Any]]:
    """Open the accounts, and let goods be under way to those who will receive some."""
    at = clock.now()
    dice = random.Random(_SEED)  # noqa: S311 - nothing secret is made of it.
    with app.app_context():
        say("looking for those who may order")
        ready = _ready_to_order(at, dice, wanted)
        say(f"opening accounts for {len(ready)} buyers")
        people = []
        for number, (place, carts) in enumerate(ready):
            account = _open(f"b{number:05}", place["role"], at, institution_id=place["id"])
            people.append(_person(account, place["role"], carts))
            if number < wanted.users:
                _goods_under_way(place["id"], account.user_id, carts, at)
        for number, row in enumerate(db.session.execute(select(Distributor.id).order_by(Distributor.id))):
            account = _open(f"d{number:05}", Role.DISTRIBUTOR, at, distributor_id=row.id)
            people.append(_person(account, Role.DISTRIBUTOR, ()))
        for number, county in enumerate(sorted({place["county"] for place, _ in ready})[:_COUNTIES]):
            people.append(
                _person(_open(f"c{number:05}", Role.COUNTY, at, county_code=county), Role.COUNTY, ())
            )
        for number in range(2):
            people.append(_person(_open(f"m{number:05}", Role.CITY, at), Role.CITY, ()))
        db.session.remove()
    return people


def _open(username: str, role: Role, at: datetime, **where: Any) -> Any:
    return open_account(
        username,
        username,
        role,
        password=PASSWORD,
        must_change_password=False,
        valid_from=day_in_china(at) - timedelta(days=1),
        by=SYSTEM,
        at=at,
        **where,
    )


def _person(account: Any, role: Role, carts: Sequence[Sequence[str]]) -> dict[str, Any]:
    return {"username": account.username, "role": role.value, "carts": carts}


def _ready_to_order(
    at: datetime, dice: random.Random, wanted: Wanted
) -> list[tuple[dict[str, Any], list[list[str]]]]:
    """Who may order at all, in an order of dice, with carts that nothing speaks against."""
    on, record = day_in_china(at), InstitutionRecord
    book, day = ordering_policy(), items_on(on)
    rows = db.session.execute(
        select(Institution.id, record.kind, record.county_code)
        .join(record, record.institution_id == Institution.id)
        .where(record.valid_before.is_(None), record.headquarters_id.is_(None), record.left_on.is_(None))
        .order_by(Institution.id)
    ).all()
    places = [{"id": row.id, "kind": row.kind, "county": row.county_code} for row in rows]
    dice.shuffle(places)
    found: list[tuple[dict[str, Any], list[list[str]]]] = []
    for place in places:
        who = buyer(place["id"], on=on)
        if who is None:
            continue
        held = facts(who, at=at, on=on, book=book)
        codes = [
            item.code
            for item in day.offered(who.kind, urgent=False)
            if not refusals(held.request(item, DraftRow(0, "1", "", None, None, None), "1"))
        ]
        probe = held.request(day.items[0], DraftRow(0, "1", "", None, None, None), "1")
        if any(isinstance(error, BuyerRefused) for error in refusals(probe)) or len(codes) < LINES:
            continue
        dice.shuffle(codes)
        most = _CARTS if len(found) < wanted.users else 3
        carts = [codes[first : first + LINES] for first in range(0, len(codes) - LINES + 1, LINES)][:most]
        place["role"] = Role.HOSPITAL if place["kind"] in _HOSPITALS else Role.INSTITUTION
        found.append((place, carts))
        if len(found) == wanted.buyers:
            break
    db.session.rollback()
    return found


def _goods_under_way(institution: int, user_id: int, carts: list[list[str]], at: datetime) -> None:
    """Two of the carts are ordered, answered and shipped already, and taken off the list."""
    on = day_in_china(at)
    who = buyer(institution, on=on)
    assert who is not None
    by = Actor(who.name, Role.INSTITUTION, user_id=user_id, institution_id=institution)
    for _ in range(2):
        cart = carts.pop()
        save_draft(who, Typed(packs=dict.fromkeys(cart, "3")), by=by, at=at)
        answer = submit_draft(
            key=f"before-{institution:08}-{len(carts):04}",
            ordering_id=who.ordering_id,
            institution_id=who.institution_id,
            by=by,
            at=at,
        )
        for number in answer.orders:
            order = db.session.scalars(select(Order).where(Order.order_no == number)).one()
            distributor = Actor(
                order.distributor.name, Role.DISTRIBUTOR, user_id=None, distributor_id=order.distributor_id
            )
            answer_order_in_full(number, by=distributor, at=at)
            lines = [
                ShipLine(line.line_no, "B1", on + timedelta(days=700), line.packs) for line in order.lines
            ]
            ship(number, lines, by=distributor, at=at)


def _tidy_up(url: str) -> None:
    """Statistics for the planner, and on SQLite one file that can be copied."""
    if url.startswith("sqlite"):
        file = sqlite3.connect(url.removeprefix("sqlite:///"))
        file.execute("ANALYZE")
        file.execute("PRAGMA wal_checkpoint(TRUNCATE)")
        file.close()
        return
    engine = create_engine(url, isolation_level="AUTOCOMMIT")
    with engine.connect() as connection:
        connection.execute(text("VACUUM ANALYZE"))
    engine.dispose()
