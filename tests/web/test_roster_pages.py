"""The bureau's desk, alarms, orders and roster on screen."""

import csv
import io
from datetime import date, timedelta

import pytest
from sqlalchemy import select

from clinic_orders.actions import roster
from clinic_orders.actions.alarms import NO_DISTRIBUTOR, raise_alarms
from clinic_orders.actions.bulk import RowsRefused
from clinic_orders.actions.transaction import transaction
from clinic_orders.exchange.reading import open_file
from clinic_orders.exchange.tables import KINDS as FILES
from clinic_orders.models.base import db
from clinic_orders.models.catalogue import Item
from clinic_orders.models.notices import Alarm
from clinic_orders.models.roster import (
    Commitment,
    DeliveryRelation,
    Distributor,
    InstitutionRecord,
    Mandate,
    Membership,
    Suspension,
)
from clinic_orders.rules.parties import Role
from tests.people import make_user
from tests.roster_world import (
    CITY,
    CLINIC,
    HOSPITAL,
    KINDS,
    NOW,
    OTHER_CLINIC,
    SONG,
    START,
    TODAY,
    YICHUAN,
    id_of,
    institution,
    make_items,
    make_roster,
    numbered,
)


@pytest.fixture
def world(app, clock_at):
    clock_at(NOW)
    make_roster()
    make_items()
    db.session.commit()


@pytest.fixture
def city(world, client):
    client.log_in(make_user("city", Role.CITY))
    return client


@pytest.fixture
def county(world, client):
    client.log_in(make_user("song", Role.COUNTY, county_code=SONG))
    return client


def address(code, *rest):
    return "/".join(["/roster/institutions", str(id_of(code)), *rest])


def rows_of(kind, content):
    reading = open_file(FILES[kind], io.BytesIO(content))
    rows = list(reading.rows())
    assert reading.is_clean
    return rows


def alarm(code, *items, county=SONG):
    ids = db.session.scalars(select(Item.id).where(Item.item_code.in_(items))).all()
    found = {
        f"{id_of(code)}:{item}": {
            "institution_id": id_of(code),
            "item_id": item,
            "facts": {"institution": code, "item": f"药品{item}"},
        }
        for item in ids
    }
    with transaction():
        raise_alarms(NO_DISTRIBUTOR, found, county_code=county, at=NOW)


# The desk and the alarms


@pytest.mark.both_databases
def test_the_desk_says_what_waits_and_every_figure_opens_its_rows(city):
    alarm(CLINIC, "LY001", "LY002")
    page = city.get("/bureau/", status=200).get_data(as_text=True)
    assert "药品" in page
    for link in city.page.all(".facts a, .check a.go, .rows a"):
        city.get(link["href"], status=200)


def test_the_desk_is_calm_when_nothing_waits(world, client):
    roster.put_commitments(
        numbered(
            *(
                {"institution_code": code, "signed_on": START, "version": "1"}
                for code in (OTHER_CLINIC, "H41032900001", "P41032500001")
            )
        ),
        by=CITY,
        at=NOW,
    )
    for code in (CLINIC, OTHER_CLINIC, HOSPITAL, "H41032900001", "P41032500001"):
        make_user(code, Role.INSTITUTION, institution_id=id_of(code))
    client.log_in(make_user("city", Role.CITY))
    client.get("/bureau/", status=200)
    assert client.page.h1 == "没有要办的事"


@pytest.mark.both_databases
def test_a_bureau_looks_for_orders_by_everything_there_is(city):
    path = "/bureau/orders/?q=x&status=to_answer&kind=village_clinic&mode=direct&distributor=D01&emergency=1"
    city.get(f"{path}&county={SONG}&first=2026-01-01&last=2026-12-31&due=today&page=9", status=200)
    assert city.page.all(".empty")
    city.get("/bureau/orders/?first=2026-02-30", status=200)
    assert city.page.all(".error-summary")
    city.get("/bureau/orders/CG20260101-0001", status=404)


