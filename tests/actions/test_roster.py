"""Institutions, letters, mandates, suspensions, distributors and relations, written many at once or one by one."""

from datetime import date, timedelta

import pytest
from sqlalchemy import func, select

from clinic_orders.actions import roster
from clinic_orders.actions.alarms import NO_DISTRIBUTOR, raise_alarm
from clinic_orders.actions.bulk import RowsRefused
from clinic_orders.actions.loading import NotFound
from clinic_orders.models.audit import AuditEntry
from clinic_orders.models.base import db
from clinic_orders.models.catalogue import Item
from clinic_orders.models.notices import Alarm, Notice
from clinic_orders.models.roster import (
    Commitment,
    DeliveryRelation,
    Distributor,
    Institution,
    InstitutionRecord,
    Mandate,
    Membership,
)
from clinic_orders.rules.parties import Actor, NotAllowed, Role
from clinic_orders.rules.roster_records import (
    EndsOn,
    LastDayBeforeFirst,
    LiftedAlready,
    LiftedOutside,
    MandateOfOthers,
    MandateThere,
    NotAMember,
    ReasonMissing,
    StillAMember,
    SuspensionOverlaps,
)
from tests.roster_world import (
    CITY,
    CLINIC,
    COUNTY,
    HOSPITAL,
    KINDS,
    NOW,
    OTHER_HOSPITAL,
    SHOP,
    SONG,
    START,
    TODAY,
    YICHUAN,
    id_of,
    institution,
    make_counties,
    make_items,
    make_roster,
    numbered,
)


@pytest.fixture
def world(app):
    make_roster()


def put(*rows):
    return roster.put_institutions(numbered(*rows), by=CITY, at=NOW)


def records(code):
    return [
        (row.valid_from, row.valid_before)
        for row in db.session.scalars(
            select(InstitutionRecord)
            .where(InstitutionRecord.institution_id == id_of(code))
            .order_by(InstitutionRecord.valid_from)
        )
    ]


def spells(code):
    return [
        (row.joined_on, row.left_on)
        for row in db.session.scalars(
            select(Membership).where(Membership.institution_id == id_of(code)).order_by(Membership.joined_on)
        )
    ]


def refusals(*rows, deed=None):
    with pytest.raises(RowsRefused) as refused:
        (deed or roster.put_institutions)(numbered(*rows), by=CITY, at=NOW)
    return [(problem.row, problem.column, problem.refusal.code) for problem in refused.value.problems]


def test_a_file_may_name_the_hospital_after_its_clinics(world):
    clinic = db.session.scalars(
        select(InstitutionRecord).where(InstitutionRecord.institution_id == id_of(CLINIC))
    ).one()
    assert clinic.supervisor_id == id_of(HOSPITAL)
    assert spells(CLINIC) == [(START, None)]


def test_the_same_file_twice_changes_nothing(world):
    rows = [institution(f"H4103250{n:04d}", supervisor_code=HOSPITAL, lng=None) for n in range(100, 120)]
    assert (put(*rows).created, put(*rows).unchanged) == (20, 20)
    entries = db.session.scalar(select(func.count()).select_from(AuditEntry))
    put(*rows)
    assert db.session.scalar(select(func.count()).select_from(AuditEntry)) == entries


def test_a_record_put_between_two_others_ends_the_one_and_is_ended_by_the_other(world):
    late, middle = date(2026, 9, 1), date(2026, 5, 1)
    put(institution(CLINIC, "新名", valid_from=late, supervisor_code=HOSPITAL))
    put(institution(CLINIC, "中名", valid_from=middle, supervisor_code=HOSPITAL))
    assert records(CLINIC) == [(START, middle), (middle, late), (late, None)]
    assert spells(CLINIC) == [(START, None)]


@pytest.mark.both_databases
def test_many_at_once_is_the_same_as_one_by_one(world):
    rows = [
        institution("C1", supervisor_code=HOSPITAL),
        institution(
            "C1", "改名", valid_from=date(2026, 4, 1), supervisor_code=HOSPITAL, left_on=date(2026, 6, 30)
        ),
        institution(
            "C1",
            valid_from=date(2026, 8, 1),
            joined_on=date(2026, 8, 1),
            supervisor_code=HOSPITAL,
            remote=True,
        ),
    ]
    twins = [row | {"code": "C2", "name": row["name"].replace("C1", "C2")} for row in rows]
    put(*rows)
    for row in reversed(twins):
        roster.put_institution(row, by=CITY, at=NOW)
    assert records("C1") == records("C2")
    assert spells("C1") == spells("C2") == [(START, date(2026, 6, 30)), (date(2026, 8, 1), None)]


