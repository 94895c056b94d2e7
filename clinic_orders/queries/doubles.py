"""Orders that came twice: the list of pairs, one pair with its lines, and the condition by which each counts once."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import date, datetime
from typing import Any, NamedTuple

from sqlalchemy import ColumnElement, Select, SQLColumnExpression, and_, exists, func, select
from sqlalchemy.orm import aliased

from clinic_orders.models.base import db
from clinic_orders.models.catalogue import Item
from clinic_orders.models.doubles import OrderDouble
from clinic_orders.models.orders import Order, OrderLine
from clinic_orders.models.roster import County, InstitutionRecord
from clinic_orders.queries.lists import with_words
from clinic_orders.queries.roster import current, institutions_of
from clinic_orders.rules.doubles import DoubleDecision
from clinic_orders.rules.parties import Actor


def counts_once(order_id: SQLColumnExpression[int]) -> ColumnElement[bool]:
    """Whether an order counts: none that was set aside as the same as another one does (R-VOL-2)."""
    pair = aliased(OrderDouble)
    return ~exists(select(pair.id).where(pair.set_aside_id == order_id))


def not_set_aside(order_id: SQLColumnExpression[int]) -> ColumnElement[bool]:
    """The same for questions that read very many orders: the few set aside are read once, and not asked for each order."""
    pair = aliased(OrderDouble)
    return order_id.not_in(select(pair.set_aside_id).where(pair.set_aside_id.is_not(None)))


@dataclass(frozen=True, slots=True)
class DoublesWanted:
    """Which pairs a list shows: words of institution or number; "open", a decision, or "" for all."""

    words: str = ""
    state: str = "open"


class DoubleRow(NamedTuple):
    """A pair of orders that look alike."""

    id: int
    institution: str
    county: str
    township: str
    order_no: str
    channel: str
    submitted_at: datetime
    other_no: str
    other_channel: str
    other_submitted_at: datetime
    found_at: datetime
    decision: DoubleDecision | None
    set_aside_no: str
    decided_at: datetime | None
    decided_by_name: str
    version: int


SORTS = ("found", "institution", "submitted", "order_no")


def _listed(actor: Actor, on: date, wanted: DoublesWanted) -> Select[*tuple[Any, ...]]:
    pair, order, other, gone = OrderDouble, aliased(Order), aliased(Order), aliased(Order)
    record = InstitutionRecord
    conditions = [institutions_of(actor, order.institution_id, on)]
    if wanted.state == "open":
        # What counts no more by another pair's decision is nothing to decide about.
        conditions += [pair.decision.is_(None), counts_once(pair.order_id), counts_once(pair.other_id)]
    elif wanted.state in set(DoubleDecision):
        conditions.append(pair.decision == DoubleDecision(wanted.state))
    conditions += with_words(
        wanted.words, record.name, record.township, order.order_no, other.order_no, order.channel
    )
    return (
        select(
            pair.id,
            func.coalesce(record.name, ""),
            func.coalesce(County.name, ""),
            func.coalesce(record.township, ""),
            order.order_no,
            order.channel,
            order.submitted_at,
            other.order_no,
            other.channel,
            other.submitted_at,
            pair.found_at,
            pair.decision,
            func.coalesce(gone.order_no, ""),
            pair.decided_at,
            pair.decided_by_name,
            pair.version,
        )
        .join(order, order.id == pair.order_id)
        .join(other, other.id == pair.other_id)
        .outerjoin(gone, gone.id == pair.set_aside_id)
        .outerjoin(record, and_(record.institution_id == order.institution_id, current(record, on)))
        .outerjoin(County, County.code == record.county_code)
        .where(*conditions)
    )


def doubles(
    actor: Actor,
    *,
    on: date,
    wanted: DoublesWanted | None = None,
    sort: str = "-found",
    limit: int | None = None,
    offset: int = 0,
) -> list[DoubleRow]:
    """The pairs of a page or a file; one statement."""
    listed = _listed(actor, on, wanted or DoublesWanted())
    places = {"found": 10, "institution": 1, "submitted": 6, "order_no": 4}
    column = listed.selected_columns[places[sort.removeprefix("-")]]
    order = [column.desc(), OrderDouble.id.desc()] if sort.startswith("-") else [column, OrderDouble.id]
    return [
        DoubleRow._make(row)
        for row in db.session.execute(listed.order_by(*order).limit(limit).offset(offset))
    ]


def count_doubles(actor: Actor, *, on: date, wanted: DoublesWanted | None = None) -> int:
    """How many pairs the filters leave."""
    listed = _listed(actor, on, wanted or DoublesWanted()).with_only_columns(OrderDouble.id).subquery()
    return db.session.scalar(select(func.count()).select_from(listed)) or 0


def find_double(double_id: int, actor: Actor, *, on: date) -> DoubleRow | None:
    """One pair, if the actor may see it."""
    statement = _listed(actor, on, DoublesWanted(state="")).where(OrderDouble.id == double_id)
    row = db.session.execute(statement).one_or_none()
    return None if row is None else DoubleRow._make(row)


@dataclass(slots=True)
class PairLine:
    """An item with its packs in both orders, and what was accepted of them; None where an order lacks it."""

    item_code: str
    item: str
    strength: str
    packs: int | None = None
    accepted: int | None = None
    other_packs: int | None = None
    other_accepted: int | None = None

    @property
    def alike(self) -> bool:
        """Whether both ordered the same packs."""
        return self.packs == self.other_packs


def lines_of(order_no: str, other_no: str) -> list[PairLine]:
    """The items of both orders side by side, by name; one statement."""
    found: dict[str, PairLine] = {}
    rows = db.session.execute(
        select(
            Order.order_no,
            Item.item_code,
            Item.generic_name,
            Item.strength,
            OrderLine.packs,
            OrderLine.accepted_packs,
        )
        .join(Order, Order.id == OrderLine.order_id)
        .join(Item, Item.id == OrderLine.item_id)
        .where(Order.order_no.in_([order_no, other_no]))
        .order_by(Item.generic_name, Item.item_code)
    )
    for number, code, name, strength, packs, accepted in rows:
        line = found.setdefault(code, PairLine(code, name, strength))
        if number == order_no:
            line.packs, line.accepted = packs, accepted
        else:
            line.other_packs, line.other_accepted = packs, accepted
    return list(found.values())
