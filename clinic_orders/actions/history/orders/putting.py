"""The deed that takes orders from files."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime
from typing import Final, cast

from sqlalchemy import Table

from clinic_orders.actions.bulk import (
    NumberedRow,
    Problems,
    Stored,
    delete_rows,
    in_parts,
    insert_rows,
    update_rows,
)
from clinic_orders.actions.doubles import note_doubles
from clinic_orders.actions.history.orders.checking import PARTIES, SAME_AS, check_paper
from clinic_orders.actions.history.orders.known import HEAD, known_orders
from clinic_orders.actions.history.orders.planning import (
    LINES,
    ORDERS,
    Deadlines,
    Names,
    Plan,
    ids_of_new_lines,
    plan_change,
    plan_new,
)
from clinic_orders.actions.history.shared import (
    Codes,
    papers,
    touch_many,
    write_down,
)
from clinic_orders.actions.numbers import pass_over
from clinic_orders.actions.transaction import transactional
from clinic_orders.models.base import db
from clinic_orders.models.orders import EventKind, OrderEvent
from clinic_orders.queries.policy import policy_book
from clinic_orders.rules.parties import Actor, Permission

_EVENTS: Final = cast("Table", OrderEvent.__table__)


# What a file says of a line; the events that a changed file writes anew.
_OF_LINES: Final = (
    EventKind.ANSWERED,
    EventKind.CLOSED,
    EventKind.WITHDRAWN_BEFORE,
    EventKind.WITHDRAWN_AFTER,
)


@transactional
def put_orders(
    rows: Sequence[NumberedRow], *, by: Actor, at: datetime, batch_id: int | None = None
) -> Stored:
    """Add or change orders by number and item (formats.md kind ``orders``), all or none.

    A withdrawal before the answer's instant is one before the answer, any other one after it. Lines of a known
    order that the file leaves out stay. Names of organisations stand in the history where people would.

    Raises:
        RowsRefused: unknown codes, rows of one order that disagree, columns that do not fit each other, broken
            arithmetic (R-ORD-5), or a change to what people recorded here.
    """
    by.need(Permission.FILES_IMPORT)
    problems, stored, plan = Problems(), Stored(), Plan()
    orders = papers(rows, "order_no", HEAD, problems, SAME_AS)
    codes = Codes(
        institutions=(row[column] for _, row in rows for column in PARTIES[:3]),
        distributors=(row["distributor_code"] for _, row in rows),
        items=(row["item_code"] for _, row in rows),
    )
    known = known_orders(list(orders))
    for paper in orders.values():
        check_paper(paper, known.get(paper.number), codes, problems)
    problems.raise_if_any()
    names, deadlines = Names(codes), Deadlines(policy_book("order.confirm_days", "order.emergency_hours"))
    new = [paper for paper in orders.values() if paper.number not in known]
    line_ids = ids_of_new_lines(orders, known)
    plan_new(new, codes, names, deadlines, plan, line_ids, at=at, batch_id=batch_id, by=by)
    stored.created = sum(len(paper.rows) for paper in new)
    for paper in orders.values():
        if paper.number in known:
            plan_change(paper, known[paper.number], codes, names, deadlines, plan, stored, line_ids, at=at)
    _write(plan, at)
    note_doubles(plan.heads, at=at)
    pass_over(orders)
    write_down("put_orders", "order", plan.changes, by=by, at=at)
    return stored


def _write(plan: Plan, at: datetime) -> None:
    """The statements, few whatever the number of rows."""
    changed = [head["id"] for head in plan.changed_heads]
    line_ids = [line["id"] for line in plan.changed_lines]
    for part in in_parts(line_ids):
        delete_rows(_EVENTS, _EVENTS.c.line_id.in_(part) & _EVENTS.c.kind.in_(_OF_LINES))
    for part in in_parts(changed):
        delete_rows(_EVENTS, _EVENTS.c.order_id.in_(part) & (_EVENTS.c.kind == EventKind.SUBMITTED))
    update_rows(ORDERS, plan.changed_heads)
    touch_many(ORDERS, changed, at)
    update_rows(LINES, plan.changed_lines)
    for table, rows in ((ORDERS, plan.heads), (LINES, plan.lines), (_EVENTS, plan.events)):
        insert_rows(table, rows)
    db.session.expire_all()
