"""The annual assessment as papers: an institution's sheet 考核表, the summary 结果汇总, and their workbooks (R-STAT-3)."""

from __future__ import annotations

import io
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from datetime import datetime
from decimal import Decimal
from typing import Any, Final

import xlsxwriter

from clinic_orders.documents import render, words
from clinic_orders.documents.distribution import DEMO_MARK
from clinic_orders.documents.statistics import CITY
from clinic_orders.documents.statistics_words import KINDS
from clinic_orders.models.assessments import Assessment, AssessmentAppeal, AssessmentLine
from clinic_orders.queries.assessments import (
    Behind,
    GradeCount,
    Sheet,
    SheetRow,
    find_assessment,
    grade_counts,
    result_rows,
)
from clinic_orders.queries.institutions import counties
from clinic_orders.queries.roster import has_demo_data
from clinic_orders.rules.assessment import AssessmentState, Grade, Indicator, Use, weight_name
from clinic_orders.rules.days import day_in_china
from clinic_orders.rules.letter_requests import bureau_name
from clinic_orders.rules.parties import SYSTEM, Actor

INDICATORS: Final = {
    Indicator.FULFILMENT: "约定采购量完成",
    Indicator.PAYMENT: "按期付款",
    Indicator.STOCKING: "最少配备达标",
    Indicator.PRICE: "销售价格",
    Indicator.REPORTING: "按期报送",
    Indicator.TRACING: "追溯码采集",
    Indicator.TRAINING: "人员培训",
    Indicator.CONDUCT: "守法守信",
    Indicator.SITE: "实地查看",
}
GRADES: Final = {
    Grade.EXCELLENT: "优秀",
    Grade.GOOD: "良好",
    Grade.PASSED: "合格",
    Grade.FAILED: "不合格",
}
USES: Final = {Use.SETTLEMENT: "年度基金清算", Use.DEPOSIT: "保证金退还", Use.RENEWAL: "协议续签"}
STATES: Final = {
    AssessmentState.SELF_SCORING: "自评中，未公布",
    AssessmentState.ON_SITE: "实地评分中，未公布",
    AssessmentState.PUBLISHED: "已公布，可以申诉",
    AssessmentState.FINAL: "已定案",
}
_MEASURES: Final = {
    Indicator.FULFILMENT: "应采 {asked} 盒，完成 {done} 盒",
    Indicator.PAYMENT: "应付 {asked} 元，按期付 {done} 元",
    Indicator.STOCKING: "核查 {asked} 个月，达标 {done} 个月",
    Indicator.PRICE: "{asked} 个月，{done} 个月没有超过允许价的销售",
    Indicator.REPORTING: "应报 {asked} 次，按期报 {done} 次",
    Indicator.TRACING: "应扫码 {asked} 行，已扫 {done} 行",
    Indicator.TRAINING: "要求 {asked} 学时，登记 {done} 学时",
    Indicator.CONDUCT: "基数 {asked}，扣除后余 {done}",
    Indicator.SITE: "满分 {asked}，评 {done} 分",
}
PARAMETER_WORDS: Final = {
    **{weight_name(one): f"{word}的满分" for one, word in INDICATORS.items()},
    "assessment.excellent": "优秀分数线",
    "assessment.good": "良好分数线",
    "assessment.passed": "合格分数线",
    "assessment.training_hours": "全年培训学时",
    "assessment.conduct_levels": "守法守信扣完的级数",
    "assessment.settlement_from": "全额清算分数线",
    "assessment.deposit_from": "全额退还分数线",
    "assessment.renewal_from": "续签分数线",
}
NONE: Final = "—"


def measure(line: AssessmentLine) -> str:
    """What was done of what was asked, in words."""
    if line.asked <= 0:
        return "不适用，不计满分"
    if line.indicator is Indicator.PAYMENT:
        return _MEASURES[line.indicator].format(done=words.yuan(line.done), asked=words.yuan(line.asked))
    return _MEASURES[line.indicator].format(done=_plain(line.done), asked=_plain(line.asked))


