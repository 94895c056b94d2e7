"""Who is visited: added by findings, by risk or by hand, or drawn from a stored seed (R-CASE-5, 双随机)."""

from __future__ import annotations

from collections.abc import Collection, Sequence
from datetime import datetime

from sqlalchemy import func, select

from clinic_orders.actions.inspections._common import take_plan, write_plan, write_visit
from clinic_orders.actions.loading import NotFound
from clinic_orders.actions.numbers import next_of_year
from clinic_orders.actions.transaction import transactional
from clinic_orders.models.base import db
from clinic_orders.models.inspections import InspectionDraw, InspectionPlan, Visit
from clinic_orders.models.roster import Institution
from clinic_orders.queries.inspections import candidates, draws_of, inspectors_of, pool
from clinic_orders.rules.days import day_in_china
from clinic_orders.rules.inspection.drawing import (
    ALGORITHM,
    AnotherDrawNeedsReason,
    check_seed,
    draw,
    draw_inspectors,
    roster_hash,
)
from clinic_orders.rules.inspection.steps import (
    MOST_VISITS,
    Choice,
    PlanStep,
    PlanTooLarge,
    VisitState,
    VisitStep,
    check_plan_step,
    check_visit_step,
    step_reason,
)
from clinic_orders.rules.parties import Actor

_SERIES = "JC"  # 检查


def new_visit(
    plan: InspectionPlan,
    institution_id: int,
    choice: Choice,
    *,
    why: str,
    inspectors: Sequence[int],
    position: int,
    draw_id: int | None = None,
    follows: Visit | None = None,
    at: datetime,
) -> Visit:
    """A visit of a plan, numbered. Called inside a deed."""
    year = day_in_china(at).year
    number = f"{_SERIES}{year}-{next_of_year(_SERIES, year):04d}"
    visit = Visit(
        number=number,
        plan_id=plan.id,
        institution_id=institution_id,
        position=position,
        choice=choice,
        why=why[:300],
        draw_id=draw_id,
        inspectors=list(inspectors),
        follows_id=None if follows is None else follows.id,
        root=number if follows is None else follows.root,
        state=check_visit_step(VisitStep.PLAN, None),
        signed_names=[],
    )
    db.session.add(visit)
    db.session.flush()
    return visit


def next_position(plan: InspectionPlan) -> int:
    """The place behind the last visit of a plan."""
    return (db.session.scalar(select(func.max(Visit.position)).where(Visit.plan_id == plan.id)) or 0) + 1


def _assigned(plan: InspectionPlan) -> dict[int, int]:
    """How many visits every inspector of a plan has."""
    load = {one.place: 0 for one in inspectors_of(plan.id)}
    for places in db.session.scalars(
        select(Visit.inspectors).where(Visit.plan_id == plan.id, Visit.state != VisitState.DROPPED)
    ):
        for place in places:
            if place in load:
                load[place] += 1
    return load


@transactional
def add_visits(
    number: str, codes: Collection[str], choice: Choice, *, by: Actor, at: datetime
) -> list[Visit]:
    """Put institutions on a plan by their findings, risk or name; each gets the inspectors who have least to do.

    Whoever is on the plan already stays as it is, so that pressing twice adds nobody twice.

    Args:
        number: of the plan.
        codes: of the institutions.
        choice: why; the figures of the day are kept with each.
        by: who.
        at: when.

    Raises:
        NotFound, NotAllowed, InspectionStepRefused: the plan can't be changed by this actor now.
        PlanTooLarge: the plan would hold too many.

    """
    plan = take_plan(number, by=by, at=at)
    check_plan_step(PlanStep.CHOOSE, plan.state)
    found = candidates(plan, by, on=day_in_china(at), codes=sorted(set(codes)))
    load, position = _assigned(plan), next_position(plan)
    made: list[Visit] = []
    if position + len(found) > MOST_VISITS:
        raise PlanTooLarge(limit=MOST_VISITS)
    for one in found:
        places = sorted(sorted(load, key=lambda place: (load[place], place))[: plan.each])
        for place in places:
            load[place] += 1
        why = one.formula if choice in {Choice.RISK, Choice.FINDINGS} else ""
        visit = new_visit(
            plan, one.id, choice, why=why, inspectors=places, position=position + len(made), at=at
        )
        write_visit(
            visit, VisitStep.PLAN, "plan_visit", by=by, at=at, note=why, after={"choice": choice.value}
        )
        made.append(visit)
    if made:
        write_plan(plan, PlanStep.CHOOSE, "choose_visits", by=by, at=at, after={"visits": len(made)})
    return made


