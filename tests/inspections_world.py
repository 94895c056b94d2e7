"""Plans, visits and records, made by the deeds that the pages call."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import date, datetime, timedelta

from clinic_orders.actions import inspections as deeds
from clinic_orders.actions.inspections import NewPlan, Sent, VisitRecord
from clinic_orders.models.base import db
from clinic_orders.models.inspections import InspectionPlan, Visit
from clinic_orders.rules.inspection.checklist import SHIPPED
from clinic_orders.rules.inspection.record import Answer, PartySignature, Said
from clinic_orders.rules.inspection.steps import Choice
from clinic_orders.rules.parties import Actor
from tests.cases_world import NOW, TODAY, World, fresh_key

INSPECTORS = (("陈静", "豫医保 001"), ("李慧", "豫医保 002"), ("周明", "豫医保 003"))
FINE = {item.code: Said(Answer.YES) for item in SHIPPED}
TWO_FAULTS = {"sign": Said(Answer.NO, "门口没有挂牌"), "price_kept": Said(Answer.NO, "一张小票多收 1.50 元")}


def new_plan(**changes: object) -> NewPlan:
    """What a plan says."""
    said: dict[str, object] = {
        "name": "四季度“利剑行动”",
        "first_day": TODAY,
        "last_day": TODAY + timedelta(days=20),
        "basis": "洛医保办〔2026〕31号",
        "inspectors": INSPECTORS,
    }
    return NewPlan(**(said | changes))  # type: ignore[arg-type]


def make_plan(by: Actor, *, at: datetime = NOW, **changes: object) -> InspectionPlan:
    """A plan as a draft."""
    return deeds.make_plan(new_plan(**changes), key=fresh_key(), by=by, at=at)


def running(world: World, *codes: str, by: Actor | None = None, at: datetime = NOW) -> list[Visit]:
    """A plan that runs, and its visits in the order of the codes."""
    who = by or world.officer()
    plan = make_plan(who, at=at)
    made = deeds.add_visits(plan.number, codes or ("V01",), Choice.HAND, by=who, at=at)
    deeds.start_plan(plan.number, by=who, at=at)
    db.session.expire_all()
    return made


def a_record(
    answers: Mapping[str, Said] | None = None, *, sign: bool = True, on: date = TODAY, **changes: object
) -> VisitRecord:
    """A whole record, signed by both."""
    said: dict[str, object] = {
        "visited_on": on,
        "answers": FINE | dict(answers or {}),
        "sign": sign,
        "inspectors": ("陈静", "李慧"),
        "party": PartySignature("王保田", "负责人"),
    }
    return VisitRecord(**(said | changes))  # type: ignore[arg-type]


def send(visit: Visit, record: VisitRecord, *, by: Actor, at: datetime = NOW, key: str = "") -> Sent:
    """Send a record of a visit as it stands now."""
    db.session.refresh(visit)
    return deeds.record_visit(
        visit.number, record, key=key or fresh_key(), seen_version=visit.version, by=by, at=at
    )
