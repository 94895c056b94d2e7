"""Deeds on clues (R-TRACE-3): ``assigning`` · ``answering`` · ``deciding`` · ``transferring`` · ``reminding``."""

from __future__ import annotations

from clinic_orders.actions.clues.answering import answer_clue
from clinic_orders.actions.clues.assigning import (
    AssignedAlready,
    CityAssigns,
    NoClue,
    TeamMissing,
    answer_days,
    ask_self_check,
    assign_clue,
    reassign_clue,
)
from clinic_orders.actions.clues.deciding import (
    close_clue,
    dispose_clue,
    exclude_clue,
    judge_clue,
    record_check,
    take_back_verdict,
)
from clinic_orders.actions.clues.reminding import remind_of_clue
from clinic_orders.actions.clues.transferring import (
    NoClueChosen,
    ReceiverOfListMissing,
    TransferredAlready,
    transfer_clues,
)

__all__ = [
    "AssignedAlready",
    "CityAssigns",
    "NoClue",
    "NoClueChosen",
    "ReceiverOfListMissing",
    "TeamMissing",
    "TransferredAlready",
    "answer_clue",
    "answer_days",
    "ask_self_check",
    "assign_clue",
    "close_clue",
    "dispose_clue",
    "exclude_clue",
    "judge_clue",
    "reassign_clue",
    "record_check",
    "remind_of_clue",
    "take_back_verdict",
    "transfer_clues",
]
