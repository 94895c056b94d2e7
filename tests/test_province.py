"""A province is one prefecture after another under codes of their own, the same every time; the law of its growth."""

from __future__ import annotations

from datetime import date, datetime, time
from decimal import Decimal

import pytest

from clinic_orders.cli.benchmark.scale.law import fitted
from clinic_orders.cli.demo import RECOMMENDED, rows_of
from clinic_orders.exchange.demonstration import Demonstration, files
from clinic_orders.exchange.demonstration.province import prefectures
from clinic_orders.exchange.divisions import read_divisions
from clinic_orders.rules.days import SHANGHAI

TODAY = date(2026, 11, 20)


def province(first: int, count: int) -> list[Demonstration]:
    """Some prefectures of two counties each, with all their rows."""
    made = []
    for world, places in prefectures(
        first, count, "small", months=1, seed=1, today=TODAY, now=datetime.combine(TODAY, time(), SHANGHAI),
        divisions=read_divisions(), items=rows_of(RECOMMENDED / "catalogue.csv"),
        prices={row["item_code"]: Decimal(row["pack_price"]) for row in rows_of(RECOMMENDED / "prices.csv")},
    ):  # fmt: skip
        world.rows["counties"] = places["counties"]
        for file in files(world):
            if file.name:
                world.rows.setdefault(file.kind, []).extend(file.rows)
        made.append(world)
    return made


@pytest.fixture(scope="module")
def two() -> list[Demonstration]:
    """The first two prefectures."""
    return province(0, 2)


@pytest.mark.parametrize(
    ("kind", "key"),
    [
        ("counties", "code"), ("institutions", "code"), ("distributors", "code"), ("orders", "order_no"),
        ("receipts", "receipt_no"), ("receipts", "invoice_no"),
    ],
)  # fmt: skip
def test_no_code_and_no_paper_of_one_prefecture_is_anothers(two, kind, key):
    first, second = ({row[key] for row in world.rows[kind] if row.get(key)} for world in two)
    assert first
    assert len(second) > len(first) / 2
    assert not first & second


def test_a_prefecture_is_the_same_whatever_part_of_the_province_is_asked_for(two):
    (alone,) = province(1, 1)
    assert alone.rows == two[1].rows


def test_every_institution_lies_in_a_county_of_its_own_prefecture(two):
    for world, prefix in zip(two, ("4103", "9001"), strict=True):
        assert {row["county_code"][:4] for row in world.rows["institutions"]} == {prefix}
        assert {row["code"][1:5] for row in world.rows["distributors"]} == {prefix}


def test_codes_that_belong_to_the_items_come_with_the_first_prefecture_only(two):
    assert "trace-products" in two[0].rows
    assert "trace-products" not in two[1].rows


def test_a_power_is_found_through_what_was_measured():
    law = fitted([100, 400, 1600], [5.0, 40.0, 320.0])
    assert round(law.exponent, 6) == 1.5
    assert round(law.at(6400)) == 2560


def test_what_does_not_grow_has_the_exponent_nought():
    assert abs(fitted([100, 400, 1600], [7, 7, 7]).exponent) < 1e-9
