"""The monthly statistics 月度统计表 as a workbook and as a paper; both say the same figures (R-STAT-3)."""

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
from clinic_orders.documents.statistics_words import (
    BY_NAME,
    CHANNELS,
    FINDINGS,
    FURTHER,
    INDICATORS,
    KINDS,
    LEVELS,
    MODES,
    Form,
    Indicator,
    Value,
    value_of,
    written,
)
from clinic_orders.queries.institutions import counties
from clinic_orders.queries.roster import has_demo_data
from clinic_orders.queries.statistics import MonthStatistics, restated, statistics
from clinic_orders.rules.days import Month
from clinic_orders.rules.ladder import Level
from clinic_orders.rules.letter_requests import bureau_name
from clinic_orders.rules.parties import SYSTEM, InstitutionKind, OrderMode

TITLE: Final = "集采药品“三进”月度统计表"
CITY: Final = "全市"
_NUMBERS: Final = {Form.COUNT: "#,##0", Form.AMOUNT: "#,##0.00", Form.RATE: "0.00%", Form.AVERAGE: "#,##0.00"}
_COLUMNS_A_PAGE: Final = 12
# A landscape page holds about eight columns of figures beside the names.
_PARTS: Final = (
    (
        "采购与配送",
        (
            "institutions",
            "participating",
            "coverage",
            "items_carried_average",
            "orders",
            "order_packs",
            "order_amount",
            "accepted_amount",
            "delivery_rate",
        ),
    ),
    (
        "付款、销售与约定采购量",
        (
            "amount_due",
            "amount_paid_on_time",
            "on_time_payment_rate",
            "overdue_amount",
            "over_markup_lines",
            "over_markup_excess",
            "fulfilment",
            "trace_rate",
        ),
    ),
)
_FURTHER_PARTS: Final = (
    (
        "覆盖、配备、响应与报送",
        (
            "in_scope",
            "in_scope_members",
            "scheme_coverage",
            "minimum_compliance",
            "confirmation_rate",
            "on_time_rate",
            "reports_due",
            "reporting_rate",
            "on_time_reporting_rate",
        ),
    ),
    (
        "逾期账龄、节省与问题",
        (
            "overdue_1_30",
            "overdue_31_60",
            "overdue_61_90",
            "overdue_over_90",
            "savings",
            "findings_raised",
            "findings_cured",
            "findings_open",
        ),
    ),
)


@dataclass(frozen=True, slots=True)
class StatisticsPaper:
    """What workbook and paper are made from.

    Attributes:
        found: the figures: frozen ones where the month is closed.
        now: what is recorded now, where the month is closed; else None.
        counties: name by code.
        county: the one county it is about; "" = the whole city.
        demo: whether the data are those of the demonstration.
        at: the instant of printing.

    """

    found: MonthStatistics
    now: MonthStatistics | None
    counties: dict[str, str]
    county: str
    demo: bool
    at: datetime

    @property
    def place(self) -> str:
        """Whose figures they are."""
        return self.counties.get(self.county, self.county) if self.county else CITY

    @property
    def month(self) -> str:
        """The month as papers write it."""
        return f"{self.found.month.year}年{self.found.month.number}月"

    @property
    def state(self) -> str:
        """Whether the figures are frozen, and with which cut-off."""
        if self.found.cut_off_at is None:
            return f"未月结，截至 {words.moment(self.found.reckoned_at or self.at)} 的登记"
        return f"已月结，截至 {words.moment(self.found.cut_off_at)} 的登记"

    @property
    def whole(self) -> dict[str, Any]:
        """The block that stands first: that of the city, or of the one county; empty where it has no members."""
        return whole_block(self.blocks, self.county)

    @property
    def blocks(self) -> dict[str, Any]:
        """All blocks with all indicators."""
        return joined_blocks(self.found)

    @property
    def indicators(self) -> tuple[Indicator, ...]:
        """Those that there are figures of."""
        return INDICATORS if self.found.further is None else (*INDICATORS, *FURTHER)

    @property
    def by_county(self) -> list[tuple[str, dict[str, Any]]]:
        """The counties' names and blocks."""
        return [(self.counties.get(one["code"], one["code"]), one) for one in self.blocks["counties"]]

    @property
    def by_kind(self) -> list[tuple[str, dict[str, Any]]]:
        """The kinds' names and blocks."""
        return [(KINDS[InstitutionKind(one["kind"])], one) for one in self.blocks["kinds"]]


