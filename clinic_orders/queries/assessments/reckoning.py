"""What every institution's year comes to, from what is recorded now (R-STAT-3, decision 0052)."""

from __future__ import annotations

from collections import Counter, defaultdict
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import date, timedelta
from decimal import Decimal
from typing import Any, Final

from sqlalchemy import and_, exists, or_, select

from clinic_orders.models.assessments import Assessment
from clinic_orders.models.base import db
from clinic_orders.models.roster import Institution, InstitutionRecord, Membership
from clinic_orders.models.volume import AgreedVolume
from clinic_orders.queries.assessments.records import conduct_levels, training_hours
from clinic_orders.queries.checks import Scope
from clinic_orders.queries.checks.volume import memberships, tally
from clinic_orders.queries.incentives import months_of_year
from clinic_orders.queries.roster import current
from clinic_orders.rules.assessment import AssessmentState
from clinic_orders.rules.assessment.points import Indicator, Measured, points_of, weight_name
from clinic_orders.rules.assessment.records import MonthPart, VolumePart, YearRecords, measured_of
from clinic_orders.rules.parties import InstitutionKind
from clinic_orders.rules.policy import PolicyBook
from clinic_orders.rules.volume_progress import standing

_SOON: Final = timedelta(days=3)
_BANDS: Final = ("excellent", "good", "passed")
_USES: Final = ("settlement_from", "deposit_from", "renewal_from")
_NUMBERS: Final = ("training_hours", "conduct_levels")
PARAMETERS: Final = (
    *(weight_name(one) for one in Indicator),
    *(f"assessment.{name}" for name in (*_BANDS, *_NUMBERS, *_USES)),
)
"""The policy that an assessment rests on."""


@dataclass(frozen=True, slots=True)
class SheetFigures:
    """What is computed of one institution.

    Attributes:
        institution_id, name, kind, county_code, township: the institution on the day.
        numbers: bands and the points from which the result counts whole, by the sheet's columns.
        weights: by indicator.
        measured: what was done of what was asked; without SITE.
        behind: as the sheet keeps it.

    """

    institution_id: int
    name: str
    kind: InstitutionKind
    county_code: str
    township: str
    numbers: Mapping[str, int | None]
    weights: Mapping[Indicator, int]
    measured: Mapping[Indicator, Measured]
    behind: Mapping[str, Any]

    def points(self, indicator: Indicator) -> Decimal | None:
        """The computed points of an indicator."""
        return points_of(self.weights[indicator], self.measured[indicator])


@dataclass(frozen=True, slots=True)
class Reckoned:
    """A year as of a day, with the months that had figures and whether each was closed."""

    year: int
    as_of: date
    months: Sequence[tuple[str, bool]]
    unconfirmed: Sequence[str]
    sheets: Sequence[SheetFigures] = field(default_factory=tuple)


def wanted_years(*, every: bool = False) -> list[int]:
    """The years whose figures wait to be reckoned; or all whose figures may still change, for the night."""
    asked = (
        Assessment.published_at.is_(None)
        if every
        else and_(Assessment.wanted_at.is_not(None), Assessment.published_at.is_(None))
    )
    return list(db.session.scalars(select(Assessment.year).where(asked).order_by(Assessment.year)))


def years_to_remind(on: date) -> list[int]:
    """The years whose self-scoring ends within three days, and where nobody has been reminded yet."""
    return list(
        db.session.scalars(
            select(Assessment.year).where(
                Assessment.state == AssessmentState.SELF_SCORING,
                Assessment.reminded_at.is_(None),
                Assessment.reckoned_at.is_not(None),
                Assessment.self_until >= on,
                Assessment.self_until <= on + _SOON,
            )
        )
    )


