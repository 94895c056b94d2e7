"""Several numbers asked in one statement: what waits behind each tab of a page."""

from __future__ import annotations

from collections.abc import Sequence
from functools import lru_cache
from typing import Any, NamedTuple

from sqlalchemy import Select, select

from clinic_orders.models.base import db


class Question(NamedTuple):
    """A statement made once that gives one number, and what is filled in.

    Values of the same name in several questions of a page must be the same.
    """

    statement: Select[int]
    values: dict[str, Any]


@lru_cache(64)
def _together(*statements: Select[int]) -> Select[*tuple[Any, ...]]:
    return select(*(statement.scalar_subquery() for statement in statements))


def numbers(questions: Sequence[Question]) -> list[int]:
    """The answers, in the order of the questions; one statement, none where nothing is asked."""
    if not questions:
        return []
    values: dict[str, Any] = {}
    for question in questions:
        for name, value in question.values.items():
            if values.setdefault(name, value) != value:
                raise ValueError(f"two questions differ in {name}")
    statement = _together(*(question.statement for question in questions))
    row = db.session.connection().execute(statement, values).one()
    return [number or 0 for number in row]
