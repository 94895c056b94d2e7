"""The catalogue as it stands on a day, seen from somebody's place: items, prices, editions, who delivers (R-CAT).

How many statements a question takes does not depend on how many items there are.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import date
from decimal import Decimal
from typing import Any, Final, NamedTuple

from sqlalchemy import ColumnElement, and_, exists, func, or_, select, true
from sqlalchemy.orm import aliased

from clinic_orders.models.base import db
from clinic_orders.models.catalogue import Edition, EditionItem, Item, Price
from clinic_orders.models.roster import County, DeliveryRelation, Distributor, InstitutionRecord
from clinic_orders.queries.roster import current, standing
from clinic_orders.rules.catalogue import edition_in_force, relation_in_force
from clinic_orders.rules.parties import Actor, InstitutionKind
from clinic_orders.rules.pinyin import SearchKeys, matches, nearly_matches, rank

EVERY: Final = "all"
"""In place of an edition: every item there is."""
NEAR_SHOWN: Final = 5
_PART: Final = 500


# From where somebody looks ----------------------------------------------------------------------------


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


def _holds(on: date) -> ColumnElement[bool]:
    relation = DeliveryRelation
    return and_(relation.valid_from <= on, or_(relation.valid_to.is_(None), relation.valid_to >= on))


def _reaches(place: Place) -> ColumnElement[bool]:
    """Which relations concern the place."""
    relation = DeliveryRelation
    if place.distributor_id is not None:
        return relation.distributor_id == place.distributor_id
    if place.institution_id is not None:
        return or_(relation.institution_id == place.institution_id, relation.county_code == place.county_code)
    if place.county_code is not None:
        return relation.county_code == place.county_code
    return true()


def _delivered(place: Place, on: date) -> ColumnElement[bool]:
    relation = DeliveryRelation
    return (
        exists()
        .where(
            or_(relation.item_id.is_(None), relation.item_id == Item.id),
            _holds(on),
            _reaches(place),
        )
        .correlate(Item)
    )


# Items on a day ---------------------------------------------------------------------------------------


@dataclass(frozen=True, slots=True)
class Wanted:
    """What is looked for; empty = not asked.

    Attributes:
        edition: "" the one in force, EVERY, or an edition's name.
        kind: suits this kind of institution.
        supplies: "Y" or "N": whether the item is supplied to this province.
        delivered: whether a distributor brings it to the place.
        priced: "none" without a price today, "soon" with a price to come.

    """

    q: str = ""
    edition: str = ""
    form: str = ""
    batch: str = ""
    kind: InstitutionKind | None = None
    supplies: str = ""
    cold_chain: bool = False
    delivered: bool = False
    priced: str = ""


class ItemLine(NamedTuple):
    """An item in a list, with its price of the day."""

    id: int
    code: str
    generic_name: str
    form: str
    strength: str
    pack_size: int
    base_unit: str
    manufacturer: str
    batch: str
    batch_year: int | None
    pack_size_basis: str
    approval_no: str
    suits: str
    supplies_here: bool
    cold_chain: bool
    price: Decimal | None
    price_from: date | None
    price_document: str | None
    next_price: Decimal | None
    next_price_from: date | None
    in_edition: bool
    delivered: bool


def _edition_id(on: date) -> Any:
    return (
        select(Edition.id)
        .where(Edition.valid_from <= on)
        .order_by(Edition.valid_from.desc(), Edition.id.desc())
        .limit(1)
        .scalar_subquery()
    )


def _price_day(on: date) -> Any:
    price = aliased(Price)
    return (
        select(func.max(price.valid_from))
        .where(price.item_id == Item.id, price.valid_from <= on)
        .correlate(Item)
        .scalar_subquery()
    )


def _next_price_day(on: date) -> Any:
    price = aliased(Price)
    return (
        select(func.min(price.valid_from))
        .where(price.item_id == Item.id, price.valid_from > on)
        .correlate(Item)
        .scalar_subquery()
    )


_ORDERS: Final[Mapping[str, Any]] = {
    "name": Item.search_initials,
    "form": Item.form,
    "maker": Item.manufacturer,
    "batch": Item.batch,
    "code": Item.item_code,
    "price": Price.pack_price,
}
ITEM_ORDERS: Final = frozenset(_ORDERS) | {"fit"}
"""What a list of items may be sorted by; ``fit`` is how near the search comes."""


def _conditions(wanted: Wanted, place: Place, on: date) -> Iterator[ColumnElement[bool]]:
    if wanted.edition != EVERY:
        member = select(EditionItem.item_id)
        if wanted.edition:
            member = member.join(Edition, Edition.id == EditionItem.edition_id).where(
                Edition.edition == wanted.edition
            )
        else:
            member = member.where(EditionItem.edition_id == _edition_id(on))
        yield Item.id.in_(member)
    if wanted.form:
        yield Item.form == wanted.form
    if wanted.batch:
        yield Item.batch == wanted.batch
    if wanted.kind is not None:
        yield or_(Item.suits == "", Item.suits.contains(f";{wanted.kind.value};", autoescape=True))
    if wanted.supplies:
        yield Item.supplies_here.is_(wanted.supplies == "Y")
    if wanted.cold_chain:
        yield Item.cold_chain.is_(True)
    if wanted.delivered:
        yield _delivered(place, on)
    if wanted.priced == "none":
        yield _price_day(on).is_(None)
    elif wanted.priced == "soon":
        yield _next_price_day(on).is_not(None)


def find_items(wanted: Wanted, place: Place, *, on: date, sort: str = "name") -> list[int]:
    """The row ids of the items that fit, in the order wanted; one statement.

    With a search the words are looked for as text and as pinyin of every reading; a word that is an item code
    finds that item.
    """
    keys = (Item.search_text, Item.search_initials, Item.search_pinyin) if wanted.q else ()
    key, down = sort.removeprefix("-"), sort.startswith("-")
    column = _ORDERS.get(key, Item.search_initials)
    statement: Any = select(Item.id, Item.item_code, *keys).where(*_conditions(wanted, place, on))
    if key == "price":
        statement = statement.outerjoin(
            Price, and_(Price.item_id == Item.id, Price.valid_from == _price_day(on))
        )
        statement = statement.order_by(column.is_(None))
    statement = statement.order_by(column.desc() if down else column, Item.item_code)
    rows = db.session.execute(statement).all()
    if not wanted.q:
        return [row.id for row in rows]
    found = [
        (_fit(wanted.q, row), row.id)
        for row in rows
        if _is_code(wanted.q, row) or matches(wanted.q, _keys(row))
    ]
    if key == "fit":
        found.sort(key=lambda pair: pair[0])
    return [pair[1] for pair in found]


def near_items(wanted: Wanted, place: Place, *, on: date) -> list[int]:
    """The items that a search with one slip would have found, for a search that found none; one statement."""
    wide = replace(
        wanted, form="", batch="", kind=None, supplies="", cold_chain=False, delivered=False, priced=""
    )
    rows = db.session.execute(
        select(Item.id, Item.search_text, Item.search_initials, Item.search_pinyin)
        .where(*_conditions(wide, place, on))
        .order_by(Item.search_initials, Item.item_code)
    )
    return [row.id for row in rows if nearly_matches(wanted.q, _keys(row))]


def _keys(row: Any) -> SearchKeys:
    return SearchKeys(row.search_text, row.search_initials, row.search_pinyin)


def _is_code(query: str, row: Any) -> bool:
    """Codes are found whole, or by a beginning that has a figure: LY is the beginning of them all."""
    typed, code = query.strip().casefold(), row.item_code.casefold()
    return bool(typed == code or (code.startswith(typed) and any(sign.isdigit() for sign in typed)))


def _fit(query: str, row: Any) -> int:
    return -1 if _is_code(query, row) else rank(query, _keys(row))


def item_lines(ids: Sequence[int], place: Place, *, on: date) -> list[ItemLine]:
    """The items of these row ids with what holds on a day, in the order of the ids; a statement per 500."""
    coming = aliased(Price)
    statement = (
        select(
            Item.id, Item.item_code, Item.generic_name, Item.form, Item.strength, Item.pack_size, Item.base_unit,
            Item.manufacturer, Item.batch, Item.batch_year, Item.pack_size_basis, Item.approval_no, Item.suits,
            Item.supplies_here, Item.cold_chain, Price.pack_price, Price.valid_from, Price.document_no,
            coming.pack_price, coming.valid_from, EditionItem.item_id.is_not(None), _delivered(place, on),
        )
        .select_from(Item)
        .outerjoin(Price, and_(Price.item_id == Item.id, Price.valid_from == _price_day(on)))
        .outerjoin(coming, and_(coming.item_id == Item.id, coming.valid_from == _next_price_day(on)))
        .outerjoin(
            EditionItem, and_(EditionItem.item_id == Item.id, EditionItem.edition_id == _edition_id(on))
        )
    )  # fmt: skip
    found: dict[int, ItemLine] = {}
    for first in range(0, len(ids), _PART):
        part = ids[first : first + _PART]
        for row in db.session.execute(statement.where(Item.id.in_(part))):
            found[row[0]] = ItemLine._make(row)
    return [found[item_id] for item_id in ids if item_id in found]


def forms_and_batches() -> tuple[list[str], list[str]]:
    """The dosage forms and the batches there are, to choose from; one statement."""
    rows = db.session.execute(select(Item.form, Item.batch).distinct()).all()
    return sorted({row.form for row in rows}), sorted({row.batch for row in rows})


# Rows for files (formats.md section 2) ----------------------------------------------------------------


def catalogue_rows(ids: Sequence[int]) -> Iterator[dict[str, Any]]:
    """These items as rows of the kind ``catalogue``."""
    statement = select(
        Item.id, Item.item_code, Item.generic_name, Item.form, Item.strength, Item.pack_size, Item.base_unit,
        Item.manufacturer, Item.batch, Item.approval_no, Item.nhsa_code, Item.variety, Item.group.label("group"),
        Item.suits, Item.ceiling_price, Item.supplies_here, Item.cold_chain,
    )  # fmt: skip
    for first in range(0, len(ids), _PART):
        part = ids[first : first + _PART]
        rows = {
            row["id"]: dict(row) for row in db.session.execute(statement.where(Item.id.in_(part))).mappings()
        }
        for item_id in part:
            row = rows[item_id]
            row["suits"] = tuple(kind.value for kind in suited_kinds(row["suits"]))
            yield row


def price_rows(ids: Sequence[int]) -> Iterator[dict[str, Any]]:
    """All prices of these items as rows of the kind ``prices``."""
    statement = select(Item.item_code, Price.valid_from, Price.pack_price, Price.document_no).join(Price.item)
    for first in range(0, len(ids), _PART):
        part = statement.where(Item.id.in_(ids[first : first + _PART]))
        for row in db.session.execute(part.order_by(Item.item_code, Price.valid_from)).mappings():
            yield dict(row)


def edition_rows(
    edition_ids: Sequence[int], item_ids: Sequence[int] | None = None
) -> Iterator[dict[str, Any]]:
    """The items of editions, all or some of them, as rows of the kind ``editions``."""
    statement = (
        select(Edition.edition, Edition.valid_from, Item.item_code)
        .join(EditionItem, EditionItem.edition_id == Edition.id)
        .join(Item, Item.id == EditionItem.item_id)
        .where(Edition.id.in_(edition_ids))
        .order_by(Edition.valid_from, Edition.edition, Item.item_code)
    )
    if item_ids is not None:
        statement = statement.where(Item.id.in_(item_ids))
    for row in db.session.execute(statement).mappings():
        yield dict(row)


# One item ---------------------------------------------------------------------------------------------


def suited_kinds(stored: str) -> list[InstitutionKind]:
    """The kinds that an item suits; empty = all."""
    words = set(stored.split(";"))
    return [kind for kind in InstitutionKind if kind.value in words]


def item_by_code(code: str) -> Item | None:
    """The item of a code, in any case."""
    return db.session.scalars(select(Item).where(func.lower(Item.item_code) == code.strip().lower())).first()


def prices_of(item_id: int) -> list[Price]:
    """All prices of an item, oldest first, those to come as well."""
    return list(db.session.scalars(select(Price).where(Price.item_id == item_id).order_by(Price.valid_from)))


@dataclass(frozen=True, slots=True)
class EditionLine:
    """An edition in a list.

    Attributes:
        last: the day before the next edition begins; None = open.
        state: ``now``, ``later`` or ``past``.
        items: how many items it has.

    """

    id: int
    edition: str
    valid_from: date
    last: date | None
    state: str
    items: int


def editions(on: date, *, item_id: int | None = None) -> list[EditionLine]:
    """All editions, newest first, or those in which an item stands; one statement."""
    count = (
        select(func.count())
        .select_from(EditionItem)
        .where(EditionItem.edition_id == Edition.id)
        .correlate(Edition)
        .scalar_subquery()
    )
    has = (
        exists().where(EditionItem.edition_id == Edition.id, EditionItem.item_id == item_id)
        if item_id is not None
        else true()
    )
    rows = db.session.execute(
        select(
            Edition.id, Edition.edition, Edition.valid_from, count.label("items"), has.label("has")
        ).order_by(Edition.valid_from, Edition.id)
    ).all()
    force = edition_in_force(rows, on=on)
    found = []
    for place, row in enumerate(rows):
        later = rows[place + 1].valid_from if place + 1 < len(rows) else None
        state = (
            "now"
            if force is not None and row.id == force.id
            else ("later" if row.valid_from > on else "past")
        )
        if row.has:
            last = None if later is None else date.fromordinal(later.toordinal() - 1)
            found.append(EditionLine(row.id, row.edition, row.valid_from, last, state, row.items))
    return found[::-1]


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
    about = (or_(relation.item_id.is_(None), relation.item_id == item_id), _holds(on))
    names = {
        row.id: row for row in db.session.execute(select(Distributor.id, Distributor.name, Distributor.phone))
    }
    if place.institution_id is not None:
        rows = db.session.scalars(select(relation).where(*about, _reaches(place))).all()
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


# Editions ---------------------------------------------------------------------------------------------


def edition_by_id(edition_id: int) -> Edition | None:
    """An edition."""
    return db.session.get(Edition, edition_id)


def edition_by_name(name: str) -> Edition | None:
    """The edition of a name."""
    return db.session.scalars(select(Edition).where(Edition.edition == name)).first()


def has_item(edition_id: int, item_id: int) -> bool:
    """Whether an item stands in an edition."""
    return bool(
        db.session.scalar(
            select(exists().where(EditionItem.edition_id == edition_id, EditionItem.item_id == item_id))
        )
    )


def item_codes_of(edition_id: int) -> list[str]:
    """The item codes of an edition, in order."""
    return list(
        db.session.scalars(
            select(Item.item_code)
            .join(EditionItem, EditionItem.item_id == Item.id)
            .where(EditionItem.edition_id == edition_id)
            .order_by(Item.item_code)
        )
    )


class Change(NamedTuple):
    """What an edition changes for an item; the prices are those of the two editions' first days."""

    what: str
    code: str
    generic_name: str
    form: str
    strength: str
    manufacturer: str
    before: Decimal | None
    after: Decimal | None


