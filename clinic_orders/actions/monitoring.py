"""Price monitoring: who and what is watched, what a sentinel reports on screen, the publication of a month (R-STAT-4)."""

from __future__ import annotations

from collections.abc import Collection, Mapping
from datetime import date, datetime
from decimal import Decimal
from fractions import Fraction
from typing import Final, cast

from sqlalchemy import Table, select

from clinic_orders.actions import audit
from clinic_orders.actions.loading import NotFound, own_institution
from clinic_orders.actions.reported.replacing import Facts, keep, standing_rows
from clinic_orders.actions.transaction import transactional
from clinic_orders.models.base import db
from clinic_orders.models.catalogue import Item
from clinic_orders.models.monitoring import MonitoredPrice, PricePublication, Sentinel, WatchedItem
from clinic_orders.models.roster import Institution
from clinic_orders.queries.monitoring import is_sentinel, monitored_month, publication, watched
from clinic_orders.rules.days import Month, day_in_china
from clinic_orders.rules.findings import rounded
from clinic_orders.rules.monitoring import (
    MonthPublished,
    MonthStillRuns,
    NothingObserved,
    NotWatched,
    SpellEndsEarly,
    WatchedAlready,
)
from clinic_orders.rules.parties import SYSTEM, Actor, Permission
from clinic_orders.rules.reporting import NothingTyped

OBSERVED: Final = Facts(
    "collect_prices",
    "monitored_price",
    cast("Table", MonitoredPrice.__table__),
    ("institution_id", "item_id", "observed_on"),
    ("price", "out_of_stock"),
)


def _check_free(spells: Collection[Sentinel] | Collection[WatchedItem], first: date, what: str) -> None:
    if any(one.valid_to is None or one.valid_to >= first for one in spells):
        raise WatchedAlready(what=what)


@transactional
def add_sentinel(code: str, *, first: date, by: Actor, at: datetime) -> None:
    """Make an institution a sentinel from a day on.

    Raises:
        NotAllowed, NotFound, WatchedAlready: why not.

    """
    by.need(Permission.POLICY_MANAGE)
    place = db.session.scalars(select(Institution).where(Institution.code == code).with_for_update()).first()
    if place is None:
        raise NotFound(number=code)
    _check_free(
        db.session.scalars(select(Sentinel).where(Sentinel.institution_id == place.id)).all(), first, code
    )
    db.session.add(
        Sentinel(
            institution_id=place.id, valid_from=first, valid_to=None, set_by_name=by.name, recorded_at=at
        )
    )
    audit.record(
        "add_sentinel",
        by=by,
        at=at,
        subject_type="sentinel",
        subject=code,
        institution_id=place.id,
        after={"valid_from": first},
    )


@transactional
def add_watched_item(item_code: str, *, first: date, by: Actor, at: datetime) -> None:
    """Watch the price of an item from a day on.

    Raises:
        NotAllowed, NotFound, WatchedAlready: why not.

    """
    by.need(Permission.POLICY_MANAGE)
    item = db.session.scalars(select(Item).where(Item.item_code == item_code).with_for_update()).first()
    if item is None:
        raise NotFound(number=item_code)
    _check_free(
        db.session.scalars(select(WatchedItem).where(WatchedItem.item_id == item.id)).all(), first, item_code
    )
    db.session.add(
        WatchedItem(item_id=item.id, valid_from=first, valid_to=None, set_by_name=by.name, recorded_at=at)
    )
    audit.record(
        "add_watched_item",
        by=by,
        at=at,
        subject_type="watched_item",
        subject=item_code,
        after={"valid_from": first},
    )


def _end(spell: Sentinel | WatchedItem | None, subject: str, last: date, *, by: Actor, at: datetime) -> None:
    if spell is None:
        raise NotFound(number=subject)
    if last < spell.valid_from:
        raise SpellEndsEarly(first=spell.valid_from)
    before, spell.valid_to = spell.valid_to, last
    audit.record(
        "end_spell",
        by=by,
        at=at,
        subject_type=spell.__tablename__,
        subject_id=spell.id,
        subject=subject,
        before={"valid_to": before},
        after={"valid_to": last},
    )


