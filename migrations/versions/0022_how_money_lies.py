"""How the money of each pair lies, with the changes behind it noted by triggers.

Every pair that has a receipt or a payment is noted as changed, so that the first run of the job lays it out.

Revision ID: 0022
Revises: 0021
"""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

revision = "0022"
down_revision = "0021"
branch_labels = None
depends_on = None

# Of each table what decides about money: the columns, when a row matters at all, and whose money it is.
WATCHED = {
    "shipment": (
        ("paying_id", "distributor_id", "order_id", "receipt_no", "accepted_at", "due_on", "owed"),
        "accepted_at IS NOT NULL",
        None,
    ),
    "goods_return": (
        ("shipment_id", "agreed_at", "amount"),
        "agreed_at IS NOT NULL",
        ("shipment", "id", "shipment_id"),
    ),
    "payment": (
        (
            "paying_id",
            "distributor_id",
            "payment_no",
            "shipment_id",
            "amount",
            "paid_on",
            "confirmed_at",
            "disputed_at",
            "upheld_at",
            "withdrawn_at",
        ),
        "true",
        None,
    ),
    "order_double": (
        ("set_aside_id",),
        "set_aside_id IS NOT NULL",
        ("shipment", "order_id", "set_aside_id"),
    ),
}


def whose(row: str, through: tuple[str, str, str] | None) -> str:
    """The pair of a row, as the columns and tables of a SELECT."""
    if through is None:
        return f"SELECT {row}.paying_id AS paying_id, {row}.distributor_id AS distributor_id"
    table, column, pointer = through
    return (
        f"SELECT owed.paying_id AS paying_id, owed.distributor_id AS distributor_id"
        f" FROM {table} AS owed WHERE owed.{column} = {row}.{pointer} AND owed.accepted_at IS NOT NULL"
    )


def sqlite_triggers(table: str) -> list[str]:
    """Row by row; a pair that is noted already is not noted again."""
    columns, matters, through = WATCHED[table]
    made = []
    for change, rows in (("INSERT", ("NEW",)), ("UPDATE", ("OLD", "NEW")), ("DELETE", ("OLD",))):
        of = f" OF {', '.join(columns)}" if change == "UPDATE" else ""
        when = " OR ".join("1" if matters == "true" else f"{row}.{matters}" for row in rows)
        notes = "".join(
            f"""
                INSERT INTO payable_change (paying_id, distributor_id)
                SELECT whose.paying_id, whose.distributor_id FROM ({whose(row, through)}) AS whose
                WHERE NOT EXISTS (SELECT 1 FROM payable_change AS noted
                    WHERE noted.paying_id = whose.paying_id AND noted.distributor_id = whose.distributor_id);"""
            for row in rows
        )
        made.append(f"""
            CREATE TRIGGER {table}_{change.lower()}_payable_change AFTER {change}{of} ON {table} WHEN {when}
            BEGIN{notes}
            END
        """)
    return made


def postgresql_triggers(table: str) -> list[str]:
    """Statement by statement, so that a COPY of many rows notes each pair once."""
    columns, matters, through = WATCHED[table]
    condition = "true" if matters == "true" else f"one.{matters}"
    differ = " OR ".join(f"old_row.{name} IS DISTINCT FROM new_row.{name}" for name in columns)
    changed = f"""
        SELECT old_row.* FROM old_rows old_row LEFT JOIN new_rows new_row ON new_row.id = old_row.id
        WHERE new_row.id IS NULL OR {differ}
        UNION ALL
        SELECT new_row.* FROM new_rows new_row LEFT JOIN old_rows old_row ON old_row.id = new_row.id
        WHERE old_row.id IS NULL OR {differ}
    """
    kinds = (
        ("insert", "NEW TABLE AS new_rows", "SELECT * FROM new_rows"),
        ("update", "OLD TABLE AS old_rows NEW TABLE AS new_rows", changed),
        ("delete", "OLD TABLE AS old_rows", "SELECT * FROM old_rows"),
    )
    made = []
    for change, tables, rows in kinds:
        name = f"{table}_{change}_payable_change"
        made += [
            f"""
            CREATE FUNCTION {name}() RETURNS trigger LANGUAGE plpgsql AS $$
            BEGIN
                INSERT INTO payable_change (paying_id, distributor_id)
                SELECT DISTINCT whose.paying_id, whose.distributor_id
                FROM ({rows}) AS one CROSS JOIN LATERAL ({whose("one", through)}) AS whose
                WHERE {condition};
                RETURN NULL;
            END
            $$
            """,
            f"""
            CREATE TRIGGER {name} AFTER {change.upper()} ON {table} REFERENCING {tables}
            FOR EACH STATEMENT EXECUTE FUNCTION {name}()
            """,
        ]
    return made


