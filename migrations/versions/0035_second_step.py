"""The second step of a log-in: the secret a phone has, and codes on paper.

Revision ID: 0035
Revises: 0034
"""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

from clinic_orders.models.base import UtcDateTime

revision = "0035"
down_revision = "0034"
branch_labels = None
depends_on = None


def upgrade() -> None:
    op.create_table(
        "second_step",
        sa.Column("user_id", sa.Integer(), autoincrement=False, nullable=False),
        sa.Column("secret", sa.String(length=64), nullable=False),
        sa.Column("begun_at", UtcDateTime(), nullable=False),
        sa.Column("confirmed_at", UtcDateTime(), nullable=True),
        sa.Column("last_step", sa.Integer(), nullable=False),
        sa.CheckConstraint("last_step >= 0", name=op.f("ck_second_step_last_step_not_negative")),
        sa.ForeignKeyConstraint(
            ["user_id"], ["user_account.id"], name=op.f("fk_second_step_user_id_user_account")
        ),
        sa.PrimaryKeyConstraint("user_id", name=op.f("pk_second_step")),
    )
    op.create_table(
        "paper_code",
        sa.Column("id", sa.Integer(), nullable=False),
        sa.Column("user_id", sa.Integer(), nullable=False),
        sa.Column("digest", sa.String(length=64), nullable=False),
        sa.Column("used_at", UtcDateTime(), nullable=True),
        sa.ForeignKeyConstraint(
            ["user_id"], ["user_account.id"], name=op.f("fk_paper_code_user_id_user_account")
        ),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_paper_code")),
        sa.UniqueConstraint("user_id", "digest", name=op.f("uq_paper_code_user_id_digest")),
    )
    op.create_index(op.f("ix_paper_code_user_id"), "paper_code", ["user_id"])


def downgrade() -> None:
    op.drop_table("paper_code")
    op.drop_table("second_step")
