"""Watched prices.

Revision ID: 0044
Revises: 0043
"""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

revision = "0044"
down_revision = "0043"
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
    "inspection",
    "complaint",
)
MONITORED = ("monitored_rise", "monitored_changes")
NAME = "ck_finding_check_rule"


def _findings_of(rules: tuple[str, ...]) -> None:
    with op.batch_alter_table("finding", schema=None) as batch_op:
        batch_op.drop_constraint(op.f(NAME), type_="check")
        batch_op.create_check_constraint(op.f(NAME), f"rule IN ({', '.join(repr(rule) for rule in rules)})")


def upgrade() -> None:
    _findings_of((*RULES, *MONITORED))
    op.create_table('price_publication',
    sa.Column('month', sa.String(length=7), nullable=False),
    sa.Column('rows', sa.JSON(), nullable=False),
    sa.Column('sentinels', sa.Integer(), nullable=False),
    sa.Column('expected', sa.Integer(), nullable=False),
    sa.Column('reported', sa.Integer(), nullable=False),
    sa.Column('published_at', sa.DateTime(), nullable=False),
    sa.Column('published_by_id', sa.Integer(), nullable=True),
    sa.Column('published_by_name', sa.String(length=64), nullable=False),
    sa.CheckConstraint('length(month) = 7', name=op.f('ck_price_publication_month_form')),
    sa.ForeignKeyConstraint(['published_by_id'], ['user_account.id'], name=op.f('fk_price_publication_published_by_id_user_account')),
    sa.PrimaryKeyConstraint('month', name=op.f('pk_price_publication'))
    )
    op.create_table('sentinel',
    sa.Column('id', sa.Integer(), nullable=False),
    sa.Column('institution_id', sa.Integer(), nullable=False),
    sa.Column('valid_from', sa.Date(), nullable=False),
    sa.Column('valid_to', sa.Date(), nullable=True),
    sa.Column('set_by_name', sa.String(length=64), nullable=False),
    sa.Column('recorded_at', sa.DateTime(), nullable=False),
    sa.CheckConstraint('valid_to IS NULL OR valid_to >= valid_from', name=op.f('ck_sentinel_days_in_order')),
    sa.ForeignKeyConstraint(['institution_id'], ['institution.id'], name=op.f('fk_sentinel_institution_id_institution')),
    sa.PrimaryKeyConstraint('id', name=op.f('pk_sentinel')),
    sa.UniqueConstraint('institution_id', 'valid_from', name=op.f('uq_sentinel_institution_id_valid_from'))
    )
    op.create_table('watched_item',
    sa.Column('id', sa.Integer(), nullable=False),
    sa.Column('item_id', sa.Integer(), nullable=False),
    sa.Column('valid_from', sa.Date(), nullable=False),
    sa.Column('valid_to', sa.Date(), nullable=True),
    sa.Column('set_by_name', sa.String(length=64), nullable=False),
    sa.Column('recorded_at', sa.DateTime(), nullable=False),
    sa.CheckConstraint('valid_to IS NULL OR valid_to >= valid_from', name=op.f('ck_watched_item_days_in_order')),
    sa.ForeignKeyConstraint(['item_id'], ['item.id'], name=op.f('fk_watched_item_item_id_item')),
    sa.PrimaryKeyConstraint('id', name=op.f('pk_watched_item')),
    sa.UniqueConstraint('item_id', 'valid_from', name=op.f('uq_watched_item_item_id_valid_from'))
    )
    op.create_table('listed_product',
    sa.Column('product_code', sa.String(length=64), nullable=False),
    sa.Column('variety', sa.String(length=200), nullable=False),
    sa.Column('product_name', sa.String(length=200), nullable=False),
    sa.Column('manufacturer', sa.String(length=200), nullable=False),
    sa.Column('status', sa.String(length=32), nullable=False),
    sa.Column('listed_from', sa.Date(), nullable=False),
    sa.Column('price', sa.BigInteger(), nullable=False),
    sa.Column('own_selected_price', sa.BigInteger(), nullable=True),
    sa.Column('highest_selected_price', sa.BigInteger(), nullable=True),
    sa.Column('highest_listed_price', sa.BigInteger(), nullable=True),
    sa.Column('id', sa.Integer(), nullable=False),
    sa.Column('recorded_at', sa.DateTime(), nullable=False),
    sa.Column('replaced_at', sa.DateTime(), nullable=True),
    sa.Column('replaces_id', sa.Integer(), nullable=True),
    sa.Column('import_batch_id', sa.Integer(), nullable=True),
    sa.CheckConstraint('price > 0', name=op.f('ck_listed_product_price_above_zero')),
    sa.CheckConstraint('replaced_at IS NULL OR replaced_at >= recorded_at', name=op.f('ck_listed_product_replaced_later')),
    sa.ForeignKeyConstraint(['import_batch_id'], ['import_batch.id'], name=op.f('fk_listed_product_import_batch_id_import_batch')),
    sa.PrimaryKeyConstraint('id', name=op.f('pk_listed_product'))
    )
    with op.batch_alter_table('listed_product', schema=None) as batch_op:
        batch_op.create_index(batch_op.f('ix_listed_product_import_batch_id'), ['import_batch_id'], unique=False)
        batch_op.create_index('uq_listed_product_standing', ['product_code', 'listed_from'], unique=True, sqlite_where=sa.text('replaced_at IS NULL'), postgresql_where=sa.text('replaced_at IS NULL'))

    op.create_table('monitored_price',
    sa.Column('institution_id', sa.Integer(), nullable=False),
    sa.Column('item_id', sa.Integer(), nullable=False),
    sa.Column('observed_on', sa.Date(), nullable=False),
    sa.Column('price', sa.BigInteger(), nullable=True),
    sa.Column('out_of_stock', sa.Boolean(), nullable=False),
    sa.Column('id', sa.Integer(), nullable=False),
    sa.Column('recorded_at', sa.DateTime(), nullable=False),
    sa.Column('replaced_at', sa.DateTime(), nullable=True),
    sa.Column('replaces_id', sa.Integer(), nullable=True),
    sa.Column('import_batch_id', sa.Integer(), nullable=True),
    sa.CheckConstraint('price IS NOT NULL OR out_of_stock', name=op.f('ck_monitored_price_price_or_out')),
    sa.CheckConstraint('price IS NULL OR price > 0', name=op.f('ck_monitored_price_price_above_zero')),
    sa.CheckConstraint('replaced_at IS NULL OR replaced_at >= recorded_at', name=op.f('ck_monitored_price_replaced_later')),
    sa.ForeignKeyConstraint(['import_batch_id'], ['import_batch.id'], name=op.f('fk_monitored_price_import_batch_id_import_batch')),
    sa.ForeignKeyConstraint(['institution_id'], ['institution.id'], name=op.f('fk_monitored_price_institution_id_institution')),
    sa.ForeignKeyConstraint(['item_id'], ['item.id'], name=op.f('fk_monitored_price_item_id_item')),
    sa.PrimaryKeyConstraint('id', name=op.f('pk_monitored_price'))
    )
    with op.batch_alter_table('monitored_price', schema=None) as batch_op:
        batch_op.create_index('ix_monitored_price_day', ['observed_on', 'institution_id'], unique=False, sqlite_where=sa.text('replaced_at IS NULL'), postgresql_where=sa.text('replaced_at IS NULL'))
        batch_op.create_index(batch_op.f('ix_monitored_price_import_batch_id'), ['import_batch_id'], unique=False)
        batch_op.create_index('uq_monitored_price_standing', ['institution_id', 'item_id', 'observed_on'], unique=True, sqlite_where=sa.text('replaced_at IS NULL'), postgresql_where=sa.text('replaced_at IS NULL'))



