"""The catalogue, editions and prices as pages."""

import csv
import io
from datetime import UTC, date, datetime
from decimal import Decimal

import pytest
from sqlalchemy import select

from clinic_orders.actions import catalogue as deeds
from clinic_orders.models.audit import AuditEntry
from clinic_orders.models.base import db
from clinic_orders.models.catalogue import Edition, Price
from clinic_orders.rules.parties import SYSTEM, Role
from tests.factories import NOW, make_user, make_world


@pytest.fixture
def world(app):
    return make_world()


@pytest.fixture
def everybody(world):
    return {
        "clinic": make_user("V01", institution=world.clinic),
        "hospital": make_user("H01", role=Role.HOSPITAL, institution=world.hospital),
        "distributor": make_user("D01", role=Role.DISTRIBUTOR, distributor=world.distributor),
        "county": make_user("c", role=Role.COUNTY, county="410325"),
        "city": make_user("s", role=Role.CITY),
    }


@pytest.mark.parametrize("who", ["clinic", "hospital", "distributor", "county", "city"])
def test_everybody_searches_the_catalogue_and_opens_an_item(client, everybody, who):
    client.log_in(everybody[who])
    page = client.get("/catalogue", query_string={"q": "atftt"}, status=200).page
    assert "阿托伐他汀" in page.text
    page = client.get("/catalogue/ly001", status=200).page
    assert page.h1 == "阿托伐他汀 10mg"
    assert "中选价（历史价）" in page.text
    assert client.get("/catalogue/nothing", status=404)


def test_only_buyers_are_led_to_the_order_page_and_only_the_city_to_prices(client, everybody):
    seen = {}
    for who, user in everybody.items():
        client.log_in(user)
        page = client.get("/catalogue/LY001", status=200).page
        seen[who] = ("订这个药" in page.text, "定价格" in page.text)
    assert seen == {
        "clinic": (True, False),
        "hospital": (True, False),
        "distributor": (False, False),
        "county": (False, False),
        "city": (False, True),
    }
    client.log_in(everybody["clinic"])
    link = client.get("/catalogue/LY001").page.one("a.btn-primary")["href"]
    assert "LY001" in client.get(link, status=200).get_data(as_text=True)


def test_what_was_inferred_and_where_a_price_comes_from_is_said(client, everybody, world):
    rows = [
        {
            "item_code": "LY001",
            "batch_year": "2019",
            "pack_size_basis": "inferred",
            "supply_regions": "河南;安徽",
        }
    ]
    deeds.note_provenance(rows, by=SYSTEM, at=NOW)
    client.log_in(everybody["city"])
    page = client.get("/catalogue", query_string={"q": "LY001"}, status=200).page
    assert "包装为推断" in page.text
    page = client.get("/catalogue/LY001", status=200).page
    assert "河南、安徽" in page.text
    assert "每盒数量由价格推算" in page.text


def test_a_search_that_finds_nothing_names_what_comes_near(client, everybody):
    client.log_in(everybody["clinic"])
    page = client.get("/catalogue", query_string={"q": "阿脱伐他汀"}, status=200).page
    assert "个相近的" in page.text
    assert page.all("a.item")
    page = client.get("/catalogue", query_string={"q": "LY001", "form": "注射剂"}, status=200).page
    assert "目录里有 1 个相近的" in page.text
    page = client.get("/catalogue", query_string={"q": "不存在的东西"}, status=200).page
    assert page.h1 == "推荐目录"
    assert "没有找到" in page.text


@pytest.mark.parametrize(
    ("address", "columns"),
    [
        ("/catalogue", "item_code generic_name form strength pack_size base_unit manufacturer batch"),
        ("/editions/prices", "item_code valid_from pack_price document_no"),
        ("/editions/", "edition valid_from item_code"),
    ],
)
def test_lists_go_out_in_the_columns_that_come_in(client, everybody, world, address, columns):
    client.log_in(everybody["city"])
    answer = client.get(address, query_string={"format": "csv"}, status=200)
    rows = list(csv.reader(io.StringIO(answer.get_data().decode("utf-8-sig"))))
    assert rows[0][: len(columns.split())] == columns.split()
    assert len(rows) == 1 + len(world.items)
    assert client.get(address, query_string={"format": "xlsx"}, status=200).data[:2] == b"PK"


