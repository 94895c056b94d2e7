"""The rows that an export writes, by kind of file (formats.md section 2), for whom may see them.

Every row has the names of its kind's columns; what a file can't say is put so that an import reads the same
quantities back (see ``order_rows``). Rows come in the order of their natural keys, a thousand at a time.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Sequence
from datetime import date, datetime
from itertools import islice
from typing import Any, Final

from sqlalchemy import ColumnElement, func, or_, select, true
from sqlalchemy.orm import aliased

from clinic_orders.models.base import db
from clinic_orders.models.catalogue import Edition, EditionItem, Item, Price
from clinic_orders.models.deliveries import (
    GoodsReturn,
    ReturnCode,
    ReturnLine,
    Shipment,
    ShipmentCode,
    ShipmentLine,
)
from clinic_orders.models.exchange import ImportBatch
from clinic_orders.models.orders import EventKind, Order, OrderEvent, OrderLine
from clinic_orders.models.payments import Payment
from clinic_orders.models.policy import PolicyValue
from clinic_orders.models.roster import (
    Commitment,
    DeliveryRelation,
    Distributor,
    Institution,
    InstitutionRecord,
    Mandate,
)
from clinic_orders.queries import reported
from clinic_orders.queries.clues.issued import issued_clue_rows
from clinic_orders.queries.lists import with_words
from clinic_orders.queries.roster import institutions_of
from clinic_orders.queries.streaming import PART, Row, stream
from clinic_orders.queries.visibility import (
    orders_visible_to,
    payments_visible_to,
    returns_visible_to,
    shipments_visible_to,
)
from clinic_orders.rules.parties import Actor, InstitutionKind, Role
from clinic_orders.rules.payments import PaymentFacts, counts_on

ALL_ITEMS: Final = "*"


def _catalogue(_actor: Actor, _on: date) -> Iterator[Row]:
    statement = select(
        Item.item_code, Item.generic_name, Item.form, Item.strength, Item.pack_size, Item.base_unit,
        Item.manufacturer, Item.batch, Item.approval_no, Item.nhsa_code, Item.variety, Item.group.label("group"),
        Item.suits, Item.ceiling_price, Item.supplies_here, Item.cold_chain,
    ).order_by(Item.item_code)  # fmt: skip
    for row in stream(statement):
        words = set(row["suits"].split(";"))
        row["suits"] = tuple(kind.value for kind in InstitutionKind if kind.value in words)
        yield row


def _prices(_actor: Actor, _on: date) -> Iterator[Row]:
    yield from stream(
        select(Item.item_code, Price.valid_from, Price.pack_price, Price.document_no)
        .join(Price.item)
        .order_by(Item.item_code, Price.valid_from)
    )


def _editions(_actor: Actor, _on: date) -> Iterator[Row]:
    yield from stream(
        select(Edition.edition, Edition.valid_from, Item.item_code)
        .join(EditionItem, EditionItem.edition_id == Edition.id)
        .join(Item, Item.id == EditionItem.item_id)
        .order_by(Edition.valid_from, Edition.edition, Item.item_code)
    )


def _policies(_actor: Actor, _on: date) -> Iterator[Row]:
    value = PolicyValue
    yield from stream(
        select(value.parameter, value.kind, value.scale, value.valid_from, value.value, value.document_no).order_by(
            value.parameter, value.kind, value.scale, value.valid_from
        )
    )  # fmt: skip


def _institutions(actor: Actor, on: date) -> Iterator[Row]:
    yield from institution_rows(institutions_of(actor, InstitutionRecord.institution_id, on))


def institution_rows(condition: ColumnElement[bool]) -> Iterator[Row]:
    """The rows of some institutions, with all their dated records; `condition` is one on ``InstitutionRecord``."""
    record = InstitutionRecord
    supervisor, headquarters, lead = aliased(Institution), aliased(Institution), aliased(Institution)
    yield from stream(
        select(
            Institution.code, record.valid_from, record.name, record.kind, record.county_code, record.township,
            record.village, supervisor.code.label("supervisor_code"), record.scale, record.speciality,
            record.remote, headquarters.code.label("headquarters_code"), lead.code.label("lead_hospital_code"),
            record.uscc, record.nhsa_code, record.joined_on, record.left_on, record.phone, record.address,
            record.lng, record.lat,
        )
        .join(Institution, Institution.id == record.institution_id)
        .outerjoin(supervisor, supervisor.id == record.supervisor_id)
        .outerjoin(headquarters, headquarters.id == record.headquarters_id)
        .outerjoin(lead, lead.id == record.lead_hospital_id)
        .where(condition)
        .order_by(Institution.code, record.valid_from)
    )  # fmt: skip


def _mandates(actor: Actor, on: date) -> Iterator[Row]:
    hospital = aliased(Institution)
    yield from stream(
        select(
            Institution.code.label("institution_code"),
            hospital.code.label("hospital_code"),
            Mandate.valid_from,
            Mandate.valid_to,
        )
        .join(Institution, Institution.id == Mandate.institution_id)
        .join(hospital, hospital.id == Mandate.hospital_id)
        .where(institutions_of(actor, Mandate.institution_id, on))
        .order_by(Institution.code, hospital.code, Mandate.valid_from)
    )


def _commitments(actor: Actor, on: date) -> Iterator[Row]:
    letter = Commitment
    yield from stream(
        select(
            Institution.code.label("institution_code"),
            letter.signed_on,
            letter.version,
            letter.markup_rate,
            letter.ends_on,
        )
        .join(Institution, Institution.id == letter.institution_id)
        .where(institutions_of(actor, letter.institution_id, on))
        .order_by(Institution.code, letter.signed_on)
    )


def _distributors(_actor: Actor, _on: date) -> Iterator[Row]:
    yield from stream(
        select(Distributor.code, Distributor.name, Distributor.uscc, Distributor.phone).order_by(
            Distributor.code
        )
    )


def relations_visible_to(actor: Actor, on: date) -> ColumnElement[bool]:
    """The condition that keeps the relations that the actor may see: a county those of itself and its institutions."""
    if actor.role is Role.COUNTY:
        return or_(
            DeliveryRelation.county_code == actor.county_code,
            institutions_of(actor, DeliveryRelation.institution_id, on),
        )
    return true()


def _relations(actor: Actor, on: date) -> Iterator[Row]:
    yield from relation_rows(relations_visible_to(actor, on))


def relation_rows(condition: ColumnElement[bool]) -> Iterator[Row]:
    """The rows of some relations; `condition` is one on ``DeliveryRelation``, ``Item`` or ``Distributor``."""
    relation = DeliveryRelation
    scope = func.coalesce(Institution.code, relation.county_code)
    item_code = func.coalesce(Item.item_code, ALL_ITEMS)
    statement = (
        select(
            scope.label("scope"),
            item_code.label("item_code"),
            Distributor.code.label("distributor_code"),
            relation.valid_from,
            relation.valid_to,
        )
        .join(Distributor, Distributor.id == relation.distributor_id)
        .outerjoin(Institution, Institution.id == relation.institution_id)
        .outerjoin(Item, Item.id == relation.item_id)
        .where(condition)
        .order_by(scope, item_code, relation.valid_from)
    )
    yield from stream(statement)


# Orders, receipts, returns: also what an import compares a file with. ------------------------------------


def _in_parts(values: Iterable[int]) -> Iterator[list[int]]:
    ordered = iter(values)
    while part := list(islice(ordered, PART)):
        yield part


def order_rows(order_ids: Iterable[int]) -> Iterator[Row]:
    """The rows of some orders, by order number and line; besides the columns ``order_id`` and ``line_id``.

    A file has one withdrawal and one closure a line. Several closures are summed, at the instant and with the
    reason of the last. Packs withdrawn both before and after the answer are written as confirmed and withdrawn
    after it, which leaves what was declined, what is to be shipped and all sums as they are.
    """
    for part in _in_parts(order_ids):
        yield from _order_part(part)


def _order_part(order_ids: Sequence[int]) -> Iterator[Row]:
    ordering, paying = aliased(Institution), aliased(Institution)
    statement = (
        select(
            Order.id.label("order_id"), OrderLine.id.label("line_id"), Order.order_no,
            Institution.code.label("institution_code"), ordering.code.label("ordering_code"),
            paying.code.label("paying_code"), Distributor.code.label("distributor_code"), Item.item_code,
            OrderLine.packs, OrderLine.pack_price, Order.submitted_at, Order.mode, Order.channel,
            Order.emergency, Order.emergency_reason, OrderLine.confirmed_packs, Order.answered_at,
            OrderLine.withdrawn_before, OrderLine.withdrawn_after, OrderLine.closed_packs.label("closed"),
        )
        .join(Order, Order.id == OrderLine.order_id)
        .join(Institution, Institution.id == Order.institution_id)
        .join(ordering, ordering.id == Order.ordering_id)
        .join(paying, paying.id == Order.paying_id)
        .join(Distributor, Distributor.id == Order.distributor_id)
        .join(Item, Item.id == OrderLine.item_id)
        .where(Order.id.in_(order_ids))
        .order_by(Order.order_no, OrderLine.line_no)
    )  # fmt: skip
    last = _last_events(order_ids)
    for row in db.session.execute(statement).mappings():
        yield _order_row(dict(row), last)


def _last_events(order_ids: Sequence[int]) -> dict[tuple[int, EventKind], tuple[datetime, str]]:
    """Instant and reason of the last event of each sort of every line."""
    event = OrderEvent
    kinds = (EventKind.ANSWERED, EventKind.CLOSED, EventKind.WITHDRAWN_BEFORE, EventKind.WITHDRAWN_AFTER)
    rows = db.session.execute(
        select(event.line_id, event.kind, event.at, event.reason)
        .where(event.order_id.in_(order_ids), event.line_id.is_not(None), event.kind.in_(kinds))
        .order_by(event.at, event.id)
    )
    return {(line_id, kind): (at, reason) for line_id, kind, at, reason in rows if line_id is not None}


def _order_row(row: Row, last: dict[tuple[int, EventKind], tuple[datetime, str]]) -> Row:
    line_id, nothing = row["line_id"], (None, "")
    answered_at = row.pop("answered_at")
    before, after, closed = row.pop("withdrawn_before"), row.pop("withdrawn_after"), row.pop("closed")
    if row["confirmed_packs"] is None:
        row["confirmed_at"] = None
    else:
        row["confirmed_at"] = last.get((line_id, EventKind.ANSWERED), nothing)[0] or answered_at
    row["closed_packs"] = closed or None
    closing = last.get((line_id, EventKind.CLOSED), nothing) if closed else nothing
    row["closed_at"], row["closed_reason"] = closing
    withdrawal = EventKind.WITHDRAWN_AFTER if after else EventKind.WITHDRAWN_BEFORE
    row["withdrawn_packs"] = before + after or None
    row["withdrawn_at"] = last.get((line_id, withdrawal), nothing)[0] if before + after else None
    if before and after:
        row["confirmed_packs"] += before
    return row


def receipt_rows(shipment_ids: Iterable[int]) -> Iterator[Row]:
    """The rows of some receipts by number, item and batch; besides ``shipment_id``, ``line_id``, ``order_line_id``.

    Of goods that were received the trace codes are those of the accepted packs, of goods under way all.
    """
    for part in _in_parts(shipment_ids):
        yield from _receipt_part(part)


def _receipt_part(shipment_ids: Sequence[int]) -> Iterator[Row]:
    line = ShipmentLine
    statement = (
        select(
            Shipment.id.label("shipment_id"), line.id.label("line_id"), line.order_line_id, Shipment.receipt_no,
            Order.order_no, Item.item_code, line.batch_no, line.shipped_packs, line.accepted_packs,
            line.rejected_packs, line.reject_reason, line.short_expiry_reason, line.expiry_date, line.invoice_no,
            Shipment.shipped_at, Shipment.delivered_at, Shipment.accepted_at, line.returned_packs,
        )
        .join(Shipment, Shipment.id == line.shipment_id)
        .join(Order, Order.id == Shipment.order_id)
        .join(OrderLine, OrderLine.id == line.order_line_id)
        .join(Item, Item.id == OrderLine.item_id)
        .where(Shipment.id.in_(shipment_ids))
        .order_by(Shipment.receipt_no, Item.item_code, line.batch_no)
    )  # fmt: skip
    codes: dict[int, list[str]] = {}
    for line_id, code in db.session.execute(
        select(ShipmentCode.shipment_line_id, ShipmentCode.code)
        .join(line, line.id == ShipmentCode.shipment_line_id)
        .join(Shipment, Shipment.id == line.shipment_id)
        .where(
            Shipment.id.in_(shipment_ids),
            or_(Shipment.accepted_at.is_(None), ShipmentCode.accepted.is_(True)),
        )
        .order_by(ShipmentCode.shipment_line_id, ShipmentCode.code)
    ):
        codes.setdefault(line_id, []).append(code)
    for row in db.session.execute(statement).mappings():
        yield {**row, "trace_codes": tuple(codes.get(row["line_id"], ()))}


def return_rows(return_ids: Iterable[int]) -> Iterator[Row]:
    """The rows of some returns by number, item and batch; besides ``return_id``, ``line_id``, ``shipment_line_id``."""
    for part in _in_parts(return_ids):
        yield from _return_part(part)


def _return_part(return_ids: Sequence[int]) -> Iterator[Row]:
    statement = (
        select(
            GoodsReturn.id.label("return_id"), ReturnLine.id.label("line_id"), ReturnLine.shipment_line_id,
            GoodsReturn.return_no, Shipment.receipt_no, Item.item_code, ShipmentLine.batch_no, ReturnLine.packs,
            GoodsReturn.agreed_at, ReturnLine.reason,
        )
        .join(GoodsReturn, GoodsReturn.id == ReturnLine.return_id)
        .join(Shipment, Shipment.id == GoodsReturn.shipment_id)
        .join(ShipmentLine, ShipmentLine.id == ReturnLine.shipment_line_id)
        .join(OrderLine, OrderLine.id == ShipmentLine.order_line_id)
        .join(Item, Item.id == OrderLine.item_id)
        .where(GoodsReturn.id.in_(return_ids))
        .order_by(GoodsReturn.return_no, Item.item_code, ShipmentLine.batch_no)
    )  # fmt: skip
    codes: dict[int, list[str]] = {}
    for line_id, code in db.session.execute(
        select(ReturnCode.return_line_id, ReturnCode.code)
        .join(ReturnLine, ReturnLine.id == ReturnCode.return_line_id)
        .where(ReturnLine.return_id.in_(return_ids))
        .order_by(ReturnCode.return_line_id, ReturnCode.code)
    ):
        codes.setdefault(line_id, []).append(code)
    for row in db.session.execute(statement).mappings():
        yield {**row, "trace_codes": tuple(codes.get(row["line_id"], ()))}


def _ids(column: Any, condition: ColumnElement[bool], order: Any) -> Iterator[int]:
    return (row["id"] for row in stream(select(column.label("id")).where(condition).order_by(order)))


def _orders(actor: Actor, on: date) -> Iterator[Row]:
    yield from order_rows(_ids(Order.id, orders_visible_to(actor, on), Order.order_no))


def _receipts(actor: Actor, on: date) -> Iterator[Row]:
    condition = shipments_visible_to(actor, on) & Shipment.voided_at.is_(None)
    yield from receipt_rows(_ids(Shipment.id, condition, Shipment.receipt_no))


def _returns(actor: Actor, on: date) -> Iterator[Row]:
    condition = returns_visible_to(actor, on) & GoodsReturn.agreed_at.is_not(None)
    yield from return_rows(_ids(GoodsReturn.id, condition, GoodsReturn.return_no))


def payment_rows(condition: ColumnElement[bool]) -> Iterator[Row]:
    """The rows of some payments by institution, distributor and number; besides ``id`` and what decides about them."""
    statement = (
        select(
            Payment.id, Institution.code.label("institution_code"), Distributor.code.label("distributor_code"),
            Payment.payment_no, Payment.amount, Payment.paid_on,
            func.coalesce(Shipment.receipt_no, "").label("receipt_no"), Payment.method, Payment.reference,
            Payment.entered_by_name.label("recorded_by"), Payment.paying_id, Payment.distributor_id,
            Payment.import_batch_id, Payment.confirmed_at, Payment.disputed_at, Payment.upheld_at,
            Payment.withdrawn_at, Payment.rejected_at,
        )
        .join(Institution, Institution.id == Payment.paying_id)
        .join(Distributor, Distributor.id == Payment.distributor_id)
        .outerjoin(Shipment, Shipment.id == Payment.shipment_id)
        .where(condition)
        .order_by(Institution.code, Distributor.code, Payment.payment_no)
    )  # fmt: skip
    yield from stream(statement)


def _payments(actor: Actor, on: date) -> Iterator[Row]:
    # A refund is no payment; whoever read it back as one would pay twice.
    for row in payment_rows(payments_visible_to(actor, on, members=True) & ~Payment.is_refund):
        names = ("confirmed_at", "disputed_at", "upheld_at", "withdrawn_at", "rejected_at")
        events = (row[name] for name in names)
        if counts_on(PaymentFacts(*events), on):
            yield row


_ROWS: Final[dict[str, Callable[[Actor, date], Iterator[Row]]]] = {
    "catalogue": _catalogue,
    "prices": _prices,
    "editions": _editions,
    "institutions": _institutions,
    "mandates": _mandates,
    "commitments": _commitments,
    "distributors": _distributors,
    "delivery-relations": _relations,
    "policies": _policies,
    "orders": _orders,
    "receipts": _receipts,
    "returns": _returns,
    "payments": _payments,
    "agreed-volumes": reported.agreed_volume_rows,
    "supply-problems": reported.supply_problem_rows,
    "sales": reported.sale_rows,
    "settlements": reported.settlement_rows,
    "stock-counts": reported.stock_count_rows,
    "shelf-prices": reported.shelf_price_rows,
    "other-purchases": reported.other_purchase_rows,
    "trace-products": reported.trace_product_rows,
    "product-codes": reported.product_code_rows,
    "designated-pharmacies": reported.designated_pharmacy_rows,
    "monitored-prices": reported.monitored_price_rows,
    "listed-products": reported.listed_product_rows,
    "issued-clues": issued_clue_rows,
}


def rows_of(kind: str, actor: Actor, on: date) -> Iterator[Row]:
    """The rows of a kind that the actor may see on a day: a county those of its institutions.

    Void shipments, returns that were not agreed, and payments that do not count are in no file.

    Raises:
        KeyError: there is no such kind, which is a bug of the caller.

    """
    return _ROWS[kind](actor, on)


# Imported files. -----------------------------------------------------------------------------------------

BATCH_SORTS: Final = {
    "at": ImportBatch.at,
    "kind": ImportBatch.kind,
    "filename": ImportBatch.filename,
    "rows": ImportBatch.rows,
    "by": ImportBatch.by_name,
}


def _batches(words: str, kind: str, state: str) -> list[ColumnElement[bool]]:
    conditions = with_words(words, ImportBatch.filename, ImportBatch.by_name)
    if kind:
        conditions.append(ImportBatch.kind == kind)
    if state == "undone":
        conditions.append(ImportBatch.undone_at.is_not(None))
    elif state:
        conditions.append(ImportBatch.undone_at.is_(None))
    return conditions


def count_batches(words: str, kind: str, state: str = "") -> int:
    """How many imported files have all the words in their name or their importer's, and are of a kind and a state.

    The state is ``undone`` or ``stands``; "" = any.
    """
    statement = select(func.count()).select_from(ImportBatch).where(*_batches(words, kind, state))
    return db.session.scalar(statement) or 0


def batches(
    words: str, kind: str, state: str = "", *, sort: str = "-at", offset: int = 0, limit: int | None = None
) -> Sequence[ImportBatch]:
    """Those files in an order of BATCH_SORTS (``-`` = downwards)."""
    column = BATCH_SORTS[sort.removeprefix("-")]
    order = column.desc() if sort.startswith("-") else column.asc()
    statement = (
        select(ImportBatch).where(*_batches(words, kind, state)).order_by(order, ImportBatch.id.desc())
    )
    return db.session.scalars(statement.offset(offset).limit(limit)).all()
