"""Divisions, institutions with their dated state, letters, mandates, suspensions, distributors, relations (R-ROSTER)."""

from __future__ import annotations

from datetime import date, datetime
from decimal import Decimal

from sqlalchemy import CheckConstraint, Float, ForeignKey, Index, String, Text, UniqueConstraint
from sqlalchemy.orm import Mapped, mapped_column, relationship

from clinic_orders.models.base import Base, Degrees, word
from clinic_orders.rules.parties import InstitutionKind


class County(Base):
    """A county or district of the prefecture (statistical code, 6 digits)."""

    __tablename__ = "county"

    code: Mapped[str] = mapped_column(String(12), primary_key=True)
    name: Mapped[str] = mapped_column(String(64))
    kind: Mapped[str] = mapped_column(String(16), default="")
    label_lng: Mapped[float | None] = mapped_column(Float)
    label_lat: Mapped[float | None] = mapped_column(Float)


class Township(Base):
    """A township or street (statistical code, 9 digits)."""

    __tablename__ = "township"

    code: Mapped[str] = mapped_column(String(12), primary_key=True)
    name: Mapped[str] = mapped_column(String(64))
    county_code: Mapped[str] = mapped_column(ForeignKey("county.code"), index=True)


class Village(Base):
    """A village or neighbourhood (statistical code, 12 digits)."""

    __tablename__ = "village"

    code: Mapped[str] = mapped_column(String(12), primary_key=True)
    name: Mapped[str] = mapped_column(String(128))
    township_code: Mapped[str] = mapped_column(ForeignKey("township.code"), index=True)


class Institution(Base):
    """An institution as such; everything that may change stands in its dated records."""

    __tablename__ = "institution"

    id: Mapped[int] = mapped_column(primary_key=True)
    code: Mapped[str] = mapped_column(String(64), unique=True)
    # Every page before the log-in asks whether there is any.
    demo: Mapped[bool] = mapped_column(default=False, index=True)
    recorded_at: Mapped[datetime]

    records: Mapped[list[InstitutionRecord]] = relationship(
        back_populates="institution",
        order_by="InstitutionRecord.valid_from",
        foreign_keys="InstitutionRecord.institution_id",
    )
    memberships: Mapped[list[Membership]] = relationship(
        back_populates="institution", order_by="Membership.joined_on"
    )


class InstitutionRecord(Base):
    """The state of an institution from a day on (R-ROSTER-3).

    ``valid_before`` is the first day of the next record of the same institution (exclusive end, None for the
    newest); the action that writes a record keeps it, so that "the state on day D" is one indexed join:
    ``valid_from <= D AND (valid_before IS NULL OR D < valid_before)``.
    """

    __tablename__ = "institution_record"

    id: Mapped[int] = mapped_column(primary_key=True)
    institution_id: Mapped[int] = mapped_column(ForeignKey("institution.id"))
    valid_from: Mapped[date]
    valid_before: Mapped[date | None]
    name: Mapped[str] = mapped_column(String(200))
    kind: Mapped[InstitutionKind] = mapped_column(word(InstitutionKind))
    county_code: Mapped[str] = mapped_column(ForeignKey("county.code"), index=True)
    township: Mapped[str] = mapped_column(String(64), default="")
    village: Mapped[str] = mapped_column(String(128), default="")
    supervisor_id: Mapped[int | None] = mapped_column(ForeignKey("institution.id"), index=True)
    headquarters_id: Mapped[int | None] = mapped_column(ForeignKey("institution.id"), index=True)
    lead_hospital_id: Mapped[int | None] = mapped_column(ForeignKey("institution.id"), index=True)
    scale: Mapped[str] = mapped_column(String(64), default="")
    speciality: Mapped[str] = mapped_column(String(64), default="")
    remote: Mapped[bool] = mapped_column(default=False)
    uscc: Mapped[str] = mapped_column(String(18), default="")
    nhsa_code: Mapped[str] = mapped_column(String(32), default="")
    joined_on: Mapped[date]
    left_on: Mapped[date | None]
    phone: Mapped[str] = mapped_column(String(64), default="")
    address: Mapped[str] = mapped_column(String(200), default="")
    lng: Mapped[Decimal | None] = mapped_column(Degrees)
    lat: Mapped[Decimal | None] = mapped_column(Degrees)
    recorded_at: Mapped[datetime]

    institution: Mapped[Institution] = relationship(back_populates="records", foreign_keys=[institution_id])
    supervisor: Mapped[Institution | None] = relationship(foreign_keys=[supervisor_id])
    headquarters: Mapped[Institution | None] = relationship(foreign_keys=[headquarters_id])
    lead_hospital: Mapped[Institution | None] = relationship(foreign_keys=[lead_hospital_id])

    __table_args__ = (
        UniqueConstraint("institution_id", "valid_from"),
        CheckConstraint("valid_before IS NULL OR valid_before > valid_from", name="days_in_order"),
        CheckConstraint("left_on IS NULL OR left_on >= joined_on", name="membership_in_order"),
        CheckConstraint(
            "supervisor_id IS NULL OR supervisor_id <> institution_id", name="not_own_supervisor"
        ),
        Index("ix_institution_record_current", "valid_before", "county_code", "kind"),
    )


