"""One line of the log for every request, and the number by which a person and the log mean the same request.

A line names the endpoint, never the address: codes, names and what was searched for stand in addresses. Who did what
stands in the audit; the log has no person in it. What was refused changes nothing and stands in no audit: such a line is
a warning and names role and mark of who asked, and the console says whose mark it is (decision 0039).
"""

from __future__ import annotations

import logging
import re
import time
import uuid

from flask import Flask, current_app, g, request
from structlog.contextvars import bind_contextvars, clear_contextvars
from werkzeug.wrappers import Response

from clinic_orders.rules.accounts import log_mark
from clinic_orders.rules.parties import Actor

log = logging.getLogger(__name__)

HEADER = "X-Request-ID"
# What a proxy may send along as a number; anything else could forge lines of the log.
_BELIEVED = re.compile(r"[A-Za-z0-9-]{8,64}")
REFUSED = frozenset({400, 401, 403, 404, 405, 413, 429})
"""Answers that say no at the door; a rule that a person can put right (409, 422) is no attempt at anything."""
# Watchers ask these every few seconds.
_QUIET = frozenset({"static", "health.healthz", "health.readyz", "health.metrics"})


def request_number() -> str:
    """The number of this request, as the error page and the log name it."""
    number: str = g.get("request_number", "")
    return number


def _begin() -> None:
    """Give the request its number; a trusted proxy's own is kept, so that both logs agree."""
    clear_contextvars()
    sent = request.headers.get(HEADER, "")
    trusted = current_app.extensions["settings"].trusted_proxies > 0
    g.request_number = sent if trusted and _BELIEVED.fullmatch(sent) else uuid.uuid4().hex
    g.request_began = time.perf_counter()
    bind_contextvars(request=g.request_number)


def seconds() -> float:
    """How long this request has taken so far."""
    began: float | None = g.get("request_began")
    return 0.0 if began is None else time.perf_counter() - began


def _who() -> dict[str, object]:
    """Role and mark of who asked; "nobody" without a log-in."""
    actor: Actor | None = g.get("actor")
    if actor is None or actor.user_id is None:
        return {"role": "nobody", "mark": ""}
    secret = current_app.extensions["settings"].secret_key
    return {"role": actor.role.value, "mark": log_mark(actor.user_id, secret)}


def _end(response: Response) -> Response:
    response.headers[HEADER] = request_number()
    if request.endpoint not in _QUIET:
        facts: dict[str, object] = {
            "method": request.method,
            "endpoint": request.endpoint,
            "status": response.status_code,
            "ms": round(seconds() * 1000, 1),
        }
        if response.status_code in REFUSED:
            log.warning("request", extra=facts | _who())
        else:
            log.info("request", extra=facts)
    return response


def init_app(app: Flask) -> None:
    """Number and time every request, before anything else looks at it."""
    app.before_request_funcs.setdefault(None, []).insert(0, _begin)
    app.after_request(_end)
    app.jinja_env.globals["request_number"] = request_number
