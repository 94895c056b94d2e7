"""What may come in at all, whatever the page: numbers of records that a record can have, texts that a record can hold.

PostgreSQL keeps no NUL in a text and no number beyond 32 bits in a row's number, SQLite none beyond 64 bits. A page that
asked for such a thing would fail where it should say that there is none.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable
from typing import Any, Final

from flask import Flask, Request, abort, request
from werkzeug.datastructures import ImmutableMultiDict
from werkzeug.routing import IntegerConverter

LARGEST: Final = 2**31 - 1
"""The largest number of a record or a version in the database."""


class RecordNumber(IntegerConverter):
    """A number in an address; one that no record can have leads nowhere."""

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        kwargs.setdefault("max", LARGEST)
        super().__init__(*args, **kwargs)


def whole(text: str) -> int:
    """A whole number as the database can keep it.

    Raises:
        ValueError: it is none, or too large.

    """
    number = int(text)
    if abs(number) > LARGEST:
        raise ValueError(f"{number} is larger than a record's number")
    return number


class Fields(ImmutableMultiDict[str, str]):
    """Fields of a form or an address: asked for as whole numbers, those that are too large count as missing."""

    def get(  # type: ignore[override]
        self, key: str, default: Any = None, type: Callable[[str], Any] | None = None
    ) -> Any:
        """As werkzeug gives it, with ``whole`` for int."""
        return super().get(key, default, whole if type is int else type)  # type: ignore[arg-type]

    def getlist(self, key: str, type: Callable[[str], Any] | None = None) -> list[Any]:
        """As werkzeug gives them, with ``whole`` for int."""
        return super().getlist(key, whole if type is int else type)  # type: ignore[arg-type]


class ReceivedRequest(Request):
    """A request whose fields are ``Fields``; its path is one that a page can show again."""

    parameter_storage_class = Fields

    def __init__(self, environ: Any, *args: Any, **kwargs: Any) -> None:
        super().__init__(environ, *args, **kwargs)
        self.path = self.path.replace("\0", "\ufffd")


def _refuse_nul() -> None:
    """No keyboard types NUL and no database keeps it: such a request is refused before any page sees it."""
    for value in _all_texts():
        if "\0" in value:
            abort(400)


def _all_texts() -> Iterable[str]:
    yield request.environ.get("PATH_INFO", "")
    for fields in (request.args, request.form):
        for name, values in fields.lists():
            yield name
            yield from values
    for file in request.files.values():
        yield file.filename or ""


def init_app(app: Flask) -> None:
    """Take in requests so; before the first address is given to a page."""
    app.request_class = ReceivedRequest
    app.url_map.converters["int"] = RecordNumber


def init_refusal(app: Flask) -> None:
    """Refuse what can't be kept, once it is known who asks."""
    app.before_request(_refuse_nul)
