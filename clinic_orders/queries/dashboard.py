"""The four duties over twelve months: frozen figures where a month is closed, last night's where it is not (R-STAT-1)."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from datetime import date, datetime
from typing import Any

from sqlalchemy import func, select

from clinic_orders.models.base import db
from clinic_orders.models.statistics import ClosedMonth, ReckonedMonth
from clinic_orders.rules.days import Month
from clinic_orders.rules.parties import InstitutionKind

MONTHS = 12


@dataclass(frozen=True, slots=True)
class MonthFound:
    """A month's figures.

    Attributes:
        month: the month.
        frozen: whether they are those of its closing.
        at: their cut-off, or when the night reckoned them; None where there are none.
        blocks, by_county: as ``ClosedMonth`` has them.
        more: the indicators beyond the contract, likewise, of the month that was asked for; empty where it was closed
            before there were any.

    """

    month: Month
    frozen: bool
    at: datetime | None
    blocks: dict[str, Any]
    by_county: dict[str, Any]
    more: dict[str, Any] = field(default_factory=dict)

    def _of(self, county: str) -> dict[str, Any]:
        found: dict[str, Any] = self.by_county.get(county, {}) if county else self.blocks
        return found

    def whole(self, county: str = "", kind: InstitutionKind | None = None) -> dict[str, Any] | None:
        """The block of the city, a county, a kind, or a kind in a county; None where nobody was a member."""
        return _block(self._of(county), county, kind)

    def further(self, county: str = "", kind: InstitutionKind | None = None) -> dict[str, Any] | None:
        """The same block of the indicators beyond the contract."""
        found = self.more.get("by_county", {}).get(county, {}) if county else self.more.get("blocks", {})
        return _block(found, county, kind)

    def counties(self) -> dict[str, dict[str, Any]]:
        """The blocks of the counties by code."""
        return {one["code"]: one for one in self.blocks.get("counties", ())}

    def kinds(self, county: str = "") -> dict[str, dict[str, Any]]:
        """The blocks of the kinds in the city or a county, by the kind's word."""
        return {one["kind"]: one for one in self._of(county).get("kinds", ())}


def _block(found: Mapping[str, Any], county: str, kind: InstitutionKind | None) -> dict[str, Any] | None:
    block: dict[str, Any] | None
    if kind is not None:
        block = next((one for one in found.get("kinds", ()) if one["kind"] == kind.value), None)
    elif county:
        block = next(iter(found.get("counties", ())), None)
    else:
        block = found.get("city")
    return block


def twelve_months(asked: Month, *, on: date) -> list[MonthFound]:
    """Twelve months with the one asked for, the earliest first; three statements.

    They end with today's month, or with the one asked for where that lies further back.

    Args:
        asked: one of them.
        on: today.

    """
    months = [Month.of(on).plus(-number) for number in reversed(range(MONTHS))]
    if asked not in months:
        months = [asked.plus(-number) for number in reversed(range(MONTHS))]
    names = [str(month) for month in months]
    closed = {
        one.month: one for one in db.session.scalars(select(ClosedMonth).where(ClosedMonth.month.in_(names)))
    }
    nightly = {
        one.month: one
        for one in db.session.scalars(
            select(ReckonedMonth).where(
                ReckonedMonth.month.in_(names), ReckonedMonth.reckoned_at.is_not(None)
            )
        )
    }
    found = []
    for month in months:
        name = str(month)
        if name in closed:
            row = closed[name]
            found.append(MonthFound(month, True, row.cut_off_at, row.blocks, row.by_county))
        elif name in nightly:
            other = nightly[name]
            found.append(MonthFound(month, False, other.reckoned_at, other.blocks, other.by_county))
        else:
            found.append(MonthFound(month, False, None, {}, {}))
    place = months.index(asked)
    table = ClosedMonth if found[place].frozen else ReckonedMonth
    more = db.session.scalar(select(table.further).where(table.month == str(asked)))
    found[place] = replace(found[place], more=more or {})
    return found


def latest_with_figures(*, on: date) -> Month:
    """The latest closed month, else the latest that the night has reckoned, else that of today; two statements."""
    today = str(Month.of(on))
    closed, reckoned = ClosedMonth.month, ReckonedMonth.month
    found = db.session.scalar(select(func.max(closed)).where(closed <= today)) or db.session.scalar(
        select(func.max(reckoned)).where(reckoned <= today, ReckonedMonth.reckoned_at.is_not(None))
    )
    return Month.of(on) if found is None else Month.parse(found)
