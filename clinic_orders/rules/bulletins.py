"""The quarterly bulletin 季度通报: who stands where, and what it says (R-STAT-3).

A place is that of a competition: equals share it, who has no figure stands behind all who have one. The overall place goes
by the sum of the places in the duties, so no weight is hidden in it.

>>> places_of([Fraction(9, 10), None, Fraction(1), Fraction(9, 10)])
[2, 4, 1, 2]
>>> places_of([3, 1], highest_first=False)
[2, 1]
"""

from __future__ import annotations

from bisect import bisect_left, bisect_right
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from datetime import date
from decimal import Decimal
from fractions import Fraction
from typing import Any, Final

from clinic_orders.rules.days import Quarter
from clinic_orders.rules.errors import N_, RuleBroken
from clinic_orders.rules.findings import rounded
from clinic_orders.rules.letter_requests import bureau_name
from clinic_orders.rules.letters import Align, Annex, Column, LetterContent, LetterKind, Part, Section
from clinic_orders.rules.scorecard import Score

MOST_NAMED: Final = 200
"""So many institutions of a kind are named on paper, those that stand last; the workbook has all."""
MOST_WORDS: Final = 1000


class MonthsNotClosed(RuleBroken):
    """A bulletin rests on frozen months only (R-STAT-1)."""

    message = N_("The bulletin of %(quarter)s rests on closed months only. Not closed yet: %(months)s.")


class MonthsWithoutRows(RuleBroken):
    """A month was closed before the rows behind its figures were kept."""

    message = N_(
        "%(months)s was closed before the rows behind the figures were kept; nobody can be ranked by it."
    )


class BulletinPublished(RuleBroken):
    """A published bulletin is never changed."""

    message = N_("The bulletin of %(quarter)s is published as %(number)s and stays as it is.")


class BulletinNotDrafted(RuleBroken):
    """There is nothing to publish yet."""

    message = N_("There is no draft of the bulletin of %(quarter)s yet. Make the draft first.")


class DemandsTooLong(RuleBroken):
    """More than the bulletin has room for."""

    message = N_("What is demanded has %(length)s characters; at most %(limit)s are possible.")


Value = Fraction | Decimal | int | None


def places_of(values: Sequence[Value], *, highest_first: bool = True) -> list[int]:
    """The place of each value; equals share one, None stands behind all others."""
    known = sorted(Fraction(value) for value in values if value is not None)
    found = []
    for value in values:
        if value is None:
            found.append(len(known) + 1)
            continue
        exact = Fraction(value)
        better = len(known) - bisect_right(known, exact) if highest_first else bisect_left(known, exact)
        found.append(1 + better)
    return found


def share(part: Any, whole: Any) -> Fraction | None:
    """A share; None where nothing is divided by."""
    return Fraction(part) / Fraction(whole) if whole else None


@dataclass(frozen=True, slots=True)
class Subject:
    """A county or an institution over a quarter.

    Attributes:
        code, name, place: ``place`` is the county of an institution.
        kind: Chinese word of the kind of an institution; "" for a county.
        sums: columns of ``rules.further_indicators``: what flows is the quarter's, what stands is that of its last day.

    """

    code: str
    name: str
    place: str
    kind: str
    sums: Mapping[str, Any]


@dataclass(frozen=True, slots=True)
class Duty:
    """One of the four duties by which is ranked.

    Attributes:
        word: its heading.
        value: the figure.
        highest_first: whether more is better.
        percent: whether it is a share.

    """

    word: str
    value: Callable[[Mapping[str, Any]], Value]
    highest_first: bool = True
    percent: bool = False


DUTIES: Final = (
    Duty("按时回款率", lambda sums: share(sums["amount_paid_on_time"], sums["amount_due"]), percent=True),
    Duty("平均在配品规", lambda sums: share(sums["items_carried"], sums["institutions"])),
    Duty("约定采购量完成率", lambda sums: share(sums["counted"], sums["agreed"]), percent=True),
    Duty("超加价金额（元）", lambda sums: sums["over_markup_excess"], highest_first=False),
)
"""付、配、采、价: to pay, to keep, to buy, to sell."""

