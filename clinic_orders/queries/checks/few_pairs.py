"""A few pairs of institution and item as a table whose values are bound, so that a statement with them is made once.

Many pairs are written out (``written``): reading their list would then take longer than making a statement.
"""

from __future__ import annotations

import json
from collections.abc import Collection
from functools import cache
from typing import Any, Final

from sqlalchemy import ARRAY, FromClause, Integer, bindparam, column, func, text

Pair = tuple[int, int]

FEW: Final = 1_000
"""So many pairs are few."""

_COLUMNS: Final = ("institution_id", "item_id")


@cache
def few_pairs(dialect: str) -> FromClause:
    """The pairs of ``pair_values`` as a table with institution_id and item_id, both row ids.

    PostgreSQL takes two lists and knows how many they are, SQLite one text.
    """
    if dialect == "postgresql":
        lists = (bindparam(f"pair_{name}", type_=ARRAY(Integer)) for name in _COLUMNS)
        listed = func.unnest(*lists).table_valued(*(column(name, Integer) for name in _COLUMNS))
        return listed.render_derived(name="pair")
    values = ", ".join(f"json_extract(value, '$[{place}]') AS {name}" for place, name in enumerate(_COLUMNS))
    listed_pairs = text(f"SELECT {values} FROM json_each(:pairs)")  # noqa: S608 - of constants.
    return listed_pairs.columns(*(column(name, Integer) for name in _COLUMNS)).cte("pair")


def pair_values(pairs: Collection[Pair], dialect: str) -> dict[str, Any]:
    """What to bind for ``few_pairs``."""
    ordered = sorted(pairs)
    if dialect == "postgresql":
        return {f"pair_{name}": [pair[place] for pair in ordered] for place, name in enumerate(_COLUMNS)}
    return {"pairs": json.dumps(ordered)}
