"""runs of drafts.

Revision ID: 0054
Revises: 0053
"""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

revision = "0054"
down_revision = "0053"
branch_labels = None
depends_on = None


def upgrade() -> None:
    op.create_table('draft_run',
    sa.Column('id', sa.Integer(), nullable=False),
    sa.Column('token', sa.String(length=32), nullable=False),
    sa.Column('state', sa.Enum('waiting', 'printing', 'done', 'failed', 'cancelled', name='paper_run_state', native_enum=False, create_constraint=True, length=32), nullable=False),
    sa.Column('by_id', sa.Integer(), nullable=True),
    sa.Column('by_name', sa.String(length=64), nullable=False),
    sa.Column('county_code', sa.String(length=6), nullable=False),
    sa.Column('case_numbers', sa.JSON(), nullable=False),
    sa.Column('wanted', sa.JSON(), nullable=False),
    sa.Column('left_out', sa.JSON(), nullable=False),
    sa.Column('total', sa.Integer(), nullable=False),
    sa.Column('made', sa.Integer(), nullable=False),
    sa.Column('requested_at', sa.DateTime(), nullable=False),
    sa.Column('worker', sa.String(length=64), nullable=False),
    sa.Column('attempt', sa.Integer(), nullable=False),
    sa.Column('failures', sa.Integer(), nullable=False),
    sa.Column('heartbeat_at', sa.DateTime(), nullable=True),
    sa.Column('started_at', sa.DateTime(), nullable=True),
    sa.Column('ended_at', sa.DateTime(), nullable=True),
    sa.Column('error', sa.Text(), nullable=False),
    sa.CheckConstraint("(state IN ('done', 'failed', 'cancelled')) = (ended_at IS NOT NULL)", name=op.f('ck_draft_run_ended_has_instant')),
    sa.CheckConstraint('total > 0 AND made >= 0 AND made <= total', name=op.f('ck_draft_run_made_of_total')),
    sa.ForeignKeyConstraint(['by_id'], ['user_account.id'], name=op.f('fk_draft_run_by_id_user_account')),
    sa.PrimaryKeyConstraint('id', name=op.f('pk_draft_run')),
    sa.UniqueConstraint('token', name=op.f('uq_draft_run_token'))
    )
    with op.batch_alter_table('draft_run', schema=None) as batch_op:
        batch_op.create_index('ix_draft_run_state', ['state', 'id'], unique=False)


def downgrade() -> None:
    with op.batch_alter_table('draft_run', schema=None) as batch_op:
        batch_op.drop_index('ix_draft_run_state')
    op.drop_table('draft_run')
