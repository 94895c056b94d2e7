"""Trace codes: what the database leaves over and the plain rules find the same on random lives of packs (R-TRACE-2)."""

from __future__ import annotations

from datetime import date, timedelta
from random import Random

import pytest
from flask import Flask
from hypothesis import HealthCheck, Phase, given, settings
from hypothesis import strategies as st

from clinic_orders.queries.checks import Scope, check, sold_beyond_stock, trace_codes, trace_missing
from clinic_orders.rules.findings import CheckRule, in_order
from clinic_orders.rules.roster import Days
from tests.examples import examples
from tests.prices_world import CODES, ITEMS, JOINED, ids, make_prices_world
from tests.traces_world import Back, History, Received, Sold, moment

pytestmark = pytest.mark.both_databases

RULES = (*trace_codes.RULES, *trace_missing.RULES, *sold_beyond_stock.RULES)
FIRST = date(2026, 2, 10)
PACKS = (
    "8100001" + "0" * 13,
    "8100001" + "1" * 13,
    "8100002" + "0" * 13,
    "8199999" + "0" * 13,
    "8199999" + "1" * 13,
    "(01)06901234567892(21)7",
    "(01)06901234567892(10)B1",
)


def draw(dice: Random) -> History:
    """Few packs, so that their ways cross; days around two month ends."""

    def when() -> float:
        return dice.choice([0, 0.5, 8, 15.9, 23.9])

    def day() -> date:
        return FIRST + timedelta(days=dice.choice([-60, -31, *range(52)]))

    history = History()
    history.products = {"8100001": ("LY001", 28), "8100002": (dice.choice(ITEMS), dice.choice([28, 1]))}
    for _ in range(dice.randint(1, 9)):
        packs = dice.sample(PACKS, dice.choice([0, 1, 1, 1, 1, 2, 3]))
        units = dice.choice([28, 28, 28, 14, 5, 56, 84, -28, -14, -3])
        item = dice.choice([*ITEMS, None]) if packs else dice.choice(ITEMS)
        history.sales.append(Sold(dice.choice(CODES), item, moment(day(), when()), units, tuple(packs)))
    for _ in range(dice.randint(0, 5)):
        packs = dice.sample(PACKS, dice.choice([0, 1, 2, 3]))
        accepted = day()
        history.receipts.append(
            Received(
                dice.choice(CODES),
                dice.choice(ITEMS),
                None if dice.random() < 0.1 else moment(accepted, when()),
                dice.choice([0, len(packs), len(packs), len(packs), len(packs) + 1]),
                tuple((pack, dice.random() < 0.85) for pack in packs),
                None if dice.random() < 0.3 else moment(accepted - timedelta(dice.choice([0, 1, 3])), when()),
                dice.choice([date(2030, 1, 1), day()]),
            )
        )
    for place, one in enumerate(history.receipts):
        if one.accepted_at is not None and dice.random() < 0.5:
            back = (
                None if dice.random() < 0.1 else one.accepted_at + timedelta(days=dice.choice([0, 1, 2, 9]))
            )
            history.returns.append(Back(place, back, tuple(dice.sample(PACKS, dice.choice([0, 1, 2])))))
    counted = {(dice.choice(CODES), dice.choice(ITEMS), day()) for _ in range(dice.choice([0, 0, 1, 3]))}
    history.counts = [(*key, dice.choice([0, 10, 60])) for key in sorted(counted)]
    if dice.random() < 0.3:
        history.spells[dice.choice(CODES)] = [Days(JOINED, day())]
    return history


@pytest.fixture
def world(app: Flask) -> None:
    make_prices_world()


@settings(
    max_examples=examples(25),
    deadline=None,
    # Shrinking a case means writing it anew a thousand times; the first one found says enough.
    phases=[Phase.explicit, Phase.reuse, Phase.generate],
    suppress_health_check=[HealthCheck.function_scoped_fixture],
)
@given(seed=st.integers(0, 2**32))
def test_sql_and_rules_find_the_same(world, seed):
    history = draw(Random(seed))
    history.store()
    for as_of in (date(2026, 2, 28), date(2026, 3, 17), date(2026, 3, 31)):
        found = [one.as_json() for one in check(Scope(as_of), RULES)]
        expected = [one.as_json() for one in in_order(history.findings(as_of))]
        # The passing of the ledger knows how low it went; the rule is asked for the days only.
        for one in (*found, *expected):
            if one["rule"] == CheckRule.SOLD_BEYOND_STOCK:
                one.pop("formula")
        assert found == expected


def test_only_what_was_asked_for_is_looked_at(world):
    history = History(products={"8100001": ("LY001", 28)})
    for code in CODES:
        history.sales.append(Sold(code, "LY002", moment(date(2026, 3, 5), 9), 28, (PACKS[0],)))
    history.store()
    everybody = check(Scope(date(2026, 3, 31)), RULES)
    assert {one.rule for one in everybody} == {
        CheckRule.TRACE_REPEAT_NEAR,
        CheckRule.TRACE_NOT_RECEIVED,
        CheckRule.TRACE_WRONG_ITEM,
    }
    nobody = check(Scope(date(2026, 3, 31), institution_ids=[]), RULES)
    assert nobody == []
    one = check(Scope(date(2026, 3, 31), institution_ids=[ids()[0][CODES[0]]]), RULES)
    assert {found.institution for found in one} == {None, CODES[0]}
