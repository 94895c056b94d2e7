"""Who delivers (R-CAT-3)."""

from __future__ import annotations

from collections.abc import Iterable
from datetime import date
from typing import Any

from sqlalchemy import (
    String,
    and_,
    bindparam,
    or_,
    select,
)

from clinic_orders.models.orders import DraftLine
from clinic_orders.models.roster import (
    DeliveryRelation,
    Distributor,
)
from clinic_orders.queries.ordering._common import DAY, DRAFT, INSTITUTION, rows_of
from clinic_orders.queries.remembered import is_known, remembered
from clinic_orders.rules.catalogue import Relation, relation_rank

_in_force = and_(
    DeliveryRelation.valid_from <= DAY,
    or_(DeliveryRelation.valid_to.is_(None), DeliveryRelation.valid_to >= DAY),
)
_own = DeliveryRelation.institution_id == INSTITUTION
_county = DeliveryRelation.county_code == bindparam("county", type_=String)
_ROWS = (
    select(
        DeliveryRelation.institution_id,
        DeliveryRelation.county_code,
        DeliveryRelation.item_id,
        DeliveryRelation.distributor_id,
    )
    .where(_in_force)
    # Of equally near ones the later wins (R-CAT-3).
    .order_by(DeliveryRelation.valid_from, DeliveryRelation.id)
)
_RELATIONS = _ROWS.where(or_(_own, _county))
_RELATIONS_OF_DRAFT = _RELATIONS.where(
    or_(
        DeliveryRelation.item_id.is_(None),
        DeliveryRelation.item_id.in_(select(DraftLine.item_id).where(DraftLine.draft_id == DRAFT)),
    )
)
_OF_COUNTY = _ROWS.where(_county)
_OF_INSTITUTION = _ROWS.where(_own)
_WITH_OWN = (
    select(DeliveryRelation.institution_id)
    .where(_in_force, DeliveryRelation.institution_id.is_not(None))
    .distinct()
)

Best = dict[int | None, tuple[int, int]]
"""By item (None = all items) the rank of the nearest relation and its distributor."""


class Relations:
    """Who delivers what to one institution on a day; the order of preference is that of rules.catalogue.

    With ``draft_id`` only the items of that draft are looked at. A page that only reads asks the database only
    where relations have changed, and for those of the institution itself where it has any.
    """

    def __init__(
        self, institution_id: int, county_code: str, on: date, *, draft_id: int | None = None
    ) -> None:
        self._institution_id, self._county_code, self._on = institution_id, county_code, on
        values = {"institution": institution_id, "county": county_code, "day": on}
        if draft_id is not None:
            self._best = self._nearest(rows_of(_RELATIONS_OF_DRAFT, {**values, "draft": draft_id}).all())
        elif not is_known("relations"):
            self._best = self._nearest(rows_of(_RELATIONS, values).all())
        else:
            self._best = remembered(
                "relations",
                ("county", county_code, on),
                lambda: self._nearest(rows_of(_OF_COUNTY, {"county": county_code, "day": on}).all()),
            )
            with_own = remembered("relations", ("own", on), lambda: _with_own(on))
            if institution_id in with_own:
                own = rows_of(_OF_INSTITUTION, {"institution": institution_id, "day": on}).all()
                self._best = self._nearest(own, self._best)

    def _nearest(self, rows: Iterable[Any], known_before: Best | None = None) -> Best:
        best: Best = dict(known_before or {})
        # Hundreds of relations have few ranks: the rule is asked once for each scope.
        ranks: dict[tuple[int | None, str | None, bool], int | None] = {}
        for institution, county, item, distributor in rows:
            scope = (institution, county, item is None)
            if scope not in ranks:
                ranks[scope] = relation_rank(
                    Relation(distributor, self._on, institution, county, item),
                    institution_id=self._institution_id,
                    county_code=self._county_code,
                    item_id=item or 0,
                )
            rank = ranks[scope]
            if rank is None:
                continue
            known = best.get(item)
            if known is None or rank >= known[0]:
                best[item] = (rank, distributor)
        return best

    def distributor_of(self, item_id: int) -> int | None:
        """The distributor of an item; None = nobody delivers it there."""
        own, general = self._best.get(item_id), self._best.get(None)
        best = max(own, general) if own and general else own or general
        return None if best is None else best[1]


def _with_own(on: date) -> frozenset[int]:
    """The institutions that have relations of their own on a day."""
    return frozenset(rows_of(_WITH_OWN, {"day": on}).scalars())


_DISTRIBUTORS = select(Distributor.id, Distributor.name).order_by(Distributor.name)


def distributors() -> list[tuple[int, str]]:
    """All distributors by name, for an emergency order without a relation (R-ORD-9)."""
    return [(row[0], row[1]) for row in rows_of(_DISTRIBUTORS)]
