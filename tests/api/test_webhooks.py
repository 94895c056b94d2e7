"""Webhooks over HTTP: who registers what, who hears of what, how it is signed, what becomes of failures."""

from __future__ import annotations

from dataclasses import replace
from datetime import timedelta
from ipaddress import ip_network
from pathlib import Path
from types import SimpleNamespace

import pytest
from sqlalchemy import func, select, update

from clinic_orders.actions.api_tokens import revoke_token
from clinic_orders.actions.transaction import transaction
from clinic_orders.actions.webhook_sending import (
    claim_webhook,
    forget_webhooks,
    note_posted,
    spread_events,
)
from clinic_orders.actions.withdrawing import resend_emergency
from clinic_orders.exchange.webhook_sender import Sender
from clinic_orders.models.api import ApiAnswer, ApiToken
from clinic_orders.models.base import db
from clinic_orders.models.notices import Notice
from clinic_orders.models.webhooks import Webhook, WebhookAttempt, WebhookDelivery, WebhookEvent
from clinic_orders.rules.parties import SYSTEM, Permission, Role
from clinic_orders.rules.webhooks import (
    GIVEN_UP_AFTER,
    KEPT,
    TOLERANCE,
    DeliveryState,
    PauseReason,
    WebhookState,
)
from tests.api_calls import Caller, codes, token_of
from tests.factories import NOW, make_user, make_world, submit
from tests.webhook_receiver import receiver

HOUR = timedelta(hours=1)
GUIDE = (Path(__file__).parents[2] / "docs" / "api.md").read_text(encoding="utf-8")
EXAMPLE = GUIDE.partition("```python\n")[2].partition("```")[0]


@pytest.fixture
def world(app, clock_at, monkeypatch):
    clock_at(NOW)
    at_home = replace(app.extensions["settings"], webhook_networks=(ip_network("127.0.0.0/8"),))
    monkeypatch.setitem(app.extensions, "settings", at_home)
    return make_world()


@pytest.fixture
def clinic(world, client):
    return Caller(client, token_of(make_user("V01", institution=world.clinic), days=9))


@pytest.fixture
def seller(world, client):
    return Caller(
        client, token_of(make_user("D01", role=Role.DISTRIBUTOR, distributor=world.distributor), days=9)
    )


@pytest.fixture
def other_seller(world, client):
    return Caller(
        client, token_of(make_user("D02", role=Role.DISTRIBUTOR, distributor=world.other_distributor))
    )


@pytest.fixture
def sender(app, world):
    return Sender(app.extensions["settings"])


@pytest.fixture
def listening():
    with receiver() as found:
        yield found


def register(caller, url, *events, **more):
    return caller.post("/webhooks", {"url": url, "events": list(events or ["order.submitted"])}, **more)


def order(clinic, world, place=0):
    body = {"lines": [{"item_code": world.items[place].item_code, "packs": 6}]}
    (made,) = clinic.post("/orders", body).json["orders"]
    return made["order_no"]


def count(kind):
    return db.session.scalar(select(func.count()).select_from(kind))


def checked(headers, body, secret, now):
    """What docs/api.md tells a receiver to do: the very function that stands there."""
    found = {}
    exec(EXAMPLE, found)
    found["time"] = SimpleNamespace(time=now.timestamp)
    return found["is_ours"](secret, headers["Webhook-Signature"], body)


def test_a_distributor_hears_of_an_order_and_can_check_who_says_so(clinic, seller, world, sender, listening):
    made = register(seller, listening.url, "order.submitted", "order.withdrawn").json
    no = order(clinic, world)
    assert sender.run_waiting() == 1
    ((headers, body),) = listening.got
    (message,) = listening.messages
    assert message["type"] == headers["Webhook-Event"] == "order.submitted"
    assert message["id"] == headers["Webhook-Id"]
    assert message["object"] == {"type": "order", "no": no, "href": f"/api/v1/orders/{no}"}
    assert checked(headers, body, made["secret"], NOW)
    assert not checked(headers, body + b" ", made["secret"], NOW)
    assert not checked(headers, body, "whsec_other", NOW)
    assert not checked(headers, body, made["secret"], NOW + TOLERANCE + timedelta(seconds=1))
    shown = seller.get(f"/webhooks/{made['no']}").json
    assert shown["secret"] is None
    assert shown["waiting"] == 0
    (attempt,) = shown["attempts"]
    assert (attempt["status"], attempt["failure"], attempt["no"]) == (204, None, no)
    assert sender.run_waiting() == 0


