"""Whom a plan may visit, and what is known of each: for choosing by findings, by risk, by name, and for the draw."""

from __future__ import annotations

from datetime import date, datetime, timedelta
from typing import Any, NamedTuple

from sqlalchemy import ColumnElement, Select, and_, case, exists, func, or_, select

from clinic_orders.models.base import db
from clinic_orders.models.complaints import Complaint
from clinic_orders.models.inspections import InspectionPlan, Visit
from clinic_orders.models.roster import County, Institution, InstitutionRecord, Membership
from clinic_orders.models.supervision import FindingRecord
from clinic_orders.queries.lists import with_words
from clinic_orders.queries.policy import policy_book
from clinic_orders.queries.roster import current, institutions_of
from clinic_orders.rules.complaints import WAITING, ComplaintState
from clinic_orders.rules.days import start_of_day
from clinic_orders.rules.finding_states import SEVERITY, FindingState, Severity
from clinic_orders.rules.inspection.risk import Risk, Weights, formula, months_between, points
from clinic_orders.rules.inspection.steps import VisitState
from clinic_orders.rules.parties import Actor, InstitutionKind

_YEAR = timedelta(days=365)
CANDIDATE_SORTS = ("points", "findings", "name", "last")


def weights_on(day: date) -> Weights:
    """The weights of the risk in force on a day; one statement, or none."""
    book = policy_book(*(f"inspection.{name}" for name in Weights.__slots__))
    return Weights(**{name: book.whole(f"inspection.{name}", on=day) for name in Weights.__slots__})


def _in_plan(plan: InspectionPlan, actor: Actor, on: date) -> list[ColumnElement[bool]]:
    """Members of the day whom the plan covers and does not visit yet."""
    state = InstitutionRecord
    conditions: list[ColumnElement[bool]] = [
        current(state, on),
        institutions_of(actor, Institution.id, on),
        exists().where(
            Membership.institution_id == Institution.id,
            Membership.joined_on <= on,
            or_(Membership.left_on.is_(None), Membership.left_on >= on),
        ),
        Institution.id.not_in(
            select(Visit.institution_id).where(Visit.plan_id == plan.id, Visit.state != VisitState.DROPPED)
        ),
    ]
    if plan.county_code is not None:
        conditions.append(state.county_code == plan.county_code)
    if plan.kinds:
        conditions.append(state.kind.in_([InstitutionKind(kind) for kind in plan.kinds]))
    return conditions


def pool(plan: InspectionPlan, actor: Actor, *, on: date) -> list[str]:
    """The codes from which a plan draws on a day, in order; one statement."""
    statement = (
        select(Institution.code)
        .join(InstitutionRecord, InstitutionRecord.institution_id == Institution.id)
        .where(*_in_plan(plan, actor, on))
        .order_by(Institution.code)
    )
    return list(db.session.scalars(statement))


class Candidate(NamedTuple):
    """An institution that could be visited, and what is known of it."""

    id: int
    code: str
    name: str
    kind: InstitutionKind
    county: str
    risk: Risk
    last: date | None
    points: int
    formula: str

    @property
    def findings(self) -> int:
        """Open findings of every severity."""
        return self.risk.grave + self.risk.reminder + self.risk.clue


def _count(severity: Severity) -> ColumnElement[int]:
    grades = [grade for grade, found in SEVERITY.items() if found is severity]
    return func.sum(case((FindingRecord.grade.in_(grades), 1), else_=0))


def _known(on: date) -> Select[*tuple[Any, ...]]:
    """Institutions with what counts for their risk, each by a sum of its own."""
    record, complaint = FindingRecord, Complaint
    found = (
        select(
            record.institution_id,
            _count(Severity.GRAVE).label("grave"),
            _count(Severity.REMINDER).label("reminder"),
            _count(Severity.CLUE).label("clue"),
        )
        .where(record.state == FindingState.OPEN, record.institution_id.is_not(None))
        .group_by(record.institution_id)
        .subquery()
    )
    since: datetime = start_of_day(on - _YEAR)
    told = (
        select(complaint.institution_id, func.count().label("number"))
        .where(
            complaint.institution_id.is_not(None),
            or_(
                complaint.state.in_(sorted(WAITING)),
                and_(complaint.state == ComplaintState.VERIFIED, complaint.answered_at >= since),
            ),
        )
        .group_by(complaint.institution_id)
        .subquery()
    )
    been = (
        select(Visit.institution_id, func.max(Visit.visited_on).label("last"))
        .where(Visit.state == VisitState.SIGNED)
        .group_by(Visit.institution_id)
        .subquery()
    )
    state = InstitutionRecord
    return (
        select(
            Institution.id,
            Institution.code,
            state.name,
            state.kind,
            func.coalesce(County.name, ""),
            func.coalesce(found.c.grave, 0),
            func.coalesce(found.c.reminder, 0),
            func.coalesce(found.c.clue, 0),
            func.coalesce(told.c.number, 0),
            been.c.last,
        )
        .join(state, state.institution_id == Institution.id)
        .outerjoin(County, County.code == state.county_code)
        .outerjoin(found, found.c.institution_id == Institution.id)
        .outerjoin(told, told.c.institution_id == Institution.id)
        .outerjoin(been, been.c.institution_id == Institution.id)
    )


def candidates(
    plan: InspectionPlan, actor: Actor, *, on: date, words: str = "", codes: list[str] | None = None
) -> list[Candidate]:
    """Whom a plan could visit, the most points first; one statement and the weights.

    Args:
        plan: the plan.
        actor: who chooses.
        on: the day of the roster and of what is known.
        words: parts of name or code, all of which must be there.
        codes: only these.

    """
    weights, state = weights_on(on), InstitutionRecord
    conditions = _in_plan(plan, actor, on)
    conditions += with_words(words, state.name, Institution.code)
    if codes is not None:
        conditions.append(Institution.code.in_(codes))
    found = []
    for number, code, name, kind, county, grave, reminder, clue, told, last in db.session.execute(
        _known(on).where(*conditions)
    ):
        risk = Risk(int(grave), int(reminder), int(clue), int(told), months_between(last, on))
        found.append(
            Candidate(
                number, code, name, kind, county, risk, last, points(risk, weights), formula(risk, weights)
            )
        )
    return sorted(found, key=lambda one: (-one.points, one.code))
