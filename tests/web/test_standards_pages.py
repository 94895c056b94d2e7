"""Sheets of the six unified standards carry the institution's name, its promise and where to complain."""

from __future__ import annotations

import io
import zipfile
from collections.abc import Callable
from dataclasses import replace
from decimal import Decimal
from pathlib import Path
from typing import Any

import pikepdf
import pypdfium2
import pytest
from sqlalchemy import select

from clinic_orders.actions.loading import NotFound
from clinic_orders.actions.paper_runs import cancel_run
from clinic_orders.actions.standards_runs import request_standards_run
from clinic_orders.documents import as_html
from clinic_orders.documents.paper_runs import PDF, ZIP, RunPrinter
from clinic_orders.documents.standards import named, standards_zip
from clinic_orders.documents.standards_runs import STANDARDS_RUNS
from clinic_orders.models.base import db
from clinic_orders.models.roster import Commitment
from clinic_orders.models.standards_runs import StandardsRun
from clinic_orders.queries.standards import standards_of
from clinic_orders.rules.paper_runs import PaperRunState
from clinic_orders.rules.parties import SYSTEM, Actor, Role
from clinic_orders.rules.standards import NobodyToPrintFor, Sheet
from tests import factories as make


@pytest.fixture
def world(app: Any, clock_at: Callable[[Any], None]) -> make.World:
    clock_at(make.NOW)
    world = make.make_world(items=1)
    db.session.add(
        Commitment(
            institution_id=world.pharmacy.id,
            signed_on=make.TODAY,
            version="2026",
            markup_rate=Decimal("0.12"),
            recorded_at=make.LONG_AGO,
        )
    )
    db.session.flush()
    return world


def html(world: make.World, code: str, phone: str = "0379-6300-0000") -> str:
    one = next(row for row in standards_of(SYSTEM, on=make.TODAY) if row.code == code)
    return as_html(
        "standards",
        {
            "institutions": [named(one)],
            "sheets": [sheet.value for sheet in Sheet],
            "phone": phone,
            "on": make.TODAY,
            "demo": False,
        },
    )


def test_each_sheet_has_the_name_and_the_telephone_and_the_promise_that_was_signed(world: make.World) -> None:
    text = html(world, "P01")
    assert text.count("<section") == len(Sheet)
    # One of them is the bookmark.
    assert text.count("安和堂伊川店") == len(Sheet) + 1
    assert text.count("0379-6300-0000") == len(Sheet)
    assert "加价率不超过 <b>12%</b>" in text
    assert "零差率" not in text
    public = html(world, "V01", phone="")
    assert "零差率" in public
    assert public.count("＿＿＿＿") >= len(Sheet)


def test_an_institution_prints_its_own_and_nobody_elses(client: Any, world: make.World) -> None:
    client.log_in(make.make_user("v01", institution=world.clinic))
    client.get("/standards/own", status=200)
    paper = client.get("/standards/own.pdf?sheet=zone", status=200)
    assert paper.data[:4] == b"%PDF"
    client.get(f"/standards/many.pdf?institution={world.pharmacy.id}", status=403)


def test_a_county_prints_those_of_its_own_institutions(client: Any, world: make.World) -> None:
    client.log_in(make.make_user("county", role=Role.COUNTY, county="410325"))
    page = client.get("/standards/?county=410325", status=200).get_data(as_text=True)
    assert "3 家机构" in page
    client.get("/standards/many.pdf?county=410329", status=404)
    client.get(f"/standards/many.pdf?institution={world.pharmacy.id}", status=404)
    assert client.get(f"/standards/?institution={world.clinic.id}", status=200)


def test_a_county_as_zip_holds_a_paper_of_each(world: make.World) -> None:
    rows = standards_of(SYSTEM, on=make.TODAY, county="410325")
    told: list[int] = []
    content = standards_zip(rows, [Sheet.SIGN], phone="", on=make.TODAY, told=told.append)
    assert told == [1, 2, 3]
    with zipfile.ZipFile(io.BytesIO(content)) as folder:
        assert sorted(folder.namelist()) == ["H01.pdf", "V01.pdf", "V02.pdf"]
        assert all(folder.read(name)[:4] == b"%PDF" for name in folder.namelist())


CHOICE = "main form[method=post]"


def county_officer(code: str) -> Actor:
    return Actor("宋洁", Role.COUNTY, county_code=code)