@transactional
def draw_visits(
    number: str, wanted: int, seed: str, reason: str = "", *, key: str, by: Actor, at: datetime
) -> InspectionDraw:
    """Draw institutions and inspectors by ``rules.inspection.drawing`` from the roster of the day.

    The draw is stored with seed, roster and list, so that anybody can repeat it. Before the plan has started another
    draw replaces the one before, which stays on record with the reason.

    Args:
        number: of the plan.
        wanted: how many institutions.
        seed: the seed.
        reason: why something is drawn once more; needed from the second draw on.
        key: of the form; the same one again answers with the same draw.
        by: who.
        at: when.

    Raises:
        NotFound, NotAllowed, InspectionStepRefused: the plan can't be changed by this actor now.
        SeedMissing, NothingToDraw, TooManyToDraw, TooFewInspectors, AnotherDrawNeedsReason: what is wrong.

    """
    plan = take_plan(number, by=by, at=at)
    known = db.session.scalars(select(InspectionDraw).where(InspectionDraw.form_key == key)).one_or_none()
    if known is not None:
        return known
    check_plan_step(PlanStep.DRAW, plan.state)
    kept, on = check_seed(seed), day_in_china(at)
    before = draws_of(plan.id)
    if before and not reason.strip():
        raise AnotherDrawNeedsReason
    said = step_reason(reason) if before else ""
    _replace(plan, by=by, at=at)
    codes = pool(plan, by, on=on)
    drawn = draw(codes, wanted, seed=kept)
    people = inspectors_of(plan.id)
    places = draw_inspectors(drawn, len(people), each=plan.each, seed=kept)
    made = InspectionDraw(
        plan_id=plan.id,
        number=len(before) + 1,
        form_key=key,
        seed=kept,
        algorithm=ALGORITHM,
        wanted=wanted,
        pool=codes,
        pool_sha256=roster_hash(codes),
        inspectors=[one.name for one in people],
        drawn=list(drawn),
        drawn_on=on,
        drawn_at=at,
        drawn_by_name=by.name,
        reason=said,
    )
    db.session.add(made)
    db.session.flush()
    ids = _ids(drawn)
    first = next_position(plan)
    for order, code in enumerate(drawn):
        visit = new_visit(
            plan, ids[code], Choice.DRAW, why="", inspectors=places[code], position=first + order,
            draw_id=made.id, at=at,
        )  # fmt: skip
        write_visit(visit, VisitStep.PLAN, "plan_visit", by=by, at=at, after={"choice": Choice.DRAW.value})
    write_plan(
        plan,
        PlanStep.DRAW,
        "draw_visits",
        by=by,
        at=at,
        note=said,
        after={"seed": kept, "pool": len(codes), "visits": len(drawn), "pool_sha256": made.pool_sha256},
    )
    return made


def _replace(plan: InspectionPlan, *, by: Actor, at: datetime) -> None:
    """Take off what was drawn before, as long as nobody has been there."""
    old = db.session.scalars(
        select(Visit)
        .where(Visit.plan_id == plan.id, Visit.choice == Choice.DRAW, Visit.state == VisitState.PLANNED)
        .order_by(Visit.id)
    ).all()
    for visit in old:
        visit.state = check_visit_step(VisitStep.DROP, visit.state)
        write_visit(visit, VisitStep.DROP, "drop_visit", by=by, at=at)
    for one in draws_of(plan.id):
        one.replaced_at = one.replaced_at or at
    db.session.flush()


def _ids(codes: Sequence[str]) -> dict[str, int]:
    found: dict[str, int] = {}
    for start in range(0, len(codes), 500):
        rows = db.session.execute(
            select(Institution.code, Institution.id).where(Institution.code.in_(codes[start : start + 500]))
        )
        found.update((code, number) for code, number in rows)
    return found


__all__ = ["NotFound", "add_visits", "draw_visits", "new_visit", "next_position"]
