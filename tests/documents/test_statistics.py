"""The monthly statistics as workbook and paper: typed cells, no formulas, the restatement beside the frozen figure."""

from __future__ import annotations

import io
from datetime import date
from typing import Any

import openpyxl
import pytest
from flask import Flask

from clinic_orders import documents, jobs
from clinic_orders.actions.statistics import close_month
from clinic_orders.cli import run
from clinic_orders.documents.statistics import (
    TITLE,
    StatisticsPaper,
    load_paper,
    paper_data,
    statistics_paper,
    statistics_workbook,
)
from clinic_orders.documents.statistics_words import FINDINGS, INDICATORS
from clinic_orders.jobs import figures
from clinic_orders.models.base import db
from clinic_orders.models.roster import County
from clinic_orders.queries.statistics import closed_month, statistics
from clinic_orders.rules.days import Month
from clinic_orders.rules.findings import CheckRule
from clinic_orders.rules.parties import SYSTEM
from clinic_orders.web.display import label
from tests.files_world import COUNTY, make_world, moment, order, take_well

FEBRUARY = Month(2026, 2)
CLOSED_AT = moment("2026-03-01T03:00")
NOW = moment("2026-03-05T09:00")


def ordered(number: str, packs: int) -> dict[str, Any]:
    return order(
        order_no=number,
        packs=packs,
        confirmed_packs=packs,
        submitted_at=moment("2026-02-03T09:00"),
        confirmed_at=moment("2026-02-03T10:00"),
    )


@pytest.fixture
def world(app: Flask) -> None:
    """One order in February."""
    make_world()
    take_well("orders", ordered("A1", 7))


def sheets(content: bytes) -> dict[str, Any]:
    book = openpyxl.load_workbook(io.BytesIO(content))
    return {page.title: page for page in book.worksheets}


def rows_of(page: Any) -> dict[str, Any]:
    return {row[0].value: row[2].value for row in page.iter_rows(min_row=6)}


def test_the_indicators_are_those_of_the_contract_and_named_as_on_screen(world):
    block = statistics(FEBRUARY).blocks["city"]
    assert [one.name for one in INDICATORS] == [name for name in block if name != "findings"]
    assert set(FINDINGS) == set(CheckRule)


def test_findings_are_called_the_same_on_paper_and_on_screen(app):
    with app.test_request_context(headers={"Accept-Language": "zh"}):
        assert {rule: label(rule) for rule in CheckRule} == FINDINGS


def test_the_workbook_has_a_sheet_for_each_block_with_typed_cells(world):
    found = sheets(statistics_workbook(load_paper(FEBRUARY, at=NOW)))
    assert list(found) == ["全市", "县区", "单位类别", "问题", "案件", "采购模式与渠道"]
    city = found["全市"]
    assert city["A1"].value == TITLE
    assert city["A2"].value == "统计范围：全市　　统计月份：2026年2月"
    assert city["A3"].value == "数据状态：未月结，截至 2026年3月5日 9:00 的登记"
    assert city.freeze_panes == "B6"
    figures = rows_of(city)
    assert (figures["参与单位"], figures["采购数量"], figures["参与率"]) == (2, 7, 0.5)
    assert figures["追溯码上传率"] == "—"
    county = found["县区"]
    assert [cell.value for cell in county[5]][:3] == ["县区", "参与单位（家）", "有采购的单位（家）"]
    assert [cell.number_format for cell in county[6]][1:4] == ["#,##0", "#,##0", "0.00%"]


def test_a_name_that_looks_like_a_formula_stays_text(world):
    db.session.get_one(County, COUNTY).name = '=HYPERLINK("http://example.org","嵩县")'
    db.session.commit()
    page = sheets(statistics_workbook(load_paper(FEBRUARY, at=NOW)))["县区"]
    assert page["A6"].value.startswith("=HYPERLINK")
    assert page["A6"].data_type == "s"
    assert page["A6"].hyperlink is None


def test_what_is_recorded_after_the_closing_stands_beside_the_frozen_figures(world):
    close_month(FEBRUARY, by=SYSTEM, at=CLOSED_AT)
    assert "更正说明" not in sheets(statistics_workbook(load_paper(FEBRUARY, at=NOW)))
    take_well("orders", ordered("A2", 3))
    found = sheets(statistics_workbook(load_paper(FEBRUARY, at=NOW)))
    city = {row[0].value: (row[2].value, row[3].value) for row in found["全市"].iter_rows(min_row=6)}
    assert city["采购数量"] == (7, 10)
    assert city["参与单位"] == (2, 2)
    said = [[cell.value for cell in row] for row in found["更正说明"].iter_rows(min_row=6)]
    assert ["全市", "采购数量（盒）", "7", "10"] in said


def test_a_county_alone_has_its_own_block_first(world):
    paper = load_paper(FEBRUARY, COUNTY, at=NOW)
    assert paper.place != "全市"
    assert paper.whole["code"] == COUNTY
    empty: StatisticsPaper = load_paper(FEBRUARY, "410302", at=NOW)
    assert paper_data(empty)["tables"] == []
    assert list(sheets(statistics_workbook(empty))) == ["全县", "县区", "单位类别", "问题"]


def test_the_paper_says_the_figures_state_and_hash(world):
    closed = close_month(FEBRUARY, by=SYSTEM, at=CLOSED_AT)
    html = documents.as_html("month_statistics", paper_data(load_paper(FEBRUARY, at=NOW)))
    assert "已月结，截至 2026年3月1日 3:00 的登记" in html
    assert closed.sha256 in html
    assert "更正说明" not in html
    assert "采购数量（盒）" in html


def test_the_paper_is_a_pdf(world):
    assert statistics_paper(load_paper(FEBRUARY, at=NOW)).startswith(b"%PDF")


def console(app: Flask, *arguments: str) -> Any:
    with pytest.raises(SystemExit) as left:
        run(lambda: app, list(arguments))
    return left.value.code


def test_the_console_writes_the_files_whole_or_not_at_all(world, app, tmp_path, capsys):
    assert console(app, "statistics", "2026-02", "--format", "xlsx") == 2
    book, paper = tmp_path / "二月.xlsx", tmp_path / "二月.pdf"
    assert console(app, "statistics", "2026-02", "--format", "xlsx", "-o", str(book)) == 0
    assert console(app, "statistics", "2026-02", "--format", "pdf", "-o", str(paper)) == 0
    assert rows_of(sheets(book.read_bytes())["全市"])["采购数量"] == 7
    assert paper.read_bytes().startswith(b"%PDF")
    nowhere = tmp_path / "none" / "x.xlsx"
    assert console(app, "statistics", "2026-02", "--format", "xlsx", "-o", str(nowhere)) == 1
    assert sorted(path.name for path in tmp_path.iterdir()) == ["二月.pdf", "二月.xlsx"]


def test_the_job_closes_the_month_before_once(world):
    outcome = jobs.Outcome()
    figures.close_month(date(2026, 3, 1), CLOSED_AT, outcome)
    figures.close_month(date(2026, 3, 1), NOW, outcome)
    closed = closed_month(FEBRUARY)
    assert closed is not None
    assert (closed.cut_off_at, outcome.changed, outcome.failures) == (CLOSED_AT, 1, 0)


def test_the_job_runs_on_the_first_at_three_and_catches_up_each_month():
    job = jobs.find_job("close-month")
    slots = list(job.slots(moment("2026-01-15T00:00"), moment("2026-04-01T03:00")))
    assert slots == [moment(f"2026-0{month}-01T03:00") for month in (2, 3, 4)]
    assert job.catch_up
