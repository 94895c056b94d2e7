"""The bureaus' deeds: send back, opinion, decision, second look, published list, roster (R-ROSTER-2)."""

from __future__ import annotations

from datetime import date, datetime
from typing import Any

from sqlalchemy import exists, func, or_, select

from clinic_orders.actions.accounts import NewAccount, open_account
from clinic_orders.actions.applications._common import remark, step, take, write
from clinic_orders.actions.roster import put_commitments, put_institutions
from clinic_orders.actions.transaction import transaction, transactional
from clinic_orders.models.accounts import RoleAssignment, User
from clinic_orders.models.applications import Application
from clinic_orders.models.base import db
from clinic_orders.models.roster import County, Institution, InstitutionRecord
from clinic_orders.queries.accounts.scope import in_force
from clinic_orders.queries.applications import conditions_of, store_conditions, stores_of, terms
from clinic_orders.rules.accounts import login_name
from clinic_orders.rules.applications import (
    ApplicationSide,
    ApplicationState,
    ApplicationStep,
    DecisionKind,
    Met,
    NoticeRunning,
    Opinion,
    check_second_look,
    published_until,
    said_with_reason,
)
from clinic_orders.rules.days import day_in_china
from clinic_orders.rules.errors import N_, RuleBroken
from clinic_orders.rules.parties import Actor, InstitutionKind, Role


class NothingDecided(RuleBroken):
    """There is no decision to look at."""

    message = N_("No decision waits for the second look. Look at the application again.")


def met_by(found: Application) -> list[Met]:
    """The conditions by the policy of the day on which the application was sent, the chain's stores included."""
    sent = found.submitted_at or found.began_at
    asked = terms(found.kind, on=day_in_china(sent))
    return [
        *conditions_of(found, asked),
        *(met for store in stores_of(found.id) for met in store_conditions(store, asked)),
    ]


@transactional
def send_back(
    number: str, what: str, *, seen_version: int | None = None, by: Actor, at: datetime
) -> Application:
    """Send an application back to be completed, saying what is missing; the applicant reads it on the status page.

    Raises:
        NotFound, ChangedMeanwhile, ApplicationStepNotAllowed: it can't be sent back now.
        OpinionNeedsReason, TextTooLong: what is missing is not said.

    """
    found, sides = take(number, by=by, seen_version=seen_version)
    after = step(found, sides, ApplicationStep.SEND_BACK)
    said, before = said_with_reason(remark(what)), found.state
    found.state, found.opinion = after, None
    side = ApplicationSide.COUNTY if by.role is Role.COUNTY else ApplicationSide.CITY
    write(
        found, ApplicationStep.SEND_BACK, "send_back", side, by=by, at=at, note=said,
        before={"application_state": before.value}, after={"application_state": after.value, "reason": said},
    )  # fmt: skip
    return found


@transactional
def give_opinion(
    number: str,
    opinion: Opinion,
    reasons: str,
    *,
    seen_version: int | None = None,
    by: Actor,
    at: datetime,
) -> Application:
    """Give the county's opinion with its reasons; the city decides next.

    Raises:
        NotFound, ChangedMeanwhile, ApplicationStepNotAllowed: no opinion is asked for now, or not from here.
        OpinionNeedsReason, TextTooLong: the reasons are missing.

    """
    found, sides = take(number, by=by, seen_version=seen_version)
    after = step(found, sides, ApplicationStep.GIVE_OPINION)
    said = said_with_reason(remark(reasons))
    found.state, found.opinion = after, opinion
    write(
        found, ApplicationStep.GIVE_OPINION, "give_opinion", ApplicationSide.COUNTY, by=by, at=at, note=said,
        facts={"opinion": opinion.value}, after={"opinion": opinion.value, "reason": said},
    )  # fmt: skip
    return found


def _publish(found: Application, on: date) -> None:
    days = terms(found.kind, on=on).notice_days
    found.published_on, found.published_until = on, published_until(on, days)


def _decided(found: Application, decision: DecisionKind, *, by: Actor) -> None:
    found.decision, found.decided_by_id, found.decided_by_name = decision, by.user_id, by.name[:64]


