"""The measures that were taken over all clues: each with its clue, and their numbers and sums (R-TRACE-3)."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass
from datetime import date
from decimal import Decimal
from typing import Any, Final, NamedTuple

from sqlalchemy import select

from clinic_orders.models.base import db
from clinic_orders.models.clues import Clue, ClueEvent, ClueMeasure
from clinic_orders.queries.clues.lists import PartyRow, parties_of
from clinic_orders.queries.clues.visible import clues_visible_to
from clinic_orders.rules.clues import ClueState, ClueVerdict, Measure
from clinic_orders.rules.money import ZERO
from clinic_orders.rules.parties import Actor


@dataclass(frozen=True, slots=True)
class MeasureRow:
    """A measure.

    Attributes:
        clue: the number of the clue.
        state, verdict: of the clue now.
        measure, amount, document_no, day: as recorded; the amount in yuan, None where the measure has none.
        by_name: who recorded it.
        held: the institutions that were held responsible; of a clue without any all that it is about.

    """

    clue: str
    state: ClueState
    verdict: ClueVerdict | None
    measure: Measure
    amount: Decimal | None
    document_no: str
    day: date
    by_name: str
    held: tuple[PartyRow, ...]

    @property
    def names(self) -> str:
        """The institutions in one text."""
        return "、".join(one.name for one in self.held)

    @property
    def counties(self) -> str:
        """Their counties, each once."""
        return "、".join(dict.fromkeys(one.county for one in self.held if one.county))


class MeasureSum(NamedTuple):
    """How often a measure was taken, and the yuan of all of them."""

    measure: Measure
    number: int
    amount: Decimal


MEASURE_SORTS: Final[dict[str, Callable[[MeasureRow], Any]]] = {
    "day": lambda row: row.day,
    "clue": lambda row: row.clue,
    "measure": lambda row: list(Measure).index(row.measure),
    "amount": lambda row: row.amount or ZERO,
    "party": lambda row: row.names,
}


def all_measures(actor: Actor, *, first: date, last: date, on: date) -> list[MeasureRow]:
    """The measures of some days of the clues that a person may see; two statements.

    Args:
        actor: who asks.
        first: the first day on which they were taken.
        last: the last one.
        on: today, by which names are given.

    """
    taken = ClueMeasure
    rows = db.session.execute(
        select(
            Clue.id,
            Clue.number,
            Clue.state,
            Clue.verdict,
            taken.measure,
            taken.amount,
            taken.document_no,
            taken.day,
            ClueEvent.by_name,
        )
        .join(Clue, Clue.id == taken.clue_id)
        .join(ClueEvent, ClueEvent.id == taken.event_id)
        .where(taken.day >= first, taken.day <= last, clues_visible_to(actor, on))
        .order_by(taken.id)
    ).all()
    parties = parties_of({row.id for row in rows}, on=on)
    return [MeasureRow(*row[1:], held=_held(parties.get(row.id, ()))) for row in rows]


def _held(parties: Sequence[PartyRow]) -> tuple[PartyRow, ...]:
    return tuple(one for one in parties if one.held) or tuple(parties)


def measure_sums(rows: Iterable[MeasureRow]) -> list[MeasureSum]:
    """The measures added up, in the order of the law; those never taken are left out."""
    found: dict[Measure, list[Decimal]] = {}
    for row in rows:
        found.setdefault(row.measure, []).append(row.amount or ZERO)
    return [MeasureSum(one, len(found[one]), sum(found[one], ZERO)) for one in Measure if one in found]