def test_a_county_sees_and_settles_its_own_alarms_only(county):
    alarm(CLINIC, "LY001")
    alarm(OTHER_CLINIC, "LY002", county=YICHUAN)
    county.get("/bureau/alarms", status=200)
    assert len(county.page.all("tbody tr")) == 1
    foreign = db.session.scalars(select(Alarm.id).where(Alarm.county_code == YICHUAN)).one()
    response = county.post(f"/bureau/alarms/{foreign}/close", data={"reason": "已办"})
    assert response.status_code == 404
    assert db.session.get(Alarm, foreign).closed_at is None


@pytest.mark.both_databases
def test_an_alarm_is_settled_with_a_reason(city):
    alarm(CLINIC, "LY001")
    city.get("/bureau/alarms", status=200)
    response = city.submit("form[action$='/close']", reason=" ")
    assert response.status_code == 400
    assert city.page.all(".error-summary")
    city.submit("form[action$='/close']", reason="已请嵩岳医药配送", follow_redirects=True)
    held = db.session.scalars(select(Alarm)).one()
    assert (held.closed_at, held.closed_reason) == (NOW, "已请嵩岳医药配送")
    city.get(
        "/bureau/alarms?state=closed&q=药品&kind=no_distributor&institution_kind=village_clinic", status=200
    )
    assert "已请嵩岳医药配送" in city.page.text
    assert city.get("/bureau/alarms?state=all&format=xlsx", status=200)


# Institutions


@pytest.mark.both_databases
def test_the_roster_is_searched_and_narrowed(city):
    def names(query):
        city.get(f"/roster/?{query}", status=200)
        return city.page.texts("tbody th")

    assert len(names("")) == 5
    assert names("q=明白川") == ["明白川村卫生室"]
    assert names(f"q={CLINIC}") == ["明白川村卫生室"]
    assert len(names(f"county={YICHUAN}")) == 2
    assert names("kind=retail_pharmacy") == ["安和堂大药房车村店"]
    assert len(names("lacks=letter")) == 3
    assert len(names("lacks=account")) == 5
    assert names("lacks=supervisor") == []
    assert names("state=left") == []
    assert len(names(f"county={SONG}&township=车村镇&sort=-code")) == 3


def test_the_exported_roster_imports_unchanged(city):
    roster.close_institution(CLINIC, date(2026, 6, 30), by=CITY, at=NOW)
    roster.reopen_institution(CLINIC, date(2026, 9, 1), by=CITY, at=NOW)
    for wanted in ("csv", "xlsx"):
        content = city.get(f"/roster/?format={wanted}", status=200).get_data()
        stored = roster.put_institutions(rows_of("institutions", content), by=CITY, at=NOW)
        assert (stored.created, stored.updated, stored.unchanged) == (0, 0, 6)


def test_a_county_reads_its_own_institutions_and_changes_none(county):
    county.get("/roster/", status=200)
    assert sorted(county.page.texts("tbody th")) == ["安和堂大药房车村店", "明白川村卫生室", "车村镇卫生院"]
    county.get(address(CLINIC), status=200)
    assert not county.page.all("main form[method='post']")
    county.get(address(OTHER_CLINIC), status=404)
    county.get(address(CLINIC, "change"), status=403)
    assert county.post(address(CLINIC, "close"), data={"last_day": "2026-11-30"}).status_code == 403
    county.get("/roster/relations", status=200)
    county.get("/roster/distributors", status=200)
    assert list(csv.reader(io.StringIO(county.get("/roster/?format=csv").get_data(as_text=True))))[1:] != []


