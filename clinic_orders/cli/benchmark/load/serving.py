"""The server that is measured: ``clinic-orders serve`` as people start it, and one that has ready pages beside it."""

from __future__ import annotations

import contextlib
import http.client
import multiprocessing
import os
import signal
import socket
import subprocess
import sys
import time
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Final

from flask import Flask, g, template_rendered
from jinja2 import Template

from clinic_orders import clock
from clinic_orders.cli.benchmark.measuring import counted
from clinic_orders.cli.benchmark.visitor import Visitor
from clinic_orders.cli.context import Failed
from clinic_orders.cli.serve import Server, options
from clinic_orders.models.base import db

_READY: Final = "/ready"
_PATIENCE: Final = 600.0


def free_port() -> int:
    """A port that nobody uses now."""
    with socket.socket() as asked:
        asked.bind(("127.0.0.1", 0))
        port: int = asked.getsockname()[1]
        return port


@contextlib.contextmanager
def serving(environ: Mapping[str, str], log: Path, *, workers: int | None, scheduler: bool) -> Iterator[int]:
    """The real server with its processes; gives the port. What it writes goes to a file."""
    port = free_port()
    words = [sys.executable, "-m", "clinic_orders", "serve", "--port", str(port)]
    words += ["--workers", str(workers)] if workers else []
    words += [] if scheduler else ["--no-scheduler"]
    with log.open("wb") as told:
        server = subprocess.Popen(words, env=dict(environ), stdout=told, stderr=told)
        try:
            _wait_for(port, lambda: server.poll() is None, log)
            yield port
        finally:
            server.send_signal(signal.SIGTERM)
            server.wait(60)


def _wait_for(port: int, lives: Callable[[], bool], log: Path | None = None) -> None:
    deadline = time.monotonic() + _PATIENCE
    while True:
        connection = http.client.HTTPConnection("127.0.0.1", port, timeout=30)
        try:
            connection.request("GET", "/healthz")
            if connection.getresponse().status == 200:
                return
        except OSError:
            if not lives() or time.monotonic() > deadline:
                words = log.read_text(errors="replace")[-2000:] if log else ""
                raise Failed(f"the server did not begin to answer\n{words}") from None
        finally:
            connection.close()
        time.sleep(0.1)


@dataclass(slots=True)
class _Ready:
    """A page with everything that its template was given."""

    template: Template
    values: dict[str, Any]
    person: Any
    path: str
    query: str


@dataclass(slots=True)
class WithReadyPages:
    """The application, and under addresses of their own its pages rendered from values that are at hand.

    Such a page has a request with its session and its language, since the template asks for them; nobody is looked up
    and no question goes to the database.
    """

    app: Flask
    pages: dict[str, _Ready] = field(default_factory=dict)

    def __call__(self, environ: dict[str, Any], start_response: Callable[..., Any]) -> Iterable[bytes]:
        """Answer a request."""
        page = self.pages.get(environ["PATH_INFO"])
        if page is None:
            return self.app.wsgi_app(environ, start_response)
        body = self._render(page, environ)
        start_response(
            "200 OK", [("Content-Type", "text/html; charset=utf-8"), ("Content-Length", str(len(body)))]
        )
        return [body]

    def _render(self, page: _Ready, environ: dict[str, Any]) -> bytes:
        with self.app.request_context({**environ, "PATH_INFO": page.path, "QUERY_STRING": page.query}):
            g.now = clock.now()
            g.actor = page.person.actor
            g._login_user = page.person
            return page.template.render(page.values).encode()

    def learn(self, visitor: Visitor, path: str) -> str:
        """Take a page's values from a real request; the address under which it is ready.

        Raises:
            Failed: rendering it asks the database after all, so that it would be no floor.

        """
        seen: list[tuple[Template, dict[str, Any], Any]] = []

        def note(_app: Flask, template: Template, context: dict[str, Any], **_more: Any) -> None:
            seen.append((template, dict(context), g._login_user))

        with template_rendered.connected_to(note, self.app):
            body = visitor.get(path).body
        template, values, person = seen[-1]
        bare, _, query = path.partition("?")
        address = f"{_READY}/{len(self.pages)}"
        page = self.pages[address] = _Ready(template, values, person, bare, query)
        environ = visitor.environ(path)
        self._render(page, environ)
        with counted(self.app) as statements:
            again = self._render(page, environ)
        if statements:
            raise Failed(f"{path} asks the database while it is rendered:\n{statements[0]}")
        if abs(len(again) - len(body)) > 200:
            raise Failed(f"{path}: {len(body)} bytes, ready {len(again)}")
        return address


@contextlib.contextmanager
def serving_ready(wrapped: WithReadyPages, *, workers: int | None) -> Iterator[int]:
    """The same server with the same settings, whose application has ready pages beside it; gives the port."""
    port = free_port()
    app = wrapped.app
    with app.app_context():
        db.session.remove()
        db.engine.dispose()
    server = multiprocessing.get_context("fork").Process(target=_serve, args=(wrapped, port, workers))
    server.start()
    try:
        _wait_for(port, server.is_alive)
        yield port
    finally:
        if server.pid is not None:
            os.kill(server.pid, signal.SIGTERM)
        server.join(60)


def _serve(wrapped: WithReadyPages, port: int, workers: int | None) -> None:
    def post_fork(_server: Any, _worker: Any) -> None:
        with wrapped.app.app_context():
            db.engine.dispose(close=False)

    Server(wrapped, options("127.0.0.1", port, workers) | {"post_fork": post_fork, "loglevel": "error"}).run()  # type: ignore[arg-type]


def by_turns(pages: Sequence[tuple[str, str, str]], ready: Mapping[str, str]) -> list[tuple[str, str, str]]:
    """The same people and pages under their ready addresses."""
    return [(who, word, ready[path]) for who, word, path in pages]
