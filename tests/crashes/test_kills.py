"""Server, schedulers and database are killed under load and started again: what was acknowledged is there once.

A short, seeded form; ``make crashes`` kills for as long as one likes.
"""

from __future__ import annotations

import pytest

from clinic_orders.cli.throwaway_postgres import Cluster
from tests.crashes.rehearsal import OF_ALL, OF_POSTGRESQL, durable_postgresql, rehearse


def kill_each_once(url: str, server: Cluster | None, parts: tuple[str, ...]) -> None:
    found = rehearse(url, server, seed=7, go_on=lambda deaths: deaths < len(parts), clinics=2, between=(1, 4))
    assert found.faults == []
    assert sorted(found.deaths) == sorted(parts)
    assert len(found.ledger.orders) >= 2


@pytest.mark.only_on("sqlite", reason="PostgreSQL is killed itself by the test after this one")
def test_whatever_is_killed_on_sqlite_every_acknowledged_deed_is_there_once(committed_db: str) -> None:
    kill_each_once(committed_db, None, OF_ALL)


@pytest.mark.postgres
def test_whatever_is_killed_on_postgresql_every_acknowledged_deed_is_there_once() -> None:
    with durable_postgresql() as (url, server):
        kill_each_once(url, server, OF_ALL + OF_POSTGRESQL)
