"""Whole numbers of our own as tables, written out: to bind ten thousand of them costs more than to answer the question."""

from __future__ import annotations

from collections.abc import Iterable

from sqlalchemy import CTE, Integer, TextClause, column, select


class WrittenOut(TextClause):
    """A list of values as text, which no other question has: statements with it are not remembered."""

    inherit_cache = False


def written_numbers(numbers: Iterable[int]) -> CTE:
    """Row ids as a table of one column, ``id``; at least one."""
    rows = ",".join(f"({number:d})" for number in numbers)
    # Both databases name the columns of a bare list of values so.
    table = WrittenOut(f"VALUES {rows}").columns(column("column1", Integer)).cte("number")
    return select(table.c.column1.label("id")).cte("named")


def written_pairs(pairs: Iterable[tuple[int, int]]) -> CTE:
    """Pairs of institution and item as a table with institution_id and item_id, both row ids; at least one.

    The planner knows how many they are, and begins with them where they are few.
    """
    rows = ",".join(f"({institution_id:d},{item_id:d})" for institution_id, item_id in pairs)
    columns = column("column1", Integer), column("column2", Integer)
    table = WrittenOut(f"VALUES {rows}").columns(*columns).cte("value")
    return select(table.c.column1.label("institution_id"), table.c.column2.label("item_id")).cte("pair")
