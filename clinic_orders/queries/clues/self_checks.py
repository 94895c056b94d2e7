"""The self-checks for which an institution was asked, as it sees them (R-TRACE-3)."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import date, datetime
from functools import cache
from typing import Any, NamedTuple

from sqlalchemy import ColumnElement, Select, and_, bindparam, case, false, func, select

from clinic_orders.models.base import db
from clinic_orders.models.catalogue import Item
from clinic_orders.models.clues import Clue, ClueParty, IssuedClue
from clinic_orders.models.supervision import FindingRecord
from clinic_orders.queries.clues.lists import CODE, joined
from clinic_orders.queries.counting import Question
from clinic_orders.queries.lists import with_words
from clinic_orders.rules.clues import ClueState
from clinic_orders.rules.findings import CheckRule
from clinic_orders.rules.parties import BUYER_ROLES, Actor


@dataclass(frozen=True, slots=True)
class SelfChecksWanted:
    """Which self-checks an institution's list shows. ``state``: "open", "answered" or "" for all; ``number``: only this."""

    words: str = ""
    state: str = ""
    number: str = ""


class SelfCheckRow(NamedTuple):
    """A clue as an institution sees it: what it is asked about, and until when."""

    number: str
    rule: CheckRule | None
    code: str
    item: str
    period: str
    figures: dict[str, Any] | None
    asked_at: datetime
    answered_at: datetime | None
    deadline: date | None
    state: ClueState

    @property
    def key(self) -> str:
        """The key of the finding, for its sentence."""
        return self.code

    @property
    def distributor(self) -> str:
        """No clue names one."""
        return ""

    @property
    def to_answer(self) -> bool:
        """Whether an answer is awaited."""
        return self.answered_at is None and self.state in {ClueState.SELF_CHECK, ClueState.CHECKING}


SELF_CHECK_SORTS = ("asked", "deadline", "number", "code")
_TO_ANSWER = and_(ClueParty.answered_at.is_(None), Clue.state.in_([ClueState.SELF_CHECK, ClueState.CHECKING]))


def _self_check_conditions(actor: Actor, wanted: SelfChecksWanted) -> list[ColumnElement[bool]]:
    own = ClueParty.institution_id == actor.institution_id if actor.role in BUYER_ROLES else false()
    conditions = [own, ClueParty.asked_at.is_not(None)]
    if wanted.state == "open":
        conditions.append(_TO_ANSWER)
    elif wanted.state == "answered":
        conditions.append(ClueParty.answered_at.is_not(None))
    if wanted.number:
        conditions.append(Clue.number == wanted.number)
    conditions += with_words(wanted.words, Clue.number, CODE, Item.generic_name, IssuedClue.product_name)
    return conditions


def self_checks(
    actor: Actor,
    *,
    wanted: SelfChecksWanted | None = None,
    sort: str = "-asked",
    limit: int | None = None,
    offset: int = 0,
) -> list[SelfCheckRow]:
    """The self-checks for which the actor's institution was asked, those to be answered first; one statement."""
    columns: dict[str, Any] = {
        "asked": ClueParty.asked_at,
        "deadline": Clue.deadline,
        "number": Clue.number,
        "code": CODE,
    }
    column = columns[sort.removeprefix("-")]
    statement = (
        joined(
            select(
                Clue.number,
                FindingRecord.rule,
                CODE,
                func.coalesce(Item.generic_name, IssuedClue.product_name, ""),
                func.coalesce(FindingRecord.period, ""),
                FindingRecord.figures,
                ClueParty.asked_at,
                ClueParty.answered_at,
                Clue.deadline,
                Clue.state,
            )
            .select_from(Clue)
            .join(ClueParty, ClueParty.clue_id == Clue.id)
        )
        .where(*_self_check_conditions(actor, wanted or SelfChecksWanted()))
        .order_by(
            case((_TO_ANSWER, 0), else_=1),
            column.desc() if sort.startswith("-") else column.asc(),
            Clue.id.desc(),
        )
        .limit(limit)
        .offset(offset)
    )
    return [SelfCheckRow._make(row) for row in db.session.execute(statement)]


def count_self_checks(actor: Actor, *, wanted: SelfChecksWanted) -> int:
    """How many self-checks fit."""
    statement = joined(
        select(func.count()).select_from(Clue).join(ClueParty, ClueParty.clue_id == Clue.id)
    ).where(*_self_check_conditions(actor, wanted))
    return db.session.scalar(statement) or 0


@cache
def _count_to_answer() -> Select[int]:
    return (
        select(func.count())
        .select_from(ClueParty)
        .join(Clue, Clue.id == ClueParty.clue_id)
        .where(
            ClueParty.institution_id == bindparam("self_checking"),
            ClueParty.asked_at.is_not(None),
            _TO_ANSWER,
        )
    )


def to_answer_question(actor: Actor) -> Question | int:
    """How many self-checks wait for the actor's institution, to be asked with other numbers."""
    if actor.role not in BUYER_ROLES:
        return 0
    return Question(_count_to_answer(), {"self_checking": actor.institution_id})


def find_self_check(number: str, actor: Actor) -> SelfCheckRow | None:
    """One self-check for which the actor's institution was asked."""
    rows = self_checks(actor, wanted=SelfChecksWanted(number=number))
    return rows[0] if rows else None
