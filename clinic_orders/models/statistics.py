"""Figures of months: frozen ones of closed months, those last reckoned, what is in scope (R-STAT-1)."""

from __future__ import annotations

from datetime import date, datetime
from typing import Any

from sqlalchemy import JSON, CheckConstraint, ForeignKey, String, Text, UniqueConstraint
from sqlalchemy.orm import Mapped, mapped_column

from clinic_orders.models.base import Base, word
from clinic_orders.rules.parties import InstitutionKind


class _Figures:
    """Every figure of a month.

    ``blocks`` is what ``statistics`` prints of city, counties and kinds, ``by_county`` the kinds of each county by
    its code. ``further`` has the indicators beyond the contract in the same two forms, ``rows`` what each institution
    and distributor brought into all of them (``queries.month_rows``); months closed before there were any have none.
    """

    id: Mapped[int] = mapped_column(primary_key=True)
    month: Mapped[str] = mapped_column(String(7), unique=True)
    blocks: Mapped[dict[str, Any]] = mapped_column(JSON)
    by_county: Mapped[dict[str, Any]] = mapped_column(JSON)
    # A list of months needs neither.
    further: Mapped[dict[str, Any] | None] = mapped_column(JSON(none_as_null=True), deferred=True)
    rows: Mapped[dict[str, Any] | None] = mapped_column(JSON(none_as_null=True), deferred=True)


class ClosedMonth(_Figures, Base):
    """A month that was closed: its cut-off instant and every figure as published; never changed.

    ``sha256`` is that of all of them as canonical JSON, so that a printed statement can be held against it.
    """

    __tablename__ = "closed_month"

    cut_off_at: Mapped[datetime]
    sha256: Mapped[str] = mapped_column(String(64))
    closed_by_id: Mapped[int | None] = mapped_column(ForeignKey("user_account.id"))
    closed_by_name: Mapped[str] = mapped_column(String(64))

    __table_args__ = (
        CheckConstraint("length(month) = 7", name="month_form"),
        CheckConstraint("length(sha256) = 64", name="hash_form"),
    )


class ReckonedMonth(_Figures, Base):
    """A month as it was last reckoned from what was recorded then: to reckon a prefecture takes longer than a page may.

    An open month is shown by it, a closed one's restatement too. ``wanted_at`` says since when somebody waits for a
    new reckoning; before the first one there are no figures.
    """

    __tablename__ = "reckoned_month"

    reckoned_at: Mapped[datetime | None]
    wanted_at: Mapped[datetime | None]
    wanted_by_name: Mapped[str] = mapped_column(String(64), default="")

    __table_args__ = (
        CheckConstraint("length(month) = 7", name="month_form"),
        CheckConstraint("reckoned_at IS NOT NULL OR wanted_at IS NOT NULL", name="reckoned_or_wanted"),
    )


class Bulletin(Base):
    """The bulletin of a quarter: a draft until it is published, then its whole text with number and hash (R-STAT-3).

    A draft keeps only what is demanded: its figures are those of the closed months, which never change.
    """

    __tablename__ = "bulletin"

    id: Mapped[int] = mapped_column(primary_key=True)
    quarter: Mapped[str] = mapped_column(String(7), unique=True)
    demands: Mapped[str] = mapped_column(Text, default="")
    drafted_at: Mapped[datetime]
    drafted_by_name: Mapped[str] = mapped_column(String(64))
    number: Mapped[str | None] = mapped_column(String(64), unique=True)
    # The canonical text of rules.letters.LetterContent.
    content: Mapped[str | None] = mapped_column(Text, deferred=True)
    sha256: Mapped[str | None] = mapped_column(String(64))
    published_at: Mapped[datetime | None]
    published_by_id: Mapped[int | None] = mapped_column(ForeignKey("user_account.id"))
    published_by_name: Mapped[str] = mapped_column(String(64), default="")
    version: Mapped[int] = mapped_column(default=1)

    __mapper_args__ = {"version_id_col": version}
    __table_args__ = (
        CheckConstraint("length(quarter) = 7", name="quarter_form"),
        CheckConstraint(
            "(number IS NULL) = (published_at IS NULL) AND (number IS NULL) = (content IS NULL)"
            " AND (number IS NULL) = (sha256 IS NULL)",
            name="published_whole",
        ),
    )


class ScopeNumber(Base):
    """How many institutions of a county and kind the scheme is meant for, from a day on (R-STAT-2)."""

    __tablename__ = "scope_number"

    id: Mapped[int] = mapped_column(primary_key=True)
    county_code: Mapped[str] = mapped_column(ForeignKey("county.code"))
    kind: Mapped[InstitutionKind] = mapped_column(word(InstitutionKind))
    valid_from: Mapped[date]
    # None: no number is known from the day on.
    institutions: Mapped[int | None]
    document_no: Mapped[str] = mapped_column(String(128), default="")
    set_by_id: Mapped[int | None] = mapped_column(ForeignKey("user_account.id"))
    set_by_name: Mapped[str] = mapped_column(String(64))
    recorded_at: Mapped[datetime]

    __table_args__ = (
        UniqueConstraint("county_code", "kind", "valid_from"),
        CheckConstraint("institutions IS NULL OR institutions >= 0", name="not_negative"),
    )
