"""A village lets its hospital buy for it, and takes that back (代采委托, R-ROSTER-5)."""

from __future__ import annotations

from datetime import date, datetime, timedelta

from sqlalchemy import or_, select

from clinic_orders.actions import audit, notices
from clinic_orders.actions.loading import NotFound
from clinic_orders.actions.transaction import transactional
from clinic_orders.models.base import db
from clinic_orders.models.roster import Mandate
from clinic_orders.queries.ordering import Buyer
from clinic_orders.rules.days import day_in_china
from clinic_orders.rules.errors import N_, RuleBroken
from clinic_orders.rules.parties import Actor, NotAllowed, Permission


class NoHospital(RuleBroken):
    """The institution has no supervising hospital on the roster."""

    message = N_("No supervising hospital is entered for you. Ask the county medical-security bureau.")


class MandateHolds(RuleBroken):
    """There is a mandate for these days already."""

    message = N_("Your hospital has a mandate already.")


class LastDayTooEarly(RuleBroken):
    """A mandate would end before it begins."""

    message = N_("The last day must not lie before today.")


def _own(buyer: Buyer, by: Actor) -> None:
    by.need(Permission.ORDERS_PLACE)
    if by.institution_id != buyer.institution_id:
        raise NotAllowed


def _tell(deed: str, buyer: Buyer, mandate: Mandate, *, by: Actor, at: datetime) -> None:
    notices.tell(
        f"mandate_{'given' if deed == 'give_mandate' else 'revoked'}",
        at=at,
        facts={"institution": buyer.name},
        link="/villages",
        institution_id=mandate.hospital_id,
    )
    audit.record(
        deed,
        by=by,
        at=at,
        subject_type="mandate",
        subject_id=mandate.id,
        subject=buyer.code,
        institution_id=buyer.institution_id,
        county_code=buyer.county_code,
        after={"valid_from": mandate.valid_from, "valid_to": mandate.valid_to},
    )


@transactional
def give_mandate(buyer: Buyer, *, last_day: date | None = None, by: Actor, at: datetime) -> Mandate:
    """Let the supervising hospital order from today on, to a last day or until it is taken back.

    Raises:
        NoHospital: none is on the roster.
        MandateHolds: one is in force.
        LastDayTooEarly: the last day is over.

    """
    _own(buyer, by)
    today = day_in_china(at)
    if buyer.supervisor_id is None:
        raise NoHospital
    if last_day is not None and last_day < today:
        raise LastDayTooEarly
    holds = db.session.scalars(
        select(Mandate).where(
            Mandate.institution_id == buyer.institution_id,
            Mandate.hospital_id == buyer.supervisor_id,
            Mandate.valid_from <= today,
            or_(Mandate.valid_to.is_(None), Mandate.valid_to >= today),
        )
    ).first()
    if holds is not None:
        if holds.valid_from != today or holds.valid_to != today:
            raise MandateHolds
        # Given, taken back and given again on one day: the day's row goes on.
        holds.valid_to = last_day
        mandate = holds
    else:
        mandate = Mandate(
            institution_id=buyer.institution_id,
            hospital_id=buyer.supervisor_id,
            valid_from=today,
            valid_to=last_day,
            recorded_at=at,
        )
        db.session.add(mandate)
    db.session.flush()
    _tell("give_mandate", buyer, mandate, by=by, at=at)
    return mandate


@transactional
def revoke_mandate(buyer: Buyer, mandate_id: int, *, by: Actor, at: datetime) -> None:
    """Take a mandate back: yesterday was its last day, or today if it began today (days are whole).

    Raises:
        NotFound: no such mandate of this institution in force.

    """
    _own(buyer, by)
    today = day_in_china(at)
    mandate = db.session.get(Mandate, mandate_id)
    if mandate is None or mandate.institution_id != buyer.institution_id:
        raise NotFound(number=str(mandate_id))
    if mandate.valid_to is not None and mandate.valid_to < today:
        raise NotFound(number=str(mandate_id))
    mandate.valid_to = max(mandate.valid_from, today - timedelta(days=1))
    _tell("revoke_mandate", buyer, mandate, by=by, at=at)
