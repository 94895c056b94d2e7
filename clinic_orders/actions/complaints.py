"""Complaints of the public: filed and withdrawn by a citizen, looked into and answered by a bureau (R-CASE-5)."""

from __future__ import annotations

import secrets
from collections.abc import Sequence
from datetime import datetime
from typing import Any

from sqlalchemy import select
from sqlalchemy.exc import IntegrityError

from clinic_orders.actions import audit, notices
from clinic_orders.actions.found_by_people import let_go_found, raise_found
from clinic_orders.actions.loading import ChangedMeanwhile, NotFound
from clinic_orders.actions.numbers import COMPLAINT, next_numbers
from clinic_orders.actions.transaction import transactional
from clinic_orders.models.base import db
from clinic_orders.models.complaints import Complaint, ComplaintEvent, ComplaintPhoto
from clinic_orders.models.roster import County, Institution
from clinic_orders.queries.complaints import complaints_visible_to, sides_of
from clinic_orders.queries.policy import policy_book
from clinic_orders.queries.roster import institutions_of, standing
from clinic_orders.rules.attachments import AttachedFile
from clinic_orders.rules.complaints import (
    THE_PUBLIC,
    TRACKING_LENGTH,
    TRACKING_SIGNS,
    WAITING,
    AnswerMissing,
    ComplaintSide,
    ComplaintState,
    ComplaintStep,
    ComplaintText,
    NotAssignedThere,
    ReasonMissing,
    WhoIsItAbout,
    answer_by,
    check_step,
    finding_of,
    said,
    tracking_number,
)
from clinic_orders.rules.days import day_in_china
from clinic_orders.rules.findings import CheckRule, Grade
from clinic_orders.rules.parties import Actor, Permission, Role

_NOTE = 500


def _tracking() -> str:
    return "".join(secrets.choice(TRACKING_SIGNS) for _ in range(TRACKING_LENGTH))


@transactional
def file_complaint(
    text: ComplaintText,
    photos: Sequence[AttachedFile],
    *,
    key: str,
    institution_code: str = "",
    county_code: str = "",
    by: Actor,
    at: datetime,
) -> Complaint:
    """File a complaint for anybody; its county's bureau is told, the city's where no county is known.

    Args:
        text: as ``rules.complaints.check_complaint`` keeps it.
        photos: checked and stored, without what the camera wrote into them.
        key: of the form; the same one again answers with the same complaint (R-ORD-2 for orders).
        institution_code: whom it is about, where the page of an institution led here.
        county_code: where the shop is, if it was chosen.
        by: nobody by name.
        at: when.

    Raises:
        NotFound: no such institution or county.

    """
    made = select(Complaint).where(Complaint.form_key == key)
    known = db.session.scalars(made).one_or_none()
    if known is not None:
        return known
    number = next_numbers(COMPLAINT, at=at)[0]
    today = day_in_china(at)
    institution_id = _institution(institution_code, THE_PUBLIC, at=at) if institution_code else None
    if institution_id is not None:
        county_code = standing(institution_id, on=today).county_code
    elif county_code and db.session.get(County, county_code) is None:
        raise NotFound(number=county_code)
    book = policy_book("complaint.answer_days")
    days = book.whole_or_none("complaint.answer_days", on=today)
    complaint = Complaint(
        number=number,
        tracking=_tracking(),
        form_key=key,
        kind=text.kind,
        place=text.place,
        item=text.item,
        words=text.words,
        happened_on=text.happened_on,
        contact=text.contact,
        institution_id=institution_id,
        county_code=county_code or None,
        state=check_step(ComplaintStep.FILE, None, {ComplaintSide.CITIZEN}),
        filed_at=at,
        filed_on=today,
        deadline=answer_by(today, days),
        deadline_confirmed=days is not None and book.find("complaint.answer_days", on=today).confirmed,
    )
    try:
        with db.session.begin_nested():
            db.session.add(complaint)
    except IntegrityError:
        # The same form came twice at once: the other one has made the complaint and committed it.
        known = db.session.scalars(made).one_or_none()
        if known is None:
            raise
        return known
    db.session.add_all(
        ComplaintPhoto(
            complaint_id=complaint.id,
            name=one.name,
            media_type=one.media_type.value,
            size=one.size,
            sha256=one.sha256,
            stored_as=one.stored_as,
        )
        for one in photos
    )
    after = {"complaint_kind": text.kind.value, "photos": len(photos), "deadline": complaint.deadline}
    _write(complaint, ComplaintStep.FILE, "file_complaint", by=by, at=at, after=after)
    _tell("complaint_filed", complaint, at=at)
    return complaint


@transactional
def withdraw_complaint(tracking: str, *, by: Actor, at: datetime) -> Complaint:
    """Take a complaint back as the citizen who has its number, while nobody has taken it up.

    Raises:
        NotFound: no such number.
        ComplaintStepRefused: somebody looks into it already.

    """
    kept = tracking_number(tracking)
    found = db.session.execute(
        select(Complaint).where(Complaint.tracking == kept).with_for_update()
    ).scalar_one_or_none()
    if found is None:
        raise NotFound(number=tracking)
    found.state = check_step(ComplaintStep.WITHDRAW, found.state, {ComplaintSide.CITIZEN})
    found.contact = ""
    _write(found, ComplaintStep.WITHDRAW, "withdraw_complaint", by=by, at=at)
    return found