def points(value: Decimal | None) -> str:
    """Points with two decimals, a dash where there are none."""
    return NONE if value is None else f"{value:.2f}"


def share(use: Use, value: Decimal | None) -> str:
    """What a result leads to."""
    if value is None:
        return "未设定"
    if use is Use.RENEWAL:
        return "建议续签" if value else "不建议续签"
    return "全额" if value == 1 else f"{value * 100:.2f}%"


def _plain(number: Decimal) -> str:
    return f"{number.normalize():f}"


def _state(assessment: Assessment) -> str:
    """Where the assessment stands, and what its figures rest on."""
    if assessment.as_of is None:
        return STATES[assessment.state]
    return f"{STATES[assessment.state]}；数据截至 {words.day(assessment.as_of)}"


def months_words(assessment: Assessment) -> str:
    """Which months had figures."""
    if not assessment.months:
        return "没有月度数据"
    open_ = [month for month, frozen in assessment.months if not frozen]
    text = f"{assessment.months[0][0]} 至 {assessment.months[-1][0]}，共 {len(assessment.months)} 个月"
    return text + (f"，其中 {'、'.join(open_)} 未月结" if open_ else "，均已月结")


def unconfirmed_words(assessment: Assessment) -> str:
    """The policy that nobody vouches for yet."""
    return "、".join(PARAMETER_WORDS.get(name, name) for name in assessment.unconfirmed)


@dataclass(frozen=True, slots=True)
class SheetPaper:
    """What a sheet's paper and workbook are made from."""

    found: Sheet
    behind: Behind
    issuer: str
    demo: bool
    at: datetime


def sheet_data(paper: SheetPaper) -> dict[str, Any]:
    """The values of the template."""
    found = paper.found
    return {
        "paper": paper,
        "found": found,
        "sheet": found.sheet,
        "assessment": found.assessment,
        "kind_word": KINDS[found.sheet.kind],
        "state": _state(found.assessment),
        "months": months_words(found.assessment),
        "unconfirmed": unconfirmed_words(found.assessment),
        "lines": [
            (INDICATORS[one.indicator], one.weight, measure(one), points(one.self_points), points(one.points))
            for one in found.lines
        ],
        "total": points(found.total),
        "self_total": points(found.self_total),
        "grade": GRADES[found.grade] if found.grade else NONE,
        "uses": [(USES[use], share(use, found.used(use))) for use in Use],
        "appeals": [(one, _verdict(one)) for one in found.appeals],
        "mark": DEMO_MARK if paper.demo else "",
    }


def _verdict(one: AssessmentAppeal) -> str:
    if one.upheld is None:
        return "未答复"
    if not one.upheld or one.indicator is None:
        return "申诉不成立"
    return f"申诉成立：{INDICATORS[one.indicator]}由 {points(one.points_before)} 分更正为 {points(one.points_after)} 分"


def sheet_pdf(paper: SheetPaper) -> bytes:
    """An institution's sheet as PDF.

    Raises:
        PapersOff: see ``documents.render``.

    """
    return render("assessment_sheet", sheet_data(paper))


@dataclass(frozen=True, slots=True)
class SummaryPaper:
    """What the summary is made from; ``place`` is the city or the county whose result it is."""

    assessment: Assessment
    rows: Sequence[SheetRow]
    counts: Sequence[GradeCount]
    place: str
    issuer: str
    demo: bool
    at: datetime


def load_summary(year: int, actor: Actor, *, county: str = "", at: datetime) -> SummaryPaper | None:
    """The result of a year as somebody may see it; None where the year is not assessed.

    Args:
        year: the year.
        actor: whose sheets are seen; an officer of a county sees its own.
        county: only this one; "" = all of them.
        at: the instant of printing.

    """
    assessment = find_assessment(year)
    if assessment is None:
        return None
    on = day_in_china(at)
    wanted = county or actor.county_code or ""
    return SummaryPaper(
        assessment,
        result_rows(assessment.id, actor, on=on, county=wanted),
        grade_counts(assessment.id, actor, on=on, county=wanted),
        dict(counties(SYSTEM)).get(wanted, wanted) if wanted else CITY,
        bureau_name(),
        has_demo_data(),
        at,
    )


