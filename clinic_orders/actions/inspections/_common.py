"""What the deeds of inspections share: finding plan or visit locked, the event, the audit."""

from __future__ import annotations

from datetime import datetime
from typing import Any

from sqlalchemy import select

from clinic_orders.actions import audit
from clinic_orders.actions.loading import ChangedMeanwhile, NotFound
from clinic_orders.models.base import db
from clinic_orders.models.inspections import InspectionPlan, PlanEvent, Visit, VisitEvent
from clinic_orders.queries.inspections import may_manage, plans_visible_to, visits_visible_to
from clinic_orders.rules.days import day_in_china
from clinic_orders.rules.inspection.steps import PlanNotRunning, PlanState, PlanStep, VisitStep
from clinic_orders.rules.parties import Actor, NotAllowed, Permission


def take_plan(number: str, *, by: Actor, at: datetime, seen_version: int | None = None) -> InspectionPlan:
    """A plan that the actor may change, locked.

    Raises:
        NotFound, NotAllowed, ChangedMeanwhile: it can't be changed by this actor now.

    """
    by.need(Permission.INSPECTIONS_HANDLE)
    found = db.session.execute(
        select(InspectionPlan)
        .where(InspectionPlan.number == number, plans_visible_to(by, day_in_china(at)))
        .with_for_update()
        .execution_options(populate_existing=True)
    ).scalar_one_or_none()
    if found is None:
        raise NotFound(number=number)
    if not may_manage(by, found):
        raise NotAllowed
    if seen_version is not None and seen_version != found.version:
        raise ChangedMeanwhile(number=number)
    return found


def take_visit(
    number: str, *, by: Actor, at: datetime, seen_version: int | None = None, running: bool = True
) -> tuple[Visit, InspectionPlan]:
    """A visit that the actor may see, locked, and its plan.

    Raises:
        NotFound, ChangedMeanwhile: it can't be changed by this actor now.
        PlanNotRunning: its plan does not run.

    """
    by.need(Permission.INSPECTIONS_HANDLE)
    found = db.session.execute(
        select(Visit)
        .where(Visit.number == number, visits_visible_to(by, day_in_china(at)))
        .with_for_update()
        .execution_options(populate_existing=True)
    ).scalar_one_or_none()
    if found is None:
        raise NotFound(number=number)
    if seen_version is not None and seen_version != found.version:
        raise ChangedMeanwhile(number=number)
    plan = db.session.get_one(InspectionPlan, found.plan_id)
    if running and plan.state is not PlanState.RUNNING:
        raise PlanNotRunning
    return found, plan


def write_plan(
    plan: InspectionPlan,
    step: PlanStep,
    deed: str,
    *,
    by: Actor,
    at: datetime,
    note: str = "",
    before: dict[str, Any] | None = None,
    after: dict[str, Any] | None = None,
) -> None:
    """The event and the audit entry of a deed on a plan."""
    db.session.add(PlanEvent(plan_id=plan.id, step=step, at=at, by_name=by.name, note=note))
    db.session.flush()
    audit.record(
        deed,
        by=by,
        at=at,
        subject_type="inspection_plan",
        subject_id=plan.id,
        subject=f"{plan.number} {plan.name}",
        county_code=plan.office_county or plan.county_code,
        before=before,
        after=after,
    )


def write_visit(
    visit: Visit,
    step: VisitStep,
    deed: str,
    *,
    by: Actor,
    at: datetime,
    note: str = "",
    facts: dict[str, Any] | None = None,
    before: dict[str, Any] | None = None,
    after: dict[str, Any] | None = None,
) -> None:
    """The event and the audit entry of a deed on a visit."""
    db.session.add(
        VisitEvent(
            visit_id=visit.id,
            step=step,
            at=at,
            by_id=by.user_id,
            by_name=by.name,
            note=note,
            facts=facts or {},
        )
    )
    db.session.flush()
    audit.record(
        deed,
        by=by,
        at=at,
        subject_type="inspection_visit",
        subject_id=visit.id,
        subject=visit.number,
        institution_id=visit.institution_id,
        before=before,
        after=after,
    )
