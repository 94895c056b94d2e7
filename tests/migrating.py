"""The migrations taken one by one on a database that holds data, without reading them anew for each step."""

from __future__ import annotations

import re
from pathlib import Path

from alembic.runtime.environment import EnvironmentContext
from alembic.script import ScriptDirectory
from flask import Flask
from sqlalchemy import inspect, text

from clinic_orders.models.base import db
from clinic_orders.models.sales import MONTH_TABLE

Counts = dict[str, int]


class Walker:
    """Goes up and down the migrations of an application, whose context is pushed.

    Attributes:
        revisions: all of them, the oldest first.

    """

    def __init__(self, app: Flask) -> None:
        self.config = app.extensions["migrate"].migrate.get_config()
        self.scripts = ScriptDirectory.from_config(self.config)
        self.revisions = [step.revision for step in self.scripts.walk_revisions()][::-1]

    def go(self, to: str) -> None:
        """Go to a revision as ``migrations/env.py`` does: in one transaction, references looked at afterwards."""

        def steps(now: tuple[str, ...], _context: object) -> object:
            up = self.revisions.index(to) > self.revisions.index(now[0])
            choose = self.scripts._upgrade_revs if up else self.scripts._downgrade_revs
            return choose(to, now)  # type: ignore[arg-type]

        with db.engine.connect() as connection:
            driver, sqlite = connection.connection.driver_connection, connection.dialect.name == "sqlite"
            if sqlite:
                driver.execute("PRAGMA foreign_keys=OFF")
            with EnvironmentContext(self.config, self.scripts, fn=steps, destination_rev=to) as environment:
                environment.configure(
                    connection=connection,
                    target_metadata=db.metadata,
                    render_as_batch=sqlite,
                    transactional_ddl=True,
                )
                with environment.begin_transaction():
                    environment.run_migrations()
                    assert not sqlite or driver.execute("PRAGMA foreign_key_check").fetchall() == []
            if sqlite:
                driver.execute("PRAGMA foreign_keys=ON")


def counts() -> Counts:
    """How many rows each table has."""
    with db.engine.connect() as connection:
        names = [name for name in inspect(connection).get_table_names() if not MONTH_TABLE.fullmatch(name)]
        names.remove("alembic_version")
        parts = [f"SELECT '{name}', count(*) FROM \"{name}\"" for name in names]
        # SQLite joins at most 500 parts, and there are fewer tables.
        return dict(connection.execute(text(" UNION ALL ".join(parts))).all())


# What a migration does to tables that are there already; one that only makes new ones meets no data on its way up.
_CHANGES = re.compile(r"batch_alter_table|add_column|alter_column|create_index|op\.execute|\.execute\(")


def each_goes_down_and_up(app: Flask, *, remade: frozenset[str]) -> Counts:
    """Take every migration back, the newest first, while all older tables hold their data; make it again if it
    changes any of them, and take it back once more. Going up loses no row; going down loses what the older schema
    cannot hold (findings of a rule that it does not know), and nothing of the first schema.

    Args:
        app: on the newest schema.
        remade: tables that are kept for speed alone: they may be emptied, and a job fills them again.

    Returns:
        How many rows each table of the first schema has.

    """
    walker = Walker(app)
    newest = counts()
    for older, newer in reversed(list(zip(walker.revisions, walker.revisions[1:], strict=False))):
        walker.go(older)
        if not _CHANGES.search(Path(walker.scripts.get_revision(newer).path).read_text()):
            continue
        below = counts()
        walker.go(newer)
        again = counts()
        lost = {name: (count, again.get(name)) for name, count in below.items() if again.get(name) != count}
        assert lost.keys() <= remade, f"{newer} made again: {lost}"
        walker.go(older)
    first = counts()
    lost = {name: (newest[name], count) for name, count in first.items() if newest[name] != count}
    assert lost == {}, f"lost on the way down: {lost}"
    walker.go(walker.revisions[-1])
    return {name: count for name, count in first.items() if count}
