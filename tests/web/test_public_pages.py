"""Public pages: nothing until the bureau opens it, then no more than it opened, small, kept, and renewed at once."""

from __future__ import annotations

from collections.abc import Callable
from datetime import date, timedelta
from decimal import Decimal
from typing import Any

import pytest

from clinic_orders.actions.loading import ChangedMeanwhile
from clinic_orders.actions.publicity import decide_matter, keep_comparison, show_phone
from clinic_orders.actions.shelf_prices import post_shelf_prices
from clinic_orders.models.assessments import Assessment, AssessmentAppeal, AssessmentLine, AssessmentSheet
from clinic_orders.models.audit import AuditEntry
from clinic_orders.models.base import db
from clinic_orders.models.roster import InstitutionRecord
from clinic_orders.models.stock import ShelfPrice, StockCount
from clinic_orders.queries.publicity.comparison import posted_at_end_of
from clinic_orders.queries.publicity.matters import decisions
from clinic_orders.queries.shelf_prices import current_tags
from clinic_orders.rules.assessment import AssessmentState, Indicator
from clinic_orders.rules.days import Month
from clinic_orders.rules.parties import SYSTEM, Actor, InstitutionKind, NotAllowed, Role
from clinic_orders.rules.publicity import LARGEST_PAGE, Matter, MatterUnchanged
from clinic_orders.web.public import keeping
from tests import factories as make

PAGES = {
    Matter.OFFERS: ("/public/medicines", "/public/medicines/LY001?county=410329"),
    Matter.COMPARISON: ("/public/prices", "/public/prices/LY001"),
    Matter.ROSTER: ("/public/institutions",),
    Matter.BULLETINS: ("/public/bulletins",),
    Matter.GRADES: ("/public/grades",),
}
OCTOBER = Month(2026, 10)


@pytest.fixture
def world(app: Any, clock_at: Callable[[Any], None]) -> make.World:
    clock_at(make.NOW)
    world = make.make_world(items=4)
    record: InstitutionRecord = world.pharmacy.records[0]
    record.phone, record.address = "0379-0000-0001", "河滨街道人民路 12 号"
    record.lng, record.lat = Decimal("112.43"), Decimal("34.42")
    post(world, world.pharmacy, Decimal("7.20"))
    count(world, world.pharmacy, packs=2)
    db.session.commit()
    return world


def post(world: make.World, institution: Any, price: Decimal, *, on: date = date(2026, 10, 20)) -> None:
    db.session.add(
        ShelfPrice(
            institution_id=institution.id, item_id=world.items[0].id, posted_on=on, price=price,
            recorded_at=make.LONG_AGO,
        )
    )  # fmt: skip


def count(world: make.World, institution: Any, *, packs: int, on: date = date(2026, 11, 18)) -> None:
    item = world.items[0]
    db.session.add(
        StockCount(
            institution_id=institution.id, item_id=item.id, counted_on=on, base_units=packs * item.pack_size,
            recorded_at=make.LONG_AGO,
        )
    )  # fmt: skip


def open_all(*matters: Matter) -> None:
    for matter in matters or tuple(Matter):
        decide_matter(matter, open_it=True, seen=0, by=SYSTEM, at=make.NOW)


def text_of(client: Any, path: str) -> str:
    found: str = client.get(path, status=200).get_data(as_text=True)
    return found


@pytest.mark.both_databases
def test_everything_is_closed_until_it_is_opened_and_each_matter_for_itself(
    client: Any, world: make.World
) -> None:
    keep_comparison(OCTOBER, by=SYSTEM, at=make.NOW)
    for paths in PAGES.values():
        for path in paths:
            client.get(path, status=404)
    assert "还没有公开的内容" in text_of(client, "/public/")
    for matter, paths in PAGES.items():
        open_all(matter)
        for path in paths:
            client.get(path, status=200)
        for other, closed in PAGES.items():
            if other is not matter:
                for path in closed:
                    client.get(path, status=404)
        version = next(one.version for one in decisions() if one.matter is matter)
        decide_matter(matter, open_it=False, seen=version, by=SYSTEM, at=make.NOW)


def test_the_first_page_leads_to_complaints_and_applications_even_where_nothing_is_open(
    client: Any, world: make.World
) -> None:
    page = client.get("/public/", status=200).page
    for path in ("/complaints/new", "/complaints/status", "/apply/"):
        assert page.all(f'main a[href="{path}"]'), path
        client.get(path, status=200)


