"""Statistics, bulletins and exports read from the replica, where there is one that is near enough.

A page that reads there says how far it is behind; where the replica is away or too far behind, the first database is
read, and the page says that. Whoever has just stored something reads the first database until the replica has it too.
"""

from __future__ import annotations

import logging
from typing import Final

from flask import Flask, current_app, g, request, session
from werkzeug.wrappers import Response

from clinic_orders.actions.transaction import end_reading
from clinic_orders.models.base import REPLICA, db, set_reading_from_replica
from clinic_orders.queries.remembered import forget_stamps
from clinic_orders.queries.replica import ReplicaState, replica_state
from clinic_orders.web.guards import READING

log = logging.getLogger(__name__)

AREAS: Final = frozenset({"statistics", "bulletins", "dashboard", "incentives", "stages", "scorecards"})
"""Blueprints whose pages read much and may be some seconds old."""
PAGES: Final = frozenset({"files.export", "audit.index"})
_WROTE: Final = "wrote"
_MARGIN: Final = 2.0


def _reads_there() -> bool:
    return request.method in READING and (request.blueprint in AREAS or request.endpoint in PAGES)


def _begin() -> None:
    """Choose the database of this page; the person has been read from the first one already."""
    if REPLICA not in db.engines or g.get("actor") is None or not _reads_there():
        return
    state = replica_state()
    if state is None:
        return
    g.replica = state
    settings = current_app.extensions["settings"]
    if not state.is_within(settings.replica_lag):
        log.warning(
            "the replica is not read: %s", "away" if not state.answers else f"{state.seconds} s behind"
        )
        return
    if _wrote_since(state):
        return
    end_reading()
    # What is remembered under a stamp of the first database must not be read from an older one.
    forget_stamps()
    set_reading_from_replica(True)
    g.from_replica = True


def _wrote_since(state: ReplicaState) -> bool:
    """Whether this person has stored something that the replica may not have yet."""
    wrote = session.get(_WROTE)
    return bool(wrote and state.seconds and g.now.timestamp() - wrote <= state.seconds + _MARGIN)


def _note_deed(response: Response) -> Response:
    if request.blueprint == "api":
        # A program has no session; it reads the first database always.
        return response
    if request.method not in READING and REPLICA in db.engines and g.get("actor") is not None:
        session[_WROTE] = int(g.now.timestamp())
    return response


def _end(_error: BaseException | None) -> None:
    set_reading_from_replica(False)


def _context() -> dict[str, object]:
    """For the foot of the page: how the replica stands, and whether this page was read there."""
    return {"replica": g.get("replica"), "from_replica": g.get("from_replica", False)}


def init_app(app: Flask) -> None:
    """Choose the database behind the guards."""
    app.before_request(_begin)
    app.after_request(_note_deed)
    app.teardown_request(_end)
    app.context_processor(_context)
