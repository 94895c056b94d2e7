"""How far the nightly check of selling prices has looked, and an index of shipments by their last change.

Revision ID: 0015
Revises: 0014
"""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

from clinic_orders.models.base import UtcDateTime

revision = "0015"
down_revision = "0014"
branch_labels = None
depends_on = None


def upgrade() -> None:
    op.create_table(
        "price_mark",
        sa.Column("id", sa.Integer(), nullable=False),
        sa.Column("as_of", sa.Date(), nullable=False),
        sa.Column("looked_at", UtcDateTime(), nullable=False),
        sa.Column("sale_line_id", sa.Integer(), nullable=False),
        sa.Column("shelf_price_id", sa.Integer(), nullable=False),
        sa.Column("digest", sa.String(length=64), nullable=False),
        sa.CheckConstraint("id = 1", name=op.f("ck_price_mark_only_one")),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_price_mark")),
    )
    op.create_table(
        "price_input",
        sa.Column("subject", sa.String(length=32), nullable=False),
        sa.Column("content", sa.Text(), nullable=False),
        sa.PrimaryKeyConstraint("subject", name=op.f("pk_price_input")),
    )
    op.create_index(op.f("ix_shipment_updated_at"), "shipment", ["updated_at"], unique=False)


def downgrade() -> None:
    op.drop_index(op.f("ix_shipment_updated_at"), table_name="shipment")
    op.drop_table("price_input")
    op.drop_table("price_mark")
