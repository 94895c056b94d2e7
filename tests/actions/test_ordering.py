"""Submitting a draft: refusals, duplicates, emergencies, proxies (R-ORD-1, R-ORD-3, R-ORD-4, R-ORD-9)."""

from __future__ import annotations

from datetime import date, timedelta
from decimal import Decimal

import pytest
from sqlalchemy import select

from clinic_orders.actions.ordering import Answer, submit_draft
from clinic_orders.models.audit import AuditEntry
from clinic_orders.models.base import db
from clinic_orders.models.catalogue import Edition, EditionItem, Price
from clinic_orders.models.notices import Alarm, Notice
from clinic_orders.models.orders import DraftLine, OrderLine
from clinic_orders.models.roster import Commitment, DeliveryRelation
from clinic_orders.queries.integrity import problems
from clinic_orders.rules.parties import NotAllowed, OrderMode
from clinic_orders.rules.roster import MayNotOrderFor
from tests import factories as make
from tests.drafts_in_work import kept, orders, relation

pytestmark = pytest.mark.usefixtures("app")


def reasons(answer: Answer) -> dict[str, str]:
    return {entry["item_code"]: entry["code"] for entry in answer.refused}


def test_a_draft_becomes_one_order_per_distributor() -> None:
    world = make.make_world()
    relation(world, 1, world.other_distributor)
    codes = [item.item_code for item in world.items]
    answer = make.submit(world, {codes[0]: "10", codes[1]: "3", codes[2]: "2"})
    first, second = orders()
    assert answer.orders == [first.order_no, second.order_no]
    assert (first.distributor_id, second.distributor_id) == (
        world.distributor.id,
        world.other_distributor.id,
    )
    assert [(line.item_id, line.packs) for line in first.lines] == [
        (world.items[0].id, 10),
        (world.items[2].id, 2),
    ]
    assert first.mode is OrderMode.DIRECT
    assert first.channel == "clinic_orders"
    assert first.paying_id == first.ordering_id == first.institution_id == world.clinic.id
    assert first.amount == sum(line.amount for line in first.lines)
    assert kept() == {}
    assert problems() == []


def test_an_order_freezes_the_price_of_its_day() -> None:
    world = make.make_world()
    db.session.add(
        Price(
            item_id=world.items[0].id,
            valid_from=make.TODAY,
            pack_price=Decimal("1.2345"),
            recorded_at=make.LONG_AGO,
        )
    )
    db.session.commit()
    code = world.items[0].item_code
    before = make.submit(world, {code: "10"}, at=make.later(hours=-10))
    after = make.submit(world, {code: "10"}, confirmed=frozenset({f"{code}:{before.orders[0]}"}))
    old, new = db.session.scalars(select(OrderLine).order_by(OrderLine.id))
    assert before.orders != after.orders
    assert (old.pack_price, new.pack_price) == (Decimal("3.3600"), Decimal("1.2345"))
    assert new.amount == Decimal("12.35")


def test_what_is_refused_stays_with_its_reason_and_the_others_go() -> None:
    world = make.make_world()
    codes = [item.item_code for item in world.items]
    quantities = {
        codes[0]: "5",
        codes[1]: "-1",
        codes[2]: "1.5",
        codes[3]: "1e9",
        codes[4]: "一",
        codes[5]: "10000",
    }
    answer = make.submit(world, quantities)
    assert len(answer.orders) == 1
    assert reasons(answer) == {
        codes[1]: "PacksTooFew",
        codes[2]: "PacksNotWhole",
        codes[3]: "PacksNotWhole",
        codes[4]: "PacksNotWhole",
        codes[5]: "PacksTooMany",
    }
    assert kept() == {
        "-1": "PacksTooFew",
        "1.5": "PacksNotWhole",
        "1e9": "PacksNotWhole",
        "一": "PacksNotWhole",
        "10000": "PacksTooMany",
    }
    assert orders()[0].lines_count == 1


def test_a_line_of_nothing_is_refused_where_it_reaches_a_submission() -> None:
    world = make.make_world()
    make.fill_draft(world, {world.items[0].item_code: "7"})
    line = db.session.scalars(select(DraftLine)).one()
    line.typed = "0"
    db.session.commit()
    answer = submit_draft(
        key=make.fresh_key(),
        ordering_id=world.clinic.id,
        institution_id=world.clinic.id,
        by=world.actor(),
        at=make.NOW,
    )
    assert reasons(answer) == {world.items[0].item_code: "PacksTooFew"}


