"""Complaints of the public, and findings of people.

Revision ID: 0032
Revises: 0031
"""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

revision = "0032"
down_revision = "0031"
branch_labels = None
depends_on = None

RULES = (
    "over_markup",
    "over_shelf_price",
    "payment_overdue",
    "stocking_short",
    "volume_behind",
    "nonselected_share",
    "delivery_rate",
    "late_confirmation",
    "late_acceptance",
    "settled_not_sold",
    "emergency_share",
    "tied_sale",
    "trace_repeat_same",
    "trace_repeat_far",
    "trace_repeat_near",
    "trace_not_received",
    "trace_sold_after_return",
    "trace_before_receipt",
    "trace_wrong_item",
    "trace_expired",
    "trace_missing",
    "sold_beyond_stock",
    "report_missing",
)
BY_PEOPLE = ("inspection", "complaint")
NAME = "ck_finding_check_rule"


def _one_of(rules: tuple[str, ...]) -> str:
    return f"rule IN ({', '.join(repr(rule) for rule in rules)})"


def _findings_of(rules: tuple[str, ...]) -> None:
    with op.batch_alter_table("finding", schema=None) as batch_op:
        batch_op.drop_constraint(op.f(NAME), type_="check")
        batch_op.create_check_constraint(op.f(NAME), _one_of(rules))


