"""Whole or not at all: the only place that commits."""

from __future__ import annotations

import functools
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from contextvars import ContextVar
from typing import ParamSpec, TypeVar

from clinic_orders.models.base import db, reads_without_transaction, writing
from clinic_orders.queries.remembered import forget_stamps, note_deed

P = ParamSpec("P")
R = TypeVar("R")

_depth: ContextVar[int] = ContextVar("transaction_depth", default=0)


@contextmanager
def transaction() -> Iterator[None]:
    """The outermost block commits at its end; an exception undoes everything; inner blocks join."""
    depth = _depth.get()
    if depth == 0 and reads_without_transaction():
        # What was read before the deed was read where nothing could be undone; the deed begins anew.
        db.session.commit()
    forget_stamps()
    token = _depth.set(depth + 1)
    try:
        with writing():
            yield
            if depth == 0:
                db.session.commit()
                note_deed()
            else:
                db.session.flush()
    except BaseException:
        if depth == 0:
            db.session.rollback()
        raise
    finally:
        _depth.reset(token)


def transactional(deed: Callable[P, R]) -> Callable[P, R]:
    """Make a deed whole: it commits when it was called from outside, and joins when another deed called it."""

    @functools.wraps(deed)
    def whole(*args: P.args, **kwargs: P.kwargs) -> R:
        with transaction():
            return deed(*args, **kwargs)

    whole.__transactional__ = True  # type: ignore[attr-defined]
    return whole


def end_reading() -> None:
    """End a transaction that only read, by COMMIT; one in which something is pending is left to be rolled back.

    Upon every ROLLBACK psycopg forgets the statements that PostgreSQL has prepared, and planning them anew takes
    longer than running them.
    """
    session = db.session()
    if _depth.get() == 0 and not (session.new or session.dirty or session.deleted):
        session.commit()