@transactional
def decide_application(
    number: str,
    decision: DecisionKind,
    reasons: str,
    *,
    seen_version: int | None = None,
    by: Actor,
    at: datetime,
) -> Application:
    """Decide for the city: what goes against nothing is published at once, the rest waits for a second officer.

    Raises:
        NotFound, ChangedMeanwhile, ApplicationStepNotAllowed: nothing is to be decided.
        OpinionNeedsReason, TextTooLong: the reasons are missing.

    """
    found, sides = take(number, by=by, seen_version=seen_version)
    said = said_with_reason(remark(reasons))
    assert found.opinion is not None or found.state is not ApplicationState.ASSESSED, "the table says so"
    plain = ApplicationStep.ADMIT if decision is DecisionKind.ADMIT else ApplicationStep.REFUSE
    after = step(found, sides, plain)
    second = True
    if found.opinion is not None:
        try:
            check_second_look(decision, found.opinion, met_by(found))
            second = False
        except RuleBroken:
            after = step(found, sides, ApplicationStep.PROPOSE)
    _decided(found, decision, by=by)
    found.state = after
    if after is ApplicationState.PUBLISHED:
        _publish(found, day_in_china(at))
    taken = ApplicationStep.PROPOSE if second else plain
    write(
        found, taken, "decide_application", ApplicationSide.CITY, by=by, at=at, note=said,
        facts={"decision": decision.value, "published_until": _iso(found.published_until)},
        after={"decision": decision.value, "reason": said, "application_state": after.value},
    )  # fmt: skip
    return found


def _iso(day: date | None) -> str | None:
    return None if day is None else day.isoformat()


@transactional
def confirm_decision(number: str, *, seen_version: int | None = None, by: Actor, at: datetime) -> Application:
    """Confirm a decision as the second officer: it is published, or the applicant is refused.

    Raises:
        NotFound, ChangedMeanwhile, ApplicationStepNotAllowed: nothing waits, or it is the actor's own decision.

    """
    found, sides = take(number, by=by, seen_version=seen_version)
    if found.decision is None:
        raise NothingDecided
    admit = found.decision is DecisionKind.ADMIT
    towards = ApplicationState.PUBLISHED if admit else ApplicationState.REFUSED
    found.state = step(found, sides, ApplicationStep.CONFIRM, towards=towards)
    if admit:
        _publish(found, day_in_china(at))
    write(
        found, ApplicationStep.CONFIRM, "confirm_decision", ApplicationSide.SECOND, by=by, at=at,
        facts={"decision": found.decision.value, "published_until": _iso(found.published_until)},
        after={"decision": found.decision.value, "application_state": found.state.value},
    )  # fmt: skip
    return found


@transactional
def overrule_decision(
    number: str, reasons: str, *, seen_version: int | None = None, by: Actor, at: datetime
) -> Application:
    """Send a decision back as the second officer; the city decides anew.

    Raises:
        NotFound, ChangedMeanwhile, ApplicationStepNotAllowed: nothing waits, or it is the actor's own decision.
        OpinionNeedsReason, TextTooLong: the reasons are missing.

    """
    found, sides = take(number, by=by, seen_version=seen_version)
    after = step(found, sides, ApplicationStep.OVERRULE)
    said = said_with_reason(remark(reasons))
    found.state, found.decision, found.decided_by_id, found.decided_by_name = after, None, None, ""
    write(
        found, ApplicationStep.OVERRULE, "overrule_decision", ApplicationSide.SECOND, by=by, at=at, note=said,
        after={"application_state": after.value, "reason": said},
    )  # fmt: skip
    return found


@transactional
def stop_admission(
    number: str, objection: str, *, seen_version: int | None = None, by: Actor, at: datetime
) -> Application:
    """Take an application off the published list because somebody objected; the city decides anew.

    Raises:
        NotFound, ChangedMeanwhile, ApplicationStepNotAllowed: it is not on the list.
        OpinionNeedsReason, TextTooLong: the objection is not told.

    """
    found, sides = take(number, by=by, seen_version=seen_version)
    after = step(found, sides, ApplicationStep.STOP)
    said = said_with_reason(remark(objection))
    found.state, found.decision, found.decided_by_id, found.decided_by_name = after, None, None, ""
    found.published_on = found.published_until = None
    write(
        found, ApplicationStep.STOP, "stop_admission", ApplicationSide.CITY, by=by, at=at, note=said,
        after={"application_state": after.value, "reason": said},
    )  # fmt: skip
    return found


