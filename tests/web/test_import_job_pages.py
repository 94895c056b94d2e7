"""Long files on screen: asked when, how far they are, what came of them, and back again."""

from __future__ import annotations

import io
import shutil
from pathlib import Path
from typing import Any

import pytest
from flask import Flask
from sqlalchemy import func, select

from clinic_orders import clock
from clinic_orders.exchange.background import Runner
from clinic_orders.exchange.import_folders import FOLDER, ImportFolder, Life
from clinic_orders.models.base import db
from clinic_orders.models.catalogue import Price
from clinic_orders.models.import_jobs import ImportJob
from clinic_orders.rules.import_jobs import ImportState
from clinic_orders.rules.parties import Role
from clinic_orders.web import files
from tests.checking_client import CheckingClient
from tests.files_world import WORLD, take_well
from tests.people import NOW, make_people

HEADER = "item_code,valid_from,pack_price\n"
GOOD = f"{HEADER}LY001,2026-02-01,3.36\nLY002,2026-02-01,4\n"
BAD = f"{HEADER}LY001,2026-02-30,3.36\nLY002,2026-02-01,4\n"


@pytest.fixture
def instance(app: Flask) -> Path:
    """The instance folder, with no long file in it."""
    found: Path = app.extensions["settings"].instance
    shutil.rmtree(found / FOLDER, ignore_errors=True)
    return found


@pytest.fixture
def city(
    app: Flask, client: CheckingClient, instance: Path, monkeypatch: pytest.MonkeyPatch
) -> CheckingClient:
    """An official of the city; every file is a long one."""
    people = make_people()
    take_well("catalogue", *WORLD["catalogue"])
    client.log_in(people.users[Role.CITY])
    monkeypatch.setattr(files, "MAX_ROWS", 1)
    return client


def send(client: CheckingClient, text: str) -> Any:
    client.get("/files/prices/", status=200)
    return client.submit("main form", file=(io.BytesIO(text.encode()), "价格.csv"))


def start(client: CheckingClient, text: str = GOOD, when: str = "now", how: str = "store") -> ImportJob:
    send(client, text)
    client.submit("main form", follow_redirects=True, when=when, how=how)
    return the_job()


def the_job() -> ImportJob:
    db.session.expire_all()
    return db.session.scalars(select(ImportJob).order_by(ImportJob.id.desc()).limit(1)).one()


def run(app: Flask) -> None:
    Runner(app.extensions["settings"].instance, "one", app.extensions["say_in"]).run_waiting()


def test_a_long_file_is_taken_in_behind_the_scenes_and_leads_to_its_page(
    app: Flask, city: CheckingClient, database: str
) -> None:
    page = send(city, GOOD)
    assert ("SQLite" in page.text) == (database == "sqlite")
    waiting = city.submit("main form", follow_redirects=True, when="now", how="store")
    assert "一分钟内开始" in waiting.text
    assert waiting.headers["Refresh"] == "5"
    assert "Refresh" not in city.get(f"/files/background/{the_job().id}?still=1", status=200).headers
    assert db.session.scalar(select(func.count()).select_from(Price)) == 0
    run(app)
    job = the_job()
    done = city.get(f"/files/background/{job.id}", status=200)
    assert "文件已导入" in done.text
    assert "Refresh" not in done.headers
    assert done.page.all(f'a[href="/files/imports/{job.batch_id}"]')
    assert "价格.csv" in city.get("/files/background/", status=200).text
    assert "大文件已导入" in city.get("/notices", status=200).text


def test_a_file_can_wait_for_the_night(city: CheckingClient) -> None:
    job = start(city, when="night")
    assert job.run_after > job.requested_at
    assert "1:00 开始" in city.get(f"/files/background/{job.id}", status=200).text


