"""Items of which more went than was there (R-TRACE-2, T10d): the ledger of R-STOCK-3, day by day, in one ordered pass."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from datetime import date, timedelta
from itertools import groupby
from typing import NamedTuple

from sqlalchemy import CTE, ColumnElement, Date, and_, func, literal, or_, select, union_all

from clinic_orders.models.base import db
from clinic_orders.models.catalogue import Item
from clinic_orders.models.roster import Institution, Membership
from clinic_orders.models.stock import StockCount
from clinic_orders.queries.carried import carried_to
from clinic_orders.queries.checks.scope import Scope
from clinic_orders.queries.ledger import counted_stock, movements
from clinic_orders.rules.findings import CheckRule, Finding
from clinic_orders.rules.roster import Days, is_in_force
from clinic_orders.rules.trace_gaps import sold_beyond_stock

RULES = (CheckRule.SOLD_BEYOND_STOCK,)

_OPENING, _MOVED, _COUNTED = 0, 1, 2


class Step(NamedTuple):
    """A row of the pass: the ledger at the month's begin, what moved on a day, or a count at a day's end."""

    institution_id: int
    item_id: int
    day: date
    kind: int
    base_units: int


def _steps(scope: Scope) -> Iterator[Step]:
    """The rows of every counted item that may have been short, by institution, item and day; a day's count comes last.

    Where all that went in the month was there at its begin and at every count since, there was enough on every day:
    such items are most of all, and the database leaves them out.
    """
    first, on = scope.month.first_day, scope.as_of
    count, before = StockCount, first - timedelta(days=1)
    base = carried_to(before) if scope.institution_ids is None else None
    # None for what was first counted in the month: what was there before nobody knows.
    opening = counted_stock(before, scope.only, base).cte("opening")
    lowest = (
        select(count.institution_id, count.item_id, func.min(count.base_units).label("base_units"))
        .where(
            count.replaced_at.is_(None),
            count.counted_on >= first,
            count.counted_on <= on,
            scope.only(count.institution_id),
        )
        .group_by(count.institution_id, count.item_id)
        .cte("lowest")
    )
    every = movements(first, on, scope.only).subquery("movement")
    moved = (
        select(
            every.c.institution_id,
            every.c.item_id,
            every.c.day,
            func.sum(every.c.base_units).label("base_units"),
        )
        .group_by(every.c.institution_id, every.c.item_id, every.c.day)
        .cte("moved")
    )
    went = (
        select(moved.c.institution_id, moved.c.item_id, func.sum(moved.c.base_units).label("base_units"))
        .where(moved.c.base_units < 0)
        .group_by(moved.c.institution_id, moved.c.item_id)
        .cte("went")
    )
    gone = -func.coalesce(went.c.base_units, 0)
    doubtful = union_all(
        select(opening.c.institution_id, opening.c.item_id, opening.c.base_units)
        .select_from(opening)
        .outerjoin(went, _same(went, opening))
        .outerjoin(lowest, _same(lowest, opening))
        .where(or_(opening.c.base_units < gone, lowest.c.base_units < gone)),
        select(lowest.c.institution_id, lowest.c.item_id, opening.c.base_units)
        .select_from(lowest)
        .outerjoin(opening, _same(opening, lowest))
        .outerjoin(went, _same(went, lowest))
        .where(opening.c.institution_id.is_(None), lowest.c.base_units < gone),
    ).cte("doubtful")
    rows = union_all(
        select(
            doubtful.c.institution_id,
            doubtful.c.item_id,
            literal(first, Date).label("day"),
            literal(_OPENING).label("kind"),
            doubtful.c.base_units,
        ).where(doubtful.c.base_units.is_not(None)),
        select(
            doubtful.c.institution_id, doubtful.c.item_id, moved.c.day, literal(_MOVED), moved.c.base_units
        )
        .select_from(doubtful)
        .join(moved, _same(moved, doubtful)),
        select(
            doubtful.c.institution_id,
            doubtful.c.item_id,
            count.counted_on,
            literal(_COUNTED),
            count.base_units,
        )
        .select_from(doubtful)
        .join(
            count,
            and_(
                count.institution_id == doubtful.c.institution_id,
                count.item_id == doubtful.c.item_id,
                count.replaced_at.is_(None),
                count.counted_on >= first,
                count.counted_on <= on,
            ),
        ),
    ).subquery("step")
    ordered = select(rows).order_by(rows.c.institution_id, rows.c.item_id, rows.c.day, rows.c.kind)
    for row in db.session.connection().execute(ordered):
        yield Step(row[0], row[1], row[2], row[3], int(row[4]))


def _same(one: CTE, other: CTE) -> ColumnElement[bool]:
    return and_(one.c.institution_id == other.c.institution_id, one.c.item_id == other.c.item_id)


def below_zero(steps: Iterable[Step], *, last: date) -> tuple[list[date], int]:
    """The days at whose end less than nothing is there, and the lowest ledger on them; the twin of ``days_below_zero``.

    Args:
        steps: of one item, in order.
        last: the last day looked at.

    >>> day = date(2026, 3, 1)
    >>> moved = [Step(1, 1, day, _OPENING, 5), Step(1, 1, day, _MOVED, -7), Step(1, 1, date(2026, 3, 3), _COUNTED, 0)]
    >>> below_zero(moved, last=date(2026, 3, 4))
    ([datetime.date(2026, 3, 1), datetime.date(2026, 3, 2)], -2)

    """
    level: int | None = None
    found: list[date] = []
    lowest = 0
    since = date.min

    def add(until: date) -> None:
        """The days from the last change to the one before the next."""
        nonlocal lowest
        if level is not None and level < 0:
            found.extend(since + timedelta(days=gone) for gone in range((until - since).days))
            lowest = min(lowest, level) if until > since else lowest

    for day, own in groupby(steps, key=lambda step: step.day):
        add(day)
        since = day
        for step in own:
            if step.kind != _MOVED:
                level = step.base_units
            elif level is not None:
                level += step.base_units
    add(last + timedelta(days=1))
    return found, lowest


def _spells(institution_ids: Sequence[int]) -> dict[int, list[Days]]:
    found: dict[int, list[Days]] = {number: [] for number in institution_ids}
    for start in range(0, len(institution_ids), 500):
        part = institution_ids[start : start + 500]
        statement = select(Membership.institution_id, Membership.joined_on, Membership.left_on).where(
            Membership.institution_id.in_(part)
        )
        for number, joined_on, left_on in db.session.connection().execute(statement):
            found[number].append(Days(joined_on, left_on))
    return found


def find(scope: Scope) -> Iterator[Finding]:
    """The clues of the month up to the day (formats.md section 3)."""
    gathered: dict[tuple[int, int], tuple[list[date], int]] = {}
    for pair, steps in groupby(_steps(scope), key=lambda step: (step.institution_id, step.item_id)):
        days, lowest = below_zero(steps, last=scope.as_of)
        if days:
            gathered[pair] = (days, lowest)
    if not gathered:
        return
    spells = _spells(sorted({number for number, _ in gathered}))
    connection = db.session.connection()
    codes: dict[int, str] = {}
    ids = sorted(spells)
    for start in range(0, len(ids), 500):
        statement = select(Institution.id, Institution.code).where(
            Institution.id.in_(ids[start : start + 500])
        )
        codes.update((number, code) for number, code in connection.execute(statement))
    items = {row.id: row.item_code for row in connection.execute(select(Item.id, Item.item_code))}
    for (institution_id, item_id), (days, lowest) in gathered.items():
        judged = [day for day in days if is_in_force(spells[institution_id], on=day)]
        found = sold_beyond_stock(codes[institution_id], items[item_id], scope.month, judged, lowest=lowest)
        if found is not None:
            yield found
