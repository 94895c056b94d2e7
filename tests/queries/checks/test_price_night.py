"""Night by night the same findings come out as if all prices were judged anew (rules section 12)."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from datetime import UTC, date, datetime, timedelta
from decimal import Decimal

import pytest
from flask import Flask
from hypothesis import HealthCheck, Phase, given, settings
from hypothesis import strategies as st
from sqlalchemy import delete, select, update

from clinic_orders.actions.price_marks import keep_price_mark
from clinic_orders.models.base import db
from clinic_orders.models.catalogue import Price
from clinic_orders.models.deliveries import Shipment
from clinic_orders.models.exchange import ImportBatch
from clinic_orders.models.orders import OrderLine
from clinic_orders.models.policy import PolicyValue
from clinic_orders.models.price_marks import PriceInput, PriceMark
from clinic_orders.models.roster import Commitment
from clinic_orders.models.sales import SaleLine
from clinic_orders.models.stock import ShelfPrice
from clinic_orders.queries.checks import check, price_looks, price_news
from clinic_orders.queries.checks.price_looks import Look, Widening
from clinic_orders.queries.checks.price_night import RULES, Night, tonight
from clinic_orders.rules.days import Month, start_of_day
from clinic_orders.rules.findings import Finding, in_order
from clinic_orders.rules.markup import Posted, SaleSeen
from clinic_orders.rules.parties import SYSTEM, InstitutionKind
from clinic_orders.rules.roster import CommitmentLetter, Days
from tests.examples import examples
from tests.prices_world import (
    CLINIC,
    CODES,
    ITEMS,
    KINDS,
    PHARMACY,
    clear_prices,
    ids,
    make_prices_world,
    purchase,
    put_letter,
    put_policy,
    put_posting,
    put_price,
    put_purchase,
    put_sale,
    put_states,
)

pytestmark = pytest.mark.both_databases

FIRST = date(2026, 3, 27)
MONTHS = (Month(2026, 2), Month(2026, 3), Month(2026, 4))
PRICES = st.sampled_from(["3.36", "3.50", "2.80", "4.00"]).map(Decimal)
KINDS_OF_NEWS = [
    "sale",
    "sale",
    "sale",
    "sale",
    "correction",
    "taken back",
    "acceptance",
    "other acceptance",
    "price",
    "price gone",
    "letter",
    "letter ends",
    "policy",
    "posting",
    "kind",
    "left",
]

# What happens on a day: what, to whom and what, how many days from it, at which price.
news = st.tuples(
    st.sampled_from(KINDS_OF_NEWS),
    st.sampled_from(CODES),
    st.sampled_from(ITEMS),
    st.integers(-35, 3),
    PRICES,
)


class Diary:
    """What became known day by day, and the findings kept from night to night."""

    def __init__(self) -> None:
        self.number = 0
        # Only a receipt that came with a file can get another day.
        self.batch_id = db.session.scalars(select(ImportBatch.id)).first()
        self.kept: dict[tuple[str, ...], Finding] = {}

    def add(self, today: date, what: str, code: str, item: str, days: int, price: Decimal) -> None:
        """Write one piece of news as it is recorded at ten in the morning."""
        at = start_of_day(today) + timedelta(hours=10)
        day = today + timedelta(days)
        self.number += 1
        match what:
            case "sale":
                put_sale(code, item, SaleSeen(f"S{self.number}", "1", day, 28, price), at=at)
            case "correction" | "taken back":
                self._replace(at, price if what == "correction" else None)
            case "acceptance":
                moment = start_of_day(day) + timedelta(hours=9)
                seen = purchase(f"R{self.number}", moment, str(price))
                put_purchase(code, item, seen, at=at, batch_id=self.batch_id)
            case "other acceptance":
                self._change_acceptance(at, start_of_day(day) + timedelta(hours=9), price)
            case "price":
                db.session.execute(
                    delete(Price).where(Price.item_id == ids()[1][item], Price.valid_from == day)
                )
                put_price(item, day, price, at=at)
            case "price gone":
                db.session.execute(delete(Price).where(Price.item_id == ids()[1][item]))
            case "letter":
                letter = CommitmentLetter(day, None, price / 20)
                db.session.execute(
                    delete(Commitment).where(
                        Commitment.institution_id == ids()[0][code], Commitment.signed_on == day
                    )
                )
                put_letter(code, letter, at=at)
            case "letter ends":
                db.session.execute(
                    update(Commitment)
                    .where(Commitment.institution_id == ids()[0][code], Commitment.signed_on <= today)
                    .values(ends_on=today)
                )
            case "policy":
                value = ["higher_of", "purchase_price", "selected_price"][self.number % 3]
                kind = KINDS[code] if self.number % 2 else ""
                db.session.execute(
                    delete(PolicyValue).where(PolicyValue.kind == kind, PolicyValue.valid_from == day)
                )
                put_policy("markup.base", kind, day, value, at=at)
            case "posting":
                self._post(code, item, Posted(day, price), at)
            case "kind":
                other = InstitutionKind.RETAIL_PHARMACY
                put_states(code, [(date(2025, 1, 1), KINDS[code]), (day, other)], None)
            case _:
                put_states(code, None, [Days(date(2025, 1, 1), day)])
        db.session.commit()

    def _replace(self, at: datetime, amount: Decimal | None) -> None:
        line = db.session.scalars(select(SaleLine).where(SaleLine.replaced_at.is_(None))).first()
        if line is None:
            return
        line.replaced_at = at
        db.session.flush()
        if amount is not None:
            code = next(code for code, number in ids()[0].items() if number == line.institution_id)
            item = next(code for code, number in ids()[1].items() if number == line.item_id)
            sale = SaleSeen(line.sale_no, line.line_no, line.sold_on, 28, amount)
            put_sale(code, item, sale, at=at, replaces_id=line.id)

    def _change_acceptance(self, at: datetime, moment: datetime, price: Decimal) -> None:
        """As a file does that says something else of a receipt from a file, or of its order."""
        shipment = db.session.scalars(select(Shipment).order_by(Shipment.id)).first()
        if shipment is None:
            return
        if self.number % 2:
            db.session.execute(
                update(OrderLine).where(OrderLine.order_id == shipment.order_id).values(pack_price=price)
            )
            shipment.order.updated_at = at
        else:
            shipment.accepted_at = max(moment, shipment.order.submitted_at)
            shipment.updated_at = at
        db.session.flush()

    def _post(self, code: str, item: str, tag: Posted, at: datetime) -> None:
        old = db.session.scalars(
            select(ShelfPrice).where(
                ShelfPrice.institution_id == ids()[0][code],
                ShelfPrice.item_id == ids()[1][item],
                ShelfPrice.posted_on == tag.day,
                ShelfPrice.replaced_at.is_(None),
            )
        ).one_or_none()
        if old is not None:
            old.replaced_at = at
            db.session.flush()
        put_posting(code, item, tag, at=at, replaces_id=None if old is None else old.id)

    def night(self, as_of: date) -> Night:
        """Look at one in the morning, and keep what is found."""
        at = start_of_day(as_of) + timedelta(hours=1)
        night = tonight(as_of, at=at)
        codes, items = ({number: code for code, number in own.items()} for own in ids())
        for look in night.looks:
            looked = None if look.institution_ids is None else {codes[one] for one in look.institution_ids}
            own = None if look.pairs is None else {(codes[one], items[other]) for one, other in look.pairs}
            month = str(Month.of(look.as_of))
            self.kept = {
                key: one
                for key, one in self.kept.items()
                if one.period != month
                or (looked is not None and one.institution not in looked)
                or (own is not None and (one.institution, one.key) not in own)
            }
            for one in check(look.scope, RULES):
                self.kept[one.rule, one.institution or "", one.key or "", one.period] = one
        if night.mark is not None:
            keep_price_mark(night.mark, by=SYSTEM, at=at)
        return night

    def anew(self, as_of: date) -> list[Finding]:
        """All months computed whole."""
        looks = [Look(min(month.last_day, as_of), None) for month in MONTHS if month.first_day <= as_of]
        return in_order(one for look in looks for one in check(look.scope, RULES))


@pytest.fixture
def world(app: Flask) -> None:
    make_prices_world()


def clear() -> None:
    clear_prices()
    for code in CODES:
        put_states(code, None, None)
    for table in (PriceMark, PriceInput):
        db.session.execute(delete(table))
    db.session.commit()


@settings(
    max_examples=examples(40),
    deadline=None,
    # Shrinking a case means writing it anew a thousand times; the first one found says enough.
    phases=[Phase.explicit, Phase.reuse, Phase.generate],
    suppress_health_check=[HealthCheck.function_scoped_fixture],
)
@given(
    days=st.lists(st.lists(news, max_size=4), min_size=3, max_size=7),
    few_lines=st.sampled_from([0, 1, price_news.FEW_LINES]),
    most_pairs=st.sampled_from([0, 1, price_looks.MOST_PAIRS]),
)
def test_every_night_leaves_what_a_full_computation_finds(world, few_lines, most_pairs, days):
    clear()
    with few(few_lines, most_pairs):
        follow(days)


@contextmanager
def few(lines: int, pairs: int) -> Iterator[None]:
    """From how many lines on each is judged, and from how many pairs on institutions are looked at wholly."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(price_news, "FEW_LINES", lines)
        patch.setattr(price_looks, "MOST_PAIRS", pairs)
        yield


