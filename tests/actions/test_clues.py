"""A clue from its assignment to its end: who may, what is told, what becomes of its finding (R-TRACE-3)."""

from __future__ import annotations

from datetime import date

import pytest
from flask import Flask
from sqlalchemy import select

from clinic_orders.actions import clues as deeds
from clinic_orders.actions.cases import open_case
from clinic_orders.actions.finding_decisions import DecidedInClue, take_back_waiver, waive_finding
from clinic_orders.actions.findings import raise_findings
from clinic_orders.actions.loading import ChangedMeanwhile, NotFound
from clinic_orders.models.audit import AuditEntry
from clinic_orders.models.base import db
from clinic_orders.models.clues import Clue, ClueEvent, ClueMeasure, ClueParty
from clinic_orders.models.notices import Notice
from clinic_orders.models.supervision import FindingInstitution, FindingRecord
from clinic_orders.queries.clues import clues, find_self_check, rows_to_transfer
from clinic_orders.queries.findings import find_finding, findings
from clinic_orders.rules.clues import (
    AmountMissing,
    CheckNeedsWords,
    CheckWay,
    ClueState,
    ClueStepNotAllowed,
    ClueVerdict,
    ExclusionGround,
    GroundDoesNotFit,
    Measure,
    NobodyToAsk,
    SelfCheckAnswer,
    SelfCheckEmpty,
    VerdictNeedsHearing,
)
from clinic_orders.rules.finding_states import FindingState
from clinic_orders.rules.findings import CheckRule
from clinic_orders.rules.ladder import DeadlineTooEarly
from clinic_orders.rules.parties import SYSTEM, NotAllowed
from tests.cases_world import TODAY, short
from tests.clues_world import (
    LAST_DAY,
    NOW,
    OTHER,
    World,
    answered,
    asked,
    assigned,
    checked,
    far,
    found,
    fresh_key,
    judged,
    later,
    make_world,
    unknown_pack,
)


@pytest.fixture
def world(app: Flask) -> World:
    return make_world()


def finding_of(clue: Clue) -> FindingRecord:
    assert clue.finding_id is not None
    return db.session.get_one(FindingRecord, clue.finding_id)


def notices(kind: str) -> list[Notice]:
    return list(db.session.scalars(select(Notice).where(Notice.kind == kind)))


def test_a_clue_goes_its_way_and_every_step_is_written_down(world):
    officer, party = world.officer("song"), world.somebody(world.clinic)
    clue = assigned(unknown_pack("V01"), by=officer)
    assert (clue.number, clue.county_code, clue.state) == ("XS2026-00001", "410325", ClueState.ASSIGNED)
    asked(clue, by=officer)
    assert notices("clue_asked")[0].institution_id == world.clinic.id
    answered(clue, by=party)
    assert clue.state is ClueState.CHECKING
    assert notices("clue_answered")[0].county_code == "410325"
    judged(clue, [world.clinic.id], by=officer)
    deeds.dispose_clue(
        clue.number, Measure.RECOVER, "320.50", "嵩医保处〔2026〕3号", TODAY, by=officer, at=NOW
    )
    deeds.close_clue(clue.number, "已追回。", by=officer, at=NOW)
    assert clue.state is ClueState.CLOSED
    assert finding_of(clue).state is FindingState.DECIDED
    steps = db.session.scalars(select(ClueEvent.step).order_by(ClueEvent.id)).all()
    assert [one.value for one in steps] == [
        "assign", "ask", "answer", "check", "find_violation", "dispose", "close",
    ]  # fmt: skip
    audited = set(db.session.scalars(select(AuditEntry.deed).where(AuditEntry.subject_type == "clue")))
    assert audited == {
        "assign_clue", "ask_self_check", "answer_clue", "record_check", "judge_clue", "dispose_clue",
        "close_clue",
    }  # fmt: skip
    assert db.session.scalars(select(ClueMeasure.amount)).all() == [320.5]


