"""Worlds of ``benchmark.supervised`` in a folder that stays: filled once, measured as often as one likes."""

from __future__ import annotations

import contextlib
import json
from collections.abc import Callable, Iterator
from dataclasses import asdict, dataclass
from datetime import date
from pathlib import Path
from typing import Any

from flask import Flask
from flask_migrate import upgrade as migrate

from clinic_orders.cli.benchmark.bulk import SETTINGS as LARGE
from clinic_orders.cli.benchmark.checks import carry_to
from clinic_orders.cli.benchmark.load.prefecture import copy_file
from clinic_orders.cli.benchmark.measuring import Seconds
from clinic_orders.cli.benchmark.supervised import Stage, stages
from clinic_orders.cli.benchmark.world import application
from clinic_orders.cli.throwaway_postgres import SETTINGS, Cluster, kept_cluster

MakeApp = Callable[[], Flask]
Say = Callable[[str], None]


@dataclass(frozen=True, slots=True)
class KeptWorld:
    """A filled database of one length of history.

    Attributes:
        make_app: makes the application.
        home: the folder of its files.
        server: that has the database; None = SQLite.
        database: its name; of SQLite the file's.
        stage: what there is in it.
        carrying: how long its stock took to be carried forward.

    """

    make_app: MakeApp
    home: Path
    server: Cluster | None
    database: str
    stage: Stage
    carrying: Seconds

    @contextlib.contextmanager
    def whole(self) -> Iterator[Flask]:
        """The application on the kept database itself, for what may be written again and again."""
        with _application(self.make_app, self.home, self.server, self.database) as app:
            yield app

    @contextlib.contextmanager
    def copied(self, say: Say) -> Iterator[Flask]:
        """The application on a copy that is gone after the block, for what can be done only once."""
        copy = f"{self.database}_copy"
        say("copying the database")
        self._remove(copy)
        if self.server is None:
            copy_file(self.home / f"{self.database}.sqlite3", self.home / f"{copy}.sqlite3")
        else:
            self.server.create(template=self.database, name=copy)
        try:
            with _application(self.make_app, self.home, self.server, copy) as app:
                yield app
        finally:
            self._remove(copy)

    def _remove(self, database: str) -> None:
        if self.server is not None:
            self.server.drop(database)
        for left in self.home.glob(f"{database}.sqlite3*"):
            left.unlink()


def _application(
    make_app: MakeApp, home: Path, server: Cluster | None, database: str
) -> contextlib.AbstractContextManager[Flask]:
    url = f"sqlite:///{home / database}.sqlite3" if server is None else server.url(database)
    return application(make_app, url, home / "instance")


@contextlib.contextmanager
def kept_worlds(
    make_app: MakeApp, name: str, home: Path, scale: float, months: list[int], say: Say
) -> Iterator[Iterator[KeptWorld]]:
    """The worlds of a scale after so many months each, on this database; those are filled that the folder does not hold yet.

    Each ends with the month before it was filled, so that all of one day measure the same month.

    Args:
        make_app: makes the application.
        name: of the database.
        home: the folder that is kept.
        scale: 1 = a prefecture.
        months: the lengths of history.
        say: tells what goes on.

    """
    home.mkdir(parents=True, exist_ok=True)
    with contextlib.ExitStack() as stack:
        server = None
        if name != "sqlite":
            server = stack.enter_context(kept_cluster(home / "server", SETTINGS | LARGE))
        yield (_world(make_app, home, server, scale, number, say) for number in months)


def _world(
    make_app: MakeApp, home: Path, server: Cluster | None, scale: float, months: int, say: Say
) -> KeptWorld:
    database = f"world_{scale:g}_{months}".replace(".", "_")
    made = home / f"{database}.json"
    if not made.exists():
        say(f"filling {months} months of scale {scale:g}, which may take long; it is kept")
        if server is not None:
            server.drop(database)
            server.create(name=database)
        for left in home.glob(f"{database}.sqlite3*"):
            left.unlink()
        with _application(make_app, home, server, database) as app:
            (stage,) = stages(app, scale, [months])
            carrying = carry_to(app, stage, say)
        made.write_text(json.dumps({"stage": asdict(stage), "carrying": carrying}, default=str))
    told: dict[str, Any] = json.loads(made.read_text())
    with _application(make_app, home, server, database) as app, app.app_context():
        # To the schema of this program.
        migrate()
    days = {name: date.fromisoformat(told["stage"][name]) for name in ("on", "cycle_begins")}
    stage = Stage(**(told["stage"] | days))
    return KeptWorld(make_app, home, server, database, stage, Seconds(*told["carrying"]))
