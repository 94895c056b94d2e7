"""What other programs read: tokens, pages, conventions, what is another's."""

from __future__ import annotations

from dataclasses import replace
from datetime import timedelta
from random import Random

import pytest
from flask.testing import FlaskClient
from limits import parse
from sqlalchemy import select

from clinic_orders import clock
from clinic_orders.actions.accounts import close_account
from clinic_orders.actions.answering import Answer, answer_order
from clinic_orders.actions.api_tokens import revoke_token
from clinic_orders.models.api import ApiToken
from clinic_orders.models.audit import AuditEntry
from clinic_orders.models.base import db
from clinic_orders.models.notices import Notice
from clinic_orders.models.orders import Order
from clinic_orders.queries.changes import changed_orders
from clinic_orders.rules.ordering import OrderStanding
from clinic_orders.rules.parties import SYSTEM, Permission, Role
from tests.api_calls import PREFIX, Caller, token_of
from tests.factories import NOW, make_order, make_user, make_world, submit
from tests.orders_in_work import make_order as make_any_order
from tests.orders_in_work import make_world as make_other_world


@pytest.fixture
def world(app, clock_at):
    clock_at(NOW + timedelta(hours=1))
    return make_world()


@pytest.fixture
def clinic(world, client):
    return Caller(client, token_of(make_user("V01", institution=world.clinic)))


@pytest.fixture
def seller(world, client):
    user = make_user("D01", role=Role.DISTRIBUTOR, distributor=world.distributor, name="刘敏")
    return Caller(client, token_of(user))


def test_a_call_without_a_valid_token_is_told_so_and_how(client, world):
    user = make_user("V01", institution=world.clinic)
    revoked, closed = token_of(user), token_of(make_user("V09", institution=world.clinic))
    revoke_token(
        db.session.scalars(select(ApiToken.id).where(ApiToken.user_id == user.id)).one(),
        by=SYSTEM,
        at=clock.now(),
    )
    other = db.session.scalars(select(ApiToken).where(ApiToken.user_id != user.id)).one()
    close_account(other.user_id, by=SYSTEM, at=clock.now())
    for token in ("", "co_unknown", revoked, closed):
        answer = Caller(client, token).get("/items", status=401)
        assert answer.headers["WWW-Authenticate"] == 'Bearer realm="clinic-orders"'
        assert answer.json["type"] == "/api/docs/problems#TokenNotValid"
    assert "令牌" in answer.json["detail"]
    assert "token" in Caller(client, "").get("/items", status=401, Accept_Language="en").json["detail"]


def test_a_token_ends_with_its_last_day(client, world, clock_at):
    user = make_user("V01", institution=world.clinic)
    token = Caller(client, token_of(user, Permission.CATALOGUE_READ))
    token.get("/items")
    clock_at(NOW + timedelta(days=1))
    token.get("/items", status=401)


def test_a_token_carries_no_more_than_its_scopes_and_its_role(client, world, seller):
    narrow = Caller(client, token_of(make_user("V01", institution=world.clinic), Permission.CATALOGUE_READ))
    assert narrow.get("/orders", status=403).json["code"] == "ScopeNotCarried"
    assert seller.get("/statistics/2026-10", status=403).json["code"] == "NotAllowed"


def test_only_the_digest_of_a_token_is_kept_and_the_organisation_is_told(world, client):
    token = token_of(make_user("V01", institution=world.clinic), used=False)
    kept = db.session.scalars(select(ApiToken)).one()
    assert token not in repr(vars(kept))
    assert token.startswith(kept.mark)
    entry = db.session.scalars(select(AuditEntry).where(AuditEntry.deed == "make_token")).one()
    assert token not in repr(entry.after)
    assert entry.institution_id == world.clinic.id
    notice = db.session.scalars(select(Notice).where(Notice.kind == "token_made")).one()
    assert notice.institution_id == world.clinic.id


def test_the_last_use_is_noted_once_an_hour(app, world, clock_at):
    token = token_of(make_user("V01", institution=world.clinic), used=False)
    plain = FlaskClient(app, app.response_class)
    headers = {"Authorization": f"Bearer {token}"}
    assert plain.get(f"{PREFIX}/items", headers=headers).status_code == 200
    noted = select(ApiToken.last_used_at)
    assert db.session.scalar(noted) == clock.now()
    clock_at(NOW + timedelta(hours=1, minutes=59))
    assert plain.get(f"{PREFIX}/items", headers=headers).status_code == 200
    assert db.session.scalar(noted) == NOW + timedelta(hours=1)


def test_the_items_are_given_page_by_page(clinic, world):
    first = clinic.get("/items?limit=10").json
    second = clinic.get(f"/items?limit=10&cursor={first['next']}").json
    codes = [item["item_code"] for item in first["data"] + second["data"]]
    assert codes == sorted(item.item_code for item in world.items)
    assert second["next"] is None
    item = first["data"][0]
    assert item["pack_price"].count(".") == 1


def test_rubbish_in_the_address_is_refused_by_field(clinic):
    answer = clinic.get("/orders?limit=0&status=lost&updated_since=yesterday&colour=red", status=422)
    found = {one["pointer"]: one["code"] for one in answer.json["errors"]}
    assert found.keys() == {"?limit", "?status", "?updated_since", "?colour"}
    for cursor in ("x", "!", "WzFd", "W10", "bnVsbA", "W251bGwsMV0"):
        clinic.get(f"/orders?cursor={cursor}", status=400)


def test_an_unknown_address_and_a_wrong_method_are_problems_too(client):
    for method, path, status in (
        ("GET", "/nothing", 404),
        ("PUT", "/items", 405),
        ("OPTIONS", "/items", 405),
    ):
        answer = client.open(PREFIX + path, method=method)
        assert (answer.status_code, answer.mimetype) == (status, "application/problem+json")
    assert "GET" in answer.headers["Allow"]