def _code_for(found: Application) -> str:
    """The institution code: that under which the unit was on the roster before, its insurance code, or the identity code."""
    known = db.session.scalar(
        select(Institution.code)
        .join(InstitutionRecord, InstitutionRecord.institution_id == Institution.id)
        .where(InstitutionRecord.uscc == found.uscc)
        .order_by(InstitutionRecord.valid_from.desc())
        .limit(1)
    )
    return known or found.nhsa_code or found.uscc


def _rows(found: Application, code: str, first: date) -> list[tuple[int, dict[str, Any]]]:
    """The roster's rows: the unit and, of a chain, its stores under it."""
    unit = {
        "code": code, "name": found.name, "kind": found.kind, "county_code": found.county_code,
        "township": found.township, "uscc": found.uscc, "nhsa_code": found.nhsa_code, "valid_from": first,
        "joined_on": first, "left_on": None, "phone": found.phone, "address": found.address,
        "lng": found.lng, "lat": found.lat,
    }  # fmt: skip
    stores = [
        {
            "code": store.nhsa_code, "name": store.name, "kind": InstitutionKind.RETAIL_PHARMACY,
            "county_code": store.county_code, "nhsa_code": store.nhsa_code, "headquarters_code": code,
            "valid_from": first, "joined_on": first, "left_on": None, "phone": found.phone,
            "address": store.address, "lng": store.lng, "lat": store.lat,
        }
        for store in stores_of(found.id)
    ]  # fmt: skip
    return list(enumerate([unit, *stores], start=1))


def enrol_application(
    number: str, *, seen_version: int | None = None, by: Actor, at: datetime
) -> NewAccount | None:
    """Put an admitted unit on the roster with its commitment letter, and issue its account.

    A chain gets one account, its stores none (R-ROSTER-1). A unit that was on the roster before begins a new
    membership under its old code and keeps the account it has, if it has one.

    Args:
        number: of the application.
        seen_version: of the application on the page.
        by: an officer of the city.
        at: when; the membership begins on that day.

    Returns:
        the account with its first password, shown once; None where the unit has one.

    Raises:
        NotFound, ChangedMeanwhile, ApplicationStepNotAllowed: it is not to be admitted.
        NoticeRunning: the published list is still out.
        RowsRefused: what the roster refuses, re-entry among it.

    """
    with transaction():
        found, sides = take(number, by=by, seen_version=seen_version)
        after = step(found, sides, ApplicationStep.ENROL)
        today = day_in_china(at)
        assert found.published_until is not None, "the table of steps lets only published ones come here"
        assert found.signed_at is not None, "nothing is sent unsigned"
        if today <= found.published_until:
            raise NoticeRunning(day=found.published_until)
        code = _code_for(found)
        put_institutions(_rows(found, code, today), by=by, at=at, demo=found.demo)
        letter = {
            "institution_code": code,
            "signed_on": day_in_china(found.signed_at),
            "version": found.letter_version,
            "markup_rate": found.markup_rate,
        }
        put_commitments([(1, letter)], by=by, at=at)
        institution_id = db.session.scalar(select(Institution.id).where(Institution.code == code))
        assert institution_id is not None, "it has just been put on the roster"
        found = db.session.get_one(Application, found.id, populate_existing=True)
        found.state, found.institution_id = after, institution_id
        write(
            found, ApplicationStep.ENROL, "enrol_application", ApplicationSide.CITY, by=by, at=at,
            facts={"code": code}, after={"code": code, "application_state": after.value},
        )  # fmt: skip
        name, phone, demo = found.name, found.phone, found.demo
        county = db.session.scalar(select(County.name).where(County.code == found.county_code)) or ""
        place = f"{county}{found.township}"
        has_one = _has_account(institution_id, code, today)
    if has_one:
        return None
    # The password is hashed outside of the transaction; if this is interrupted, the account is issued with the rest.
    made = open_account(
        code, name[:64], Role.INSTITUTION, phone=phone, institution_id=institution_id, demo=demo, by=by, at=at
    )
    return NewAccount(made.user_id, made.username, made.name, made.password, org_name=name, place=place)


def _has_account(institution_id: int, code: str, on: date) -> bool:
    """Whether somebody has a role in it, or its code is a log-in name already."""
    served = exists().where(RoleAssignment.institution_id == institution_id, in_force(RoleAssignment, on))
    named = exists().where(func.lower(User.username) == login_name(code))
    return bool(db.session.scalar(select(or_(served, named))))
