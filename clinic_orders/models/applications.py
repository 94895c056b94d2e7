"""Applications for the roster: what was filled in, signed, attached and decided (R-ROSTER-2, R-ROSTER-4)."""

from __future__ import annotations

from datetime import date, datetime
from decimal import Decimal
from typing import Any

from sqlalchemy import JSON, CheckConstraint, ForeignKey, Index, String, Text, UniqueConstraint
from sqlalchemy.orm import Mapped, mapped_column

from clinic_orders.models.base import Base, Degrees, word
from clinic_orders.rules.applications import (
    ApplicationSide,
    ApplicationState,
    ApplicationStep,
    DecisionKind,
    FileUse,
    Opinion,
)
from clinic_orders.rules.parties import InstitutionKind


class Application(Base):
    """One application. The applicant has no account: the number and a secret open it; only the secret's hash is kept.

    ``facts`` is the negative list as declared, by the word of ``rules.applications.NegativeFact``; ``nearest_m`` the
    distance to the nearest designated pharmacy when the place was recorded, with that pharmacy's name.
    ``decision`` is the last one made, valid from PROPOSED on.
    """

    __tablename__ = "application"

    id: Mapped[int] = mapped_column(primary_key=True)
    number: Mapped[str] = mapped_column(String(32), unique=True)
    secret_sha256: Mapped[str] = mapped_column(String(64))
    state: Mapped[ApplicationState] = mapped_column(word(ApplicationState))
    demo: Mapped[bool] = mapped_column(default=False)
    kind: Mapped[InstitutionKind] = mapped_column(word(InstitutionKind))
    chain: Mapped[bool] = mapped_column(default=False)
    name: Mapped[str] = mapped_column(String(200))
    county_code: Mapped[str] = mapped_column(ForeignKey("county.code"), index=True)
    township: Mapped[str] = mapped_column(String(64), default="")
    address: Mapped[str] = mapped_column(String(200), default="")
    uscc: Mapped[str] = mapped_column(String(18), default="", index=True)
    nhsa_code: Mapped[str] = mapped_column(String(32), default="")
    licence_no: Mapped[str] = mapped_column(String(64), default="")
    licence_until: Mapped[date | None]
    legal_rep: Mapped[str] = mapped_column(String(40), default="")
    contact: Mapped[str] = mapped_column(String(40), default="")
    phone: Mapped[str] = mapped_column(String(64), default="")
    business: Mapped[str] = mapped_column(Text, default="")
    lng: Mapped[Decimal | None] = mapped_column(Degrees)
    lat: Mapped[Decimal | None] = mapped_column(Degrees)
    people: Mapped[int | None]
    people_source: Mapped[str] = mapped_column(String(200), default="")
    nearest_m: Mapped[int | None]
    nearest_name: Mapped[str] = mapped_column(String(200), default="")
    facts: Mapped[dict[str, Any]] = mapped_column(JSON)
    letter_version: Mapped[str] = mapped_column(String(64), default="")
    markup_rate: Mapped[Decimal | None]
    signed_by: Mapped[str] = mapped_column(String(40), default="")
    signed_at: Mapped[datetime | None]
    signed_device: Mapped[str] = mapped_column(String(200), default="")
    signed_mark: Mapped[str] = mapped_column(Text, default="")
    opinion: Mapped[Opinion | None] = mapped_column(word(Opinion))
    decision: Mapped[DecisionKind | None] = mapped_column(word(DecisionKind))
    decided_by_id: Mapped[int | None] = mapped_column(ForeignKey("user_account.id"))
    decided_by_name: Mapped[str] = mapped_column(String(64), default="")
    published_on: Mapped[date | None]
    published_until: Mapped[date | None]
    institution_id: Mapped[int | None] = mapped_column(ForeignKey("institution.id"))
    began_at: Mapped[datetime]
    submitted_at: Mapped[datetime | None]
    moved_at: Mapped[datetime]
    form_key: Mapped[str] = mapped_column(String(64), unique=True)
    version: Mapped[int] = mapped_column(default=1)

    __mapper_args__ = {"version_id_col": version}
    __table_args__ = (
        CheckConstraint("kind IN ('private_institution', 'retail_pharmacy')", name="kinds_that_apply"),
        CheckConstraint("people IS NULL OR people >= 0", name="people_not_negative"),
        CheckConstraint("markup_rate IS NULL OR markup_rate >= 0", name="rate_not_negative"),
        CheckConstraint("(lng IS NULL) = (lat IS NULL)", name="place_is_whole"),
        CheckConstraint("(signed_at IS NULL) = (signed_by = '')", name="signed_by_somebody"),
        CheckConstraint(
            "state IN ('draft', 'returned', 'withdrawn') OR (submitted_at IS NOT NULL AND signed_at IS NOT NULL)",
            name="sent_is_signed",
        ),
        CheckConstraint(
            "state NOT IN ('assessed', 'proposed', 'published', 'refused', 'admitted') OR opinion IS NOT NULL",
            name="decided_after_opinion",
        ),
        CheckConstraint(
            "state NOT IN ('proposed', 'published', 'refused', 'admitted') OR decision IS NOT NULL",
            name="decided_has_decision",
        ),
        CheckConstraint("(published_on IS NULL) = (published_until IS NULL)", name="list_has_days"),
        CheckConstraint(
            "state NOT IN ('published', 'admitted') OR published_on IS NOT NULL",
            name="admitted_was_published",
        ),
        CheckConstraint("(state = 'admitted') = (institution_id IS NOT NULL)", name="admitted_is_enrolled"),
        Index("ix_application_state_county", "state", "county_code"),
    )


