"""Orders: what has changed since, one with its shipments, new ones, the distributor's answer."""

from __future__ import annotations

from datetime import datetime
from typing import Any

from clinic_orders.actions.alarms import report_no_distributor
from clinic_orders.actions.answering import (
    Answer,
    LineNotAnswered,
    LinesNotPossible,
    NoSuchLine,
    answer_order,
)
from clinic_orders.actions.direct_orders import OrderedLine, OrderNotPossible, place_order
from clinic_orders.actions.loading import NotFound
from clinic_orders.api.cursors import cursor, place_of
from clinic_orders.api.door import Asked, Reply, number, reads, stores
from clinic_orders.api.lines import at_lines, placed
from clinic_orders.exchange.api_shapes import (
    BATCH,
    NEW_ORDER,
    NEW_ORDERS,
    ORDER,
    ORDER_HEAD,
    ORDER_LINE,
    ORDERS,
    ORDERS_QUERY,
    RESPONSE,
    SHIPMENT,
)
from clinic_orders.exchange.schemas import filled
from clinic_orders.queries.changes import changed_orders, distributor_of_code, one_order, orders_of_numbers
from clinic_orders.queries.ordering import buyer
from clinic_orders.rules.api import FieldsWrong
from clinic_orders.rules.errors import N_, RuleBroken
from clinic_orders.rules.ordering import OrderStanding
from clinic_orders.rules.parties import Permission


def order_head(row: dict[str, Any]) -> dict[str, Any]:
    """An order with its lines."""
    return filled(ORDER_HEAD, row | {"lines": [filled(ORDER_LINE, line) for line in row["lines"]]})


def shipment_body(row: dict[str, Any]) -> dict[str, Any]:
    """A shipment with its batches."""
    return filled(SHIPMENT, row | {"lines": [filled(BATCH, line) for line in row["lines"]]})


def whole_order(row: dict[str, Any]) -> dict[str, Any]:
    """An order with its lines and shipments."""
    return filled(
        ORDER,
        row | order_head(row) | {"shipments": [shipment_body(one) for one in row["shipments"]]},
    )


@reads(
    "/orders",
    Permission.ORDERS_READ,
    N_("Orders, those first that have not changed for longest"),
    answer=ORDERS,
    query=ORDERS_QUERY,
)
def list_orders(asked: Asked) -> Reply:
    """The orders that the account may see, a page of them."""
    values = asked.values
    after = place_of(values["cursor"], datetime, int) if values["cursor"] else None
    rows = changed_orders(
        asked.actor,
        at=asked.at,
        since=values["updated_since"],
        status=OrderStanding(values["status"]) if values["status"] else None,
        after=None if after is None else (after[0], after[1]),
        limit=values["limit"] + 1,
    )
    page = rows[: values["limit"]]
    more = len(rows) > len(page)
    return Reply(
        {
            "data": [order_head(row) for row in page],
            "next": cursor(page[-1]["updated_at"], page[-1]["id"]) if more else None,
        }
    )


@reads(
    "/orders/{no}",
    Permission.ORDERS_READ,
    N_("One order with its shipments, batches and trace codes"),
    answer=ORDER,
    gives_version=True,
    refusals=frozenset({404}),
)
def show_order(asked: Asked, no: str) -> Reply:
    """One order."""
    row = one_order(number(no), asked.actor, at=asked.at)
    if row is None:
        raise NotFound(number=no)
    return Reply(whole_order(row), version=row["version"])


def _tell_of_gaps(asked: Asked, refused: RuleBroken) -> None:
    """Tell the county of what nobody delivers, as where an order is refused on a page (R-CAT-3)."""
    cause = refused.__cause__
    if isinstance(cause, OrderNotPossible) and cause.undelivered:
        report_no_distributor(cause.who, cause.undelivered, by=asked.actor, at=asked.at)


@stores(
    "/orders",
    Permission.ORDERS_PLACE,
    N_("Place an order: one for each distributor, all lines or none"),
    body=NEW_ORDER,
    answer=NEW_ORDERS,
    refusals=frozenset({404}),
    when_refused=_tell_of_gaps,
)
def place_orders(asked: Asked) -> Reply:
    """An order for the account's institution, or for one that it orders for."""
    values, own = asked.values, asked.actor.institution_id
    code = values["institution_code"]
    who = None if own is None else buyer(own, on=asked.on, code=code or None)
    if who is None:
        raise NotFound(number=code or asked.actor.org_name)
    lines, problems = [], {}
    for place, line in enumerate(values["lines"]):
        picked = None
        if line["distributor_code"]:
            picked = distributor_of_code(line["distributor_code"])
            if picked is None:
                problems[f"/lines/{place}/distributor_code"] = NotFound(number=line["distributor_code"])
        lines.append(OrderedLine(line["item_code"], line["packs"], line["duplicate_of"], picked))
    payer = "receiver"
    if values["paying_code"] not in ("", who.code):
        orderer = buyer(who.ordering_id, on=asked.on)
        payer = "orderer"
        if orderer is None or orderer.code != values["paying_code"]:
            problems["/paying_code"] = NotFound(number=values["paying_code"])
    if problems:
        raise FieldsWrong(problems)
    try:
        numbers = place_order(
            who,
            lines,
            key=asked.key,
            payer=payer,
            emergency=values["emergency"],
            emergency_reason=values["emergency_reason"],
            by=asked.actor,
            at=asked.at,
        )
    except OrderNotPossible as refused:
        raise at_lines(refused, range(len(lines))) from refused
    rows = orders_of_numbers(numbers, at=asked.at)
    return Reply({"orders": [order_head(row) for row in rows]}, 201)


@stores(
    "/orders/{no}/response",
    Permission.ORDERS_ANSWER,
    N_("Answer an order line by line, as its distributor"),
    body=RESPONSE,
    answer=ORDER,
    status=200,
    changes=True,
)
def answer(asked: Asked, no: str) -> Reply:
    """The answer to every line that is still ordered."""
    row = one_order(number(no), asked.actor, at=asked.at)
    if row is None:
        raise NotFound(number=no)
    line_nos = {line["item_code"]: line["line_no"] for line in row["lines"]}
    lines = asked.values["lines"]

    def unknown(line: dict[str, Any]) -> RuleBroken:
        return NoSuchLine(number=no, line=line["item_code"])

    found = placed(lines, lambda line: line_nos.get(line["item_code"]), unknown)
    answers = {
        line_no: Answer(line["confirmed_packs"], line["answer_reason"])
        for line_no, line in zip(found, lines, strict=True)
    }
    try:
        answer_order(no, answers, by=asked.actor, at=asked.at, seen_version=asked.seen_version)
    except LinesNotPossible as refused:
        raise at_lines(refused, found, left_out=LineNotAnswered) from refused
    return _order(asked, no)


def _order(asked: Asked, no: str) -> Reply:
    row = one_order(no, asked.actor, at=asked.at)
    assert row is not None
    return Reply(whole_order(row), version=row["version"])
