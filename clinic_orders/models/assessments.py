"""The annual assessment: the year, a sheet for every institution, its lines, and what was appealed against (R-STAT-3)."""

from __future__ import annotations

from datetime import date, datetime
from decimal import Decimal
from typing import Any

from sqlalchemy import JSON, CheckConstraint, ForeignKey, Index, String, Text, UniqueConstraint, text
from sqlalchemy.orm import Mapped, mapped_column

from clinic_orders.models.attachments import Attached, not_empty
from clinic_orders.models.base import Base, word
from clinic_orders.rules.assessment import AssessmentState, Indicator
from clinic_orders.rules.parties import InstitutionKind

_WAITING = text("decided_at IS NULL")


class Assessment(Base):
    """The assessment of a year.

    ``wanted_at`` says since when its figures wait to be reckoned (anew), ``as_of`` to which day they go. ``months``
    are those that had figures, each with whether it was closed; ``unconfirmed`` the policy parameters it rests on and
    that nobody vouches for. ``sha256`` is that of the published result.
    """

    __tablename__ = "assessment"

    id: Mapped[int] = mapped_column(primary_key=True)
    year: Mapped[int] = mapped_column(unique=True)
    state: Mapped[AssessmentState] = mapped_column(word(AssessmentState))
    opened_at: Mapped[datetime]
    opened_by_name: Mapped[str] = mapped_column(String(64))
    self_until: Mapped[date]
    # Once whoever is late was reminded; so it is told once.
    reminded_at: Mapped[datetime | None]
    wanted_at: Mapped[datetime | None]
    reckoned_at: Mapped[datetime | None]
    as_of: Mapped[date | None]
    months: Mapped[list[list[Any]]] = mapped_column(JSON)
    unconfirmed: Mapped[list[str]] = mapped_column(JSON)
    published_at: Mapped[datetime | None]
    published_by_name: Mapped[str] = mapped_column(String(64), default="")
    sha256: Mapped[str | None] = mapped_column(String(64))
    appeal_until: Mapped[date | None]
    final_at: Mapped[datetime | None]
    final_by_name: Mapped[str] = mapped_column(String(64), default="")
    version: Mapped[int] = mapped_column(default=1)

    __mapper_args__ = {"version_id_col": version}
    __table_args__ = (
        CheckConstraint("(state IN ('published', 'final')) = (published_at IS NOT NULL)", name="published"),
        CheckConstraint(
            "(published_at IS NULL) = (appeal_until IS NULL) AND (published_at IS NULL) = (sha256 IS NULL)",
            name="published_whole",
        ),
        CheckConstraint("(state = 'final') = (final_at IS NOT NULL)", name="final"),
        CheckConstraint("(reckoned_at IS NULL) = (as_of IS NULL)", name="reckoned_whole"),
    )


class AssessmentSheet(Base):
    """What an institution comes to; its place, kind and name are those of the day the figures go to.

    ``excellent`` to ``passed`` are the bands of its grade and ``settlement_from`` to ``renewal_from`` the points from
    which the result counts whole, as policy had them. ``behind`` holds the months and agreements from which the lines
    were computed. ``no_visit`` says why nobody went.
    """

    __tablename__ = "assessment_sheet"

    id: Mapped[int] = mapped_column(primary_key=True)
    assessment_id: Mapped[int] = mapped_column(ForeignKey("assessment.id"))
    institution_id: Mapped[int] = mapped_column(ForeignKey("institution.id"), index=True)
    name: Mapped[str] = mapped_column(String(128))
    kind: Mapped[InstitutionKind] = mapped_column(word(InstitutionKind))
    county_code: Mapped[str] = mapped_column(ForeignKey("county.code"))
    township: Mapped[str] = mapped_column(String(64), default="")
    excellent: Mapped[int]
    good: Mapped[int]
    passed: Mapped[int]
    settlement_from: Mapped[int | None]
    deposit_from: Mapped[int | None]
    renewal_from: Mapped[int | None]
    behind: Mapped[dict[str, Any]] = mapped_column(JSON, deferred=True)
    self_at: Mapped[datetime | None]
    self_by_name: Mapped[str] = mapped_column(String(64), default="")
    self_note: Mapped[str] = mapped_column(String(500), default="")
    site_at: Mapped[datetime | None]
    site_by_name: Mapped[str] = mapped_column(String(64), default="")
    site_note: Mapped[str] = mapped_column(String(500), default="")
    no_visit: Mapped[str] = mapped_column(String(500), default="")
    version: Mapped[int] = mapped_column(default=1)

    __mapper_args__ = {"version_id_col": version}
    __table_args__ = (
        UniqueConstraint("assessment_id", "institution_id"),
        CheckConstraint("no_visit = '' OR site_at IS NOT NULL", name="reason_has_instant"),
        Index("ix_assessment_sheet_county", "assessment_id", "county_code"),
    )


