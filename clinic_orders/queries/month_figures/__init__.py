"""The monthly statistics: indicators of city, counties and kinds as of a month's last day (R-STAT-2, formats.md section 3)."""

from __future__ import annotations

from collections import Counter, defaultdict
from collections.abc import Callable, Iterable
from dataclasses import dataclass, field
from datetime import date
from decimal import Decimal
from fractions import Fraction
from typing import Any

from sqlalchemy import and_, case, exists, func, or_, select

from clinic_orders.models.base import db
from clinic_orders.models.roster import Institution, InstitutionRecord, Membership
from clinic_orders.models.sales import SaleLine
from clinic_orders.queries.cases.levels import reached_levels
from clinic_orders.queries.checks import Scope, check
from clinic_orders.queries.checks.stocking import carried_items, edition_items
from clinic_orders.queries.checks.trace_missing import first_full_day, has_code, lines_that_want_codes
from clinic_orders.queries.checks.volume import memberships, tally
from clinic_orders.queries.month_figures.duties import (
    Found,
    Subject,
    minimum_judged,
    reported,
    short_codes,
    stored_findings,
)
from clinic_orders.queries.month_figures.trade import accepted, ordered, saved
from clinic_orders.queries.paid_in_time import month_owed
from clinic_orders.queries.roster import current
from clinic_orders.queries.scorecards import Pair, scores
from clinic_orders.rules.catalogue import suits
from clinic_orders.rules.days import Month
from clinic_orders.rules.findings import CheckRule, Finding
from clinic_orders.rules.further_indicators import (
    InScope,
    cases_of,
    further_of,
    row_of,
    scheme_coverage,
    trade_of,
)
from clinic_orders.rules.indicators import Own, Traded, block_of
from clinic_orders.rules.parties import InstitutionKind
from clinic_orders.rules.scorecard import Score
from clinic_orders.rules.volume_progress import Standing, standing


@dataclass(frozen=True, slots=True)
class Place:
    """Where an institution stands on the month's last day: its code, county, kind, name and township."""

    code: str
    county_code: str
    kind: InstitutionKind
    name: str = ""
    township: str = ""


@dataclass(slots=True)
class VolumeSums:
    """Agreements of one item and cycle added up: packs agreed, counted, and those the time gone by asks for."""

    agreed: int = 0
    counted: int = 0
    expected: Fraction = Fraction(0)

    def take(self, state: Standing) -> None:
        """Add an agreement."""
        self.agreed += state.agreed
        self.counted += state.counted
        self.expected += state.time_progress * state.agreed


Where = tuple[str | None, str | None]
"""County code and kind of a block; None = all."""
VolumeKey = tuple[str, str, str, date, date]
"""County code, kind, item code, first and last day of the cycle."""


