"""What the letters of the ladder are called on screen."""

from __future__ import annotations

from clinic_orders.rules.errors import N_
from clinic_orders.rules.letters import LetterKind
from clinic_orders.rules.paper_runs import PaperRunState
from clinic_orders.web.display import register_labels

register_labels(
    {
        LetterKind.REMINDER: N_("Letter of reminder"),
        LetterKind.INQUIRY: N_("Letter of inquiry"),
        LetterKind.BULLETIN: N_("Criticism made public"),
        LetterKind.INTERVIEW: N_("Notice of interview"),
        LetterKind.RECTIFICATION: N_("Notice of rectification"),
        LetterKind.PRIOR_NOTICE: N_("Notice before a decision"),
        LetterKind.SUSPENSION: N_("Decision of suspension"),
        LetterKind.CANCELLATION: N_("Decision of cancellation"),
        LetterKind.PROPOSAL: N_("Proposal on designated status"),
    }
)
register_labels(
    {
        PaperRunState.WAITING: N_("Waiting to be printed"),
        PaperRunState.PRINTING: N_("Being printed"),
        PaperRunState.DONE: N_("Printed"),
        PaperRunState.FAILED: N_("Broken off"),
        PaperRunState.CANCELLED: N_("Run cancelled"),
    }
)
