"""Some clinics of the demonstration write their sales down on screen: through the deeds, in the month that runs."""

from __future__ import annotations

from datetime import date, datetime, timedelta
from decimal import Decimal

from clinic_orders.actions.losses import LostLine, record_loss
from clinic_orders.actions.selling import (
    BackLine,
    SoldLine,
    record_customer_return,
    record_sale,
    take_back_entry,
)
from clinic_orders.exchange.demonstration import Demonstration
from clinic_orders.queries import demonstration as questions
from clinic_orders.queries.ordering import items_on
from clinic_orders.queries.selling import sale_terms
from clinic_orders.queries.stock import shelf_of
from clinic_orders.rules.days import day_in_china
from clinic_orders.rules.parties import Actor, Role
from clinic_orders.rules.reasons import LossReason, Reason, ReversalReason
from clinic_orders.rules.selling import propose, refund

_CLINICS = 3
_RECEIPTS = 5


def write_down_sales(world: Demonstration, at: datetime) -> None:
    """The clinic that logs in and two of its neighbours: a few receipts in packs and pieces, at the proposed amount.

    They lie after the month that the planted findings are judged in. The first clinic also has something brought back,
    an entry taken back and a broken pack.
    """
    neighbours = [
        place.code
        for place in world.places
        if place.supervisor == world.show_hospital and place.code != world.show_clinic
    ]
    for place, code in enumerate([world.show_clinic, *neighbours[: _CLINICS - 1]]):
        doctor = Actor(
            "王保田" if not place else "村医",
            Role.INSTITUTION,
            institution_id=questions.institution_id(code),
            org_name=questions.name_of(code),
        )
        _sell(doctor, f"demo-{code}", world.as_of, at, with_more=not place)


def _sell(doctor: Actor, key: str, judged: date, at: datetime, *, with_more: bool) -> None:
    on = day_in_china(at)
    own = doctor.institution_id or 0
    shelf, items = shelf_of(own, on), items_on(on, every=True).by_id
    plenty = [one for one in sorted(shelf) if one in items and shelf[one].on_hand > 4 * items[one].pack_size]
    terms = sale_terms(own, plenty, on)
    priced = [items[one] for one in plenty if propose(terms[one], 1) is not None]
    entry = None
    for number in range(min(_RECEIPTS, len(priced) - 1)):
        lines = []
        for item, units in ((priced[number], priced[number].pack_size), (priced[number + 1], 6)):
            proposed = propose(terms[item.id], units)
            if proposed is not None:
                lines.append(SoldLine(item.code, units, proposed.amount))
        sold_on = max(judged + timedelta(days=1), on - timedelta(days=_RECEIPTS - 1 - number))
        entry = record_sale(
            lines, sold_on=sold_on, insured=number % 2 == 0, key=f"{key}-{number}", by=doctor, at=at
        )
    if entry is None or not with_more:
        return
    brought_back = lines[1]
    back = refund(
        brought_back.amount,
        sold=brought_back.base_units,
        returned=0,
        refunded=Decimal(0),
        coming_back=2,
    )
    record_customer_return(
        entry.entry_no,
        [BackLine("2", 2, back)],
        came_on=on,
        key=f"{key}-back",
        by=doctor,
        at=at,
    )
    wrong = record_sale(
        [SoldLine(lines[0].item_code, 10 * lines[0].base_units, lines[0].amount * 10)],
        sold_on=on,
        insured=False,
        key=f"{key}-wrong",
        by=doctor,
        at=at,
    )
    take_back_entry(wrong.entry_no, Reason(ReversalReason.WRONG_QUANTITY), by=doctor, at=at)
    record_loss(
        [LostLine(lines[0].item_code, 3, Reason(LossReason.BROKEN))],
        lost_on=on,
        key=f"{key}-loss",
        by=doctor,
        at=at,
    )
