"""Rubbish for every page and form that a role is led to, and for every endpoint by its name; what broke is gathered."""

from __future__ import annotations

import contextlib
import csv
import json
import traceback
from collections.abc import Iterator
from dataclasses import dataclass, field
from typing import Any

from flask import Flask
from hypothesis import HealthCheck, Phase, given, seed, settings
from hypothesis import strategies as st
from sqlalchemy import Connection, text
from werkzeug.routing import IntegerConverter

from clinic_orders.models.base import db
from clinic_orders.rules.parties import Role
from clinic_orders.web.limits import limiter
from scripts.make_access import TABLE
from tests.checking_client import CheckingClient
from tests.crawler import PER_ENDPOINT, Address, crawl
from tests.fuzz.rubbish import BOUNDARY, form_body, json_values, multipart_body, percent, texts
from tests.statements import WRITES, Statements, count_statements

LIST_WORDS = (
    "q", "page", "sort", "format", "show", "state", "month", "quarter", "county", "kind", "day", "from", "to", "first",
    "last", "rule", "grade", "item", "code", "by", "next", "township", "subject", "deed", "person", "at", "since",
)  # fmt: skip
"""What lists take from their address; each page gets some of them besides those of its links."""


class RawClient(CheckingClient):
    """Asks and looks at the answer's status only: hostile texts make no tidy pages of other people's words."""

    def _inspect(self, response: Any, where: str) -> None:
        return


@dataclass
class Broken:
    """A request that the application did not survive, or that stored something although it was refused."""

    role: str
    what: str
    error: str

    @property
    def cause(self) -> str:
        """The last lines of the traceback, by which equal faults are known."""
        lines = [line for line in self.error.splitlines() if line.strip()]
        own = [line.strip() for line in lines if "clinic_orders/" in line]
        return f"{own[-1] if own else ''} | {lines[-1][:160] if lines else ''}"


@dataclass
class Walk:
    """One role's way through the application with rubbish in its hands."""

    app: Flask
    client: RawClient
    role: str
    addresses: list[Address] = field(default_factory=list)
    made_up: set[Address] = field(default_factory=set)
    broken: list[Broken] = field(default_factory=list)
    asked: int = 0
    answers: dict[int, int] = field(default_factory=dict)

    def prepare(self, most: int) -> None:
        """Find the addresses and forms of this role; endpoints nothing leads to are asked by their rule."""
        allowed = allowed_to(self.role)
        self.addresses = crawl(self.app, self.client, allowed, most) if most else []
        known = {(address.endpoint, address.method) for address in self.addresses}
        for rule in self.app.url_map.iter_rules():
            for method in sorted((rule.methods or set()) & {"GET", "POST"}):
                if rule.endpoint in allowed and (rule.endpoint, method) not in known:
                    made_up = Address(rule.endpoint, method, _filled(rule))
                    self.made_up.add(made_up)
                    self.addresses.append(made_up)

    def run(self, examples: int, number: int) -> None:
        """Ask so many times, each time another address with other rubbish; equal numbers ask the same."""

        @seed(number)
        @settings(
            max_examples=examples,
            deadline=None,
            database=None,
            phases=(Phase.generate,),
            suppress_health_check=list(HealthCheck),
        )
        @given(st.data())
        def ask(data: st.DataObject) -> None:
            self._ask(data)

        ask()

    def _ask(self, data: st.DataObject) -> None:
        address = data.draw(st.sampled_from(self.addresses))
        path = address.path
        if address.arguments and data.draw(st.integers(0, 3)) == 0:
            path = self._other_path(data, address)
        if address.method == "GET":
            path = f"{path.partition('?')[0]}?{self._query(data, path)}"
            self._send(address, "GET", path, b"", None)
            return
        fields = self._fields(data, address)
        form = data.draw(st.sampled_from(("form", "form", "form", "multipart", "json", "nothing")))
        if address.files:
            form = "multipart" if form == "form" else form
        if form == "multipart":
            files = [(name, data.draw(texts), data.draw(st.binary(max_size=300))) for name in address.files]
            body = multipart_body(fields, files)
            self._send(address, "POST", path, body, f"multipart/form-data; boundary={BOUNDARY}")
        elif form == "json":
            body = _as_json(data.draw(json_values))
            self._send(address, "POST", path, body, "application/json")
        elif form == "nothing":
            self._send(address, "POST", path, data.draw(st.binary(max_size=60)), data.draw(_kinds))
        else:
            self._send(address, "POST", path, form_body(fields), "application/x-www-form-urlencoded")

    def _other_path(self, data: st.DataObject, address: Address) -> str:
        path = address.path.partition("?")[0]
        _name, value = data.draw(st.sampled_from(address.arguments))
        rubbish = data.draw(st.one_of(texts, st.sampled_from(("0", "2147483648", "9" * 25, "2026-11", "1"))))
        return path.replace(percent(str(value)), percent(rubbish)[:2000] or "x")

    def _query(self, data: st.DataObject, path: str) -> str:
        pairs = [pair.partition("=") for pair in path.partition("?")[2].split("&") if pair]
        words = [name for name, _, _ in pairs] + list(LIST_WORDS)
        for name in data.draw(st.lists(st.sampled_from(words), max_size=3)):
            pairs.append((name, "=", percent(data.draw(texts))))
        return "&".join(f"{name}={value}" for name, _, value in pairs)

    def _fields(self, data: st.DataObject, address: Address) -> list[tuple[str, str]]:
        fields = list(address.fields)
        for _ in range(data.draw(st.integers(1, 3))):
            deed = data.draw(st.sampled_from(("change", "change", "change", "drop", "repeat", "add")))
            if not fields or deed == "add":
                fields.append((data.draw(texts), data.draw(texts)))
                continue
            place = data.draw(st.integers(0, len(fields) - 1))
            if deed == "drop":
                del fields[place]
            elif deed == "repeat":
                fields.append((fields[place][0], data.draw(texts)))
            else:
                fields[place] = fields[place][0], data.draw(texts)
        return fields

    def _send(self, address: Address, method: str, path: str, body: bytes, kind: str | None) -> None:
        self.asked += 1
        what = f"{method} {path[:300]} {kind or ''} {body[:1500]!r}"
        with undone(self.app), keeping_cookies(self.client), noting(self.app) as noted:
            try:
                answer = self.client.open(path, method=method, data=body or None, content_type=kind)
            except Exception:
                self.broken.append(Broken(self.role, what, traceback.format_exc()))
                return
            self.answers[answer.status_code] = self.answers.get(answer.status_code, 0) + 1
            if method != "POST" or answer.status_code < 400:
                return
            more = noted.more()
            if address.endpoint in ASKS_FOR_A_PASSWORD:
                more.pop("audit_entry", None)
            if more:
                self.broken.append(
                    Broken(self.role, what, f"{address.endpoint}: {answer.status_code}, stored {more}")
                )


