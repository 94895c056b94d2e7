"""``db upgrade``: data comes along, all or nothing, never over a newer schema; a backup is taken first."""

from __future__ import annotations

import shutil
from collections.abc import Callable, Iterator
from pathlib import Path

import flask_migrate
import pytest
from flask import Flask
from sqlalchemy import inspect, text

from clinic_orders.cli import run
from clinic_orders.models.base import db
from clinic_orders.queries.integrity import problems
from tests.deliveries_in_work import accepted
from tests.orders_in_work import make_order, make_world

Console = Callable[..., tuple[int, str, str]]
MIGRATIONS = Path(__file__).resolve().parents[2] / "migrations"
COUNTED = ("institution", "purchase_order", "order_line", "shipment", "shipment_line", "audit_entry")
BROKEN = """
import sqlalchemy as sa
from alembic import op
revision, down_revision, branch_labels, depends_on = "9999", "{head}", None, None

def upgrade():
    op.create_table("half_done", sa.Column("id", sa.Integer(), primary_key=True))
    op.execute("UPDATE purchase_order SET packs = packs + 1")
    op.execute("SELECT no_such_column FROM purchase_order")

def downgrade():
    op.drop_table("half_done")
"""


@pytest.fixture
def console(committed_app: Flask, capsys: pytest.CaptureFixture[str]) -> Console:
    def call(*arguments: str) -> tuple[int, str, str]:
        with pytest.raises(SystemExit) as left:
            run(lambda: committed_app, ["db", *arguments])
        said = capsys.readouterr()
        assert isinstance(left.value.code, int)
        return left.value.code, said.out, said.err

    return call


def counts() -> dict[str, int]:
    return {name: db.session.scalar(text(f"SELECT count(*) FROM {name}")) or 0 for name in COUNTED}


def fill() -> dict[str, int]:
    world = make_world()
    make_order(world)
    accepted(world)
    db.session.commit()
    found = counts()
    db.session.remove()
    return found


@pytest.fixture
def other_migrations(committed_app: Flask, tmp_path: Path) -> Iterator[Path]:
    """A copy of the migrations that a test may add to."""
    folder = tmp_path / "migrations"
    shutil.copytree(MIGRATIONS, folder, ignore=shutil.ignore_patterns("__pycache__"))
    config = committed_app.extensions["migrate"].migrate
    kept, config.directory = config.directory, str(folder)
    yield folder / "versions"
    config.directory = kept


def newest(versions: Path) -> str:
    return max(path.name for path in versions.glob("[0-9]*.py"))[:4]


@pytest.mark.both_databases
def test_data_of_the_first_schema_comes_up_to_the_newest_and_goes_down_again(committed_app: Flask) -> None:
    with committed_app.app_context():
        before = fill()
        flask_migrate.downgrade(revision="0001")
        assert "payment" not in inspect(db.engine).get_table_names()
        assert counts() == before
        db.session.remove()
        flask_migrate.upgrade()
        assert counts() == before
        assert problems() == []


@pytest.mark.both_databases
def test_a_migration_that_fails_leaves_everything_as_it_was(
    committed_app: Flask, console: Console, other_migrations: Path
) -> None:
    with committed_app.app_context():
        fill()
        flask_migrate.downgrade(revision="0003")
        tables = sorted(inspect(db.engine).get_table_names())
        packs = db.session.scalars(text("SELECT packs FROM purchase_order ORDER BY id")).all()
        db.session.remove()
    (other_migrations / "9999_broken.py").write_text(BROKEN.format(head=newest(other_migrations)))
    code, _, err = console("upgrade")
    assert code == 1
    assert "数据库保持原样（结构 0003）" in err
    with committed_app.app_context():
        assert sorted(inspect(db.engine).get_table_names()) == tables
        assert db.session.scalars(text("SELECT packs FROM purchase_order ORDER BY id")).all() == packs
        assert db.session.scalar(text("SELECT version_num FROM alembic_version")) == "0003"


def test_an_upgrade_of_nothing_needs_no_backup(
    committed_app: Flask, console: Console, tmp_path: Path
) -> None:
    with committed_app.app_context():
        flask_migrate.downgrade(revision="0003")
    assert console("upgrade")[0] == 0
    assert not (tmp_path / "backups").exists()


@pytest.mark.both_databases
def test_an_upgrade_of_data_takes_a_backup_first(
    committed_app: Flask, console: Console, tmp_path: Path
) -> None:
    with committed_app.app_context():
        before = fill()
    assert console("downgrade", "0003")[0] == 0
    code, _, err = console("upgrade")
    assert (code, "升级前已备份" in err) == (0, True)
    assert len(list((tmp_path / "backups").glob("before-upgrade-0003-*.zip"))) == 1
    assert console("upgrade")[0] == 0
    assert len(list((tmp_path / "backups").iterdir())) == 1
    assert console("check")[0] == 0
    with committed_app.app_context():
        assert counts() | {"audit_entry": 0} == before | {"audit_entry": 0}


@pytest.mark.both_databases
@pytest.mark.parametrize("command", ["upgrade", "downgrade", "check"])
def test_a_database_of_a_newer_version_is_left_alone(
    committed_app: Flask, console: Console, command: str
) -> None:
    with committed_app.app_context():
        db.session.execute(text("UPDATE alembic_version SET version_num = '9999'"))
        db.session.commit()
    code, _, err = console(command, *(["0001"] if command == "downgrade" else []))
    assert code == 1
    assert "更新的版本" in err
    with committed_app.app_context():
        assert db.session.scalar(text("SELECT version_num FROM alembic_version")) == "9999"


def test_an_older_schema_is_not_checked_but_said_how_to_upgrade(
    committed_app: Flask, console: Console
) -> None:
    with committed_app.app_context():
        flask_migrate.downgrade(revision="0003")
    code, _, err = console("check")
    assert (code, "clinic-orders db upgrade" in err) == (1, True)
