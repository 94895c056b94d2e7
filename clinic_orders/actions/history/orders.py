"""Orders from files, with their answers, closures and withdrawals (R-ORD-5, R-ORD-8)."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import date, datetime
from typing import Any, Final, cast

from sqlalchemy import Table, select

from clinic_orders.actions.bulk import (
    NumberedRow,
    Problems,
    Stored,
    delete_rows,
    in_parts,
    insert_rows,
    reserve_ids,
    update_rows,
)
from clinic_orders.actions.doubles import note_doubles
from clinic_orders.actions.history.shared import (
    Change,
    Codes,
    Paper,
    RecordedHere,
    Standings,
    TooEarly,
    check_code,
    check_pair,
    distributor_names,
    papers,
    touch_many,
    write_down,
)
from clinic_orders.actions.numbers import pass_over
from clinic_orders.actions.transaction import transactional
from clinic_orders.models.base import db
from clinic_orders.models.orders import EventKind, Order, OrderEvent, OrderLine
from clinic_orders.queries.files import order_rows
from clinic_orders.queries.policy import policy_book
from clinic_orders.rules.days import day_in_china
from clinic_orders.rules.errors import N_, RuleBroken
from clinic_orders.rules.money import line_amount, total
from clinic_orders.rules.ordering import (
    ConfirmedTooMany,
    LineQuantities,
    QuantitiesBroken,
    WithdrawnTooMany,
    answer_due_at,
    check_quantities,
)
from clinic_orders.rules.parties import Actor, OrderMode, Permission
from clinic_orders.rules.policy import PolicyBook

HEAD: Final = (
    "institution_code", "ordering_code", "paying_code", "distributor_code", "submitted_at", "mode", "channel",
    "emergency", "emergency_reason",
)  # fmt: skip
# Left empty, these are the institution itself; what is wrong with it is told once.
_SAME_AS: Final = {"ordering_code": "institution_code", "paying_code": "institution_code"}
_PARTIES: Final = ("institution_code", "ordering_code", "paying_code", "distributor_code")
_LINE: Final = (
    "packs", "pack_price", "confirmed_packs", "confirmed_at", "closed_packs", "closed_at", "closed_reason",
    "withdrawn_packs", "withdrawn_at",
)  # fmt: skip
_ORDERS: Final = cast("Table", Order.__table__)
_LINES: Final = cast("Table", OrderLine.__table__)
_EVENTS: Final = cast("Table", OrderEvent.__table__)
# What a file says of a line; the events that a changed file writes anew.
_OF_LINES: Final = (
    EventKind.ANSWERED,
    EventKind.CLOSED,
    EventKind.WITHDRAWN_BEFORE,
    EventKind.WITHDRAWN_AFTER,
)


class ClosedWithoutAnswer(RuleBroken):
    """Only what was confirmed can be closed short (R-ORD-7)."""

    message = N_("Packs can only be closed after an answer. Fill in confirmed_packs and confirmed_at too.")


class ShippedFixed(RuleBroken):
    """Goods rest on what a file would change."""

    message = N_("Goods of %(number)s were shipped already, so this stays %(kept)s.")


@dataclass(slots=True)
class _Known:
    """An order that is in the database, with its lines by item code."""

    id: int
    made_here: bool
    rows: dict[str, dict[str, Any]] = field(default_factory=dict)
    shipped: dict[str, LineQuantities] = field(default_factory=dict)
    last_line_no: int = 0

    @property
    def head(self) -> Mapping[str, Any]:
        return next(iter(self.rows.values()))


@dataclass(slots=True)
class _Plan:
    """What is to be written."""

    heads: list[dict[str, Any]] = field(default_factory=list)
    lines: list[dict[str, Any]] = field(default_factory=list)
    events: list[dict[str, Any]] = field(default_factory=list)
    changed_heads: list[dict[str, Any]] = field(default_factory=list)
    changed_lines: list[dict[str, Any]] = field(default_factory=list)
    changes: list[Change] = field(default_factory=list)


def plain(row: Mapping[str, Any]) -> dict[str, Any]:
    """A row with nothing said twice: 0 packs closed or withdrawn are none, and have no instant."""
    values = {column: row.get(column) for column in (*HEAD, *_LINE)}
    values["closed_reason"] = values["closed_reason"] or ""
    values["emergency_reason"] = values["emergency_reason"] or ""
    values["emergency"] = bool(values["emergency"])
    if not values["closed_packs"]:
        values["closed_packs"] = values["closed_at"] = None
        values["closed_reason"] = ""
    if not values["withdrawn_packs"]:
        values["withdrawn_packs"] = values["withdrawn_at"] = None
    return values


def quantities(row: Mapping[str, Any], kept: LineQuantities | None = None) -> LineQuantities:
    """The line's packs as the rules look at them; a withdrawal is before or after the answer by its instant.

    Args:
        row: made plain.
        kept: the same line in the database, for what was shipped, accepted and returned.

    """
    confirmed_at, withdrawn = row["confirmed_at"], row["withdrawn_packs"] or 0
    is_before = confirmed_at is None or (withdrawn and row["withdrawn_at"] < confirmed_at)
    kept = kept or LineQuantities(ordered=0)
    return LineQuantities(
        ordered=row["packs"],
        withdrawn_before=withdrawn if is_before else 0,
        confirmed=row["confirmed_packs"],
        withdrawn_after=0 if is_before else withdrawn,
        closed=row["closed_packs"] or 0,
        shipped=kept.shipped,
        accepted=kept.accepted,
        rejected=kept.rejected,
        returned=kept.returned,
    )


def _check_row(row: Mapping[str, Any], given: Mapping[str, Any], number: int, problems: Problems) -> bool:
    """Whether the columns of a row fit each other; its arithmetic comes later."""
    before = len(problems.found)
    answered = check_pair(given, number, problems, "confirmed_packs", "confirmed_at")
    for packs, instant in (("closed_packs", "closed_at"), ("withdrawn_packs", "withdrawn_at")):
        if given.get(packs) != 0:
            check_pair(given, number, problems, packs, instant)
    if len(problems.found) > before:
        return False
    if row["closed_packs"] and not answered:
        problems.add(number, "closed_packs", ClosedWithoutAnswer())
    for later, earlier in (
        ("confirmed_at", "submitted_at"),
        ("closed_at", "confirmed_at"),
        ("withdrawn_at", "submitted_at"),
    ):
        if row[later] is not None and row[earlier] is not None and row[later] < row[earlier]:
            problems.add(number, later, TooEarly(earlier=earlier))
    return len(problems.found) == before


def _check_arithmetic(
    row: Mapping[str, Any], kept: LineQuantities | None, number: int, problems: Problems
) -> None:
    """Hold a line to R-ORD-5."""
    try:
        check_quantities(quantities(row, kept))
    except WithdrawnTooMany as refusal:
        problems.add(number, "withdrawn_packs", refusal)
    except ConfirmedTooMany as refusal:
        problems.add(number, "confirmed_packs", refusal)
    except QuantitiesBroken as refusal:
        column = "closed_packs" if row["closed_packs"] else "withdrawn_packs"
        problems.add(number, column if row["confirmed_packs"] else "confirmed_packs", refusal)


def _known(order_nos: Sequence[str]) -> dict[str, _Known]:
    """The orders of a file that are in the database."""
    found: dict[str, _Known] = {}
    for part in in_parts(order_nos):
        for row in db.session.execute(
            select(Order.id, Order.order_no, Order.import_batch_id)
            .where(Order.order_no.in_(part))
            .with_for_update()
        ):
            found[row.order_no] = _Known(row.id, row.import_batch_id is None)
    by_id = {order.id: order for order in found.values()}
    for line in order_rows(by_id):
        by_id[line["order_id"]].rows[line["item_code"]] = line
    for ids in in_parts(by_id):
        for order_id in db.session.scalars(
            select(OrderEvent.order_id).where(OrderEvent.order_id.in_(ids), OrderEvent.user_id.is_not(None))
        ):
            by_id[order_id].made_here = True
    _add_quantities(by_id)
    return found


def _add_quantities(orders: Mapping[int, _Known]) -> None:
    """Give known orders the packs of their lines."""
    code_of = {row["line_id"]: code for order in orders.values() for code, row in order.rows.items()}
    line = OrderLine
    for part in in_parts(orders):
        for row in db.session.execute(
            select(
                line.id,
                line.order_id,
                line.line_no,
                line.shipped_packs,
                line.accepted_packs,
                line.rejected_packs,
                line.returned_packs,
            ).where(line.order_id.in_(part))
        ):
            order = orders[row.order_id]
            order.last_line_no = max(order.last_line_no, row.line_no)
            order.shipped[code_of[row.id]] = LineQuantities(
                ordered=0,
                shipped=row.shipped_packs,
                accepted=row.accepted_packs,
                rejected=row.rejected_packs,
                returned=row.returned_packs,
            )


def _columns_that_differ(row: Mapping[str, Any], old: Mapping[str, Any], columns: Sequence[str]) -> list[str]:
    return [column for column in columns if row[column] != old[column]]


class _Deadlines:
    """Until when orders are to be answered; most orders of a day share one instant."""

    def __init__(self, book: PolicyBook) -> None:
        self._book = book
        self._of_day: dict[date, datetime] = {}

    def answer_due(self, submitted_at: datetime, *, emergency: bool) -> datetime:
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


class _Names:
    """Who is said to have done what the file tells: the organisations, since it names no person."""

    def __init__(self, codes: Codes) -> None:
        self._institutions = Standings(codes.institutions.values())
        self._distributors = distributor_names(codes.distributors.values())
        self._codes = codes

    def institution(self, code: str) -> str:
        return self._institutions.name(self._codes.institutions[code])

    def distributor(self, code: str) -> str:
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
    row: Mapping[str, Any], lines: Sequence[Mapping[str, Any]], codes: Codes, deadlines: _Deadlines
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
    order_id: int, line_id: int, row: Mapping[str, Any], names: _Names, at: datetime
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
    problems, stored, plan = Problems(), Stored(), _Plan()
    orders = papers(rows, "order_no", HEAD, problems, _SAME_AS)
    codes = Codes(
        institutions=(row[column] for _, row in rows for column in _PARTIES[:3]),
        distributors=(row["distributor_code"] for _, row in rows),
        items=(row["item_code"] for _, row in rows),
    )
    known = _known(list(orders))
    for paper in orders.values():
        _check_paper(paper, known.get(paper.number), codes, problems)
    problems.raise_if_any()
    names, deadlines = _Names(codes), _Deadlines(policy_book("order.confirm_days", "order.emergency_hours"))
    new = [paper for paper in orders.values() if paper.number not in known]
    line_ids = _ids_of_new_lines(orders, known)
    _plan_new(new, codes, names, deadlines, plan, line_ids, at=at, batch_id=batch_id, by=by)
    stored.created = sum(len(paper.rows) for paper in new)
    for paper in orders.values():
        if paper.number in known:
            _plan_change(paper, known[paper.number], codes, names, deadlines, plan, stored, line_ids, at=at)
    _write(plan, at)
    note_doubles(plan.heads, at=at)
    pass_over(orders)
    write_down("put_orders", "order", plan.changes, by=by, at=at)
    return stored


def _check_paper(paper: Paper, known: _Known | None, codes: Codes, problems: Problems) -> None:
    """Everything that stands against the rows of one order."""
    for number, given in paper.rows:
        for column in _PARTIES[:3]:
            if column in _SAME_AS and given[column] == given["institution_code"]:
                continue
            check_code(codes.institutions, given, number, column, problems)
        check_code(codes.distributors, given, number, "distributor_code", problems)
        check_code(codes.items, given, number, "item_code", problems)
        row = plain(given)
        if not _check_row(row, given, number, problems):
            continue
        kept = None
        if known is not None:
            old = known.rows.get(given["item_code"])
            kept = known.shipped.get(given["item_code"])
            differs = _columns_that_differ(row, old or known.head, (*HEAD, *_LINE) if old else HEAD)
            if old is not None and not differs:
                continue
            if known.made_here:
                problems.add(number, differs[0] if old else "item_code", RecordedHere(number=paper.number))
                continue
            _check_shipped(paper.number, differs, known, kept, number, problems)
        _check_arithmetic(row, kept, number, problems)


def _check_shipped(
    order_no: str,
    differs: Sequence[str],
    known: _Known,
    kept: LineQuantities | None,
    number: int,
    problems: Problems,
) -> None:
    """Refuse to change parties of an order, or the price of a line, of which goods were shipped."""
    if any(line.shipped for line in known.shipped.values()):
        for column in _PARTIES:
            if column in differs:
                problems.add(number, column, ShippedFixed(number=order_no, kept=known.head[column]))
    if kept is not None and kept.shipped and "pack_price" in differs:
        price = next(row for code, row in known.rows.items() if known.shipped[code] is kept)["pack_price"]
        problems.add(number, "pack_price", ShippedFixed(number=order_no, kept=price))


def _ids_of_new_lines(orders: Mapping[str, Paper], known: Mapping[str, _Known]) -> Iterator[int]:
    """A row id for every line that is not in the database."""
    count = sum(
        1
        for paper in orders.values()
        for _, row in paper.rows
        if paper.number not in known or row["item_code"] not in known[paper.number].rows
    )
    return iter(reserve_ids(_LINES, count))


def _plan_new(
    new: Sequence[Paper],
    codes: Codes,
    names: _Names,
    deadlines: _Deadlines,
    plan: _Plan,
    line_ids: Iterator[int],
    *,
    at: datetime,
    batch_id: int | None,
    by: Actor,
) -> None:
    order_ids = reserve_ids(_ORDERS, len(new))
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


def _plan_change(
    paper: Paper,
    known: _Known,
    codes: Codes,
    names: _Names,
    deadlines: _Deadlines,
    plan: _Plan,
    stored: Stored,
    line_ids: Iterator[int],
    *,
    at: datetime,
) -> None:
    """Bring a known order in step with its rows; what the file does not name stays."""
    first = plain(paper.first)
    head_differs = bool(_columns_that_differ(first, known.head, HEAD))
    merged = {code: {**plain(row), **{column: first[column] for column in HEAD}} for code, row in known.rows.items()}  # fmt: skip
    changed: list[str] = []
    for _, given in paper.rows:
        code, row = given["item_code"], plain(given)
        old = known.rows.get(code)
        merged[code] = row
        if old is None:
            stored.created += 1
        elif head_differs or _columns_that_differ(row, old, _LINE):
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
    return {column: row[column] for column in _LINE if row[column] not in (None, "")}


def _write(plan: _Plan, at: datetime) -> None:
    """The statements, few whatever the number of rows."""
    changed = [head["id"] for head in plan.changed_heads]
    line_ids = [line["id"] for line in plan.changed_lines]
    for part in in_parts(line_ids):
        delete_rows(_EVENTS, _EVENTS.c.line_id.in_(part) & _EVENTS.c.kind.in_(_OF_LINES))
    for part in in_parts(changed):
        delete_rows(_EVENTS, _EVENTS.c.order_id.in_(part) & (_EVENTS.c.kind == EventKind.SUBMITTED))
    update_rows(_ORDERS, plan.changed_heads)
    touch_many(_ORDERS, changed, at)
    update_rows(_LINES, plan.changed_lines)
    for table, rows in ((_ORDERS, plan.heads), (_LINES, plan.lines), (_EVENTS, plan.events)):
        insert_rows(table, rows)
    db.session.expire_all()
