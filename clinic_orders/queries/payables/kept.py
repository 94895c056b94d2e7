"""What is kept of the allocation: which of it holds on a day, and when it ceases to (see ``models.payables``)."""

from __future__ import annotations

from collections.abc import Collection, Iterable, Sequence
from datetime import date, datetime, timedelta
from functools import lru_cache
from typing import Any, Final, NamedTuple

from sqlalchemy import (
    BigInteger,
    ColumnElement,
    Select,
    String,
    and_,
    func,
    literal,
    or_,
    select,
    type_coerce,
)

from clinic_orders.models.base import db
from clinic_orders.models.deliveries import GoodsReturn, Shipment
from clinic_orders.models.payables import PayableChange, PayableOpen, PayablePair
from clinic_orders.models.payments import Payment
from clinic_orders.models.streaming import driver_rows
from clinic_orders.queries.askers import Asking, anybody, asking, ids_of
from clinic_orders.queries.payables.laying import OpenReceipt, Pair, Which, first_running_dispute
from clinic_orders.queries.payables.records import Scope
from clinic_orders.queries.payables.visible import pairs_visible_to
from clinic_orders.rules.days import day_in_china, end_of_day
from clinic_orders.rules.parties import Actor

FEW: Final = 500
"""Of so many payers at most the money is laid out for a page beside what is kept; of more, of all in view."""


class KeptPair(NamedTuple):
    """How the money of a pair lies where that is kept, in ten-thousandths of a yuan and days as the driver gives them.

    Attributes:
        receipts: how many are accepted.
        dues: their first and last due day.
        advance: what waits.
        open: those with something outstanding.

    """

    receipts: int
    dues: tuple[Any, Any]
    advance: int
    open: list[OpenReceipt]


class Kept(NamedTuple):
    """The pairs in view.

    Attributes:
        holding: those whose money lies as it is kept.
        stale: those that have changed since or are asked about another day; their money is to be laid out.

    """

    holding: dict[Pair, KeptPair]
    stale: set[Pair]

    @property
    def stale_payers(self) -> list[int]:
        """Who pays in the stale pairs."""
        return sorted({paying for paying, _ in self.stale})


@lru_cache(maxsize=64)
def _changed(kind: Asking, on: date, scope: Scope) -> Select[int, int]:
    """The pairs in view of an actor of a kind that have changed; made once for a day, and asked with ``ids_of``."""
    change = PayableChange
    seen = pairs_visible_to(anybody(kind), on, scope, change.paying_id, change.distributor_id)
    return select(change.paying_id, change.distributor_id).where(seen).distinct()


def holds(on: date) -> ColumnElement[bool]:
    """Whether what is kept of a pair says how its money lies on a day."""
    return and_(
        PayablePair.laid_on <= on, or_(PayablePair.holds_until.is_(None), PayablePair.holds_until >= on)
    )


@lru_cache(maxsize=64)
def _kept(kind: Asking, on: date, scope: Scope) -> Select[*tuple[Any, ...]]:
    """What is kept of the pairs in view, a row for each open receipt."""
    pair, open_ = PayablePair, PayableOpen
    return (
        select(
            pair.paying_id,
            pair.distributor_id,
            holds(on),
            pair.receipts,
            type_coerce(pair.advance, BigInteger),
            type_coerce(pair.first_due, String),
            type_coerce(pair.last_due, String),
            type_coerce(open_.due_on, String),
            open_.receipt_no,
            type_coerce(open_.outstanding, BigInteger),
            open_.shipment_id,
        )
        .outerjoin(
            open_, and_(open_.paying_id == pair.paying_id, open_.distributor_id == pair.distributor_id)
        )
        .where(pairs_visible_to(anybody(kind), on, scope, pair.paying_id, pair.distributor_id))
    )


