"""Selling and posted prices: the ordered passes and the plain rules agree on random facts (R-PRICE-1 to R-PRICE-5)."""

from __future__ import annotations

from datetime import date, timedelta
from decimal import Decimal

import pytest
from flask import Flask
from hypothesis import HealthCheck, Phase, given, settings
from hypothesis import strategies as st

from clinic_orders.queries import duties
from clinic_orders.queries.checks import Scope, check
from clinic_orders.queries.checks.over_markup import NotJudged, unjudged
from clinic_orders.queries.roster import standing
from clinic_orders.rules.days import start_of_day
from clinic_orders.rules.findings import CheckRule, in_order
from clinic_orders.rules.markup import Posted, SaleSeen
from clinic_orders.rules.parties import InstitutionKind
from clinic_orders.rules.roster import CommitmentLetter, Days
from tests.examples import examples
from tests.files_world import take_well
from tests.prices_world import (
    CLINIC,
    CODES,
    ITEMS,
    PHARMACY,
    PRIVATE,
    Facts,
    clear_prices,
    ids,
    make_prices_world,
    purchase,
)

pytestmark = pytest.mark.both_databases

RULES = (CheckRule.OVER_MARKUP, CheckRule.OVER_SHELF_PRICE)
MONTH = date(2026, 3, 1)
DAYS = st.dates(date(2026, 2, 20), date(2026, 4, 3))
EARLIER = st.dates(date(2025, 12, 1), date(2026, 4, 3))
PRICES = st.sampled_from(["3.36", "3.50", "3.3650", "2.80", "0.125", "4.00"]).map(Decimal)
RATES = st.none() | st.sampled_from(["0", "0.05", "0.15", "0.1234"]).map(Decimal)
# Shrinking a case means writing it anew a thousand times; the first one found says enough.
WITHOUT_SHRINKING = settings(
    max_examples=examples(40),
    deadline=None,
    phases=[Phase.explicit, Phase.reuse, Phase.generate],
    suppress_health_check=[HealthCheck.function_scoped_fixture],
)


@st.composite
def sales(draw: st.DrawFn, number: int) -> tuple[str, str, SaleSeen]:
    """A sale near some price, so that cents decide; now and then what a customer brought back."""
    units = draw(st.sampled_from([1, 10, 14, 28, 56, -28]))
    worth = draw(PRICES) * (1 + (draw(RATES) or 0)) * abs(units) / 28
    cents = worth.quantize(Decimal("0.01")) + Decimal(draw(st.integers(-2, 2))) / 100
    amount = -abs(cents) if units < 0 else max(cents, Decimal("0.00"))
    sale = SaleSeen(f"S{draw(st.integers(1, 3))}-{number}", "1", draw(DAYS), units, amount)
    return draw(st.sampled_from(CODES)), draw(st.sampled_from(ITEMS)), sale


@st.composite
def facts(draw: st.DrawFn) -> Facts:
    found = Facts()
    for item in ITEMS:
        days = draw(st.lists(EARLIER, max_size=2, unique=True))
        found.prices[item] = [(day, draw(PRICES)) for day in days]
    for code in CODES:
        for signed in draw(st.lists(EARLIER, max_size=2, unique=True)):
            ends = draw(
                st.none() | st.integers(0, 40).map(lambda days, first=signed: first + timedelta(days))
            )
            found.letters.setdefault(code, []).append(CommitmentLetter(signed, ends, draw(RATES)))
    if draw(st.booleans()):
        left = draw(DAYS)
        again = draw(st.none() | st.integers(2, 10).map(lambda days: left + timedelta(days)))
        found.spells[PHARMACY] = [Days(date(2025, 1, 1), left), *([Days(again)] if again else [])]
    if draw(st.booleans()):
        kinds = [InstitutionKind.PRIVATE_INSTITUTION, InstitutionKind.RETAIL_PHARMACY]
        found.states[PRIVATE] = [(date(2025, 1, 1), kinds[0]), (draw(DAYS), kinds[1])]
    for name, values in (
        ("markup.base", ["higher_of", "purchase_price", "selected_price"]),
        ("markup.rounding", ["half_up", "down"]),
        ("markup.base_days", ["0", "5", "30", "90"]),
        ("markup.cap", ["", "0", "0.10"]),
    ):
        for kind, day in draw(
            st.lists(st.tuples(st.sampled_from(["", "retail_pharmacy"]), EARLIER), max_size=2, unique=True)
        ):
            found.policies.append((name, kind, day, draw(st.sampled_from(values))))
    for number in range(draw(st.integers(0, 8))):
        pair = draw(st.sampled_from(CODES)), draw(st.sampled_from(ITEMS))
        moment = start_of_day(draw(EARLIER)) + timedelta(hours=draw(st.sampled_from([0, 9, 23])))
        one = purchase(f"R{draw(st.integers(1, 9))}-{number}", moment, str(draw(PRICES)))
        found.purchases.setdefault(pair, []).append(one)
    found.sales = [draw(sales(number)) for number in range(draw(st.integers(1, 14)))]
    for code, item, day in draw(
        st.lists(st.tuples(st.sampled_from(CODES), st.sampled_from(ITEMS), DAYS), max_size=4, unique=True)
    ):
        found.postings.setdefault((code, item), []).append(Posted(day, draw(PRICES)))
    return found


@pytest.fixture
def world(app: Flask) -> None:
    make_prices_world()


