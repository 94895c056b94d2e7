"""The monthly statistics: indicators of city, counties and kinds as of a month's last day (R-STAT-2, formats.md section 3)."""

from __future__ import annotations

from collections import Counter, defaultdict
from collections.abc import Iterable
from dataclasses import dataclass
from datetime import date
from decimal import Decimal
from typing import Any

from sqlalchemy import and_, case, exists, func, or_, select

from clinic_orders.models.base import db
from clinic_orders.models.deliveries import Shipment
from clinic_orders.models.orders import Order
from clinic_orders.models.roster import Institution, InstitutionRecord, Membership
from clinic_orders.models.sales import SaleLine
from clinic_orders.queries.checks import Scope, check
from clinic_orders.queries.checks.due_in_month import due_in_month
from clinic_orders.queries.checks.stocking import carried_items, edition_items
from clinic_orders.queries.checks.trace_missing import first_full_day, has_code, lines_that_want_codes
from clinic_orders.queries.checks.volume import memberships, tally
from clinic_orders.queries.doubles import counts_once
from clinic_orders.queries.paid_in_time import month_owed
from clinic_orders.queries.roster import current
from clinic_orders.rules.catalogue import suits
from clinic_orders.rules.days import Month, end_of_day, start_of_day
from clinic_orders.rules.findings import CheckRule, Finding
from clinic_orders.rules.indicators import Own, block_of
from clinic_orders.rules.parties import InstitutionKind
from clinic_orders.rules.volume_progress import standing


@dataclass(frozen=True, slots=True)
class Place:
    """Where an institution stands on the month's last day: its code, county and kind."""

    code: str
    county_code: str
    kind: InstitutionKind


@dataclass(slots=True)
class MonthFigures:
    """What every institution did in a month, and the findings as of its last day.

    Attributes:
        month: the month.
        places: of everybody who was a member on or before the last day, by row id.
        own: the figures, by row id.
        findings: all findings as of the last day.

    """

    month: Month
    places: dict[int, Place]
    own: dict[int, Own]
    findings: list[Finding]

    def _those(self, wanted: Iterable[int]) -> list[Own]:
        return [self.own[one] for one in wanted]

    def blocks(self, county: str | None = None) -> dict[str, Any]:
        """City, counties and kinds, as ``statistics`` prints them.

        Args:
            county: only this one and the kinds in it; the city is then left empty.

        """
        wanted = [one for one, place in self.places.items() if county in {None, place.county_code}]
        by_county: dict[str, list[int]] = defaultdict(list)
        by_kind: dict[InstitutionKind, list[int]] = defaultdict(list)
        for one in wanted:
            by_county[self.places[one].county_code].append(one)
            by_kind[self.places[one].kind].append(one)
        nobody = Counter(one.rule for one in self.findings if one.institution is None)
        return {
            "city": None if county else block_of(self._those(wanted), nobody),
            "counties": [
                {"code": code, **block_of(self._those(ids))}
                for code, ids in sorted(by_county.items())
                if self._has_members(ids)
            ],
            "kinds": [
                {"kind": kind.value, **block_of(self._those(by_kind[kind]))}
                for kind in InstitutionKind
                if self._has_members(by_kind.get(kind, ()))
            ],
        }

    def _has_members(self, ids: Iterable[int]) -> bool:
        return any(self.own[one].member for one in ids)


def month_figures(month: Month) -> MonthFigures:
    """Compute the figures of a month as of its last day, from what is recorded now."""
    on = month.last_day
    scope = Scope(on)
    places, members = _places(on)
    own: dict[int, Own] = {one: Own(member=one in members) for one in places}
    _add_orders(own, month)
    _add_accepted(own, month)
    _add_deliveries(own, scope, month)
    _add_money(own, month)
    _add_carried(own, places, scope)
    _add_volume(own, scope)
    _add_traced(own, scope)
    findings = check(scope)
    _add_findings(own, places, findings)
    return MonthFigures(month, places, own, findings)


