"""Clues from above, matched with our own data: what we found on the code, who looks into it, what it came to."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from datetime import date, datetime
from typing import Any, NamedTuple

from sqlalchemy import ColumnElement, Select, and_, exists, func, select

from clinic_orders.models.base import db
from clinic_orders.models.clues import Clue, ClueEvent, IssuedClue
from clinic_orders.models.deliveries import ShipmentCode
from clinic_orders.models.roster import County, Institution, InstitutionRecord
from clinic_orders.models.sales import SaleCode, SaleLine
from clinic_orders.models.supervision import FindingRecord
from clinic_orders.queries.clues.visible import issued_visible_to
from clinic_orders.queries.lists import with_words
from clinic_orders.queries.roster import current
from clinic_orders.queries.streaming import Row, stream
from clinic_orders.rules.clues import OF_A_PACK, ClueState, ClueStep, ClueVerdict, ExclusionGround
from clinic_orders.rules.parties import Actor


@dataclass(frozen=True, slots=True)
class IssuedWanted:
    """Which clues from above a list shows. ``state``: "open" (nobody in charge), "assigned", "over" or "" for all."""

    words: str = ""
    state: str = ""
    batch: str = ""


class IssuedRow(NamedTuple):
    """A clue from above with what we know of its code."""

    issued_batch: str
    clue_no: str
    code: str
    institution_code: str
    institution: str
    county: str
    product_name: str
    issuer: str
    issued_on: date
    deadline: date | None
    text: str
    clue: str | None
    state: ClueState | None
    verdict: ClueVerdict | None
    ground: ExclusionGround | None
    decided_at: datetime | None
    own_findings: int
    sold_here: bool
    received_here: bool

    @property
    def key(self) -> str:
        """Batch and number as a form names them."""
        return f"{self.issued_batch}\t{self.clue_no}"

    def is_overdue(self, today: date) -> bool:
        """Whether the answer to above is late."""
        over = self.state in {ClueState.EXCLUDED, ClueState.CLOSED}
        return not over and self.deadline is not None and self.deadline < today


ISSUED_SORTS = ("issued", "batch", "code", "institution", "deadline", "state")
_NAME = func.coalesce(InstitutionRecord.name, IssuedClue.institution_name)


def _of_clue() -> ColumnElement[bool]:
    return and_(Clue.issued_batch == IssuedClue.issued_batch, Clue.issued_no == IssuedClue.clue_no)


def _conditions(actor: Actor, on: date, wanted: IssuedWanted) -> list[ColumnElement[bool]]:
    row = IssuedClue
    conditions = [row.replaced_at.is_(None), issued_visible_to(actor, on)]
    if wanted.batch:
        conditions.append(row.issued_batch == wanted.batch)
    if wanted.state == "open":
        conditions.append(Clue.id.is_(None))
    elif wanted.state == "assigned":
        conditions.append(Clue.state.not_in([ClueState.EXCLUDED, ClueState.CLOSED]))
    elif wanted.state == "over":
        conditions.append(Clue.state.in_([ClueState.EXCLUDED, ClueState.CLOSED]))
    conditions += with_words(
        wanted.words,
        row.issued_batch,
        row.clue_no,
        row.code,
        _NAME,
        row.product_name,
        row.issuer,
        Clue.number,
    )
    return conditions


def _joined(statement: Select[*tuple[Any, ...]], on: date) -> Select[*tuple[Any, ...]]:
    row, record = IssuedClue, InstitutionRecord
    return (
        statement.outerjoin(Institution, Institution.id == row.institution_id)
        .outerjoin(record, and_(record.institution_id == row.institution_id, current(record, on)))
        .outerjoin(County, County.code == record.county_code)
        .outerjoin(Clue, _of_clue())
    )


def _matches() -> tuple[ColumnElement[Any], ...]:
    """What we know of the code ourselves: findings on it, a sale, a receipt; each through an index of the code."""
    finding, row = FindingRecord, IssuedClue
    return (
        select(func.count())
        .where(finding.rule.in_(OF_A_PACK), finding.key == row.code)
        .correlate(row)
        .scalar_subquery(),
        exists(
            select(SaleCode.code)
            .join(SaleLine, SaleLine.id == SaleCode.sale_line_id)
            .where(SaleCode.code == row.code, SaleLine.replaced_at.is_(None))
            .correlate(row)
        ),
        exists(select(ShipmentCode.code).where(ShipmentCode.code == row.code).correlate(row)),
    )


def issued_clues(
    actor: Actor,
    *,
    on: date,
    wanted: IssuedWanted | None = None,
    sort: str = "-issued",
    limit: int | None = None,
    offset: int = 0,
) -> list[IssuedRow]:
    """The clues from above of a page or a file, with the match; one statement."""
    row = IssuedClue
    columns: dict[str, Any] = {
        "issued": row.issued_on,
        "batch": row.issued_batch,
        "code": row.code,
        "institution": _NAME,
        "deadline": func.coalesce(row.deadline, date.max),
        "state": func.coalesce(Clue.state, ""),
    }
    column = columns[sort.removeprefix("-")]
    down = sort.startswith("-")
    statement = (
        _joined(
            select(
                row.issued_batch,
                row.clue_no,
                row.code,
                func.coalesce(Institution.code, ""),
                _NAME,
                func.coalesce(County.name, ""),
                row.product_name,
                row.issuer,
                row.issued_on,
                row.deadline,
                row.text,
                Clue.number,
                Clue.state,
                Clue.verdict,
                Clue.ground,
                Clue.decided_at,
                *_matches(),
            ).select_from(row),
            on,
        )
        .where(*_conditions(actor, on, wanted or IssuedWanted()))
        .order_by(column.desc() if down else column.asc(), row.id.desc() if down else row.id.asc())
        .limit(limit)
        .offset(offset)
    )
    return [IssuedRow._make(one) for one in db.session.execute(statement)]


def count_issued(actor: Actor, *, on: date, wanted: IssuedWanted) -> int:
    """How many clues from above fit."""
    statement = _joined(select(func.count()).select_from(IssuedClue), on).where(
        *_conditions(actor, on, wanted)
    )
    return db.session.scalar(statement) or 0


def issued_batches(actor: Actor, *, on: date) -> list[str]:
    """The batches that came, the newest first."""
    row = IssuedClue
    statement = (
        select(row.issued_batch)
        .where(row.replaced_at.is_(None), issued_visible_to(actor, on))
        .group_by(row.issued_batch)
        .order_by(func.max(row.issued_on).desc(), row.issued_batch)
        .limit(200)
    )
    return list(db.session.scalars(statement))


def verdict_notes(numbers: list[str]) -> dict[str, str]:
    """By number of the clue the reason of its verdict, for the answer to above; one statement."""
    verdicts = (ClueStep.EXCLUDE, ClueStep.FIND_VIOLATION, ClueStep.SUSPECT_FRAUD)
    rows = db.session.execute(
        select(Clue.number, ClueEvent.note)
        .join(ClueEvent, ClueEvent.clue_id == Clue.id)
        .where(Clue.number.in_(numbers), Clue.verdict.is_not(None), ClueEvent.step.in_(verdicts))
        .order_by(ClueEvent.id)
    )
    return {row.number: row.note for row in rows}


def issued_clue_rows(actor: Actor, on: date) -> Iterator[Row]:
    """The rows of the kind ``issued-clues``, by batch and number."""
    row = IssuedClue
    yield from stream(
        select(
            row.issued_batch,
            row.clue_no,
            row.code.label("trace_code"),
            Institution.code.label("institution_code"),
            row.institution_name,
            row.product_name,
            row.issuer,
            row.issued_on,
            row.deadline,
            row.text,
        )
        .outerjoin(Institution, Institution.id == row.institution_id)
        .where(row.replaced_at.is_(None), issued_visible_to(actor, on))
        .order_by(row.issued_batch, row.clue_no)
    )
