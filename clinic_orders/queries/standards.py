"""Whose materials of the six unified standards are printed: the members of a day with what they promised."""

from __future__ import annotations

from collections.abc import Collection
from datetime import date
from decimal import Decimal
from typing import Any, NamedTuple

from sqlalchemy import or_, select

from clinic_orders.models.base import db
from clinic_orders.models.roster import Commitment, Institution, InstitutionRecord
from clinic_orders.queries.publicity.roster import members
from clinic_orders.queries.roster import institutions_of
from clinic_orders.rules.parties import Actor, InstitutionKind


class StandardsOf(NamedTuple):
    """An institution as its sheets need it; ``rate`` is None where no letter in force promises one."""

    institution_id: int
    code: str
    name: str
    kind: InstitutionKind
    rate: Decimal | None


def standards_of(
    actor: Actor,
    *,
    on: date,
    among: Collection[int] | None = None,
    county: str = "",
    township: str = "",
    kind: InstitutionKind | None = None,
) -> list[StandardsOf]:
    """The members that the actor may see, by township, kind and name; one statement.

    Args:
        actor: who prints.
        on: the day.
        among: only institutions with these ids; None = all.
        county: only in this county; empty = all.
        township: only in this township; empty = all.
        kind: only of this kind; None = all.

    """
    record, letter = InstitutionRecord, Commitment
    rate: Any = (
        select(letter.markup_rate)
        .where(
            letter.institution_id == record.institution_id,
            letter.signed_on <= on,
            or_(letter.ends_on.is_(None), letter.ends_on >= on),
        )
        .order_by(letter.signed_on.desc())
        .limit(1)
        .correlate(record)
        .scalar_subquery()
    )
    statement = (
        select(record.institution_id, Institution.code, record.name, record.kind, rate)
        .join(Institution, Institution.id == record.institution_id)
        .where(*members(on), institutions_of(actor, record.institution_id, on))
        .order_by(record.township, record.kind, record.name, Institution.code)
    )
    if among is not None:
        statement = statement.where(record.institution_id.in_(among))
    if county:
        statement = statement.where(record.county_code == county)
    if township:
        statement = statement.where(record.township == township)
    if kind is not None:
        statement = statement.where(record.kind == kind)
    return [StandardsOf(*row) for row in db.session.execute(statement)]