def upgrade() -> None:
    op.create_table(
        "payable_change",
        sa.Column("id", sa.Integer(), nullable=False),
        sa.Column("paying_id", sa.Integer(), nullable=False),
        sa.Column("distributor_id", sa.Integer(), nullable=False),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_payable_change")),
    )
    op.create_index("ix_payable_change_pair", "payable_change", ["paying_id", "distributor_id"])
    op.create_table(
        "payable_pair",
        sa.Column("paying_id", sa.Integer(), autoincrement=False, nullable=False),
        sa.Column("distributor_id", sa.Integer(), autoincrement=False, nullable=False),
        sa.Column("laid_on", sa.Date(), nullable=False),
        sa.Column("holds_until", sa.Date(), nullable=True),
        sa.Column("receipts", sa.Integer(), nullable=False),
        sa.Column("first_due", sa.Date(), nullable=True),
        sa.Column("last_due", sa.Date(), nullable=True),
        sa.Column("advance", sa.BigInteger(), nullable=False),
        sa.CheckConstraint(
            "(receipts = 0) = (last_due IS NULL)", name=op.f("ck_payable_pair_receipts_fall_due")
        ),
        sa.CheckConstraint(
            "holds_until IS NULL OR holds_until >= laid_on", name=op.f("ck_payable_pair_holds_a_day")
        ),
        sa.CheckConstraint(
            "receipts >= 0 AND advance >= 0", name=op.f("ck_payable_pair_nothing_below_zero")
        ),
        sa.PrimaryKeyConstraint("paying_id", "distributor_id", name=op.f("pk_payable_pair")),
    )
    op.create_index("ix_payable_pair_distributor", "payable_pair", ["distributor_id"])
    op.create_table(
        "payable_open",
        sa.Column("paying_id", sa.Integer(), autoincrement=False, nullable=False),
        sa.Column("distributor_id", sa.Integer(), autoincrement=False, nullable=False),
        sa.Column("shipment_id", sa.Integer(), autoincrement=False, nullable=False),
        sa.Column("receipt_no", sa.String(length=64), nullable=False),
        sa.Column("due_on", sa.Date(), nullable=False),
        sa.Column("outstanding", sa.BigInteger(), nullable=False),
        sa.CheckConstraint("outstanding > 0", name=op.f("ck_payable_open_something_outstanding")),
        sa.PrimaryKeyConstraint(
            "paying_id", "distributor_id", "shipment_id", name=op.f("pk_payable_open")
        ),
    )
    op.create_index("ix_payable_open_distributor", "payable_open", ["distributor_id"])
    sqlite = op.get_bind().dialect.name == "sqlite"
    for table in WATCHED:
        for statement in sqlite_triggers(table) if sqlite else postgresql_triggers(table):
            op.execute(statement)
    op.execute("""
        INSERT INTO payable_change (paying_id, distributor_id)
        SELECT paying_id, distributor_id FROM shipment WHERE accepted_at IS NOT NULL
        UNION SELECT paying_id, distributor_id FROM payment
    """)


def downgrade() -> None:
    sqlite = op.get_bind().dialect.name == "sqlite"
    for table in WATCHED:
        for change in ("insert", "update", "delete"):
            name = f"{table}_{change}_payable_change"
            if sqlite:
                op.execute(f"DROP TRIGGER IF EXISTS {name}")
            else:
                op.execute(f"DROP TRIGGER {name} ON {table}")
                op.execute(f"DROP FUNCTION {name}()")
    op.drop_table("payable_open")
    op.drop_table("payable_pair")
    op.drop_table("payable_change")
