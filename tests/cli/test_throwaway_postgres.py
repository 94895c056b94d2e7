"""A server that recovers for long is waited for and says how far it is; one that does nothing any more is not."""

from __future__ import annotations

import os
from collections.abc import Iterator
from pathlib import Path

import pytest

from clinic_orders.cli import throwaway_postgres
from clinic_orders.cli.throwaway_postgres import DURABLE, Cluster, cluster, identity


@pytest.fixture
def stopped() -> Iterator[Cluster]:
    """A server that was stopped in order; whoever starts it again stops it."""
    with cluster(DURABLE) as server:
        server.stop(in_order=True)
        yield server


def recovers_by(server: Cluster, command: str) -> None:
    """At its next start it asks this command for what was written before, as after a crash with an archive."""
    server.settings["restore_command"] = command
    asked = Path(server.folder) / "data" / "recovery.signal"
    asked.touch()
    if owner := identity():
        os.chown(asked, owner["user"], owner["group"])


def test_a_long_recovery_is_waited_for_and_told(stopped, monkeypatch, capsys):
    monkeypatch.setattr(throwaway_postgres, "TELL_EVERY", 0.3)
    recovers_by(stopped, "sleep 0.5; false")
    stopped.start()
    assert stopped.execute("SELECT 1") == [(1,)]
    assert "PostgreSQL has been starting for " in (said := capsys.readouterr().err)
    assert "startup" in said


def test_a_server_that_does_nothing_any_more_is_given_up(stopped, monkeypatch):
    monkeypatch.setattr(throwaway_postgres, "STILL", 0.5)
    recovers_by(stopped, "sleep 5; false")
    with pytest.raises(RuntimeError, match="PostgreSQL did not start and did nothing for 0 s"):
        stopped.start()
    assert stopped.server.poll() is not None, "it is not left behind"
