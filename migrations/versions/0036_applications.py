"""Applications for the roster.

Revision ID: 0036
Revises: 0035
"""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

revision = "0036"
down_revision = "0035"
branch_labels = None
depends_on = None


def upgrade() -> None:
    op.create_table(
        "application",
        sa.Column("id", sa.Integer(), nullable=False),
        sa.Column("number", sa.String(length=32), nullable=False),
        sa.Column("secret_sha256", sa.String(length=64), nullable=False),
        sa.Column(
            "state",
            sa.Enum(
                "draft",
                "submitted",
                "returned",
                "assessed",
                "proposed",
                "published",
                "refused",
                "withdrawn",
                "admitted",
                name="application_state",
                native_enum=False,
                create_constraint=True,
                length=32,
            ),
            nullable=False,
        ),
        sa.Column("demo", sa.Boolean(), nullable=False),
        sa.Column(
            "kind",
            sa.Enum(
                "township_hospital",
                "community_health_center",
                "village_clinic",
                "community_health_station",
                "private_institution",
                "retail_pharmacy",
                name="institution_kind",
                native_enum=False,
                create_constraint=True,
                length=32,
            ),
            nullable=False,
        ),
        sa.Column("chain", sa.Boolean(), nullable=False),
        sa.Column("name", sa.String(length=200), nullable=False),
        sa.Column("county_code", sa.String(length=12), nullable=False),
        sa.Column("township", sa.String(length=64), nullable=False),
        sa.Column("address", sa.String(length=200), nullable=False),
        sa.Column("uscc", sa.String(length=18), nullable=False),
        sa.Column("nhsa_code", sa.String(length=32), nullable=False),
        sa.Column("licence_no", sa.String(length=64), nullable=False),
        sa.Column("licence_until", sa.Date(), nullable=True),
        sa.Column("legal_rep", sa.String(length=40), nullable=False),
        sa.Column("contact", sa.String(length=40), nullable=False),
        sa.Column("phone", sa.String(length=64), nullable=False),
        sa.Column("business", sa.Text(), nullable=False),
        sa.Column("lng", sa.BigInteger(), nullable=True),
        sa.Column("lat", sa.BigInteger(), nullable=True),
        sa.Column("people", sa.Integer(), nullable=True),
        sa.Column("people_source", sa.String(length=200), nullable=False),
        sa.Column("nearest_m", sa.Integer(), nullable=True),
        sa.Column("nearest_name", sa.String(length=200), nullable=False),
        sa.Column("facts", sa.JSON(), nullable=False),
        sa.Column("letter_version", sa.String(length=64), nullable=False),
        sa.Column("markup_rate", sa.BigInteger(), nullable=True),
        sa.Column("signed_by", sa.String(length=40), nullable=False),
        sa.Column("signed_at", sa.DateTime(), nullable=True),
        sa.Column("signed_device", sa.String(length=200), nullable=False),
        sa.Column("signed_mark", sa.Text(), nullable=False),
        sa.Column(
            "opinion",
            sa.Enum(
                "favourable",
                "unfavourable",
                name="opinion",
                native_enum=False,
                create_constraint=True,
                length=32,
            ),
            nullable=True,
        ),
        sa.Column(
            "decision",
            sa.Enum(
                "admit", "refuse", name="decision_kind", native_enum=False, create_constraint=True, length=32
            ),
            nullable=True,
        ),
        sa.Column("decided_by_id", sa.Integer(), nullable=True),
        sa.Column("decided_by_name", sa.String(length=64), nullable=False),
        sa.Column("published_on", sa.Date(), nullable=True),
        sa.Column("published_until", sa.Date(), nullable=True),
        sa.Column("institution_id", sa.Integer(), nullable=True),
        sa.Column("began_at", sa.DateTime(), nullable=False),
        sa.Column("submitted_at", sa.DateTime(), nullable=True),
        sa.Column("moved_at", sa.DateTime(), nullable=False),
        sa.Column("form_key", sa.String(length=64), nullable=False),
        sa.Column("version", sa.Integer(), nullable=False),
        sa.CheckConstraint(
            "(signed_at IS NULL) = (signed_by = '')", name=op.f("ck_application_signed_by_somebody")
        ),
        sa.CheckConstraint(
            "(state = 'admitted') = (institution_id IS NOT NULL)",
            name=op.f("ck_application_admitted_is_enrolled"),
        ),
        sa.CheckConstraint(
            "kind IN ('private_institution', 'retail_pharmacy')", name=op.f("ck_application_kinds_that_apply")
        ),
        sa.CheckConstraint(
            "state IN ('draft', 'returned', 'withdrawn') OR (submitted_at IS NOT NULL AND signed_at IS NOT NULL)",
            name=op.f("ck_application_sent_is_signed"),
        ),
        sa.CheckConstraint(
            "state NOT IN ('assessed', 'proposed', 'published', 'refused', 'admitted') OR opinion IS NOT NULL",
            name=op.f("ck_application_decided_after_opinion"),
        ),
        sa.CheckConstraint(
            "state NOT IN ('proposed', 'published', 'refused', 'admitted') OR decision IS NOT NULL",
            name=op.f("ck_application_decided_has_decision"),
        ),
        sa.CheckConstraint(
            "state NOT IN ('published', 'admitted') OR published_on IS NOT NULL",
            name=op.f("ck_application_admitted_was_published"),
        ),
        sa.CheckConstraint("(lng IS NULL) = (lat IS NULL)", name=op.f("ck_application_place_is_whole")),
        sa.CheckConstraint(
            "(published_on IS NULL) = (published_until IS NULL)", name=op.f("ck_application_list_has_days")
        ),
        sa.CheckConstraint(
            "markup_rate IS NULL OR markup_rate >= 0", name=op.f("ck_application_rate_not_negative")
        ),
        sa.CheckConstraint("people IS NULL OR people >= 0", name=op.f("ck_application_people_not_negative")),
        sa.ForeignKeyConstraint(
            ["county_code"], ["county.code"], name=op.f("fk_application_county_code_county")
        ),
        sa.ForeignKeyConstraint(
            ["decided_by_id"], ["user_account.id"], name=op.f("fk_application_decided_by_id_user_account")
        ),
        sa.ForeignKeyConstraint(
            ["institution_id"], ["institution.id"], name=op.f("fk_application_institution_id_institution")
        ),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_application")),
        sa.UniqueConstraint("form_key", name=op.f("uq_application_form_key")),
        sa.UniqueConstraint("number", name=op.f("uq_application_number")),
    )
    with op.batch_alter_table("application", schema=None) as batch_op:
        batch_op.create_index(batch_op.f("ix_application_county_code"), ["county_code"], unique=False)
        batch_op.create_index("ix_application_state_county", ["state", "county_code"], unique=False)
        batch_op.create_index(batch_op.f("ix_application_uscc"), ["uscc"], unique=False)

    op.create_table(
        "application_event",
        sa.Column("id", sa.Integer(), nullable=False),
        sa.Column("application_id", sa.Integer(), nullable=False),
        sa.Column(
            "step",
            sa.Enum(
                "begin",
                "fill_in",
                "sign",
                "submit",
                "send_back",
                "give_opinion",
                "admit",
                "refuse",
                "propose",
                "confirm",
                "overrule",
                "stop",
                "enrol",
                "withdraw",
                name="application_step",
                native_enum=False,
                create_constraint=True,
                length=32,
            ),
            nullable=False,
        ),
        sa.Column(
            "side",
            sa.Enum(
                "applicant",
                "county",
                "city",
                "second",
                name="application_side",
                native_enum=False,
                create_constraint=True,
                length=32,
            ),
            nullable=False,
        ),
        sa.Column("at", sa.DateTime(), nullable=False),
        sa.Column("by_id", sa.Integer(), nullable=True),
        sa.Column("by_name", sa.String(length=64), nullable=False),
        sa.Column("note", sa.Text(), nullable=False),
        sa.Column("facts", sa.JSON(), nullable=False),
        sa.ForeignKeyConstraint(
            ["application_id"],
            ["application.id"],
            name=op.f("fk_application_event_application_id_application"),
        ),
        sa.ForeignKeyConstraint(
            ["by_id"], ["user_account.id"], name=op.f("fk_application_event_by_id_user_account")
        ),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_application_event")),
    )
    with op.batch_alter_table("application_event", schema=None) as batch_op:
        batch_op.create_index(
            batch_op.f("ix_application_event_application_id"), ["application_id"], unique=False
        )

    op.create_table(
        "application_file",
        sa.Column("id", sa.Integer(), nullable=False),
        sa.Column("application_id", sa.Integer(), nullable=False),
        sa.Column(
            "use",
            sa.Enum(
                "business_licence",
                "trade_licence",
                "legal_rep_id",
                "agreement",
                "other",
                name="file_use",
                native_enum=False,
                create_constraint=True,
                length=32,
            ),
            nullable=False,
        ),
        sa.Column("name", sa.String(length=200), nullable=False),
        sa.Column("media_type", sa.String(length=64), nullable=False),
        sa.Column("size", sa.Integer(), nullable=False),
        sa.Column("sha256", sa.String(length=64), nullable=False),
        sa.Column("stored_as", sa.String(length=64), nullable=False),
        sa.Column("at", sa.DateTime(), nullable=False),
        sa.Column("removed_at", sa.DateTime(), nullable=True),
        sa.CheckConstraint("size > 0", name=op.f("ck_application_file_not_empty")),
        sa.ForeignKeyConstraint(
            ["application_id"],
            ["application.id"],
            name=op.f("fk_application_file_application_id_application"),
        ),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_application_file")),
        sa.UniqueConstraint("stored_as", name=op.f("uq_application_file_stored_as")),
    )
    with op.batch_alter_table("application_file", schema=None) as batch_op:
        batch_op.create_index(
            batch_op.f("ix_application_file_application_id"), ["application_id"], unique=False
        )

    op.create_table(
        "application_store",
        sa.Column("id", sa.Integer(), nullable=False),
        sa.Column("application_id", sa.Integer(), nullable=False),
        sa.Column("name", sa.String(length=200), nullable=False),
        sa.Column("county_code", sa.String(length=12), nullable=False),
        sa.Column("nhsa_code", sa.String(length=32), nullable=False),
        sa.Column("address", sa.String(length=200), nullable=False),
        sa.Column("lng", sa.BigInteger(), nullable=False),
        sa.Column("lat", sa.BigInteger(), nullable=False),
        sa.Column("people", sa.Integer(), nullable=False),
        sa.Column("nearest_m", sa.Integer(), nullable=True),
        sa.Column("nearest_name", sa.String(length=200), nullable=False),
        sa.ForeignKeyConstraint(
            ["application_id"],
            ["application.id"],
            name=op.f("fk_application_store_application_id_application"),
        ),
        sa.ForeignKeyConstraint(
            ["county_code"], ["county.code"], name=op.f("fk_application_store_county_code_county")
        ),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_application_store")),
        sa.UniqueConstraint(
            "application_id", "nhsa_code", name=op.f("uq_application_store_application_id_nhsa_code")
        ),
    )


def downgrade() -> None:
    op.drop_table("application_store")
    with op.batch_alter_table("application_file", schema=None) as batch_op:
        batch_op.drop_index(batch_op.f("ix_application_file_application_id"))

    op.drop_table("application_file")
    with op.batch_alter_table("application_event", schema=None) as batch_op:
        batch_op.drop_index(batch_op.f("ix_application_event_application_id"))

    op.drop_table("application_event")
    with op.batch_alter_table("application", schema=None) as batch_op:
        batch_op.drop_index(batch_op.f("ix_application_uscc"))
        batch_op.drop_index("ix_application_state_county")
        batch_op.drop_index(batch_op.f("ix_application_county_code"))

    op.drop_table("application")