def test_moving_the_first_day_moves_the_membership(world):
    put(institution(CLINIC, valid_from=START, joined_on=date(2026, 2, 1), supervisor_code=HOSPITAL))
    assert spells(CLINIC) == [(date(2026, 2, 1), None)]


def test_closing_and_reopening_make_two_memberships(world):
    roster.close_institution(CLINIC, date(2026, 6, 30), by=CITY, at=NOW)
    with pytest.raises(StillAMember):
        roster.reopen_institution(CLINIC, date(2026, 6, 30), by=CITY, at=NOW)
    roster.reopen_institution(CLINIC, date(2026, 10, 1), by=CITY, at=NOW)
    assert spells(CLINIC) == [(START, date(2026, 6, 30)), (date(2026, 10, 1), None)]
    assert records(CLINIC) == [(START, date(2026, 10, 1)), (date(2026, 10, 1), None)]
    with pytest.raises(NotAMember):
        roster.close_institution(CLINIC, START - timedelta(days=1), by=CITY, at=NOW)


def test_closing_again_moves_the_last_day(world):
    roster.close_institution(CLINIC, date(2026, 6, 30), by=CITY, at=NOW)
    roster.close_institution(CLINIC, date(2026, 7, 31), by=CITY, at=NOW)
    assert spells(CLINIC) == [(START, date(2026, 7, 31))]


@pytest.mark.parametrize(
    ("more", "column", "refusal"),
    [
        ({"county_code": "999999"}, "county_code", "UnknownCounty"),
        ({"supervisor_code": "H99"}, "supervisor_code", "UnknownCode"),
        ({"supervisor_code": SHOP}, "supervisor_code", "NotASupervisor"),
        ({"supervisor_code": "NEW"}, "supervisor_code", "OwnSupervisor"),
        ({"kind": KINDS.RETAIL_PHARMACY, "supervisor_code": HOSPITAL}, "supervisor_code", "HasNoSupervisor"),
        ({"headquarters_code": "P99"}, "headquarters_code", "UnknownCode"),
        ({"lead_hospital_code": SHOP}, "lead_hospital_code", "NotALeadHospital"),
        ({"uscc": "91110000600037341X"}, "uscc", "CreditCodeRefused"),
        ({"nhsa_code": "X1"}, "nhsa_code", "InstitutionCodeRefused"),
        ({"left_on": date(2025, 12, 31)}, "left_on", "LeftBeforeJoined"),
        ({"code": SONG}, "county_code", "CodeOfCounty"),
    ],
)
def test_what_can_not_be_is_refused_by_row_and_column(world, more, column, refusal):
    bad = {**institution("NEW"), **more}
    assert refusals(institution("FINE"), bad) == [(3, column, refusal)]
    assert db.session.scalar(select(func.count()).where(Institution.code.in_(["FINE", "NEW"]))) == 0


def test_overlapping_memberships_are_refused(world):
    again = institution(CLINIC, joined_on=date(2026, 5, 1), supervisor_code=HOSPITAL)
    assert refusals(again) == [(2, "joined_on", "MembershipsOverlap")]


def test_one_record_twice_in_a_file_is_refused(world):
    assert refusals(institution("NEW"), institution("NEW")) == [(3, "code", "RecordTwice")]


def test_a_hospital_with_clinics_stays_a_hospital(world):
    shop = institution(HOSPITAL, kind=KINDS.RETAIL_PHARMACY, valid_from=TODAY)
    assert refusals(shop) == [(2, "kind", "StillSupervises")]


def test_only_the_city_writes_the_roster(world):
    with pytest.raises(NotAllowed):
        roster.put_institutions(numbered(institution("NEW")), by=COUNTY, at=NOW)
    with pytest.raises(NotAllowed):
        roster.close_institution(CLINIC, TODAY, by=COUNTY, at=NOW)
    with pytest.raises(NotAllowed):
        roster.put_distributors([], by=COUNTY, at=NOW)


def test_a_change_is_written_down_with_what_it_was_before(world):
    put(
        institution(CLINIC, "明白川村卫生室", township="白河镇", village="明白川村", supervisor_code=HOSPITAL)
    )
    entry = db.session.scalars(
        select(AuditEntry).where(AuditEntry.subject == CLINIC).order_by(AuditEntry.id.desc())
    ).first()
    assert (entry.before, entry.after) == (
        {"valid_from": "2026-01-01", "township": "车村镇"},
        {"valid_from": "2026-01-01", "township": "白河镇"},
    )
    assert (entry.institution_id, entry.county_code) == (id_of(CLINIC), SONG)


