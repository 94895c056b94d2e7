"""What is looked at when the database has grown: on a copy, since closing a month and importing change it."""

from __future__ import annotations

import contextlib
import json
import statistics
from collections.abc import Callable, Iterator, Sequence
from pathlib import Path
from typing import Any, Final

from flask import Flask
from sqlalchemy import func, select, text

from clinic_orders.actions.findings import raise_findings
from clinic_orders.actions.statistics import close_month
from clinic_orders.cli.benchmark.load.prefecture import copy_file
from clinic_orders.cli.benchmark.measuring import Seconds, processor_of, servers, timed, work_alone
from clinic_orders.cli.benchmark.scale.filling import PASSWORD, SALES, Province
from clinic_orders.cli.benchmark.scale.law import fitted
from clinic_orders.cli.benchmark.submission import CHECK, SEND, SENT
from clinic_orders.cli.benchmark.visitor import Visitor
from clinic_orders.cli.benchmark.world import application
from clinic_orders.cli.context import Failed
from clinic_orders.cli.throwaway_postgres import SETTINGS, Cluster, kept_cluster
from clinic_orders.exchange.importing import import_rows
from clinic_orders.models.base import db
from clinic_orders.models.orders import OrderLine
from clinic_orders.models.roster import Institution
from clinic_orders.models.sales import SaleLine
from clinic_orders.queries import integrity
from clinic_orders.queries.checks import CHECKS, Scope, checked_rules
from clinic_orders.rules.days import Month, day_in_china
from clinic_orders.rules.findings import Finding
from clinic_orders.rules.parties import SYSTEM

_SERVER: Final = SETTINGS | {"shared_buffers": "1GB", "max_wal_size": "8GB", "maintenance_work_mem": "256MB"}
_TIMES: Final = 5
DISK, ORDER = "size on disk", "an order of 12 lines"
IMPORT: Final = "an import of sales, a thousand rows"
CHECKS_OF_A_NIGHT: Final = "the checks of a night, all together"


def measure_scale(
    make_app: Callable[[], Flask],
    name: str,
    folder: Path,
    size: str,
    months: int,
    steps: Sequence[int],
    say: Callable[[str], None],
) -> dict[str, Any]:
    """Grow a database step by step; at each step everything is measured on a copy.

    Args:
        make_app: makes the application.
        name: of the database.
        folder: an empty one for the databases, which stay there.
        size: of one prefecture.
        months: of history.
        steps: how many prefectures there are at each step, ascending.
        say: tells what goes on.

    """
    taken: dict[str, list[float]] = {}
    rows: list[dict[str, int]] = []
    with contextlib.ExitStack() as stack:
        server = None if name == "sqlite" else stack.enter_context(kept_cluster(folder / "server", _SERVER))
        if server is not None:
            server.drop("whole")
            server.create(name="whole")
        url = server.url("whole") if server else f"sqlite:///{folder / 'whole.sqlite3'}"
        province = Province(
            stack.enter_context(application(make_app, url, folder / "instance")), size, months, seed=1
        )
        province.begin()
        for step in steps:
            say(f"growing to {step} of {size}")
            province.grow(step, say)
            with _copied(make_app, province, folder, server) as app:
                say("measuring")
                counts, figures = _measure(app, province, folder, server, say)
            rows.append({"prefectures": step} | counts)
            # A long run that is ended early has told what it knew.
            say(json.dumps(rows[-1] | {what: round(value, 4) for what, value in figures.items()}))
            for what, value in figures.items():
                taken.setdefault(what, []).append(value)
    institutions = [row["institutions"] for row in rows]
    return {
        "size": size,
        "months": months,
        "rows": rows,
        "figures": {
            what: {"values": values} | _law(institutions, values)
            for what, values in taken.items()
            if len(values) == len(steps)
        },
    }


def _law(institutions: Sequence[int], values: Sequence[float]) -> dict[str, float]:
    if len(institutions) < 2:
        return {}
    law, last = fitted(institutions, values), fitted(institutions[-2:], values[-2:])
    return {
        "exponent": round(law.exponent, 2),
        "of_60000": round(law.at(60_000), 4),
        # What has a fixed part grows slowly at first; the last step tells better what is to come.
        "last_exponent": round(last.exponent, 2),
        "last_of_60000": round(last.at(60_000), 4),
    }


@contextlib.contextmanager
def _copied(
    make_app: Callable[[], Flask], province: Province, folder: Path, server: Cluster | None
) -> Iterator[Flask]:
    """The application on a copy of the database; gone after the block."""
    with province.app.app_context():
        db.session.remove()
        db.engine.dispose()
    copy = folder / "copy.sqlite3"
    if server is None:
        copy_file(folder / "whole.sqlite3", copy)
        url = f"sqlite:///{copy}"
    else:
        server.drop("copy")
        url = server.url(server.create(template="whole", name="copy"))
    try:
        with application(make_app, url, folder / "instance") as app:
            yield app
    finally:
        if server is not None:
            server.drop("copy")
        for left in folder.glob("copy.sqlite3*"):
            left.unlink()


