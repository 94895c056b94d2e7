"""``letter`` at the console: the last letter of a case, or the next one as a draft."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from datetime import datetime
from pathlib import Path

import pytest
from flask import Flask

from clinic_orders.actions import cases as deeds
from clinic_orders.cli import run
from clinic_orders.models.base import db
from clinic_orders.models.cases import CaseFile
from clinic_orders.rules.ladder import Level
from tests.cases_world import NOW, World, found, issue, make_world, overdue
from tests.documents.test_letters import pages


@pytest.fixture
def world(app: Flask, clock_at: Callable[[datetime], None]) -> Iterator[World]:
    clock_at(NOW)
    yield make_world()
    db.session.rollback()


@pytest.fixture
def case(world: World) -> CaseFile:
    return deeds.open_case(found(overdue("V01", "PS1")), by=world.officer(), at=NOW)


def letter(app: Flask, *arguments: str) -> int:
    with pytest.raises(SystemExit) as left:
        run(lambda: app, ["letter", *arguments])
    assert isinstance(left.value.code, int)
    return left.value.code


def test_the_last_letter_of_a_case_is_written(
    app: Flask, world: World, case: CaseFile, tmp_path: Path
) -> None:
    issued = issue(case, Level.REMINDER, by=world.officer())
    out = tmp_path / "letter.pdf"
    assert letter(app, case.number, "-o", str(out), "--address", "https://orders.example.cn") == 0
    whole = "".join(pages(out.read_bytes()))
    assert issued.number is not None
    assert issued.number in whole
    assert "尚欠" in whole
    assert "扫码核验" in whole


def test_the_next_letter_is_shown_as_a_draft(app: Flask, case: CaseFile, tmp_path: Path) -> None:
    out = tmp_path / "draft.pdf"
    assert letter(app, case.number, "-o", str(out), "--preview") == 0
    whole = "".join(pages(out.read_bytes()))
    assert "草稿·无效力" in whole
    assert "提醒函" in whole


def test_what_is_not_there_is_refused_in_words(
    app: Flask, case: CaseFile, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    out = tmp_path / "none.pdf"
    assert letter(app, "AJ2026-9999", "-o", str(out)) == 1
    assert "there is no case AJ2026-9999" in capsys.readouterr().err
    assert letter(app, case.number, "-o", str(out)) == 1
    assert "no letter has been issued" in capsys.readouterr().err
    assert letter(app, case.number) == 2
    assert not out.exists()