def test_an_excluded_clue_ends_its_finding_with_the_reason_and_taking_back_opens_it(world):
    officer = world.officer("song")
    clue = assigned(unknown_pack("V01"), by=officer)
    checked(clue, by=officer)
    deeds.exclude_clue(clue.number, ExclusionGround.SCAN_ERROR, "扫错一位。", by=officer, at=NOW)
    finding = finding_of(clue)
    assert (finding.state, finding.waive_reason) == (FindingState.WAIVED, f"{clue.number}：扫错一位。")
    with pytest.raises(DecidedInClue):
        take_back_waiver(finding.id, by=officer, at=NOW)
    deeds.take_back_verdict(clue.number, "新的证据。", by=officer, at=NOW)
    assert (clue.state, clue.verdict, finding_of(clue).state) == (
        ClueState.CHECKING, None, FindingState.OPEN,
    )  # fmt: skip
    with pytest.raises(DecidedInClue):
        waive_finding(finding.id, "算了", by=officer, at=NOW)


def test_a_clue_waits_for_all_that_were_asked_and_is_the_citys_where_they_are_of_two_counties(world):
    city, song, yi = world.officer("city"), world.officer("song"), world.officer("yi")
    (finding,) = found(far("M01", "V01"))
    with pytest.raises(deeds.CityAssigns):
        deeds.assign_clue("专班", finding_id=finding, by=song, at=NOW)
    clue = deeds.assign_clue("专班", finding_id=finding, by=city, at=NOW)
    assert clue.county_code is None
    asked(clue, by=city)
    answered(clue, by=world.somebody(world.clinic))
    assert clue.state is ClueState.SELF_CHECK
    # A county with one of them checks there, and decides nothing.
    for county in (song, yi):
        assert [row.number for row in clues(county, on=TODAY)] == [clue.number]
    checked(clue, by=yi)
    with pytest.raises(ClueStepNotAllowed):
        deeds.exclude_clue(clue.number, ExclusionGround.CODING_ERROR, "x", by=yi, at=NOW)
    # Late is better than never, as long as nothing is decided.
    answered(clue, by=world.somebody(world.private), at=later(30))
    assert clue.state is ClueState.CHECKING
    assert db.session.scalars(select(ClueEvent).order_by(ClueEvent.id.desc())).first().facts["late"] is True
    judged(clue, [world.private.id], by=city)
    assert db.session.scalars(select(ClueParty.institution_id).where(ClueParty.held)).all() == [
        world.private.id
    ]
    # Now one is held responsible, and the ladder can go on with it.
    case = open_case([finding], by=city, at=NOW)
    assert case.institution_id == world.private.id


def test_a_violation_waits_for_the_answer_or_the_last_day(world):
    officer = world.officer("song")
    clue = asked(assigned(unknown_pack("V01"), by=officer), by=officer)
    with pytest.raises(VerdictNeedsHearing):
        judged(clue, [world.clinic.id], by=officer)
    deeds.judge_clue(
        clue.number, ClueVerdict.SUSPECTED_FRAUD, [world.clinic.id], "空刷。", by=officer, at=NOW
    )
    deeds.take_back_verdict(clue.number, "改按违规。", by=officer, at=NOW)
    deeds.judge_clue(
        clue.number, ClueVerdict.VIOLATION, [world.clinic.id], "未说明。", by=officer, at=later(10)
    )
    assert clue.state is ClueState.VIOLATION


