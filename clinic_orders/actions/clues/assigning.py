"""Assign clues, ask institutions to check themselves, give more time (R-TRACE-3)."""

from __future__ import annotations

from collections.abc import Collection
from datetime import date, datetime

from sqlalchemy import select

from clinic_orders.actions.clues._common import Hand, in_hand, remark, step, take_as_bureau, tell_party, write
from clinic_orders.actions.loading import NotFound
from clinic_orders.actions.numbers import next_of_year
from clinic_orders.actions.transaction import transactional
from clinic_orders.models.base import db
from clinic_orders.models.clues import Clue, ClueParty, IssuedClue
from clinic_orders.models.supervision import FindingInstitution, FindingRecord
from clinic_orders.queries.clues.visible import county_of_all, issued_visible_to
from clinic_orders.queries.findings import findings_visible_to
from clinic_orders.queries.policy import policy_book
from clinic_orders.rules.clues import CLUE_RULES, OF_A_PACK, ClueSide, ClueState, ClueStep, NobodyToAsk
from clinic_orders.rules.days import day_in_china
from clinic_orders.rules.errors import N_, RuleBroken
from clinic_orders.rules.finding_states import FindingNotOpen, FindingState
from clinic_orders.rules.ladder import check_deadline
from clinic_orders.rules.letter_requests import check_length
from clinic_orders.rules.parties import Actor, Permission, Role

_SERIES = "XS"  # 线索
_ANSWER = "case.answer_days"
_TEAM = 64


class NoClue(RuleBroken):
    """Only T1 to T10 are clues on trace codes."""

    message = N_("This finding is no clue on trace codes. Open a case, or waive it with a reason.")


class AssignedAlready(RuleBroken):
    """A finding, and a clue from above, is looked into once."""

    message = N_("This is being looked into already, as clue %(number)s. Go on there.")


class TeamMissing(RuleBroken):
    """Somebody is in charge."""

    message = N_("Say who looks into it: a person or a task force.")


class CityAssigns(RuleBroken):
    """Several counties together are the city's."""

    message = N_(
        "This clue is about institutions of several counties. The city bureau assigns it; you can help with checks there."
    )


def answer_days(*, at: datetime) -> int:
    """How many days an institution has for its self-check at least (policy ``case.answer_days``)."""
    return policy_book(_ANSWER).whole(_ANSWER, on=day_in_china(at))


def _team(name: str) -> str:
    said = check_length(name, _TEAM)
    if not said:
        raise TeamMissing
    return said


def _issued(batch: str, number: str, *, by: Actor, at: datetime) -> IssuedClue:
    row = IssuedClue
    found = db.session.scalars(
        select(row).where(
            row.issued_batch == batch,
            row.clue_no == number,
            row.replaced_at.is_(None),
            issued_visible_to(by, day_in_china(at)),
        )
    ).one_or_none()
    if found is None:
        raise NotFound(number=f"{batch} {number}")
    return found


def _finding(finding_id: int, *, by: Actor, at: datetime) -> FindingRecord:
    found = db.session.scalars(
        select(FindingRecord)
        .where(FindingRecord.id == finding_id, findings_visible_to(by, day_in_china(at)))
        .with_for_update()
        .execution_options(populate_existing=True)
    ).one_or_none()
    if found is None:
        raise NotFound(number=str(finding_id))
    if found.rule not in CLUE_RULES:
        raise NoClue
    if found.state is not FindingState.OPEN:
        raise FindingNotOpen
    return found


def _own_finding(code: str, institution_id: int | None) -> FindingRecord | None:
    """Our own open finding on the code of a clue from above that nobody looks into yet; the oldest counts."""
    record = FindingRecord
    statement = (
        select(record)
        .outerjoin(Clue, Clue.finding_id == record.id)
        .where(
            record.rule.in_(OF_A_PACK),
            record.key == code,
            record.state == FindingState.OPEN,
            Clue.id.is_(None),
        )
        .order_by(record.first_seen, record.id)
        .with_for_update(of=record)
        .execution_options(populate_existing=True)
    )
    for found in db.session.scalars(statement):
        if institution_id is None or institution_id in institutions_of_finding(found):
            return found
    return None


def _from_above(code: str, *, by: Actor, at: datetime) -> IssuedClue | None:
    """A clue from above on the code of our own finding that nobody looks into yet; the oldest counts."""
    row = IssuedClue
    statement = (
        select(row)
        .outerjoin(Clue, (Clue.issued_batch == row.issued_batch) & (Clue.issued_no == row.clue_no))
        .where(
            row.code == code,
            row.replaced_at.is_(None),
            Clue.id.is_(None),
            issued_visible_to(by, day_in_china(at)),
        )
        .order_by(row.issued_on, row.id)
        .limit(1)
    )
    return db.session.scalars(statement).one_or_none()


def institutions_of_finding(found: FindingRecord) -> list[int]:
    """Whom a finding is about: the institution that it names, or those where its pack was sold."""
    if found.institution_id is not None:
        return [found.institution_id]
    place = FindingInstitution
    return list(
        db.session.scalars(
            select(place.institution_id).where(place.finding_id == found.id).order_by(place.institution_id)
        )
    )


