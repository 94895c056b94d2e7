"""What an import batch did to every record, and when it was undone; the audit outlives what it speaks of.

Revision ID: 0006
Revises: 0005
"""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

revision = '0006'
down_revision = '0005'
branch_labels = None
depends_on = None


_POINTERS = ('institution', 'distributor')


def _guard_audit_again() -> None:
    """SQLite makes a changed table anew and forgets what refused to change or remove its rows."""
    if op.get_bind().dialect.name != 'sqlite':
        return
    for deed in ('UPDATE', 'DELETE'):
        op.execute(
            f'CREATE TRIGGER audit_entry_no_{deed.lower()} BEFORE {deed} ON audit_entry '
            f"BEGIN SELECT RAISE(ABORT, 'the audit is append-only: {deed} on audit_entry is refused'); END"
        )


def upgrade() -> None:
    op.create_table('batch_record',
    sa.Column('id', sa.Integer(), nullable=False),
    sa.Column('batch_id', sa.Integer(), nullable=False),
    sa.Column('table_name', sa.String(length=32), nullable=False),
    sa.Column('record_id', sa.Integer(), nullable=False),
    sa.Column('record_key', sa.String(length=64), nullable=False),
    sa.Column('name', sa.String(length=200), nullable=False),
    sa.Column('change', sa.Enum('created', 'changed', 'removed', name='record_change', native_enum=False, create_constraint=True, length=32), nullable=False),
    sa.Column('before', sa.JSON(none_as_null=True), nullable=True),
    sa.Column('after', sa.JSON(none_as_null=True), nullable=True),
    sa.ForeignKeyConstraint(['batch_id'], ['import_batch.id'], name=op.f('fk_batch_record_batch_id_import_batch')),
    sa.PrimaryKeyConstraint('id', name=op.f('pk_batch_record'))
    )
    with op.batch_alter_table('batch_record', schema=None) as batch_op:
        batch_op.create_index('ix_batch_record_batch', ['batch_id', 'id'], unique=False)
        batch_op.create_index('ix_batch_record_record', ['table_name', 'record_id', 'batch_id'], unique=False)

    with op.batch_alter_table('audit_entry', schema=None) as batch_op:
        for name in _POINTERS:
            batch_op.drop_constraint(f'fk_audit_entry_{name}_id_{name}', type_='foreignkey')
    _guard_audit_again()
    with op.batch_alter_table('import_batch', schema=None) as batch_op:
        batch_op.add_column(sa.Column('traced', sa.Boolean(), nullable=False, server_default=sa.false()))
        batch_op.add_column(sa.Column('undone_at', sa.DateTime(), nullable=True))
        batch_op.add_column(sa.Column('undone_by_id', sa.Integer(), nullable=True))
        batch_op.add_column(sa.Column('undone_by_name', sa.String(length=64), nullable=False, server_default=''))
        batch_op.create_foreign_key('fk_import_batch_undone_by_id_user_account', 'user_account', ['undone_by_id'], ['id'])


def downgrade() -> None:
    with op.batch_alter_table('import_batch', schema=None) as batch_op:
        batch_op.drop_constraint('fk_import_batch_undone_by_id_user_account', type_='foreignkey')
        for name in ('undone_by_name', 'undone_by_id', 'undone_at', 'traced'):
            batch_op.drop_column(name)
    with op.batch_alter_table('audit_entry', schema=None) as batch_op:
        for name in _POINTERS:
            batch_op.create_foreign_key(f'fk_audit_entry_{name}_id_{name}', name, [f'{name}_id'], ['id'])
    _guard_audit_again()
    op.drop_table('batch_record')
