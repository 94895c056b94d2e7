"""Tell those on a year's lists: the clock who missed reports, the city who earns preference (decision 0053)."""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
from datetime import datetime

from sqlalchemy import select

from clinic_orders.actions import audit, notices
from clinic_orders.actions.transaction import transactional
from clinic_orders.models.base import db
from clinic_orders.models.incentives import YearListEntry
from clinic_orders.models.roster import Institution
from clinic_orders.queries.incentives import YearLine, thresholds, told, year_lines
from clinic_orders.rules.days import day_in_china
from clinic_orders.rules.incentives import NobodyNew, YearList, check_preference
from clinic_orders.rules.parties import SYSTEM, Actor, Permission


def _enter(
    year: int, which: YearList, lines: Sequence[YearLine], *, by: Actor, at: datetime
) -> list[tuple[int, YearLine]]:
    """Note who is told; answers the institutions' row ids."""
    codes = {line.code: line for line in lines}
    known = select(Institution.id, Institution.code).where(Institution.code.in_(codes))
    found = [(row.id, codes[row.code]) for row in db.session.execute(known)]
    db.session.add_all(
        YearListEntry(
            year=year, institution_id=institution_id, list=which, purchased=line.year.purchased,
            fulfilment=line.year.fulfilment, missed=line.year.missed, told_at=at, told_by_name=by.name[:64],
        )
        for institution_id, line in found
    )  # fmt: skip
    db.session.flush()
    return found


@transactional
def warn_of_missed_reports(year: int, lines: Sequence[YearLine], *, by: Actor, at: datetime) -> int:
    """Send the notice to those who missed so many reports, once a year, and tell their counties how many; how many.

    Args:
        year: the year.
        lines: as ``queries.incentives.to_be_warned`` found them.
        by: the clock.
        at: when.

    Raises:
        NotAllowed: by this role.

    """
    by.need(Permission.JOBS_RUN)
    had = told(year)
    new = [line for line in lines if (line.code, YearList.NOTICE) not in had]
    if not new:
        return 0
    found = _enter(year, YearList.NOTICE, new, by=by, at=at)
    notices.tell_each(
        "reports_missed",
        {institution_id: {"year": year, "missed": line.year.missed} for institution_id, line in found},
        at=at,
        link="/reports/",
    )
    for county, number in sorted(Counter(line.county_code for line in new).items()):
        notices.tell(
            "reports_missed_here", at=at, facts={"year": year, "count": number},
            link=f"/incentives/?year={year}&list=notice", county_code=county,
        )  # fmt: skip
    audit.record(
        "warn_of_missed_reports", by=by, at=at, subject_type="year_list", subject=str(year),
        after={"institutions": len(found)},
    )  # fmt: skip
    return len(found)


@transactional
def publish_preference(year: int, *, by: Actor, at: datetime) -> int:
    """Publish who earns preference: each is told with its figures; whoever comes on the list later is told then.

    Raises:
        NotAllowed: by this role.
        NoThresholdSet, ListTooEarly, NobodyNew: why not.

    """
    by.need(Permission.MONTH_CLOSE)
    check_preference(year, thresholds(year), today=day_in_china(at))
    had = told(year)
    lines, _ = year_lines(SYSTEM, year)
    new = [line for line in lines if line.preferred and (line.code, YearList.PREFERENCE) not in had]
    if not new:
        raise NobodyNew(year=year)
    found = _enter(year, YearList.PREFERENCE, new, by=by, at=at)
    notices.tell_each(
        "preference_earned",
        {
            institution_id: {"year": year, "purchased": str(line.year.purchased)}
            for institution_id, line in found
        },
        at=at,
        link="/duties/",
    )
    audit.record(
        "publish_preference", by=by, at=at, subject_type="year_list", subject=str(year),
        after={"institutions": len(found)},
    )  # fmt: skip
    return len(found)