@pytest.mark.parametrize("typed", ["", "0", "00", "０", " "])
def test_nothing_typed_takes_a_line_out_of_the_draft(typed: str) -> None:
    world = make.make_world()
    make.fill_draft(world, {world.items[0].item_code: "7"})
    make.fill_draft(world, {world.items[0].item_code: typed})
    assert kept() == {}


def test_nobody_who_is_not_on_the_roster_orders() -> None:
    world = make.make_world()
    clinic = make.make_institution("V09", "已退出村卫生室", left_on=make.TODAY - timedelta(days=1))
    answer = make.submit(world, {world.items[0].item_code: "1"}, institution=clinic)
    assert answer.orders == []
    assert set(reasons(answer).values()) == {"NotOnRoster"}
    last_day = make.make_institution("V10", "今天退出村卫生室", left_on=make.TODAY)
    assert make.submit(world, {world.items[0].item_code: "1"}, institution=last_day).orders


def test_nobody_orders_without_a_letter_in_force() -> None:
    world = make.make_world()
    clinic = make.make_institution("V09", "无承诺书村卫生室", letter=False)
    code = world.items[0].item_code
    assert reasons(make.submit(world, {code: "1"}, institution=clinic)) == {code: "NoLetter"}
    db.session.add_all(
        [
            Commitment(institution_id=clinic.id, signed_on=make.FIRST_DAY, version="1", recorded_at=make.NOW),
            Commitment(
                institution_id=clinic.id,
                signed_on=make.TODAY - timedelta(days=9),
                ends_on=make.TODAY - timedelta(days=1),
                version="2",
                recorded_at=make.NOW,
            ),
        ]
    )
    db.session.commit()
    # The newer letter ended yesterday; the older one does not come back (R-ROSTER-4).
    assert reasons(make.submit(world, {code: "1"}, institution=clinic)) == {code: "NoLetter"}


def test_a_suspended_institution_is_told_until_when() -> None:
    world = make.make_world()
    make.suspend(world.clinic, make.TODAY, make.TODAY)
    code = world.items[0].item_code
    answer = make.submit(world, {code: "1"})
    assert reasons(answer) == {code: "Suspended"}
    assert answer.refused[0]["facts"] == {"until": "2026-11-20"}
    assert make.submit(world, {code: "1"}, at=make.later(1)).orders


def test_only_items_of_the_edition_in_force_that_suit_the_kind_go() -> None:
    world = make.make_world()
    first, second, third = (world.items[place] for place in range(3))
    new = Edition(edition="新版", valid_from=make.TODAY, recorded_at=make.LONG_AGO)
    db.session.add(new)
    db.session.flush()
    db.session.add_all([EditionItem(edition_id=new.id, item_id=item.id) for item in (second, third)])
    third.suits = ";retail_pharmacy;"
    db.session.commit()
    wanted = {item.item_code: "1" for item in (first, second, third)}
    # The edition changes at 00:00 in Luoyang: at 23:59 of the 19th the old one holds.
    old = make.submit(world, {first.item_code: "1"}, at=make.later(hours=-9.7))
    assert old.orders
    answer = make.submit(world, wanted)
    assert reasons(answer) == {first.item_code: "NotInEdition", third.item_code: "NotForThisKind"}


def test_an_item_without_a_price_is_refused() -> None:
    world = make.make_world()
    db.session.execute(Price.__table__.delete().where(Price.item_id == world.items[0].id))
    db.session.commit()
    code = world.items[0].item_code
    assert reasons(make.submit(world, {code: "1"})) == {code: "NoPrice"}


def test_an_item_that_nobody_delivers_is_refused_and_the_county_is_told() -> None:
    world = make.make_world()
    db.session.execute(DeliveryRelation.__table__.delete())
    db.session.commit()
    codes = [item.item_code for item in world.items[:3]]
    answer = make.submit(world, dict.fromkeys(codes, "1"))
    assert set(reasons(answer).values()) == {"NoDistributor"}
    make.submit(world, {codes[0]: "2"})
    alarms = list(db.session.scalars(select(Alarm).order_by(Alarm.item_id)))
    assert {(alarm.kind, alarm.county_code) for alarm in alarms} == {("no_distributor", "410325")}
    # Refused lines stay in the draft and are tried again; the alarm counts its times.
    assert [alarm.times for alarm in alarms] == [2, 2, 2]


