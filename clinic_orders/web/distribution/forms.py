"""What is typed into the distributor's forms: read, kept for the next try, and told apart by line."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import date

from werkzeug.datastructures import MultiDict

from clinic_orders.actions.answering import Answer
from clinic_orders.actions.shipping import ShipLine
from clinic_orders.models.orders import Order, OrderLine
from clinic_orders.rules.days import parse_day
from clinic_orders.rules.errors import N_, RuleBroken
from clinic_orders.rules.quantities import parse_packs
from clinic_orders.rules.tracing import parse_trace_codes

Form = Mapping[str, str]
MAX_ROWS = 1000


class ExpiryMissing(RuleBroken):
    """A batch without its last day."""

    message = N_("Write until when the batch is good.")


def seen_version(form: Form, name: str = "version") -> int | None:
    """The version of the record that the page showed; None if the field is no number."""
    typed = form.get(name, "")
    return int(typed) if typed.isascii() and typed.isdigit() else None


def coded_reason(form: Form, key: str) -> str:
    """The reason of two boxes: the code chosen, and the words behind "other"."""
    code, words = form.get(f"w-{key}", ""), form.get(f"t-{key}", "").strip()
    return f"{code}:{words}" if code == "other" and words else code


@dataclass(slots=True)
class TypedAnswer:
    """The answer to one order as typed; what could not be read stands in ``problems`` by line number."""

    answers: dict[int, Answer] = field(default_factory=dict)
    problems: dict[int, RuleBroken] = field(default_factory=dict)
    version: int | None = None


def read_answer(order: Order, form: Form) -> TypedAnswer:
    """Read the boxes ``c-<order>-<line>`` (packs), ``w-`` (reason) and ``t-`` (its words) of one order."""
    found = TypedAnswer(version=seen_version(form, f"v-{order.order_no}"))
    for line in order.lines:
        open_packs = line.quantities.to_answer
        if not open_packs:
            continue
        key = f"{order.order_no}-{line.line_no}"
        try:
            packs = parse_packs(form.get(f"c-{key}", ""), minimum=0, maximum=open_packs)
        except RuleBroken as refusal:
            found.problems[line.line_no] = refusal
        else:
            found.answers[line.line_no] = Answer(packs, coded_reason(form, key))
    return found


def typed_words(order: Order, form: Form, prefix: str = "c") -> list[tuple[str, str]]:
    """What was typed for an order, item by item, to be shown where the form itself can't be any more."""
    return [
        (line.item.generic_name, form[f"{prefix}-{order.order_no}-{line.line_no}"])
        for line in order.lines
        if form.get(f"{prefix}-{order.order_no}-{line.line_no}", "").strip()
    ]


def read_closing(lines: Sequence[OrderLine], form: Form) -> tuple[dict[int, int], dict[int, RuleBroken]]:
    """Read the boxes ``z-<line>``: the packs to close, and what could not be read."""
    packs: dict[int, int] = {}
    problems: dict[int, RuleBroken] = {}
    for line in lines:
        typed = form.get(f"z-{line.line_no}", "").strip()
        if typed in {"", "0"} or not line.quantities.to_ship:
            continue
        try:
            packs[line.line_no] = parse_packs(typed, maximum=line.quantities.to_ship)
        except RuleBroken as refusal:
            problems[line.line_no] = refusal
    return packs, problems


@dataclass(slots=True)
class BatchRow:
    """One row of the shipping form, exactly as typed."""

    line_no: int
    packs: str = ""
    batch_no: str = ""
    expiry: str = ""
    invoice_no: str = ""
    codes: str = ""
    problem: RuleBroken | None = None

    @property
    def is_empty(self) -> bool:
        """Whether the row asks for nothing to be shipped."""
        return self.packs.strip() in {"", "0"} and not (self.batch_no.strip() or self.codes.strip())


def fresh_rows(order: Order) -> list[BatchRow]:
    """One row a line with what is still to be shipped."""
    return [
        BatchRow(line.line_no, str(line.quantities.to_ship))
        for line in order.lines
        if line.quantities.to_ship
    ]


def read_rows(form: MultiDict[str, str]) -> list[BatchRow]:
    """The rows of the form in their order; fields of one name stand in the order of the rows."""
    columns = [form.getlist(name) for name in ("line", "packs", "batch_no", "expiry", "invoice_no", "codes")]
    rows = []
    for line_no, *typed in zip(*columns, strict=False):
        if line_no.isascii() and line_no.isdigit() and len(line_no) < 6:
            rows.append(BatchRow(int(line_no), *typed))
    return rows[:MAX_ROWS]


def with_another(rows: list[BatchRow], order: Order, line_no: int) -> list[BatchRow]:
    """The rows with one more batch for a line, prefilled with what the others leave to be shipped."""
    line = next((line for line in order.lines if line.line_no == line_no), None)
    if line is None:
        return rows
    taken = 0
    for row in rows:
        if row.line_no == line_no and row.packs.strip().isdigit():
            taken += int(row.packs)
    places = [place for place, row in enumerate(rows) if row.line_no == line_no]
    left = max(line.quantities.to_ship - taken, 0)
    invoice_no = rows[places[-1]].invoice_no if places else ""
    new = BatchRow(line_no, str(left) if left else "", invoice_no=invoice_no)
    at = places[-1] + 1 if places else len(rows)
    return [*rows[:at], new, *rows[at:]]


def _expiry(typed: str) -> date:
    if not typed.strip():
        raise ExpiryMissing
    return parse_day(typed)


def ship_lines(rows: Sequence[BatchRow]) -> tuple[list[ShipLine], list[BatchRow]]:
    """The rows that can be shipped, with the rows they came from; what can't be read is noted on its row."""
    lines: list[ShipLine] = []
    sources: list[BatchRow] = []
    for row in rows:
        if row.is_empty:
            continue
        try:
            lines.append(
                ShipLine(
                    line_no=row.line_no,
                    batch_no=row.batch_no,
                    packs=parse_packs(row.packs, maximum=999_999),
                    expiry_date=_expiry(row.expiry),
                    invoice_no=row.invoice_no,
                    codes=parse_trace_codes(row.codes),
                )
            )
            sources.append(row)
        except RuleBroken as refusal:
            row.problem = refusal
    return lines, sources
