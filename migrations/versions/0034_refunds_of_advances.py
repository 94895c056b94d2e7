"""Refunds of what was paid ahead: rows among the payments, learnt by the triggers of kept money.

Revision ID: 0034
Revises: 0033
"""

from __future__ import annotations

import importlib.util
from pathlib import Path
from types import ModuleType

import sqlalchemy as sa
from alembic import op

revision = "0034"
down_revision = "0033"
branch_labels = None
depends_on = None


def payments_that_do_not_count() -> ModuleType:
    """The migration that made the triggers of payments the last time."""
    path = Path(__file__).with_name("0027_payments_that_do_not_count.py")
    spec = importlib.util.spec_from_file_location("payments_that_do_not_count", path)
    assert spec is not None and spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


def upgrade() -> None:
    with op.batch_alter_table("payment", schema=None) as batch_op:
        batch_op.add_column(sa.Column("is_refund", sa.Boolean(), nullable=False, server_default=sa.false()))
        batch_op.create_check_constraint(
            batch_op.f("ck_payment_refund_names_no_receipt"), "NOT (is_refund AND shipment_id IS NOT NULL)"
        )
    with op.batch_alter_table("payable_pair", schema=None) as batch_op:
        batch_op.drop_constraint(batch_op.f("ck_payable_pair_nothing_below_zero"), type_="check")
        batch_op.create_check_constraint(batch_op.f("ck_payable_pair_nothing_below_zero"), "receipts >= 0")
    payments_that_do_not_count().note_changes("rejected_at", "is_refund")


def downgrade() -> None:
    op.execute("DELETE FROM payment WHERE is_refund")
    op.execute("DELETE FROM payable_open")
    op.execute("DELETE FROM payable_pair")
    with op.batch_alter_table("payable_pair", schema=None) as batch_op:
        batch_op.drop_constraint(batch_op.f("ck_payable_pair_nothing_below_zero"), type_="check")
        batch_op.create_check_constraint(
            batch_op.f("ck_payable_pair_nothing_below_zero"), "receipts >= 0 AND advance >= 0"
        )
    with op.batch_alter_table("payment", schema=None) as batch_op:
        batch_op.drop_constraint(batch_op.f("ck_payment_refund_names_no_receipt"), type_="check")
        batch_op.drop_column("is_refund")
    payments_that_do_not_count().note_changes("rejected_at")
