"""Policy as pages: every parameter with what it rests on, values from a day on, what is still to decide."""

import csv
import io
from datetime import UTC, date, datetime

import pytest
from sqlalchemy import select

from clinic_orders.actions.policy import put_policies
from clinic_orders.models.audit import AuditEntry
from clinic_orders.models.base import db
from clinic_orders.models.policy import PolicyValue
from clinic_orders.queries.policy import Mark, policy_lines, stored_values
from clinic_orders.rules.parties import SYSTEM, InstitutionKind, Role
from clinic_orders.rules.policy_parameters import PARAMETERS
from tests.people import NOW, make_people

TODAY = date(2026, 11, 20)


@pytest.fixture
def people(app):
    return make_people()


def put(parameter, value, *, kind="", scale="", valid_from=date(2026, 1, 1), document_no=""):
    row = {
        "parameter": parameter,
        "kind": kind,
        "scale": scale,
        "valid_from": valid_from,
        "value": value,
        "document_no": document_no,
    }
    put_policies([(1, row)], by=SYSTEM, at=NOW)


def the_line(name, kind=None, on=TODAY):
    return next(
        line
        for line in policy_lines(stored_values(), on=on)
        if line.parameter.name == name and line.kind is kind
    )


@pytest.mark.parametrize("role", [role for role in Role if role is not Role.SYSTEM])
def test_everybody_reads_every_parameter_and_only_the_city_sets(client, people, role):
    client.log_in(people.users[role])
    pages = [client.get("/policy", query_string={"page": number}, status=200).page for number in (1, 2)]
    assert {name for page in pages for name in page.texts("tbody th .sub")} == set(PARAMETERS)
    for name in PARAMETERS:
        page = client.get(f"/policy/{name}", status=200).page
        assert bool(page.all("form[action^='/policy/']")) == (role is Role.CITY)
    if role is not Role.CITY:
        assert client.get("/policy/set-up").status_code == 403
        data = {"value": "3", "valid_from": "2027-01-01", "do": "save"}
        assert client.post("/policy/order.ship_days", data=data).status_code == 403
        assert db.session.query(PolicyValue).count() == 0


def test_what_nobody_confirmed_says_so_with_word_and_shape(client, people):
    client.log_in(people.users[Role.COUNTY])
    page = client.get("/policy", query_string={"q": "order.max_packs"}, status=200).page
    status = page.one("tbody .status-warn")
    assert status.text == "待确认"
    assert status.all("svg")


def test_a_value_is_compared_set_and_confirmed_by_its_document(client, people):
    client.log_in(people.users[Role.CITY])
    client.get("/policy/order.max_packs", status=200)
    page = client.submit("main form", value="500", valid_from="2027-01-01", button="do=check").page
    assert page.h1 == "设这个值吗？"
    assert "仍是“待确认”" in page.text
    client.get("/policy/order.max_packs", status=200)
    page = client.submit(
        "main form", value="500", valid_from="2027-01-01", document_no="洛医保〔2026〕9号", button="do=check"
    ).page
    assert "9999" in page.text
    assert client.submit("main form").status_code == 302
    row = db.session.scalars(select(PolicyValue)).one()
    assert (row.value, row.confirmed, row.example) == ("500", True, False)
    assert db.session.scalars(select(AuditEntry.deed)).all()[-1] == "put_policies"
    page = client.get("/policy/order.max_packs", status=200).page
    assert "洛医保〔2026〕9号" in page.text
    assert "王桂兰" in page.text


@pytest.mark.parametrize(
    ("name", "typed", "wrong"),
    [
        ("order.max_packs", {"value": "1.5"}, "整数"),
        ("order.max_packs", {"value": ""}, "order.max_packs"),
        ("markup.cap", {"value": "0.1", "scale": "中心"}, "类"),
        ("order.max_packs", {"value": "3", "valid_from": "2027-13-01"}, "2027-13-01"),
    ],
)
def test_a_value_that_cannot_be_is_refused_and_kept_in_the_form(client, people, name, typed, wrong):
    client.log_in(people.users[Role.CITY])
    client.get(f"/policy/{name}", status=200)
    answer = client.submit("main form", button="do=check", **typed)
    assert answer.status_code == 400
    assert wrong in answer.page.one(".error-summary").text
    assert answer.page.one("#value")["value"] == typed["value"]


