"""A person asks about their data, the bureau answers; what is over its term is forgotten (decision 0056)."""

from __future__ import annotations

from datetime import datetime
from typing import Any

from sqlalchemy import delete, func, select

from clinic_orders.actions import audit
from clinic_orders.actions.accounts import AccountNotFound
from clinic_orders.actions.loading import NotFound
from clinic_orders.actions.transaction import transactional
from clinic_orders.models.accounts import DeviceSession, User
from clinic_orders.models.applications import Application, ApplicationEvent, ApplicationFile
from clinic_orders.models.base import db
from clinic_orders.models.privacy import PersonalRequest
from clinic_orders.models.second_step import PaperCode, SecondStep
from clinic_orders.models.trainings import TrainingRecord
from clinic_orders.queries.accounts import accounts_visible_to
from clinic_orders.rules.applications import ApplicationSide
from clinic_orders.rules.days import day_in_china
from clinic_orders.rules.parties import Actor, Permission
from clinic_orders.rules.privacy import (
    GONE,
    RequestAnswered,
    RequestKind,
    RequestState,
    RequestWaiting,
    checked_words,
    devices_since,
    pseudonym,
)


@transactional
def ask_about_own_data(kind: RequestKind, words: str, *, by: Actor, at: datetime) -> int:
    """Ask that data about oneself be corrected, erased or explained.

    Raises:
        RequestEmpty: without words.
        RequestWaiting: the last one has not been answered.

    """
    by.need(Permission.SELF)
    found = checked_words(words)
    # Whoever asks twice at once waits here for their own first request.
    db.session.execute(select(User.id).where(User.id == by.user_id).with_for_update())
    waiting = select(PersonalRequest.id).where(
        PersonalRequest.user_id == by.user_id, PersonalRequest.state == RequestState.WAITING
    )
    if db.session.scalar(waiting) is not None:
        raise RequestWaiting
    assert by.user_id is not None
    request = PersonalRequest(
        user_id=by.user_id, kind=kind, words=found, state=RequestState.WAITING, asked_at=at
    )
    db.session.add(request)
    db.session.flush()
    _note("ask_about_own_data", by.user_id, by=by, at=at, after={"kind": kind.value})
    return request.id


@transactional
def answer_personal_request(
    request_id: int, answer: str, *, done: bool, by: Actor, at: datetime
) -> PersonalRequest:
    """Answer the request of somebody whose account the actor looks after.

    Raises:
        NotFound: there is none in the actor's scope.
        RequestAnswered, AnswerMissing: it can't be answered so.

    """
    by.need(Permission.ACCOUNTS_MANAGE)
    request = db.session.scalars(
        select(PersonalRequest)
        .join(User, User.id == PersonalRequest.user_id)
        .where(PersonalRequest.id == request_id, accounts_visible_to(by, day_in_china(at)))
        .with_for_update(of=PersonalRequest)
        .execution_options(populate_existing=True)
    ).one_or_none()
    if request is None:
        raise NotFound(number=str(request_id))
    if request.state is not RequestState.WAITING:
        raise RequestAnswered
    request.answer = checked_words(answer, answer=True)
    request.state = RequestState.DONE if done else RequestState.REFUSED
    request.answered_at, request.answered_by_name = at, by.name[:64]
    db.session.flush()
    _note("answer_personal_request", request.user_id, by=by, at=at, after={"state": request.state.value})
    return request


@transactional
def forget_person(user_id: int, *, by: Actor, at: datetime) -> None:
    """Make a closed account a number: name, log-in name, telephone, second step and log-ins go.

    The audit keeps what was sealed; whoever reads it reads the number from now on (``queries.audit``).

    Raises:
        AccountNotFound: the account is not closed, or it is a number already.

    """
    by.need(Permission.JOBS_RUN)
    user = db.session.scalars(
        select(User)
        .where(User.id == user_id, User.disabled_at.is_not(None), User.forgotten_at.is_(None))
        .with_for_update()
    ).one_or_none()
    if user is None:
        raise AccountNotFound()
    user.name, user.username, user.phone = pseudonym(user_id), f"forgotten-{user_id}", None
    user.password_hash, user.forgotten_at = "-", at
    user.session_epoch += 1
    for model in (PaperCode, SecondStep, DeviceSession):
        db.session.execute(delete(model).where(model.user_id == user_id))
    for request in db.session.scalars(select(PersonalRequest).where(PersonalRequest.user_id == user_id)):
        request.words = GONE
    db.session.flush()
    _note("forget_person", user_id, by=by, at=at, after={"forgotten_at": at})


@transactional
def forget_devices(*, by: Actor, at: datetime) -> int:
    """Erase log-ins that began before the term of log-ins; answers how many."""
    by.need(Permission.JOBS_RUN)
    old = DeviceSession.started_at < devices_since(at)
    count = db.session.scalar(select(func.count()).select_from(DeviceSession).where(old)) or 0
    if count:
        db.session.execute(delete(DeviceSession).where(old))
        audit.record("forget_devices", by=by, at=at, subject_type="device_session", after={"erased": count})
    return count


@transactional
def forget_application(application_id: int, *, by: Actor, at: datetime) -> list[str]:
    """Erase the persons of an application that was never admitted; answers which files are to be removed."""
    by.need(Permission.JOBS_RUN)
    found = db.session.get_one(Application, application_id, with_for_update=True)
    found.contact = found.legal_rep = found.phone = found.signed_device = found.signed_mark = ""
    if found.signed_at is not None:
        found.signed_by = GONE
    for event in db.session.scalars(
        select(ApplicationEvent).where(
            ApplicationEvent.application_id == application_id,
            ApplicationEvent.side == ApplicationSide.APPLICANT,
        )
    ):
        event.by_name = GONE
    files = db.session.scalars(
        select(ApplicationFile).where(ApplicationFile.application_id == application_id)
    ).all()
    names = [file.stored_as for file in files]
    for file in files:
        db.session.delete(file)
    db.session.flush()
    audit.record(
        "forget_application", by=by, at=at, subject_type="application", subject_id=found.id, subject=found.number,
        county_code=found.county_code, after={"erased": len(names)},
    )  # fmt: skip
    return names


@transactional
def forget_training(training_id: int, *, by: Actor, at: datetime) -> list[str]:
    """Erase who took part in a training; how many it were stays. Answers which file is to be removed."""
    by.need(Permission.JOBS_RUN)
    found = db.session.get_one(TrainingRecord, training_id, with_for_update=True)
    names = [found.stored_as] if found.stored_as else []
    found.persons, found.file_name, found.stored_as = GONE, "", None
    db.session.flush()
    audit.record(
        "forget_training", by=by, at=at, subject_type="training", subject_id=found.id, subject=found.subject,
        institution_id=found.institution_id,
    )  # fmt: skip
    return names


def _note(deed: str, user_id: int, *, by: Actor, at: datetime, after: dict[str, Any]) -> None:
    """An entry about a person, without their name: it is to stay readable when they are a number."""
    audit.record(
        deed, by=by, at=at, subject_type="account", subject_id=user_id, subject=str(user_id),
        institution_id=by.institution_id, distributor_id=by.distributor_id, county_code=by.county_code, after=after,
    )  # fmt: skip