def compare(new: EditionLine, old: EditionLine) -> list[Change]:
    """What differs between two editions: ``added``, ``dropped``, ``price``; four statements."""
    sides = []
    for edition in (old, new):
        price_day = _price_day(edition.valid_from)
        rows = db.session.execute(
            select(
                Item.item_code,
                Item.generic_name,
                Item.form,
                Item.strength,
                Item.manufacturer,
                Price.pack_price,
            )
            .join(EditionItem, EditionItem.item_id == Item.id)
            .outerjoin(Price, and_(Price.item_id == Item.id, Price.valid_from == price_day))
            .where(EditionItem.edition_id == edition.id)
        )
        sides.append({row.item_code: row for row in rows})
    before, after = sides
    changes = [
        Change("added", *after[code][:5], None, after[code][5])
        for code in sorted(after.keys() - before.keys())
    ]
    changes += [
        Change("dropped", *before[code][:5], before[code][5], None)
        for code in sorted(before.keys() - after.keys())
    ]
    changes += [
        Change("price", *after[code][:5], before[code][5], after[code][5])
        for code in sorted(after.keys() & before.keys())
        if before[code][5] != after[code][5]
    ]
    return changes


def items_of_codes(codes: Iterable[str]) -> dict[str, Item]:
    """Items by code."""
    wanted = list(codes)
    found: dict[str, Item] = {}
    for first in range(0, len(wanted), _PART):
        part = wanted[first : first + _PART]
        found |= {
            item.item_code: item for item in db.session.scalars(select(Item).where(Item.item_code.in_(part)))
        }
    return found


def price_of_day(item_id: int, on: date) -> Price | None:
    """The price that holds on a day (R-CAT-2)."""
    return db.session.scalars(
        select(Price)
        .where(Price.item_id == item_id, Price.valid_from <= on)
        .order_by(Price.valid_from.desc())
        .limit(1)
    ).first()
