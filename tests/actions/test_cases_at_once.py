"""Numbers without gaps and letters once, whoever presses at the same time; on both databases."""

from __future__ import annotations

import threading
from collections.abc import Callable

import pytest
from flask import Flask
from sqlalchemy import select

from clinic_orders.actions import cases as deeds
from clinic_orders.actions.loading import ChangedMeanwhile
from clinic_orders.actions.roster import suspend_institution
from clinic_orders.models.base import db
from clinic_orders.models.cases import CaseFile, CaseLetter
from clinic_orders.rules.ladder import CaseStepNotAllowed, Level
from clinic_orders.rules.roster_records import SuspensionOverlaps
from tests.cases_world import (
    NOW,
    TODAY,
    confirm_all,
    found,
    fresh_key,
    make_world,
    overdue,
    proposed,
    request,
)

pytestmark = pytest.mark.both_databases
PEOPLE = 4


def at_once(app: Flask, deed: Callable[[int], object]) -> list[str]:
    """What each of several threads got that did the deed together."""
    barrier, results = threading.Barrier(PEOPLE), []

    def run(number: int) -> None:
        with app.app_context():
            barrier.wait(10)
            try:
                deed(number)
            except (ChangedMeanwhile, CaseStepNotAllowed):
                results.append("told")
            else:
                results.append("won")
            finally:
                db.session.remove()

    threads = [threading.Thread(target=run, args=(number,)) for number in range(PEOPLE)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join(60)
    return sorted(results)


def test_letters_of_several_cases_at_once_have_numbers_without_gaps(committed_app: Flask) -> None:
    with committed_app.app_context():
        world = make_world()
        officer = world.officer()
        numbers = [
            deeds.open_case(found(overdue("V01", f"PS{one}")), by=officer, at=NOW).number
            for one in range(PEOPLE)
        ]
        db.session.remove()

    def issue(one: int) -> None:
        deeds.issue_letter(numbers[one], request(Level.REMINDER), key=fresh_key(), by=officer, at=NOW)

    assert at_once(committed_app, issue) == ["won"] * PEOPLE
    with committed_app.app_context():
        serials = sorted(db.session.scalars(select(CaseLetter.serial)))
        db.session.remove()
    assert serials == [1, 2, 3, 4]


def test_one_form_pressed_by_four_at_once_issues_one_letter(committed_app: Flask) -> None:
    with committed_app.app_context():
        world = make_world()
        officer = world.officer()
        case = deeds.open_case(found(overdue("V01", "PS1")), by=officer, at=NOW)
        number, version, key = case.number, case.version, fresh_key()
        db.session.remove()

    def issue(_one: int) -> None:
        deeds.issue_letter(number, request(Level.REMINDER), key=key, seen_version=version, by=officer, at=NOW)

    assert at_once(committed_app, issue) == ["won"] * PEOPLE
    with committed_app.app_context():
        assert list(db.session.scalars(select(CaseLetter.serial))) == [1]
        db.session.remove()


def test_of_four_forms_at_once_one_issues_and_three_are_told(committed_app: Flask) -> None:
    with committed_app.app_context():
        world = make_world()
        officer = world.officer()
        case = deeds.open_case(found(overdue("V01", "PS1")), by=officer, at=NOW)
        number, version = case.number, case.version
        db.session.remove()

    def issue(_one: int) -> None:
        deeds.issue_letter(
            number, request(Level.REMINDER), key=fresh_key(), seen_version=version, by=officer, at=NOW
        )

    assert at_once(committed_app, issue) == ["told", "told", "told", "won"]


def test_a_finding_chosen_by_four_at_once_stands_in_one_case(committed_app: Flask) -> None:
    with committed_app.app_context():
        world = make_world()
        officer = world.officer()
        ids = found(overdue("V01", "PS1"))
        db.session.remove()
    results = []

    def open_it(_one: int) -> None:
        try:
            deeds.open_case(ids, by=officer, at=NOW)
        except deeds.InAnotherCase:
            results.append("told")

    at_once(committed_app, open_it)
    assert len(results) == PEOPLE - 1
    with committed_app.app_context():
        assert len(list(db.session.scalars(select(CaseFile.id)))) == 1
        db.session.remove()


def test_a_number_that_was_taken_for_nothing_is_given_back(committed_app: Flask) -> None:
    with committed_app.app_context():
        world = make_world()
        confirm_all()
        first = proposed(world, world.clinic, Level.SUSPENSION).number
        other = proposed(world, world.pharmacy, Level.SUSPENSION).number
        suspend_institution(
            "V01", first_day=TODAY, last_day=TODAY, reason="旧", document_no="旧", by=world.officer(), at=NOW
        )
        second = world.officer("second")
        with pytest.raises(SuspensionOverlaps):
            deeds.countersign_letter(first, by=second, at=NOW)
        letter = deeds.countersign_letter(other, by=second, at=NOW)
        assert letter.number == "洛医保停〔2026〕1号"
        db.session.remove()
