"""Keep the stage board as it was reckoned, so that no page reckons it anew (R-STAT-5)."""

from __future__ import annotations

from collections.abc import Iterable
from datetime import date, datetime
from typing import Any, Final, cast

from sqlalchemy import Table, delete

from clinic_orders.actions import audit
from clinic_orders.actions.bulk import insert_rows
from clinic_orders.actions.transaction import transactional
from clinic_orders.models.base import db
from clinic_orders.models.stages import StageRow
from clinic_orders.queries.stages import Reckoned
from clinic_orders.rules.parties import Actor, Permission
from clinic_orders.rules.stages import ItemStages

_TABLE: Final = cast("Table", StageRow.__table__)


@transactional
def keep_stages(rows: Iterable[Reckoned], as_of: date, *, by: Actor, at: datetime) -> int:
    """Keep a board in place of the one before; answers how many lines it has.

    Args:
        rows: reckoned before the transaction began, so that nobody waits for it.
        as_of: the day they were reckoned for.
        by: the clock.
        at: the instant before the reckoning began.

    Raises:
        NotAllowed: by this role.

    """
    by.need(Permission.JOBS_RUN)
    kept = [_line(one, as_of, at) for one in rows]
    db.session.execute(delete(StageRow))
    insert_rows(_TABLE, kept)
    audit.record(
        "keep_stages",
        by=by,
        at=at,
        subject_type="stage_board",
        subject=as_of.isoformat(),
        after={"as_of": as_of},
    )
    return len(kept)


def _line(one: Reckoned, as_of: date, at: datetime) -> dict[str, Any]:
    found = one.stages
    return {
        "institution_id": one.institution_id,
        "cycle_start": one.first,
        "cycle_end": one.last,
        "items": found.items,
        "reported": found.reported,
        "agreed": found.agreed,
        "due": found.due,
        "ordered": found.ordered,
        "undelivered": found.undelivered,
        "counted": found.counted,
        "waiting": found.waiting,
        "waiting_late": found.waiting_late,
        "unpaid": found.unpaid,
        "overdue": found.overdue,
        "behind": found.behind,
        "grade": found.grade,
        "report": found.report,
        "stands": found.stands,
        "detail": [_item(item_id, stages, grade) for item_id, stages, grade in one.items],
        "as_of": as_of,
        "reckoned_at": at,
    }


def _item(item_id: int, one: ItemStages, grade: str | None) -> list[Any]:
    """An agreement in the order in which ``queries.stages.ItemRow`` reads it."""
    return [
        item_id,
        one.reported,
        one.state.agreed,
        one.due,
        one.ordered,
        one.undelivered,
        one.state.counted,
        one.waiting,
        one.waiting_late,
        one.unpaid,
        one.overdue,
        grade,
        one.stands.value,
    ]
