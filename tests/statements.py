"""Watches the SQL of a test run: counts it, and notes what a reading request has written."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable, Iterator
from contextlib import contextmanager
from contextvars import ContextVar
from typing import Any

from sqlalchemy import Engine, event

BOOKKEEPING = re.compile(r"\s*(SAVEPOINT|RELEASE|ROLLBACK|COMMIT|BEGIN|PRAGMA|SET )", re.IGNORECASE)
WRITES = re.compile(
    r"\s*(INSERT|UPDATE|DELETE|REPLACE|MERGE|TRUNCATE|CREATE|DROP|ALTER)\b"
    r"|\s*WITH\b.*\b(INSERT\s+INTO|UPDATE\s+\S+\s+SET|DELETE\s+FROM)\b",
    re.IGNORECASE | re.DOTALL,
)

# The address of the reading request that is being answered, if any.
_reading: ContextVar[str | None] = ContextVar("reading", default=None)

writes_while_reading: list[str] = []
_counts: list[Statements] = []


class Statements:
    """The statements seen while counting."""

    def __init__(self) -> None:
        self.texts: list[str] = []

    @property
    def count(self) -> int:
        """How many, savepoints and the like apart."""
        return len(self.texts)

    def __str__(self) -> str:
        return f"{self.count} statements:\n" + "\n".join(" ".join(text.split()) for text in self.texts)


@contextmanager
def count_statements() -> Iterator[Statements]:
    """Count what any engine of this process executes inside the block."""
    seen = Statements()
    _counts.append(seen)
    try:
        yield seen
    finally:
        _counts.remove(seen)


def _note(_connection: Any, _cursor: Any, statement: str, *_: Any) -> None:
    if BOOKKEEPING.match(statement):
        return
    for seen in _counts:
        seen.texts.append(statement)
    address = _reading.get()
    if address and WRITES.match(statement):
        writes_while_reading.append(f"{address}: {' '.join(statement.split())[:300]}")


def watch() -> None:
    """Begin to listen to every engine; called once."""
    event.listen(Engine, "before_cursor_execute", _note)


def forget() -> None:
    """Forget the last request of this thread: what a test does now is not its doing."""
    _reading.set(None)
    writes_while_reading.clear()


class KnowsReading:
    """WSGI wrapper that marks the requests which must not write."""

    def __init__(self, wsgi_app: Callable[..., Iterable[bytes]]) -> None:
        self.wsgi_app = wsgi_app

    def __call__(self, environ: dict[str, Any], start_response: Callable[..., Any]) -> Iterable[bytes]:
        """Answer the request."""
        reads = environ["REQUEST_METHOD"] in {"GET", "HEAD", "OPTIONS"}
        _reading.set(f"{environ['REQUEST_METHOD']} {environ['PATH_INFO']}" if reads else None)
        return self.wsgi_app(environ, start_response)
