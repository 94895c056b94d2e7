"""Files on screen: what a kind looks like, the trial, the import, the error file, exports, past imports."""

from __future__ import annotations

import io
import os
import re
import time
from datetime import date
from decimal import Decimal
from typing import Any

import pytest
from flask import Flask
from sqlalchemy import func, select

from clinic_orders.exchange.keeping import KEPT_SECONDS
from clinic_orders.exchange.tables import KINDS
from clinic_orders.models.base import db
from clinic_orders.models.catalogue import Price
from clinic_orders.models.exchange import BatchRecord, ImportBatch
from clinic_orders.rules.parties import Role
from clinic_orders.web import file_words
from tests.checking_client import CheckingClient
from tests.files_world import WORLD, order, take_well
from tests.people import People, make_people

HEADER = "item_code,valid_from,pack_price\n"
GOOD = f"{HEADER}LY001,2026-02-01,3.36\nLY002,2026-02-01,4\n"
BAD = f"{HEADER}LY001,2026-02-30,3.36\nLY002,2026-02-01,3.36001\n"


@pytest.fixture
def people(app: Flask) -> People:
    found = make_people()
    take_well("catalogue", *WORLD["catalogue"])
    return found


@pytest.fixture
def city(client: CheckingClient, people: People) -> CheckingClient:
    client.log_in(people.users[Role.CITY])
    return client


def send(client: CheckingClient, text: str | bytes, kind: str = "prices", name: str = "价格.csv") -> Any:
    client.get(f"/files/{kind}/", status=200)
    content = text.encode() if isinstance(text, str) else text
    return client.submit("main form", file=(io.BytesIO(content), name))


def prices() -> int:
    return db.session.scalar(select(func.count()).select_from(Price)) or 0


def kept(app: Flask) -> list[str]:
    folder = app.extensions["settings"].instance / "uploads"
    return sorted(path.name.split(".", 1)[1] for path in folder.iterdir()) if folder.exists() else []


@pytest.fixture(autouse=True)
def no_uploads_left(app: Flask) -> None:
    folder = app.extensions["settings"].instance / "uploads"
    for path in folder.iterdir() if folder.exists() else ():
        path.unlink()


def test_every_kind_shows_its_columns_and_has_templates(city: CheckingClient) -> None:
    city.get("/files/", status=200)
    for kind in KINDS.values():
        page = city.get(f"/files/{kind.name}/", status=200).text
        assert all(column.label in page and column.name in page for column in kind.columns)
        for form in ("csv", "xlsx"):
            assert city.get(f"/files/{kind.name}/template?format={form}", status=200).data


def test_every_column_of_every_kind_is_explained() -> None:
    for kind in KINDS.values():
        for column in kind.columns:
            words = file_words.column_words(kind, column)
            assert words.meaning
            if words.example:
                column.cell.read(words.example)
            else:
                assert column.takes_empty, f"{kind.name}.{column.name} needs an example"


def test_a_file_is_tried_and_then_imported(app: Flask, city: CheckingClient) -> None:
    page = send(city, GOOD)
    assert page.status_code == 200
    assert "可以导入" in page.text
    assert prices() == 0
    assert kept(app) == ["data", "differences.csv", "json"]
    done = city.submit("main form", follow_redirects=True)
    assert "价格.csv 已导入：新增 2 条" in done.text
    assert prices() == 2
    assert kept(app) == []
    assert "没有新内容" in send(city, GOOD).text


def test_a_bad_file_is_shown_cell_by_cell_and_gives_an_error_file(city: CheckingClient) -> None:
    page = send(city, BAD)
    assert "什么也没有保存" in page.text
    assert "2026-02-30" in page.text
    assert "3.36001" in page.text
    assert not page.page.all('form[action$="/import"]')
    links = [link["href"] for link in page.page.all('a[href*="/errors/"]')]
    assert len(links) == 2
    for link in links:
        assert city.get(link, status=200).data
    csv = city.get(next(link for link in links if "csv" in link), status=200).data.decode("utf-8-sig")
    assert csv.splitlines()[0] == "item_code,valid_from,pack_price,message"
    assert len(csv.splitlines()) == 3


def test_a_wrong_header_needs_no_error_file(city: CheckingClient) -> None:
    page = send(city, "a,b\n1,2\n")
    assert "缺少列" in page.text
    assert not page.page.all('a[href*="/errors/"]')


def test_no_file_is_said_beside_the_box(city: CheckingClient) -> None:
    city.get("/files/prices/", status=200)
    assert "请先选择文件" in city.submit("main form", file=(io.BytesIO(b""), "")).text


