"""What other programs store: every call once, with the version that it has seen, by the rules of the pages."""

from __future__ import annotations

import threading
from datetime import timedelta

import pytest
from flask.testing import FlaskClient
from sqlalchemy import func, select

from clinic_orders.actions.api_answers import forget_answers
from clinic_orders.models.api import ApiAnswer
from clinic_orders.models.audit import AuditEntry
from clinic_orders.models.base import db
from clinic_orders.models.catalogue import Price
from clinic_orders.models.deliveries import GoodsReturn, Shipment
from clinic_orders.models.notices import Alarm
from clinic_orders.models.orders import Order
from clinic_orders.models.payments import Payment
from clinic_orders.models.roster import DeliveryRelation
from clinic_orders.models.sales import SaleLine
from clinic_orders.models.stock import StockCount
from clinic_orders.queries.integrity import problems
from clinic_orders.rules.parties import SYSTEM, Role
from tests.api_calls import PREFIX, Caller, codes, token_of
from tests.factories import NOW, make_order, make_user, make_world


@pytest.fixture
def world(app, clock_at):
    clock_at(NOW + timedelta(hours=1))
    return make_world()


@pytest.fixture
def clinic(world, client):
    return Caller(client, token_of(make_user("V01", institution=world.clinic)))


@pytest.fixture
def seller(world, client):
    return Caller(client, token_of(seller_of(world)))


def seller_of(world):
    return make_user("D01", role=Role.DISTRIBUTOR, distributor=world.distributor, name="刘敏")


def count(kind):
    return db.session.scalar(select(func.count()).select_from(kind))


def ordered(world, *packs):
    return {
        "lines": [
            {"item_code": world.items[place].item_code, "packs": number} for place, number in enumerate(packs)
        ]
    }


def confirmed(order, **changes):
    return {
        "lines": [
            {"item_code": line["item_code"], "confirmed_packs": line["packs"]} | changes
            for line in order["lines"]
        ]
    }


def sent(order):
    return {
        "lines": [
            {
                "item_code": line["item_code"],
                "batch_no": "B1",
                "expiry_date": "2028-06-30",
                "shipped_packs": line["packs"],
            }
            for line in order["lines"]
        ]
    }


def found(shipment, **changes):
    return {
        "lines": [
            {
                "item_code": line["item_code"],
                "batch_no": line["batch_no"],
                "accepted_packs": line["shipped_packs"],
            }
            | changes
            for line in shipment["lines"]
        ]
    }


def shipped(clinic, seller, world, *packs):
    """An order that was placed, answered and shipped over HTTP: its number and the shipment."""
    (order,) = clinic.post("/orders", ordered(world, *packs)).json["orders"]
    no = order["order_no"]
    answer = seller.post(f"/orders/{no}/response", confirmed(order), status=200, If_Match='"v1"')
    shipment = seller.post(f"/orders/{no}/shipments", sent(order), If_Match=answer.headers["ETag"])
    return no, shipment


def test_an_order_goes_from_the_till_to_the_distributor_and_is_received(clinic, seller, world, clock_at):
    no, shipment = shipped(clinic, seller, world, 6, 12)
    read = clinic.get(f"/orders/{no}").json
    assert read["status"] == "under_way"
    (listed,) = read["shipments"]
    assert listed == shipment.json
    clock_at(NOW + timedelta(minutes=90))
    number = listed["receipt_no"]
    received = clinic.post(f"/shipments/{number}/receipt", found(listed), If_Match=shipment.headers["ETag"])
    assert received.json["state"] == "received"
    assert received.json["owed"].count(".") == 1
    assert clinic.get(f"/orders/{no}").json["status"] == "done"
    line = listed["lines"][0]
    wanted = {"item_code": line["item_code"], "packs": 1, "reason": "quality"}
    back = clinic.post("/returns", {"receipt_no": number, "lines": [wanted]})
    assert back.json["state"] == "requested"
    paid = {"distributor_code": "D01", "amount": "10.00", "paid_on": "2026-11-20", "receipt_no": number}
    payment = clinic.post("/payments", paid).json
    assert (payment["status"], payment["amount"]) == ("waiting", "10.00")
    assert [one["payment_no"] for one in seller.get("/payments").json["data"]] == [payment["payment_no"]]
    signed = set(db.session.scalars(select(AuditEntry.actor_name).where(AuditEntry.deed == "submit_draft")))
    assert signed == {f"王保田（收银台 {clinic.token[:11]}）"}
    assert problems() == []


