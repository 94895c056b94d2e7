from __future__ import annotations

from datetime import UTC, date, datetime, timedelta
from decimal import Decimal

import pytest
from flask import Flask
from sqlalchemy import select

from clinic_orders.actions.answering import LinesNotPossible, answer_order_in_full
from clinic_orders.actions.loading import ChangedMeanwhile, NotFound
from clinic_orders.actions.receiving import AcceptedAlready, LineAcceptance, accept_shipment
from clinic_orders.actions.shipping import ShipLine, mark_delivered, ship, void_shipment
from clinic_orders.models.audit import AuditEntry
from clinic_orders.models.base import db
from clinic_orders.models.deliveries import Shipment
from clinic_orders.models.notices import Notice
from clinic_orders.models.policy import PolicyValue
from clinic_orders.queries.integrity import problems
from clinic_orders.rules.order_steps import StepNotYours, StepOutOfTurn
from clinic_orders.rules.parties import Actor, OrderMode, Role
from tests.deliveries_in_work import GOOD, LATER, everything, make_shipment, make_user
from tests.orders_in_work import LONG_AGO, NOW, World, make_order, make_world

DAY = timedelta(days=1)
CODES = tuple(f"8123456{number:013d}" for number in range(20))


@pytest.fixture
def world(app: Flask) -> World:
    return make_world()


@pytest.fixture
def shipment(world: World) -> Shipment:
    return make_shipment(world)


def refusals(shipment: Shipment, found: dict[int, LineAcceptance], world: World) -> list[str]:
    """The codes of what is refused, by line in their order; and that nothing was stored."""
    with pytest.raises(LinesNotPossible) as refused:
        accept_shipment(shipment.receipt_no, found, by=world.buyer, at=LATER)
    db.session.refresh(shipment)
    assert shipment.accepted_at is None
    assert [line.accepted_packs for line in shipment.lines] == [None] * len(shipment.lines)
    return [refused.value.problems[line_id].code for line_id in sorted(refused.value.problems)]


def test_all_packs_accepted_are_owed_for_and_due_at_the_end_of_next_month(
    world: World, shipment: Shipment
) -> None:
    accept_shipment(shipment.receipt_no, everything(shipment), by=world.buyer, at=LATER)
    assert [(line.accepted_packs, line.rejected_packs) for line in shipment.lines] == [
        (6, 0),
        (12, 0),
        (20, 0),
    ]
    assert [line.accepted_packs for line in shipment.order.lines] == [6, 12, 20]
    # 3.365 × 6 = 20.19, × 12 = 40.38, × 20 = 67.30.
    assert shipment.owed == Decimal("127.87")
    assert (shipment.acceptance_day, shipment.due_on) == (date(2026, 11, 20), date(2026, 12, 31))
    assert (shipment.payment_rule, shipment.delivered_at) == ("end_of_next_month", LATER)
    assert (shipment.accepted_by_name, shipment.accepted_at) == ("王桂兰", LATER)
    assert not problems()


def test_each_line_of_the_receipt_is_rounded_once(world: World) -> None:
    order = make_order(world, (3, 3))
    for line in order.lines:
        line.pack_price = Decimal("0.1250")
    answer_order_in_full(order.order_no, by=world.seller, at=NOW)
    rows = [ShipLine(1, "A", GOOD, 1), ShipLine(1, "B", GOOD, 2), ShipLine(2, "C", GOOD, 3)]
    shipment = ship(order.order_no, rows, by=world.seller, at=LATER)
    accept_shipment(shipment.receipt_no, everything(shipment), by=world.buyer, at=LATER)
    # 0.125 → 0.13, 0.25, 0.375 → 0.38.
    assert shipment.owed == Decimal("0.76")


def test_accepted_and_rejected_must_make_what_was_shipped(world: World, shipment: Shipment) -> None:
    first, second, third = shipment.lines
    found = {
        first.id: LineAcceptance(5),
        second.id: LineAcceptance(12, 1, "damaged"),
        third.id: LineAcceptance(21, -1),
    }
    assert refusals(shipment, found, world) == [
        "AcceptanceDoesNotAddUp",
        "AcceptanceDoesNotAddUp",
        "AcceptanceNegative",
    ]


