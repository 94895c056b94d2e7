"""Requests to leave the roster.

Revision ID: 0041
Revises: 0040
"""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

revision = "0041"
down_revision = "0040"
branch_labels = None
depends_on = None


def upgrade() -> None:
    op.create_table(
        "exit_request",
        sa.Column("id", sa.Integer(), nullable=False),
        sa.Column("institution_id", sa.Integer(), nullable=False),
        sa.Column(
            "state",
            sa.Enum(
                "asked",
                "withdrawn",
                "agreed",
                "refused",
                name="exit_state",
                native_enum=False,
                create_constraint=True,
                length=32,
            ),
            nullable=False,
        ),
        sa.Column("last_day", sa.Date(), nullable=False),
        sa.Column("reason", sa.String(length=500), nullable=False),
        sa.Column("asked_at", sa.DateTime(), nullable=False),
        sa.Column("asked_by_name", sa.String(length=64), nullable=False),
        sa.Column("answer", sa.String(length=500), nullable=False),
        sa.Column("ended_at", sa.DateTime(), nullable=True),
        sa.Column("ended_by_name", sa.String(length=64), nullable=False),
        sa.Column("version", sa.Integer(), nullable=False),
        sa.CheckConstraint(
            "(state = 'asked') = (ended_at IS NULL)", name=op.f("ck_exit_request_ended_has_instant")
        ),
        sa.ForeignKeyConstraint(
            ["institution_id"], ["institution.id"], name=op.f("fk_exit_request_institution_id_institution")
        ),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_exit_request")),
    )
    with op.batch_alter_table("exit_request", schema=None) as batch_op:
        batch_op.create_index(batch_op.f("ix_exit_request_institution_id"), ["institution_id"], unique=False)
        batch_op.create_index(
            "uq_exit_request_waiting",
            ["institution_id"],
            unique=True,
            sqlite_where=sa.text("state = 'asked'"),
            postgresql_where=sa.text("state = 'asked'"),
        )


def downgrade() -> None:
    with op.batch_alter_table("exit_request", schema=None) as batch_op:
        batch_op.drop_index(
            "uq_exit_request_waiting",
            sqlite_where=sa.text("state = 'asked'"),
            postgresql_where=sa.text("state = 'asked'"),
        )
        batch_op.drop_index(batch_op.f("ix_exit_request_institution_id"))

    op.drop_table("exit_request")
