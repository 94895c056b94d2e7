"""Many letters behind the scenes: claimed once, printed part by part, gone on with after a crash, cancelled."""

from __future__ import annotations

import io
import zipfile
from collections.abc import Callable, Iterator
from dataclasses import replace
from datetime import datetime, timedelta
from pathlib import Path

import pikepdf
import pytest
from flask import Flask
from sqlalchemy import select

from clinic_orders.actions import cases as deeds
from clinic_orders.actions import paper_runs as run_deeds
from clinic_orders.actions.background import Claim
from clinic_orders.actions.letter_runs import request_letter_run
from clinic_orders.documents.letters.runs import LETTER_RUNS, make_part
from clinic_orders.documents.paper_runs import PDF, ZIP, RunPrinter
from clinic_orders.models.base import db
from clinic_orders.models.cases import CaseLetter
from clinic_orders.models.letter_runs import LetterRun
from clinic_orders.queries.letter_runs import LettersChosen
from clinic_orders.rules.background import MOST_FAILURES, SILENT_AFTER, MovedOn
from clinic_orders.rules.ladder import LetterState, Level
from clinic_orders.rules.letter_runs import NoLetterFits
from clinic_orders.rules.paper_runs import PaperRunState
from clinic_orders.rules.parties import SYSTEM
from clinic_orders.web.deed_names import DEEDS, SUBJECTS
from tests.cases_world import NOW, TODAY, World, found, issue, make_world, overdue

TODAYS = LettersChosen(TODAY, TODAY)


@pytest.fixture
def world(app: Flask, clock_at: Callable[[datetime], None]) -> Iterator[World]:
    clock_at(NOW)
    made = make_world()
    officer = made.officer()
    for number, code in enumerate(("V01", "P01", "M01")):
        case = deeds.open_case(found(overdue(code, f"PS{number}")), by=officer, at=NOW)
        issue(case, Level.REMINDER, by=officer)
    yield made
    db.session.rollback()


def asked(world: World, chosen: LettersChosen = TODAYS) -> LetterRun:
    return request_letter_run(chosen, address="https://orders.example.cn", by=world.officer(), at=NOW)


def printer(folder: Path, make: Callable[..., int] = make_part) -> RunPrinter[LetterRun]:
    return RunPrinter(folder, "here", replace(LETTER_RUNS, in_part=2, make_part=make), processes=0)


def folder_of(instance: Path, run: LetterRun) -> Path:
    return LETTER_RUNS.folder_of(instance, run.token)


def again(run_id: int) -> LetterRun:
    return db.session.scalars(select(LetterRun).where(LetterRun.id == run_id)).one()


def test_a_run_ends_with_a_zip_of_single_letters_and_one_pdf_of_all(world: World, tmp_path: Path) -> None:
    run = asked(world)
    number, folder = run.id, folder_of(tmp_path, run)
    assert printer(tmp_path).run_waiting() == 1
    run = again(number)
    assert (run.state, run.made, run.total) == (PaperRunState.DONE, 3, 3)
    with zipfile.ZipFile(folder / ZIP) as archive:
        names = archive.namelist()
        counts = []
        for name in names:
            with pikepdf.open(io.BytesIO(archive.read(name))) as paper:
                counts.append(len(paper.pages))
    assert len(names) == len(set(names)) == 3
    assert names[0].startswith("00001-洛医保提〔2026〕1号-")
    with pikepdf.open(folder / PDF) as paper, paper.open_outline() as outline:
        assert len(paper.pages) == sum(counts)
        titles = [str(one.title) for one in outline.root]
    assert [title.split()[1] for title in titles] == [f"洛医保提〔2026〕{place}号" for place in (1, 2, 3)]
    assert sorted(path.name for path in folder.iterdir()) == [PDF, ZIP]


def test_another_process_goes_on_behind_the_last_part(
    world: World, tmp_path: Path, clock_at: Callable[[datetime], None]
) -> None:
    run = asked(world)
    number, folder = run.id, folder_of(tmp_path, run)
    claimed = run_deeds.claim_run(LetterRun, "dead", by=SYSTEM, at=NOW)
    assert claimed is not None
    folder.mkdir(parents=True)
    texts = [db.session.get_one(CaseLetter, one).content for one in run.letter_ids]
    make_part(folder, 0, 0, texts[:2], "")
    assert printer(tmp_path).run_waiting() == 0
    clock_at(NOW + SILENT_AFTER + timedelta(seconds=1))
    printed = []

    def counting(folder: Path, part: int, first: int, texts: list[str], address: str) -> int:
        printed.append((part, first))
        return make_part(folder, part, first, texts, address)

    assert printer(tmp_path, counting).run_waiting() == 1
    assert printed == [(1, 2)]
    assert again(number).state is PaperRunState.DONE
    with pytest.raises(MovedOn):
        run_deeds.note_made(LetterRun, Claim(number, 1), 1, by=SYSTEM, at=NOW)


def test_a_run_is_claimed_once(world: World) -> None:
    asked(world)
    assert run_deeds.claim_run(LetterRun, "one", by=SYSTEM, at=NOW) is not None
    assert run_deeds.claim_run(LetterRun, "two", by=SYSTEM, at=NOW) is None


def test_a_run_that_breaks_off_again_and_again_is_given_up_and_can_go_on(
    world: World, tmp_path: Path
) -> None:
    number = asked(world).id

    def broken(*_: object) -> int:
        raise OSError("no space left")

    assert printer(tmp_path, broken).run_waiting() == MOST_FAILURES
    run = again(number)
    assert run.state is PaperRunState.FAILED
    assert "no space left" in run.error
    run_deeds.retry_run(LetterRun, number, by=world.officer(), at=NOW)
    assert printer(tmp_path).run_waiting() == 1
    assert again(number).state is PaperRunState.DONE


def test_a_cancelled_run_leaves_nothing_behind(world: World, tmp_path: Path) -> None:
    run = asked(world)
    folder = folder_of(tmp_path, run)
    folder.mkdir(parents=True)
    (folder / "part-00000.pdf").write_bytes(b"x")
    run_deeds.cancel_run(LetterRun, run.id, by=world.officer(), at=NOW)
    assert printer(tmp_path).run_waiting() == 0
    assert not folder.exists()
    with pytest.raises(MovedOn):
        run_deeds.cancel_run(LetterRun, run.id, by=world.officer(), at=NOW)


def test_a_county_prints_the_letters_of_its_own_institutions_only(world: World) -> None:
    run = request_letter_run(TODAYS, address="", by=world.officer("song"), at=NOW)
    assert run.total == 1
    assert run.county_code == "410325"


def test_what_is_revoked_signed_for_or_of_another_day_or_kind_is_left_out(world: World) -> None:
    first = db.session.scalars(select(CaseLetter).order_by(CaseLetter.id)).first()
    assert first is not None
    deeds.receive_letter(first.id, by=world.somebody(world.clinic), at=NOW)
    assert asked(world, LettersChosen(TODAY, TODAY, unsigned_only=True)).total == 2
    first.state = LetterState.REVOKED
    db.session.flush()
    assert asked(world).total == 2
    with pytest.raises(NoLetterFits):
        asked(world, LettersChosen(TODAY - timedelta(days=2), TODAY - timedelta(days=1)))


def test_every_deed_of_every_kind_of_run_has_a_name() -> None:
    for kind in run_deeds.NEEDS:
        subject = kind.__tablename__
        assert subject in SUBJECTS
        assert {f"{deed}_{subject}" for deed in ("request", "cancel", "retry", "fail", "finish")} <= set(
            DEEDS
        )
