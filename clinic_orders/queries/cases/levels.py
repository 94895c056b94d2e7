"""How many cases stand at which level of the ladder, for the statistics (R-STAT-2)."""

from __future__ import annotations

from collections import Counter

from sqlalchemy import func, or_, select

from clinic_orders.models.base import db
from clinic_orders.models.cases import CaseFile, CaseLetter
from clinic_orders.rules.days import Month, end_of_day
from clinic_orders.rules.ladder import CaseState, LetterState
from clinic_orders.rules.letters import OF_LEVEL


def reached_levels(month: Month) -> dict[tuple[int | None, int | None], Counter[int]]:
    """How many cases had reached which level at the end of a month and were not closed by then, by their party.

    A case counts at the highest level of which a letter had been issued by then; a prior notice is no level, and a
    letter that an appeal has revoked is none. One statement.

    Args:
        month: at whose end, in China.

    Returns:
        by the row ids of institution and distributor, one of which is None.

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
    party = (CaseFile.institution_id, CaseFile.distributor_id)
    rows = db.session.execute(
        select(*party, reached.c.level, func.count())
        .join(reached, reached.c.case_id == CaseFile.id)
        .where(
            or_(CaseFile.closed_at.is_(None), CaseFile.closed_at >= ends),
            CaseFile.state != CaseState.WITHDRAWN,
        )
        .group_by(*party, reached.c.level)
    )
    found: dict[tuple[int | None, int | None], Counter[int]] = {}
    for institution_id, distributor_id, level, number in rows:
        found.setdefault((institution_id, distributor_id), Counter())[int(level)] += number
    return found
