"""The three measurements with the crowd: mixed traffic, the rate at saturation against its floors, the rush."""

from __future__ import annotations

import subprocess
import sys
from collections import Counter
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final

from flask import Flask
from sqlalchemy import func, select

from clinic_orders import clock
from clinic_orders.actions.drafts import Typed, save_draft
from clinic_orders.cli.benchmark.load.browser import Sample
from clinic_orders.cli.benchmark.load.crowd import Crowd, crowd, percentiles
from clinic_orders.cli.benchmark.load.floors import bare_orders
from clinic_orders.cli.benchmark.load.people import DELIVERY, ORDERING, READING
from clinic_orders.cli.benchmark.load.prefecture import PASSWORD, Person, Prefecture
from clinic_orders.cli.benchmark.load.serving import WithReadyPages, by_turns, serving, serving_ready
from clinic_orders.cli.benchmark.measuring import Spread
from clinic_orders.cli.benchmark.submission import Copier
from clinic_orders.cli.benchmark.visitor import Visitor
from clinic_orders.cli.benchmark.world import LINES
from clinic_orders.cli.context import Failed
from clinic_orders.models.accounts import RoleAssignment, User
from clinic_orders.models.base import db
from clinic_orders.models.orders import Order, OrderLine, Submission
from clinic_orders.queries.ordering import buyer
from clinic_orders.rules.days import day_in_china
from clinic_orders.rules.parties import Actor, Role

SLOW: Final = 1000.0
"""Milliseconds within which 99 of a hundred answers are to come."""
PAGES_GOAL, ORDERS_GOAL = 0.5, 0.15
_SEED: Final = 11
_AT_ONCE: Final = 8
_WARM: Final = 12.0
"""Seconds until every connection of PostgreSQL has settled how it answers each statement."""
_SLICE: Final = 3.0
"""Seconds of pages, then of ready ones, by turns."""
# The buyers are nine of ten, as in a prefecture; a distributor has one desk, a bureau some.
_OF_200: Final = {Role.DISTRIBUTOR: 14, Role.COUNTY: 4, Role.CITY: 2}


@dataclass(frozen=True, slots=True)
class Asked:
    """What a run is asked for.

    Attributes:
        users: of the mixed traffic.
        think: their mean time to think, in seconds.
        warm: seconds before the clock starts.
        seconds: of the mixed traffic.
        rounds: of the saturation.
        institutions: of the rush.
        within: seconds in which they order.
        workers: web processes; None: as ``serve`` chooses.
        scheduler: whether it runs beside.

    """

    users: int
    think: float
    warm: float
    seconds: float
    rounds: int
    institutions: int
    within: float
    workers: int | None
    scheduler: bool


def mixed(there: Prefecture, asked: Asked, log: Path, say: Callable[[str], None]) -> dict[str, Any]:
    """Users with time to think between their deeds, on the real server."""
    people = _mixture(there, asked.users)
    with (
        serving(there.environ, log, workers=asked.workers, scheduler=asked.scheduler) as port,
        crowd(port, PASSWORD) as users,
    ):
        say(f"{len(people)} users log in")
        logged = users.do("log in", usernames=[person.username for person in people])
        say(f"mixed traffic: {asked.warm:g} s to warm up, {asked.seconds:g} s by the clock")
        samples: list[Sample] = users.do(
            "mingle",
            users=[(person.username, person.role, person.carts) for person in people],
            think=asked.think,
            warm=asked.warm,
            seconds=asked.seconds,
            seed=_SEED,
            today=day_in_china(clock.now()),
        )
    whole = percentiles(samples)
    names = sorted({sample.name for sample in samples})
    return {
        "users": len(people),
        "roles": dict(Counter(person.role for person in people)),
        "requests_a_second": round(len(samples) / asked.seconds, 1),
        "in_all": whole,
        "kinds": {
            kind: percentiles([sample for sample in samples if sample.kind == kind])
            for kind in (READING, ORDERING, DELIVERY)
        },
        "names": {name: percentiles([s for s in samples if s.name == name]) for name in names},
        "log_ins": percentiles([sample for sample in logged if sample.name == "logging in"]),
        "wrong": _wrong([*samples, *logged]),
        "met": whole["errors"] == 0 and 0 < whole["p99"] <= SLOW,
    }


