"""Letters of a case: issued once with a number without gaps, frozen; severe ones proposed and countersigned (R-CASE-2)."""

from __future__ import annotations

import secrets
from collections.abc import Sequence
from dataclasses import replace
from datetime import datetime, timedelta
from typing import Any

from sqlalchemy import select

from clinic_orders.actions.cases._common import Hand, remark, step, take, tell_bureau, tell_party, write
from clinic_orders.actions.loading import ChangedMeanwhile
from clinic_orders.actions.numbers import next_of_year
from clinic_orders.actions.roster.institutions import close_institution
from clinic_orders.actions.roster.suspensions import suspend_institution
from clinic_orders.actions.transaction import transactional
from clinic_orders.models.base import db
from clinic_orders.models.cases import CaseAnswer, CaseFile, CaseLetter
from clinic_orders.models.roster import Institution
from clinic_orders.queries.cases import (
    content_of,
    findings_of,
    issuing_county,
    last_letter,
    standards_of,
    unconfirmed,
)
from clinic_orders.queries.findings import FindingRow
from clinic_orders.queries.policy import policy_book
from clinic_orders.queries.roster import standing
from clinic_orders.rules.days import day_in_china
from clinic_orders.rules.errors import N_, RuleBroken
from clinic_orders.rules.finding_states import FindingState
from clinic_orders.rules.ladder import (
    CaseState,
    CaseStep,
    LetterState,
    Level,
    SentBackNeedsReason,
    check_deadline,
    check_issue_level,
    check_level,
    check_may_go_up,
    check_notice_level,
    check_prior_notice,
    check_suspension_days,
    reentry_day,
)
from clinic_orders.rules.letter_requests import (
    MOST_WORDS,
    LetterRequest,
    check_length,
    check_meeting,
    series_of,
)
from clinic_orders.rules.letters import LetterContent, LetterKind, LetterNumber
from clinic_orders.rules.parties import Actor, InstitutionKind, Permission
from clinic_orders.rules.unconfirmed import check_confirmed

_REENTRY = "case.reentry_months"
_ANSWER = "case.answer_days"


class NothingOpen(RuleBroken):
    """What is cured or waived is no longer held against anybody."""

    message = N_(
        "Nothing in this case is open any more: it was cured or waived. Accept it, or withdraw the draft."
    )


class FactsChanged(RuleBroken):
    """The second officer signs what the first one proposed, as it still is."""

    message = N_(
        "Since this letter was proposed a finding in it was cured or waived, or its days have gone by. Send it back; it can be proposed anew with today's facts."
    )


def kind_of(case: CaseFile, *, at: datetime) -> InstitutionKind | None:
    """The kind of the accused institution; None for a distributor."""
    if case.institution_id is None:
        return None
    return standing(case.institution_id, on=day_in_china(at)).kind


def open_findings(case: CaseFile, *, at: datetime) -> list[FindingRow]:
    """What a letter of this instant would rest on."""
    return [one for one in findings_of(case.id, on=day_in_china(at)) if one.state is FindingState.OPEN]


def answer_days(*, at: datetime) -> int:
    """How many days a party has to answer (policy ``case.answer_days``)."""
    return policy_book(_ANSWER).whole(_ANSWER, on=day_in_china(at))


def letter_draft(number: str, request: LetterRequest, *, by: Actor, at: datetime) -> LetterContent:
    """The letter as it would go out now, for the preview: all that issuing checks, and nothing written.

    Raises:
        RuleBroken: it could not go out so.

    """
    by.need(Permission.CASES_HANDLE)
    return _checked(take(number, by=by, at=at, lock=False), request, by=by, at=at)[1]


