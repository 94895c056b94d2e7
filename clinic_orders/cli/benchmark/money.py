"""A prefecture's 24 months of receipts, returns and payments, made by the database itself in some hundred statements."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from datetime import date, datetime, timedelta
from decimal import Decimal
from typing import Final

from flask import Flask
from flask_migrate import upgrade as migrate
from sqlalchemy import (
    BigInteger,
    ColumnElement,
    Connection,
    Insert,
    String,
    case,
    cast,
    func,
    insert,
    literal,
    select,
    type_coerce,
)

from clinic_orders import clock
from clinic_orders.models.base import Base, Yuan, db
from clinic_orders.models.deliveries import GoodsReturn, Shipment
from clinic_orders.models.orders import Order
from clinic_orders.models.payments import Payment
from clinic_orders.models.roster import County, Distributor, Institution, InstitutionRecord
from clinic_orders.queries.payables.laying import counts_on_sql
from clinic_orders.rules.days import Month, day_in_china, end_of_day, start_of_day
from clinic_orders.rules.parties import InstitutionKind, OrderMode
from clinic_orders.rules.payments import PaymentSide

MONTHS: Final = 24
DISTRIBUTORS: Final = 20
COUNTIES: Final = 14
_DAYS_A_MONTH: Final = 28


@dataclass(frozen=True, slots=True)
class Group:
    """Institutions of a kind: how many, with how many distributors each deals, receipts a month from each of them."""

    count: int
    kind: InstitutionKind
    name: str
    distributors: int
    receipts: int


GROUPS: Final = (
    Group(200, InstitutionKind.TOWNSHIP_HOSPITAL, "卫生院", 8, 4),
    Group(3067, InstitutionKind.VILLAGE_CLINIC, "卫生室", 3, 1),
    Group(1000, InstitutionKind.PRIVATE_INSTITUTION, "诊所", 2, 1),
)


@dataclass(frozen=True, slots=True)
class Made:
    """How many rows there are, and the day as of which they are looked at."""

    on: date
    institutions: int
    pairs: int
    receipts: int
    returns: int
    payments: int
    payments_that_count: int
    busiest: int
    busiest_institutions: int


def fill_money(app: Flask, groups: tuple[Group, ...] = GROUPS, months: int = MONTHS) -> Made:
    """Migrate the empty database and fill it; the same every time but for the months themselves."""
    at = clock.now()
    today = day_in_china(at)
    with app.app_context():
        migrate()
        with db.engine.begin() as connection:
            _roster(connection, groups, at)
            # Whole months that are over, so that nothing lies after today.
            first = Month.of(today).plus(-months)
            for number in range(months):
                month = first.plus(number)
                for statement in _receipts(month, number, max(group.receipts for group in groups), at):
                    connection.execute(statement)
                connection.execute(_returns(month, at))
                for statement in _payments(month, number, at):
                    connection.execute(statement)
            made = _count(connection, today)
        with db.engine.begin() as connection:
            connection.exec_driver_sql("ANALYZE")
    return made


def _roster(connection: Connection, groups: tuple[Group, ...], at: datetime) -> None:
    """Institutions with a record, distributors, and one order for each pair, to which all of its receipts belong."""
    connection.execute(
        insert(County), [{"code": f"4103{number:02}", "name": f"第{number}县"} for number in range(COUNTIES)]
    )
    connection.execute(
        insert(Distributor),
        [
            {"id": number, "code": f"D{number:02}", "name": f"第{number}医药配送有限公司", "recorded_at": at}
            for number in range(1, DISTRIBUTORS + 1)
        ],
    )
    kinds = [group for group in groups for _ in range(group.count)]
    ids = range(1, len(kinds) + 1)
    connection.execute(
        insert(Institution), [{"id": row, "code": f"I{row:05}", "recorded_at": at} for row in ids]
    )
    long_ago = date(2020, 1, 1)
    connection.execute(
        insert(InstitutionRecord),
        [
            {
                "institution_id": row,
                "valid_from": long_ago,
                "name": f"第{row}{group.name}",
                "kind": group.kind,
                "county_code": f"4103{row % COUNTIES:02}",
                "joined_on": long_ago,
                "recorded_at": at,
            }
            for row, group in zip(ids, kinds, strict=True)
        ],
    )
    pairs = [
        # The first delivers to every village clinic, the others share the rest.
        (row, 1 if clinic and not place else (row * 7 + place * 3) % (DISTRIBUTORS - 1) + 2, group.receipts)
        for row, group in zip(ids, kinds, strict=True)
        for clinic in (group.kind is InstitutionKind.VILLAGE_CLINIC,)
        for place in range(group.distributors)
    ]
    connection.execute(
        insert(Order),
        [
            {
                "order_no": f"CG{place}",
                "institution_id": row,
                "ordering_id": row,
                "paying_id": row,
                "distributor_id": distributor,
                "mode": OrderMode.DIRECT,
                "submitted_at": at,
                "answer_due_at": at,
                # How many receipts a month; it stands here for want of a better place.
                "packs": receipts,
                "amount": Decimal(0),
                "recorded_at": at,
                "updated_at": at,
            }
            for place, (row, distributor, receipts) in enumerate(pairs)
        ],
    )


def _receipts(month: Month, number: int, most: int, at: datetime) -> Iterator[Insert]:
    """The receipts of a month: each pair's on days that its number decides, due at the end of the next month."""
    for slot in range(most):
        for place in range(_DAYS_A_MONTH):
            day = month.first_day + timedelta(days=place)
            moment = start_of_day(day) + timedelta(hours=9, minutes=slot)
            owed = ((Order.id * 7919 + number * 31 + slot * 17) % 90000 + 1000) * 100
            yield insert(Shipment).from_select(
                [
                    "receipt_no",
                    "order_id",
                    "institution_id",
                    "paying_id",
                    "distributor_id",
                    "accepted_at",
                    "acceptance_day",
                    "due_on",
                    "payment_rule",
                    "owed",
                    "recorded_at",
                    "updated_at",
                ],
                select(
                    literal(f"PS{day:%Y%m%d}-{slot}-", String) + cast(Order.id, String),
                    Order.id,
                    Order.institution_id,
                    Order.paying_id,
                    Order.distributor_id,
                    literal(moment, Shipment.accepted_at.type),
                    literal(day, Shipment.due_on.type),
                    literal(month.next().last_day, Shipment.due_on.type),
                    literal("end_of_next_month", String),
                    type_coerce(owed, Yuan()),
                    literal(at, Shipment.recorded_at.type),
                    literal(at, Shipment.updated_at.type),
                ).where(
                    Order.packs > slot,
                    (Order.id * 37 + number * 11 + slot * 7) % _DAYS_A_MONTH == place,
                ),
            )


