"""The signed inspection records about an institution, as it sees them itself (R-CASE-5)."""

from __future__ import annotations

from datetime import date, datetime
from typing import Any, Final, NamedTuple

from sqlalchemy import Select, func, select
from sqlalchemy.orm import aliased

from clinic_orders.models.base import db
from clinic_orders.models.inspections import InspectionPlan, Visit, VisitAnswer
from clinic_orders.queries.lists import in_order, with_words
from clinic_orders.rules.inspection.record import Answer
from clinic_orders.rules.inspection.steps import VisitState

OWN_SORTS: Final = ("visited", "number", "faults")


class OwnRecord(NamedTuple):
    """A record about oneself. ``again_by`` is the last day of the plan on which another look stands, if one does."""

    id: int
    number: str
    root: str
    checklist_id: int
    plan: str
    visited_on: date
    signed_at: datetime
    summary: str
    faults: int
    again_by: date | None


def _records(institution_id: int, words: str) -> Select[*tuple[Any, ...]]:
    follow, again = aliased(Visit), aliased(InspectionPlan)
    faults = (
        select(func.count())
        .select_from(VisitAnswer)
        .where(VisitAnswer.visit_id == Visit.id, VisitAnswer.answer == Answer.NO)
        .correlate(Visit)
        .scalar_subquery()
    )
    return (
        select(
            Visit.id, Visit.number, Visit.root, InspectionPlan.checklist_id, InspectionPlan.name.label("plan"),
            Visit.visited_on, Visit.signed_at, Visit.summary, faults.label("faults"),
            again.last_day.label("again_by"),
        )
        .join(InspectionPlan, InspectionPlan.id == Visit.plan_id)
        .outerjoin(
            follow,
            (follow.follows_id == Visit.id) & follow.state.in_((VisitState.PLANNED, VisitState.RECORDED)),
        )
        .outerjoin(again, again.id == follow.plan_id)
        .where(
            Visit.institution_id == institution_id,
            Visit.state == VisitState.SIGNED,
            *with_words(words, Visit.number, InspectionPlan.name),
        )
    )  # fmt: skip


def count_own_records(institution_id: int, words: str = "") -> int:
    """How many signed records there are."""
    rows = _records(institution_id, words).subquery()
    return db.session.scalar(select(func.count()).select_from(rows)) or 0


def own_records(
    institution_id: int, words: str = "", *, sort: str = "-visited", limit: int | None = None, offset: int = 0
) -> list[OwnRecord]:
    """The signed records, the latest first."""
    statement = _records(institution_id, words)
    columns = {
        "visited": Visit.visited_on,
        "number": Visit.number,
        "faults": statement.selected_columns["faults"],
    }
    statement = statement.order_by(*in_order(sort, columns, Visit.id)).limit(limit).offset(offset)
    return [OwnRecord(*row) for row in db.session.execute(statement)]


def own_record(institution_id: int, number: str) -> OwnRecord | None:
    """One signed record of one's own."""
    row = db.session.execute(_records(institution_id, "").where(Visit.number == number)).one_or_none()
    return None if row is None else OwnRecord(*row)
