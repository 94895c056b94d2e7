"""Cases: what a party is accused of, the letters it got, what it answered, and everything that happened (R-CASE)."""

from __future__ import annotations

from datetime import date, datetime
from typing import Any

from sqlalchemy import JSON, CheckConstraint, ForeignKey, Index, String, Text, UniqueConstraint
from sqlalchemy.orm import Mapped, mapped_column

from clinic_orders.models.attachments import Attached, not_empty
from clinic_orders.models.base import Base, word
from clinic_orders.rules.ladder import (
    AnswerKind,
    CaseOutcome,
    CaseSide,
    CaseState,
    CaseStep,
    LetterState,
)
from clinic_orders.rules.letters import LetterKind

_LEVELS = "BETWEEN 1 AND 8"


class CaseFile(Base):
    """A case against one institution or one distributor.

    ``level`` is the highest level of which a letter is out; ``deadline`` the last day to answer the last letter;
    ``month`` the month whose findings were collected, empty where it was opened by hand.
    """

    __tablename__ = "case_file"

    id: Mapped[int] = mapped_column(primary_key=True)
    number: Mapped[str] = mapped_column(String(16), unique=True)
    institution_id: Mapped[int | None] = mapped_column(ForeignKey("institution.id"), index=True)
    distributor_id: Mapped[int | None] = mapped_column(ForeignKey("distributor.id"), index=True)
    month: Mapped[str] = mapped_column(String(7), default="")
    state: Mapped[CaseState] = mapped_column(word(CaseState), index=True)
    level: Mapped[int | None]
    # The level with which the collected findings call for beginning; None: the first.
    suggested_level: Mapped[int | None]
    deadline: Mapped[date | None]
    recheck_on: Mapped[date | None]
    # For which last day to answer the bureau was told that it is over; so it is told once.
    reminded_of: Mapped[date | None]
    opened_at: Mapped[datetime]
    opened_by_id: Mapped[int | None] = mapped_column(ForeignKey("user_account.id"))
    opened_by_name: Mapped[str] = mapped_column(String(64))
    moved_at: Mapped[datetime]
    closed_at: Mapped[datetime | None]
    outcome: Mapped[CaseOutcome | None] = mapped_column(word(CaseOutcome))
    version: Mapped[int] = mapped_column(default=1)

    __mapper_args__ = {"version_id_col": version}
    __table_args__ = (
        CheckConstraint("(institution_id IS NULL) <> (distributor_id IS NULL)", name="one_party"),
        CheckConstraint(f"level IS NULL OR level {_LEVELS}", name="level_on_ladder"),
        CheckConstraint(
            f"suggested_level IS NULL OR suggested_level {_LEVELS}", name="suggested_level_on_ladder"
        ),
        CheckConstraint(
            "(state IN ('closed', 'withdrawn')) = (closed_at IS NOT NULL)", name="over_has_instant"
        ),
        CheckConstraint("(closed_at IS NULL) = (outcome IS NULL)", name="over_has_outcome"),
        CheckConstraint(
            "state NOT IN ('issued', 'received', 'answered') OR deadline IS NOT NULL",
            name="sent_has_deadline",
        ),
        CheckConstraint("state <> 'accepted' OR recheck_on IS NOT NULL", name="accepted_has_recheck"),
    )


class CaseFinding(Base):
    """A finding in a case. A finding stands in one case at most; one taken out of a draft has no row any more."""

    __tablename__ = "case_finding"

    case_id: Mapped[int] = mapped_column(ForeignKey("case_file.id"), primary_key=True)
    finding_id: Mapped[int] = mapped_column(ForeignKey("finding.id"), primary_key=True)
    added_at: Mapped[datetime]
    added_by_name: Mapped[str] = mapped_column(String(64))

    __table_args__ = (UniqueConstraint("finding_id"),)


