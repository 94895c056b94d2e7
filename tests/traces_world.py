"""Histories of packs as plain values: ``store`` writes them down, ``findings`` asks the plain rules code by code."""

from __future__ import annotations

import itertools
from dataclasses import dataclass, field, replace
from datetime import date, datetime, timedelta
from decimal import Decimal
from typing import Any

from sqlalchemy import delete, insert, select

from clinic_orders.actions.reported.sale_codes import SoldCode, store_codes
from clinic_orders.models.base import db
from clinic_orders.models.deliveries import (
    GoodsReturn,
    ReturnCode,
    ReturnLine,
    Shipment,
    ShipmentCode,
    ShipmentLine,
)
from clinic_orders.models.orders import Order, OrderEvent, OrderLine
from clinic_orders.models.roster import Distributor
from clinic_orders.models.sales import RepeatedCode, SaleCode, SaleLine
from clinic_orders.models.stock import StockCount
from clinic_orders.models.tracing import TraceProduct
from clinic_orders.rules.days import Month, day_in_china, start_of_day
from clinic_orders.rules.findings import Finding
from clinic_orders.rules.roster import Days, is_in_force
from clinic_orders.rules.stocking import Count, Movement
from clinic_orders.rules.trace_clues import (
    Arrival,
    CodedLine,
    CodeLife,
    SentBack,
    Terms,
    clues,
    is_excused,
    units_held,
)
from clinic_orders.rules.trace_gaps import days_below_zero, sold_beyond_stock, trace_missing, wants_code
from tests.files_world import NOW
from tests.prices_world import CODES, ITEMS, JOINED, PACK_SIZE, ids, put_states

_numbers = itertools.count(1)


@dataclass(frozen=True)
class Sold:
    """A sale line, or a customer's return."""

    institution: str
    item: str | None
    at: datetime
    units: int
    codes: tuple[str, ...] = ()

    @property
    def day(self) -> date:
        return day_in_china(self.at)


@dataclass(frozen=True)
class Received:
    """A receipt of one item; codes with False were on rejected packs."""

    institution: str
    item: str
    accepted_at: datetime | None
    packs: int
    codes: tuple[tuple[str, bool], ...] = ()
    delivered_at: datetime | None = None
    expiry: date = date(2030, 1, 1)


@dataclass(frozen=True)
class Back:
    """A return of some packs of a receipt, by the receipt's place in the history."""

    receipt: int
    agreed_at: datetime | None
    codes: tuple[str, ...] = ()
    packs: int = 1


