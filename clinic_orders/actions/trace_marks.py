"""Keep how far the nightly search for clues on trace codes has looked (rules section 12)."""

from __future__ import annotations

from datetime import datetime
from typing import Final

from sqlalchemy import select

from clinic_orders.actions import audit
from clinic_orders.actions.transaction import transactional
from clinic_orders.models.base import db
from clinic_orders.models.trace_marks import TraceMark
from clinic_orders.queries.checks.trace_night import NewMark
from clinic_orders.rules.parties import Actor, Permission

_THE_ONE: Final = 1


@transactional
def keep_trace_mark(mark: NewMark, *, by: Actor, at: datetime) -> None:
    """Keep the mark of a night whose clues are stored; before that the next night must look again.

    Args:
        mark: as ``queries.checks.trace_night.tonight`` made it.
        by: the clock, or whoever runs the job.
        at: when; the mark itself says up to which instant was looked.

    """
    by.need(Permission.JOBS_RUN)
    kept = db.session.scalars(select(TraceMark).with_for_update()).one_or_none()
    before = {} if kept is None else {"as_of": kept.as_of}
    if kept is None:
        kept = TraceMark(id=_THE_ONE)
        db.session.add(kept)
    kept.as_of, kept.looked_at, kept.digest = mark.as_of, mark.looked_at, mark.digest
    kept.sale_line_id = mark.sale_line_id
    audit.record(
        "keep_trace_mark",
        by=by,
        at=at,
        subject_type="trace_mark",
        subject=mark.as_of.isoformat(),
        before=before,
        after={"as_of": mark.as_of},
    )
