"""Night by night the same clues come out as if all codes were searched anew (rules section 12)."""

from __future__ import annotations

from datetime import date, datetime, timedelta
from decimal import Decimal
from random import Random

import pytest
from flask import Flask
from hypothesis import HealthCheck, Phase, given, settings
from hypothesis import strategies as st
from sqlalchemy import delete, insert, select, update

from clinic_orders import clock, jobs
from clinic_orders.actions.findings import raise_findings
from clinic_orders.actions.trace_marks import keep_trace_mark
from clinic_orders.models.base import db
from clinic_orders.models.deliveries import GoodsReturn, Shipment, ShipmentCode
from clinic_orders.models.exchange import BatchRecord, ImportBatch, RecordChange
from clinic_orders.models.orders import Order
from clinic_orders.models.sales import SaleLine
from clinic_orders.models.supervision import FindingRecord
from clinic_orders.models.trace_marks import TraceMark
from clinic_orders.models.tracing import TraceProduct
from clinic_orders.queries.checks import check
from clinic_orders.queries.checks.trace_night import RULES, Look, Night, tonight
from clinic_orders.rules.days import Month, end_of_day, start_of_day
from clinic_orders.rules.finding_states import FindingState
from clinic_orders.rules.findings import Finding, in_order
from clinic_orders.rules.parties import SYSTEM
from clinic_orders.rules.roster import Days
from tests.examples import examples
from tests.files_world import NOW
from tests.prices_world import CODES, ITEMS, JOINED, ids, make_prices_world, put_states
from tests.traces_world import Back, Received, Sold, clear_traces, moment, put_back, put_received, put_sold

pytestmark = pytest.mark.both_databases

FIRST = date(2026, 3, 28)
MONTHS = (Month(2026, 2), Month(2026, 3), Month(2026, 4))
PACKS = (
    "8100001" + "0" * 13,
    "8100001" + "1" * 13,
    "8199999" + "0" * 13,
    "8199999" + "1" * 13,
    "8199999" + "2" * 13,
)
NEWS = (
    *["sale"] * 6,
    "correction",
    "taken back",
    *["receipt"] * 4,
    "other day",
    "code off",
    "set aside",
    *["return"] * 2,
    "agreed",
    "left",
    "product",
)