def test_the_statements_do_not_grow_with_the_rows(app, count_sql):
    make_counties()
    put(institution(HOSPITAL, kind=KINDS.TOWNSHIP_HOSPITAL))
    with count_sql() as few:
        put(*(institution(f"A{n:05d}", supervisor_code=HOSPITAL) for n in range(5)))
    with count_sql() as many:
        put(*(institution(f"B{n:05d}", supervisor_code=HOSPITAL) for n in range(400)))
    assert many.count == few.count


# Letters and mandates


def test_letters_are_put_by_institution_and_day_of_signature(world):
    row = {"institution_code": CLINIC, "signed_on": START, "version": "2026-2"}
    stored = roster.put_commitments(numbered(row, row | {"institution_code": SHOP}), by=CITY, at=NOW)
    assert (stored.created, stored.updated) == (1, 1)
    assert db.session.scalar(select(func.count()).select_from(Commitment)) == 3
    assert roster.sign_commitment(row, by=CITY, at=NOW).unchanged == 1
    bad = row | {"ends_on": date(2025, 1, 1)}
    assert refusals(bad, row | {"institution_code": "H99"}, deed=roster.put_commitments) == [
        (2, "ends_on", "LastDayBeforeFirst"),
        (3, "institution_code", "UnknownCode"),
    ]


def mandate(**more):
    return {"institution_code": CLINIC, "hospital_code": HOSPITAL, "valid_from": START} | more


def test_mandates_are_put_from_villages_to_hospitals(world):
    put_mandates = roster.put_mandates
    assert put_mandates(numbered(mandate()), by=CITY, at=NOW).created == 1
    assert put_mandates(numbered(mandate(valid_to=TODAY)), by=CITY, at=NOW).updated == 1
    assert refusals(
        mandate(institution_code=SHOP),
        mandate(hospital_code="H99"),
        mandate(valid_to=date(2025, 1, 1)),
        deed=put_mandates,
    ) == [
        (2, "hospital_code", "MandateOfOthers"),
        (3, "hospital_code", "UnknownCode"),
        (4, "valid_to", "LastDayBeforeFirst"),
    ]


def village():
    return Actor("王桂兰", Role.INSTITUTION, institution_id=id_of(CLINIC))


def give(by, hospital=HOSPITAL, valid_from=TODAY, **more):
    roster.give_mandate(CLINIC, hospital, valid_from=valid_from, by=by, at=NOW, **more)


def test_a_village_gives_its_hospital_the_mandate_and_takes_it_back(world):
    give(village())
    with pytest.raises(MandateThere):
        give(village(), valid_from=TODAY + timedelta(days=9))
    held = db.session.scalars(select(Mandate)).one()
    roster.revoke_mandate(held.id, by=village(), at=NOW + timedelta(days=3))
    assert held.valid_to == TODAY + timedelta(days=2)
    with pytest.raises(NotFound):
        roster.revoke_mandate(held.id, by=village(), at=NOW + timedelta(days=4))
    assert db.session.scalars(
        select(Notice.kind).where(Notice.institution_id == id_of(HOSPITAL)).order_by(Notice.id)
    ).all() == ["mandate_given", "mandate_revoked"]


def test_a_mandate_taken_back_on_its_first_day_never_held(world):
    give(village())
    roster.revoke_mandate(db.session.scalars(select(Mandate.id)).one(), by=village(), at=NOW)
    assert db.session.scalars(select(Mandate)).all() == []


def test_nobody_gives_a_mandate_for_another(world):
    hospital = Actor("周敏", Role.HOSPITAL, institution_id=id_of(HOSPITAL))
    for stranger in (hospital, COUNTY):
        with pytest.raises(NotFound):
            give(stranger)
    with pytest.raises(NotAllowed):
        give(village(), hospital=OTHER_HOSPITAL)
    with pytest.raises(MandateOfOthers):
        give(CITY, hospital=SHOP)
    with pytest.raises(LastDayBeforeFirst):
        give(CITY, valid_to=START)
    give(CITY)
    with pytest.raises(NotFound):
        roster.revoke_mandate(db.session.scalars(select(Mandate.id)).one(), by=hospital, at=NOW)


# Suspensions


def suspend(**more):
    days = {"first_day": TODAY, "last_day": TODAY + timedelta(days=29)}
    facts = {"reason": "逾期未付款", "document_no": "嵩医保〔2026〕12号"}
    return roster.suspend_institution(CLINIC, **{**days, **facts, **more}, by=CITY, at=NOW)