def upgrade() -> None:
    _findings_of((*RULES, *BY_PEOPLE))
    op.create_table('complaint',
    sa.Column('id', sa.Integer(), nullable=False),
    sa.Column('number', sa.String(length=24), nullable=False),
    sa.Column('tracking', sa.String(length=16), nullable=False),
    sa.Column('form_key', sa.String(length=64), nullable=False),
    sa.Column('kind', sa.Enum('dearer', 'no_tag', 'tied', 'short', 'inferior', 'not_sold', 'other', name='complaint_kind', native_enum=False, create_constraint=True, length=32), nullable=False),
    sa.Column('place', sa.String(length=120), nullable=False),
    sa.Column('item', sa.String(length=100), nullable=False),
    sa.Column('words', sa.Text(), nullable=False),
    sa.Column('happened_on', sa.Date(), nullable=True),
    sa.Column('contact', sa.String(length=40), nullable=False),
    sa.Column('institution_id', sa.Integer(), nullable=True),
    sa.Column('county_code', sa.String(length=12), nullable=True),
    sa.Column('state', sa.Enum('filed', 'in_work', 'verified', 'unfounded', 'declined', 'withdrawn', name='complaint_state', native_enum=False, create_constraint=True, length=32), nullable=False),
    sa.Column('filed_at', sa.DateTime(), nullable=False),
    sa.Column('filed_on', sa.Date(), nullable=False),
    sa.Column('deadline', sa.Date(), nullable=True),
    sa.Column('answer', sa.Text(), nullable=False),
    sa.Column('answered_at', sa.DateTime(), nullable=True),
    sa.Column('answered_by_id', sa.Integer(), nullable=True),
    sa.Column('answered_by_name', sa.String(length=64), nullable=False),
    sa.Column('finding_id', sa.Integer(), nullable=True),
    sa.Column('reminded_of', sa.Date(), nullable=True),
    sa.Column('version', sa.Integer(), nullable=False),
    sa.CheckConstraint("(state IN ('verified', 'unfounded', 'declined')) = (answered_at IS NOT NULL)", name=op.f('ck_complaint_answered_has_instant')),
    sa.CheckConstraint("answered_at IS NULL OR answer <> ''", name=op.f('ck_complaint_answered_has_words')),
    sa.CheckConstraint("answered_at IS NULL OR contact = ''", name=op.f('ck_complaint_answered_forgets_contact')),
    sa.CheckConstraint("state <> 'verified' OR (institution_id IS NOT NULL AND finding_id IS NOT NULL)", name=op.f('ck_complaint_verified_is_a_finding')),
    sa.ForeignKeyConstraint(['answered_by_id'], ['user_account.id'], name=op.f('fk_complaint_answered_by_id_user_account')),
    sa.ForeignKeyConstraint(['county_code'], ['county.code'], name=op.f('fk_complaint_county_code_county')),
    sa.ForeignKeyConstraint(['finding_id'], ['finding.id'], name=op.f('fk_complaint_finding_id_finding')),
    sa.ForeignKeyConstraint(['institution_id'], ['institution.id'], name=op.f('fk_complaint_institution_id_institution')),
    sa.PrimaryKeyConstraint('id', name=op.f('pk_complaint')),
    sa.UniqueConstraint('form_key', name=op.f('uq_complaint_form_key')),
    sa.UniqueConstraint('number', name=op.f('uq_complaint_number')),
    sa.UniqueConstraint('tracking', name=op.f('uq_complaint_tracking'))
    )
    with op.batch_alter_table('complaint', schema=None) as batch_op:
        batch_op.create_index(batch_op.f('ix_complaint_county_code'), ['county_code'], unique=False)
        batch_op.create_index(batch_op.f('ix_complaint_finding_id'), ['finding_id'], unique=False)
        batch_op.create_index(batch_op.f('ix_complaint_institution_id'), ['institution_id'], unique=False)
        batch_op.create_index('ix_complaint_state_county_code', ['state', 'county_code'], unique=False)

    op.create_table('complaint_event',
    sa.Column('id', sa.Integer(), nullable=False),
    sa.Column('complaint_id', sa.Integer(), nullable=False),
    sa.Column('step', sa.Enum('file', 'withdraw', 'take_up', 'assign', 'verify', 'refute', 'decline', 'reopen', name='complaint_step', native_enum=False, create_constraint=True, length=32), nullable=False),
    sa.Column('at', sa.DateTime(), nullable=False),
    sa.Column('by_id', sa.Integer(), nullable=True),
    sa.Column('by_name', sa.String(length=64), nullable=False),
    sa.Column('note', sa.Text(), nullable=False),
    sa.ForeignKeyConstraint(['by_id'], ['user_account.id'], name=op.f('fk_complaint_event_by_id_user_account')),
    sa.ForeignKeyConstraint(['complaint_id'], ['complaint.id'], name=op.f('fk_complaint_event_complaint_id_complaint')),
    sa.PrimaryKeyConstraint('id', name=op.f('pk_complaint_event'))
    )
    with op.batch_alter_table('complaint_event', schema=None) as batch_op:
        batch_op.create_index(batch_op.f('ix_complaint_event_complaint_id'), ['complaint_id'], unique=False)

    op.create_table('complaint_photo',
    sa.Column('id', sa.Integer(), nullable=False),
    sa.Column('complaint_id', sa.Integer(), nullable=False),
    sa.Column('name', sa.String(length=200), nullable=False),
    sa.Column('media_type', sa.String(length=64), nullable=False),
    sa.Column('size', sa.Integer(), nullable=False),
    sa.Column('sha256', sa.String(length=64), nullable=False),
    sa.Column('stored_as', sa.String(length=64), nullable=False),
    sa.CheckConstraint('size > 0', name=op.f('ck_complaint_photo_not_empty')),
    sa.ForeignKeyConstraint(['complaint_id'], ['complaint.id'], name=op.f('fk_complaint_photo_complaint_id_complaint')),
    sa.PrimaryKeyConstraint('id', name=op.f('pk_complaint_photo')),
    sa.UniqueConstraint('stored_as', name=op.f('uq_complaint_photo_stored_as'))
    )
    with op.batch_alter_table('complaint_photo', schema=None) as batch_op:
        batch_op.create_index(batch_op.f('ix_complaint_photo_complaint_id'), ['complaint_id'], unique=False)



def downgrade() -> None:
    with op.batch_alter_table('complaint_photo', schema=None) as batch_op:
        batch_op.drop_index(batch_op.f('ix_complaint_photo_complaint_id'))

    op.drop_table('complaint_photo')
    with op.batch_alter_table('complaint_event', schema=None) as batch_op:
        batch_op.drop_index(batch_op.f('ix_complaint_event_complaint_id'))

    op.drop_table('complaint_event')
    with op.batch_alter_table('complaint', schema=None) as batch_op:
        batch_op.drop_index('ix_complaint_state_county_code')
        batch_op.drop_index(batch_op.f('ix_complaint_institution_id'))
        batch_op.drop_index(batch_op.f('ix_complaint_finding_id'))
        batch_op.drop_index(batch_op.f('ix_complaint_county_code'))

    op.drop_table('complaint')
    # What people found has no rule any more.
    found = f"SELECT id FROM finding WHERE {_one_of(BY_PEOPLE)}"  # noqa: S608
    for table in ("case_finding", "finding_history"):
        op.execute(f"DELETE FROM {table} WHERE finding_id IN ({found})")  # noqa: S608
    op.execute(f"DELETE FROM finding WHERE {_one_of(BY_PEOPLE)}")  # noqa: S608
    _findings_of(RULES)
