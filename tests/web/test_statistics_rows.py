"""Every figure on the page of a month opens its rows, and they add up to it (R-STAT-2); what is in scope is set."""

from __future__ import annotations

import csv
import io
from datetime import date
from decimal import Decimal

import pytest
from sqlalchemy import select

from clinic_orders import jobs
from clinic_orders.actions.statistics import ask_to_reckon, close_month, keep_reckoned, set_scope
from clinic_orders.jobs import figures
from clinic_orders.models.accounts import RoleAssignment, User
from clinic_orders.models.base import db
from clinic_orders.models.cases import CaseFile, CaseLetter
from clinic_orders.models.roster import Institution
from clinic_orders.queries import statistics as questions
from clinic_orders.queries.statistics import figures_to_keep, last_reckoned, months_wanted, statistics
from clinic_orders.rules.days import Month, start_of_day
from clinic_orders.rules.further_indicators import CONTRACT, FURTHER, sums_of
from clinic_orders.rules.ladder import CaseState, LetterState, Level
from clinic_orders.rules.letters import OF_LEVEL
from clinic_orders.rules.parties import SYSTEM, InstitutionKind, Role
from tests.files_world import COUNTY, WORLD, going_back, make_world, moment, order, receipt, take_well
from tests.orders_in_work import LONG_AGO

FEBRUARY = Month(2026, 2)
CLOSED_AT = moment("2026-03-01T03:00")
NOW = moment("2026-03-05T09:00")


@pytest.fixture
def city(app, clock_at) -> User:
    """A month with orders of two modes, late goods, a lapse, money, a volume, a report, a sale; and the city's officer."""
    make_world()
    february = {"submitted_at": moment("2026-02-03T09:00"), "confirmed_at": moment("2026-02-03T10:00")}
    take_well("catalogue", {**_item("LY001"), "ceiling_price": Decimal("0.0100")})
    take_well(
        "orders",
        order(),
        order(order_no="A2", **february),
        order(
            order_no="A3",
            mode="proxy",
            channel="provincial",
            item_code="LY002",
            packs=7,
            confirmed_packs=6,
            **february,
        ),
        order(
            order_no="A4", submitted_at=moment("2026-02-05T09:00"), confirmed_packs=None, confirmed_at=None
        ),
    )
    late = {
        "delivered_at": moment("2026-02-12T08:00"),
        "accepted_at": moment("2026-02-12T09:00"),
        "shipped_at": None,
    }
    take_well("receipts", receipt(), receipt(receipt_no="R2", order_no="A2", **late))
    take_well("returns", going_back())
    take_well(
        "agreed-volumes",
        {
            "institution_code": "0V01",
            "item_code": "LY001",
            "cycle_start": date(2026, 1, 1),
            "cycle_end": date(2026, 12, 31),
            "agreed_packs": 20,
        },
    )
    take_well(
        "policies",
        {"parameter": "stocking.minimum", "valid_from": date(2026, 1, 1), "value": "2", "document_no": "1号"},
    )
    user = User(username="city", name="王桂兰", password_hash="-", created_at=LONG_AGO)
    user.assignments.append(RoleAssignment(role=Role.CITY, valid_from=date(2025, 1, 1)))
    db.session.add(user)
    db.session.commit()
    clock_at(NOW)
    return user


def _item(code: str) -> dict[str, object]:
    return dict(next(row for row in WORLD["catalogue"] if row["item_code"] == code))


def number(text: str) -> Decimal:
    return Decimal(text.replace(",", "").rstrip("%"))


