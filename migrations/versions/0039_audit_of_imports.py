"""Entries of the audit name their import, and what imports did to records is sealed.

Neither table is made anew, so the triggers that refuse changes stay.

Revision ID: 0039
Revises: 0038
"""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

revision = "0039"
down_revision = "0038"
branch_labels = None
depends_on = None


def upgrade() -> None:
    op.add_column("audit_entry", sa.Column("batch_id", sa.Integer(), nullable=True))
    op.create_index(op.f("ix_audit_entry_batch_id"), "audit_entry", ["batch_id"])
    op.add_column("audit_link", sa.Column("records", sa.String(length=64), nullable=True))


def downgrade() -> None:
    op.drop_column("audit_link", "records")
    op.drop_index(op.f("ix_audit_entry_batch_id"), "audit_entry")
    op.drop_column("audit_entry", "batch_id")
