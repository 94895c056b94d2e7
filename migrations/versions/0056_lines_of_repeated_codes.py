"""of a code that came on several sale lines, all of these lines.

Revision ID: 0056
Revises: 0055
"""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

revision = "0056"
down_revision = "0055"
branch_labels = None
depends_on = None

TABLE = "repeated_code"
KEY = "pk_repeated_code"


def _put_aside() -> None:
    op.rename_table(TABLE, f"{TABLE}_before")
    if op.get_bind().dialect.name == "postgresql":
        # The key's name is wanted again; SQLite knows it within its table only.
        op.execute(f"ALTER INDEX {KEY} RENAME TO {KEY}_before")


def upgrade() -> None:
    _put_aside()
    op.create_table(
        TABLE,
        sa.Column("code", sa.String(length=64), nullable=False),
        sa.Column("sale_line_id", sa.Integer(), nullable=False),
        sa.Column("sold_on", sa.Date(), nullable=False),
        sa.ForeignKeyConstraint(
            ["sale_line_id"], ["sale_line.id"], name=op.f("fk_repeated_code_sale_line_id_sale_line")
        ),
        sa.PrimaryKeyConstraint("code", "sale_line_id", name=op.f(KEY)),
        sqlite_with_rowid=False,
    )
    op.execute(
        f"INSERT INTO {TABLE} (code, sale_line_id, sold_on) SELECT c.code, c.sale_line_id, c.sold_on"  # noqa: S608
        f" FROM {TABLE}_before b JOIN sale_code c ON c.code = b.code"
    )
    op.create_index(op.f("ix_repeated_code_sold_on"), TABLE, ["sold_on"], unique=False)
    op.drop_table(f"{TABLE}_before")
    # Where the other tables have statistics and this one has none, the planner takes it for small.
    op.execute(f"ANALYZE {TABLE}")


def downgrade() -> None:
    _put_aside()
    op.create_table(
        TABLE,
        sa.Column("code", sa.String(length=64), nullable=False),
        sa.PrimaryKeyConstraint("code", name=op.f(KEY)),
        sqlite_with_rowid=False,
    )
    op.execute(f"INSERT INTO {TABLE} (code) SELECT DISTINCT code FROM {TABLE}_before")  # noqa: S608
    op.drop_table(f"{TABLE}_before")
