"""findings about a pack sold at several places, which are held against nobody.

Revision ID: 0018
Revises: 0017
"""

from __future__ import annotations

from alembic import op

revision = "0018"
down_revision = "0017"
branch_labels = None
depends_on = None

NAME = "ck_finding_somebody"
BEFORE = "institution_id IS NOT NULL OR distributor_id IS NOT NULL"
NOW = f"{BEFORE} OR rule IN ('trace_repeat_far', 'trace_repeat_near')"


def upgrade() -> None:
    with op.batch_alter_table("finding") as batch_op:
        batch_op.drop_constraint(op.f(NAME), type_="check")
        batch_op.create_check_constraint(op.f(NAME), NOW)


def downgrade() -> None:
    # What is about nobody can't be kept.
    nobody = "institution_id IS NULL AND distributor_id IS NULL"
    op.execute(
        f"DELETE FROM finding_history WHERE finding_id IN (SELECT id FROM finding WHERE {nobody})"  # noqa: S608
    )
    op.execute(f"DELETE FROM finding WHERE {nobody}")  # noqa: S608
    with op.batch_alter_table("finding") as batch_op:
        batch_op.drop_constraint(op.f(NAME), type_="check")
        batch_op.create_check_constraint(op.f(NAME), BEFORE)
