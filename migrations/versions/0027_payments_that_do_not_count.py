"""The bureau decides against a disputed payment.

Revision ID: 0027
Revises: 0026
"""

from __future__ import annotations

import importlib.util
from pathlib import Path
from types import ModuleType

import sqlalchemy as sa
from alembic import op

from clinic_orders.models.base import UtcDateTime

revision = "0027"
down_revision = "0026"
branch_labels = None
depends_on = None


def how_money_lies() -> ModuleType:
    """The migration that made the triggers of payments: SQLite loses them where a table is made anew."""
    path = Path(__file__).with_name("0022_how_money_lies.py")
    spec = importlib.util.spec_from_file_location("how_money_lies", path)
    assert spec is not None and spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


def note_changes(*more: str) -> None:
    """Make the triggers of payments again, for these columns too."""
    made = how_money_lies()
    columns, matters, through = made.WATCHED["payment"]
    made.WATCHED["payment"] = ((*columns, *more), matters, through)
    if op.get_bind().dialect.name == "sqlite":
        for statement in made.sqlite_triggers("payment"):
            op.execute(statement)
        return
    for statement in made.postgresql_triggers("payment"):
        if "CREATE FUNCTION" in statement:
            op.execute(statement.replace("CREATE FUNCTION", "CREATE OR REPLACE FUNCTION"))


def upgrade() -> None:
    with op.batch_alter_table("payment", schema=None) as batch_op:
        batch_op.add_column(sa.Column("rejected_at", UtcDateTime(), nullable=True))
        batch_op.add_column(sa.Column("rejected_by_id", sa.Integer(), nullable=True))
        batch_op.add_column(
            sa.Column("rejected_by_name", sa.String(length=64), nullable=False, server_default="")
        )
        batch_op.add_column(
            sa.Column("rejection_reason", sa.String(length=200), nullable=False, server_default="")
        )
        batch_op.create_foreign_key(
            batch_op.f("fk_payment_rejected_by_id_user_account"), "user_account", ["rejected_by_id"], ["id"]
        )
        batch_op.create_check_constraint(
            batch_op.f("ck_payment_rejected_was_disputed"),
            "rejected_at IS NULL OR (disputed_at IS NOT NULL AND upheld_at IS NULL AND confirmed_at IS NULL)",
        )
        batch_op.create_check_constraint(
            batch_op.f("ck_payment_rejection_has_reason"), "(rejected_at IS NULL) = (rejection_reason = '')"
        )
    with op.batch_alter_table("payment", schema=None) as batch_op:
        batch_op.alter_column("rejected_by_name", server_default=None)
        batch_op.alter_column("rejection_reason", server_default=None)
    note_changes("rejected_at")


def downgrade() -> None:
    with op.batch_alter_table("payment", schema=None) as batch_op:
        batch_op.drop_constraint(batch_op.f("ck_payment_rejection_has_reason"), type_="check")
        batch_op.drop_constraint(batch_op.f("ck_payment_rejected_was_disputed"), type_="check")
        batch_op.drop_constraint(batch_op.f("fk_payment_rejected_by_id_user_account"), type_="foreignkey")
        batch_op.drop_column("rejection_reason")
        batch_op.drop_column("rejected_by_name")
        batch_op.drop_column("rejected_by_id")
        batch_op.drop_column("rejected_at")
    note_changes()