def _of_month(month: Month) -> ColumnElement[bool]:
    return Shipment.accepted_at.between(start_of_day(month.first_day), end_of_day(month.last_day))


def _returns(month: Month, at: datetime) -> Insert:
    """One receipt of fifty is returned by a quarter in the middle of the next month, often after it was paid."""
    agreed = start_of_day(month.next().first_day) + timedelta(days=14, hours=3)
    quarter = type_coerce(Shipment.owed, BigInteger) // 400 * 100
    return insert(GoodsReturn).from_select(
        [
            "return_no",
            "shipment_id",
            "institution_id",
            "distributor_id",
            "requested_at",
            "agreed_at",
            "amount",
            "recorded_at",
        ],
        select(
            literal("TH", String) + cast(Shipment.id, String),
            Shipment.id,
            Shipment.institution_id,
            Shipment.distributor_id,
            literal(agreed, GoodsReturn.agreed_at.type),
            literal(agreed, GoodsReturn.agreed_at.type),
            type_coerce(quarter, Yuan()),
            literal(at, GoodsReturn.recorded_at.type),
        ).where(_of_month(month), Shipment.id % 50 == 0),
    )


def _payments(month: Month, number: int, at: datetime) -> Iterator[Insert]:
    """Each pair pays a month's receipts in the next: most of them all, some half, too much, or not at all.

    One of twelve names a receipt; one of two hundred is disputed.
    """
    turn = Order.id + number
    for place in range(10):
        paid_on = month.next().first_day + timedelta(days=5 + 2 * place)
        share = case((turn % 25 == 1, 50), (turn % 25 < 4, 120), else_=100)
        paid = func.sum(type_coerce(Shipment.owed, BigInteger))
        disputed = start_of_day(paid_on) + timedelta(days=2)
        yield insert(Payment).from_select(
            [
                "payment_no",
                "paying_id",
                "distributor_id",
                "shipment_id",
                "amount",
                "paid_on",
                "method",
                "entered_by",
                "disputed_at",
                "dispute_reason",
                "recorded_at",
            ],
            select(
                literal(f"FK{paid_on:%Y%m%d}-", String) + cast(Order.id, String),
                Order.paying_id,
                Order.distributor_id,
                case((turn % 12 == 3, func.min(Shipment.id)), else_=None),
                # A whole number of cents: the share is taken of yuan.
                type_coerce(cast(paid, BigInteger) // 10000 * share * 100, Yuan()),
                literal(paid_on, Payment.paid_on.type),
                literal("transfer", String),
                literal(PaymentSide.INSTITUTION, Payment.entered_by.type),
                case((turn % 200 == 7, literal(disputed, Payment.disputed_at.type)), else_=None),
                case((turn % 200 == 7, "?"), else_=""),
                literal(at, Payment.recorded_at.type),
            )
            .join(Shipment, Shipment.order_id == Order.id)
            .where(_of_month(month), Order.id % 10 == place, turn % 25 != 0)
            .group_by(Order.id, Order.paying_id, Order.distributor_id),
        )


def _count(connection: Connection, on: date) -> Made:
    def count(table: type[Base]) -> int:
        return connection.scalar(select(func.count()).select_from(table)) or 0

    busiest, institutions = connection.execute(
        select(Order.distributor_id, func.count())
        .group_by(Order.distributor_id)
        .order_by(func.count().desc())
        .limit(1)
    ).one()
    counting = connection.scalar(select(func.count()).select_from(Payment).where(counts_on_sql(on))) or 0
    return Made(
        on=on,
        institutions=count(Institution),
        pairs=count(Order),
        receipts=count(Shipment),
        returns=count(GoodsReturn),
        payments=count(Payment),
        payments_that_count=counting,
        busiest=busiest,
        busiest_institutions=institutions,
    )