def page(client: Any, address: str, status: int = 200) -> str:
    text: str = client.get(address, status=status).get_data(as_text=True)
    return text


def test_a_countys_sheets_are_made_behind_the_scenes_and_fetched(
    app: Any, client: Any, world: make.World
) -> None:
    client.log_in(make.make_user("county", role=Role.COUNTY, county="410325"))
    page(client, "/standards/?county=410325&behind=1")
    client.submit(CHOICE, sheet=["sign", "rules"])
    run = db.session.scalars(select(StandardsRun)).one()
    assert (run.total, run.sheets, run.county_code) == (3, ["sign", "rules"], "410325")
    shown = page(client, f"/standards/runs/{run.id}")
    assert "已生成 0 / 3 家" in shown
    instance: Path = app.extensions["settings"].instance
    printer = RunPrinter(instance, "here", replace(STANDARDS_RUNS, in_part=2), processes=0)
    assert printer.run_waiting() == 1
    assert run.state is PaperRunState.DONE
    assert "合并 PDF" in page(client, f"/standards/runs/{run.id}")
    assert "标牌" in page(client, "/standards/runs/")
    folder = STANDARDS_RUNS.folder_of(instance, run.token)
    with zipfile.ZipFile(folder / ZIP) as archive:
        names = archive.namelist()
        single = [pikepdf.open(io.BytesIO(archive.read(name))) for name in names]
    assert [len(paper.pages) for paper in single] == [2, 2, 2]
    assert sorted(name.split("-")[-1] for name in names) == ["H01.pdf", "V01.pdf", "V02.pdf"]
    with pikepdf.open(folder / PDF) as whole, whole.open_outline() as outline:
        assert len(whole.pages) == 6
        marks = [str(one.title) for one in outline.root]
    assert [name.split("-")[1] for name in names] == marks
    for form, begins in (("pdf", b"%PDF"), ("zip", b"PK")):
        found = client.get(f"/standards/runs/{run.id}/sheets.{form}", status=200)
        assert found.data.startswith(begins)
        found.close()
    client.get(f"/standards/runs/{run.id}/sheets.exe", status=404)


def test_a_single_paper_of_a_run_says_the_name_of_its_institution_alone(world: make.World) -> None:
    rows = standards_of(SYSTEM, on=make.TODAY, county="410325")
    with zipfile.ZipFile(io.BytesIO(standards_zip(rows, list(Sheet), phone="", on=make.TODAY))) as folder:
        for one in rows:
            paper = pypdfium2.PdfDocument(folder.read(f"{one.code}.pdf"))
            pages = [text.get_textpage().get_text_bounded() for text in paper]
            assert len(pages) == len(Sheet)
            assert all(one.name in "".join(text.split()) for text in pages)


def test_a_run_of_nobody_or_of_nothing_is_refused_and_the_choice_stays(
    client: Any, world: make.World
) -> None:
    client.log_in(make.make_user("city", role=Role.CITY))
    page(client, "/standards/?county=410325&township=&behind=1")
    answer = client.submit(CHOICE, sheet=None).get_data(as_text=True)
    assert "请至少选择一种资料" in answer
    assert "3 家机构" in answer
    with pytest.raises(NobodyToPrintFor):
        request_standards_run("410325", [Sheet.SIGN], phone="", by=county_officer("410329"), at=make.NOW)


def test_a_county_neither_sees_nor_cancels_the_runs_of_another(client: Any, world: make.World) -> None:
    run = request_standards_run("410325", [Sheet.SIGN], phone="", by=county_officer("410325"), at=make.NOW)
    client.log_in(make.make_user("yi", role=Role.COUNTY, county="410329"))
    page(client, f"/standards/runs/{run.id}", 404)
    page(client, f"/standards/runs/{run.id}/sheets.pdf", 404)
    with pytest.raises(NotFound):
        cancel_run(StandardsRun, run.id, by=county_officer("410329"), at=make.NOW)
    client.log_in(make.make_user("song", role=Role.COUNTY, county="410325"))
    page(client, f"/standards/runs/{run.id}?still=1")
    client.submit(f"form[action='/standards/runs/{run.id}/cancel']")
    assert run.state is PaperRunState.CANCELLED
    assert "已取消" in page(client, f"/standards/runs/{run.id}")
