"""How many cases stand at which level of the ladder, for the statistics (R-STAT-2)."""

from __future__ import annotations

from collections.abc import Mapping

from sqlalchemy import and_, func, or_, select

from clinic_orders.models.base import db
from clinic_orders.models.cases import CaseFile, CaseLetter
from clinic_orders.models.roster import InstitutionRecord
from clinic_orders.queries.roster import current
from clinic_orders.rules.days import Month, end_of_day
from clinic_orders.rules.ladder import CaseState, LetterState, Level
from clinic_orders.rules.letters import OF_LEVEL


def by_level(month: Month, county: str = "") -> Mapping[Level, int]:
    """How many cases had reached which level at the end of a month and were not closed by then.

    A case counts at the highest level of which a letter had been issued by then; a prior notice is no level, and a
    letter that an appeal has revoked is none. Cases against distributors belong to no county.

    Args:
        month: at whose end, in China.
        county: its code: only cases against institutions that were in it on the month's last day; empty = all.

    """
    ends = end_of_day(month.last_day)
    reached = (
        select(CaseLetter.case_id, func.max(CaseLetter.level).label("level"))
        .where(
            CaseLetter.issued_at < ends,
            CaseLetter.kind.in_(OF_LEVEL.values()),
            CaseLetter.state == LetterState.ISSUED,
        )
        .group_by(CaseLetter.case_id)
        .subquery()
    )
    statement = (
        select(reached.c.level, func.count())
        .join(CaseFile, CaseFile.id == reached.c.case_id)
        .where(
            or_(CaseFile.closed_at.is_(None), CaseFile.closed_at >= ends),
            CaseFile.state != CaseState.WITHDRAWN,
        )
        .group_by(reached.c.level)
    )
    if county:
        record = InstitutionRecord
        statement = statement.join(
            record, and_(record.institution_id == CaseFile.institution_id, current(record, month.last_day))
        ).where(record.county_code == county)
    found = {Level(level): number for level, number in db.session.execute(statement)}
    return {level: found.get(level, 0) for level in Level}
