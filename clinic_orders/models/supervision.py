"""What the checks found and what became of it: one row a finding, and its history (R-CASE-1)."""

from __future__ import annotations

from datetime import date, datetime
from typing import Any

from sqlalchemy import JSON, CheckConstraint, ForeignKey, Index, String, Text, UniqueConstraint
from sqlalchemy.orm import Mapped, mapped_column

from clinic_orders.models.base import Base, word
from clinic_orders.rules.finding_states import FindingState, FindingStep
from clinic_orders.rules.findings import CheckRule, Grade


class FindingRecord(Base):
    """A finding as it was last seen. ``subject`` is "institution code/distributor code", either may be empty.

    ``figures`` are as ``check --format json`` writes them, ``rows`` pairs of (kind of record, number).
    """

    __tablename__ = "finding"

    id: Mapped[int] = mapped_column(primary_key=True)
    rule: Mapped[CheckRule] = mapped_column(word(CheckRule))
    subject: Mapped[str] = mapped_column(String(160))
    key: Mapped[str] = mapped_column(String(320), default="")
    period: Mapped[str] = mapped_column(String(16))
    institution_id: Mapped[int | None] = mapped_column(ForeignKey("institution.id"), index=True)
    distributor_id: Mapped[int | None] = mapped_column(ForeignKey("distributor.id"), index=True)
    # The item that the key names, where it names one.
    item_id: Mapped[int | None] = mapped_column(ForeignKey("item.id"), index=True)
    grade: Mapped[Grade] = mapped_column(word(Grade))
    formula: Mapped[str] = mapped_column(Text)
    figures: Mapped[dict[str, Any]] = mapped_column(JSON)
    rows: Mapped[list[list[str]]] = mapped_column(JSON)
    state: Mapped[FindingState] = mapped_column(word(FindingState))
    first_seen: Mapped[date]
    last_seen: Mapped[date]
    raised_at: Mapped[datetime]
    ended_on: Mapped[date | None]
    waived_at: Mapped[datetime | None]
    waived_by_id: Mapped[int | None] = mapped_column(ForeignKey("user_account.id"))
    waived_by_name: Mapped[str] = mapped_column(String(64), default="")
    waive_reason: Mapped[str] = mapped_column(String(200), default="")
    version: Mapped[int] = mapped_column(default=1)

    __mapper_args__ = {"version_id_col": version}
    __table_args__ = (
        UniqueConstraint("rule", "subject", "key", "period"),
        CheckConstraint("last_seen >= first_seen", name="days_in_order"),
        CheckConstraint("(state = 'ended') = (ended_on IS NOT NULL)", name="ended_has_day"),
        CheckConstraint("(state = 'waived') = (waived_at IS NOT NULL)", name="waived_has_instant"),
        CheckConstraint("waived_at IS NULL OR waive_reason <> ''", name="waiver_has_reason"),
        # A pack sold at several places is held against none of them (R-TRACE-2, T2 and T3).
        CheckConstraint(
            "institution_id IS NOT NULL OR distributor_id IS NOT NULL"
            " OR rule IN ('trace_repeat_far', 'trace_repeat_near')",
            name="somebody",
        ),
        Index("ix_finding_state_rule", "state", "rule"),
    )


class FindingInstitution(Base):
    """An institution that a finding about several is about: where a pack was sold more than once (T2, T3).

    It follows the figure ``institutions``; a finding that names one institution itself has no rows here.
    """

    __tablename__ = "finding_institution"

    finding_id: Mapped[int] = mapped_column(ForeignKey("finding.id"), primary_key=True)
    institution_id: Mapped[int] = mapped_column(ForeignKey("institution.id"), primary_key=True)

    __table_args__ = (Index("ix_finding_institution_institution", "institution_id", "finding_id"),)


class FindingHistory(Base):
    """What happened to a finding, and its figures from then on; never changed."""

    __tablename__ = "finding_history"

    id: Mapped[int] = mapped_column(primary_key=True)
    finding_id: Mapped[int] = mapped_column(ForeignKey("finding.id"), index=True)
    step: Mapped[FindingStep] = mapped_column(word(FindingStep))
    as_of: Mapped[date]
    at: Mapped[datetime]
    by_name: Mapped[str] = mapped_column(String(64), default="")
    grade: Mapped[Grade] = mapped_column(word(Grade))
    figures: Mapped[dict[str, Any]] = mapped_column(JSON)
    note: Mapped[str] = mapped_column(String(200), default="")
