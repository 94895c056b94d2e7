"""The order lines behind a distributor's scorecard: what was due and what came of it, what was answered when (R-STAT-3).

They are read from what is recorded now; the figures of a closed month stay as they were frozen.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from datetime import date, datetime, timedelta
from typing import Final

from sqlalchemy import select

from clinic_orders.models.base import db
from clinic_orders.models.catalogue import Item
from clinic_orders.models.orders import Order, OrderLine
from clinic_orders.models.roster import Institution
from clinic_orders.queries.checks.due_in_month import taken_back
from clinic_orders.queries.checks.scope import Scope
from clinic_orders.queries.doubles import counts_once
from clinic_orders.queries.month_figures import Place, places_on
from clinic_orders.queries.scorecards import answers_due, judged_lines
from clinic_orders.rules.days import Month, day_in_china, end_of_day, start_of_day
from clinic_orders.rules.scorecard import DueLine, late_item_days

_NEVER: Final = end_of_day(date(9000, 1, 1))
"""After everything that happens."""
_NAMES: Final = (Order.order_no, Item.item_code, Item.generic_name, Item.strength)


@dataclass(frozen=True, slots=True)
class Where:
    """Whose lines are wanted.

    Attributes:
        distributor_id: whose.
        county: code of the receivers' county on the month's last day; None = all.
        township: theirs; None = all. Receivers that never were on the roster have "" for both.

    """

    distributor_id: int
    county: str | None = None
    township: str | None = None

    def takes(self, place: Place | None) -> bool:
        """Whether a receiver's lines are wanted."""
        county, township = (place.county_code, place.township) if place else ("", "")
        return self.county in {None, county} and self.township in {None, township}


@dataclass(frozen=True, slots=True)
class NamedLine:
    """An order line with its order, receiver and item."""

    order_no: str
    code: str
    institution: str
    county: str
    township: str
    item_code: str
    item: str


@dataclass(frozen=True, slots=True)
class ScoreLine:
    """An order line whose delivery limit falls in the month.

    Attributes:
        named: the order line.
        limit: the instant of its limit.
        due: what the rule needs of it.
        late: packs × days (R-STAT-3).

    """

    named: NamedLine
    limit: datetime
    due: DueLine
    late: int


@dataclass(frozen=True, slots=True)
class AnswerLine:
    """An order line whose last day to answer falls in the month.

    Attributes:
        named: the order line.
        submitted_at: the order.
        last_day: to answer.
        answered_at: None where nobody has answered it by the month's end.
        in_time: whether it was answered by the last day.

    """

    named: NamedLine
    submitted_at: datetime
    last_day: date
    answered_at: datetime | None
    in_time: bool


def due_lines(month: Month, where: Where) -> list[ScoreLine]:
    """The order lines that a distributor was to deliver in a month, and what came of them by its last day."""
    scope = Scope(month.last_day)
    of_it = Order.distributor_id == where.distributor_id
    lines = list(judged_lines(scope, month, only=[of_it], more=_NAMES))
    receivers = _receivers(month, (one.line.institution_id for one in lines))
    return [
        ScoreLine(receiver.named(*one.line.more), one.limit, one.due, late_item_days(one.due, on=scope.as_of))
        for one in lines
        if where.takes((receiver := receivers[one.line.institution_id]).known)
    ]


def answer_lines(month: Month, where: Where) -> list[AnswerLine]:
    """The order lines that a distributor was to answer in a month (R-ORD-6, R-STAT-2)."""
    scope = Scope(month.last_day)
    last_days: dict[date, date] = {}
    for stretch in answers_due(scope, month):
        for back in range((stretch.last - stretch.first).days + 1):
            last_days[stretch.first + timedelta(days=back)] = stretch.last_day
    if not last_days:
        return []
    statement = (
        select(
            *(OrderLine.id, Order.institution_id, Order.submitted_at, Order.answered_at),
            OrderLine.withdrawn_before == OrderLine.packs,
            *_NAMES,
        )
        .select_from(Order)
        .join(OrderLine, OrderLine.order_id == Order.id)
        .join(Item, Item.id == OrderLine.item_id)
        .where(
            Order.distributor_id == where.distributor_id,
            Order.submitted_at >= start_of_day(min(last_days)),
            Order.submitted_at < min(end_of_day(max(last_days)), scope.ends),
            counts_once(Order.id),
        )
    )
    rows = [row for row in db.session.connection().execute(statement) if day_in_china(row[2]) in last_days]
    receivers = _receivers(month, (row[1] for row in rows))
    rows = [row for row in rows if where.takes(receivers[row[1]].known)]
    gone: dict[int, datetime] = {}
    # Whenever the buyer took the last of it back.
    for line_id, at, _packs in taken_back([row[0] for row in rows if row[4] and row[3] is None], _NEVER):
        gone[line_id] = max(at, gone.get(line_id, at))
    found = []
    for line_id, institution_id, submitted_at, answered_at, _all_back, *names in rows:
        last_day = last_days[day_in_china(submitted_at)]
        over = end_of_day(last_day)
        # What the buyer took back in whole before anybody had to answer is nobody's delay.
        if line_id in gone and gone[line_id] < over:
            continue
        seen = answered_at if answered_at is not None and answered_at < scope.ends else None
        found.append(
            AnswerLine(
                receivers[institution_id].named(*names),
                submitted_at,
                last_day,
                seen,
                seen is not None and seen < over,
            )
        )
    return found


@dataclass(frozen=True, slots=True)
class _Receiver:
    """A receiver: its place on the month's last day, or only its code."""

    code: str
    known: Place | None

    def named(self, order_no: str, item_code: str, name: str, strength: str) -> NamedLine:
        """An order line of this receiver."""
        place = self.known
        return NamedLine(
            order_no=order_no,
            code=self.code,
            institution=place.name if place else self.code,
            county=place.county_code if place else "",
            township=place.township if place else "",
            item_code=item_code,
            item=f"{name} {strength}",
        )


def _receivers(month: Month, ids: Iterable[int]) -> dict[int, _Receiver]:
    """The receivers by row id; those that never were on the roster by their codes only."""
    places, _members = places_on(month.last_day)
    wanted = set(ids)
    unknown = wanted - places.keys()
    codes: dict[int, str] = {}
    if unknown:
        asked = select(Institution.id, Institution.code).where(Institution.id.in_(unknown))
        codes = {row.id: row.code for row in db.session.execute(asked)}
    return {
        one: _Receiver(places[one].code if one in places else codes[one], places.get(one)) for one in wanted
    }
