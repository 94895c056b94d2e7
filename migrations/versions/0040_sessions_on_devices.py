"""Log-ins on devices, which can be ended one by one; a salt for the codes on paper.

Revision ID: 0040
Revises: 0039
"""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

from clinic_orders.models.base import UtcDateTime

revision = "0040"
down_revision = "0039"
branch_labels = None
depends_on = None


def upgrade() -> None:
    op.create_table(
        "device_session",
        sa.Column("id", sa.Integer(), nullable=False),
        sa.Column("user_id", sa.Integer(), nullable=False),
        sa.Column("token_digest", sa.String(length=64), nullable=False),
        sa.Column("device", sa.String(length=200), nullable=False),
        sa.Column("epoch", sa.Integer(), nullable=False),
        sa.Column("started_at", UtcDateTime(), nullable=False),
        sa.Column("ended_at", UtcDateTime(), nullable=True),
        sa.ForeignKeyConstraint(
            ["user_id"], ["user_account.id"], name=op.f("fk_device_session_user_id_user_account")
        ),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_device_session")),
        sa.UniqueConstraint("token_digest", name=op.f("uq_device_session_token_digest")),
    )
    op.create_index(op.f("ix_device_session_user_id"), "device_session", ["user_id"])
    # Codes on paper were kept without a salt for the days before this; new ones are made on the page.
    op.execute("DELETE FROM paper_code")
    with op.batch_alter_table("second_step", schema=None) as batch_op:
        batch_op.add_column(sa.Column("paper_salt", sa.String(length=32), nullable=False, server_default=""))
    with op.batch_alter_table("second_step", schema=None) as batch_op:
        batch_op.alter_column("paper_salt", server_default=None)


def downgrade() -> None:
    with op.batch_alter_table("second_step", schema=None) as batch_op:
        batch_op.drop_column("paper_salt")
    op.drop_table("device_session")
