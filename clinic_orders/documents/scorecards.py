"""Scorecards of distributors 配送企业评分卡 as papers: one with its townships and lines, all side by side (R-STAT-3)."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from datetime import datetime
from decimal import Decimal
from typing import Any, Final

from clinic_orders.documents import render, words
from clinic_orders.documents.distribution import DEMO_MARK
from clinic_orders.documents.month_chart import Axis, MonthChart, MonthFigure, month_chart
from clinic_orders.queries.institutions import counties
from clinic_orders.queries.roster import has_demo_data
from clinic_orders.queries.score_lines import ScoreLine
from clinic_orders.queries.score_trend import MonthScore
from clinic_orders.queries.statistics import MonthStatistics
from clinic_orders.rules.bulletins import written
from clinic_orders.rules.letter_requests import bureau_name
from clinic_orders.rules.parties import SYSTEM
from clinic_orders.rules.scorecard import Score, sum_of

TITLE: Final = "配送企业评分卡"
MOST_LINES: Final = 200
"""A paper shows so many late lines; the file of the page has them all."""


@dataclass(frozen=True, slots=True)
class _Figure:
    """A figure of the paper: its word, unit, what it means, its value."""

    word: str
    unit: str
    about: str
    value: Callable[[Score], Any]

    @property
    def heading(self) -> str:
        """As the head of a column."""
        return f"{self.word}（{self.unit}）" if self.unit != "%" else self.word

    def text(self, score: Score | None) -> str:
        """The figure as papers write it."""
        return "—" if score is None else written(self.value(score), percent=self.unit == "%")


_FIGURES: Final = (
    _Figure(
        "订单响应率",
        "%",
        "在响应期限内响应的采购单明细 ÷ 本月到响应期限的采购单明细",
        lambda score: score.confirmation_rate,
    ),
    _Figure(
        "配送率",
        "%",
        "已送到的盒数 ÷ 应送盒数；因配送企业原因被拒收的不算送到",
        lambda score: score.delivery_rate,
    ),
    _Figure("及时配送率", "%", "在配送期限内送到的盒数 ÷ 应送盒数", lambda score: score.on_time_rate),
    _Figure(
        "应送", "盒", "配送期限在本月的采购单明细，减去期限日及以前采购方撤回的", lambda score: score.asked
    ),
    _Figure("未送到", "盒", "到月末仍未送到的", lambda score: score.never_came),
    _Figure(
        "迟送盒日", "盒×天", "晚到的盒数 × 晚到的天数；未送到的算到月末", lambda score: score.late_item_days
    ),
    _Figure("到期采购单明细", "条", "配送期限在本月的采购单明细", lambda score: score.lines_due),
    _Figure("本月采购", "盒", "本月提交的采购单", lambda score: score.packs),
    _Figure("本月采购额", "元", "本月提交的采购单", lambda score: score.amount),
)
# What stands beside a township or a distributor: eight columns fit a landscape page.
_BESIDE: Final = _FIGURES[:7]
# What is followed over the months.
_FOLLOWED: Final = _FIGURES[:6]
_IN_CHARTS: Final = (_FIGURES[2], _FIGURES[5])


@dataclass(frozen=True, slots=True)
class Row:
    """A line of a table: a township with its county, or a distributor with its code; and what it did."""

    name: str
    score: Score


@dataclass(frozen=True, slots=True)
class ScorecardPaper:
    """What the paper of one distributor is made from.

    Attributes:
        found: the month's figures.
        code, name: the distributor.
        county: code of the county within which it is looked at; "" = the whole city.
        townships: its figures by township.
        trend: its last months.
        late: order lines that came late or never came, in any order.
        at: the instant of printing.

    """

    found: MonthStatistics
    code: str
    name: str
    county: str
    townships: Sequence[Row]
    trend: Sequence[MonthScore]
    late: Sequence[ScoreLine]
    at: datetime


@dataclass(frozen=True, slots=True)
class AllPaper:
    """What the paper of all distributors is made from; see ``ScorecardPaper``."""

    found: MonthStatistics
    rows: Sequence[Row]
    county: str
    at: datetime


def _head(found: MonthStatistics, county: str, at: datetime) -> dict[str, Any]:
    """What both papers begin with."""
    names = dict(counties(SYSTEM))
    cut_off = found.cut_off_at
    seen = words.moment(cut_off or found.reckoned_at or at)
    return {
        "kind": "business",
        "landscape": True,
        "title": TITLE,
        "issuer": bureau_name(names.get(county, county) if county else ""),
        "place": names.get(county, county) if county else "全市",
        "month": f"{found.month.year}年{found.month.number}月",
        "closed": cut_off is not None,
        "state": f"{'已月结' if cut_off else '未月结'}，截至 {seen} 的登记",
        "at": at,
        "mark": DEMO_MARK if has_demo_data() else "",
    }


def _table(first: str, rows: Sequence[Row]) -> dict[str, Any]:
    """Figures side by side, the sum last."""
    return {
        "first": first,
        "headings": [one.heading for one in _BESIDE],
        "rows": [(row.name, [one.text(row.score) for one in _BESIDE]) for row in rows],
        "whole": [one.text(sum_of(row.score for row in rows)) for one in _BESIDE],
    }


def paper_data(paper: ScorecardPaper) -> dict[str, Any]:
    """The values of the template for one distributor."""
    total = sum_of(row.score for row in paper.townships)
    months = [
        (one.month, total if one.month == paper.found.month else one.score, one.frozen) for one in paper.trend
    ]
    late = sorted(
        paper.late, key=lambda line: (-line.late, line.limit, line.named.order_no, line.named.item_code)
    )
    return {
        **_head(paper.found, paper.county, paper.at),
        "who": f"{paper.name}（{paper.code}）",
        "name": paper.name,
        "facts": [(one, one.text(total)) for one in _FIGURES],
        "table": _table("乡镇（街道）", paper.townships),
        "months": [str(month) for month, _score, _frozen in months],
        "followed": [
            (one.heading, [one.text(score) for _month, score, _frozen in months]) for one in _FOLLOWED
        ],
        "charts": [(one.heading, one.text(total), _chart(one, months)) for one in _IN_CHARTS],
        "late": late[:MOST_LINES],
        "late_in_all": len(late),
        "counties": dict(counties(SYSTEM)),
    }


def _chart(figure: _Figure, months: Sequence[tuple[Any, Score | None, bool]]) -> MonthChart:
    """The months as columns or, where it is a share, as a line."""
    figures = []
    for month, score, _frozen in months:
        value = None if score is None else figure.value(score)
        number = None if value is None else Decimal(value.numerator) / value.denominator
        figures.append(MonthFigure(str(month.number), number, figure.text(score)))
    return month_chart(figures, Axis.SHARE if figure.unit == "%" else Axis.NUMBER)


def scorecard_paper(paper: ScorecardPaper) -> bytes:
    """One distributor on paper.

    Raises:
        PapersOff: see ``documents.render``.

    """
    return render("scorecard", paper_data(paper))


def scorecards_paper(paper: AllPaper) -> bytes:
    """All distributors on paper, side by side.

    Raises:
        PapersOff: see ``documents.render``.

    """
    return render("scorecard", all_data(paper))


def all_data(paper: AllPaper) -> dict[str, Any]:
    """The values of the template for all distributors."""
    return {
        **_head(paper.found, paper.county, paper.at),
        "who": "",
        "name": "全部配送企业",
        "facts": [(one, one.text(sum_of(row.score for row in paper.rows))) for one in _FIGURES],
        "table": _table("配送企业", paper.rows),
        "months": [],
        "followed": [],
        "charts": [],
        "late": [],
        "late_in_all": 0,
        "counties": {},
    }
