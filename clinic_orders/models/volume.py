"""Agreed volume 约定采购量 and supply problems 供应问题 (R-VOL)."""

from __future__ import annotations

from datetime import date, datetime

from sqlalchemy import CheckConstraint, ForeignKey, Index, String, text
from sqlalchemy.orm import Mapped, mapped_column

from clinic_orders.models.base import Base
from clinic_orders.models.recorded import STANDING, Recorded, standing_index, standing_key

_NOT_REFUSED = f"refused_at IS NULL AND {STANDING}"


class AgreedVolume(Recorded, Base):
    """What an institution has agreed to buy of an item in a cycle, in packs (R-VOL-1).

    The cycle belongs to the item: its two days are the same in every row of the item that stands
    (``rules.volume``; ``db check`` looks for rows that differ). ``already_adjusted``: the bureau says that the figure
    takes account of membership that did not last the whole cycle (R-VOL-3).
    """

    __tablename__ = "agreed_volume"

    institution_id: Mapped[int] = mapped_column(ForeignKey("institution.id"))
    item_id: Mapped[int] = mapped_column(ForeignKey("item.id"))
    cycle_start: Mapped[date]
    cycle_end: Mapped[date]
    reported_packs: Mapped[int | None]
    agreed_packs: Mapped[int]
    already_adjusted: Mapped[bool] = mapped_column(default=False)

    __table_args__ = (
        standing_key("agreed_volume", "institution_id", "item_id", "cycle_start"),
        # The cycles of an item, without its institutions; the cycles that hold a day or ended the day before.
        standing_index("ix_agreed_volume_cycle", "item_id", "cycle_start", "cycle_end"),
        standing_index("ix_agreed_volume_days", "cycle_end", "cycle_start"),
        CheckConstraint("cycle_end >= cycle_start", name="days_in_order"),
        CheckConstraint("agreed_packs >= 1", name="agreed_at_least_one"),
        CheckConstraint("reported_packs IS NULL OR reported_packs >= 0", name="reported_not_negative"),
        CheckConstraint("replaced_at IS NULL OR replaced_at >= recorded_at", name="replaced_later"),
    )


class SupplyProblem(Recorded, Base):
    """An item that can't be had in a county, or in the whole city, from a day on (R-VOL-7).

    It is reported, then verified or refused by the bureau; only a verified one makes its backup item count. Being
    verified, refused and ended are facts of their own with their instants, so they stand in the row itself.
    ``county_code`` None is the city. ``verified_by`` is a name; a file always has one.
    """

    __tablename__ = "supply_problem"

    item_id: Mapped[int] = mapped_column(ForeignKey("item.id"))
    county_code: Mapped[str | None] = mapped_column(ForeignKey("county.code"), index=True)
    first_day: Mapped[date]
    last_day: Mapped[date | None]
    backup_item_id: Mapped[int | None] = mapped_column(ForeignKey("item.id"), index=True)
    reported_at: Mapped[datetime]
    reported_by_id: Mapped[int | None] = mapped_column(ForeignKey("user_account.id"))
    reported_by_name: Mapped[str] = mapped_column(String(64), default="")
    reporting_institution_id: Mapped[int | None] = mapped_column(ForeignKey("institution.id"), index=True)
    reporting_distributor_id: Mapped[int | None] = mapped_column(ForeignKey("distributor.id"), index=True)
    words: Mapped[str] = mapped_column(String(200), default="")
    verified_at: Mapped[datetime | None]
    verified_by_id: Mapped[int | None] = mapped_column(ForeignKey("user_account.id"))
    verified_by: Mapped[str] = mapped_column(String(64), default="")
    refused_at: Mapped[datetime | None]
    refused_by_id: Mapped[int | None] = mapped_column(ForeignKey("user_account.id"))
    refusal_reason: Mapped[str] = mapped_column(String(200), default="")
    ended_at: Mapped[datetime | None]
    ended_by_id: Mapped[int | None] = mapped_column(ForeignKey("user_account.id"))
    version: Mapped[int] = mapped_column(default=1)

    __mapper_args__ = {"version_id_col": version}
    __table_args__ = (
        # What was refused may be reported again. Two empty counties are not equal to a database, so the whole
        # city has a key of its own.
        Index(
            "uq_supply_problem_county",
            "item_id",
            "county_code",
            "first_day",
            unique=True,
            sqlite_where=text(_NOT_REFUSED),
            postgresql_where=text(_NOT_REFUSED),
        ),
        Index(
            "uq_supply_problem_city",
            "item_id",
            "first_day",
            unique=True,
            sqlite_where=text(f"county_code IS NULL AND {_NOT_REFUSED}"),
            postgresql_where=text(f"county_code IS NULL AND {_NOT_REFUSED}"),
        ),
        CheckConstraint("last_day IS NULL OR last_day >= first_day", name="days_in_order"),
        CheckConstraint("backup_item_id IS NULL OR backup_item_id <> item_id", name="backup_is_another"),
        CheckConstraint("(verified_at IS NULL) = (verified_by = '')", name="verified_by_somebody"),
        CheckConstraint("verified_at IS NULL OR refused_at IS NULL", name="not_verified_and_refused"),
        CheckConstraint("(refused_at IS NULL) = (refusal_reason = '')", name="refusal_has_reason"),
        CheckConstraint("import_batch_id IS NULL OR verified_at IS NOT NULL", name="imported_is_verified"),
        CheckConstraint("replaced_at IS NULL OR replaced_at >= recorded_at", name="replaced_later"),
    )
