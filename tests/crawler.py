"""Goes through the application as one person: which addresses they are led to, and which forms they are given.

Nothing here is listed by hand: a new page is found by its links, a new form on its page.
"""

from __future__ import annotations

import re
from collections import Counter, deque
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, field
from html.parser import HTMLParser
from typing import Any
from urllib.parse import urljoin, urlsplit

from flask import Flask
from werkzeug.exceptions import HTTPException
from werkzeug.routing import RequestRedirect

PER_ENDPOINT = 2
"""So many addresses of one endpoint are opened; the others are only noted."""

PAPERS = re.compile(r"paper|pdf|workbook|picture|photo|map|label|note|list$|tags|file|epcis|slips|standards")
"""Endpoints that give out files: they lead nowhere and take long."""


@dataclass(frozen=True)
class Address:
    """A way to ask for an endpoint.

    Attributes:
        endpoint: which.
        method: GET or POST.
        path: with its query.
        arguments: what stands in the path, by name.
        fields: names and values of the form, as the page gave them.
        files: names of the fields that take files.

    """

    endpoint: str
    method: str
    path: str
    arguments: tuple[tuple[str, Any], ...] = ()
    fields: tuple[tuple[str, str], ...] = ()
    files: tuple[str, ...] = ()

    @property
    def names(self) -> tuple[str, ...]:
        """The form's fields, each once."""
        return tuple(dict.fromkeys([name for name, _ in self.fields] + list(self.files)))


@dataclass
class Form:
    """A form of a page while it is read."""

    action: str
    method: str
    fields: list[tuple[str, str]] = field(default_factory=list)
    files: list[str] = field(default_factory=list)


class Page(HTMLParser):
    """The links and forms of a page."""

    def __init__(self, html: str) -> None:
        super().__init__()
        self.links: list[str] = []
        self.forms: list[Form] = []
        self._by_id: dict[str, Form] = {}
        self._outside: list[tuple[str, str, str]] = []
        self._form: Form | None = None
        self._select: str | None = None
        self._select_form: Form | None = None
        self._chosen: str | None = None
        self._area: tuple[str, list[str]] | None = None
        self.feed(html)
        for owner, name, value in self._outside:
            if owner in self._by_id:
                self._by_id[owner].fields.append((name, value))

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        at = {name: value or "" for name, value in attrs}
        if tag == "a" and at.get("href"):
            self.links.append(at["href"])
        elif tag == "form":
            self._form = Form(at.get("action", ""), at.get("method", "get").upper())
            self.forms.append(self._form)
            if at.get("id"):
                self._by_id[at["id"]] = self._form
        elif tag == "select":
            self._select, self._chosen = at.get("name"), None
        elif tag == "option" and self._select is not None:
            if self._chosen is None or "selected" in at:
                self._chosen = at.get("value", "")
        elif tag == "textarea":
            self._area = at.get("name", ""), []
        elif tag in {"input", "button"} and at.get("name"):
            if at.get("type") == "file":
                if self._form is not None:
                    self._form.files.append(at["name"])
            else:
                self._add(at["name"], at.get("value", "on" if tag == "input" else ""), at.get("form"))

    def handle_data(self, data: str) -> None:
        if self._area is not None:
            self._area[1].append(data)

    def handle_endtag(self, tag: str) -> None:
        if tag == "form":
            self._form = None
        elif tag == "select":
            if self._select:
                self._add(self._select, self._chosen or "", None)
            self._select = None
        elif tag == "textarea" and self._area is not None:
            self._add(self._area[0], "".join(self._area[1]), None)
            self._area = None

    def _add(self, name: str, value: str, owner: str | None) -> None:
        if name == "csrf_token" or not name:
            return
        if owner:
            self._outside.append((owner, name, value))
        elif self._form is not None:
            self._form.fields.append((name, value))


def addresses_of(app: Flask, here: str, page: Page) -> Iterator[Address]:
    """Where a page leads within the application."""
    for link in page.links:
        yield from _matched(app, "GET", urljoin(here, link))
    for form in page.forms:
        target = urljoin(here, form.action)
        yield from _matched(app, form.method, target, tuple(form.fields), tuple(form.files))


def _matched(
    app: Flask,
    method: str,
    target: str,
    fields: tuple[tuple[str, str], ...] = (),
    files: tuple[str, ...] = (),
) -> Iterator[Address]:
    parts = urlsplit(target)
    if parts.netloc not in {"", "localhost"} or not parts.path:
        return
    try:
        endpoint, arguments = app.url_map.bind("localhost").match(parts.path, method=method)
    except (HTTPException, RequestRedirect):
        return
    if endpoint != "static":
        path = parts.path + (f"?{parts.query}" if parts.query else "")
        yield Address(endpoint, method, path, tuple(sorted(arguments.items())), fields, files)


def starts(app: Flask, allowed: Iterable[str]) -> Iterator[str]:
    """The pages without arguments: from them one gets to all others."""
    known = set(allowed)
    yield "/"
    for rule in app.url_map.iter_rules():
        if rule.endpoint in known and not rule.arguments and "GET" in (rule.methods or set()):
            yield rule.rule


def crawl(app: Flask, client: Any, allowed: Iterable[str], most: int = PER_ENDPOINT) -> list[Address]:
    """Every address and form that a logged-in client is led to, each once.

    Args:
        app: the application.
        client: logged in; pages are fetched with its ``get``.
        allowed: the endpoints that this person may open, by the table of access.
        most: so many addresses of an endpoint are opened and kept.

    """
    found: dict[tuple[Any, ...], Address] = {}
    kept: Counter[Any] = Counter()
    opened: Counter[str] = Counter()
    waiting = deque(address for start in starts(app, allowed) for address in _matched(app, "GET", start))
    while waiting:
        address = waiting.popleft()
        key = (address.method, address.path, address.names)
        kind = (address.endpoint, address.method, address.names)
        if key in found or kept[kind] >= most:
            continue
        found[key] = address
        kept[kind] += 1
        if address.method != "GET" or opened[address.endpoint] >= 2 * most or PAPERS.search(address.endpoint):
            continue
        opened[address.endpoint] += 1
        answer = client.get(address.path)
        if answer.mimetype == "text/html" and answer.status_code == 200:
            waiting.extend(addresses_of(app, address.path, Page(answer.get_data(as_text=True))))
    return list(found.values())


def by_arguments(addresses: Iterable[Address]) -> Mapping[str, list[Address]]:
    """Those with something in their path, by endpoint."""
    grouped: dict[str, list[Address]] = {}
    for address in addresses:
        if address.arguments:
            grouped.setdefault(address.endpoint, []).append(address)
    return grouped
