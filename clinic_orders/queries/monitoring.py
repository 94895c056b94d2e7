"""Price monitoring as pages, checks and files ask for it (R-STAT-4); set-based, held equal to ``rules.monitoring``."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Collection
from dataclasses import dataclass
from datetime import date
from decimal import Decimal
from functools import cache
from typing import Any, NamedTuple

from sqlalchemy import (
    BigInteger,
    BindParameter,
    ColumnElement,
    Date,
    Select,
    Subquery,
    and_,
    bindparam,
    case,
    func,
    literal,
    null,
    or_,
    select,
    type_coerce,
    union_all,
)
from sqlalchemy.orm import aliased

from clinic_orders.models.base import db
from clinic_orders.models.catalogue import Item
from clinic_orders.models.monitoring import MonitoredPrice, PricePublication, Sentinel, WatchedItem
from clinic_orders.models.roster import County, Institution, InstitutionRecord
from clinic_orders.queries.lists import with_words
from clinic_orders.queries.roster import current, institutions_of
from clinic_orders.rules.days import Month
from clinic_orders.rules.monitoring import ItemFigures, PriceOfMonth, figures_of
from clinic_orders.rules.parties import Actor, InstitutionKind


def holds(
    table: type[Sentinel] | type[WatchedItem],
    first: date | BindParameter[date],
    last: date | BindParameter[date],
) -> ColumnElement[bool]:
    """Whether a spell shares a day with a stretch of days."""
    return and_(table.valid_from <= last, or_(table.valid_to.is_(None), table.valid_to >= first))


class SentinelRow(NamedTuple):
    """A sentinel's spell."""

    id: int
    institution_id: int
    code: str
    name: str
    kind: InstitutionKind
    county: str
    valid_from: date
    valid_to: date | None


def sentinels(actor: Actor, *, on: date, words: str = "", standing_only: bool = False) -> list[SentinelRow]:
    """The spells that the actor may see, by county and name."""
    record = InstitutionRecord
    statement = (
        select(
            Sentinel.id,
            Sentinel.institution_id,
            Institution.code,
            record.name,
            record.kind,
            County.name,
            Sentinel.valid_from,
            Sentinel.valid_to,
        )
        .join(Institution, Institution.id == Sentinel.institution_id)
        .join(record, and_(record.institution_id == Sentinel.institution_id, current(record, on)))
        .join(County, County.code == record.county_code)
        .where(institutions_of(actor, Sentinel.institution_id, on))
        .order_by(record.county_code, record.name, Sentinel.valid_from)
    )
    if standing_only:
        statement = statement.where(holds(Sentinel, on, on))
    statement = statement.where(*with_words(words, record.name, Institution.code))
    return [SentinelRow(*row) for row in db.session.execute(statement)]


class WatchedRow(NamedTuple):
    """A watched item's spell."""

    id: int
    item_id: int
    code: str
    name: str
    strength: str
    pack_size: int
    base_unit: str
    manufacturer: str
    valid_from: date
    valid_to: date | None


def watched(*, first: date, last: date, words: str = "") -> list[WatchedRow]:
    """The items watched on any day of a stretch, by name."""
    statement = (
        select(
            WatchedItem.id, Item.id, Item.item_code, Item.generic_name, Item.strength, Item.pack_size,
            Item.base_unit, Item.manufacturer, WatchedItem.valid_from, WatchedItem.valid_to,
        )
        .join(Item, Item.id == WatchedItem.item_id)
        .where(holds(WatchedItem, first, last))
        .order_by(Item.search_initials, Item.item_code, WatchedItem.valid_from)
    )  # fmt: skip
    statement = statement.where(*with_words(words, Item.generic_name, Item.item_code, Item.manufacturer))
    return [WatchedRow._make(row) for row in db.session.execute(statement)]


def is_sentinel(institution_id: int, *, on: date) -> bool:
    """Whether an institution reports prices on a day."""
    found = db.session.scalar(
        select(Sentinel.id).where(Sentinel.institution_id == institution_id, holds(Sentinel, on, on)).limit(1)
    )
    return found is not None


