"""Submit a draft: one order per distributor, exactly once (R-ORD-1 to R-ORD-4, R-ORD-9).

A submission runs the same few statements whatever the number of lines. They are Core statements made once,
because this is the path that every order takes.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import date, datetime
from decimal import Decimal
from typing import Any

from sqlalchemy import JSON, Integer, String, bindparam, insert, select, update
from sqlalchemy.dialects.postgresql import insert as postgresql_insert
from sqlalchemy.dialects.sqlite import insert as sqlite_insert

from clinic_orders.actions import audit, notices, numbers
from clinic_orders.actions.alarms import raise_alarms, report_no_distributor
from clinic_orders.actions.loading import NotFound
from clinic_orders.actions.transaction import transactional
from clinic_orders.models.base import db
from clinic_orders.models.orders import (
    Draft,
    DraftLine,
    EventKind,
    Order,
    OrderEvent,
    OrderLine,
    Submission,
)
from clinic_orders.queries.ordering import (
    SUBMISSION_POLICY,
    Buyer,
    DraftRow,
    Facts,
    ItemRow,
    buyer,
    draft_lines,
    facts,
)
from clinic_orders.queries.policy import policy_book
from clinic_orders.rules.cart import CartChanged, CartEmpty, NothingToReview
from clinic_orders.rules.days import day_in_china
from clinic_orders.rules.errors import RuleBroken
from clinic_orders.rules.money import line_amount, total
from clinic_orders.rules.order_refusals import NoDistributor, refusals
from clinic_orders.rules.ordering import OWN_CHANNEL, answer_due_at
from clinic_orders.rules.parties import Actor, NotAllowed, Permission
from clinic_orders.rules.quantities import parse_packs

EMERGENCY_PICKED = "emergency_picked_distributor"

_SUBMISSIONS: Any = Submission.__table__
_DRAFTS: Any = Draft.__table__
_LINES: Any = DraftLine.__table__
_ORDERS: Any = Order.__table__

_CLAIM = {
    "postgresql": postgresql_insert(_SUBMISSIONS).on_conflict_do_nothing(index_elements=["key"]),
    "sqlite": sqlite_insert(_SUBMISSIONS).on_conflict_do_nothing(index_elements=["key"]),
}
_CLAIM = {name: statement.returning(_SUBMISSIONS.c.id) for name, statement in _CLAIM.items()}
_KNOWN = select(_SUBMISSIONS.c.ordering_id, _SUBMISSIONS.c.institution_id, _SUBMISSIONS.c.result).where(
    _SUBMISSIONS.c.key == bindparam("k", type_=String)
)
_TAKE_DRAFT = (
    update(_DRAFTS)
    .where(
        _DRAFTS.c.ordering_id == bindparam("typed_by", type_=Integer),
        _DRAFTS.c.institution_id == bindparam("receiver", type_=Integer),
        _DRAFTS.c.emergency == bindparam("urgent"),
    )
    .values(version=_DRAFTS.c.version + 1, updated_at=bindparam("now"))
    .returning(
        _DRAFTS.c.id, _DRAFTS.c.version, _DRAFTS.c.payer, _DRAFTS.c.emergency_reason, _DRAFTS.c.for_review_at
    )
)
_INSERT_ORDERS = insert(_ORDERS).returning(_ORDERS.c.id, _ORDERS.c.order_no)
_INSERT_LINES = insert(OrderLine.__table__)  # type: ignore[arg-type]
_INSERT_EVENTS = insert(OrderEvent.__table__)  # type: ignore[arg-type]
_SENT = _LINES.delete().where(
    _LINES.c.draft_id == bindparam("d"), _LINES.c.item_id.in_(bindparam("items", expanding=True))
)
_REFUSED = (
    update(_LINES)
    .where(_LINES.c.draft_id == bindparam("d"), _LINES.c.item_id == bindparam("i"))
    .values(refusal=bindparam("why", type_=JSON))
)
_RESULT = (
    update(_SUBMISSIONS)
    .where(_SUBMISSIONS.c.id == bindparam("s"))
    .values(result=bindparam("answer", type_=JSON))
)
_REVIEWED = update(_DRAFTS).where(_DRAFTS.c.id == bindparam("d")).values(for_review_at=None)


@dataclass(frozen=True, slots=True)
class Answer:
    """What a submission led to; the same key always gets the same (R-ORD-2).

    Attributes:
        key: the form's key.
        orders: the order numbers, one per distributor.
        refused: the lines that stayed in the cart: item_code, name, code, message, facts.

    """

    key: str
    orders: list[str]
    refused: list[dict[str, Any]]


@dataclass(slots=True)
class Sent:
    """A line that goes."""

    item: ItemRow
    distributor_id: int
    packs: int
    price: Decimal
    amount: Decimal


@dataclass(slots=True)
class Cart:
    """The locked draft: its row, and whether a hospital orders what a village typed."""

    id: int
    version: int
    payer: str
    emergency_reason: str
    reviewed: bool


def stored_refusal(error: RuleBroken) -> dict[str, Any]:
    """A refusal as the database keeps it: class name, msgid, plain facts."""
    return {
        "code": error.code,
        "message": error.message,
        "facts": {
            name: value if isinstance(value, int | str) else _text(value)
            for name, value in error.facts.items()
        },
    }


def _text(value: Any) -> str:
    return value.isoformat() if isinstance(value, date) else str(value)


@transactional
def submit_draft(
    *,
    key: str,
    ordering_id: int,
    institution_id: int,
    by: Actor,
    at: datetime,
    emergency: bool = False,
    reviewed: bool = False,
    seen_version: int | None = None,
    confirmed: frozenset[str] = frozenset(),
    payer: str | None = None,
) -> Answer:
    """Make one order per distributor out of a draft, exactly once per key, in one transaction.

    The key's row is written first: whoever comes second with the same key waits for the first and reads its
    answer. A line that is refused stays in the draft with its reason; the others go (R-ORD-2).

    Args:
        key: made when the page to check was rendered.
        ordering_id: who orders.
        institution_id: for whom.
        by: who pressed the button.
        at: when; the day of prices, relations, roster and policy.
        emergency: the emergency draft (R-ORD-9).
        reviewed: the village's own draft that it asked its hospital to order.
        seen_version: the draft's version on the page; None = whatever it is now.
        confirmed: ``item_code:order_no`` of each duplicate ticked on the page to check (R-ORD-4).
        payer: ``receiver`` or ``orderer`` as chosen there; None = as the draft says.

    Raises:
        CartEmpty: nothing was typed.
        CartChanged: the draft is no longer what the page showed.
        NothingToReview: the village took its draft back.
        NotFound, MayNotOrderFor: the roster gives no right to order for it.

    """
    by.need(Permission.ORDERS_PLACE)
    if by.institution_id != ordering_id:
        raise NotAllowed
    on = day_in_china(at)
    known = claim(key, ordering_id, institution_id, by, at)
    if isinstance(known, Answer):
        return known
    who = buyer(ordering_id, institution_id=institution_id, on=on)
    if who is None:
        raise NotFound(number=str(institution_id))
    cart = _take(who, emergency=emergency, reviewed=reviewed, seen_version=seen_version, at=at)
    if payer in {"receiver", "orderer"}:
        cart.payer = payer
    book = policy_book(*SUBMISSION_POLICY)
    held = facts(
        who,
        at=at,
        on=on,
        book=book,
        emergency=emergency,
        reason=cart.emergency_reason,
        draft_id=cart.id,
        payer=cart.payer,
    )
    sent, refused = sort_out(draft_lines(cart.id, on), held, cart, confirmed)
    if not sent and not refused:
        raise CartEmpty
    due = answer_due_at(
        at,
        confirm_days=book.whole("order.confirm_days", on=on),
        emergency=emergency,
        emergency_hours=book.whole("order.emergency_hours", on=on),
    )
    orders = place(known, who, sent, cart, due=due, emergency=emergency, by=by, at=at) if sent else []
    answer = Answer(key, orders, [entry for _, entry in refused])
    _clear(cart, sent, refused)
    tell_parties(who, held, sent, refused, orders, emergency=emergency, by=by, at=at)
    keep_answer(known, answer)
    return answer


def keep_answer(submission_id: int, answer: Answer) -> None:
    """Keep what a submission led to, for whoever comes with the same key."""
    db.session.connection().execute(
        _RESULT, {"s": submission_id, "answer": {"orders": answer.orders, "refused": answer.refused}}
    )


def claim(key: str, ordering_id: int, institution_id: int, by: Actor, at: datetime) -> int | Answer:
    """The new submission's row id, or the answer that the key already has."""
    connection = db.session.connection()
    claimed = connection.execute(
        _CLAIM[connection.dialect.name],
        {
            "key": key,
            "ordering_id": ordering_id,
            "institution_id": institution_id,
            "user_id": by.user_id,
            "at": at,
            "result": {"orders": [], "refused": []},
        },
    ).scalar_one_or_none()
    if claimed is not None:
        return int(claimed)
    row = connection.execute(_KNOWN, {"k": key}).one()
    if (row.ordering_id, row.institution_id) != (ordering_id, institution_id):
        raise NotFound(number=key)
    return Answer(key, row.result["orders"], row.result["refused"])


