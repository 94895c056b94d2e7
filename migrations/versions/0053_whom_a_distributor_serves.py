"""whom a distributor serves.

Revision ID: 0053
Revises: 0052
"""

from __future__ import annotations

from alembic import op
from sqlalchemy import inspect

revision = "0053"
down_revision = "0052"
branch_labels = None
depends_on = None


def upgrade() -> None:
    op.create_index("ix_purchase_order_served", "purchase_order", ["distributor_id", "institution_id"])
    connection = op.get_bind()
    if connection.dialect.name == "sqlite" and inspect(connection).has_table("sqlite_stat1"):
        # Of an index that nobody has counted SQLite expects ten rows a key, and would prefer it to all that it knows.
        op.execute("ANALYZE purchase_order")


def downgrade() -> None:
    op.drop_index("ix_purchase_order_served", table_name="purchase_order")