@dataclass
class History:
    """All that judges trace codes."""

    products: dict[str, tuple[str, int]] = field(default_factory=dict)
    sales: list[Sold] = field(default_factory=list)
    receipts: list[Received] = field(default_factory=list)
    returns: list[Back] = field(default_factory=list)
    counts: list[tuple[str, str, date, int]] = field(default_factory=list)
    spells: dict[str, list[Days]] = field(default_factory=dict)

    def member(self, code: str, day: date) -> bool:
        return is_in_force(self.spells.get(code) or [Days(JOINED)], on=day)

    def findings(
        self, as_of: date, *, near_days: int = 30, full_from: date = date(2026, 1, 1)
    ) -> list[Finding]:
        """What the plain rules say as of a day."""
        return [*self._of_codes(as_of, near_days), *self._missing(as_of, full_from), *self._below(as_of)]

    def _of_codes(self, as_of: date, near_days: int) -> list[Finding]:
        lines = [
            CodedLine(
                one.institution,
                f"S{place:03}",
                "1",
                one.item,
                one.at,
                one.units,
                frozenset(one.codes),
                member=self.member(one.institution, one.day),
            )
            for place, one in enumerate(self.sales)
            if one.codes
        ]
        lines = [
            replace(line, excused=is_excused(line, self._uncoded(line.institution, line.item, as_of)))
            for line in lines
        ]
        codes = sorted({code for line in lines for code in line.codes})
        terms = Terms(
            as_of,
            near_days,
            holds={code: held for code in codes if (held := self._held(code, lines, as_of)) is not None},
            products={code: self.products[code[:7]][0] for code in codes if code[:7] in self.products},
        )
        return [one for code in codes for one in clues(self._life(code, lines), terms)]

    def _uncoded(self, code: str, item: str | None, as_of: date) -> list[date]:
        return [
            day_in_china(one.accepted_at)
            for one in self.receipts
            if (one.institution, one.item) == (code, item)
            and one.accepted_at is not None
            and day_in_china(one.accepted_at) <= as_of
            and sum(taken for _, taken in one.codes) < one.packs
        ]

    def _held(self, code: str, lines: list[CodedLine], as_of: date) -> int | None:
        known = self.products.get(code[:7])
        first = min(
            (one for one in lines if code in one.codes and one.is_sale and one.item and one.day <= as_of),
            key=lambda one: one.order,
            default=None,
        )
        return units_held(None if known is None else known[1], PACK_SIZE if first else None)

    def _life(self, code: str, lines: list[CodedLine]) -> CodeLife:
        arrivals = [
            Arrival(
                one.institution,
                f"R{place:03}",
                one.accepted_at,
                day_in_china(one.delivered_at or one.accepted_at),
                one.expiry,
            )
            for place, one in enumerate(self.receipts)
            if one.accepted_at is not None and (code, True) in one.codes
        ]
        returns = [
            SentBack(self.receipts[one.receipt].institution, one.agreed_at)
            for one in self.returns
            if one.agreed_at is not None and code in one.codes
        ]
        own = tuple(line for line in lines if code in line.codes)
        return CodeLife(code, own, tuple(arrivals), tuple(returns))

    def _missing(self, as_of: date, full_from: date) -> list[Finding]:
        found = []
        month = Month.of(as_of)
        traced = {item for item, _ in self.products.values()}
        for code, item in itertools.product(CODES, ITEMS):
            lines = [
                ("", "")
                for one in self.sales
                if (one.institution, one.item) == (code, item)
                and item in traced
                and month.first_day <= one.day <= as_of
                and self.member(code, one.day)
                and wants_code(one.units, pack_size=PACK_SIZE, day=one.day, full_from=full_from)
                and not one.codes
            ]
            found += [trace_missing(code, item, month, lines)]
        return [one for one in found if one]

    def _below(self, as_of: date) -> list[Finding]:
        found = []
        month = Month.of(as_of)
        for code, item in itertools.product(CODES, ITEMS):
            counts = [
                Count(day, units)
                for a, b, day, units in self.counts
                if (a, b) == (code, item) and day <= as_of
            ]
            moved = [
                Movement(one.day, -one.units)
                for one in self.sales
                if (one.institution, one.item) == (code, item)
            ]
            for one in self.receipts:
                if (one.institution, one.item) == (code, item) and one.accepted_at is not None:
                    moved.append(Movement(day_in_china(one.accepted_at), one.packs * PACK_SIZE))
            for back in self.returns:
                one = self.receipts[back.receipt]
                if (one.institution, one.item) == (code, item) and back.agreed_at is not None:
                    moved.append(Movement(day_in_china(back.agreed_at), -back.packs * PACK_SIZE))
            days = days_below_zero(counts, moved, first=month.first_day, last=as_of)
            found += [sold_beyond_stock(code, item, month, [day for day in days if self.member(code, day)])]
        return [one for one in found if one]

    def store(self) -> None:
        """Write everything as rows, in place of what was there."""
        clear_traces()
        institutions, items = ids()
        for prefix, (item, units) in self.products.items():
            db.session.execute(
                insert(TraceProduct).values(
                    prefix=prefix, item_id=items[item], base_units_per_code=units, recorded_at=NOW
                )
            )
        for code in CODES:
            put_states(code, None, self.spells.get(code))
        for place, sold in enumerate(self.sales):
            put_sold(sold, sale_no=f"S{place:03}")
        lines = [put_received(one, receipt_no=f"R{place:03}") for place, one in enumerate(self.receipts)]
        for back in self.returns:
            put_back(back, *lines[back.receipt])
        for code, item, day, units in self.counts:
            db.session.execute(
                insert(StockCount).values(
                    institution_id=institutions[code],
                    item_id=items[item],
                    counted_on=day,
                    base_units=units,
                    recorded_at=NOW,
                )
            )
        db.session.commit()


def clear_traces() -> None:
    """Take out all that the tests write."""
    for table in (
        ReturnCode,
        ReturnLine,
        GoodsReturn,
        ShipmentCode,
        ShipmentLine,
        Shipment,
        OrderEvent,
        OrderLine,
        Order,
        SaleCode,
        RepeatedCode,
        SaleLine,
        StockCount,
        TraceProduct,
    ):
        db.session.execute(delete(table))
    db.session.commit()


