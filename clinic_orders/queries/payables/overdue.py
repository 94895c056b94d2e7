"""The receipts that are overdue on a day (R-PAY-4), without reading again what is settled.

Three ways, each only for those to whom the one before has no answer: what is kept (decision 0027); plain sums, by which
most of the others owe nothing that is due; and laying the money out (R-PAY-3). A property test holds them equal to the rule.
"""

from __future__ import annotations

from collections.abc import Collection, Iterator
from datetime import date

from sqlalchemy import (
    BigInteger,
    ColumnElement,
    Date,
    Select,
    String,
    and_,
    case,
    cast,
    exists,
    func,
    not_,
    or_,
    select,
    true,
    type_coerce,
)
from sqlalchemy.orm import aliased

from clinic_orders.models.base import db
from clinic_orders.models.deliveries import GoodsReturn, Shipment
from clinic_orders.models.payables import PayableChange, PayableOpen, PayablePair
from clinic_orders.models.payments import Payment
from clinic_orders.models.streaming import as_driver
from clinic_orders.queries.doubles import counts_once, not_set_aside
from clinic_orders.queries.payables.kept import FEW, holds, of_payers
from clinic_orders.queries.payables.laying import OpenReceipt, Pair, Which, counts_on_sql, lay_out_all
from clinic_orders.rules.days import end_of_day


def overdue(on: date, payers: Collection[int] | None = None) -> Iterator[tuple[Pair, OpenReceipt]]:
    """Every receipt due before a day with something outstanding at its end, of everybody or of some payers.

    Two statements where what is kept holds, one more to find whose money is to be laid out of those of whom it does not,
    and three to do so.
    """
    connection = db.session.connection()
    found, stale = _kept(on, payers)
    yield from found
    if stale is not None and not stale:
        return
    asked = payers if stale is None else stale
    owing = set(connection.scalars(_owing(on, asked)))
    if not owing:
        return
    which = Which(counts_once(Shipment.order_id), true())
    if len(owing) <= FEW:
        which = of_payers(which, owing)
    elif asked is not None:
        which = of_payers(which, asked)
    before = as_driver(Date(), on, connection.dialect)
    for whose, _, laid in lay_out_all(connection, on, which):
        yield from ((whose, one) for one in laid.open if one.due < before)


def _kept(on: date, payers: Collection[int] | None) -> tuple[list[tuple[Pair, OpenReceipt]], set[int] | None]:
    """What is kept, and the payers of whom it does not hold; nothing, and None, where these are too many.

    As in ``kept_pairs`` the changes are read first: what is laid out between the two is then newer than they.
    """
    connection = db.session.connection()
    change, pair, open_ = PayableChange, PayablePair, PayableOpen
    among = true() if payers is None else change.paying_id.in_(payers)
    # The first few are enough to know that there are too many; the index leads from payer to payer.
    stale = set(connection.scalars(select(change.paying_id).where(among).distinct().limit(FEW + 1)))
    if len(stale) > FEW:
        return [], None
    statement = (
        select(
            pair.paying_id,
            pair.distributor_id,
            holds(on),
            type_coerce(open_.due_on, String),
            open_.receipt_no,
            type_coerce(open_.outstanding, BigInteger),
            open_.shipment_id,
        )
        .outerjoin(
            open_,
            and_(
                open_.paying_id == pair.paying_id,
                open_.distributor_id == pair.distributor_id,
                open_.due_on < on,
            ),
        )
        .where(
            or_(open_.shipment_id.is_not(None), not_(holds(on))),
            true() if payers is None else pair.paying_id.in_(payers),
        )
    )
    found: list[tuple[Pair, OpenReceipt]] = []
    # All are held anyway, so nothing is won by fetching them in parts.
    for paying, distributor, is_so, due, receipt_no, left, shipment_id in connection.execute(statement).all():
        if is_so:
            found.append(((paying, distributor), OpenReceipt(due, receipt_no, left, shipment_id)))
        else:
            stale.add(paying)
    if len(stale) > FEW:
        return [], None
    return [one for one in found if one[0][0] not in stale] if stale else found, stale


def _owing(on: date, payers: Collection[int] | None) -> Select[int]:
    """The payers who may owe something that is due, by plain sums; it lets through a few more, never fewer.

    Whoever had accepted all that is due before the first of what is not yet due, and has paid as much as is due, owes
    nothing of it: money reaches what falls due later only when all that fell due before is paid, and what is due was all
    there by then. That is not so of refunds, and of money that names a receipt which is not due.
    """
    ends, shipment, named = end_of_day(on), Shipment, aliased(Shipment, name="named")
    among: ColumnElement[bool] = true() if payers is None else shipment.paying_id.in_(payers)
    back = (
        select(
            GoodsReturn.shipment_id,
            # PostgreSQL counts a sum of whole numbers in decimals.
            cast(func.sum(type_coerce(GoodsReturn.amount, BigInteger)), BigInteger).label("amount"),
        )
        .where(GoodsReturn.agreed_at < ends)
        .group_by(GoodsReturn.shipment_id)
        .subquery("back")
    )
    left = type_coerce(shipment.owed, BigInteger) - func.coalesce(back.c.amount, 0)
    falls_due = shipment.due_on < on
    owed = (
        select(
            shipment.paying_id,
            shipment.distributor_id,
            func.sum(case((and_(falls_due, left > 0), left), else_=0)).label("due"),
            func.max(case((falls_due, shipment.accepted_at))).label("last_due"),
            func.min(case((not_(falls_due), shipment.accepted_at))).label("first_later"),
        )
        .outerjoin(back, back.c.shipment_id == shipment.id)
        .where(shipment.accepted_at < ends, not_set_aside(shipment.order_id), among)
        .group_by(shipment.paying_id, shipment.distributor_id)
        .subquery("owed")
    )
    is_due = exists().where(
        named.id == Payment.shipment_id,
        named.paying_id == Payment.paying_id,
        named.distributor_id == Payment.distributor_id,
        named.accepted_at < ends,
        named.due_on < on,
        not_set_aside(named.order_id),
    )
    # Asked in this order, so that only those who name a receipt are looked up.
    strays = case((Payment.is_refund, 1), (Payment.shipment_id.is_(None), 0), (is_due, 0), else_=1)
    paid = (
        select(
            Payment.paying_id,
            Payment.distributor_id,
            func.sum(type_coerce(Payment.amount, BigInteger)).label("amount"),
            func.max(strays).label("strays"),
        )
        .where(counts_on_sql(on), true() if payers is None else Payment.paying_id.in_(payers))
        .group_by(Payment.paying_id, Payment.distributor_id)
        .subquery("paid")
    )
    return (
        select(owed.c.paying_id)
        .distinct()
        .outerjoin(
            paid,
            and_(paid.c.paying_id == owed.c.paying_id, paid.c.distributor_id == owed.c.distributor_id),
        )
        .where(
            owed.c.due > 0,
            or_(
                func.coalesce(paid.c.amount, 0) < owed.c.due,
                paid.c.strays == 1,
                owed.c.first_later <= owed.c.last_due,
            ),
        )
    )
