"""The stage board as it was last reckoned, for whoever may see the institutions: a list, its counties, its items."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import date, datetime
from typing import Any, Final, NamedTuple

from sqlalchemy import ColumnElement, Select, and_, case, func, or_, select

from clinic_orders.models.base import db
from clinic_orders.models.catalogue import Item
from clinic_orders.models.roster import County, Institution, InstitutionRecord
from clinic_orders.models.stages import StageRow
from clinic_orders.queries.lists import with_words
from clinic_orders.queries.roster import current, institutions_of
from clinic_orders.rules.findings import Grade
from clinic_orders.rules.parties import Actor, InstitutionKind
from clinic_orders.rules.stages import REPORT_WARNINGS, Stage

STAGES: Final = (Stage.REPORT, Stage.ORDER, Stage.ACCEPT, Stage.PAY)
"""The stages that have a warning."""
SORTS: Final = ("stands", "name", "county", "agreed", "ordered", "counted", "paid", "overdue")


class Cycle(NamedTuple):
    """A cycle that the board knows: first and last day."""

    first: date
    last: date

    @property
    def word(self) -> str:
        """As an address says it."""
        return f"{self.first}_{self.last}"


@dataclass(frozen=True, slots=True)
class BoardWanted:
    """Which lines a board shows; empty = all.

    Attributes:
        cycle: the days of a cycle.
        stands: the stage at which they stand.
        warns: the stage that warns.

    """

    words: str = ""
    county: str = ""
    kind: InstitutionKind | None = None
    cycle: Cycle | None = None
    stands: Stage | None = None
    warns: Stage | None = None


class BoardRow(NamedTuple):
    """A line of the board; the figures are those of ``rules.stages.CycleStages``."""

    id: int
    institution_id: int
    code: str
    name: str
    kind: InstitutionKind
    county_code: str
    county: str
    township: str
    cycle_start: date
    cycle_end: date
    items: int
    reported: int | None
    agreed: int
    due: int
    ordered: int
    undelivered: int
    counted: int
    waiting: int
    waiting_late: int
    unpaid: int
    overdue: int
    behind: int
    grade: Grade | None
    report: str
    stands: Stage
    as_of: date
    reckoned_at: datetime

    @property
    def paid(self) -> int:
        """Counted packs on receipts that are paid in full."""
        return self.counted - self.unpaid


def warning(stage: Stage) -> ColumnElement[bool]:
    """``rules.stages.CycleStages.warnings`` in SQL (R-STAT-5)."""
    row = StageRow
    return {
        Stage.REPORT: row.report.in_(REPORT_WARNINGS),
        Stage.ORDER: row.behind > 0,
        Stage.ACCEPT: or_(row.waiting_late > 0, row.undelivered > 0),
        Stage.PAY: row.overdue > 0,
    }[stage]


def _conditions(actor: Actor, on: date, wanted: BoardWanted) -> list[ColumnElement[bool]]:
    row, state = StageRow, InstitutionRecord
    # StageRow points to no record, so that it never keeps one; the institution is looked up for what may be seen.
    conditions = [institutions_of(actor, Institution.id, on)]
    if wanted.county:
        conditions.append(state.county_code == wanted.county)
    if wanted.kind is not None:
        conditions.append(state.kind == wanted.kind)
    if wanted.cycle is not None:
        conditions += [row.cycle_start == wanted.cycle.first, row.cycle_end == wanted.cycle.last]
    if wanted.stands is not None:
        conditions.append(row.stands == wanted.stands)
    if wanted.warns is not None:
        conditions.append(warning(wanted.warns))
    conditions += with_words(wanted.words, state.name, state.township, Institution.code)
    return conditions


def _from(statement: Select[*tuple[Any, ...]], on: date) -> Select[*tuple[Any, ...]]:
    row, state = StageRow, InstitutionRecord
    return (
        statement.select_from(row)
        .join(Institution, Institution.id == row.institution_id)
        .join(state, and_(state.institution_id == row.institution_id, current(state, on)))
        .outerjoin(County, County.code == state.county_code)
    )


def _listed(actor: Actor, on: date, wanted: BoardWanted) -> Select[*tuple[Any, ...]]:
    row, state = StageRow, InstitutionRecord
    return _from(
        select(
            row.id,
            row.institution_id,
            Institution.code,
            state.name,
            state.kind,
            state.county_code,
            func.coalesce(County.name, ""),
            state.township,
            row.cycle_start,
            row.cycle_end,
            row.items,
            row.reported,
            row.agreed,
            row.due,
            row.ordered,
            row.undelivered,
            row.counted,
            row.waiting,
            row.waiting_late,
            row.unpaid,
            row.overdue,
            row.behind,
            row.grade,
            row.report,
            row.stands,
            row.as_of,
            row.reckoned_at,
        ),
        on,
    ).where(*_conditions(actor, on, wanted))


def board(
    actor: Actor,
    *,
    on: date,
    wanted: BoardWanted,
    sort: str = "stands",
    limit: int | None = None,
    offset: int = 0,
) -> list[BoardRow]:
    """The lines of a page or a file; one statement. Those at the earliest stage come first, the most behind on top."""
    row, state = StageRow, InstitutionRecord
    place = case({stage.value: number for number, stage in enumerate(Stage)}, value=row.stands)
    columns: dict[str, ColumnElement[Any] | Any] = {
        "stands": place,
        "name": state.name,
        "county": func.coalesce(County.name, ""),
        "agreed": row.agreed,
        "ordered": row.ordered,
        "counted": row.counted,
        "paid": row.counted - row.unpaid,
        "overdue": row.overdue,
    }
    column = columns[sort.removeprefix("-")]
    lag = row.ordered - row.due
    order = (
        [column.desc(), lag.desc(), row.id.desc()]
        if sort.startswith("-")
        else [column.asc(), lag.asc(), row.id.asc()]
    )
    statement = _listed(actor, on, wanted).order_by(*order).limit(limit).offset(offset)
    return [BoardRow._make(found) for found in db.session.execute(statement)]


def find_row(institution_id: int, cycle: Cycle, actor: Actor, *, on: date) -> BoardRow | None:
    """One line, if the actor may see its institution."""
    statement = _listed(actor, on, BoardWanted(cycle=cycle)).where(StageRow.institution_id == institution_id)
    found = db.session.execute(statement).one_or_none()
    return None if found is None else BoardRow._make(found)


class CountySums(NamedTuple):
    """The lines of a county added up: how many, their packs by stage, and how many warn at each stage."""

    code: str
    name: str
    lines: int
    agreed: int
    ordered: int
    counted: int
    paid: int
    warns: dict[Stage, int]
    stands: dict[Stage, int]


def by_county(actor: Actor, *, on: date, wanted: BoardWanted) -> list[CountySums]:
    """The lines that the filters leave, by county; one statement."""
    row = StageRow

    def number(condition: ColumnElement[bool]) -> ColumnElement[int]:
        return func.sum(case((condition, 1), else_=0))

    sums = [func.sum(column) for column in (row.agreed, row.ordered, row.counted, row.counted - row.unpaid)]
    rows = db.session.execute(
        _from(
            select(
                InstitutionRecord.county_code,
                func.coalesce(County.name, ""),
                func.count(),
                *sums,
                *(number(warning(stage)) for stage in STAGES),
                *(number(row.stands == stage) for stage in Stage),
            ),
            on,
        )
        .where(*_conditions(actor, on, wanted))
        .group_by(InstitutionRecord.county_code, County.name)
        .order_by(InstitutionRecord.county_code)
    )
    found = []
    for code, name, *numbers in rows:
        lines, agreed, ordered, counted, paid, *rest = map(int, numbers)
        warns = dict(zip(STAGES, rest, strict=False))
        stands = dict(zip(Stage, rest[len(STAGES) :], strict=True))
        found.append(CountySums(code, name, lines, agreed, ordered, counted, paid, warns, stands))
    return found


def cycles() -> list[Cycle]:
    """The cycles of the board, the latest first; one statement."""
    rows = db.session.execute(select(StageRow.cycle_start, StageRow.cycle_end).distinct())
    return sorted((Cycle(*row) for row in rows), reverse=True)


class ItemRow(NamedTuple):
    """An agreement of a line; the figures are those of ``rules.stages.ItemStages``."""

    id: int
    code: str
    name: str
    strength: str
    reported: int | None
    agreed: int
    due: int
    ordered: int
    undelivered: int
    counted: int
    waiting: int
    waiting_late: int
    unpaid: int
    overdue: int
    grade: Grade | None
    stands: Stage

    @property
    def paid(self) -> int:
        """Counted packs on receipts that are paid in full."""
        return self.counted - self.unpaid


def item_rows(row_id: int) -> list[ItemRow]:
    """The agreements of a line as they were reckoned with it, so that they add up to it; two statements."""
    detail = db.session.scalar(select(StageRow.detail).where(StageRow.id == row_id)) or []
    names = {
        item.id: (item.item_code, item.generic_name, item.strength)
        for item in db.session.execute(
            select(Item.id, Item.item_code, Item.generic_name, Item.strength).where(
                Item.id.in_([one[0] for one in detail])
            )
        )
    }
    found = []
    for item_id, *figures, grade, stands in detail:
        name = names.get(item_id, ("", "", ""))
        found.append(
            ItemRow._make((item_id, *name, *figures, Grade(grade) if grade else None, Stage(stands)))
        )
    return found