def test_who_may_not_read_a_record_never_hears_of_it(clinic, seller, other_seller, world, sender, listening):
    register(other_seller, listening.url, "order.submitted", "order.answered", "shipment.made")
    no = order(clinic, world)
    row = seller.get(f"/orders/{no}").json
    lines = [{"item_code": one["item_code"], "confirmed_packs": one["packs"]} for one in row["lines"]]
    seller.post(f"/orders/{no}/response", {"lines": lines}, status=200, If_Match='"v1"')
    sender.run_waiting()
    assert listening.got == []
    assert (count(WebhookEvent), count(WebhookDelivery)) == (2, 0)


def test_what_is_rolled_back_is_told_to_nobody(seller, world, sender, listening):
    register(seller, listening.url)

    def order_and_fail():
        with transaction():
            submit(world, {world.items[0].item_code: "6"})
            assert count(WebhookEvent) == 1
            raise RuntimeError("taken back")

    with pytest.raises(RuntimeError, match="taken back"):
        order_and_fail()
    assert count(WebhookEvent) == 0
    assert sender.run_waiting() == 0
    assert listening.got == []


def test_where_nobody_listens_nothing_is_written(clinic, world):
    order(clinic, world)
    assert count(WebhookEvent) == 0


def test_a_token_hears_only_of_what_it_may_read(world, client, clinic, sender, listening):
    user = make_user("B1", role=Role.COUNTY, county="410325")
    narrow = Caller(client, token_of(user, Permission.WEBHOOKS_MANAGE, Permission.PAYMENTS_READ))
    refused = register(narrow, listening.url, "order.submitted", status=422)
    assert codes(refused) == {"/events": "EventNotCarried"}
    wide = Caller(client, token_of(user, Permission.WEBHOOKS_MANAGE, Permission.ORDERS_READ))
    no = register(wide, listening.url, "order.submitted").json["no"]
    token = db.session.scalars(select(ApiToken).where(ApiToken.mark == wide.token[:11])).one()
    order(clinic, world)
    assert sender.run_waiting() == 1
    order(clinic, world, 1)
    spread_events(by=SYSTEM, at=NOW)
    revoke_token(token.id, by=SYSTEM, at=NOW)
    assert sender.run_waiting() == 0
    assert len(listening.got) == 1
    assert narrow.get(f"/webhooks/{no}").json["paused_because"] == "owner"


def test_a_webhook_belongs_to_its_account_alone(clinic, seller, listening):
    no = register(seller, listening.url).json["no"]
    for call in ("ping", "pause", "resume", "secret"):
        clinic.post(f"/webhooks/{no}/{call}", {}, status=404)
    clinic.get(f"/webhooks/{no}", status=404)
    clinic.get(f"/webhooks/{no}/deliveries", status=404)
    clinic.delete(f"/webhooks/{no}", status=404)
    assert clinic.get("/webhooks").json["data"] == []


@pytest.mark.parametrize(
    ("url", "code"),
    [
        ("http://erp.example.cn/hooks", "UrlWrong"),
        ("ftp://erp.example.cn/", "UrlWrong"),
        ("https://user:pass@erp.example.cn/", "UrlWrong"),
        ("https://erp.example.cn/#a", "UrlWrong"),
        ("https://erp.例子.cn/", "UrlWrong"),
        ("https:///hooks", "UrlWrong"),
        ("https://erp.example.cn:22/", "PortNotAllowed"),
        ("https://10.1.2.3/", "AddressNotAllowed"),
        ("https://169.254.169.254/latest/meta-data", "AddressNotAllowed"),
        ("https://[::ffff:10.0.0.1]/", "AddressNotAllowed"),
    ],
)
def test_an_address_to_which_nothing_is_sent_is_refused_at_once(seller, url, code):
    assert codes(register(seller, url, status=422)) == {"/url": code}