def _checked(
    hand: Hand, request: LetterRequest, *, by: Actor, at: datetime
) -> tuple[LetterRequest, LetterContent, list[FindingRow]]:
    """The request as it is written down, the text, and the findings in it; every refusal that hangs on them."""
    case, today = hand.case, day_in_china(at)
    kind = kind_of(case, at=at)
    reached = None if case.level is None else Level(case.level)
    reason = check_level(request.level, reached, kind, reason=remark(request.jump_reason))
    check_may_go_up(case.state, deadline=case.deadline, today=today)
    check_deadline(request.deadline, issued_on=today, answer_days=answer_days(at=at))
    check_meeting(request, at=at)
    request = replace(request, jump_reason=reason, words=check_length(request.words, MOST_WORDS))
    # A notice may name the days that are intended; the decision must.
    named = request.first_day is not None or request.last_day is not None
    if request.level is Level.SUSPENSION and (named or not request.notice):
        check_suspension_days(request.first_day, request.last_day, today=today)
    if not request.notice and request.level is Level.CANCELLATION:
        request = replace(request, first_day=request.first_day or today)
        check_suspension_days(request.first_day, request.first_day, today=today)
    findings = open_findings(case, at=at)
    if not findings:
        raise NothingOpen
    standards = standards_of(findings)
    check_confirmed(request.level, [*unconfirmed(standards), *_reentry_unconfirmed(request, at)])
    return request, content_of(case, request, findings, standards, by=by, on=today), findings


def _reentry_unconfirmed(request: LetterRequest, at: datetime) -> list[str]:
    """A cancellation names the day of re-entry, so it rests on that parameter too."""
    if request.level is not Level.CANCELLATION:
        return []
    today = day_in_china(at)
    found = policy_book(_REENTRY).find(_REENTRY, on=today)
    return [] if found.confirmed else [f"{_REENTRY} ({today.isoformat()})"]


def _known(hand: Hand, key: str) -> CaseLetter | None:
    """The letter that this form has made already."""
    return db.session.scalars(
        select(CaseLetter).where(CaseLetter.form_key == key, CaseLetter.case_id == hand.case.id)
    ).one_or_none()


def _begin(
    number: str, key: str, seen_version: int | None, by: Actor, at: datetime
) -> tuple[Hand, CaseLetter | None]:
    by.need(Permission.CASES_HANDLE)
    hand = take(number, by=by, at=at)
    known = _known(hand, key)
    if known is None and seen_version is not None and seen_version != hand.case.version:
        raise ChangedMeanwhile(number=number)
    return hand, known


@transactional
def issue_letter(
    number: str,
    request: LetterRequest,
    *,
    key: str,
    seen_version: int | None = None,
    by: Actor,
    at: datetime,
) -> CaseLetter:
    """Issue a letter of the first five levels, or the prior notice of a severe one; it is frozen and numbered.

    Args:
        number: of the case.
        request: what the officer typed.
        key: made when the form was rendered; the same key always answers with the same letter.
        seen_version: of the case on the page.
        by: an officer.
        at: when.

    Raises:
        NotFound, ChangedMeanwhile, CaseStepNotAllowed: the case can't have it now.
        LevelIsSevere, LevelIsNotSevere, LevelNotOnLadder, LevelNotHigher, JumpNeedsReason, StillTimeToAnswer,
        DeadlineTooEarly, MeetingIncomplete, UnconfirmedParameter, NothingOpen: see their rules.

    """
    hand, known = _begin(number, key, seen_version, by, at)
    if known is not None:
        return known
    taken = CaseStep.GIVE_NOTICE if request.notice else CaseStep.ISSUE
    after = step(hand, taken)
    (check_notice_level if request.notice else check_issue_level)(request.level)
    request, content, findings = _checked(hand, request, by=by, at=at)
    letter = _new_letter(hand.case, request, content, findings, key, by=by, at=at)
    _send(hand, letter, content, after, county=issuing_county(hand.case, by, on=day_in_china(at)), at=at)
    _note(hand, taken, "give_notice" if request.notice else "issue_letter", letter, by=by, at=at)
    return letter


def _new_letter(
    case: CaseFile,
    request: LetterRequest,
    content: LetterContent,
    findings: Sequence[FindingRow],
    key: str,
    *,
    by: Actor,
    at: datetime,
) -> CaseLetter:
    return CaseLetter(
        case_id=case.id,
        kind=request.kind,
        level=int(request.level),
        state=LetterState.PROPOSED,
        content=content.canonical(),
        finding_ids=[one.id for one in findings],
        form_key=key,
        jump_reason=request.jump_reason,
        deadline=request.deadline,
        first_day=request.first_day,
        last_day=request.last_day,
        made_at=at,
        made_by_id=by.user_id,
        made_by_name=by.name,
    )


