"""How far the nightly search for clues on trace codes has looked.

Revision ID: 0037
Revises: 0036
"""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

from clinic_orders.models.base import UtcDateTime

revision = "0037"
down_revision = "0036"
branch_labels = None
depends_on = None


def upgrade() -> None:
    op.create_table(
        "trace_mark",
        sa.Column("id", sa.Integer(), nullable=False),
        sa.Column("as_of", sa.Date(), nullable=False),
        sa.Column("looked_at", UtcDateTime(), nullable=False),
        sa.Column("sale_line_id", sa.Integer(), nullable=False),
        sa.Column("digest", sa.String(length=64), nullable=False),
        sa.CheckConstraint("id = 1", name=op.f("ck_trace_mark_only_one")),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_trace_mark")),
    )


def downgrade() -> None:
    op.drop_table("trace_mark")