def test_a_rejection_needs_a_coded_reason(world: World, shipment: Shipment) -> None:
    first, second, third = shipment.lines
    found = {
        first.id: LineAcceptance(5, 1),
        second.id: LineAcceptance(11, 1, "because"),
        third.id: LineAcceptance(19, 1, "other"),
    }
    assert refusals(shipment, found, world) == ["RejectionNeedsReason", "ReasonUnknown", "ReasonNeedsText"]
    found = {
        first.id: LineAcceptance(5, 1, "damaged"),
        second.id: LineAcceptance(0, 12, "数量不符"),
        third.id: LineAcceptance(19, 1, "other:瓶盖松了"),
    }
    accept_shipment(shipment.receipt_no, found, by=world.buyer, at=LATER)
    assert [line.reject_reason for line in shipment.lines] == ["damaged", "wrong_quantity", "other:瓶盖松了"]
    assert [(line.accepted_packs, line.rejected_packs) for line in shipment.order.lines] == [
        (5, 1),
        (0, 12),
        (19, 1),
    ]
    assert shipment.owed == Decimal("16.83") + Decimal("0.00") + Decimal("63.94")
    assert not problems()


def test_a_reason_that_does_not_fit_is_refused(world: World, shipment: Shipment) -> None:
    first, second, third = shipment.lines
    found = everything(shipment) | {
        first.id: LineAcceptance(5, 1, "other:" + "坏" * 95),
        second.id: LineAcceptance(12, short_expiry_reason="坏" * 201),
    }
    assert refusals(shipment, found, world) == ["ReasonTooLong", "ReasonTooLong"]
    assert third.id in found


def test_goods_expired_on_the_acceptance_day_can_not_be_accepted(world: World) -> None:
    yesterday, today = date(2026, 11, 19), date(2026, 11, 20)
    shipment = make_shipment(world, expiry={1: today, 2: today})
    shipment.lines[0].expiry_date = yesterday
    db.session.commit()
    found = everything(shipment)
    first, second, _ = shipment.lines
    found[second.id] = LineAcceptance(12, short_expiry_reason="今天就用")
    assert refusals(shipment, found, world) == ["GoodsExpired"]
    found[first.id] = LineAcceptance(0, 6, "short_expiry")
    accept_shipment(shipment.receipt_no, found, by=world.buyer, at=LATER)
    assert [line.accepted_packs for line in shipment.lines] == [0, 12, 20]


def test_short_shelf_life_needs_a_reason_and_exactly_six_months_are_enough(world: World) -> None:
    shipment = make_shipment(world, expiry={1: date(2027, 5, 20), 2: date(2027, 5, 19)})
    assert refusals(shipment, everything(shipment), world) == ["ShortShelfLifeNeedsReason"]
    found = everything(shipment)
    second = shipment.lines[1]
    found[second.id] = LineAcceptance(12, short_expiry_reason=" 一个月内能用完 ")
    accept_shipment(shipment.receipt_no, found, by=world.buyer, at=LATER)
    assert second.short_expiry_reason == "一个月内能用完"


def test_the_months_of_shelf_life_are_those_in_force_for_the_kind_on_the_day(world: World) -> None:
    db.session.add_all(
        [
            PolicyValue(
                parameter="delivery.min_shelf_months",
                kind=kind,
                valid_from=date(2026, 6, 1),
                value=months,
                recorded_at=LONG_AGO,
            )
            for kind, months in (("", "24"), ("village_clinic", "3"))
        ]
    )
    shipment = make_shipment(world, expiry={1: date(2027, 2, 20)})
    accept_shipment(shipment.receipt_no, everything(shipment), by=world.buyer, at=LATER)


def test_every_line_must_be_there_and_no_other(world: World, shipment: Shipment) -> None:
    found = everything(shipment)
    del found[shipment.lines[1].id]
    found[10**6] = LineAcceptance(1)
    assert refusals(shipment, found, world) == ["AcceptanceIncomplete", "NotOnShipment"]