def test_pages_take_no_more_statements_for_more_items(client, everybody, count_sql):
    client.log_in(everybody["city"])
    for address in ("/catalogue", "/editions/prices"):
        client.get(address)
        counts = []
        for query in ("LY001", ""):
            with count_sql() as seen:
                client.get(address, query_string={"q": query}, status=200)
            counts.append(seen.count)
        assert counts[0] == counts[1], address


def announce(client, code="LY001", **typed):
    client.get(f"/editions/prices/{code}", status=200)
    return client.submit("main form", button="do=check", **typed)


def test_a_price_is_compared_announced_and_in_the_history(client, everybody, world):
    client.log_in(everybody["city"])
    page = announce(client, valid_from="2027-01-01", pack_price="3.00", document_no="洛医保〔2026〕8号").page
    assert page.h1 == "公布这条价格吗？"
    assert "3.36 元／盒" in page.text
    assert "(-10.7%)" in page.text
    answer = client.submit("main form")
    assert answer.status_code == 302
    assert "2027 年 1 月 1 日" in client.get(answer.location, status=200).page.text
    entry = db.session.scalars(select(AuditEntry).where(AuditEntry.deed == "put_prices")).one()
    assert (entry.subject, entry.actor_name) == ("LY001 2027-01-01", "王保田")


@pytest.mark.parametrize(
    ("instant", "shown"),
    [
        (datetime(2026, 12, 31, 15, 59, tzinfo=UTC), "3.36"),
        (datetime(2026, 12, 31, 16, 0, tzinfo=UTC), "3.00"),
    ],
    ids=["23:59 in China", "00:00 in China"],
)
def test_a_price_and_an_edition_begin_at_midnight_in_china(
    client, everybody, world, clock_at, instant, shown
):
    deeds.add_price(
        world.items[0],
        valid_from=date(2027, 1, 1),
        pack_price=Decimal("3.00"),
        document_no="8号",
        by=SYSTEM,
        at=NOW,
    )
    deeds.make_edition("2027", valid_from=date(2027, 1, 1), copy_of=world.edition, by=SYSTEM, at=NOW)
    clock_at(instant)
    client.log_in(everybody["clinic"])
    assert client.get("/catalogue/LY001", status=200).page.texts("section p.item-price b") == [shown]
    force = client.get("/catalogue", status=200).page.text
    assert ("现行目录：2027" in force) == (shown == "3.00")


@pytest.mark.parametrize(
    ("typed", "wrong"),
    [
        ({"valid_from": "2020-01-01", "pack_price": "3", "document_no": "1"}, "已有价格"),
        ({"valid_from": "2027-02-30", "pack_price": "3", "document_no": "1"}, "2027-02-30"),
        ({"valid_from": "2027-01-01", "pack_price": "0", "document_no": "1"}, "0"),
        ({"valid_from": "2027-01-01", "pack_price": "3", "document_no": ""}, "这一项要填"),
    ],
)
def test_a_price_that_cannot_be_is_refused_with_what_was_typed(client, everybody, world, typed, wrong):
    client.log_in(everybody["city"])
    answer = announce(client, **typed)
    assert answer.status_code == 400
    assert wrong in answer.page.one(".error-summary").text
    assert answer.page.one("#document_no")["value"] == typed["document_no"]
    assert db.session.query(Price).count() == len(world.items)


def test_a_correction_needs_its_reason_and_keeps_it(client, everybody, world):
    client.log_in(everybody["city"])
    address = "/editions/corrections/2020-01-01/LY001"
    client.get(address, status=200)
    assert client.submit("main form", pack_price="3.63", button="do=check").status_code == 400
    page = client.submit("main form", pack_price="3.63", reason="录入时颠倒", button="do=check").page
    assert page.h1 == "更正这条价格吗？"
    assert client.submit("main form").status_code == 302
    entry = db.session.scalars(select(AuditEntry).where(AuditEntry.deed == "correct_price")).one()
    assert (entry.before["pack_price"], entry.after["pack_price"], entry.after["reason"]) == (
        "3.3600", "3.63", "录入时颠倒",
    )  # fmt: skip
    assert client.get("/editions/corrections/2020-01-02/LY001", status=404)


