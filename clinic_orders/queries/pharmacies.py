"""The designated pharmacies around a place, and the nearest of them (R-ROSTER-2)."""

from __future__ import annotations

from collections.abc import Collection
from dataclasses import dataclass
from decimal import Decimal
from typing import Final

from sqlalchemy import select

from clinic_orders.models.base import db
from clinic_orders.models.pharmacies import DesignatedPharmacy
from clinic_orders.rules.geodesy import Place, around, distance

# Looked at one after the other until something is found; the last is wider than any prefecture.
_REACHES: Final = (500.0, 2_000.0, 10_000.0, 50_000.0, 400_000.0)


@dataclass(frozen=True, slots=True)
class Near:
    """A designated pharmacy near a place, and how far it is in metres."""

    code: str
    name: str
    place: Place
    metres: float


def near(place: Place, reach: float, *, but_for: Collection[str] = (), most: int = 500) -> list[Near]:
    """The designated pharmacies within so many metres, the nearest first.

    Args:
        place: from where.
        reach: in metres.
        but_for: codes that are left out: a pharmacy keeps no distance from itself.
        most: at most so many.

    """
    pharmacy = DesignatedPharmacy
    low, high = around(place, reach)
    rows = db.session.execute(
        select(pharmacy.code, pharmacy.name, pharmacy.lng, pharmacy.lat).where(
            pharmacy.replaced_at.is_(None),
            pharmacy.lat.between(low.lat, high.lat),
            pharmacy.lng.between(low.lng, high.lng),
        )
    )
    found = []
    for code, name, lng, lat in rows:
        if code in but_for:
            continue
        there = Place(Decimal(lng), Decimal(lat))
        metres = distance(place, there)
        if metres <= reach:
            found.append(Near(code, name, there, metres))
    return sorted(found, key=lambda one: (one.metres, one.code))[:most]


def nearest(place: Place, *, but_for: Collection[str] = ()) -> Near | None:
    """The nearest designated pharmacy within 400 km; None where none is known."""
    for reach in _REACHES:
        found = near(place, reach, but_for=but_for, most=1)
        if found:
            return found[0]
    return None
