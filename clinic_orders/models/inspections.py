"""Inspections 利剑行动: checklists in versions, plans, draws, visits with their answers and photos (R-CASE-5)."""

from __future__ import annotations

from datetime import date, datetime
from typing import Any

from sqlalchemy import JSON, CheckConstraint, ForeignKey, Index, String, Text, UniqueConstraint
from sqlalchemy.orm import Mapped, mapped_column

from clinic_orders.models.base import Base, word
from clinic_orders.rules.findings import Grade
from clinic_orders.rules.inspection.checklist import ItemGroup
from clinic_orders.rules.inspection.record import Answer
from clinic_orders.rules.inspection.steps import Choice, PlanState, PlanStep, VisitState, VisitStep


class Checklist(Base):
    """A version of the checklist. It is never changed: what is changed makes the next version."""

    __tablename__ = "inspection_checklist"

    id: Mapped[int] = mapped_column(primary_key=True)
    number: Mapped[int] = mapped_column(unique=True)
    basis: Mapped[str] = mapped_column(String(200), default="")
    made_at: Mapped[datetime]
    made_by_name: Mapped[str] = mapped_column(String(64))
    form_key: Mapped[str] = mapped_column(String(64), unique=True)


class ChecklistLine(Base):
    """A line of a version of the checklist."""

    __tablename__ = "inspection_checklist_line"

    checklist_id: Mapped[int] = mapped_column(ForeignKey("inspection_checklist.id"), primary_key=True)
    code: Mapped[str] = mapped_column(String(32), primary_key=True)
    position: Mapped[int]
    group: Mapped[ItemGroup] = mapped_column(word(ItemGroup))
    text: Mapped[str] = mapped_column(String(120))
    hint: Mapped[str] = mapped_column(String(200), default="")
    grade: Mapped[Grade] = mapped_column(word(Grade))

    __table_args__ = (UniqueConstraint("checklist_id", "position"),)


class InspectionPlan(Base):
    """A plan: when, where, on what basis. ``county_code`` None = the whole city; ``kinds`` empty = all kinds."""

    __tablename__ = "inspection_plan"

    id: Mapped[int] = mapped_column(primary_key=True)
    number: Mapped[str] = mapped_column(String(16), unique=True)
    form_key: Mapped[str] = mapped_column(String(64), unique=True)
    name: Mapped[str] = mapped_column(String(80))
    first_day: Mapped[date]
    last_day: Mapped[date]
    county_code: Mapped[str | None] = mapped_column(ForeignKey("county.code"), index=True)
    kinds: Mapped[list[str]] = mapped_column(JSON)
    basis: Mapped[str] = mapped_column(String(200))
    checklist_id: Mapped[int] = mapped_column(ForeignKey("inspection_checklist.id"))
    each: Mapped[int]
    state: Mapped[PlanState] = mapped_column(word(PlanState), index=True)
    made_at: Mapped[datetime]
    made_by_name: Mapped[str] = mapped_column(String(64))
    # Which office made it: a county's plan is its own, the city's are seen by the counties where they visit.
    office_county: Mapped[str | None] = mapped_column(String(12))
    version: Mapped[int] = mapped_column(default=1)

    __mapper_args__ = {"version_id_col": version}
    __table_args__ = (
        CheckConstraint("last_day >= first_day", name="days_in_order"),
        CheckConstraint("each >= 2", name="two_at_least"),
    )


class PlanInspector(Base):
    """An inspector of a plan: the place in its list, from 1, by which the draw names them."""

    __tablename__ = "inspection_inspector"

    plan_id: Mapped[int] = mapped_column(ForeignKey("inspection_plan.id"), primary_key=True)
    place: Mapped[int] = mapped_column(primary_key=True)
    name: Mapped[str] = mapped_column(String(40))
    certificate: Mapped[str] = mapped_column(String(40), default="")


class InspectionDraw(Base):
    """A random draw, with all that repeats it. ``replaced_at``: something was drawn anew instead."""

    __tablename__ = "inspection_draw"

    id: Mapped[int] = mapped_column(primary_key=True)
    plan_id: Mapped[int] = mapped_column(ForeignKey("inspection_plan.id"), index=True)
    number: Mapped[int]
    form_key: Mapped[str] = mapped_column(String(64), unique=True)
    seed: Mapped[str] = mapped_column(String(64))
    algorithm: Mapped[str] = mapped_column(String(16))
    wanted: Mapped[int]
    pool: Mapped[list[str]] = mapped_column(JSON)
    pool_sha256: Mapped[str] = mapped_column(String(64))
    inspectors: Mapped[list[str]] = mapped_column(JSON)
    drawn: Mapped[list[str]] = mapped_column(JSON)
    drawn_on: Mapped[date]
    drawn_at: Mapped[datetime]
    drawn_by_name: Mapped[str] = mapped_column(String(64))
    reason: Mapped[str] = mapped_column(String(500), default="")
    replaced_at: Mapped[datetime | None]

    __table_args__ = (UniqueConstraint("plan_id", "number"),)