def test_the_most_specific_relation_wins_and_its_last_day_counts() -> None:
    world = make.make_world()
    db.session.add(
        DeliveryRelation(
            institution_id=world.clinic.id,
            distributor_id=world.other_distributor.id,
            valid_from=make.FIRST_DAY,
            valid_to=make.TODAY,
            recorded_at=make.LONG_AGO,
        )
    )
    db.session.commit()
    code = world.items[0].item_code
    make.submit(world, {code: "1"})
    make.submit(world, {world.items[1].item_code: "1"}, at=make.later(1))
    assert [order.distributor_id for order in orders()] == [world.other_distributor.id, world.distributor.id]


# Duplicates (R-ORD-4) -------------------------------------------------------------------------------------


def test_the_same_item_within_the_days_must_be_confirmed_whoever_ordered_it() -> None:
    world = make.make_world()
    make.give_mandate(world)
    code = world.items[0].item_code
    by_hospital = make.submit(world, {code: "5"}, by=world.hospital, institution=world.clinic)
    answer = make.submit(world, {code: "3"}, at=make.later(3))
    assert reasons(answer) == {code: "DuplicateNotConfirmed"}
    assert answer.refused[0]["facts"]["order_no"] == by_hospital.orders[0]
    wrong = make.submit(world, {code: "3"}, at=make.later(3), confirmed=frozenset({f"{code}:CG1"}))
    assert wrong.orders == []
    right = frozenset({f"{code}:{by_hospital.orders[0]}"})
    assert make.submit(world, {code: "3"}, at=make.later(3), confirmed=right).orders


def test_an_order_that_lapsed_is_no_duplicate() -> None:
    world = make.make_world()
    make.set_policy("order.duplicate_days", "30")
    code = world.items[0].item_code
    make.submit(world, {code: "5"})
    assert make.submit(world, {code: "5"}, at=make.later(3)).orders == []
    # Friday's order lapses on Tuesday at 24:00.
    assert make.submit(world, {code: "5"}, at=make.later(5)).orders


# Proxy, community, chain -----------------------------------------------------------------------------------


def test_a_hospital_orders_for_a_village_with_its_mandate_only() -> None:
    world = make.make_world()
    with pytest.raises(MayNotOrderFor):
        world.buyer(world.clinic, by=world.hospital)
    make.give_mandate(world)
    make.submit(world, {world.items[0].item_code: "5"}, institution=world.clinic, by=world.hospital)
    (order,) = orders()
    assert order.mode is OrderMode.PROXY
    assert (order.institution_id, order.ordering_id, order.paying_id) == (
        world.clinic.id,
        world.hospital.id,
        world.clinic.id,
    )
    notice = db.session.scalars(select(Notice).where(Notice.institution_id == world.clinic.id)).one()
    assert (notice.kind, notice.link) == ("proxy_order_placed", f"/orders/{order.order_no}")


def test_the_hospital_pays_where_it_says_so() -> None:
    world = make.make_world()
    make.give_mandate(world)
    make.fill_draft(world, {world.items[0].item_code: "5"}, institution=world.clinic, by=world.hospital)
    submit_draft(
        key=make.fresh_key(),
        ordering_id=world.hospital.id,
        institution_id=world.clinic.id,
        payer="orderer",
        by=world.actor(world.hospital),
        at=make.NOW,
    )
    assert orders()[0].paying_id == world.hospital.id


def test_a_lead_hospital_and_a_headquarters_order_for_their_members() -> None:
    world = make.make_world()
    member = make.make_institution("V20", "医共体成员", lead_hospital=world.hospital)
    store = make.make_institution("P20", "连锁门店", headquarters=world.pharmacy)
    make.submit(world, {world.items[0].item_code: "5"}, institution=member, by=world.hospital)
    make.submit(world, {world.items[0].item_code: "5"}, institution=store, by=world.pharmacy)
    assert [order.mode for order in orders()] == [OrderMode.MEDICAL_COMMUNITY, OrderMode.DIRECT]


