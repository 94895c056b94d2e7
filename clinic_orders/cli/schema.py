"""Which migration a database is at, and which ones this program knows."""

from __future__ import annotations

from alembic.migration import MigrationContext
from alembic.script import ScriptDirectory
from flask import current_app
from flask_babel import gettext
from sqlalchemy import inspect

from clinic_orders.cli.context import Failed
from clinic_orders.models.base import db
from clinic_orders.rules.errors import N_


def known_migrations() -> list[str]:
    """All migrations of this program, the newest first."""
    config = current_app.extensions["migrate"].migrate.get_config()
    return [step.revision for step in ScriptDirectory.from_config(config).walk_revisions()]


def current_migration() -> str:
    """The database's migration; empty if it has no schema."""
    with db.engine.connect() as connection:
        if not inspect(connection).has_table("alembic_version"):
            return ""
        return MigrationContext.configure(connection).get_current_revision() or ""


def place() -> str:
    """Which database is in use: its file, or its address without the password."""
    url = db.engine.url
    return (
        url.database or "" if url.get_backend_name() == "sqlite" else url.render_as_string(hide_password=True)
    )


def refuse_unknown(migration: str) -> None:
    """Refuse a database that a newer program has migrated.

    Raises:
        Failed: this program does not know the migration.

    """
    if migration and migration not in known_migrations():
        raise Failed(say(_NEWER, migration=migration, newest=known_migrations()[0]))


def refuse_not_newest() -> None:
    """Refuse to work on a database whose schema is not exactly this program's.

    Raises:
        Failed: it is empty, older or newer.

    """
    migration = current_migration()
    refuse_unknown(migration)
    if migration != known_migrations()[0]:
        raise Failed(say(_OLDER if migration else _EMPTY, migration=migration, where=place()))


def say(message: str, **facts: object) -> str:
    """A text in the console's language."""
    return str(gettext(message)) % facts


_NEWER = N_(
    "The database is at migration %(migration)s; this program knows up to %(newest)s, so a newer version wrote it. "
    "Install that version, or restore a backup made before."
)
_OLDER = N_(
    "The database is at migration %(migration)s, which is older than this program. Run: clinic-orders db upgrade"
)
_EMPTY = N_("The database %(where)s is empty. Run: clinic-orders db upgrade")
