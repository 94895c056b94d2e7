"""``assessment YYYY -o FILE``: the result on paper and as a list for settlement, deposit and renewal."""

from __future__ import annotations

import io
from collections.abc import Callable, Iterator
from datetime import UTC, date, datetime
from pathlib import Path

import openpyxl
import pytest
from flask import Flask

from clinic_orders.actions import assessments as deeds
from clinic_orders.cli import run
from clinic_orders.models.base import db
from tests.assessment_world import CITY, keep_month, own_figures, reckon, sheet_of
from tests.documents.test_letters import pages
from tests.files_world import take_well
from tests.people import SONG, make_people

NOW = datetime(2027, 2, 1, 2, tzinfo=UTC)


@pytest.fixture
def year(app: Flask, clock_at: Callable[[datetime], None]) -> Iterator[None]:
    clock_at(NOW)
    people = make_people()
    rows = {"parameter": "assessment.deposit_from", "value": "100", "valid_from": date(2026, 1, 1)}
    take_well("policies", rows)
    keep_month("2026-12", {"V01": own_figures()}, county=SONG, at=NOW)
    deeds.open_assessment(2026, by=CITY, at=NOW)
    reckon(2026, at=NOW)
    clinic = sheet_of(people.institutions["clinic"].id, 2026)
    later = datetime(2027, 3, 1, 2, tzinfo=UTC)
    deeds.go_on_site(2026, by=CITY, at=later)
    deeds.score_on_site(2026, clinic.id, "10", "", "", by=CITY, at=later)
    yield
    db.session.rollback()


def assessment(app: Flask, *arguments: str) -> int:
    with pytest.raises(SystemExit) as left:
        run(lambda: app, ["assessment", *arguments])
    assert isinstance(left.value.code, int)
    return left.value.code


def test_the_result_is_written_as_a_paper(app: Flask, year: None, tmp_path: Path) -> None:
    out = tmp_path / "result.pdf"
    assert assessment(app, "2026", "-o", str(out), "--county", SONG) == 0
    whole = "".join(pages(out.read_bytes()))
    assert "2026年度考核结果" in whole
    assert "明白川村卫生室" in whole
    # 15 + 10 + 10 + 5 + 9 + 0 + 5 + 10 of 80; the deposit is whole from 100 points on.
    assert "80.00" in whole
    assert "80.00%" in whole
    assert "未设定" in whole
    assert "约定采购量完成的满分" in whole
    assert "白元村" not in whole


def test_the_list_has_typed_cells(app: Flask, year: None, tmp_path: Path) -> None:
    out = tmp_path / "result.xlsx"
    assert assessment(app, "2026", "-o", str(out)) == 0
    book = openpyxl.load_workbook(io.BytesIO(out.read_bytes()))
    rows = {row[0]: row for row in book["结果"].iter_rows(values_only=True)}
    assert rows["V01"][6:10] == (80, "良好", "未设定", 0.8)
    assert book.sheetnames == ["结果", "等次"]


def test_a_year_that_nobody_assesses_is_refused(app: Flask, year: None, tmp_path: Path) -> None:
    assert assessment(app, "2024", "-o", str(tmp_path / "none.pdf")) == 1
    assert not (tmp_path / "none.pdf").exists()