def _take(who: Buyer, *, emergency: bool, reviewed: bool, seen_version: int | None, at: datetime) -> Cart:
    """Lock the draft before its lines are read, so that two submissions never send one line twice."""
    row = (
        db.session.connection()
        .execute(
            _TAKE_DRAFT,
            {
                "typed_by": who.institution_id if reviewed else who.ordering_id,
                "receiver": who.institution_id,
                "urgent": emergency,
                "now": at,
            },
        )
        .first()
    )
    if row is None:
        raise CartEmpty
    if reviewed and row.for_review_at is None:
        raise NothingToReview
    if not reviewed and row.for_review_at is not None:
        raise CartChanged
    if seen_version is not None and row.version - 1 != seen_version:
        raise CartChanged
    return Cart(row.id, row.version, row.payer, row.emergency_reason, reviewed)


def sort_out(
    lines: Sequence[tuple[ItemRow, DraftRow]], held: Facts, cart: Cart, confirmed: frozenset[str]
) -> tuple[list[Sent], list[tuple[int, dict[str, Any]]]]:
    """Which lines go, and why the others stay."""
    sent: list[Sent] = []
    refused: list[tuple[int, dict[str, Any]]] = []
    for item, line in lines:
        text = line.typed
        if cart.reviewed and line.reviewed_packs is not None:
            if line.reviewed_packs == 0:
                continue
            text = str(line.reviewed_packs)
        duplicate = held.duplicates.get(item.id)
        if duplicate is not None and f"{item.code}:{duplicate.order_no}" in confirmed:
            line = line._replace(confirmed_duplicates=duplicate.order_no)
        found = refusals(held.request(item, line, text))
        if found:
            reason = stored_refusal(found[0])
            refused.append((item.id, {"item_code": item.code, "name": item.name, **reason}))
            continue
        distributor = held.relations.distributor_of(item.id) or line.picked_distributor_id
        assert distributor is not None
        price = item.price
        assert price is not None
        packs = parse_packs(text, maximum=held.max_packs)
        sent.append(Sent(item, distributor, packs, price, line_amount(price, packs)))
    return sent, refused


