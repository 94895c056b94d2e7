"""Deeds on cases (R-CASE): ``opening`` · ``issuing`` · ``answering`` · ``deciding`` · ``reminding`` · ``suggesting``."""

from __future__ import annotations

from clinic_orders.actions.cases.answering import (
    NotTheLastLetter,
    ReceiptDayWrong,
    ReceiverMissing,
    answer_letter,
    extend_deadline,
    receive_letter,
    record_receipt,
)
from clinic_orders.actions.cases.deciding import (
    NoAppeal,
    RecheckInThePast,
    accept_answer,
    close_after_recheck,
    fail_recheck,
    uphold_appeal,
)
from clinic_orders.actions.cases.issuing import (
    FactsChanged,
    NothingOpen,
    answer_days,
    countersign_letter,
    issue_letter,
    kind_of,
    letter_draft,
    propose_letter,
    send_letter_back,
)
from clinic_orders.actions.cases.opening import (
    AboutNobody,
    InAnotherCase,
    LastFinding,
    NothingChosen,
    NotInThisCase,
    SeveralParties,
    add_findings,
    collect_case,
    open_case,
    remove_finding,
    withdraw_case,
)
from clinic_orders.actions.cases.reminding import remind_of_case
from clinic_orders.actions.cases.suggesting import noticed_level, suggested_draft, suggested_request

__all__ = [
    "AboutNobody",
    "FactsChanged",
    "InAnotherCase",
    "LastFinding",
    "NoAppeal",
    "NotInThisCase",
    "NotTheLastLetter",
    "NothingChosen",
    "NothingOpen",
    "ReceiptDayWrong",
    "ReceiverMissing",
    "RecheckInThePast",
    "SeveralParties",
    "accept_answer",
    "add_findings",
    "answer_days",
    "answer_letter",
    "close_after_recheck",
    "collect_case",
    "countersign_letter",
    "extend_deadline",
    "fail_recheck",
    "issue_letter",
    "kind_of",
    "letter_draft",
    "noticed_level",
    "open_case",
    "propose_letter",
    "receive_letter",
    "record_receipt",
    "remind_of_case",
    "remove_finding",
    "send_letter_back",
    "suggested_draft",
    "suggested_request",
    "uphold_appeal",
    "withdraw_case",
]
