"""Who has an item and at what price, as the public may know it: a word about the shelf, never the stock."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date, timedelta
from decimal import Decimal
from typing import Any, Final

from sqlalchemy import func, literal, or_, select

from clinic_orders.models.base import db
from clinic_orders.models.catalogue import Item
from clinic_orders.models.publicity import HiddenPhone
from clinic_orders.models.roster import Institution, InstitutionRecord
from clinic_orders.models.stock import ShelfPrice, StockCount
from clinic_orders.models.stock_entries import StockLoss
from clinic_orders.queries.ledger import with_ledger
from clinic_orders.queries.publicity.roster import members, suspended, told_phone
from clinic_orders.rules.parties import InstitutionKind
from clinic_orders.rules.publicity import OnShelf, Point, Shelf, kilometres, middle, on_shelf
from clinic_orders.rules.stocking import REPORTING_DAYS

OFFER_SORTS: Final = frozenset({"price", "near", "name"})
_ORDER: Final = {OnShelf.HAS: 0, OnShelf.FEW: 0, OnShelf.UNKNOWN: 1, OnShelf.OUT: 2}


@dataclass(frozen=True, slots=True)
class Offer:
    """An institution that has an item, or posts a price for it.

    Attributes:
        price: yuan a pack on the tag; None where none is posted.
        as_of: the day of the last count or, where there is none, of the tag.
        away: kilometres from the middle of the township asked for; None where either is unknown.

    """

    code: str
    name: str
    kind: InstitutionKind
    township: str
    address: str
    phone: str
    place: Point | None
    price: Decimal | None
    shelf: Shelf
    as_of: date | None
    away: float | None = None


def _of_the_tag(column: Any, item_id: int, on: date) -> Any:
    """A column of the price latest posted by the institution of the statement around it."""
    tag = ShelfPrice
    return (
        select(column)
        .where(
            tag.institution_id == InstitutionRecord.institution_id,
            tag.item_id == item_id,
            tag.posted_on <= on,
            tag.replaced_at.is_(None),
        )
        .order_by(tag.posted_on.desc())
        .limit(1)
        .correlate(InstitutionRecord)
        .scalar_subquery()
    )


def _last_count(item_id: int, on: date) -> Any:
    count = StockCount
    return (
        select(func.max(count.counted_on))
        .where(
            count.replaced_at.is_(None),
            count.institution_id == InstitutionRecord.institution_id,
            count.item_id == item_id,
            count.counted_on <= on,
        )
        .correlate(InstitutionRecord)
        .scalar_subquery()
    )


def _shelves(item_id: int, on: date, conditions: Sequence[Any]) -> Any:
    """By institution: price, posted_on, last_count, base_units of the ledger, and what was lost (decision 0026)."""
    pairs = (
        select(
            InstitutionRecord.institution_id,
            literal(item_id).label("item_id"),
            _of_the_tag(ShelfPrice.price, item_id, on).label("price"),
            _of_the_tag(ShelfPrice.posted_on, item_id, on).label("posted_on"),
            _last_count(item_id, on).label("last_count"),
        )
        .where(*conditions)
        .subquery("pair")
    )
    kept, loss = with_ledger(on, pairs).subquery("shelf"), StockLoss
    lost = (
        select(func.coalesce(func.sum(loss.base_units), 0))
        .where(
            loss.replaced_at.is_(None),
            loss.institution_id == kept.c.institution_id,
            loss.item_id == item_id,
            loss.lost_on <= on,
            or_(kept.c.last_count.is_(None), loss.lost_on > kept.c.last_count),
        )
        .correlate(kept)
        .scalar_subquery()
    )
    return select(kept, lost.label("lost"))


def offers(
    item: Item,
    *,
    county: str,
    on: date,
    kind: InstitutionKind | None = None,
    township: str = "",
    sort: str = "price",
) -> list[Offer]:
    """The members of a county that have an item on the shelf or post a price for it; two statements.

    Who is known to be out comes last, and only where a price is posted.

    Args:
        item: which.
        county: its code.
        on: the day.
        kind: only institutions of this kind.
        township: where the reader is; ``away`` is reckoned from the middle of its members.
        sort: one of OFFER_SORTS; what is on the shelf comes first in any case.

    """
    here = (*members(on), InstitutionRecord.county_code == county)
    shelves = {row.institution_id: row for row in db.session.execute(_shelves(item.id, on, here))}
    known = _institutions(here, on)
    centre = (
        middle(point for one in known if one.township == township and (point := _point(one)))
        if township
        else None
    )
    found = []
    for one in known:
        row = shelves[one.institution_id]
        reports = row.last_count is not None and row.last_count > on - timedelta(days=REPORTING_DAYS)
        shelf = on_shelf(int(row.base_units) - int(row.lost), item.pack_size, reports=reports)
        silent = shelf.state in {OnShelf.OUT, OnShelf.UNKNOWN} and row.price is None
        if silent or (kind is not None and one.kind is not kind):
            continue
        point = _point(one)
        found.append(
            Offer(
                code=one.code,
                name=one.name,
                kind=one.kind,
                township=one.township,
                address=one.address,
                phone=one.phone or "",
                place=point,
                price=row.price,
                shelf=shelf,
                as_of=row.last_count if reports else row.posted_on,
                away=round(kilometres(centre, point), 1) if centre and point else None,
            )
        )
    keys: dict[str, Any] = {
        "price": lambda row: (row.price is None, row.price or Decimal(0), row.name),
        "near": lambda row: (row.away is None, row.away or 0.0, row.name),
        "name": lambda row: row.name,
    }
    found.sort(key=lambda row: (_ORDER[row.shelf.state], keys[sort](row)))
    return found


def _point(one: Any) -> Point | None:
    return None if one.lng is None or one.lat is None else (float(one.lng), float(one.lat))


def _institutions(conditions: Sequence[Any], on: date) -> Sequence[Any]:
    """Members as the public may know them; those suspended on the day are left out."""
    record = InstitutionRecord
    return db.session.execute(
        select(
            record.institution_id, Institution.code, record.name, record.kind, record.township, record.address,
            record.lng, record.lat, told_phone().label("phone"),
        )
        .join(Institution, Institution.id == record.institution_id)
        .outerjoin(HiddenPhone, HiddenPhone.institution_id == record.institution_id)
        .where(*conditions, ~suspended(on))
    ).all()  # fmt: skip