def test_a_decision_is_the_citys_is_in_the_audit_and_is_not_made_on_an_old_page(world: make.World) -> None:
    county = Actor("李娜", Role.COUNTY, county_code="410325")
    with pytest.raises(NotAllowed):
        decide_matter(Matter.OFFERS, open_it=True, seen=0, by=county, at=make.NOW)
    open_all(Matter.OFFERS)
    with pytest.raises(ChangedMeanwhile):
        decide_matter(Matter.OFFERS, open_it=False, seen=0, by=SYSTEM, at=make.NOW)
    with pytest.raises(MatterUnchanged):
        decide_matter(Matter.OFFERS, open_it=True, seen=1, by=SYSTEM, at=make.NOW)
    entry = db.session.query(AuditEntry).filter_by(deed="decide_matter").one()
    assert (entry.before, entry.after) == ({"open": False}, {"open": True, "document_no": ""})


@pytest.mark.both_databases
def test_a_page_says_who_has_it_at_what_price_and_never_how_much(client: Any, world: make.World) -> None:
    open_all(Matter.OFFERS)
    page = text_of(client, "/public/medicines/LY001?county=410329")
    assert "安和堂伊川店" in page
    assert "7.20" in page
    assert "只剩 2 盒" in page
    assert 'href="tel:0379-0000-0001"' in page
    assert "uri.amap.com/marker?position=112.430000%2C34.420000" in page
    assert page.count('<circle class="pin"') == 1
    count(world, world.pharmacy, packs=40, on=date(2026, 11, 19))
    show_phone(world.pharmacy.id, shown=False, by=SYSTEM, at=make.NOW)
    page = text_of(client, "/public/medicines/LY001?county=410329")
    assert "有货" in page
    assert "40 盒" not in page
    assert "tel:" not in page
    assert "没有机构报过这个药" in text_of(client, "/public/medicines/LY001?county=410325")
    assert "没有机构报过这个药" in text_of(
        client, "/public/medicines/LY001?county=410329&kind=village_clinic"
    )


def test_who_is_suspended_or_has_left_offers_nothing(client: Any, world: make.World) -> None:
    open_all(Matter.OFFERS, Matter.ROSTER)
    make.suspend(world.pharmacy, make.TODAY, make.TODAY)
    show_phone(world.pharmacy.id, shown=False, by=SYSTEM, at=make.NOW)
    assert "没有机构报过这个药" in text_of(client, "/public/medicines/LY001?county=410329")
    assert "暂停" in text_of(client, "/public/institutions?county=410329")


def test_the_nearest_come_first_where_the_reader_says_the_township(client: Any, world: make.World) -> None:
    far = make.make_institution("P02", "安和堂白沙店", county="410329", kind=InstitutionKind.RETAIL_PHARMACY)
    far.records[0].township, far.records[0].lng, far.records[0].lat = (
        "白沙镇",
        Decimal("112.5"),
        Decimal("34.5"),
    )
    post(world, far, Decimal("6.00"))
    count(world, far, packs=9)
    open_all(Matter.OFFERS)
    address = "/public/medicines/LY001?county=410329"
    assert _order(text_of(client, address)) == ["安和堂白沙店", "安和堂伊川店"]
    near = text_of(client, address + "&township=车村镇")
    assert _order(near) == ["安和堂伊川店", "安和堂白沙店"]
    assert "约 10.9 公里" in near or "约 11" in near


def _order(page: str) -> list[str]:
    return [part.partition("</h3>")[0] for part in page.split("<h3>")[1:]]


def test_a_medicine_is_found_by_the_first_letters_of_its_pinyin(client: Any, world: make.World) -> None:
    open_all(Matter.OFFERS)
    item = world.items[0]
    letters = item.search_initials.split()[0][:4]
    assert item.generic_name in text_of(client, f"/public/medicines?q={letters}")
    assert "没有找到" in text_of(client, "/public/medicines?q=zzzzqq")


