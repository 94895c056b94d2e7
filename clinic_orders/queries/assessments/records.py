"""Trainings and conduct of a year as SQL: the twins of ``rules.assessment.records`` (R-STAT-3)."""

from __future__ import annotations

from collections import Counter
from datetime import date
from decimal import Decimal

from sqlalchemy import func, select

from clinic_orders.models.base import db
from clinic_orders.models.cases import CaseFile, CaseLetter
from clinic_orders.models.complaints import Complaint
from clinic_orders.models.trainings import TrainingRecord
from clinic_orders.rules.complaints import ComplaintState
from clinic_orders.rules.days import end_of_day, start_of_day
from clinic_orders.rules.ladder import CaseState, LetterState
from clinic_orders.rules.letters import OF_LEVEL


def training_hours(year: int) -> dict[int, Decimal]:
    """Hours of the trainings of a year by institution; the twin of ``hours_of``."""
    record = TrainingRecord
    rows = db.session.execute(
        select(record.institution_id, func.sum(record.hours))
        .where(record.day >= date(year, 1, 1), record.day <= date(year, 12, 31), record.removed_at.is_(None))
        .group_by(record.institution_id)
    )
    return dict(rows.all())


def conduct_levels(year: int) -> Counter[int]:
    """How much a year's conduct weighs, by institution; the twin of ``levels_of``."""
    first, last = date(year, 1, 1), date(year, 12, 31)
    highest = (
        select(CaseFile.institution_id, func.max(CaseLetter.level).label("level"))
        .join(CaseLetter, CaseLetter.case_id == CaseFile.id)
        .where(
            CaseFile.institution_id.is_not(None),
            CaseFile.state != CaseState.WITHDRAWN,
            CaseLetter.issued_on >= first,
            CaseLetter.issued_on <= last,
            CaseLetter.kind.in_(OF_LEVEL.values()),
            CaseLetter.state == LetterState.ISSUED,
        )
        .group_by(CaseFile.id, CaseFile.institution_id)
        .subquery()
    )
    found: Counter[int] = Counter()
    for institution_id, levels in db.session.execute(
        select(highest.c.institution_id, func.sum(highest.c.level)).group_by(highest.c.institution_id)
    ):
        found[institution_id] += int(levels)
    for institution_id, number in db.session.execute(
        select(Complaint.institution_id, func.count())
        .where(
            Complaint.state == ComplaintState.VERIFIED,
            Complaint.answered_at >= start_of_day(first),
            Complaint.answered_at < end_of_day(last),
            Complaint.institution_id.is_not(None),
        )
        .group_by(Complaint.institution_id)
    ):
        assert institution_id is not None, "the condition says so"
        found[institution_id] += number
    return found
