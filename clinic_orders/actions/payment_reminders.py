"""Remind of payments: one notice for a pair and day, each receipt once for each stage (rules section 12)."""

from __future__ import annotations

from datetime import date, datetime
from typing import Any

from sqlalchemy import select
from sqlalchemy.dialects.postgresql import insert as postgresql_insert
from sqlalchemy.dialects.sqlite import insert as sqlite_insert

from clinic_orders.actions import audit, notices
from clinic_orders.actions.transaction import transactional
from clinic_orders.models.arrears import PaymentReminder
from clinic_orders.models.base import db
from clinic_orders.models.roster import Distributor, Institution
from clinic_orders.queries.arrears import receipts_to_remind
from clinic_orders.queries.payments import name_of_institution
from clinic_orders.rules.days import day_in_china
from clinic_orders.rules.parties import Actor, Permission
from clinic_orders.rules.payment_reminders import (
    Gathered,
    ReceiptToPay,
    ReminderStage,
    due_reminders,
    gathered,
)

_TABLE: Any = PaymentReminder.__table__
_CLAIM = {
    name: insert.on_conflict_do_nothing(index_elements=["shipment_id", "stage"]).returning(
        _TABLE.c.shipment_id
    )
    for name, insert in (
        ("postgresql", postgresql_insert(_TABLE)),
        ("sqlite", sqlite_insert(_TABLE)),
    )
}


@transactional
def remind_of_payments(paying_id: int, distributor_id: int, *, for_day: date, by: Actor, at: datetime) -> int:
    """Send what is to be said on a day about one institution's receipts of one distributor.

    The rows are written first: whoever comes second, in another process or on a repeated day, finds them and says
    nothing. What was paid by now is left out.

    Args:
        paying_id: who pays.
        distributor_id: to whom.
        for_day: the day whose reminders these are; a missed one is caught up.
        by: the system.
        at: now.

    Returns:
        how many receipts were reminded of.

    """
    by.need(Permission.JOBS_RUN)
    # One at a time for an institution; on SQLite a writer is alone anyway.
    db.session.execute(select(Institution.id).where(Institution.id == paying_id).with_for_update())
    today, pair = day_in_china(at), (paying_id, distributor_id)
    receipts = receipts_to_remind(for_day, sent_on=today, pair=pair).get(pair, [])
    sent = _claim(due_reminders(receipts, on=for_day, sent_on=today), for_day, at)
    if not sent:
        return 0
    coming = gathered(receipt for receipt, stage in sent if stage is not ReminderStage.OVERDUE)
    overdue = gathered(receipt for receipt, stage in sent if stage is ReminderStage.OVERDUE)
    _tell(paying_id, distributor_id, coming, overdue, at=at)
    audit.record(
        "remind_of_payments",
        by=by,
        at=at,
        subject_type="payment_reminder",
        subject=f"{for_day.isoformat()}",
        institution_id=paying_id,
        distributor_id=distributor_id,
        after={
            "as_of": for_day,
            "receipts": [receipt.receipt_no for receipt, _ in sent],
            "amount": coming.amount + overdue.amount,
        },
    )
    return len(sent)


def _claim(
    wanted: list[tuple[ReceiptToPay, ReminderStage]], for_day: date, at: datetime
) -> list[tuple[ReceiptToPay, ReminderStage]]:
    """Those of the reminders that nobody has sent yet, now taken."""
    sent = []
    connection = db.session.connection()
    for stage in ReminderStage:
        rows = [receipt for receipt, its in wanted if its is stage]
        if not rows:
            continue
        statement = _CLAIM[connection.dialect.name].values(
            [
                {"shipment_id": row.shipment_id, "stage": stage, "for_day": for_day, "sent_at": at}
                for row in rows
            ]
        )
        # The values go in one by one through the table's own types.
        taken = set(connection.execute(statement).scalars())
        sent += [(row, stage) for row in rows if row.shipment_id in taken]
    return sent


def _facts(found: Gathered, prefix: str = "") -> dict[str, Any]:
    return {
        f"{prefix}count": found.receipts,
        f"{prefix}amount": f"{found.amount:.2f}",
        f"{prefix}due_on": found.first_due.isoformat() if found.first_due else "",
    }


def _tell(paying_id: int, distributor_id: int, coming: Gathered, overdue: Gathered, *, at: datetime) -> None:
    """One notice to the payer; the distributor hears of what is overdue."""
    seller = db.session.get_one(Distributor, distributor_id)
    name = name_of_institution(paying_id, on=day_in_china(at))
    mine: dict[str, Any] = {"at": at, "institution_id": paying_id}
    whose = {"distributor": seller.name}
    state = "overdue" if overdue.receipts else "open"
    link = f"/payables/?state={state}&distributor={seller.code}"
    if overdue.receipts and coming.receipts:
        both = whose | _facts(overdue) | _facts(coming, "soon_")
        notices.tell("payment_overdue_and_due", facts=both, link=link, **mine)
    elif overdue.receipts:
        notices.tell("payment_overdue", facts=whose | _facts(overdue), link=link, **mine)
    else:
        notices.tell("payment_due_soon", facts=whose | _facts(coming), link=link, **mine)
    if overdue.receipts:
        notices.tell(
            "receivable_overdue",
            at=at,
            facts={"payer": name} | _facts(overdue),
            link="/distribution/receivables?show=overdue",
            distributor_id=distributor_id,
        )
