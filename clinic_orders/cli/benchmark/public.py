"""Public pages over HTTP, against the same bytes from memory under the same server, turn by turn."""

from __future__ import annotations

import http.client
import multiprocessing
import os
import signal
import socket
import time
from collections.abc import Callable, Iterable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import timedelta
from decimal import Decimal
from typing import Any, Final

from flask import Flask
from sqlalchemy import select

from clinic_orders import clock
from clinic_orders.actions.publicity import decide_matter, keep_comparison
from clinic_orders.cli.benchmark.measuring import Comparison, Rounds, Seconds
from clinic_orders.cli.benchmark.world import World
from clinic_orders.cli.context import Failed
from clinic_orders.cli.serve import Server
from clinic_orders.exchange.importing import import_rows
from clinic_orders.models.base import db
from clinic_orders.models.roster import Institution, InstitutionRecord
from clinic_orders.rules.days import Month, day_in_china
from clinic_orders.rules.parties import SYSTEM
from clinic_orders.rules.publicity import Matter

PUBLIC_GOAL: Final = 0.5
REPEATS: Final = 150
_SHOPS: Final = 20
_MEMORY: Final = "/from-memory"


@dataclass(frozen=True, slots=True)
class PublicPage:
    """A page: its address, its bytes, what SQL a kept one costs."""

    address: str
    size: int


def open_everything(world: World) -> list[str]:
    """Open all matters, let twenty institutions post prices, and answer the addresses that are measured."""
    now = clock.now()
    with world.app.app_context():
        for matter in Matter:
            decide_matter(matter, open_it=True, seen=0, by=SYSTEM, at=now)
        county, codes = _places(world)
        posted_on = day_in_china(now).replace(day=1) - timedelta(days=20)
        rows = [
            {"institution_code": code, "item_code": item, "posted_on": posted_on, "price": Decimal("12.30")}
            for code in codes
            for item in world.items[:40]
        ]
        report = import_rows("shelf-prices", rows, filename="bench", by=SYSTEM, at=now)
        if report.errors:
            raise Failed(f"{report.kind}: {report.errors[0].as_dict(str)}")
        keep_comparison(Month.of(day_in_china(now)).previous(), by=SYSTEM, at=now)
        db.session.remove()
        db.engine.dispose()
    return [
        "/public/",
        f"/public/medicines/{world.items[0]}?county={county}",
        "/public/prices",
        "/public/institutions",
    ]


def _places(world: World) -> tuple[str, list[str]]:
    record = InstitutionRecord
    county = db.session.scalars(
        select(record.county_code).where(record.institution_id == world.reader.buyer.institution_id)
    ).first()
    codes = db.session.scalars(
        select(Institution.code)
        .join(record, record.institution_id == Institution.id)
        .where(record.county_code == county)
        .order_by(Institution.code)
        .limit(_SHOPS)
    ).all()
    return county or "", list(codes)


class _WithMemory:
    """The application, and beside it bytes that are given out without it."""

    def __init__(self, app: Flask) -> None:
        self.app = app
        self.bodies: dict[str, bytes] = {}

    def __call__(self, environ: dict[str, Any], start_response: Callable[..., Any]) -> Iterable[bytes]:
        """Answer a request."""
        path = environ["PATH_INFO"]
        if not path.startswith(_MEMORY):
            return self.app.wsgi_app(environ, start_response)
        body = self.bodies[path]
        start_response(
            "200 OK", [("Content-Type", "text/html; charset=utf-8"), ("Content-Length", str(len(body)))]
        )
        return [body]


def _free_port() -> int:
    with socket.socket() as asked:
        asked.bind(("127.0.0.1", 0))
        port: int = asked.getsockname()[1]
        return port


def _serve(wrapped: _WithMemory, port: int) -> None:
    Server(
        wrapped,  # type: ignore[arg-type]
        {
            "bind": f"127.0.0.1:{port}",
            "workers": 1,
            "worker_class": "gthread",
            "threads": 4,
            "preload_app": True,
            "loglevel": "error",
        },
    ).run()


@contextmanager
def _running(wrapped: _WithMemory) -> Iterator[http.client.HTTPConnection]:
    port = _free_port()
    server = multiprocessing.get_context("fork").Process(target=_serve, args=(wrapped, port))
    server.start()
    try:
        yield _connected(port)
    finally:
        if server.pid is not None:
            os.kill(server.pid, signal.SIGTERM)
        server.join(20)


def _connected(port: int) -> http.client.HTTPConnection:
    for _ in range(200):
        connection = http.client.HTTPConnection("127.0.0.1", port, timeout=30)
        try:
            connection.connect()
        except OSError:
            time.sleep(0.1)
        else:
            return connection
    raise Failed("the server did not begin to answer")


def _timed(connection: http.client.HTTPConnection, address: str) -> tuple[Seconds, bytes]:
    began = time.perf_counter()
    connection.request("GET", address)
    answer = connection.getresponse()
    body = answer.read()
    seconds = time.perf_counter() - began
    if answer.status != 200:
        raise Failed(f"{address} answered {answer.status}")
    return Seconds(seconds, seconds), body


def measure_public(world: World, rounds: int) -> tuple[list[PublicPage], list[Comparison]]:
    """Every page against its own bytes; both over one connection that stays open."""
    addresses = open_everything(world)
    wrapped = _WithMemory(world.app)
    pages, taken = [], {address: Rounds() for address in addresses}
    for number, address in enumerate(addresses):
        body = world.reader.visitor.get(address).body
        wrapped.bodies[f"{_MEMORY}/{number}"] = body
        pages.append(PublicPage(address, len(body)))
    with world.app.app_context():
        db.session.remove()
        db.engine.dispose()
    with _running(wrapped) as connection:
        for _ in range(rounds):
            for number, address in enumerate(addresses):
                for _ in range(REPEATS):
                    ours, body = _timed(connection, address)
                    floor, same = _timed(connection, f"{_MEMORY}/{number}")
                    if len(body) != len(same):
                        raise Failed(f"{address}: {len(body)} bytes, from memory {len(same)}")
                    taken[address].add(ours, floor)
                taken[address].close()
    return pages, [
        Comparison(
            f"public page {address.partition('?')[0]}",
            "the same bytes from memory",
            PUBLIC_GOAL,
            at_most=False,
            rounds=taken[address],
            both=False,
        )
        for address in addresses
    ]
