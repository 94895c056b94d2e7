"""The stage board as it was last reckoned.

Revision ID: 0038
Revises: 0037
"""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

from clinic_orders.models.base import UtcDateTime

revision = "0038"
down_revision = "0037"
branch_labels = None
depends_on = None

GRADES = ("violation", "warning", "clue", "high", "behind", "severely_behind", "unfulfilled")
STAGES = ("report", "order", "accept", "pay", "done")
PACKS = ("agreed", "due", "ordered", "undelivered", "counted", "waiting", "waiting_late", "unpaid", "overdue")


def _word(*words: str, name: str) -> sa.Enum:
    return sa.Enum(*words, name=name, native_enum=False, create_constraint=True, length=32)


def upgrade() -> None:
    op.create_table(
        "stage_row",
        sa.Column("id", sa.Integer(), nullable=False),
        sa.Column("institution_id", sa.Integer(), nullable=False),
        sa.Column("cycle_start", sa.Date(), nullable=False),
        sa.Column("cycle_end", sa.Date(), nullable=False),
        sa.Column("items", sa.Integer(), nullable=False),
        sa.Column("reported", sa.Integer(), nullable=True),
        *(sa.Column(name, sa.Integer(), nullable=False) for name in PACKS),
        sa.Column("behind", sa.Integer(), nullable=False),
        sa.Column("grade", _word(*GRADES, name="grade"), nullable=True),
        sa.Column("report", sa.String(length=8), nullable=False),
        sa.Column("stands", _word(*STAGES, name="stage"), nullable=False),
        sa.Column("detail", sa.JSON(), nullable=False),
        sa.Column("as_of", sa.Date(), nullable=False),
        sa.Column("reckoned_at", UtcDateTime(), nullable=False),
        sa.CheckConstraint("cycle_end >= cycle_start", name=op.f("ck_stage_row_days_in_order")),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_stage_row")),
        sa.UniqueConstraint(
            "institution_id",
            "cycle_start",
            "cycle_end",
            name=op.f("uq_stage_row_institution_id_cycle_start_cycle_end"),
        ),
    )
    op.create_index("ix_stage_row_cycle", "stage_row", ["cycle_start", "cycle_end"])


def downgrade() -> None:
    op.drop_table("stage_row")
