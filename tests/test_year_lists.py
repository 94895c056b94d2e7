"""Notices of missed reports go out by themselves, the preference list when it is published."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import UTC, date, datetime
from typing import Any

import pytest
from flask import Flask
from sqlalchemy import select

from clinic_orders.actions import incentives
from clinic_orders.jobs import find_job
from clinic_orders.jobs.job import Outcome
from clinic_orders.models.base import db
from clinic_orders.models.incentives import YearListEntry
from clinic_orders.models.notices import Notice
from clinic_orders.queries.incentives import to_be_warned
from clinic_orders.rules.incentives import ListTooEarly, NobodyNew, NoThresholdSet, YearList
from clinic_orders.rules.parties import Role
from tests.assessment_world import CITY, keep_month, own_figures
from tests.checking_client import CheckingClient
from tests.files_world import take_well
from tests.people import NOW, SONG, People, make_people

NEXT_YEAR = datetime(2027, 1, 4, 2, tzinfo=UTC)


@pytest.fixture
def people(app: Flask) -> Iterator[People]:
    found = make_people()
    keep_month("2026-09", {"V01": own_figures(reports_received=1), "H01": own_figures()}, county=SONG, at=NOW)
    keep_month("2026-10", {"V01": own_figures(reports_received=1), "H01": own_figures()}, county=SONG, at=NOW)
    # Of the running month a report may still come.
    keep_month("2026-11", {"H01": own_figures(reports_received=0)}, county=SONG, at=NOW)
    yield found
    db.session.rollback()


def run(name: str, at: datetime) -> Outcome:
    outcome = Outcome()
    find_job(name).work(at.date(), at, outcome)
    return outcome


def test_two_missed_reports_bring_one_notice_a_year_by_themselves(people: People) -> None:
    assert [line.code for line in to_be_warned(2026, on=date(2026, 11, 20))] == ["V01"]
    for _ in range(2):
        assert run("warn-of-missed-reports", NOW).failures == 0
    told = db.session.execute(select(Notice.kind, Notice.institution_id, Notice.county_code)).all()
    assert set(told) == {
        ("reports_missed", people.institutions["clinic"].id, None),
        ("reports_missed_here", None, SONG),
    }
    assert len(told) == 2
    entry = db.session.scalars(select(YearListEntry)).one()
    assert (entry.list, entry.missed) == (YearList.NOTICE, 2)


def test_the_preference_list_is_published_once_for_each(people: People) -> None:
    with pytest.raises(NoThresholdSet):
        incentives.publish_preference(2026, by=CITY, at=NEXT_YEAR)
    take_well("policies", {"parameter": "incentive.purchase", "value": "0", "valid_from": date(2026, 1, 1)})
    with pytest.raises(ListTooEarly):
        incentives.publish_preference(2026, by=CITY, at=NOW)
    keep_month("2026-12", {"V02": own_figures()}, county=SONG, at=NEXT_YEAR)
    assert incentives.publish_preference(2026, by=CITY, at=NEXT_YEAR) == 1
    with pytest.raises(NobodyNew):
        incentives.publish_preference(2026, by=CITY, at=NEXT_YEAR)
    assert db.session.scalars(select(Notice.institution_id)).all() == [people.institutions["elsewhere"].id]


def test_the_page_publishes_and_shows_who_was_told(
    client: CheckingClient, people: People, clock_at: Any
) -> None:
    take_well("policies", {"parameter": "incentive.purchase", "value": "0", "valid_from": date(2026, 1, 1)})
    clock_at(NEXT_YEAR)
    keep_month("2026-12", {"V02": own_figures()}, county=SONG, at=NEXT_YEAR)
    client.log_in(people.users[Role.CITY])
    client.get("/incentives/?year=2026&list=preference", status=200)
    assert client.submit("main form[method=post]").status_code == 303
    page = client.get("/incentives/?year=2026&list=preference", status=200).get_data(as_text=True)
    assert "2027" in page.partition("通知日期")[2]
    assert client.submit("main form[method=post]").status_code == 409
