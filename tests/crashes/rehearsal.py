"""One rehearsal: people work, parts die at seeded moments and come back, and at the end the books are compared."""

from __future__ import annotations

import contextlib
import random
import tempfile
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Final

from clinic_orders.cli.throwaway_postgres import DURABLE, Cluster, cluster
from clinic_orders.models.base import db
from tests.conftest import make_app, upgrade
from tests.crashes.load import Crowd, Ledger, cast
from tests.crashes.proof import faults
from tests.crashes.site import Site, site

OF_ALL: Final = ("server", "worker", "scheduler", "both schedulers")
OF_POSTGRESQL: Final = ("database", "connection", "database and server")


@dataclass(frozen=True)
class Outcome:
    """How a rehearsal ended.

    Attributes:
        ledger: what was acknowledged.
        deaths: what was killed, in order.
        faults: what is not as it was acknowledged.
        seconds: how long it took.

    """

    ledger: Ledger
    deaths: list[str]
    faults: list[str]
    seconds: float


def rehearse(
    url: str,
    server: Cluster | None,
    *,
    seed: int,
    go_on: Callable[[int], bool],
    clinics: int = 3,
    between: tuple[int, int] = (4, 10),
    told: Callable[[str], None] = lambda _words: None,
) -> Outcome:
    """Kill parts under load as long as wanted, start them again, and hold the data against what was acknowledged.

    Args:
        url: of an empty database with the present schema.
        server: the database's, if it has one: it dies too.
        seed: of what dies after how many deeds, and of what people type.
        go_on: whether to kill once more, after so many deaths.
        clinics: how many clinics work at the same time.
        between: at least and at most so many deeds between two deaths.
        told: hears what happens.

    """
    began = time.monotonic()
    chance = random.Random(seed)
    with (
        tempfile.TemporaryDirectory(prefix="clinic-orders-crash-") as name,
        make_app(url, instance=name) as app,
    ):
        members = cast(app, clinics)
        with app.app_context():
            db.engine.dispose()
        with site(url, Path(name) / "instance", server) as place:
            place.start_server()
            place.start_scheduler(0)
            place.start_scheduler(1)
            place.wait_until_it_answers()
            crowd = Crowd(place.address, members, seed)
            crowd.begin()
            deaths: list[str] = []
            try:
                while go_on(len(deaths)):
                    crowd.wait_for(chance.randint(*between))
                    # Not always just after an answer.
                    time.sleep(chance.random() * 0.2)
                    deaths.append(_strike(place, deaths, chance))
                    told(
                        f"{time.monotonic() - began:6.1f} s  {deaths[-1]:20} after {crowd.ledger.count} deeds"
                    )
                crowd.wait_for(between[0])
                crowd.end()
            except BaseException as error:
                error.add_note(f"killed: {deaths}\n{place.log.read_text()[-20_000:]}")
                crowd.stopped.set()
                raise
        return Outcome(crowd.ledger, deaths, faults(app, crowd.ledger), time.monotonic() - began)


@contextlib.contextmanager
def durable_postgresql() -> Iterator[tuple[str, Cluster]]:
    """An empty database with the present schema on a server of its own that waits for the disk at each commit."""
    with cluster(DURABLE) as server:
        url = server.url(server.create())
        with make_app(url) as app:
            upgrade(app)
        yield url, server


def _strike(place: Site, before: list[str], chance: random.Random) -> str:
    """Kill the next part and start it again; each part dies once before any dies twice."""
    parts = OF_ALL + (OF_POSTGRESQL if place.cluster is not None else ())
    least = min(before.count(part) for part in parts)
    part = chance.choice([one for one in parts if before.count(one) == least])
    _DEATHS[part](place, chance.random())
    return part


def _server(place: Site, pause: float) -> None:
    place.kill_server()
    time.sleep(pause)
    place.start_server()


def _scheduler(place: Site, _pause: float) -> None:
    place.kill_scheduler(0)
    place.start_scheduler(0)


def _both_schedulers(place: Site, _pause: float) -> None:
    for which in (0, 1):
        place.kill_scheduler(which)
    for which in (0, 1):
        place.start_scheduler(which)


def _database_dies(place: Site, pause: float) -> None:
    assert place.cluster is not None
    place.kill_database()
    time.sleep(pause)
    place.cluster.start()


def _database_and_server(place: Site, pause: float) -> None:
    place.kill_server()
    _database_dies(place, pause)
    place.start_server()


_DEATHS: Final[dict[str, Callable[[Site, float], None]]] = {
    "server": _server,
    "worker": lambda place, _pause: place.kill_worker(),
    "scheduler": _scheduler,
    "both schedulers": _both_schedulers,
    "database": _database_dies,
    "connection": lambda place, _pause: place.kill_connection(),
    "database and server": _database_and_server,
}