def test_the_same_call_gets_the_same_answer_and_another_one_with_its_key_is_refused(clinic, world):
    body = ordered(world, 6)
    first = clinic.post("/orders", body, Idempotency_Key="a-1")
    again = clinic.post("/orders", body, Idempotency_Key="a-1")
    assert again.json == first.json
    assert "Idempotent-Replayed" not in first.headers
    assert again.headers["Idempotent-Replayed"] == "true"
    other = clinic.post("/orders", ordered(world, 7), Idempotency_Key="a-1", status=409)
    assert other.json["code"] == "KeyUsedOtherwise"
    assert count(Order) == 1
    refused = clinic.client.post(f"{PREFIX}/orders", json=body, headers=clinic.headers())
    assert (refused.status_code, refused.json["code"]) == (400, "KeyWrong")


def test_a_refused_call_may_be_sent_again_with_its_key(clinic, world):
    clinic.post("/orders", {"lines": [{"item_code": "NO", "packs": 1}]}, Idempotency_Key="b", status=422)
    clinic.post("/orders", ordered(world, 6), Idempotency_Key="b")
    assert count(ApiAnswer) == 1
    assert forget_answers(by=SYSTEM, at=NOW + timedelta(days=7)) == 0
    assert forget_answers(by=SYSTEM, at=NOW + timedelta(days=9)) == 1


