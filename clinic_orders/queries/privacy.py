"""What is recorded about a person, what persons ask, and whose term is over (decision 0056)."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date, datetime
from typing import Any, Final

from sqlalchemy import ColumnElement, Select, and_, func, or_, select

from clinic_orders.models.accounts import DeviceSession, RoleAssignment, User
from clinic_orders.models.applications import Application
from clinic_orders.models.audit import AuditEntry
from clinic_orders.models.base import db
from clinic_orders.models.notices import Notice
from clinic_orders.models.privacy import PersonalRequest
from clinic_orders.models.roster import County, Distributor, InstitutionRecord
from clinic_orders.models.trainings import TrainingRecord
from clinic_orders.queries.accounts import accounts_visible_to
from clinic_orders.queries.lists import in_order, with_words
from clinic_orders.queries.policy import policy_book
from clinic_orders.rules.applications import ApplicationState
from clinic_orders.rules.errors import N_
from clinic_orders.rules.parties import Actor
from clinic_orders.rules.privacy import (
    ACCOUNT_MONTHS,
    APPLICATION_MONTHS,
    GONE,
    TRAINING_MONTHS,
    RequestKind,
    RequestState,
    kept_since,
)

SIGN_INS: Final = frozenset({"log_in", "log_out", "fail_log_in", "end_device", "end_all_sessions"})
SIGNATURES: Final = frozenset(
    {
        "accept_shipment",
        "confirm_decision",
        "confirm_payment",
        "confirm_statement",
        "countersign_letter",
        "receive_letter",
        "sign_letter",
        "sign_visit",
    }
)
"""Deeds by which somebody signs for something."""


@dataclass(frozen=True, slots=True)
class Section:
    """A part of what is recorded about a person.

    Attributes:
        name: its stable word.
        title: msgid.
        headings: msgids of the columns.
        rows: the newest first.
        total: how many there are, also where fewer rows were asked for.

    """

    name: str
    title: str
    headings: tuple[str, ...]
    rows: Sequence[tuple[Any, ...]]
    total: int


def data_of(user_id: int, name: str, *, most: int | None = None) -> list[Section]:
    """Everything that is recorded about a person, part by part; at most so many rows of each."""
    deeds = AuditEntry.user_id == user_id
    return [
        _account(user_id),
        _part("roles", N_("Roles"), (N_("Role"), N_("Organisation"), N_("Role from"), N_("Role to")), _roles(user_id), most),
        _part(
            "devices",
            N_("Log-ins on devices"),
            (N_("Logged in at"), N_("Device"), N_("Ended at")),
            select(DeviceSession.started_at, DeviceSession.device, DeviceSession.ended_at)
            .where(DeviceSession.user_id == user_id)
            .order_by(DeviceSession.id.desc()),
            most,
        ),
        _deeds("sign_ins", N_("Log-ins and failed tries"), and_(_about(user_id), AuditEntry.deed.in_(SIGN_INS)), most),
        _deeds("signatures", N_("Signed for"), and_(deeds, AuditEntry.deed.in_(SIGNATURES)), most),
        _deeds("deeds", N_("Everything else done"), and_(deeds, AuditEntry.deed.not_in(SIGN_INS | SIGNATURES)), most),
        _part(
            "notices",
            N_("Notices opened"),
            (N_("Kind of notice"), N_("Time"), N_("Read at")),
            select(Notice.kind, Notice.created_at, Notice.read_at)
            .where(Notice.read_by_id == user_id)
            .order_by(Notice.id.desc()),
            most,
        ),
        _part("trainings", N_("Trainings that name me"), (N_("Day"), N_("Subject of the training"), N_("Who took part")), _trainings(user_id, name), most),
        _part(
            "requests",
            N_("Requests about my data"),
            (N_("Asked at"), N_("What is asked"), N_("Request"), N_("State"), N_("Answer of the bureau"), N_("Answered at")),
            select(
                PersonalRequest.asked_at, PersonalRequest.kind, PersonalRequest.words, PersonalRequest.state,
                PersonalRequest.answer, PersonalRequest.answered_at,
            ).where(PersonalRequest.user_id == user_id).order_by(PersonalRequest.id.desc()),
            most,
        ),
    ]  # fmt: skip


def _about(user_id: int) -> ColumnElement[bool]:
    own = and_(AuditEntry.subject_type == "account", AuditEntry.subject_id == user_id)
    return or_(AuditEntry.user_id == user_id, own)


def _account(user_id: int) -> Section:
    user = db.session.get_one(User, user_id)
    row = (
        user.username, user.name, user.phone or "", user.created_at, user.last_login_at, user.password_changed_at,
    )  # fmt: skip
    headings = (
        N_("Log-in name"), N_("Name of the person"), N_("Telephone"), N_("Account opened at"), N_("Last log-in"), N_("Password changed at"),
    )  # fmt: skip
    return Section("account", N_("Account"), headings, [row], 1)


def _roles(user_id: int) -> Select[*tuple[Any, ...]]:
    place = func.coalesce(InstitutionRecord.name, Distributor.name, County.name)
    return (
        select(RoleAssignment.role, place, RoleAssignment.valid_from, RoleAssignment.valid_to)
        .outerjoin(
            InstitutionRecord,
            and_(
                InstitutionRecord.institution_id == RoleAssignment.institution_id,
                InstitutionRecord.valid_before.is_(None),
            ),
        )
        .outerjoin(Distributor, Distributor.id == RoleAssignment.distributor_id)
        .outerjoin(County, County.code == RoleAssignment.county_code)
        .where(RoleAssignment.user_id == user_id)
        .order_by(RoleAssignment.id.desc())
    )


def _trainings(user_id: int, name: str) -> Select[*tuple[Any, ...]]:
    own = select(RoleAssignment.institution_id).where(
        RoleAssignment.user_id == user_id, RoleAssignment.institution_id.is_not(None)
    )
    return (
        select(TrainingRecord.day, TrainingRecord.subject, TrainingRecord.persons)
        .where(
            TrainingRecord.institution_id.in_(own),
            TrainingRecord.removed_at.is_(None),
            TrainingRecord.persons.contains(name, autoescape=True),
        )
        .order_by(TrainingRecord.id.desc())
    )


def _deeds(name: str, title: str, condition: ColumnElement[bool], most: int | None) -> Section:
    headings = (N_("Time"), N_("Deed"), N_("Kind of record"), N_("Record"), N_("Organisation"))
    statement = (
        select(
            AuditEntry.at, AuditEntry.deed, AuditEntry.subject_type, AuditEntry.subject, AuditEntry.org_name
        )
        .where(condition)
        .order_by(AuditEntry.id.desc())
    )
    return _part(name, title, headings, statement, most)


def _part(
    name: str, title: str, headings: tuple[str, ...], statement: Select[*tuple[Any, ...]], most: int | None
) -> Section:
    rows = [tuple(row) for row in db.session.execute(statement.limit(most))]
    total = len(rows)
    if most is not None and total == most:
        counted = select(func.count()).select_from(statement.order_by(None).subquery())
        total = db.session.scalar(counted) or 0
    return Section(name, title, headings, rows, total)


# What persons ask.

REQUEST_SORTS: Final = ("asked", "name", "state")


@dataclass(frozen=True, slots=True)
class RequestLine:
    """One line of the list of the bureaus."""

    id: int
    user_id: int
    name: str
    username: str
    kind: RequestKind
    words: str
    state: RequestState
    asked_at: datetime
    answer: str
    answered_at: datetime | None


def _lines(actor: Actor, words: str, state: str, on: date) -> Select[*tuple[Any, ...]]:
    statement: Select[*tuple[Any, ...]] = (
        select(
            PersonalRequest.id, User.id.label("user_id"), User.name, User.username, PersonalRequest.kind,
            PersonalRequest.words, PersonalRequest.state, PersonalRequest.asked_at, PersonalRequest.answer,
            PersonalRequest.answered_at,
        )
        .join(User, User.id == PersonalRequest.user_id)
        .where(accounts_visible_to(actor, on), *with_words(words, User.name, User.username, PersonalRequest.words))
    )  # fmt: skip
    if state in set(RequestState):
        statement = statement.where(PersonalRequest.state == RequestState(state))
    return statement


def count_requests(actor: Actor, *, words: str = "", state: str = "", on: date) -> int:
    """How many requests in the actor's scope fit."""
    lines = _lines(actor, words, state, on).subquery()
    return db.session.scalar(select(func.count()).select_from(lines)) or 0


