"""Deeds of inspections: draws repeated from their seed, records taken once, findings raised, cured, taken back."""

from __future__ import annotations

import threading
from datetime import timedelta

import pytest
from flask import Flask
from sqlalchemy import select

from clinic_orders.actions import cases as case_deeds
from clinic_orders.actions import complaints
from clinic_orders.actions import inspections as deeds
from clinic_orders.actions.found_by_people import StandsInACase
from clinic_orders.actions.loading import ChangedMeanwhile, NotFound
from clinic_orders.models.base import db
from clinic_orders.models.inspections import InspectionPlan, Visit, VisitEvent, VisitSubmission
from clinic_orders.models.notices import Notice
from clinic_orders.models.supervision import FindingRecord
from clinic_orders.queries import inspections as queries
from clinic_orders.rules.complaints import THE_PUBLIC, ComplaintKind, check_complaint
from clinic_orders.rules.finding_states import FindingState
from clinic_orders.rules.findings import CheckRule
from clinic_orders.rules.inspection.drawing import (
    AnotherDrawNeedsReason,
    TooFewInspectors,
    draw,
    draw_inspectors,
)
from clinic_orders.rules.inspection.record import Answer, Said
from clinic_orders.rules.inspection.steps import (
    Choice,
    InspectionStepRefused,
    PlanNeedsVisits,
    PlanNotRunning,
    PlanState,
    VisitState,
)
from clinic_orders.rules.parties import InstitutionKind, NotAllowed
from tests.cases_world import NOW, TODAY, World, found, make_world, overdue, short
from tests.inspections_world import FINE, TWO_FAULTS, a_record, make_plan, new_plan, running, send


@pytest.fixture
def world(app: Flask, clock_at) -> World:
    clock_at(NOW)
    return make_world()


def findings() -> dict[str, FindingState]:
    db.session.expire_all()
    rows = db.session.scalars(select(FindingRecord).where(FindingRecord.rule == CheckRule.INSPECTION))
    return {one.key: one.state for one in rows}


def test_a_stored_draw_is_repeated_from_its_seed_and_the_roster_of_its_day(world: World) -> None:
    city = world.officer()
    plan = make_plan(city)
    pool = queries.pool(plan, city, on=TODAY)
    made = deeds.draw_visits(plan.number, 3, "摇号 7 21 5", key="k1", by=city, at=NOW)
    assert deeds.draw_visits(plan.number, 3, "x" * 9, key="k1", by=city, at=NOW).id == made.id
    assert made.pool == pool
    assert tuple(made.drawn) == draw(made.pool, 3, seed=made.seed)
    places = draw_inspectors(made.drawn, 3, each=2, seed=made.seed)
    visits = db.session.scalars(select(Visit).where(Visit.draw_id == made.id).order_by(Visit.position)).all()
    assert [(one.choice, tuple(one.inspectors)) for one in visits] == [
        (Choice.DRAW, places[code]) for code in made.drawn
    ]
    with pytest.raises(AnotherDrawNeedsReason):
        deeds.draw_visits(plan.number, 2, "2027", key="k2", by=city, at=NOW)
    again = deeds.draw_visits(plan.number, 2, "2027", "有单位已注销", key="k2", by=city, at=NOW)
    assert (again.number, again.pool) == (2, pool)
    db.session.expire_all()
    first = db.session.get_one(type(made), made.id)
    assert first.replaced_at == NOW
    assert {one.state for one in visits} == {VisitState.DROPPED}


def test_a_plan_covers_its_area_and_kinds_and_a_county_plans_for_itself(world: World) -> None:
    city, song = world.officer(), world.officer("song")
    pharmacies = make_plan(city, kinds=[InstitutionKind.RETAIL_PHARMACY])
    assert queries.pool(pharmacies, city, on=TODAY) == [world.pharmacy.code]
    own = make_plan(song, county_code="410329")
    assert (own.county_code, own.office_county) == ("410325", "410325")
    assert set(queries.pool(own, song, on=TODAY)) < set(queries.pool(make_plan(city), city, on=TODAY))
    with pytest.raises(NotFound):
        deeds.start_plan(own.number, by=world.officer("yi"), at=NOW)
    with pytest.raises(NotAllowed):
        deeds.make_plan(new_plan(), key="k", by=world.somebody(world.clinic), at=NOW)
    with pytest.raises(TooFewInspectors):
        make_plan(city, inspectors=[("陈静", ""), ("陈静", "")])


def test_risk_counts_findings_and_complaints_and_months_with_the_weights_of_policy(world: World) -> None:
    found(overdue("V01", "PS1"), short("V01"), short("H01"))
    text = check_complaint(ComplaintKind.DEARER, place="x", words="贵", today=TODAY)
    complaints.file_complaint(text, [], key="k", institution_code="V01", by=THE_PUBLIC, at=NOW)
    city = world.officer()
    plan = make_plan(city)
    rows = {one.code: one for one in queries.candidates(plan, city, on=TODAY)}
    assert rows["V01"].formula == "2 × 10 + 0 × 3 + 0 × 2 + 1 × 8 + 12 × 1 = 40"
    assert rows["H01"].points == 22
    assert [one.code for one in queries.candidates(plan, city, on=TODAY)][:2] == ["V01", "H01"]
    (visit,) = deeds.add_visits(plan.number, ["V01"], Choice.RISK, by=city, at=NOW)
    assert visit.why == rows["V01"].formula
    assert deeds.add_visits(plan.number, ["V01"], Choice.RISK, by=city, at=NOW) == []


