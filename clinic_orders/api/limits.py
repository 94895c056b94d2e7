"""How often a program may call: so many calls of a token in a window, told with every answer."""

from __future__ import annotations

import math
import time
from dataclasses import dataclass
from typing import Final

from flask import Flask, current_app, g, request
from limits import RateLimitItem, parse
from limits.storage import storage_from_string
from limits.strategies import FixedWindowRateLimiter
from werkzeug.wrappers import Response

from clinic_orders.rules.api import TooManyCalls

_NAME: Final = "api_limits"


@dataclass(frozen=True, slots=True)
class Limits:
    """The limits of the settings and where calls are counted."""

    calls: RateLimitItem
    strangers: RateLimitItem
    counter: FixedWindowRateLimiter


def count_call(who: str, *, stranger: bool = False) -> None:
    """Count a call of a token, or of an address that has shown none.

    Raises:
        TooManyCalls: there were as many as the settings allow already.

    """
    found: Limits = current_app.extensions[_NAME]
    limit = found.strangers if stranger else found.calls
    allowed = found.counter.hit(limit, "api", who)
    ends, left = found.counter.get_window_stats(limit, "api", who)
    seconds = max(1, math.ceil(ends - time.time()))
    g.api_limit = (limit.amount, max(0, left), seconds)
    if not allowed:
        raise TooManyCalls(seconds=seconds)


def _headers(response: Response) -> Response:
    if "api_limit" in g and request.blueprint == "api":
        limit, left, seconds = g.api_limit
        response.headers["RateLimit-Limit"] = str(limit)
        response.headers["RateLimit-Remaining"] = str(left)
        response.headers["RateLimit-Reset"] = str(seconds)
    return response


def init_app(app: Flask) -> None:
    """Read the limits and tell them with every answer."""
    settings = app.extensions["settings"]
    app.extensions[_NAME] = Limits(
        parse(settings.api_limit),
        parse(settings.public_limit),
        FixedWindowRateLimiter(storage_from_string(settings.rate_limit_storage)),
    )
    app.after_request(_headers)
