"""The record of a visit: sent from a phone or a page, exactly once; photos; the signature that raises findings (R-CASE-5)."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import date, datetime
from typing import Any

from sqlalchemy import delete, func, select

from clinic_orders.actions.found_by_people import cure_found, raise_found
from clinic_orders.actions.inspections._common import take_visit, write_visit
from clinic_orders.actions.loading import ChangedMeanwhile, NotFound
from clinic_orders.actions.transaction import transactional
from clinic_orders.models.base import db
from clinic_orders.models.inspections import Visit, VisitAnswer, VisitPhoto, VisitSubmission
from clinic_orders.models.roster import Institution
from clinic_orders.models.supervision import FindingRecord
from clinic_orders.queries.inspections import (
    MARK_INSPECTOR,
    MARK_PARTY,
    answers_of,
    inspectors_of,
    items_of,
)
from clinic_orders.rules.attachments import AttachedFile
from clinic_orders.rules.days import day_in_china
from clinic_orders.rules.finding_states import FindingState
from clinic_orders.rules.findings import CheckRule
from clinic_orders.rules.inspection.record import (
    MOST_PHOTOS,
    SUMMARY,
    Answer,
    PartySignature,
    RecordTooLong,
    Said,
    TooManyPhotosOfVisit,
    UnknownItem,
    check_answers,
    check_signatures,
    check_visited_on,
    finding_key,
    findings_of,
)
from clinic_orders.rules.inspection.steps import (
    InspectionStepRefused,
    PlanNotRunning,
    PlanState,
    VisitState,
    VisitStep,
    check_visit_step,
)
from clinic_orders.rules.parties import Actor


@dataclass(frozen=True, slots=True)
class VisitRecord:
    """A record as it was sent.

    Attributes:
        visited_on: the day of the visit.
        answers: by code of the line.
        summary: what was seen besides.
        sign: whether it is signed now, so that it is whole and its findings stand.
        inspectors: the names that signed.
        party: who of the institution signed, or that nobody did.

    """

    visited_on: date
    answers: Mapping[str, Said]
    summary: str = ""
    sign: bool = False
    inspectors: Sequence[str] = ()
    party: PartySignature = field(default_factory=PartySignature)


@dataclass(frozen=True, slots=True)
class Sent:
    """What sending a record led to.

    Attributes:
        number: of the visit.
        state: of the visit now.
        version: of the visit now.
        again: whether this key had been taken before, so that nothing was changed.

    """

    number: str
    state: VisitState
    version: int
    again: bool


@transactional
def record_visit(
    number: str, sent: VisitRecord, *, key: str, seen_version: int, by: Actor, at: datetime
) -> Sent:
    """Take a record in, exactly once for a key; signed or not.

    Args:
        number: of the visit.
        sent: the record.
        key: made when the page was rendered; the same one again changes nothing and answers the same.
        seen_version: of the visit as the page showed it.
        by: who sends it.
        at: when it arrived.

    Raises:
        NotFound, ChangedMeanwhile, PlanNotRunning, InspectionStepRefused: it can't be taken now; nothing is lost.
        UnknownItem, RemarkMissing, AnswersMissing, RecordTooLong, VisitedInFuture: what is wrong with it.
        InspectorsMissing, PartyNotSigned: it is to be signed and is not.

    """
    visit, plan = take_visit(number, by=by, at=at, running=False)
    known = db.session.get(VisitSubmission, key)
    if known is not None:
        if known.visit_id != visit.id:
            raise NotFound(number=number)
        return Sent(number, visit.state, visit.version, again=True)
    if seen_version != visit.version:
        raise ChangedMeanwhile(number=number)
    if plan.state is not PlanState.RUNNING:
        raise PlanNotRunning
    items = items_of(plan.checklist_id)
    after = check_visit_step(VisitStep.RECORD, visit.state)
    check_answers(items, sent.answers, whole=sent.sign)
    check_visited_on(sent.visited_on, today=day_in_china(at))
    if len(sent.summary) > SUMMARY:
        raise RecordTooLong(limit=SUMMARY)
    before = answers_of(visit.id)
    _keep_answers(visit, sent, after, by=by, at=at)
    write_visit(
        visit,
        VisitStep.RECORD,
        "record_visit",
        by=by,
        at=at,
        facts=_as_sent(sent),
        before={"answers": len(before)} if before else None,
        after={"answers": len(sent.answers), "visited_on": sent.visited_on, "faults": _faults(sent)},
    )
    if sent.sign:
        _sign(visit, plan.id, items, sent, by=by, at=at)
    db.session.add(VisitSubmission(key=key, visit_id=visit.id, at=at, by_name=by.name, version=visit.version))
    db.session.flush()
    return Sent(number, visit.state, visit.version, again=False)


def _faults(sent: VisitRecord) -> int:
    return sum(said.answer is Answer.NO for said in sent.answers.values())


def _as_sent(sent: VisitRecord) -> dict[str, Any]:
    return {
        "visited_on": sent.visited_on.isoformat(),
        "answers": {code: [said.answer.value, said.remark] for code, said in sent.answers.items()},
        "summary": sent.summary,
    }


def _keep_answers(visit: Visit, sent: VisitRecord, after: VisitState, *, by: Actor, at: datetime) -> None:
    db.session.execute(delete(VisitAnswer).where(VisitAnswer.visit_id == visit.id))
    db.session.add_all(
        VisitAnswer(visit_id=visit.id, code=code, answer=said.answer, remark=said.remark.strip())
        for code, said in sent.answers.items()
    )
    visit.state, visit.visited_on, visit.summary = after, sent.visited_on, sent.summary.strip()
    visit.recorded_at, visit.recorded_by_id, visit.recorded_by_name = at, by.user_id, by.name
    visit.party_name, visit.party_post = sent.party.name.strip()[:40], sent.party.post.strip()[:40]
    visit.party_refused, visit.refusal = sent.party.refused, sent.party.refusal.strip()[:300]
    db.session.flush()


def _sign(
    visit: Visit, plan_id: int, items: Mapping[str, Any], sent: VisitRecord, *, by: Actor, at: datetime
) -> None:
    """Sign the record: findings stand, and what is so at a second look is cured."""
    named = [one.name for one in inspectors_of(plan_id) if one.place in visit.inspectors]
    names, party = check_signatures(sent.inspectors or named, sent.party)
    visit.state = check_visit_step(VisitStep.SIGN, visit.state)
    visit.signed_at, visit.signed_names = at, list(names)
    visit.party_name, visit.party_post = party.name, party.post
    visit.party_refused, visit.refusal = party.refused, party.refusal
    code = db.session.get_one(Institution, visit.institution_id).code
    decided = _decided(visit, sent) if visit.follows_id is not None else set()
    found = []
    for root, mine in ((visit.root, items.keys() - decided), (visit.number, decided)):
        lines = {item: line for item, line in items.items() if item in mine}
        found += findings_of(
            root,
            lines,
            sent.answers,
            institution=code,
            visited_on=sent.visited_on,
            number=visit.number,
        )
    raise_found(CheckRule.INSPECTION, found, by=by, at=at)
    cured = 0
    if visit.follows_id is not None:
        in_order = [
            finding_key(visit.root, item)
            for item, said in sent.answers.items()
            if said.answer is not Answer.NO
        ]
        cured = cure_found(CheckRule.INSPECTION, in_order, on=sent.visited_on, by=by, at=at)
    write_visit(
        visit,
        VisitStep.SIGN,
        "sign_visit",
        by=by,
        at=at,
        after={"faults": len(found), "cured": cured, "signed_by": "、".join((*names, party.name))},
    )


def _decided(visit: Visit, sent: VisitRecord) -> set[str]:
    """The lines whose finding of the first visit a case has decided: what is still not so is a new finding."""
    keys = {finding_key(visit.root, item): item for item in sent.answers}
    rows = db.session.scalars(
        select(FindingRecord.key).where(
            FindingRecord.rule == CheckRule.INSPECTION,
            FindingRecord.key.in_(sorted(keys)),
            FindingRecord.state == FindingState.DECIDED,
        )
    )
    return {keys[key] for key in rows}


@transactional
def keep_photo(
    number: str, code: str, photo: AttachedFile, *, key: str, by: Actor, at: datetime
) -> VisitPhoto | None:
    """Keep a photo of a line of the checklist, or a drawn mark; exactly once for a key.

    Args:
        number: of the visit.
        code: of the line; "" for the place itself; ``mark-party`` or ``mark-inspector`` for a mark.
        photo: checked and stored.
        key: made on the phone, or when the page was rendered.
        by: who.
        at: when it arrived.

    Returns:
        the photo; None where the key was taken before, so that the file is needed no more.

    Raises:
        NotFound, PlanNotRunning, InspectionStepRefused, UnknownItem, TooManyPhotosOfVisit: it can't be kept.

    """
    visit, plan = take_visit(number, by=by, at=at)
    if db.session.scalar(select(VisitPhoto.id).where(VisitPhoto.key == key)) is not None:
        return None
    if visit.state in {VisitState.SIGNED, VisitState.DROPPED}:
        raise InspectionStepRefused
    if code not in {"", MARK_PARTY, MARK_INSPECTOR} and code not in items_of(plan.checklist_id):
        raise UnknownItem(code=code)
    standing = db.session.scalar(
        select(func.count())
        .select_from(VisitPhoto)
        .where(VisitPhoto.visit_id == visit.id, VisitPhoto.removed_at.is_(None))
    )
    if (standing or 0) >= MOST_PHOTOS:
        raise TooManyPhotosOfVisit(limit=MOST_PHOTOS)
    if code in {MARK_PARTY, MARK_INSPECTOR}:
        for old in db.session.scalars(
            select(VisitPhoto).where(
                VisitPhoto.visit_id == visit.id, VisitPhoto.code == code, VisitPhoto.removed_at.is_(None)
            )
        ):
            old.removed_at = at
    kept = VisitPhoto(
        visit_id=visit.id,
        key=key,
        code=code,
        name=photo.name,
        media_type=photo.media_type.value,
        size=photo.size,
        sha256=photo.sha256,
        stored_as=photo.stored_as,
        at=at,
        by_name=by.name,
    )
    db.session.add(kept)
    db.session.flush()
    return kept


@transactional
def remove_photo(number: str, photo_id: int, *, by: Actor, at: datetime) -> None:
    """Take a photo off a record that is not signed; the file stays for the history.

    Raises:
        NotFound, PlanNotRunning, InspectionStepRefused: it can't be taken off.

    """
    visit, _ = take_visit(number, by=by, at=at)
    if visit.state is VisitState.SIGNED:
        raise InspectionStepRefused
    found = db.session.scalars(
        select(VisitPhoto).where(VisitPhoto.id == photo_id, VisitPhoto.visit_id == visit.id)
    ).one_or_none()
    if found is None:
        raise NotFound(number=str(photo_id))
    found.removed_at = found.removed_at or at
    write_visit(visit, VisitStep.RECORD, "remove_photo", by=by, at=at, after={"name": found.name})
