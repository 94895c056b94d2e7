"""Plans of inspections: made, changed, started, ended, opened again, withdrawn (R-CASE-5)."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date, datetime

from sqlalchemy import delete, func, select

from clinic_orders.actions import notices
from clinic_orders.actions.inspections._common import take_plan, write_plan
from clinic_orders.actions.inspections.checklists import current_checklist
from clinic_orders.actions.loading import NotFound
from clinic_orders.actions.numbers import next_of_year
from clinic_orders.actions.transaction import transactional
from clinic_orders.models.base import db
from clinic_orders.models.inspections import InspectionPlan, PlanInspector, Visit
from clinic_orders.models.roster import County, InstitutionRecord
from clinic_orders.queries.roster import current
from clinic_orders.rules.days import day_in_china
from clinic_orders.rules.inspection.drawing import TooFewInspectors
from clinic_orders.rules.inspection.record import LEAST_INSPECTORS, NAME
from clinic_orders.rules.inspection.steps import (
    PlanNeedsVisits,
    PlanState,
    PlanStep,
    VisitState,
    check_plan,
    check_plan_step,
    step_reason,
)
from clinic_orders.rules.parties import Actor, InstitutionKind, Permission, Role

_SERIES = "JH"  # 检查计划


@dataclass(frozen=True, slots=True)
class NewPlan:
    """What a plan says.

    Attributes:
        name: what it is called.
        first_day, last_day: when the visits are made, both included.
        basis: the document on which it rests.
        county_code: where; empty = the whole city.
        kinds: of institution; empty = all.
        inspectors: name and number of the certificate, in the order of the list.
        each: how many visit an institution together.

    """

    name: str
    first_day: date
    last_day: date
    basis: str
    county_code: str = ""
    kinds: Sequence[InstitutionKind] = ()
    inspectors: Sequence[tuple[str, str]] = ()
    each: int = LEAST_INSPECTORS


def _kept(plan: NewPlan, by: Actor) -> tuple[str, str, str | None, list[tuple[str, str]]]:
    name, basis = check_plan(plan.name, plan.first_day, plan.last_day, plan.basis)
    county = by.county_code if by.role is Role.COUNTY else plan.county_code or None
    if county is not None and db.session.get(County, county) is None:
        raise NotFound(number=county)
    people = {
        called.strip()[:NAME]: paper.strip()[:NAME] for called, paper in plan.inspectors if called.strip()
    }
    if len(people) < max(plan.each, LEAST_INSPECTORS) or plan.each < LEAST_INSPECTORS:
        raise TooFewInspectors(each=max(plan.each, LEAST_INSPECTORS), there=len(people))
    return name, basis, county, list(people.items())


def _name_inspectors(plan: InspectionPlan, people: Sequence[tuple[str, str]]) -> None:
    db.session.execute(delete(PlanInspector).where(PlanInspector.plan_id == plan.id))
    db.session.add_all(
        PlanInspector(plan_id=plan.id, place=place, name=name, certificate=paper)
        for place, (name, paper) in enumerate(people, start=1)
    )
    db.session.flush()


@transactional
def make_plan(new: NewPlan, *, key: str, by: Actor, at: datetime) -> InspectionPlan:
    """Make a plan as a draft; the newest checklist is the plan's own from now on.

    Args:
        new: what it says; a county's plan is for its own county.
        key: of the form; the same one again answers with the same plan.
        by: who.
        at: when.

    Raises:
        PlanNameMissing, PlanDaysWrong, BasisMissing, TooFewInspectors, NotFound: what is wrong with it.

    """
    by.need(Permission.INSPECTIONS_HANDLE)
    name, basis, county, people = _kept(new, by)
    year = day_in_china(at).year
    # The series lets in one after the other, so that one form sent twice at once makes one plan.
    number = f"{_SERIES}{year}-{next_of_year(_SERIES, year):04d}"
    known = db.session.scalars(select(InspectionPlan).where(InspectionPlan.form_key == key)).one_or_none()
    if known is not None:
        return known
    plan = InspectionPlan(
        number=number,
        form_key=key,
        name=name,
        first_day=new.first_day,
        last_day=new.last_day,
        county_code=county,
        kinds=[kind.value for kind in new.kinds],
        basis=basis,
        checklist_id=current_checklist(by=by, at=at).id,
        each=new.each,
        state=check_plan_step(PlanStep.MAKE, None),
        made_at=at,
        made_by_name=by.name,
        office_county=by.county_code if by.role is Role.COUNTY else None,
    )
    db.session.add(plan)
    db.session.flush()
    _name_inspectors(plan, people)
    after = {"first_day": new.first_day, "last_day": new.last_day, "basis": basis, "inspectors": len(people)}
    write_plan(plan, PlanStep.MAKE, "make_plan", by=by, at=at, after=after)
    return plan


@transactional
def change_plan(
    number: str, new: NewPlan, *, seen_version: int | None = None, by: Actor, at: datetime
) -> InspectionPlan:
    """Change a plan that has not been started. Its area and inspectors stay once something was drawn or chosen.

    Raises:
        NotFound, NotAllowed, ChangedMeanwhile, InspectionStepRefused: it can't be changed by this actor now.
        PlanNameMissing, PlanDaysWrong, BasisMissing, TooFewInspectors: what is wrong with it.

    """
    plan = take_plan(number, by=by, at=at, seen_version=seen_version)
    check_plan_step(PlanStep.CHANGE, plan.state)
    name, basis, county, people = _kept(new, by)
    before = {"first_day": plan.first_day, "last_day": plan.last_day, "basis": plan.basis}
    plan.name, plan.first_day, plan.last_day, plan.basis = name, new.first_day, new.last_day, basis
    if not _visits(plan):
        plan.county_code, plan.kinds, plan.each = county, [kind.value for kind in new.kinds], new.each
        _name_inspectors(plan, people)
    after = {"first_day": new.first_day, "last_day": new.last_day, "basis": basis}
    write_plan(plan, PlanStep.CHANGE, "change_plan", by=by, at=at, before=before, after=after)
    return plan


def _visits(plan: InspectionPlan) -> int:
    return (
        db.session.scalar(
            select(func.count())
            .select_from(Visit)
            .where(Visit.plan_id == plan.id, Visit.state != VisitState.DROPPED)
        )
        or 0
    )


@transactional
def start_plan(number: str, *, seen_version: int | None = None, by: Actor, at: datetime) -> InspectionPlan:
    """Start a plan: its visits can be made; the counties where they are made are told.

    Raises:
        NotFound, NotAllowed, ChangedMeanwhile, InspectionStepRefused: it can't be started by this actor now.
        PlanNeedsVisits: nobody is chosen.

    """
    plan = take_plan(number, by=by, at=at, seen_version=seen_version)
    after = check_plan_step(PlanStep.START, plan.state)
    if not _visits(plan):
        raise PlanNeedsVisits
    plan.state = after
    write_plan(plan, PlanStep.START, "start_plan", by=by, at=at, after={"visits": _visits(plan)})
    if plan.office_county is None:
        _tell_counties(plan, at=at)
    return plan


def _tell_counties(plan: InspectionPlan, *, at: datetime) -> None:
    state = InstitutionRecord
    counties = db.session.execute(
        select(state.county_code, func.count())
        .join(Visit, Visit.institution_id == state.institution_id)
        .where(Visit.plan_id == plan.id, Visit.state == VisitState.PLANNED, current(state, day_in_china(at)))
        .group_by(state.county_code)
        .order_by(state.county_code)
    ).all()
    for county, count in counties:
        notices.tell(
            "inspection_started",
            at=at,
            facts={"name": plan.name, "count": count},
            link=f"/inspections/{plan.number}",
            county_code=county,
        )


@transactional
def end_plan(number: str, *, seen_version: int | None = None, by: Actor, at: datetime) -> InspectionPlan:
    """End a plan; what has not been visited stays as it is, and the plan can be opened again.

    Raises:
        NotFound, NotAllowed, ChangedMeanwhile, InspectionStepRefused: it can't be ended by this actor now.

    """
    plan = take_plan(number, by=by, at=at, seen_version=seen_version)
    plan.state = check_plan_step(PlanStep.END, plan.state)
    write_plan(plan, PlanStep.END, "end_plan", by=by, at=at)
    return plan


@transactional
def reopen_plan(
    number: str, reason: str, *, seen_version: int | None = None, by: Actor, at: datetime
) -> InspectionPlan:
    """Open a plan again that was ended, to visit somebody again or late.

    Raises:
        NotFound, NotAllowed, ChangedMeanwhile, InspectionStepRefused, StepReasonMissing: it can't be opened now.

    """
    plan = take_plan(number, by=by, at=at, seen_version=seen_version)
    plan.state = check_plan_step(PlanStep.REOPEN, plan.state)
    said = step_reason(reason)
    write_plan(plan, PlanStep.REOPEN, "reopen_plan", by=by, at=at, note=said, after={"reason": said})
    return plan


@transactional
def withdraw_plan(
    number: str, reason: str, *, seen_version: int | None = None, by: Actor, at: datetime
) -> InspectionPlan:
    """Withdraw a draft of a plan; its draws stay on record.

    Raises:
        NotFound, NotAllowed, ChangedMeanwhile, InspectionStepRefused, StepReasonMissing: it can't be withdrawn now.

    """
    plan = take_plan(number, by=by, at=at, seen_version=seen_version)
    plan.state = check_plan_step(PlanStep.WITHDRAW, plan.state)
    said = step_reason(reason)
    write_plan(plan, PlanStep.WITHDRAW, "withdraw_plan", by=by, at=at, note=said, after={"reason": said})
    return plan


__all__ = [
    "NewPlan",
    "PlanState",
    "change_plan",
    "end_plan",
    "make_plan",
    "reopen_plan",
    "start_plan",
    "withdraw_plan",
]