def _refuse_known(finding: FindingRecord | None, issued: IssuedClue | None) -> None:
    for condition in (
        [Clue.finding_id == finding.id] if finding is not None else [],
        [Clue.issued_batch == issued.issued_batch, Clue.issued_no == issued.clue_no]
        if issued is not None
        else [],
    ):
        if condition:
            number = db.session.scalars(select(Clue.number).where(*condition)).one_or_none()
            if number is not None:
                raise AssignedAlready(number=number)


@transactional
def assign_clue(
    team: str,
    *,
    finding_id: int | None = None,
    issued: tuple[str, str] | None = None,
    by: Actor,
    at: datetime,
) -> Clue:
    """Put somebody in charge of a finding T1 to T10, or of a clue from above (batch and number in it).

    The two are brought together where they are about one code and one institution.

    Raises:
        NotFound, FindingNotOpen, NoClue: there is nothing to look into, or not for this actor.
        AssignedAlready: it is looked into.
        TeamMissing, TextTooLong: what is wrong with the name.
        CityAssigns: it is about several counties.

    """
    by.need(Permission.CLUES_HANDLE)
    said = _team(team)
    finding = _finding(finding_id, by=by, at=at) if finding_id is not None else None
    above = _issued(*issued, by=by, at=at) if issued is not None else None
    _refuse_known(finding, above)
    if above is not None and finding is None:
        finding = _own_finding(above.code, above.institution_id)
    elif finding is not None and above is None and finding.rule in OF_A_PACK:
        above = _from_above(finding.key, by=by, at=at)
    parties = set(institutions_of_finding(finding)) if finding is not None else set()
    if above is not None and above.institution_id is not None:
        parties.add(above.institution_id)
    today = day_in_china(at)
    county = county_of_all(parties, on=today)
    if by.role is Role.COUNTY and county != by.county_code:
        raise CityAssigns
    clue = Clue(
        number=f"{_SERIES}{today.year}-{next_of_year(_SERIES, today.year):05d}",
        finding_id=None if finding is None else finding.id,
        issued_batch=None if above is None else above.issued_batch,
        issued_no=None if above is None else above.clue_no,
        county_code=county,
        state=ClueState.ASSIGNED,
        team=said,
        assigned_at=at,
        assigned_by_id=by.user_id,
        assigned_by_name=by.name,
        moved_at=at,
    )
    db.session.add(clue)
    db.session.flush()
    db.session.add_all(ClueParty(clue_id=clue.id, institution_id=one) for one in sorted(parties))
    db.session.flush()
    write(in_hand(clue, by=by), ClueStep.ASSIGN, "assign_clue", by=by, at=at, facts={"team": said})
    return clue


@transactional
def reassign_clue(
    number: str, team: str, *, seen_version: int | None = None, by: Actor, at: datetime
) -> Clue:
    """Put somebody else in charge.

    Raises:
        NotFound, ChangedMeanwhile, ClueStepNotAllowed: it is not the actor's to give.
        TeamMissing, TextTooLong: what is wrong with the name.

    """
    hand = take_as_bureau(number, by=by, at=at, seen_version=seen_version)
    hand.clue.state = step(hand, ClueStep.REASSIGN)
    before, hand.clue.team = hand.clue.team, _team(team)
    write(hand, ClueStep.REASSIGN, "reassign_clue", by=by, at=at, facts={"team": hand.clue.team},
          before={"team": before})  # fmt: skip
    return hand.clue


@transactional
def ask_self_check(
    number: str,
    deadline: date,
    question: str = "",
    *,
    seen_version: int | None = None,
    by: Actor,
    at: datetime,
) -> Clue:
    """Ask the institutions of a clue to check themselves until a day; they are told.

    Who has answered is asked again only after the bureau's own check began; while others still answer, the new day
    holds for those.

    Args:
        number: of the clue.
        deadline: the last day to answer, ``case.answer_days`` from today at the earliest.
        question: what is asked besides, if anything.
        seen_version: of the clue on the page.
        by: an officer.
        at: when.

    Raises:
        NotFound, ChangedMeanwhile, ClueStepNotAllowed: nobody can be asked now.
        NobodyToAsk, DeadlineTooEarly, TextTooLong: see their rules.

    """
    hand = take_as_bureau(number, by=by, at=at, seen_version=seen_version)
    clue = hand.clue
    after, said = step(hand, ClueStep.ASK), remark(question)
    check_deadline(deadline, issued_on=day_in_china(at), answer_days=answer_days(at=at))
    again = clue.state is not ClueState.SELF_CHECK
    asked = [one for one in hand.parties.values() if again or one.answered_at is None]
    if not asked:
        raise NobodyToAsk
    for one in asked:
        one.asked_at, one.answered_at = at, None
    before = {"deadline": clue.deadline}
    clue.state, clue.deadline, clue.reminded_of = after, deadline, None
    write(hand, ClueStep.ASK, "ask_self_check", by=by, at=at, note=said, before=before,
          facts={"deadline": deadline.isoformat(), "institutions": len(asked)})  # fmt: skip
    _tell_asked(hand, asked, deadline, at=at)
    return clue


def _tell_asked(hand: Hand, asked: Collection[ClueParty], deadline: date, *, at: datetime) -> None:
    assert ClueSide.OFFICER in hand.sides, "the table of steps lets only officers ask"
    for one in asked:
        tell_party("clue_asked", hand, one.institution_id, {"deadline": deadline.isoformat()}, at=at)
