"""Fixtures of all tests. What each costs: rules tests take none of these, `app` is milliseconds, `committed_app` more.

app, client            the application on a database whose every change is undone after the test
committed_app          the application on a fresh database of its own, for threads, processes and browsers
live_server            committed_app behind a real server on a free port
browser_page, new_page a page of a real Chromium
count_sql              counts statements: ``with count_sql() as seen: …; assert seen.count <= 9``
clock_at               ``clock_at(instant)`` sets what the application takes for the present

``@pytest.mark.both_databases`` runs a test on SQLite and again on PostgreSQL; with ``--databases all`` every test that
takes a database does, with ``--databases postgresql`` those run on PostgreSQL and nothing else does.
``@pytest.mark.only_on("sqlite", reason="…")`` is for what is about one of the two: it runs there and only there.
"""

from __future__ import annotations

import contextlib
import ipaddress
import os
import shutil
import socket
import threading
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from datetime import datetime
from functools import cached_property
from pathlib import Path
from typing import Any

import flask_migrate
import hypothesis
import pytest
from flask import Flask
from jinja2.bccache import Bucket, BytecodeCache
from werkzeug.serving import WSGIRequestHandler, make_server

from clinic_orders import clock
from clinic_orders.app import create_app
from clinic_orders.config import Settings
from clinic_orders.models.base import db
from clinic_orders.web.limits import limiter
from tests import postgres, statements
from tests.browser import Chromium
from tests.checking_client import CheckingClient, use_checking_client

statements.watch()

# No deadlines: a busy machine is no fault of the code. In continuous integration the examples are the same
# each time, so that a red run means a changed project; elsewhere every run looks at new ones.
hypothesis.settings.register_profile("house", deadline=None, derandomize="CI" in os.environ, print_blob=True)
hypothesis.settings.load_profile("house")


# The network: tests talk to this machine only.


@pytest.fixture(scope="session", autouse=True)
def no_network() -> Iterator[None]:
    """Refuse every connection to another machine."""
    connect, look_up = socket.socket.connect, socket.getaddrinfo

    def guarded_connect(self: socket.socket, address: Any) -> None:
        if self.family != socket.AF_UNIX:
            _refuse_foreign(address[0])
        connect(self, address)

    def guarded_look_up(host: Any, *args: Any, **kwargs: Any) -> Any:
        _refuse_foreign(host)
        return look_up(host, *args, **kwargs)

    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(socket.socket, "connect", guarded_connect)
        patch.setattr(socket, "getaddrinfo", guarded_look_up)
        yield


def _refuse_foreign(host: Any) -> None:
    name = host.decode() if isinstance(host, bytes) else host
    if name in {None, "", "localhost"}:
        return
    with contextlib.suppress(ValueError):
        address = ipaddress.ip_address(name)
        if address.is_loopback or address.is_unspecified:
            return
    raise AssertionError(f"A test tried to reach {name}. Tests talk to this machine only.")


# Databases.


KINDS = ("sqlite", "postgresql")


def pytest_addoption(parser: pytest.Parser) -> None:
    """Say on which databases the tests run."""
    parser.addoption(
        "--databases",
        choices=("marked", "all", "postgresql"),
        default="marked",
        help="marked: SQLite, and PostgreSQL for what is marked both_databases (the default); all: every test that "
        "takes a database runs on both; postgresql: those alone, on PostgreSQL",
    )


def pytest_generate_tests(metafunc: pytest.Metafunc) -> None:
    """Run each test once for every kind of database that it is for."""
    kinds = _kinds(metafunc)
    if kinds:
        if "database" not in metafunc.fixturenames:
            metafunc.fixturenames.append("database")
        on = [
            pytest.param(kind, marks=pytest.mark.postgres if kind == "postgresql" else ()) for kind in kinds
        ]
        metafunc.parametrize("database", on, indirect=True)


def _kinds(metafunc: pytest.Metafunc) -> tuple[str, ...]:
    """The databases a test runs on; none if it takes no database or says by its own parameter."""
    test, wanted = metafunc.definition, metafunc.config.getoption("databases")
    if any("database" in mark.args[0] for mark in test.iter_markers("parametrize")):
        return ()
    alone = test.get_closest_marker("only_on")
    if alone is not None:
        assert alone.args[0] in KINDS, f"{test.nodeid}: there is no database {alone.args[0]}"
        assert alone.kwargs.get("reason"), f"{test.nodeid}: say why it runs on one database only"
        return (alone.args[0],)
    marked = test.get_closest_marker("both_databases") is not None
    if not marked and "database" not in metafunc.fixturenames:
        return ()
    if wanted == "all":
        return KINDS
    if wanted == "postgresql":
        return ("postgresql",)
    return KINDS if marked else ()