class CaseLetter(Base):
    """A letter of a case, frozen when it was issued.

    ``content`` is the canonical text of ``rules.letters.LetterContent`` and ``sha256`` its hash. ``level`` is that of
    the letter, for a prior notice the level of which it gives notice. The second officer of L6 to L8 is another
    person than the first. ``finding_ids`` are the findings that stand in it.
    """

    __tablename__ = "case_letter"

    id: Mapped[int] = mapped_column(primary_key=True)
    case_id: Mapped[int] = mapped_column(ForeignKey("case_file.id"), index=True)
    kind: Mapped[LetterKind] = mapped_column(word(LetterKind))
    level: Mapped[int]
    state: Mapped[LetterState] = mapped_column(word(LetterState))
    number: Mapped[str | None] = mapped_column(String(64), unique=True)
    series: Mapped[str | None] = mapped_column(String(32))
    serial: Mapped[int | None]
    token: Mapped[str | None] = mapped_column(String(43), unique=True)
    content: Mapped[str] = mapped_column(Text)
    sha256: Mapped[str | None] = mapped_column(String(64))
    finding_ids: Mapped[list[int]] = mapped_column(JSON)
    form_key: Mapped[str] = mapped_column(String(64), unique=True)
    jump_reason: Mapped[str] = mapped_column(String(200), default="")
    deadline: Mapped[date]
    first_day: Mapped[date | None]
    last_day: Mapped[date | None]
    suspension_id: Mapped[int | None] = mapped_column(ForeignKey("suspension.id"))
    reentry_from: Mapped[date | None]
    made_at: Mapped[datetime]
    made_by_id: Mapped[int | None] = mapped_column(ForeignKey("user_account.id"))
    made_by_name: Mapped[str] = mapped_column(String(64))
    second_id: Mapped[int | None] = mapped_column(ForeignKey("user_account.id"))
    second_name: Mapped[str] = mapped_column(String(64), default="")
    second_at: Mapped[datetime | None]
    issued_at: Mapped[datetime | None]
    issued_on: Mapped[date | None]
    received_at: Mapped[datetime | None]
    received_by_id: Mapped[int | None] = mapped_column(ForeignKey("user_account.id"))
    # Whoever took it, by name; on paper the person whom the officer names.
    received_by_name: Mapped[str] = mapped_column(String(64), default="")
    received_on_paper: Mapped[bool] = mapped_column(default=False)

    __table_args__ = (
        UniqueConstraint("series", "serial"),
        CheckConstraint(f"level {_LEVELS}", name="level_on_ladder"),
        CheckConstraint("(state IN ('issued', 'revoked')) = (number IS NOT NULL)", name="out_has_number"),
        CheckConstraint("(number IS NULL) = (sha256 IS NULL)", name="out_has_hash"),
        CheckConstraint("(number IS NULL) = (issued_at IS NULL)", name="out_has_instant"),
        CheckConstraint("(series IS NULL) = (serial IS NULL)", name="number_is_whole"),
        CheckConstraint("received_at IS NULL OR issued_at IS NOT NULL", name="received_after_issue"),
        CheckConstraint("(received_at IS NULL) = (received_by_name = '')", name="received_by_somebody"),
        CheckConstraint("last_day IS NULL OR last_day >= first_day", name="days_in_order"),
        # R-CASE-2: levels 6 to 8 need a second officer, who is another person.
        CheckConstraint(
            "kind NOT IN ('suspension', 'cancellation', 'proposal') OR number IS NULL OR second_at IS NOT NULL",
            name="severe_has_second",
        ),
        CheckConstraint("second_id IS NULL OR second_id <> made_by_id", name="second_is_another"),
        Index("ix_case_letter_state_kind", "state", "kind"),
    )


class CaseAnswer(Base):
    """What the party said about a letter."""

    __tablename__ = "case_answer"

    id: Mapped[int] = mapped_column(primary_key=True)
    case_id: Mapped[int] = mapped_column(ForeignKey("case_file.id"), index=True)
    letter_id: Mapped[int] = mapped_column(ForeignKey("case_letter.id"), index=True)
    kind: Mapped[AnswerKind] = mapped_column(word(AnswerKind))
    text: Mapped[str] = mapped_column(Text)
    at: Mapped[datetime]
    by_id: Mapped[int | None] = mapped_column(ForeignKey("user_account.id"))
    by_name: Mapped[str] = mapped_column(String(64))
    # It came on paper, and an officer recorded it.
    on_paper: Mapped[bool] = mapped_column(default=False)
    form_key: Mapped[str] = mapped_column(String(64), unique=True)


class CaseAttachment(Attached, Base):
    """A file that came with an answer. The file itself lies in the instance folder under ``stored_as``."""

    __tablename__ = "case_attachment"

    answer_id: Mapped[int] = mapped_column(ForeignKey("case_answer.id"), index=True)

    __table_args__ = (not_empty(),)


class CaseEvent(Base):
    """Something that happened to a case; decisions and re-checks are events too. Never changed."""

    __tablename__ = "case_event"

    id: Mapped[int] = mapped_column(primary_key=True)
    case_id: Mapped[int] = mapped_column(ForeignKey("case_file.id"), index=True)
    step: Mapped[CaseStep] = mapped_column(word(CaseStep))
    side: Mapped[CaseSide] = mapped_column(word(CaseSide))
    at: Mapped[datetime]
    by_id: Mapped[int | None] = mapped_column(ForeignKey("user_account.id"))
    by_name: Mapped[str] = mapped_column(String(64))
    letter_id: Mapped[int | None] = mapped_column(ForeignKey("case_letter.id"))
    answer_id: Mapped[int | None] = mapped_column(ForeignKey("case_answer.id"))
    note: Mapped[str] = mapped_column(Text, default="")
    facts: Mapped[dict[str, Any]] = mapped_column(JSON)
