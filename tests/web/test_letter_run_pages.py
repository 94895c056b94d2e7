"""A bureau chooses letters, sees how far they are and fetches them in one file; nobody else does."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from datetime import datetime
from pathlib import Path

import pytest
from flask import Flask
from sqlalchemy import select

from clinic_orders.actions import cases as deeds
from clinic_orders.documents.letters.runs import LETTER_RUNS
from clinic_orders.documents.paper_runs import RunPrinter
from clinic_orders.models.base import db
from clinic_orders.models.letter_runs import LetterRun
from clinic_orders.rules.ladder import Level
from clinic_orders.rules.paper_runs import PaperRunState
from tests.cases_world import NOW, World, found, issue, make_world, overdue
from tests.checking_client import CheckingClient

FORM = "main form[method=post]"


@pytest.fixture
def world(app: Flask, clock_at: Callable[[datetime], None]) -> Iterator[World]:
    clock_at(NOW)
    made = make_world()
    officer = made.officer()
    for number, code in enumerate(("V01", "P01")):
        case = deeds.open_case(found(overdue(code, f"PS{number}")), by=officer, at=NOW)
        issue(case, Level.REMINDER, by=officer)
    yield made
    db.session.rollback()


def text(client: CheckingClient, address: str, status: int = 200) -> str:
    return client.get(address, status=status).get_data(as_text=True)


def test_letters_are_chosen_printed_and_fetched(app: Flask, client: CheckingClient, world: World) -> None:
    client.log_in(world.users["city"])
    text(client, "/letter-runs/")
    client.submit(FORM, first_day="2026-11-01", last_day="2026-11-20")
    run = db.session.scalars(select(LetterRun)).one()
    shown = text(client, f"/letter-runs/{run.id}")
    assert "批量打印 2 份文书" in shown
    assert "已生成 0 / 2 份" in shown
    instance: Path = app.extensions["settings"].instance
    assert RunPrinter(instance, "here", LETTER_RUNS, processes=0).run_waiting() == 1
    assert "合并 PDF" in text(client, f"/letter-runs/{run.id}")
    for form, begins in (("pdf", b"%PDF"), ("zip", b"PK")):
        found = client.get(f"/letter-runs/{run.id}/letters.{form}")
        assert found.data.startswith(begins)
        found.close()
    text(client, f"/letter-runs/{run.id}/letters.exe", 404)


def test_days_that_hold_no_letter_are_refused_and_stay_in_the_form(
    client: CheckingClient, world: World
) -> None:
    client.log_in(world.users["city"])
    text(client, "/letter-runs/")
    answer = client.submit(FORM, first_day="2026-10-01", last_day="2026-10-02").get_data(as_text=True)
    assert "没有符合条件的文书" in answer
    assert 'value="2026-10-01"' in answer
    answer = client.submit(FORM, first_day="2026-10-05", last_day="2026-10-02").get_data(as_text=True)
    assert "截止日期早于起始日期" in answer


def test_a_run_is_cancelled_from_its_page(client: CheckingClient, world: World) -> None:
    client.log_in(world.users["city"])
    text(client, "/letter-runs/")
    client.submit(FORM, first_day="2026-11-01", last_day="2026-11-20")
    run = db.session.scalars(select(LetterRun)).one()
    text(client, f"/letter-runs/{run.id}?still=1")
    client.submit(f"form[action='/letter-runs/{run.id}/cancel']")
    assert run.state is PaperRunState.CANCELLED


def test_a_county_does_not_see_the_runs_of_another(client: CheckingClient, world: World) -> None:
    client.log_in(world.users["song"])
    text(client, "/letter-runs/")
    client.submit(FORM, first_day="2026-11-01", last_day="2026-11-20")
    run = db.session.scalars(select(LetterRun)).one()
    assert run.total == 1
    client.log_in(world.users["yi"])
    text(client, f"/letter-runs/{run.id}", 404)
