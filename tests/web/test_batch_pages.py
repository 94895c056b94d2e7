"""Imported files on screen: what each did, taking it back, and what stands in the way."""

from __future__ import annotations

import io
from collections.abc import Mapping
from datetime import date
from decimal import Decimal
from typing import Any

import pytest
from flask import Flask
from sqlalchemy import func, select

from clinic_orders.exchange.exporting import CSV, export_file
from clinic_orders.models.base import db
from clinic_orders.models.catalogue import Item
from clinic_orders.models.exchange import ImportBatch
from clinic_orders.queries.traced import TRACED
from clinic_orders.rules.parties import SYSTEM, Role
from clinic_orders.web.deed_facts import field_name
from tests.checking_client import CheckingClient
from tests.files_world import WORLD, take_well
from tests.people import People, make_people
from tests.reported_rows import ROWS


@pytest.fixture
def people(app: Flask) -> People:
    return make_people()


@pytest.fixture
def city(client: CheckingClient, people: People) -> CheckingClient:
    take_well("catalogue", *WORLD["catalogue"])
    client.log_in(people.users[Role.CITY])
    return client


def last() -> int:
    return db.session.scalars(select(ImportBatch.id).order_by(ImportBatch.id.desc()).limit(1)).one()


def test_the_list_leads_to_what_a_file_did_and_its_rows_go_out_as_a_file(city: CheckingClient) -> None:
    take_well("catalogue", dict(WORLD["catalogue"][0]) | {"manufacturer": "改名药业"})
    number = last()
    assert f'href="/files/imports/{number}"' in city.get("/files/", status=200).text
    page = city.get(f"/files/imports/{number}", status=200).text
    assert "LY001" in page
    assert "改名药业" in page
    assert "石药集团欧意药业有限公司" in page
    assert "LY001" not in city.get(f"/files/imports/{number}?q=LY002", status=200).text.split("<tbody>")[-1]
    assert "改名药业" in city.get(f"/files/imports/{number}?change=changed&format=csv", status=200).text
    assert "改名药业" not in city.get(f"/files/imports/{number}?change=created&format=csv", status=200).text


def test_an_import_is_undone_after_a_look_at_what_will_happen(city: CheckingClient) -> None:
    number = last()
    city.get(f"/files/imports/{number}/undo", status=200)
    assert db.session.scalar(select(func.count()).select_from(Item)) == 3
    answer = city.submit("main form")
    assert answer.status_code == 302
    assert db.session.scalar(select(func.count()).select_from(Item)) == 0
    page = city.get(f"/files/imports/{number}", status=200).text
    assert "已撤销" in page
    assert "LY001" in page
    assert city.get(f"/files/imports/{number}/undo").status_code == 302
    assert f"/files/imports/{number}" in city.get("/files/?state=undone", status=200).text
    assert f"/files/imports/{number}" not in city.get("/files/?state=stands", status=200).text


def test_the_page_says_what_rests_on_an_import_and_offers_no_button(city: CheckingClient) -> None:
    number = last()
    take_well("prices", *WORLD["prices"])
    page = city.get(f"/files/imports/{number}/undo", status=200).text
    assert "价格" in page
    assert "LY001 2026-01-01" in page
    assert 'action=""' not in page
    later = last()
    city.get(f"/files/imports/{later}/undo", status=200)
    city.submit("main form")
    assert 'action=""' in city.get(f"/files/imports/{number}/undo", status=200).text


def test_an_unknown_import_is_not_found(city: CheckingClient) -> None:
    city.get("/files/imports/999999", status=404)
    city.get("/files/imports/999999/undo", status=404)