def test_nobody_submits_for_a_stranger_or_in_anothers_name() -> None:
    world = make.make_world()
    make.fill_draft(world, {world.items[0].item_code: "5"})
    with pytest.raises(NotAllowed):
        submit_draft(
            key=make.fresh_key(),
            ordering_id=world.clinic.id,
            institution_id=world.clinic.id,
            by=world.actor(world.second_clinic),
            at=make.NOW,
        )
    with pytest.raises(Exception, match="not found"):
        submit_draft(
            key=make.fresh_key(),
            ordering_id=world.second_clinic.id,
            institution_id=world.clinic.id,
            by=world.actor(world.second_clinic),
            at=make.NOW,
        )


# Emergencies (R-ORD-9) --------------------------------------------------------------------------------------


def test_an_emergency_passes_what_stops_a_regular_order() -> None:
    world = make.make_world()
    clinic = make.make_institution("V09", "无承诺书村卫生室", letter=False)
    make.suspend(clinic, make.TODAY, make.TODAY)
    db.session.execute(EditionItem.__table__.delete())
    world.items[0].suits = ";retail_pharmacy;"
    db.session.commit()
    code = world.items[0].item_code
    assert make.submit(world, {code: "2"}, institution=clinic).orders == []
    answer = make.submit(world, {code: "2"}, institution=clinic, emergency=True, reason="蛇咬伤")
    (order,) = orders()
    assert answer.orders == [order.order_no]
    assert (order.emergency, order.emergency_reason) == (True, "蛇咬伤")
    assert order.answer_due_at == make.later(hours=2)
    told = db.session.scalars(select(Notice).where(Notice.county_code == "410325")).one()
    assert told.kind == "emergency_order_placed"
    # And again on the same day without being asked about duplicates.
    assert make.submit(world, {code: "2"}, institution=clinic, emergency=True, reason="蛇咬伤").orders


def test_an_emergency_needs_its_reason_a_member_and_a_right_quantity() -> None:
    world = make.make_world()
    code = world.items[0].item_code
    without = make.submit(world, {code: "2"}, emergency=True, reason="  ")
    assert reasons(without) == {code: "EmergencyReasonMissing"}
    stranger = make.make_institution("V09", "已退出", left_on=make.TODAY - timedelta(days=1))
    refused = make.submit(world, {code: "2"}, institution=stranger, emergency=True, reason="蛇咬伤")
    assert reasons(refused) == {code: "NotOnRoster"}
    wrong = make.submit(world, {code: "x"}, emergency=True, reason="蛇咬伤")
    assert reasons(wrong) == {code: "PacksNotWhole"}


def test_without_a_relation_an_emergency_goes_to_the_distributor_that_was_picked() -> None:
    world = make.make_world()
    db.session.execute(DeliveryRelation.__table__.delete())
    db.session.commit()
    code = world.items[0].item_code
    nobody = make.submit(world, {code: "2"}, emergency=True, reason="蛇咬伤")
    assert reasons(nobody) == {code: "NoDistributor"}
    make.submit(
        world, {code: "2"}, emergency=True, reason="蛇咬伤", picked={code: world.other_distributor.id}
    )
    (order,) = orders()
    assert order.distributor_id == world.other_distributor.id
    assert {alarm.kind for alarm in db.session.scalars(select(Alarm))} == {
        "no_distributor",
        "emergency_picked_distributor",
    }


def test_an_emergency_leaves_the_regular_draft_alone() -> None:
    world = make.make_world()
    codes = [item.item_code for item in world.items[:2]]
    make.fill_draft(world, {codes[0]: "30"})
    make.submit(world, {codes[1]: "2"}, emergency=True, reason="蛇咬伤")
    assert kept() == {"30": ""}
    assert [order.emergency for order in orders()] == [True]


def test_every_order_is_in_the_audit_of_its_parties() -> None:
    world = make.make_world()
    make.submit(world, {world.items[0].item_code: "2"})
    entry = db.session.scalars(select(AuditEntry)).one()
    assert entry.deed == "submit_draft"
    assert (entry.institution_id, entry.distributor_id, entry.county_code) == (
        world.clinic.id,
        world.distributor.id,
        "410325",
    )
    assert entry.after is not None
    assert entry.after["packs"] == 2


def test_the_answer_is_due_by_the_official_calendar() -> None:
    world = make.make_world()
    # Wednesday before the Spring Festival of 2026: two working days later, over the moved weekend.
    at = make.NOW.replace(month=2, day=13)
    make.submit(world, {world.items[0].item_code: "2"}, at=at)
    assert orders()[0].answer_due_at.date() == date(2026, 2, 24)
