"""Cases: opening, drafts, letters with their numbers, reminders, figures (R-CASE)."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import date, timedelta

import pytest
from flask import Flask
from sqlalchemy import func, select

from clinic_orders import jobs
from clinic_orders.actions import cases as deeds
from clinic_orders.actions.findings import raise_findings
from clinic_orders.actions.loading import ChangedMeanwhile, NotFound
from clinic_orders.actions.roster import lift_suspension
from clinic_orders.jobs import checks
from clinic_orders.models.audit import AuditEntry
from clinic_orders.models.base import db
from clinic_orders.models.cases import CaseFile, CaseLetter
from clinic_orders.models.supervision import FindingRecord
from clinic_orders.queries import cases as queries
from clinic_orders.queries.cases import CasesWanted, Party
from clinic_orders.queries.ordering import buyer
from clinic_orders.rules import ladder
from clinic_orders.rules.days import Month
from clinic_orders.rules.finding_states import FindingNotOpen, FindingState
from clinic_orders.rules.findings import CheckRule
from clinic_orders.rules.ladder import CaseOutcome, CaseState, Level
from clinic_orders.rules.letter_requests import LetterRequest, MeetingIncomplete
from clinic_orders.rules.letters import LetterContent, Part
from clinic_orders.rules.parties import SYSTEM, NotAllowed
from clinic_orders.rules.unconfirmed import UnconfirmedParameter
from tests.cases_world import (
    NOW,
    TODAY,
    World,
    answered,
    behind,
    confirm_all,
    found,
    fresh_key,
    issue,
    later,
    make_world,
    notices,
    opened,
    overdue,
    proposed,
    request,
    short,
    slow,
    states,
)
from tests.factories import set_policy

NOVEMBER = Month(2026, 11)


@pytest.fixture(autouse=True)
def world(app: Flask) -> Iterator[World]:
    yield make_world()
    db.session.rollback()


# Opening and drafts


def test_a_case_is_opened_from_findings_against_one_party_and_holds_them(world):
    case = opened(world)
    assert (case.number, case.state, case.institution_id) == ("AJ2026-0001", CaseState.DRAFT, world.clinic.id)
    assert len(states(case)) == 2
    entry = db.session.scalars(select(AuditEntry).where(AuditEntry.deed == "open_case")).one()
    assert (entry.subject, entry.county_code, entry.after) == ("AJ2026-0001", "410325", {"findings": 2})


def test_findings_against_several_parties_make_no_case(world):
    ids = found(overdue("V01", "PS1"), overdue("P01", "PS2"))
    with pytest.raises(deeds.SeveralParties):
        deeds.open_case(ids, by=world.officer(), at=NOW)
    with pytest.raises(deeds.NothingChosen):
        deeds.open_case([], by=world.officer(), at=NOW)


def test_a_finding_stands_in_one_case(world):
    case = opened(world)
    with pytest.raises(deeds.InAnotherCase) as refused:
        deeds.open_case(found(overdue("V01", "PS1")), by=world.officer(), at=NOW)
    assert refused.value.facts["number"] == case.number


def test_a_county_opens_no_case_against_an_institution_of_another_county_or_a_distributor(world):
    (foreign, seller) = found(overdue("P01", "PS2"), slow())
    for one in (foreign, seller):
        with pytest.raises(NotFound):
            deeds.open_case([one], by=world.officer("song"), at=NOW)
    with pytest.raises(NotAllowed):
        deeds.open_case([foreign], by=world.somebody(world.pharmacy), at=NOW)


def test_what_is_not_open_comes_into_no_case(world):
    (one,) = found(short("V01"))
    db.session.get_one(FindingRecord, one).state = FindingState.DECIDED
    db.session.flush()
    with pytest.raises(FindingNotOpen):
        deeds.open_case([one], by=world.officer(), at=NOW)


def test_findings_come_into_a_draft_and_out_again_but_not_the_last_one(world):
    county = world.officer("song")
    first, second = found(overdue("V01", "PS1"), overdue("V01", "PS2"))
    case = deeds.open_case([first], by=county, at=NOW)
    deeds.add_findings(case.number, [second], by=county, at=NOW)
    deeds.remove_finding(case.number, first, by=county, at=NOW)
    with pytest.raises(deeds.LastFinding):
        deeds.remove_finding(case.number, second, by=county, at=NOW)
    with pytest.raises(deeds.NotInThisCase):
        deeds.remove_finding(case.number, first, by=county, at=NOW)
    assert [one.id for one in queries.findings_of(case.id, on=TODAY)] == [second]


def test_a_withdrawn_draft_frees_its_findings(world):
    case = opened(world)
    deeds.withdraw_case(case.number, "当天已付清", by=world.officer("song"), at=NOW)
    assert (case.state, case.outcome) == (CaseState.WITHDRAWN, CaseOutcome.DROPPED)
    again = deeds.open_case(found(overdue("V01", "PS1")), by=world.officer("song"), at=NOW)
    assert again.number == "AJ2026-0002"


def test_drafts_are_collected_by_party_and_month_and_only_once(world):
    found(overdue("V01", "PS1"), overdue("V01", "PS2"), overdue("P01", "PS3"), slow())
    parties = queries.parties_to_collect(NOVEMBER, SYSTEM, on=TODAY)
    assert parties == [
        Party(world.clinic.id, None),
        Party(world.pharmacy.id, None),
        Party(None, world.distributor.id),
    ]
    for party in parties:
        deeds.collect_case(party, NOVEMBER, by=SYSTEM, at=NOW)
    assert queries.parties_to_collect(NOVEMBER, SYSTEM, on=TODAY) == []
    assert deeds.collect_case(parties[0], NOVEMBER, by=SYSTEM, at=NOW) is None
    found(overdue("V01", "PS4"))
    again = deeds.collect_case(parties[0], NOVEMBER, by=SYSTEM, at=NOW)
    assert again is not None
    assert len(states(again)) == 3
    assert db.session.scalar(select(func.count()).select_from(CaseFile)) == 3


def test_what_is_only_a_clue_is_not_collected(world):
    (one,) = found(short("V01"))
    db.session.get_one(FindingRecord, one).grade = "clue"
    db.session.flush()
    assert queries.parties_to_collect(NOVEMBER, SYSTEM, on=TODAY) == []


def test_many_lagging_items_call_for_an_interview_and_still_need_an_officer(world):
    set_policy("volume.lagging_items", "2")
    found(behind("V01", "LY001"))
    party = Party(world.clinic.id, None)
    case = deeds.collect_case(party, NOVEMBER, by=SYSTEM, at=NOW)
    assert case is not None
    assert case.suggested_level is None
    found(behind("V01", "LY002"))
    deeds.collect_case(party, NOVEMBER, by=SYSTEM, at=NOW)
    assert (case.suggested_level, case.state) == (Level.INTERVIEW, CaseState.DRAFT)


# Letters


def test_a_letter_is_numbered_frozen_hashed_and_waits_for_its_signature(world):
    case = opened(world)
    letter = issue(case, Level.REMINDER, by=world.officer("song"))
    assert (letter.number, letter.serial) == ("嵩县医保提〔2026〕1号", 1)
    content = LetterContent.from_canonical(letter.content)
    assert content.sha256() == letter.sha256
    assert (str(content.number), content.issuer, content.addressee) == (
        letter.number,
        "嵩县医疗保障局",
        "明白川村卫生室",
    )
    assert content.token == letter.token
    facts = content.section(Part.FACTS)
    assert facts is not None
    assert "5.10元" in "".join(facts.paragraphs)
    assert (case.state, case.level, case.deadline) == (CaseState.ISSUED, Level.REMINDER, date(2026, 11, 29))
    (told,) = notices("letter_issued")
    assert (told.institution_id, told.link) == (world.clinic.id, f"/letters/{letter.id}")


def test_numbers_have_no_gaps_in_each_series_and_begin_anew_each_year(world):
    city, county = world.officer(), world.officer("song")
    for receipt in ("PS1", "PS2"):
        case = deeds.open_case(found(overdue("V01", receipt)), by=city, at=NOW)
        issue(case, Level.REMINDER, by=city)
    draft = deeds.open_case(found(overdue("V01", "PS3")), by=city, at=NOW)
    with pytest.raises(ladder.JumpNeedsReason):
        issue(draft, Level.INQUIRY, by=city)
    issue(draft, Level.REMINDER, by=city)
    own = deeds.open_case(found(overdue("V01", "PS4")), by=county, at=NOW)
    issue(own, Level.REMINDER, by=county)
    new_year = later(60)
    last = deeds.open_case(found(overdue("V01", "PS5")), by=city, at=new_year)
    issue(last, Level.REMINDER, by=city, at=new_year)
    assert list(db.session.scalars(select(CaseLetter.number).order_by(CaseLetter.id))) == [
        "洛医保提〔2026〕1号",
        "洛医保提〔2026〕2号",
        "洛医保提〔2026〕3号",
        "嵩县医保提〔2026〕1号",
        "洛医保提〔2027〕1号",
    ]


def test_the_same_form_sent_twice_issues_one_letter(world):
    case, key, city = opened(world), fresh_key(), world.officer()
    first = deeds.issue_letter(
        case.number, request(Level.REMINDER), key=key, seen_version=case.version, by=city, at=NOW
    )
    again = deeds.issue_letter(case.number, request(Level.REMINDER), key=key, seen_version=1, by=city, at=NOW)
    assert first is again
    assert len(queries.letters_of(case.id)) == 1


def test_an_old_page_issues_nothing(world):
    case = opened(world)
    seen = case.version
    deeds.add_findings(case.number, found(overdue("V01", "PS9")), by=world.officer(), at=NOW)
    with pytest.raises(ChangedMeanwhile):
        deeds.issue_letter(
            case.number,
            request(Level.REMINDER),
            key=fresh_key(),
            seen_version=seen,
            by=world.officer(),
            at=NOW,
        )


def test_from_a_bulletin_on_the_refusal_names_what_is_not_confirmed(world):
    case, city = opened(world), world.officer()
    with pytest.raises(UnconfirmedParameter) as refused:
        issue(case, Level.BULLETIN, by=city, jump_reason="多次提醒")
    assert "stocking.minimum (2026-10-31)" in refused.value.facts["parameters"]
    assert "delivery.accept_days" not in str(
        issue(case, Level.INQUIRY, by=city, jump_reason="多次提醒").content
    )


def test_a_confirmed_parameter_lets_the_letter_out_and_its_document_stands_in_it(world):
    confirm_all()
    case = deeds.open_case(found(overdue("V01", "PS1")), by=world.officer(), at=NOW)
    letter = issue(case, Level.BULLETIN, by=world.officer(), jump_reason="多次提醒")
    assert "测试" in letter.content
    assert "多次提醒" in letter.content


def test_what_was_cured_meanwhile_is_left_out_of_the_letter(world):
    ids = found(overdue("V01", "PS1"), overdue("V01", "PS2"))
    case = deeds.open_case(ids, by=world.officer(), at=NOW)
    raise_findings(TODAY, [overdue("V01", "PS2", days=21)], {CheckRule.PAYMENT_OVERDUE}, by=SYSTEM, at=NOW)
    letter = issue(case, Level.REMINDER, by=world.officer())
    assert letter.finding_ids == ids[1:]
    assert "PS1" not in letter.content


def test_a_case_in_which_all_is_cured_sends_no_letter(world):
    case = deeds.open_case(found(overdue("V01", "PS1")), by=world.officer(), at=NOW)
    raise_findings(TODAY, [], {CheckRule.PAYMENT_OVERDUE}, by=SYSTEM, at=NOW)
    with pytest.raises(deeds.NothingOpen):
        issue(case, Level.REMINDER, by=world.officer())


def test_an_interview_names_day_time_and_place(world):
    confirm_all()
    case = deeds.open_case(found(overdue("V01", "PS1")), by=world.officer(), at=NOW)
    with pytest.raises(MeetingIncomplete):
        issue(case, Level.INTERVIEW, by=world.officer(), jump_reason="滞后品规多", meeting_place=" ")
    letter = issue(case, Level.INTERVIEW, by=world.officer(), jump_reason="滞后品规多")
    assert "时间：2026年11月21日（星期六）上午9时41分。" in letter.content


def test_nobody_gets_less_time_than_the_policy_gives(world):
    case = opened(world)
    with pytest.raises(ladder.DeadlineTooEarly):
        deeds.issue_letter(
            case.number,
            ladder_request(date(2026, 11, 28)),
            key=fresh_key(),
            by=world.officer(),
            at=NOW,
        )


def ladder_request(deadline: date):
    return LetterRequest(Level.REMINDER, deadline)


def test_the_preview_is_the_letter_and_writes_nothing(world):
    case = opened(world)
    draft = deeds.letter_draft(case.number, request(Level.REMINDER), by=world.officer("song"), at=NOW)
    assert draft.is_draft
    letter = issue(case, Level.REMINDER, by=world.officer("song"))
    sent = LetterContent.from_canonical(letter.content)
    assert (draft.sections, draft.opening, draft.annexes) == (sent.sections, sent.opening, sent.annexes)


# What everybody sees, reminders, figures


def test_a_party_sees_no_draft_and_nothing_of_others(world):
    case, party = opened(world), world.somebody(world.clinic)
    everything = CasesWanted(state="all")
    assert queries.cases(party, on=TODAY, wanted=everything) == []
    letter = issue(case, Level.REMINDER, by=world.officer("song"))
    assert [one.id for one in queries.letters(party, on=TODAY)] == [letter.id]
    assert [one.number for one in queries.unsigned_letters(party)] == [letter.number]
    for other in (world.somebody(world.pharmacy), world.somebody(world.hospital), world.seller):
        assert list(queries.letters(other, on=TODAY)) == []
        assert queries.find_letter(letter.id, other, on=TODAY) is None
        assert list(queries.unsigned_letters(other)) == []


def test_the_bureau_is_told_once_that_an_answer_is_missing_and_nothing_goes_up(world):
    case, county = opened(world), world.officer("song")
    letter = issue(case, Level.REMINDER, by=county)
    deeds.receive_letter(letter.id, by=world.somebody(world.clinic), at=NOW)
    assert queries.deadlines_over(TODAY + timedelta(days=9)) == []
    over = later(10)
    assert queries.deadlines_over(over.date()) == [case.id]
    assert deeds.remind_of_case(case.id, by=SYSTEM, at=over)
    assert not deeds.remind_of_case(case.id, by=SYSTEM, at=over)
    assert queries.deadlines_over(over.date()) == []
    assert (case.state, case.level) == (CaseState.RECEIVED, Level.REMINDER)
    (told,) = notices("answer_missing")
    assert told.county_code == "410325"


def test_a_recheck_that_is_due_is_told_once(world):
    case, county = opened(world), world.officer("song")
    answered(issue(case, Level.REMINDER, by=county), by=world.somebody(world.clinic))
    deeds.accept_answer(case.number, "属实", TODAY + timedelta(days=3), by=county, at=NOW)
    assert queries.rechecks_due(TODAY + timedelta(days=2)) == []
    assert queries.rechecks_due(TODAY + timedelta(days=3)) == [case.id]
    assert deeds.remind_of_case(case.id, by=SYSTEM, at=later(3))
    assert queries.rechecks_due(TODAY + timedelta(days=9)) == []


def test_cases_are_counted_by_the_level_they_had_reached_at_a_month_s_end(world):
    city = world.officer()
    case = opened(world)
    opened_only = deeds.open_case(found(overdue("P01", "PS7")), by=city, at=NOW)
    issue(case, Level.REMINDER, by=city)
    assert opened_only.level is None
    assert queries.reached_levels(NOVEMBER) == {
        (case.institution_id, case.distributor_id): {int(Level.REMINDER): 1}
    }
    assert queries.reached_levels(Month(2026, 10)) == {}


def test_the_suspension_can_still_be_lifted_by_hand(world):
    confirm_all()
    case = proposed(world, world.clinic, Level.SUSPENSION)
    letter = deeds.countersign_letter(case.number, by=world.officer("second"), at=NOW)
    assert letter.suspension_id is not None
    lift_suspension(letter.suspension_id, lifted_on=TODAY, reason="已整改", by=world.officer(), at=NOW)
    assert buyer(world.clinic.id, institution_id=world.clinic.id, on=TODAY) is not None


def test_the_jobs_collect_the_month_before_and_tell_of_days_once(world):
    found(overdue("V01", "PS1"), overdue("P01", "PS2"))
    for _ in range(2):
        outcome = jobs.Outcome()
        checks.collect_cases(date(2026, 12, 16), later(26), outcome)
    assert (outcome.changed, db.session.scalar(select(func.count()).select_from(CaseFile))) == (0, 2)
    case = db.session.scalars(select(CaseFile).where(CaseFile.institution_id == world.clinic.id)).one()
    deeds.receive_letter(
        issue(case, Level.REMINDER, by=world.officer("song"), at=later(26)).id,
        by=world.somebody(world.clinic),
        at=later(26),
    )
    for _ in range(2):
        outcome = jobs.Outcome()
        checks.remind_of_cases(date(2026, 12, 30), later(40), outcome)
    assert (outcome.changed, len(notices("answer_missing"))) == (0, 1)