def test_every_figure_opens_rows_that_add_up_to_it(city, client):
    close_month(FEBRUARY, by=SYSTEM, at=CLOSED_AT)
    client.log_in(city)
    page = client.get(f"/statistics/{FEBRUARY}", status=200).page
    links = {one["href"]: one.text for one in page.all("main a[href*='/rows/']") if one.text}
    # Every indicator but those of scope, for the whole, the county and two kinds.
    assert len({href.split("/rows/")[1].split("?")[0] for href in links}) == len(CONTRACT) + len(FURTHER) + 2
    assert len(links) > 4 * (len(CONTRACT) + len(FURTHER))
    for href, text in links.items():
        behind = client.get(href, status=200).page
        together = behind.texts("#figure") or behind.texts("[data-sum]")
        if not together:
            # Nothing stands behind a figure of nought, or one that nothing is divided by.
            assert text == "—" or number(text) == 0, href
            continue
        assert text in together, f"{href}: {text} is not {together}"
        rows = list(
            csv.DictReader(
                io.StringIO(
                    client.get(f"{href}&format=csv" if "?" in href else f"{href}?format=csv", status=200)
                    .get_data()
                    .decode("utf-8-sig")
                )
            )
        )
        sums = behind.all("[data-sum]")
        for place, total in enumerate(sums):
            column = list(rows[0])[5 + place]
            assert sum(number(row[column]) for row in rows) == number(total.text), href


def test_rows_make_the_indicators_of_the_contract(city):
    found = statistics(FEBRUARY)
    sums = sums_of(one.columns for one in found.rows.institutions if one.county)
    city_block = found.blocks["city"]
    assert {name: parts.of(sums) for name, parts in CONTRACT.items()} == {
        name: city_block[name] for name in CONTRACT
    }


def test_the_indicators_beyond_the_contract(city):
    further = statistics(FEBRUARY).further["city"]
    assert {
        name: further[name]
        for name in (
            "in_scope",
            "scheme_coverage",
            "minimum_compliance",
            "confirmation_rate",
            "on_time_rate",
            "savings",
            "overdue_1_30",
        )
    } == {
        "in_scope": None,
        "scheme_coverage": None,
        # Both are judged; the clinic accepted one item, the hospital none.
        "minimum_compliance": "0.0000",
        # A2 and A3 were answered in time, A4 was not.
        "confirmation_rate": "0.6667",
        "on_time_rate": "0.0000",
        # 10 packs of 28 at 0.01 against 10 × 0.125.
        "savings": "1.55",
        "overdue_1_30": "0.00",
    }
    assert [(one["mode"], one["channel"], one["orders"]) for one in further["trade"]] == [
        ("direct", "clinic_orders", 2),
        ("proxy", "provincial", 1),
    ]


def test_cases_stand_at_their_level_with_rows_behind(city, client):
    institution = db.session.scalars(select(Institution.id).order_by(Institution.code)).first()
    case = CaseFile(
        number="AJ2026-0001",
        institution_id=institution,
        state=CaseState.RECEIVED,
        level=4,
        deadline=date(2026, 3, 9),
        opened_at=LONG_AGO,
        opened_by_name="赵红军",
        moved_at=LONG_AGO,
    )
    db.session.add(case)
    db.session.flush()
    for level, day in ((1, date(2026, 2, 3)), (4, date(2026, 2, 20)), (5, date(2026, 3, 2))):
        db.session.add(
            CaseLetter(
                case_id=case.id,
                kind=OF_LEVEL[Level(level)],
                level=level,
                state=LetterState.ISSUED,
                number=f"嵩县医保〔2026〕{level}号",
                series="嵩县医保〔2026〕",
                serial=level,
                token=f"token-{level}",
                content="{}",
                sha256="0" * 64,
                finding_ids=[],
                form_key=f"form-{level}",
                deadline=day,
                made_at=start_of_day(day),
                made_by_name="赵红军",
                issued_at=start_of_day(day),
                issued_on=day,
            )
        )
    db.session.commit()
    close_month(FEBRUARY, by=SYSTEM, at=CLOSED_AT)
    client.log_in(city)
    page = client.get(f"/statistics/{FEBRUARY}", status=200).page
    link = next(one["href"] for one in page.all("main a[href*='/rows/cases']"))
    # The fifth level came in March; what counts is the highest one reached.
    assert "level=4" in link
    behind = client.get(link, status=200).page
    assert behind.texts("[data-sum]") == ["1"]
    assert len(behind.all("tbody tr")) == 1
    client.get(f"/statistics/{FEBRUARY}/rows/cases?level=9", status=404)