@pytest.mark.both_databases
def test_the_comparison_of_a_month_holds_what_was_posted_at_its_end(client: Any, world: make.World) -> None:
    post(world, world.clinic, Decimal("5.00"), on=date(2026, 10, 31))
    post(world, world.clinic, Decimal("4.00"), on=date(2026, 11, 1))
    post(world, world.second_clinic, Decimal("6.00"), on=date(2026, 10, 1))
    found = posted_at_end_of(OCTOBER)
    assert [(row.county_code, row.shops, row.lowest, row.highest, row.total) for row in found] == [
        ("410325", 2, Decimal("5.00"), Decimal("6.00"), Decimal("11.00")),
        ("410329", 1, Decimal("7.20"), Decimal("7.20"), Decimal("7.20")),
    ]
    assert keep_comparison(OCTOBER, by=SYSTEM, at=make.NOW) == 2
    assert keep_comparison(OCTOBER, by=SYSTEM, at=make.NOW) == 2
    open_all(Matter.COMPARISON)
    page = text_of(client, "/public/prices")
    assert "5.00" in page
    assert "7.20" in page
    assert "平均 6.07" in page
    page = text_of(client, "/public/prices/LY001")
    assert page.index("嵩县") < page.index("伊川县")
    client.get("/public/prices/LY002", status=404)


def test_a_page_is_kept_until_somebody_does_something(
    client: Any, world: make.World, count_sql: Any, clock_at: Callable[[Any], None], monkeypatch: Any
) -> None:
    open_all(Matter.OFFERS)
    address = "/public/medicines/LY001?county=410329"
    first = client.get(address, status=200)
    assert first.headers["Cache-Control"] == "public, max-age=60"
    with count_sql() as seen:
        again = client.get(address, status=200)
    assert again.data == first.data
    assert seen.count == 0, seen
    monkeypatch.setattr(keeping, "TRUSTED", -1.0)
    with count_sql() as seen:
        again = client.get(address, status=200)
    assert again.data == first.data
    assert seen.count == 1, seen
    same = client.get(address, headers={"If-None-Match": first.headers["ETag"]})
    assert same.status_code == 304
    assert same.data == b""
    doctor = world.actor(world.pharmacy)
    tags = current_tags(world.pharmacy.id, on=make.TODAY)
    post_shelf_prices({"LY001": Decimal("6.66")}, seen=tags.seen, by=doctor, at=make.NOW)
    renewed = client.get(address, headers={"If-None-Match": first.headers["ETag"]})
    assert renewed.status_code == 200
    assert "6.66" in renewed.get_data(as_text=True)
    clock_at(make.NOW + timedelta(days=1))
    with count_sql() as seen:
        client.get(address, status=200)
    assert seen.count > 1, "a new day makes a new page"


def test_a_page_is_the_same_for_whoever_is_logged_in_and_holds_no_token(
    client: Any, world: make.World
) -> None:
    open_all()
    user = make.make_user("v01", institution=world.clinic)
    for path in ("/public/", "/public/institutions", "/public/letters"):
        client.log_in(user)
        page = text_of(client, path)
        assert "csrf" not in page
        assert '<form method="post"' not in page
        assert "王保田" not in page
        client.log_out()
        assert text_of(client, path) == page


def test_language_and_large_letters_stand_in_the_address(client: Any, world: make.World) -> None:
    open_all()
    page = text_of(client, "/public/?language=en&big=1")
    assert '<html lang="en" class="big-print">' in page
    assert "/public/medicines?language=en&amp;big=1" in page


def test_pages_are_limited_per_address(client: Any, world: make.World) -> None:
    open_all()
    answers = [client.get("/public/letters").status_code for _ in range(121)]
    assert answers[:120] == [200] * 120
    assert answers[120] == 429


def test_every_page_is_at_most_50_kb_however_much_there_is(client: Any, world: make.World) -> None:
    long = "洛阳市伊川县城关街道人民东路与滨河南路交叉口向北一百米"
    for number in range(60):
        shop = make.make_institution(
            f"X{number:03}", f"豫西安康惠民大药房连锁有限公司第{number}分店（河滨路旗舰店）", county="410329",
            kind=InstitutionKind.RETAIL_PHARMACY, letter=False,
        )  # fmt: skip
        one = shop.records[0]
        one.address, one.phone = long, "0379-0000-0001"
        one.lng, one.lat = Decimal("112.43"), Decimal("34.42")
        post(world, shop, Decimal("7.20"))
        count(world, shop, packs=9)
    keep_comparison(OCTOBER, by=SYSTEM, at=make.NOW)
    open_all()
    sizes = {
        path: len(client.get(path, status=200).data)
        for paths in (*PAGES.values(), ("/public/", "/public/letters?number=洛医保函〔2026〕17号"))
        for path in paths
    }
    assert max(sizes.values()) <= LARGEST_PAGE, sizes


