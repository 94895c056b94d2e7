"""For machines that watch: is the process alive, may it have visitors, and what does it count (docs/operations.md)."""

from __future__ import annotations

import hmac
from functools import cache
from pathlib import Path

from alembic.script import ScriptDirectory
from flask import Blueprint, abort, current_app, jsonify, request
from sqlalchemy.exc import SQLAlchemyError
from werkzeug.wrappers import Response

from clinic_orders.models.base import db
from clinic_orders.queries.replica import replica_state
from clinic_orders.queries.waiting_work import schema_version
from clinic_orders.web.guards import public
from clinic_orders.web.metrics import exposition

blueprint = Blueprint("health", __name__)


# Seconds after which it is worth asking again.
_LATER = {"Retry-After": "10"}


@cache
def _newest(folder: str) -> str | None:
    return ScriptDirectory(folder).get_current_head()


@blueprint.get("/healthz")
@public
def healthz() -> Response:
    """The process answers. It asks no database: a restart would not mend one."""
    return jsonify(status="ok")


@blueprint.get("/readyz")
@public
def readyz() -> tuple[Response, int, dict[str, str]]:
    """Whether visitors may be sent here: the database answers and has this program's schema."""
    try:
        found = schema_version()
    except SQLAlchemyError:
        db.session.rollback()
        return jsonify(status="unavailable", reason="the database does not answer"), 503, _LATER
    wanted = _newest(str(Path(current_app.root_path).parent / "migrations"))
    if found != wanted:
        return jsonify(status="unavailable", reason="the schema is not this program's"), 503, _LATER
    behind = replica_state()
    if behind is None:
        return jsonify(status="ok"), 200, {}
    # Visitors may be sent here without it: then the first database is read.
    return (
        jsonify(status="ok", replica={"answers": behind.answers, "seconds_behind": behind.seconds}),
        200,
        {},
    )


@blueprint.get("/metrics")
@public
def metrics() -> Response:
    """The counters, for who shows the token of the settings; without a token set there is no such page."""
    token: str = current_app.extensions["settings"].metrics_token
    sent = request.authorization
    shown = sent.token if sent is not None and sent.type == "bearer" else None
    if not token or shown is None or not hmac.compare_digest(shown.encode(), token.encode()):
        abort(404)
    return Response(exposition(), content_type="text/plain; version=0.0.4; charset=utf-8")
