"""The bureau's list of clues with its numbers, and one clue with its institutions (R-TRACE-3)."""

from __future__ import annotations

from collections.abc import Collection
from dataclasses import dataclass
from datetime import date, datetime
from functools import cache
from typing import Any, NamedTuple

from sqlalchemy import ColumnElement, Select, and_, bindparam, case, exists, func, or_, select

from clinic_orders.models.base import db
from clinic_orders.models.catalogue import Item
from clinic_orders.models.clues import Clue, ClueParty, IssuedClue
from clinic_orders.models.roster import County, Institution, InstitutionRecord
from clinic_orders.models.supervision import FindingRecord
from clinic_orders.models.tracing import TraceProduct
from clinic_orders.queries.checks.code_lives import PREFIX
from clinic_orders.queries.clues.visible import clues_visible_to
from clinic_orders.queries.counting import Question
from clinic_orders.queries.lists import in_order, stands_in, with_words
from clinic_orders.queries.roster import current
from clinic_orders.rules.clues import CLUE_OVER, ClueState, ClueVerdict, ExclusionGround
from clinic_orders.rules.finding_states import FindingState
from clinic_orders.rules.findings import CheckRule, Grade
from clinic_orders.rules.parties import Actor, Role

UNDER_WAY = tuple(state for state in ClueState if state not in CLUE_OVER)
JUDGED = (ClueState.VIOLATION, ClueState.SUSPECTED)


@dataclass(frozen=True, slots=True)
class CluesWanted:
    """Which clues a list shows; empty = all. ``state`` is a ClueState's value, "live", "mine" or "all".

    "mine": what waits for the bureau: not asked, to be checked, days that are over, to be disposed of. ``origin`` is
    "own" or "above".
    """

    words: str = ""
    state: str = "live"
    rule: CheckRule | None = None
    origin: str = ""
    county: str = ""


class ClueRow(NamedTuple):
    """A clue with what it is about. ``code`` is a trace code, or the item code of a clue about an item's month."""

    id: int
    number: str
    state: ClueState
    team: str
    deadline: date | None
    verdict: ClueVerdict | None
    ground: ExclusionGround | None
    assigned_at: datetime
    assigned_by_name: str
    moved_at: datetime
    decided_at: datetime | None
    closed_at: datetime | None
    county_code: str | None
    version: int
    finding_id: int | None
    rule: CheckRule | None
    grade: Grade | None
    period: str
    figures: dict[str, Any] | None
    finding_state: FindingState | None
    code: str
    item: str
    issued_batch: str | None
    issued_no: str | None
    issuer: str
    issued_on: date | None
    issued_deadline: date | None
    issued_text: str

    @property
    def key(self) -> str:
        """The key of the finding, for its sentence."""
        return self.code

    @property
    def distributor(self) -> str:
        """No clue names one."""
        return ""

    def is_overdue(self, today: date) -> bool:
        """Whether the last day of the self-check is over and somebody has not answered."""
        return self.state is ClueState.SELF_CHECK and self.deadline is not None and self.deadline < today


class PartyRow(NamedTuple):
    """An institution of a clue."""

    clue_id: int
    institution_id: int
    code: str
    name: str
    county: str
    asked_at: datetime | None
    answered_at: datetime | None
    held: bool

    @property
    def option(self) -> tuple[int, str]:
        """The institution as a choice of a form."""
        return self.institution_id, self.name


SORTS = ("moved", "number", "code", "party", "state", "deadline", "rule")
_STATE_RANK = case({state.value: rank for rank, state in enumerate(ClueState)}, value=Clue.state)
CODE = func.coalesce(FindingRecord.key, IssuedClue.code, "")
"""What a clue is about: a trace code, or an item code; needs ``joined``."""


def waits_for_bureau(on: date) -> ColumnElement[bool]:
    """The condition of what an officer has to do something about."""
    waiting = [ClueState.ASSIGNED, ClueState.CHECKING, *JUDGED, ClueState.DISPOSAL]
    return or_(Clue.state.in_(waiting), and_(Clue.state == ClueState.SELF_CHECK, Clue.deadline < on))


