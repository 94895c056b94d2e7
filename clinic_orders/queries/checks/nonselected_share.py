"""Institutions that buy too much of a group outside of the selected drugs in a quarter (R-VOL-6)."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Collection, Iterator
from dataclasses import replace
from datetime import date
from fractions import Fraction
from typing import Any, Final

from sqlalchemy import and_, func, or_, select
from sqlalchemy.orm import aliased

from clinic_orders.models.base import db
from clinic_orders.models.catalogue import Item, Price
from clinic_orders.models.deliveries import Shipment, ShipmentLine
from clinic_orders.models.orders import OrderLine
from clinic_orders.models.roster import Institution, InstitutionRecord
from clinic_orders.models.stock import OtherPurchase
from clinic_orders.models.volume import SupplyProblem
from clinic_orders.queries.checks.membership import was_member
from clinic_orders.queries.checks.scope import Scope
from clinic_orders.queries.doubles import counts_once
from clinic_orders.queries.roster import current
from clinic_orders.rules.days import end_of_day, start_of_day
from clinic_orders.rules.findings import CheckRule, Finding
from clinic_orders.rules.shares import OtherPurchaseSeen, nonselected_share

RULES = (CheckRule.NONSELECTED_SHARE,)
# Not more parameters in one statement than every database takes.
_AT_ONCE: Final = 500


def find(scope: Scope) -> Iterator[Finding]:
    """The findings of the quarter that the day ends; on other days there are none (formats.md section 3)."""
    if not scope.ends_quarter:
        return
    first, on = scope.quarter.first_day, scope.as_of
    others = _others(scope, first, on)
    if not others:
        return
    selected = _selected(first, on, {pair for pair, one in others.items() if one[3]})
    for (institution_id, group), (code, kind, scale, units, rows) in sorted(others.items()):
        limit = scope.book.decimal_or_none("volume.nonselected_share", kind=kind, scale=scale, on=on)
        found = nonselected_share(
            code,
            group,
            scope.quarter,
            other_units=units,
            selected_units=selected.get((institution_id, group), 0),
            limit=limit,
        )
        if found is not None:
            yield replace(found, rows=tuple(("other_purchase", number) for number in rows))


_Bought = tuple[str, Any, str, int, list[str]]


def _others(scope: Scope, first: date, last: date) -> dict[tuple[int, str], _Bought]:
    """Base units and lines of other drugs that nothing justifies, bought by members, by institution and group."""
    bought, state = OtherPurchase, aliased(InstitutionRecord)
    statement = (
        select(
            bought.institution_id,
            Institution.code,
            InstitutionRecord.kind,
            InstitutionRecord.scale,
            bought.substitute_group,
            bought.purchased_on,
            bought.base_units,
            bought.amount,
            state.county_code,
            bought.document_no,
            bought.line_no,
        )
        .join(Institution, Institution.id == bought.institution_id)
        .join(
            InstitutionRecord,
            and_(InstitutionRecord.institution_id == bought.institution_id, current(InstitutionRecord, last)),
        )
        .outerjoin(
            state,
            and_(
                state.institution_id == bought.institution_id,
                state.valid_from <= bought.purchased_on,
                or_(state.valid_before.is_(None), state.valid_before > bought.purchased_on),
            ),
        )
        .where(
            bought.replaced_at.is_(None),
            bought.purchased_on >= first,
            bought.purchased_on <= last,
            # What is said to be justified counts on neither side.
            bought.justified.is_(False),
            was_member(bought.institution_id, bought.purchased_on),
            scope.only(bought.institution_id),
        )
    )
    rows = db.session.connection().execute(statement).all()
    prices, problems = (_Prices(), _Problems()) if rows else (None, None)
    found: dict[tuple[int, str], _Bought] = {}
    for row in rows:
        assert prices is not None
        assert problems is not None
        group, day = row.substitute_group, row.purchased_on
        seen = OtherPurchaseSeen(
            row.base_units,
            row.amount,
            said_justified=False,
            in_supply_problem=problems.covers(group, day, row.county_code),
            selected_unit_price=prices.highest(group, day),
        )
        key = (row.institution_id, group)
        units, lines = found[key][3:] if key in found else (0, [])
        if not seen.is_justified:
            units += row.base_units
            lines.append(f"{row.document_no}/{row.line_no}")
        found[key] = (row.code, row.kind, row.scale, units, lines)
    return found


class _Prices:
    """The selected prices of the items of every group."""

    def __init__(self) -> None:
        self._of: dict[str, dict[int, list[tuple[date, Fraction]]]] = defaultdict(lambda: defaultdict(list))
        self._highest: dict[tuple[str, date], Fraction | None] = {}
        statement = (
            select(Item.group, Item.variety, Item.id, Item.pack_size, Price.valid_from, Price.pack_price)
            .join(Price, Price.item_id == Item.id)
            .order_by(Price.valid_from)
        )
        for group, variety, item_id, size, day, price in db.session.connection().execute(statement):
            self._of[group or variety][item_id].append((day, Fraction(price) / size))

    def highest(self, group: str, on: date) -> Fraction | None:
        """The highest selected price of a base unit in a group on a day; None if there is none."""
        if (group, on) not in self._highest:
            self._highest[group, on] = self._highest_of(group, on)
        return self._highest[group, on]

    def _highest_of(self, group: str, on: date) -> Fraction | None:
        in_force = [
            max((one for one in prices if one[0] <= on), default=None)
            for prices in self._of.get(group, {}).values()
        ]
        return max((one[1] for one in in_force if one is not None), default=None)


class _Problems:
    """The verified supply problems of the items of every group."""

    def __init__(self) -> None:
        self._of: dict[str, list[tuple[date, date | None, str | None]]] = defaultdict(list)
        statement = (
            select(
                Item.group,
                Item.variety,
                SupplyProblem.first_day,
                SupplyProblem.last_day,
                SupplyProblem.county_code,
            )
            .join(Item, Item.id == SupplyProblem.item_id)
            .where(SupplyProblem.replaced_at.is_(None), SupplyProblem.verified_at.is_not(None))
        )
        for group, variety, first, last, county in db.session.connection().execute(statement):
            self._of[group or variety].append((first, last, county))

    def covers(self, group: str, on: date, county: str | None) -> bool:
        """Whether an item of the group could not be had in a county, or in the city, on a day."""
        return any(
            first <= on and (last is None or on <= last) and where in {None, county}
            for first, last, where in self._of.get(group, ())
        )


def _selected(first: date, last: date, pairs: Collection[tuple[int, str]]) -> dict[tuple[int, str], int]:
    """Base units of selected items accepted by some institutions in a group each; the variety stands for an empty group."""
    group = func.coalesce(func.nullif(Item.group, ""), Item.variety)
    asked = sorted({institution_id for institution_id, _ in pairs})
    items = select(Item.id, group.label("name")).where(group.in_({name for _, name in pairs})).cte("of_group")
    found: dict[tuple[int, str], int] = {}
    for start in range(0, len(asked), _AT_ONCE):
        statement = (
            select(
                Shipment.institution_id, items.c.name, func.sum(ShipmentLine.accepted_packs * Item.pack_size)
            )
            .join(ShipmentLine, ShipmentLine.shipment_id == Shipment.id)
            .join(OrderLine, OrderLine.id == ShipmentLine.order_line_id)
            .join(items, items.c.id == OrderLine.item_id)
            .join(Item, Item.id == OrderLine.item_id)
            .where(
                Shipment.institution_id.in_(asked[start : start + _AT_ONCE]),
                Shipment.accepted_at >= start_of_day(first),
                Shipment.accepted_at < end_of_day(last),
                counts_once(Shipment.order_id),
            )
            .group_by(Shipment.institution_id, items.c.name)
        )
        for institution_id, name, units in db.session.connection().execute(statement).all():
            found[institution_id, name] = int(units)
    return found