def follow(days) -> None:
    """Every night of some days, each held against a full computation."""
    diary = Diary()
    put_price("LY001", date(2026, 1, 1), Decimal("3.36"))
    put_price("LY002", date(2026, 1, 1), Decimal("2.80"))
    db.session.commit()
    for place, happened in enumerate(days):
        today = FIRST + timedelta(place)
        for one in happened:
            diary.add(today, *one)
        as_of = today + timedelta(1)
        diary.night(as_of)
        assert [one.as_json() for one in in_order(diary.kept.values())] == [
            one.as_json() for one in diary.anew(as_of)
        ]


def sale(number: int, day: date, amount: str) -> SaleSeen:
    return SaleSeen(f"S{number}", "1", day, 28, Decimal(amount))


def test_a_quiet_night_looks_at_nobody_and_new_sales_in_order_at_nobody(world):
    clear()
    diary = Diary()
    put_price("LY001", date(2026, 1, 1), Decimal("3.36"))
    put_sale(CLINIC, "LY001", sale(1, FIRST, "9.99"), at=start_of_day(FIRST) - timedelta(hours=9))
    db.session.commit()
    assert diary.night(FIRST).looks == [Look(FIRST, None)]
    assert len(diary.kept) == 1
    second = FIRST + timedelta(1)
    put_sale(CLINIC, "LY001", sale(2, FIRST, "3.36"), at=start_of_day(second) - timedelta(hours=9))
    db.session.commit()
    assert diary.night(second).looks == []
    third = second + timedelta(1)
    put_sale(PHARMACY, "LY001", sale(3, second, "9.99"), at=start_of_day(third) - timedelta(hours=9))
    db.session.commit()
    pharmacy = ids()[0][PHARMACY]
    pair = (pharmacy, ids()[1]["LY001"])
    assert diary.night(third).looks == [Look(third, frozenset({pharmacy}), frozenset({pair}))]
    assert diary.night(third + timedelta(2)).looks == []