def test_a_change_is_looked_at_before_it_is_saved(city):
    city.get(address(CLINIC, "change"), status=200)
    city.submit("main form", button="do=check", township="白河镇", name="明白川村第一卫生室")
    assert "明白川村第一卫生室" in city.page.text
    assert len(city.page.all("tbody tr")) == 2
    assert (
        db.session.scalars(select(InstitutionRecord).where(InstitutionRecord.township == "白河镇")).all()
        == []
    )
    city.submit("main form", button="do=back")
    assert city.page.one("#township")["value"] == "白河镇"
    city.submit("main form", button="do=check")
    city.submit("main form", button="do=save", follow_redirects=True)
    record = db.session.scalars(select(InstitutionRecord).where(InstitutionRecord.township == "白河镇")).one()
    assert (record.valid_from, record.joined_on, record.supervisor_id) == (TODAY, START, id_of(HOSPITAL))
    assert city.page.h1 == "明白川村第一卫生室"


def test_a_record_is_corrected_by_the_day_it_began(city):
    city.get(f"{address(CLINIC, 'change')}?from={START}", status=200)
    city.submit("main form", button="do=check", phone="0379-66000000")
    city.submit("main form", button="do=save")
    record = db.session.scalars(
        select(InstitutionRecord).where(InstitutionRecord.institution_id == id_of(CLINIC))
    ).one()
    assert (record.valid_from, record.phone) == (START, "0379-66000000")


def test_what_is_wrong_in_the_form_is_said_at_its_box_and_nothing_typed_is_lost(city):
    city.get(address(CLINIC, "change"), status=200)
    response = city.submit(
        "main form", button="do=check", name="", uscc="123", joined_on="2026-02-30", phone="0379-1"
    )
    assert response.status_code == 400
    for box in ("name", "uscc", "joined_on"):
        assert city.page.one(f"#{box}")["aria-invalid"] == "true"
    assert city.page.one("#phone")["value"] == "0379-1"
    assert city.submit("main form", button="do=check", kind="retail_pharmacy").status_code == 400


def test_a_change_meanwhile_is_noticed(city):
    city.get(address(CLINIC, "change"), status=200)
    roster.close_institution(CLINIC, date(2026, 12, 31), by=CITY, at=NOW)
    response = city.submit("main form", button="do=check", phone="0379-2")
    assert response.status_code == 400
    assert city.page.one("#phone")["value"] == "0379-2"
    assert city.submit("main form", button="do=check").status_code == 200


def test_an_institution_is_added(city):
    city.get("/roster/institutions/new", status=200)
    city.submit(
        "main form",
        button="do=check",
        code="H41032500009",
        name="新建村卫生室",
        kind="village_clinic",
        county_code=SONG,
        supervisor_code=HOSPITAL,
        joined_on="2026-11-01",
    )
    city.submit("main form", button="do=save", follow_redirects=True)
    assert city.page.h1 == "新建村卫生室"
    spell = db.session.scalars(
        select(Membership).where(Membership.institution_id == id_of("H41032500009"))
    ).one()
    assert spell.joined_on == date(2026, 11, 1)
    city.get("/roster/institutions/new", status=200)
    response = city.submit(
        "main form", button="do=check", code="H41032500009", name="x", kind="village_clinic", county_code=SONG
    )
    assert response.status_code == 400


@pytest.mark.both_databases
def test_membership_letters_mandates_and_suspensions_are_recorded_on_the_page(city):
    city.get(address(CLINIC), status=200)
    assert city.submit("form[action$='/close']").status_code == 400
    city.submit("form[action$='/close']", last_day="2026-11-10")
    city.submit("form[action$='/close']", button="do=save", follow_redirects=True)
    city.submit("form[action$='/reopen']", first_day="2026-11-15", follow_redirects=True)
    city.submit("form[action$='/letters']", version="2026-2", markup_rate="0.1", follow_redirects=True)
    city.submit("form[action$='/mandates']", valid_to="2027-12-31", follow_redirects=True)
    assert city.submit("form[action$='/mandates']").status_code == 400
    assert city.submit("form[action$='/suspensions']", last_day="2026-12-20").status_code == 400
    city.submit(
        "form[action$='/suspensions']",
        last_day="2026-12-20",
        reason="逾期未付款",
        document_no="嵩医保〔2026〕12号",
        follow_redirects=True,
    )
    assert city.submit("form[action$='/lift']", lifted_on="2027-12-20", lift_reason="x").status_code == 400
    city.submit("form[action$='/lift']", lifted_on="2026-12-01", lift_reason="已付清", follow_redirects=True)
    city.submit("form[action$='/revoke']", follow_redirects=True)
    held = id_of(CLINIC)
    assert len(db.session.scalars(select(Membership).where(Membership.institution_id == held)).all()) == 2
    assert len(db.session.scalars(select(Commitment).where(Commitment.institution_id == held)).all()) == 2
    assert db.session.scalars(select(Mandate)).all() == []
    assert db.session.scalars(select(Suspension.lifted_on)).one() == date(2026, 12, 1)


