"""Keep how far the nightly check of selling prices has looked (rules section 12)."""

from __future__ import annotations

from datetime import datetime
from typing import Final

from sqlalchemy import delete, select

from clinic_orders.actions import audit
from clinic_orders.actions.transaction import transactional
from clinic_orders.models.base import db
from clinic_orders.models.price_marks import PriceInput, PriceMark
from clinic_orders.queries.checks.price_night import NewMark
from clinic_orders.rules.parties import Actor, Permission

_THE_ONE: Final = 1


@transactional
def keep_price_mark(mark: NewMark, *, by: Actor, at: datetime) -> None:
    """Keep the mark of a night whose findings are stored; before that the next night must look again.

    Args:
        mark: as ``queries.checks.price_night.tonight`` made it.
        by: the clock, or whoever runs the job.
        at: when; the mark itself says up to which instant was looked.

    """
    by.need(Permission.JOBS_RUN)
    kept = db.session.scalars(select(PriceMark).with_for_update()).one_or_none()
    before = {} if kept is None else {"as_of": kept.as_of}
    if kept is None:
        kept = PriceMark(id=_THE_ONE)
        db.session.add(kept)
    kept.as_of, kept.looked_at, kept.digest = mark.as_of, mark.looked_at, mark.digest
    kept.sale_line_id, kept.shelf_price_id = mark.sale_line_id, mark.shelf_price_id
    changed = sorted(mark.contents)
    for place in range(0, len(changed), 500):
        part = changed[place : place + 500]
        db.session.execute(delete(PriceInput).where(PriceInput.subject.in_(part)))
    db.session.add_all(
        PriceInput(subject=subject, content=content)
        for subject, content in sorted(mark.contents.items())
        if content is not None
    )
    audit.record(
        "keep_price_mark",
        by=by,
        at=at,
        subject_type="price_mark",
        subject=mark.as_of.isoformat(),
        before=before,
        after={"as_of": mark.as_of},
    )