@WITHOUT_SHRINKING
@given(drawn=facts(), as_of=st.dates(date(2026, 3, 1), date(2026, 3, 31)))
def test_the_passes_and_the_rules_agree(world, drawn, as_of):
    clear_prices()
    book = drawn.store()
    expected = in_order(drawn.findings(MONTH, as_of, book))
    found = check(Scope(as_of), RULES)
    assert [one.as_json() for one in found] == [one.as_json() for one in expected]
    assert [one.rows for one in found] == [one.rows for one in expected]
    # The card of one institution asks first whether anything may be too dear, and must not leave out what is.
    for code, number in ids()[0].items():
        own = standing(number, on=as_of)
        card = duties.sold(number, own.kind, own.scale, Scope(as_of, [number]))
        assert list(card.findings) == [one for one in expected if one.institution == code]


@WITHOUT_SHRINKING
@given(drawn=facts())
def test_what_is_not_judged_is_listed_with_its_reason(world, drawn):
    clear_prices()
    book = drawn.store()
    as_of = date(2026, 3, 31)
    expected = set()
    for code, item, sale in drawn.sales:
        if not MONTH <= sale.day <= as_of or sale.base_units < 0 or not drawn.member(code, sale.day):
            continue
        if drawn.rate(code, sale.day, book) is None:
            expected.add((code, item, NotJudged.NO_PROMISE, (sale.sale_no, "1")))
        elif drawn.base(code, item, sale.day, book) is None:
            expected.add((code, item, NotJudged.NO_PRICE, (sale.sale_no, "1")))
    found = unjudged(Scope(as_of))
    assert {(one.institution, one.item_code, one.why, row) for one in found for row in one.rows} == expected
    assert sum(one.lines for one in found) == len(expected)


def sold(number: str, day: int, units: int, amount: str) -> SaleSeen:
    return SaleSeen(number, "1", date(2026, 3, day), units, Decimal(amount))


def test_the_example_of_the_rule_a_pack_of_28_at_3_36_sold_in_pieces(world):
    clear_prices()
    drawn = Facts(prices={"LY002": [(date(2026, 1, 1), Decimal("3.36"))]})
    drawn.sales = [(CLINIC, "LY002", sold("S1", 3, 10, "1.20")), (CLINIC, "LY002", sold("S2", 4, 10, "1.21"))]
    drawn.store()
    (found,) = check(Scope(date(2026, 3, 31)), [CheckRule.OVER_MARKUP])
    assert found.as_json() == {
        "rule": "over_markup",
        "grade": "violation",
        "institution": CLINIC,
        "distributor": None,
        "key": "LY002",
        "period": "2026-03",
        "formula": "allowed = 3.36 × (1 + 0.00) × 10 / 28 → 1.20; 1.21 > 1.20; Σ excess = 0.01",
        "lines": 1,
        "base_units": 10,
        "excess": "0.01",
        "worst_rate": "0.0083",
    }
    assert found.rows == (("sale", "S2/1"),)


def test_stock_bought_before_a_price_cut_may_be_sold_at_cost(world):
    clear_prices()
    drawn = Facts(
        prices={"LY002": [(date(2026, 1, 1), Decimal("4.00")), (date(2026, 3, 10), Decimal("3.00"))]}
    )
    moment = start_of_day(date(2026, 3, 1)) + timedelta(hours=9)
    drawn.purchases[CLINIC, "LY002"] = [purchase("R1", moment, "4.00")]
    drawn.sales = [
        (CLINIC, "LY002", sold("S1", 20, 28, "4.00")),
        (PHARMACY, "LY002", sold("S2", 20, 28, "4.00")),
    ]
    drawn.store()
    found = check(Scope(date(2026, 3, 31)), [CheckRule.OVER_MARKUP])
    # The pharmacy bought nothing at the old price: 3.00 with 15 % is 3.45.
    assert [(one.institution, one.as_json()["excess"]) for one in found] == [(PHARMACY, "0.55")]


def test_a_line_that_was_put_right_is_judged_as_it_stands(world):
    clear_prices()
    drawn = Facts(prices={"LY002": [(date(2026, 1, 1), Decimal("3.36"))]})
    drawn.store()
    row = {
        "institution_code": CLINIC,
        "sale_no": "S1",
        "line_no": "1",
        "item_code": "LY002",
        "base_units": 28,
    }
    at = start_of_day(date(2026, 3, 5)) + timedelta(hours=10)
    take_well("sales", row | {"sold_at": at, "amount": Decimal("33.60")})
    assert len(check(Scope(date(2026, 3, 31)), [CheckRule.OVER_MARKUP])) == 1
    take_well("sales", row | {"sold_at": at, "amount": Decimal("3.36")})
    assert check(Scope(date(2026, 3, 31)), [CheckRule.OVER_MARKUP]) == []


def test_only_the_institutions_asked_for_are_looked_at(world):
    clear_prices()
    drawn = Facts(prices={"LY002": [(date(2026, 1, 1), Decimal("3.36"))]})
    drawn.sales = [(code, "LY002", sold("S1", 3, 28, "9.99")) for code in (CLINIC, PHARMACY)]
    drawn.postings = {
        (code, "LY002"): [Posted(date(2026, 3, 1), Decimal("9.00"))] for code in (CLINIC, PHARMACY)
    }
    drawn.store()
    found = check(Scope(date(2026, 3, 31), institution_ids=[ids()[0][PHARMACY]]), RULES)
    assert [(one.rule, one.institution) for one in found] == [(rule, PHARMACY) for rule in sorted(RULES)]
