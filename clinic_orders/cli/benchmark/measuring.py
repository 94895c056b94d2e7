"""Seconds, their spread over rounds, and ratios held against goals."""

from __future__ import annotations

import re
import statistics
import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Any, Final, TypeVar

from flask import Flask
from sqlalchemy import event

from clinic_orders.models.base import db

T = TypeVar("T")

_BOOKKEEPING: Final = re.compile(r"\s*(BEGIN|COMMIT|ROLLBACK|SAVEPOINT|RELEASE|PRAGMA|SET )", re.IGNORECASE)


def timed(work: Callable[[], T]) -> tuple[float, T]:
    """The seconds a piece of work took, and its result."""
    began = time.perf_counter()
    result = work()
    return time.perf_counter() - began, result


@dataclass(frozen=True, slots=True)
class Spread:
    """Least, median and greatest of some rounds."""

    least: float
    median: float
    most: float

    @classmethod
    def of(cls, values: Sequence[float]) -> Spread:
        """The spread of values, one for each round."""
        return cls(min(values), statistics.median(values), max(values))

    def as_dict(self, digits: int = 3) -> dict[str, float]:
        """For JSON."""
        return {
            "min": round(self.least, digits),
            "median": round(self.median, digits),
            "max": round(self.most, digits),
        }


@dataclass(frozen=True, slots=True)
class Comparison:
    """One thing held against its floor, round by round.

    Attributes:
        name: what is measured, for people.
        floor: what it is held against.
        goal: the ratio to keep to.
        at_most: whether the goal is an upper bound (times the floor's time) or a lower one (times its rate).
        seconds: the median of each round.
        floor_seconds: the floor's median of each round.

    """

    name: str
    floor: str
    goal: float
    at_most: bool
    seconds: list[float]
    floor_seconds: list[float]

    @property
    def ratios(self) -> list[float]:
        """The ratio of each round: of the times, or of the rates where more is better."""
        pairs = zip(self.seconds, self.floor_seconds, strict=True)
        return [ours / floor if self.at_most else floor / ours for ours, floor in pairs]

    @property
    def is_met(self) -> bool:
        """Whether the median ratio keeps to the goal."""
        median = statistics.median(self.ratios)
        return median <= self.goal if self.at_most else median >= self.goal

    def as_dict(self) -> dict[str, Any]:
        """For JSON; times in milliseconds."""
        return {
            "name": self.name,
            "floor": self.floor,
            "ratio": Spread.of(self.ratios).as_dict(2),
            "goal": f"{'<=' if self.at_most else '>='} {self.goal:g}",
            "met": self.is_met,
            "ms": Spread.of([value * 1000 for value in self.seconds]).as_dict(),
            "floor_ms": Spread.of([value * 1000 for value in self.floor_seconds]).as_dict(),
        }


class Rounds:
    """Collects times of a thing and its floor; `close` ends a round."""

    def __init__(self) -> None:
        self.ours: list[float] = []
        self.floor: list[float] = []
        self._ours: list[float] = []
        self._floor: list[float] = []

    def add(self, ours: float, floor: float) -> None:
        """One pair of times in seconds."""
        self._ours.append(ours)
        self._floor.append(floor)

    def close(self) -> None:
        """Keep the medians of this round."""
        self.ours.append(statistics.median(self._ours))
        self.floor.append(statistics.median(self._floor))
        self._ours, self._floor = [], []


@contextmanager
def counted(app: Flask) -> Iterator[list[str]]:
    """The statements sent to the database inside, without those that only begin and end transactions."""
    seen: list[str] = []

    def note(_connection: Any, _cursor: Any, statement: str, *_more: Any) -> None:
        if not _BOOKKEEPING.match(statement):
            seen.append(statement)

    with app.app_context():
        engine = db.engine
    event.listen(engine, "before_cursor_execute", note)
    try:
        yield seen
    finally:
        event.remove(engine, "before_cursor_execute", note)
