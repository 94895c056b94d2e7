"""Expressions that SQLite and PostgreSQL write differently."""

from __future__ import annotations

from datetime import date, datetime
from typing import Any

from sqlalchemy import ARRAY, Boolean, ColumnElement, Date, UnaryExpression, bindparam, literal
from sqlalchemy.ext.compiler import compiles
from sqlalchemy.sql import operators
from sqlalchemy.sql.functions import FunctionElement

from clinic_orders.models.base import UtcDateTime


class china_day(FunctionElement[date]):  # noqa: N801 - it is written like a function of SQL.
    """The day in Asia/Shanghai of a column of instants, as SQL; the twin of ``rules.days.day_in_china``.

    China has kept UTC+8 without summer time since 1991.
    """

    type = Date()
    inherit_cache = True
    name = "china_day"


@compiles(china_day, "sqlite")
def _china_day_sqlite(element: china_day, compiler: Any, **more: Any) -> str:
    return f"date({compiler.process(element.clauses, **more)}, '+8 hours')"


@compiles(china_day, "postgresql")
def _china_day_postgresql(element: china_day, compiler: Any, **more: Any) -> str:
    return f"CAST({compiler.process(element.clauses, **more)} + INTERVAL '8 hours' AS DATE)"


class _Condition(FunctionElement[bool]):
    """What stands in a WHERE as it is: SQLite, which knows no truth but one, would be asked whether it equals one."""

    type = Boolean()
    inherit_cache = True

    def self_group(self, against: Any = None) -> Any:
        """It is a condition already: never to be held against true."""
        return self

    def _negate(self) -> Any:
        return UnaryExpression(self, operator=operators.inv)


class among(_Condition):  # noqa: N801 - it is written like an operator of SQL.
    """The condition that a column is one of few values that a question gives: ``among(column, question)``.

    SQLite looks them up one by one. PostgreSQL does so for an array, of which it expects ten; of a question beside an OR
    it would hold every row of the table against the answer.
    """

    inherit_cache = True
    name = "among"

    def __init__(self, column: Any, question: Any) -> None:
        super().__init__(column, question.scalar_subquery())


@compiles(among, "sqlite")
def _among_sqlite(element: among, compiler: Any, **more: Any) -> str:
    column, question = element.clauses
    return f"({compiler.process(column, **more)} IN {compiler.process(question, **more)})"


@compiles(among, "postgresql")
def _among_postgresql(element: among, compiler: Any, **more: Any) -> str:
    column, question = element.clauses
    return f"({compiler.process(column, **more)} = ANY (ARRAY{compiler.process(question, **more)}))"


class one_of(_Condition):  # noqa: N801 - it is written like an operator of SQL.
    """The condition that a column is one of the values that are filled in under a name: ``one_of(Order.id, "orders")``.

    On PostgreSQL they are one parameter, an array, so that the statement is the same text and the same plan however many
    they are, and short enough for the driver to remember how it is sent. SQLite has no arrays: each is a parameter.
    """

    inherit_cache = True
    name = "one_of"

    def __init__(self, column: Any, name: str) -> None:
        super().__init__(column, bindparam(name, expanding=True, type_=column.type))


@compiles(one_of, "sqlite")
def _one_of_sqlite(element: one_of, compiler: Any, **more: Any) -> str:
    column, values = element.clauses
    return str(compiler.process(column.in_(values), **more))


@compiles(one_of, "postgresql")
def _one_of_postgresql(element: one_of, compiler: Any, **more: Any) -> str:
    column, values = element.clauses
    array: Any = bindparam(values.key, type_=ARRAY(column.type))
    return f"{compiler.process(column, **more)} = ANY ({compiler.process(array, **more)})"


def instant(at: datetime) -> ColumnElement[datetime]:
    """A point in time to stand beside a column of such inside of ``coalesce`` and its like.

    The plain value would be sent with its zone, and PostgreSQL would read the column in the zone of its server.
    """
    return literal(at, UtcDateTime())
