"""The words and the order of a list."""

from __future__ import annotations

import pytest
from flask import Flask
from sqlalchemy import select

from clinic_orders.models.base import db
from clinic_orders.models.roster import Distributor
from clinic_orders.queries.lists import in_order, with_words
from tests.factories import LONG_AGO

pytestmark = pytest.mark.both_databases
NAMES = {"D1": "安康医药", "D2": "50%折扣医药", "D3": "安康_大药房"}


@pytest.fixture(autouse=True)
def distributors(app: Flask) -> None:
    db.session.add_all(
        Distributor(code=code, name=name, recorded_at=LONG_AGO) for code, name in NAMES.items()
    )
    db.session.flush()


def found(words: str) -> list[str]:
    wanted = select(Distributor.code).where(*with_words(words, Distributor.name, Distributor.code))
    return list(db.session.scalars(wanted.where(Distributor.code.in_(NAMES)).order_by(Distributor.code)))


def test_every_word_has_to_stand_in_one_of_the_columns_in_any_case() -> None:
    assert found("医药") == ["D1", "D2"]
    assert found("医药 d2") == ["D2"]
    assert found("") == found("  ") == ["D1", "D2", "D3"]


def test_signs_that_mean_anything_to_the_database_mean_themselves() -> None:
    assert (found("%"), found("_"), found("康%药"), found("\\")) == (["D2"], ["D3"], [], [])


def test_a_word_may_be_found_elsewhere_too() -> None:
    also_first = select(Distributor.code).where(
        *with_words("大药房 d", Distributor.name, also=lambda word: Distributor.code == word.upper() + "3")
    )
    assert list(db.session.scalars(also_first)) == ["D3"]


def test_an_order_turns_round_as_a_whole() -> None:
    columns = {"kind": Distributor.name.contains("医药")}
    wanted = select(Distributor.code).where(Distributor.code.in_(NAMES))
    up, down = (
        list(db.session.scalars(wanted.order_by(*in_order(sort, columns, Distributor.code))))
        for sort in ("kind", "-kind")
    )
    assert up == ["D3", "D1", "D2"]
    assert down == up[::-1]