def _institution(code: str, by: Actor, *, at: datetime) -> int:
    found = db.session.scalar(
        select(Institution.id).where(
            Institution.code == code, institutions_of(by, Institution.id, day_in_china(at))
        )
    )
    if found is None:
        raise NotFound(number=code)
    return found


def _take(
    number: str, wanted: ComplaintStep, seen: int | None, *, by: Actor, at: datetime
) -> tuple[Complaint, ComplaintState]:
    """The complaint, locked, and the state to which the step leads."""
    by.need(Permission.COMPLAINTS_HANDLE)
    found = db.session.execute(
        select(Complaint)
        .where(Complaint.number == number, complaints_visible_to(by))
        .with_for_update()
        .execution_options(populate_existing=True)
    ).scalar_one_or_none()
    if found is None:
        raise NotFound(number=number)
    if seen is not None and seen != found.version:
        raise ChangedMeanwhile(number=number)
    return found, check_step(wanted, found.state, sides_of(by))


@transactional
def take_up_complaint(number: str, *, seen_version: int | None = None, by: Actor, at: datetime) -> Complaint:
    """Begin to look into a complaint; from now on the citizen can't take it back.

    Raises:
        NotFound, ChangedMeanwhile, ComplaintStepRefused: it can't be taken up by this actor now.

    """
    complaint, after = _take(number, ComplaintStep.TAKE_UP, seen_version, by=by, at=at)
    complaint.state = after
    _write(complaint, ComplaintStep.TAKE_UP, "take_up_complaint", by=by, at=at)
    return complaint


@transactional
def assign_complaint(
    number: str,
    county_code: str,
    note: str = "",
    *,
    seen_version: int | None = None,
    by: Actor,
    at: datetime,
) -> Complaint:
    """Give a complaint to a county, or hand it to the city ("").

    Raises:
        NotFound, ChangedMeanwhile, ComplaintStepRefused: it can't be given away by this actor now.
        NotAssignedThere: a county gives it to another county.
        ComplaintTooLong: the note does not fit.

    """
    complaint, after = _take(number, ComplaintStep.ASSIGN, seen_version, by=by, at=at)
    if by.role is Role.COUNTY and county_code:
        raise NotAssignedThere
    if county_code and db.session.get(County, county_code) is None:
        raise NotFound(number=county_code)
    before = {"county_code": complaint.county_code}
    complaint.state, complaint.county_code = after, county_code or None
    kept = said(note, ReasonMissing, limit=_NOTE) if note.strip() else ""
    _write(
        complaint,
        ComplaintStep.ASSIGN,
        "assign_complaint",
        by=by,
        at=at,
        note=kept,
        before=before,
        after={"county_code": complaint.county_code},
    )
    _tell("complaint_assigned", complaint, at=at)
    return complaint


@transactional
def verify_complaint(
    number: str,
    institution_code: str,
    answer: str,
    remark: str = "",
    *,
    grade: Grade = Grade.VIOLATION,
    seen_version: int | None = None,
    by: Actor,
    at: datetime,
) -> Complaint:
    """Answer that a complaint is right; it becomes a finding and can enter a case (R-CASE-5).

    Args:
        number: the bureau's.
        institution_code: whom it is about, of the roster.
        answer: what the citizen reads.
        remark: what was found, for the finding and the letter; the answer where it is empty.
        grade: a violation, or a warning.
        seen_version: the version on the page.
        by: who.
        at: when.

    Raises:
        NotFound, ChangedMeanwhile, ComplaintStepRefused: it can't be answered by this actor now.
        WhoIsItAbout, AnswerMissing, ComplaintTooLong: what is wrong.

    """
    complaint, after = _take(number, ComplaintStep.VERIFY, seen_version, by=by, at=at)
    if not institution_code.strip():
        raise WhoIsItAbout
    complaint.institution_id = _institution(institution_code.strip(), by, at=at)
    kept = said(answer, AnswerMissing)
    noted = said(remark, AnswerMissing, limit=_NOTE) if remark.strip() else kept[:_NOTE]
    finding = finding_of(
        complaint.number,
        complaint.kind,
        noted,
        institution=institution_code.strip(),
        verified_on=day_in_china(at),
        grade=grade,
    )
    (complaint.finding_id,) = raise_found(CheckRule.COMPLAINT, [finding], by=by, at=at)
    _answer(complaint, after, kept, by=by, at=at)
    _write(
        complaint,
        ComplaintStep.VERIFY,
        "verify_complaint",
        by=by,
        at=at,
        note=noted,
        after={"grade": grade.value, "answer_text": kept},
    )
    return complaint


