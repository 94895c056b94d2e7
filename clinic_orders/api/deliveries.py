"""Deliveries: goods shipped, goods received, goods that are to go back."""

from __future__ import annotations

from typing import Any

from clinic_orders.actions.answering import LinesNotPossible, NoSuchLine
from clinic_orders.actions.loading import NotFound
from clinic_orders.actions.receiving import LineAcceptance, NotOnShipment, accept_shipment
from clinic_orders.actions.returns import NoSuchBatch, ReturnedPacks, request_return
from clinic_orders.actions.shipping import ShipLine, ship
from clinic_orders.api.door import Asked, Reply, number, stores
from clinic_orders.api.lines import at_lines, placed
from clinic_orders.api.orders import shipment_body
from clinic_orders.exchange.api_shapes import NEW_RETURN, NEW_SHIPMENT, RECEIPT, RETURN, SHIPMENT
from clinic_orders.exchange.schemas import filled
from clinic_orders.queries.changes import one_order, one_shipment
from clinic_orders.rules.api import FieldsWrong
from clinic_orders.rules.errors import N_, RuleBroken
from clinic_orders.rules.ordering import ReturnState
from clinic_orders.rules.parties import Permission


@stores(
    "/orders/{no}/shipments",
    Permission.DELIVERIES_SHIP,
    N_("Ship goods of an answered order, in any number of batches"),
    body=NEW_SHIPMENT,
    answer=SHIPMENT,
    changes=True,
)
def ship_goods(asked: Asked, no: str) -> Reply:
    """A shipment; If-Match is the order's ETag."""
    row = one_order(number(no), asked.actor, at=asked.at)
    if row is None:
        raise NotFound(number=no)
    line_nos = {line["item_code"]: line["line_no"] for line in row["lines"]}
    lines = asked.values["lines"]
    problems: dict[str, RuleBroken] = {
        f"/lines/{place}/item_code": NoSuchLine(number=no, line=line["item_code"])
        for place, line in enumerate(lines)
        if line["item_code"] not in line_nos
    }
    if problems:
        raise FieldsWrong(problems)
    try:
        shipment = ship(
            no,
            [
                ShipLine(
                    line_nos[line["item_code"]],
                    line["batch_no"],
                    line["expiry_date"],
                    line["shipped_packs"],
                    line["invoice_no"],
                    line["trace_codes"],
                )
                for line in lines
            ],
            by=asked.actor,
            at=asked.at,
            seen_version=asked.seen_version,
            shipped_at=asked.values["shipped_at"],
        )
    except LinesNotPossible as refused:
        raise at_lines(refused, range(len(lines))) from refused
    return _shipment(asked, shipment.receipt_no, 201)


def _shipment(asked: Asked, receipt_no: str, status: int) -> Reply:
    row = one_shipment(receipt_no, asked.actor, at=asked.at)
    assert row is not None
    return Reply(shipment_body(row), status, version=row["version"])


def _batch_of(shipment: dict[str, Any], line: dict[str, Any]) -> int | None:
    """The shipment's line of an item and batch; without a batch the only one of the item."""
    found = [
        batch["id"]
        for batch in shipment["lines"]
        if batch["item_code"] == line["item_code"] and line["batch_no"] in ("", batch["batch_no"])
    ]
    return int(found[0]) if len(found) == 1 else None


@stores(
    "/shipments/{no}/receipt",
    Permission.DELIVERIES_ACCEPT,
    N_("Receive the goods of a shipment, batch by batch"),
    body=RECEIPT,
    answer=SHIPMENT,
    changes=True,
)
def receive_goods(asked: Asked, no: str) -> Reply:
    """The acceptance of every batch; If-Match is the shipment's version as an ETag."""
    row = one_shipment(number(no), asked.actor, at=asked.at)
    if row is None:
        raise NotFound(number=no)
    lines = asked.values["lines"]
    found = placed(lines, lambda line: _batch_of(row, line), lambda _line: NotOnShipment(number=no))
    accepted = {
        line_id: LineAcceptance(
            line["accepted_packs"],
            line["rejected_packs"] or 0,
            line["reject_reason"],
            line["short_expiry_reason"],
            line["trace_codes"],
        )
        for line_id, line in zip(found, lines, strict=True)
    }
    try:
        accept_shipment(no, accepted, by=asked.actor, at=asked.at, seen_version=asked.seen_version)
    except LinesNotPossible as refused:
        raise at_lines(refused, found) from refused
    return _shipment(asked, no, 201)


@stores(
    "/returns",
    Permission.DELIVERIES_ACCEPT,
    N_("Ask the distributor to take accepted packs back"),
    body=NEW_RETURN,
    answer=RETURN,
    refusals=frozenset({404}),
)
def ask_for_return(asked: Asked) -> Reply:
    """A request of a return; it counts from the day on which the distributor agrees."""
    receipt_no, lines = asked.values["receipt_no"], asked.values["lines"]
    row = one_shipment(receipt_no, asked.actor, at=asked.at)
    if row is None:
        raise NotFound(number=receipt_no)
    found = placed(lines, lambda line: _batch_of(row, line), lambda _line: NoSuchBatch(number=receipt_no))
    wanted = {
        line_id: ReturnedPacks(line["packs"], line["reason"], line["trace_codes"])
        for line_id, line in zip(found, lines, strict=True)
    }
    try:
        made = request_return(receipt_no, wanted, by=asked.actor, at=asked.at)
    except LinesNotPossible as refused:
        raise at_lines(refused, found) from refused
    body = filled(
        RETURN,
        {
            "return_no": made.return_no,
            "receipt_no": receipt_no,
            "state": ReturnState.REQUESTED,
            "packs": sum(line.packs for line in made.lines),
            "version": made.version,
        },
    )
    return Reply(body, 201, version=made.version)