def test_events_must_be_known_and_named(seller):
    assert codes(register(seller, "https://a.example.cn/", "order.eaten", status=422)) == {
        "/events": "EventUnknown"
    }
    body = {"url": "https://a.example.cn/", "events": []}
    assert codes(seller.post("/webhooks", body, status=422)) == {"/events": "EventMissing"}


def test_the_secret_is_shown_once_and_stands_nowhere_in_plain_words(seller, listening):
    first = register(seller, listening.url, Idempotency_Key="w-1").json
    again = register(seller, listening.url, Idempotency_Key="w-1").json
    assert first["secret"].startswith("whsec_")
    assert again == first | {"secret": None}
    kept = db.session.scalars(select(Webhook)).one()
    assert first["secret"] not in kept.secret
    assert first["secret"] not in str(db.session.scalars(select(ApiAnswer.body)).all())
    told = db.session.scalars(select(Notice).where(Notice.kind == "webhook_made")).one()
    assert told.facts["host"] == "127.0.0.1"


def test_an_account_has_ten_webhooks_at_most(seller):
    for number in range(10):
        register(seller, f"https://a.example.cn/{number}")
    refused = register(seller, "https://a.example.cn/10", status=409)
    assert refused.json["code"] == "TooManyWebhooks"
    page = seller.get("/webhooks?limit=6").json
    rest = seller.get(f"/webhooks?limit=6&cursor={page['next']}").json
    assert (len(page["data"]), len(rest["data"]), rest["next"]) == (6, 4, None)
    assert seller.delete(f"/webhooks/{page['data'][0]['no']}").json["state"] == "ended"
    register(seller, "https://a.example.cn/10")


def test_failures_are_tried_again_later_and_later_until_the_receiver_takes_it(
    seller, sender, listening, clock_at
):
    no = register(seller, listening.url).json["no"]
    seller.post(f"/webhooks/{no}/ping", {}, status=200)
    listening.status, listening.body = 500, "坏了".encode() * 5000
    waits = []
    at = NOW
    for _ in range(4):
        assert sender.run_waiting() == 0
        (row,) = seller.get(f"/webhooks/{no}/deliveries").json["data"]
        due = db.session.scalars(select(WebhookDelivery.next_try_at)).one()
        waits.append(due - at)
        assert row["state"] == "waiting"
        clock_at(due - timedelta(seconds=1))
        assert sender.run_waiting() == 0
        at = due
        clock_at(at)
    assert waits == sorted(waits)
    assert waits[0] <= timedelta(seconds=36)
    assert waits[-1] >= timedelta(minutes=3)
    listening.status, listening.body = 200, b"ok"
    assert sender.run_waiting() == 1
    (row,) = seller.get(f"/webhooks/{no}/deliveries").json["data"]
    assert row["state"] == "done"
    assert [one["status"] for one in row["attempts"]] == [500] * 4 + [200]
    assert len(row["attempts"][0]["answer"]) == 500
    assert len({body for _headers, body in listening.got}) == 1
    assert seller.get(f"/webhooks/{no}").json["failing_since"] is None


def test_a_receiver_that_takes_nothing_for_a_day_is_left_alone_and_its_owner_told(
    clinic, seller, world, sender, listening, clock_at
):
    no = register(seller, listening.url).json["no"]
    number = order(clinic, world)
    listening.status = 503
    sender.run_waiting()
    clock_at(NOW + GIVEN_UP_AFTER + HOUR)
    sender.run_waiting()
    kept = db.session.scalars(select(Webhook)).one()
    assert (kept.state, kept.paused_because) == (WebhookState.PAUSED, PauseReason.FAILING)
    told = db.session.scalars(select(Notice).where(Notice.kind == "webhook_paused")).one()
    assert told.distributor_id == world.distributor.id
    listening.status = 200
    assert sender.run_waiting() == 0
    seller.post(f"/webhooks/{no}/resume", {}, status=200)
    assert sender.run_waiting() == 1
    assert listening.messages[-1]["object"]["no"] == number


