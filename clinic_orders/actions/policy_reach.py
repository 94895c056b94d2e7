"""A policy that is dated back holds as if it had been known: what was worked out by the old one is worked out anew.

Deadlines to answer and due days of payment are kept with their order or receipt, because lists and holds look for them
by index. Everything else asks policy itself, day by day.
"""

from __future__ import annotations

from collections.abc import Collection
from datetime import date, datetime, timedelta
from typing import Any, Final, cast

from sqlalchemy import CursorResult, Table, bindparam, case, func, select, true, update

from clinic_orders.actions import audit
from clinic_orders.actions.history.shared import Standings, receipt_terms
from clinic_orders.actions.transaction import transactional
from clinic_orders.models.audit import AuditEntry
from clinic_orders.models.base import db
from clinic_orders.models.deliveries import Shipment
from clinic_orders.models.orders import Order
from clinic_orders.queries.checks.stretches import LONGEST
from clinic_orders.queries.policy import policy_book
from clinic_orders.rules.days import calendar_last_day, day_in_china, end_of_day, start_of_day
from clinic_orders.rules.ordering import answer_due_at
from clinic_orders.rules.parties import Actor, Permission

ANSWERS: Final = ("order.confirm_days", "order.emergency_hours")
PAYMENTS: Final = ("delivery.accept_days", "payment.rule")
EVER: Final = date(1900, 1, 1)
"""A day before everything."""

_ORDERS: Final = cast("Table", Order.__table__)
_SHIPMENTS: Final = cast("Table", Shipment.__table__)
_DAY: Final = timedelta(days=1)


def reach_back(parameters: Collection[str], since: date, *, by: Actor, at: datetime) -> None:
    """Work out anew, within the deed that changed policy, what was worked out by policy from a day on.

    An order whose deadline now lies ahead has not lapsed: that is recorded again when it does.

    Args:
        parameters: those that have changed.
        since: the first day on which one of them has.
        by: who changed it.
        at: when.

    """
    orders = _answers(since, at) if set(ANSWERS).intersection(parameters) else 0
    receipts = _due_days(since) if set(PAYMENTS).intersection(parameters) else 0
    if not orders and not receipts:
        return
    db.session.expire_all()
    audit.record(
        "reach_back",
        by=by,
        at=at,
        subject_type="policy",
        subject=" ".join(sorted(set(parameters).intersection(ANSWERS + PAYMENTS))),
        before={},
        after={"valid_from": since, "orders": orders, "receipts": receipts},
    )


@transactional
def take_calendar(*, by: Actor, at: datetime) -> bool:
    """Work out anew what runs on working days, once for each year of the official calendar that has come with a new version.

    Beyond the published years Monday to Friday are taken for working days (rules section 0); what was worked out so is
    put right when the year is known.

    Returns:
        whether there was a year that had not been taken yet.

    """
    by.need(Permission.POLICY_MANAGE)
    last = calendar_last_day().year
    taken = [
        int(year)
        for year in db.session.scalars(select(AuditEntry.subject).where(AuditEntry.deed == "take_calendar"))
    ]
    if last in taken:
        return False
    first = max(taken, default=last - 1) + 1
    reach_back(ANSWERS + PAYMENTS, date(first, 1, 1) - LONGEST, by=by, at=at)
    audit.record(
        "take_calendar",
        by=by,
        at=at,
        subject_type="policy",
        subject=str(last),
        after={"valid_from": date(first, 1, 1)},
    )
    return True


def _answers(since: date, at: datetime) -> int:
    """R-ORD-6, R-ORD-9. All ordinary orders of a day have one deadline."""
    connection, table = db.session.connection(), _ORDERS
    book = policy_book(*ANSWERS)
    first, last = connection.execute(
        select(func.min(table.c.submitted_at), func.max(table.c.submitted_at)).where(
            table.c.submitted_at >= start_of_day(since)
        )
    ).one()
    if first is None:
        return 0
    changed = 0
    lapse = case((bindparam("due") <= at, table.c.lapse_recorded_at))
    ordinary = (
        update(table)
        .where(
            table.c.submitted_at >= bindparam("begins"),
            table.c.submitted_at < bindparam("ends"),
            table.c.emergency.is_(False),
            table.c.answer_due_at != bindparam("due"),
        )
        .values(answer_due_at=bindparam("due"), lapse_recorded_at=lapse)
    )
    day = day_in_china(first)
    while day <= day_in_china(last):
        due = answer_due_at(start_of_day(day), confirm_days=book.whole("order.confirm_days", on=day))
        values = {"begins": start_of_day(day), "ends": end_of_day(day), "due": due}
        done = cast("CursorResult[Any]", connection.execute(ordinary, values))
        changed += done.rowcount
        day += _DAY
    urgent = select(table.c.id, table.c.submitted_at, table.c.answer_due_at).where(
        table.c.submitted_at >= start_of_day(since), table.c.emergency == true()
    )
    for order_id, submitted_at, kept in connection.execute(urgent).all():
        day = day_in_china(submitted_at)
        due = answer_due_at(
            submitted_at,
            confirm_days=book.whole("order.confirm_days", on=day),
            emergency=True,
            emergency_hours=book.whole("order.emergency_hours", on=day),
        )
        if due != kept:
            connection.execute(update(table).where(table.c.id == order_id).values(answer_due_at=due))
            changed += 1
    return changed


def _due_days(since: date) -> int:
    """R-DEL-6, R-PAY-2. What was delivered, or counts as accepted, on a day was not accepted before it."""
    connection, table = db.session.connection(), _SHIPMENTS
    book = policy_book(*PAYMENTS)
    rows = connection.execute(
        select(
            table.c.id,
            table.c.institution_id,
            table.c.paying_id,
            table.c.delivered_at,
            table.c.accepted_at,
            table.c.acceptance_day,
            table.c.payment_rule,
            table.c.due_on,
        ).where(table.c.accepted_at >= start_of_day(since))
    ).all()
    standings = Standings({one for row in rows for one in (row.institution_id, row.paying_id)})
    changed = []
    for row in rows:
        terms = receipt_terms(
            book,
            standings,
            institution_id=row.institution_id,
            paying_id=row.paying_id,
            delivered_at=row.delivered_at,
            accepted_at=row.accepted_at,
        )
        if any(getattr(row, name) != value for name, value in terms.items()):
            changed.append({"shipment_id": row.id} | terms)
    if changed:
        statement = update(table).where(table.c.id == bindparam("shipment_id"))
        names = ("acceptance_day", "payment_rule", "due_on")
        connection.execute(statement.values({name: bindparam(name) for name in names}), changed)
    return len(changed)
