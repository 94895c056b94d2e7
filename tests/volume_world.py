"""Random histories of agreed volume, and what of R-VOL-2 to R-VOL-7 they say one row at a time."""

from __future__ import annotations

from dataclasses import dataclass, field
from datetime import date, timedelta
from random import Random
from typing import Any

from sqlalchemy import delete, select, update

from clinic_orders.models.base import db
from clinic_orders.models.deliveries import GoodsReturn, ReturnLine, Shipment, ShipmentLine
from clinic_orders.models.orders import Order, OrderEvent, OrderLine
from clinic_orders.models.roster import Institution, InstitutionRecord, Membership
from clinic_orders.models.volume import AgreedVolume, SupplyProblem
from clinic_orders.rules.days import day_in_china, end_of_day, start_of_day
from clinic_orders.rules.delivery import DeliveryHours, delivery_limit
from clinic_orders.rules.policy import PolicyBook
from clinic_orders.rules.volume_progress import (
    Agreement,
    OrderLineSeen,
    undelivered_packs,
)
from tests.files_world import COUNTY, WORLD, going_back, make_world, order, receipt, take_well

CYCLES = {
    "LY001": (date(2026, 1, 1), date(2026, 3, 31)),
    "LY002": (date(2026, 2, 1), date(2026, 2, 28)),
    "LY003": (date(2026, 3, 1), date(2026, 4, 30)),
}
REMOTE = {"0V01"}
REJECTIONS = ["damaged", "not_ordered", "other:hat"]
RETURNS = ["quality", "overstock"]
BOOK = PolicyBook()


@dataclass
class History:
    """What happened, as the plain restatement reads it."""

    agreements: list[Agreement] = field(default_factory=list)
    problems: list[dict[str, Any]] = field(default_factory=list)
    orders: list[dict[str, Any]] = field(default_factory=list)
    receipts: list[dict[str, Any]] = field(default_factory=list)
    returns: list[dict[str, Any]] = field(default_factory=list)
    # From which day on 0V01 belongs to 0H02, and when 0H02 joined.
    moved_on: date = date(2026, 2, 10)
    joined_on: date = date(2025, 1, 1)

    def supervisor(self, code: str, day: date) -> str | None:
        if code != "0V01":
            return None
        return "0H02" if day >= self.moved_on else "0H01"


def draw_history(dice: Random) -> History:
    history = History(
        moved_on=date(2026, 1, 1) + timedelta(days=dice.randrange(90)),
        joined_on=dice.choice([date(2025, 1, 1), date(2026, 1, 20)]),
    )
    for code in ("0V01", "0H01", "0H02"):
        for item, (first, last) in CYCLES.items():
            if dice.random() < 0.5:
                history.agreements.append(Agreement(item, code, first, last, dice.randint(1, 60)))
    if dice.random() < 0.7:
        first = date(2026, 1, 1) + timedelta(days=dice.randrange(60))
        history.problems.append(
            {
                "item_code": "LY001",
                "county_code": dice.choice([None, COUNTY]),
                "first_day": first,
                "last_day": dice.choice([None, first + timedelta(days=dice.randrange(40))]),
                "backup_item_code": dice.choice(["LY002", "LY003"]),
                "verified_by": "王",
            }
        )
    for number in range(dice.randint(1, 7)):
        submitted = start_of_day(date(2025, 12, 28)) + timedelta(minutes=dice.randrange(60 * 24 * 110))
        packs = dice.randint(1, 30)
        row = {
            "order_no": f"A{number}",
            "institution_code": dice.choice(["0V01", "0H01", "0H02"]),
            "distributor_code": dice.choice(["D01", "D02"]),
            "item_code": dice.choice(["LY001", "LY002", "LY003"]),
            "packs": packs,
            "submitted_at": submitted,
            "emergency": dice.random() < 0.2,
            "confirmed_packs": None,
            "confirmed_at": None,
        }
        left = 0
        if dice.random() < 0.8:
            left = dice.randint(0, packs)
            row |= {"confirmed_packs": left, "confirmed_at": submitted + timedelta(hours=dice.randrange(90))}
        answered = row["confirmed_at"] or submitted
        for place in range(dice.randint(0, 2)):
            shipped = dice.randint(0, left)
            if not shipped:
                continue
            left -= shipped
            rejected = dice.randint(0, shipped) if dice.random() < 0.5 else 0
            accepted_at = answered + timedelta(hours=dice.randrange(1, 400))
            one = {
                "receipt_no": f"R{number}-{place}",
                "order_no": f"A{number}",
                "item_code": row["item_code"],
                "shipped_packs": shipped,
                "accepted_packs": shipped - rejected,
                "rejected_packs": rejected,
                "reject_reason": dice.choice(REJECTIONS) if rejected else None,
                "shipped_at": None,
                "delivered_at": answered + (accepted_at - answered) * dice.random()
                if dice.random() < 0.5
                else None,
                "accepted_at": accepted_at,
            }
            history.receipts.append(one)
            if one["accepted_packs"] and dice.random() < 0.4:
                history.returns.append(
                    {
                        "return_no": f"T{number}-{place}",
                        "receipt_no": one["receipt_no"],
                        "item_code": row["item_code"],
                        "packs": dice.randint(1, one["accepted_packs"]),
                        "agreed_at": accepted_at + timedelta(hours=dice.randrange(1, 900)),
                        "reason": dice.choice(RETURNS),
                    }
                )
        if left and row["confirmed_at"] and dice.random() < 0.4:
            closed = dice.randint(1, left)
            left -= closed
            row |= {
                "closed_packs": closed,
                "closed_at": answered + timedelta(hours=dice.randrange(1, 300)),
                "closed_reason": "stock_out",
            }
        open_packs = left if row["confirmed_at"] else packs
        if open_packs and dice.random() < 0.4:
            row |= {
                "withdrawn_packs": dice.randint(1, open_packs),
                "withdrawn_at": answered + timedelta(hours=dice.randrange(1, 300)),
            }
        history.orders.append(row)
    return history


