"""The measurement of growth runs from end to end and tells a law of everything; no time is held against a clock."""

from __future__ import annotations

from pathlib import Path

import pytest

from clinic_orders.app import create_app
from clinic_orders.cli.benchmark.scale.measures import DISK, IMPORT, ORDER, measure_scale
from clinic_orders.exchange.demonstration import world

TINY = world.Scale(world.SMALL_COUNTIES, hospitals=0, clinics=16, shops=4, distributors=6)


def test_a_province_grows_and_everything_is_measured_at_each_step(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setitem(world.SCALES, "small", TINY)
    told = measure_scale(create_app, "sqlite", tmp_path, "small", 2, [1, 2], lambda _words: None)
    first, second = told["rows"]
    assert (first["prefectures"], second["prefectures"]) == (1, 2)
    assert second["institutions"] > 1.5 * first["institutions"]
    assert min(first["order_lines"], first["sale_lines"]) > 0
    figures = told["figures"]
    assert {DISK, ORDER, IMPORT, "closing a month", "db check", "check volume_behind"} <= figures.keys()
    for what, figure in figures.items():
        assert all(value > 0 for value in figure["values"]), what
        assert {"exponent", "of_60000", "last_exponent", "last_of_60000"} <= figure.keys(), what
    assert figures[DISK]["exponent"] > 0
