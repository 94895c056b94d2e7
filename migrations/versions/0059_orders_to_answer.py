"""an index of the orders that wait for a distributor's answer.

Revision ID: 0059
Revises: 0058
"""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

revision = "0059"
down_revision = "0058"
branch_labels = None
depends_on = None

INDEX = "ix_purchase_order_to_answer"


def upgrade() -> None:
    op.create_index(
        INDEX,
        "purchase_order",
        ["distributor_id", "answer_due_at"],
        unique=False,
        sqlite_where=sa.text("answered_at IS NULL"),
        postgresql_where=sa.text("answered_at IS NULL"),
    )
    # An index without statistics beside others that have some misleads the planner of SQLite.
    op.execute("ANALYZE purchase_order")


def downgrade() -> None:
    op.drop_index(INDEX, table_name="purchase_order")
