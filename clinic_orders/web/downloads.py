"""Files as answers: their media type, their name, and whether the browser keeps or shows them."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Final
from urllib.parse import quote

from flask import Response

MEDIA: Final = {
    "csv": "text/csv; charset=utf-8",
    "xlsx": "application/vnd.openxmlformats-officedocument.spreadsheetml.sheet",
    "pdf": "application/pdf",
    "json": "application/json",
}
"""The media type of a file by the ending of its name."""


def file_answer(content: bytes | Iterable[bytes], name: str, *, shown: bool = False) -> Response:
    """Answer with a file.

    Args:
        content: the file, whole or in pieces.
        name: with its ending, which decides the media type; it may be Chinese.
        shown: whether the browser is to show it instead of keeping it.

    """
    response = Response(content, content_type=MEDIA[name.rpartition(".")[2]])
    response.headers["Content-Disposition"] = f"{'inline' if shown else 'attachment'}; {_written(name)}"
    return response


def _written(name: str) -> str:
    """The name as a header may carry it: other letters than Latin ones are refused by servers (RFC 6266).

    >>> _written("a.pdf")
    'filename="a.pdf"'
    >>> _written("模板.csv")
    "filename*=UTF-8''%E6%A8%A1%E6%9D%BF.csv"
    """
    if name.isascii() and name.isprintable() and not {'"', "\\"} & set(name):
        return f'filename="{name}"'
    return f"filename*=UTF-8''{quote(name, safe='')}"