def test_a_price_that_came_late_reaches_back_into_the_months_it_changes(world):
    clear()
    diary = Diary()
    put_price("LY001", date(2026, 1, 1), Decimal("3.36"))
    for number, day in enumerate((date(2026, 2, 10), date(2026, 3, 10))):
        put_sale(CLINIC, "LY001", sale(number, day, "3.36"), at=start_of_day(FIRST))
    db.session.commit()
    diary.night(FIRST)
    assert diary.kept == {}
    put_price("LY001", date(2026, 2, 1), Decimal("3.00"), at=start_of_day(FIRST) + timedelta(hours=9))
    db.session.commit()
    night = diary.night(FIRST + timedelta(1))
    clinic, pair = ids()[0][CLINIC], (ids()[0][CLINIC], ids()[1]["LY001"])
    assert night.looks == [
        Look(day, frozenset({clinic}), frozenset({pair})) for day in (date(2026, 2, 28), FIRST + timedelta(1))
    ]
    assert [one.period for one in in_order(diary.kept.values())] == ["2026-02", "2026-03"]


def test_a_look_at_an_earlier_day_is_whole_and_moves_no_mark(world):
    clear()
    diary = Diary()
    put_price("LY001", date(2026, 1, 1), Decimal("3.36"))
    put_sale(CLINIC, "LY001", sale(1, FIRST, "9.99"), at=datetime(2026, 3, 27, tzinfo=UTC))
    db.session.commit()
    diary.night(FIRST + timedelta(2))
    night = diary.night(FIRST + timedelta(1))
    assert night.looks == [Look(FIRST + timedelta(1), None)]
    assert night.mark is None


