"""More plans and visits than a page holds, for the tests that walk over all lists."""

from __future__ import annotations

from datetime import timedelta

from clinic_orders.models.base import db
from clinic_orders.models.inspections import Checklist, InspectionPlan, Visit
from clinic_orders.rules.inspection.steps import Choice, PlanState, VisitState
from tests.orders_in_work import NOW, World


def make_inspections(world: World, many: int) -> None:
    """Plans, and on the first of them as many visits to the clinic."""
    checklist = Checklist(number=1, made_at=NOW, made_by_name="王桂兰", form_key="checklist")
    db.session.add(checklist)
    db.session.flush()
    plans = [
        InspectionPlan(
            number=f"JH2026-{number:04}",
            form_key=f"plan-{number}",
            name=f"第{number}次利剑行动",
            first_day=NOW.date() - timedelta(days=number),
            last_day=NOW.date() + timedelta(days=number),
            kinds=[],
            basis=f"{number}号文",
            checklist_id=checklist.id,
            each=2,
            state=PlanState.RUNNING,
            made_at=NOW,
            made_by_name="王桂兰",
        )
        for number in range(1, many + 1)
    ]
    db.session.add_all(plans)
    db.session.flush()
    for number in range(1, many + 1):
        db.session.add(
            Visit(
                number=f"JC2026-{number:04}",
                plan_id=plans[0].id,
                institution_id=world.clinic.id,
                position=number,
                choice=Choice.HAND,
                inspectors=[],
                root=f"JC2026-{number:04}",
                state=VisitState.RECORDED if number % 2 else VisitState.PLANNED,
                visited_on=NOW.date() - timedelta(days=number) if number % 2 else None,
                signed_names=[],
            )
        )
        db.session.add(
            Visit(
                number=f"JC2026-1{number:03}",
                plan_id=plans[1].id,
                institution_id=world.clinic.id,
                position=number,
                choice=Choice.HAND,
                inspectors=[],
                root=f"JC2026-1{number:03}",
                state=VisitState.SIGNED,
                visited_on=NOW.date() - timedelta(days=number),
                recorded_at=NOW,
                signed_at=NOW - timedelta(days=number),
                signed_names=["陈静", "李慧"],
                party_name="王保田",
            )
        )
