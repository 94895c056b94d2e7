"""A long file can be tried before it is stored.

Revision ID: 0030
Revises: 0029
"""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

from clinic_orders.models.base import UtcDateTime

revision = "0030"
down_revision = "0029"
branch_labels = None
depends_on = None

STATES = "ck_import_job_import_state"
BEFORE = "state IN ('waiting', 'reading', 'storing', 'done', 'refused', 'failed', 'cancelled')"
NOW = "state IN ('waiting', 'reading', 'storing', 'tried', 'done', 'refused', 'failed', 'cancelled')"
TRIED = "ck_import_job_tried_has_instant"


def upgrade() -> None:
    with op.batch_alter_table("import_job", schema=None) as batch_op:
        batch_op.add_column(sa.Column("trial", sa.Boolean(), nullable=False, server_default=sa.false()))
        batch_op.add_column(sa.Column("tried_at", UtcDateTime(), nullable=True))
        batch_op.add_column(sa.Column("differences", sa.JSON(), nullable=False, server_default="[]"))
        batch_op.add_column(sa.Column("differences_count", sa.Integer(), nullable=False, server_default="0"))
        batch_op.drop_constraint(op.f(STATES), type_="check")
        batch_op.create_check_constraint(op.f(STATES), NOW)
        batch_op.create_check_constraint(
            op.f(TRIED), "state <> 'tried' OR (trial AND tried_at IS NOT NULL)"
        )
    with op.batch_alter_table("import_job", schema=None) as batch_op:
        for name in ("trial", "differences", "differences_count"):
            batch_op.alter_column(name, server_default=None)


def downgrade() -> None:
    # What was only tried has no state any more; its folder goes with the cancelled ones.
    op.execute("UPDATE import_job SET state = 'cancelled', ended_at = tried_at WHERE state = 'tried'")
    with op.batch_alter_table("import_job", schema=None) as batch_op:
        batch_op.drop_constraint(op.f(TRIED), type_="check")
        batch_op.drop_constraint(op.f(STATES), type_="check")
        batch_op.create_check_constraint(op.f(STATES), BEFORE)
        for name in ("differences_count", "differences", "tried_at", "trial"):
            batch_op.drop_column(name)
