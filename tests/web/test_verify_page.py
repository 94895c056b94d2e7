"""Whoever scans the code on a letter learns that it is real, and nothing that only its addressee should know."""

from __future__ import annotations

from collections.abc import Iterator

import pytest
from flask import Flask

from clinic_orders.actions import cases as deeds
from clinic_orders.models.base import db
from clinic_orders.models.cases import CaseLetter
from clinic_orders.rules.ladder import LetterState, Level
from tests.cases_world import NOW, World, found, issue, make_world, overdue
from tests.checking_client import CheckingClient


@pytest.fixture
def world(app: Flask) -> Iterator[World]:
    yield make_world()
    db.session.rollback()


@pytest.fixture
def letter(world: World) -> CaseLetter:
    officer = world.officer()
    case = deeds.open_case(found(overdue("V01", "PS1")), by=officer, at=NOW)
    return issue(case, Level.REMINDER, by=officer)


def page(client: CheckingClient, token: str | None, status: int = 200) -> str:
    found = client.get(f"/verify/{token}", status=status)
    return found.get_data(as_text=True)


def test_a_letter_is_confirmed_with_number_date_issuer_and_hash(
    client: CheckingClient, letter: CaseLetter
) -> None:
    text = page(client, letter.token)
    assert "这份文书确由医保局发出" in text
    for words in (letter.number, "2026年11月20日", "洛阳市医疗保障局", "提醒函", letter.sha256):
        assert words is not None
        assert words in text
    assert len(text.encode()) < 50_000


def test_the_party_and_what_is_held_against_it_stand_on_the_paper_only(
    client: CheckingClient, world: World, letter: CaseLetter
) -> None:
    text = page(client, letter.token)
    assert world.clinic.records[-1].name not in text
    assert "＊" in text
    assert "逾期" not in text
    assert "5.10" not in text


def test_a_code_that_nobody_issued_is_said_to_be_unknown(client: CheckingClient, letter: CaseLetter) -> None:
    for token in ("x" * 43, (letter.token or "")[:-1], "%E4%B8%AD"):
        text = page(client, token, 404)
        assert "查无此文书" in text
        assert "公开电话" in text


def test_a_revoked_letter_is_said_to_have_no_force(client: CheckingClient, letter: CaseLetter) -> None:
    letter.state = LetterState.REVOKED
    db.session.flush()
    text = page(client, letter.token)
    assert "这份文书已经撤销" in text
    assert "确由医保局发出" not in text


def test_machines_that_try_codes_are_slowed_down(app: Flask) -> None:
    plain = app.test_client()
    seen = {plain.get(f"/verify/{number}").status_code for number in range(62)}
    assert seen == {404, 429}
