"""One application: who may read it, what it says, what is missing, what policy asks on a day."""

from __future__ import annotations

import hashlib
import hmac
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date
from decimal import Decimal

from sqlalchemy import ColumnElement, and_, false, func, or_, select

from clinic_orders.models.applications import (
    Application,
    ApplicationEvent,
    ApplicationFile,
    ApplicationStore,
)
from clinic_orders.models.base import db
from clinic_orders.models.pharmacies import DesignatedPharmacy
from clinic_orders.models.roster import County
from clinic_orders.queries.cases.reentry import Bar, reentry_bars_by_uscc
from clinic_orders.queries.policy import policy_book
from clinic_orders.rules.applications import (
    REQUIRED_FILES,
    ApplicationSide,
    ApplicationState,
    Declared,
    Met,
    NegativeFact,
    Part,
    conditions,
    newest,
    parts_of,
)
from clinic_orders.rules.parties import Actor, InstitutionKind, Permission, Role

SEEN_BY_BUREAU = frozenset(ApplicationState) - {ApplicationState.DRAFT}
"""Drafts are the applicant's own."""


@dataclass(frozen=True, slots=True)
class Terms:
    """What policy says about applications on a day.

    Attributes:
        window: the rule of the window, None = always open.
        lookback_months: of the negative list.
        notice_days: of the published list.
        least_metres, least_people: of pharmacies.
        cap: the highest markup rate of the kind; None where none is set.

    """

    window: str | None
    lookback_months: int
    notice_days: int
    least_metres: int
    least_people: int
    cap: Decimal | None


def terms(kind: InstitutionKind, *, on: date) -> Terms:
    """The policy of a day for a kind; one statement."""
    book = policy_book(
        "roster.window",
        "roster.lookback_months",
        "roster.notice_days",
        "roster.pharmacy_distance_m",
        "roster.pharmacy_people",
        "markup.cap",
    )
    window = book.find("roster.window", on=on).value
    return Terms(
        window=None if window is None else str(window),
        lookback_months=book.whole("roster.lookback_months", on=on),
        notice_days=book.whole("roster.notice_days", on=on),
        least_metres=book.whole("roster.pharmacy_distance_m", on=on),
        least_people=book.whole("roster.pharmacy_people", on=on),
        cap=book.decimal_or_none("markup.cap", kind=kind, on=on),
    )


def county_name(code: str) -> str:
    """The name of a county."""
    return db.session.scalar(select(County.name).where(County.code == code)) or code


def all_counties() -> list[tuple[str, str]]:
    """Every county, code and name, for whoever applies."""
    return [
        (code, name)
        for code, name in db.session.execute(select(County.code, County.name).order_by(County.code))
    ]


def application_for_applicant(number: str, secret: str) -> Application | None:
    """The application that a number and its secret open; the secret is compared in constant time."""
    found = db.session.scalar(select(Application).where(Application.number == number.strip().upper()))
    given = hashlib.sha256(secret.strip().lower().encode()).hexdigest()
    kept = found.secret_sha256 if found is not None else "0" * 64
    return found if hmac.compare_digest(given, kept) else None


def application_by_number(number: str) -> Application | None:
    """An application whose holder has shown the secret in this session already."""
    return db.session.scalar(select(Application).where(Application.number == number))


def applications_visible_to(actor: Actor) -> ColumnElement[bool]:
    """The applications that an officer may read: sent ones, a county its own."""
    sent = Application.state.in_(SEEN_BY_BUREAU) & Application.submitted_at.is_not(None)
    if not actor.may(Permission.APPLICATIONS_HANDLE):
        return false()
    if actor.role is Role.COUNTY:
        return and_(sent, Application.county_code == actor.county_code)
    return sent


def find_application(number: str, actor: Actor) -> Application | None:
    """An application that the officer may read; a foreign one looks like none."""
    return db.session.scalar(
        select(Application).where(Application.number == number, applications_visible_to(actor))
    )


def sides_of(actor: Actor, application: Application) -> frozenset[ApplicationSide]:
    """What an officer is to an application."""
    if actor.role is Role.COUNTY and actor.county_code == application.county_code:
        return frozenset({ApplicationSide.COUNTY})
    if actor.role is Role.CITY:
        first = application.decided_by_id is not None and application.decided_by_id == actor.user_id
        return frozenset({ApplicationSide.CITY} if first else {ApplicationSide.CITY, ApplicationSide.SECOND})
    return frozenset()