def issued_of_clue() -> ColumnElement[bool]:
    """The join from a clue to the row from above that stands."""
    return and_(
        IssuedClue.issued_batch == Clue.issued_batch,
        IssuedClue.clue_no == Clue.issued_no,
        IssuedClue.replaced_at.is_(None),
    )


def _in_county(county: str, on: date) -> ColumnElement[bool]:
    record = InstitutionRecord
    return exists(
        select(ClueParty.clue_id)
        .join(record, and_(record.institution_id == ClueParty.institution_id, current(record, on)))
        .where(ClueParty.clue_id == Clue.id, record.county_code == county)
    )


def _named_like(word: str, on: date) -> ColumnElement[bool]:
    record = InstitutionRecord
    return exists(
        select(ClueParty.clue_id)
        .join(record, and_(record.institution_id == ClueParty.institution_id, current(record, on)))
        .where(ClueParty.clue_id == Clue.id, stands_in(word, record.name))
    )


def _conditions(actor: Actor, on: date, wanted: CluesWanted) -> list[ColumnElement[bool]]:
    conditions = [clues_visible_to(actor, on)]
    if wanted.state in set(ClueState):
        conditions.append(Clue.state == ClueState(wanted.state))
    elif wanted.state == "live":
        conditions.append(Clue.state.in_(UNDER_WAY))
    elif wanted.state == "mine":
        conditions.append(waits_for_bureau(on))
    if wanted.rule is not None:
        conditions.append(FindingRecord.rule == wanted.rule)
    if wanted.origin == "above":
        conditions.append(Clue.issued_batch.is_not(None))
    elif wanted.origin == "own":
        conditions.append(Clue.issued_batch.is_(None))
    if wanted.county:
        conditions.append(_in_county(wanted.county, on))
    columns = (Clue.number, Clue.team, CODE, Item.generic_name, IssuedClue.product_name, Clue.issued_batch)
    return conditions + with_words(wanted.words, *columns, also=lambda word: _named_like(word, on))


def joined(statement: Select[*tuple[Any, ...]]) -> Select[*tuple[Any, ...]]:
    """With what a clue is about: its finding, the row from above, the item."""
    return (
        statement.outerjoin(FindingRecord, FindingRecord.id == Clue.finding_id)
        .outerjoin(IssuedClue, issued_of_clue())
        .outerjoin(
            TraceProduct,
            and_(TraceProduct.prefix == func.substr(CODE, 1, PREFIX), TraceProduct.replaced_at.is_(None)),
        )
        .outerjoin(Item, Item.id == func.coalesce(FindingRecord.item_id, TraceProduct.item_id))
    )


def _listed(actor: Actor, on: date, wanted: CluesWanted) -> Select[*tuple[Any, ...]]:
    return joined(
        select(
            Clue.id,
            Clue.number,
            Clue.state,
            Clue.team,
            Clue.deadline,
            Clue.verdict,
            Clue.ground,
            Clue.assigned_at,
            Clue.assigned_by_name,
            Clue.moved_at,
            Clue.decided_at,
            Clue.closed_at,
            Clue.county_code,
            Clue.version,
            Clue.finding_id,
            FindingRecord.rule,
            FindingRecord.grade,
            func.coalesce(FindingRecord.period, ""),
            FindingRecord.figures,
            FindingRecord.state,
            CODE,
            func.coalesce(Item.generic_name, IssuedClue.product_name, ""),
            Clue.issued_batch,
            Clue.issued_no,
            func.coalesce(IssuedClue.issuer, ""),
            IssuedClue.issued_on,
            IssuedClue.deadline,
            func.coalesce(IssuedClue.text, ""),
        ).select_from(Clue)
    ).where(*_conditions(actor, on, wanted))


def _first_party(on: date) -> ColumnElement[str]:
    record = InstitutionRecord
    return func.coalesce(
        select(func.min(record.name))
        .join(ClueParty, ClueParty.institution_id == record.institution_id)
        .where(ClueParty.clue_id == Clue.id, current(record, on))
        .scalar_subquery(),
        "",
    )


