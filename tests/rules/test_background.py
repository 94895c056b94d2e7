"""The steps of work behind the scenes: the same for every kind, and none out of an end."""

from __future__ import annotations

from typing import Any

import pytest

from clinic_orders.rules.background import Course, MovedOn, Step
from clinic_orders.rules.export_jobs import EXPORT, ExportState
from clinic_orders.rules.import_jobs import IMPORT, ImportState
from clinic_orders.rules.paper_runs import PAPER_RUN, PaperRunState

COURSES = [(IMPORT, ImportState), (EXPORT, ExportState), (PAPER_RUN, PaperRunState)]


@pytest.mark.parametrize(("course", "states"), COURSES)
def test_what_is_open_can_be_claimed_and_cancelled_and_what_runs_can_be_given_back_or_up(
    course: Course[Any], states: Any
) -> None:
    for state in course.open:
        assert course.after(Step.CLAIM, state) in course.running
        assert course.after(Step.CANCEL, state) is states.CANCELLED
    for state in course.running:
        assert course.after(Step.RELEASE, state) is course.waiting
        assert course.after(Step.FAIL, state) is states.FAILED
    assert course.after(Step.RETRY, states.FAILED) is course.waiting


@pytest.mark.parametrize(("course", "states"), COURSES)
def test_an_end_is_an_end_and_every_state_can_be_reached(course: Course[Any], states: Any) -> None:
    for end in {states.DONE, states.CANCELLED}:
        assert not [step for step in Step if course.is_possible(step, end)]
        with pytest.raises(MovedOn):
            course.after(Step.CANCEL, end)
    assert {course.waiting, *course.steps.values()} == set(states)
