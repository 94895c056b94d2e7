"""What comes in and can't be kept is refused where it comes in: NUL, numbers that no record can have."""

from __future__ import annotations

import pytest

from clinic_orders.models.base import db
from clinic_orders.rules.parties import Role
from tests.people import make_people

HUGE = "9223372036854775808"


@pytest.fixture
def city(app, client):
    client.log_in(make_people().users[Role.CITY])
    return client


@pytest.mark.both_databases
@pytest.mark.parametrize("number", [HUGE, "2147483648", "9" * 400, "-1", "１２x"])
def test_an_address_with_a_number_that_no_record_has_is_not_found(city, number):
    assert city.get(f"/accounts/{number}").status_code == 404
    assert city.post(f"/accounts/{number}/roles", data={"role": "county"}).status_code == 404
    assert city.post(f"/files/exports/{number}/cancel").status_code == 404


@pytest.mark.both_databases
def test_a_number_in_a_field_that_no_record_has_counts_as_missing(city):
    assert city.get(f"/roster/?page={HUGE}").status_code == 200
    assert city.get(f"/trainings/?year={HUGE}").status_code == 200
    assert city.get(f"/roster/relations?institution={HUGE}").status_code == 200


@pytest.mark.both_databases
def test_nul_is_refused_wherever_it_stands(city):
    for answer in (
        city.get("/roster/?q=%00"),
        city.get("/roster/?%00=1"),
        city.get("/catalogue/%00"),
        city.post("/accounts/new", data={"username": "a\0b"}),
        city.post("/account/log-in", data={"username": "a\0b", "password": "x"}),
    ):
        assert answer.status_code == 400
        assert answer.page.h1 == "提交的内容无法读取"
    db.session.rollback()
