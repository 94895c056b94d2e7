"""The migrations lead to exactly the records' tables, down and up again, on both databases."""

from __future__ import annotations

import flask_migrate
import pytest
from alembic.autogenerate import compare_metadata
from alembic.migration import MigrationContext
from flask import Flask
from sqlalchemy import inspect

from clinic_orders.models.base import db
from clinic_orders.models.sales import MONTH_TABLE


def is_of_the_records(name: str | None, kind: str, _parents: object) -> bool:
    """Not the months into which PostgreSQL parts a table."""
    return kind != "table" or name is None or MONTH_TABLE.fullmatch(name) is None


@pytest.mark.both_databases
def test_the_newest_migration_is_what_the_records_say(committed_app: Flask) -> None:
    with committed_app.app_context(), db.engine.connect() as connection:
        context = MigrationContext.configure(
            connection, opts={"compare_type": True, "include_name": is_of_the_records}
        )
        assert compare_metadata(context, db.metadata) == []


@pytest.mark.both_databases
def test_down_to_nothing_and_up_again_leaves_the_same_tables(committed_app: Flask) -> None:
    with committed_app.app_context():
        before = sorted(inspect(db.engine).get_table_names())
        flask_migrate.downgrade(revision="base")
        assert inspect(db.engine).get_table_names() == ["alembic_version"]
        flask_migrate.upgrade()
        assert sorted(inspect(db.engine).get_table_names()) == before
