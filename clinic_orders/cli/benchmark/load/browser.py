"""One user's way through HTTP: cookies, forms, redirects; every request is timed and named."""

from __future__ import annotations

import http.client
import re
import time
from collections.abc import Iterable
from dataclasses import dataclass
from html.parser import HTMLParser
from http.cookies import SimpleCookie
from typing import Final, NamedTuple
from urllib.parse import urlencode, urlsplit

Fields = list[tuple[str, str]]
SLOWEST: Final = 120.0
"""Seconds after which an answer counts as none."""


class Sample(NamedTuple):
    """One request.

    Attributes:
        kind: reading, ordering, or delivery and payment.
        name: which page or form.
        began: by ``time.monotonic``.
        seconds: from the first byte asked to the last byte of the answer.
        error: what was wrong with the answer; empty if nothing.

    """

    kind: str
    name: str
    began: float
    seconds: float
    error: str


class Wrong(Exception):
    """An answer that is not what the page promised."""


@dataclass(frozen=True, slots=True)
class Page:
    """An answer."""

    status: int
    location: str
    text: str

    def links(self, pattern: str) -> list[str]:
        """The addresses on the page that match, in order, each once."""
        found = re.findall(rf'href="({pattern})"', self.text)
        return list(dict.fromkeys(found))

    def form(self, action: str) -> Fields:
        """What the form with this address sends if nothing is changed.

        Raises:
            Wrong: there is none.

        """
        start = self.text.find(f'action="{action}"')
        if start < 0:
            raise Wrong(f"no form for {action}")
        start = self.text.rindex("<form", 0, start)
        reader = _Form()
        reader.feed(self.text[start : self.text.index("</form>", start)])
        return reader.fields


class _Form(HTMLParser):
    """What a browser would send of a form."""

    def __init__(self) -> None:
        super().__init__()
        self.fields: Fields = []
        self._select = ""

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        """Note what has a name and a value."""
        values = dict(attrs)
        name, value = values.get("name") or "", values.get("value") or ""
        if tag == "input" and name:
            kind = values.get("type")
            if kind in {"submit", "button", "file"} or (
                kind in {"checkbox", "radio"} and "checked" not in values
            ):
                return
            self.fields.append((name, value))
        elif tag == "textarea" and name:
            self.fields.append((name, ""))
        elif tag == "select":
            self._select = name
            self.fields.append((name, ""))
        elif tag == "option" and self._select and "selected" in values:
            self.fields = [(key, value if key == self._select else old) for key, old in self.fields]

    def handle_endtag(self, tag: str) -> None:
        """A list of choices ends."""
        if tag == "select":
            self._select = ""


class Browser:
    """One user.

    Args:
        port: of the server on this machine.
        keep: whether one connection serves all requests; else each has its own.

    """

    def __init__(self, port: int, *, keep: bool = False) -> None:
        self.samples: list[Sample] = []
        self._port = port
        self._keep = keep
        self._cookies: dict[str, str] = {}
        self._connection: http.client.HTTPConnection | None = None

    def ask(
        self,
        kind: str,
        name: str,
        path: str,
        fields: Iterable[tuple[str, str]] | None = None,
        *,
        good: int = 200,
    ) -> Page:
        """One request, noted.

        Args:
            kind: of the sample.
            name: of the sample.
            path: of the page.
            fields: of a form; None: only a page is asked for.
            good: the status that is right; 303 stands for any redirect.

        Raises:
            Wrong: there was no answer, or another one.

        """
        began = time.monotonic()
        page: Page | None = None
        try:
            body = None if fields is None else urlencode(list(fields))
            try:
                page = self._once(path, body)
            except (ConnectionResetError, BrokenPipeError):
                # The server has closed a connection that was idle; nothing was asked over it.
                if self._connection is None or body is not None:
                    raise
                self._drop()
                page = self._once(path, body)
            error = "" if page.status == good or (good == 303 and page.status == 302) else f"{page.status}"
            if error:
                error += f" {page.location}"
        except (OSError, http.client.HTTPException) as failed:
            self._drop()
            error = f"{type(failed).__name__}: {failed}"
        self.samples.append(Sample(kind, name, began, time.monotonic() - began, error))
        if error or page is None:
            raise Wrong(f"{name}: {error}")
        return page

    def _once(self, path: str, body: str | None) -> Page:
        connection = self._connection or http.client.HTTPConnection("127.0.0.1", self._port, timeout=SLOWEST)
        headers = {"Cookie": "; ".join(f"{name}={value}" for name, value in self._cookies.items())}
        if body is not None:
            headers["Content-Type"] = "application/x-www-form-urlencoded"
            headers["Referer"] = f"http://127.0.0.1:{self._port}{path}"
        if not self._keep:
            headers["Connection"] = "close"
        connection.request("GET" if body is None else "POST", path, body, headers)
        answer = connection.getresponse()
        text = answer.read().decode(errors="replace")
        for line in answer.headers.get_all("Set-Cookie") or ():
            for name, morsel in SimpleCookie(line).items():
                self._cookies[name] = morsel.value
        if self._keep and not answer.will_close:
            self._connection = connection
        else:
            self._connection = None
            connection.close()
        where = urlsplit(answer.headers.get("Location", ""))
        return Page(answer.status, f"{where.path}?{where.query}" if where.query else where.path, text)

    def _drop(self) -> None:
        if self._connection is not None:
            self._connection.close()
            self._connection = None

    def another_window(self) -> Browser:
        """The same person, with a connection that stays open and samples of its own."""
        window = Browser(self._port, keep=True)
        window._cookies = dict(self._cookies)
        return window

    def log_in(self, username: str, password: str) -> None:
        """Log in through the page."""
        page = self.ask("log-in", "the log-in page", "/account/log-in")
        fields = dict(page.form("/account/log-in"))
        fields |= {"username": username, "password": password}
        self.ask("log-in", "logging in", "/account/log-in", fields.items(), good=303)