def summary_data(paper: SummaryPaper) -> dict[str, Any]:
    """The values of the template."""
    counties: dict[str, list[SheetRow]] = {}
    for row in paper.rows:
        counties.setdefault(row.county, []).append(row)
    return {
        "paper": paper,
        "assessment": paper.assessment,
        "state": _state(paper.assessment),
        "months": months_words(paper.assessment),
        "unconfirmed": unconfirmed_words(paper.assessment),
        "counts": [(GRADES[one.grade] if one.grade else "未评分", one.number) for one in paper.counts],
        "by_county": [(name, _spread(rows)) for name, rows in counties.items()],
        "grades": [*GRADES.values(), "未评分"],
        "counties": [(name, [_summary_row(row) for row in rows]) for name, rows in counties.items()],
        "uses": list(USES.values()),
        "mark": DEMO_MARK if paper.demo else "",
    }


def _spread(rows: Iterable[SheetRow]) -> list[int]:
    """How many have which grade, last those without one."""
    found = [row.grade for row in rows]
    return [*(found.count(one) for one in GRADES), found.count(None)]


def _summary_row(row: SheetRow) -> tuple[str, ...]:
    return (
        row.code, row.name, KINDS[row.kind], points(row.self_total), points(row.total),
        GRADES[row.grade] if row.grade else NONE, *(share(use, row.used(use)) for use in Use),
    )  # fmt: skip


def summary_pdf(paper: SummaryPaper) -> bytes:
    """The summary as PDF.

    Raises:
        PapersOff: see ``documents.render``.

    """
    return render("assessment_summary", summary_data(paper))


# Workbooks ----------------------------------------------------------------------------------------------


class _Book:
    """A workbook whose sheets begin with a title and what the figures rest on."""

    def __init__(self, file: io.BytesIO, title: str, about: Sequence[str]) -> None:
        self.book = xlsxwriter.Workbook(file, {"strings_to_formulas": False, "strings_to_urls": False})
        self.title, self.about = title, about
        add = self.book.add_format
        border = {"border": 1, "valign": "vcenter"}
        self.heading = add({"bold": True, "font_size": 16})
        self.head = add({**border, "bold": True, "align": "center", "text_wrap": True, "bg_color": "#E7EFEC"})
        self.text = add({**border, "text_wrap": True})
        self.number = add({**border, "num_format": "#,##0.00"})
        self.whole = add({**border, "num_format": "#,##0"})
        self.share = add({**border, "num_format": "0.00%"})

    def sheet(
        self, name: str, headings: Sequence[str], widths: Sequence[int], rows: Iterable[Sequence[Any]]
    ) -> None:
        """A sheet with its rows; Decimal, int and text keep their kinds, a share is a Decimal in a tuple."""
        page = self.book.add_worksheet(name)
        page.write_string(0, 0, self.title, self.heading)
        for number, text in enumerate(self.about, start=1):
            page.write_string(number, 0, text)
        top = len(self.about) + 1
        for place, heading in enumerate(headings):
            page.write_string(top, place, heading, self.head)
            page.set_column(place, place, widths[min(place, len(widths) - 1)])
        for number, row in enumerate(rows, start=top + 1):
            for place, value in enumerate(row):
                self._put(page, number, place, value)
        page.freeze_panes(top + 1, 1)
        page.repeat_rows(0, top)
        page.set_paper(9)
        page.set_landscape()
        page.fit_to_pages(1, 0)
        page.set_footer("&C第 &P 页，共 &N 页")

    def _put(self, page: Any, row: int, place: int, value: Any) -> None:
        if isinstance(value, tuple):
            page.write_number(row, place, value[0], self.share)
        elif isinstance(value, Decimal):
            page.write_number(row, place, value, self.number)
        elif isinstance(value, int):
            page.write_number(row, place, value, self.whole)
        else:
            page.write_string(row, place, NONE if value is None else str(value), self.text)