def test_several_shipments_and_batches_add_up_on_the_order(world: World) -> None:
    order = make_order(world, (10,))
    answer_order_in_full(order.order_no, by=world.seller, at=NOW)
    first = ship(
        order.order_no,
        [ShipLine(1, "A1", GOOD, 3), ShipLine(1, "A2", GOOD, 2)],
        by=world.seller,
        at=LATER,
    )
    second = ship(order.order_no, [ShipLine(1, "A1", GOOD, 5)], by=world.seller, at=LATER)
    one, two = first.lines
    accept_shipment(
        first.receipt_no,
        {one.id: LineAcceptance(3), two.id: LineAcceptance(0, 2, "damaged")},
        by=world.buyer,
        at=LATER,
    )
    assert (order.lines[0].accepted_packs, order.lines[0].rejected_packs) == (3, 2)
    accept_shipment(second.receipt_no, everything(second), by=world.buyer, at=LATER + DAY)
    assert (order.lines[0].accepted_packs, order.lines[0].rejected_packs) == (8, 2)
    assert (first.owed, second.owed) == (Decimal("10.10"), Decimal("16.83"))
    assert not problems()


def test_late_acceptance_counts_for_payment_from_the_last_day_it_was_due(world: World) -> None:
    """Delivered on Thursday the 26th, due on Monday the 30th, accepted in December."""
    shipment = make_shipment(world)
    arrived = datetime(2026, 11, 26, 2, 0, tzinfo=UTC)
    mark_delivered(shipment.receipt_no, by=world.seller, at=arrived)
    late = datetime(2026, 12, 3, 2, 0, tzinfo=UTC)
    accept_shipment(shipment.receipt_no, everything(shipment), by=world.buyer, at=late)
    assert (shipment.accepted_at, shipment.acceptance_day) == (late, date(2026, 11, 30))
    assert (shipment.due_on, shipment.delivered_at) == (date(2026, 12, 31), arrived)


def test_an_unknown_arrival_counts_from_the_acceptance(world: World, shipment: Shipment) -> None:
    late = datetime(2026, 12, 31, 16, 0, tzinfo=UTC)  # 2027-01-01 in Shanghai.
    accept_shipment(shipment.receipt_no, everything(shipment), by=world.buyer, at=late)
    assert (shipment.acceptance_day, shipment.due_on) == (date(2027, 1, 1), date(2027, 2, 28))


@pytest.mark.parametrize(
    ("from_day", "due"), [(date(2026, 11, 20), date(2026, 12, 20)), (date(2026, 11, 21), date(2026, 12, 31))]
)
def test_the_payment_rule_in_force_on_the_acceptance_day_decides(
    world: World, shipment: Shipment, from_day: date, due: date
) -> None:
    db.session.add(
        PolicyValue(parameter="payment.rule", valid_from=from_day, value="days_30", recorded_at=LONG_AGO)
    )
    accept_shipment(shipment.receipt_no, everything(shipment), by=world.buyer, at=LATER)
    assert shipment.due_on == due


def test_the_same_acceptance_sent_twice_is_done_once(world: World, shipment: Shipment) -> None:
    buyer = make_user("王桂兰", world.clinic)
    found = everything(shipment)
    seen = shipment.version
    first = accept_shipment(shipment.receipt_no, found, by=buyer, at=LATER, seen_version=seen)
    version = first.version
    again = accept_shipment(
        shipment.receipt_no, found, by=buyer, at=LATER + timedelta(seconds=5), seen_version=seen
    )
    assert (again.accepted_at, again.version) == (LATER, version)
    assert [line.accepted_packs for line in shipment.order.lines] == [6, 12, 20]
    deeds = db.session.scalars(select(AuditEntry.deed)).all()
    assert deeds.count("accept_shipment") == 1


def test_of_two_people_the_first_wins_and_the_second_is_told_who(world: World, shipment: Shipment) -> None:
    first, second = make_user("王桂兰", world.clinic), make_user("李建国", world.clinic)
    seen = shipment.version
    accept_shipment(shipment.receipt_no, everything(shipment), by=first, at=LATER, seen_version=seen)
    other = everything(shipment) | {shipment.lines[0].id: LineAcceptance(5, 1, "damaged")}
    for found in (other, everything(shipment)):
        with pytest.raises(AcceptedAlready) as told:
            accept_shipment(shipment.receipt_no, found, by=second, at=LATER, seen_version=seen)
        assert told.value.facts["name"] == "王桂兰"
    with pytest.raises(AcceptedAlready):
        accept_shipment(shipment.receipt_no, other, by=first, at=LATER, seen_version=seen)
    assert [line.accepted_packs for line in shipment.lines] == [6, 12, 20]