def pytest_collection_modifyitems(config: pytest.Config, items: list[pytest.Item]) -> None:
    """With ``--databases postgresql`` leave out what takes no database."""
    if config.getoption("databases") != "postgresql":
        return
    with_one = [
        item for item in items if "database" in getattr(getattr(item, "callspec", None), "params", ())
    ]
    left = set(items) - set(with_one)
    config.hook.pytest_deselected(items=[item for item in items if item in left])
    items[:] = with_one


@pytest.fixture
def database(request: pytest.FixtureRequest) -> str:
    """The kind of database this test runs on."""
    return str(getattr(request, "param", "sqlite"))


class Databases:
    """Makes databases with the present schema by copying one that was migrated once."""

    def __init__(self, folder: Path, stack: contextlib.ExitStack) -> None:
        self.folder = folder
        self._stack = stack
        self._templates: dict[str, str] = {}
        self._files = 0

    @cached_property
    def cluster(self) -> postgres.Cluster:
        """This run's own PostgreSQL server, started when first asked for."""
        return self._stack.enter_context(postgres.cluster())

    @contextlib.contextmanager
    def fresh(self, kind: str) -> Iterator[str]:
        """The address of a new database, removed at the end."""
        if kind not in self._templates:
            self._templates[kind] = self._migrated(kind)
        if kind == "sqlite":
            path = self._new_file()
            shutil.copyfile(self._templates[kind], path)
            yield f"sqlite:///{path}"
            for part in path.parent.glob(f"{path.name}*"):
                part.unlink()
        else:
            name = self.cluster.create(self._templates[kind])
            yield self.cluster.url(name)
            self.cluster.drop(name)

    def _migrated(self, kind: str) -> str:
        template = str(self._new_file()) if kind == "sqlite" else self.cluster.create()
        with make_app(f"sqlite:///{template}" if kind == "sqlite" else self.cluster.url(template)) as app:
            upgrade(app)
        # SQLite folds its log into the file when the last connection closes: now the file is all.
        assert not Path(f"{template}-wal").exists()
        return template

    def _new_file(self) -> Path:
        self._files += 1
        return self.folder / f"{self._files}.sqlite3"


@pytest.fixture(scope="session")
def databases(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Databases]:
    """Where databases come from."""
    with contextlib.ExitStack() as stack:
        yield Databases(tmp_path_factory.mktemp("databases"), stack)


@pytest.fixture(scope="session")
def postgres_url(databases: Databases) -> str:
    """The address of an empty PostgreSQL database."""
    return databases.cluster.url(databases.cluster.create())


# The application.


class _CompiledTemplates(BytecodeCache):
    """Templates as they were compiled for the first application of this process; each has the same ones."""

    def __init__(self) -> None:
        self._kept: dict[str, bytes] = {}

    def load_bytecode(self, bucket: Bucket) -> None:
        if bucket.key in self._kept:
            bucket.bytecode_from_string(self._kept[bucket.key])

    def dump_bytecode(self, bucket: Bucket) -> None:
        self._kept[bucket.key] = bucket.bytecode_to_string()


_templates = _CompiledTemplates()


@contextlib.contextmanager
def make_app(database_url: str, **settings: Any) -> Iterator[Flask]:
    """An application on a database, its connections closed at the end."""
    folder = Path(settings.pop("instance", "/nonexistent"))
    app = create_app(
        Settings(
            database_url=database_url, instance=folder, secret_key="tests only", testing=True, **settings
        )
    )
    app.jinja_env.bytecode_cache = _templates
    app.wsgi_app = statements.KnowsReading(app.wsgi_app)  # type: ignore[method-assign]
    use_checking_client(app)
    try:
        yield app
    finally:
        with app.app_context():
            db.session.remove()
            for engine in db.engines.values():
                engine.dispose()


def upgrade(app: Flask) -> None:
    """Bring the application's database to the newest migration."""
    with app.app_context():
        flask_migrate.upgrade(directory=str(Path(__file__).parent.parent / "migrations"))


