"""The quarterly bulletin: only from closed months, ranked, drafted by the clock, published once (R-STAT-3)."""

from __future__ import annotations

import io
from datetime import date
from decimal import Decimal
from fractions import Fraction

import openpyxl
import pytest

from clinic_orders import jobs
from clinic_orders.actions.bulletins import draft_bulletin, publish_bulletin, word_bulletin
from clinic_orders.actions.statistics import close_month
from clinic_orders.cli import run
from clinic_orders.documents.bulletins import annex_workbook, bulletin_pdf
from clinic_orders.documents.letters import letter_html
from clinic_orders.jobs import figures
from clinic_orders.models.accounts import RoleAssignment, User
from clinic_orders.models.base import db
from clinic_orders.queries.bulletins import bulletin_content, find_bulletin, quarter_figures
from clinic_orders.rules.bulletins import (
    PARAMETER_WORDS,
    BulletinPublished,
    MonthsNotClosed,
    QuarterFigures,
    Ranked,
    compose_bulletin,
)
from clinic_orders.rules.days import Quarter
from clinic_orders.rules.parties import SYSTEM, Role
from clinic_orders.rules.policy_parameters import PARAMETERS
from tests.files_world import COUNTY, make_world, moment, order, receipt, take_well
from tests.orders_in_work import LONG_AGO

QUARTER = Quarter(2026, 1)
NOW = moment("2026-04-01T09:00")


@pytest.fixture
def people(app, clock_at) -> dict[Role, User]:
    """A quarter with an order in each of its first months, all three closed but the last."""
    make_world()
    take_well(
        "orders",
        order(),
        order(
            order_no="A2",
            submitted_at=moment("2026-02-03T09:00"),
            confirmed_at=moment("2026-02-03T10:00"),
            packs=5,
            confirmed_packs=5,
        ),
    )
    take_well("receipts", receipt())
    people = {}
    for role, place in ((Role.CITY, {}), (Role.COUNTY, {"county_code": COUNTY})):
        user = User(username=role.value, name="王桂兰", password_hash="-", created_at=LONG_AGO)
        user.assignments.append(RoleAssignment(role=role, valid_from=date(2025, 1, 1), **place))
        db.session.add(user)
        people[role] = user
    db.session.commit()
    clock_at(NOW)
    close_month(QUARTER.months[0], by=SYSTEM, at=moment("2026-02-01T03:00"))
    close_month(QUARTER.months[1], by=SYSTEM, at=moment("2026-03-01T03:00"))
    return people


def close_the_last() -> None:
    close_month(QUARTER.months[2], by=SYSTEM, at=moment("2026-04-01T03:00"))


def test_it_says_which_month_is_not_closed(people, client, app, tmp_path, capsys):
    with pytest.raises(MonthsNotClosed) as refused:
        quarter_figures(QUARTER)
    assert refused.value.facts["months"] == "2026-03"
    file = tmp_path / "x.pdf"
    with pytest.raises(SystemExit) as left:
        run(lambda: app, ["bulletin", "2026-Q1", "-o", str(file)])
    assert (left.value.code, file.exists()) == (1, False)
    assert "2026-03" in capsys.readouterr().err
    client.log_in(people[Role.CITY])
    assert "2026-03" in client.get("/bulletins/2026-Q1", status=200).page.text


def test_flows_are_added_up_and_what_stands_is_that_of_the_last_day(people):
    close_the_last()
    figures = quarter_figures(QUARTER)
    assert (figures.city["orders"], figures.city["order_packs"], figures.city["institutions"]) == (2, 15, 2)
    # R1 of ten packs at 0.125 is due in February and was not paid.
    assert (figures.city["amount_due"], figures.city["overdue_amount"]) == (Decimal("1.25"), Decimal("1.25"))
    assert list(figures.kinds) == ["乡镇卫生院", "村卫生室"]
    assert [one.name for one in figures.distributors] == ["豫西安康医药配送有限公司"]
    assert "计价基准" in figures.unconfirmed


