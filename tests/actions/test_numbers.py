"""Numbers of papers: each once, in the order of their giving, without waiting for each other (decision 0058)."""

from __future__ import annotations

import threading
from concurrent.futures import ThreadPoolExecutor

import pytest
from flask import Flask

from clinic_orders.actions.numbers import ORDER, next_numbers, next_of_year, pass_over
from clinic_orders.actions.transaction import transaction
from clinic_orders.models.base import db
from tests.factories import NOW


class _GivenUp(Exception):
    """The deed fails."""


@pytest.mark.both_databases
def test_many_at_once_get_every_number_once(committed_app: Flask) -> None:
    def take(_turn: int) -> list[str]:
        with committed_app.app_context():
            try:
                with transaction():
                    return next_numbers(ORDER, 2, at=NOW)
            finally:
                db.session.remove()

    with ThreadPoolExecutor(6) as pool:
        given = sorted(number for part in pool.map(take, range(18)) for number in part)
    assert given == [f"CG20261120-{number:04d}" for number in range(1, 37)]


@pytest.mark.only_on(
    "postgresql", reason="SQLite has one writer: who takes a number there waits for it anyway"
)
def test_nobody_waits_for_a_deed_that_has_taken_its_number_and_is_not_done(committed_app: Flask) -> None:
    taken, ended = threading.Event(), threading.Event()

    def work_long() -> list[str]:
        with committed_app.app_context():
            try:
                with transaction():
                    numbers = next_numbers(ORDER, at=NOW)
                    taken.set()
                    assert ended.wait(20)
                    return numbers
            finally:
                db.session.remove()

    with ThreadPoolExecutor(1) as pool:
        long = pool.submit(work_long)
        assert taken.wait(20)
        with committed_app.app_context(), transaction():
            assert next_numbers(ORDER, at=NOW) == ["CG20261120-0002"]
        ended.set()
        assert long.result() == ["CG20261120-0001"]


@pytest.mark.both_databases
def test_what_a_failed_deed_had_taken_is_never_given_twice(committed_app: Flask, database: str) -> None:
    def fail() -> None:
        with transaction():
            assert (next_numbers(ORDER, at=NOW), next_of_year("函", 2026)) == (["CG20261120-0001"], 1)
            raise _GivenUp

    with committed_app.app_context():
        with pytest.raises(_GivenUp):
            fail()
        with transaction():
            # The year's papers are without gaps; the day's are where one writer works at a time.
            given = "CG20261120-0001" if database == "sqlite" else "CG20261120-0002"
            assert (next_numbers(ORDER, at=NOW), next_of_year("函", 2026)) == ([given], 1)


@pytest.mark.both_databases
def test_numbers_from_elsewhere_are_passed_over_within_the_same_deed(committed_app: Flask) -> None:
    with committed_app.app_context(), transaction():
        pass_over(["CG20261120-0007", "CG20261120-0003", "X-1"])
        assert next_numbers(ORDER, at=NOW) == ["CG20261120-0008"]
        pass_over(["CG20261120-0002"])
        assert next_numbers(ORDER, 2, at=NOW) == ["CG20261120-0009", "CG20261120-0010"]