def seen_in(month: Month, *where: ColumnElement[bool]) -> Any:
    """``rules.monitoring.month_of`` in SQL: institution_id, item_id, price, before, changes, out (R-STAT-4).

    Args:
        month: which month; later observations are not looked at.
        where: conditions on MonitoredPrice, such as which institutions.

    """
    row = MonitoredPrice
    in_month = (row.observed_on >= month.first_day, row.observed_on <= month.last_day, *where)
    pair = (row.institution_id, row.item_id)
    priced = _priced(*in_month).subquery("priced")
    newest = (
        select(
            *pair,
            row.out_of_stock,
            func.row_number().over(partition_by=pair, order_by=row.observed_on.desc()).label("place"),
        )
        .where(row.replaced_at.is_(None), *in_month)
        .subquery("newest")
    )
    # One under the other and added up by pair: SQLite would hold each pair of one against all of the other.
    both = union_all(
        select(*priced.c, literal(0).label("out")),
        select(
            newest.c.institution_id,
            newest.c.item_id,
            null(),
            null(),
            literal(0),
            case((newest.c.out_of_stock, 1), else_=0),
        ).where(newest.c.place == 1),
    ).subquery("both")
    of_month = (
        select(
            both.c.institution_id,
            both.c.item_id,
            func.max(both.c.price).label("price"),
            func.max(both.c.first).label("first"),
            func.max(both.c.changes).label("changes"),
            func.max(both.c.out).label("out"),
        )
        .group_by(both.c.institution_id, both.c.item_id)
        .subquery("of_month")
    )
    seen = select(of_month, _before(of_month, month.first_day).label("before")).subquery("seen")
    return select(
        seen.c.institution_id, seen.c.item_id, seen.c.price, seen.c.before, _changes(seen.c), seen.c.out
    )


def _priced(*where: ColumnElement[bool]) -> Select[Any]:
    """By institution and item its last price, its first one, and how often it changed between."""
    row = MonitoredPrice
    pair = (row.institution_id, row.item_id)
    told = (
        select(
            row.institution_id,
            row.item_id,
            row.price,
            func.lag(row.price).over(partition_by=pair, order_by=row.observed_on).label("last"),
            func.lead(row.price).over(partition_by=pair, order_by=row.observed_on).label("next"),
        )
        .where(row.replaced_at.is_(None), row.price.is_not(None), *where)
        .subquery("told")
    )
    return select(
        told.c.institution_id,
        told.c.item_id,
        func.max(case((told.c.next.is_(None), told.c.price))).label("price"),
        func.max(case((told.c.last.is_(None), told.c.price))).label("first"),
        func.sum(case((told.c.last != told.c.price, 1), else_=0)).label("changes"),
    ).group_by(told.c.institution_id, told.c.item_id)


def _before(of_month: Subquery, first: Any) -> ColumnElement[Any]:
    """The last price before a month: one step in the index of each pair, so that the years before are not read."""
    earlier = aliased(MonitoredPrice)
    return (
        select(earlier.price)
        .where(
            earlier.replaced_at.is_(None),
            earlier.institution_id == of_month.c.institution_id,
            earlier.item_id == of_month.c.item_id,
            earlier.observed_on < first,
            earlier.price.is_not(None),
        )
        .order_by(earlier.observed_on.desc())
        .limit(1)
        .correlate(of_month)
        .scalar_subquery()
    )


def _changes(seen: Any) -> ColumnElement[int]:
    """The first price of the month against the last one before it is a change like any other."""
    found: ColumnElement[int] = seen.changes + case((seen.before != seen.first, 1), else_=0)
    return found


@cache
def alarming(*, rise: bool, changes: bool) -> Select[Any]:
    """What may alarm in the days from :first to :last at the sentinels, of the watched items: institution_id, item_id, price,
    before, changes; made once.

    Args:
        rise: whether a price above :whole ÷ :part of the one before does.
        changes: whether more than :most changes do.

    """
    row = MonitoredPrice
    first, last = bindparam("first", type_=Date()), bindparam("last", type_=Date())
    places = select(Sentinel.institution_id).where(holds(Sentinel, first, last))
    items = select(WatchedItem.item_id).where(holds(WatchedItem, first, last))
    priced = _priced(
        row.observed_on >= first,
        row.observed_on <= last,
        # Not the columns themselves: they would lead through all that each place has ever told.
        (row.institution_id + 0).in_(places),
        (row.item_id + 0).in_(items),
    ).subquery("priced")
    seen = select(priced, _before(priced, first).label("before")).subquery("seen")
    alarms = []
    if rise:
        price, before = (type_coerce(one, BigInteger) for one in (seen.c.price, seen.c.before))
        alarms.append(
            price * bindparam("part", type_=BigInteger) > before * bindparam("whole", type_=BigInteger)
        )
    if changes:
        alarms.append(_changes(seen.c) > bindparam("most", type_=BigInteger))
    found = select(
        seen.c.institution_id, seen.c.item_id, seen.c.price, seen.c.before, _changes(seen.c).label("changes")
    )
    return found.where(or_(*alarms))