def test_the_clock_drafts_it_and_the_city_publishes_it_once(people, client):
    close_the_last()
    outcome = jobs.Outcome()
    figures.draft_bulletin(date(2026, 4, 1), NOW, outcome)
    figures.draft_bulletin(date(2026, 4, 1), NOW, outcome)
    assert (outcome.changed, outcome.failures) == (1, 0)
    client.log_in(people[Role.COUNTY])
    client.get("/bulletins/2026-Q1", status=404)
    client.log_in(people[Role.CITY])
    client.get("/bulletins/2026-Q1", status=200)
    client.submit("form[action$='/words']", demands="嵩县要限期整改。")
    client.get("/bulletins/2026-Q1", status=200)
    client.submit("form[action$='/publish']")
    kept = find_bulletin(QUARTER)
    assert kept is not None
    assert kept.number == "洛医保通〔2026〕1号"
    content = bulletin_content(QUARTER, on=date(2027, 1, 1))
    assert (content.sha256(), content.signed_on) == (kept.sha256, date(2026, 4, 1))
    assert "嵩县要限期整改。" in letter_html(content)
    for deed in (publish_bulletin, lambda *one, **more: word_bulletin(*one, "别的", **more)):
        with pytest.raises(BulletinPublished):
            deed(QUARTER, by=SYSTEM, at=NOW)
    client.log_in(people[Role.COUNTY])
    assert kept.number in client.get("/bulletins/2026-Q1", status=200).page.text
    assert client.get("/bulletins/2026-Q1/pdf", status=200).data.startswith(b"%PDF")
    book = openpyxl.load_workbook(io.BytesIO(client.get("/bulletins/2026-Q1/xlsx", status=200).data))
    assert len(book.sheetnames) == len(content.annexes)


def test_a_draft_is_refused_where_its_words_were_changed_meanwhile(people, client):
    close_the_last()
    draft = draft_bulletin(QUARTER, by=SYSTEM, at=NOW)
    seen = draft.version
    word_bulletin(QUARTER, "别的", by=SYSTEM, at=NOW)
    client.log_in(people[Role.CITY])
    page = client.post(
        "/bulletins/2026-Q1/words", data={"demands": "我写的", "version": str(seen)}, status=409
    ).page
    assert page.one("textarea").text == "我写的"


def test_the_console_writes_a_draft(people, app, tmp_path):
    close_the_last()
    file = tmp_path / "x.pdf"
    with pytest.raises(SystemExit) as left:
        run(lambda: app, ["bulletin", "2026-Q1", "-o", str(file)])
    assert not left.value.code
    assert file.read_bytes().startswith(b"%PDF")


def long_figures(number: int) -> QuarterFigures:
    """Rankings with long names, as long as asked."""
    name = "洛阳市伊川县安和堂大药房连锁有限公司鸦岭镇第{}分店（原鸦岭镇康复医药超市）"
    ranking = [
        Ranked(
            one, f"P{one}", name.format(one), "伊川县", ("99.99%", "128.50", "100.00%", "12,345.67"), 4 * one
        )
        for one in range(1, number + 1)
    ]
    sums = dict.fromkeys(
        (
            "institutions",
            "orders",
            "order_packs",
            "over_markup_lines",
            "asked",
            "delivered",
            "delivered_in_time",
            "items_carried",
            "counted",
            "agreed",
        ),
        1,
    ) | dict.fromkeys(
        (
            "order_amount",
            "accepted_amount",
            "amount_due",
            "amount_paid_on_time",
            "overdue_amount",
            "over_markup_excess",
        ),
        Decimal("1.00"),
    )
    return QuarterFigures(
        QUARTER,
        sums,
        ranking[:14],
        {"零售药店": ranking},
        ranking[:20],
        [("第七批", 10, 5, Fraction(1))],
        ["加价上限"],
        ["a" * 64] * 3,
        True,
    )


def test_paper_names_the_last_two_hundred_and_the_workbook_all():
    figures = long_figures(230)
    content = compose_bulletin(figures, signed_on=date(2026, 4, 1))
    assert [len(one.rows) for one in content.annexes] == [14, 200, 20, 1]
    assert content.annexes[1].note == "共230家，列出位次靠后的200家"
    assert bulletin_pdf(content).startswith(b"%PDF")
    whole = compose_bulletin(figures, signed_on=date(2026, 4, 1), most=None)
    book = openpyxl.load_workbook(io.BytesIO(annex_workbook(whole)))
    assert book.worksheets[1].max_row == 4 + 230
    assert book.worksheets[1]["G5"].value == 12345.67


def test_the_parameters_that_it_names_are_parameters():
    assert set(PARAMETER_WORDS) <= set(PARAMETERS)