def test_what_was_kept_belongs_to_its_account_and_kind_and_goes_after_a_day(
    app: Flask, city: CheckingClient, people: People
) -> None:
    page = send(city, GOOD)
    token = page.page.one('input[name="token"]')["value"]
    answer = city.post("/files/catalogue/import", data={"token": token}, follow_redirects=True)
    assert "这个文件已不在" in answer.text
    for wrong in ("", "../../secret", "0" * 32):
        answer = city.post("/files/prices/import", data={"token": wrong}, follow_redirects=True)
        assert "这个文件已不在" in answer.text
    folder = app.extensions["settings"].instance / "uploads"
    old = time.time() - KEPT_SECONDS - 60
    for path in folder.iterdir():
        os.utime(path, (old, old))
    send(city, GOOD)
    assert city.post("/files/prices/import", data={"token": token}).status_code == 302
    assert prices() == 0


def test_exports_come_in_both_forms(city: CheckingClient) -> None:
    for kind in KINDS:
        csv = city.get(f"/files/{kind}/export?format=csv", status=200)
        assert csv.data.startswith(b"\xef\xbb\xbf")
        assert city.get(f"/files/{kind}/export?format=xlsx", status=200).data.startswith(b"PK")
    city.get("/files/nothing/export", status=404)
    city.get("/files/nothing/", status=404)


def test_a_county_exports_its_own_and_imports_nothing(client: CheckingClient, people: People) -> None:
    take_well("distributors", *WORLD["distributors"])
    take_well("orders", order(institution_code="V01"))
    client.log_in(people.users[Role.COUNTY])
    page = client.get("/files/", status=200)
    assert not page.page.all('a[href="/files/prices/"]')
    client.get("/files/prices/", status=403)
    client.get("/files/?format=csv", status=403)
    assert b"A1" in client.get("/files/orders/export?format=csv", status=200).data


def test_imported_files_are_found_sorted_and_exported(city: CheckingClient) -> None:
    send(city, GOOD)
    city.submit("main form")
    page = city.get("/files/?q=价格&kind=prices&sort=filename", status=200)
    assert "价格.csv" in page.text
    assert "没有符合条件的文件" in city.get("/files/?q=nichts", status=200).text
    assert "价格.csv" in city.get("/files/?format=csv", status=200).data.decode("utf-8-sig")


def test_the_list_takes_as_many_statements_for_one_row_as_for_many(
    city: CheckingClient, count_sql: Any
) -> None:
    seen = []
    for _ in range(2):
        with count_sql() as found:
            city.get("/files/", status=200)
        seen.append(found.count)
        for number in range(5):
            take_well("prices", {**WORLD["prices"][0], "document_no": f"{number}"})
    assert seen[0] == seen[1]


def test_a_trial_shows_what_is_new_and_of_what_changes_old_and_new(
    app: Flask, city: CheckingClient, people: People
) -> None:
    take_well("prices", *WORLD["prices"])
    before = db.session.scalar(select(func.count()).select_from(BatchRecord))
    answer = send(city, f"{HEADER}LY001,2026-01-01,4.5\nLY003,2026-02-01,3.36\n")
    page = answer.text
    assert "<del" in page.split("LY001 2026-01-01")[1]
    assert "4.5" in page
    assert "LY003 2026-02-01" in page
    assert db.session.scalar(select(func.count()).select_from(BatchRecord)) == before
    (address,) = set(re.findall(r'href="(/files/prices/differences/[0-9a-f]+)"', page))
    file = city.get(address, status=200).text
    assert file.startswith("\ufeff")
    assert len(file.splitlines()) == 3
    city.log_in(people.users[Role.OPERATOR])
    city.get(address, status=403)
    city.log_in(people.users[Role.CITY])
    answer = send(city, f"{HEADER}LY001,2026-01-01,4.5\nLY003,2026-02-01,3.36\n")
    address = re.findall(r'href="(/files/prices/differences/[0-9a-f]+)"', answer.text)[0]
    assert city.submit("main form").status_code == 302
    city.get(address, status=404)


def test_a_long_trial_shows_fifty_records_and_has_all_in_its_file(city: CheckingClient) -> None:
    lines = "".join(f"LY003,2027-{day // 28 + 1:02}-{day % 28 + 1:02},1\n" for day in range(53))
    page = send(city, HEADER + lines).text
    assert page.count("LY003 2027") == 50
    (address,) = set(re.findall(r'href="(/files/prices/differences/[0-9a-f]+)"', page))
    assert len(city.get(address, status=200).text.splitlines()) == 54


def test_a_trial_of_what_is_refused_or_known_shows_no_differences(city: CheckingClient) -> None:
    assert "/differences/" not in send(city, BAD).text
    take_well("prices", {"item_code": "LY001", "valid_from": date(2026, 2, 1), "pack_price": Decimal(2)})
    assert "/differences/" not in send(city, f"{HEADER}LY001,2026-02-01,2\n").text


def test_the_history_leads_from_an_import_to_what_it_did(city: CheckingClient) -> None:
    number = db.session.scalars(select(ImportBatch.id)).one()
    page = city.get("/audit/?deed=store_file", status=200).text
    assert f'<a href="/files/imports/{number}">导入批次 {number}：' in page
    city.get(f"/files/imports/{number}", status=200)
