"""Long exports on screen: asked for, watched, fetched by who asked and by nobody else."""

from __future__ import annotations

import shutil
from pathlib import Path

import pytest
from flask import Flask
from sqlalchemy import select

from clinic_orders.exchange import exporting
from clinic_orders.exchange.background_exports import FOLDER, ExportMaker, file_of
from clinic_orders.models.accounts import User
from clinic_orders.models.base import db
from clinic_orders.models.export_jobs import ExportJob
from clinic_orders.rules.export_jobs import ExportState
from clinic_orders.rules.parties import Role
from clinic_orders.web import files
from tests.checking_client import CheckingClient
from tests.files_world import WORLD, take_well
from tests.people import People, make_people, make_user

FORM = "main form[method=post]"


@pytest.fixture
def instance(app: Flask) -> Path:
    """The instance folder, with no export in it."""
    found: Path = app.extensions["settings"].instance
    shutil.rmtree(found / FOLDER, ignore_errors=True)
    return found


@pytest.fixture
def people(app: Flask) -> People:
    made = make_people()
    take_well("catalogue", *WORLD["catalogue"])
    return made


@pytest.fixture
def city(
    client: CheckingClient, people: People, instance: Path, monkeypatch: pytest.MonkeyPatch
) -> CheckingClient:
    """An official of the city; every file is a long one."""
    client.log_in(people.users[Role.CITY])
    monkeypatch.setattr(files, "LONG_ROWS", 1)
    return client


def ask(client: CheckingClient, form: str = "csv") -> ExportJob:
    page = client.get(f"/files/catalogue/export?format={form}", status=200)
    assert "3 行" in page.text
    client.submit(FORM)
    return the_job()


def the_job() -> ExportJob:
    db.session.expire_all()
    return db.session.scalars(select(ExportJob).order_by(ExportJob.id.desc()).limit(1)).one()


def test_a_short_file_comes_at_once(city: CheckingClient, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(files, "LONG_ROWS", 3)
    assert city.get("/files/catalogue/export", status=200).data.startswith(b"\xef\xbb\xbf")
    assert db.session.scalar(select(ExportJob.id)) is None


def test_a_long_file_is_asked_for_watched_and_fetched(
    city: CheckingClient, instance: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    job = ask(city)
    address = f"/files/exports/{job.id}"
    waiting = city.get(address, status=200)
    assert "一分钟内开始" in waiting.text
    assert waiting.headers["Refresh"] == "5"
    assert "Refresh" not in city.get(f"{address}?still=1", status=200).headers
    city.get(f"{address}/file", status=404)
    assert ExportMaker(instance, "one").run_waiting() == 1
    done = city.get(address, status=200)
    assert "文件已生成" in done.text
    assert "Refresh" not in done.headers
    fetched = city.get(f"{address}/file", status=200)
    monkeypatch.setattr(files, "LONG_ROWS", 3)
    assert fetched.data == city.get("/files/catalogue/export", status=200).data
    assert "no-store" in fetched.headers["Cache-Control"]
    assert fetched.headers["Content-Disposition"].startswith("attachment; filename=catalogue-")
    fetched.close()
    assert "大文件导出已生成" in city.get("/notices", status=200).text
    shutil.rmtree(file_of(instance, the_job()).parent)
    assert "自动删除" in city.get(address, status=200).text


def test_nobody_else_finds_it(city: CheckingClient, people: People, instance: Path) -> None:
    job, clinic = ask(city), people.users[Role.INSTITUTION].id
    ExportMaker(instance, "one").run_waiting()
    for role, place in ((Role.CITY, {}), (Role.COUNTY, {"county_code": "410325"})):
        other = make_user(f"1390000000{len(place)}", role, **place)
        db.session.flush()
        city.log_in(other)
        for end in ("", "/file"):
            city.get(f"/files/exports/{job.id}{end}", status=404)
        assert "还没有导出过大文件" in city.get("/files/exports/", status=200).text
        for deed in ("cancel", "retry"):
            assert city.post(f"/files/exports/{job.id}/{deed}").status_code == 404
    city.log_in(db.session.get_one(User, clinic))
    city.get(f"/files/exports/{job.id}/file", status=403)


def test_a_person_in_another_role_does_not_fetch_what_the_first_one_saw(
    city: CheckingClient, people: People, instance: Path
) -> None:
    job = ask(city)
    job.role, job.county_code = Role.COUNTY, "410325"
    db.session.flush()
    city.get(f"/files/exports/{job.id}", status=404)


def test_it_is_cancelled_and_made_once_more(
    city: CheckingClient, instance: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    number = ask(city).id
    address = f"/files/exports/{number}"
    city.get(address, status=200)
    city.submit(f"form[action='{address}/cancel']")
    assert the_job().state is ExportState.CANCELLED
    assert "重新导出" in city.get(address, status=200).text
    assert city.post(f"{address}/cancel").status_code == 409
    address = f"/files/exports/{ask(city).id}"

    def broken(*_: object) -> None:
        raise OSError("disk full")

    with monkeypatch.context() as patched:
        patched.setattr(exporting, "rows_of", broken)
        ExportMaker(instance, "one").run_waiting()
    assert "disk full" in city.get(address, status=200).text
    city.submit(f"form[action='{address}/retry']")
    assert ExportMaker(instance, "one").run_waiting() == 1
    assert the_job().state is ExportState.DONE


def test_what_no_sheet_holds_is_refused_with_csv_in_its_place(
    city: CheckingClient, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(exporting, "SHEET_ROWS", 3)
    page = city.get("/files/catalogue/export?format=xlsx", status=200)
    assert "请改选 CSV" in page.text
    assert page.page.one('input[name="form"]')["value"] == "csv"
    city.submit(FORM)
    assert the_job().form == "csv"
    refused = city.post("/files/exports/", data={"kind": "catalogue", "form": "xlsx"})
    assert "请改选 CSV" in refused.text
    assert city.post("/files/exports/", data={"kind": "nothing", "form": "csv"}).status_code == 404


def test_own_exports_are_found_by_kind_and_state(city: CheckingClient) -> None:
    ask(city)
    for found in ("q=catalogue", "state=waiting"):
        assert city.get(f"/files/exports/?{found}", status=200).page.all("tbody tr")
    for missed in ("q=sales", "state=done"):
        assert "没有符合条件的导出" in city.get(f"/files/exports/?{missed}", status=200).text