@transactional
def end_sentinel(spell_id: int, *, last: date, by: Actor, at: datetime) -> None:
    """An institution reports prices up to a day.

    Raises:
        NotAllowed, NotFound, SpellEndsEarly: why not.

    """
    by.need(Permission.POLICY_MANAGE)
    spell = db.session.get(Sentinel, spell_id, with_for_update=True, populate_existing=True)
    code = db.session.scalar(
        select(Institution.code).where(Institution.id == (spell.institution_id if spell else None))
    )
    _end(spell, code or str(spell_id), last, by=by, at=at)


@transactional
def end_watched_item(spell_id: int, *, last: date, by: Actor, at: datetime) -> None:
    """The price of an item is watched up to a day.

    Raises:
        NotAllowed, NotFound, SpellEndsEarly: why not.

    """
    by.need(Permission.POLICY_MANAGE)
    spell = db.session.get(WatchedItem, spell_id, with_for_update=True, populate_existing=True)
    code = db.session.scalar(select(Item.item_code).where(Item.id == (spell.item_id if spell else None)))
    _end(spell, code or str(spell_id), last, by=by, at=at)


@transactional
def collect_prices(
    prices: Mapping[str, Decimal], out: Collection[str] = (), *, by: Actor, at: datetime
) -> int:
    """Record what a sentinel asks today for the watched items; what it says again today replaces it.

    Args:
        prices: yuan a pack by item code.
        out: codes of items that it has none of, with or without a price.
        by: who.
        at: when; its day is the day observed.

    Returns:
        how many observations are new.

    Raises:
        NotAllowed, NothingTyped, NotWatched: what is wrong with it.

    """
    institution_id, on = own_institution(by), day_in_china(at)
    if not is_sentinel(institution_id, on=on):
        raise NotWatched(what=by.org_name)
    wanted = sorted({*prices, *out})
    if not wanted:
        raise NothingTyped
    items = {row.code: row.item_id for row in watched(first=on, last=on)}
    if unknown := [code for code in wanted if code not in items]:
        raise NotWatched(what=unknown[0])
    rows = [
        {
            "institution_id": institution_id,
            "item_id": items[code],
            "observed_on": on,
            "price": prices.get(code),
            "out_of_stock": code in out,
        }
        for code in wanted
    ]
    kept = keep(OBSERVED, rows, standing_rows(OBSERVED, rows), at=at, batch_id=None)
    if kept.new:
        codes = {row_id: code for code, row_id in items.items()}
        audit.record(
            "collect_prices",
            by=by,
            at=at,
            subject_type="monitored_price",
            subject=on.isoformat(),
            institution_id=institution_id,
            after={
                "prices": sorted(
                    f"{codes[cast('int', row['item_id'])]} {row['price'] if row['price'] is not None else '–'}"
                    for row in kept.new
                )
            },
        )
    return len(kept.new)


def _text(value: Decimal | Fraction | None) -> str | None:
    return None if value is None else str(rounded(value, Decimal("0.0001")))


@transactional
def publish_prices(month: Month, *, by: Actor, at: datetime) -> PricePublication:
    """Keep the figures of a month as the public may read them; no names of institutions are in it.

    Raises:
        NotAllowed, MonthStillRuns, MonthPublished, NothingObserved: why not.

    """
    by.need(Permission.MONTH_CLOSE)
    if month.last_day >= day_in_china(at):
        raise MonthStillRuns(month=str(month))
    if publication(month) is not None:
        raise MonthPublished(month=str(month))
    found = monitored_month(month, SYSTEM)
    if not found.reported:
        raise NothingObserved(month=str(month))
    rows = [
        {
            "code": one.item.code,
            "name": one.item.name,
            "pack": f"{one.item.strength} × {one.item.pack_size}{one.item.base_unit}",
            "manufacturer": one.item.manufacturer,
            "priced": one.figures.priced,
            "lowest": _text(one.figures.lowest),
            "highest": _text(one.figures.highest),
            "mean": _text(one.figures.mean),
            "spread": _text(one.figures.spread),
            "change": _text(one.figures.change),
            "outs": one.figures.outs,
        }
        for one in found.items
        if one.figures.reported
    ]
    made = PricePublication(
        month=str(month),
        rows=rows,
        sentinels=len(found.sentinels),
        expected=found.expected,
        reported=found.reported,
        published_at=at,
        published_by_id=by.user_id,
        published_by_name=by.name,
    )
    db.session.add(made)
    audit.record(
        "publish_prices",
        by=by,
        at=at,
        subject_type="price_publication",
        subject=str(month),
        after={"rows": len(rows)},
    )
    return made
