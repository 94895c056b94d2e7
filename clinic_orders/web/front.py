"""What templates need from Flask besides their values: file addresses with content hashes, and the list addresses."""

from __future__ import annotations

import gzip
from functools import cache, lru_cache
from hashlib import sha256
from pathlib import Path
from typing import Any

from flask import Flask, request, url_for
from werkzeug.datastructures import MultiDict
from werkzeug.wrappers import Response

from clinic_orders.web.display import init_display


def init_front(app: Flask) -> None:
    """Give the templates their filters and the globals asset(name) and url_with(**changes)."""
    init_display(app)
    folder = Path(app.static_folder or "")

    @cache
    def remembered(name: str) -> str:
        content = (folder / name).read_bytes()
        return f"{app.static_url_path}/{name}?v={sha256(content).hexdigest()[:10]}"

    def asset(name: str) -> str:
        """The address of a static file, different for every content, so that browsers may keep it for a year."""
        if app.debug:
            remembered.cache_clear()
        return remembered(name)

    app.jinja_env.globals.update(asset=asset, url_with=url_with)
    app.after_request(_pack)


_PACKED = (".css", ".js", ".svg")


@lru_cache(maxsize=32)
def _packed(content: bytes) -> bytes:
    return gzip.compress(content, 9, mtime=0)


def _pack(response: Response) -> Response:
    """Send style sheets, scripts and icons packed: the first visit on a slow line is a fifth of what it was.

    Pages are made anew each time; packing those is left to nginx, which does it beside the processes that make them.
    """
    if request.endpoint != "static" or not request.path.endswith(_PACKED):
        return response
    response.vary.add("Accept-Encoding")
    if request.method != "GET" or response.status_code != 200 or not request.accept_encodings["gzip"]:
        return response
    response.direct_passthrough = False
    response.set_data(_packed(response.get_data()))
    response.content_encoding = "gzip"
    etag, _weak = response.get_etag()
    if etag:
        # The same file in another wrapping: equal for a browser that asks whether it has changed.
        response.set_etag(etag, weak=True)
    return response


def url_with(**changes: object) -> str:
    """The address of this page with some query arguments changed; None takes one away.

    For lists: ``url_with(page=3)``, ``url_with(sort="-name", page=None)``.
    """
    arguments = MultiDict(request.args)
    for name, value in changes.items():
        if value is None:
            arguments.poplist(name)
        else:
            arguments[name] = str(value)
    values: dict[str, Any] = {**(request.view_args or {}), **arguments.to_dict(flat=False)}
    return url_for(request.endpoint or "", **values)