def test_a_suspension_is_decided_lifted_and_told(world):
    suspension = suspend()
    with pytest.raises(SuspensionOverlaps):
        suspend(first_day=TODAY + timedelta(days=3))
    with pytest.raises(LiftedOutside):
        roster.lift_suspension(suspension.id, lifted_on=START, reason="已付清", by=CITY, at=NOW)
    roster.lift_suspension(
        suspension.id, lifted_on=TODAY + timedelta(days=5), reason="已付清", by=CITY, at=NOW
    )
    with pytest.raises(LiftedAlready):
        roster.lift_suspension(suspension.id, lifted_on=TODAY, reason="已付清", by=CITY, at=NOW)
    assert suspension.last_day == TODAY + timedelta(days=29)
    suspend(first_day=TODAY + timedelta(days=5))
    kinds = db.session.scalars(select(Notice.kind).where(Notice.institution_id == id_of(CLINIC))).all()
    assert sorted(kinds) == ["suspended", "suspended", "suspension_lifted"]


def test_a_suspension_says_why(world):
    with pytest.raises(ReasonMissing):
        suspend(reason=" ")
    with pytest.raises(LastDayBeforeFirst):
        suspend(last_day=START)


# Distributors and relations


def test_distributors_are_put_by_code(world):
    rows = [
        {"code": "D01", "name": "嵩岳医药有限公司", "uscc": "91110000600037341L"},
        {"code": "D03", "name": "丙"},
    ]
    stored = roster.put_distributors(numbered(*rows), by=CITY, at=NOW)
    assert (stored.created, stored.updated, stored.unchanged) == (1, 1, 0)
    assert (
        db.session.scalars(select(Distributor.uscc).where(Distributor.code == "D01")).one() == rows[0]["uscc"]
    )
    bad = {"code": "D04", "name": "丁", "uscc": "1"}
    assert refusals(bad, deed=roster.put_distributors) == [(2, "uscc", "CreditCodeRefused")]


def relation(scope=SONG, item="LY001", distributor="D01", **more):
    return {"scope": scope, "item_code": item, "distributor_code": distributor, "valid_from": START} | more


def put_relations(*rows):
    return roster.put_relations(numbered(*rows), by=CITY, at=NOW)


@pytest.mark.both_databases
def test_relations_are_put_by_scope_item_and_first_day(world):
    make_items()
    rows = [relation(), relation(YICHUAN, "*"), relation(CLINIC, "LY002", "D02"), relation(CLINIC, "*")]
    assert put_relations(*rows).created == 4
    assert put_relations(*rows).unchanged == 4
    assert put_relations(relation(distributor="D02"), relation(valid_from=TODAY)).created == 1
    entries = db.session.scalars(select(AuditEntry).where(AuditEntry.deed == "put_relations"))
    changed = [(entry.before, entry.after) for entry in entries if entry.before]
    assert changed == [({"distributor": "D01"}, {"distributor": "D02"})]
    assert db.session.scalar(select(func.count()).select_from(DeliveryRelation)) == 5


def test_relations_that_can_not_be_are_refused(world):
    make_items()
    bad = [
        relation("H99"),
        relation(item="LY9"),
        relation(distributor="D9"),
        relation(item="LY003", valid_to=date(2025, 1, 1)),
        relation(item="LY002"),
        relation(item="LY002"),
    ]
    assert refusals(*bad, deed=roster.put_relations) == [
        (2, "scope", "UnknownCode"),
        (3, "item_code", "UnknownCode"),
        (4, "distributor_code", "UnknownCode"),
        (5, "valid_to", "LastDayBeforeFirst"),
        (7, "valid_from", "RecordTwice"),
    ]


def test_a_relation_ends_once(world):
    make_items()
    put_relations(relation())
    id_ = db.session.scalars(select(DeliveryRelation.id)).one()
    with pytest.raises(LastDayBeforeFirst):
        roster.end_relation(id_, last_day=date(2025, 1, 1), by=CITY, at=NOW)
    assert roster.end_relation(id_, last_day=TODAY, by=CITY, at=NOW).valid_to == TODAY
    with pytest.raises(EndsOn):
        roster.end_relation(id_, last_day=TODAY, by=CITY, at=NOW)


@pytest.mark.both_databases
def test_a_relation_closes_the_alarms_that_it_answers(world):
    make_items()
    for item_id in db.session.scalars(select(Item.id).where(Item.item_code.in_(["LY001", "LY002"]))).all():
        raise_alarm(
            NO_DISTRIBUTOR,
            f"{id_of(CLINIC)}:{item_id}",
            county_code=SONG,
            at=NOW,
            facts={},
            institution_id=id_of(CLINIC),
            item_id=item_id,
        )
    db.session.commit()
    put_relations(relation(YICHUAN, "*"), relation(SONG, "LY001"))
    alarms = db.session.scalars(select(Alarm).order_by(Alarm.item_id)).all()
    assert [alarm.closed_at for alarm in alarms] == [NOW, None]