# Distributors and relations


def test_distributors_are_listed_added_and_changed(city):
    city.get("/roster/distributors?q=康源", status=200)
    assert city.page.texts("tbody th") == ["D02"]
    city.get("/roster/distributors/new", status=200)
    assert city.submit("main form", code="D01", name="另一家").status_code == 400
    city.submit("main form", code="D03", name="中州百草医药配送有限公司", follow_redirects=True)
    found = db.session.scalars(select(Distributor).where(Distributor.code == "D03")).one()
    city.get(f"/roster/distributors/{found.id}", status=200)
    assert city.submit("main form", uscc="1").status_code == 400
    city.submit("main form", uscc="91110000600037341L", follow_redirects=True)
    assert found.uscc == "91110000600037341L"
    content = city.get("/roster/distributors?format=csv").get_data()
    stored = roster.put_distributors(rows_of("distributors", content), by=CITY, at=NOW)
    assert stored.unchanged == 3


@pytest.mark.both_databases
def test_a_relation_is_added_listed_ended_and_exported(city):
    city.get("/roster/relations/new", status=200)
    assert city.submit("main form", button="do=check", scope="9", item_code="LY9").status_code == 400
    city.submit("main form", button="do=check", scope=SONG, item_code="*", distributor_code="D01")
    assert "嵩县" in city.page.text
    city.submit("main form", button="do=save", follow_redirects=True)
    assert len(city.page.all("tbody tr")) == 1
    content = city.get("/roster/relations?format=xlsx").get_data()
    stored = roster.put_relations(rows_of("delivery-relations", content), by=CITY, at=NOW)
    assert stored.unchanged == 1
    relation = db.session.scalars(select(DeliveryRelation)).one()
    city.get(f"/roster/relations/{relation.id}/end", status=200)
    assert city.submit("main form", last_day="2026-01-01").status_code == 400
    city.submit("main form", last_day="2026-12-31", follow_redirects=True)
    assert relation.valid_to == date(2026, 12, 31)
    city.get(
        f"/roster/relations?county={YICHUAN}&state=now&scope=county&distributor=D01&sort=-item", status=200
    )
    assert city.page.all(".empty")


@pytest.mark.both_databases
def test_what_nobody_delivers_is_counted_by_county_item_and_kind(city):
    roster.put_relations(
        numbered(
            {"scope": SONG, "item_code": "LY001", "distributor_code": "D01", "valid_from": START},
            {"scope": CLINIC, "item_code": "*", "distributor_code": "D01", "valid_from": START},
            {"scope": CLINIC, "item_code": "LY002", "distributor_code": "D01", "valid_from": START},
            {"scope": YICHUAN, "item_code": "*", "distributor_code": "D01", "valid_from": START},
        ),
        by=CITY,
        at=NOW,
    )
    city.get("/roster/relations/missing", status=200)
    rows = [row.all("td") for row in city.page.all("tbody tr")]
    # In Song two items lack: the hospital and the pharmacy go without, the clinic has a relation of its own.
    assert [row[2].text for row in rows] == ["2", "2"]
    city.get("/roster/relations/missing?kind=village_clinic", status=200)
    assert not city.page.all("tbody tr")


# Statements


