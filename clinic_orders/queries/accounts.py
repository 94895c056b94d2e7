"""Who a person is: the principal of a session, and accounts as the bureau sees them."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import date

from sqlalchemy import and_, func, or_, select

from clinic_orders.models.accounts import RoleAssignment, User
from clinic_orders.models.base import db
from clinic_orders.models.roster import County, Distributor, InstitutionRecord
from clinic_orders.rules.parties import Actor, Role


@dataclass(frozen=True, slots=True)
class Principal:
    """What every request needs to know of its person; one row of one statement."""

    user_id: int
    assignment_id: int
    organisations: int
    session_epoch: int
    must_change_password: bool
    language: str
    big_print: bool
    actor: Actor


def principal(user_id: int, assignment_id: int | None, *, on: date) -> Principal | None:
    """The person and the chosen organisation, or None: no such person, account closed, assignment over.

    With ``assignment_id`` None the person's first assignment in force is taken.
    """
    other = RoleAssignment.__table__.alias("other")
    count = (
        select(func.count())
        .select_from(other)
        .where(
            other.c.user_id == User.id,
            other.c.valid_from <= on,
            or_(other.c.valid_to.is_(None), other.c.valid_to >= on),
        )
        .scalar_subquery()
    )
    record = InstitutionRecord
    statement = (
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
            record.name.label("institution_name"),
            record.township,
            Distributor.name.label("distributor_name"),
            County.name.label("county_name"),
            count.label("organisations"),
        )
        .select_from(User)
        .join(RoleAssignment, RoleAssignment.user_id == User.id)
        .outerjoin(
            record,
            and_(
                record.institution_id == RoleAssignment.institution_id,
                record.valid_from <= on,
                or_(record.valid_before.is_(None), record.valid_before > on),
            ),
        )
        .outerjoin(Distributor, Distributor.id == RoleAssignment.distributor_id)
        .outerjoin(County, County.code == func.coalesce(RoleAssignment.county_code, record.county_code))
        .where(
            User.id == user_id,
            User.disabled_at.is_(None),
            RoleAssignment.valid_from <= on,
            or_(RoleAssignment.valid_to.is_(None), RoleAssignment.valid_to >= on),
        )
        .order_by(RoleAssignment.id)
        .limit(1)
    )
    if assignment_id is not None:
        statement = statement.where(RoleAssignment.id == assignment_id)
    row = db.session.execute(statement).one_or_none()
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
        must_change_password=row.must_change_password,
        language=row.language,
        big_print=row.big_print,
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
