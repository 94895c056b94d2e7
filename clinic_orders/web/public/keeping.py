"""Public pages that were made once are given out again, before the application proper, until somebody does something.

Every deed writes to the audit, so its newest entry, the day and the deeds of this process are the mark under which a
page was made. Within a second a process takes its word for it; then one look into an index tells whether the mark
still holds. A page is made anew after ten minutes in any case, because the entry of a longer deed can become visible
after that of a shorter one.
"""

from __future__ import annotations

import threading
import time
from collections import OrderedDict
from collections.abc import Callable, Iterable
from datetime import date
from hashlib import sha256
from typing import Any, Final, NamedTuple

from flask import Flask
from limits import RateLimitItem, parse

from clinic_orders import clock
from clinic_orders.queries.remembered import deeds_here
from clinic_orders.rules.days import day_in_china
from clinic_orders.web.limits import limiter

PREFIX: Final = "/public/"
MOST: Final = 256
"""How many pages a process keeps; of 50 KB at most, so 13 MB."""
LONGEST: Final = 600.0
TRUSTED: Final = 1.0
"""Seconds in which another process may have changed something without this one asking."""
BROWSER_SECONDS: Final = 60
_LONGEST_ADDRESS: Final = 300
# What a page says of itself is kept; what a session said beside it never is.
_HEADERS: Final = frozenset(
    {
        "content-type",
        "content-security-policy",
        "x-content-type-options",
        "x-frame-options",
        "referrer-policy",
        "permissions-policy",
        "strict-transport-security",
    }
)
MARK: Final = "clinic_orders.mark"
KEEP: Final = "clinic_orders.keep"
TOO_MANY: Final = "clinic_orders.too_many"

Mark = tuple[int, int, date]
"""The newest entry of the audit, the deeds of this process, the day."""
Environ = dict[str, Any]
StartResponse = Callable[..., Any]
Application = Callable[[Environ, StartResponse], Iterable[bytes]]


class Kept(NamedTuple):
    """A page as it is given out, and under which mark and when it was made and found to hold."""

    body: bytes
    etag: str
    headers: list[tuple[str, str]]
    mark: Mark
    made: float
    looked: float


class KeptPages:
    """Stands before the application and answers for it where it has the page."""

    def __init__(self, app: Flask, inside: Application) -> None:
        self._app, self._inside = app, inside
        self._pages: OrderedDict[str, Kept] = OrderedDict()
        self._changing = threading.Lock()
        self._limit: RateLimitItem | None = None

    def __call__(self, environ: Environ, start_response: StartResponse) -> Iterable[bytes]:
        """Answer one request."""
        path: str = environ.get("PATH_INFO", "")
        if not path.startswith(PREFIX) or environ["REQUEST_METHOD"] != "GET":
            return self._inside(environ, start_response)
        if not self._may_come(environ):
            environ[TOO_MANY] = True
            return self._inside(environ, start_response)
        address = f"{environ['wsgi.url_scheme']}:{path}?{environ.get('QUERY_STRING', '')}"
        kept = self._pages.get(address)
        if kept is not None and _holds(kept):
            return _give(kept, environ, start_response)
        return self._ask(address, kept, environ, start_response)

    def _may_come(self, environ: Environ) -> bool:
        """Count this visit of an address; False where there were too many."""
        if self._limit is None:
            self._limit = parse(self._app.extensions["settings"].public_limit)
        return limiter.limiter.hit(self._limit, "public", environ.get("REMOTE_ADDR") or "127.0.0.1")

    def _ask(
        self, address: str, kept: Kept | None, environ: Environ, start_response: StartResponse
    ) -> Iterable[bytes]:
        """Have the application make the page, or say that the kept one still holds."""
        now = time.monotonic()
        if kept is not None and now - kept.made <= LONGEST:
            environ[MARK] = kept.mark
        said: list[Any] = []

        def note(status: str, headers: list[tuple[str, str]], *more: Any) -> Callable[[bytes], None]:
            said[:] = [status, headers, more]
            return lambda _data: None

        parts = self._inside(environ, note)
        try:
            body = b"".join(parts)
        finally:
            close = getattr(parts, "close", None)
            if close is not None:
                close()
        status, headers, more = said
        mark: Mark | None = environ.get(KEEP)
        if mark is None:
            start_response(status, headers, *more)
            return [body]
        if kept is not None and environ.get(MARK) == mark:
            found = kept._replace(looked=now)
        else:
            own = [(name, value) for name, value in headers if name.lower() in _HEADERS]
            found = Kept(body, f'"{sha256(body).hexdigest()[:32]}"', own, mark, now, now)
        if len(address) <= _LONGEST_ADDRESS:
            self._keep(address, found)
        return _give(found, environ, start_response)

    def _keep(self, address: str, kept: Kept) -> None:
        with self._changing:
            self._pages[address] = kept
            self._pages.move_to_end(address)
            while len(self._pages) > MOST:
                self._pages.popitem(last=False)


def _holds(kept: Kept) -> bool:
    """Whether a page may be given out without asking the database."""
    now = time.monotonic()
    return (
        now - kept.looked < TRUSTED
        and now - kept.made <= LONGEST
        and kept.mark[1] == deeds_here()
        and kept.mark[2] == day_in_china(clock.now())
    )


def _give(kept: Kept, environ: Environ, start_response: StartResponse) -> Iterable[bytes]:
    own = [("ETag", kept.etag), ("Cache-Control", f"public, max-age={BROWSER_SECONDS}")]
    if kept.etag in environ.get("HTTP_IF_NONE_MATCH", ""):
        start_response("304 NOT MODIFIED", own)
        return [b""]
    start_response("200 OK", [*kept.headers, *own, ("Content-Length", str(len(kept.body)))])
    return [kept.body]


def init_app(app: Flask) -> None:
    """Put the kept pages before the application; what knows the visitor's address stands before them."""
    app.wsgi_app = KeptPages(app, app.wsgi_app)  # type: ignore[method-assign]