def downgrade() -> None:
    # A finding of a rule that is not known before would break the narrower list.
    op.execute(
        "DELETE FROM finding_history WHERE finding_id IN"
        " (SELECT id FROM finding WHERE rule IN ('monitored_rise', 'monitored_changes'))"
    )
    op.execute("DELETE FROM finding WHERE rule IN ('monitored_rise', 'monitored_changes')")
    _findings_of(RULES)
    with op.batch_alter_table('monitored_price', schema=None) as batch_op:
        batch_op.drop_index('uq_monitored_price_standing', sqlite_where=sa.text('replaced_at IS NULL'), postgresql_where=sa.text('replaced_at IS NULL'))
        batch_op.drop_index(batch_op.f('ix_monitored_price_import_batch_id'))
        batch_op.drop_index('ix_monitored_price_day', sqlite_where=sa.text('replaced_at IS NULL'), postgresql_where=sa.text('replaced_at IS NULL'))

    op.drop_table('monitored_price')
    with op.batch_alter_table('listed_product', schema=None) as batch_op:
        batch_op.drop_index('uq_listed_product_standing', sqlite_where=sa.text('replaced_at IS NULL'), postgresql_where=sa.text('replaced_at IS NULL'))
        batch_op.drop_index(batch_op.f('ix_listed_product_import_batch_id'))

    op.drop_table('listed_product')
    op.drop_table('watched_item')
    op.drop_table('sentinel')
    op.drop_table('price_publication')
