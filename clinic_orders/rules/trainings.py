"""What a record of training has to say (it counts in the annual assessment, R-STAT-3).

>>> check_training("集采政策培训", "王秀英、张建国", "2", "1.5", date(2026, 11, 20), today=date(2026, 11, 22))
Training(subject='集采政策培训', persons='王秀英、张建国', count=2, hours=Decimal('1.5'), day=datetime.date(2026, 11, 20))
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from datetime import date
from decimal import Decimal

from clinic_orders.rules.errors import N_, RuleBroken


@dataclass(frozen=True, slots=True)
class Training:
    """A record, checked."""

    subject: str
    persons: str
    count: int
    hours: Decimal
    day: date


class TrainingIncomplete(RuleBroken):
    """Subject and persons are said."""

    message = N_("Say what the training was about and who took part.")


class TrainingCountRefused(RuleBroken):
    """Not a number of people."""

    message = N_("Type how many people took part, as a whole number from 1 to 9999.")


class TrainingHoursRefused(RuleBroken):
    """Not a time."""

    message = N_("Type the hours, for example 2 or 1.5, at most 99.")


class TrainingAhead(RuleBroken):
    """What was not held yet is not recorded."""

    message = N_("The day lies ahead. Record the training when it has been held.")


def check_training(subject: str, persons: str, count: str, hours: str, day: date, *, today: date) -> Training:
    """A record as typed.

    Raises:
        TrainingIncomplete, TrainingCountRefused, TrainingHoursRefused, TrainingAhead: what is wrong.

    """
    about, who = subject.strip()[:200], persons.strip()[:500]
    if not about or not who:
        raise TrainingIncomplete
    if not re.fullmatch(r"[0-9]{1,4}", count.strip()) or int(count) == 0:
        raise TrainingCountRefused
    if not re.fullmatch(r"[0-9]{1,2}(\.[0-9]{1,2})?", hours.strip()) or not Decimal(hours):
        raise TrainingHoursRefused
    if day > today:
        raise TrainingAhead
    return Training(about, who, int(count), Decimal(hours.strip()), day)
