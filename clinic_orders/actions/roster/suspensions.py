"""Suspensions: days on which an institution may not order (R-CASE-4, R-ORD-3)."""

from __future__ import annotations

from datetime import date, datetime

from sqlalchemy import or_, select

from clinic_orders.actions import audit, notices
from clinic_orders.actions.loading import NotFound
from clinic_orders.actions.roster.storing import institution_id
from clinic_orders.actions.transaction import transactional
from clinic_orders.models.base import db
from clinic_orders.models.roster import Institution, Suspension
from clinic_orders.queries.roster import standing
from clinic_orders.rules.days import day_in_china
from clinic_orders.rules.parties import Actor, Permission
from clinic_orders.rules.roster_records import (
    DocumentMissing,
    LastDayBeforeFirst,
    LiftedAlready,
    LiftedOutside,
    ReasonMissing,
    SuspensionOverlaps,
)


@transactional
def suspend_institution(
    code: str,
    *,
    first_day: date,
    last_day: date,
    reason: str,
    document_no: str,
    by: Actor,
    at: datetime,
) -> Suspension:
    """Stop an institution's orders from a first to a last day, both included; emergencies pass (R-ORD-9). It is told.

    Raises:
        NotFound: unknown code.
        ReasonMissing, DocumentMissing: it rests on nothing.
        LastDayBeforeFirst, SuspensionOverlaps: the days do not go.

    """
    by.need(Permission.ROSTER_MANAGE)
    suspended = institution_id(code)
    reason, document_no = reason.strip(), document_no.strip()
    if not reason:
        raise ReasonMissing
    if not document_no:
        raise DocumentMissing
    if last_day < first_day:
        raise LastDayBeforeFirst(first=first_day, last=last_day)
    # The lock keeps two people from suspending the same institution at once.
    db.session.execute(select(Institution.id).where(Institution.id == suspended).with_for_update())
    other = db.session.scalars(
        select(Suspension)
        .where(
            Suspension.institution_id == suspended,
            Suspension.first_day <= last_day,
            Suspension.last_day >= first_day,
            or_(Suspension.lifted_on.is_(None), Suspension.lifted_on > first_day),
        )
        .limit(1)
    ).one_or_none()
    if other is not None:
        raise SuspensionOverlaps(first=other.first_day, last=other.last_day)
    suspension = Suspension(
        institution_id=suspended,
        first_day=first_day,
        last_day=last_day,
        reason=reason,
        document_no=document_no,
        recorded_at=at,
    )
    db.session.add(suspension)
    db.session.flush()
    notices.tell(
        "suspended",
        at=at,
        facts={
            "first_day": first_day.isoformat(),
            "last_day": last_day.isoformat(),
            "reason": reason,
            "document_no": document_no,
        },
        institution_id=suspended,
    )
    audit.record(
        "suspend_institution",
        by=by,
        at=at,
        subject_type="suspension",
        subject_id=suspension.id,
        subject=code,
        institution_id=suspended,
        county_code=standing(suspended, on=day_in_china(at)).county_code,
        after={
            "first_day": first_day,
            "last_day": last_day,
            "reason": reason,
            "document_no": document_no,
        },
    )
    return suspension


@transactional
def lift_suspension(
    suspension_id: int, *, lifted_on: date, reason: str, by: Actor, at: datetime
) -> Suspension:
    """Let an institution order again from a day on, before the suspension's last day. It is told.

    The suspension itself stays as it was decided.

    Raises:
        NotFound: no such suspension.
        ReasonMissing: nothing says why.
        LiftedAlready, LiftedOutside: it does not hold on that day.

    """
    by.need(Permission.ROSTER_MANAGE)
    suspension = db.session.scalars(
        select(Suspension)
        .where(Suspension.id == suspension_id)
        .with_for_update()
        .execution_options(populate_existing=True)
    ).one_or_none()
    if suspension is None:
        raise NotFound(number=suspension_id)
    reason = reason.strip()
    if not reason:
        raise ReasonMissing
    if suspension.lifted_on is not None:
        raise LiftedAlready(day=suspension.lifted_on)
    if not suspension.first_day <= lifted_on <= suspension.last_day:
        raise LiftedOutside(first=suspension.first_day, last=suspension.last_day)
    suspension.lifted_on = lifted_on
    held = suspension.institution_id
    notices.tell(
        "suspension_lifted",
        at=at,
        facts={"day": lifted_on.isoformat(), "reason": reason},
        institution_id=held,
    )
    audit.record(
        "lift_suspension",
        by=by,
        at=at,
        subject_type="suspension",
        subject_id=suspension.id,
        subject=suspension.document_no,
        institution_id=held,
        county_code=standing(held, on=day_in_china(at)).county_code,
        before={"lifted_on": None},
        after={"lifted_on": lifted_on, "reason": reason},
    )
    return suspension