def test_the_city_opens_a_matter_on_the_page_and_the_county_only_reads(
    client: Any, world: make.World
) -> None:
    client.log_in(make.make_user("county", role=Role.COUNTY, county="410325"))
    assert "向公众公开</button>" not in text_of(client, "/publicity/")
    client.log_in(make.make_user("city", role=Role.CITY))
    client.get("/publicity/", status=200)
    client.submit('form[action="/publicity/offers"]', document_no="洛医保〔2026〕3号", follow_redirects=True)
    assert [one.matter for one in decisions() if one.open] == [Matter.OFFERS]
    client.get("/public/medicines", status=200)


def test_an_institution_leaves_its_own_telephone_unsaid(client: Any, world: make.World) -> None:
    open_all(Matter.OFFERS)
    client.log_in(make.make_user("p01", institution=world.pharmacy))
    assert "0379-0000-0001" in text_of(client, "/publicity/own")
    client.submit("main form", follow_redirects=True)
    assert "tel:" not in text_of(client, "/public/medicines/LY001?county=410329")
    with pytest.raises(NotAllowed):
        show_phone(world.clinic.id, shown=False, by=world.actor(world.pharmacy), at=make.NOW)


# Grades of the annual assessment


def assess(world: make.World, year: int, *, published: bool) -> None:
    """A year in which the pharmacy has 86.42 of 100 points, appealed against, and the clinic was asked nothing."""
    found = Assessment(
        year=year, state=AssessmentState.PUBLISHED if published else AssessmentState.ON_SITE, opened_at=make.LONG_AGO,
        opened_by_name="李慧", self_until=date(year + 1, 1, 10), reckoned_at=make.LONG_AGO, as_of=date(year, 12, 31),
        months=[], unconfirmed=[], published_at=make.LONG_AGO if published else None,
        sha256="0" * 64 if published else None, appeal_until=date(2026, 11, 30) if published else None,
    )  # fmt: skip
    db.session.add(found)
    db.session.flush()
    for institution, points in ((world.pharmacy, Decimal("86.42")), (world.clinic, None)):
        record = institution.records[0]
        sheet = AssessmentSheet(
            assessment_id=found.id, institution_id=institution.id, name=record.name, kind=record.kind,
            county_code=record.county_code, township=record.township, excellent=90, good=80, passed=60, behind={},
        )  # fmt: skip
        db.session.add(sheet)
        db.session.flush()
        db.session.add(
            AssessmentLine(
                sheet_id=sheet.id, indicator=Indicator.PAYMENT, weight=100, done=Decimal("86.42"), asked=Decimal(100), points=points
            )
        )  # fmt: skip
        if points is not None:
            db.session.add(
                AssessmentAppeal(
                    sheet_id=sheet.id, text="付款记录有误", form_key=f"appeal-{year}", filed_at=make.NOW, filed_by_name="周明"
                )
            )  # fmt: skip
    db.session.commit()


@pytest.mark.both_databases
def test_grades_are_public_once_the_year_is_published_and_tell_no_points(
    client: Any, world: make.World
) -> None:
    open_all(Matter.GRADES)
    assess(world, 2025, published=False)
    assert "还没有公布的年度" in text_of(client, "/public/grades?year=2025")
    assess(world, 2024, published=True)
    pharmacy, clinic = world.pharmacy.records[0].name, world.clinic.records[0].name
    everything = text_of(client, "/public/grades")
    for told in (pharmacy, clinic, "良好", "未评等次", "申诉处理中", "前申诉，等次可能调整"):
        assert told in everything
    assert "86.4" not in everything
    assert "付款记录有误" not in everything
    good = text_of(client, "/public/grades?grade=good")
    assert (pharmacy in good, clinic in good) == (True, False)
    assert "没有符合的单位" in text_of(client, "/public/grades?grade=failed&q=无此名")


def test_the_grades_of_many_institutions_are_a_constant_number_of_questions(
    client: Any, world: make.World, count_sql: Any
) -> None:
    open_all(Matter.GRADES)
    assess(world, 2024, published=True)
    with count_sql() as few:
        text_of(client, "/public/grades?county=410325")
    with count_sql() as all_of_them:
        text_of(client, "/public/grades?kind=")
    assert all_of_them.count == few.count