SCORES: Final[tuple[tuple[str, Callable[[Score], Value], bool], ...]] = (
    ("订单响应率", lambda score: score.confirmation_rate, True),
    ("配送率", lambda score: score.delivery_rate, True),
    ("及时配送率", lambda score: score.on_time_rate, True),
    ("迟送盒日", lambda score: score.late_item_days, False),
)


@dataclass(frozen=True, slots=True)
class Ranked:
    """A line of a ranking: the overall place, who it is, the figures as written, the sum of the places."""

    place: int
    code: str
    name: str
    where: str
    figures: tuple[str, ...]
    points: int


def written(value: Value, *, percent: bool) -> str:
    """A figure for the paper.

    >>> written(Fraction(1, 3), percent=True), written(None, percent=True), written(1234, percent=False)
    ('33.33%', '—', '1,234')
    """
    if value is None:
        return "—"
    if percent:
        return f"{rounded(Fraction(value) * 100, Decimal('0.01'))}%"
    return f"{value:,}" if isinstance(value, int) else f"{rounded(value, Decimal('0.01')):,}"


def _ranking(
    names: Sequence[tuple[str, str, str]],
    columns: Sequence[tuple[Sequence[Value], bool, bool]],
) -> list[Ranked]:
    """Rank by the sum of the places in each column: (values, whether more is better, whether they are shares)."""
    places = [places_of(values, highest_first=highest) for values, highest, _ in columns]
    points = [sum(column[one] for column in places) for one in range(len(names))]
    overall = places_of(points, highest_first=False)
    found = [
        Ranked(
            overall[one],
            *names[one],
            tuple(written(values[one], percent=percent) for values, _, percent in columns),
            points[one],
        )
        for one in range(len(names))
    ]
    return sorted(found, key=lambda one: (one.place, one.code))


def ranked(subjects: Sequence[Subject]) -> list[Ranked]:
    """Counties, or the institutions of one kind, by the four duties."""
    return _ranking(
        [(one.code, one.name, one.place) for one in subjects],
        [([duty.value(one.sums) for one in subjects], duty.highest_first, duty.percent) for duty in DUTIES],
    )


def ranked_distributors(scores: Sequence[tuple[str, str, Score]]) -> list[Ranked]:
    """Distributors, each with code and name, by their scorecards."""
    return _ranking(
        [(code, name, "") for code, name, _ in scores],
        [([value(score) for _, _, score in scores], highest, highest) for _, value, highest in SCORES],
    )


@dataclass(frozen=True, slots=True)
class QuarterFigures:
    """What a bulletin rests on.

    Attributes:
        quarter: the quarter.
        city: the whole.
        counties: of the quarter's last day, ranked.
        kinds: the institutions of each kind, ranked, by the kind's Chinese word.
        distributors: ranked.
        batches: batch, packs agreed and counted, lag in percentage points.
        unconfirmed: Chinese names of the parameters in use that rest on no document.
        hashes: SHA-256 of the three months.
        demo: whether the data are those of the demonstration.

    """

    quarter: Quarter
    city: Mapping[str, Any]
    counties: Sequence[Ranked]
    kinds: Mapping[str, Sequence[Ranked]]
    distributors: Sequence[Ranked]
    batches: Sequence[tuple[str, int, int, Fraction | None]]
    unconfirmed: Sequence[str]
    hashes: Sequence[str]
    demo: bool