def test_a_shipment_changed_since_the_page_was_opened_is_not_accepted_unseen(
    world: World, shipment: Shipment
) -> None:
    seen = shipment.version
    mark_delivered(shipment.receipt_no, by=world.seller, at=LATER)
    with pytest.raises(ChangedMeanwhile):
        accept_shipment(
            shipment.receipt_no, everything(shipment), by=world.buyer, at=LATER, seen_version=seen
        )


def test_a_void_shipment_can_not_be_accepted(world: World, shipment: Shipment) -> None:
    void_shipment(shipment.receipt_no, "装错车", by=world.seller, at=LATER)
    with pytest.raises(StepOutOfTurn):
        accept_shipment(shipment.receipt_no, everything(shipment), by=world.buyer, at=LATER)


def test_strangers_find_nothing_and_onlookers_may_not_accept(world: World, shipment: Shipment) -> None:
    stranger = Actor("陌生人", Role.INSTITUTION, institution_id=world.hospital.id)
    with pytest.raises(NotFound):
        accept_shipment(shipment.receipt_no, everything(shipment), by=stranger, at=LATER)
    world.clinic.records[0].supervisor_id = world.hospital.id
    db.session.commit()
    supervisor = Actor("院长", Role.HOSPITAL, institution_id=world.hospital.id)
    with pytest.raises(StepNotYours):
        accept_shipment(shipment.receipt_no, everything(shipment), by=supervisor, at=LATER)


def test_the_hospital_that_ordered_for_a_village_may_receive_for_it(world: World) -> None:
    order = make_order(world, (4,))
    order.ordering_id, order.mode = world.hospital.id, OrderMode.PROXY
    shipment = make_shipment(world, order=order)
    hospital = make_user("院长", world.hospital, Role.HOSPITAL)
    accept_shipment(shipment.receipt_no, everything(shipment), by=hospital, at=LATER)
    told = db.session.execute(
        select(Notice.kind, Notice.institution_id, Notice.distributor_id).where(
            Notice.kind.like("goods_accepted%")
        )
    ).all()
    assert told == [
        ("goods_accepted", None, world.distributor.id),
        ("goods_accepted_for_you", world.clinic.id, None),
    ]


def test_the_acceptance_is_written_down_with_its_figures(world: World, shipment: Shipment) -> None:
    accept_shipment(shipment.receipt_no, everything(shipment), by=world.buyer, at=LATER)
    entry = db.session.scalars(select(AuditEntry).where(AuditEntry.deed == "accept_shipment")).one()
    assert entry.after is not None
    assert (entry.subject, entry.county_code) == (shipment.receipt_no, "410325")
    assert (entry.after["owed"], entry.after["due_on"]) == ("127.87", "2026-12-31")


def test_codes_of_accepted_packs_are_known_where_all_came_in_or_were_checked(world: World) -> None:
    shipment = make_shipment(
        world,
        (2, 2, 3, 3),
        codes={1: CODES[0:2], 2: CODES[2:4], 3: CODES[4:7], 4: CODES[7:10]},
    )
    first, second, third, fourth = shipment.lines
    found = {
        first.id: LineAcceptance(2),
        second.id: LineAcceptance(0, 2, "quality"),
        third.id: LineAcceptance(2, 1, "damaged", codes=CODES[4:6]),
        fourth.id: LineAcceptance(2, 1, "damaged", codes=CODES[7:8]),
    }
    accept_shipment(shipment.receipt_no, found, by=world.buyer, at=LATER)
    assert [[code.accepted for code in line.codes] for line in shipment.lines] == [
        [True, True],
        [False, False],
        [True, True, False],
        [True, None, None],
    ]


def test_more_checked_codes_than_accepted_packs_are_refused(world: World) -> None:
    shipment = make_shipment(world, (3,), codes={1: CODES[:3]})
    found = {shipment.lines[0].id: LineAcceptance(1, 2, "damaged", codes=CODES[:2])}
    assert refusals(shipment, found, world) == ["MoreCodesThanPacks"]