def load_paper(month: Month, county: str = "", *, at: datetime) -> StatisticsPaper:
    """Everything that workbook and paper say of a month.

    Args:
        month: the month.
        county: only this one; "" = the whole city.
        at: the instant of printing.

    """
    found = statistics(month, county or None)
    return paper_of(found, restated(month, county or None) if found.frozen else None, county, at=at)


def paper_of(
    found: MonthStatistics, now: MonthStatistics | None, county: str = "", *, at: datetime
) -> StatisticsPaper:
    """Everything that workbook and paper say of figures that are there already.

    Args:
        found: the figures.
        now: beside frozen ones what is recorded since; None = not compared.
        county: only this one; "" = the whole city.
        at: the instant of printing.

    """
    return StatisticsPaper(found, now, dict(counties(SYSTEM)), county, has_demo_data(), at)


def joined_blocks(found: MonthStatistics) -> dict[str, Any]:
    """City, counties and kinds with the indicators beyond the contract, where there are any, beside those of it."""
    if found.further is None:
        return found.blocks
    by_code = {one["code"]: one for one in found.further["counties"]}
    by_kind = {one["kind"]: one for one in found.further["kinds"]}
    city = found.blocks["city"]
    return {
        "city": None if city is None else {**city, **found.further["city"]},
        "counties": [{**one, **by_code.get(one["code"], {})} for one in found.blocks["counties"]],
        "kinds": [{**one, **by_kind.get(one["kind"], {})} for one in found.blocks["kinds"]],
    }


def whole_block(blocks: dict[str, Any], county: str) -> dict[str, Any]:
    """The block of the city, or of one county; empty where the county has no members."""
    if not county:
        return dict(blocks["city"] or {})
    return next((dict(one) for one in blocks["counties"] if one["code"] == county), {})


@dataclass(frozen=True, slots=True)
class Changed:
    """An indicator that would be another if the month were reckoned anew."""

    place: str
    word: str
    before: str
    now: str


def named_blocks(found: MonthStatistics, names: dict[str, str]) -> list[tuple[str, dict[str, Any]]]:
    """The blocks with their names: the city, the counties, the kinds."""
    blocks: list[tuple[str, dict[str, Any]]] = []
    joined = joined_blocks(found)
    if joined["city"]:
        blocks.append((CITY, joined["city"]))
    blocks += [(names.get(one["code"], one["code"]), one) for one in joined["counties"]]
    blocks += [(KINDS[InstitutionKind(one["kind"])], one) for one in joined["kinds"]]
    return blocks


def changes(found: MonthStatistics, now: MonthStatistics | None, names: dict[str, str]) -> list[Changed]:
    """What is recorded differently since the month was closed, figure by figure (R-STAT-1)."""
    if now is None:
        return []
    later = dict(named_blocks(now, names))
    result = []
    for name, block in named_blocks(found, names):
        other = later.pop(name, None)
        if other is None:
            result.append(Changed(name, "月末成员", "有", "无"))
            continue
        result += [
            Changed(name, one.heading, written(one, value_of(one, block)), written(one, value_of(one, other)))
            for one in (*INDICATORS, *FURTHER)
            if one.name in block and one.name in other and block[one.name] != other[one.name]
        ]
        result += [
            Changed(name, f"问题：{word}", str(before), str(after))
            for rule, word in FINDINGS.items()
            if (before := block["findings"].get(rule.value, 0))
            != (after := other["findings"].get(rule.value, 0))
        ]
    return result + [Changed(name, "月末成员", "无", "有") for name in later]


def _findings_table(paper: StatisticsPaper) -> tuple[list[str], list[list[str | int]]]:
    """Findings by rule, a column for the whole and one for each county."""
    columns = [] if paper.county else [(CITY, paper.whole)]
    columns += paper.by_county
    rows: list[list[str | int]] = []
    for rule, word in FINDINGS.items():
        numbers = [block["findings"].get(rule.value, 0) for _, block in columns]
        if any(numbers):
            rows.append([word, *numbers])
    return ["问题", *(name for name, _ in columns)], rows


def _cases_table(paper: StatisticsPaper) -> tuple[list[str], list[list[str | int]]]:
    """Cases by the level reached, a column for the whole and one for each county; no rows where none were kept."""
    columns = [] if paper.county else [(CITY, paper.whole)]
    columns += paper.by_county
    if "cases" not in paper.whole:
        return [], []
    rows: list[list[str | int]] = [
        [
            f"{level.value} {LEVELS[level]}",
            *(block.get("cases", {}).get(str(level.value), 0) for _, block in columns),
        ]
        for level in Level
    ]
    return ["处置阶梯", *(name for name, _ in columns)], rows


