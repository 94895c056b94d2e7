"""Statistics are read from the replica while it is near enough; what is stored is never read there too early."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest
from flask import Flask
from sqlalchemy import make_url, select, text

from clinic_orders.cli.throwaway_postgres import DURABLE, Cluster, cluster, replica
from clinic_orders.models.accounts import RoleAssignment, User
from clinic_orders.models.base import db
from clinic_orders.queries import replica as questions
from clinic_orders.rules.parties import Role
from tests.checking_client import CheckingClient
from tests.conftest import make_app, upgrade
from tests.people import make_people

pytestmark = pytest.mark.postgres
THERE = "数据取自统计备库，与主库一致"
BEHIND = "数据取自统计备库，比主库晚"
HERE = "数据取自主库"


@dataclass
class Pair:
    """Two servers, the second of which follows the first, and the application on both."""

    first: Cluster
    second: Cluster
    name: str
    app: Flask
    browser: CheckingClient

    def catch_up(self) -> None:
        """Wait until the second has all that the first has written."""
        (written,) = self.first.execute("SELECT CAST(pg_current_wal_lsn() AS TEXT)")[0]
        while not self.second.execute(f"SELECT pg_last_wal_replay_lsn() >= '{written}'")[0][0]:
            self.second.execute("SELECT pg_sleep(0.01)")


@pytest.fixture(scope="module")
def servers() -> Iterator[tuple[Cluster, Cluster, str]]:
    """Made once for this file; a second server costs seconds."""
    with cluster(DURABLE) as first:
        name = first.create()
        with make_app(first.url(name)) as app:
            upgrade(app)
            with app.app_context():
                make_people()
                db.session.commit()
        with replica(first, "statistics") as second:
            yield first, second, name


@pytest.fixture
def pair(
    servers: tuple[Cluster, Cluster, str], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> Iterator[Pair]:
    first, second, name = servers
    monkeypatch.setattr(questions, "_silent", {})
    with make_app(first.url(name), instance=tmp_path, replica_url=second.url(name)) as app:
        with app.app_context():
            official = select(RoleAssignment.user_id).where(RoleAssignment.role == Role.CITY)
            browser: Any = app.test_client()
            browser.log_in(db.session.get(User, db.session.scalar(official)))
        made = Pair(first, second, name, app, browser)
        made.catch_up()
        yield made
    if second.execute("SELECT pg_is_wal_replay_paused()")[0][0]:
        second.execute("SELECT pg_wal_replay_resume()")


def test_statistics_are_read_there_and_everything_else_here(pair: Pair) -> None:
    for path in ("/statistics/", "/bulletins/", "/dashboard/", "/incentives/", "/stages/", "/scorecards/"):
        assert THERE in pair.browser.get(path, status=200).text, path
    pair.browser.get("/statistics/?format=csv", status=200)
    assert THERE not in pair.browser.get("/roster/", status=200).text
    addresses = {row[0] for row in pair.second.execute(
        f"SELECT backend_type FROM pg_stat_activity WHERE datname = '{pair.name}'"
    )}  # fmt: skip
    assert "client backend" in addresses


def test_a_replica_that_is_behind_says_so_and_one_too_far_behind_is_not_read(pair: Pair) -> None:
    pair.second.execute("SELECT pg_wal_replay_pause()")
    with pair.app.app_context():
        db.session.execute(text("UPDATE county SET name = '改了名的县' WHERE code = '410325'"))
        db.session.commit()
    assert BEHIND in pair.browser.get("/statistics/", status=200).text
    counties = "main select[name=county] option"
    assert "改了名的县" not in " ".join(pair.browser.get("/dashboard/", status=200).page.texts(counties))
    ready = pair.app.test_client().get("/readyz").get_json()
    assert ready["status"] == "ok"
    assert ready["replica"]["answers"]
    assert ready["replica"]["seconds_behind"] > 0
    object.__setattr__(pair.app.extensions["settings"], "replica_lag", 0)
    assert HERE in pair.browser.get("/statistics/", status=200).text
    object.__setattr__(pair.app.extensions["settings"], "replica_lag", 60)
    pair.second.execute("SELECT pg_wal_replay_resume()")
    pair.catch_up()
    assert THERE in pair.browser.get("/statistics/", status=200).text
    assert "改了名的县" in " ".join(pair.browser.get("/dashboard/", status=200).page.texts(counties))


def test_who_has_just_stored_something_reads_where_it_is(pair: Pair) -> None:
    pair.second.execute("SELECT pg_wal_replay_pause()")
    pair.browser.post("/account/language", data={"locale": "zh_CN", "next": "/statistics/"})
    with pair.app.app_context():
        db.session.execute(text("UPDATE county SET name = name"))
        db.session.commit()
    assert HERE in pair.browser.get("/statistics/", status=200).text
    pair.second.execute("SELECT pg_wal_replay_resume()")
    pair.catch_up()
    assert THERE in pair.browser.get("/statistics/", status=200).text


def test_without_the_replica_pages_are_read_from_the_first_database(pair: Pair) -> None:
    pair.second.kill()
    try:
        assert HERE in pair.browser.get("/statistics/", status=200).text
        ready = pair.app.test_client().get("/readyz").get_json()
        assert ready == {"status": "ok", "replica": {"answers": False, "seconds_behind": None}}
    finally:
        pair.second.start()
    questions._silent.clear()
    pair.catch_up()
    assert THERE in pair.browser.get("/statistics/", status=200).text


def test_a_server_that_follows_nobody_is_no_replica(pair: Pair, tmp_path: Path) -> None:
    first = make_url(pair.first.url(pair.name))
    with make_app(str(first), instance=tmp_path, replica_url=str(first)) as app, app.app_context():
        assert questions.replica_state() == questions.AWAY