@transactional
def refute_complaint(
    number: str, answer: str, *, seen_version: int | None = None, by: Actor, at: datetime
) -> Complaint:
    """Answer that what was complained of was not found so.

    Raises:
        NotFound, ChangedMeanwhile, ComplaintStepRefused, AnswerMissing, ComplaintTooLong: see ``verify_complaint``.

    """
    complaint, after = _take(number, ComplaintStep.REFUTE, seen_version, by=by, at=at)
    kept = said(answer, AnswerMissing)
    _answer(complaint, after, kept, by=by, at=at)
    _write(complaint, ComplaintStep.REFUTE, "refute_complaint", by=by, at=at, after={"answer_text": kept})
    return complaint


@transactional
def decline_complaint(
    number: str, answer: str, *, seen_version: int | None = None, by: Actor, at: datetime
) -> Complaint:
    """Answer that it is another office's matter, and whose.

    Raises:
        NotFound, ChangedMeanwhile, ComplaintStepRefused, AnswerMissing, ComplaintTooLong: see ``verify_complaint``.

    """
    complaint, after = _take(number, ComplaintStep.DECLINE, seen_version, by=by, at=at)
    kept = said(answer, AnswerMissing)
    _answer(complaint, after, kept, by=by, at=at)
    _write(complaint, ComplaintStep.DECLINE, "decline_complaint", by=by, at=at, after={"answer_text": kept})
    return complaint


@transactional
def reopen_complaint(
    number: str, reason: str, *, seen_version: int | None = None, by: Actor, at: datetime
) -> Complaint:
    """Take an answer back and look into the complaint again; the finding it became is let go.

    Raises:
        NotFound, ChangedMeanwhile, ComplaintStepRefused: it can't be opened by this actor now.
        ReasonMissing, ComplaintTooLong: what is wrong with the reason.
        StandsInACase: its finding stands in a case.

    """
    complaint, after = _take(number, ComplaintStep.REOPEN, seen_version, by=by, at=at)
    kept = said(reason, ReasonMissing, limit=_NOTE)
    let_go_found(CheckRule.COMPLAINT, [complaint.number], kept[:200], by=by, at=at)
    before = {"answer_text": complaint.answer, "state": complaint.state.value}
    complaint.state, complaint.finding_id = after, None
    complaint.answer, complaint.answered_at = "", None
    complaint.answered_by_id, complaint.answered_by_name = None, ""
    _write(
        complaint,
        ComplaintStep.REOPEN,
        "reopen_complaint",
        by=by,
        at=at,
        note=kept,
        before=before,
        after={"reason": kept},
    )
    return complaint


@transactional
def remind_of_complaint(number: str, *, by: Actor, at: datetime) -> bool:
    """Tell the bureau once that the last day to answer a complaint has come; whether it was told."""
    by.need(Permission.JOBS_RUN)
    found = db.session.execute(
        select(Complaint)
        .where(Complaint.number == number)
        .with_for_update()
        .execution_options(populate_existing=True)
    ).scalar_one()
    day = found.deadline if found.deadline_confirmed else None
    if found.state not in WAITING or day is None or day > day_in_china(at) or found.reminded_of == day:
        return False
    found.reminded_of = day
    db.session.flush()
    notices.tell(
        "complaint_due",
        at=at,
        facts={"number": found.number, "place": found.place, "day": day.isoformat()},
        link=f"/complaints/{found.number}",
        county_code=found.county_code,
    )
    audit.record(
        "remind_of_complaint",
        by=by,
        at=at,
        subject_type="complaint",
        subject_id=found.id,
        subject=found.number,
        county_code=found.county_code,
        after={"deadline": day},
    )
    return True


def _answer(complaint: Complaint, after: ComplaintState, answer: str, *, by: Actor, at: datetime) -> None:
    complaint.state, complaint.answer, complaint.answered_at = after, answer, at
    complaint.answered_by_id, complaint.answered_by_name = by.user_id, by.name
    # Nobody needs the telephone number any more.
    complaint.contact = ""


def _write(
    complaint: Complaint,
    step: ComplaintStep,
    deed: str,
    *,
    by: Actor,
    at: datetime,
    note: str = "",
    before: dict[str, Any] | None = None,
    after: dict[str, Any] | None = None,
) -> None:
    db.session.add(
        ComplaintEvent(
            complaint_id=complaint.id, step=step, at=at, by_id=by.user_id, by_name=by.name, note=note
        )
    )
    db.session.flush()
    audit.record(
        deed,
        by=by,
        at=at,
        subject_type="complaint",
        subject_id=complaint.id,
        subject=complaint.number,
        county_code=complaint.county_code,
        before=before,
        after=after,
    )


def _tell(kind: str, complaint: Complaint, *, at: datetime) -> None:
    notices.tell(
        kind,
        at=at,
        facts={"number": complaint.number, "place": complaint.place},
        link=f"/complaints/{complaint.number}",
        county_code=complaint.county_code,
    )


__all__ = [
    "assign_complaint",
    "decline_complaint",
    "file_complaint",
    "refute_complaint",
    "remind_of_complaint",
    "reopen_complaint",
    "take_up_complaint",
    "verify_complaint",
    "withdraw_complaint",
]