@pytest.fixture(scope="session")
def _apps(databases: Databases, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Callable[[str], Flask]]:
    """One application per kind of database, made when first asked for."""
    made: dict[str, Flask] = {}
    with contextlib.ExitStack() as stack:

        def get(kind: str) -> Flask:
            if kind not in made:
                url = stack.enter_context(databases.fresh(kind))
                made[kind] = stack.enter_context(make_app(url, instance=tmp_path_factory.mktemp("instance")))
            return made[kind]

        yield get


@pytest.fixture
def app(_apps: Callable[[str], Flask], database: str) -> Iterator[Flask]:
    """The application, its context pushed; whatever the test changes in the database is undone.

    All sessions share one connection whose outer transaction is never committed; what the application
    commits are savepoints of it.
    """
    app = _apps(database)
    config = dict(app.config)
    with app.app_context():
        limiter.reset()
        app.extensions["api_limits"].counter.storage.reset()
        engine = db.engines[None]
        db.session.remove()
        connection = engine.connect()
        undone = connection.begin()
        db.engines[None] = connection  # type: ignore[assignment]
        db.session.configure(join_transaction_mode="create_savepoint")
        try:
            yield app
        finally:
            db.session.remove()
            db.session.configure(join_transaction_mode="conditional_savepoint")
            db.engines[None] = engine
            undone.rollback()
            connection.close()
            app.config.clear()
            app.config.update(config)


@pytest.fixture
def client(app: Flask) -> CheckingClient:
    """A client that inspects every page it fetches."""
    client = app.test_client()
    assert isinstance(client, CheckingClient)
    return client


@pytest.fixture
def committed_db(databases: Databases, database: str) -> Iterator[str]:
    """The address of a fresh, migrated, empty database of this test's own, where commits are real."""
    with databases.fresh(database) as url:
        yield url


@pytest.fixture
def committed_app(committed_db: str, tmp_path: Path) -> Iterator[Flask]:
    """The application on a fresh database. No context is pushed: each thread and block takes its own.

    A context left open around a browser's or another thread's work would hold SQLite's one writer's place:
    ``with committed_app.app_context(): …`` around each look and each deed.
    """
    with make_app(committed_db, instance=tmp_path) as app:
        yield app


@pytest.fixture
def clock_at(monkeypatch: pytest.MonkeyPatch) -> Callable[[datetime], None]:
    """A function that stops the application's clock at an instant."""

    def stop(instant: datetime) -> None:
        assert instant.tzinfo is not None
        monkeypatch.setattr(clock, "now", lambda: instant)

    return stop


@pytest.fixture
def count_sql() -> Callable[[], contextlib.AbstractContextManager[statements.Statements]]:
    """Counts the statements executed in a block."""
    return statements.count_statements


# Real servers and browsers.


@dataclass(frozen=True)
class LiveServer:
    """A served application: where, and itself for a look into its database."""

    url: str
    app: Flask


class _QuietHandler(WSGIRequestHandler):
    def log(self, *_args: Any, **_kwargs: Any) -> None:
        """Say nothing; failures speak in the tests."""


@pytest.fixture
def live_server(committed_app: Flask) -> Iterator[LiveServer]:
    """committed_app at a free port of this machine, a thread for each request."""
    statements.forget()
    server = make_server("127.0.0.1", 0, committed_app, threaded=True, request_handler=_QuietHandler)
    server.daemon_threads = True  # type: ignore[attr-defined]
    thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.05}, daemon=True)
    thread.start()
    try:
        yield LiveServer(f"http://127.0.0.1:{server.server_port}", committed_app)
    finally:
        server.shutdown()
        server.server_close()
        thread.join(10)
    written = statements.writes_while_reading[:]
    statements.writes_while_reading.clear()
    assert not written, f"pages that only read have written: {written}"


@pytest.fixture(scope="session")
def chromium() -> Iterator[Chromium]:
    """A running Chromium."""
    with Chromium.running() as browser:
        yield browser


@pytest.fixture
def new_page(chromium: Chromium, live_server: LiveServer) -> Iterator[Callable[..., Any]]:
    """A function that opens a page in a browser context of its own: ``new_page(width=360, javascript=False)``.

    Each context has its own cookies, so three users are three pages. At the end the test fails if any of them
    met a script error, a refusal by the security policy, a server error or an address of another machine.
    """
    with chromium.contexts(live_server.url) as opened:
        yield opened.new_page


@pytest.fixture
def browser_page(new_page: Callable[..., Any]) -> Any:
    """One page, as wide as an office screen."""
    return new_page()