PARAMETER_WORDS: Final[Mapping[str, str]] = {
    "payment.rule": "付款期限规则",
    "markup.cap": "加价上限",
    "markup.base": "计价基准",
    "markup.base_days": "计价基准回溯天数",
    "markup.rounding": "加价取舍方式",
    "stocking.minimum": "最少配备数",
    "stocking.window_days": "在配认定天数",
    "stocking.grace_days": "配备宽限天数",
    "volume.report_day": "报量截止日",
    "report.day": "月报截止日",
    "order.confirm_days": "响应期限",
    "delivery.hours_normal": "配送时限",
    "delivery.hours_remote": "偏远配送时限",
    "delivery.hours_emergency": "应急配送时限",
    "delivery.hours_emergency_remote": "偏远应急配送时限",
    "trace.full_from": "追溯码全面上传起始日",
}
"""The parameters by which the figures of a bulletin are reckoned, in its words."""

USUAL_DEMANDS: Final = (
    "各县（区）医疗保障局要对照位次查找短板，督促位次靠后的单位按期回款、配足品种、完成约定采购量、按承诺加价。",
    "各配送企业要按时响应、按时配送，未送到的要说明原因和补送时间。",
)


def _number(value: Any) -> str:
    return f"{value:,.2f}" if isinstance(value, Decimal) else f"{value:,}"


def _overall(figures: QuarterFigures) -> tuple[str, ...]:
    sums = figures.city
    paid = written(share(sums["amount_paid_on_time"], sums["amount_due"]), percent=True)
    delivered = written(share(sums["delivered"], sums["asked"]), percent=True)
    in_time = written(share(sums["delivered_in_time"], sums["asked"]), percent=True)
    carried = written(share(sums["items_carried"], sums["institutions"]), percent=False)
    fulfilled = written(share(sums["counted"], sums["agreed"]), percent=True)
    return (
        (
            f"季末参与单位{_number(sums['institutions'])}家。本季度提交采购单{_number(sums['orders'])}张、"
            f"{_number(sums['order_packs'])}盒，金额{_number(sums['order_amount'])}元；"
            f"验收入库{_number(sums['accepted_amount'])}元。"
        ),
        f"付：到期货款{_number(sums['amount_due'])}元，按时回款率{paid}；季末逾期未付{_number(sums['overdue_amount'])}元。",
        f"配：参与单位平均在配品规{carried}个。",
        f"采：季末所处采购周期约定采购量完成率{fulfilled}；配送率{delivered}，及时配送率{in_time}。",
        f"价：超加价销售{_number(sums['over_markup_lines'])}笔，超出金额{_number(sums['over_markup_excess'])}元。",
    )


def _named(ranking: Sequence[Ranked], number: int) -> str:
    return "、".join(one.name for one in ranking[:number])


