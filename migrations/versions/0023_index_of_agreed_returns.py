"""index of agreed returns.

Revision ID: 0023
Revises: 0022
"""

from __future__ import annotations

from alembic import op

revision = '0023'
down_revision = '0022'
branch_labels = None
depends_on = None


def upgrade() -> None:
    op.create_index('ix_goods_return_agreed', 'goods_return', ['agreed_at'], unique=False)


def downgrade() -> None:
    op.drop_index('ix_goods_return_agreed', table_name='goods_return')