def test_what_is_wrong_with_a_step_is_said(world):
    officer, party = world.officer("song"), world.somebody(world.clinic)
    with pytest.raises(deeds.NoClue):
        deeds.assign_clue("专班", finding_id=found(short("V01"))[0], by=officer, at=NOW)
    with pytest.raises(deeds.TeamMissing):
        deeds.assign_clue(" ", finding_id=found(unknown_pack("V01"))[0], by=officer, at=NOW)
    clue = assigned(unknown_pack("V01"), by=officer)
    with pytest.raises(deeds.AssignedAlready):
        assigned(unknown_pack("V01"), by=officer)
    with pytest.raises(DeadlineTooEarly):
        asked(clue, by=officer, deadline=date(2026, 11, 28))
    with pytest.raises(NotFound):
        answered(clue, by=party)
    asked(clue, by=officer)
    with pytest.raises(ChangedMeanwhile):
        deeds.ask_self_check(clue.number, LAST_DAY, seen_version=1, by=officer, at=NOW)
    with pytest.raises(SelfCheckEmpty):
        deeds.answer_clue(clue.number, SelfCheckAnswer.NOT_OURS, " ", key=fresh_key(), by=party, at=NOW)
    with pytest.raises(CheckNeedsWords):
        deeds.record_check(clue.number, CheckWay.ON_SITE, "", by=officer, at=NOW)
    with pytest.raises(NotAllowed):
        deeds.record_check(clue.number, CheckWay.ON_SITE, "x", by=party, at=NOW)
    with pytest.raises(NotFound):
        checked(clue, by=world.officer("yi"))
    answered(clue, by=party)
    with pytest.raises(GroundDoesNotFit):
        deeds.exclude_clue(clue.number, ExclusionGround.GONE, "x", by=officer, at=NOW)
    judged(clue, [world.clinic.id], by=officer)
    with pytest.raises(AmountMissing):
        deeds.dispose_clue(clue.number, Measure.FINE, "", "", TODAY, by=officer, at=NOW)
    alone = assigned(unknown_pack("V01", code=OTHER), by=officer)
    db.session.execute(ClueParty.__table__.delete().where(ClueParty.clue_id == alone.id))
    with pytest.raises(NobodyToAsk):
        asked(alone, by=world.officer("city"))


def test_the_same_form_answers_once(world):
    officer, party = world.officer("song"), world.somebody(world.clinic)
    clue = asked(assigned(unknown_pack("V01"), by=officer), by=officer)
    for _ in range(2):
        deeds.answer_clue(
            clue.number, SelfCheckAnswer.OUR_FAULT, "少扫一盒。", "12.5", key="one", by=party, at=NOW
        )
    assert len(notices("clue_answered")) == 1
    row = find_self_check(clue.number, party)
    assert row is not None
    assert not row.to_answer
    assert find_self_check(clue.number, world.somebody(world.pharmacy)) is None


def test_reminders_are_sent_once_the_day_before_and_once_after(world):
    officer = world.officer("song")
    clue = asked(assigned(unknown_pack("V01"), by=officer), by=officer)
    told = [deeds.remind_of_clue(clue.id, by=SYSTEM, at=later(days)) for days in (7, 8, 9, 10, 11)]
    assert told == [False, True, False, True, False]
    assert (len(notices("clue_due")), len(notices("clue_unanswered"))) == (1, 1)


def test_a_list_hands_over_what_was_found_guilty_once(world):
    officer, party = world.officer("song"), world.somebody(world.clinic)
    clue = asked(assigned(unknown_pack("V01"), by=officer), by=officer)
    answered(clue, by=party, repaid="20")

    def hand_over(key: str):
        rows = rows_to_transfer([clue.number], officer, on=TODAY)
        return deeds.transfer_clues(
            rows, "基金监管科", issuer="嵩县医疗保障局", demo=True, key=key, by=officer, at=NOW
        )

    with pytest.raises(ClueStepNotAllowed):
        hand_over("too early")
    judged(clue, [world.clinic.id], by=officer)
    made = hand_over("list")
    assert (made.number, made.clues, made.rows[0]["repaid"]) == ("YS2026-0001", 1, "20.00")
    assert made.rows[0]["institutions"] == [["V01", "明白川村卫生室"]]
    assert hand_over("list").id == made.id
    assert clue.state is ClueState.DISPOSAL
    with pytest.raises(deeds.TransferredAlready):
        hand_over("again")


def test_a_finding_of_several_names_them_and_each_county_of_one_sees_it(world):
    (number,) = found(far("M01", "V01"))
    for who in ("city", "song", "yi"):
        row = find_finding(number, world.officer(who), on=TODAY)
        assert row is not None
        assert set(row.institution.split("、")) == {"伊川康宁门诊部", "明白川村卫生室"}
        assert not row.accuses
    assert not findings(world.somebody(world.clinic), on=TODAY)
    # It follows the figures.
    raise_findings(
        TODAY,
        [far(world.hospital.code, "V01", times=4)],
        {CheckRule.TRACE_REPEAT_FAR},
        institution_ids=(),
        by=SYSTEM,
        at=NOW,
    )
    assert find_finding(number, world.officer("yi"), on=TODAY) is None
    places = db.session.scalars(select(FindingInstitution.institution_id)).all()
    assert set(places) == {world.clinic.id, world.hospital.id}