def _order_words(figures: QuarterFigures) -> tuple[str, ...]:
    found = []
    if len(figures.counties) > 1:
        number = min(3, len(figures.counties) // 2)
        found.append(
            f"县（区）综合位次靠前的是{_named(figures.counties, number)}；"
            f"靠后的是{_named(figures.counties[::-1], number)}。"
        )
    found += [
        f"{kind}{len(ranking):,}家，综合位次靠前的是{_named(ranking, 3)}。"
        for kind, ranking in figures.kinds.items()
        if len(ranking) > 1
    ]
    if len(figures.distributors) > 1:
        found.append(
            f"配送企业综合位次靠前的是{_named(figures.distributors, min(3, len(figures.distributors)))}。"
        )
    found.append("综合位次按各项位次之和由小到大排列，和相同的并列；没有可比数据的项目排在有数据的之后。")
    return tuple(found)


_RIGHT = Align.RIGHT


def _annexes(figures: QuarterFigures, most: int | None) -> tuple[Annex, ...]:
    duties = tuple(Column(duty.word, _RIGHT, 10) for duty in DUTIES)
    first, last = Column("位次", Align.CENTER, 5), Column("位次和", _RIGHT, 6)
    annexes = [
        Annex(
            "各县（区）“三进”工作位次表",
            (first, Column("县（区）", width=14), *duties, last),
            tuple((str(one.place), one.name, *one.figures, str(one.points)) for one in figures.counties),
        )
    ]
    for kind, ranking in figures.kinds.items():
        shown = ranking if most is None else ranking[-most:]
        note = "" if len(shown) == len(ranking) else f"共{len(ranking):,}家，列出位次靠后的{len(shown):,}家"
        annexes.append(
            Annex(
                f"{kind}“三进”工作位次表",
                (first, Column("单位", width=26), Column("县（区）", width=9), *duties, last),
                tuple((str(one.place), one.name, one.where, *one.figures, str(one.points)) for one in shown),
                note=note,
            )
        )
    if figures.distributors:
        columns = tuple(Column(word, _RIGHT, 10) for word, _, _ in SCORES)
        annexes.append(
            Annex(
                "配送企业位次表",
                (first, Column("配送企业", width=24), *columns, last),
                tuple(
                    (str(one.place), one.name, *one.figures, str(one.points)) for one in figures.distributors
                ),
                note="迟送盒日：迟到的盒数×天数，未送到的计到季内各月末",
            )
        )
    if figures.batches:
        annexes.append(
            Annex(
                "约定采购量分批次完成情况表",
                (
                    Column("集采批次", width=24),
                    Column("约定采购量（盒）", _RIGHT, 14),
                    Column("已完成量（盒）", _RIGHT, 14),
                    Column("完成率", _RIGHT, 10),
                    Column("滞后（百分点）", _RIGHT, 12),
                ),
                tuple(
                    (
                        batch or "（未注明）",
                        f"{agreed:,}",
                        f"{counted:,}",
                        written(share(counted, agreed), percent=True),
                        written(lag, percent=False),
                    )
                    for batch, agreed, counted, lag in figures.batches
                ),
            )
        )
    return tuple(annexes)


def compose_bulletin(
    figures: QuarterFigures, *, demands: str = "", signed_on: date, most: int | None = MOST_NAMED
) -> LetterContent:
    """The bulletin as an official letter without number.

    Args:
        figures: what it rests on.
        demands: what is demanded, a paragraph a line; empty = the usual words.
        signed_on: the day it bears.
        most: so many institutions of a kind are named; None = all.

    """
    quarter = figures.quarter
    name = f"{quarter.year}年第{'一二三四'[quarter.number - 1]}季度"
    months = "、".join(f"{month.number}月" for month in quarter.months)
    checks = "、".join(one[:12] for one in figures.hashes)
    basis = [
        f"数据来自{quarter.year}年{months}的月结数据，月结后补登记的不计入（月结校验值前12位：{checks}）。"
    ]
    if figures.unconfirmed:
        basis.append(
            f"下列政策参数尚未确认依据文件，相关数据供参考（待确认）：{'、'.join(figures.unconfirmed)}。"
        )
    lines = tuple(line.strip() for line in demands.splitlines() if line.strip()) or USUAL_DEMANDS
    issuer = bureau_name()
    return LetterContent(
        kind=LetterKind.BULLETIN,
        issuer=issuer,
        number=None,
        title=f"关于{name}集采药品“三进”工作情况的通报",
        addressee="各县（区）医疗保障局，各参与医药机构，各配送企业",
        opening=f"现将{name}集采药品进基层医疗机构、进民营医疗机构、进零售药店工作情况通报如下。",
        sections=(
            Section(Part.FACTS, "总体情况", _overall(figures)),
            Section(Part.FACTS, "位次情况", _order_words(figures)),
            Section(Part.BASIS, "数据说明", tuple(basis)),
            Section(Part.DEMAND, "工作要求", lines),
        ),
        signed_on=signed_on,
        annexes=_annexes(figures, most),
        printed_by=f"{issuer}办公室",
        demo=figures.demo,
    )


def check_demands(text: str) -> str:
    """What is demanded, without spaces around.

    Raises:
        DemandsTooLong: more than a thousand characters.

    """
    found = text.strip()
    if len(found) > MOST_WORDS:
        raise DemandsTooLong(length=len(found), limit=MOST_WORDS)
    return found