def _send(
    hand: Hand, letter: CaseLetter, content: LetterContent, after: CaseState, *, county: str, at: datetime
) -> None:
    """Give the letter its number, freeze it, and let the case wait for the signature."""
    case, today = hand.case, day_in_china(at)
    series = series_of(letter.kind, county)
    token = secrets.token_urlsafe(24)
    # The number is taken last: the row of its series stays locked from here to the end of the deed.
    numbered = LetterNumber(series, today.year, next_of_year(series, today.year))
    final = replace(content, number=numbered, token=token, signed_on=today)
    letter.state, letter.number, letter.token = LetterState.ISSUED, str(numbered), token
    letter.series, letter.serial = f"{series}〔{today.year}〕", numbered.serial
    letter.content, letter.sha256 = final.canonical(), final.sha256()
    letter.issued_at, letter.issued_on = at, today
    db.session.add(letter)
    case.state, case.deadline, case.recheck_on, case.reminded_of = after, letter.deadline, None, None
    case.suggested_level = None
    if letter.kind is not LetterKind.PRIOR_NOTICE:
        case.level = letter.level
    db.session.flush()
    hand.last = letter
    facts = {"number": str(numbered), "deadline": letter.deadline.isoformat(), "letter": letter.kind.value}
    tell_party("letter_issued", hand, facts, at=at)


def _note(hand: Hand, taken: CaseStep, deed: str, letter: CaseLetter, *, by: Actor, at: datetime) -> None:
    facts: dict[str, Any] = {
        "letter": letter.kind.value,
        "level": letter.level,
        "number": letter.number,
        "deadline": letter.deadline.isoformat(),
    }
    if letter.first_day is not None:
        facts |= {"first_day": letter.first_day.isoformat()}
    if letter.last_day is not None:
        facts |= {"last_day": letter.last_day.isoformat()}
    after = facts | {"findings": len(letter.finding_ids), "sha256": letter.sha256}
    write(
        hand, taken, deed, by=by, at=at, note=letter.jump_reason, letter_id=letter.id, facts=facts, after=after
    )  # fmt: skip


@transactional
def propose_letter(
    number: str,
    request: LetterRequest,
    *,
    key: str,
    seen_version: int | None = None,
    by: Actor,
    at: datetime,
) -> CaseLetter:
    """Propose a severe letter after its prior notice; it goes out when a second officer signs it.

    Raises:
        PriorNoticeMissing: the last letter was no notice of this level.
        NotFound, ChangedMeanwhile, CaseStepNotAllowed and those of ``issue_letter``: it can't be proposed now.

    """
    hand, known = _begin(number, key, seen_version, by, at)
    if known is not None:
        return known
    after = step(hand, CaseStep.PROPOSE)
    request = replace(request, notice=False)
    last = hand.letter
    check_prior_notice(
        request.level, noticed=Level(last.level) if last.kind is LetterKind.PRIOR_NOTICE else None
    )
    # The reason for leaving a level out was given with the notice.
    request = replace(request, jump_reason=request.jump_reason or last.jump_reason)
    request, content, findings = _checked(hand, request, by=by, at=at)
    letter = _new_letter(hand.case, request, content, findings, key, by=by, at=at)
    db.session.add(letter)
    db.session.flush()
    hand.case.state, hand.last = after, letter
    _note(hand, CaseStep.PROPOSE, "propose_letter", letter, by=by, at=at)
    tell_bureau("letter_proposed", hand, {"letter": letter.kind.value, "officer": by.name}, at=at)
    return letter