def test_a_plan_starts_with_somebody_to_visit_and_tells_the_counties(world: World) -> None:
    city = world.officer()
    plan = make_plan(city)
    with pytest.raises(PlanNeedsVisits):
        deeds.start_plan(plan.number, by=city, at=NOW)
    (visit,) = deeds.add_visits(plan.number, ["V01"], Choice.HAND, by=city, at=NOW)
    with pytest.raises(PlanNotRunning):
        send(visit, a_record(), by=city)
    deeds.start_plan(plan.number, by=city, at=NOW)
    told = db.session.scalars(select(Notice).where(Notice.kind == "inspection_started")).one()
    assert (told.county_code, told.facts["count"]) == ("410325", 1)
    deeds.end_plan(plan.number, by=city, at=NOW)
    deeds.reopen_plan(plan.number, "还要回头看", by=city, at=NOW)
    assert db.session.get_one(InspectionPlan, plan.id).state is PlanState.RUNNING


def test_a_signed_record_raises_findings_that_enter_a_case(world: World) -> None:
    (visit,) = running(world)
    song = world.officer("song")
    send(visit, a_record(TWO_FAULTS, sign=False), by=song)
    assert findings() == {}
    sent = send(visit, a_record(TWO_FAULTS), by=song)
    assert (sent.state, sent.again) == (VisitState.SIGNED, False)
    keys = [f"{visit.number}/price_kept", f"{visit.number}/sign"]
    assert sorted(findings()) == keys
    ids = db.session.scalars(select(FindingRecord.id).where(FindingRecord.key.in_(keys))).all()
    case = case_deeds.open_case(ids, by=song, at=NOW)
    assert case.institution_id == world.clinic.id
    with pytest.raises(StandsInACase):
        deeds.take_back_record(visit.number, "写错了", by=song, at=NOW)


def test_the_same_key_changes_nothing_twice_and_an_old_version_is_told(world: World) -> None:
    (visit,) = running(world)
    song, city = world.officer("song"), world.officer()
    seen = visit.version
    first = deeds.record_visit(
        visit.number, a_record(TWO_FAULTS), key="same", seen_version=seen, by=song, at=NOW
    )
    again = deeds.record_visit(
        visit.number, a_record({}), key="same", seen_version=seen, by=song, at=NOW + timedelta(hours=3)
    )
    assert (again.again, again.version) == (True, first.version)
    assert queries.answers_of(visit.id)["sign"].answer is Answer.NO
    with pytest.raises(ChangedMeanwhile):
        deeds.record_visit(visit.number, a_record({}), key="other", seen_version=seen, by=city, at=NOW)
    assert len(db.session.scalars(select(VisitSubmission)).all()) == 1


def test_a_record_taken_back_lets_its_findings_go_until_it_is_signed_again(world: World) -> None:
    (visit,) = running(world)
    city = world.officer()
    send(visit, a_record(TWO_FAULTS), by=city)
    deeds.take_back_record(visit.number, "其中一项写错", by=city, at=NOW)
    assert set(findings().values()) == {FindingState.WAIVED}
    send(visit, a_record({"sign": Said(Answer.NO, "没有挂牌")}), by=city)
    assert findings() == {
        f"{visit.number}/sign": FindingState.OPEN,
        f"{visit.number}/price_kept": FindingState.WAIVED,
    }
    kept = [one.facts["answers"]["sign"] for one in db.session.scalars(select(VisitEvent)) if one.facts]
    assert kept == [["no", "门口没有挂牌"], ["no", "没有挂牌"]]


def test_another_look_cures_what_was_put_right_and_keeps_the_rest_one_finding(world: World) -> None:
    (visit,) = running(world)
    city = world.officer()
    send(visit, a_record(TWO_FAULTS), by=city)
    again = deeds.look_back(visit.number, by=city, at=NOW)
    assert deeds.look_back(visit.number, by=city, at=NOW).id == again.id
    with pytest.raises(InspectionStepRefused):
        deeds.take_back_record(visit.number, "太晚了", by=city, at=NOW)
    later = NOW + timedelta(days=1)
    send(again, a_record({"sign": Said(Answer.NO, "仍未挂牌")}, on=TODAY), by=city, at=later)
    sign, price = f"{visit.number}/sign", f"{visit.number}/price_kept"
    assert findings() == {sign: FindingState.OPEN, price: FindingState.ENDED}
    deeds.take_back_record(again.number, "看错了", by=city, at=later)
    assert findings() == {sign: FindingState.OPEN, price: FindingState.OPEN}
    send(again, a_record(FINE), by=city, at=later)
    assert findings() == {sign: FindingState.ENDED, price: FindingState.ENDED}


def test_nobody_met_is_written_down_and_put_back(world: World) -> None:
    (visit,) = running(world)
    song = world.officer("song")
    deeds.not_met(visit.number, "上午十点关门", by=song, at=NOW)
    deeds.restore_visit(visit.number, by=song, at=NOW)
    deeds.drop_visit(visit.number, "已注销", by=song, at=NOW)
    with pytest.raises(InspectionStepRefused):
        send(visit, a_record(), by=song)


@pytest.mark.both_databases
def test_one_record_sent_four_times_at_once_is_taken_once(committed_app: Flask) -> None:
    with committed_app.app_context():
        world = make_world()
        (visit,) = running(world)
        number, version, city = visit.number, visit.version, world.officer()
        db.session.remove()
    barrier, results = threading.Barrier(4), []

    def run() -> None:
        with committed_app.app_context():
            barrier.wait(10)
            sent = deeds.record_visit(
                number, a_record(TWO_FAULTS), key="same", seen_version=version, by=city, at=NOW
            )
            results.append((sent.state, sent.again))
            db.session.remove()

    threads = [threading.Thread(target=run) for _ in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join(30)
    assert sorted(again for _, again in results) == [False, True, True, True]
    with committed_app.app_context():
        assert len(db.session.scalars(select(FindingRecord)).all()) == 2
