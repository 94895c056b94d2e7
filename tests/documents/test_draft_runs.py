"""Drafts of many letters in one run: all that fit the filters, none that could be taken for a letter that was issued."""

from __future__ import annotations

import zipfile
from collections.abc import Callable, Iterator
from dataclasses import replace
from datetime import datetime, timedelta
from pathlib import Path

import pikepdf
import pypdfium2
import pytest
from flask import Flask
from sqlalchemy import func, select

from clinic_orders.actions import cases as deeds
from clinic_orders.actions.draft_runs import request_draft_run
from clinic_orders.documents.letters import DRAFT_MARK, letter_pdf
from clinic_orders.documents.letters.drafts import DRAFT_RUNS, make_part
from clinic_orders.documents.letters.press import set_letters
from clinic_orders.documents.letters.specimens import letter
from clinic_orders.documents.paper_runs import PDF, ZIP, RunPrinter
from clinic_orders.models.accounts import RoleAssignment
from clinic_orders.models.base import db
from clinic_orders.models.cases import CaseFile, CaseLetter
from clinic_orders.models.draft_runs import DraftRun
from clinic_orders.queries.cases import CasesWanted
from clinic_orders.rules.ladder import Level
from clinic_orders.rules.letter_runs import NoDraftFits
from clinic_orders.rules.letters import LetterContent, LetterNumber
from clinic_orders.rules.paper_runs import PaperRunState
from tests.cases_world import NOW, TODAY, World, found, issue, make_world, overdue
from tests.checking_client import CheckingClient
from tests.factories import FIRST_DAY

DRAFTS = CasesWanted(state="draft")


@pytest.fixture
def world(app: Flask, clock_at: Callable[[datetime], None]) -> Iterator[World]:
    clock_at(NOW)
    made = make_world()
    for number, code in enumerate(("V01", "P01", "M01")):
        deeds.open_case(found(overdue(code, f"PS{number}")), by=made.officer(), at=NOW)
    yield made
    db.session.rollback()


def numbers() -> list[str]:
    return list(db.session.scalars(select(CaseFile.number).order_by(CaseFile.id)))


def printed(instance: Path) -> tuple[DraftRun, Path]:
    """The only run, made, and the folder of its files."""
    printer = RunPrinter(instance, "here", replace(DRAFT_RUNS, in_part=2), processes=0)
    assert printer.run_waiting() == 1
    run = db.session.scalars(select(DraftRun)).one()
    return run, DRAFT_RUNS.folder_of(instance, run.token)


def pages(pdf: bytes) -> list[str]:
    paper = pypdfium2.PdfDocument(pdf)
    try:
        return ["".join(page.get_textpage().get_text_bounded().split()) for page in paper]
    finally:
        paper.close()


def test_a_run_prints_every_draft_that_fits_and_issues_nothing(world: World, tmp_path: Path) -> None:
    request_draft_run(DRAFTS, by=world.officer(), at=NOW)
    run, folder = printed(tmp_path)
    assert (run.state, run.made, run.total, run.left_out) == (PaperRunState.DONE, 3, 3, {})
    with zipfile.ZipFile(folder / ZIP) as archive:
        names = archive.namelist()
    assert [name[:9] for name in names] == ["00001-草稿-", "00002-草稿-", "00003-草稿-"]
    assert [one for one, name in zip(numbers(), names, strict=True) if one in name] == numbers()
    with pikepdf.open(folder / PDF) as whole, whole.open_outline() as outline:
        assert str(whole.docinfo.Title).startswith("草稿（无效力）")
        assert all(str(one.title).startswith("草稿 ") for one in outline.root)
        assert len(outline.root) == 3
    assert db.session.scalar(select(func.count()).select_from(CaseLetter)) == 0


def test_no_page_of_a_draft_can_be_taken_for_one_of_an_issued_letter(world: World, tmp_path: Path) -> None:
    request_draft_run(DRAFTS, by=world.officer(), at=NOW)
    _run, folder = printed(tmp_path)
    with zipfile.ZipFile(folder / ZIP) as archive:
        single = [pages(archive.read(name)) for name in archive.namelist()]
    for one in (*single, pages((folder / PDF).read_bytes())):
        assert all("".join(DRAFT_MARK.split()) in text for text in one), "the mark stands on every page"
        assert "（草稿，未编号）" in one[0]
        assert not any("扫码核验" in text for text in one)
    # The same letter once it is issued has what the draft has not.
    issue(case_of(numbers()[0]), Level.REMINDER, by=world.officer())
    sent = db.session.scalars(select(CaseLetter)).one()
    text = "".join(pages(sent_pdf(sent.content)))
    assert "草稿" not in text
    assert "扫码核验" in text
    assert (sent.number or "?") in text


def case_of(number: str) -> CaseFile:
    return db.session.scalars(select(CaseFile).where(CaseFile.number == number)).one()


def sent_pdf(text: str) -> bytes:
    content = LetterContent.from_canonical(text)
    return set_letters([replace(content, demo=False)], address="https://orders.example.cn")[0].pdf


