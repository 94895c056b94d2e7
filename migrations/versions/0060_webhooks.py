"""webhooks: who is told, what has happened, what was sent.

Revision ID: 0060
Revises: 0059
"""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

revision = "0060"
down_revision = "0059"
branch_labels = None
depends_on = None


def upgrade() -> None:
    op.create_table('webhook_event',
    sa.Column('id', sa.Integer(), nullable=False),
    sa.Column('key', sa.String(length=40), nullable=False),
    sa.Column('event', sa.Enum('order.submitted', 'order.answered', 'order.withdrawn', 'order.lapsed', 'order.closed', 'shipment.made', 'shipment.delivered', 'shipment.cancelled', 'shipment.accepted', 'return.requested', 'return.withdrawn', 'return.agreed', 'return.refused', 'return.arrived', 'payment.entered', 'payment.confirmed', 'payment.disputed', 'payment.upheld', 'payment.rejected', 'payment.withdrawn', 'month.closed', 'ping', name='event', native_enum=False, create_constraint=True, length=32), nullable=False),
    sa.Column('at', sa.DateTime(), nullable=False),
    sa.Column('subject_type', sa.String(length=32), nullable=False),
    sa.Column('subject_id', sa.Integer(), nullable=True),
    sa.Column('subject', sa.String(length=128), nullable=False),
    sa.Column('spread_at', sa.DateTime(), nullable=True),
    sa.PrimaryKeyConstraint('id', name=op.f('pk_webhook_event')),
    sa.UniqueConstraint('key', name=op.f('uq_webhook_event_key'))
    )
    with op.batch_alter_table('webhook_event', schema=None) as batch_op:
        batch_op.create_index(batch_op.f('ix_webhook_event_at'), ['at'], unique=False)
        batch_op.create_index('ix_webhook_event_unspread', ['id'], unique=False, sqlite_where=sa.text('spread_at IS NULL'), postgresql_where=sa.text('spread_at IS NULL'))

    op.create_table('webhook',
    sa.Column('id', sa.Integer(), nullable=False),
    sa.Column('code', sa.String(length=24), nullable=False),
    sa.Column('user_id', sa.Integer(), nullable=False),
    sa.Column('assignment_id', sa.Integer(), nullable=False),
    sa.Column('url', sa.String(length=500), nullable=False),
    sa.Column('events', sa.String(length=800), nullable=False),
    sa.Column('secret', sa.String(length=255), nullable=False),
    sa.Column('old_secret', sa.String(length=255), nullable=False),
    sa.Column('old_secret_until', sa.DateTime(), nullable=True),
    sa.Column('state', sa.Enum('active', 'paused', 'ended', name='webhook_state', native_enum=False, create_constraint=True, length=32), nullable=False),
    sa.Column('paused_because', sa.Enum('asked', 'failing', 'gone', 'owner', 'secret', name='pause_reason', native_enum=False, create_constraint=True, length=32), nullable=True),
    sa.Column('state_since', sa.DateTime(), nullable=False),
    sa.Column('created_at', sa.DateTime(), nullable=False),
    sa.Column('created_by_name', sa.String(length=64), nullable=False),
    sa.Column('failing_since', sa.DateTime(), nullable=True),
    sa.Column('failures', sa.Integer(), nullable=False),
    sa.Column('not_before', sa.DateTime(), nullable=True),
    sa.Column('claim', sa.Integer(), nullable=False),
    sa.Column('claimed_until', sa.DateTime(), nullable=True),
    sa.CheckConstraint("(old_secret = '') = (old_secret_until IS NULL)", name=op.f('ck_webhook_old_secret_ends')),
    sa.CheckConstraint("(state = 'paused') = (paused_because IS NOT NULL)", name=op.f('ck_webhook_paused_has_reason')),
    sa.CheckConstraint("events <> ''", name=op.f('ck_webhook_hears_of_something')),
    sa.CheckConstraint('failures >= 0', name=op.f('ck_webhook_failures_not_negative')),
    sa.ForeignKeyConstraint(['assignment_id'], ['role_assignment.id'], name=op.f('fk_webhook_assignment_id_role_assignment')),
    sa.ForeignKeyConstraint(['user_id'], ['user_account.id'], name=op.f('fk_webhook_user_id_user_account')),
    sa.PrimaryKeyConstraint('id', name=op.f('pk_webhook')),
    sa.UniqueConstraint('code', name=op.f('uq_webhook_code'))
    )
    with op.batch_alter_table('webhook', schema=None) as batch_op:
        batch_op.create_index(batch_op.f('ix_webhook_assignment_id'), ['assignment_id'], unique=False)
        batch_op.create_index(batch_op.f('ix_webhook_user_id'), ['user_id'], unique=False)

    op.create_table('webhook_delivery',
    sa.Column('id', sa.Integer(), nullable=False),
    sa.Column('webhook_id', sa.Integer(), nullable=False),
    sa.Column('event_id', sa.Integer(), nullable=False),
    sa.Column('number', sa.String(length=128), nullable=False),
    sa.Column('href', sa.String(length=200), nullable=True),
    sa.Column('state', sa.Enum('waiting', 'done', 'failed', 'cancelled', name='delivery_state', native_enum=False, create_constraint=True, length=32), nullable=False),
    sa.Column('tries', sa.Integer(), nullable=False),
    sa.Column('begun_at', sa.DateTime(), nullable=False),
    sa.Column('next_try_at', sa.DateTime(), nullable=True),
    sa.Column('ended_at', sa.DateTime(), nullable=True),
    sa.CheckConstraint("(state = 'waiting') = (ended_at IS NULL)", name=op.f('ck_webhook_delivery_ended_has_instant')),
    sa.CheckConstraint("(state = 'waiting') = (next_try_at IS NOT NULL)", name=op.f('ck_webhook_delivery_waiting_has_next_try')),
    sa.CheckConstraint('tries >= 0', name=op.f('ck_webhook_delivery_tries_not_negative')),
    sa.ForeignKeyConstraint(['event_id'], ['webhook_event.id'], name=op.f('fk_webhook_delivery_event_id_webhook_event')),
    sa.ForeignKeyConstraint(['webhook_id'], ['webhook.id'], name=op.f('fk_webhook_delivery_webhook_id_webhook')),
    sa.PrimaryKeyConstraint('id', name=op.f('pk_webhook_delivery')),
    sa.UniqueConstraint('webhook_id', 'event_id', name=op.f('uq_webhook_delivery_webhook_id_event_id'))
    )
    with op.batch_alter_table('webhook_delivery', schema=None) as batch_op:
        batch_op.create_index(batch_op.f('ix_webhook_delivery_event_id'), ['event_id'], unique=False)
        batch_op.create_index('ix_webhook_delivery_waiting', ['webhook_id', 'next_try_at'], unique=False, sqlite_where=sa.text("state = 'waiting'"), postgresql_where=sa.text("state = 'waiting'"))

    op.create_table('webhook_attempt',
    sa.Column('id', sa.Integer(), nullable=False),
    sa.Column('webhook_id', sa.Integer(), nullable=False),
    sa.Column('delivery_id', sa.Integer(), nullable=False),
    sa.Column('at', sa.DateTime(), nullable=False),
    sa.Column('duration_ms', sa.Integer(), nullable=False),
    sa.Column('status', sa.Integer(), nullable=True),
    sa.Column('failure', sa.Enum('status', 'redirect', 'timeout', 'no_connection', 'name_unknown', 'address_refused', 'tls', 'not_http', 'secret', name='failure', native_enum=False, create_constraint=True, length=32), nullable=True),
    sa.Column('answer', sa.String(length=500), nullable=False),
    sa.CheckConstraint('duration_ms >= 0', name=op.f('ck_webhook_attempt_duration_not_negative')),
    sa.ForeignKeyConstraint(['delivery_id'], ['webhook_delivery.id'], name=op.f('fk_webhook_attempt_delivery_id_webhook_delivery')),
    sa.ForeignKeyConstraint(['webhook_id'], ['webhook.id'], name=op.f('fk_webhook_attempt_webhook_id_webhook')),
    sa.PrimaryKeyConstraint('id', name=op.f('pk_webhook_attempt'))
    )
    with op.batch_alter_table('webhook_attempt', schema=None) as batch_op:
        batch_op.create_index(batch_op.f('ix_webhook_attempt_delivery_id'), ['delivery_id'], unique=False)
        batch_op.create_index(batch_op.f('ix_webhook_attempt_webhook_id'), ['webhook_id'], unique=False)


def downgrade() -> None:
    op.drop_table("webhook_attempt")
    op.drop_table("webhook_delivery")
    op.drop_table("webhook")
    op.drop_table("webhook_event")
