"""What is public.

Revision ID: 0033
Revises: 0032
"""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

revision = "0033"
down_revision = "0032"
branch_labels = None
depends_on = None

def upgrade() -> None:

    op.create_table('hidden_phone',
    sa.Column('institution_id', sa.Integer(), nullable=False),
    sa.Column('hidden_at', sa.DateTime(), nullable=False),
    sa.Column('hidden_by', sa.String(length=64), nullable=False),
    sa.ForeignKeyConstraint(['institution_id'], ['institution.id'], name=op.f('fk_hidden_phone_institution_id_institution')),
    sa.PrimaryKeyConstraint('institution_id', name=op.f('pk_hidden_phone'))
    )
    op.create_table('price_comparison',
    sa.Column('id', sa.Integer(), nullable=False),
    sa.Column('month', sa.String(length=7), nullable=False),
    sa.Column('item_id', sa.Integer(), nullable=False),
    sa.Column('county_code', sa.String(length=12), nullable=False),
    sa.Column('shops', sa.Integer(), nullable=False),
    sa.Column('lowest', sa.BigInteger(), nullable=False),
    sa.Column('highest', sa.BigInteger(), nullable=False),
    sa.Column('total', sa.BigInteger(), nullable=False),
    sa.Column('made_at', sa.DateTime(), nullable=False),
    sa.CheckConstraint('length(month) = 7', name=op.f('ck_price_comparison_month_form')),
    sa.CheckConstraint('lowest > 0 AND highest >= lowest', name=op.f('ck_price_comparison_prices_in_order')),
    sa.CheckConstraint('shops >= 1', name=op.f('ck_price_comparison_somebody_posts')),
    sa.ForeignKeyConstraint(['county_code'], ['county.code'], name=op.f('fk_price_comparison_county_code_county')),
    sa.ForeignKeyConstraint(['item_id'], ['item.id'], name=op.f('fk_price_comparison_item_id_item')),
    sa.PrimaryKeyConstraint('id', name=op.f('pk_price_comparison'))
    )
    with op.batch_alter_table('price_comparison', schema=None) as batch_op:
        batch_op.create_index(batch_op.f('ix_price_comparison_item_id'), ['item_id'], unique=False)
        batch_op.create_index('uq_price_comparison_row', ['month', 'item_id', 'county_code'], unique=True)

    op.create_table('public_matter',
    sa.Column('matter', sa.Enum('offers', 'comparison', 'roster', 'bulletins', 'monitoring', name='matter', native_enum=False, create_constraint=True, length=32), nullable=False),
    sa.Column('open', sa.Boolean(), nullable=False),
    sa.Column('document_no', sa.String(length=128), nullable=False),
    sa.Column('decided_at', sa.DateTime(), nullable=False),
    sa.Column('decided_by_id', sa.Integer(), nullable=True),
    sa.Column('decided_by', sa.String(length=64), nullable=False),
    sa.Column('version', sa.Integer(), nullable=False),
    sa.ForeignKeyConstraint(['decided_by_id'], ['user_account.id'], name=op.f('fk_public_matter_decided_by_id_user_account')),
    sa.PrimaryKeyConstraint('matter', name=op.f('pk_public_matter'))
    )

def downgrade() -> None:

    op.drop_table('public_matter')
    with op.batch_alter_table('price_comparison', schema=None) as batch_op:
        batch_op.drop_index('uq_price_comparison_row')
        batch_op.drop_index(batch_op.f('ix_price_comparison_item_id'))

    op.drop_table('price_comparison')
    op.drop_table('hidden_phone')

