"""Pharmacies that are designated by the insurance already: a new one keeps its distance from them (R-ROSTER-2)."""

from __future__ import annotations

from decimal import Decimal

from sqlalchemy import CheckConstraint, String
from sqlalchemy.orm import Mapped, mapped_column

from clinic_orders.models.base import Base, Degrees
from clinic_orders.models.recorded import Recorded, standing_index, standing_key


class DesignatedPharmacy(Recorded, Base):
    """A designated pharmacy 定点零售药店 and where it is, in degrees."""

    __tablename__ = "designated_pharmacy"

    code: Mapped[str] = mapped_column(String(64))
    name: Mapped[str] = mapped_column(String(200))
    lng: Mapped[Decimal] = mapped_column(Degrees)
    lat: Mapped[Decimal] = mapped_column(Degrees)

    __table_args__ = (
        standing_key("designated_pharmacy", "code"),
        # Those near a place are a strip of latitudes.
        standing_index("ix_designated_pharmacy_place", "lat", "lng"),
        CheckConstraint("lng BETWEEN -180000000 AND 180000000", name="longitude"),
        CheckConstraint("lat BETWEEN -90000000 AND 90000000", name="latitude"),
        CheckConstraint("replaced_at IS NULL OR replaced_at >= recorded_at", name="replaced_later"),
    )
