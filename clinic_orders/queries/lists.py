"""What every list asks alike: the words somebody searched for, and the order of its rows."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any, Final

from sqlalchemy import ColumnElement, false, or_

_MOST_WORDS: Final = 5


def stands_in(word: str, *columns: Any) -> ColumnElement[bool]:
    """The condition under which a word stands in one of the columns, in any case; of none, it does not.

    ``%`` and ``_`` in the word mean themselves.
    """
    return or_(false(), *(column.icontains(word, autoescape=True) for column in columns))


def with_words(
    words: str, *columns: Any, also: Callable[[str], ColumnElement[bool]] | None = None
) -> list[ColumnElement[bool]]:
    """The conditions under which each of the words stands in one of the columns, in any case.

    Args:
        words: what was typed, parted by blanks; more than five words narrow nothing further.
        columns: texts; ``%`` and ``_`` in the words mean themselves.
        also: under what else a word counts as found, such as in the lines of an order.

    """
    return [
        stands_in(word, *columns) if also is None else or_(stands_in(word, *columns), also(word))
        for word in words.split()[:_MOST_WORDS]
    ]


def in_order(sort: str, columns: Mapping[str, Any], *then: Any) -> list[ColumnElement[Any]]:
    """An order in which no two rows stand alike, down wholly or up wholly.

    Args:
        sort: a name of ``columns``, with ``-`` before it for the largest first.
        columns: by what can be sorted.
        then: what decides between rows that are alike.

    """
    chosen = (columns[sort.removeprefix("-")], *then)
    return [column.desc() if sort.startswith("-") else column.asc() for column in chosen]
