"""Lists of cases and letters: the bureau's with its numbers, a party's inbox, what waits for whom."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date, datetime
from functools import cache
from typing import Any, NamedTuple

from sqlalchemy import ColumnElement, Select, and_, bindparam, case, func, or_, select

from clinic_orders.models.base import db
from clinic_orders.models.cases import CaseFile, CaseFinding, CaseLetter
from clinic_orders.models.roster import County, Distributor, InstitutionRecord
from clinic_orders.models.supervision import FindingRecord
from clinic_orders.queries.cases.visible import OUT, cases_visible_to, letters_visible_to
from clinic_orders.queries.counting import Question
from clinic_orders.queries.lists import in_order, stands_in, with_words
from clinic_orders.queries.roster import current
from clinic_orders.rules.findings import CheckRule
from clinic_orders.rules.ladder import OVER, CaseOutcome, CaseState, LetterState
from clinic_orders.rules.letters import LetterKind
from clinic_orders.rules.parties import BUYER_ROLES, Actor, InstitutionKind, Role

LIVE = tuple(state for state in CaseState if state not in OVER)


@dataclass(frozen=True, slots=True)
class CasesWanted:
    """Which cases a list shows; empty = all. ``state`` is a CaseState's value, "live", "mine" or "all".

    "mine": what waits for the bureau: drafts, answers, letters to be signed, days that are over, re-checks that are due.
    """

    words: str = ""
    state: str = "live"
    level: int = 0
    county: str = ""
    kind: InstitutionKind | None = None


class CaseRow(NamedTuple):
    """A case with the names that belong to it."""

    id: int
    number: str
    state: CaseState
    level: int | None
    suggested_level: int | None
    month: str
    deadline: date | None
    recheck_on: date | None
    opened_at: datetime
    opened_by_name: str
    moved_at: datetime
    closed_at: datetime | None
    outcome: CaseOutcome | None
    version: int
    institution_id: int | None
    distributor_id: int | None
    party: str
    kind: InstitutionKind | None
    county_code: str
    county: str
    findings: int
    matter: CheckRule | None

    def is_overdue(self, today: date) -> bool:
        """Whether the last day to answer is over and nobody has answered."""
        waits = self.state in {CaseState.ISSUED, CaseState.RECEIVED}
        return waits and self.deadline is not None and self.deadline < today

    def recheck_is_due(self, today: date) -> bool:
        """Whether the day of the re-check has come."""
        return self.state is CaseState.ACCEPTED and self.recheck_on is not None and self.recheck_on <= today


SORTS = ("moved", "number", "party", "county", "level", "state", "deadline")
_STATE_RANK = case({state.value: rank for rank, state in enumerate(CaseState)}, value=CaseFile.state)


def _waits_for_bureau(on: date) -> ColumnElement[bool]:
    record = CaseFile
    return or_(
        record.state.in_([CaseState.DRAFT, CaseState.ANSWERED, CaseState.PROPOSED, CaseState.UNRESOLVED]),
        and_(record.state.in_([CaseState.ISSUED, CaseState.RECEIVED]), record.deadline < on),
        and_(record.state == CaseState.ACCEPTED, record.recheck_on <= on),
    )


def _conditions(actor: Actor, on: date, wanted: CasesWanted) -> list[ColumnElement[bool]]:
    record, conditions = CaseFile, [cases_visible_to(actor, on)]
    if wanted.state in set(CaseState):
        conditions.append(record.state == CaseState(wanted.state))
    elif wanted.state == "live":
        conditions.append(record.state.in_(LIVE))
    elif wanted.state == "mine":
        conditions.append(_waits_for_bureau(on))
    if wanted.level:
        conditions.append(record.level == wanted.level)
    if wanted.county:
        conditions.append(InstitutionRecord.county_code == wanted.county)
    if wanted.kind is not None:
        conditions.append(InstitutionRecord.kind == wanted.kind)

    def in_letter(word: str) -> ColumnElement[bool]:
        return record.id.in_(select(CaseLetter.case_id).where(stands_in(word, CaseLetter.number)))

    return conditions + with_words(
        wanted.words, InstitutionRecord.name, Distributor.name, record.number, also=in_letter
    )


def _with_names(statement: Select[*tuple[Any, ...]], on: date) -> Select[*tuple[Any, ...]]:
    state = InstitutionRecord
    return (
        statement.outerjoin(state, and_(state.institution_id == CaseFile.institution_id, current(state, on)))
        .outerjoin(County, County.code == state.county_code)
        .outerjoin(Distributor, Distributor.id == CaseFile.distributor_id)
    )


def _listed(actor: Actor, on: date, wanted: CasesWanted) -> Select[*tuple[Any, ...]]:
    record, state = CaseFile, InstitutionRecord
    inside = select(func.count()).where(CaseFinding.case_id == record.id).scalar_subquery()
    # The matter of which most findings are; of several the first by name.
    matter = (
        select(FindingRecord.rule)
        .join(CaseFinding, CaseFinding.finding_id == FindingRecord.id)
        .where(CaseFinding.case_id == record.id)
        .group_by(FindingRecord.rule)
        .order_by(func.count().desc(), FindingRecord.rule)
        .limit(1)
        .scalar_subquery()
    )
    return _with_names(
        select(
            record.id,
            record.number,
            record.state,
            record.level,
            record.suggested_level,
            record.month,
            record.deadline,
            record.recheck_on,
            record.opened_at,
            record.opened_by_name,
            record.moved_at,
            record.closed_at,
            record.outcome,
            record.version,
            record.institution_id,
            record.distributor_id,
            func.coalesce(state.name, Distributor.name, ""),
            state.kind,
            func.coalesce(County.code, ""),
            func.coalesce(County.name, ""),
            inside,
            matter,
        ),
        on,
    ).where(*_conditions(actor, on, wanted))


def cases(
    actor: Actor,
    *,
    on: date,
    wanted: CasesWanted | None = None,
    sort: str = "-moved",
    limit: int | None = None,
    offset: int = 0,
) -> list[CaseRow]:
    """The cases of a page or a file; one statement."""
    columns: dict[str, Any] = {
        "moved": CaseFile.moved_at,
        "number": CaseFile.number,
        "party": func.coalesce(InstitutionRecord.name, Distributor.name),
        "county": func.coalesce(County.name, ""),
        "level": func.coalesce(CaseFile.level, 0),
        "state": _STATE_RANK,
        "deadline": func.coalesce(CaseFile.deadline, CaseFile.recheck_on, date.max),
    }
    order = in_order(sort, columns, CaseFile.id)
    listed = _listed(actor, on, wanted or CasesWanted()).order_by(*order).limit(limit).offset(offset)
    return [CaseRow._make(row) for row in db.session.execute(listed)]


def find_case(number: str, actor: Actor, *, on: date) -> CaseRow | None:
    """One case by its number, if the actor may see it."""
    row = db.session.execute(
        _listed(actor, on, CasesWanted(state="all")).where(CaseFile.number == number)
    ).one_or_none()
    return None if row is None else CaseRow._make(row)


@dataclass(frozen=True, slots=True)
class CasesCounted:
    """How many cases the filters leave, by state, and how many wait for the bureau."""

    states: dict[CaseState, int]
    waiting: int
    total: int


def count_cases(actor: Actor, *, on: date, wanted: CasesWanted) -> CasesCounted:
    """The numbers on top of the list; the states are those of all that the other filters leave. One statement."""
    others = CasesWanted(wanted.words, "all", wanted.level, wanted.county, wanted.kind)
    chosen = _conditions(actor, on, wanted)[1:]
    statement = _with_names(
        select(
            CaseFile.state,
            func.count(),
            func.sum(case((_waits_for_bureau(on), 1), else_=0)),
            func.sum(case((and_(*chosen), 1), else_=0)) if chosen else func.count(),
        ).select_from(CaseFile),
        on,
    )
    rows = db.session.execute(statement.where(*_conditions(actor, on, others)).group_by(CaseFile.state)).all()
    return CasesCounted(
        dict.fromkeys(CaseState, 0) | {state: number for state, number, _, _ in rows},
        sum(waiting for _, _, waiting, _ in rows),
        sum(total for _, _, _, total in rows),
    )


@cache
def _count_waiting(county: bool) -> Select[int]:
    statement = select(func.count()).select_from(CaseFile).where(_waits_for_bureau(bindparam("today")))  # type: ignore[arg-type]
    if not county:
        return statement
    record = InstitutionRecord
    return statement.where(
        CaseFile.institution_id.in_(
            select(record.institution_id).where(
                current(record, bindparam("today")),  # type: ignore[arg-type]
                record.county_code == bindparam("county"),
            )
        )
    )


def waiting_question(actor: Actor, today: date) -> Question | int:
    """How many cases wait for the bureau, to be asked with other numbers."""
    if actor.role is Role.CITY:
        return Question(_count_waiting(False), {"today": today})
    if actor.role is Role.COUNTY:
        return Question(_count_waiting(True), {"today": today, "county": actor.county_code})
    return 0


# The party's letters -----------------------------------------------------------------------------------


@dataclass(frozen=True, slots=True)
class LettersWanted:
    """Which letters the inbox shows. ``state``: "waiting" for a signature, "answer" for an answer, or "" for all."""

    words: str = ""
    state: str = ""


class LetterRow(NamedTuple):
    """A letter in a party's inbox."""

    id: int
    number: str
    kind: LetterKind
    state: LetterState
    issued_on: date
    received_at: datetime | None
    deadline: date
    case_state: CaseState
    is_last: bool

    @property
    def to_sign(self) -> bool:
        """Whether somebody has to sign for it."""
        return self.received_at is None and self.state is LetterState.ISSUED

    @property
    def to_answer(self) -> bool:
        """Whether an answer to it is awaited."""
        return self.is_last and self.case_state is CaseState.RECEIVED