def store(history: History) -> None:
    new_hospital = select(Institution.id).where(Institution.code == "0H02").scalar_subquery()
    own = update(InstitutionRecord).where(InstitutionRecord.institution_id == new_hospital)
    db.session.execute(own.values(joined_on=history.joined_on, valid_from=history.joined_on))
    days = update(Membership).where(Membership.institution_id == new_hospital)
    db.session.execute(days.values(joined_on=history.joined_on))
    db.session.commit()
    take_well(
        "institutions",
        {**WORLD["institutions"][1], "supervisor_code": "0H02", "valid_from": history.moved_on},
    )
    if history.agreements:
        take_well(
            "agreed-volumes",
            *(
                {
                    "institution_code": one.institution,
                    "item_code": one.item_code,
                    "cycle_start": one.first,
                    "cycle_end": one.last,
                    "agreed_packs": one.agreed,
                }
                for one in history.agreements
            ),
        )
    for kind, rows in (
        ("supply-problems", history.problems),
        ("orders", [order(**row) for row in history.orders]),
        ("receipts", [receipt(**row) for row in history.receipts]),
        ("returns", [going_back(**row) for row in history.returns]),
    ):
        if rows:
            take_well(kind, *rows)


def attributed(history: History, row: dict[str, Any], day: date) -> Agreement | None:
    """The agreement to which packs of an order's item belong on a day."""
    receiver = row["institution_code"]
    holders = [receiver, history.supervisor(receiver, day)]

    def of(item: str) -> Agreement | None:
        for holder in holders:
            for one in history.agreements:
                if (one.institution, one.item_code) == (holder, item) and one.first <= day <= one.last:
                    return one
        return None

    direct = of(row["item_code"])
    if direct:
        return direct
    for problem in history.problems:
        last = problem["last_day"] or date.max
        # Who is not on the roster yet is in no county.
        if problem["county_code"] and receiver == "0H02" and day < history.joined_on:
            continue
        if problem["backup_item_code"] == row["item_code"] and problem["first_day"] <= day <= last:
            return of(problem["item_code"])
    return None


def missing(history: History, row: dict[str, Any], until: date, on: date) -> int:
    """Packs of an order that had not come by a day."""
    ends = end_of_day(until)
    answered = row["confirmed_at"] if row["confirmed_at"] and row["confirmed_at"] < end_of_day(on) else None
    begins = row["submitted_at"] if row["emergency"] or answered is None else answered
    limit = delivery_limit(
        submitted_at=row["submitted_at"],
        answered_at=answered,
        hours=DeliveryHours.of(BOOK, on=day_in_china(begins)),
        confirm_days=2,
        remote=row["institution_code"] in REMOTE,
        emergency=row["emergency"],
    )
    limit_day = day_in_china(limit - timedelta(microseconds=1))
    gone = (
        row.get("withdrawn_packs", 0)
        if "withdrawn_at" in row and row["withdrawn_at"] < end_of_day(limit_day)
        else 0
    )
    before = row.get("withdrawn_packs", 0) if row["confirmed_at"] is None else 0
    refused = 0
    if answered is not None and answered < ends:
        refused = row["packs"] - before - row["confirmed_packs"]
    if "closed_at" in row and row["closed_at"] < ends:
        refused += row["closed_packs"]
    came = sum(
        one["shipped_packs"]
        for one in history.receipts
        if one["order_no"] == row["order_no"] and (one["delivered_at"] or one["accepted_at"]) < ends
    )
    return undelivered_packs(OrderLineSeen(row["packs"], gone, came, refused, limit_day), until=until)


def make_volume_world() -> None:
    make_world()
    take_well("institutions", {**WORLD["institutions"][0], "code": "0H02", "name": "木植街乡卫生院"})


def empty() -> None:
    for table in (
        ReturnLine,
        GoodsReturn,
        ShipmentLine,
        Shipment,
        OrderEvent,
        OrderLine,
        Order,
        AgreedVolume,
        SupplyProblem,
    ):
        db.session.execute(delete(table))
    village = InstitutionRecord.institution_id.in_(select(Institution.id).where(Institution.code == "0V01"))
    later = InstitutionRecord.valid_from >= date(2026, 1, 1)
    db.session.execute(delete(InstitutionRecord).where(village, later))
    db.session.execute(update(InstitutionRecord).where(village).values(valid_before=None))
    db.session.commit()
    db.session.expire_all()