def test_what_is_in_scope_is_set_and_covers(city, client):
    client.log_in(city)
    page = client.get("/statistics/scope", status=200).page
    assert page.all(f"input[name='n-{COUNTY}-village_clinic']")
    wrong = {f"n-{COUNTY}-village_clinic": "x", "on": "2026-02-01"}
    again = client.post("/statistics/scope", data=wrong, status=422).page
    assert again.one(f"input[name='n-{COUNTY}-village_clinic']")["value"] == "x"
    client.post(
        "/statistics/scope",
        data={f"n-{COUNTY}-village_clinic": "4", "on": "2026-02-01", "document": "洛医保〔2026〕1号"},
        status=303,
    )
    further = statistics(FEBRUARY).further
    assert (further["city"]["in_scope"], further["city"]["scheme_coverage"]) == (4, "0.2500")
    assert [one["scheme_coverage"] for one in further["kinds"]] == [None, "0.2500"]
    assert (
        set_scope(
            {(COUNTY, InstitutionKind.VILLAGE_CLINIC): 4}, valid_from=date(2026, 3, 1), by=SYSTEM, at=NOW
        )
        == 0
    )


def test_a_month_too_large_for_a_page_is_reckoned_by_the_clock(city, client, monkeypatch):
    monkeypatch.setattr(questions, "LIVE_ORDERS", 0)
    client.log_in(city)
    page = client.get(f"/statistics/{FEBRUARY}", status=200).page
    assert not page.all("table")
    client.submit("form[action$='/reckon']")
    assert months_wanted() == [FEBRUARY]
    outcome = jobs.Outcome()
    figures.reckon_wanted(date(2026, 3, 5), NOW, outcome)
    assert (outcome.changed, outcome.failures, months_wanted()) == (1, 0, [])
    take_well(
        "orders",
        order(
            order_no="A9", submitted_at=moment("2026-02-20T09:00"), confirmed_at=moment("2026-02-20T10:00")
        ),
    )
    kept = last_reckoned(FEBRUARY)
    assert (kept.blocks["city"]["orders"], kept.reckoned_at) == (3, NOW)
    assert client.get(f"/statistics/{FEBRUARY}", status=200).page.all("form[action$='/reckon']")
    assert last_reckoned(FEBRUARY, since=moment("2026-03-06T00:00")) is None


def test_a_wish_that_comes_while_it_is_reckoned_stays(city):
    ask_to_reckon(FEBRUARY, by=SYSTEM, at=NOW)
    keep_reckoned(FEBRUARY, figures_to_keep(FEBRUARY), by=SYSTEM, at=moment("2026-03-05T08:00"))
    assert months_wanted() == [FEBRUARY]


def test_an_institution_and_the_volumes_of_a_month(city, client):
    client.log_in(city)
    page = client.get(f"/statistics/{FEBRUARY}/institutions/0V01", status=200).page
    assert page.all("a[href*='/bureau/orders/'][href*='first=2026-02-01']")
    client.get(f"/statistics/{FEBRUARY}/institutions/0X01", status=404)
    page = client.get(f"/statistics/{FEBRUARY}/volumes", status=200).page
    # 10 packs came in January and 3 went back; R2 brought 10 more: 17 of 20, and 59 of 365 days are gone.
    assert page.texts("tbody td.n") == ["20", "17", "85.00%", "16.16%", "-68.84"]
    page = client.get(page.one("tbody th a")["href"], status=200).page
    assert "氯吡格雷" in page.texts("tbody th")[0]
    assert page.texts("tbody td.n")[:2] == ["20", "17"]
    page = client.get(page.one("tbody th a")["href"], status=200).page
    assert "村卫生室" in page.texts("tbody th")[0]