@pytest.mark.both_databases
def test_of_four_calls_with_one_key_at_once_one_makes_the_order_and_all_get_it(committed_app, clock_at):
    clock_at(NOW + timedelta(hours=1))
    with committed_app.app_context():
        world = make_world()
        token = token_of(make_user("V01", institution=world.clinic))
        body = ordered(world, 6, 12)
        db.session.remove()
    barrier, answers = threading.Barrier(4), []

    def run():
        client = FlaskClient(committed_app, committed_app.response_class)
        headers = {"Authorization": f"Bearer {token}", "Idempotency-Key": "once"}
        barrier.wait(10)
        answers.append(client.post(f"{PREFIX}/orders", json=body, headers=headers))

    threads = [threading.Thread(target=run) for _ in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join(60)
    assert [answer.status_code for answer in answers] == [201] * 4
    assert len({answer.get_data() for answer in answers}) == 1
    assert sum("Idempotent-Replayed" in answer.headers for answer in answers) == 3
    with committed_app.app_context():
        assert count(Order) == 1
        db.session.remove()


def test_an_order_is_placed_whole_or_not_at_all_and_each_line_says_why(clinic, world):
    body = ordered(world, 6, 12)
    body["lines"] += [{"item_code": "NO", "packs": 1}, dict(body["lines"][0])]
    answer = clinic.post("/orders", body, status=422)
    assert codes(answer) == {"/lines/2": "NotFound", "/lines/3": "ItemTwice"}
    assert count(Order) == 0
    (order,) = clinic.post("/orders", ordered(world, 6)).json["orders"]
    twice = clinic.post("/orders", ordered(world, 6), status=422)
    assert codes(twice) == {"/lines/0": "DuplicateNotConfirmed"}
    meant = ordered(world, 6)
    meant["lines"][0]["duplicate_of"] = order["order_no"]
    clinic.post("/orders", meant)
    clinic.post("/orders", ordered(world, 6) | {"institution_code": world.hospital.code}, status=404)


def test_what_nobody_delivers_is_told_to_the_county_though_nothing_is_ordered(clinic, world):
    db.session.execute(DeliveryRelation.__table__.delete())
    db.session.commit()
    answer = clinic.post("/orders", ordered(world, 6, 12), status=422)
    assert codes(answer) == {"/lines/0": "NoDistributor", "/lines/1": "NoDistributor"}
    clinic.post("/orders", ordered(world, 6), status=422)
    alarms = db.session.scalars(select(Alarm).order_by(Alarm.item_id)).all()
    assert [(alarm.kind, alarm.item_id, alarm.times) for alarm in alarms] == [
        ("no_distributor", world.items[0].id, 2),
        ("no_distributor", world.items[1].id, 1),
    ]
    assert {(alarm.county_code, alarm.institution_id) for alarm in alarms} == {("410325", world.clinic.id)}
    told = db.session.scalars(select(AuditEntry).where(AuditEntry.deed == "report_no_distributor")).all()
    assert {entry.actor_name for entry in told} == {f"王保田（收银台 {clinic.token[:11]}）"}
    assert (len(told), count(Order), count(ApiAnswer)) == (3, 0, 0)


def test_a_refusal_for_another_reason_raises_no_alarm(clinic, world):
    db.session.execute(Price.__table__.delete())
    db.session.commit()
    clinic.post("/orders", ordered(world, 6), status=422)
    assert count(Alarm) == 0


def test_what_was_changed_meanwhile_is_412_and_a_version_has_to_be_named(clinic, seller, world):
    (order,) = clinic.post("/orders", ordered(world, 6)).json["orders"]
    path = f"/orders/{order['order_no']}/response"
    assert seller.post(path, confirmed(order), status=428).json["code"] == "VersionMissing"
    seller.post(path, confirmed(order), status=400, If_Match="*")
    assert seller.post(path, confirmed(order), status=412, If_Match='"v9"').json["code"] == "ChangedMeanwhile"
    seller.post(path, confirmed(order), status=200, If_Match='"v1"')
    seller.post(path, confirmed(order), status=412, If_Match='"v1"')
    second = seller.post(path, confirmed(order), status=409, If_Match='"v2"')
    assert second.json["code"] == "StepOutOfTurn"


def test_lines_that_are_not_right_are_named_by_their_places(clinic, seller, world):
    (order,) = clinic.post("/orders", ordered(world, 6, 12)).json["orders"]
    no = order["order_no"]
    less = seller.post(
        f"/orders/{no}/response", confirmed(order, confirmed_packs=7), status=422, If_Match='"v1"'
    )
    assert set(codes(less)) == {"/lines/0", "/lines/1"}
    half = {"lines": confirmed(order)["lines"][:1]}
    assert codes(seller.post(f"/orders/{no}/response", half, status=422, If_Match='"v1"')) == {
        "/lines": "LineNotAnswered"
    }
    answered = seller.post(f"/orders/{no}/response", confirmed(order), status=200, If_Match='"v1"')
    seen = answered.headers["ETag"]
    more = sent(order)
    more["lines"][1]["shipped_packs"] = 99
    more["lines"].append(more["lines"][0])
    refused = seller.post(f"/orders/{no}/shipments", more, status=422, If_Match=seen)
    assert set(codes(refused)) == {"/lines/1", "/lines/2"}
    shipment = seller.post(f"/orders/{no}/shipments", sent(order), If_Match=seen)
    number = shipment.json["receipt_no"]
    wrong = clinic.post(
        f"/shipments/{number}/receipt", found(shipment.json, accepted_packs=5), status=422, If_Match='"v1"'
    )
    assert set(codes(wrong)) == {"/lines/0", "/lines/1"}
    other = clinic.post(
        f"/shipments/{number}/receipt", found(shipment.json, batch_no="B9"), status=422, If_Match='"v1"'
    )
    assert codes(other) == {"/lines/0/item_code": "NotOnShipment", "/lines/1/item_code": "NotOnShipment"}
    assert db.session.scalar(select(Shipment.accepted_at)) is None


def test_others_records_do_not_exist_and_nothing_is_stored(client, clinic, seller, world):
    no, shipment = shipped(clinic, seller, world, 6)
    order = clinic.get(f"/orders/{no}").json
    number = shipment.json["receipt_no"]
    other_clinic = Caller(client, token_of(make_user("V02", institution=world.second_clinic)))
    other_seller = Caller(
        client, token_of(make_user("D02", role=Role.DISTRIBUTOR, distributor=world.other_distributor))
    )
    before = count(AuditEntry)
    other_seller.post(f"/orders/{no}/response", confirmed(order), status=404, If_Match='"v1"')
    other_seller.post(f"/orders/{no}/shipments", sent(order), status=404, If_Match='"v1"')
    other_clinic.post(f"/shipments/{number}/receipt", found(shipment.json), status=404, If_Match='"v1"')
    back = {
        "receipt_no": number,
        "lines": [{"item_code": order["lines"][0]["item_code"], "packs": 1, "reason": "quality"}],
    }
    other_clinic.post("/returns", back, status=404)
    paid = {"amount": "1.00", "paid_on": "2026-11-20"}
    for caller, more, pointer in (
        (other_clinic, {"distributor_code": "D01"}, "/distributor_code"),
        (other_clinic, {"distributor_code": "D99"}, "/distributor_code"),
        (other_seller, {"institution_code": world.clinic.code}, "/institution_code"),
        (other_seller, {"institution_code": "V99"}, "/institution_code"),
    ):
        assert codes(caller.post("/payments", paid | more, status=422)) == {pointer: "NotFound"}
    assert (count(AuditEntry), count(GoodsReturn), count(Payment), count(ApiAnswer)) == (before, 0, 0, 3)


def sale(world, number, **changes):
    return {
        "sale_no": "S1",
        "line_no": str(number),
        "item_code": world.items[0].item_code,
        "sold_at": "2026-11-20T09:30:00+08:00",
        "base_units": 28,
        "amount": "3.50",
    } | changes


@pytest.mark.both_databases
def test_sales_are_reported_corrected_and_refused_whole(clinic, world):
    lines = [sale(world, 1), sale(world, 2, insured=True), sale(world, 3, item_code="", other_product="棉签")]
    assert clinic.post("/sales", {"lines": lines}, status=200).json["created"] == 3
    assert clinic.post("/sales", {"lines": lines}, status=200).json["unchanged"] == 3
    lines[0]["amount"] = "3.40"
    assert clinic.post("/sales", {"lines": lines}, status=200).json["updated"] == 1
    assert count(SaleLine) == 4
    wrong = [
        sale(world, 4, institution_code=world.hospital.code),
        sale(world, 5, sold_at="2026-11-21T09:30:00"),
        sale(world, 6, item_code="NO"),
        sale(world, 7, amount=3.5),
    ]
    assert codes(clinic.post("/sales", {"lines": wrong}, status=422)) == {"/lines/3/amount": "NotText"}
    assert codes(clinic.post("/sales", {"lines": wrong[:3]}, status=422)) == {
        "/lines/0/institution_code": "NotFound",
        "/lines/1/sold_at": "EntryInFuture",
        "/lines/2/item_code": "UnknownCode",
    }
    assert count(SaleLine) == 4


def test_five_thousand_lines_are_one_call_and_one_more_is_too_many(clinic, world, count_sql):
    lines = [sale(world, number) for number in range(5_000)]
    with count_sql() as seen:
        assert clinic.post("/sales", {"lines": lines}, status=200).json["created"] == 5_000
    assert seen.count < 60
    lines.append(sale(world, 5_000))
    assert codes(clinic.post("/sales", {"lines": lines}, status=422)) == {"/lines": "NotAList"}


def test_counts_of_the_stock_replace_what_was_counted(clinic, seller, world):
    def line(place, units, day="2026-11-19"):
        return {"item_code": world.items[place].item_code, "counted_on": day, "base_units": units}

    body = {"lines": [line(0, 56), line(1, 0), line(0, 28, "2026-11-18")]}
    assert clinic.post("/stock-counts", body, status=200).json == {"changed": 3}
    assert clinic.post("/stock-counts", {"lines": [line(0, 57)]}, status=200).json == {"changed": 1}
    assert count(StockCount) == 4
    wrong = {"lines": [line(0, 1), line(0, 2), line(1, 1) | {"item_code": "NO"}]}
    assert codes(clinic.post("/stock-counts", wrong, status=422)) == {
        "/lines/1": "LineTwice",
        "/lines/2/item_code": "NotFound",
    }
    future = clinic.post("/stock-counts", {"lines": [line(0, 1, "2026-11-21")]}, status=409)
    assert future.json["code"] == "CountInFuture"
    seller.post("/stock-counts", body, status=403)


def test_what_is_no_json_object_is_refused_before_anything_is_looked_at(clinic):
    def send(data, kind="application/json"):
        headers = clinic.headers(Idempotency_Key="k")
        return clinic.client.post(f"{PREFIX}/orders", data=data, content_type=kind, headers=headers)

    for data in (b"", b"[]", b"{", b'{"a": NaN}', b"\xff", b"[" * 100_000, b'{"a": 1' + b"0" * 5_000 + b"}"):
        assert send(data).status_code == 400, data[:20]
    assert send(b"{}", "text/plain").status_code == 415
    assert codes(send(b'{"lines": {}, "x": 1}')) == {"/lines": "NotAList", "/x": "FieldUnknown"}


def test_an_order_over_http_asks_the_database_as_often_for_one_line_as_for_ten(clinic, world, count_sql):
    small = {"lines": [{"item_code": world.items[10].item_code, "packs": 1}]}
    large = ordered(world, *range(1, 11))
    with count_sql() as one:
        clinic.post("/orders", small)
    with count_sql() as ten:
        clinic.post("/orders", large)
    assert one.count == ten.count <= 20


def test_an_emergency_goes_out_with_its_reason_only(clinic, world):
    body = ordered(world, 2) | {"emergency": True}
    assert codes(clinic.post("/orders", body, status=422)) == {"/lines/0": "EmergencyReasonMissing"}
    (order,) = clinic.post("/orders", body | {"emergency_reason": "蛇咬伤"}).json["orders"]
    assert (order["emergency"], order["emergency_reason"]) == (True, "蛇咬伤")
    assert make_order(world, (3,))
