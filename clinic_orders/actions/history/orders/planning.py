"""What rows of orders become: heads with their sums, lines, and the events that deeds would have written."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import date, datetime
from typing import Any, Final, cast

from sqlalchemy import Table

from clinic_orders.actions.bulk import (
    Stored,
    reserve_ids,
)
from clinic_orders.actions.history.orders.known import (
    HEAD,
    LINE,
    KnownOrder,
    columns_that_differ,
    plain,
    quantities,
)
from clinic_orders.actions.history.shared import (
    Change,
    Codes,
    Paper,
    Standings,
    distributor_names,
)
from clinic_orders.models.orders import EventKind, Order, OrderLine
from clinic_orders.rules.days import day_in_china
from clinic_orders.rules.money import line_amount, total
from clinic_orders.rules.ordering import (
    answer_due_at,
)
from clinic_orders.rules.parties import Actor, OrderMode
from clinic_orders.rules.policy import PolicyBook

ORDERS: Final = cast("Table", Order.__table__)


LINES: Final = cast("Table", OrderLine.__table__)


@dataclass(slots=True)
class Plan:
    """What is to be written."""

    heads: list[dict[str, Any]] = field(default_factory=list)
    lines: list[dict[str, Any]] = field(default_factory=list)
    events: list[dict[str, Any]] = field(default_factory=list)
    changed_heads: list[dict[str, Any]] = field(default_factory=list)
    changed_lines: list[dict[str, Any]] = field(default_factory=list)
    changes: list[Change] = field(default_factory=list)


class Deadlines:
    """Until when orders are to be answered; most orders of a day share one instant."""

    def __init__(self, book: PolicyBook) -> None:
        self._book = book
        self._of_day: dict[date, datetime] = {}

    def answer_due(self, submitted_at: datetime, *, emergency: bool) -> datetime:
        """Until when the distributor is to answer (R-ORD-6)."""
        day = day_in_china(submitted_at)
        if emergency or day not in self._of_day:
            due = answer_due_at(
                submitted_at,
                confirm_days=self._book.whole("order.confirm_days", on=day),
                emergency=emergency,
                emergency_hours=self._book.whole("order.emergency_hours", on=day),
            )
            if emergency:
                return due
            self._of_day[day] = due
        return self._of_day[day]


class Names:
    """Who is said to have done what the file tells: the organisations, since it names no person."""

    def __init__(self, codes: Codes) -> None:
        self._institutions = Standings(codes.institutions.values())
        self._distributors = distributor_names(codes.distributors.values())
        self._codes = codes

    def institution(self, code: str) -> str:
        """Its name now."""
        return self._institutions.name(self._codes.institutions[code])

    def distributor(self, code: str) -> str:
        """Its name now."""
        return self._distributors[self._codes.distributors[code]]


def _line_values(row: Mapping[str, Any]) -> dict[str, Any]:
    packs = quantities(row)
    return {
        "pack_price": row["pack_price"],
        "packs": row["packs"],
        "amount": line_amount(row["pack_price"], row["packs"]),
        "confirmed_packs": row["confirmed_packs"],
        "withdrawn_before": packs.withdrawn_before,
        "withdrawn_after": packs.withdrawn_after,
        "closed_packs": packs.closed,
    }


def _head_values(
    row: Mapping[str, Any], lines: Sequence[Mapping[str, Any]], codes: Codes, deadlines: Deadlines
) -> dict[str, Any]:
    """The head of an order, with the sums of all its lines."""
    answers = [line["confirmed_at"] for line in lines if line["confirmed_at"] is not None]
    return {
        "institution_id": codes.institutions[row["institution_code"]],
        "ordering_id": codes.institutions[row["ordering_code"]],
        "paying_id": codes.institutions[row["paying_code"]],
        "distributor_id": codes.distributors[row["distributor_code"]],
        "mode": OrderMode(row["mode"]),
        "channel": row["channel"],
        "emergency": row["emergency"],
        "emergency_reason": row["emergency_reason"],
        "submitted_at": row["submitted_at"],
        "answer_due_at": deadlines.answer_due(row["submitted_at"], emergency=row["emergency"]),
        "answered_at": min(answers, default=None),
        "lines_count": len(lines),
        "packs": sum(line["packs"] for line in lines),
        "amount": total(line_amount(line["pack_price"], line["packs"]) for line in lines),
    }


def _event(
    order_id: int, line_id: int | None, kind: EventKind, packs: int, reason: str, moment: datetime, name: str, at: datetime
) -> dict[str, Any]:  # fmt: skip
    return {
        "order_id": order_id,
        "line_id": line_id,
        "kind": kind,
        "packs": packs,
        "reason": reason,
        "at": moment,
        "user_id": None,
        "actor_name": name,
        "recorded_at": at,
    }


def _line_events(
    order_id: int, line_id: int, row: Mapping[str, Any], names: Names, at: datetime
) -> list[dict[str, Any]]:
    """The events of a line that the file tells, as the deeds would have written them."""
    packs = quantities(row)
    buyer, seller = names.institution(row["ordering_code"]), names.distributor(row["distributor_code"])
    events = []
    if packs.withdrawn_before:
        kind = EventKind.WITHDRAWN_BEFORE
        events.append(
            _event(order_id, line_id, kind, packs.withdrawn_before, "", row["withdrawn_at"], buyer, at)
        )
    if packs.confirmed is not None:
        kind = EventKind.ANSWERED
        events.append(_event(order_id, line_id, kind, packs.confirmed, "", row["confirmed_at"], seller, at))
    if packs.closed:
        reason, moment = row["closed_reason"], row["closed_at"]
        events.append(_event(order_id, line_id, EventKind.CLOSED, packs.closed, reason, moment, seller, at))
    if packs.withdrawn_after:
        kind, moment = EventKind.WITHDRAWN_AFTER, row["withdrawn_at"]
        events.append(_event(order_id, line_id, kind, packs.withdrawn_after, "", moment, buyer, at))
    return events


def _submitted(order_id: int, head: Mapping[str, Any], name: str, at: datetime) -> dict[str, Any]:
    return _event(
        order_id,
        None,
        EventKind.SUBMITTED,
        head["packs"],
        head["emergency_reason"],
        head["submitted_at"],
        name,
        at,
    )


def _facts(head: Mapping[str, Any]) -> dict[str, Any]:
    return {
        "lines": head["lines_count"],
        "packs": head["packs"],
        "amount": head["amount"],
        "mode": head["mode"].value,
        "emergency": head["emergency"],
    }


def ids_of_new_lines(orders: Mapping[str, Paper], known: Mapping[str, KnownOrder]) -> Iterator[int]:
    """A row id for every line that is not in the database."""
    count = sum(
        1
        for paper in orders.values()
        for _, row in paper.rows
        if paper.number not in known or row["item_code"] not in known[paper.number].rows
    )
    return iter(reserve_ids(LINES, count))


def plan_new(
    new: Sequence[Paper],
    codes: Codes,
    names: Names,
    deadlines: Deadlines,
    plan: Plan,
    line_ids: Iterator[int],
    *,
    at: datetime,
    batch_id: int | None,
    by: Actor,
) -> None:
    """Plan the orders that are not in the database yet."""
    order_ids = reserve_ids(ORDERS, len(new))
    for order_id, paper in zip(order_ids, new, strict=True):
        lines = [plain(row) for _, row in paper.rows]
        first = lines[0]
        head = _head_values(first, lines, codes, deadlines)
        plan.heads.append(
            head
            | {
                "id": order_id,
                "order_no": paper.number,
                "version": 1,
                "created_by_id": by.user_id,
                "import_batch_id": batch_id,
                "recorded_at": at,
                "updated_at": at,
            }
        )
        events = [_submitted(order_id, head, names.institution(first["ordering_code"]), at)]
        for line_no, ((_, given), row) in enumerate(zip(paper.rows, lines, strict=True), start=1):
            line_id = next(line_ids)
            plan.lines.append(
                _line_values(row)
                | {
                    "id": line_id,
                    "order_id": order_id,
                    "line_no": line_no,
                    "item_id": codes.items[given["item_code"]],
                }
            )
            events += _line_events(order_id, line_id, row, names, at)
        events.sort(key=lambda event: event["at"])
        plan.events += events
        plan.changes.append(
            Change(order_id, paper.number, head["institution_id"], head["distributor_id"], None, _facts(head))
        )


def plan_change(
    paper: Paper,
    known: KnownOrder,
    codes: Codes,
    names: Names,
    deadlines: Deadlines,
    plan: Plan,
    stored: Stored,
    line_ids: Iterator[int],
    *,
    at: datetime,
) -> None:
    """Bring a known order in step with its rows; what the file does not name stays."""
    first = plain(paper.first)
    head_differs = bool(columns_that_differ(first, known.head, HEAD))
    merged = {code: {**plain(row), **{column: first[column] for column in HEAD}} for code, row in known.rows.items()}  # fmt: skip
    changed: list[str] = []
    for _, given in paper.rows:
        code, row = given["item_code"], plain(given)
        old = known.rows.get(code)
        merged[code] = row
        if old is None:
            stored.created += 1
        elif head_differs or columns_that_differ(row, old, LINE):
            stored.updated += 1
        else:
            stored.unchanged += 1
            continue
        changed.append(code)
    if not changed:
        return
    head = _head_values(first, list(merged.values()), codes, deadlines)
    plan.changed_heads.append(head | {"id": known.id})
    # The events of the lines are written anew, in the names that now stand in the file.
    rewritten = list(merged) if head_differs else changed
    for code in rewritten:
        old = known.rows.get(code)
        if old is None:
            line_id = next(line_ids)
            known.last_line_no += 1
            plan.lines.append(
                _line_values(merged[code])
                | {
                    "id": line_id,
                    "order_id": known.id,
                    "line_no": known.last_line_no,
                    "item_id": codes.items[code],
                }
            )
        else:
            line_id = old["line_id"]
            plan.changed_lines.append(_line_values(merged[code]) | {"id": line_id})
        plan.events += _line_events(known.id, line_id, merged[code], names, at)
    plan.events.append(_submitted(known.id, head, names.institution(first["ordering_code"]), at))
    plan.changes.append(
        Change(
            known.id,
            paper.number,
            head["institution_id"],
            head["distributor_id"],
            {code: _shown(known.rows[code]) for code in changed if code in known.rows},
            {code: _shown(merged[code]) for code in changed},
        )
    )


def _shown(row: Mapping[str, Any]) -> dict[str, Any]:
    return {column: row[column] for column in LINE if row[column] not in (None, "")}
