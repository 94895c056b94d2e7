"""Whose rows of a month the checks of selling prices read; all that differs is bound, so that each question is made once."""

from __future__ import annotations

from enum import Enum, auto
from typing import Any

from sqlalchemy import CTE, ColumnElement, Date, bindparam, select, tuple_
from sqlalchemy.orm import InstrumentedAttribute

from clinic_orders.models.sales import SaleLine
from clinic_orders.models.stock import ShelfPrice
from clinic_orders.queries.checks.base_prices import price_spans
from clinic_orders.queries.checks.few_pairs import few_pairs, pair_values
from clinic_orders.queries.checks.scope import Scope

_FIRST: Any = bindparam("first_day", type_=Date)
_LAST: Any = bindparam("as_of", type_=Date)


class Whose(Enum):
    """By what a scope narrows the subjects of a question."""

    EVERYBODY = auto()
    INSTITUTIONS = auto()
    PAIRS = auto()

    @classmethod
    def of(cls, scope: Scope) -> Whose:
        """How a scope does."""
        if scope.pairs is not None:
            return cls.PAIRS
        return cls.EVERYBODY if scope.institution_ids is None else cls.INSTITUTIONS


def of_month(
    table: type[SaleLine] | type[ShelfPrice], day: InstrumentedAttribute[Any], whose: Whose, dialect: str
) -> tuple[ColumnElement[bool], ...]:
    """The conditions that a row lies in the month up to the day, and is of those looked at."""
    conditions = (day >= _FIRST, day <= _LAST)
    if whose is Whose.INSTITUTIONS:
        wanted: Any = bindparam("institutions", expanding=True)
        return *conditions, table.institution_id.in_(wanted)
    if whose is Whose.PAIRS:
        pair = few_pairs(dialect)
        named = select(pair.c.institution_id, pair.c.item_id)
        return *conditions, tuple_(table.institution_id, table.item_id).in_(named)
    return conditions


def spans_of_month() -> CTE:
    """The selected prices in force in the month up to the day."""
    return price_spans(_FIRST, _LAST)


def month_values(scope: Scope, dialect: str) -> dict[str, Any]:
    """What to bind for a question with ``of_month`` or ``spans_of_month``."""
    values: dict[str, Any] = {"first_day": scope.month.first_day, "as_of": scope.as_of}
    if scope.pairs is not None:
        values |= pair_values(scope.pairs, dialect)
    elif scope.institution_ids is not None:
        values["institutions"] = list(scope.institution_ids)
    return values