def prices_of_month(
    month: Month, institution_ids: Collection[int] | None = None
) -> dict[tuple[int, int], PriceOfMonth]:
    """What was observed in a month, by institution and item; one statement."""
    where = () if institution_ids is None else (MonitoredPrice.institution_id.in_(institution_ids),)
    return {
        (row[0], row[1]): PriceOfMonth(row[2], row[3], int(row[4]), bool(row[5]))
        for row in db.session.execute(seen_in(month, *where))
    }


@dataclass(frozen=True, slots=True)
class MonitoredItem:
    """A watched item with the figures of a month."""

    item: WatchedRow
    figures: ItemFigures
    expected: int


@dataclass(frozen=True, slots=True)
class MonitoredMonth:
    """A month: its items, who should report, and how much was reported of what was expected."""

    month: Month
    sentinels: list[SentinelRow]
    items: list[MonitoredItem]
    prices: dict[tuple[int, int], PriceOfMonth]

    @property
    def expected(self) -> int:
        """Sentinels × items."""
        return len(self.sentinels) * len(self.items)

    @property
    def reported(self) -> int:
        """How many of them were reported."""
        return sum(one.figures.reported for one in self.items)

    @property
    def completeness(self) -> Decimal | None:
        """The share reported; None where nothing is expected."""
        return Decimal(self.reported) / self.expected if self.expected else None

    def missing(self) -> list[tuple[SentinelRow, int]]:
        """The sentinels that lack something, and how many items."""
        items = [one.item.item_id for one in self.items]
        found = []
        for place in self.sentinels:
            lacking = sum((place.institution_id, item) not in self.prices for item in items)
            if lacking:
                found.append((place, lacking))
        return found


def monitored_month(month: Month, actor: Actor, *, words: str = "") -> MonitoredMonth:
    """A month as the actor may see it: the city all sentinels, a county its own; three statements."""
    spells = [
        row
        for row in sentinels(actor, on=month.last_day)
        if row.valid_from <= month.last_day and (row.valid_to is None or row.valid_to >= month.first_day)
    ]
    places = list({row.institution_id: row for row in spells}.values())
    items = list(
        {
            row.item_id: row for row in watched(first=month.first_day, last=month.last_day, words=words)
        }.values()
    )
    known = {place.institution_id for place in places}
    prices = {key: value for key, value in prices_of_month(month).items() if key[0] in known}
    by_item: dict[int, list[PriceOfMonth]] = defaultdict(list)
    for (_, item_id), seen in prices.items():
        by_item[item_id].append(seen)
    return MonitoredMonth(
        month,
        places,
        [MonitoredItem(item, figures_of(by_item[item.item_id]), len(places)) for item in items],
        prices,
    )


class CollectedLine(NamedTuple):
    """A watched item on the form of a sentinel: what it said this month, else last."""

    item: WatchedRow
    price: Decimal | None
    before: Decimal | None
    out: bool
    said: bool


def to_collect(institution_id: int, *, on: date) -> list[CollectedLine]:
    """The form of a day: every watched item, with this month's price or, to begin with, the last one."""
    month = Month.of(on)
    seen, before = prices_of_month(month, [institution_id]), _prices_before(month, institution_id)
    lines = []
    for item in {row.item_id: row for row in watched(first=on, last=on)}.values():
        now = seen.get((institution_id, item.item_id))
        lines.append(
            CollectedLine(
                item,
                now.price if now else None,
                before.get(item.item_id),
                bool(now and now.out),
                now is not None,
            )
        )
    return lines


def _prices_before(month: Month, institution_id: int) -> dict[int, Decimal]:
    """The price last observed before a month, by item."""
    row = MonitoredPrice
    place = func.row_number().over(partition_by=row.item_id, order_by=row.observed_on.desc()).label("place")
    latest = (
        select(row.item_id, row.price, place)
        .where(
            row.institution_id == institution_id,
            row.replaced_at.is_(None),
            row.price.is_not(None),
            row.observed_on < month.first_day,
        )
        .subquery()
    )
    found = db.session.execute(select(latest.c.item_id, latest.c.price).where(latest.c.place == 1))
    return {row.item_id: row.price for row in found}


def publication(month: Month) -> PricePublication | None:
    """What was published of a month."""
    return db.session.get(PricePublication, str(month))


def published_months() -> list[Month]:
    """The published months, the newest first."""
    rows = db.session.scalars(select(PricePublication.month).order_by(PricePublication.month.desc()))
    return [Month.parse(row) for row in rows]