class Visit(Base):
    """An institution on a plan, and the record of the visit.

    ``inspectors`` are places in the plan's list; ``why`` the figures with which it was chosen; ``follows_id`` the
    visit that is looked at again, ``root`` the number of the first one, under which the findings stand.
    """

    __tablename__ = "inspection_visit"

    id: Mapped[int] = mapped_column(primary_key=True)
    number: Mapped[str] = mapped_column(String(16), unique=True)
    plan_id: Mapped[int] = mapped_column(ForeignKey("inspection_plan.id"), index=True)
    institution_id: Mapped[int] = mapped_column(ForeignKey("institution.id"), index=True)
    position: Mapped[int]
    choice: Mapped[Choice] = mapped_column(word(Choice))
    why: Mapped[str] = mapped_column(String(300), default="")
    draw_id: Mapped[int | None] = mapped_column(ForeignKey("inspection_draw.id"))
    inspectors: Mapped[list[int]] = mapped_column(JSON)
    follows_id: Mapped[int | None] = mapped_column(ForeignKey("inspection_visit.id"), unique=True)
    root: Mapped[str] = mapped_column(String(16))
    state: Mapped[VisitState] = mapped_column(word(VisitState))
    visited_on: Mapped[date | None]
    summary: Mapped[str] = mapped_column(Text, default="")
    recorded_at: Mapped[datetime | None]
    recorded_by_id: Mapped[int | None] = mapped_column(ForeignKey("user_account.id"))
    recorded_by_name: Mapped[str] = mapped_column(String(64), default="")
    signed_at: Mapped[datetime | None]
    signed_names: Mapped[list[str]] = mapped_column(JSON)
    party_name: Mapped[str] = mapped_column(String(40), default="")
    party_post: Mapped[str] = mapped_column(String(40), default="")
    party_refused: Mapped[bool] = mapped_column(default=False)
    refusal: Mapped[str] = mapped_column(String(300), default="")
    version: Mapped[int] = mapped_column(default=1)

    __mapper_args__ = {"version_id_col": version}
    __table_args__ = (
        CheckConstraint("(state = 'signed') = (signed_at IS NOT NULL)", name="signed_has_instant"),
        CheckConstraint(
            "state NOT IN ('recorded', 'signed') OR visited_on IS NOT NULL", name="recorded_has_day"
        ),
        CheckConstraint(
            "signed_at IS NULL OR party_name <> '' OR (party_refused AND refusal <> '')",
            name="signed_by_both",
        ),
        Index("ix_inspection_visit_plan_id_state", "plan_id", "state"),
    )


class VisitAnswer(Base):
    """What was found about a line of the checklist; the earlier words of a corrected record stand in its events."""

    __tablename__ = "inspection_answer"

    visit_id: Mapped[int] = mapped_column(ForeignKey("inspection_visit.id"), primary_key=True)
    code: Mapped[str] = mapped_column(String(32), primary_key=True)
    answer: Mapped[Answer] = mapped_column(word(Answer))
    remark: Mapped[str] = mapped_column(String(300), default="")


class VisitPhoto(Base):
    """A photo, or a drawn mark (``mark-party``, ``mark-inspector``). ``key`` lets the phone send it twice and keep one.

    What was removed stays on disk for the history and is shown no more.
    """

    __tablename__ = "inspection_photo"

    id: Mapped[int] = mapped_column(primary_key=True)
    visit_id: Mapped[int] = mapped_column(ForeignKey("inspection_visit.id"), index=True)
    key: Mapped[str] = mapped_column(String(80), unique=True)
    code: Mapped[str] = mapped_column(String(32))
    name: Mapped[str] = mapped_column(String(200))
    media_type: Mapped[str] = mapped_column(String(64))
    size: Mapped[int]
    sha256: Mapped[str] = mapped_column(String(64))
    stored_as: Mapped[str] = mapped_column(String(64), unique=True)
    at: Mapped[datetime]
    by_name: Mapped[str] = mapped_column(String(64))
    removed_at: Mapped[datetime | None]

    __table_args__ = (CheckConstraint("size > 0", name="not_empty"),)


class VisitSubmission(Base):
    """A record that was sent under a key: the same key is answered with the same, and changes nothing again."""

    __tablename__ = "inspection_submission"

    key: Mapped[str] = mapped_column(String(64), primary_key=True)
    visit_id: Mapped[int] = mapped_column(ForeignKey("inspection_visit.id"), index=True)
    at: Mapped[datetime]
    by_name: Mapped[str] = mapped_column(String(64))
    # The version of the visit after it.
    version: Mapped[int]


class PlanEvent(Base):
    """Something that happened to a plan; never changed."""

    __tablename__ = "inspection_plan_event"

    id: Mapped[int] = mapped_column(primary_key=True)
    plan_id: Mapped[int] = mapped_column(ForeignKey("inspection_plan.id"), index=True)
    step: Mapped[PlanStep] = mapped_column(word(PlanStep))
    at: Mapped[datetime]
    by_name: Mapped[str] = mapped_column(String(64))
    note: Mapped[str] = mapped_column(Text, default="")


class VisitEvent(Base):
    """Something that happened to a visit; never changed. ``facts`` hold a record as it was sent."""

    __tablename__ = "inspection_visit_event"

    id: Mapped[int] = mapped_column(primary_key=True)
    visit_id: Mapped[int] = mapped_column(ForeignKey("inspection_visit.id"), index=True)
    step: Mapped[VisitStep] = mapped_column(word(VisitStep))
    at: Mapped[datetime]
    by_id: Mapped[int | None] = mapped_column(ForeignKey("user_account.id"))
    by_name: Mapped[str] = mapped_column(String(64))
    note: Mapped[str] = mapped_column(Text, default="")
    facts: Mapped[dict[str, Any]] = mapped_column(JSON)
