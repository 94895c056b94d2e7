"""The shortage watch: items with supply problems or reported out of stock, and who nearby can help (R-VOL-7, R-STAT-4)."""

from __future__ import annotations

from collections.abc import Iterable
from datetime import date, timedelta
from typing import Any, Final, NamedTuple

from sqlalchemy import Select, and_, func, or_, select

from clinic_orders.models.base import db
from clinic_orders.models.catalogue import Item
from clinic_orders.models.monitoring import MonitoredPrice
from clinic_orders.models.roster import InstitutionRecord
from clinic_orders.models.stock_keeping import StockTold
from clinic_orders.models.volume import SupplyProblem
from clinic_orders.queries.lists import with_words
from clinic_orders.queries.reported import supply_problems_visible_to
from clinic_orders.queries.roster import current, institutions_of
from clinic_orders.queries.supply import in_state
from clinic_orders.rules.parties import Actor
from clinic_orders.rules.reordering import StockNews
from clinic_orders.rules.supply import ProblemState

LOOKED_BACK: Final = 45
"""Days after which an observation of a sentinel says nothing of today."""
SHORTAGE_SORTS: Final = frozenset({"name", "problems", "told", "seen"})


class ShortItem(NamedTuple):
    """An item that is short somewhere.

    Attributes:
        problems: open or waiting supply problems that the reader may see.
        told: institutions whose books say that it is out.
        seen: sentinels that found it out of stock at their last look.

    """

    item_id: int
    code: str
    name: str
    strength: str
    pack_size: int
    base_unit: str
    manufacturer: str
    problems: int
    told: int
    seen: int


def short_items(actor: Actor, *, on: date, words: str = "", sort: str = "-problems") -> list[ShortItem]:
    """What is short in the reader's places; four statements."""
    problem, told, seen = SupplyProblem, StockTold, MonitoredPrice
    standing = or_(in_state(ProblemState.WAITING, on), in_state(ProblemState.VERIFIED, on))
    problems = _counted(
        select(problem.item_id, func.count())
        .where(problem.replaced_at.is_(None), standing, supply_problems_visible_to(actor, on))
        .group_by(problem.item_id)
    )
    out = _counted(
        select(told.item_id, func.count())
        .where(
            told.news == StockNews.OUT,
            told.ended_at.is_(None),
            institutions_of(actor, told.institution_id, on),
        )
        .group_by(told.item_id)
    )
    place = (
        func.row_number()
        .over(partition_by=(seen.institution_id, seen.item_id), order_by=seen.observed_on.desc())
        .label("place")
    )
    newest = (
        select(seen.item_id, seen.out_of_stock, place)
        .where(
            seen.replaced_at.is_(None),
            seen.observed_on > on - timedelta(days=LOOKED_BACK),
            seen.observed_on <= on,
            institutions_of(actor, seen.institution_id, on),
        )
        .subquery()
    )
    found = _counted(
        select(newest.c.item_id, func.count())
        .where(newest.c.place == 1, newest.c.out_of_stock)
        .group_by(newest.c.item_id)
    )
    rows = [
        ShortItem(
            item.id, item.item_code, item.generic_name, item.strength, item.pack_size, item.base_unit,
            item.manufacturer, problems.get(item.id, 0), out.get(item.id, 0), found.get(item.id, 0),
        )
        for item in _items({*problems, *out, *found}, words)
    ]  # fmt: skip
    key = sort.removeprefix("-")
    if key != "name":
        rows.sort(key=lambda row: getattr(row, key), reverse=sort.startswith("-"))
    elif sort.startswith("-"):
        rows.reverse()
    return rows


def _counted(statement: Select[*tuple[Any, ...]]) -> dict[int, int]:
    return {row[0]: int(row[1]) for row in db.session.execute(statement)}


def _items(ids: Iterable[int], words: str) -> list[Item]:
    wanted = sorted(ids)
    found: list[Item] = []
    for first in range(0, len(wanted), 500):
        statement = select(Item).where(Item.id.in_(wanted[first : first + 500]))
        statement = statement.where(*with_words(words, Item.generic_name, Item.item_code, Item.manufacturer))
        found += db.session.scalars(statement)
    return sorted(found, key=lambda item: (item.search_initials, item.item_code))


class OutAt(NamedTuple):
    """An institution whose books say that an item is out."""

    name: str
    phone: str
    township: str
    told_on: date


def out_at(item_id: int, county: str, actor: Actor, *, on: date) -> list[OutAt]:
    """Where in a county an item is out by the books."""
    record = InstitutionRecord
    rows = db.session.execute(
        select(record.name, record.phone, record.township, StockTold.told_on)
        .join(record, and_(record.institution_id == StockTold.institution_id, current(record, on)))
        .where(
            StockTold.item_id == item_id,
            StockTold.news == StockNews.OUT,
            StockTold.ended_at.is_(None),
            record.county_code == county,
            institutions_of(actor, StockTold.institution_id, on),
        )
        .order_by(StockTold.told_on, record.name)
    )
    return [OutAt(*row) for row in rows]
