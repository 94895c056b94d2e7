"""Keep how the money of each institution and distributor lies, so that no page lays it out anew (R-PAY-3)."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import date, datetime, timedelta
from decimal import Decimal
from typing import Any, Final, cast

from sqlalchemy import Date, Table, bindparam, delete, text, true

from clinic_orders.actions.bulk import Row, in_parts, insert_rows
from clinic_orders.actions.transaction import transactional
from clinic_orders.models.base import db
from clinic_orders.models.deliveries import Shipment
from clinic_orders.models.payables import PayableChange, PayableOpen, PayablePair
from clinic_orders.models.streaming import from_driver
from clinic_orders.queries.doubles import counts_once
from clinic_orders.queries.payables.kept import next_changes, of_payers, outdated
from clinic_orders.queries.payables.laying import Pair, Which, first_and_last_due, lay_out_all
from clinic_orders.rules.days import day_in_china
from clinic_orders.rules.parties import Actor, Permission

# So many are laid out in one transaction; on SQLite nobody else writes meanwhile.
_AT_ONCE: Final = 500
_PAIRS: Final = cast("Table", PayablePair.__table__)
_DAY: Final = Date()
_OPEN: Final = cast("Table", PayableOpen.__table__)


def keep_payables(*, by: Actor, at: datetime) -> int:
    """Lay out the money of every pair that has changed, or is kept for other days; answers how many.

    What changes meanwhile is noted again, and kept the next time.
    """
    kept = 0
    while part := _keep_part(by=by, at=at):
        kept += part
    return kept


@transactional
def _keep_part(*, by: Actor, at: datetime) -> int:
    by.need(Permission.JOBS_RUN)
    _one_at_a_time()
    on = day_in_china(at)
    changes, pairs = outdated(on, _AT_ONCE)
    if not pairs:
        return 0
    # Taken away before the money is read: what is noted from now on is laid out the next time.
    for part in in_parts(changes):
        db.session.execute(delete(PayableChange).where(PayableChange.id.in_(part)))
    for table in (PayableOpen, PayablePair):
        db.session.connection().execute(
            delete(table).where(
                table.paying_id == bindparam("paying"), table.distributor_id == bindparam("distributor")
            ),
            [{"paying": paying, "distributor": distributor} for paying, distributor in pairs],
        )
    states, receipts = _laid_out(pairs, on)
    insert_rows(_PAIRS, states)
    insert_rows(_OPEN, receipts)
    return len(pairs)


def _laid_out(pairs: set[Pair], on: date) -> tuple[list[Row], list[Row]]:
    """The rows to keep, of pairs and of receipts with something outstanding."""
    connection = db.session.connection()
    payers = sorted({paying for paying, _ in pairs})
    until = next_changes(on, payers)
    which = of_payers(Which(counts_once(Shipment.order_id), true()), payers)
    # A pair with nothing on this day is kept as well, or it would be missed on another day that is asked about.
    states = {pair: _state(pair, on, until) for pair in pairs}
    open_: list[Row] = []
    for pair, receipts, laid in lay_out_all(connection, on, which):
        if pair not in pairs:
            continue
        first_due, last_due = first_and_last_due(receipts)
        states[pair] |= {
            "receipts": len(receipts),
            "first_due": from_driver(_DAY, first_due, connection.dialect),
            "last_due": from_driver(_DAY, last_due, connection.dialect),
            "advance": Decimal(laid.ahead).scaleb(-4),
        }
        whose = {"paying_id": pair[0], "distributor_id": pair[1]}
        open_ += [
            whose
            | {
                "shipment_id": one.shipment_id,
                "receipt_no": one.receipt_no,
                "due_on": from_driver(_DAY, one.due, connection.dialect),
                "outstanding": Decimal(one.left).scaleb(-4),
            }
            for one in laid.open
        ]
    return list(states.values()), open_


def _state(pair: Pair, on: date, until: Mapping[Pair, date]) -> dict[str, Any]:
    return {
        "paying_id": pair[0],
        "distributor_id": pair[1],
        "laid_on": on,
        "holds_until": until[pair] - timedelta(days=1) if pair in until else None,
        "receipts": 0,
        "first_due": None,
        "last_due": None,
        "advance": Decimal(0),
    }


def _one_at_a_time() -> None:
    """Two that lay out the same money would keep the older of two answers; on SQLite a writer is alone anyway."""
    if db.session.get_bind().dialect.name == "postgresql":
        db.session.execute(text("LOCK TABLE payable_pair IN SHARE ROW EXCLUSIVE MODE"))