def place(
    submission_id: int,
    who: Buyer,
    sent: Sequence[Sent],
    cart: Cart,
    *,
    due: datetime,
    emergency: bool,
    by: Actor,
    at: datetime,
) -> list[str]:
    """Write the orders with their lines, events and audit; the order numbers."""
    carts: dict[int, list[Sent]] = {}
    for line in sent:
        carts.setdefault(line.distributor_id, []).append(line)
    order_nos = numbers.next_numbers(numbers.ORDER, len(carts), at=at)
    paying = who.ordering_id if cart.payer == "orderer" and not who.is_own else who.institution_id
    heads = [
        {
            "order_no": order_no,
            "submission_id": submission_id,
            "institution_id": who.institution_id,
            "ordering_id": who.ordering_id,
            "paying_id": paying,
            "distributor_id": distributor,
            "mode": who.mode,
            "channel": OWN_CHANNEL,
            "emergency": emergency,
            "emergency_reason": cart.emergency_reason if emergency else "",
            "submitted_at": at,
            "answer_due_at": due,
            "lines_count": len(lines),
            "packs": sum(line.packs for line in lines),
            "amount": total(line.amount for line in lines),
            "version": 1,
            "created_by_id": by.user_id,
            "recorded_at": at,
            "updated_at": at,
        }
        for order_no, (distributor, lines) in zip(order_nos, carts.items(), strict=True)
    ]
    connection = db.session.connection()
    ids = {row.order_no: row.id for row in connection.execute(_INSERT_ORDERS, heads)}
    connection.execute(
        _INSERT_LINES,
        [
            {
                "order_id": ids[order_no],
                "line_no": place,
                "item_id": line.item.id,
                "pack_price": line.price,
                "packs": line.packs,
                "amount": line.amount,
            }
            for order_no, lines in zip(order_nos, carts.values(), strict=True)
            for place, line in enumerate(lines, start=1)
        ],
    )
    connection.execute(
        _INSERT_EVENTS,
        [
            {
                "order_id": ids[head["order_no"]],
                "kind": EventKind.SUBMITTED,
                "packs": head["packs"],
                "reason": head["emergency_reason"],
                "at": at,
                "user_id": by.user_id,
                "actor_name": by.name,
                "recorded_at": at,
            }
            for head in heads
        ],
    )
    audit.record_all(
        "submit_draft",
        [
            {
                "subject_id": ids[head["order_no"]],
                "subject": head["order_no"],
                "institution_id": who.institution_id,
                "distributor_id": head["distributor_id"],
                "county_code": who.county_code,
                "after": {
                    "lines": head["lines_count"],
                    "packs": head["packs"],
                    "amount": head["amount"],
                    "mode": who.mode.value,
                    "emergency": emergency,
                },
            }
            for head in heads
        ],
        by=by,
        at=at,
        subject_type="order",
    )
    return order_nos


