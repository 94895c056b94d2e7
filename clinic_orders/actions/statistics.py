"""Close a month: its figures are frozen and never change again (R-STAT-1)."""

from __future__ import annotations

import hashlib
import json
from datetime import datetime
from typing import Any

from clinic_orders.actions import audit
from clinic_orders.actions.transaction import transactional
from clinic_orders.models.base import db
from clinic_orders.models.statistics import ClosedMonth
from clinic_orders.queries.month_figures import month_figures
from clinic_orders.queries.statistics import closed_month
from clinic_orders.rules.closing import check_closing
from clinic_orders.rules.days import Month, day_in_china
from clinic_orders.rules.parties import Actor, Permission


def figures_hash(blocks: dict[str, Any], by_county: dict[str, Any]) -> str:
    """SHA-256, in hexadecimal, of frozen figures as JSON with sorted names and no spaces."""
    text = json.dumps([blocks, by_county], ensure_ascii=False, sort_keys=True, separators=(",", ":"))
    return hashlib.sha256(text.encode()).hexdigest()


@transactional
def close_month(month: Month, *, by: Actor, at: datetime) -> ClosedMonth:
    """Freeze the figures of a month as of its last day, with what is recorded by now as the cut-off.

    Args:
        month: a month that is over.
        by: who closes it.
        at: the cut-off instant.

    Raises:
        NotAllowed: by this role.
        MonthNotOver, MonthAlreadyClosed: see ``rules.closing``.

    """
    by.need(Permission.MONTH_CLOSE)
    check_closing(month, today=day_in_china(at), closed=closed_month(month) is not None)
    figures = month_figures(month)
    blocks = figures.blocks()
    by_county = {one["code"]: figures.blocks(one["code"]) for one in blocks["counties"]}
    closed = ClosedMonth(
        month=str(month),
        cut_off_at=at,
        blocks=blocks,
        by_county=by_county,
        sha256=figures_hash(blocks, by_county),
        closed_by_id=by.user_id,
        closed_by_name=by.name,
    )
    db.session.add(closed)
    db.session.flush()
    audit.record(
        "close_month",
        by=by,
        at=at,
        subject_type="closed_month",
        subject_id=closed.id,
        subject=str(month),
        after={"month": str(month), "sha256": closed.sha256},
    )
    return closed
