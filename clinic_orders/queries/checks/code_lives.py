"""What is known of trace codes, read for many of them at a time, as the plain rules of ``rules.trace_clues`` take it."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Collection, Iterable, Iterator, Mapping, Sequence
from dataclasses import replace
from datetime import date
from functools import cached_property
from typing import Any, Final, NamedTuple

from sqlalchemy import Integer, Select, and_, column, func, select, values

from clinic_orders.models.base import db
from clinic_orders.models.catalogue import Item
from clinic_orders.models.deliveries import (
    GoodsReturn,
    ReturnCode,
    ReturnLine,
    Shipment,
    ShipmentCode,
    ShipmentLine,
)
from clinic_orders.models.expressions import china_day
from clinic_orders.models.orders import OrderLine
from clinic_orders.models.roster import Institution
from clinic_orders.models.sales import SaleCode, SaleLine
from clinic_orders.models.tracing import TraceProduct
from clinic_orders.queries.checks.membership import was_member
from clinic_orders.queries.doubles import counts_once
from clinic_orders.rules.days import day_in_china, end_of_day
from clinic_orders.rules.trace_clues import (
    Arrival,
    CodedLine,
    CodeLife,
    SentBack,
    Terms,
    is_excused,
    units_held,
)

PREFIX: Final = 7
_CODES_AT_ONCE: Final = 500


class Product(NamedTuple):
    """What a prefix says (R-TRACE-1)."""

    item_id: int
    item: str
    base_units: int


def delivered_day() -> Any:
    """The day of delivery of a receipt; goods whose delivery nobody noted were delivered when they were accepted."""
    return china_day(func.coalesce(Shipment.delivered_at, Shipment.accepted_at))


Pair = tuple[int, int]
"""Ids of an institution and an item."""


def _first_uncoded(pairs: Collection[Pair], as_of: date) -> Select[int, int, date]:
    """Of pairs: institution_id, item_id, the first day on which a line was accepted with fewer codes than packs.

    The answer is asked pair by pair from the first acceptance on: where goods come without codes, mostly the first ones
    did already.
    """
    known = values(column("institution_id", Integer), column("item_id", Integer), name="pair")
    pair = known.data(sorted(pairs)).cte("pair")
    taken = (
        select(func.count())
        .where(ShipmentCode.shipment_line_id == ShipmentLine.id, ShipmentCode.accepted.is_(True))
        .scalar_subquery()
    )
    first = (
        select(china_day(Shipment.accepted_at))
        .select_from(Shipment)
        .join(OrderLine, OrderLine.order_id == Shipment.order_id)
        .join(
            ShipmentLine,
            and_(ShipmentLine.order_line_id == OrderLine.id, ShipmentLine.shipment_id == Shipment.id),
        )
        .where(
            Shipment.institution_id == pair.c.institution_id,
            OrderLine.item_id == pair.c.item_id,
            Shipment.accepted_at < end_of_day(as_of),
            ShipmentLine.accepted_packs > 0,
            counts_once(Shipment.order_id),
            taken < ShipmentLine.accepted_packs,
        )
        .order_by(Shipment.accepted_at)
        .limit(1)
        .correlate(pair)
        .scalar_subquery()
    )
    return select(pair.c.institution_id, pair.c.item_id, first)


class CodeBook:
    """Answers what is known of codes as of a day; what is needed again and again is read once.

    Args:
        as_of: the day D; what is dated later is left out.

    """

    def __init__(self, as_of: date) -> None:
        self.as_of = as_of
        self._uncoded: dict[Pair, date | None] = {}

    @cached_property
    def products(self) -> Mapping[str, Product]:
        """The trace products by prefix."""
        return {
            prefix: Product(item_id, item, units)
            for prefix, item_id, item, units in db.session.connection().execute(
                select(
                    TraceProduct.prefix,
                    TraceProduct.item_id,
                    Item.item_code,
                    TraceProduct.base_units_per_code,
                )
                .join(Item, Item.id == TraceProduct.item_id)
                .where(TraceProduct.replaced_at.is_(None))
            )
        }

    def lives(self, codes: Iterable[str]) -> Iterator[tuple[CodeLife, Terms]]:
        """The lives of some codes, each with what it is judged by but the policy, some hundred at a time."""
        held: list[str] = []
        for code in codes:
            held.append(code)
            if len(held) >= _CODES_AT_ONCE:
                yield from self._part(held)
                held = []
        if held:
            yield from self._part(held)

    def _part(self, codes: Sequence[str]) -> Iterator[tuple[CodeLife, Terms]]:
        arrivals, returns = self._arrivals(codes), self._returns(codes)
        lines = self._lines(codes, arrivals)
        together = {code for own in lines.values() for line in own for code in line.codes}
        holds = self.units_held(together)
        for code in codes:
            prefix = self.products.get(code[:PREFIX])
            terms = Terms(self.as_of, 0, holds=holds, products={} if prefix is None else {code: prefix.item})
            life = CodeLife(
                code,
                tuple(lines.get(code, ())),
                tuple(arrivals.get(code, ())),
                tuple(returns.get(code, ())),
            )
            yield life, terms

    def units_held(self, codes: Collection[str]) -> dict[str, int]:
        """How many base units codes hold, where anybody can say (R-TRACE-1)."""
        unknown = [code for code in codes if code[:PREFIX] not in self.products]
        first = self._first_pack_sizes(unknown)
        found = {}
        for code in codes:
            product = self.products.get(code[:PREFIX])
            units = units_held(None if product is None else product.base_units, first.get(code))
            if units is not None:
                found[code] = units
        return found

    def _first_pack_sizes(self, codes: Sequence[str]) -> dict[str, int]:
        """The pack size of the item on the first sale line of each code."""
        line = SaleLine
        found: dict[str, int] = {}
        for part in _in_parts(codes):
            place = func.row_number().over(
                partition_by=SaleCode.code,
                order_by=(line.sold_at, Institution.code, line.sale_no, line.line_no),
            )
            ordered = (
                select(SaleCode.code, Item.pack_size, place.label("place"))
                .join(line, line.id == SaleCode.sale_line_id)
                .join(Item, Item.id == line.item_id)
                .join(Institution, Institution.id == line.institution_id)
                .where(
                    SaleCode.code.in_(part),
                    line.replaced_at.is_(None),
                    line.base_units > 0,
                    line.sold_on <= self.as_of,
                )
                .subquery()
            )
            statement = select(ordered.c.code, ordered.c.pack_size).where(ordered.c.place == 1)
            found.update((code, size) for code, size in db.session.connection().execute(statement))
        return found

    def _lines(
        self, codes: Sequence[str], arrivals: Mapping[str, Sequence[Arrival]]
    ) -> dict[str, list[CodedLine]]:
        line = SaleLine
        statement = (
            select(
                SaleCode.code,
                line.id,
                line.institution_id,
                Institution.code.label("institution"),
                line.sale_no,
                line.line_no,
                line.item_id,
                Item.item_code,
                line.sold_at,
                line.base_units,
                was_member(line.institution_id, line.sold_on).label("member"),
            )
            .join(line, line.id == SaleCode.sale_line_id)
            .join(Institution, Institution.id == line.institution_id)
            .outerjoin(Item, Item.id == line.item_id)
            .where(SaleCode.code.in_(codes), line.replaced_at.is_(None), line.sold_on <= self.as_of)
            .order_by(SaleCode.code, line.sold_at, line.id)
        )
        rows = db.session.connection().execute(statement).all()
        together = self._codes_of({row.id for row in rows})
        # Only a pack that never came there by its code needs the excuse that its code was not taken.
        came = {(code, one.institution) for code, own in arrivals.items() for one in own}
        unseen = {
            (row.institution_id, row.item_id)
            for row in rows
            if row.item_id is not None and (row.code, row.institution) not in came
        }
        uncoded = self.first_uncoded(unseen)
        found: dict[str, list[CodedLine]] = defaultdict(list)
        for row in rows:
            known = CodedLine(
                row.institution,
                row.sale_no,
                row.line_no,
                row.item_code,
                row.sold_at,
                row.base_units,
                frozenset(together[row.id]),
                member=bool(row.member),
            )
            first = uncoded.get((row.institution_id, row.item_id))
            if first is not None and is_excused(known, [first]):
                known = replace(known, excused=True)
            found[row.code].append(known)
        return found

    def _codes_of(self, line_ids: Collection[int]) -> dict[int, list[str]]:
        found: dict[int, list[str]] = defaultdict(list)
        for part in _in_parts(sorted(line_ids)):
            statement = select(SaleCode.sale_line_id, SaleCode.code).where(SaleCode.sale_line_id.in_(part))
            for line_id, code in db.session.connection().execute(statement):
                found[line_id].append(code)
        return found

    def first_uncoded(self, pairs: Collection[Pair]) -> Mapping[Pair, date | None]:
        """The first day on which goods of an item came to an institution without all of their codes; None = never.

        Args:
            pairs: what is asked; the answer may hold more.

        """
        unknown = sorted(set(pairs) - self._uncoded.keys())
        for part in _in_parts(unknown):
            for institution_id, item_id, day in db.session.connection().execute(
                _first_uncoded(part, self.as_of)
            ):
                self._uncoded[institution_id, item_id] = day
        return self._uncoded

    def _arrivals(self, codes: Sequence[str]) -> dict[str, list[Arrival]]:
        statement = (
            select(
                ShipmentCode.code,
                Institution.code.label("institution"),
                Shipment.receipt_no,
                Shipment.accepted_at,
                Shipment.delivered_at,
                ShipmentLine.expiry_date,
            )
            .join(ShipmentLine, ShipmentLine.id == ShipmentCode.shipment_line_id)
            .join(Shipment, Shipment.id == ShipmentLine.shipment_id)
            .join(Institution, Institution.id == Shipment.institution_id)
            .where(
                ShipmentCode.code.in_(codes),
                ShipmentCode.accepted.is_(True),
                Shipment.accepted_at < end_of_day(self.as_of),
            )
        )
        found: dict[str, list[Arrival]] = defaultdict(list)
        for row in db.session.connection().execute(statement):
            day = day_in_china(row.delivered_at or row.accepted_at)
            found[row.code].append(
                Arrival(row.institution, row.receipt_no, row.accepted_at, day, row.expiry_date)
            )
        return found

    def _returns(self, codes: Sequence[str]) -> dict[str, list[SentBack]]:
        statement = (
            select(ReturnCode.code, Institution.code, GoodsReturn.agreed_at)
            .join(ReturnLine, ReturnLine.id == ReturnCode.return_line_id)
            .join(GoodsReturn, GoodsReturn.id == ReturnLine.return_id)
            .join(Institution, Institution.id == GoodsReturn.institution_id)
            .where(ReturnCode.code.in_(codes), GoodsReturn.agreed_at < end_of_day(self.as_of))
        )
        found: dict[str, list[SentBack]] = defaultdict(list)
        for code, institution, agreed_at in db.session.connection().execute(statement):
            if agreed_at is not None:
                found[code].append(SentBack(institution, agreed_at))
        return found


def _in_parts(whole: Sequence[Any]) -> Iterator[Sequence[Any]]:
    return (whole[start : start + _CODES_AT_ONCE] for start in range(0, len(whole), _CODES_AT_ONCE))
