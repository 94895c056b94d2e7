"""Jobs about the audit: its sealing, and its head outside of the database."""

from __future__ import annotations

import logging
from datetime import date, datetime

from flask import current_app

from clinic_orders.actions import sealing
from clinic_orders.exchange.audit_heads import folder_of, keep_head, kept_heads
from clinic_orders.jobs.job import Outcome
from clinic_orders.models.base import reading_only
from clinic_orders.queries.audit_chain import head, lost_heads
from clinic_orders.rules.parties import SYSTEM

log = logging.getLogger(__name__)


def seal(_as_of: date, at: datetime, outcome: Outcome) -> None:
    """Bind the new entries of the audit into its chain."""
    outcome.changed = outcome.rows_read = sealing.seal_audit(by=SYSTEM, at=at)


def keep_audit_head(as_of: date, at: datetime, outcome: Outcome) -> None:
    """Seal, write the day's head outside, and look whether the chain still has all heads that were kept before."""
    folder = folder_of(current_app.extensions["settings"])
    sealing.seal_audit(by=SYSTEM, at=at)
    with reading_only():
        kept = list(kept_heads(folder)) if folder.is_dir() else []
        lost = lost_heads(kept)
        written = keep_head(folder, head(), day=as_of, at=at)
    outcome.rows_read, outcome.changed, outcome.failures = len(kept), int(written is not None), len(lost)
    for one in lost:
        log.error("the audit's chain has no more the head that was kept outside", extra={"head": str(one)})