def request_lines(
    actor: Actor,
    *,
    words: str = "",
    state: str = "",
    on: date,
    sort: str = "-asked",
    limit: int | None = None,
    offset: int = 0,
) -> list[RequestLine]:
    """The requests in the actor's scope that fit."""
    columns = {"asked": PersonalRequest.asked_at, "name": User.name, "state": PersonalRequest.state}
    rows = db.session.execute(
        _lines(actor, words, state, on)
        .order_by(*in_order(sort, columns, PersonalRequest.id))
        .limit(limit)
        .offset(offset)
    )
    return [RequestLine(*tuple(row)) for row in rows]


def has_waiting_request(user_id: int) -> bool:
    """Whether a request of this person waits for its answer."""
    return db.session.scalar(
        select(PersonalRequest.id).where(
            PersonalRequest.user_id == user_id, PersonalRequest.state == RequestState.WAITING
        )
    ) is not None  # fmt: skip


# Whose term is over.


def terms(on: date) -> dict[str, int]:
    """The months of each term by the name of its parameter."""
    names = (ACCOUNT_MONTHS, APPLICATION_MONTHS, TRAINING_MONTHS)
    book = policy_book(*names)
    return {name: book.whole(name, on=on) for name in names}


def persons_to_forget(on: date) -> list[int]:
    """Closed accounts whose term is over."""
    since = kept_since(terms(on)[ACCOUNT_MONTHS], on=on)
    return list(
        db.session.scalars(
            select(User.id).where(User.disabled_at < since, User.forgotten_at.is_(None)).order_by(User.id)
        )
    )


def applications_to_forget(on: date) -> list[int]:
    """Applications that were refused, withdrawn or left lying, whose term is over and that still name persons."""
    since = kept_since(terms(on)[APPLICATION_MONTHS], on=on)
    over = (
        ApplicationState.REFUSED,
        ApplicationState.WITHDRAWN,
        ApplicationState.DRAFT,
        ApplicationState.RETURNED,
    )
    named = or_(
        Application.contact != "",
        Application.legal_rep != "",
        Application.phone != "",
        Application.signed_by.not_in(("", GONE)),
    )
    return list(
        db.session.scalars(
            select(Application.id)
            .where(Application.state.in_(over), Application.moved_at < since, named)
            .order_by(Application.id)
        )
    )


def trainings_to_forget(on: date) -> list[int]:
    """Trainings whose names are over their term."""
    since = kept_since(terms(on)[TRAINING_MONTHS], on=on)
    return list(
        db.session.scalars(
            select(TrainingRecord.id)
            .where(TrainingRecord.recorded_at < since, TrainingRecord.persons != GONE)
            .order_by(TrainingRecord.id)
        )
    )