def test_the_number_of_statements_does_not_depend_on_the_number_of_records(
    city: CheckingClient, count_sql
) -> None:
    few_batch = last()
    take_well("catalogue", *(dict(WORLD["catalogue"][0]) | {"item_code": f"N{n:03}"} for n in range(40)))
    city.get(f"/files/imports/{few_batch}", status=200)
    with count_sql() as few:
        city.get(f"/files/imports/{few_batch}", status=200)
    with count_sql() as many:
        city.get(f"/files/imports/{last()}", status=200)
    assert many.count <= few.count + 1, f"{few}\n\n{many}"


def test_every_column_of_every_record_has_a_name() -> None:
    nameless = {
        f"{traced.table.name}.{column.name}"
        for traced in TRACED.values()
        for column in traced.table.columns
        if column.name not in {"replaced_at", "replaces_id"}
        if traced.is_shown(column.name) or column.name in traced.sums
        if field_name(column.name.removesuffix("_id")) == column.name.removesuffix("_id")
    }
    assert nameless - OF_NO_FILE == set()


# What no file fills, such as who did it here, and numbers of rows that say nothing.
OF_NO_FILE = {
    "goods_return.requested_by_id",
    "order_double.decided_by_id",
    "order_double.decided_by_name",
    "order_double.set_aside_id",
    "order_event.user_id",
    "payment.confirmed_by_id",
    "payment.disputed_by_id",
    "payment.entered_by_id",
    "payment.form_key",
    "payment.rejected_by_id",
    "payment.upheld_by_id",
    "payment.withdrawn_by_id",
    "purchase_order.lapse_recorded_at",
    "purchase_order.resent_from_id",
    "purchase_order.submission_id",
    "return_code.return_line_id",
    "return_line.shipment_line_id",
    "shipment_code.shipment_line_id",
    "shipment.accepted_by_id",
    "shipment.shipped_by_id",
    "supply_problem.ended_by_id",
    "supply_problem.refused_by_id",
    "supply_problem.reported_by_id",
}


@pytest.mark.parametrize("kind", sorted(ROWS))
def test_a_reported_file_is_looked_at_corrected_and_undone_on_the_page(
    city: CheckingClient, kind: str
) -> None:
    take_well("institutions", *WORLD["institutions"])
    before = exported(kind)
    take_well(kind, *ROWS[kind])
    number, after = last(), exported(kind)
    page = city.get(f"/files/imports/{number}", status=200).text
    assert "新增" in page.split("<tbody>")[1]
    assert city.get(f"/files/imports/{number}?format=csv", status=200).data.count(b"\r\n") > len(ROWS[kind])
    take_well(kind, *({**row, **CORRECTED[kind]} for row in ROWS[kind][:1]))
    city.get(f"/files/imports/{number}/undo", status=200)
    assert 'action=""' not in city.page.text
    city.get(f"/files/imports/{last()}/undo", status=200)
    assert city.submit("main form").status_code == 302
    assert exported(kind) == after
    city.get(f"/files/imports/{number}/undo", status=200)
    assert city.submit("main form").status_code == 302
    assert exported(kind) == before
    assert "已撤销" in city.get(f"/files/imports/{number}", status=200).text


CORRECTED: Mapping[str, Mapping[str, Any]] = {
    "agreed-volumes": {"agreed_packs": 201},
    "supply-problems": {"verified_by": "王芳"},
    "sales": {"base_units": 27},
    "settlements": {"base_units": 57},
    "stock-counts": {"base_units": 1},
    "shelf-prices": {"price": Decimal(4)},
    "other-purchases": {"base_units": 281},
    "trace-products": {"base_units_per_code": 14},
    "product-codes": {"item_code": "LY002"},
    "issued-clues": {"issuer": "国家医疗保障局"},
    "designated-pharmacies": {"name": "改名药店"},
    "monitored-prices": {"price": Decimal(4)},
    "listed-products": {"price": Decimal(4)},
}


def exported(kind: str) -> bytes:
    """All records of a kind as a file."""
    out = io.BytesIO()
    export_file(kind, CSV, out, by=SYSTEM, on=date(2026, 11, 20))
    return out.getvalue()
