"""Somebody with a browser of their own: cookies, forms, and the patience to press again when the server was gone."""

from __future__ import annotations

import http.client
import json
import secrets
import threading
import time
from collections.abc import Callable, Iterable
from dataclasses import dataclass, field
from html.parser import HTMLParser
from http.cookies import SimpleCookie
from typing import Any, TypeVar
from urllib.parse import urlencode, urlsplit

T = TypeVar("T")
Fields = list[tuple[str, str]]

PATIENCE = 120.0
"""Seconds after which somebody gives up: then the server does not come back."""
_PAUSE = 0.2


class Gone(Exception):
    """The server did not answer, or said that it cannot just now. Whether the deed was done is not known."""


class Unexpected(Exception):
    """An answer that no kill excuses."""


@dataclass
class Form:
    """A form of a page: where it goes and what it carries as it stands."""

    action: str
    fields: Fields = field(default_factory=list)

    def filled(self, **values: str) -> Fields:
        """Every field of these names with this value, the others as they stand."""
        known = {name for name, _ in self.fields}
        kept = [(name, values.get(name, value)) for name, value in self.fields]
        return kept + [(name, value) for name, value in values.items() if name not in known]


class _Forms(HTMLParser):
    def __init__(self) -> None:
        super().__init__()
        self.forms: list[Form] = []
        self._open: Form | None = None
        self._select: tuple[str, list[str], str | None] | None = None
        self._area: str | None = None

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        """Note forms and what stands in them."""
        said = {name: value or "" for name, value in attrs}
        if tag == "form":
            self._open = Form(said.get("action", ""))
            self.forms.append(self._open)
        elif self._open is None:
            return
        elif tag == "input" and "name" in said:
            chosen = said.get("type") not in {"checkbox", "radio", "file", "submit"} or "checked" in said
            # Who is asked whether they know of a duplicate says yes.
            if chosen or said["name"] == "dup":
                self._open.fields.append((said["name"], said.get("value", "")))
        elif tag == "select":
            self._select = (said.get("name", ""), [], None)
        elif tag == "option" and self._select is not None:
            name, options, selected = self._select
            value = said.get("value", "")
            self._select = (name, [*options, value], value if "selected" in said else selected)
        elif tag == "textarea":
            self._area = ""
            self._open.fields.append((said.get("name", ""), ""))

    def handle_data(self, data: str) -> None:
        """The words in a box."""
        if self._area is not None and self._open is not None:
            name, value = self._open.fields[-1]
            self._open.fields[-1] = (name, value + data)

    def handle_endtag(self, tag: str) -> None:
        """The end of a form or a box."""
        if tag == "form":
            self._open = None
        elif tag == "textarea":
            self._area = None
        elif tag == "select" and self._select is not None and self._open is not None:
            name, options, selected = self._select
            self._open.fields.append((name, selected if selected is not None else next(iter(options), "")))
            self._select = None


@dataclass(frozen=True)
class Answer:
    """What came back."""

    status: int
    location: str
    text: str

    def json(self) -> Any:
        """What an answer for machines says."""
        return json.loads(self.text)

    def form(self, action: str) -> Form | None:
        """The form that goes to this address, if the page has it."""
        parser = _Forms()
        parser.feed(self.text)
        return next((form for form in parser.forms if urlsplit(form.action).path == action), None)


class Visitor:
    """One browser. Several threads never share one."""

    def __init__(self, address: str, stopped: threading.Event | None = None) -> None:
        place = urlsplit(address)
        self.host, self.port = place.hostname or "", place.port or 80
        self.stopped = stopped or threading.Event()
        self._cookies: dict[str, str] = {}

    def ask(self, path: str, fields: Fields | None = None, file: tuple[str, bytes] | None = None) -> Answer:
        """One request; a form if there are fields, with a file if there is one.

        Raises:
            Gone: the connection broke or the server said 502, 503 or 504.
            Unexpected: it answered with another error of its own.

        """
        headers = {"Cookie": "; ".join(f"{name}={value}" for name, value in self._cookies.items())}
        body: bytes | None = None
        if file is not None:
            body, headers["Content-Type"] = _multipart(fields or [], *file)
        elif fields is not None:
            body = urlencode(fields).encode()
            headers["Content-Type"] = "application/x-www-form-urlencoded"
        connection = http.client.HTTPConnection(self.host, self.port, timeout=60)
        try:
            connection.request("GET" if body is None else "POST", path, body, headers)
            answer = connection.getresponse()
            text = answer.read().decode()
        except (OSError, http.client.HTTPException) as error:
            raise Gone(f"{path}: {error!r}") from error
        finally:
            connection.close()
        if answer.status in {502, 503, 504}:
            raise Gone(f"{path}: {answer.status}")
        if answer.status >= 500:
            raise Unexpected(f"{path}: {answer.status}\n{text[:3000]}")
        for line in answer.headers.get_all("Set-Cookie") or []:
            for name, morsel in SimpleCookie(line).items():
                self._cookies[name] = morsel.value
        location = urlsplit(answer.headers.get("Location") or "")
        return Answer(answer.status, location.path + ("?" + location.query if location.query else ""), text)

    def insist(self, deed: Callable[[], T]) -> T:
        """Do it again until the server was there for the whole of it.

        Raises:
            Gone: it has not come back for ``PATIENCE`` seconds.

        """
        deadline = time.monotonic() + PATIENCE
        while True:
            try:
                return deed()
            except Gone:
                if time.monotonic() > deadline:
                    raise
                self.stopped.wait(_PAUSE)

    def page(self, path: str) -> Answer:
        """A page that is there."""
        found = self.insist(lambda: self.ask(path))
        if found.status != 200:
            raise Unexpected(f"{path}: {found.status} {found.location}")
        return found

    def send(self, path: str, fields: Iterable[tuple[str, str]]) -> Answer:
        """Send the very same form until there is an answer: what carries a key is done once."""
        same = list(fields)
        return self.insist(lambda: self.ask(path, same))

    def log_in(self, username: str, password: str) -> None:
        """Through the page."""
        form = self.page("/account/log-in").form("/account/log-in")
        assert form is not None
        answer = self.send("/account/log-in", form.filled(username=username, password=password))
        if answer.status not in {302, 303}:
            raise Unexpected(f"{username} is not let in: {answer.status}")


def _multipart(fields: Fields, filename: str, content: bytes) -> tuple[bytes, str]:
    mark = f"----{secrets.token_hex(16)}"
    parts = [
        f'--{mark}\r\nContent-Disposition: form-data; name="{name}"\r\n\r\n{value}\r\n'.encode()
        for name, value in fields
    ]
    head = f'--{mark}\r\nContent-Disposition: form-data; name="file"; filename="{filename}"\r\n\r\n'.encode()
    return b"".join(
        [*parts, head, content, f"\r\n--{mark}--\r\n".encode()]
    ), f"multipart/form-data; boundary={mark}"
