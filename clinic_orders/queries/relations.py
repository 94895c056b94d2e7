"""Distributors, who delivers what to whom, and what nobody delivers (R-CAT-3)."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, field
from datetime import date
from typing import Any

from sqlalchemy import ColumnElement, Select, and_, case, exists, func, or_, select
from sqlalchemy.orm import aliased

from clinic_orders.models.base import db
from clinic_orders.models.catalogue import Edition, EditionItem, Item
from clinic_orders.models.orders import Order
from clinic_orders.models.roster import (
    County,
    DeliveryRelation,
    Distributor,
    Institution,
    InstitutionRecord,
    Membership,
)
from clinic_orders.queries.files import relation_rows, relations_visible_to
from clinic_orders.queries.lists import with_words
from clinic_orders.queries.roster import current
from clinic_orders.rules.parties import Actor, InstitutionKind, Role

_relation = DeliveryRelation
_record = InstitutionRecord


# Distributors -----------------------------------------------------------------------------------------


@dataclass(frozen=True, slots=True)
class DistributorRow:
    """One distributor in the list.

    Attributes:
        relations: of its relations in force that the reader may see, how many.
        orders: how many orders it got from institutions, in all.

    """

    id: int
    code: str
    name: str
    uscc: str
    phone: str
    demo: bool
    relations: int
    orders: int


DISTRIBUTOR_SORTS: dict[str, Any] = {"code": Distributor.code, "name": Distributor.name}


def _distributor_words(words: str) -> list[ColumnElement[bool]]:
    return with_words(words, Distributor.name, Distributor.code, Distributor.uscc)


def count_distributors(words: str = "") -> int:
    """How many distributors fit."""
    return db.session.execute(
        select(func.count()).select_from(Distributor).where(*_distributor_words(words))
    ).scalar_one()


def distributors_page(
    by: Actor,
    words: str = "",
    *,
    on: date,
    sort: str = "code",
    offset: int = 0,
    limit: int | None = 50,
) -> list[DistributorRow]:
    """One page of the distributors, as of a day; one statement."""
    column = DISTRIBUTOR_SORTS[sort.removeprefix("-")]
    relations = (
        select(func.count())
        .select_from(_relation)
        .where(_relation.distributor_id == Distributor.id, relation_holds(on), relations_visible_to(by, on))
        .correlate(Distributor)
        .scalar_subquery()
    )
    orders = (
        select(func.count())
        .select_from(Order)
        .where(Order.distributor_id == Distributor.id)
        .correlate(Distributor)
        .scalar_subquery()
    )
    statement = (
        select(
            Distributor.id,
            Distributor.code,
            Distributor.name,
            Distributor.uscc,
            Distributor.phone,
            Distributor.demo,
            relations,
            orders,
        )
        .where(*_distributor_words(words))
        .order_by(column.desc() if sort.startswith("-") else column, Distributor.id)
        .offset(offset)
        .limit(limit)
    )
    return [DistributorRow(*row) for row in db.session.execute(statement)]


def distributor(distributor_id: int) -> Distributor | None:
    """One distributor."""
    return db.session.get(Distributor, distributor_id)


_CHOICES = select(Distributor.code, Distributor.name).order_by(Distributor.code)


def distributor_choices() -> list[tuple[str, str]]:
    """All distributors, code and name, for a form; one statement."""
    return [(row.code, row.name) for row in db.session.connection().execute(_CHOICES).all()]


# Relations --------------------------------------------------------------------------------------------


def relation_holds(on: date) -> ColumnElement[bool]:
    """The condition that a relation holds on a day; its last day is included."""
    return and_(_relation.valid_from <= on, or_(_relation.valid_to.is_(None), _relation.valid_to >= on))


@dataclass(frozen=True, slots=True)
class RelationFilter:
    """Which relations are wanted; empty = all.

    Attributes:
        words: parts of the item's name, maker or code, or of the institution's name or code.
        county: of the county itself or of its institutions.
        distributor: its code.
        scope: "county" or "institution".
        state: "now", "ahead" or "over" on the day.
        institution_id: of one institution alone.

    """

    words: str = ""
    county: str = ""
    distributor: str = ""
    scope: str = ""
    state: str = ""
    institution_id: int | None = None


@dataclass(frozen=True, slots=True)
class RelationRow:
    """One relation in the list; no item code means all items, no institution the whole county."""

    id: int
    institution_id: int | None
    institution: str
    county: str
    item_code: str
    item: str
    maker: str
    distributor_code: str
    distributor: str
    valid_from: date
    valid_to: date | None


_home = aliased(County)
RELATION_SORTS: dict[str, Any] = {
    "scope": func.coalesce(_relation.county_code, _record.county_code),
    "item": Item.generic_name,
    "distributor": Distributor.code,
    "from": _relation.valid_from,
    "to": _relation.valid_to,
}


def _relation_conditions(by: Actor, wanted: RelationFilter, on: date) -> list[ColumnElement[bool]]:
    conditions = [relations_visible_to(by, on)]
    conditions += with_words(
        wanted.words, Item.generic_name, Item.manufacturer, Item.item_code, _record.name, Institution.code
    )
    if wanted.county:
        conditions.append(or_(_relation.county_code == wanted.county, _record.county_code == wanted.county))
    if wanted.distributor:
        conditions.append(Distributor.code == wanted.distributor)
    if wanted.scope == "county":
        conditions.append(_relation.institution_id.is_(None))
    elif wanted.scope == "institution":
        conditions.append(_relation.institution_id.is_not(None))
    if wanted.institution_id is not None:
        conditions.append(_relation.institution_id == wanted.institution_id)
    if wanted.state == "now":
        conditions.append(relation_holds(on))
    elif wanted.state == "ahead":
        conditions.append(_relation.valid_from > on)
    elif wanted.state == "over":
        conditions.append(_relation.valid_to < on)
    return conditions


def _relation_list(by: Actor, wanted: RelationFilter, on: date, *columns: Any) -> Select[*tuple[Any, ...]]:
    return (
        select(*columns)
        .select_from(_relation)
        .join(Distributor, Distributor.id == _relation.distributor_id)
        .outerjoin(Institution, Institution.id == _relation.institution_id)
        .outerjoin(_record, and_(_record.institution_id == _relation.institution_id, current(_record, on)))
        .outerjoin(_home, _home.code == func.coalesce(_relation.county_code, _record.county_code))
        .outerjoin(Item, Item.id == _relation.item_id)
        .where(*_relation_conditions(by, wanted, on))
    )


def count_relations(by: Actor, wanted: RelationFilter, *, on: date) -> int:
    """How many relations fit."""
    total: int = db.session.execute(_relation_list(by, wanted, on, func.count())).scalar_one()
    return total


def _relation_row(row: Any) -> RelationRow:
    return RelationRow(
        row.id,
        row.institution_id,
        row.institution or row.code or "",
        row.county or "",
        row.item_code or "",
        f"{row.generic_name}{row.form} {row.strength}" if row.item_code else "",
        row.manufacturer or "",
        row.distributor_code,
        row.distributor,
        row.valid_from,
        row.valid_to,
    )


_COLUMNS = (
    _relation.id,
    _relation.institution_id,
    _record.name.label("institution"),
    Institution.code,
    _home.name.label("county"),
    Item.item_code,
    Item.generic_name,
    Item.form,
    Item.strength,
    Item.manufacturer,
    Distributor.code.label("distributor_code"),
    Distributor.name.label("distributor"),
    _relation.valid_from,
    _relation.valid_to,
)


def relations_page(
    by: Actor,
    wanted: RelationFilter,
    *,
    on: date,
    sort: str = "scope",
    offset: int = 0,
    limit: int = 50,
) -> list[RelationRow]:
    """One page of the relations that fit; one statement."""
    column = RELATION_SORTS[sort.removeprefix("-")]
    statement = (
        _relation_list(by, wanted, on, *_COLUMNS)
        .order_by(column.desc() if sort.startswith("-") else column, Item.item_code, _relation.id)
        .offset(offset)
        .limit(limit)
    )
    return [_relation_row(row) for row in db.session.execute(statement)]


def relation(relation_id: int, by: Actor, *, on: date) -> RelationRow | None:
    """One relation; None if the actor may not see it."""
    row = db.session.execute(
        _relation_list(by, RelationFilter(), on, *_COLUMNS).where(_relation.id == relation_id)
    ).one_or_none()
    return None if row is None else _relation_row(row)


def relation_file(by: Actor, wanted: RelationFilter, *, on: date) -> Iterator[dict[str, Any]]:
    """The relations that fit, as rows of the import kind ``delivery-relations``."""
    fitting = _relation_list(by, wanted, on, _relation.id).scalar_subquery()
    yield from relation_rows(_relation.id.in_(fitting))


# What nobody delivers ---------------------------------------------------------------------------------


@dataclass(slots=True)
class Gap:
    """An item of the edition in force that has no distributor for some members of a county.

    Attributes:
        kinds: how many members that the item suits go without, by kind.

    """

    county_code: str
    county: str
    item_code: str
    item: str
    maker: str
    kinds: dict[InstitutionKind, int] = field(default_factory=dict)

    @property
    def institutions(self) -> int:
        """How many members go without it."""
        return sum(self.kinds.values())


def _is_member(on: date) -> ColumnElement[bool]:
    return exists().where(
        Membership.institution_id == _record.institution_id,
        Membership.joined_on <= on,
        or_(Membership.left_on.is_(None), Membership.left_on >= on),
    )


def _members(by: Actor, county: str, on: date) -> list[ColumnElement[bool]]:
    conditions = [current(_record, on), _is_member(on)]
    if by.role is Role.COUNTY:
        conditions.append(_record.county_code == by.county_code)
    if county:
        conditions.append(_record.county_code == county)
    return conditions


def _uncovered(on: date) -> Select[*tuple[Any, ...]]:
    """Items of the edition in force by county, where the county as such has nobody."""
    edition = (
        select(Edition.id)
        .where(Edition.valid_from <= on)
        .order_by(Edition.valid_from.desc())
        .limit(1)
        .scalar_subquery()
    )
    covered = exists().where(
        _relation.institution_id.is_(None),
        _relation.county_code == County.code,
        or_(_relation.item_id.is_(None), _relation.item_id == Item.id),
        relation_holds(on),
    )
    return (
        select(County.code, County.name, Item)
        .select_from(EditionItem)
        .join(Item, Item.id == EditionItem.item_id)
        .join(County, ~covered)
        .where(EditionItem.edition_id == edition)
        .order_by(County.code, Item.generic_name, Item.item_code)
    )


def gaps(by: Actor, *, on: date, county: str = "", kind: InstitutionKind | None = None) -> list[Gap]:
    """What nobody delivers as of a day, by county and item; three statements however many rows (R-CAT-3).

    Members that have somebody by a relation of their own, for the item or for all, are not counted.
    """
    members: dict[str, dict[InstitutionKind, int]] = {}
    for row in db.session.execute(
        select(_record.county_code, _record.kind, func.count())
        .where(*_members(by, county, on))
        .group_by(_record.county_code, _record.kind)
    ):
        if kind is None or row[1] is kind:
            members.setdefault(row[0], {})[row[1]] = row[2]
    if not members:
        return []
    own = _own_relations(by, county, on)
    found: list[Gap] = []
    for code, name, item in db.session.execute(_uncovered(on).where(County.code.in_(members))):
        gap = Gap(
            code, name, item.item_code, f"{item.generic_name}{item.form} {item.strength}", item.manufacturer
        )
        for one, count in members[code].items():
            if not item.suits_kind(one):
                continue
            left = count - own.get((code, one, None), 0) - own.get((code, one, item.id), 0)
            if left > 0:
                gap.kinds[one] = left
        if gap.kinds:
            found.append(gap)
    return found


def _own_relations(by: Actor, county: str, on: date) -> dict[tuple[str, InstitutionKind, int | None], int]:
    """Members with relations of their own by county, kind and item; item None: they have one for all items."""
    everything = aliased(DeliveryRelation)
    has_all = exists().where(
        everything.institution_id == _relation.institution_id,
        everything.item_id.is_(None),
        everything.valid_from <= on,
        or_(everything.valid_to.is_(None), everything.valid_to >= on),
    )
    item = case((has_all, None), else_=_relation.item_id).label("item")
    rows = db.session.execute(
        select(_record.county_code, _record.kind, item, func.count(func.distinct(_relation.institution_id)))
        .select_from(_relation)
        .join(_record, _record.institution_id == _relation.institution_id)
        .where(relation_holds(on), *_members(by, county, on))
        .group_by(_record.county_code, _record.kind, item)
    )
    return {(row[0], row[1], row[2]): row[3] for row in rows}


# A relation before it is saved ------------------------------------------------------------------------


@dataclass(frozen=True, slots=True)
class Named:
    """The parties of a relation in words; no item means all items."""

    scope: str
    item: str
    distributor: str


def named(scope: str, item_code: str, distributor_code: str, *, on: date) -> Named:
    """The names that belong to the codes of a relation; a code without a name stays as it is."""
    county = db.session.scalar(select(County.name).where(County.code == scope))
    institution = db.session.scalar(
        select(_record.name)
        .join(Institution, Institution.id == _record.institution_id)
        .where(Institution.code == scope, current(_record, on))
    )
    item = db.session.scalars(select(Item).where(Item.item_code == item_code)).one_or_none()
    name = db.session.scalar(select(Distributor.name).where(Distributor.code == distributor_code))
    return Named(
        county or institution or scope,
        f"{item.generic_name}{item.form} {item.strength} · {item.manufacturer}" if item is not None else "",
        name or distributor_code,
    )


def same_key(scope: str, item_code: str, valid_from: date) -> RelationRow | None:
    """The stored relation of the same scope, item and first day, which a new one would replace."""
    row = db.session.execute(
        select(*_COLUMNS)
        .select_from(_relation)
        .join(Distributor, Distributor.id == _relation.distributor_id)
        .outerjoin(Institution, Institution.id == _relation.institution_id)
        .outerjoin(
            _record, and_(_record.institution_id == _relation.institution_id, current(_record, valid_from))
        )
        .outerjoin(_home, _home.code == func.coalesce(_relation.county_code, _record.county_code))
        .outerjoin(Item, Item.id == _relation.item_id)
        .where(
            func.coalesce(Institution.code, _relation.county_code) == scope,
            func.coalesce(Item.item_code, "*") == item_code,
            _relation.valid_from == valid_from,
        )
    ).first()
    return None if row is None else _relation_row(row)
