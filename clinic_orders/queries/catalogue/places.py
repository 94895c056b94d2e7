"""From where somebody looks at the catalogue, and what is delivered there (R-CAT-3)."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import date
from typing import Final

from sqlalchemy import ColumnElement, and_, exists, or_, true

from clinic_orders.models.catalogue import Item
from clinic_orders.models.roster import DeliveryRelation
from clinic_orders.queries.roster import standing
from clinic_orders.rules.parties import Actor, InstitutionKind

EVERY: Final = "all"
"""In place of an edition: every item there is."""


@dataclass(frozen=True, slots=True)
class Place:
    """From where the catalogue is seen; what "suits us" and "delivered here" mean. City: all empty."""

    kind: InstitutionKind | None = None
    institution_id: int | None = None
    county_code: str | None = None
    distributor_id: int | None = None


def place_of(actor: Actor, on: date) -> Place:
    """The place of a person on a day; one statement for buyers, none for the others."""
    if actor.institution_id is not None:
        stands = standing(actor.institution_id, on=on)
        return Place(stands.kind, actor.institution_id, stands.county_code)
    return Place(county_code=actor.county_code, distributor_id=actor.distributor_id)


def holds(on: date) -> ColumnElement[bool]:
    """The condition that a delivery relation holds on a day; the last day is included."""
    relation = DeliveryRelation
    return and_(relation.valid_from <= on, or_(relation.valid_to.is_(None), relation.valid_to >= on))


def reaches(place: Place) -> ColumnElement[bool]:
    """Which relations concern the place."""
    relation = DeliveryRelation
    if place.distributor_id is not None:
        return relation.distributor_id == place.distributor_id
    if place.institution_id is not None:
        return or_(relation.institution_id == place.institution_id, relation.county_code == place.county_code)
    if place.county_code is not None:
        return relation.county_code == place.county_code
    return true()


def delivered(place: Place, on: date) -> ColumnElement[bool]:
    """The condition that somebody delivers the item at the place on a day."""
    relation = DeliveryRelation
    return (
        exists()
        .where(
            or_(relation.item_id.is_(None), relation.item_id == Item.id),
            holds(on),
            reaches(place),
        )
        .correlate(Item)
    )