def _number_sheet(
    sheets: _Sheets, name: str, headings: Sequence[str], rows: Iterable[Sequence[str | int]]
) -> None:
    """A sheet of whole numbers with a word in front of each row."""
    page = sheets.sheet(name, headings, (28, 12))
    for number, row in enumerate(rows, start=5):
        page.write_string(number, 0, str(row[0]), sheets.text)
        for place, value in enumerate(row[1:], start=1):
            sheets.put(page, number, place, Form.COUNT, int(value))


def _trade_rows(paper: StatisticsPaper) -> list[tuple[str, str, dict[str, Any]]]:
    """Orders of the month by mode and channel."""
    return [
        (MODES[OrderMode(one["mode"])], CHANNELS.get(one["channel"], one["channel"]), one)
        for one in paper.whole.get("trade", ())
    ]


# The workbook ------------------------------------------------------------------------------------------


class _Sheets:
    """A workbook whose sheets all begin with title, month, unit and state."""

    def __init__(self, file: io.BytesIO, paper: StatisticsPaper) -> None:
        self.book = xlsxwriter.Workbook(file, {"strings_to_formulas": False, "strings_to_urls": False})
        self.book.set_properties({"title": TITLE, "created": paper.at.replace(tzinfo=None)})
        self.paper = paper
        border = {"border": 1, "valign": "vcenter"}
        add = self.book.add_format
        self.title = add({"bold": True, "font_size": 16, "align": "center", "valign": "vcenter"})
        self.line = add({"font_size": 10})
        self.head = add({**border, "bold": True, "align": "center", "text_wrap": True, "bg_color": "#E7EFEC"})
        self.text = add({**border, "text_wrap": True})
        self.numbers = {form: add({**border, "num_format": number}) for form, number in _NUMBERS.items()}
        self.none = add({**border, "align": "right"})

    def sheet(self, name: str, headings: Sequence[str], widths: Sequence[int]) -> Any:
        """Begin a sheet; figures stand from its sixth row on."""
        page = self.book.add_worksheet(name)
        last = max(len(headings) - 1, 3)
        page.merge_range(0, 0, 0, last, "", self.title)
        page.write_string(0, 0, TITLE, self.title)
        page.set_row(0, 30)
        page.write_string(1, 0, f"统计范围：{self.paper.place}　　统计月份：{self.paper.month}", self.line)
        page.write_string(2, 0, f"数据状态：{self.paper.state}", self.line)
        mark = f"　　{DEMO_MARK}，不代表任何真实单位" if self.paper.demo else ""
        page.write_string(3, 0, f"编制时间：{words.moment(self.paper.at)}{mark}", self.line)
        for place, heading in enumerate(headings):
            page.write_string(4, place, heading, self.head)
            page.set_column(place, place, widths[min(place, len(widths) - 1)])
        page.set_row(4, 32)
        page.freeze_panes(5, 1)
        page.repeat_rows(0, 4)
        page.set_paper(9)
        page.set_landscape()
        # More columns than one can read on a page go on over the next ones, each with the names in front.
        page.fit_to_pages(-(-len(headings) // _COLUMNS_A_PAGE), 0)
        page.repeat_columns(0)
        page.set_footer("&C第 &P 页，共 &N 页")
        return page

    def put(self, page: Any, row: int, place: int, form: Form, value: Value) -> None:
        """A figure as a typed cell; a dash where there is none."""
        if value is None:
            page.write_string(row, place, "—", self.none)
        else:
            page.write_number(row, place, value, self.numbers[form])


def statistics_workbook(paper: StatisticsPaper) -> bytes:
    """The workbook: the whole, counties, kinds, findings, and what is recorded differently since the closing."""
    file = io.BytesIO()
    sheets = _Sheets(file, paper)
    _whole_sheet(sheets, paper)
    every = [one.heading for one in paper.indicators] + ["问题（项）"]
    for name, blocks in (("县区", paper.by_county), ("单位类别", paper.by_kind)):
        page = sheets.sheet(name, [name, *every], (20, 14))
        _block_rows(sheets, page, blocks, paper.indicators)
    headings, rows = _findings_table(paper)
    _number_sheet(sheets, "问题", headings, rows)
    headings, rows = _cases_table(paper)
    if rows:
        _number_sheet(sheets, "案件", headings, rows)
    if trade := _trade_rows(paper):
        page = sheets.sheet(
            "采购模式与渠道",
            ("采购模式", "采购渠道", "采购单（张）", "采购数量（盒）", "采购金额（元）"),
            (20, 20, 16),
        )
        for number, (mode, channel, sums) in enumerate(trade, start=5):
            page.write_string(number, 0, mode, sheets.text)
            page.write_string(number, 1, channel, sheets.text)
            sheets.put(page, number, 2, Form.COUNT, sums["orders"])
            sheets.put(page, number, 3, Form.COUNT, sums["packs"])
            sheets.put(page, number, 4, Form.AMOUNT, Decimal(sums["amount"]))
    changed = changes(paper.found, paper.now, paper.counties)
    if changed:
        page = sheets.sheet("更正说明", ("范围", "指标", "月结数据", "现在的记录"), (20, 30, 18, 18))
        for number, one in enumerate(changed, start=5):
            for place, text in enumerate((one.place, one.word, one.before, one.now)):
                page.write_string(number, place, text, sheets.text)
    sheets.book.close()
    return file.getvalue()


def _whole_sheet(sheets: _Sheets, paper: StatisticsPaper) -> None:
    now = whole_block(joined_blocks(paper.now), paper.county) if paper.now else {}
    headings = ["指标", "单位", "数值", *(["现在的记录"] if now else []), "口径"]
    page = sheets.sheet(
        "全市" if not paper.county else "全县", headings, (24, 8, 18, 18, 60) if now else (24, 8, 18, 60)
    )
    for row, one in enumerate(paper.indicators if paper.whole else (), start=5):
        page.write_string(row, 0, one.word, sheets.text)
        page.write_string(row, 1, one.unit, sheets.text)
        sheets.put(page, row, 2, one.form, value_of(one, paper.whole))
        if now:
            sheets.put(page, row, 3, one.form, value_of(one, now))
        page.write_string(row, 4 if now else 3, one.about, sheets.text)


def _block_rows(
    sheets: _Sheets,
    page: Any,
    blocks: Iterable[tuple[str, dict[str, Any]]],
    indicators: Sequence[Indicator],
) -> None:
    for row, (name, block) in enumerate(blocks, start=5):
        page.write_string(row, 0, name, sheets.text)
        for place, one in enumerate(indicators, start=1):
            sheets.put(page, row, place, one.form, value_of(one, block) if one.name in block else None)
        sheets.put(page, row, len(indicators) + 1, Form.COUNT, sum(block["findings"].values()))


# The paper ---------------------------------------------------------------------------------------------


def statistics_paper(paper: StatisticsPaper) -> bytes:
    """The paper.

    Raises:
        PapersOff: see ``documents.render``.

    """
    return render("month_statistics", paper_data(paper))


def paper_data(paper: StatisticsPaper) -> dict[str, Any]:
    """The values of the template, for the paper and its tests."""
    whole = (paper.place, paper.whole)
    tables = []
    for about, blocks in (("县区", paper.by_county), ("单位类别", paper.by_kind)):
        for title, names in _PARTS if paper.found.further is None else (*_PARTS, *_FURTHER_PARTS):
            indicators = [BY_NAME[name] for name in names]
            tables.append(
                {
                    "title": f"分{about}：{title}",
                    "first": about,
                    "headings": [one.heading for one in indicators],
                    "rows": [(name, _texts(indicators, block)) for name, block in blocks],
                    "whole": (whole[0], _texts(indicators, whole[1])) if whole[1] else None,
                }
            )
    finding_heads, finding_rows = _findings_table(paper)
    case_heads, case_rows = _cases_table(paper)
    return {
        "kind": "business",
        "landscape": True,
        "title": TITLE,
        "issuer": bureau_name(),
        "paper": paper,
        "facts": [(one, written(one, value_of(one, paper.whole))) for one in paper.indicators if paper.whole],
        "tables": [table for table in tables if table["rows"]],
        "trade": [
            (mode, channel, f"{one['orders']:,}", f"{one['packs']:,}", f"{Decimal(one['amount']):,.2f}")
            for mode, channel, one in _trade_rows(paper)
        ],
        "finding_heads": finding_heads,
        "finding_rows": finding_rows,
        "case_heads": case_heads,
        "case_rows": case_rows,
        "changed": changes(paper.found, paper.now, paper.counties),
        "mark": DEMO_MARK if paper.demo else "",
    }


def _texts(indicators: Iterable[Indicator], block: dict[str, Any]) -> list[str]:
    return [written(one, value_of(one, block) if one.name in block else None) for one in indicators]
