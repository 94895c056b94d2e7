"""The demonstration's world: how large it is, its places, and the names that are invented for it."""

from __future__ import annotations

import random
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import date, datetime, timedelta
from decimal import Decimal
from typing import Any, NamedTuple

from clinic_orders.rules.days import Quarter
from clinic_orders.rules.parties import InstitutionKind

Row = dict[str, Any]

SMALL_COUNTIES = ("410325", "410329")  # 嵩县 and 伊川县, as in the drawn screens.
DISTRIBUTOR_NAMES = (
    "豫西安康医药配送有限公司",
    "河洛惠民医药物流有限公司",
    "伊洛同济药业配送有限公司",
    "嵩岳医药有限公司",
    "洛阳康源医药有限公司",
    "中州百草医药配送有限公司",
    "邙山医药供应链有限公司",
    "龙门济世药业有限公司",
    "栾川伏牛医药配送有限公司",
    "洛宁神灵医药有限公司",
    "新安函谷药业配送有限公司",
    "宜阳灵山医药有限公司",
    "汝阳杜康医药物流有限公司",
    "偃师商都医药配送有限公司",
    "孟津会盟药业有限公司",
    "涧西工建医药有限公司",
    "老城丽景医药配送有限公司",
    "瀍河回洛药业有限公司",
    "洛龙开元医药物流有限公司",
    "伊滨科创医药配送有限公司",
)
PHARMACY_BRANDS = ("安和堂", "济仁", "百姓康", "同心", "仁爱", "惠民", "益寿", "康乐", "福源", "长春")
PRIVATE_NAMES = ("仁济民营医院", "骨科康复医院", "康宁门诊部", "同仁中医门诊部", "爱尔口腔门诊部", "慈安医院")
SURNAMES = "王李张刘陈杨赵黄周吴徐孙马朱胡郭何高林郑"
GIVEN = (
    "保田",
    "秀英",
    "建国",
    "桂兰",
    "志强",
    "玉梅",
    "海军",
    "春花",
    "文明",
    "凤霞",
    "国庆",
    "红军",
    "丽娟",
    "铁柱",
)


@dataclass(frozen=True, slots=True)
class Scale:
    """How large the demonstration is; hospitals 0 = one a township."""

    counties: tuple[str, ...] | None
    hospitals: int
    clinics: int
    shops: int
    distributors: int


SCALES = {
    "small": Scale(SMALL_COUNTIES, hospitals=0, clinics=300, shops=40, distributors=6),
    "prefecture": Scale(None, hospitals=200, clinics=3067, shops=1000, distributors=20),
}


@dataclass(slots=True)
class Place:
    """An invented institution and what it needs to order."""

    code: str
    name: str
    kind: InstitutionKind
    county: str
    supervisor: str | None
    joined_on: date
    remote: bool
    usual: list[tuple[str, int]] = field(default_factory=list)
    proxy: bool = False
    scale: str = ""


@dataclass(frozen=True, slots=True)
class File:
    """Rows that are imported as one file would be: its kind, a word that tells it from others, the rows.

    ``reported_at`` is the instant since when they are known; None = since the demonstration is made.
    """

    kind: str
    name: str
    rows: list[Row]
    reported_at: datetime | None = None


class Pack(NamedTuple):
    """A scanned pack: its code, and when it was delivered and accepted."""

    code: str
    delivered_on: date
    accepted_on: date


@dataclass(frozen=True, slots=True, order=True)
class Planted:
    """One finding that the demonstration holds on purpose, as ``check`` gives it on the judged day (formats.md section 3).

    Attributes:
        rule: the finding's rule.
        grade: its grade.
        institution: code, or empty.
        distributor: code, or empty.
        key: as the table of formats.md says.
        period: as the table of formats.md says.
        figures: those that were planned to the unit, by name.

    """

    rule: str
    grade: str
    institution: str
    distributor: str
    key: str
    period: str
    figures: tuple[tuple[str, int | str], ...] = ()


@dataclass(slots=True)
class Demonstration:
    """What was invented: the standing rows by import kind, the places, who logs in as what, what was planted.

    Attributes:
        seed: makes it the same every time.
        start: first day of the first month.
        today: the day before which the last order is made.
        now: the instant after which nothing has happened.
        items: rows of kind ``catalogue``.
        prices: pack price in yuan by item code.
        policies: rows of kind ``policies`` that hold in it.
        number: which of several prefectures in one database it is; their papers have numbers of their own.
        relation: who delivers an item in a county, by county and item code.
        counting: codes of the places that count all of their stock at the end of every month.
        silent: codes of the places that never count any; the others count one item a month.
        coding: codes of the pharmacies that note trace codes of what they sell.
        scanning: those of them that also scan every pack of items with trace codes when it comes.
        traced: prefix of trace codes by item code.
        packs: the scanned packs on each shelf, by place and item.
        sent_back: packs that went back to the distributor, by place and item.
        expiring: packs that expire in the judged month, by place and item.
        rows: of the kinds that stand; the past months are made as they are asked for.
        planted: filled as the months are made; complete at the end.
        planted_last_quarter: what is judged once a quarter, as of the last quarter's end, where that was before the judged day.

    """

    seed: int
    start: date
    today: date
    now: datetime
    items: Sequence[Row]
    prices: Mapping[str, Decimal]
    policies: Sequence[Row] = ()
    number: int = 0
    relation: dict[tuple[str, str], str] = field(default_factory=dict)
    rows: dict[str, list[Row]] = field(default_factory=dict)
    places: list[Place] = field(default_factory=list)
    distributors: list[str] = field(default_factory=list)
    counting: frozenset[str] = frozenset()
    silent: frozenset[str] = frozenset()
    coding: frozenset[str] = frozenset()
    scanning: frozenset[str] = frozenset()
    traced: dict[str, str] = field(default_factory=dict)
    packs: dict[tuple[str, str], list[Pack]] = field(default_factory=dict)
    sent_back: dict[tuple[str, str], str] = field(default_factory=dict)
    expiring: dict[tuple[str, str], str] = field(default_factory=dict)
    planted: list[Planted] = field(default_factory=list)
    planted_last_quarter: list[Planted] = field(default_factory=list)
    show_clinic: str = ""
    show_hospital: str = ""
    show_distributor: str = ""
    show_county: str = ""
    _codes: int = 0

    def new_codes(self, item_code: str, packs: int) -> tuple[str, ...]:
        """Trace codes that no other pack has."""
        first, self._codes = self._codes + 1, self._codes + packs
        prefix = self.traced[item_code]
        return tuple(f"{prefix}{number:013d}" for number in range(first, first + packs))

    @property
    def as_of(self) -> date:
        """The judged day, the last one of the last whole month: the planted findings are those of this day."""
        return self.today.replace(day=1) - timedelta(days=1)

    @property
    def last_quarter(self) -> Quarter:
        """The last quarter that ended on or before the judged day."""
        quarter = Quarter.of(self.as_of)
        return (
            quarter if quarter.last_day == self.as_of else Quarter.of(quarter.first_day - timedelta(days=1))
        )


def prefix_of(number: int) -> str:
    """The first four figures of a prefecture's codes; no real prefecture has one that begins with 9."""
    return f"{9000 + number}" if number else "4103"


def dice_for(seed: int, part: str) -> random.Random:
    """Dice of its own for a part of the demonstration, so that a new part leaves the others as they were."""
    # Random enough for a demonstration; nothing secret is made of it.
    return random.Random(f"{seed} {part}")  # noqa: S311


def person(random_: random.Random) -> str:
    """An invented person's name."""
    return random_.choice(SURNAMES) + random_.choice(GIVEN)