def test_a_file_is_long_by_its_size_too(city: CheckingClient, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(files, "MAX_ROWS", 20_000)
    monkeypatch.setattr(files, "LONG_BYTES", 20)
    assert "后台导入" in send(city, GOOD).text


def test_pressing_twice_makes_one_import(city: CheckingClient) -> None:
    page = send(city, GOOD).page
    sent = {
        name: page.one(f'main form input[name="{name}"]')["value"] for name in ("csrf_token", "kind", "token")
    }
    city.post("/files/background/", data=sent, status=302)
    again = city.post("/files/background/", data=sent, follow_redirects=True)
    assert "文件已在处理" in again.text
    assert db.session.scalar(select(func.count()).select_from(ImportJob)) == 1


def test_a_refused_file_shows_what_is_wrong_and_gives_its_error_file(
    app: Flask, city: CheckingClient
) -> None:
    job = start(city, BAD)
    run(app)
    page = city.get(f"/files/background/{job.id}", status=200)
    assert "2026-02-30" in page.text
    assert "什么也没有保存" in page.text
    for form in ("csv", "xlsx"):
        assert city.get(f"/files/background/{job.id}/errors?format={form}", status=200).data
    assert page.page.all('a[href="/files/prices/"]')


def test_a_cancelled_file_is_gone_and_can_be_uploaded_again(
    app: Flask, city: CheckingClient, instance: Path
) -> None:
    job = start(city)
    city.get(f"/files/background/{job.id}", status=200)
    page = city.submit('form[action$="/cancel"]', follow_redirects=True)
    assert "导入已取消" in page.text
    assert page.page.all('a[href="/files/prices/"]')
    assert not any((instance / FOLDER).iterdir())
    run(app)
    assert the_job().state is ImportState.CANCELLED
    assert city.post(f"/files/background/{job.id}/cancel").status_code == 409


def test_the_page_shows_how_far_a_file_is(
    app: Flask, city: CheckingClient, instance: Path, database: str
) -> None:
    job = start(city)
    job.state, job.attempt, job.heartbeat_at = ImportState.STORING, 1, NOW
    job.read_bytes = job.size
    db.session.commit()
    address = f"/files/background/{job.id}"
    silent = city.get(address, status=200)
    assert "没有响应" in silent.text
    assert silent.page.all('form[action$="/cancel"]')
    ImportFolder(instance, job.token).say(Life(1, True, 0.4, 2, clock.now()))
    storing = city.get(address, status=200)
    assert "已保存 40%" in storing.text
    # While SQLite's one writer is at work, nobody else can write that it is to stop.
    assert bool(storing.page.all('form[action$="/cancel"]')) == (database == "postgresql")


def test_a_file_that_broke_off_can_go_on(city: CheckingClient) -> None:
    job = start(city)
    job.state, job.failures, job.ended_at, job.error = ImportState.FAILED, 3, NOW, "OSError: disk full"
    db.session.commit()
    assert "disk full" in city.get(f"/files/background/{job.id}", status=200).text
    city.submit('form[action$="/retry"]', follow_redirects=True)
    assert the_job().state is ImportState.WAITING


def test_a_number_that_does_not_exist_is_not_found(city: CheckingClient) -> None:
    city.get("/files/background/99", status=404)
    city.get("/files/background/99/errors", status=404)


def test_a_tried_file_shows_its_differences_and_is_stored_afterwards(
    app: Flask, city: CheckingClient
) -> None:
    page = send(city, GOOD).page
    assert page.one('input[name="how"][checked]')["value"] == "try"
    city.submit("main form", follow_redirects=True, when="now")
    run(app)
    job = the_job()
    assert job.state is ImportState.TRIED
    assert db.session.scalar(select(func.count()).select_from(Price)) == 0
    tried = city.get(f"/files/background/{job.id}", status=200)
    assert "Refresh" not in tried.headers
    assert "文件可以保存" in tried.text
    assert "3.36" in tried.text
    assert tried.page.all('form[action$="/cancel"]')
    listed = city.get(tried.page.one('a[href$="/differences"]')["href"], status=200)
    assert len(listed.page.all("tbody tr")) == 2
    assert "没有符合" in city.get(f"/files/background/{job.id}/differences?q=nothing", status=200).text
    rows = city.get(f"/files/background/{job.id}/differences?format=csv&change=created", status=200)
    assert rows.data.decode("utf-8-sig").count("\r\n") == 3
    city.get(f"/files/background/{job.id}/differences?sort=name&change=nonsense", status=200)
    assert "大文件试导入已完成" in city.get("/notices", status=200).text
    city.get(f"/files/background/{job.id}", status=200)
    city.submit('form[action$="/store"]', follow_redirects=True, when="now")
    run(app)
    assert the_job().state is ImportState.DONE
    assert db.session.scalar(select(func.count()).select_from(Price)) == 2
    assert city.post(f"/files/background/{job.id}/store").status_code == 409
    city.get(f"/files/background/{job.id}/differences", status=404)


def test_a_changed_record_is_shown_before_and_after(app: Flask, city: CheckingClient) -> None:
    start(city)
    run(app)
    job = start(city, GOOD.replace("3.36", "3.38"), how="try")
    run(app)
    page = city.get(f"/files/background/{job.id}", status=200).page
    assert [cell.text.strip() for cell in page.all("main del")] == ["3.36 元"]
    nothing_new = start(city, GOOD, how="try")
    run(app)
    page = city.get(f"/files/background/{nothing_new.id}", status=200)
    assert not page.page.all('form[action$="/store"]')
    assert page.page.all('form[action$="/cancel"]')


def test_a_tried_file_can_wait_for_the_night_and_be_cancelled(
    app: Flask, city: CheckingClient, instance: Path
) -> None:
    job = start(city, how="try")
    run(app)
    city.get(f"/files/background/{job.id}", status=200)
    city.submit('form[action$="/store"]', follow_redirects=True, when="night")
    assert the_job().run_after > NOW
    again = start(city, how="try")
    run(app)
    city.get(f"/files/background/{again.id}", status=200)
    city.submit('form[action$="/cancel"]', follow_redirects=True)
    assert the_job().state is ImportState.CANCELLED
    assert not ImportFolder(instance, again.token).path.exists()


def test_a_tried_file_that_was_swept_says_why(city: CheckingClient) -> None:
    job = start(city, how="try")
    job.state, job.tried_at, job.ended_at = ImportState.CANCELLED, NOW, NOW
    db.session.commit()
    assert "已自动取消" in city.get(f"/files/background/{job.id}", status=200).text
