"""Stock carried forward, with what disturbs it noted by triggers.

Revision ID: 0048
Revises: 0047
"""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

revision = "0048"
down_revision = "0047"
branch_labels = None
depends_on = None

# Of each table: the columns that decide about stock, when a row matters at all, and whose stock from which day on.
# {row} is the row, {instant:x} the day in China of an instant.
WATCHED = {
    "stock_count": (
        ("institution_id", "item_id", "counted_on", "base_units", "replaced_at"),
        "{row}.counted_on IS NOT NULL",
        "SELECT {row}.institution_id AS institution_id, {row}.counted_on AS day",
    ),
    "sale_line": (
        ("institution_id", "item_id", "sold_on", "base_units", "replaced_at"),
        "{row}.item_id IS NOT NULL",
        "SELECT {row}.institution_id AS institution_id, {row}.sold_on AS day",
    ),
    "shipment": (
        ("institution_id", "order_id", "accepted_at"),
        "{row}.accepted_at IS NOT NULL",
        "SELECT {row}.institution_id AS institution_id, {day:{row}.accepted_at} AS day",
    ),
    "shipment_line": (
        ("shipment_id", "order_line_id", "accepted_packs"),
        "{row}.accepted_packs IS NOT NULL",
        "SELECT head.institution_id AS institution_id, {day:head.accepted_at} AS day"
        " FROM shipment AS head WHERE head.id = {row}.shipment_id AND head.accepted_at IS NOT NULL",
    ),
    "goods_return": (
        ("institution_id", "shipment_id", "agreed_at"),
        "{row}.agreed_at IS NOT NULL",
        "SELECT {row}.institution_id AS institution_id, {day:{row}.agreed_at} AS day",
    ),
    "return_line": (
        ("return_id", "shipment_line_id", "packs"),
        "{row}.packs IS NOT NULL",
        "SELECT head.institution_id AS institution_id, {day:head.agreed_at} AS day"
        " FROM goods_return AS head WHERE head.id = {row}.return_id AND head.agreed_at IS NOT NULL",
    ),
    "order_double": (
        ("set_aside_id",),
        "{row}.set_aside_id IS NOT NULL",
        "SELECT head.institution_id AS institution_id, {day:head.accepted_at} AS day"
        " FROM shipment AS head WHERE head.order_id = {row}.set_aside_id AND head.accepted_at IS NOT NULL",
    ),
}
WATCHED_UNTIL = "(SELECT stock_watch.until FROM stock_watch)"


def written(text: str, row: str, *, sqlite: bool) -> str:
    """A piece of WATCHED for a row, as one of the databases takes it."""
    text = text.replace("{row}", row)
    while "{day:" in text:
        before, rest = text.split("{day:", 1)
        instant, after = rest.split("}", 1)
        day = f"date({instant}, '+8 hours')" if sqlite else f"({instant} + interval '8 hours')::date"
        text = f"{before}{day}{after}"
    return text


def sqlite_triggers(table: str) -> list[str]:
    """Row by row; what is noted already is not noted again."""
    columns, matters, whose = WATCHED[table]
    made = []
    for change, rows in (("INSERT", ("NEW",)), ("UPDATE", ("OLD", "NEW")), ("DELETE", ("OLD",))):
        of = f" OF {', '.join(columns)}" if change == "UPDATE" else ""
        when = " OR ".join(written(matters, row, sqlite=True) for row in rows)
        notes = "".join(
            f"""
                INSERT INTO stock_disturbed (institution_id, day)
                SELECT whose.institution_id, min(whose.day) FROM ({written(whose, row, sqlite=True)}) AS whose
                WHERE whose.day <= {WATCHED_UNTIL} AND NOT EXISTS (SELECT 1 FROM stock_disturbed AS noted
                    WHERE noted.institution_id = whose.institution_id AND noted.day <= whose.day)
                GROUP BY whose.institution_id;"""
            for row in rows
        )
        made.append(f"""
            CREATE TRIGGER {table}_{change.lower()}_stock_disturbed AFTER {change}{of} ON {table}
            WHEN ({when}) AND EXISTS (SELECT 1 FROM stock_watch)
            BEGIN{notes}
            END
        """)
    return made


def postgresql_triggers(table: str) -> list[str]:
    """Statement by statement, so that a COPY of many rows notes each institution once."""
    columns, matters, whose = WATCHED[table]
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
        name = f"{table}_{change}_stock_disturbed"
        made += [
            f"""
            CREATE FUNCTION {name}() RETURNS trigger LANGUAGE plpgsql AS $$
            BEGIN
                IF EXISTS (SELECT 1 FROM stock_watch) THEN
                    INSERT INTO stock_disturbed (institution_id, day)
                    SELECT whose.institution_id, min(whose.day)
                    FROM ({rows}) AS one CROSS JOIN LATERAL ({written(whose, "one", sqlite=False)}) AS whose
                    WHERE {written(matters, "one", sqlite=False)} AND whose.day <= {WATCHED_UNTIL}
                    GROUP BY whose.institution_id;
                END IF;
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
        "stock_watch",
        sa.Column("id", sa.Integer(), nullable=False),
        sa.Column("until", sa.Date(), nullable=False),
        sa.Column("ready_to", sa.Date(), nullable=True),
        sa.CheckConstraint("id = 1", name=op.f("ck_stock_watch_only_one")),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_stock_watch")),
    )
    op.create_table(
        "stock_disturbed",
        sa.Column("id", sa.Integer(), nullable=False),
        sa.Column("institution_id", sa.Integer(), nullable=False),
        sa.Column("day", sa.Date(), nullable=False),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_stock_disturbed")),
    )
    op.create_index("ix_stock_disturbed_institution", "stock_disturbed", ["institution_id", "day"])
    op.create_table(
        "stock_carried",
        sa.Column("institution_id", sa.Integer(), autoincrement=False, nullable=False),
        sa.Column("carried_on", sa.Date(), nullable=False),
        sa.PrimaryKeyConstraint("institution_id", "carried_on", name=op.f("pk_stock_carried")),
    )
    op.create_table(
        "stock_balance",
        sa.Column("carried_on", sa.Date(), nullable=False),
        sa.Column("institution_id", sa.Integer(), autoincrement=False, nullable=False),
        sa.Column("item_id", sa.Integer(), autoincrement=False, nullable=False),
        sa.Column("base_units", sa.Integer(), nullable=False),
        sa.Column("counted", sa.Boolean(), nullable=False),
        sa.PrimaryKeyConstraint("carried_on", "institution_id", "item_id", name=op.f("pk_stock_balance")),
        sqlite_with_rowid=False,
    )
    sqlite = op.get_bind().dialect.name == "sqlite"
    for table in WATCHED:
        for statement in sqlite_triggers(table) if sqlite else postgresql_triggers(table):
            op.execute(statement)


def downgrade() -> None:
    sqlite = op.get_bind().dialect.name == "sqlite"
    for table in WATCHED:
        for change in ("insert", "update", "delete"):
            name = f"{table}_{change}_stock_disturbed"
            if sqlite:
                op.execute(f"DROP TRIGGER IF EXISTS {name}")
            else:
                op.execute(f"DROP TRIGGER {name} ON {table}")
                op.execute(f"DROP FUNCTION {name}()")
    op.drop_table("stock_balance")
    op.drop_table("stock_carried")
    op.drop_table("stock_disturbed")
    op.drop_table("stock_watch")