class AssessmentLine(Base):
    """One indicator of a sheet: its weight, what was done of what was asked, the points, and those of the self-score.

    ``points`` None: it does not apply, or nobody has scored it on the spot.
    """

    __tablename__ = "assessment_line"

    sheet_id: Mapped[int] = mapped_column(ForeignKey("assessment_sheet.id"), primary_key=True)
    indicator: Mapped[Indicator] = mapped_column(word(Indicator), primary_key=True)
    weight: Mapped[int]
    done: Mapped[Decimal]
    asked: Mapped[Decimal]
    points: Mapped[Decimal | None]
    self_points: Mapped[Decimal | None]

    __table_args__ = (
        CheckConstraint("weight >= 0", name="weight"),
        CheckConstraint("points IS NULL OR (points >= 0 AND points <= weight * 10000)", name="points"),
        CheckConstraint(
            "self_points IS NULL OR (self_points >= 0 AND self_points <= weight * 10000)", name="self_points"
        ),
    )


class AssessmentAppeal(Base):
    """What an institution holds against its result, and what became of it; one waits at a time.

    ``indicator`` with ``points_before`` and ``points_after`` is the line that was corrected because of it.
    """

    __tablename__ = "assessment_appeal"

    id: Mapped[int] = mapped_column(primary_key=True)
    sheet_id: Mapped[int] = mapped_column(ForeignKey("assessment_sheet.id"), index=True)
    text: Mapped[str] = mapped_column(Text)
    form_key: Mapped[str] = mapped_column(String(64), unique=True)
    filed_at: Mapped[datetime]
    filed_by_name: Mapped[str] = mapped_column(String(64))
    upheld: Mapped[bool | None]
    answer: Mapped[str] = mapped_column(Text, default="")
    indicator: Mapped[Indicator | None] = mapped_column(word(Indicator))
    points_before: Mapped[Decimal | None]
    points_after: Mapped[Decimal | None]
    decided_at: Mapped[datetime | None]
    decided_by_name: Mapped[str] = mapped_column(String(64), default="")
    version: Mapped[int] = mapped_column(default=1)

    __mapper_args__ = {"version_id_col": version}
    __table_args__ = (
        CheckConstraint("(decided_at IS NULL) = (upheld IS NULL)", name="decided_whole"),
        CheckConstraint("decided_at IS NULL OR answer <> ''", name="decided_with_reason"),
        CheckConstraint("(indicator IS NULL) = (points_after IS NULL)", name="corrected_whole"),
        Index(
            "uq_assessment_appeal_waiting",
            "sheet_id",
            unique=True,
            sqlite_where=_WAITING,
            postgresql_where=_WAITING,
        ),
    )


class AppealFile(Attached, Base):
    """A file that came with an appeal."""

    __tablename__ = "assessment_appeal_file"

    appeal_id: Mapped[int] = mapped_column(ForeignKey("assessment_appeal.id"), index=True)

    __table_args__ = (not_empty(),)
