"""index of agreed returns.

Revision ID: 0024
Revises: 0023
"""

from __future__ import annotations

from alembic import op

revision = '0024'
down_revision = '0023'
branch_labels = None
depends_on = None


def upgrade() -> None:
    op.create_index('ix_goods_return_agreed', 'goods_return', ['agreed_at'], unique=False)


def downgrade() -> None:
    op.drop_index('ix_goods_return_agreed', table_name='goods_return')
