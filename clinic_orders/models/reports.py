"""What institutions report by hand, planned volume and months without sales, and what becomes of it (R-VOL-1)."""

from __future__ import annotations

from datetime import date, datetime

from sqlalchemy import CheckConstraint, ForeignKey, String
from sqlalchemy.orm import Mapped, mapped_column

from clinic_orders.models.base import Base
from clinic_orders.models.recorded import Recorded, standing_key


class PlannedVolume(Recorded, Base):
    """Packs of an item that an institution means to buy, reported for a quarter ``YYYY-Qn`` (报量, R-VOL-1).

    0 packs say that an item reported before is not wanted; a report of nothing but 0 is a report.
    """

    __tablename__ = "planned_volume"

    institution_id: Mapped[int] = mapped_column(ForeignKey("institution.id"), index=True)
    item_id: Mapped[int] = mapped_column(ForeignKey("item.id"))
    quarter: Mapped[str] = mapped_column(String(7))
    packs: Mapped[int]

    __table_args__ = (
        # The quarter comes first: the bureau asks who has reported it, and turns all of it into agreed volume.
        standing_key("planned_volume", "quarter", "institution_id", "item_id"),
        CheckConstraint("packs >= 0", name="packs_not_negative"),
        CheckConstraint("replaced_at IS NULL OR replaced_at >= recorded_at", name="replaced_later"),
    )


class NothingSold(Recorded, Base):
    """An institution says that it sold nothing in a month ``YYYY-MM``, so that the month counts as reported."""

    __tablename__ = "nothing_sold"

    institution_id: Mapped[int] = mapped_column(ForeignKey("institution.id"), index=True)
    month: Mapped[str] = mapped_column(String(7))

    __table_args__ = (
        standing_key("nothing_sold", "month", "institution_id"),
        CheckConstraint("replaced_at IS NULL OR replaced_at >= recorded_at", name="replaced_later"),
    )


class VolumeConversion(Base):
    """Planned volumes of a quarter turned into agreed volumes of a cycle, in one deed of the bureau (R-VOL-1).

    It is taken back whole: the agreed volumes that it made are replaced by nothing, and its rows stay.
    """

    __tablename__ = "volume_conversion"

    id: Mapped[int] = mapped_column(primary_key=True)
    key: Mapped[str] = mapped_column(String(64), unique=True)
    quarter: Mapped[str] = mapped_column(String(7))
    cycle_start: Mapped[date]
    cycle_end: Mapped[date]
    agreements: Mapped[int]
    packs: Mapped[int]
    made_at: Mapped[datetime]
    made_by_id: Mapped[int | None] = mapped_column(ForeignKey("user_account.id"))
    made_by_name: Mapped[str] = mapped_column(String(64))
    taken_back_at: Mapped[datetime | None]
    taken_back_by_name: Mapped[str] = mapped_column(String(64), default="")
    version: Mapped[int] = mapped_column(default=1)

    __mapper_args__ = {"version_id_col": version}
    __table_args__ = (
        CheckConstraint("cycle_end >= cycle_start", name="days_in_order"),
        CheckConstraint("(taken_back_at IS NULL) = (taken_back_by_name = '')", name="taken_back_by_somebody"),
    )


class VolumeConversionRow(Base):
    """An agreed volume that a conversion made."""

    __tablename__ = "volume_conversion_row"

    conversion_id: Mapped[int] = mapped_column(ForeignKey("volume_conversion.id"), primary_key=True)
    agreed_volume_id: Mapped[int] = mapped_column(
        ForeignKey("agreed_volume.id"), primary_key=True, unique=True
    )
