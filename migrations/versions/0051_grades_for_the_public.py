"""grades for the public.

Revision ID: 0051
Revises: 0050
"""

from __future__ import annotations

from alembic import op

revision = "0051"
down_revision = "0050"
branch_labels = None
depends_on = None

BEFORE = ("offers", "comparison", "roster", "bulletins", "monitoring")


def _matters(names: tuple[str, ...]) -> None:
    with op.batch_alter_table("public_matter", schema=None) as batch_op:
        batch_op.drop_constraint(op.f("ck_public_matter_matter"), type_="check")
        batch_op.create_check_constraint(
            op.f("ck_public_matter_matter"), f"matter IN ({', '.join(repr(name) for name in names)})"
        )


def upgrade() -> None:
    _matters((*BEFORE, "grades"))


def downgrade() -> None:
    op.execute("DELETE FROM public_matter WHERE matter = 'grades'")
    _matters(BEFORE)
