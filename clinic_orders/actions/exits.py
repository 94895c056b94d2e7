"""An institution asks to leave, and the bureau decides (R-ROSTER-3)."""

from __future__ import annotations

from datetime import date, datetime

from sqlalchemy import select

from clinic_orders.actions import audit, notices
from clinic_orders.actions.loading import ChangedMeanwhile, NotFound, own_institution
from clinic_orders.actions.roster.institutions import close_institution
from clinic_orders.actions.transaction import transactional
from clinic_orders.models.base import db
from clinic_orders.models.exits import ExitRequest
from clinic_orders.models.roster import Institution
from clinic_orders.queries.exits import last_request
from clinic_orders.queries.roster import institutions_of, standing
from clinic_orders.rules.days import day_in_china
from clinic_orders.rules.exits import (
    ExitDayTooEarly,
    ExitState,
    ExitStep,
    check_exit,
    check_exit_step,
    exit_reason,
)
from clinic_orders.rules.parties import Actor, Permission


def _write(deed: str, request: ExitRequest, *, by: Actor, at: datetime, after: dict[str, object]) -> None:
    db.session.flush()
    held = standing(request.institution_id, on=day_in_china(at))
    audit.record(
        deed, by=by, at=at, subject_type="exit_request", subject_id=request.id, subject=held.name,
        institution_id=request.institution_id, county_code=held.county_code, after=after,
    )  # fmt: skip


@transactional
def ask_to_leave(reason: str, last_day: date, *, by: Actor, at: datetime) -> ExitRequest:
    """Ask to leave the roster after a day; the county and the city are told.

    Raises:
        NotAllowed, NotFound: the actor is of no institution.
        ExitOutOfTurn: a request waits already.
        PublicStays, ExitNeedsReason, ExitDayTooEarly: it can't be asked.

    """
    institution_id = own_institution(by)
    today = day_in_china(at)
    held = standing(institution_id, on=today)
    said = check_exit(held.kind, reason, last_day, today=today)
    last = last_request(institution_id)
    after = check_exit_step(ExitStep.ASK, None if last is None else last.state)
    request = ExitRequest(
        institution_id=institution_id, state=after, last_day=last_day, reason=said, asked_at=at,
        asked_by_name=by.name[:64],
    )  # fmt: skip
    db.session.add(request)
    facts = {"last_day": last_day.isoformat(), "reason": said}
    _write("ask_to_leave", request, by=by, at=at, after={"last_day": last_day, "reason": said})
    for county in (held.county_code, None):
        notices.tell(
            "exit_asked", at=at, facts={"institution": held.name, **facts}, link="/exits/", county_code=county
        )
    return request


def _take(request_id: int, seen_version: int | None, *, by: Actor, at: datetime) -> ExitRequest:
    found = db.session.scalars(
        select(ExitRequest)
        .where(
            ExitRequest.id == request_id,
            institutions_of(by, ExitRequest.institution_id, day_in_china(at)),
        )
        .with_for_update()
        .execution_options(populate_existing=True)
    ).one_or_none()
    if found is None:
        raise NotFound(number=str(request_id))
    if seen_version is not None and found.version != seen_version:
        raise ChangedMeanwhile(number=standing(found.institution_id, on=day_in_china(at)).name)
    return found


@transactional
def withdraw_exit(
    request_id: int, *, seen_version: int | None = None, by: Actor, at: datetime
) -> ExitRequest:
    """Take back one's own request.

    Raises:
        NotAllowed, NotFound, ChangedMeanwhile, ExitOutOfTurn: there is none that waits.

    """
    own = own_institution(by)
    request = _take(request_id, seen_version, by=by, at=at)
    if request.institution_id != own:
        raise NotFound(number=str(request_id))
    request.state = check_exit_step(ExitStep.WITHDRAW, request.state)
    request.ended_at, request.ended_by_name = at, by.name[:64]
    _write("withdraw_exit", request, by=by, at=at, after={"last_day": request.last_day})
    return request


@transactional
def decide_exit(
    request_id: int,
    *,
    agree: bool,
    answer: str,
    last_day: date | None = None,
    seen_version: int | None = None,
    by: Actor,
    at: datetime,
) -> ExitRequest:
    """Decide for the city: agreed, the membership ends on the last day; what is owed and promised stays.

    Args:
        request_id: the request.
        agree: or refuse.
        answer: the reason, which the institution reads.
        last_day: another than the one asked for.
        seen_version: of the request on the page.
        by: an officer of the city.
        at: when.

    Raises:
        NotAllowed, NotFound, ChangedMeanwhile, ExitOutOfTurn: nothing is to be decided.
        ExitNeedsReason, ExitDayTooEarly: what is wrong.
        NotAMember: it has left already.

    """
    by.need(Permission.ROSTER_MANAGE)
    request = _take(request_id, seen_version, by=by, at=at)
    after = check_exit_step(ExitStep.AGREE if agree else ExitStep.REFUSE, request.state)
    said, day, today = exit_reason(answer), last_day or request.last_day, day_in_china(at)
    if agree:
        # A day that passed while the request waited becomes today.
        if last_day is not None and last_day < today:
            raise ExitDayTooEarly(first=today)
        day = max(day, today)
        request.last_day = day
        code = db.session.get_one(Institution, request.institution_id).code
        close_institution(code, day, by=by, at=at)
        request = db.session.get_one(ExitRequest, request_id, populate_existing=True)
        request.last_day = day
    request.state, request.answer = after, said
    request.ended_at, request.ended_by_name = at, by.name[:64]
    _write(
        "decide_exit", request, by=by, at=at,
        after={"exit_state": after.value, "reason": said, "last_day": request.last_day},
    )  # fmt: skip
    notices.tell(
        "exit_agreed" if after is ExitState.AGREED else "exit_refused",
        at=at,
        facts={"reason": said, "last_day": request.last_day.isoformat()},
        link="/exit",
        institution_id=request.institution_id,
    )
    return request
