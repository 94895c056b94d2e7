"""How the replica stands: whether it answers, whether it is one, and how far it is behind the first database."""

from __future__ import annotations

import time
from dataclasses import dataclass
from typing import Final

from sqlalchemy import Engine, text
from sqlalchemy.exc import SQLAlchemyError

from clinic_orders.models.base import REPLICA, db

_AGAIN: Final = 10.0
"""Seconds for which a replica that did not answer is not asked again, so that no page waits for it."""
_WRITTEN: Final = text("SELECT CAST(pg_current_wal_lsn() AS TEXT)")
_REPLAYED: Final = text(
    "SELECT pg_is_in_recovery(), COALESCE(pg_last_wal_replay_lsn() >= CAST(:written AS pg_lsn), false),"
    " GREATEST(EXTRACT(EPOCH FROM clock_timestamp() - pg_last_xact_replay_timestamp()), 0)"
)
_silent: dict[str, float] = {}


@dataclass(frozen=True, slots=True)
class ReplicaState:
    """How the replica stands at a moment.

    Attributes:
        answers: whether it answers and follows the first database.
        seconds: how old its newest change is while it lacks later ones; 0 if it lacks none. None if that is not known.

    """

    answers: bool
    seconds: float | None = None

    def is_within(self, seconds: float) -> bool:
        """Whether it is at most so far behind."""
        return self.answers and self.seconds is not None and self.seconds <= seconds


AWAY: Final = ReplicaState(answers=False)


def replica_state() -> ReplicaState | None:
    """How the replica stands now; None if the settings name none. One statement to each of the two databases.

    The first database says how far it has written, the replica whether it has come so far. Seconds alone would not do:
    where nothing is written, nothing new arrives either.
    """
    engine = db.engines.get(REPLICA)
    if engine is None:
        return None
    address = str(engine.url)
    if _silent.get(address, 0.0) > time.monotonic():
        return AWAY
    try:
        return _ask(engine)
    except SQLAlchemyError:
        _silent[address] = time.monotonic() + _AGAIN
        return AWAY


def _ask(engine: Engine) -> ReplicaState:
    with db.engine.connect() as first:
        written = first.scalar(_WRITTEN)
    with engine.connect() as second:
        follows, has_all, seconds = second.execute(_REPLAYED, {"written": written}).one()
    if not follows:
        return AWAY
    if has_all:
        return ReplicaState(answers=True, seconds=0.0)
    return ReplicaState(answers=True, seconds=None if seconds is None else float(seconds))
