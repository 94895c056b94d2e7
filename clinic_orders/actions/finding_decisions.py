"""What the bureau decides about findings: waived with a reason, decided with a case or a clue (R-CASE-1)."""

from __future__ import annotations

from collections.abc import Collection
from datetime import datetime
from typing import Any, Final

from sqlalchemy import select

from clinic_orders.actions import audit
from clinic_orders.actions.findings import remember
from clinic_orders.actions.loading import ChangedMeanwhile, NotFound
from clinic_orders.actions.transaction import transactional
from clinic_orders.models.base import db
from clinic_orders.models.cases import CaseFinding
from clinic_orders.models.clues import Clue
from clinic_orders.models.supervision import FindingRecord
from clinic_orders.queries.findings import findings_visible_to
from clinic_orders.rules.answering import ReasonTooLong
from clinic_orders.rules.days import day_in_china
from clinic_orders.rules.errors import N_, RuleBroken
from clinic_orders.rules.finding_states import (
    FindingNotOpen,
    FindingNotWaived,
    FindingState,
    FindingStep,
    check_waiver,
)
from clinic_orders.rules.parties import Actor, Permission

_REASON: Final = 200


class DecidedInClue(RuleBroken):
    """A finding that is looked into as a clue is decided with it."""

    message = N_("This is being looked into as clue %(number)s. Decide it there; the finding follows.")


def _for_decision(finding_id: int, seen: int | None, *, by: Actor, at: datetime) -> FindingRecord:
    by.need(Permission.FINDINGS_DECIDE)
    found = db.session.execute(
        select(FindingRecord)
        .where(FindingRecord.id == finding_id, findings_visible_to(by, day_in_china(at)))
        .with_for_update()
        .execution_options(populate_existing=True)
    ).scalar_one_or_none()
    if found is None:
        raise NotFound(number=str(finding_id))
    if seen is not None and seen != found.version:
        raise ChangedMeanwhile(number=str(finding_id))
    return found


@transactional
def waive_finding(
    finding_id: int, reason: str, *, seen_version: int | None = None, by: Actor, at: datetime
) -> FindingRecord:
    """Say as the bureau that nothing more is to be done about a finding, and why.

    Raises:
        NotFound, ChangedMeanwhile: it can't be decided by this actor now.
        FindingNotOpen: it ended, was waived or decided.
        WaiverNeedsReason, ReasonTooLong: what is wrong with the reason.

    """
    record = _for_decision(finding_id, seen_version, by=by, at=at)
    if record.state is not FindingState.OPEN:
        raise FindingNotOpen
    _refuse_in_clue(record)
    said = check_waiver(reason)
    if len(said) > _REASON:
        raise ReasonTooLong(limit=_REASON)
    record.state, record.waived_at, record.waive_reason = FindingState.WAIVED, at, said
    record.waived_by_id, record.waived_by_name = by.user_id, by.name
    remember(record, FindingStep.WAIVED, as_of=day_in_china(at), at=at, by_name=by.name, note=said)
    db.session.flush()
    _write_down(
        "waive_finding",
        record,
        by=by,
        at=at,
        before={"state": "open"},
        after={"state": "waived", "reason": said},
    )
    return record


@transactional
def take_back_waiver(
    finding_id: int, *, seen_version: int | None = None, by: Actor, at: datetime
) -> FindingRecord:
    """Open a waived finding again; the next look ends it if it is cured meanwhile.

    Raises:
        NotFound, ChangedMeanwhile: it can't be decided by this actor now.
        FindingNotWaived: nothing was waived.

    """
    record = _for_decision(finding_id, seen_version, by=by, at=at)
    if record.state is not FindingState.WAIVED:
        raise FindingNotWaived
    _refuse_in_clue(record)
    _open_again(record, by=by, at=at)
    return record


def _open_again(record: FindingRecord, *, by: Actor, at: datetime) -> None:
    record.state, record.waived_at, record.waive_reason = FindingState.OPEN, None, ""
    record.waived_by_id, record.waived_by_name = None, ""
    remember(record, FindingStep.UNWAIVED, as_of=day_in_china(at), at=at, by_name=by.name)
    db.session.flush()
    _write_down("take_back_waiver", record, by=by, at=at, before={"state": "waived"}, after={"state": "open"})


def _refuse_in_clue(record: FindingRecord) -> None:
    """What is looked into as a clue is decided there, so that the two never say different things."""
    number = db.session.scalars(select(Clue.number).where(Clue.finding_id == record.id)).one_or_none()
    if number is not None:
        raise DecidedInClue(number=number)


def settle_with_clue(finding_id: int, note: str, *, waived: bool, by: Actor, at: datetime) -> None:
    """End the finding of a clue with it: waived where it was excluded, else decided. Called inside a deed.

    What goes on in a case of the ladder is decided there; what has ended by itself stays ended.
    """
    in_case = db.session.scalars(
        select(CaseFinding.case_id).where(CaseFinding.finding_id == finding_id)
    ).one_or_none()
    if waived or in_case is None:
        settle_in_case([finding_id], note, waived=waived, by=by, at=at)


def reopen_with_clue(finding_id: int, *, by: Actor, at: datetime) -> None:
    """Open the finding of a clue again whose exclusion is taken back. Called inside a deed."""
    record = db.session.get_one(FindingRecord, finding_id, populate_existing=True, with_for_update=True)
    if record.state is FindingState.WAIVED:
        _open_again(record, by=by, at=at)


def settle_in_case(
    finding_ids: Collection[int], note: str, *, waived: bool = False, by: Actor, at: datetime
) -> int:
    """End the open findings of a case with it: decided, or waived where an appeal was upheld. Called inside a deed.

    Returns:
        how many were open; what had been cured or waived before stays so.

    """
    found = db.session.scalars(
        select(FindingRecord)
        .where(FindingRecord.id.in_(sorted(finding_ids)), FindingRecord.state == FindingState.OPEN)
        .order_by(FindingRecord.id)
        .with_for_update()
        .execution_options(populate_existing=True)
    ).all()
    said = note[:_REASON]
    for record in found:
        if waived:
            record.state, record.waived_at, record.waive_reason = FindingState.WAIVED, at, said
            record.waived_by_id, record.waived_by_name = by.user_id, by.name
        else:
            record.state = FindingState.DECIDED
        step = FindingStep.WAIVED if waived else FindingStep.DECIDED
        remember(record, step, as_of=day_in_china(at), at=at, by_name=by.name, note=said)
    db.session.flush()
    return len(found)


def _write_down(
    deed: str,
    record: FindingRecord,
    *,
    by: Actor,
    at: datetime,
    before: dict[str, Any],
    after: dict[str, Any],
) -> None:
    audit.record(
        deed,
        by=by,
        at=at,
        subject_type="finding",
        subject_id=record.id,
        subject=f"{record.rule.value} {record.key} {record.period}"[:128],
        institution_id=record.institution_id,
        distributor_id=record.distributor_id,
        before=before,
        after=after,
    )
