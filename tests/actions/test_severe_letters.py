"""Severe letters: prior notice, second officer, suspension, cancellation, appeal (R-CASE-2, R-CASE-4)."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import date, timedelta

import pytest
from flask import Flask
from sqlalchemy import select

from clinic_orders.actions import cases as deeds
from clinic_orders.actions.findings import raise_findings
from clinic_orders.actions.roster import reopen_institution, suspend_institution
from clinic_orders.models.base import db
from clinic_orders.models.roster import Membership, Suspension
from clinic_orders.queries import cases as queries
from clinic_orders.rules import ladder
from clinic_orders.rules.findings import CheckRule
from clinic_orders.rules.ladder import AnswerKind, CaseState, Level
from clinic_orders.rules.letters import LetterKind
from clinic_orders.rules.parties import SYSTEM
from clinic_orders.rules.roster_records import SuspensionOverlaps
from clinic_orders.rules.unconfirmed import UnconfirmedParameter
from tests.cases_world import (
    NOW,
    TODAY,
    World,
    answered,
    confirm_all,
    found,
    fresh_key,
    issue,
    later,
    make_world,
    notices,
    overdue,
    proposed,
    request,
    slow,
)
from tests.factories import set_policy


@pytest.fixture(autouse=True)
def world(app: Flask) -> Iterator[World]:
    yield make_world()
    db.session.rollback()


def test_a_severe_letter_needs_its_notice_a_second_officer_and_another_person(world):
    confirm_all()
    city, second, county = world.officer(), world.officer("second"), world.officer("song")
    case = deeds.open_case(found(overdue("V01", "PS1")), by=city, at=NOW)
    with pytest.raises(ladder.LevelIsSevere):
        issue(case, Level.SUSPENSION, by=city, jump_reason="情节严重")
    with pytest.raises(ladder.CaseStepNotYours):
        issue(case, Level.SUSPENSION, by=county, notice=True, jump_reason="情节严重")
    notice = issue(case, Level.SUSPENSION, by=city, notice=True, jump_reason="情节严重")
    assert (notice.kind, case.level) == (LetterKind.PRIOR_NOTICE, None)
    answered(notice, by=world.somebody(world.clinic))
    days = {"first_day": TODAY, "last_day": TODAY + timedelta(days=29)}
    with pytest.raises(ladder.PriorNoticeMissing):
        deeds.propose_letter(
            case.number, request(Level.PROPOSAL, jump_reason="x"), key=fresh_key(), by=city, at=NOW
        )
    with pytest.raises(ladder.CaseStepNotYours):
        deeds.propose_letter(
            case.number, request(Level.SUSPENSION, **days), key=fresh_key(), by=county, at=NOW
        )
    with pytest.raises(ladder.SuspensionDaysMissing):
        deeds.propose_letter(case.number, request(Level.SUSPENSION), key=fresh_key(), by=city, at=NOW)
    draft = deeds.propose_letter(
        case.number, request(Level.SUSPENSION, **days), key=fresh_key(), by=city, at=NOW
    )
    assert (draft.number, case.state) == (None, CaseState.PROPOSED)
    with pytest.raises(ladder.SecondOfficerMissing):
        deeds.countersign_letter(case.number, by=city, at=NOW)
    letter = deeds.countersign_letter(case.number, by=second, at=NOW)
    assert deeds.countersign_letter(case.number, by=second, at=NOW) is letter
    assert (letter.number, letter.second_name) == ("洛医保停〔2026〕1号", "李慧")


def test_a_suspension_stops_orders_at_once_and_ends_by_its_date(world):
    confirm_all()
    case = proposed(world, world.clinic, Level.SUSPENSION)
    deeds.countersign_letter(case.number, by=world.officer("second"), at=NOW)
    held = db.session.scalars(select(Suspension)).one()
    assert (held.first_day, held.last_day, held.document_no) == (
        TODAY,
        TODAY + timedelta(days=29),
        "洛医保停〔2026〕1号",
    )
    assert (case.state, case.level) == (CaseState.ISSUED, Level.SUSPENSION)
    assert len(notices("suspended")) == 1


def test_a_suspension_over_another_is_refused_and_takes_no_number(world):
    confirm_all()
    case = proposed(world, world.clinic, Level.SUSPENSION)
    other = suspend_institution(
        "V01", first_day=TODAY, last_day=TODAY, reason="x", document_no="旧", by=world.officer(), at=NOW
    )
    with pytest.raises(SuspensionOverlaps):
        deeds.countersign_letter(case.number, by=world.officer("second"), at=NOW)
    db.session.rollback()
    assert other.document_no == "旧"


def test_an_upheld_appeal_gives_the_right_back(world):
    confirm_all()
    case = proposed(world, world.clinic, Level.SUSPENSION)
    letter = deeds.countersign_letter(case.number, by=world.officer("second"), at=NOW)
    answered(letter, by=world.somebody(world.clinic), kind=AnswerKind.APPEAL, at=later(2))
    deeds.uphold_appeal(case.number, "货款已付", by=world.officer(), at=later(3))
    held = db.session.scalars(select(Suspension)).one()
    assert held.lifted_on == TODAY + timedelta(days=3)


def test_a_cancelled_institution_comes_back_only_after_its_months(world):
    confirm_all()
    case = proposed(world, world.private, Level.CANCELLATION)
    letter = deeds.countersign_letter(case.number, by=world.officer("second"), at=NOW)
    spell = db.session.scalars(select(Membership).where(Membership.institution_id == world.private.id)).one()
    assert (spell.left_on, letter.reentry_from) == (TODAY - timedelta(days=1), date(2028, 11, 20))
    with pytest.raises(ladder.ReentryTooEarly):
        reopen_institution("M01", date(2028, 11, 19), by=world.officer(), at=NOW)
    reopen_institution("M01", date(2028, 11, 20), by=world.officer(), at=NOW)


def test_an_appeal_against_a_cancellation_makes_a_member_again(world):
    confirm_all()
    case = proposed(world, world.private, Level.CANCELLATION)
    letter = deeds.countersign_letter(case.number, by=world.officer("second"), at=NOW)
    answered(letter, by=world.somebody(world.private), kind=AnswerKind.APPEAL)
    deeds.uphold_appeal(case.number, "主体有误", by=world.officer(), at=later(2))
    spells = db.session.scalars(select(Membership).where(Membership.institution_id == world.private.id)).all()
    assert [(one.joined_on, one.left_on) for one in spells][-1] == (TODAY + timedelta(days=2), None)


def test_a_public_institution_is_not_cancelled_and_a_distributor_not_suspended(world):
    confirm_all()
    city = world.officer()
    case = deeds.open_case(found(overdue("V01", "PS1")), by=city, at=NOW)
    with pytest.raises(ladder.LevelNotOnLadder):
        issue(case, Level.CANCELLATION, by=city, notice=True, jump_reason="x")
    seller = deeds.open_case(found(slow()), by=city, at=NOW)
    with pytest.raises(ladder.LevelNotOnLadder):
        issue(seller, Level.SUSPENSION, by=city, notice=True, jump_reason="x")
    letter = issue(seller, Level.REMINDER, by=city)
    answered(letter, by=world.seller)
    assert notices("letter_answered")[0].county_code is None


def test_a_cancellation_rests_on_the_months_of_reentry(world):
    set_policy("delivery.accept_days", "2")
    case = deeds.open_case(found(overdue("M01", "PS1")), by=world.officer(), at=NOW)
    with pytest.raises(UnconfirmedParameter) as refused:
        issue(case, Level.CANCELLATION, by=world.officer(), notice=True, jump_reason="情节严重")
    assert refused.value.facts["parameters"] == "case.reentry_months (2026-11-20)"


def test_the_second_officer_sends_back_with_a_reason_and_the_first_proposes_anew(world):
    confirm_all()
    case, second = proposed(world, world.clinic, Level.SUSPENSION), world.officer("second")
    with pytest.raises(ladder.SentBackNeedsReason):
        deeds.send_letter_back(case.number, " ", by=second, at=NOW)
    deeds.send_letter_back(case.number, "天数过长", by=second, at=NOW)
    assert case.state is CaseState.ANSWERED
    days = {"first_day": TODAY, "last_day": TODAY + timedelta(days=6)}
    deeds.propose_letter(
        case.number, request(Level.SUSPENSION, **days), key=fresh_key(), by=world.officer(), at=NOW
    )
    letter = deeds.countersign_letter(case.number, by=second, at=NOW)
    assert letter.serial == 1


def test_the_second_officer_does_not_sign_what_is_no_longer_so(world):
    confirm_all()
    case = proposed(world, world.clinic, Level.SUSPENSION)
    raise_findings(TODAY, [], {CheckRule.PAYMENT_OVERDUE}, by=SYSTEM, at=NOW)
    with pytest.raises(deeds.FactsChanged):
        deeds.countersign_letter(case.number, by=world.officer("second"), at=NOW)


def test_from_the_notice_of_a_severe_step_on_the_county_only_looks_on(world):
    confirm_all()
    case = proposed(world, world.clinic, Level.SUSPENSION)
    letter = deeds.countersign_letter(case.number, by=world.officer("second"), at=NOW)
    answered(letter, by=world.somebody(world.clinic))
    with pytest.raises(ladder.CaseStepNotYours):
        deeds.accept_answer(case.number, "x", TODAY, by=world.officer("song"), at=NOW)
    assert queries.find_case(case.number, world.officer("song"), on=TODAY) is not None
    assert queries.find_case(case.number, world.officer("yi"), on=TODAY) is None