def test_old_stock_at_what_it_cost_is_looked_at_no_more_and_dearer_stock_is(world):
    clear()
    diary = Diary()
    put_price("LY001", date(2026, 1, 1), Decimal("3.36"))
    bought = purchase("R1", start_of_day(FIRST) - timedelta(days=60), "4.00")
    put_purchase(CLINIC, "LY001", bought, at=bought.accepted_at)
    db.session.commit()
    diary.night(FIRST)
    second = FIRST + timedelta(1)
    put_sale(CLINIC, "LY001", sale(1, FIRST, "4.00"), at=start_of_day(second) - timedelta(hours=9))
    put_sale(PHARMACY, "LY001", sale(2, FIRST, "3.36"), at=start_of_day(second) - timedelta(hours=9))
    db.session.commit()
    assert diary.night(second).looks == []
    third = second + timedelta(1)
    put_sale(CLINIC, "LY001", sale(3, second, "4.01"), at=start_of_day(third) - timedelta(hours=9))
    db.session.commit()
    clinic, item = ids()[0][CLINIC], ids()[1]["LY001"]
    assert diary.night(third).looks == [Look(third, frozenset({clinic}), frozenset({(clinic, item)}))]


def test_a_line_that_is_not_committed_yet_is_below_no_mark(world):
    clear()
    diary = Diary()
    put_price("LY001", date(2026, 1, 1), Decimal("3.36"))
    night = start_of_day(FIRST) + timedelta(hours=1)
    numbers = [
        put_sale(CLINIC, "LY001", sale(number, date(2026, 3, 25), "3.36"), at=night - timedelta(hours=hours))
        for number, hours in ((1, 5), (2, 1), (3, 1))
    ]
    db.session.commit()
    # Somebody else's transaction has the number of the second one.
    db.session.execute(delete(SaleLine).where(SaleLine.id == numbers[1]))
    db.session.commit()
    assert diary.night(FIRST).mark.sale_line_id == numbers[0]
    assert diary.night(FIRST + timedelta(1)).mark.sale_line_id == numbers[2]


def test_who_is_looked_at_wholly_is_not_asked_for_single_items_as_well():
    found = Widening(date(2026, 4, 2))
    found.add(1, 7, date(2026, 3, 30), date(2026, 4, 1))
    found.add(1, None, date(2026, 4, 1), date(2026, 4, 30))
    found.add(2, 8, date(2026, 4, 1), date(2026, 4, 1))
    found.add(3, 8, date(2026, 4, 3), date(2026, 4, 3))
    march, april = date(2026, 3, 31), date(2026, 4, 2)
    assert found.looks() == [
        Look(march, frozenset({1}), frozenset({(1, 7)})),
        Look(april, frozenset({1})),
        Look(april, frozenset({2}), frozenset({(2, 8)})),
    ]
    found.add_all(date(2026, 4, 1))
    assert found.looks() == [Look(march, frozenset({1}), frozenset({(1, 7)})), Look(april, None)]
