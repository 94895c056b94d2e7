"""The jobs as pages: times, runs, running one by hand."""

from datetime import timedelta

import pytest
from flask import Flask
from sqlalchemy import select

from clinic_orders import jobs
from clinic_orders.models.audit import AuditEntry
from clinic_orders.models.base import db
from clinic_orders.models.jobs import JobRun, RunState
from clinic_orders.rules.parties import Role
from clinic_orders.web.jobs import times_of
from tests.people import NOW, make_people


@pytest.fixture
def people(app):
    return make_people()


def make_runs(count, **more):
    for number in range(count):
        moment = NOW - timedelta(hours=number)
        values = {"job": "watch-jobs", "state": RunState.DONE} | more
        db.session.add(
            JobRun(
                scheduled_at=moment,
                as_of=moment.date(),
                started_at=moment,
                heartbeat_at=moment,
                ended_at=moment,
                **values,
            )
        )
    db.session.commit()


@pytest.mark.parametrize("role", [Role.CITY, Role.OPERATOR])
def test_city_and_operator_see_the_jobs_with_their_times(client, people, role):
    client.log_in(people.users[role])
    page = client.get("/jobs/", status=200).page
    for job in jobs.JOBS:
        assert job.name in page.text
    assert "每天 0:10" in page.text
    assert "每 10 分钟" in page.text


def test_times_of_a_month_and_an_hour_are_said_others_stand_as_they_are(app):
    assert times_of("0 3 1 * *") == "每月 1 日 3:00"
    assert times_of("30 23 last * *") == "每月最后一天 23:30"
    assert times_of("20 * * * *") == "每小时第 20 分"
    assert times_of("0 3 * * 1") == "0 3 * * 1"


def test_a_job_is_run_by_hand_shown_and_written_down(client, people):
    client.log_in(people.users[Role.OPERATOR])
    client.get("/jobs/", status=200)
    answer = client.submit("form[action='/jobs/record-lapsed-orders/run']", as_of="2026-11-01")
    run = db.session.scalars(select(JobRun)).one()
    assert (run.trigger, run.state, run.as_of.isoformat()) == ("manual", RunState.DONE, "2026-11-01")
    assert answer.location == f"/jobs/runs/{run.id}"
    page = client.get(answer.location, status=200).page
    assert "2026 年 11 月 1 日" in page.text
    entry = db.session.scalars(select(AuditEntry).order_by(AuditEntry.id.desc()).limit(1)).one()
    assert (entry.deed, entry.subject, entry.actor_name) == ("run_job", "record-lapsed-orders", "王桂兰")


def test_a_failed_run_shows_its_error(client, people, monkeypatch):
    def fail(*_args):
        raise ArithmeticError("the night went wrong")

    only = (jobs.Job("try", "Report missed and failed jobs", "10 0 * * *", fail),)
    monkeypatch.setattr(jobs, "JOBS", only)
    monkeypatch.setattr("clinic_orders.jobs.schedule.JOBS", only)
    client.log_in(people.users[Role.CITY])
    client.get("/jobs/", status=200)
    answer = client.submit("form[action='/jobs/try/run']")
    page = client.get(answer.location, status=200).page
    assert "the night went wrong" in page.one("pre").text
    assert "失败" in page.text


def test_a_day_that_is_none_and_a_job_that_is_none_are_refused(client, people):
    client.log_in(people.users[Role.CITY])
    client.get("/jobs/", status=200)
    answer = client.submit("form[action='/jobs/watch-jobs/run']", as_of="2026-02-30")
    assert answer.status_code == 400
    assert "2026-02-30" in answer.page.one(".error-summary").text
    assert client.post("/jobs/nothing/run", data={"as_of": "2026-01-01"}).status_code == 404
    assert db.session.query(JobRun).count() == 0


def test_the_history_is_filtered_paged_and_goes_out(client, people, count_sql):
    make_runs(60)
    make_runs(2, job="record-lapsed-orders", state=RunState.FAILED, error="x")
    client.log_in(people.users[Role.CITY])
    page = client.get("/jobs/", status=200).page
    assert "第 1–50 条，共 62 条" in page.text
    page = client.get("/jobs/", query_string={"state": "failed"}, status=200).page
    assert "第 1–2 条，共 2 条" in page.text
    assert client.get("/jobs/?format=csv", status=200).get_data(as_text=True).count("\r\n") == 63
    counts = []
    for address in ("/jobs/?state=failed", "/jobs/"):
        with count_sql() as seen:
            client.get(address, status=200)
        counts.append(seen.count)
    assert counts[0] == counts[1]


def test_no_job_shows_when_it_runs_in_the_clock_s_own_signs(app: Flask) -> None:
    with app.test_request_context():
        assert [job.name for job in jobs.JOBS if times_of(job.cron) == job.cron] == []
