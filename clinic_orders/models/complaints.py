"""Complaints of the public, what happened to them, and the photos that came with them (R-CASE-5).

No more is kept about a person than they choose to leave: no name, no address of a machine; a telephone number is
erased with the answer.
"""

from __future__ import annotations

from datetime import date, datetime

from sqlalchemy import CheckConstraint, ForeignKey, Index, String, Text, false
from sqlalchemy.orm import Mapped, mapped_column

from clinic_orders.models.base import Base, word
from clinic_orders.rules.complaints import ComplaintKind, ComplaintState, ComplaintStep


class Complaint(Base):
    """A complaint. ``number`` is the bureau's, ``tracking`` the citizen's, with which its page is found.

    ``institution_id`` is whom it is about once that is known; ``county_code`` which county looks into it, None = the
    city; ``finding_id`` the finding that it became.
    """

    __tablename__ = "complaint"

    id: Mapped[int] = mapped_column(primary_key=True)
    number: Mapped[str] = mapped_column(String(24), unique=True)
    tracking: Mapped[str] = mapped_column(String(16), unique=True)
    form_key: Mapped[str] = mapped_column(String(64), unique=True)
    kind: Mapped[ComplaintKind] = mapped_column(word(ComplaintKind))
    place: Mapped[str] = mapped_column(String(120))
    item: Mapped[str] = mapped_column(String(100), default="")
    words: Mapped[str] = mapped_column(Text)
    happened_on: Mapped[date | None]
    contact: Mapped[str] = mapped_column(String(40), default="")
    institution_id: Mapped[int | None] = mapped_column(ForeignKey("institution.id"), index=True)
    county_code: Mapped[str | None] = mapped_column(ForeignKey("county.code"), index=True)
    state: Mapped[ComplaintState] = mapped_column(word(ComplaintState))
    filed_at: Mapped[datetime]
    filed_on: Mapped[date]
    deadline: Mapped[date | None]
    # Whether the bureau vouched for the number of days that the last day rests on, when the complaint came.
    deadline_confirmed: Mapped[bool] = mapped_column(default=False, server_default=false())
    answer: Mapped[str] = mapped_column(Text, default="")
    answered_at: Mapped[datetime | None]
    answered_by_id: Mapped[int | None] = mapped_column(ForeignKey("user_account.id"))
    answered_by_name: Mapped[str] = mapped_column(String(64), default="")
    finding_id: Mapped[int | None] = mapped_column(ForeignKey("finding.id"), index=True)
    # For which last day the bureau was told that it is near or over; so it is told once.
    reminded_of: Mapped[date | None]
    version: Mapped[int] = mapped_column(default=1)

    __mapper_args__ = {"version_id_col": version}
    __table_args__ = (
        CheckConstraint(
            "(state IN ('verified', 'unfounded', 'declined')) = (answered_at IS NOT NULL)",
            name="answered_has_instant",
        ),
        CheckConstraint("answered_at IS NULL OR answer <> ''", name="answered_has_words"),
        CheckConstraint("answered_at IS NULL OR contact = ''", name="answered_forgets_contact"),
        CheckConstraint(
            "state <> 'verified' OR (institution_id IS NOT NULL AND finding_id IS NOT NULL)",
            name="verified_is_a_finding",
        ),
        Index("ix_complaint_state_county_code", "state", "county_code"),
    )


class ComplaintPhoto(Base):
    """A photo that came with a complaint, without what the camera wrote into it."""

    __tablename__ = "complaint_photo"

    id: Mapped[int] = mapped_column(primary_key=True)
    complaint_id: Mapped[int] = mapped_column(ForeignKey("complaint.id"), index=True)
    name: Mapped[str] = mapped_column(String(200))
    media_type: Mapped[str] = mapped_column(String(64))
    size: Mapped[int]
    sha256: Mapped[str] = mapped_column(String(64))
    stored_as: Mapped[str] = mapped_column(String(64), unique=True)

    __table_args__ = (CheckConstraint("size > 0", name="not_empty"),)


class ComplaintEvent(Base):
    """Something that happened to a complaint; never changed. ``note`` is for the bureau, the answer for the citizen."""

    __tablename__ = "complaint_event"

    id: Mapped[int] = mapped_column(primary_key=True)
    complaint_id: Mapped[int] = mapped_column(ForeignKey("complaint.id"), index=True)
    step: Mapped[ComplaintStep] = mapped_column(word(ComplaintStep))
    at: Mapped[datetime]
    by_id: Mapped[int | None] = mapped_column(ForeignKey("user_account.id"))
    by_name: Mapped[str] = mapped_column(String(64))
    note: Mapped[str] = mapped_column(Text, default="")