_kinds = st.sampled_from(
    ("text/plain", "application/xml", "multipart/form-data", "application/json", "x/y", "")
)

ASKS_FOR_A_PASSWORD = frozenset(
    {
        "account.change_password",
        "account.log_in",
        "second_step.begin",
        "second_step.codes",
        "second_step.confirm",
        "second_step.end",
        "second_step.enter",
    }
)
"""A wrong password is refused and written down all the same."""


@contextlib.contextmanager
def undone(app: Flask) -> Iterator[None]:
    """Take back what is done inside, so that each request meets the same world."""
    connection = db.engines[None]
    assert isinstance(connection, Connection), "the fixture app works on one connection"
    db.session.remove()
    point = connection.begin_nested()
    app.extensions["undone"] = point
    try:
        yield
    finally:
        undo(app)
        limiter.reset()
        app.extensions["api_limits"].counter.storage.reset()


def undo(app: Flask) -> None:
    """Take back what was done since ``undone`` began."""
    db.session.remove()
    point = app.extensions["undone"]
    if point.is_active:
        point.rollback()


@contextlib.contextmanager
def keeping_cookies(client: RawClient) -> Iterator[None]:
    """Be the same person afterwards, whatever happened to the session."""
    kept = dict(client._cookies)
    try:
        yield
    finally:
        client._cookies = kept


class Noted:
    """What a request has left behind."""

    def __init__(self, app: Flask, seen: Statements, files: int) -> None:
        self._app, self._seen, self._files = app, seen, files

    def more(self) -> dict[str, int]:
        """By table how many rows there are more than before it, and how many files more.

        Nothing is counted where nothing was written. What there was before is counted after the request is undone.
        """
        files = files_of(self._app) - self._files
        found = {"files": files} if files else {}
        if not any(WRITES.match(statement) for statement in self._seen.texts):
            return found
        after = stored(self._app)
        undo(self._app)
        before = stored(self._app)
        return found | {
            name: after[name] - before[name]
            for name in after
            if name != "files" and after[name] != before[name]
        }


@contextlib.contextmanager
def noting(app: Flask) -> Iterator[Noted]:
    """Note what is written inside."""
    with count_statements() as seen:
        yield Noted(app, seen, files_of(app))


def files_of(app: Flask) -> int:
    """How many files the instance has."""
    return sum(path.is_file() for path in app.extensions["settings"].instance.rglob("*"))


def stored(app: Flask) -> dict[str, int]:
    """How many rows every table has, and how many files there are."""
    names = [table.name for table in db.metadata.sorted_tables]
    parts = ", ".join(f'(SELECT count(*) FROM "{name}")' for name in names)
    row = db.session.execute(text(f"SELECT {parts}")).one()
    db.session.remove()
    return dict(zip(names, row, strict=True)) | {"files": files_of(app)}


def allowed_to(role: str) -> set[str]:
    """The endpoints that a role may open, by the table of access."""
    with TABLE.open(encoding="utf-8", newline="") as file:
        return {row["endpoint"] for row in csv.DictReader(file) if row[role] in {"allowed", "public"}}


def _filled(rule: Any) -> str:
    values = {}
    for name in rule.arguments:
        whole = isinstance(rule._converters[name], IntegerConverter)
        values[name] = 1 if whole else "X"
    _, path = rule.build(values | dict(rule.defaults or {}), append_unknown=False)
    return str(path)


def _as_json(value: Any) -> bytes:
    return json.dumps(value).encode()


ROLES = (*tuple(role.value for role in Role if role is not Role.SYSTEM), "anonymous")


def walk_as(app: Flask, role: str, people: dict[Role, Any], most: int = PER_ENDPOINT) -> Walk:
    """The way of one role through a world, its addresses found.

    Args:
        app: the application.
        role: a role's word, or ``anonymous``.
        people: somebody of each role.
        most: so many addresses of an endpoint are looked for by going through the pages; 0: none.

    """
    people = {each: db.session.merge(user) for each, user in people.items()}
    app.test_client_class = RawClient
    client = app.test_client()
    app.test_client_class = CheckingClient
    assert isinstance(client, RawClient)
    walk = Walk(app, client, role)
    if role != "anonymous":
        client.log_in(people[Role(role)])
    walk.prepare(most)
    return walk