def reckon(year: int, *, today: date) -> Reckoned:
    """Every member's year; some thirty statements whatever their number."""
    as_of = min(date(year, 12, 31), today)
    scope = Scope(as_of)
    book = scope.book
    months = months_of_year(year)
    parts: dict[str, dict[str, MonthPart]] = defaultdict(dict)
    for month, _, rows in months:
        for row in rows:
            if row.county:
                parts[row.code][month] = MonthPart.of(row.columns)
    volumes, hours, levels = _volumes(scope, year), training_hours(year), conduct_levels(year)
    places = _members(as_of)
    sheets = [_sheet(one, parts[one.code], volumes, hours, levels, book, as_of) for one in places]
    unconfirmed = {
        name
        for kind, scale in {(InstitutionKind(one.kind), one.scale) for one in places}
        for name in PARAMETERS
        if (found := book.find(name, kind=kind, scale=scale, on=as_of)).value is not None
        and not found.confirmed
    }
    return Reckoned(
        year,
        as_of,
        [(month, frozen) for month, frozen, _ in months],
        [name for name in PARAMETERS if name in unconfirmed],
        sheets,
    )


def _members(on: date) -> Sequence[Any]:
    """The members of a day with the state of that day."""
    record = InstitutionRecord
    member = exists().where(
        Membership.institution_id == Institution.id,
        Membership.joined_on <= on,
        or_(Membership.left_on.is_(None), Membership.left_on >= on),
    )
    return db.session.execute(
        select(
            Institution.id, Institution.code, record.name, record.kind, record.county_code, record.township,
            record.scale,
        )
        .join(record, and_(record.institution_id == Institution.id, current(record, on)))
        .where(member)
        .order_by(Institution.code)
    ).all()  # fmt: skip


def _volumes(scope: Scope, year: int) -> dict[int, list[VolumePart]]:
    """The agreements of cycles that ended in the year, or run on the day, by their holder."""
    ends = db.session.scalars(
        select(AgreedVolume.cycle_end)
        .where(
            AgreedVolume.replaced_at.is_(None),
            AgreedVolume.cycle_end >= date(year, 1, 1),
            AgreedVolume.cycle_end < scope.as_of,
        )
        .distinct()
        .order_by(AgreedVolume.cycle_end)
    ).all()
    found: dict[int, list[VolumePart]] = defaultdict(list)
    for until in (*ends, scope.as_of):
        tallies = tally(scope, until=until)
        spells = memberships({one.holder_id for one in tallies})
        for one in tallies:
            state = standing(
                one.agreement, counted=one.counted, members=spells.get(one.holder_id, ()), on=scope.as_of
            )
            if state is None:
                continue
            asked = int(state.time_progress * state.agreed)
            excused = min(max(0, asked - one.counted), sum(one.blamed.values()))
            found[one.holder_id].append(
                VolumePart(
                    one.agreement.item_code, one.agreement.first.isoformat(), one.agreement.last.isoformat(),
                    asked, one.counted, excused,
                )
            )  # fmt: skip
    return found


def _sheet(
    place: Any,
    months: Mapping[str, MonthPart],
    volumes: Mapping[int, list[VolumePart]],
    hours: Mapping[int, Decimal],
    levels: Counter[int],
    book: PolicyBook,
    on: date,
) -> SheetFigures:
    kind = InstitutionKind(place.kind)

    def whole(name: str) -> int | None:
        return book.whole_or_none(f"assessment.{name}", kind=kind, scale=place.scale, on=on)

    own = sorted(volumes.get(place.id, ()), key=lambda one: (one.first, one.item_code))
    year = YearRecords(list(months.values()), own, hours.get(place.id, Decimal(0)), levels[place.id])
    measured = measured_of(
        year, hours_asked=whole("training_hours") or 0, most_levels=whole("conduct_levels") or 0
    )
    return SheetFigures(
        place.id,
        place.name,
        kind,
        place.county_code,
        place.township,
        {name: whole(name) if name in _USES else whole(name) or 0 for name in (*_BANDS, *_USES)},
        {one: whole(one.value) or 0 for one in Indicator},
        measured,
        {
            "months": {month: part.kept() for month, part in months.items()},
            "volumes": [
                [one.item_code, one.first, one.last, one.asked, one.counted, one.excused] for one in own
            ],
            "levels": year.levels,
        },
    )