class ApplicationStore(Base):
    """A store of a chain that applies; it becomes an institution under its headquarters."""

    __tablename__ = "application_store"

    id: Mapped[int] = mapped_column(primary_key=True)
    application_id: Mapped[int] = mapped_column(ForeignKey("application.id"))
    name: Mapped[str] = mapped_column(String(200))
    county_code: Mapped[str] = mapped_column(ForeignKey("county.code"))
    nhsa_code: Mapped[str] = mapped_column(String(32))
    address: Mapped[str] = mapped_column(String(200))
    lng: Mapped[Decimal] = mapped_column(Degrees)
    lat: Mapped[Decimal] = mapped_column(Degrees)
    people: Mapped[int]
    nearest_m: Mapped[int | None]
    nearest_name: Mapped[str] = mapped_column(String(200), default="")

    __table_args__ = (UniqueConstraint("application_id", "nhsa_code"),)


class ApplicationFile(Base):
    """An attached paper. The file itself lies in the instance folder under ``stored_as``."""

    __tablename__ = "application_file"

    id: Mapped[int] = mapped_column(primary_key=True)
    application_id: Mapped[int] = mapped_column(ForeignKey("application.id"), index=True)
    use: Mapped[FileUse] = mapped_column(word(FileUse))
    name: Mapped[str] = mapped_column(String(200))
    media_type: Mapped[str] = mapped_column(String(64))
    size: Mapped[int]
    sha256: Mapped[str] = mapped_column(String(64))
    stored_as: Mapped[str] = mapped_column(String(64), unique=True)
    at: Mapped[datetime]
    # Taken out again by the applicant; what was once sent stays readable for the bureau.
    removed_at: Mapped[datetime | None]

    __table_args__ = (CheckConstraint("size > 0", name="not_empty"),)


class ApplicationEvent(Base):
    """Something that happened to an application. Never changed."""

    __tablename__ = "application_event"

    id: Mapped[int] = mapped_column(primary_key=True)
    application_id: Mapped[int] = mapped_column(ForeignKey("application.id"), index=True)
    step: Mapped[ApplicationStep] = mapped_column(word(ApplicationStep))
    side: Mapped[ApplicationSide] = mapped_column(word(ApplicationSide))
    at: Mapped[datetime]
    by_id: Mapped[int | None] = mapped_column(ForeignKey("user_account.id"))
    by_name: Mapped[str] = mapped_column(String(64))
    note: Mapped[str] = mapped_column(Text, default="")
    facts: Mapped[dict[str, Any]] = mapped_column(JSON)
