"""Clues on trace codes: who looks into them, what institutions said, what was checked and decided (R-TRACE-3)."""

from __future__ import annotations

from datetime import date, datetime
from decimal import Decimal
from typing import Any

from sqlalchemy import JSON, CheckConstraint, ForeignKey, Index, String, Text, UniqueConstraint
from sqlalchemy.orm import Mapped, mapped_column

from clinic_orders.models.attachments import Attached, not_empty
from clinic_orders.models.base import Base, word
from clinic_orders.models.recorded import Recorded, standing_index, standing_key
from clinic_orders.rules.clues import (
    ClueSide,
    ClueState,
    ClueStep,
    ClueVerdict,
    ExclusionGround,
    Measure,
    SelfCheckAnswer,
)


class IssuedClue(Recorded, Base):
    """A clue that an office above has issued 下发线索, as it came in a file."""

    __tablename__ = "issued_clue"

    issued_batch: Mapped[str] = mapped_column(String(64))
    clue_no: Mapped[str] = mapped_column(String(32))
    code: Mapped[str] = mapped_column(String(100))
    institution_id: Mapped[int | None] = mapped_column(ForeignKey("institution.id"), index=True)
    # As the office above calls it, also where it is none of ours.
    institution_name: Mapped[str] = mapped_column(String(200), default="")
    product_name: Mapped[str] = mapped_column(String(200), default="")
    issuer: Mapped[str] = mapped_column(String(128))
    issued_on: Mapped[date]
    deadline: Mapped[date | None]
    text: Mapped[str] = mapped_column(String(1000), default="")

    __table_args__ = (
        standing_key("issued_clue", "issued_batch", "clue_no"),
        standing_index("ix_issued_clue_code", "code"),
        CheckConstraint("deadline IS NULL OR deadline >= issued_on", name="days_in_order"),
        CheckConstraint("replaced_at IS NULL OR replaced_at >= recorded_at", name="replaced_later"),
    )


class Clue(Base):
    """A clue that somebody is in charge of: our own finding, a clue from above by its number, or both.

    ``county_code`` is the county whose institutions alone it is about; None: the city is in charge. ``deadline`` is
    the last day of the self-check.
    """

    __tablename__ = "clue"

    id: Mapped[int] = mapped_column(primary_key=True)
    number: Mapped[str] = mapped_column(String(16), unique=True)
    finding_id: Mapped[int | None] = mapped_column(ForeignKey("finding.id"), unique=True)
    issued_batch: Mapped[str | None] = mapped_column(String(64))
    issued_no: Mapped[str | None] = mapped_column(String(32))
    state: Mapped[ClueState] = mapped_column(word(ClueState), index=True)
    team: Mapped[str] = mapped_column(String(64))
    county_code: Mapped[str | None] = mapped_column(ForeignKey("county.code"), index=True)
    deadline: Mapped[date | None]
    # For which last day the bureau and the institutions were reminded; so they are told once.
    reminded_of: Mapped[date | None]
    verdict: Mapped[ClueVerdict | None] = mapped_column(word(ClueVerdict))
    ground: Mapped[ExclusionGround | None] = mapped_column(word(ExclusionGround))
    decided_at: Mapped[datetime | None]
    assigned_at: Mapped[datetime]
    assigned_by_id: Mapped[int | None] = mapped_column(ForeignKey("user_account.id"))
    assigned_by_name: Mapped[str] = mapped_column(String(64))
    moved_at: Mapped[datetime]
    closed_at: Mapped[datetime | None]
    version: Mapped[int] = mapped_column(default=1)

    __mapper_args__ = {"version_id_col": version}
    __table_args__ = (
        UniqueConstraint("issued_batch", "issued_no"),
        CheckConstraint("finding_id IS NOT NULL OR issued_batch IS NOT NULL", name="has_origin"),
        CheckConstraint("(issued_batch IS NULL) = (issued_no IS NULL)", name="issued_is_whole"),
        CheckConstraint("(verdict IS NULL) = (decided_at IS NULL)", name="verdict_has_instant"),
        CheckConstraint(
            "(ground IS NOT NULL) = (verdict IS NOT NULL AND verdict = 'excluded')", name="ground"
        ),
        CheckConstraint(
            "(state IN ('assigned', 'self_check', 'checking')) = (verdict IS NULL)", name="verdict_by_state"
        ),
        CheckConstraint("(state IN ('excluded', 'closed')) = (closed_at IS NOT NULL)", name="over"),
        CheckConstraint("state <> 'self_check' OR deadline IS NOT NULL", name="asked_has_deadline"),
    )