@pytest.mark.parametrize(
    ("instant", "shown"),
    [
        (datetime(2026, 12, 31, 15, 59, tzinfo=UTC), "9999 盒"),
        (datetime(2026, 12, 31, 16, 0, tzinfo=UTC), "500 盒"),
    ],
    ids=["23:59 in China", "00:00 in China"],
)
def test_a_value_begins_at_midnight_in_china(client, people, clock_at, instant, shown):
    put("order.max_packs", "500", valid_from=date(2027, 1, 1), document_no="1 号")
    clock_at(instant)
    client.log_in(people.users[Role.CITY])
    page = client.get("/policy", query_string={"q": "order.max_packs"}, status=200).page
    assert page.texts("tbody td b") == [shown]


def test_a_kind_has_its_own_line_and_an_example_never_counts_as_confirmed(app, people):
    put("stocking.minimum", "30", kind="village_clinic", document_no="演示值，非官方")
    village = the_line("stocking.minimum", InstitutionKind.VILLAGE_CLINIC)
    assert (village.value, village.mark) == (30, Mark.EXAMPLE)
    assert the_line("stocking.minimum", InstitutionKind.RETAIL_PHARMACY).mark is Mark.UNSET
    assert the_line("markup.cap", InstitutionKind.RETAIL_PHARMACY).mark is Mark.UNCONFIRMED
    assert the_line("markup.cap", InstitutionKind.VILLAGE_CLINIC).mark is Mark.CONFIRMED
    put("stocking.minimum", "", kind="village_clinic", valid_from=date(2026, 5, 1), document_no="9号")
    village = the_line("stocking.minimum", InstitutionKind.VILLAGE_CLINIC)
    assert (village.value, village.mark) == (None, Mark.CONFIRMED)


def test_the_list_for_a_new_bureau_puts_the_unset_first_and_leaves_out_what_is_settled(client, people):
    client.log_in(people.users[Role.CITY])
    page = client.get("/policy/set-up", status=200).page
    states = page.texts("tbody .status")
    assert states == sorted(states, key=["未设", "演示值，非官方", "待确认"].index)
    assert "order.ship_days" not in page.text
    link = next(a["href"] for a in page.all("tbody a") if "stocking.minimum" in a["href"])
    page = client.get(link.partition("#")[0], status=200).page
    assert page.one("#kind option[selected]")["value"] in link


def test_the_rows_go_out_as_they_come_in(client, people):
    put("order.max_packs", "500", document_no="1 号")
    put("stocking.minimum", "30", kind="village_clinic")
    client.log_in(people.users[Role.CITY])
    answer = client.get("/policy", query_string={"format": "csv", "q": "stocking"}, status=200)
    rows = list(csv.reader(io.StringIO(answer.get_data().decode("utf-8-sig"))))
    assert rows == [
        ["parameter", "kind", "scale", "valid_from", "value", "document_no"],
        ["stocking.minimum", "village_clinic", "", "2026-01-01", "30", ""],
    ]
    assert client.get("/policy?format=xlsx", status=200).data[:2] == b"PK"


def test_the_page_takes_no_more_statements_for_more_rows(client, people, count_sql):
    client.log_in(people.users[Role.CITY])
    counts = []
    for days in (0, 20):
        for number in range(days):
            put("order.max_packs", str(number + 1), valid_from=date(2025, 1, number + 1))
        client.get("/policy", status=200)
        with count_sql() as seen:
            client.get("/policy", status=200)
        counts.append(seen.count)
    assert counts[0] == counts[1]