def events_of(application_id: int) -> Sequence[ApplicationEvent]:
    """What happened to it, in order."""
    return db.session.scalars(
        select(ApplicationEvent)
        .where(ApplicationEvent.application_id == application_id)
        .order_by(ApplicationEvent.id)
    ).all()


def files_of(application_id: int) -> Sequence[ApplicationFile]:
    """The papers that are attached now, by use."""
    return db.session.scalars(
        select(ApplicationFile)
        .where(ApplicationFile.application_id == application_id, ApplicationFile.removed_at.is_(None))
        .order_by(ApplicationFile.use, ApplicationFile.id)
    ).all()


def file_of(application_id: int, file_id: int) -> ApplicationFile | None:
    """One attached paper of an application."""
    return db.session.scalar(
        select(ApplicationFile).where(
            ApplicationFile.application_id == application_id, ApplicationFile.id == file_id
        )
    )


def stores_of(application_id: int) -> Sequence[ApplicationStore]:
    """The stores of a chain, by code."""
    return db.session.scalars(
        select(ApplicationStore)
        .where(ApplicationStore.application_id == application_id)
        .order_by(ApplicationStore.nhsa_code)
    ).all()


def declared(application: Application) -> dict[NegativeFact, Declared]:
    """The negative list as the applicant answered it."""
    found = {}
    for fact in NegativeFact:
        said = application.facts.get(fact.value)
        if said is not None:
            day = said.get("day")
            found[fact] = Declared(bool(said["holds"]), date.fromisoformat(day) if day else None)
    return found


def missing_parts(application: Application, *, on: date) -> list[Part]:
    """The parts that are not complete yet, in the order of the form."""
    held = {
        Part.UNIT: bool(
            application.address
            and application.uscc
            and application.licence_no
            and application.legal_rep
            and application.contact
            and application.phone
        ),
        Part.PLACE: application.lng is not None
        and (application.kind is not InstitutionKind.RETAIL_PHARMACY or application.people is not None),
        Part.STORES: not application.chain
        or bool(
            db.session.scalar(
                select(ApplicationStore.id).where(ApplicationStore.application_id == application.id).limit(1)
            )
        ),
        Part.FACTS: len(declared(application)) == len(NegativeFact),
        Part.FILES: set(REQUIRED_FILES)
        <= set(
            db.session.scalars(
                select(ApplicationFile.use).where(
                    ApplicationFile.application_id == application.id, ApplicationFile.removed_at.is_(None)
                )
            )
        ),
        Part.LETTER: application.signed_at is not None and application.letter_version == newest(on).version,
    }
    return [part for part in parts_of(chain=application.chain) if not held[part]]


def conditions_of(application: Application, asked: Terms) -> list[Met]:
    """The conditions with a figure, as they stand: what was found beside what policy asks."""
    return conditions(
        application.kind,
        metres=application.nearest_m,
        people=application.people,
        least_metres=asked.least_metres,
        least_people=asked.least_people,
    )


def store_conditions(store: ApplicationStore, asked: Terms) -> list[Met]:
    """The same of a chain's store."""
    return conditions(
        InstitutionKind.RETAIL_PHARMACY,
        metres=store.nearest_m,
        people=store.people,
        least_metres=asked.least_metres,
        least_people=asked.least_people,
    )


def pharmacies_known() -> int:
    """How many designated pharmacies the imported list has."""
    return (
        db.session.scalar(
            select(func.count())
            .select_from(DesignatedPharmacy)
            .where(DesignatedPharmacy.replaced_at.is_(None))
        )
        or 0
    )


def barred_until(uscc: str, *, on: date) -> Bar | None:
    """The cancellation that keeps whoever has this identity code out on a day (R-CASE-4); the one that lasts longest."""
    bars = [bar for bar in reentry_bars_by_uscc({uscc}).get(uscc, ()) if bar.cancelled_from <= on < bar.until]
    return max(bars, key=lambda bar: bar.until, default=None)


def other_application(uscc: str, but_for: int) -> str | None:
    """The number of another application under way with the same identity code."""
    under_way = (
        ApplicationState.SUBMITTED,
        ApplicationState.RETURNED,
        ApplicationState.ASSESSED,
        ApplicationState.PROPOSED,
        ApplicationState.PUBLISHED,
    )
    return db.session.scalar(
        select(Application.number)
        .where(
            Application.uscc == uscc,
            Application.id != but_for,
            or_(*(Application.state == state for state in under_way)),
            Application.submitted_at.is_not(None),
        )
        .limit(1)
    )
