"""stamps of the catalogue, the policy and the relations, kept by triggers.

Revision ID: 0007
Revises: 0006
"""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

revision = '0007'
down_revision = '0006'
branch_labels = None
depends_on = None

WATCHED = {
    'catalogue': ('item', 'price', 'edition', 'edition_item'),
    'policy': ('policy_value',),
    'relations': ('delivery_relation',),
}
CHANGES = ('INSERT', 'UPDATE', 'DELETE')


def upgrade() -> None:
    op.create_table('stamp',
    sa.Column('name', sa.String(length=32), nullable=False),
    sa.Column('token', sa.String(length=32), nullable=False),
    sa.PrimaryKeyConstraint('name', name=op.f('pk_stamp'))
    )
    sqlite = op.get_bind().dialect.name == 'sqlite'
    token = 'lower(hex(randomblob(16)))' if sqlite else "replace(gen_random_uuid()::text, '-', '')"
    for name in WATCHED:
        op.execute(f"INSERT INTO stamp (name, token) VALUES ('{name}', {token})")
    if not sqlite:
        # Before the change, not after it: whoever changes a watched table waits here for his turn, holding nothing
        # of that table yet, so that two who import at once do not lock each other out.
        op.execute(f"""
            CREATE FUNCTION new_stamp() RETURNS trigger LANGUAGE plpgsql AS $$
            BEGIN
                UPDATE stamp SET token = {token} WHERE name = TG_ARGV[0];
                RETURN NULL;
            END
            $$
        """)
    for name, tables in WATCHED.items():
        for table in tables:
            if sqlite:
                for change in CHANGES:
                    op.execute(f"""
                        CREATE TRIGGER {table}_{change.lower()}_new_stamp AFTER {change} ON {table}
                        BEGIN UPDATE stamp SET token = {token} WHERE name = '{name}'; END
                    """)
            else:
                op.execute(f"""
                    CREATE TRIGGER {table}_new_stamp BEFORE INSERT OR UPDATE OR DELETE OR TRUNCATE ON {table}
                    FOR EACH STATEMENT EXECUTE FUNCTION new_stamp('{name}')
                """)


def downgrade() -> None:
    sqlite = op.get_bind().dialect.name == 'sqlite'
    for tables in WATCHED.values():
        for table in tables:
            if sqlite:
                for change in CHANGES:
                    op.execute(f'DROP TRIGGER {table}_{change.lower()}_new_stamp')
            else:
                op.execute(f'DROP TRIGGER {table}_new_stamp ON {table}')
    if not sqlite:
        op.execute('DROP FUNCTION new_stamp()')
    op.drop_table('stamp')
