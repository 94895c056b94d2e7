"""A command on a database without a schema says what to do, or does it; never a traceback."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest
from flask import Flask

from clinic_orders.cli import run
from clinic_orders.cli.context import Failed
from clinic_orders.cli.schema import current_migration, known_migrations
from tests.conftest import make_app

COMMANDS = (
    "job history",
    "job run seal-audit",
    "import-jobs list",
    "import-jobs run",
    "batch list",
    "scheduler",
    "serve",
    "statistics 2026-10",
    "close-month 2026-10",
    "db check",
)


@pytest.fixture
def empty(tmp_path: Path) -> Iterator[Flask]:
    with make_app(f"sqlite:///{tmp_path / 'empty.sqlite3'}", instance=tmp_path) as app:
        yield app


def test_every_command_names_the_one_that_makes_the_schema(
    empty: Flask, capsys: pytest.CaptureFixture[str]
) -> None:
    for command in COMMANDS:
        with pytest.raises(SystemExit) as left:
            run(lambda: empty, command.split())
        assert left.value.code == 1, command
        assert "clinic-orders db upgrade" in capsys.readouterr().err, command


def test_the_demonstration_makes_the_schema_before_it_begins(
    empty: Flask, monkeypatch: pytest.MonkeyPatch
) -> None:
    def stop() -> None:
        raise Failed("far enough")

    monkeypatch.setattr("clinic_orders.cli.demo.read_divisions", stop)
    with pytest.raises(SystemExit) as left:
        run(lambda: empty, ["demo"])
    assert left.value.code == 1
    with empty.app_context():
        assert current_migration() == known_migrations()[0]
