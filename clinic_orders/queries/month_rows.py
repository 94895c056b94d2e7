"""What each institution and distributor brought into a month's figures: kept at the closing, read for lists (R-STAT-1).

Money is kept as text with two decimals; a table of columns and values keeps four thousand institutions small.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field, fields
from datetime import date
from decimal import Decimal
from fractions import Fraction
from typing import Any, NamedTuple

from sqlalchemy import select

from clinic_orders.models.base import db
from clinic_orders.models.catalogue import Item
from clinic_orders.models.roster import Distributor
from clinic_orders.queries.month_figures import MonthFigures
from clinic_orders.rules.findings import rounded
from clinic_orders.rules.further_indicators import COLUMNS, MONEY, row_of
from clinic_orders.rules.indicators import Own, Traded
from clinic_orders.rules.scorecard import Score

_SCORE = tuple(one.name for one in fields(Score))
_SCORE_MONEY = frozenset({"amount", "accepted_amount"})
_PLACE = ("code", "name", "county", "kind", "township")
_NESTED = ("by_rule", "trade", "cases")
_TEN_THOUSANDTH = Decimal("0.0001")


@dataclass(frozen=True, slots=True)
class InstitutionRow:
    """An institution's part in a month.

    Attributes:
        code, name, county, kind, township: on the month's last day; ``county`` is its code. Findings that name no
            institution stand in rows of the distributors they name, with neither county nor kind.
        columns: see ``rules.further_indicators.COLUMNS``.
        by_rule: findings as of the last day, by rule.
        trade: orders, packs and yuan submitted in the month by mode and channel; of members only.
        cases: against it at the end of the month, by level; nothing in months that were closed before they were kept.

    """

    code: str
    name: str
    county: str
    kind: str
    township: str
    columns: Mapping[str, Any]
    by_rule: Mapping[str, int]
    trade: Mapping[tuple[str, str], Traded]
    cases: Mapping[int, int] = field(default_factory=dict)

    def __getitem__(self, column: str) -> Any:
        """A column."""
        return self.columns[column]


@dataclass(frozen=True, slots=True)
class ScoreRow:
    """What a distributor did in a township of a county in a month; both are empty for receivers never on the roster."""

    code: str
    name: str
    county: str
    township: str
    score: Score


@dataclass(frozen=True, slots=True)
class VolumeRow:
    """Agreed volumes of one item and cycle in the institutions of one county and kind, as of the month's last day.

    Attributes:
        county, kind: code of the county, the kind's word.
        item_code, item, batch: the item, its name and strength, its batch of procurement.
        first, last: of the cycle.
        agreed, counted: packs.
        expected: packs that the time gone by asks for, rounded to four decimals.

    """

    county: str
    kind: str
    item_code: str
    item: str
    batch: str
    first: date
    last: date
    agreed: int
    counted: int
    expected: Decimal


@dataclass(frozen=True, slots=True)
class MonthRows:
    """The rows of a month."""

    institutions: Sequence[InstitutionRow]
    scores: Sequence[ScoreRow]
    volumes: Sequence[VolumeRow]


def rows_of(figures: MonthFigures) -> MonthRows:
    """The rows of a month; two statements for names."""
    distributors = _distributors()
    institutions = [
        InstitutionRow(
            place.code,
            place.name,
            place.county_code,
            place.kind.value,
            place.township,
            row_of(figures.own[one]),
            _by_rule(figures.own[one]),
            dict(figures.own[one].trade) if figures.own[one].member else {},
            dict(figures.own[one].cases),
        )
        for one, place in figures.places.items()
    ]
    return MonthRows(
        institutions + _others(figures, distributors), _scores(figures, distributors), _volumes(figures)
    )


def _by_rule(own: Own) -> dict[str, int]:
    return {rule.value: number for rule, number in sorted(own.findings.items()) if number}


def _distributors() -> dict[int, tuple[str, str]]:
    """Code and name of every distributor by row id."""
    return {
        row.id: (row.code, row.name)
        for row in db.session.execute(select(Distributor.id, Distributor.code, Distributor.name))
    }


def _others(figures: MonthFigures, distributors: Mapping[int, tuple[str, str]]) -> list[InstitutionRow]:
    """Findings that name no institution of the roster, by the distributor they name; they count for the city only."""
    found: dict[str, Own] = defaultdict(Own)
    for one in figures.findings:
        if one.institution is None:
            found[one.distributor or ""].findings[one.rule] += 1
    for (institution_id, distributor_id), stored in figures.stored.items():
        if institution_id not in figures.own:
            own = found[distributors.get(distributor_id or 0, ("", ""))[0]]
            own.raised += stored.raised
            own.cured += stored.cured
            own.open_findings += stored.open
    for (institution_id, distributor_id), levels in figures.cases.items():
        if institution_id not in figures.own:
            found[distributors.get(distributor_id or 0, ("", ""))[0]].cases += levels
    names = dict(distributors.values())
    return [
        InstitutionRow(code, names.get(code, ""), "", "", "", row_of(own), _by_rule(own), {}, dict(own.cases))
        for code, own in sorted(found.items())
    ]


def _scores(figures: MonthFigures, distributors: Mapping[int, tuple[str, str]]) -> list[ScoreRow]:
    found: dict[tuple[str, str, str, str], Score] = {}
    for (institution_id, distributor_id), score in figures.pairs.items():
        place = figures.places.get(institution_id)
        where = (place.county_code, place.township) if place else ("", "")
        found.setdefault((*distributors[distributor_id], *where), Score()).add(score)
    return [ScoreRow(*key, score) for key, score in sorted(found.items(), key=lambda entry: entry[0])]


def _volumes(figures: MonthFigures) -> list[VolumeRow]:
    items = {
        row.item_code: (f"{row.generic_name} {row.strength}", row.batch)
        for row in db.session.execute(select(Item.item_code, Item.generic_name, Item.strength, Item.batch))
    }
    found = []
    for (county, kind, code, first, last), sums in sorted(figures.volumes.items(), key=lambda one: one[0]):
        name, batch = items.get(code, (code, ""))
        expected = rounded(sums.expected, _TEN_THOUSANDTH)
        found.append(
            VolumeRow(county, kind, code, name, batch, first, last, sums.agreed, sums.counted, expected)
        )
    return found


def _written(name: str, value: Any, money: frozenset[str]) -> Any:
    return str(rounded(value, Decimal("0.01"))) if name in money else value


def kept(rows: MonthRows) -> dict[str, Any]:
    """Rows as they are kept; ``read_rows`` reads them again."""
    return {
        "institutions": {
            "columns": [*_PLACE, *_NESTED, *COLUMNS],
            "values": [
                [
                    *(row.code, row.name, row.county, row.kind, row.township),
                    row.by_rule,
                    [
                        [*key, one.orders, one.packs, _written("order_amount", one.amount, MONEY)]
                        for key, one in sorted(row.trade.items())
                    ],
                    {str(level): number for level, number in sorted(row.cases.items()) if number},
                    *(_written(name, row[name], MONEY) for name in COLUMNS),
                ]
                for row in rows.institutions
            ],
        },
        "scores": {
            "columns": ["code", "name", "county", "township", *_SCORE],
            "values": [
                [
                    *(row.code, row.name, row.county, row.township),
                    *(_written(name, getattr(row.score, name), _SCORE_MONEY) for name in _SCORE),
                ]
                for row in rows.scores
            ],
        },
        "volumes": [
            [
                *(row.county, row.kind, row.item_code, row.item, row.batch),
                *(row.first.isoformat(), row.last.isoformat()),
                *(row.agreed, row.counted, str(row.expected)),
            ]
            for row in rows.volumes
        ],
    }


def read_rows(kept: Mapping[str, Any]) -> MonthRows:
    """Rows as they were kept, ready to be added up."""
    names = kept["institutions"]["columns"]
    # Months that were closed before cases were kept by level have none.
    cases_at = names.index("cases") if "cases" in names else None
    columns = names[len(_PLACE) + len(_NESTED) - (cases_at is None) :]
    institutions = [
        InstitutionRow(
            code,
            name,
            county,
            kind,
            township,
            _typed(columns, values[cases_at is not None :], MONEY),
            by_rule,
            {
                (mode, channel): Traded(orders, packs, Decimal(amount))
                for mode, channel, orders, packs, amount in trade
            },
            {int(level): number for level, number in (values[0] if cases_at is not None else {}).items()},
        )
        for code, name, county, kind, township, by_rule, trade, *values in kept["institutions"]["values"]
    ]
    volumes = [
        VolumeRow(
            county,
            kind,
            item_code,
            item,
            batch,
            date.fromisoformat(first),
            date.fromisoformat(last),
            agreed,
            counted,
            Decimal(expected),
        )
        for county, kind, item_code, item, batch, first, last, agreed, counted, expected in kept["volumes"]
    ]
    return MonthRows(institutions, read_scores(kept["scores"]), volumes)


class PartOfMonth(NamedTuple):
    """Some columns of an institution in a month; the rest is as in ``InstitutionRow``."""

    code: str
    name: str
    county: str
    kind: str
    columns: Mapping[str, Any]


def read_columns(kept: Mapping[str, Any], wanted: Sequence[str]) -> Iterator[PartOfMonth]:
    """Some columns of the institutions, as they were kept; a year of them is read in a third of the time of all."""
    names = kept["institutions"]["columns"]
    places = [(name, names.index(name), name in MONEY) for name in wanted]
    for row in kept["institutions"]["values"]:
        columns = {name: Decimal(row[place]) if money else row[place] for name, place, money in places}
        yield PartOfMonth(row[0], row[1], row[2], row[3], columns)


def read_scores(kept: Mapping[str, Any]) -> list[ScoreRow]:
    """What the distributors did, as it was kept among the rows of a month."""
    names = kept["columns"][4:]
    return [
        ScoreRow(code, name, county, township, Score(**_typed(names, values, _SCORE_MONEY)))
        for code, name, county, township, *values in kept["values"]
    ]


def _typed(names: Iterable[str], values: Iterable[Any], money: frozenset[str]) -> dict[str, Any]:
    return {
        name: Decimal(value) if name in money else value for name, value in zip(names, values, strict=True)
    }


@dataclass(frozen=True, slots=True)
class Fulfilment:
    """How far volumes are fulfilled together (R-VOL-3): packs, shares, the lag in percentage points."""

    agreed: int
    counted: int
    expected: Decimal

    @property
    def progress(self) -> Fraction | None:
        """Counted ÷ agreed."""
        return Fraction(self.counted, self.agreed) if self.agreed else None

    @property
    def time_progress(self) -> Fraction | None:
        """The share of the packs that the time gone by asks for."""
        return Fraction(self.expected) / self.agreed if self.agreed else None

    @property
    def lag_pp(self) -> Fraction | None:
        """Time progress − progress, in percentage points; below 0 where more came than time asks for."""
        if not self.agreed:
            return None
        return (Fraction(self.expected) - self.counted) / self.agreed * 100


def fulfilment(rows: Iterable[VolumeRow]) -> Fulfilment:
    """Volumes added up; the lag weighs each item by its agreed packs."""
    agreed = counted = 0
    expected = Decimal(0)
    for row in rows:
        agreed += row.agreed
        counted += row.counted
        expected += row.expected
    return Fulfilment(agreed, counted, expected)