class Diary:
    """What became known day by day, and the clues kept from night to night."""

    def __init__(self, dice: Random) -> None:
        clear_traces()
        for code in CODES:
            put_states(code, None, None)
        for table in (TraceMark, FindingRecord):
            db.session.execute(delete(table))
        db.session.execute(delete(BatchRecord))
        self.dice = dice
        self.number = 0
        self.receipts: list[tuple[int, int]] = []
        self.kept: dict[tuple[str, ...], Finding] = {}
        self.product("8100001", NOW)

    def product(self, prefix: str, at: datetime) -> None:
        item, units = self.dice.choice(ITEMS), self.dice.choice([28, 1])
        db.session.execute(
            insert(TraceProduct).values(
                prefix=prefix, item_id=ids()[1][item], base_units_per_code=units, recorded_at=at
            )
        )

    def sell(self, today: date, at: datetime, codes: tuple[str, ...] | None = None) -> None:
        dice = self.dice
        self.number += 1
        packs = codes or tuple(dice.sample(PACKS, dice.choice([1, 1, 1, 2])))
        day = today + timedelta(days=dice.choice([-40, -3, -2, -1, 0, 0, 0, 1, 2]))
        units = dice.choice([28, 28, 28, 14, 56, -28])
        sold = Sold(
            dice.choice(CODES),
            dice.choice([*ITEMS, None]),
            moment(day, dice.choice([0, 8, 23])),
            units,
            packs,
        )
        put_sold(sold, sale_no=f"S{self.number}", at=at)

    def receive(self, today: date, at: datetime) -> None:
        dice = self.dice
        self.number += 1
        packs = dice.sample(PACKS, dice.choice([0, 1, 2, 3]))
        accepted = today + timedelta(days=dice.choice([-45, -20, -3, -1, 0, 0, 2]))
        one = Received(
            dice.choice(CODES),
            dice.choice(ITEMS),
            None if dice.random() < 0.2 else moment(accepted, 9),
            dice.choice([len(packs), len(packs), len(packs) + 1]),
            tuple((pack, dice.random() < 0.9) for pack in packs),
            expiry=dice.choice([date(2030, 1, 1), today]),
        )
        shipment_id, line_id = put_received(one, receipt_no=f"R{self.number}", at=at)
        batch_id = db.session.scalars(select(ImportBatch.id)).first()
        db.session.execute(
            update(Shipment).where(Shipment.id == shipment_id).values(import_batch_id=batch_id)
        )
        self.receipts.append((shipment_id, line_id))

    def add(self, what: str, today: date) -> None:
        """Write one piece of news as it is recorded at ten in the morning."""
        dice, at = self.dice, moment(today, 10)
        receipt = dice.choice(self.receipts) if self.receipts else None
        match what:
            case "sale":
                self.sell(today, at)
            case "correction" | "taken back":
                line = db.session.scalars(select(SaleLine).where(SaleLine.replaced_at.is_(None))).first()
                if line is not None:
                    line.replaced_at = at
                    db.session.flush()
                    if what == "correction":
                        self.sell(today, at)
            case "receipt":
                self.receive(today, at)
            case "other day" if receipt is not None:
                values = {
                    "accepted_at": moment(today - timedelta(dice.choice([0, 5, 30])), 9),
                    "updated_at": at,
                }
                db.session.execute(
                    update(Shipment)
                    .where(Shipment.id == receipt[0], Shipment.accepted_at.is_not(None))
                    .values(values)
                )
            case "code off" if receipt is not None:
                self.take_code_off(receipt, at)
            case "set aside" if receipt is not None:
                db.session.execute(
                    update(Order)
                    .where(
                        Order.id
                        == select(Shipment.order_id).where(Shipment.id == receipt[0]).scalar_subquery()
                    )
                    .values(updated_at=at)
                )
            case "return" if receipt is not None:
                accepted = db.session.scalar(select(Shipment.accepted_at).where(Shipment.id == receipt[0]))
                if accepted is not None:
                    agreed = (
                        None if dice.random() < 0.4 else accepted + timedelta(days=dice.choice([0, 1, 9]))
                    )
                    put_back(Back(0, agreed, tuple(dice.sample(PACKS, dice.choice([1, 2])))), *receipt, at=at)
            case "agreed":
                db.session.execute(
                    update(GoodsReturn)
                    .where(GoodsReturn.agreed_at.is_(None))
                    .values(agreed_at=at, amount=Decimal(0))
                )
            case "left":
                put_states(
                    dice.choice(CODES), None, [Days(JOINED, today - timedelta(dice.choice([0, 3, 30])))]
                )
            case "product":
                db.session.execute(delete(TraceProduct))
                self.product(dice.choice(["8100001", "8199999"]), at)
            case _:
                pass
        db.session.commit()

    def take_code_off(self, receipt: tuple[int, int], at: datetime) -> None:
        """As a file does that names other codes for a receipt from a file."""
        code = db.session.scalars(
            select(ShipmentCode.code).where(ShipmentCode.shipment_line_id == receipt[1])
        ).first()
        if code is None:
            return
        db.session.execute(
            delete(ShipmentCode).where(ShipmentCode.shipment_line_id == receipt[1], ShipmentCode.code == code)
        )
        db.session.execute(update(Shipment).where(Shipment.id == receipt[0]).values(updated_at=at))
        batch = ImportBatch(
            kind="receipts", filename="r.csv", sha256=f"{self.number:064}", rows=1, created=0, updated=1, unchanged=0,
            by_name="", at=at, traced=True,
        )  # fmt: skip
        db.session.add(batch)
        db.session.flush()
        db.session.add(
            BatchRecord(
                batch_id=batch.id, table_name="shipment_code", record_id=receipt[1], record_key=code, name="",
                change=RecordChange.REMOVED, before={},
            )
        )  # fmt: skip

    def night(self, as_of: date) -> Night:
        """Look at one in the morning of the day after, and keep what is found."""
        at = end_of_day(as_of) + timedelta(hours=1)
        night = tonight(as_of, at=at)
        for look in night.looks:
            month = str(Month.of(look.as_of))
            self.kept = {
                key: one
                for key, one in self.kept.items()
                if one.period != month or (look.codes is not None and one.key not in look.codes)
            }
            for one in check(look.scope, RULES):
                self.kept[one.rule, one.institution or "", one.key or "", one.period] = one
        if night.mark is not None:
            keep_trace_mark(night.mark, by=SYSTEM, at=at)
        return night

    def anew(self, as_of: date) -> list[Finding]:
        """All months searched whole."""
        looks = [Look(min(month.last_day, as_of), None) for month in MONTHS if month.first_day <= as_of]
        return in_order(one for look in looks for one in check(look.scope, RULES))


@pytest.fixture
def world(app: Flask) -> None:
    make_prices_world()