def kept_pairs(actor: Actor, on: date, scope: Scope) -> Kept:
    """What is kept of the pairs that an actor sees; two statements.

    The changes are read first. What is laid out between the two is then newer than they, never older.
    """
    connection, kind, ids = db.session.connection(), asking(actor), ids_of(actor)
    changed = connection.execute(_changed(kind, on, scope), ids).all()
    stale: set[Pair] = {(paying, distributor) for paying, distributor in changed}
    holding: dict[Pair, KeptPair] = {}
    statement = _kept(kind, on, scope)
    if actor.institution_id is not None:
        # Some dozens: to keep the rest of an answer at PostgreSQL's server takes more ways there than to fetch it.
        parts: Iterable[Sequence[Any]] = [connection.execute(statement, ids).all()]
    else:
        # A city sees tens of thousands; a row object of each would cost more than fetching it.
        parts = driver_rows(connection, statement, values=ids)
    for rows in parts:
        for paying, distributor, holds, receipts, advance, first_due, last_due, *found in rows:
            whose = (paying, distributor)
            if whose in stale:
                continue
            if not holds:
                stale.add(whose)
                continue
            kept = holding.get(whose)
            if kept is None:
                kept = holding[whose] = KeptPair(receipts, (first_due, last_due), advance, [])
            if found[3] is not None:
                kept.open.append(OpenReceipt._make(found))
    return Kept(holding, stale)


def of_payers(which: Which, payers: Collection[int]) -> Which:
    """The same conditions for some payers only."""
    return Which(
        which.shipments & Shipment.paying_id.in_(payers), which.payments & Payment.paying_id.in_(payers)
    )


def outdated(on: date, most: int) -> tuple[list[int], set[Pair]]:
    """Ids of changes, and the pairs whose money is to be laid out anew for a day; two statements.

    Args:
        on: the day.
        most: at most so many changes, and so many pairs that hold on other days only.

    """
    change, pair = PayableChange, PayablePair
    connection = db.session.connection()
    changes = connection.execute(
        select(change.id, change.paying_id, change.distributor_id).order_by(change.id).limit(most)
    ).all()
    turned = connection.execute(
        select(pair.paying_id, pair.distributor_id)
        .where(or_(pair.laid_on > on, pair.holds_until < on))
        .limit(most)
    ).all()
    pairs = {(row.paying_id, row.distributor_id) for row in (*changes, *turned)}
    return [row.id for row in changes], pairs


def next_changes(on: date, payers: Collection[int]) -> dict[Pair, date]:
    """The first day after a day on which something dated ahead moves the money of a pair; four statements.

    A payment in dispute is looked at again on the next day: when it stops counting depends on a calendar that may
    still be published.
    """
    end, tomorrow = end_of_day(on), on + timedelta(days=1)
    unsettled = and_(
        or_(Payment.confirmed_at.is_(None), Payment.confirmed_at >= end),
        or_(Payment.upheld_at.is_(None), Payment.upheld_at >= end),
    )
    disputed = and_(
        Payment.disputed_at.is_not(None),
        unsettled,
        or_(
            Payment.disputed_at >= first_running_dispute(on),
            Payment.confirmed_at >= end,
            Payment.upheld_at >= end,
        ),
    )
    asked = (
        select(Shipment.paying_id, Shipment.distributor_id, func.min(Shipment.accepted_at))
        .where(Shipment.paying_id.in_(payers), Shipment.accepted_at >= end)
        .group_by(Shipment.paying_id, Shipment.distributor_id),
        select(Shipment.paying_id, Shipment.distributor_id, func.min(GoodsReturn.agreed_at))
        .join(Shipment, Shipment.id == GoodsReturn.shipment_id)
        .where(Shipment.paying_id.in_(payers), GoodsReturn.agreed_at >= end)
        .group_by(Shipment.paying_id, Shipment.distributor_id),
        select(Payment.paying_id, Payment.distributor_id, func.min(Payment.paid_on))
        .where(Payment.paying_id.in_(payers), Payment.paid_on > on)
        .group_by(Payment.paying_id, Payment.distributor_id),
        select(Payment.paying_id, Payment.distributor_id, literal(tomorrow))
        .where(
            Payment.paying_id.in_(payers),
            or_(Payment.withdrawn_at >= end, Payment.rejected_at >= end, disputed),
        )
        .distinct(),
    )
    found: dict[Pair, date] = {}
    for statement in asked:
        for paying, distributor, moment in db.session.connection().execute(statement).all():
            day = day_in_china(moment) if isinstance(moment, datetime) else moment
            known = found.get((paying, distributor), day)
            found[paying, distributor] = min(known, day)
    return found