def clues(
    actor: Actor,
    *,
    on: date,
    wanted: CluesWanted | None = None,
    sort: str = "-moved",
    limit: int | None = None,
    offset: int = 0,
) -> list[ClueRow]:
    """The clues of a page or a file; one statement."""
    columns: dict[str, Any] = {
        "moved": Clue.moved_at,
        "number": Clue.number,
        "code": CODE,
        "party": _first_party(on),
        "state": _STATE_RANK,
        "deadline": func.coalesce(Clue.deadline, date.max),
        "rule": func.coalesce(FindingRecord.rule, ""),
    }
    order = in_order(sort, columns, Clue.id)
    listed = _listed(actor, on, wanted or CluesWanted()).order_by(*order).limit(limit).offset(offset)
    return [ClueRow._make(row) for row in db.session.execute(listed)]


def find_clue(number: str, actor: Actor, *, on: date) -> ClueRow | None:
    """One clue by its number, if the actor may see it."""
    statement = _listed(actor, on, CluesWanted(state="all")).where(Clue.number == number)
    row = db.session.execute(statement).one_or_none()
    return None if row is None else ClueRow._make(row)


def parties_of(clue_ids: Collection[int], *, on: date) -> dict[int, list[PartyRow]]:
    """The institutions of some clues with their names, in the order of their codes; one statement."""
    record, found = InstitutionRecord, {}
    if clue_ids:
        rows = db.session.execute(
            select(
                ClueParty.clue_id,
                ClueParty.institution_id,
                Institution.code,
                func.coalesce(record.name, Institution.code),
                func.coalesce(County.name, ""),
                ClueParty.asked_at,
                ClueParty.answered_at,
                ClueParty.held,
            )
            .join(Institution, Institution.id == ClueParty.institution_id)
            .outerjoin(record, and_(record.institution_id == Institution.id, current(record, on)))
            .outerjoin(County, County.code == record.county_code)
            .where(ClueParty.clue_id.in_(clue_ids))
            .order_by(Institution.code)
        )
        found = {number: list[PartyRow]() for number in clue_ids}
        for row in rows:
            found[row.clue_id].append(PartyRow._make(row))
    return found


@dataclass(frozen=True, slots=True)
class CluesCounted:
    """How many clues the filters leave, by state, and how many wait for the bureau."""

    states: dict[ClueState, int]
    waiting: int
    total: int


def count_clues(actor: Actor, *, on: date, wanted: CluesWanted) -> CluesCounted:
    """The numbers on top of the list; the states are those of all that the other filters leave. One statement."""
    others = CluesWanted(wanted.words, "all", wanted.rule, wanted.origin, wanted.county)
    chosen = _conditions(actor, on, wanted)[1:]
    statement = joined(
        select(
            Clue.state,
            func.count(),
            func.sum(case((waits_for_bureau(on), 1), else_=0)),
            func.sum(case((and_(*chosen), 1), else_=0)) if chosen else func.count(),
        ).select_from(Clue)
    )
    rows = db.session.execute(statement.where(*_conditions(actor, on, others)).group_by(Clue.state)).all()
    return CluesCounted(
        dict.fromkeys(ClueState, 0) | {state: number for state, number, _, _ in rows},
        sum(waiting for _, _, waiting, _ in rows),
        sum(total for _, _, _, total in rows),
    )


def unfinished_self_checks(on: date) -> list[int]:
    """The clues of which somebody has to be reminded: the last day is tomorrow, today or over. One statement."""
    statement = (
        select(Clue.id)
        .where(
            Clue.state == ClueState.SELF_CHECK,
            Clue.deadline <= date.fromordinal(on.toordinal() + 1),
            or_(Clue.reminded_of.is_(None), Clue.reminded_of < Clue.deadline),
        )
        .order_by(Clue.id)
    )
    return list(db.session.scalars(statement))


@cache
def _count_waiting(county: bool) -> Select[int]:
    statement = select(func.count()).select_from(Clue).where(waits_for_bureau(bindparam("today")))  # type: ignore[arg-type]
    return statement.where(Clue.county_code == bindparam("county")) if county else statement


def waiting_question(actor: Actor, today: date) -> Question | int:
    """How many clues wait for the bureau in charge, to be asked with other numbers."""
    if actor.role is Role.CITY:
        return Question(_count_waiting(False), {"today": today})
    if actor.role is Role.COUNTY:
        return Question(_count_waiting(True), {"today": today, "county": actor.county_code})
    return 0