def test_an_edition_is_copied_changed_and_compared(client, everybody, world):
    client.log_in(everybody["city"])
    client.get("/editions/new", status=200)
    page = client.submit("main form", edition="推荐目录2027", valid_from="2027-01-01", button="do=check").page
    assert page.h1 == "新建这个版本吗？"
    answer = client.submit("main form")
    edition = db.session.scalars(select(Edition).where(Edition.edition == "推荐目录2027")).one()
    assert answer.location == f"/editions/{edition.id}"
    page = client.get(answer.location, status=200).page
    assert page.texts(".facts .v") == ["15", "0", "0", "0"]
    client.get(f"/editions/{edition.id}/take-out/LY001", status=200)
    assert client.submit("main form").status_code == 302
    page = client.get(f"/editions/{edition.id}", query_string={"show": "dropped"}, status=200).page
    assert page.texts(".facts .v") == ["14", "0", "1", "0"]
    assert "LY001" in page.text
    page = client.get(f"/editions/{edition.id}/add", query_string={"code": "ly001"}, status=200).page
    assert "阿托伐他汀" in page.text
    assert client.submit("main form").status_code == 302
    assert client.get(f"/editions/{edition.id}/add", query_string={"code": "LY001"}).status_code == 400
    deeds_done = db.session.scalars(select(AuditEntry.deed).order_by(AuditEntry.id)).all()
    assert deeds_done == ["make_edition", "take_out_of_edition", "put_editions"]


def test_an_edition_needs_a_name_of_its_own(client, everybody, world):
    client.log_in(everybody["city"])
    client.get("/editions/new", status=200)
    answer = client.submit(
        "main form", edition=world.edition.edition, valid_from="2027-01-01", button="do=check"
    )
    assert answer.status_code == 400
    assert "已经有目录版本" in answer.page.text


@pytest.mark.parametrize("who", ["clinic", "hospital", "distributor", "county"])
def test_only_the_city_keeps_editions_and_prices(client, everybody, world, who):
    client.log_in(everybody[who])
    for address in (
        "/editions/",
        "/editions/1",
        "/editions/new",
        "/editions/prices",
        "/editions/prices/LY001",
    ):
        assert client.get(address).status_code == 403
    data = {"valid_from": "2027-01-01", "pack_price": "1", "document_no": "x", "do": "save"}
    assert client.post("/editions/prices/LY001", data=data).status_code == 403
    assert db.session.query(Price).count() == len(world.items)


def test_items_of_the_next_edition_are_ticked_among_all_beside_the_last_one(client, everybody, world):
    client.log_in(everybody["city"])
    client.get("/editions/new", status=200)
    client.submit("main form", edition="推荐目录2027", valid_from="2027-01-01", button="do=check")
    client.submit("main form")
    edition = db.session.scalars(select(Edition).where(Edition.edition == "推荐目录2027")).one()
    page = client.get(f"/editions/{edition.id}/choose", status=200).page
    assert len(page.all("input[name='chosen'][checked]")) == 15
    kept = [box["value"] for box in page.all("input[name='chosen'][checked]") if box["value"] != "LY001"]
    shown = [box["value"] for box in page.all("input[name='shown']")]
    token = page.one("form[method='post'][action*='choose'] input[name='csrf_token']")["value"]
    answer = client.post(
        f"/editions/{edition.id}/choose?part=in&q=x",
        data={"csrf_token": token, "shown": [*shown, "UNKNOWN"], "chosen": kept},
    )
    assert answer.location == f"/editions/{edition.id}/choose?q=x&part=in"
    page = client.get(f"/editions/{edition.id}/choose?part=dropped", status=200).page
    assert page.texts("tbody th b") == ["阿托伐他汀"]
    assert page.texts(".facts .v") == ["0", "1", "0"]
    # What was not shown stays; ticking again undoes it.
    client.post(
        f"/editions/{edition.id}/choose", data={"csrf_token": token, "shown": ["LY001"], "chosen": ["LY001"]}
    )
    assert client.get(f"/editions/{edition.id}/choose", status=200).page.texts(".facts .v") == ["0", "0", "0"]
    deeds_done = db.session.scalars(select(AuditEntry.deed).order_by(AuditEntry.id)).all()
    assert deeds_done == ["make_edition", "choose_items", "choose_items"]