def test_the_press_refuses_to_print_an_issued_letter_as_a_draft(tmp_path: Path) -> None:
    with pytest.raises(ValueError, match="no draft"):
        make_part(tmp_path, 0, 0, [("AJ1", letter(serial=3).canonical())], {})
    token_alone = replace(letter(serial=None), token="t" * 20)
    with pytest.raises(ValueError, match="no draft"):
        make_part(tmp_path, 0, 0, [("AJ1", token_alone.canonical())], {})


def test_a_draft_with_an_address_has_neither_code_nor_place_for_a_seal_either_way_it_is_made() -> None:
    draft = letter(serial=None)
    own = "https://orders.example.cn"
    for pdf in (letter_pdf(draft, address=own), set_letters([draft], address=own)[0].pdf):
        assert not any("扫码核验" in text or "印章位置" in text for text in pages(pdf))
    numbered = replace(draft, number=LetterNumber("洛医保函", 2026, 3), token="sample-token-00000003")
    for pdf in (letter_pdf(numbered, address=own), set_letters([numbered], address=own)[0].pdf):
        assert any("扫码核验" in text and "印章位置" in text for text in pages(pdf))


def test_what_can_not_go_out_as_it_stands_is_left_out_and_said(world: World, tmp_path: Path) -> None:
    first, second, _third = numbers()
    # An interview needs a place, which nobody has typed yet; a case was withdrawn after the wish.
    case_of(first).suggested_level = int(Level.INTERVIEW)
    db.session.commit()
    request_draft_run(DRAFTS, by=world.officer(), at=NOW)
    deeds.withdraw_case(second, "重复", by=world.officer(), at=NOW)
    run, _folder = printed(tmp_path)
    assert (run.state, run.made) == (PaperRunState.DONE, 3)
    assert set(run.left_out) == {first, second}
    assert run.left_out[second]["message"] == "This case is no draft any more."


def test_a_run_of_which_nothing_can_go_out_ends_all_the_same(world: World, tmp_path: Path) -> None:
    request_draft_run(DRAFTS, by=world.officer(), at=NOW)
    for number in numbers():
        deeds.withdraw_case(number, "重复", by=world.officer(), at=NOW)
    run, folder = printed(tmp_path)
    assert run.state is PaperRunState.DONE
    assert len(run.left_out) == 3
    with zipfile.ZipFile(folder / ZIP) as archive:
        assert archive.namelist() == []


def test_filters_choose_a_county_its_own_and_nothing_is_refused(world: World) -> None:
    assert request_draft_run(DRAFTS, by=world.officer("song"), at=NOW).total == 1
    assert request_draft_run(replace(DRAFTS, county="410325"), by=world.officer(), at=NOW).total == 1
    with pytest.raises(NoDraftFits):
        request_draft_run(replace(DRAFTS, words="查无此人"), by=world.officer(), at=NOW)


def test_who_may_not_write_letters_any_more_gets_no_drafts(world: World, tmp_path: Path) -> None:
    run = request_draft_run(DRAFTS, by=world.officer(), at=NOW)
    for one in db.session.scalars(select(RoleAssignment).where(RoleAssignment.user_id == run.by_id)):
        one.valid_from, one.valid_to = FIRST_DAY, TODAY - timedelta(days=1)
    db.session.commit()
    RunPrinter(tmp_path, "here", DRAFT_RUNS, processes=0).run_waiting()
    run = db.session.scalars(select(DraftRun)).one()
    assert run.state is PaperRunState.FAILED
    assert "DrafterGone" in run.error


def test_the_list_of_drafts_leads_to_a_run_and_its_page_names_what_was_left_out(
    app: Flask, client: CheckingClient, world: World
) -> None:
    client.log_in(world.users["city"])
    assert "批量预览" not in client.get("/cases/?state=issued", status=200).get_data(as_text=True)
    client.get("/cases/?state=draft", status=200)
    client.submit("form[action='/draft-runs/']")
    run = db.session.scalars(select(DraftRun)).one()
    client.get(f"/draft-runs/{run.id}", status=200)
    assert "已生成 0 / 3 份" in client.page.text
    deeds.withdraw_case(numbers()[0], "重复", by=world.officer(), at=NOW)
    instance: Path = app.extensions["settings"].instance
    assert RunPrinter(instance, "here", DRAFT_RUNS, processes=0).run_waiting() == 1
    client.get(f"/draft-runs/{run.id}", status=200)
    assert "1 份草稿还不能发出" in client.page.text
    assert "这个案件已不是草稿" in client.page.text
    for form, begins in (("pdf", b"%PDF"), ("zip", b"PK")):
        file = client.get(f"/draft-runs/{run.id}/drafts.{form}", status=200)
        assert file.data.startswith(begins)
        assert f"drafts-{run.id}.{form}" in file.headers["Content-Disposition"]
        file.close()
    client.get("/draft-runs/", status=200)


def test_a_county_does_not_see_the_drafts_of_another(client: CheckingClient, world: World) -> None:
    run = request_draft_run(DRAFTS, by=world.officer("song"), at=NOW)
    client.log_in(world.users["yi"])
    client.get(f"/draft-runs/{run.id}", status=404)
    client.get(f"/draft-runs/{run.id}/drafts.pdf", status=404)