def _places(on: date) -> tuple[dict[int, Place], set[int]]:
    """Everybody who was ever a member by a day, with the state of that day, and who is one on it."""
    joined = exists().where(Membership.institution_id == Institution.id, Membership.joined_on <= on)
    member = exists().where(
        Membership.institution_id == Institution.id,
        Membership.joined_on <= on,
        or_(Membership.left_on.is_(None), Membership.left_on >= on),
    )
    statement = (
        select(
            Institution.id, Institution.code, InstitutionRecord.county_code, InstitutionRecord.kind, member
        )
        .join(
            InstitutionRecord,
            and_(InstitutionRecord.institution_id == Institution.id, current(InstitutionRecord, on)),
        )
        .where(joined)
        .order_by(Institution.code)
    )
    places, members = {}, set()
    for one, code, county_code, kind, is_member in db.session.connection().execute(statement):
        places[one] = Place(code, county_code, kind)
        if is_member:
            members.add(one)
    return places, members


def _add_orders(own: dict[int, Own], month: Month) -> None:
    statement = (
        select(Order.institution_id, func.count(), func.sum(Order.packs), func.sum(Order.amount))
        .where(
            Order.submitted_at >= start_of_day(month.first_day),
            Order.submitted_at < end_of_day(month.last_day),
            counts_once(Order.id),
        )
        .group_by(Order.institution_id)
    )
    for one, orders, packs, amount in db.session.connection().execute(statement):
        if one in own:
            own[one].orders, own[one].packs, own[one].amount = orders, int(packs), amount


def _add_accepted(own: dict[int, Own], month: Month) -> None:
    statement = (
        select(Shipment.institution_id, func.sum(Shipment.owed))
        .where(
            Shipment.accepted_at >= start_of_day(month.first_day),
            Shipment.accepted_at < end_of_day(month.last_day),
            counts_once(Shipment.order_id),
        )
        .group_by(Shipment.institution_id)
    )
    for one, amount in db.session.connection().execute(statement):
        if one in own:
            own[one].accepted_amount = amount or Decimal(0)


def _add_deliveries(own: dict[int, Own], scope: Scope, month: Month) -> None:
    due = due_in_month(scope.book, month, as_of=scope.as_of, by=Order.institution_id)
    for one, packs in due.items():
        if one in own:
            own[one].asked, own[one].delivered = packs.asked, packs.came


def _add_money(own: dict[int, Own], month: Month) -> None:
    for one, owed in month_owed(db.session.connection(), month).items():
        if one in own:
            own[one].due, own[one].paid_in_time, own[one].overdue = owed.due, owed.in_time, owed.overdue


def _add_carried(own: dict[int, Own], places: dict[int, Place], scope: Scope) -> None:
    on = scope.as_of
    items = edition_items(on)
    carried = carried_items(on, window_days=scope.book.whole("stocking.window_days", on=on))
    for one, kept in carried.items():
        if one in own:
            kind = places[one].kind
            own[one].carried = sum(1 for item in kept if item in items and suits(items[item][1], kind))


def _add_volume(own: dict[int, Own], scope: Scope) -> None:
    """Counted and agreed packs of the cycles that run on the day, by the holder of the agreement."""
    tallies = tally(scope, until=scope.as_of)
    spells = memberships({one.holder_id for one in tallies})
    for one in tallies:
        state = standing(
            one.agreement, counted=one.counted, members=spells.get(one.holder_id, ()), on=scope.as_of
        )
        if state is not None and one.holder_id in own:
            own[one.holder_id].counted += state.counted
            own[one.holder_id].agreed += state.agreed


def _add_traced(own: dict[int, Own], scope: Scope) -> None:
    """Sale lines in whole packs of items that have trace products, and those of them with a code (T9)."""
    full_from = first_full_day(scope)
    if full_from is None:
        return
    columns = (SaleLine.institution_id, func.count(), func.sum(case((has_code(), 1), else_=0)))
    statement = lines_that_want_codes(scope, full_from, *columns).group_by(SaleLine.institution_id)
    for one, lines, with_code in db.session.connection().execute(statement):
        if one in own:
            own[one].codable_lines, own[one].coded_lines = lines, int(with_code)


def _add_findings(own: dict[int, Own], places: dict[int, Place], findings: Iterable[Finding]) -> None:
    by_code = {place.code: own[one] for one, place in places.items()}
    for finding in findings:
        one = by_code.get(finding.institution or "")
        if one is None:
            continue
        one.findings[finding.rule] += 1
        if finding.rule is CheckRule.OVER_MARKUP:
            lines, excess = finding.figures["lines"], finding.figures["excess"]
            assert isinstance(lines, int)
            assert isinstance(excess, Decimal)
            one.over_markup_lines += lines
            one.over_markup_excess += excess
