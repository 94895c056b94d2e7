"""Runs of papers of every kind: who sees which, the list for a bureau, one run."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Generic, TypeVar

from sqlalchemy import ColumnElement, false, func, select, true

from clinic_orders.models.base import db
from clinic_orders.models.paper_runs import PaperRun
from clinic_orders.queries.lists import in_order, with_words
from clinic_orders.rules.paper_runs import PaperRunState
from clinic_orders.rules.parties import Actor, Role

R = TypeVar("R", bound=PaperRun)


def runs_visible_to(kind: type[PaperRun], actor: Actor) -> ColumnElement[bool]:
    """The runs of a kind that a person may see: the city all, a county those of its own bureau."""
    if actor.role in {Role.CITY, Role.SYSTEM}:
        return true()
    if actor.role is Role.COUNTY:
        return kind.county_code == actor.county_code
    return false()


@dataclass(frozen=True, slots=True)
class RunsWanted:
    """Which runs a list shows: whose texts have these words, in this state; empty and None ask for all."""

    words: str = ""
    state: PaperRunState | None = None


@dataclass(frozen=True, slots=True)
class RunList(Generic[R]):
    """The list of the runs of one kind.

    Attributes:
        kind: which.
        texts: the columns in which words are looked for.
        sorts: by what it can be sorted.

    """

    kind: type[R]
    texts: Sequence[Any]
    sorts: Mapping[str, Any]

    def _conditions(self, actor: Actor, wanted: RunsWanted) -> list[ColumnElement[bool]]:
        conditions = [runs_visible_to(self.kind, actor), *with_words(wanted.words, *self.texts)]
        if wanted.state is not None:
            conditions.append(self.kind.state == wanted.state)
        return conditions

    def count(self, actor: Actor, wanted: RunsWanted) -> int:
        """How many runs are wanted."""
        statement = select(func.count()).select_from(self.kind).where(*self._conditions(actor, wanted))
        return db.session.scalar(statement) or 0

    def rows(
        self, actor: Actor, wanted: RunsWanted, *, sort: str, offset: int = 0, limit: int | None = None
    ) -> Sequence[R]:
        """Those runs in an order of ``sorts`` (``-`` = downwards)."""
        statement = (
            select(self.kind)
            .where(*self._conditions(actor, wanted))
            .order_by(*in_order(sort, self.sorts, self.kind.id))
        )
        return db.session.scalars(statement.offset(offset).limit(limit)).all()

    def find(self, number: int, actor: Actor) -> R | None:
        """One run, if the actor may see it."""
        return db.session.scalars(
            select(self.kind).where(self.kind.id == number, runs_visible_to(self.kind, actor))
        ).one_or_none()
