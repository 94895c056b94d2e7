"""sheets of the six standards for many institutions.

Revision ID: 0052
Revises: 0051
"""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

revision = "0052"
down_revision = "0051"
branch_labels = None
depends_on = None

STATES = "state IN ('waiting', 'printing', 'done', 'failed', 'cancelled')"


def _rename(before: str, after: str) -> None:
    """The states of a run of letters are those of every run of papers."""
    with op.batch_alter_table("letter_run", schema=None) as batch_op:
        batch_op.drop_constraint(op.f(f"ck_letter_run_{before}"), type_="check")
        batch_op.create_check_constraint(op.f(f"ck_letter_run_{after}"), STATES)


def upgrade() -> None:
    _rename("letter_run_state", "paper_run_state")
    op.create_table('standards_run',
    sa.Column('id', sa.Integer(), nullable=False),
    sa.Column('token', sa.String(length=32), nullable=False),
    sa.Column('state', sa.Enum('waiting', 'printing', 'done', 'failed', 'cancelled', name='paper_run_state', native_enum=False, create_constraint=True, length=32), nullable=False),
    sa.Column('by_id', sa.Integer(), nullable=True),
    sa.Column('by_name', sa.String(length=64), nullable=False),
    sa.Column('county_code', sa.String(length=6), nullable=False),
    sa.Column('on_day', sa.Date(), nullable=False),
    sa.Column('place_code', sa.String(length=12), nullable=False),
    sa.Column('place', sa.String(length=64), nullable=False),
    sa.Column('township', sa.String(length=64), nullable=False),
    sa.Column('kind', sa.Enum('township_hospital', 'community_health_center', 'village_clinic', 'community_health_station', 'private_institution', 'retail_pharmacy', name='institution_kind', native_enum=False, create_constraint=True, length=32), nullable=True),
    sa.Column('sheets', sa.JSON(), nullable=False),
    sa.Column('phone', sa.String(length=64), nullable=False),
    sa.Column('institution_ids', sa.JSON(), nullable=False),
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
    sa.CheckConstraint("(state IN ('done', 'failed', 'cancelled')) = (ended_at IS NOT NULL)", name=op.f('ck_standards_run_ended_has_instant')),
    sa.CheckConstraint('total > 0 AND made >= 0 AND made <= total', name=op.f('ck_standards_run_made_of_total')),
    sa.ForeignKeyConstraint(['by_id'], ['user_account.id'], name=op.f('fk_standards_run_by_id_user_account')),
    sa.PrimaryKeyConstraint('id', name=op.f('pk_standards_run')),
    sa.UniqueConstraint('token', name=op.f('uq_standards_run_token'))
    )
    with op.batch_alter_table('standards_run', schema=None) as batch_op:
        batch_op.create_index('ix_standards_run_state', ['state', 'id'], unique=False)


def downgrade() -> None:
    with op.batch_alter_table('standards_run', schema=None) as batch_op:
        batch_op.drop_index('ix_standards_run_state')
    op.drop_table('standards_run')
    _rename("paper_run_state", "letter_run_state")
