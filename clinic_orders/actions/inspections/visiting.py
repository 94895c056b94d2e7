"""Visits besides their record: nobody met, taken off, put back, a signed record taken back, looked at again (R-CASE-5)."""

from __future__ import annotations

from datetime import datetime

from sqlalchemy import select

from clinic_orders.actions.found_by_people import let_go_found, raise_found
from clinic_orders.actions.inspections._common import take_visit, write_plan, write_visit
from clinic_orders.actions.inspections.choosing import new_visit, next_position
from clinic_orders.actions.transaction import transactional
from clinic_orders.models.base import db
from clinic_orders.models.inspections import InspectionPlan, Visit
from clinic_orders.models.roster import Institution
from clinic_orders.queries.inspections import answers_of, items_of
from clinic_orders.rules.findings import CheckRule
from clinic_orders.rules.inspection.record import Answer, finding_key, findings_of
from clinic_orders.rules.inspection.steps import (
    Choice,
    InspectionStepRefused,
    PlanStep,
    VisitStep,
    check_visit_step,
    step_reason,
)
from clinic_orders.rules.parties import Actor


@transactional
def not_met(number: str, reason: str, *, seen_version: int | None = None, by: Actor, at: datetime) -> Visit:
    """Write down that nobody was met, or the door was shut.

    Raises:
        NotFound, ChangedMeanwhile, PlanNotRunning, InspectionStepRefused, StepReasonMissing: it can't be said now.

    """
    visit, _ = take_visit(number, by=by, at=at, seen_version=seen_version)
    visit.state = check_visit_step(VisitStep.NOT_MET, visit.state)
    said = step_reason(reason)
    write_visit(visit, VisitStep.NOT_MET, "not_met", by=by, at=at, note=said, after={"reason": said})
    return visit


@transactional
def drop_visit(
    number: str, reason: str, *, seen_version: int | None = None, by: Actor, at: datetime
) -> Visit:
    """Take an institution off a plan, with a reason.

    Raises:
        NotFound, ChangedMeanwhile, InspectionStepRefused, StepReasonMissing: it can't be taken off now.

    """
    visit, _ = take_visit(number, by=by, at=at, seen_version=seen_version, running=False)
    visit.state = check_visit_step(VisitStep.DROP, visit.state)
    said = step_reason(reason)
    write_visit(visit, VisitStep.DROP, "drop_visit", by=by, at=at, note=said, after={"reason": said})
    return visit


@transactional
def restore_visit(number: str, *, seen_version: int | None = None, by: Actor, at: datetime) -> Visit:
    """Put a visit back that was taken off, or at which nobody was met.

    Raises:
        NotFound, ChangedMeanwhile, InspectionStepRefused: it can't be put back now.

    """
    visit, _ = take_visit(number, by=by, at=at, seen_version=seen_version, running=False)
    visit.state = check_visit_step(VisitStep.RESTORE, visit.state)
    write_visit(visit, VisitStep.RESTORE, "restore_visit", by=by, at=at)
    return visit


@transactional
def take_back_record(
    number: str, reason: str, *, seen_version: int | None = None, by: Actor, at: datetime
) -> Visit:
    """Take a signed record back to put it right; its findings are let go until it is signed again.

    Raises:
        NotFound, ChangedMeanwhile, PlanNotRunning, InspectionStepRefused, StepReasonMissing: it can't be taken back.
        StandsInACase: a finding of it stands in a case.

    """
    visit, plan = take_visit(number, by=by, at=at, seen_version=seen_version)
    after = check_visit_step(VisitStep.TAKE_BACK, visit.state)
    if db.session.scalar(select(Visit.id).where(Visit.follows_id == visit.id)) is not None:
        raise InspectionStepRefused
    said = step_reason(reason)
    keys = [
        finding_key(root, code)
        for code, given in answers_of(visit.id).items()
        if given.answer is Answer.NO
        for root in {visit.root, visit.number}
    ]
    let_go_found(CheckRule.INSPECTION, keys, said[:200], by=by, at=at)
    visit.state, visit.signed_at = after, None
    if visit.follows_id is not None:
        _open_again(visit, plan, by=by, at=at)
    write_visit(
        visit, VisitStep.TAKE_BACK, "take_back_record", by=by, at=at, note=said, after={"reason": said}
    )
    return visit


def _open_again(visit: Visit, plan: InspectionPlan, *, by: Actor, at: datetime) -> None:
    """What the visit before had found stands again, since looking at it again counts no more."""
    earlier = db.session.get_one(Visit, visit.follows_id)
    assert earlier.visited_on is not None, "only a signed visit is looked at again"
    code = db.session.get_one(Institution, visit.institution_id).code
    found = findings_of(
        visit.root,
        items_of(plan.checklist_id),
        answers_of(earlier.id),
        institution=code,
        visited_on=earlier.visited_on,
        number=earlier.number,
    )
    raise_found(CheckRule.INSPECTION, found, by=by, at=at)


@transactional
def look_back(number: str, *, seen_version: int | None = None, by: Actor, at: datetime) -> Visit:
    """Plan to look again 回头看 at what was not so; pressing twice plans one visit.

    Raises:
        NotFound, ChangedMeanwhile, PlanNotRunning, InspectionStepRefused: it can't be planned now.

    """
    visit, plan = take_visit(number, by=by, at=at, seen_version=seen_version)
    known = db.session.scalars(select(Visit).where(Visit.follows_id == visit.id)).one_or_none()
    if known is not None:
        return known
    check_visit_step(VisitStep.LOOK_BACK, visit.state)
    again = new_visit(
        plan,
        visit.institution_id,
        Choice.LOOK_BACK,
        why=visit.number,
        inspectors=visit.inspectors,
        position=next_position(plan),
        follows=visit,
        at=at,
    )
    write_visit(visit, VisitStep.LOOK_BACK, "look_back", by=by, at=at, after={"number": again.number})
    write_plan(plan, PlanStep.CHOOSE, "choose_visits", by=by, at=at, after={"visits": 1})
    return again
