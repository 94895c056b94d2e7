"""Jobs about orders and the stock: what lapses, what nobody answers, what is used up."""

from __future__ import annotations

from datetime import date, datetime, timedelta

from clinic_orders.actions import lapsing, stock_levels, stock_news
from clinic_orders.jobs.job import Outcome, each
from clinic_orders.queries import lapsing as questions
from clinic_orders.queries.stock import who_keeps_stock
from clinic_orders.queries.stock_levels import keepers
from clinic_orders.rules.parties import SYSTEM

_AT_ONCE = 200
"""So many shelves in one statement, and in one transaction."""


def record_lapsed_orders(_as_of: date, at: datetime, outcome: Outcome) -> None:
    """Record the orders that nobody answered in time (R-ORD-6); they lapsed by date already."""
    found = questions.lapsed_unrecorded(at)
    each(found, lambda order_id: lapsing.record_lapse(order_id, by=SYSTEM, at=at), outcome)


def alert_unanswered_emergencies(_as_of: date, at: datetime, outcome: Outcome) -> None:
    """Alert the county bureau of emergency orders without an answer in the allowed hours (R-ORD-9)."""
    found = questions.unanswered_emergencies(at)
    each(found, lambda order_id: lapsing.alert_emergency(order_id, by=SYSTEM, at=at), outcome)


def tell_stock_news(as_of: date, at: datetime, outcome: Outcome) -> None:
    """Tell who keeps a stock what was used up or is near its expiry at the end of the day before."""
    day = as_of - timedelta(days=1)
    found = who_keeps_stock(day)
    each(found, lambda one: stock_news.tell_stock_news(one, for_day=day, by=SYSTEM, at=at), outcome)


def keep_stock_levels(as_of: date, at: datetime, outcome: Outcome) -> None:
    """Keep what lies on all shelves at the end of the day before, and add it up by county and item."""
    day = as_of - timedelta(days=1)
    found = keepers(day)
    parts = [found[begin : begin + _AT_ONCE] for begin in range(0, len(found), _AT_ONCE)]
    each(parts, lambda ids: stock_levels.keep_stock_levels(ids, for_day=day, by=SYSTEM, at=at), outcome)
    stock_levels.sum_stock_levels(for_day=day, by=SYSTEM, at=at)