class ClueParty(Base):
    """An institution that a clue is about; asked and answered as of the last time it was asked."""

    __tablename__ = "clue_party"

    clue_id: Mapped[int] = mapped_column(ForeignKey("clue.id"), primary_key=True)
    institution_id: Mapped[int] = mapped_column(ForeignKey("institution.id"), primary_key=True)
    asked_at: Mapped[datetime | None]
    answered_at: Mapped[datetime | None]
    # Whether the verdict is given against it.
    held: Mapped[bool] = mapped_column(default=False)

    __table_args__ = (
        Index("ix_clue_party_institution", "institution_id", "clue_id"),
        CheckConstraint("answered_at IS NULL OR asked_at IS NOT NULL", name="asked_first"),
    )


class ClueAnswer(Base):
    """What an institution said after its self-check."""

    __tablename__ = "clue_answer"

    id: Mapped[int] = mapped_column(primary_key=True)
    clue_id: Mapped[int] = mapped_column(ForeignKey("clue.id"), index=True)
    institution_id: Mapped[int] = mapped_column(ForeignKey("institution.id"), index=True)
    choice: Mapped[SelfCheckAnswer] = mapped_column(word(SelfCheckAnswer))
    text: Mapped[str] = mapped_column(Text)
    # What it paid back of its own accord.
    repaid: Mapped[Decimal | None]
    at: Mapped[datetime]
    by_id: Mapped[int | None] = mapped_column(ForeignKey("user_account.id"))
    by_name: Mapped[str] = mapped_column(String(64))
    on_paper: Mapped[bool] = mapped_column(default=False)
    form_key: Mapped[str] = mapped_column(String(64), unique=True)

    __table_args__ = (CheckConstraint("repaid IS NULL OR repaid > 0", name="repaid_something"),)


class ClueEvent(Base):
    """Something that happened to a clue; checks, verdicts and measures are events too. Never changed."""

    __tablename__ = "clue_event"

    id: Mapped[int] = mapped_column(primary_key=True)
    clue_id: Mapped[int] = mapped_column(ForeignKey("clue.id"), index=True)
    step: Mapped[ClueStep] = mapped_column(word(ClueStep))
    side: Mapped[ClueSide] = mapped_column(word(ClueSide))
    at: Mapped[datetime]
    by_id: Mapped[int | None] = mapped_column(ForeignKey("user_account.id"))
    by_name: Mapped[str] = mapped_column(String(64))
    note: Mapped[str] = mapped_column(Text, default="")
    facts: Mapped[dict[str, Any]] = mapped_column(JSON)


class ClueEvidence(Attached, Base):
    """A file of an answer or of a check; exactly one of the two."""

    __tablename__ = "clue_evidence"

    clue_id: Mapped[int] = mapped_column(ForeignKey("clue.id"), index=True)
    answer_id: Mapped[int | None] = mapped_column(ForeignKey("clue_answer.id"), index=True)
    event_id: Mapped[int | None] = mapped_column(ForeignKey("clue_event.id"), index=True)

    __table_args__ = (
        not_empty(),
        CheckConstraint("(answer_id IS NULL) <> (event_id IS NULL)", name="of_one"),
    )


class ClueMeasure(Base):
    """A measure that was taken, for the report of numbers."""

    __tablename__ = "clue_measure"

    id: Mapped[int] = mapped_column(primary_key=True)
    clue_id: Mapped[int] = mapped_column(ForeignKey("clue.id"), index=True)
    event_id: Mapped[int] = mapped_column(ForeignKey("clue_event.id"), index=True)
    measure: Mapped[Measure] = mapped_column(word(Measure))
    amount: Mapped[Decimal | None]
    document_no: Mapped[str] = mapped_column(String(64), default="")
    day: Mapped[date]

    __table_args__ = (CheckConstraint("amount IS NULL OR amount > 0", name="amount_above_zero"),)


class ClueTransfer(Base):
    """A list by which clues were handed over 移交清单; ``rows`` are frozen as they were that day."""

    __tablename__ = "clue_transfer"

    id: Mapped[int] = mapped_column(primary_key=True)
    number: Mapped[str] = mapped_column(String(16), unique=True)
    receiver: Mapped[str] = mapped_column(String(128))
    note: Mapped[str] = mapped_column(Text, default="")
    issuer: Mapped[str] = mapped_column(String(128))
    county_code: Mapped[str | None] = mapped_column(ForeignKey("county.code"), index=True)
    clues: Mapped[int]
    rows: Mapped[list[dict[str, Any]]] = mapped_column(JSON)
    demo: Mapped[bool] = mapped_column(default=False)
    made_at: Mapped[datetime]
    made_by_id: Mapped[int | None] = mapped_column(ForeignKey("user_account.id"))
    made_by_name: Mapped[str] = mapped_column(String(64))
    form_key: Mapped[str] = mapped_column(String(64), unique=True)

    __table_args__ = (CheckConstraint("clues >= 1", name="not_empty"),)


class TransferredClue(Base):
    """A clue on a list; it is handed over once."""

    __tablename__ = "transferred_clue"

    clue_id: Mapped[int] = mapped_column(ForeignKey("clue.id"), primary_key=True)
    transfer_id: Mapped[int] = mapped_column(ForeignKey("clue_transfer.id"), index=True)
