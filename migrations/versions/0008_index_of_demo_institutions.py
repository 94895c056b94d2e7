"""An index by which a page knows at once whether invented institutions are in the database.

Revision ID: 0008
Revises: 0007
"""

from __future__ import annotations

from alembic import op

revision = "0008"
down_revision = "0007"
branch_labels = None
depends_on = None


def upgrade() -> None:
    op.create_index(op.f("ix_institution_demo"), "institution", ["demo"], unique=False)


def downgrade() -> None:
    op.drop_index(op.f("ix_institution_demo"), table_name="institution")