def test_a_receiver_that_is_gone_is_not_asked_again(seller, sender, listening):
    no = register(seller, listening.url).json["no"]
    seller.post(f"/webhooks/{no}/ping", {}, status=200)
    listening.status = 410
    sender.run_waiting()
    assert seller.get(f"/webhooks/{no}").json["paused_because"] == "gone"


def test_redirects_are_not_followed(seller, sender, listening):
    no = register(seller, listening.url).json["no"]
    seller.post(f"/webhooks/{no}/ping", {}, status=200)
    listening.status, listening.headers = 302, {"Location": listening.url + "/else"}
    sender.run_waiting()
    assert len(listening.got) == 1
    (attempt,) = seller.get(f"/webhooks/{no}").json["attempts"]
    assert (attempt["status"], attempt["failure"]) == (302, "redirect")


def test_what_happens_while_a_webhook_is_paused_waits(clinic, seller, world, sender, listening):
    no = register(seller, listening.url).json["no"]
    seller.post(f"/webhooks/{no}/pause", {}, status=200)
    first, second = order(clinic, world), order(clinic, world, 1)
    assert sender.run_waiting() == 0
    assert seller.get(f"/webhooks/{no}").json["waiting"] == 2
    seller.post(f"/webhooks/{no}/resume", {}, status=200)
    assert sender.run_waiting() == 2
    assert [one["object"]["no"] for one in listening.messages] == [first, second]
    assert [one["sequence"] for one in listening.messages] == sorted(
        one["sequence"] for one in listening.messages
    )


def test_a_message_can_be_sent_again_by_its_id(clinic, seller, world, sender, listening):
    no = register(seller, listening.url).json["no"]
    order(clinic, world)
    sender.run_waiting()
    (row,) = seller.get(f"/webhooks/{no}/deliveries?state=done").json["data"]
    seller.post(f"/webhooks/{no}/deliveries/{row['event_id']}/resend", {}, status=200)
    refused = seller.post(f"/webhooks/{no}/deliveries/{row['event_id']}/resend", {}, status=409)
    assert refused.json["code"] == "NothingToSend"
    sender.run_waiting()
    assert [one["id"] for one in listening.messages] == [row["event_id"]] * 2
    seller.post(f"/webhooks/{no}/deliveries/evt_none/resend", {}, status=404)


def test_two_secrets_count_for_a_day(seller, sender, listening, clock_at):
    made = register(seller, listening.url).json
    no, old = made["no"], made["secret"]
    new = seller.post(f"/webhooks/{no}/secret", {}, status=200).json["secret"]
    assert new != old
    seller.post(f"/webhooks/{no}/ping", {}, status=200)
    sender.run_waiting()
    ((headers, body),) = listening.got
    assert checked(headers, body, old, NOW)
    assert checked(headers, body, new, NOW)
    later = NOW + timedelta(hours=25)
    clock_at(later)
    seller.post(f"/webhooks/{no}/ping", {}, status=200)
    sender.run_waiting()
    headers, body = listening.got[-1]
    assert not checked(headers, body, old, later)
    assert checked(headers, body, new, later)


def test_a_secret_that_the_machine_cannot_open_pauses_the_webhook_until_it_is_renewed(
    app, seller, sender, listening
):
    no = register(seller, listening.url).json["no"]
    seller.post(f"/webhooks/{no}/ping", {}, status=200)
    moved = Sender(replace(app.extensions["settings"], secret_key="another machine's"))
    assert moved.run_waiting() == 0
    assert seller.get(f"/webhooks/{no}").json["paused_because"] == "secret"
    seller.post(f"/webhooks/{no}/secret", {}, status=200)
    assert sender.run_waiting() == 1