def _mixture(there: Prefecture, users: int) -> list[Person]:
    """So many people of all roles."""
    found: list[Person] = []
    for role, share in _OF_200.items():
        found += there.of(role)[: max(1, users * share // 200)]
    return there.of(Role.INSTITUTION, Role.HOSPITAL)[: users - len(found)] + found


def _wrong(samples: Iterable[Sample]) -> dict[str, int]:
    """What was wrong, the most frequent first."""
    told = Counter(f"{sample.name}: {sample.error}" for sample in samples if sample.error)
    return dict(told.most_common(10))


def saturation(app: Flask, there: Prefecture, asked: Asked, say: Callable[[str], None]) -> dict[str, Any]:
    """Pages and orders without a pause against their floors, on servers that also have the ready pages."""
    clinic, distributor, county = (
        there.of(role)[0].username for role in (Role.INSTITUTION, Role.DISTRIBUTOR, Role.COUNTY)
    )
    pages = [
        (clinic, "the order page", "/order"),
        (clinic, "the orders", "/orders"),
        (clinic, "the duties", "/duties/"),
        (clinic, "a search in the catalogue", "/catalogue/?q=amxl"),
        (distributor, "the orders of the distributor", "/distribution/orders"),
        (county, "the statistics of the bureau", "/statistics/"),
        (county, "the orders of the bureau", "/bureau/orders/"),
    ]
    buyers = there.of(Role.INSTITUTION, Role.HOSPITAL)
    each = min(len(buyers), 600) // (asked.rounds + 1)
    parts = [buyers[n * each : (n + 1) * each] for n in range(asked.rounds + 1)]
    with app.app_context():
        engine, copier = db.engine, Copier(db.engine)
    found: dict[str, list[float]] = {"pages": [], "ready": [], "orders": [], "bare": []}
    samples: list[Sample] = []
    rows: Any = []
    for number, part in enumerate(parts):
        names = [person.username for person in part]
        # The orders of a round change the pages; each round has ready ones of the state that it begins with.
        wrapped = WithReadyPages(app)
        ready = {path: wrapped.learn(_visitor(app, who), path) for who, _, path in pages}
        with serving_ready(wrapped, workers=asked.workers) as port, crowd(port, PASSWORD) as users:
            if number:
                say(f"saturation: round {number} of {asked.rounds}")
                users.do("log in", usernames=[clinic, distributor, county])
                users.do("ask", pages=pages, at_once=_AT_ONCE, seconds=min(_WARM, asked.seconds))
                rates = _by_slices(users, pages, by_turns(pages, ready), asked.seconds / 12)
                for what, (told, rate) in rates.items():
                    samples += told
                    found[what].append(rate)
            _type(app, part, cart=-1)
            users.do("log in", usernames=names)
            users.do("check", usernames=names)
            if number == 0:
                # To warm up, and to see what an order writes.
                before = copier.last_keys()
                users.do("send", usernames=names[:1], at_once=1)
                rows = copier.rows_since(before)
                users.do("send", usernames=names[1:], at_once=_AT_ONCE)
                continue
            took, sent = users.do("send", usernames=names, at_once=_AT_ONCE)
            samples += sent
            found["orders"].append(len(names) / took)
        with app.app_context():
            found["bare"].append(_bare(copier, engine, rows, number, asked))
    return {
        "pages": [word for _, word, _ in pages],
        "rates": {what: Spread.of(rates).as_dict(1) for what, rates in found.items()},
        "lines": sum(len(values) for table, values in rows if table.name == "order_line"),
        "pages_ratio": _ratio(found["pages"], found["ready"], PAGES_GOAL),
        "orders_ratio": _ratio(found["orders"], found["bare"], ORDERS_GOAL),
        "wrong": _wrong(samples),
    }


_Page = tuple[str, str, str]


def _by_slices(
    users: Crowd, pages: list[_Page], ready: list[_Page], seconds: float
) -> dict[str, tuple[list[Sample], float]]:
    """The samples and the rate of the pages and of the ready ones, asked in short slices by turns.

    A machine that is shared is now faster, now slower, for seconds at a time; by turns both sides meet the same.
    """
    slices = max(1, round(seconds / _SLICE))
    samples: dict[str, list[Sample]] = {"pages": [], "ready": []}
    taken = dict.fromkeys(samples, 0.0)
    for number in range(slices):
        order = (("pages", pages), ("ready", ready))
        for what, asked_for in order if number % 2 == 0 else reversed(order):
            told = users.do(
                "ask", pages=asked_for, at_once=_AT_ONCE, seconds=max(seconds / slices, _SLICE / 2)
            )
            samples[what] += told["samples"]
            taken[what] += told["seconds"]
    return {what: (samples[what], len(samples[what]) / taken[what]) for what in samples}


def _bare(copier: Copier, engine: Any, rows: Any, number: int, asked: Asked) -> float:
    """The bare rate; SQLite has one writer at a time, so more processes would only wait for each other."""
    processes = 1 if engine.dialect.name == "sqlite" else asked.workers or 2
    fresh = next(copier.many(rows, 1, first=number * 100_000))
    return bare_orders(copier, engine, fresh, 1000, processes)


def _ratio(ours: Sequence[float], floor: Sequence[float], goal: float) -> dict[str, Any]:
    spread = Spread.of([one / other for one, other in zip(ours, floor, strict=True)])
    return {"goal": goal, "ratio": spread.as_dict(3), "met": spread.median >= goal}


def _visitor(app: Flask, username: str) -> Visitor:
    visitor = Visitor(app)
    visitor.log_in(username, PASSWORD)
    return visitor


def _type(app: Flask, people: Sequence[Person], *, cart: int) -> None:
    """Put one of their carts into the draft of each."""
    at = clock.now()
    with app.app_context():
        known = {
            name: (user, institution)
            for name, user, institution in db.session.execute(
                select(User.username, User.id, RoleAssignment.institution_id)
                .join(RoleAssignment, RoleAssignment.user_id == User.id)
                .where(RoleAssignment.institution_id.is_not(None))
            )
        }
        for person in people:
            user_id, institution = known[person.username]
            assert institution is not None
            who = buyer(institution, on=day_in_china(at))
            assert who is not None
            by = Actor(who.name, Role(person.role), user_id=user_id, institution_id=institution)
            save_draft(who, Typed(packs=dict.fromkeys(person.carts[cart], "4")), by=by, at=at)
        db.session.remove()


def rush(
    app: Flask, there: Prefecture, asked: Asked, log: Path, say: Callable[[str], None]
) -> dict[str, Any]:
    """Many institutions send their order within a minute, every tenth presses twice; then the database is asked."""
    people = there.of(Role.INSTITUTION, Role.HOSPITAL)[: asked.institutions]
    names = [person.username for person in people]
    say(f"{len(people)} institutions type their orders")
    _type(app, people, cart=0)
    with (
        serving(there.environ, log, workers=asked.workers, scheduler=asked.scheduler) as port,
        crowd(port, PASSWORD) as users,
    ):
        say("they log in")
        logged = users.do("log in", usernames=names)
        say("they look at the page to check")
        keys = users.do("check", usernames=names)
        say(f"they send, within {asked.within:g} s")
        samples, took, led = users.do("rush", usernames=names, within=asked.within, twice=0.1, seed=_SEED)
    acknowledged = sum(
        1 for name, key in zip(names, keys, strict=True) if set(led[name]) == {f"/order/sent/{key}"}
    )
    say("looking what the database holds")
    with app.app_context():
        stored = _stored(keys)
    checked = subprocess.run(
        [sys.executable, "-m", "clinic_orders", "db", "check"],
        env=there.environ,
        capture_output=True,
        text=True,
        check=False,
    )
    whole = percentiles(samples)
    return {
        "institutions": len(people),
        "within": asked.within,
        "seconds_until_the_last_answer": round(took, 1),
        "sent": len(samples),
        "acknowledged": acknowledged,
        "stored": stored,
        "in_all": whole,
        "log_ins": percentiles([sample for sample in logged if sample.name == "logging in"]),
        "log_ins_a_second": round(len(names) / max(0.001, _span(logged)), 1),
        "wrong": _wrong([*samples, *logged]),
        "db_check": "ok" if checked.returncode == 0 else (checked.stdout + checked.stderr)[-800:],
        "met": acknowledged == stored["submissions"] == stored["with_orders"] == len(people)
        and stored["lines"] == len(people) * LINES
        and whole["errors"] == 0
        and checked.returncode == 0,
    }


def _span(samples: Sequence[Sample]) -> float:
    return max(s.began + s.seconds for s in samples) - min(s.began for s in samples)


def _stored(keys: Sequence[str]) -> dict[str, int]:
    """What there is of these keys: submissions, those with orders and no refusal, orders, lines."""
    found: Counter[str] = Counter()
    for first in range(0, len(keys), 500):
        part = keys[first : first + 500]
        rows = db.session.execute(
            select(Submission.id, Submission.result).where(Submission.key.in_(part))
        ).all()
        found["submissions"] += len(rows)
        found["with_orders"] += sum(1 for _, result in rows if result["orders"] and not result["refused"])
        of_these = Order.submission_id.in_([row.id for row in rows])
        found["orders"] += db.session.scalar(select(func.count()).select_from(Order).where(of_these)) or 0
        lines = select(func.count()).select_from(OrderLine).join(Order, Order.id == OrderLine.order_id)
        found["lines"] += db.session.scalar(lines.where(of_these)) or 0
    db.session.remove()
    return dict(found)


def refuse_without(people: Sequence[Person], institutions: int) -> None:
    """Say so where the filled prefecture has fewer buyers than are asked for.

    Raises:
        Failed: it has.

    """
    if len(people) < institutions:
        raise Failed(f"only {len(people)} institutions may order; ask for fewer with --institutions")
