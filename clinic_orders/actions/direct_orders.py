"""An order that another program places for its institution, without the draft that people type into (R-ORD-1 to 4, R-ORD-9).

There is no cart in which a refused line could stay, so all lines go or none: the program is told what is wrong with
which and sends them again.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime

from clinic_orders.actions.answering import LinesNotPossible
from clinic_orders.actions.loading import NotFound
from clinic_orders.actions.ordering import Answer, Cart, claim, keep_answer, place, sort_out, tell_parties
from clinic_orders.actions.transaction import transactional
from clinic_orders.queries.ordering import (
    SUBMISSION_POLICY,
    Buyer,
    DraftRow,
    ItemRow,
    facts,
    items_of_codes,
)
from clinic_orders.queries.policy import policy_book
from clinic_orders.rules.days import day_in_china
from clinic_orders.rules.errors import N_, RuleBroken
from clinic_orders.rules.order_refusals import NoDistributor, refusals
from clinic_orders.rules.ordering import answer_due_at
from clinic_orders.rules.parties import Actor, NotAllowed, Permission


@dataclass(frozen=True, slots=True)
class OrderedLine:
    """Packs of an item.

    Attributes:
        item_code: which.
        packs: how many.
        duplicate_of: the number of the earlier order of the same item that is known and meant besides (R-ORD-4).
        distributor_id: whom an emergency picks where nobody delivers the item (R-ORD-9).

    """

    item_code: str
    packs: int
    duplicate_of: str = ""
    distributor_id: int | None = None


class OrderNotPossible(LinesNotPossible):
    """Some lines can't be ordered, so nothing was; ``problems`` counts the lines from 0.

    Attributes:
        who: for whom.
        undelivered: the names of the items that nobody delivers there, by their row ids. Nothing that this deed did
            stays, so whoever called it tells the county of them (``report_no_distributor``).

    """

    message = N_("%(count)s lines for %(number)s can't be ordered like this; nothing was ordered.")

    def __init__(
        self, who: Buyer, problems: Mapping[int, RuleBroken], undelivered: Mapping[int, str]
    ) -> None:
        super().__init__(who.code, problems)
        self.who = who
        self.undelivered = dict(undelivered)


class ItemTwice(RuleBroken):
    """One item in two lines."""

    message = N_("%(item_code)s stands here twice. Put its packs into one line.")


@transactional
def place_order(
    who: Buyer,
    lines: Sequence[OrderedLine],
    *,
    key: str,
    payer: str = "receiver",
    emergency: bool = False,
    emergency_reason: str = "",
    by: Actor,
    at: datetime,
) -> list[str]:
    """Make one order per distributor out of the lines, all or none, exactly once per key.

    Args:
        who: for whom, and who orders.
        lines: what is ordered.
        key: as of a form; the same key always answers with the same orders.
        payer: ``receiver`` or ``orderer``.
        emergency: an order that passes edition and holds (R-ORD-9).
        emergency_reason: why.
        by: somebody of who orders.
        at: when; the day of prices, relations, roster and policy.

    Returns:
        the order numbers.

    Raises:
        OrderNotPossible: with a refusal for each line that is not right, counted from 0.

    """
    by.need(Permission.ORDERS_PLACE)
    if by.institution_id != who.ordering_id:
        raise NotAllowed
    on = day_in_china(at)
    known = claim(key, who.ordering_id, who.institution_id, by, at)
    if isinstance(known, Answer):
        return known.orders
    book = policy_book(*SUBMISSION_POLICY)
    cart = Cart(0, 0, payer, emergency_reason, reviewed=False)
    held = facts(who, at=at, on=on, book=book, emergency=emergency, reason=emergency_reason, payer=payer)
    items = {item.code: item for item in items_of_codes([line.item_code for line in lines], on)}
    rows: list[tuple[ItemRow, DraftRow]] = []
    problems: dict[int, RuleBroken] = {}
    undelivered: dict[int, str] = {}
    for number, line in enumerate(lines):
        item = items.get(line.item_code)
        if item is None:
            problems[number] = NotFound(number=line.item_code)
        elif any(item is one for one, _row in rows):
            problems[number] = ItemTwice(item_code=line.item_code)
        else:
            row = DraftRow(item.id, str(line.packs), line.duplicate_of, line.distributor_id, None, None)
            rows.append((item, row))
            if found := refusals(held.request(item, row, row.typed)):
                problems[number] = found[0]
                if isinstance(found[0], NoDistributor):
                    undelivered[item.id] = item.name
    if problems:
        raise OrderNotPossible(who, problems, undelivered)
    sent, _refused = sort_out(rows, held, cart, frozenset())
    due = answer_due_at(
        at,
        confirm_days=book.whole("order.confirm_days", on=on),
        emergency=emergency,
        emergency_hours=book.whole("order.emergency_hours", on=on),
    )
    orders = place(known, who, sent, cart, due=due, emergency=emergency, by=by, at=at)
    tell_parties(who, held, sent, [], orders, emergency=emergency, by=by, at=at)
    keep_answer(known, Answer(key, orders, []))
    return orders
