"""Fill a throw-away PostgreSQL database fast: no foreign keys or triggers, and indexes made when all rows are there."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Final

from flask import Flask
from flask_migrate import upgrade as migrate
from sqlalchemy import text

from clinic_orders.models.base import db

SETTINGS: Final = {"shared_buffers": "1GB", "maintenance_work_mem": "512MB", "max_wal_size": "8GB"}
"""What a server with tens of millions of rows is given; the rest is as installed."""

_TABLES: Final = ("sale_line", "purchase_order", "order_line", "shipment", "shipment_line", "shipment_code")
# The filling itself finds a month's sales by it.
_KEPT: Final = ("ix_sale_line_day",)


class Bulk:
    """A database that is either filled or asked; SQLite is always both.

    Args:
        app: on an empty database; it is migrated.

    """

    def __init__(self, app: Flask) -> None:
        self._app = app
        with app.app_context():
            migrate()
            self._is_postgresql = db.engine.dialect.name == "postgresql"

    def ask(self) -> None:
        """Make every index, and settings as in service."""
        if not self._is_postgresql:
            return
        with self._app.app_context():
            self._run(self._missing)
            self._run(["ALTER DATABASE {name} RESET ALL", "VACUUM ANALYZE"])

    def fill(self) -> None:
        """Take away what slows filling down."""
        if not self._is_postgresql:
            return
        with self._app.app_context():
            with db.engine.connect() as connection:
                found = connection.execute(
                    text(
                        "SELECT indexname, indexdef FROM pg_indexes i WHERE tablename = ANY(:tables)"
                        " AND NOT indexname = ANY(:kept) AND NOT EXISTS"
                        " (SELECT 1 FROM pg_constraint c WHERE c.conname = i.indexname)"
                    ),
                    {"tables": list(_TABLES), "kept": list(_KEPT)},
                ).all()
            self._missing = [definition for _, definition in found]
            self._run([f'DROP INDEX "{name}"' for name, _ in found])
            # Foreign keys are triggers, too. Sorting in memory is for filling only.
            self._run(
                [
                    "ALTER DATABASE {name} SET session_replication_role = replica",
                    "ALTER DATABASE {name} SET work_mem = '512MB'",
                ]
            )

    def _run(self, statements: Sequence[str]) -> None:
        db.session.remove()
        with db.engine.connect().execution_options(isolation_level="AUTOCOMMIT") as connection:
            name = connection.scalar(text("SELECT current_database()"))
            for statement in statements:
                connection.exec_driver_sql(statement.replace("{name}", f'"{name}"'))
        db.engine.dispose()