@transactional
def countersign_letter(
    number: str, *, seen_version: int | None = None, by: Actor, at: datetime
) -> CaseLetter:
    """Sign a proposed letter as the second officer: it goes out and acts at once (R-CASE-2, R-CASE-4).

    A suspension stops ordinary orders from its first day; a cancellation ends the membership.

    Raises:
        NotFound, ChangedMeanwhile, CaseStepNotAllowed: it can't be signed, or not by this officer.
        FactsChanged: what was proposed is no longer so.
        UnconfirmedParameter, SuspensionOverlaps, NotAMember: it can't act.

    """
    by.need(Permission.CASES_HANDLE)
    hand = take(number, by=by, at=at)
    last = hand.last
    if last is not None and last.second_id is not None and last.second_id == by.user_id:
        # The same officer pressed twice: it was signed and sent already.
        return last
    if seen_version is not None and seen_version != hand.case.version:
        raise ChangedMeanwhile(number=number)
    after = step(hand, CaseStep.COUNTERSIGN)
    letter, today = hand.letter, day_in_china(at)
    findings = [one for one in findings_of(hand.case.id, on=today) if one.id in letter.finding_ids]
    stale = any(one.state is not FindingState.OPEN for one in findings)
    if stale or (letter.first_day is not None and letter.first_day < today):
        raise FactsChanged
    level = Level(letter.level)
    request = LetterRequest(level, letter.deadline)
    check_confirmed(level, [*unconfirmed(standards_of(findings)), *_reentry_unconfirmed(request, at)])
    try:
        check_deadline(letter.deadline, issued_on=today, answer_days=answer_days(at=at))
    except RuleBroken as gone:
        raise FactsChanged from gone
    letter.second_id, letter.second_name, letter.second_at = by.user_id, by.name, at
    content = LetterContent.from_canonical(letter.content)
    _send(hand, letter, content, after, county="", at=at)
    _act(hand, letter, by=by, at=at)
    _note(hand, CaseStep.COUNTERSIGN, "countersign_letter", letter, by=by, at=at)
    return letter


def _act(hand: Hand, letter: CaseLetter, *, by: Actor, at: datetime) -> None:
    """What a severe letter does to the party's rights."""
    if hand.case.institution_id is None:
        return
    code = db.session.get_one(Institution, hand.case.institution_id).code
    number = letter.number or ""
    if letter.kind is LetterKind.SUSPENSION and letter.first_day and letter.last_day:
        reason = LetterContent.from_canonical(letter.content).opening
        suspension = suspend_institution(
            code,
            first_day=letter.first_day,
            last_day=letter.last_day,
            reason=reason,
            document_no=number,
            by=by,
            at=at,
        )
        letter.suspension_id = suspension.id
    elif letter.kind is LetterKind.CANCELLATION and letter.first_day:
        close_institution(code, letter.first_day - timedelta(days=1), by=by, at=at)
        months = policy_book(_REENTRY).whole(_REENTRY, on=day_in_china(at))
        letter.reentry_from = reentry_day(letter.first_day, months)
    db.session.flush()


@transactional
def send_letter_back(
    number: str, reason: str, *, seen_version: int | None = None, by: Actor, at: datetime
) -> CaseFile:
    """Do not sign a proposed letter, and say why; the case is where it was before.

    Raises:
        NotFound, ChangedMeanwhile, CaseStepNotAllowed: there is nothing to send back, or not by this officer.
        SentBackNeedsReason, TextTooLong: what is wrong with the reason.

    """
    by.need(Permission.CASES_HANDLE)
    hand = take(number, by=by, at=at, seen_version=seen_version)
    step(hand, CaseStep.SEND_BACK)
    said = remark(reason)
    if not said:
        raise SentBackNeedsReason
    letter = hand.letter
    letter.state = LetterState.SENT_BACK
    letter.second_id, letter.second_name, letter.second_at = by.user_id, by.name, at
    db.session.flush()
    notice = last_letter(hand.case.id)
    answered = notice is not None and db.session.scalar(
        select(CaseAnswer.id).where(CaseAnswer.letter_id == notice.id).limit(1)
    )
    hand.case.state = CaseState.ANSWERED if answered else CaseState.RECEIVED
    write(hand, CaseStep.SEND_BACK, "send_letter_back", by=by, at=at, note=said, letter_id=letter.id,
          facts={"letter": letter.kind.value}, after={"reason": said})  # fmt: skip
    tell_bureau(
        "letter_sent_back", hand, {"letter": letter.kind.value, "officer": by.name, "reason": said}, at=at
    )
    return hand.case