def _about(assessment: Assessment, at: datetime, demo: bool) -> list[str]:
    lines = [
        f"数据状态：{_state(assessment)}",
        f"月度数据：{months_words(assessment)}",
        f"编制时间：{words.moment(at)}" + (f"　　{DEMO_MARK}，不代表任何真实单位" if demo else ""),
    ]
    if assessment.unconfirmed:
        lines.append(f"待确认的政策参数：{unconfirmed_words(assessment)}")
    return lines


def summary_workbook(paper: SummaryPaper) -> bytes:
    """The result list for settlement, deposit and renewal, and the grades of every county."""
    file = io.BytesIO()
    title = f"{paper.assessment.year} 年度考核结果　{paper.place}"
    book = _Book(file, title, _about(paper.assessment, paper.at, paper.demo))
    book.sheet(
        "结果",
        ("单位编码", "单位名称", "类别", "县（区）", "乡镇（街道）", "自评分", "考核分", "等次", *USES.values(), "未实地查看的原因"),
        (18, 30, 16, 12, 14, 10, 10, 10, 14, 14, 14, 24),
        (
            (
                row.code, row.name, KINDS[row.kind], row.county, row.township, row.self_total, row.total,
                GRADES[row.grade] if row.grade else None, *(_used(use, row.used(use)) for use in Use), row.no_visit or None,
            )
            for row in paper.rows
        ),
    )  # fmt: skip
    counties: dict[str, list[SheetRow]] = {}
    for row in paper.rows:
        counties.setdefault(row.county, []).append(row)
    book.sheet(
        "等次",
        ("县（区）", *GRADES.values(), "未评分"),
        (20, 12),
        ((name, *_spread(rows)) for name, rows in counties.items()),
    )
    book.book.close()
    return file.getvalue()


def _used(use: Use, value: Decimal | None) -> Any:
    if value is None or use is Use.RENEWAL:
        return share(use, value)
    return (value,)


def sheet_workbook(paper: SheetPaper) -> bytes:
    """A sheet with the months and agreements behind it."""
    file, found = io.BytesIO(), paper.found
    title = f"{found.assessment.year} 年度考核表　{found.sheet.name}（{found.code}）"
    book = _Book(file, title, _about(found.assessment, paper.at, paper.demo))
    book.sheet(
        "考核表",
        ("项目", "满分", "依据", "自评分", "考核分"),
        (18, 8, 44, 10, 10),
        [
            *(
                (INDICATORS[one.indicator], one.weight, measure(one), one.self_points, one.points)
                for one in found.lines
            ),
            (
                "总分（按适用项目折算为 100 分）",
                None,
                GRADES[found.grade] if found.grade else None,
                found.self_total,
                found.total,
            ),
        ],
    )
    book.sheet(
        "月度数据",
        (
            "月份",
            "在册",
            "应付（元）",
            "按期付（元）",
            "应核最少配备",
            "达标",
            "超价销售行",
            "应报",
            "按期报",
            "应扫码行",
            "已扫码行",
        ),
        (12, 8, 16, 16, 12),
        (
            (
                month, "是" if one.member else "否", one.amount_due, one.amount_paid_on_time, one.minimum_due,
                one.minimum_met, one.over_markup_lines, one.reports_due, one.reports_in_time, one.codable_lines,
                one.coded_lines,
            )
            for month, one in paper.behind.months
        ),
    )  # fmt: skip
    book.sheet(
        "约定采购量",
        ("品规编码", "药品", "周期第一天", "周期最后一天", "应采（盒）", "已采（盒）", "企业原因未到（盒）", "计为完成（盒）"),
        (12, 30, 14, 14, 12),
        (
            (
                one.part.item_code, one.item, one.part.first, one.part.last, one.part.asked, one.part.counted,
                one.part.excused, one.part.done,
            )
            for one in paper.behind.volumes
        ),
    )  # fmt: skip
    book.book.close()
    return file.getvalue()
