"""The receiver's paper: acceptance note 验收入库单."""

from __future__ import annotations

from datetime import datetime
from decimal import Decimal

from clinic_orders.documents import render
from clinic_orders.documents.distribution import DEMO_MARK, NOWHERE
from clinic_orders.queries.distribution import places_of
from clinic_orders.queries.payables import statement_lines
from clinic_orders.queries.receiving import find_shipment, returns_of
from clinic_orders.rules.days import day_in_china
from clinic_orders.rules.money import line_amount, total
from clinic_orders.rules.parties import Actor

RULES = {
    "end_of_next_month": "收货次月最后一天前付清",
    "days_30": "收货之日起 30 天内付清",
}


def acceptance_note(receipt_no: str, *, by: Actor, at: datetime) -> bytes | None:
    """The note of what was accepted and rejected, what is owed and by when; None if there is no such receipt.

    Amounts are those of the acceptance; what went back until the day of printing stands below them.

    Raises:
        PapersOff: see ``documents.render``.

    """
    on = day_in_china(at)
    shipment = find_shipment(receipt_no, by, on=on)
    if shipment is None or shipment.accepted_at is None:
        return None
    places = places_of([shipment.institution_id, shipment.paying_id], day_in_china(shipment.accepted_at))
    distributor = shipment.order.distributor
    rows = [
        {
            "line": line,
            "item": line.order_line.item,
            "price": line.order_line.pack_price,
            "amount": line_amount(line.order_line.pack_price, line.accepted_packs or 0),
        }
        for line in shipment.lines
    ]
    agreed = [found for found in returns_of(shipment.id) if found.agreed_at is not None]
    owes = total(line.owes for line in statement_lines(shipment.id, on=on))
    return render(
        "acceptance_note",
        {
            "shipment": shipment,
            "order": shipment.order,
            "distributor": distributor,
            "receiver": places.get(shipment.institution_id, NOWHERE),
            "payer": places.get(shipment.paying_id, NOWHERE),
            "rows": rows,
            "shipped": sum(line.shipped_packs for line in shipment.lines),
            "accepted": sum(line.accepted_packs or 0 for line in shipment.lines),
            "rejected": sum(line.rejected_packs or 0 for line in shipment.lines),
            "owed": (shipment.owed or Decimal(0)).quantize(Decimal("0.01")),
            "returns": agreed,
            "owes": owes,
            "rule": RULES.get(shipment.payment_rule, shipment.payment_rule),
            "printed_at": at,
            "mark": DEMO_MARK if distributor.demo else "",
        },
    )
