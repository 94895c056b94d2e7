"""Seconds, their spread over rounds, and ratios held against goals."""

from __future__ import annotations

import re
import statistics
import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final, NamedTuple, TypeVar

from flask import Flask
from sqlalchemy import event, text

from clinic_orders.models.base import db

T = TypeVar("T")

_BOOKKEEPING: Final = re.compile(r"\s*(BEGIN|COMMIT|ROLLBACK|SAVEPOINT|RELEASE|PRAGMA|SET )", re.IGNORECASE)


class Seconds(NamedTuple):
    """How long a piece of work took: by the clock, and of this process's processor time."""

    wall: float
    cpu: float

    def plus(self, other: Seconds) -> Seconds:
        """Both, one after the other."""
        return Seconds(self.wall + other.wall, self.cpu + other.cpu)


def timed(work: Callable[[], T]) -> tuple[Seconds, T]:
    """The seconds a piece of work took, and its result."""
    cpu, began = time.process_time(), time.perf_counter()
    result = work()
    return Seconds(time.perf_counter() - began, time.process_time() - cpu), result


def timed_with_server(work: Callable[[], T]) -> tuple[Seconds, T]:
    """The seconds a piece of work took, and its result; the processor time is that of both ends of the connection at hand.

    SQLite works in this process. PostgreSQL's server gives each connection a process of its own, whose time the system
    counts; call ``work_alone`` before, so that it has no helpers whose time is counted elsewhere.
    """
    connection = db.session.connection()
    if connection.dialect.name == "sqlite":
        return timed(work)
    server = connection.execute(text("SELECT pg_backend_pid()")).scalar_one()
    began = processor_of(server)
    seconds, result = timed(work)
    return seconds.plus(Seconds(0, processor_of(server) - began)), result


def work_alone() -> None:
    """Have PostgreSQL answer every later question of this application in one process, without parallel workers."""
    if db.engine.dialect.name == "sqlite":
        return
    with db.engine.begin() as connection:
        connection.execute(text("ALTER ROLE CURRENT_USER SET max_parallel_workers_per_gather = 0"))
    db.session.remove()
    # The setting is one of new connections.
    db.engine.dispose()


def servers() -> list[int]:
    """The processes of PostgreSQL's server that answer this application; none of SQLite."""
    if db.engine.dialect.name == "sqlite":
        return []
    with db.engine.connect() as connection:
        rows = connection.execute(
            text("SELECT pid FROM pg_stat_activity WHERE datname = current_database()")
        ).all()
    return [pid for (pid,) in rows]


def processor_of(process: int) -> float:
    """The processor time of a process on this machine, in seconds."""
    return int(Path(f"/proc/{process}/schedstat").read_text().split()[0]) / 1e9


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


def mean(times: Sequence[Seconds]) -> Seconds:
    """The mean of each.

    Not the median: on a busy machine long work is interrupted more often than short work, and the median of the
    short then knows nothing of it; of means the interruptions fall on both in proportion.
    """
    return Seconds(
        statistics.fmean(seconds.wall for seconds in times),
        statistics.fmean(seconds.cpu for seconds in times),
    )


class Rounds:
    """Collects times of a thing and of its floor; ``close`` ends a round and keeps its means."""

    def __init__(self) -> None:
        self.ours: list[Seconds] = []
        self.floor: list[Seconds] = []
        self._ours: list[Seconds] = []
        self._floor: list[Seconds] = []

    def add(self, ours: Seconds, floor: Seconds) -> None:
        """One pair of times."""
        self._ours.append(ours)
        self._floor.append(floor)

    def close(self) -> None:
        """Keep the means of this round."""
        self.ours.append(mean(self._ours))
        self.floor.append(mean(self._floor))
        self._ours, self._floor = [], []


CLOCK, PROCESSOR = "clock", "processor time"


@dataclass(frozen=True, slots=True)
class Comparison:
    """One thing held against its floor, round by round.

    Attributes:
        name: what is measured, for people.
        floor: what it is held against.
        goal: the ratio to keep to.
        at_most: whether the goal is an upper bound (times the floor's time) or a lower one (times its rate).
        rounds: the times.
        by: CLOCK, or PROCESSOR where all the work is done in this process: its time knows no interruptions.
        both: whether the other one means something too.

    """

    name: str
    floor: str
    goal: float
    at_most: bool
    rounds: Rounds
    by: str = CLOCK
    both: bool = True

    def ratios(self, by: str) -> list[float]:
        """The ratio of each round: of the times, or of the rates where more is better."""
        place = 0 if by == CLOCK else 1
        pairs = [
            (ours[place], floor[place])
            for ours, floor in zip(self.rounds.ours, self.rounds.floor, strict=True)
        ]
        return [ours / floor if self.at_most else floor / ours for ours, floor in pairs]

    @property
    def is_met(self) -> bool:
        """Whether the median ratio keeps to the goal."""
        median = statistics.median(self.ratios(self.by))
        return median <= self.goal if self.at_most else median >= self.goal

    def as_dict(self) -> dict[str, Any]:
        """For JSON; times in milliseconds."""
        place = 0 if self.by == CLOCK else 1
        other = PROCESSOR if self.by == CLOCK else CLOCK
        return {
            "name": self.name,
            "floor": self.floor,
            "goal": f"{'<=' if self.at_most else '>='} {self.goal:g}",
            "met": self.is_met,
            "by": self.by,
            "ratio": Spread.of(self.ratios(self.by)).as_dict(2),
            "ms": Spread.of([seconds[place] * 1000 for seconds in self.rounds.ours]).as_dict(),
            "floor_ms": Spread.of([seconds[place] * 1000 for seconds in self.rounds.floor]).as_dict(),
            "other": {"by": other, "ratio": Spread.of(self.ratios(other)).as_dict(2)} if self.both else None,
        }


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
