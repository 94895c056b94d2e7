"""indexes for the checks of deadlines.

Revision ID: 0019
Revises: 0018
"""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

revision = '0019'
down_revision = '0018'
branch_labels = None
depends_on = None


def upgrade() -> None:
    with op.batch_alter_table('purchase_order', schema=None) as batch_op:
        batch_op.drop_index('ix_purchase_order_unanswered')
        batch_op.drop_index('ix_purchase_order_submitted')
        batch_op.create_index('ix_purchase_order_unanswered', ['answered_at', 'answer_due_at', 'submitted_at'], unique=False)
        batch_op.create_index('ix_purchase_order_submitted', ['submitted_at', 'answered_at'], unique=False)
        batch_op.create_index(
            'ix_purchase_order_emergency',
            ['submitted_at'],
            unique=False,
            sqlite_where=sa.text('emergency = 1'),
            postgresql_where=sa.text('emergency'),
        )

    with op.batch_alter_table('shipment', schema=None) as batch_op:
        batch_op.drop_index('ix_shipment_delivered')
        batch_op.create_index('ix_shipment_delivered', ['delivered_at', 'accepted_at'], unique=False)


def downgrade() -> None:
    with op.batch_alter_table('shipment', schema=None) as batch_op:
        batch_op.drop_index('ix_shipment_delivered')
        batch_op.create_index('ix_shipment_delivered', ['delivered_at'], unique=False)

    with op.batch_alter_table('purchase_order', schema=None) as batch_op:
        batch_op.drop_index('ix_purchase_order_emergency')
        batch_op.drop_index('ix_purchase_order_submitted')
        batch_op.drop_index('ix_purchase_order_unanswered')
        batch_op.create_index('ix_purchase_order_submitted', ['submitted_at'], unique=False)
        batch_op.create_index('ix_purchase_order_unanswered', ['answered_at', 'answer_due_at'], unique=False)
