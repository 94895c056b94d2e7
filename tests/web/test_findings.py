"""The pages of findings: the bureau's list, one finding with its rows, a party's own."""

from __future__ import annotations

from datetime import date
from decimal import Decimal
from fractions import Fraction

import pytest

from clinic_orders.actions.findings import raise_findings
from clinic_orders.models.base import db
from clinic_orders.models.supervision import FindingRecord
from clinic_orders.rules.finding_states import FindingState
from clinic_orders.rules.findings import FIGURES, CheckRule, Figure, Finding, Grade
from clinic_orders.rules.parties import SYSTEM, Role
from tests.many_of_all import make_people
from tests.orders_in_work import NOW, make_world

VALUES = {
    Figure.COUNT: 7,
    Figure.AMOUNT: Decimal("215.06"),
    Figure.RATE: Fraction(1, 3),
    Figure.POINTS: Decimal("34.90"),
    Figure.WORD: "31-60",
    Figure.WORDS: ("V01", "H01"),
}
DAY = date(2026, 10, 31)


def one_of(rule: CheckRule) -> Finding:
    figures = {name: VALUES[form] for name, form in FIGURES[rule].items()}
    if rule is CheckRule.REPORT_MISSING:
        figures["due_on"] = "2026-11-05"
    of_day = rule in {CheckRule.PAYMENT_OVERDUE, CheckRule.LATE_ACCEPTANCE, CheckRule.LATE_CONFIRMATION}
    return Finding(
        rule,
        Grade.VIOLATION,
        institution="V01",
        distributor="D01" if rule is CheckRule.PAYMENT_OVERDUE else None,
        key="sales" if rule is CheckRule.REPORT_MISSING else "LY000",
        period="2026-10-31" if of_day else "2026-10",
        formula="1 < 2",
        figures=figures,
        rows=(("receipt", "PS1"),) if rule is CheckRule.PAYMENT_OVERDUE else (),
    )


@pytest.fixture
def people(app):
    world = make_world()
    raise_findings(DAY, [one_of(rule) for rule in CheckRule], set(CheckRule), by=SYSTEM, at=NOW)
    return make_people(world)


def test_every_check_says_its_figures_in_a_sentence_on_the_list_and_on_its_page(client, people):
    client.log_in(people[Role.CITY])
    page = client.get("/findings/", status=200).page
    assert len(page.all("main tbody tr")) == len(CheckRule)
    assert "%(" not in page.one("main").text
    assert "氯吡格雷：7 笔、7 个最小单位超过承诺价，多收 215.06 元，最高加价 33.3%" in page.one("main").text
    for record in db.session.query(FindingRecord).all():
        shown = client.get(f"/findings/{record.id}", status=200).page
        assert "1 < 2" in shown.one("main").text


def test_the_bureau_waives_with_a_reason_and_takes_it_back(client, people):
    client.log_in(people[Role.COUNTY])
    number = db.session.query(FindingRecord.id).order_by(FindingRecord.id).limit(1).scalar()
    client.get(f"/findings/{number}", status=200)
    refused = client.post(f"/findings/{number}", data={"do": "waive", "reason": " "})
    assert refused.status_code == 422
    client.post(f"/findings/{number}", data={"do": "waive", "reason": "已核实", "version": "1"}, status=303)
    assert db.session.get(FindingRecord, number).state is FindingState.WAIVED
    stale = client.post(f"/findings/{number}", data={"do": "take_back", "version": "1"})
    assert stale.status_code == 409
    client.post(f"/findings/{number}", data={"do": "take_back", "version": "2"}, status=303)
    assert db.session.get(FindingRecord, number).state is FindingState.OPEN


def test_a_clinic_sees_its_own_and_others_see_nothing(client, people):
    client.log_in(people[Role.INSTITUTION])
    page = client.get("/findings/", status=200).page
    assert len(page.all("main tbody tr")) == len(CheckRule)
    number = db.session.query(FindingRecord.id).order_by(FindingRecord.id).limit(1).scalar()
    assert "do" not in {field["name"] for field in client.get(f"/findings/{number}").page.all("main [name]")}
    client.log_in(people[Role.HOSPITAL])
    client.get(f"/findings/{number}", status=404)


def test_the_list_takes_as_many_statements_for_many_rows_as_for_few(client, people, count_sql):
    client.log_in(people[Role.CITY])
    client.get("/findings/", status=200)
    with count_sql() as many:
        client.get("/findings/", status=200)
    with count_sql() as few:
        client.get("/findings/?rule=payment_overdue", status=200)
    assert many.count == few.count <= 9, str(many)
