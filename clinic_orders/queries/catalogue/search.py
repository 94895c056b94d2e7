"""The items that fit what somebody looks for, as they stand on a day (R-CAT-1, R-CAT-2)."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import date
from decimal import Decimal
from functools import lru_cache
from typing import Any, Final, NamedTuple

from sqlalchemy import ColumnElement, Integer, Select, String, and_, bindparam, func, or_, select
from sqlalchemy.orm import aliased

from clinic_orders.models.base import db
from clinic_orders.models.catalogue import Edition, EditionItem, Item, Price
from clinic_orders.models.expressions import one_of
from clinic_orders.queries.catalogue.items import PART, price_day_of
from clinic_orders.queries.catalogue.places import EVERY, Place, delivered
from clinic_orders.queries.remembered import remembered
from clinic_orders.queries.scanning import searched_item
from clinic_orders.rules.parties import InstitutionKind
from clinic_orders.rules.pinyin import SearchKeys, matches, nearly_matches, rank

NEAR_SHOWN: Final = 5


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


def _nextprice_day_of(on: date) -> Any:
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
        yield delivered(place, on)
    if wanted.priced == "none":
        yield price_day_of(on).is_(None)
    elif wanted.priced == "soon":
        yield _nextprice_day_of(on).is_not(None)


def find_items(wanted: Wanted, place: Place, *, on: date, sort: str = "name") -> list[int]:
    """The row ids of the items that fit, in the order wanted; at most one statement.

    With a search the words are looked for as text and as pinyin of every reading; a word that is an item code
    finds that item, and so does a scanned trace code or 69-code (one statement more).
    """
    rest = replace(wanted, q="")
    if rest == Wanted():
        # The edition in force, as every box searches it: known as long as the catalogue does not change.
        order = "name" if sort.removeprefix("-") == "fit" else sort
        rows = remembered("catalogue", ("found", on, order), lambda: _rows(rest, place, on, order))
    else:
        rows = _rows(rest, place, on, sort)
    if not wanted.q:
        return [row.id for row in rows]
    scanned = searched_item(wanted.q)
    typed = wanted.q.strip().casefold()
    found = [
        (_fit(wanted.q, row), row.id)
        for row in rows
        if matches(wanted.q, row.keys) or row.id == scanned or _is_code(typed, row.code)
    ]
    if sort.removeprefix("-") == "fit":
        found.sort(key=lambda pair: pair[0])
    return [pair[1] for pair in found]


class _Row(NamedTuple):
    """An item that may be found: its code in one writing, and by what it is found."""

    id: int
    code: str
    keys: SearchKeys


def _rows(wanted: Wanted, place: Place, on: date, sort: str) -> list[_Row]:
    """The items that the filters leave, in the order wanted; one statement."""
    key, down = sort.removeprefix("-"), sort.startswith("-")
    column = _ORDERS.get(key, Item.search_initials)
    statement: Any = select(
        Item.id, Item.item_code, Item.search_text, Item.search_initials, Item.search_pinyin
    ).where(*_conditions(wanted, place, on))
    if key == "price":
        statement = statement.outerjoin(
            Price, and_(Price.item_id == Item.id, Price.valid_from == price_day_of(on))
        )
        statement = statement.order_by(column.is_(None))
    statement = statement.order_by(column.desc() if down else column, Item.item_code)
    # Plain rows: hundreds of them, and nothing is pending that had to be flushed before.
    rows = db.session.connection().execute(statement).all()
    return [_Row(row.id, row.item_code.casefold(), _keys(row)) for row in rows]


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


def _is_code(typed: str, code: str) -> bool:
    """Codes are found whole, or by a beginning that has a figure: LY is the beginning of them all."""
    return bool(code.startswith(typed) and (typed == code or any(sign.isdigit() for sign in typed)))


def _fit(query: str, row: _Row) -> int:
    return -1 if _is_code(query.strip().casefold(), row.code) else rank(query, row.keys)


@lru_cache(maxsize=16)
def _lines(on: date, known: tuple[bool, bool, bool]) -> Select[*tuple[Any, ...]]:
    """The question of ``item_lines``, made once for a day and the kind of place; see ``_PLACE``."""
    parameters: list[Any] = [
        bindparam(name, type_=kind) if there else None
        for there, (name, kind) in zip(known, _PLACE, strict=True)
    ]
    institution, county, distributor = parameters
    place, coming = Place(None, institution, county, distributor), aliased(Price)
    return (
        select(
            Item.id, Item.item_code, Item.generic_name, Item.form, Item.strength, Item.pack_size, Item.base_unit,
            Item.manufacturer, Item.batch, Item.batch_year, Item.pack_size_basis, Item.approval_no, Item.suits,
            Item.supplies_here, Item.cold_chain, Price.pack_price, Price.valid_from, Price.document_no,
            coming.pack_price, coming.valid_from, EditionItem.item_id.is_not(None), delivered(place, on),
        )
        .select_from(Item)
        .outerjoin(Price, and_(Price.item_id == Item.id, Price.valid_from == price_day_of(on)))
        .outerjoin(coming, and_(coming.item_id == Item.id, coming.valid_from == _nextprice_day_of(on)))
        .outerjoin(
            EditionItem, and_(EditionItem.item_id == Item.id, EditionItem.edition_id == _edition_id(on))
        )
        .where(one_of(Item.id, "items"))
    )  # fmt: skip


_PLACE: Final = (("at_institution", Integer), ("in_county", String), ("of_distributor", Integer))


def item_lines(ids: Sequence[int], place: Place, *, on: date) -> list[ItemLine]:
    """The items of these row ids with what holds on a day, in the order of the ids; a statement per 500."""
    where = (place.institution_id, place.county_code, place.distributor_id)
    statement = _lines(on, (where[0] is not None, where[1] is not None, where[2] is not None))
    values = {name: value for (name, _), value in zip(_PLACE, where, strict=True)}
    found: dict[int, ItemLine] = {}
    for first in range(0, len(ids), PART):
        part = list(ids[first : first + PART])
        for row in db.session.connection().execute(statement, values | {"items": part}).all():
            found[row[0]] = ItemLine._make(row)
    return [found[item_id] for item_id in ids if item_id in found]


def forms_and_batches() -> tuple[list[str], list[str]]:
    """The dosage forms and the batches there are, to choose from; at most one statement."""

    def read() -> tuple[list[str], list[str]]:
        rows = db.session.connection().execute(select(Item.form, Item.batch).distinct()).all()
        return sorted({row.form for row in rows}), sorted({row.batch for row in rows})

    return remembered("catalogue", "forms and batches", read)