def _new(table: Any, **values: Any) -> int:
    return int(db.session.execute(insert(table).values(**values).returning(table.id)).scalar_one())


def put_sold(sold: Sold, *, sale_no: str, at: datetime = NOW) -> int:
    """A line of a sale with its codes."""
    institutions, items = ids()
    line_id = _new(
        SaleLine,
        institution_id=institutions[sold.institution],
        sale_no=sale_no,
        line_no="1",
        item_id=items[sold.item] if sold.item else None,
        other_product="" if sold.item else "维生素C",
        sold_at=sold.at,
        sold_on=sold.day,
        base_units=sold.units,
        amount=Decimal("1.00") if sold.units > 0 else Decimal("-1.00"),
        recorded_at=at,
    )
    store_codes(SoldCode(code, line_id, sold.day) for code in sold.codes)
    return line_id


def put_received(one: Received, *, receipt_no: str, at: datetime = NOW) -> tuple[int, int]:
    """An order of one item with its receipt; answers with the ids of the receipt and of its line."""
    institutions, items = ids()
    institution_id = institutions[one.institution]
    number = next(_numbers)
    sent = datetime(2025, 1, 2, tzinfo=NOW.tzinfo)
    parties = {
        "institution_id": institution_id,
        "paying_id": institution_id,
        "distributor_id": db.session.scalar(select(Distributor.id).where(Distributor.code == "D01")),
        "recorded_at": at,
        "updated_at": at,
    }
    order_id = _new(
        Order,
        order_no=f"T{number}",
        ordering_id=institution_id,
        mode="direct",
        submitted_at=sent,
        answer_due_at=sent,
        answered_at=sent,
        amount=Decimal(0),
        **parties,
    )
    rejected = sum(not taken for _, taken in one.codes)
    shipped = max(one.packs + rejected, 1)
    accepted = one.accepted_at is not None
    order_line_id = _new(
        OrderLine,
        order_id=order_id,
        line_no=1,
        item_id=items[one.item],
        pack_price=Decimal(1),
        packs=shipped,
        amount=Decimal(shipped),
        confirmed_packs=shipped,
        shipped_packs=shipped,
        accepted_packs=one.packs if accepted else 0,
        rejected_packs=shipped - one.packs if accepted else 0,
    )
    shipment_id = _new(
        Shipment,
        receipt_no=receipt_no,
        order_id=order_id,
        delivered_at=one.delivered_at,
        accepted_at=one.accepted_at,
        acceptance_day=day_in_china(one.accepted_at) if accepted else None,
        due_on=day_in_china(one.accepted_at) if accepted else None,
        owed=Decimal(0) if accepted else None,
        **parties,
    )
    line_id = _new(
        ShipmentLine,
        shipment_id=shipment_id,
        order_line_id=order_line_id,
        batch_no="B1",
        expiry_date=one.expiry,
        shipped_packs=shipped,
        accepted_packs=one.packs if accepted else None,
        rejected_packs=shipped - one.packs if accepted else None,
        reject_reason="damaged" if accepted and shipped > one.packs else "",
    )
    for code, taken in one.codes:
        db.session.execute(
            insert(ShipmentCode).values(
                shipment_line_id=line_id, code=code, accepted=taken if accepted else None
            )
        )
    return shipment_id, line_id


def put_back(back: Back, shipment_id: int, line_id: int, *, at: datetime = NOW) -> int:
    """A return of a receipt, agreed or still asked for."""
    shipment = db.session.execute(
        select(Shipment.institution_id, Shipment.distributor_id).where(Shipment.id == shipment_id)
    ).one()
    return_id = _new(
        GoodsReturn,
        return_no=f"Z{next(_numbers)}",
        shipment_id=shipment_id,
        institution_id=shipment.institution_id,
        distributor_id=shipment.distributor_id,
        requested_at=back.agreed_at or at,
        agreed_at=back.agreed_at,
        amount=Decimal(0) if back.agreed_at else None,
        recorded_at=at,
    )
    back_line_id = _new(
        ReturnLine,
        return_id=return_id,
        shipment_line_id=line_id,
        packs=back.packs,
        reason="quality",
    )
    for code in back.codes:
        db.session.execute(insert(ReturnCode).values(code=code, return_line_id=back_line_id))
    return return_id


def moment(day: date, hours: float) -> datetime:
    """An instant of a day in China."""
    return start_of_day(day) + timedelta(hours=hours)
