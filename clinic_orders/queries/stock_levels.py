"""What lies on many shelves: worked out set by set at night, and read by bureau and hospital (R-STOCK-3, decision 0050)."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Callable, Collection, Iterable, Mapping
from dataclasses import dataclass
from datetime import date, timedelta
from typing import Any, Final, NamedTuple, TypeVar

from sqlalchemy import ColumnElement, and_, case, exists, false, func, or_, select, union

from clinic_orders.models.base import db
from clinic_orders.models.deliveries import Shipment, ShipmentLine
from clinic_orders.models.orders import OrderLine
from clinic_orders.models.roster import Institution, InstitutionRecord, Membership
from clinic_orders.models.sales import SaleLine
from clinic_orders.models.stock_keeping import StockSetting
from clinic_orders.models.stock_levels import StockKeeper, StockLevel, StockSum
from clinic_orders.queries.doubles import counts_once
from clinic_orders.queries.ledger import reporting, stock
from clinic_orders.queries.ordering import ItemRow, items_on
from clinic_orders.queries.roster import current, institutions_of
from clinic_orders.queries.stock.keeping import batches_of, who_keeps_stock
from clinic_orders.rules.days import end_of_day, start_of_day
from clinic_orders.rules.parties import Actor, InstitutionKind, Role
from clinic_orders.rules.reordering import Batch, Keeping, is_near_expiry, left_of_batches
from clinic_orders.rules.stocking import REPORTING_DAYS

Row = TypeVar("Row")
MOVED_DAYS: Final = 90
"""An item is used up where nothing is left of it and it was sold or received within so many days."""


def keepers(on: date) -> list[int]:
    """Ids of the institutions of whose shelves something is known: sales or counts lately, any count in 400 days."""
    return sorted({*who_keeps_stock(on), *db.session.scalars(reporting(on))})


class Level(NamedTuple):
    """One item on one shelf at the end of a day; see ``models.stock_levels.StockLevel``."""

    institution_id: int
    item_id: int
    on_hand: int
    out: bool
    near_units: int
    expires_on: date | None
    counted_on: date | None


def levels(ids: Collection[int], on: date) -> list[Level]:
    """What lies on the shelves of some institutions at the end of a day; four statements.

    Only what was ever counted or accepted: of the rest nobody knows what was there before the first sale.
    """
    whose = select(Institution.id).where(Institution.id.in_(ids))
    connection = db.session.connection()
    days = {
        row.institution_id: row.expiry_days
        for row in connection.execute(
            select(StockSetting.institution_id, StockSetting.expiry_days).where(
                StockSetting.institution_id.in_(ids)
            )
        )
    }
    usual = Keeping().expiry_days
    received: dict[tuple[int, int], list[Batch]] = defaultdict(list)
    for institution_id, item_id, batch_no, expires_on, units in connection.execute(
        batches_of(Shipment.institution_id.in_(whose), on, Shipment.institution_id)
    ):
        received[institution_id, item_id].append(Batch(batch_no, expires_on, int(units or 0)))
    moved = {(one, item) for one, item in connection.execute(_moved(whose, on))}
    found = []
    for row in connection.execute(stock(on, whose)):
        if not row.known:
            continue
        on_hand, pair = int(row.base_units) - int(row.lost), (row.institution_id, row.item_id)
        left = left_of_batches(received.get(pair, ()), on_hand=on_hand)
        expiry_days = days.get(row.institution_id, usual)
        near = [one for one in left if is_near_expiry(one.expires_on, on=on, expiry_days=expiry_days)]
        found.append(
            Level(
                *pair,
                on_hand,
                on_hand <= 0 and pair in moved,
                sum(one.base_units for one in near),
                left[0].expires_on if left else None,
                row.counted_on,
            )
        )
    return found


def _moved(whose: Any, on: date) -> Any:
    """Institution and item of what was sold or accepted lately."""
    first = on - timedelta(days=MOVED_DAYS - 1)
    sold = select(SaleLine.institution_id, SaleLine.item_id).where(
        SaleLine.institution_id.in_(whose),
        SaleLine.item_id.is_not(None),
        SaleLine.replaced_at.is_(None),
        SaleLine.sold_on >= first,
        SaleLine.sold_on <= on,
    )
    accepted = (
        select(Shipment.institution_id, OrderLine.item_id)
        .join(ShipmentLine, ShipmentLine.shipment_id == Shipment.id)
        .join(OrderLine, OrderLine.id == ShipmentLine.order_line_id)
        .where(
            Shipment.institution_id.in_(whose),
            Shipment.accepted_at >= start_of_day(first),
            Shipment.accepted_at < end_of_day(on),
            ShipmentLine.accepted_packs > 0,
            counts_once(Shipment.order_id),
        )
    )
    return union(sold, accepted)


# What people look at ------------------------------------------------------------------------------------------


@dataclass(frozen=True, slots=True)
class ItemSums:
    """One item on all shelves that the actor may see: keepers that have or had it, base units, how many are out."""

    item: ItemRow
    keepers: int
    on_hand: int
    out: int
    near: int
    near_units: int


@dataclass(frozen=True, slots=True)
class Shelf:
    """One institution as a whole; the numbers are None where it keeps no stock here."""

    id: int
    code: str
    name: str
    kind: InstitutionKind
    county: str
    township: str
    items: int | None
    out: int | None
    near: int | None
    counted_on: date | None
    # Whether it has counted within the days after which a count says nothing any more (R-STOCK-3).
    counts: bool

    @property
    def uncounted(self) -> bool:
        """Whether it has not counted anything for so long."""
        return not self.counts


@dataclass(frozen=True, slots=True)
class Place:
    """One item at one institution, in base units."""

    id: int
    code: str
    name: str
    kind: InstitutionKind
    county: str
    township: str
    on_hand: int
    out: bool
    near_units: int
    expires_on: date | None
    counted_on: date | None


@dataclass(frozen=True, slots=True)
class Lying:
    """One item of one shelf, in base units."""

    item: ItemRow
    on_hand: int
    out: bool
    near_units: int
    expires_on: date | None
    counted_on: date | None


def looked_on() -> date | None:
    """The day at whose end the shelves were last looked at; None where they never were."""
    return db.session.scalar(select(func.max(StockKeeper.looked_on)))


def item_sums(actor: Actor, *, on: date, county: str = "") -> list[ItemSums]:
    """Every item that lies anywhere, added up; two statements.

    A bureau reads the sums of its counties, which are kept; a hospital adds up the shelves that it looks after.
    """
    if actor.role in {Role.CITY, Role.COUNTY}:
        asked = actor.county_code if actor.role is Role.COUNTY else county
        kept = StockSum
        statement = select(
            kept.item_id,
            func.sum(kept.keepers),
            func.sum(kept.on_hand),
            func.sum(kept.out),
            func.sum(kept.near),
            func.sum(kept.near_units),
        ).group_by(kept.item_id)
        statement = statement.where(kept.county_code == asked) if asked else statement
    else:
        statement = sums_of(StockLevel.item_id).where(institutions_of(actor, StockLevel.institution_id, on))
    items = items_on(on, every=True).by_id
    return [
        ItemSums(items[item_id], *(int(number) for number in numbers))
        for item_id, *numbers in db.session.execute(statement)
        if item_id in items
    ]


def sums_of(*keys: Any) -> Any:
    """Levels added up by some columns: keepers, base units, out, near, near units."""
    level = StockLevel
    return select(
        *keys,
        func.count(),
        func.sum(_where(level.on_hand > 0, level.on_hand)),
        func.sum(_where(level.out, 1)),
        func.sum(_where(level.near_units > 0, 1)),
        func.sum(level.near_units),
    ).group_by(*keys)


def _where(condition: ColumnElement[bool] | Any, value: Any) -> ColumnElement[Any]:
    return case((condition, value), else_=0)


def _is_member(on: date) -> ColumnElement[bool]:
    return exists().where(
        Membership.institution_id == Institution.id,
        Membership.joined_on <= on,
        or_(Membership.left_on.is_(None), Membership.left_on >= on),
    )


def _state(on: date) -> ColumnElement[bool]:
    return and_(InstitutionRecord.institution_id == Institution.id, current(InstitutionRecord, on))


_WHO: Final = (
    Institution.id,
    Institution.code,
    InstitutionRecord.name,
    InstitutionRecord.kind,
    InstitutionRecord.county_code,
    InstitutionRecord.township,
)


def shelves(actor: Actor, *, on: date) -> list[Shelf]:
    """The members, and whoever keeps a stock besides, as far as the actor may see; one statement."""
    record, keeper = InstitutionRecord, StockKeeper
    since = on - timedelta(days=REPORTING_DAYS)
    statement = (
        select(
            *_WHO,
            *(keeper.items, keeper.out, keeper.near, keeper.counted_on),
            func.coalesce(keeper.counted_on > since, false()),
        )
        .join(record, _state(on))
        .outerjoin(keeper, keeper.institution_id == Institution.id)
        .where(
            or_(_is_member(on), keeper.institution_id.is_not(None)),
            institutions_of(actor, Institution.id, on),
        )
    )
    return [Shelf(*row) for row in db.session.connection().execute(statement)]


def places(actor: Actor, item_id: int, *, on: date) -> list[Place]:
    """Where an item lies or has run out, as far as the actor may see; one statement."""
    record, level = InstitutionRecord, StockLevel
    statement = (
        select(
            *_WHO,
            *(level.on_hand, level.out, level.near_units, level.expires_on, level.counted_on),
        )
        .select_from(level)
        .join(Institution, Institution.id == level.institution_id)
        .join(record, _state(on))
        .where(level.item_id == item_id, institutions_of(actor, level.institution_id, on))
    )
    return [Place(*row) for row in db.session.connection().execute(statement)]


def lying(actor: Actor, code: str, *, on: date) -> tuple[Shelf, list[Lying]] | None:
    """One shelf with its items; None where the actor may not see it, or there is none. Three statements."""
    shelf = next((one for one in shelves(actor, on=on) if one.code == code), None)
    if shelf is None:
        return None
    items: Mapping[int, ItemRow] = items_on(on, every=True).by_id
    level = StockLevel
    rows: Any = db.session.execute(
        select(
            level.item_id,
            *(level.on_hand, level.out, level.near_units, level.expires_on, level.counted_on),
        ).where(level.institution_id == shelf.id)
    )
    return shelf, [Lying(items[item_id], *rest) for item_id, *rest in rows if item_id in items]


def in_order(rows: Iterable[Row], sort: str, keys: Mapping[str, Callable[[Row], Any]]) -> list[Row]:
    """Rows in one of the orders; what is not known stands last either way."""
    value = keys[sort.removeprefix("-")]
    found = list(rows)
    known = sorted((row for row in found if value(row) is not None), key=value, reverse=sort.startswith("-"))
    return known + [row for row in found if value(row) is None]
