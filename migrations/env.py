"""Alembic's environment: the application's own database and records."""

from __future__ import annotations

from typing import Any, Literal

from alembic import context
from alembic.autogenerate.api import AutogenContext
from flask import current_app

from clinic_orders.models.base import Degrees, UtcDateTime, Yuan
from clinic_orders.models.sales import MONTH_TABLE

db = current_app.extensions["migrate"].db


def render_item(kind: str, thing: Any, _autogen: AutogenContext) -> str | Literal[False]:
    """Write plain column types, so that old migrations do not depend on today's code."""
    if kind == "type" and isinstance(thing, Yuan | Degrees):
        return "sa.BigInteger()"
    if kind == "type" and isinstance(thing, UtcDateTime):
        return "sa.DateTime()"
    return False


def include_name(name: str | None, kind: str, _parents: Any) -> bool:
    """Leave out the months into which PostgreSQL parts a table: a job makes them, no migration."""
    return kind != "table" or name is None or MONTH_TABLE.fullmatch(name) is None


def run() -> None:
    """Migrate in one transaction: if any step fails, the database stays as it was, whatever came before the step."""
    with db.engine.connect() as connection:
        is_sqlite = connection.dialect.name == "sqlite"
        # SQLite changes a table by making it anew; its references are looked at once, at the end.
        driver = connection.connection.driver_connection
        if is_sqlite:
            driver.execute("PRAGMA foreign_keys=OFF")
        try:
            context.configure(
                connection=connection,
                target_metadata=db.metadata,
                render_as_batch=is_sqlite,
                render_item=render_item,
                compare_type=True,
                include_name=include_name,
                transactional_ddl=True,
            )
            with context.begin_transaction():
                context.run_migrations()
                if is_sqlite and (dangling := driver.execute("PRAGMA foreign_key_check").fetchall()):
                    raise RuntimeError(f"the migration leaves references that lead nowhere: {dangling[:5]}")
        finally:
            if is_sqlite:
                driver.execute("PRAGMA foreign_keys=ON")


run()
