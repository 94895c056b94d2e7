"""The table of applications as a whole, geodesic distances, what keeps out, who decides alone."""

from __future__ import annotations

from datetime import date
from decimal import Decimal
from itertools import product
from math import asin, cos, radians, sin, sqrt

import pytest
from hypothesis import given
from hypothesis import strategies as st

from clinic_orders.rules.applications import (
    APPLICATION_OVER,
    APPLICATION_STEPS,
    ApplicationSide,
    ApplicationState,
    ApplicationStep,
    Condition,
    DecisionKind,
    Declared,
    Met,
    NegativeFact,
    Opinion,
    application_steps_open_to,
    check_application_step,
    check_not_kept_out,
    check_signature,
    check_window,
    needs_second_look,
    newest,
    next_window,
)
from clinic_orders.rules.applications.facts import KeptOutWhileItHolds, WindowClosed
from clinic_orders.rules.applications.letter import ClausesUnread, LetterVersionUnknown, MarkRefused
from clinic_orders.rules.applications.steps import ApplicationStepNotAllowed, SecondLookMissing
from clinic_orders.rules.geodesy import EQUATOR, Place, around, distance, whole_metres

TABLE = {(row.step, row.before, row.side): row.after for row in APPLICATION_STEPS}


@pytest.mark.parametrize("step", ApplicationStep)
def test_a_step_is_taken_from_its_states_by_its_sides_and_from_nowhere_else(step: ApplicationStep) -> None:
    for state, side in product([None, *ApplicationState], ApplicationSide):
        allowed = any((step, state, side) == key for key in TABLE)
        assert (step in application_steps_open_to({side}, state)) is allowed
        if allowed:
            after = check_application_step(step, state, {side})
            rows = [
                row for row in APPLICATION_STEPS if (row.step, row.before, row.side) == (step, state, side)
            ]
            assert after is rows[0].after
        else:
            with pytest.raises(ApplicationStepNotAllowed):
                check_application_step(step, state, {side})


def test_every_state_can_be_reached_and_left_unless_it_is_over() -> None:
    reached = {row.after for row in APPLICATION_STEPS}
    assert reached == set(ApplicationState)
    for state in ApplicationState:
        leaves = [row for row in APPLICATION_STEPS if row.before is state and row.after is not state]
        assert bool(leaves) is (state not in APPLICATION_OVER)


def test_nobody_looks_a_second_time_at_their_own_decision() -> None:
    with pytest.raises(SecondLookMissing):
        check_application_step(ApplicationStep.CONFIRM, ApplicationState.PROPOSED, {ApplicationSide.CITY})


def test_until_it_is_admitted_the_applicant_can_withdraw() -> None:
    for state in set(ApplicationState) - APPLICATION_OVER:
        assert ApplicationStep.WITHDRAW in application_steps_open_to({ApplicationSide.APPLICANT}, state)


# Distances -------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("one", "other", "metres"),
    [
        # One second of longitude and latitude at Luoyang: N·cos φ and M of WGS 84 at φ, worked out by hand.
        (("112.434468", "34.663041"), ("112.435468", "34.663041"), 91.66),
        (("112.434468", "34.663041"), ("112.434468", "34.664041"), 110.93),
        # Along the equator and the meridian.
        (("112", "0"), ("113", "0"), 111319.49),
        (("112", "0"), ("112", "1"), 110574.39),
        # Vincenty's own check line of the Australian survey.
        (("144.424867889", "-37.951033417"), ("143.926495528", "-37.652821139"), 54972.27),
    ],
)
def test_distances_agree_with_worked_examples(
    one: tuple[str, str], other: tuple[str, str], metres: float
) -> None:
    places = [Place(Decimal(lng), Decimal(lat)) for lng, lat in (one, other)]
    assert distance(*places) == pytest.approx(metres, abs=0.01)
    assert distance(*reversed(places)) == pytest.approx(metres, abs=0.01)


