"""Open cases from findings, by hand or collected by party and month; change and withdraw drafts (R-CASE-1, R-CASE-2)."""

from __future__ import annotations

from collections.abc import Collection, Iterable, Sequence
from datetime import datetime

from sqlalchemy import delete, select

from clinic_orders.actions.cases._common import Hand, remark, step, take, write
from clinic_orders.actions.loading import NotFound
from clinic_orders.actions.numbers import next_of_year
from clinic_orders.actions.transaction import transactional
from clinic_orders.models.base import db
from clinic_orders.models.cases import CaseFile, CaseFinding
from clinic_orders.models.roster import Distributor, Institution
from clinic_orders.models.supervision import FindingRecord
from clinic_orders.queries.cases import (
    Party,
    accused,
    draft_of,
    findings_to_collect,
    lagging_items,
    sides_of,
)
from clinic_orders.queries.findings import findings_visible_to
from clinic_orders.queries.policy import policy_book
from clinic_orders.rules.days import Month, day_in_china
from clinic_orders.rules.errors import N_, RuleBroken
from clinic_orders.rules.finding_states import FindingNotOpen, FindingState
from clinic_orders.rules.ladder import (
    CaseOutcome,
    CaseState,
    CaseStep,
    Level,
)
from clinic_orders.rules.parties import Actor, Permission

_SERIES = "AJ"  # 案件


class NothingChosen(RuleBroken):
    """A case is about something."""

    message = N_("Choose at least one finding.")


class SeveralParties(RuleBroken):
    """A case is against one party; a letter about another's matters would tell its business."""

    message = N_("The findings are against several parties. Open a case for each.")


class AboutNobody(RuleBroken):
    """Some clues are about a code that turned up in several places; nobody is accused by them."""

    message = N_("A finding chosen here accuses nobody yet. Look into it first; a case needs a party.")


class InAnotherCase(RuleBroken):
    """A finding stands in one case."""

    message = N_("A finding stands in case %(number)s already. Go on there, or leave it out here.")


class LastFinding(RuleBroken):
    """A draft without findings is withdrawn, not emptied."""

    message = N_("This is the last finding of the draft. Withdraw the draft instead.")


class NotInThisCase(RuleBroken):
    """There is nothing to take out."""

    message = N_("This finding is not in the case.")


def _locked(party: Party) -> None:
    """One at a time for a party, so that no two drafts collect the same."""
    model = Institution if party.institution_id is not None else Distributor
    wanted = party.institution_id if party.institution_id is not None else party.distributor_id
    db.session.execute(select(model.id).where(model.id == wanted).with_for_update())


def _chosen(finding_ids: Collection[int], *, by: Actor, at: datetime) -> Sequence[FindingRecord]:
    """Open findings that the actor may see and that stand in no case.

    Raises:
        NothingChosen, NotFound, FindingNotOpen, AboutNobody, InAnotherCase: they can't be taken.

    """
    if not finding_ids:
        raise NothingChosen
    found = db.session.scalars(
        select(FindingRecord)
        .where(FindingRecord.id.in_(sorted(set(finding_ids))), findings_visible_to(by, day_in_china(at)))
        .order_by(FindingRecord.id)
        .with_for_update()
        .execution_options(populate_existing=True)
    ).all()
    missing = set(finding_ids) - {one.id for one in found}
    if missing:
        raise NotFound(number=str(min(missing)))
    if any(one.state is not FindingState.OPEN for one in found):
        raise FindingNotOpen
    if any(accused(one) == Party(None, None) for one in found):
        raise AboutNobody
    other = db.session.scalars(
        select(CaseFile.number)
        .join(CaseFinding, CaseFinding.case_id == CaseFile.id)
        .where(CaseFinding.finding_id.in_([one.id for one in found]))
        .limit(1)
    ).one_or_none()
    if other is not None:
        raise InAnotherCase(number=other)
    return found


def _new(party: Party, month: str, *, by: Actor, at: datetime) -> CaseFile:
    year = day_in_china(at).year
    case = CaseFile(
        number=f"{_SERIES}{year}-{next_of_year(_SERIES, year):04d}",
        institution_id=party.institution_id,
        distributor_id=party.distributor_id,
        month=month,
        state=CaseState.DRAFT,
        opened_at=at,
        opened_by_id=by.user_id,
        opened_by_name=by.name,
        moved_at=at,
    )
    db.session.add(case)
    db.session.flush()
    return case


def _put_in(case: CaseFile, findings: Iterable[FindingRecord], *, by: Actor, at: datetime) -> list[int]:
    ids = [one.id for one in findings]
    db.session.add_all(
        CaseFinding(case_id=case.id, finding_id=number, added_at=at, added_by_name=by.name) for number in ids
    )
    db.session.flush()
    if case.state is CaseState.DRAFT:
        _suggest(case, at)
    return ids


def _suggest(case: CaseFile, at: datetime) -> None:
    """Many items behind in one institution call for an interview (R-VOL-4); it is still an officer who sends it."""
    limit = policy_book("volume.lagging_items").whole("volume.lagging_items", on=day_in_china(at))
    case.suggested_level = int(Level.INTERVIEW) if lagging_items(case.id) >= limit else None


