"""Jobs run once a slot whoever runs them, catch up what was missed, and never stop at one bad record."""

from __future__ import annotations

import threading
from collections.abc import Callable
from datetime import UTC, date, datetime, timedelta

import pytest
from flask import Flask
from sqlalchemy import select

from clinic_orders import jobs
from clinic_orders.actions import jobs as runs
from clinic_orders.jobs.job import each
from clinic_orders.models.base import db
from clinic_orders.models.jobs import JobRun, RunState
from clinic_orders.rules.days import SHANGHAI
from clinic_orders.rules.parties import SYSTEM

NIGHT = datetime(2026, 11, 22, 0, 30, tzinfo=SHANGHAI).astimezone(UTC)


def _job(work: Callable[[date, datetime, jobs.Outcome], None], **more: object) -> jobs.Job:
    return jobs.Job("try", "A job of the tests", "10 0 * * *", work, **more)  # type: ignore[arg-type]


def _runs() -> list[JobRun]:
    return list(db.session.scalars(select(JobRun).order_by(JobRun.scheduled_at, JobRun.attempt)))


def test_a_slot_is_run_once_and_written_down(app: Flask, clock_at: Callable[[datetime], None]) -> None:
    clock_at(NIGHT)
    done: list[date] = []

    def work(as_of: date, _at: datetime, outcome: jobs.Outcome) -> None:
        done.append(as_of)
        outcome.rows_read, outcome.changed = 3, 2

    job = _job(work)
    slot = jobs.missed_slots(job, NIGHT)[-1]
    assert jobs.run_slot(job, slot) is not None
    assert jobs.run_slot(job, slot) is None
    assert done == [date(2026, 11, 22)]
    (run,) = _runs()
    assert (run.state, run.rows_read, run.changed, run.failures) == (RunState.DONE, 3, 2, 0)
    assert run.scheduled_at == datetime(2026, 11, 22, 0, 10, tzinfo=SHANGHAI)


@pytest.mark.both_databases
def test_two_schedulers_make_one_run(committed_app: Flask) -> None:
    done: list[int] = []
    start = threading.Barrier(4)
    job = _job(lambda _as_of, _at, _outcome: done.append(1))
    slot = datetime(2026, 11, 21, 16, 10, tzinfo=UTC)
    failures: list[BaseException] = []

    def scheduler() -> None:
        try:
            with committed_app.app_context():
                start.wait(10)
                jobs.run_slot(job, slot)
                db.session.remove()
        except BaseException as error:
            failures.append(error)

    threads = [threading.Thread(target=scheduler) for _ in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join(30)
    assert not failures
    assert done == [1]
    with committed_app.app_context():
        assert [run.state for run in _runs()] == [RunState.DONE]


def test_after_three_dead_days_each_missed_day_is_run_in_order(
    app: Flask, clock_at: Callable[[datetime], None]
) -> None:
    days: list[date] = []
    job = _job(lambda as_of, _at, _outcome: days.append(as_of))
    clock_at(NIGHT - timedelta(days=4))
    for slot in jobs.missed_slots(job, NIGHT - timedelta(days=4)):
        jobs.run_slot(job, slot)
    days.clear()
    clock_at(NIGHT)
    for slot in jobs.missed_slots(job, NIGHT):
        jobs.run_slot(job, slot)
    assert days == [date(2026, 11, 19), date(2026, 11, 20), date(2026, 11, 21), date(2026, 11, 22)]
    assert jobs.missed_slots(job, NIGHT) == []


def test_a_job_that_looks_at_the_present_only_catches_up_its_newest_slot(
    app: Flask, clock_at: Callable[[datetime], None]
) -> None:
    job = _job(lambda _as_of, _at, _outcome: None, catch_up=False)
    clock_at(NIGHT - timedelta(days=4))
    jobs.run_slot(job, jobs.missed_slots(job, NIGHT - timedelta(days=4))[-1])
    clock_at(NIGHT)
    assert jobs.missed_slots(job, NIGHT) == [datetime(2026, 11, 22, 0, 10, tzinfo=SHANGHAI)]


def test_a_failing_job_is_written_down_and_tried_three_times(
    app: Flask, clock_at: Callable[[datetime], None]
) -> None:
    clock_at(NIGHT)

    def work(_as_of: date, _at: datetime, _outcome: jobs.Outcome) -> None:
        raise RuntimeError("the disk is full")

    job = _job(work)
    slot = datetime(2026, 11, 21, 16, 10, tzinfo=UTC)
    for _ in range(5):
        jobs.run_slot(job, slot)
    found = _runs()
    assert [(run.state, run.attempt) for run in found] == [
        (RunState.FAILED, 1),
        (RunState.FAILED, 2),
        (RunState.FAILED, 3),
    ]
    assert "the disk is full" in found[0].error
    assert slot not in jobs.missed_slots(job, NIGHT)


def test_a_run_whose_process_died_is_taken_over_after_ten_silent_minutes(app: Flask) -> None:
    slot = datetime(2026, 11, 21, 16, 10, tzinfo=UTC)

    def claim(at: datetime) -> JobRun | None:
        return runs.claim_run(
            "try", scheduled_at=slot, as_of=date(2026, 11, 22), worker="w", by=SYSTEM, at=at
        )

    assert claim(NIGHT) is not None
    assert claim(NIGHT + timedelta(minutes=9)) is None
    again = claim(NIGHT + timedelta(minutes=11))
    assert again is not None
    assert again.attempt == 2
    assert [run.state for run in _runs()] == [RunState.FAILED, RunState.RUNNING]


def test_one_bad_record_does_not_stop_the_night(app: Flask) -> None:
    outcome = jobs.Outcome()
    seen: list[int] = []

    def deed(record_id: int) -> None:
        if record_id == 2:
            raise RuntimeError("bad record")
        seen.append(record_id)

    each([1, 2, 3], deed, outcome)
    assert seen == [1, 3]
    assert (outcome.rows_read, outcome.changed, outcome.failures) == (3, 2, 1)


def test_every_job_has_its_own_name_and_a_valid_time() -> None:
    names = [job.name for job in jobs.JOBS]
    assert len(set(names)) == len(names)
    for job in jobs.JOBS:
        assert next(iter(job.slots(NIGHT - timedelta(days=100), NIGHT))) <= NIGHT


def test_an_unknown_job_is_refused_with_what_to_do(app: Flask) -> None:
    with pytest.raises(runs.UnknownJob, match="no-such-job"):
        jobs.run_now("no-such-job")
