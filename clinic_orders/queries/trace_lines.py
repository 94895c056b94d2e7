"""The sale lines of a month that want a trace code, and whether they carry one: the rows behind the trace rate (R-STAT-2)."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import date, datetime
from decimal import Decimal
from typing import Any, NamedTuple

from sqlalchemy import Select, case, func, select

from clinic_orders.models.base import db
from clinic_orders.models.catalogue import Item
from clinic_orders.models.roster import Institution, InstitutionRecord
from clinic_orders.models.sales import SaleLine
from clinic_orders.queries.checks.scope import Scope
from clinic_orders.queries.checks.trace_missing import first_full_day, has_code, lines_that_want_codes
from clinic_orders.queries.lists import with_words
from clinic_orders.queries.roster import current, institutions_of
from clinic_orders.rules.days import Month
from clinic_orders.rules.parties import Actor

SORTS = ("sold", "sale", "item", "units", "amount")


@dataclass(frozen=True, slots=True)
class LinesWanted:
    """Which lines a list shows: words of the item or number of the sale; ``missing``: only those without a code."""

    words: str = ""
    missing: bool = False


class TraceLine(NamedTuple):
    """A sale line in whole packs of an item that has trace products."""

    sale_no: str
    line_no: str
    sold_at: datetime
    item_code: str
    item: str
    strength: str
    base_units: int
    amount: Decimal
    coded: bool


class TraceRate(NamedTuple):
    """How many lines want a code, and how many of these carry one."""

    lines: int
    coded: int

    @property
    def share(self) -> Decimal | None:
        """Lines with a code ÷ lines that want one; None where nothing is divided by."""
        return Decimal(self.coded) / Decimal(self.lines) if self.lines else None


class Place(NamedTuple):
    """An institution whose lines are asked for."""

    id: int
    code: str
    name: str


def place_of(code: str, actor: Actor, *, on: date) -> Place | None:
    """The institution of a code, if the actor may see it; without a code the actor's own."""
    record = InstitutionRecord
    statement = (
        select(Institution.id, Institution.code, func.coalesce(record.name, Institution.code))
        .outerjoin(record, (record.institution_id == Institution.id) & current(record, on))
        .where(institutions_of(actor, Institution.id, on))
    )
    own = Institution.code == code if code else Institution.id == actor.institution_id
    row = db.session.execute(statement.where(own)).one_or_none()
    return None if row is None else Place._make(row)


def _asked(place: Place, month: Month, *columns: Any) -> Select[Any] | None:
    """The lines as the statistics count them; None before the day from which on codes are wanted is set."""
    scope = Scope(month.last_day, [place.id])
    full_from = first_full_day(scope)
    return None if full_from is None else lines_that_want_codes(scope, full_from, *columns)


def trace_rate(place: Place, month: Month) -> TraceRate:
    """The trace rate of an institution in a month; one statement besides the policy."""
    statement = _asked(place, month, func.count(), func.coalesce(func.sum(case((has_code(), 1), else_=0)), 0))
    if statement is None:
        return TraceRate(0, 0)
    lines, coded = db.session.execute(statement).one()
    return TraceRate(lines, int(coded))


def _narrowed(statement: Select[Any], wanted: LinesWanted) -> Select[Any]:
    if wanted.missing:
        statement = statement.where(~has_code())
    return statement.where(*with_words(wanted.words, SaleLine.sale_no, Item.item_code, Item.generic_name))


def count_lines(place: Place, month: Month, wanted: LinesWanted) -> int:
    """How many lines fit."""
    statement = _asked(place, month, func.count())
    return 0 if statement is None else db.session.execute(_narrowed(statement, wanted)).scalar_one()


def trace_lines(
    place: Place,
    month: Month,
    wanted: LinesWanted,
    *,
    sort: str = "-sold",
    limit: int | None = None,
    offset: int = 0,
) -> list[TraceLine]:
    """The lines of a page or a file."""
    line = SaleLine
    columns: dict[str, Any] = {
        "sold": line.sold_at,
        "sale": line.sale_no,
        "item": Item.generic_name,
        "units": line.base_units,
        "amount": line.amount,
    }
    statement = _asked(
        place, month, line.sale_no, line.line_no, line.sold_at, Item.item_code, Item.generic_name, Item.strength,
        line.base_units, line.amount, has_code(),
    )  # fmt: skip
    if statement is None:
        return []
    column = columns[sort.removeprefix("-")]
    down = sort.startswith("-")
    statement = (
        _narrowed(statement, wanted)
        .order_by(column.desc() if down else column.asc(), line.id.desc() if down else line.id.asc())
        .limit(limit)
        .offset(offset)
    )
    return [TraceLine._make(row) for row in db.session.execute(statement)]