_NEWEST = (
    select(func.max(CaseLetter.id))
    .where(CaseLetter.case_id == CaseFile.id, CaseLetter.state.in_(OUT))
    .scalar_subquery()
    .correlate(CaseFile)
)
LETTER_SORTS = ("issued", "number", "kind", "deadline")


def _letter_conditions(actor: Actor, on: date, wanted: LettersWanted) -> list[ColumnElement[bool]]:
    conditions = [letters_visible_to(actor, on), CaseLetter.state.in_(OUT)]
    if wanted.state == "waiting":
        conditions += [CaseLetter.received_at.is_(None), CaseLetter.state == LetterState.ISSUED]
    elif wanted.state == "answer":
        conditions += [CaseFile.state == CaseState.RECEIVED, CaseLetter.id == _NEWEST]
    return conditions + with_words(wanted.words, CaseLetter.number)


def letters(
    actor: Actor,
    *,
    on: date,
    wanted: LettersWanted | None = None,
    sort: str = "-issued",
    limit: int | None = None,
    offset: int = 0,
) -> list[LetterRow]:
    """The letters to the actor's organisation; what nobody has signed for stands first. One statement."""
    columns: dict[str, Any] = {
        "issued": CaseLetter.issued_at,
        "number": CaseLetter.number,
        "kind": CaseLetter.level,
        # A later day holds where more time was given; it stands with the case.
        "deadline": _effective_deadline(),
    }
    column = columns[sort.removeprefix("-")]
    down = sort.startswith("-")
    unsigned = case(
        (and_(CaseLetter.received_at.is_(None), CaseLetter.state == LetterState.ISSUED), 0), else_=1
    )
    statement = (
        select(
            CaseLetter.id,
            CaseLetter.number,
            CaseLetter.kind,
            CaseLetter.state,
            CaseLetter.issued_on,
            CaseLetter.received_at,
            _effective_deadline(),
            CaseFile.state,
            CaseLetter.id == _NEWEST,
        )
        .join(CaseFile, CaseFile.id == CaseLetter.case_id)
        .where(*_letter_conditions(actor, on, wanted or LettersWanted()))
        .order_by(unsigned, column.desc() if down else column.asc(), CaseLetter.id.desc())
        .limit(limit)
        .offset(offset)
    )
    return [LetterRow._make(row) for row in db.session.execute(statement)]