@dataclass(slots=True)
class MonthFigures:
    """What every institution did in a month, and the findings as of its last day.

    Attributes:
        month: the month.
        places: of everybody who was a member on or before the last day, by row id.
        own: the figures, by row id.
        pairs: what each distributor did for each institution.
        volumes: agreed volumes by county, kind, item and cycle.
        findings: all findings as of the last day.
        stored: the stored findings by whom they name.
        cases: cases by the party they are against and the level they had reached.

    """

    month: Month
    places: dict[int, Place]
    own: dict[int, Own]
    pairs: dict[Pair, Score]
    volumes: dict[VolumeKey, VolumeSums] = field(default_factory=lambda: defaultdict(VolumeSums))
    findings: list[Finding] = field(default_factory=list)
    stored: dict[Subject, Found] = field(default_factory=dict)
    cases: dict[Subject, Counter[int]] = field(default_factory=dict)

    def _those(self, wanted: Iterable[int]) -> list[Own]:
        return [self.own[one] for one in wanted]

    def blocks(self, county: str | None = None) -> dict[str, Any]:
        """City, counties and kinds, as ``statistics`` prints them.

        Args:
            county: only this one and the kinds in it; the city is then left empty.

        """
        nobody = Counter(one.rule for one in self.findings if one.institution is None)
        return self._by_place(
            county, lambda ids, where: block_of(self._those(ids), nobody if where == (None, None) else None)
        )

    def further_blocks(self, scope: Iterable[InScope], county: str | None = None) -> dict[str, Any]:
        """The indicators beyond the contract, in the same form.

        Args:
            scope: how many institutions the scheme is meant for, where that is set.
            county: see ``blocks``.

        """
        cells = [one for one in scope if county in {None, one.county_code}]

        def block(ids: list[int], where: Where) -> dict[str, Any]:
            own = self._those(ids)
            found = further_of(row_of(one) for one in own)
            members = Counter(
                (self.places[one].county_code, self.places[one].kind.value)
                for one in ids
                if self.own[one].member
            )
            cases = [one.cases for one in own]
            if where == (None, None):
                cases += [levels for (named, _), levels in self.cases.items() if named not in self.own]
                for (institution_id, _), stored in self.stored.items():
                    if institution_id not in self.own:
                        found["findings_raised"] += stored.raised
                        found["findings_cured"] += stored.cured
                        found["findings_open"] += stored.open
            mine = [
                one for one in cells if where[0] in {None, one.county_code} and where[1] in {None, one.kind}
            ]
            return {
                **scheme_coverage(members, mine),
                **found,
                "trade": trade_of(one.trade for one in own if one.member),
                "cases": cases_of(cases),
            }

        return self._by_place(county, block)

    def _by_place(
        self, county: str | None, block: Callable[[list[int], Where], dict[str, Any]]
    ) -> dict[str, Any]:
        wanted = [one for one, place in self.places.items() if county in {None, place.county_code}]
        by_county: dict[str, list[int]] = defaultdict(list)
        by_kind: dict[InstitutionKind, list[int]] = defaultdict(list)
        for one in wanted:
            by_county[self.places[one].county_code].append(one)
            by_kind[self.places[one].kind].append(one)
        return {
            "city": None if county else block(wanted, (None, None)),
            "counties": [
                {"code": code, **block(ids, (code, None))}
                for code, ids in sorted(by_county.items())
                if self._has_members(ids)
            ],
            "kinds": [
                {"kind": kind.value, **block(by_kind[kind], (None, kind.value))}
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
    places, members = places_on(on)
    own: dict[int, Own] = {one: Own(member=one in members) for one in places}
    figures = MonthFigures(month, places, own, scores(scope, month))
    _add_trade(figures)
    _add_pairs(figures)
    _add_money(own, month)
    _add_carried(own, places, scope)
    _add_volume(figures, scope)
    _add_traced(own, scope)
    figures.findings = check(scope)
    _add_findings(own, places, figures.findings)
    _add_duties(figures, scope)
    return figures


def places_on(on: date) -> tuple[dict[int, Place], set[int]]:
    """Everybody who was ever a member by a day, with the state of that day, and who is one on it."""
    joined = exists().where(Membership.institution_id == Institution.id, Membership.joined_on <= on)
    member = exists().where(
        Membership.institution_id == Institution.id,
        Membership.joined_on <= on,
        or_(Membership.left_on.is_(None), Membership.left_on >= on),
    )
    statement = (
        select(
            Institution.id,
            Institution.code,
            InstitutionRecord.county_code,
            InstitutionRecord.kind,
            InstitutionRecord.name,
            InstitutionRecord.township,
            member,
        )
        .join(
            InstitutionRecord,
            and_(InstitutionRecord.institution_id == Institution.id, current(InstitutionRecord, on)),
        )
        .where(joined)
        .order_by(Institution.code)
    )
    places, members = {}, set()
    for one, code, county_code, kind, name, township, is_member in db.session.connection().execute(statement):
        places[one] = Place(code, county_code, kind, name, township)
        if is_member:
            members.add(one)
    return places, members


def _add_trade(figures: MonthFigures) -> None:
    """Orders and acceptances of the month, and what they saved."""
    own, pairs = figures.own, figures.pairs
    for row in ordered(figures.month):
        pair = pairs[row.institution_id, row.distributor_id]
        pair.orders += row.orders
        pair.packs += row.packs
        pair.amount += row.amount
        if row.institution_id in own:
            one = own[row.institution_id]
            key = (row.mode.value, row.channel)
            before = one.trade.get(key, Traded(0, 0, Decimal(0)))
            one.trade[key] = Traded(
                before.orders + row.orders, before.packs + row.packs, before.amount + row.amount
            )
    for receipt in accepted(figures.month):
        pairs[receipt.institution_id, receipt.distributor_id].accepted_amount += receipt.amount
    for spared in saved(figures.month):
        if spared.institution_id in own:
            own[spared.institution_id].saved += spared.saved
            own[spared.institution_id].saved_of += spared.paid


def _add_pairs(figures: MonthFigures) -> None:
    """What every institution's distributors did for it, added up."""
    for (institution_id, _), score in figures.pairs.items():
        one = figures.own.get(institution_id)
        if one is None:
            continue
        one.orders += score.orders
        one.packs += score.packs
        one.amount += score.amount
        one.accepted_amount += score.accepted_amount
        one.asked += score.asked
        one.delivered += score.delivered
        one.in_time += score.in_time
        one.lines_to_answer += score.lines_to_answer
        one.lines_answered += score.lines_answered


def _add_money(own: dict[int, Own], month: Month) -> None:
    for one, owed in month_owed(db.session.connection(), month).items():
        if one in own:
            own[one].due, own[one].paid_in_time, own[one].overdue = owed.due, owed.in_time, owed.overdue
            own[one].overdue_by_age = owed.by_age


def _add_carried(own: dict[int, Own], places: dict[int, Place], scope: Scope) -> None:
    on = scope.as_of
    items = edition_items(on)
    carried = carried_items(on, window_days=scope.book.whole("stocking.window_days", on=on))
    for one, kept in carried.items():
        if one in own:
            kind = places[one].kind
            own[one].carried = sum(1 for item in kept if item in items and suits(items[item][1], kind))


def _add_volume(figures: MonthFigures, scope: Scope) -> None:
    """Counted and agreed packs of the cycles that run on the day, by the holder of the agreement."""
    own = figures.own
    tallies = tally(scope, until=scope.as_of)
    spells = memberships({one.holder_id for one in tallies})
    for one in tallies:
        state = standing(
            one.agreement, counted=one.counted, members=spells.get(one.holder_id, ()), on=scope.as_of
        )
        if state is not None and one.holder_id in own:
            own[one.holder_id].counted += state.counted
            own[one.holder_id].agreed += state.agreed
            place = figures.places[one.holder_id]
            agreement = state.agreement
            figures.volumes[
                place.county_code, place.kind.value, agreement.item_code, agreement.first, agreement.last
            ].take(state)


def _add_duties(figures: MonthFigures, scope: Scope) -> None:
    """Reports, stocking minimums and stored findings."""
    own, places = figures.own, figures.places
    for institution_id, report in reported(scope, figures.month).items():
        one = own[institution_id]
        one.reports_due, one.reports_received = report.due, report.received
        one.reports_in_time = report.in_time
    short = short_codes(figures.findings)
    for institution_id in minimum_judged(scope):
        own[institution_id].minimum_due = 1
        own[institution_id].minimum_met = int(places[institution_id].code not in short)
    figures.stored = dict(stored_findings(figures.month))
    for (named, _), found in figures.stored.items():
        if named in own:
            own[named].raised += found.raised
            own[named].cured += found.cured
            own[named].open_findings += found.open
    figures.cases = reached_levels(figures.month)
    for (named, _), levels in figures.cases.items():
        if named in own:
            own[named].cases += levels


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
