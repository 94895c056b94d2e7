"""How many institutions the scheme is meant for, as the bureau has set it by county and kind (R-STAT-2)."""

from __future__ import annotations

from collections.abc import Iterable
from datetime import date

from sqlalchemy import and_, func, or_, select

from clinic_orders.models.base import db
from clinic_orders.models.roster import InstitutionRecord, Membership
from clinic_orders.models.statistics import ScopeNumber
from clinic_orders.queries.roster import current
from clinic_orders.rules.further_indicators import InScope


def scope_rows(*, on: date) -> dict[tuple[str, str], ScopeNumber]:
    """The row in force on a day by county code and kind; also those that say that no number is known."""
    statement = select(ScopeNumber).where(ScopeNumber.valid_from <= on).order_by(ScopeNumber.valid_from)
    return {(row.county_code, row.kind.value): row for row in db.session.scalars(statement)}


def scope_numbers(*, on: date) -> list[InScope]:
    """The numbers that are set on a day."""
    return _set_ones(scope_rows(on=on).values())


def _set_ones(rows: Iterable[ScopeNumber]) -> list[InScope]:
    return [
        InScope(row.county_code, row.kind.value, row.institutions)
        for row in rows
        if row.institutions is not None
    ]


def members_by_place(*, on: date) -> dict[tuple[str, str], int]:
    """Members of a day by county code and kind; one statement."""
    record = InstitutionRecord
    statement = (
        select(record.county_code, record.kind, func.count())
        .join(Membership, Membership.institution_id == record.institution_id)
        .where(
            and_(current(record, on)),
            Membership.joined_on <= on,
            or_(Membership.left_on.is_(None), Membership.left_on >= on),
        )
        .group_by(record.county_code, record.kind)
    )
    return {(county, kind.value): number for county, kind, number in db.session.execute(statement)}
