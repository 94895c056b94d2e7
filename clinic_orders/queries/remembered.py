"""What a process remembers between pages: the items of a day, the policy, who delivers in a county – as long as their
stamp stays the same.

A page that only reads learns the stamps with the statement that says who the person is, and asks the database for
the rest after it. What is remembered under a token was therefore read at that state of the tables or a later one,
never an earlier one; once a change is committed every page learns another token. Deeds never use it: nobody tells
them a stamp.
"""

from __future__ import annotations

import itertools
import threading
from collections.abc import Callable, Hashable
from typing import Any, Final, NamedTuple, TypeVar

from sqlalchemy import ScalarSelect, select

from clinic_orders.models.base import db
from clinic_orders.models.stamps import Stamp

T = TypeVar("T")

_MOST: Final = 64
_INFO: Final = "stamps"
_kept: dict[tuple[str, Hashable], tuple[str, Any]] = {}
_changing = threading.Lock()


class Stamps(NamedTuple):
    """The tokens of a moment; None where the database has none."""

    catalogue: str | None
    policy: str | None
    relations: str | None


def stamp(name: str) -> ScalarSelect[str]:
    """The token of a stamp, as a column of another statement."""
    return select(Stamp.token).where(Stamp.name == name).scalar_subquery()


def learn(stamps: Stamps) -> None:
    """From now until the end of this page's session what is remembered under these stamps holds."""
    db.session().info[_INFO] = stamps


def forget_stamps() -> None:
    """What follows asks the database for everything: it may change what the stamps stand for."""
    db.session().info.pop(_INFO, None)


_deeds = itertools.count(1)
_done_here = 0


def note_deed() -> None:
    """A deed of this process was committed: what was made before it is old."""
    global _done_here
    _done_here = next(_deeds)


def deeds_here() -> int:
    """How many deeds this process has committed."""
    return _done_here


def is_known(name: str) -> bool:
    """Whether this page knows a stamp, so that something can be remembered under it."""
    stamps: Stamps | None = db.session().info.get(_INFO)
    return stamps is not None and getattr(stamps, name) is not None


def remembered(name: str, what: Hashable, make: Callable[[], T]) -> T:
    """What ``make`` gives, or what it gave earlier under the same stamp. Nobody may change it afterwards.

    Args:
        name: the stamp of the tables that ``make`` reads, and it reads no others.
        what: which of the things under this stamp.
        make: asks the database.

    """
    stamps: Stamps | None = db.session().info.get(_INFO)
    token = None if stamps is None else getattr(stamps, name)
    if token is None:
        return make()
    key = (name, what)
    known = _kept.get(key)
    if known is not None and known[0] == token:
        found: T = known[1]
        return found
    made = make()
    with _changing:
        _kept.pop(key, None)
        _kept[key] = (token, made)
        while len(_kept) > _MOST:
            del _kept[next(iter(_kept))]
    return made