@transactional
def open_case(finding_ids: Collection[int], *, by: Actor, at: datetime) -> CaseFile:
    """Open a case from findings against one party, as a draft.

    Raises:
        NothingChosen, SeveralParties, InAnotherCase: these findings make no case.
        NotFound, FindingNotOpen: one is not open, or not the actor's to see.

    """
    by.need(Permission.CASES_HANDLE)
    found = _chosen(finding_ids, by=by, at=at)
    parties = {accused(one) for one in found}
    if len(parties) > 1:
        raise SeveralParties
    (party,) = parties
    _locked(party)
    case = _new(party, "", by=by, at=at)
    hand = Hand(case, None, sides_of(by, case, None))
    ids = _put_in(case, found, by=by, at=at)
    write(hand, CaseStep.OPEN, "open_case", by=by, at=at, facts={"findings": len(ids)},
          after={"findings": len(ids)})  # fmt: skip
    return case


@transactional
def collect_case(party: Party, month: Month, *, by: Actor, at: datetime) -> CaseFile | None:
    """Gather the open findings of a month against a party that stand in no case into its draft of that month.

    Safe to repeat: what stands in a case already is left there.

    Returns:
        the draft; None if there is nothing to gather.

    """
    by.need(Permission.CASES_HANDLE)
    _locked(party)
    found = findings_to_collect(party, month, by, on=day_in_china(at))
    if not found:
        return None
    case = draft_of(party, str(month))
    new = case is None
    if case is None:
        case = _new(party, str(month), by=by, at=at)
    hand = Hand(case, None, sides_of(by, case, None))
    ids = _put_in(case, found, by=by, at=at)
    taken, deed = (CaseStep.OPEN, "open_case") if new else (CaseStep.ADD_FINDINGS, "add_findings")
    write(hand, taken, deed, by=by, at=at, facts={"findings": len(ids), "month": str(month)},
          after={"findings": len(ids), "month": str(month)})  # fmt: skip
    return case


@transactional
def add_findings(
    number: str, finding_ids: Collection[int], *, seen_version: int | None = None, by: Actor, at: datetime
) -> CaseFile:
    """Put more open findings against the same party into a case; the next letter tells them too.

    Raises:
        NotFound, ChangedMeanwhile, CaseStepNotAllowed: the case can't take them.
        NothingChosen, SeveralParties, InAnotherCase, FindingNotOpen: the findings can't be taken.

    """
    by.need(Permission.CASES_HANDLE)
    hand = take(number, by=by, at=at, seen_version=seen_version)
    step(hand, CaseStep.ADD_FINDINGS)
    found = _chosen(finding_ids, by=by, at=at)
    own = Party(hand.case.institution_id, hand.case.distributor_id)
    if any(accused(one) != own for one in found):
        raise SeveralParties
    ids = _put_in(hand.case, found, by=by, at=at)
    write(hand, CaseStep.ADD_FINDINGS, "add_findings", by=by, at=at, facts={"findings": len(ids)},
          after={"findings": len(ids)})  # fmt: skip
    return hand.case


@transactional
def remove_finding(
    number: str, finding_id: int, *, seen_version: int | None = None, by: Actor, at: datetime
) -> CaseFile:
    """Take a finding out of a draft; it stays open and can come into another case.

    Raises:
        NotFound, ChangedMeanwhile, CaseStepNotAllowed: the case can't be changed.
        NotInThisCase, LastFinding: nothing can be taken out.

    """
    by.need(Permission.CASES_HANDLE)
    hand = take(number, by=by, at=at, seen_version=seen_version)
    step(hand, CaseStep.REMOVE_FINDING)
    inside = set(
        db.session.scalars(select(CaseFinding.finding_id).where(CaseFinding.case_id == hand.case.id))
    )
    if finding_id not in inside:
        raise NotInThisCase
    if len(inside) == 1:
        raise LastFinding
    _take_out(hand.case, [finding_id])
    _suggest(hand.case, at)
    write(hand, CaseStep.REMOVE_FINDING, "remove_finding", by=by, at=at, facts={"finding": finding_id},
          before={"findings": len(inside)}, after={"findings": len(inside) - 1})  # fmt: skip
    return hand.case


def _take_out(case: CaseFile, finding_ids: Collection[int]) -> None:
    db.session.execute(
        delete(CaseFinding).where(CaseFinding.case_id == case.id, CaseFinding.finding_id.in_(finding_ids))
    )


@transactional
def withdraw_case(
    number: str, reason: str, *, seen_version: int | None = None, by: Actor, at: datetime
) -> CaseFile:
    """Withdraw a draft of which nothing was sent; its findings are free again.

    Raises:
        NotFound, ChangedMeanwhile, CaseStepNotAllowed: it can't be withdrawn.
        TextTooLong: the reason does not fit.

    """
    by.need(Permission.CASES_HANDLE)
    hand = take(number, by=by, at=at, seen_version=seen_version)
    after = step(hand, CaseStep.WITHDRAW)
    said = remark(reason)
    case = hand.case
    inside = db.session.scalars(select(CaseFinding.finding_id).where(CaseFinding.case_id == case.id)).all()
    _take_out(case, inside)
    case.state, case.closed_at, case.outcome = after, at, CaseOutcome.DROPPED
    write(hand, CaseStep.WITHDRAW, "withdraw_case", by=by, at=at, note=said,
          before={"findings": len(inside)}, after={"reason": said})  # fmt: skip
    return case
