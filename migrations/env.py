"""Alembic's environment: the application's own database and records."""

from __future__ import annotations

from typing import Any, Literal

from alembic import context
from alembic.autogenerate.api import AutogenContext
from flask import current_app

from clinic_orders.models.base import Degrees, UtcDateTime, Yuan

db = current_app.extensions["migrate"].db


def render_item(kind: str, thing: Any, _autogen: AutogenContext) -> str | Literal[False]:
    """Write plain column types, so that old migrations do not depend on today's code."""
    if kind == "type" and isinstance(thing, Yuan | Degrees):
        return "sa.BigInteger()"
    if kind == "type" and isinstance(thing, UtcDateTime):
        return "sa.DateTime()"
    return False


def run() -> None:
    """Migrate in one transaction."""
    with db.engine.connect() as connection:
        context.configure(
            connection=connection,
            target_metadata=db.metadata,
            render_as_batch=connection.dialect.name == "sqlite",
            render_item=render_item,
            compare_type=True,
        )
        with context.begin_transaction():
            context.run_migrations()


run()
