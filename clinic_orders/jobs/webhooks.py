"""The job that forgets what webhooks were sent; the sending itself has a thread of its own (``exchange/webhook_sender``)."""

from __future__ import annotations

from datetime import date, datetime

from clinic_orders.actions import webhook_sending
from clinic_orders.jobs.job import Outcome
from clinic_orders.rules.parties import SYSTEM


def forget_webhooks(_as_of: date, at: datetime, outcome: Outcome) -> None:
    """Forget messages and attempts whose time is over."""
    outcome.changed = outcome.rows_read = webhook_sending.forget_webhooks(by=SYSTEM, at=at)
