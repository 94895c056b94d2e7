"""Calls of other programs: a page of orders against its rows as JSON, an order against the deed without the door."""

from __future__ import annotations

import itertools
import json
from datetime import datetime, timedelta
from typing import Any, Final

from flask.testing import FlaskClient
from sqlalchemy import bindparam, select

from clinic_orders import clock
from clinic_orders.actions.accounts import open_account
from clinic_orders.actions.api_tokens import make_token
from clinic_orders.actions.direct_orders import OrderedLine, place_order
from clinic_orders.cli.benchmark.measuring import PROCESSOR, Comparison, Rounds, Seconds, timed
from clinic_orders.cli.benchmark.world import Clinic, World
from clinic_orders.cli.context import Failed
from clinic_orders.models.accounts import RoleAssignment
from clinic_orders.models.base import db
from clinic_orders.models.catalogue import Item
from clinic_orders.models.orders import Order, OrderLine
from clinic_orders.models.roster import Distributor, Institution
from clinic_orders.rules.days import day_in_china
from clinic_orders.rules.parties import SYSTEM, Permission, Role

PAGE_GOAL: Final = 4.0
ORDER_GOAL: Final = 3.0
REPEATS: Final = 20
"""How often a page is read in a round."""

_PATH: Final = "/api/v1/orders"
_HEADS: Final = (
    select(Order.__table__, Institution.code, Distributor.code.label("distributor_code"))
    .join(Institution, Institution.id == Order.institution_id)
    .join(Distributor, Distributor.id == Order.distributor_id)
    .where(Order.order_no.in_(bindparam("numbers", expanding=True)))
)
_LINES: Final = (
    select(OrderLine.__table__, Item.item_code)
    .join(Item, Item.id == OrderLine.item_id)
    .join(Order, Order.id == OrderLine.order_id)
    .where(Order.order_no.in_(bindparam("numbers", expanding=True)))
)


class _Program:
    """A program with the token of an account."""

    def __init__(
        self, client: FlaskClient, user_id: int, scopes: tuple[Permission, ...], at: datetime
    ) -> None:
        self.client = client
        post = db.session.scalars(select(RoleAssignment.id).where(RoleAssignment.user_id == user_id)).one()
        made = make_token(post, "bench", scopes, day_in_china(at) + timedelta(days=1), by=SYSTEM, at=at)
        self.headers = {"Authorization": f"Bearer {made.token}"}

    def get(self) -> Any:
        """The first page of the orders."""
        answer = self.client.get(_PATH, headers=self.headers)
        if answer.status_code != 200:
            raise Failed(f"GET {_PATH} answered {answer.status_code}: {answer.get_data(as_text=True)[:200]}")
        return answer.json

    def post(self, body: str, key: str) -> None:
        """Place an order."""
        headers = self.headers | {"Idempotency-Key": key}
        answer = self.client.post(_PATH, data=body, headers=headers, content_type="application/json")
        if answer.status_code != 201:
            raise Failed(f"POST {_PATH} answered {answer.status_code}: {answer.get_data(as_text=True)[:200]}")


def measure_api(world: World, rounds: int) -> list[Comparison]:
    """The page and the order, turn by turn with their floors; at the end of a call its session is over, as on a server."""
    pages, orders = Rounds(), Rounds()
    at = clock.now()
    keys = (f"bench-{number}" for number in itertools.count())
    with world.app.app_context():
        city = open_account("bench-city", "bench", Role.CITY, by=SYSTEM, at=at)
        reader = _Program(world.app.test_client(), city.user_id, (Permission.ORDERS_READ,), at)
        programs = [
            (
                clinic,
                _Program(world.app.test_client(), clinic.actor.user_id or 0, (Permission.ORDERS_PLACE,), at),
            )
            for clinic in world.clinics
        ]
        db.session.remove()
    numbers = [row["order_no"] for row in reader.get()["data"]]
    if not numbers:
        raise Failed("there are no orders to read")
    clinic, program = programs[-1]
    _ordered(world, clinic, program, keys)
    _page(world, reader, numbers)
    for _ in range(rounds):
        for _ in range(REPEATS):
            pages.add(*_page(world, reader, numbers))
        pages.close()
        for clinic, program in programs:
            orders.add(*_ordered(world, clinic, program, keys))
        orders.close()
    return [
        Comparison(
            f"GET /orders, {len(numbers)} orders",
            "the same rows selected and written as JSON",
            PAGE_GOAL,
            at_most=True,
            rounds=pages,
            by=PROCESSOR,
        ),
        Comparison(
            "POST /orders, 12 lines",
            "the same order by the deed alone",
            ORDER_GOAL,
            at_most=True,
            rounds=orders,
            by=PROCESSOR,
        ),
    ]


def _page(world: World, reader: _Program, numbers: list[str]) -> tuple[Seconds, Seconds]:
    ours, _answer = timed(reader.get)

    def floor() -> str:
        values = {"numbers": numbers}
        connection = db.session.connection()
        found = {
            "heads": [dict(row) for row in connection.execute(_HEADS, values).mappings()],
            "lines": [dict(row) for row in connection.execute(_LINES, values).mappings()],
        }
        db.session.rollback()
        return json.dumps(found, ensure_ascii=False, default=str)

    with world.app.app_context():
        seconds, _text = timed(floor)
        db.session.remove()
    return ours, seconds


def _ordered(world: World, clinic: Clinic, program: _Program, keys: Any) -> tuple[Seconds, Seconds]:
    """An order of twelve items over HTTP, and one of the next twelve by the deed."""
    lines = [{"item_code": code, "packs": int(packs)} for code, packs in world.next_cart(clinic).items()]
    body, key = json.dumps({"lines": lines}), next(keys)
    ours, _none = timed(lambda: program.post(body, key))
    cart = [OrderedLine(code, int(packs)) for code, packs in world.next_cart(clinic).items()]
    with world.app.app_context():
        key = next(keys)
        floor, _orders = timed(
            lambda: place_order(clinic.buyer, cart, key=key, by=clinic.actor, at=clock.now())
        )
        db.session.remove()
    return ours, floor
