"""Rises and frequent changes of the prices that sentinels report (R-STAT-4), as clues to be looked into."""

from __future__ import annotations

from collections.abc import Iterator
from fractions import Fraction

from sqlalchemy import select, true

from clinic_orders.models.base import db
from clinic_orders.models.catalogue import Item
from clinic_orders.models.roster import Institution
from clinic_orders.queries.checks.scope import Scope
from clinic_orders.queries.monitoring import alarming
from clinic_orders.rules.findings import CheckRule, Finding
from clinic_orders.rules.monitoring import PriceOfMonth, changes_alarm, rise_alarm

RULES = (CheckRule.MONITORED_RISE, CheckRule.MONITORED_CHANGES)


def find(scope: Scope) -> Iterator[Finding]:
    """The alarms of the month of the day, at its sentinels, on its watched items, from all observed in the month.

    The month is looked at whole, as far as it has come: what was observed after the day is not seen.
    """
    limit = scope.book.decimal_or_none("monitor.rise", on=scope.as_of)
    most = scope.book.whole_or_none("monitor.changes", on=scope.as_of)
    if limit is None and most is None:
        return
    month = scope.month
    days = {"first": month.first_day, "last": scope.as_of}
    # Whole numbers of the same parts, as prices are stored.
    whole, part = (1 + Fraction(limit or 0)).as_integer_ratio()
    seen = alarming(rise=limit is not None, changes=most is not None).subquery("alarm")
    statement = (
        select(Institution.code, Item.item_code, seen.c.price, seen.c.before, seen.c.changes)
        .join(Institution, Institution.id == seen.c.institution_id)
        .join(Item, Item.id == seen.c.item_id)
        .where(true() if scope.institution_ids is None else seen.c.institution_id.in_(scope.institution_ids))
        .order_by(Institution.code, Item.item_code)
    )
    values = days | ({} if limit is None else {"whole": whole, "part": part})
    values |= {} if most is None else {"most": most}
    for code, item_code, price, before, changes in db.session.connection().execute(statement, values).all():
        # Whether there was any in stock alarms nobody.
        one = PriceOfMonth(price, before, int(changes), out=False)
        for found in (
            rise_alarm(code, item_code, month, one, limit=limit),
            changes_alarm(code, item_code, month, one, most=most),
        ):
            if found is not None:
                yield found
