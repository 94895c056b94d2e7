"""Rises and frequent changes of the prices that sentinels report (R-STAT-4), as clues to be looked into."""

from __future__ import annotations

from collections.abc import Iterator

from sqlalchemy import select

from clinic_orders.models.base import db
from clinic_orders.models.catalogue import Item
from clinic_orders.models.monitoring import MonitoredPrice, Sentinel
from clinic_orders.models.roster import Institution
from clinic_orders.queries.checks.scope import Scope
from clinic_orders.queries.monitoring import holds, seen_in, watched
from clinic_orders.rules.days import Month
from clinic_orders.rules.findings import CheckRule, Finding
from clinic_orders.rules.monitoring import PriceOfMonth, changes_alarm, rise_alarm

RULES = (CheckRule.MONITORED_RISE, CheckRule.MONITORED_CHANGES)


def find(scope: Scope) -> Iterator[Finding]:
    """The alarms of the month of the day, at its sentinels, on its watched items, from all observed in the month.

    The month is looked at whole, as far as it has come: what was observed after the day is not seen.
    """
    month = scope.month
    items = {row.item_id for row in watched(first=month.first_day, last=scope.as_of)}
    if not items:
        return
    limit = scope.book.decimal_or_none("monitor.rise", on=scope.as_of)
    most = scope.book.whole_or_none("monitor.changes", on=scope.as_of)
    places = select(Sentinel.institution_id).where(holds(Sentinel, month.first_day, scope.as_of))
    seen = seen_in(
        month,
        MonitoredPrice.institution_id.in_(places),
        MonitoredPrice.observed_on <= scope.as_of,
        scope.only(MonitoredPrice.institution_id),
    ).subquery("seen")
    rows = db.session.connection().execute(
        select(Institution.code, Item.item_code, *seen.c)
        .join(Institution, Institution.id == seen.c.institution_id)
        .join(Item, Item.id == seen.c.item_id)
        .order_by(Institution.code, Item.item_code)
    )
    for code, item_code, _, item_id, price, before, changes, out in rows:
        if item_id not in items:
            continue
        one = PriceOfMonth(price, before, int(changes), bool(out))
        for found in (
            rise_alarm(code, item_code, Month.of(scope.as_of), one, limit=limit),
            changes_alarm(code, item_code, Month.of(scope.as_of), one, most=most),
        ):
            if found is not None:
                yield found
