"""The list of plans, and the list of visits of a plan or of a phone."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import date, datetime
from typing import Any, NamedTuple

from sqlalchemy import ColumnElement, Select, and_, case, func, select

from clinic_orders.models.base import db
from clinic_orders.models.inspections import InspectionPlan, Visit, VisitAnswer
from clinic_orders.models.roster import County, Institution, InstitutionRecord
from clinic_orders.queries.inspections.records import plans_visible_to, visits_visible_to
from clinic_orders.queries.lists import with_words
from clinic_orders.queries.roster import current
from clinic_orders.rules.inspection.record import Answer
from clinic_orders.rules.inspection.steps import Choice, PlanState, VisitState
from clinic_orders.rules.parties import Actor, InstitutionKind

PLAN_SORTS = ("number", "name", "first", "state")
VISIT_SORTS = ("position", "name", "state", "visited")
TO_VISIT = frozenset({VisitState.PLANNED, VisitState.RECORDED})
"""Visits that somebody still has to make or to sign."""


@dataclass(frozen=True, slots=True)
class PlansWanted:
    """Which plans a list shows: words of name, number or basis; a state, or all."""

    words: str = ""
    state: PlanState | None = None


class PlanRow(NamedTuple):
    """A plan with how far it is."""

    id: int
    number: str
    name: str
    first_day: date
    last_day: date
    county: str
    basis: str
    state: PlanState
    made_by_name: str
    visits: int
    signed: int
    to_visit: int


def _plan_conditions(actor: Actor, on: date, wanted: PlansWanted) -> list[ColumnElement[bool]]:
    plan = InspectionPlan
    conditions = [plans_visible_to(actor, on)]
    if wanted.state is not None:
        conditions.append(plan.state == wanted.state)
    conditions += with_words(wanted.words, plan.name, plan.number, plan.basis)
    return conditions


def plans(
    actor: Actor,
    *,
    on: date,
    wanted: PlansWanted,
    sort: str = "-number",
    limit: int | None = None,
    offset: int = 0,
) -> list[PlanRow]:
    """The plans of a page or a file; one statement."""
    plan = InspectionPlan

    def number_of(*conditions: ColumnElement[bool]) -> Any:
        return (
            select(func.count())
            .select_from(Visit)
            .where(Visit.plan_id == plan.id, *conditions)
            .correlate(plan)
            .scalar_subquery()
        )

    columns: dict[str, Any] = {
        "number": plan.id,
        "name": plan.name,
        "first": plan.first_day,
        "state": plan.state,
    }
    column = columns[sort.removeprefix("-")]
    statement = (
        select(
            plan.id,
            plan.number,
            plan.name,
            plan.first_day,
            plan.last_day,
            func.coalesce(County.name, ""),
            plan.basis,
            plan.state,
            plan.made_by_name,
            number_of(Visit.state != VisitState.DROPPED),
            number_of(Visit.state == VisitState.SIGNED),
            number_of(Visit.state.in_(sorted(TO_VISIT))),
        )
        .outerjoin(County, County.code == plan.county_code)
        .where(*_plan_conditions(actor, on, wanted))
        .order_by(column.desc() if sort.startswith("-") else column.asc(), plan.id.desc())
    )
    return [PlanRow._make(row) for row in db.session.execute(statement.limit(limit).offset(offset))]


def count_plans(actor: Actor, *, on: date, wanted: PlansWanted) -> int:
    """How many plans the filters leave."""
    statement = select(func.count()).select_from(InspectionPlan).where(*_plan_conditions(actor, on, wanted))
    return db.session.scalar(statement) or 0


@dataclass(frozen=True, slots=True)
class VisitsWanted:
    """Which visits a list shows.

    Attributes:
        plan_id: of one plan; None = of all that run.
        words: of institution or number.
        state: a state; None = all.
        to_visit: only those that somebody still has to make or to sign.

    """

    plan_id: int | None = None
    words: str = ""
    state: VisitState | None = None
    to_visit: bool = False


class VisitRow(NamedTuple):
    """A visit with the names that belong to it."""

    id: int
    number: str
    plan_id: int
    plan_number: str
    plan: str
    plan_state: PlanState
    checklist_id: int
    institution_id: int
    code: str
    institution: str
    kind: InstitutionKind | None
    county: str
    township: str
    address: str
    position: int
    choice: Choice
    why: str
    inspectors: list[int]
    follows_id: int | None
    root: str
    state: VisitState
    visited_on: date | None
    signed_at: datetime | None
    recorded_at: datetime | None
    recorded_by_name: str
    version: int
    faults: int


def _visit_conditions(actor: Actor, on: date, wanted: VisitsWanted) -> list[ColumnElement[bool]]:
    conditions = [visits_visible_to(actor, on)]
    if wanted.plan_id is not None:
        conditions.append(Visit.plan_id == wanted.plan_id)
    else:
        conditions.append(InspectionPlan.state == PlanState.RUNNING)
    if wanted.state is not None:
        conditions.append(Visit.state == wanted.state)
    if wanted.to_visit:
        conditions.append(Visit.state.in_(sorted(TO_VISIT)))
    conditions += with_words(
        wanted.words, InstitutionRecord.name, Institution.code, Visit.number, InstitutionRecord.township
    )
    return conditions


def _with_names(statement: Select[*tuple[Any, ...]], on: date) -> Select[*tuple[Any, ...]]:
    state = InstitutionRecord
    return (
        statement.select_from(Visit)
        .join(InspectionPlan, InspectionPlan.id == Visit.plan_id)
        .join(Institution, Institution.id == Visit.institution_id)
        .outerjoin(state, and_(state.institution_id == Visit.institution_id, current(state, on)))
        .outerjoin(County, County.code == state.county_code)
    )


def _listed(on: date) -> Select[*tuple[Any, ...]]:
    state, plan = InstitutionRecord, InspectionPlan
    faults = (
        select(func.count())
        .select_from(VisitAnswer)
        .where(VisitAnswer.visit_id == Visit.id, VisitAnswer.answer == Answer.NO)
        .correlate(Visit)
        .scalar_subquery()
    )
    return _with_names(
        select(
            Visit.id,
            Visit.number,
            Visit.plan_id,
            plan.number,
            plan.name,
            plan.state,
            plan.checklist_id,
            Visit.institution_id,
            Institution.code,
            func.coalesce(state.name, Institution.code),
            state.kind,
            func.coalesce(County.name, ""),
            func.coalesce(state.township, ""),
            func.coalesce(state.address, ""),
            Visit.position,
            Visit.choice,
            Visit.why,
            Visit.inspectors,
            Visit.follows_id,
            Visit.root,
            Visit.state,
            Visit.visited_on,
            Visit.signed_at,
            Visit.recorded_at,
            Visit.recorded_by_name,
            Visit.version,
            faults,
        ),
        on,
    )


def visits(
    actor: Actor,
    *,
    on: date,
    wanted: VisitsWanted,
    sort: str = "position",
    limit: int | None = None,
    offset: int = 0,
) -> list[VisitRow]:
    """The visits of a page or a file; one statement."""
    columns: dict[str, list[Any]] = {
        "position": [Visit.plan_id, Visit.position],
        "name": [InstitutionRecord.name],
        "state": [Visit.state],
        "visited": [case((Visit.visited_on.is_(None), 1), else_=0), Visit.visited_on],
    }
    chosen = columns[sort.removeprefix("-")]
    order = [column.desc() if sort.startswith("-") else column.asc() for column in chosen]
    statement = _listed(on).where(*_visit_conditions(actor, on, wanted)).order_by(*order, Visit.id)
    return [VisitRow._make(row) for row in db.session.execute(statement.limit(limit).offset(offset))]


def count_visits(actor: Actor, *, on: date, wanted: VisitsWanted) -> int:
    """How many visits the filters leave."""
    statement = _with_names(select(func.count()), on).where(*_visit_conditions(actor, on, wanted))
    return db.session.scalar(statement) or 0


def find_visit(number: str, actor: Actor, *, on: date) -> VisitRow | None:
    """One visit, if the actor may see it."""
    row = db.session.execute(
        _listed(on).where(Visit.number == number, visits_visible_to(actor, on))
    ).one_or_none()
    return None if row is None else VisitRow._make(row)
