"""The nearest designated pharmacy is the nearest of all, wherever they lie (R-ROSTER-2)."""

from __future__ import annotations

from decimal import Decimal

import pytest
from flask import Flask
from hypothesis import HealthCheck, Phase, given, settings
from hypothesis import strategies as st
from sqlalchemy import delete

from clinic_orders.models.base import db
from clinic_orders.models.pharmacies import DesignatedPharmacy
from clinic_orders.queries.pharmacies import nearest
from clinic_orders.rules.geodesy import Place, distance
from tests.examples import examples
from tests.people import NOW

# Around a village of Song county, from a few metres to the far end of the province.
offsets = st.integers(-2_000_000, 2_000_000) | st.integers(-3_000, 3_000)
HERE = Place(Decimal("112.085000"), Decimal("34.134000"))


def place(offset: tuple[int, int]) -> Place:
    return Place(HERE.lng + Decimal(offset[0]).scaleb(-6), HERE.lat + Decimal(offset[1]).scaleb(-6))


@pytest.mark.both_databases
@settings(
    max_examples=examples(20),
    deadline=None,
    phases=[Phase.explicit, Phase.reuse, Phase.generate],
    suppress_health_check=[HealthCheck.function_scoped_fixture],
)
@given(st.lists(st.tuples(offsets, offsets), max_size=6), st.tuples(offsets, offsets), st.booleans())
def test_the_nearest_is_the_nearest_of_all(
    app: Flask, offsets_: list[tuple[int, int]], asked: tuple[int, int], without_first: bool
) -> None:
    db.session.execute(delete(DesignatedPharmacy))
    there = {f"P{number}": place(offset) for number, offset in enumerate(offsets_)}
    db.session.add_all(
        DesignatedPharmacy(code=code, name=code, lng=one.lng, lat=one.lat, recorded_at=NOW)
        for code, one in there.items()
    )
    db.session.flush()
    but_for = ("P0",) if without_first else ()
    here = place(asked)
    # Plainly: measure to every one of them.
    plain = sorted(
        (metres, code)
        for code, one in there.items()
        if code not in but_for and (metres := distance(here, one)) <= 400_000
    )
    found = nearest(here, but_for=but_for)
    assert (None if found is None else (found.metres, found.code)) == (plain[0] if plain else None)