def _measure(
    app: Flask, province: Province, folder: Path, server: Cluster | None, say: Callable[[str], None]
) -> tuple[dict[str, int], dict[str, float]]:
    """How many rows there are, and the processor time of both ends in seconds, and bytes on the disk."""
    found: dict[str, float] = {}
    with app.app_context():
        counts = {
            word: db.session.scalar(select(func.count()).select_from(table)) or 0
            for word, table in (
                ("institutions", Institution),
                ("order_lines", OrderLine),
                ("sale_lines", SaleLine),
            )
        }
        found[DISK] = float(
            (folder / "copy.sqlite3").stat().st_size
            if server is None
            else db.session.scalar(text("SELECT pg_database_size(current_database())")) or 0
        )
        db.session.remove()
        work_alone()
    on = Month.of(day_in_china(province.at)).previous().last_day
    visitors = {
        name: Visitor(app) for name in (*province.carts, "scale-city", "scale-county", "scale-distributor")
    }
    for name, visitor in visitors.items():
        visitor.log_in(name, PASSWORD)
    clinic = next(iter(province.carts))
    say("orders and pages")
    pages = [
        ("the order page", clinic, "/order"),
        ("a clinic's orders", clinic, "/orders"),
        ("a distributor's day", "scale-distributor", "/distribution/"),
        ("the desk of a county", "scale-county", "/bureau/"),
        ("the desk of the city", "scale-city", "/bureau/"),
        ("the city's orders", "scale-city", "/bureau/orders/"),
        ("the city's payables", "scale-city", "/payables/"),
    ]
    for word, name, path in pages:
        found[word] = _page(app, visitors[name], path)
    found[ORDER] = statistics.median(
        _order(app, visitors[name], cart) for name, carts in province.carts.items() for cart in carts[:_TIMES]
    )
    with app.app_context():
        _night(found, province, on, say)
        say("closing the month")
        found["closing a month"] = _both_ends(
            lambda: close_month(Month.of(on), by=SYSTEM, at=province.at)
        ).cpu
        db.session.remove()
    found["the statistics of a month"] = _page(app, visitors["scale-city"], f"/statistics/{Month.of(on)}")
    with app.app_context():
        say("an import")
        rows = province.sales[:SALES]
        seconds = _both_ends(lambda: import_rows("sales", rows, filename="more", by=SYSTEM, at=province.at))
        # The smallest database has fewer sales than the file may have.
        found[IMPORT] = seconds.cpu * 1000 / len(rows)
        db.session.remove()
        say("db check")
        found["db check"] = _both_ends(integrity.problems).cpu
        db.session.remove()
    return counts, found


def _night(found: dict[str, float], province: Province, on: Any, say: Callable[[str], None]) -> None:
    """Every check as of the end of a month, and storing what they find."""
    findings: list[Finding] = []
    whole = 0.0
    for one in CHECKS:
        word = one.RULES[0].value
        say(f"check {word}")

        def look(find: Callable[[Scope], Any] = one.find) -> list[Finding]:
            return list(find(Scope(on)))

        holder: list[list[Finding]] = []
        seconds = _both_ends(lambda look=look, holder=holder: holder.append(look()))  # type: ignore[misc]
        findings += holder[0]
        whole += seconds.cpu
        found[f"check {word}"] = seconds.cpu
        db.session.rollback()
    found[CHECKS_OF_A_NIGHT] = whole
    say(f"storing {len(findings)} findings")
    found["storing the findings"] = _both_ends(
        lambda: raise_findings(on, findings, checked_rules(), by=SYSTEM, at=province.at)
    ).cpu


def _both_ends(work: Callable[[], Any]) -> Seconds:
    """The seconds of a piece of work, with the processor time of the server's processes that are there by its end."""
    before = {pid: processor_of(pid) for pid in servers()}
    seconds, _ = timed(work)
    after = sum(processor_of(pid) - before.get(pid, 0.0) for pid in servers())
    return seconds.plus(Seconds(0, after))


def _page(app: Flask, visitor: Visitor, path: str) -> float:
    """The median processor time of a page, in seconds."""
    visitor.get(path)
    times = []
    for _ in range(_TIMES):
        with app.app_context():
            before = {pid: processor_of(pid) for pid in servers()}
        seconds = visitor.get(path).seconds
        times.append(seconds.cpu + sum(processor_of(pid) - known for pid, known in before.items()))
    return statistics.median(times)


def _order(app: Flask, visitor: Visitor, cart: Sequence[str]) -> float:
    """The processor time of sending an order of this cart, in seconds."""
    token = visitor.fields(visitor.get("/order"), "/order")["csrf_token"]
    typed = {f"q-{code}": "2" for code in cart}
    visitor.send("/order", {**typed, "do": "check", "csrf_token": token}, leads_to=CHECK)
    form = visitor.fields(visitor.get(CHECK), SEND)
    with app.app_context():
        before = {pid: processor_of(pid) for pid in servers()}
    sent = visitor.send(SEND, form, leads_to=SENT)
    if not sent.headers.get("Location"):
        raise Failed("the order led nowhere")
    return sent.seconds.cpu + sum(processor_of(pid) - known for pid, known in before.items())
