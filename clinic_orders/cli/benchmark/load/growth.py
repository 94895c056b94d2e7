"""What an order costs among a thousand orders and among a million: two databases, asked turn by turn."""

from __future__ import annotations

import contextlib
import tempfile
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any, Final

from flask import Flask
from sqlalchemy import Connection, func, select, text

from clinic_orders.cli.benchmark.load.copies import add_copies
from clinic_orders.cli.benchmark.load.prefecture import copy_file
from clinic_orders.cli.benchmark.measuring import Seconds, Spread, counted, mean, processor_of, servers
from clinic_orders.cli.benchmark.submission import CHECK, SEND, SENT
from clinic_orders.cli.benchmark.visitor import Visitor
from clinic_orders.cli.benchmark.world import LINES, Clinic, World, application, fill
from clinic_orders.cli.context import Failed
from clinic_orders.cli.throwaway_postgres import SETTINGS, cluster
from clinic_orders.models.base import db
from clinic_orders.models.orders import Order

FEW: Final = 1000
GROWTH_GOAL: Final = 1.2
_PER_ROUND: Final = 4
_SERVER: Final = SETTINGS | {"shared_buffers": "1GB", "max_wal_size": "4GB", "maintenance_work_mem": "256MB"}


def measure_growth(
    make_app: Callable[[], Flask], name: str, size: str, most: int, rounds: int, say: Callable[[str], None]
) -> dict[str, Any]:
    """The cost of an order of twelve lines, by processor time of both ends and by the clock.

    Args:
        make_app: makes the application.
        name: of the database.
        size: of the demonstration whose roster is taken.
        most: how many orders there are in the one database; in the other there are a thousand.
        rounds: of measuring.
        say: tells what goes on.

    """
    with contextlib.ExitStack() as stack:
        folder = Path(
            stack.enter_context(tempfile.TemporaryDirectory(prefix="clinic-orders-growth-", dir="/tmp"))
        )
        say("filling a prefecture's roster")
        small, large = _both(make_app, (name, size), folder, most, stack, say)
        worlds = [small, large]
        counts = [_count(world.app) for world in worlds]
        statements = []
        for world in worlds:
            _order(world, world.clinics[0])
            form = _form(world, world.clinics[1])
            with counted(world.app) as seen:
                world.clinics[1].visitor.send(SEND, form, leads_to=SENT)
            statements.append(len(seen))
        taken: list[list[Seconds]] = [[], []]
        for number in range(rounds):
            say(f"round {number + 1} of {rounds}")
            part: list[list[Seconds]] = [[], []]
            for again in range(_PER_ROUND):
                for place in range(2, len(small.clinics)):
                    # Who comes second finds the caches of the processor warm: by turns.
                    for which in (0, 1) if (again + place) % 2 else (1, 0):
                        part[which].append(_order(worlds[which], worlds[which].clinics[place]))
            for which in (0, 1):
                taken[which].append(mean(part[which]))
    by_processor = [one.cpu / other.cpu for one, other in zip(taken[1], taken[0], strict=True)]
    by_clock = [one.wall / other.wall for one, other in zip(taken[1], taken[0], strict=True)]
    spread = Spread.of(by_processor)
    return {
        "orders": counts,
        "statements": statements,
        "ratio": {"processor time": spread.as_dict(), "clock": Spread.of(by_clock).as_dict()},
        "ms": [Spread.of([one.cpu * 1000 for one in part]).as_dict(2)["median"] for part in taken],
        "goal": GROWTH_GOAL,
        "met": spread.median <= GROWTH_GOAL and statements[0] == statements[1],
    }


def _both(
    make_app: Callable[[], Flask],
    kind: tuple[str, str],
    folder: Path,
    most: int,
    stack: contextlib.ExitStack,
    say: Callable[[str], None],
) -> tuple[World, World]:
    """The same world twice: with a thousand orders, and with many more."""
    name, size = kind
    if name == "sqlite":
        urls = [f"sqlite:///{folder / word}.sqlite3" for word in ("few", "many")]
    else:
        server = stack.enter_context(cluster(_SERVER))
        urls = [server.url(server.create(name="few")), server.url("many")]
    small = fill(stack.enter_context(application(make_app, urls[0], folder / "instance")), size)
    with _closed(small.app) as connection:
        add_copies(connection, FEW, letter="A")
    if name == "sqlite":
        _let_go(small.app)
        copy_file(folder / "few.sqlite3", folder / "many.sqlite3")
    else:
        _let_go(small.app)
        server.create(template="few", name="many")
    app = stack.enter_context(application(make_app, urls[1], folder / "instance"))
    # Cookies of the one are good for the other: it is its copy.
    app.config["SECRET_KEY"] = small.app.config["SECRET_KEY"]
    say(f"copying orders until there are {most:,}")
    with _closed(app) as connection:
        add_copies(connection, most, letter="a")
    return small, World(
        app, _clinic(small.reader, app), [_clinic(one, app) for one in small.clinics], small.items
    )


@contextlib.contextmanager
def _closed(app: Flask) -> Iterator[Connection]:
    """A connection to fill by, then the housekeeping that a server in use does by itself."""
    with app.app_context():
        with db.engine.begin() as connection:
            yield connection
        _let_go(app)
        if db.engine.dialect.name == "sqlite":
            with db.engine.begin() as connection:
                connection.exec_driver_sql("ANALYZE")
        else:
            with db.engine.connect().execution_options(isolation_level="AUTOCOMMIT") as connection:
                connection.execute(text("VACUUM ANALYZE"))
        _let_go(app)


def _let_go(app: Flask) -> None:
    with app.app_context():
        db.session.remove()
        db.engine.dispose()


def _clinic(clinic: Clinic, app: Flask) -> Clinic:
    """The same clinic in the copy, with the session it has already."""
    return Clinic(clinic.buyer, clinic.actor, clinic.visitor.elsewhere(app))


def _count(app: Flask) -> int:
    with app.app_context():
        orders = db.session.scalar(select(func.count()).select_from(Order)) or 0
        db.session.remove()
    return orders


def _form(world: World, clinic: Clinic) -> dict[str, str]:
    """The page to check of a cart that is typed; not timed."""
    visitor: Visitor = clinic.visitor
    token = visitor.fields(visitor.get("/order"), "/order")["csrf_token"]
    cart = {f"q-{code}": packs for code, packs in world.next_cart(clinic).items()}
    visitor.send("/order", {**cart, "do": "check", "csrf_token": token}, leads_to=CHECK)
    return visitor.fields(visitor.get(CHECK), SEND)


def _order(world: World, clinic: Clinic) -> Seconds:
    """The seconds of sending an order, with the processor time of the database's server."""
    form = _form(world, clinic)
    with world.app.app_context():
        answering = servers()
    began = sum(map(processor_of, answering))
    before = _count_lines(world.app)
    sent = clinic.visitor.send(SEND, form, leads_to=SENT)
    ends = sum(map(processor_of, answering))
    if _count_lines(world.app) != before + LINES:
        raise Failed(f"an order of {LINES} lines did not go whole")
    return sent.seconds.plus(Seconds(0, ends - began))


def _count_lines(app: Flask) -> int:
    """The key of the newest order line."""
    with app.app_context(), db.engine.connect() as connection:
        return int(connection.scalar(text("SELECT max(id) FROM order_line")) or 0)