@pytest.mark.parametrize(
    "path",
    [
        "/bureau/",
        "/bureau/alarms",
        "/bureau/orders/",
        "/roster/",
        "/roster/relations",
        "/roster/relations/missing",
        "/roster/distributors",
    ],
)
def test_a_list_asks_the_same_number_of_statements_however_many_rows(city, count_sql, path):
    def seen():
        with count_sql() as statements:
            city.get(path, status=200)
        return statements.count

    def more(letter, count):
        codes = [f"{letter}{number:04d}" for number in range(count)]
        roster.put_institutions(
            numbered(*(institution(code, supervisor_code=HOSPITAL) for code in codes)), by=CITY, at=NOW
        )
        roster.put_distributors(numbered(*({"code": code, "name": code} for code in codes)), by=CITY, at=NOW)
        roster.put_relations(
            numbered(
                *(
                    {"scope": code, "item_code": "LY001", "distributor_code": code, "valid_from": START}
                    for code in codes
                )
            ),
            by=CITY,
            at=NOW,
        )
        for code in codes:
            alarm(code, "LY002")

    more("A", 2)
    # What a process remembers of the policy is read by the first page.
    seen()
    few = seen()
    more("B", 40)
    assert seen() == few


def test_dates_of_the_future_do_not_hide_an_institution(city):
    ahead = TODAY + timedelta(days=30)
    roster.put_institutions(
        numbered(institution("F1", "将来村卫生室", KINDS.VILLAGE_CLINIC, joined_on=ahead)), by=CITY, at=NOW
    )
    city.get("/roster/?q=将来", status=200)
    assert city.page.texts("tbody th") == ["将来村卫生室"]
    city.get(address("F1"), status=200)


@pytest.mark.both_databases
def test_ending_a_hospital_says_what_follows_and_another_takes_over_its_villages(city):
    city.get(address(HOSPITAL), status=200)
    city.submit("form[action$='/close']", last_day="2026-11-30")
    said = city.page.text
    assert "上级卫生院" in said
    assert "明白川村卫生室" in said
    spells = select(Membership.left_on).where(Membership.institution_id == id_of(HOSPITAL))
    assert db.session.scalars(spells).all() == [None]
    roster.put_institution(
        institution("H41032500077", "木植街乡卫生院", "township_hospital"), by=CITY, at=NOW
    )
    db.session.commit()
    city.submit("form[action$='/close']", button="do=save", into="H41032500077", follow_redirects=True)
    assert db.session.scalars(spells).all() == [date(2026, 11, 30)]
    record = InstitutionRecord
    rows = db.session.execute(
        select(record.valid_from, record.supervisor_id)
        .where(record.institution_id == id_of(CLINIC))
        .order_by(record.valid_from)
    ).all()
    assert [tuple(row) for row in rows][-2:] == [
        (rows[-2].valid_from, id_of(HOSPITAL)),
        (date(2026, 12, 1), id_of("H41032500077")),
    ]


def test_an_institution_is_not_merged_into_itself_or_into_one_that_is_no_hospital(city):
    with pytest.raises(roster.MergedIntoItself):
        roster.merge_institution(HOSPITAL, HOSPITAL, date(2026, 11, 30), by=CITY, at=NOW)
    with pytest.raises(RowsRefused):
        roster.merge_institution(HOSPITAL, OTHER_CLINIC, date(2026, 11, 30), by=CITY, at=NOW)
    assert db.session.scalars(
        select(Membership.left_on).where(Membership.institution_id == id_of(HOSPITAL))
    ).all() == [None]


def test_a_move_to_another_county_and_kind_says_what_follows(city):
    city.get(address(CLINIC, "change"), status=200)
    city.submit(
        "main form",
        button="do=check",
        county_code=YICHUAN,
        remote="Y",
        kind="retail_pharmacy",
        supervisor_code="",
    )
    assert "新县区" in city.page.text
    assert "最高加价率" in city.page.text or "加价" in city.page.text
