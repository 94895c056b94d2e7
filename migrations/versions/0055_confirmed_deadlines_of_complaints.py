"""whether the last day to answer a complaint rests on a confirmed number.

Revision ID: 0055
Revises: 0054
"""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

revision = "0055"
down_revision = "0054"
branch_labels = None
depends_on = None


def upgrade() -> None:
    # Of the complaints before nobody can say whether their number was confirmed: nothing is alleged of them.
    op.add_column(
        "complaint", sa.Column("deadline_confirmed", sa.Boolean(), server_default=sa.false(), nullable=False)
    )


def downgrade() -> None:
    op.drop_column("complaint", "deadline_confirmed")
