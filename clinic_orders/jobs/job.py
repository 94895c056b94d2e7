"""What a job is, what a run of it did, and a deed done record by record."""

from __future__ import annotations

import logging
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, field
from datetime import date, datetime, timedelta
from typing import TypeVar

from apscheduler.triggers.cron import CronTrigger

from clinic_orders.models.base import db
from clinic_orders.rules.days import SHANGHAI

log = logging.getLogger(__name__)


@dataclass(slots=True)
class Outcome:
    """What a run did: rows read, records changed, records that failed (logged one by one)."""

    rows_read: int = 0
    changed: int = 0
    failures: int = 0


Work = Callable[[date, datetime, Outcome], None]


@dataclass(frozen=True, slots=True)
class Job:
    """One scheduled job.

    Attributes:
        name: its word on the console.
        title: English msgid of what it does.
        cron: minute, hour, day, month, day of week, in Asia/Shanghai.
        work: does it for an as-of day, counting into the outcome.
        catch_up: whether every missed slot is run later, or only the newest.

    """

    name: str
    title: str
    cron: str
    work: Work
    catch_up: bool = True
    _trigger: list[CronTrigger] = field(default_factory=list, compare=False)

    @property
    def trigger(self) -> CronTrigger:
        """The cron line as APScheduler's trigger."""
        if not self._trigger:
            self._trigger.append(CronTrigger.from_crontab(self.cron, timezone=SHANGHAI))
        return self._trigger[0]

    def slots(self, after: datetime, until: datetime) -> Iterator[datetime]:
        """The scheduled instants in (after, until], oldest first."""
        moment = self.trigger.get_next_fire_time(None, after + timedelta(seconds=1))
        while moment is not None and moment <= until:
            yield moment
            moment = self.trigger.get_next_fire_time(moment, moment + timedelta(seconds=1))


R = TypeVar("R")


def each(found: Sequence[R], deed: Callable[[R], object], outcome: Outcome) -> None:
    """Do a deed for each record; a failing one is logged and counted, the others go on."""
    outcome.rows_read += len(found)
    for record_id in found:
        try:
            deed(record_id)
            outcome.changed += 1
        except Exception:
            db.session.rollback()
            log.exception("a record of the night's work failed", extra={"record_id": record_id})
            outcome.failures += 1
