"""trace codes of sales by month on PostgreSQL, those that came twice, and codes of returns in rows.

Revision ID: 0026
Revises: 0025
"""

from __future__ import annotations

from datetime import date

import sqlalchemy as sa
from alembic import op

revision = "0026"
down_revision = "0025"
branch_labels = None
depends_on = None

TABLE = "sale_code"
KEY = "pk_sale_code"
POINTER = "fk_sale_code_sale_line_id_sale_line"
BY_LINE = "ix_sale_code_sale_line_id"


def _is_postgresql() -> bool:
    return op.get_bind().dialect.name == "postgresql"


def _put_aside() -> None:
    """Rename the table; its names are wanted by the new one."""
    op.drop_index(op.f(BY_LINE), table_name=TABLE)
    if _is_postgresql():
        op.drop_constraint(op.f(POINTER), TABLE, type_="foreignkey")
        op.drop_constraint(op.f(KEY), TABLE, type_="primary")
    op.rename_table(TABLE, f"{TABLE}_before")


def _months() -> None:
    """A part for every month that has codes, and one for those to come until the nightly job has made theirs."""
    op.execute(f"CREATE TABLE {TABLE}_rest PARTITION OF {TABLE} DEFAULT")
    months = sa.text(
        "SELECT DISTINCT date_trunc('month', l.sold_on)::date FROM sale_line l"
        f" WHERE EXISTS (SELECT 1 FROM {TABLE}_before c WHERE c.sale_line_id = l.id)"  # noqa: S608
    )
    for first in sorted(op.get_bind().scalars(months).all()):
        following = date(first.year + first.month // 12, first.month % 12 + 1, 1)
        op.execute(
            f"CREATE TABLE {TABLE}_{first:%Y_%m} PARTITION OF {TABLE}"
            f" FOR VALUES FROM ('{first}') TO ('{following}')"
        )


def upgrade() -> None:
    _put_aside()
    op.create_table(
        TABLE,
        sa.Column("code", sa.String(length=64), nullable=False),
        sa.Column("sale_line_id", sa.Integer(), nullable=False),
        sa.Column("sold_on", sa.Date(), nullable=False),
        sa.ForeignKeyConstraint(["sale_line_id"], ["sale_line.id"], name=op.f(POINTER)),
        sa.PrimaryKeyConstraint("code", "sale_line_id", "sold_on", name=op.f(KEY)),
        sqlite_with_rowid=False,
        postgresql_partition_by="RANGE (sold_on)",
    )
    if _is_postgresql():
        _months()
    op.execute(
        f"INSERT INTO {TABLE} (code, sale_line_id, sold_on) SELECT c.code, c.sale_line_id, l.sold_on"  # noqa: S608
        f" FROM {TABLE}_before c JOIN sale_line l ON l.id = c.sale_line_id ORDER BY 1, 2"
    )
    op.create_index(op.f(BY_LINE), TABLE, ["sale_line_id"], unique=False)
    op.drop_table(f"{TABLE}_before")

    op.create_table(
        "repeated_code",
        sa.Column("code", sa.String(length=64), nullable=False),
        sa.PrimaryKeyConstraint("code", name=op.f("pk_repeated_code")),
        sqlite_with_rowid=False,
    )
    op.execute(
        f"INSERT INTO repeated_code (code) SELECT code FROM {TABLE} GROUP BY code HAVING count(*) > 1"  # noqa: S608
    )

    op.create_table(
        "return_code",
        sa.Column("return_line_id", sa.Integer(), nullable=False),
        sa.Column("code", sa.String(length=64), nullable=False),
        sa.ForeignKeyConstraint(
            ["return_line_id"], ["return_line.id"], name=op.f("fk_return_code_return_line_id_return_line")
        ),
        sa.PrimaryKeyConstraint("return_line_id", "code", name=op.f("pk_return_code")),
    )
    op.create_index(op.f("ix_return_code_code"), "return_code", ["code"], unique=False)
    rows = [
        {"return_line_id": number, "code": code}
        for number, codes in op.get_bind().execute(sa.text("SELECT id, codes FROM return_line WHERE codes <> ''"))
        for code in sorted(set(codes.split()))
    ]
    table = sa.table("return_code", sa.column("return_line_id"), sa.column("code"))
    op.bulk_insert(table, rows)
    with op.batch_alter_table("return_line") as batch_op:
        batch_op.drop_column("codes")


def downgrade() -> None:
    with op.batch_alter_table("return_line") as batch_op:
        batch_op.add_column(sa.Column("codes", sa.Text(), nullable=False, server_default=""))
    found: dict[int, list[str]] = {}
    statement = sa.text("SELECT return_line_id, code FROM return_code ORDER BY return_line_id, code")
    for number, code in op.get_bind().execute(statement):
        found.setdefault(number, []).append(code)
    for number, codes in found.items():
        op.get_bind().execute(
            sa.text("UPDATE return_line SET codes = :codes WHERE id = :id"),
            {"id": number, "codes": " ".join(codes)},
        )
    with op.batch_alter_table("return_line") as batch_op:
        batch_op.alter_column("codes", server_default=None)
    op.drop_index(op.f("ix_return_code_code"), table_name="return_code")
    op.drop_table("return_code")
    op.drop_table("repeated_code")

    _put_aside()
    op.create_table(
        TABLE,
        sa.Column("code", sa.String(length=64), nullable=False),
        sa.Column("sale_line_id", sa.Integer(), nullable=False),
        sa.ForeignKeyConstraint(["sale_line_id"], ["sale_line.id"], name=op.f(POINTER)),
        sa.PrimaryKeyConstraint("code", "sale_line_id", name=op.f(KEY)),
        sqlite_with_rowid=False,
    )
    op.execute(
        f"INSERT INTO {TABLE} (code, sale_line_id) SELECT code, sale_line_id FROM {TABLE}_before"  # noqa: S608
    )
    op.create_index(op.f(BY_LINE), TABLE, ["sale_line_id"], unique=False)
    op.drop_table(f"{TABLE}_before")