def test_a_removed_webhook_hears_nothing_and_keeps_no_secret(clinic, seller, world, sender, listening):
    no = register(seller, listening.url).json["no"]
    order(clinic, world)
    spread_events(by=SYSTEM, at=NOW)
    for _ in range(2):
        assert seller.delete(f"/webhooks/{no}").json["state"] == "ended"
    assert sender.run_waiting() == 0
    assert listening.got == []
    assert db.session.scalars(select(Webhook.secret)).one() == ""
    seller.post(f"/webhooks/{no}/ping", {}, status=409)


@pytest.mark.both_databases
def test_a_message_that_was_posted_by_a_process_that_died_is_sent_again_with_the_same_id(
    clinic, seller, world, sender, listening, clock_at
):
    register(seller, listening.url)
    order(clinic, world)
    spread_events(by=SYSTEM, at=NOW)
    claimed = claim_webhook(by=SYSTEM, at=NOW)
    assert claimed is not None
    sender._post_all(claimed)
    # Here the process dies. Nobody else takes its messages before the claim has run out.
    assert sender.run_waiting() == 0
    clock_at(NOW + timedelta(minutes=6))
    assert sender.run_waiting() == 1
    first, second = listening.messages
    assert first == second
    assert count(WebhookAttempt) == 1


@pytest.mark.both_databases
def test_a_process_that_was_taken_for_dead_still_says_what_it_has_sent(
    clinic, seller, world, sender, listening, clock_at
):
    register(seller, listening.url)
    order(clinic, world)
    spread_events(by=SYSTEM, at=NOW)
    claimed = claim_webhook(by=SYSTEM, at=NOW)
    posted = sender._post_all(claimed)
    later = NOW + timedelta(minutes=6)
    newer = claim_webhook(by=SYSTEM, at=later)
    note_posted(claimed, posted, shares=[0.5], by=SYSTEM, at=later)
    assert db.session.scalars(select(WebhookDelivery.state)).one() is DeliveryState.DONE
    kept = db.session.scalars(select(Webhook)).one()
    assert (kept.claim, kept.claimed_until) == (newer.claim, later + timedelta(minutes=5))


@pytest.mark.both_databases
def test_old_messages_and_removed_webhooks_are_forgotten(clinic, seller, world, sender, listening):
    no = register(seller, listening.url).json["no"]
    order(clinic, world)
    sender.run_waiting()
    assert forget_webhooks(by=SYSTEM, at=NOW + KEPT) == 0
    seller.delete(f"/webhooks/{no}")
    assert forget_webhooks(by=SYSTEM, at=NOW + KEPT + HOUR) == 1
    assert [count(kind) for kind in (WebhookAttempt, WebhookDelivery, WebhookEvent, Webhook)] == [0] * 4


def test_nothing_is_posted_where_a_name_leads_inside(seller, world, sender, listening):
    """The address was fine when it was registered; what counts is where the name leads when it is sent."""
    no = register(seller, "https://localhost/hooks").json["no"]
    db.session.execute(update(Webhook).values(url=f"http://localhost:{listening.port}/"))
    seller.post(f"/webhooks/{no}/ping", {}, status=200)
    sender.run_waiting()
    assert listening.got == []
    (attempt,) = seller.get(f"/webhooks/{no}").json["attempts"]
    assert attempt["failure"] == "address_refused"


@pytest.mark.both_databases
def test_an_emergency_order_that_is_sent_again_is_told_to_the_new_distributor_too(
    clinic, seller, other_seller, world, sender, listening, clock_at
):
    register(seller, listening.url + "/old", "order.submitted", "order.withdrawn")
    register(other_seller, listening.url + "/new", "order.submitted", "order.withdrawn")
    body = {"lines": [{"item_code": world.items[0].item_code, "packs": 6}]}
    emergency = body | {"emergency": True, "emergency_reason": "抢救病人"}
    no = clinic.post("/orders", emergency).json["orders"][0]["order_no"]
    later = NOW + timedelta(hours=3)
    clock_at(later)
    new = resend_emergency(no, world.other_distributor.id, by=world.actor(), at=later)
    sender.run_waiting()
    told = sorted((one["type"], one["object"]["no"]) for one in listening.messages)
    assert told == sorted([("order.submitted", no), ("order.withdrawn", no), ("order.submitted", new)])