class Membership(Base):
    """One spell on the roster, first and last day included; derived from the records by the roster action."""

    __tablename__ = "membership"

    id: Mapped[int] = mapped_column(primary_key=True)
    institution_id: Mapped[int] = mapped_column(ForeignKey("institution.id"))
    joined_on: Mapped[date]
    left_on: Mapped[date | None]

    institution: Mapped[Institution] = relationship(back_populates="memberships")

    __table_args__ = (
        UniqueConstraint("institution_id", "joined_on"),
        CheckConstraint("left_on IS NULL OR left_on >= joined_on", name="days_in_order"),
    )


class Commitment(Base):
    """A commitment letter 承诺书 (R-ROSTER-4); of several the latest signed holds."""

    __tablename__ = "commitment"

    id: Mapped[int] = mapped_column(primary_key=True)
    institution_id: Mapped[int] = mapped_column(ForeignKey("institution.id"))
    signed_on: Mapped[date]
    version: Mapped[str] = mapped_column(String(64))
    # Share, for example 0.15; stored like money so that it stays exact.
    markup_rate: Mapped[Decimal | None]
    ends_on: Mapped[date | None]
    recorded_at: Mapped[datetime]

    institution: Mapped[Institution] = relationship()

    __table_args__ = (
        UniqueConstraint("institution_id", "signed_on"),
        CheckConstraint("ends_on IS NULL OR ends_on >= signed_on", name="days_in_order"),
        CheckConstraint("markup_rate IS NULL OR markup_rate >= 0", name="rate_not_negative"),
    )


class Mandate(Base):
    """A village's permission for its hospital to buy for it (代采委托, R-ROSTER-5); last day included."""

    __tablename__ = "mandate"

    id: Mapped[int] = mapped_column(primary_key=True)
    institution_id: Mapped[int] = mapped_column(ForeignKey("institution.id"))
    hospital_id: Mapped[int] = mapped_column(ForeignKey("institution.id"), index=True)
    valid_from: Mapped[date]
    valid_to: Mapped[date | None]
    recorded_at: Mapped[datetime]

    institution: Mapped[Institution] = relationship(foreign_keys=[institution_id])
    hospital: Mapped[Institution] = relationship(foreign_keys=[hospital_id])

    __table_args__ = (
        UniqueConstraint("institution_id", "hospital_id", "valid_from"),
        CheckConstraint("valid_to IS NULL OR valid_to >= valid_from", name="days_in_order"),
        CheckConstraint("institution_id <> hospital_id", name="two_parties"),
    )


class Suspension(Base):
    """Days on which an institution may not order (R-CASE-4, R-ORD-3); first and last day included."""

    __tablename__ = "suspension"

    id: Mapped[int] = mapped_column(primary_key=True)
    institution_id: Mapped[int] = mapped_column(ForeignKey("institution.id"), index=True)
    first_day: Mapped[date]
    last_day: Mapped[date]
    reason: Mapped[str] = mapped_column(Text)
    document_no: Mapped[str] = mapped_column(String(64), default="")
    # Lifted early: the suspension ends the day before. The row stays as it was decided.
    lifted_on: Mapped[date | None]
    recorded_at: Mapped[datetime]

    institution: Mapped[Institution] = relationship()

    __table_args__ = (CheckConstraint("last_day >= first_day", name="days_in_order"),)


class Distributor(Base):
    """A company that delivers (配送企业)."""

    __tablename__ = "distributor"

    id: Mapped[int] = mapped_column(primary_key=True)
    code: Mapped[str] = mapped_column(String(64), unique=True)
    name: Mapped[str] = mapped_column(String(200))
    uscc: Mapped[str] = mapped_column(String(18), default="")
    phone: Mapped[str] = mapped_column(String(64), default="")
    demo: Mapped[bool] = mapped_column(default=False)
    recorded_at: Mapped[datetime]


class DeliveryRelation(Base):
    """Who delivers an item to an institution or a county (配送关系, R-CAT-3); last day included.

    Exactly one of ``institution_id`` and ``county_code`` is set; ``item_id`` None means all items.
    """

    __tablename__ = "delivery_relation"

    id: Mapped[int] = mapped_column(primary_key=True)
    institution_id: Mapped[int | None] = mapped_column(ForeignKey("institution.id"), index=True)
    county_code: Mapped[str | None] = mapped_column(ForeignKey("county.code"), index=True)
    item_id: Mapped[int | None] = mapped_column(ForeignKey("item.id"), index=True)
    distributor_id: Mapped[int] = mapped_column(ForeignKey("distributor.id"), index=True)
    valid_from: Mapped[date]
    valid_to: Mapped[date | None]
    recorded_at: Mapped[datetime]

    institution: Mapped[Institution | None] = relationship()
    distributor: Mapped[Distributor] = relationship()

    __table_args__ = (
        CheckConstraint("(institution_id IS NULL) <> (county_code IS NULL)", name="one_scope"),
        CheckConstraint("valid_to IS NULL OR valid_to >= valid_from", name="days_in_order"),
        Index(
            "uq_delivery_relation_scope",
            "institution_id",
            "county_code",
            "item_id",
            "valid_from",
        ),
    )