def _clear(cart: Cart, sent: Sequence[Sent], refused: Sequence[tuple[int, Mapping[str, Any]]]) -> None:
    """Take what went out of the draft; what stays gets its reason."""
    connection = db.session.connection()
    if sent:
        connection.execute(_SENT, {"d": cart.id, "items": [line.item.id for line in sent]})
    if refused:
        connection.execute(_REFUSED, [{"d": cart.id, "i": item, "why": why} for item, why in refused])
    if cart.reviewed:
        connection.execute(_REVIEWED, {"d": cart.id})


def tell_parties(
    who: Buyer,
    held: Facts,
    sent: Sequence[Sent],
    refused: Sequence[tuple[int, Mapping[str, Any]]],
    orders: Sequence[str],
    *,
    emergency: bool,
    by: Actor,
    at: datetime,
) -> None:
    """Whom it concerns besides: the village of a proxy order, the bureau of an emergency or a gap (R-CAT-3)."""
    if orders and not who.is_own:
        notices.tell(
            "proxy_order_placed",
            at=at,
            facts={"orders": "、".join(orders), "count": len(sent)},
            link=f"/orders/{orders[0]}",
            institution_id=who.institution_id,
        )
    if orders and emergency:
        notices.tell(
            "emergency_order_placed",
            at=at,
            facts={"institution": who.name, "orders": "、".join(orders), "reason": held.emergency_reason},
            link=f"/orders/{orders[0]}",
            county_code=who.county_code,
        )
    gaps = {item: why["name"] for item, why in refused if why["code"] == NoDistributor.__name__}
    if gaps:
        report_no_distributor(who, gaps, by=by, at=at)
    picked = {
        f"{who.institution_id}:{line.item.id}": {
            "institution_id": who.institution_id,
            "item_id": line.item.id,
            "facts": {"institution": who.name, "item": line.item.name},
        }
        for line in sent
        if emergency and held.relations.distributor_of(line.item.id) is None
    }
    if picked:
        raise_alarms(EMERGENCY_PICKED, picked, county_code=who.county_code, at=at)