def _effective_deadline() -> ColumnElement[date]:
    return case(
        (and_(CaseLetter.id == _NEWEST, CaseFile.deadline.is_not(None)), CaseFile.deadline),
        else_=CaseLetter.deadline,
    )


def count_letters(actor: Actor, *, on: date, wanted: LettersWanted) -> int:
    """How many letters fit."""
    statement = (
        select(func.count())
        .select_from(CaseLetter)
        .join(CaseFile, CaseFile.id == CaseLetter.case_id)
        .where(*_letter_conditions(actor, on, wanted))
    )
    return db.session.scalar(statement) or 0


@cache
def _unsigned(column: str) -> Select[*tuple[Any, ...]]:
    return (
        select(CaseLetter.id, CaseLetter.number, CaseLetter.kind, CaseFile.deadline)
        .join(CaseFile, CaseFile.id == CaseLetter.case_id)
        .where(
            getattr(CaseFile, column) == bindparam("party"),
            CaseLetter.state == LetterState.ISSUED,
            CaseLetter.received_at.is_(None),
        )
        .order_by(CaseLetter.id)
    )


@cache
def _count_unsigned(column: str) -> Select[int]:
    return (
        select(func.count())
        .select_from(CaseLetter)
        .join(CaseFile, CaseFile.id == CaseLetter.case_id)
        .where(
            getattr(CaseFile, column) == bindparam("party"),
            CaseLetter.state == LetterState.ISSUED,
            CaseLetter.received_at.is_(None),
        )
    )


def unsigned_question(actor: Actor) -> Question | int:
    """How many letters somebody of the actor's organisation has to sign for, to be asked with other numbers."""
    if actor.role not in BUYER_ROLES and actor.role is not Role.DISTRIBUTOR:
        return 0
    column, party = _party(actor)
    return Question(_count_unsigned(column), {"party": party})


class Unsigned(NamedTuple):
    """A letter that nobody has signed for."""

    id: int
    number: str
    kind: LetterKind
    deadline: date


def _party(actor: Actor) -> tuple[str, int | None]:
    if actor.role is Role.DISTRIBUTOR:
        return "distributor_id", actor.distributor_id
    return "institution_id", actor.institution_id


def unsigned_letters(actor: Actor) -> Sequence[Unsigned]:
    """The letters that somebody of the actor's organisation has to sign for; one statement."""
    if actor.role not in BUYER_ROLES and actor.role is not Role.DISTRIBUTOR:
        return []
    column, party = _party(actor)
    return [Unsigned._make(row) for row in db.session.execute(_unsigned(column), {"party": party})]
