"""Somebody who uses the application through WSGI, as a server would hand their requests over, and takes the time."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from html.parser import HTMLParser
from http.cookies import SimpleCookie
from typing import Any

from flask import Flask
from werkzeug.datastructures import Headers
from werkzeug.test import EnvironBuilder, run_wsgi_app

from clinic_orders.cli.benchmark.measuring import Seconds, timed
from clinic_orders.cli.context import Failed

_BASE = "http://127.0.0.1:8000"


@dataclass(frozen=True, slots=True)
class Answer:
    """A response and the time from the call of the application to the last byte of the body."""

    status: int
    headers: Headers
    body: bytes
    seconds: Seconds


class _Forms(HTMLParser):
    """The named values of every form of a page."""

    def __init__(self) -> None:
        super().__init__()
        self.forms: list[tuple[str, dict[str, str]]] = []

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        """Note forms and their inputs."""
        values = dict(attrs)
        if tag == "form":
            self.forms.append((values.get("action") or "", {}))
        elif tag == "input" and self.forms and values.get("name"):
            self.forms[-1][1][str(values["name"])] = values.get("value") or ""


class Visitor:
    """One browser: keeps cookies, fills in forms."""

    def __init__(self, app: Flask) -> None:
        self.app = app
        self._cookies: dict[str, str] = {}

    def elsewhere(self, app: Flask) -> Visitor:
        """The same browser before a copy of the application."""
        visitor = Visitor(app)
        visitor._cookies = dict(self._cookies)
        return visitor

    def environ(self, path: str, fields: Mapping[str, str] | None = None) -> dict[str, Any]:
        """The WSGI environment of a request; with fields it is the sending of a form."""
        builder = EnvironBuilder(path, _BASE, method="GET" if fields is None else "POST", data=fields)
        if self._cookies:
            builder.headers["Cookie"] = "; ".join(f"{name}={value}" for name, value in self._cookies.items())
        environ: dict[str, Any] = builder.get_environ()
        builder.close()
        return environ

    def ask(self, path: str, fields: Mapping[str, str] | None = None) -> Answer:
        """Send one request; only the application's own work is timed."""
        environ = self.environ(path, fields)

        def work() -> tuple[bytes, str, Headers]:
            body, status, headers = run_wsgi_app(self.app.wsgi_app, environ, buffered=True)
            return b"".join(body), status, headers

        seconds, (body, status, headers) = timed(work)
        for line in headers.get_all("Set-Cookie"):
            for name, morsel in SimpleCookie(line).items():
                self._cookies[name] = morsel.value
        return Answer(int(status.split()[0]), headers, body, seconds)

    def get(self, path: str) -> Answer:
        """Fetch a page.

        Raises:
            Failed: it was no page.

        """
        return _expect(self.ask(path), 200, path)

    def send(self, path: str, fields: Mapping[str, str], *, leads_to: str) -> Answer:
        """Send a form.

        Raises:
            Failed: it did not lead where it should.

        """
        answer = self.ask(path, fields)
        if answer.status not in {302, 303} or leads_to not in answer.headers.get("Location", ""):
            raise _wrong(answer, path)
        return answer

    def fields(self, page: Answer, action: str) -> dict[str, str]:
        """The hidden and filled fields of the form with this address."""
        forms = _Forms()
        forms.feed(page.body.decode())
        for address, fields in forms.forms:
            if address.partition("?")[0] == action:
                return fields
        raise Failed(f"no form for {action} on the page")

    def log_in(self, username: str, password: str) -> None:
        """Log in through the page."""
        page = self.get("/account/log-in")
        fields = self.fields(page, "/account/log-in")
        self.send("/account/log-in", {**fields, "username": username, "password": password}, leads_to="/")


def _expect(answer: Answer, status: int, path: str) -> Answer:
    if answer.status != status:
        raise _wrong(answer, path)
    return answer


def _wrong(answer: Answer, path: str) -> Failed:
    where = answer.headers.get("Location", "")
    return Failed(f"{path} answered {answer.status} {where}\n{answer.body.decode(errors='replace')[:2000]}")
