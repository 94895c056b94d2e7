"""What a scanned code means: its item, and where the person has met it before (R-TRACE-1)."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from datetime import date
from enum import StrEnum

from sqlalchemy import Row, select

from clinic_orders.models.base import db
from clinic_orders.models.catalogue import Item
from clinic_orders.models.deliveries import Shipment, ShipmentCode, ShipmentLine
from clinic_orders.models.sales import SaleCode, SaleLine
from clinic_orders.models.tracing import ProductCode, TraceProduct
from clinic_orders.queries.roster import institutions_of
from clinic_orders.queries.visibility import shipments_visible_to
from clinic_orders.rules.days import day_in_china
from clinic_orders.rules.parties import Actor, Role
from clinic_orders.rules.scanning import Scan, ScanKind, read_scan
from clinic_orders.rules.tracing import TraceCodeNotUnderstood

_PREFIX_LENGTH = 7
# Of the shortest code, a 69-code of a small pack.
_FEWEST_DIGITS = 8


class Met(StrEnum):
    """What had been done with a code when it was met."""

    SHIPPED = "shipped"
    ACCEPTED = "accepted"
    REJECTED = "rejected"
    SOLD = "sold"
    TAKEN_BACK = "taken_back"


@dataclass(frozen=True, slots=True)
class Sighting:
    """One place where a code stands already: what was done, on which day, on which paper."""

    code: str
    met: Met
    on: date
    paper: str


def items_of(scans: Iterable[Scan]) -> dict[str, int]:
    """The ids of the items that codes mean, by code; codes that nobody has told us about are left out."""
    scans = list(scans)
    prefixes = {
        scan.code[:_PREFIX_LENGTH] for scan in scans if scan.kind is ScanKind.PACK and not scan.barcode
    }
    barcodes = {scan.barcode for scan in scans if scan.barcode}
    known: dict[str, int] = {}
    if prefixes:
        rows = db.session.execute(
            select(TraceProduct.prefix, TraceProduct.item_id).where(
                TraceProduct.prefix.in_(prefixes), TraceProduct.replaced_at.is_(None)
            )
        )
        known.update((prefix, item_id) for prefix, item_id in rows)
    if barcodes:
        rows = db.session.execute(
            select(ProductCode.barcode, ProductCode.item_id).where(
                ProductCode.barcode.in_(barcodes), ProductCode.replaced_at.is_(None)
            )
        )
        known.update((barcode, item_id) for barcode, item_id in rows)
    found = {scan.code: known.get(scan.barcode or scan.code[:_PREFIX_LENGTH]) for scan in scans}
    return {code: item_id for code, item_id in found.items() if item_id is not None}


def item_names(item_ids: Iterable[int]) -> dict[int, Row[int, str, str]]:
    """``id``, ``item_code`` and ``generic_name`` of some items, by id."""
    rows = db.session.execute(
        select(Item.id, Item.item_code, Item.generic_name).where(Item.id.in_(set(item_ids)))
    )
    return {row.id: row for row in rows}


def searched_item(query: str) -> int | None:
    """The id of the item whose pack was scanned into a search box; no statement where words were typed."""
    if sum(sign.isdigit() for sign in query) < _FEWEST_DIGITS:
        return None
    try:
        scan = read_scan(query)
    except TraceCodeNotUnderstood:
        return None
    return items_of([scan]).get(scan.code)


def sightings(
    codes: Sequence[str], by: Actor, *, on: date, besides: int | None = None
) -> dict[str, list[Sighting]]:
    """Where packs' codes stand on papers that the person may see, the latest first.

    Args:
        codes: in the form in which they are stored.
        by: who asks; only what they may see is told.
        on: the day of the question, for who looks after whom.
        besides: the shipment that is being worked on, which is left out.

    """
    found: dict[str, list[Sighting]] = {}
    if not codes:
        return found
    shipped = db.session.execute(
        select(
            ShipmentCode.code,
            ShipmentCode.accepted,
            Shipment.receipt_no,
            Shipment.shipped_at,
            Shipment.accepted_at,
        )
        .join(ShipmentLine, ShipmentLine.id == ShipmentCode.shipment_line_id)
        .join(Shipment, Shipment.id == ShipmentLine.shipment_id)
        .where(
            ShipmentCode.code.in_(codes),
            Shipment.voided_at.is_(None),
            Shipment.id != (besides or 0),
            shipments_visible_to(by, on),
        )
    )
    for row in shipped:
        met = {None: Met.SHIPPED, True: Met.ACCEPTED, False: Met.REJECTED}[row.accepted]
        # History from files may not say when goods were sent.
        instant = row.shipped_at if row.accepted is None else row.accepted_at
        instant = instant or row.accepted_at or row.shipped_at
        if instant is not None:
            found.setdefault(row.code, []).append(
                Sighting(row.code, met, day_in_china(instant), row.receipt_no)
            )
    if by.role is not Role.DISTRIBUTOR:
        sold = db.session.execute(
            select(SaleCode.code, SaleLine.sold_on, SaleLine.sale_no, SaleLine.base_units)
            .join(SaleLine, SaleLine.id == SaleCode.sale_line_id)
            .where(
                SaleCode.code.in_(codes),
                SaleLine.replaced_at.is_(None),
                institutions_of(by, SaleLine.institution_id, on),
            )
        )
        for line in sold:
            met = Met.SOLD if line.base_units > 0 else Met.TAKEN_BACK
            found.setdefault(line.code, []).append(Sighting(line.code, met, line.sold_on, line.sale_no))
    for seen in found.values():
        seen.sort(key=lambda one: (one.on, one.met), reverse=True)
    return found
