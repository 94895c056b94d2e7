"""The published roster, and which of a member's facts the public is told."""

from __future__ import annotations

from datetime import date
from typing import Any, NamedTuple

from sqlalchemy import ColumnElement, case, exists, func, or_, select

from clinic_orders.models.base import db
from clinic_orders.models.publicity import HiddenPhone
from clinic_orders.models.roster import County, Institution, InstitutionRecord, Suspension
from clinic_orders.queries.lists import with_words
from clinic_orders.queries.roster import current
from clinic_orders.rules.parties import InstitutionKind


def members(on: date) -> tuple[ColumnElement[bool], ...]:
    """The conditions that keep the records of members on a day."""
    record = InstitutionRecord
    return (
        current(record, on),
        record.joined_on <= on,
        or_(record.left_on.is_(None), record.left_on >= on),
    )


def suspended(on: date) -> ColumnElement[bool]:
    """Whether the institution of a record is suspended on a day; the day it was lifted is free."""
    return (
        exists()
        .where(
            Suspension.institution_id == InstitutionRecord.institution_id,
            Suspension.first_day <= on,
            Suspension.last_day >= on,
            or_(Suspension.lifted_on.is_(None), Suspension.lifted_on > on),
        )
        .correlate(InstitutionRecord)
    )


def told_phone() -> ColumnElement[str]:
    """The telephone, or nothing where it stays unsaid; ``HiddenPhone`` is joined from outside."""
    return case((HiddenPhone.institution_id.is_(None), InstitutionRecord.phone), else_="")


class Member(NamedTuple):
    """An institution on the published roster."""

    code: str
    name: str
    kind: InstitutionKind
    county: str
    township: str
    address: str
    phone: str
    joined_on: date
    suspended: bool


def published_roster(
    *, on: date, words: str = "", county: str = "", kind: InstitutionKind | None = None
) -> Any:
    """The members on a day, as a statement to be counted and cut: by county, kind and name."""
    record = InstitutionRecord
    statement = (
        select(
            Institution.code, record.name, record.kind, County.name, record.township, record.address, told_phone(),
            record.joined_on, suspended(on),
        )
        .join(Institution, Institution.id == record.institution_id)
        .join(County, County.code == record.county_code)
        .outerjoin(HiddenPhone, HiddenPhone.institution_id == record.institution_id)
        .where(*members(on))
        .order_by(record.county_code, record.kind, record.name, Institution.code)
    )  # fmt: skip
    if county:
        statement = statement.where(record.county_code == county)
    if kind is not None:
        statement = statement.where(record.kind == kind)
    return statement.where(*with_words(words, record.name, record.township))


def roster_page(statement: Any, *, limit: int, offset: int) -> list[Member]:
    """A page of the published roster."""
    return [Member(*row) for row in db.session.execute(statement.limit(limit).offset(offset))]


def roster_count(statement: Any) -> int:
    """How many members it has."""
    return db.session.scalar(select(func.count()).select_from(statement.order_by(None).subquery())) or 0


def places() -> tuple[list[tuple[str, str]], dict[str, list[str]]]:
    """The counties with their names, and by county the townships in which members are; two statements."""
    counties = [
        (row.code, row.name)
        for row in db.session.execute(select(County.code, County.name).order_by(County.code))
    ]
    record = InstitutionRecord
    rows = db.session.execute(
        select(record.county_code, record.township)
        .where(record.valid_before.is_(None), record.township != "")
        .distinct()
        .order_by(record.county_code, record.township)
    )
    townships: dict[str, list[str]] = {}
    for code, name in rows:
        townships.setdefault(code, []).append(name)
    return counties, townships


class OwnEntry(NamedTuple):
    """What the public is told of an institution; ``phone`` is empty where it stays unsaid or there is none."""

    name: str
    kind: InstitutionKind
    county: str
    township: str
    address: str
    phone: str
    shown: bool


def own_entry(institution_id: int, *, on: date) -> OwnEntry:
    """The entry of one institution, for its own people; one statement."""
    record = InstitutionRecord
    row = db.session.execute(
        select(
            record.name, record.kind, County.name, record.township, record.address, told_phone(),
            HiddenPhone.institution_id.is_(None),
        )
        .join(County, County.code == record.county_code)
        .outerjoin(HiddenPhone, HiddenPhone.institution_id == record.institution_id)
        .where(record.institution_id == institution_id, current(record, on))
    ).one()  # fmt: skip
    return OwnEntry(*row)
