"""Sheets of the six unified standards carry the institution's name, its promise and where to complain."""

from __future__ import annotations

import io
import zipfile
from collections.abc import Callable
from decimal import Decimal
from typing import Any

import pytest

from clinic_orders.documents import as_html
from clinic_orders.documents.standards import Sheet, named, standards_zip
from clinic_orders.models.base import db
from clinic_orders.models.roster import Commitment
from clinic_orders.queries.standards import standards_of
from clinic_orders.rules.parties import SYSTEM, Role
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
    assert text.count("安和堂伊川店") == len(Sheet)
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
