"""Who delivers an item, and where (R-CAT-3)."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import date
from typing import Any

from sqlalchemy import func, or_, select, true

from clinic_orders.models.base import db
from clinic_orders.models.roster import County, DeliveryRelation, Distributor, InstitutionRecord
from clinic_orders.queries.catalogue.places import Place, holds, reaches
from clinic_orders.queries.roster import current
from clinic_orders.rules.catalogue import relation_in_force


@dataclass(frozen=True, slots=True)
class Deliverer:
    """Who brings an item to a county or to an institution.

    Attributes:
        county: its name; "" where it is about the institution that asks.
        distributor: None = nobody.
        valid_to: last day of the relation; None = open.
        all_items: whether the relation covers all items.
        own: whether it was made for the institution alone.
        exceptions: institutions of the county that have a relation of their own for the item.

    """

    county: str
    distributor: str | None
    phone: str = ""
    valid_from: date | None = None
    valid_to: date | None = None
    all_items: bool = True
    own: bool = False
    exceptions: int = 0


def deliverers(item_id: int, place: Place, *, on: date) -> list[Deliverer]:
    """Who brings the item: to the institution, or county by county; for a distributor where it is itself."""
    relation = DeliveryRelation
    about = (or_(relation.item_id.is_(None), relation.item_id == item_id), holds(on))
    names = {
        row.id: row for row in db.session.execute(select(Distributor.id, Distributor.name, Distributor.phone))
    }
    if place.institution_id is not None:
        rows = db.session.scalars(select(relation).where(*about, reaches(place))).all()
        best = relation_in_force(
            rows,
            institution_id=place.institution_id,
            county_code=place.county_code or "",
            item_id=item_id,
            on=on,
        )
        return [_deliverer("", best, names, own=best is not None and best.institution_id is not None)]
    rows = db.session.scalars(select(relation).where(*about, relation.county_code.is_not(None))).all()
    special = {
        row.county_code: row.number
        for row in db.session.execute(
            select(
                InstitutionRecord.county_code,
                func.count(func.distinct(relation.institution_id)).label("number"),
            )
            .select_from(relation)
            .join(InstitutionRecord, InstitutionRecord.institution_id == relation.institution_id)
            .where(
                *about,
                current(InstitutionRecord, on),
                relation.distributor_id == place.distributor_id
                if place.distributor_id is not None
                else true(),
            )
            .group_by(InstitutionRecord.county_code)
        )
    }
    found = []
    for county in db.session.execute(select(County.code, County.name).order_by(County.code)):
        if place.county_code is not None and county.code != place.county_code:
            continue
        best = relation_in_force(rows, institution_id=-1, county_code=county.code, item_id=item_id, on=on)
        exceptions = special.get(county.code, 0)
        if place.distributor_id is not None and (best is None or best.distributor_id != place.distributor_id):
            best = None
            if not exceptions:
                continue
        found.append(_deliverer(county.name, best, names, exceptions=exceptions))
    return found


def _deliverer(
    county: str,
    relation: DeliveryRelation | None,
    names: Mapping[int, Any],
    *,
    own: bool = False,
    exceptions: int = 0,
) -> Deliverer:
    if relation is None:
        return Deliverer(county, None, exceptions=exceptions)
    distributor = names[relation.distributor_id]
    return Deliverer(
        county,
        distributor.name,
        distributor.phone,
        relation.valid_from,
        relation.valid_to,
        relation.item_id is None,
        own,
        exceptions,
    )
