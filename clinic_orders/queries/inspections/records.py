"""Who sees which inspections, and what belongs to one: checklist, inspectors, draws, answers, photos, course."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from datetime import date
from typing import Final

from sqlalchemy import ColumnElement, false, or_, select, true

from clinic_orders.models.base import db
from clinic_orders.models.inspections import (
    Checklist,
    ChecklistLine,
    InspectionDraw,
    InspectionPlan,
    PlanEvent,
    PlanInspector,
    Visit,
    VisitAnswer,
    VisitEvent,
    VisitPhoto,
)
from clinic_orders.queries.roster import institutions_of
from clinic_orders.rules.inspection.checklist import ChecklistItem
from clinic_orders.rules.inspection.record import Said
from clinic_orders.rules.parties import Actor, Role

MARK_PARTY: Final = "mark-party"
MARK_INSPECTOR: Final = "mark-inspector"


def visits_visible_to(actor: Actor, on: date) -> ColumnElement[bool]:
    """The visits that a bureau may see: the city all, a county those to its institutions."""
    if actor.role in {Role.CITY, Role.SYSTEM}:
        return true()
    if actor.role is Role.COUNTY:
        return institutions_of(actor, Visit.institution_id, on)
    return false()


def plans_visible_to(actor: Actor, on: date) -> ColumnElement[bool]:
    """The plans that a bureau may see: the city all, a county its own and those that visit its institutions."""
    if actor.role in {Role.CITY, Role.SYSTEM}:
        return true()
    if actor.role is Role.COUNTY:
        plan = InspectionPlan
        return or_(
            plan.office_county == actor.county_code,
            plan.id.in_(select(Visit.plan_id).where(visits_visible_to(actor, on))),
        )
    return false()


def may_manage(actor: Actor, plan: InspectionPlan) -> bool:
    """Whether somebody may change a plan: the city any, a county its own."""
    if actor.role in {Role.CITY, Role.SYSTEM}:
        return True
    return actor.role is Role.COUNTY and plan.office_county == actor.county_code


def find_plan(number: str, actor: Actor, *, on: date) -> InspectionPlan | None:
    """A plan, if the actor may see it."""
    return db.session.scalars(
        select(InspectionPlan).where(InspectionPlan.number == number, plans_visible_to(actor, on))
    ).one_or_none()


def inspectors_of(plan_id: int) -> Sequence[PlanInspector]:
    """The inspectors of a plan in the order of its list."""
    return db.session.scalars(
        select(PlanInspector).where(PlanInspector.plan_id == plan_id).order_by(PlanInspector.place)
    ).all()


def draws_of(plan_id: int) -> Sequence[InspectionDraw]:
    """The draws of a plan, the newest first."""
    draw = InspectionDraw
    return db.session.scalars(select(draw).where(draw.plan_id == plan_id).order_by(draw.number.desc())).all()


def plan_events_of(plan_id: int) -> Sequence[PlanEvent]:
    """What happened to a plan, the newest first."""
    return db.session.scalars(
        select(PlanEvent).where(PlanEvent.plan_id == plan_id).order_by(PlanEvent.id.desc())
    ).all()


def latest_checklist() -> Checklist | None:
    """The newest version of the checklist; None before the first plan."""
    return db.session.scalars(select(Checklist).order_by(Checklist.number.desc()).limit(1)).one_or_none()


def checklists() -> Sequence[Checklist]:
    """Every version, the newest first."""
    return db.session.scalars(select(Checklist).order_by(Checklist.number.desc())).all()


def items_of(checklist_id: int) -> Mapping[str, ChecklistItem]:
    """The lines of a version by code, in their order."""
    lines = db.session.scalars(
        select(ChecklistLine)
        .where(ChecklistLine.checklist_id == checklist_id)
        .order_by(ChecklistLine.position)
    )
    return {
        line.code: ChecklistItem(line.code, line.group, line.text, line.hint, line.grade) for line in lines
    }


def visit_by_id(visit_id: int) -> Visit:
    """A visit for whoever has been let in already."""
    return db.session.get_one(Visit, visit_id)


def answers_of(visit_id: int) -> dict[str, Said]:
    """The answers of a visit by code."""
    rows = db.session.scalars(select(VisitAnswer).where(VisitAnswer.visit_id == visit_id))
    return {row.code: Said(row.answer, row.remark) for row in rows}


def photos_of(visit_id: int) -> Sequence[VisitPhoto]:
    """The photos and marks of a visit that stand, in the order in which they came."""
    photo = VisitPhoto
    return db.session.scalars(
        select(photo).where(photo.visit_id == visit_id, photo.removed_at.is_(None)).order_by(photo.id)
    ).all()


def find_photo(photo_id: int, actor: Actor, *, on: date) -> VisitPhoto | None:
    """A photo, if the actor may see its visit."""
    photo = VisitPhoto
    return db.session.scalars(
        select(photo)
        .join(Visit, Visit.id == photo.visit_id)
        .where(photo.id == photo_id, photo.removed_at.is_(None), visits_visible_to(actor, on))
    ).one_or_none()


def visit_events_of(visit_id: int) -> Sequence[VisitEvent]:
    """What happened to a visit, the newest first."""
    return db.session.scalars(
        select(VisitEvent).where(VisitEvent.visit_id == visit_id).order_by(VisitEvent.id.desc())
    ).all()
