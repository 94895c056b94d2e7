"""The stage board (R-STAT-5): reckoned by night, read as a list, with the papers behind every figure."""

from clinic_orders.queries.stages.behind import Paper, papers_behind
from clinic_orders.queries.stages.board import (
    SORTS,
    STAGES,
    BoardRow,
    BoardWanted,
    Cycle,
    ItemRow,
    board,
    by_county,
    cycles,
    find_row,
    item_rows,
)
from clinic_orders.queries.stages.reckoning import Reckoned, reckon_stages

__all__ = [
    "SORTS",
    "STAGES",
    "BoardRow",
    "BoardWanted",
    "Cycle",
    "ItemRow",
    "Paper",
    "Reckoned",
    "board",
    "by_county",
    "cycles",
    "find_row",
    "item_rows",
    "papers_behind",
    "reckon_stages",
]