def by_curvature(one: Place, other: Place) -> float:
    """Another way to short distances: the two radii of curvature at the middle latitude."""
    square = 0.00669437999014
    middle = radians(float(one.lat + other.lat) / 2)
    bend = 1 - square * sin(middle) ** 2
    north = EQUATOR * (1 - square) / bend**1.5 * radians(float(other.lat - one.lat))
    east = EQUATOR / sqrt(bend) * cos(middle) * radians(float(other.lng - one.lng))
    return sqrt(north**2 + east**2)


HERE = st.builds(
    Place,
    st.decimals("111.1", "113.0", places=6),
    st.decimals("33.5", "35.1", places=6),
)
STEP = st.decimals("-0.02", "0.02", places=6)


@given(HERE, STEP, STEP)
def test_near_distances_agree_with_the_radii_of_curvature(
    place: Place, east: Decimal, north: Decimal
) -> None:
    other = Place(place.lng + east, place.lat + north)
    assert distance(place, other) == pytest.approx(by_curvature(place, other), abs=0.01)
    assert whole_metres(place, other) <= distance(place, other) < whole_metres(place, other) + 1


@given(HERE, HERE)
def test_far_distances_stay_near_the_sphere(one: Place, other: Place) -> None:
    lng, lat = radians(float(other.lng - one.lng)), radians(float(other.lat - one.lat))
    chord = (
        sin(lat / 2) ** 2 + cos(radians(float(one.lat))) * cos(radians(float(other.lat))) * sin(lng / 2) ** 2
    )
    assert distance(one, other) == pytest.approx(2 * 6_371_008.8 * asin(sqrt(chord)), rel=0.006, abs=0.01)


@given(HERE, STEP, STEP)
def test_the_box_around_a_place_holds_whatever_is_that_near(
    place: Place, east: Decimal, north: Decimal
) -> None:
    other = Place(place.lng + east, place.lat + north)
    low, high = around(place, distance(place, other))
    assert low.lng <= other.lng <= high.lng
    assert low.lat <= other.lat <= high.lat


# What keeps out, when one applies, who decides ----------------------------------------------------------


def test_what_holds_now_keeps_out_as_long_as_it_holds() -> None:
    said = dict.fromkeys(NegativeFact, Declared(holds=False))
    for fact in (NegativeFact.JUDGMENT_DEBTOR, NegativeFact.OTHER):
        with pytest.raises(KeptOutWhileItHolds):
            check_not_kept_out(said | {fact: Declared(holds=True)}, months=24, on=date(2030, 1, 1))


@given(st.dates(date(2024, 1, 1), date(2028, 12, 31)))
def test_the_window_is_the_first_month_of_a_quarter(day: date) -> None:
    window = next_window("first_month_of_quarter", on=day)
    assert window is not None
    first, last = window
    assert first.day == 1
    assert first.month in {1, 4, 7, 10}
    assert last >= day
    if day.month in {1, 4, 7, 10}:
        check_window("first_month_of_quarter", on=day)
        assert first <= day <= last
    else:
        with pytest.raises(WindowClosed):
            check_window("first_month_of_quarter", on=day)
    check_window(None, on=day)


def test_one_officer_decides_only_what_goes_against_nothing() -> None:
    for decision, opinion, found in product(DecisionKind, Opinion, (None, 299, 300)):
        met = [Met(Condition.DISTANCE, found, 300)]
        alone = decision is DecisionKind.ADMIT and opinion is Opinion.FAVOURABLE and found == 300
        assert needs_second_look(decision, opinion, met) is not alone


def test_a_letter_is_signed_when_every_clause_was_read() -> None:
    today = date(2026, 11, 22)
    clauses = [clause.number for clause in newest(today).clauses]
    with pytest.raises(ClausesUnread):
        check_signature("2026-1", read=clauses[:-1], signer="王秀英", mark="", on=today)
    with pytest.raises(LetterVersionUnknown):
        check_signature("2025-9", read=clauses, signer="王秀英", mark="", on=today)
    with pytest.raises(MarkRefused):
        check_signature("2026-1", read=clauses, signer="王秀英", mark='M1,1"/><script>', on=today)


def test_every_clause_names_the_rule_that_checks_it() -> None:
    for clause in newest(date(2026, 11, 22)).clauses:
        assert clause.rules
        assert clause.checks or "R-CASE-5" in clause.rules