def test_an_order_is_read_by_its_parties_and_does_not_exist_for_others(client, world, clinic, seller):
    number = make_order(world)
    for caller in (clinic, seller):
        answer = caller.get(f"/orders/{number}")
        assert answer.json["order_no"] == number
        assert answer.json["status"] == "unanswered"
        assert answer.headers["ETag"] == '"v1"'
        assert [one["order_no"] for one in caller.get("/orders").json["data"]] == [number]
    strangers = (
        make_user("V02", institution=world.second_clinic),
        make_user("D02", role=Role.DISTRIBUTOR, distributor=world.other_distributor),
        make_user("B2", role=Role.COUNTY, county="410329"),
    )
    for user in strangers:
        stranger = Caller(client, token_of(user))
        foreign = stranger.get(f"/orders/{number}", status=404).json
        none = stranger.get("/orders/CG-NONE", status=404).json
        said = {"detail", "request"}
        assert {name: foreign[name] for name in foreign.keys() - said} == {
            name: none[name] for name in none.keys() - said
        }
        assert stranger.get("/orders").json["data"] == []
        assert stranger.get("/payments").json["data"] == []
        assert stranger.get("/findings").json["data"] == []


def test_orders_come_in_the_order_of_their_changes_and_none_is_missed_or_doubled(world, clinic, clock_at):
    numbers = [order_of(world, place) for place in range(5)]
    first = clinic.get("/orders?limit=2").json
    assert [one["order_no"] for one in first["data"]] == numbers[:2]
    # One of the page that was read changes, and a new one comes in: both stand behind the cursor.
    at = NOW + timedelta(minutes=30)
    lines = {line.line_no: Answer(line.packs) for line in db.session.scalars(select(Order)).first().lines}
    answer_order(numbers[0], lines, by=world.seller, at=at)
    rest, cursor = [], first["next"]
    while cursor:
        page = clinic.get(f"/orders?limit=2&cursor={cursor}").json
        rest += [one["order_no"] for one in page["data"]]
        cursor = page["next"]
    assert rest == [*numbers[2:], numbers[0]]
    since = at.isoformat().replace("+00:00", "%2B00:00")
    assert [one["order_no"] for one in clinic.get(f"/orders?updated_since={since}").json["data"]] == numbers[
        :1
    ]
    assert clinic.get(f"/orders/{numbers[0]}").json["status"] == "under_way"


def order_of(world, place):
    """An order of one of the items, so many minutes later; its number."""
    at = NOW + timedelta(minutes=place)
    (number,) = submit(world, {world.items[place].item_code: "6"}, at=at).orders
    return number


def any_order(world, chance, at):
    """An order at any point of its life."""
    order = make_any_order(
        world,
        tuple(chance.randint(1, 9) for _ in range(chance.randint(1, 3))),
        submitted_at=at - timedelta(days=chance.choice((0, 1, 20))),
    )
    answered = chance.random() < 0.6
    for line in order.lines:
        line.withdrawn_before = chance.choice((0, 0, line.packs))
        if answered:
            line.confirmed_packs = chance.randint(0, line.packs - line.withdrawn_before)
            line.closed_packs = chance.choice((0, line.confirmed_packs))
            line.shipped_packs = chance.randint(0, line.confirmed_packs - line.closed_packs)
            line.accepted_packs = chance.choice((0, line.shipped_packs))
    if answered:
        order.answered_at = order.submitted_at + timedelta(minutes=5)


@pytest.mark.both_databases
def test_the_status_of_an_order_is_by_what_the_list_is_narrowed(app):
    world, chance, at = make_other_world(), Random(7), NOW + timedelta(hours=1)
    for _ in range(60):
        any_order(world, chance, at)
    db.session.commit()
    rows = {row["order_no"]: row["status"] for row in changed_orders(world.seller, at=at, limit=500)}
    assert set(rows.values()) == set(OrderStanding)
    for status in OrderStanding:
        found = {row["order_no"] for row in changed_orders(world.seller, at=at, status=status, limit=500)}
        assert found == {number for number, one in rows.items() if one is status}


def test_a_county_reads_the_statistics_of_its_own(client, world):
    county = Caller(client, token_of(make_user("B1", role=Role.COUNTY, county="410325")))
    found = county.get("/statistics/2026-10").json
    assert found["month"] == "2026-10"
    assert [one["code"] for one in found["counties"]] == ["410325"]
    county.get("/statistics/2026-10?county=410329")
    for month in ("2027-01", "october"):
        county.get(f"/statistics/{month}", status=404)


def test_calls_are_counted_and_too_many_are_told_when_to_come_again(app, client, world, monkeypatch):
    clinic = Caller(client, token_of(make_user("V01", institution=world.clinic)))
    answer = clinic.get("/items?limit=1")
    limit, left = int(answer.headers["RateLimit-Limit"]), int(answer.headers["RateLimit-Remaining"])
    assert left == limit - 1
    few = replace(app.extensions["api_limits"], calls=parse("1 per hour"))
    monkeypatch.setitem(app.extensions, "api_limits", few)
    clinic.get("/items?limit=1")
    refused = clinic.get("/items?limit=1", status=429)
    assert 0 < int(refused.headers["Retry-After"]) <= 3600


def test_a_page_of_orders_asks_the_database_a_fixed_number_of_times(world, clinic, count_sql):
    def asked():
        with count_sql() as seen:
            clinic.get("/orders")
        return seen.count

    order_of(world, 0)
    # The first call of a process also asks for what it remembers from then on.
    clinic.get("/orders")
    one = asked()
    for place in range(1, 5):
        order_of(world, place)
    assert asked() == one <= 8
