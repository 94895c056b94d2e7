"""Many orders, payments, holds, accounts and exports, for the tests that walk over all lists."""

from __future__ import annotations

from datetime import timedelta
from decimal import Decimal
from itertools import pairwise

from sqlalchemy import select

from clinic_orders.actions.answering import answer_order_in_full
from clinic_orders.actions.payments import record_payment
from clinic_orders.actions.returns import ReturnedPacks, request_return
from clinic_orders.exchange.tables import KINDS
from clinic_orders.models.accounts import User
from clinic_orders.models.arrears import PaymentHold
from clinic_orders.models.bank import BankFile, BankLine
from clinic_orders.models.base import db
from clinic_orders.models.doubles import OrderDouble
from clinic_orders.models.export_jobs import ExportJob
from clinic_orders.models.orders import Order
from clinic_orders.models.payment_links import GatewayMessage
from clinic_orders.models.roster import Distributor
from clinic_orders.models.statements import AccountStatement
from clinic_orders.rules.days import Month
from clinic_orders.rules.export_jobs import ExportState
from clinic_orders.rules.parties import Actor, Role
from clinic_orders.rules.payment_links import Verdict
from tests.deliveries_in_work import accepted, make_shipment
from tests.many_size import MANY, START
from tests.orders_in_work import NOW, World, make_order


def make_exports(people: dict[Role, User]) -> None:
    """Long exports of both bureaus."""
    kinds = sorted(KINDS)
    for role, county in ((Role.CITY, ""), (Role.COUNTY, "410325")):
        db.session.add_all(
            ExportJob(
                kind=kinds[number % len(kinds)],
                form="csv",
                token=f"{role.value}{number}",
                state=ExportState.WAITING,
                by_id=people[role].id,
                by_name="王桂兰",
                role=role,
                county_code=county,
                total=number * 20_000,
                size=number,
                requested_at=NOW - timedelta(hours=number + 3),
            )
            for number in range(MANY)
        )


def make_orders(world: World, people: dict[Role, User]) -> None:
    """One third received, paid in part and asked back; one third under way; the rest waits for its answer."""
    clinic = people[Role.INSTITUTION]
    buyer = Actor(clinic.name, Role.INSTITUTION, user_id=clinic.id, institution_id=world.clinic.id)
    for number in range(MANY):
        order = make_order(world, (number + 2,), submitted_at=NOW - timedelta(hours=2, minutes=number))
        answer_order_in_full(order.order_no, by=world.seller, at=NOW)
        receipt = accepted(
            world, order=order, by=buyer, at=NOW + timedelta(hours=1, minutes=number), batch=f"B{number}"
        )
        request_return(
            receipt.receipt_no,
            {receipt.lines[0].id: ReturnedPacks(1, "quality")},
            by=buyer,
            at=NOW + timedelta(hours=3, minutes=number),
        )
        record_payment(
            world.clinic.id,
            world.distributor.id,
            Decimal("0.01") * (number + 1),
            NOW.date(),
            key=f"many-{number:012}",
            by=buyer,
            at=NOW + timedelta(hours=4, minutes=number),
        )
        make_shipment(
            world,
            order=make_order(world, (1,), submitted_at=NOW - timedelta(hours=1, minutes=number)),
            at=NOW + timedelta(minutes=number),
        )
        make_order(world, (number + 1,), submitted_at=NOW - timedelta(minutes=number + 1))
    orders = db.session.scalars(select(Order.id).order_by(Order.id).limit(MANY + 1)).all()
    for number, (one, other) in enumerate(pairwise(orders)):
        db.session.add(OrderDouble(order_id=one, other_id=other, found_at=NOW - timedelta(minutes=number)))


def make_holds(world: World) -> None:
    """A running hold towards each of the many distributors."""
    sellers = db.session.scalars(select(Distributor).where(Distributor.code.like("D2%")))
    for number, seller in enumerate(sellers):
        db.session.add(
            PaymentHold(
                paying_id=world.clinic.id,
                distributor_id=seller.id,
                amount=Decimal(number + 100),
                since=START + timedelta(days=number),
                after_days=60,
                min_amount=Decimal(100),
                scope="distributor",
                receipts=1,
                began_at=NOW - timedelta(hours=number),
                looked_at=NOW,
            )
        )


def make_gateway_messages() -> None:
    """Messages of the gateway that were not believed."""
    for number in range(MANY):
        db.session.add(
            GatewayMessage(
                number=f"FL{number:04}",
                fields='{"trade_status": "TRADE_SUCCESS"}',
                verdict=Verdict.FORGED,
                received_at=NOW - timedelta(minutes=number),
            )
        )


def make_statements(world: World) -> None:
    """The account of the clinic and its distributor over many months."""
    for number in range(MANY):
        amount = Decimal(number + 1)
        db.session.add(
            AccountStatement(
                paying_id=world.clinic.id,
                distributor_id=world.distributor.id,
                month=str(Month.of(START).plus(-number)),
                opening=Decimal(0),
                receipts=amount,
                returns=Decimal(0),
                payments=Decimal(0),
                closing=amount,
                overdue=amount,
                made_at=NOW,
            )
        )


def make_bank(world: World) -> None:
    """Many bank statements of the distributor; the first has many lines."""
    owner = f"D{world.distributor.id}"
    for number in range(MANY):
        db.session.add(
            BankFile(
                id=number + 1,
                owner=owner,
                filename=f"流水{number:02}.csv",
                lines=MANY - number,
                by_name="刘敏",
                at=NOW - timedelta(hours=number),
            )
        )
    db.session.flush()
    for number in range(MANY):
        db.session.add(
            BankLine(
                file_id=1,
                owner=owner,
                row_no=number + 2,
                paid_on=START + timedelta(days=number),
                amount=Decimal(number + 1),
                party=f"第{number}村卫生室",
                fingerprint=f"{number:064}",
            )
        )
