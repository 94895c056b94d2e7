"""The party's answer to a letter, and what the bureau decides on it (R-CASE)."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import date, timedelta

import pytest
from flask import Flask
from sqlalchemy import func, select

from clinic_orders.actions import cases as deeds
from clinic_orders.actions.findings import raise_findings
from clinic_orders.actions.loading import NotFound
from clinic_orders.models.base import db
from clinic_orders.models.cases import CaseEvent
from clinic_orders.models.notices import Notice
from clinic_orders.queries import cases as queries
from clinic_orders.rules import ladder
from clinic_orders.rules.attachments import AttachedFile, MediaType, TooManyFiles
from clinic_orders.rules.finding_states import FindingState
from clinic_orders.rules.findings import CheckRule
from clinic_orders.rules.ladder import AnswerKind, CaseOutcome, CaseState, LetterState, Level
from clinic_orders.rules.parties import SYSTEM, NotAllowed
from tests.cases_world import (
    NOW,
    TODAY,
    World,
    answered,
    fresh_key,
    issue,
    later,
    make_world,
    notices,
    opened,
    overdue,
    states,
)


@pytest.fixture(autouse=True)
def world(app: Flask) -> Iterator[World]:
    yield make_world()
    db.session.rollback()


def test_signing_begins_the_days_to_answer_and_happens_once(world):
    case = opened(world)
    letter = issue(case, Level.REMINDER, by=world.officer("song"))
    party = world.somebody(world.clinic)
    deeds.receive_letter(letter.id, by=party, at=later(5))
    deeds.receive_letter(letter.id, by=party, at=later(6))
    assert (letter.received_by_name, letter.received_at) == ("王保田", later(5))
    assert (case.state, case.deadline) == (CaseState.RECEIVED, TODAY + timedelta(days=14))
    assert db.session.scalar(select(func.count()).where(CaseEvent.step == ladder.CaseStep.RECEIVE)) == 1


def test_nobody_signs_for_or_answers_the_letter_of_another(world):
    letter = issue(opened(world), Level.REMINDER, by=world.officer("song"))
    for other in (world.somebody(world.pharmacy), world.somebody(world.hospital), world.seller):
        with pytest.raises(NotFound):
            deeds.receive_letter(letter.id, by=other, at=NOW)
        with pytest.raises(NotFound):
            deeds.answer_letter(letter.id, AnswerKind.ANSWER, "x", key=fresh_key(), by=other, at=NOW)
    with pytest.raises(NotAllowed):
        deeds.receive_letter(letter.id, by=world.officer("song"), at=NOW)


def test_an_answer_with_files_comes_to_the_bureau_and_once(world):
    case = opened(world)
    letter = issue(case, Level.REMINDER, by=world.officer("song"))
    party, key = world.somebody(world.clinic), fresh_key()
    deeds.receive_letter(letter.id, by=party, at=NOW)
    photo = AttachedFile("柜台.jpg", MediaType.JPEG, 10, "0" * 64, "a1")
    for _ in range(2):
        deeds.answer_letter(letter.id, AnswerKind.APPEAL, " 已付 ", [photo], key=key, by=party, at=later(1))
    (filed,) = queries.answers_of(case.id)
    assert (filed.answer.text, filed.answer.kind, [one.name for one in filed.files]) == (
        "已付",
        AnswerKind.APPEAL,
        ["柜台.jpg"],
    )
    assert case.state is CaseState.ANSWERED
    (told,) = notices("letter_answered")
    assert told.county_code == "410325"


def test_more_files_than_an_answer_takes_are_refused(world):
    letter = issue(opened(world), Level.REMINDER, by=world.officer("song"))
    party = world.somebody(world.clinic)
    deeds.receive_letter(letter.id, by=party, at=NOW)
    files = [AttachedFile("a.jpg", MediaType.JPEG, 10, "0" * 64, f"a{number}") for number in range(10)]
    with pytest.raises(TooManyFiles):
        deeds.answer_letter(letter.id, AnswerKind.ANSWER, "x", files, key=fresh_key(), by=party, at=NOW)


def test_after_the_last_day_an_answer_needs_more_time_from_the_bureau(world):
    case, county, party = opened(world), world.officer("song"), world.somebody(world.clinic)
    letter = issue(case, Level.REMINDER, by=county)
    deeds.receive_letter(letter.id, by=party, at=NOW)
    with pytest.raises(ladder.AnswerTooLate):
        deeds.answer_letter(letter.id, AnswerKind.ANSWER, "晚了", key=fresh_key(), by=party, at=later(10))
    deeds.extend_deadline(case.number, date(2026, 12, 5), "医生住院", by=county, at=later(10))
    deeds.answer_letter(letter.id, AnswerKind.ANSWER, "补报", key=fresh_key(), by=party, at=later(11))
    assert case.state is CaseState.ANSWERED
    assert len(notices("letter_extended")) == 1


def test_what_comes_on_paper_an_officer_records(world):
    case, county = opened(world), world.officer("song")
    letter = issue(case, Level.REMINDER, by=county)
    with pytest.raises(deeds.ReceiptDayWrong):
        deeds.record_receipt(case.number, "王保田", TODAY - timedelta(days=1), by=county, at=NOW)
    with pytest.raises(deeds.ReceiverMissing):
        deeds.record_receipt(case.number, " ", TODAY, by=county, at=NOW)
    deeds.record_receipt(case.number, "王保田", TODAY + timedelta(days=2), by=county, at=later(3))
    assert (letter.received_on_paper, case.deadline) == (True, TODAY + timedelta(days=11))
    deeds.answer_letter(letter.id, AnswerKind.ANSWER, "书面答复", key=fresh_key(), by=county, at=later(4))
    assert queries.answers_of(case.id)[0].answer.on_paper
    assert notices("letter_answered") == []


# Decisions


def test_accepted_checked_again_and_closed_with_its_findings_decided(world):
    case, county, party = opened(world), world.officer("song"), world.somebody(world.clinic)
    answered(issue(case, Level.REMINDER, by=county), by=party)
    with pytest.raises(ladder.DecisionNeedsReason):
        deeds.accept_answer(case.number, " ", TODAY, by=county, at=NOW)
    with pytest.raises(deeds.RecheckInThePast):
        deeds.accept_answer(case.number, "单据属实", TODAY - timedelta(days=1), by=county, at=NOW)
    deeds.accept_answer(case.number, "单据属实", TODAY + timedelta(days=30), by=county, at=NOW)
    assert case.state is CaseState.ACCEPTED
    deeds.close_after_recheck(case.number, "现场查看，已付清", by=county, at=later(30))
    assert (case.state, case.outcome) == (CaseState.CLOSED, CaseOutcome.RESOLVED)
    assert states(case) == [FindingState.DECIDED, FindingState.DECIDED]
    raise_findings(
        later(30).date(),
        [overdue("V01", "PS1", days=51)],
        {CheckRule.PAYMENT_OVERDUE},
        by=SYSTEM,
        at=later(30),
    )
    assert states(case)[0] is FindingState.DECIDED
    assert [
        one.kind for one in db.session.scalars(select(Notice).where(Notice.institution_id == world.clinic.id))
    ] == [
        "letter_issued",
        "answer_accepted",
        "case_closed",
    ]


def test_a_failed_recheck_goes_up_a_level(world):
    case, county, party = opened(world), world.officer("song"), world.somebody(world.clinic)
    answered(issue(case, Level.REMINDER, by=county), by=party)
    deeds.accept_answer(case.number, "先看改正", TODAY, by=county, at=NOW)
    deeds.fail_recheck(case.number, "仍未付", by=county, at=NOW)
    assert case.state is CaseState.UNRESOLVED
    letter = issue(case, Level.INQUIRY, by=county)
    assert (letter.number, case.level) == ("嵩县医保函〔2026〕1号", Level.INQUIRY)
    assert "此前" in letter.content


def test_the_case_does_not_go_up_while_the_party_has_time(world):
    case, county, party = opened(world), world.officer("song"), world.somebody(world.clinic)
    letter = issue(case, Level.REMINDER, by=county)
    with pytest.raises(ladder.CaseStepOutOfTurn):
        issue(case, Level.INQUIRY, by=county, at=later(30))
    deeds.receive_letter(letter.id, by=party, at=NOW)
    with pytest.raises(ladder.StillTimeToAnswer):
        issue(case, Level.INQUIRY, by=county, at=later(9))
    issue(case, Level.INQUIRY, by=county, at=later(10))


def test_an_upheld_appeal_revokes_the_letter_and_waives_the_findings(world):
    case, county, party = opened(world), world.officer("song"), world.somebody(world.clinic)
    letter = issue(case, Level.REMINDER, by=county)
    deeds.receive_letter(letter.id, by=party, at=NOW)
    deeds.answer_letter(letter.id, AnswerKind.ANSWER, "说明", key=fresh_key(), by=party, at=NOW)
    with pytest.raises(deeds.NoAppeal):
        deeds.uphold_appeal(case.number, "单号录错", by=county, at=NOW)
    deeds.answer_letter(letter.id, AnswerKind.APPEAL, "不是我单位的货", key=fresh_key(), by=party, at=NOW)
    deeds.uphold_appeal(case.number, "单号录错", by=county, at=NOW)
    assert (case.state, case.outcome, letter.state) == (
        CaseState.CLOSED,
        CaseOutcome.UNFOUNDED,
        LetterState.REVOKED,
    )
    assert set(states(case)) == {FindingState.WAIVED}
    assert letter.number is not None
