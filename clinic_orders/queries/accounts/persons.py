"""Who a person is: the principal of a session, and the roles between which a person chooses."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import date
from typing import Any

from sqlalchemy import Date, Integer, String, and_, bindparam, exists, func, or_, select

from clinic_orders.models.accounts import DeviceSession, RoleAssignment, User
from clinic_orders.models.base import db
from clinic_orders.models.roster import County, Distributor, Institution, InstitutionRecord
from clinic_orders.queries.accounts.scope import in_force
from clinic_orders.queries.remembered import Stamps, stamp
from clinic_orders.queries.roster import current
from clinic_orders.rules.parties import Actor, Role


@dataclass(frozen=True, slots=True)
class Principal:
    """What every request needs to know of its person; one row of one statement."""

    user_id: int
    assignment_id: int
    organisations: int
    session_epoch: int
    device_open: bool
    must_change_password: bool
    language: str
    big_print: bool
    demo_data: bool
    stamps: Stamps
    actor: Actor


# Asked before every page, so it is made once.
_DAY = bindparam("day", type_=Date)
_other = RoleAssignment.__table__.alias("other")
_organisations = (
    select(func.count())
    .select_from(_other)
    .where(
        _other.c.user_id == User.id,
        _other.c.valid_from <= _DAY,
        or_(_other.c.valid_to.is_(None), _other.c.valid_to >= _DAY),
    )
    .scalar_subquery()
)
_record = InstitutionRecord
_PRINCIPAL = (
    select(
        User.id,
        User.name,
        User.session_epoch,
        User.must_change_password,
        User.language,
        User.big_print,
        RoleAssignment.id.label("assignment_id"),
        RoleAssignment.role,
        RoleAssignment.institution_id,
        RoleAssignment.distributor_id,
        RoleAssignment.county_code,
        _record.name.label("institution_name"),
        _record.township,
        Distributor.name.label("distributor_name"),
        County.name.label("county_name"),
        _organisations.label("organisations"),
        exists()
        .where(
            DeviceSession.token_digest == bindparam("device", type_=String),
            DeviceSession.user_id == User.id,
            DeviceSession.ended_at.is_(None),
        )
        .correlate(User)
        .label("device_open"),
        exists().where(Institution.demo.is_(True)).label("demo_data"),
        stamp("catalogue").label("catalogue_stamp"),
        stamp("policy").label("policy_stamp"),
        stamp("relations").label("relations_stamp"),
    )
    .select_from(User)
    .join(RoleAssignment, RoleAssignment.user_id == User.id)
    .outerjoin(
        _record,
        and_(
            _record.institution_id == RoleAssignment.institution_id,
            _record.valid_from <= _DAY,
            or_(_record.valid_before.is_(None), _record.valid_before > _DAY),
        ),
    )
    .outerjoin(Distributor, Distributor.id == RoleAssignment.distributor_id)
    .outerjoin(County, County.code == func.coalesce(RoleAssignment.county_code, _record.county_code))
    .where(
        User.id == bindparam("user", type_=Integer),
        User.disabled_at.is_(None),
        RoleAssignment.valid_from <= _DAY,
        or_(RoleAssignment.valid_to.is_(None), RoleAssignment.valid_to >= _DAY),
    )
    .order_by(RoleAssignment.id)
    .limit(1)
)
_PRINCIPAL_THERE = _PRINCIPAL.where(RoleAssignment.id == bindparam("assignment", type_=Integer))


def principal(
    user_id: int, assignment_id: int | None, *, on: date, device: str | None = None
) -> Principal | None:
    """The person and the chosen organisation, or None: no such person, account closed, assignment over.

    With ``assignment_id`` None the person's first assignment in force is taken. ``device`` is the digest of the token of
    a log-in; whether that has not been ended stands in the answer.
    """
    asked: dict[str, Any] = {"user": user_id, "day": on, "device": device}
    if assignment_id is None:
        row = db.session.connection().execute(_PRINCIPAL, asked).one_or_none()
    else:
        asked["assignment"] = assignment_id
        row = db.session.connection().execute(_PRINCIPAL_THERE, asked).one_or_none()
    if row is None:
        return None
    role: Role = row.role
    if role in {Role.INSTITUTION, Role.HOSPITAL}:
        org_name, place = row.institution_name or "", f"{row.county_name or ''}{row.township or ''}"
    elif role is Role.DISTRIBUTOR:
        org_name, place = row.distributor_name or "", ""
    else:
        org_name, place = "", row.county_name or ""
    return Principal(
        user_id=row.id,
        assignment_id=row.assignment_id,
        organisations=row.organisations,
        session_epoch=row.session_epoch,
        device_open=bool(row.device_open),
        must_change_password=row.must_change_password,
        language=row.language,
        big_print=row.big_print,
        demo_data=bool(row.demo_data),
        stamps=Stamps(row.catalogue_stamp, row.policy_stamp, row.relations_stamp),
        actor=Actor(
            name=row.name,
            role=role,
            user_id=row.id,
            institution_id=row.institution_id,
            distributor_id=row.distributor_id,
            county_code=row.county_code,
            org_name=org_name,
            place=place,
        ),
    )


@dataclass(frozen=True, slots=True)
class Post:
    """A role of a person in one organisation, for the page on which they choose."""

    assignment_id: int
    role: Role
    org_name: str
    place: str


def posts_of(user_id: int, *, on: date) -> list[Post]:
    """The roles that a person holds today, oldest first; one statement."""
    record = InstitutionRecord
    rows = db.session.execute(
        select(
            RoleAssignment.id,
            RoleAssignment.role,
            record.name.label("institution_name"),
            record.township,
            Distributor.name.label("distributor_name"),
            County.name.label("county_name"),
        )
        .outerjoin(record, and_(record.institution_id == RoleAssignment.institution_id, current(record, on)))
        .outerjoin(Distributor, Distributor.id == RoleAssignment.distributor_id)
        .outerjoin(County, County.code == func.coalesce(RoleAssignment.county_code, record.county_code))
        .where(RoleAssignment.user_id == user_id, in_force(RoleAssignment, on))
        .order_by(RoleAssignment.id)
    )
    return [
        Post(
            assignment_id=row.id,
            role=row.role,
            org_name=row.institution_name or row.distributor_name or "",
            place=f"{row.county_name or ''}{row.township or ''}",
        )
        for row in rows
    ]


def actor_again(user_id: int, role: Role, county_code: str, *, on: date) -> Actor | None:
    """A person in the role in which they once asked for work behind the scenes; None if they do not hold it on a day.

    Args:
        user_id: who.
        role: in which.
        county_code: of the county's bureau; empty for another.
        on: the day.

    """
    for post in posts_of(user_id, on=on):
        found = principal(user_id, post.assignment_id, on=on) if post.role is role else None
        if found is not None and (found.actor.county_code or "") == county_code:
            return found.actor
    return None