@settings(
    max_examples=examples(15),
    deadline=None,
    # Shrinking a case means writing it anew a thousand times; the first one found says enough.
    phases=[Phase.explicit, Phase.reuse, Phase.generate],
    suppress_health_check=[HealthCheck.function_scoped_fixture],
)
@given(seed=st.integers(0, 2**32))
def test_every_night_leaves_what_a_full_search_finds(world, seed):
    dice = Random(seed)
    diary = Diary(dice)
    today = FIRST
    for _ in range(dice.randint(3, 5)):
        for _ in range(dice.randint(1, 4)):
            diary.add(dice.choice(NEWS), today)
        diary.night(today)
        assert [one.as_json() for one in in_order(diary.kept.values())] == [
            one.as_json() for one in diary.anew(today)
        ]
        today += timedelta(dice.choice([1, 1, 2]))


def sold(institution: str, day: date, pack: str, units: int = 28) -> Sold:
    return Sold(institution, "LY001", moment(day, 9), units, (pack,))


def came(institution: str, day: date, *packs: str) -> Received:
    return Received(institution, "LY001", moment(day, 9), len(packs), tuple((pack, True) for pack in packs))


def test_a_sale_in_order_is_not_looked_at_and_one_that_is_not_is_in_its_month_only(world):
    diary = Diary(Random(1))
    db.session.execute(update(TraceProduct).values(item_id=ids()[1]["LY001"], base_units_per_code=28))
    put_received(came(CODES[0], FIRST, *PACKS[:2]), receipt_no="R1", at=moment(FIRST, 9))
    db.session.commit()
    assert diary.night(FIRST).looks == []
    assert diary.night(FIRST).looks == []
    second = FIRST + timedelta(1)
    put_sold(sold(CODES[0], second, PACKS[0]), sale_no="S1", at=moment(second, 10))
    db.session.commit()
    assert diary.night(second).looks == []
    third = FIRST + timedelta(4)
    put_sold(sold(CODES[1], third, PACKS[1]), sale_no="S2", at=moment(third, 10))
    db.session.commit()
    assert diary.night(third).looks == [Look(third, frozenset({PACKS[1]}))]
    assert diary.night(third + timedelta(1)).looks == []


def test_a_pack_sold_again_is_looked_at_in_every_month_in_which_it_was_sold(world):
    diary = Diary(Random(1))
    put_sold(sold(CODES[0], date(2026, 2, 10), PACKS[0]), sale_no="S1", at=moment(FIRST, 10))
    db.session.commit()
    assert diary.night(FIRST).looks == [Look(date(2026, 2, 28), None), Look(FIRST, None)]
    day = FIRST + timedelta(1)
    put_sold(sold(CODES[1], day, PACKS[0]), sale_no="S2", at=moment(day, 10))
    db.session.commit()
    both = frozenset({PACKS[0]})
    assert diary.night(day).looks == [Look(date(2026, 2, 28), both), Look(day, both)]


def test_a_look_at_an_earlier_day_is_whole_and_moves_no_mark(world):
    diary = Diary(Random(1))
    diary.night(FIRST + timedelta(2))
    night = diary.night(FIRST)
    assert (night.looks, night.mark) == ([Look(FIRST, None)], None)


def test_a_look_at_some_codes_ends_the_clues_on_these_only(world):
    Diary(Random(1))
    for place, pack in enumerate(PACKS[:2]):
        put_sold(sold(CODES[0], FIRST, pack), sale_no=f"S{place}", at=moment(FIRST, 10))
    db.session.commit()
    at = start_of_day(FIRST) + timedelta(hours=25)
    found = check(Look(FIRST, None).scope, RULES)
    raise_findings(FIRST, found, RULES, by=SYSTEM, at=at)
    raise_findings(FIRST, [], RULES, keys=[PACKS[0]], by=SYSTEM, at=at)
    states = {one.key: one.state for one in db.session.scalars(select(FindingRecord))}
    assert states == {PACKS[0]: FindingState.ENDED, PACKS[1]: FindingState.OPEN}


def test_the_nightly_job_stores_clues_and_ends_those_whose_sale_was_taken_back(world):
    Diary(Random(1))
    put_sold(sold(CODES[0], FIRST, PACKS[0]), sale_no="S1", at=moment(FIRST, 10))
    db.session.commit()
    states = select(FindingRecord.state).where(FindingRecord.rule.in_(RULES))
    assert jobs.run_now("check-prices", FIRST + timedelta(1)).failures == 0
    assert db.session.scalars(states).all() == [FindingState.OPEN]
    put_sold(sold(CODES[1], FIRST, PACKS[0]), sale_no="S2", at=clock.now())
    db.session.execute(update(SaleLine).where(SaleLine.sale_no == "S1").values(replaced_at=clock.now()))
    db.session.commit()
    assert jobs.run_now("check-prices", FIRST + timedelta(2)).failures == 0
    assert sorted(db.session.scalars(states)) == [FindingState.ENDED, FindingState.OPEN]
