"""Letters as papers: red heading, number, body, annexes over pages, imprint, page numbers, verification."""

from __future__ import annotations

import io
import re

import pikepdf
import pypdfium2
import pytest

from clinic_orders.documents.letters import letter_html, letter_pdf, verify_address
from clinic_orders.documents.letters.specimens import LONG_NAME, letter
from clinic_orders.rules.findings import CheckRule
from clinic_orders.rules.letters import LetterContent, LetterKind

OWN = "https://orders.example.cn"


def pages(pdf: bytes) -> list[str]:
    """The text of each page without blanks."""
    paper = pypdfium2.PdfDocument(pdf)
    try:
        found = []
        for page in paper:
            text = page.get_textpage()
            found.append("".join(text.get_text_bounded().split()).replace("演示数据·无效力", ""))
            text.close()
            page.close()
        return found
    finally:
        paper.close()


@pytest.fixture(scope="module")
def long_one() -> tuple[LetterContent, bytes]:
    """A letter with a long name and an annex over several pages."""
    written = letter(LetterKind.INTERVIEW, (CheckRule.OVER_MARKUP,), findings=4, sales=15, party=LONG_NAME)
    return written, letter_pdf(written, address=OWN)


def test_a_letter_has_what_an_official_paper_has(long_one: tuple[LetterContent, bytes]) -> None:
    found = pages(long_one[1])
    assert found[0].startswith("洛阳市医疗保障局洛医保函〔2026〕17号约谈通知书")
    assert f"{LONG_NAME}：" in found[0]
    whole = "".join(found)
    for part in (
        "一、核查的情况",
        "二、依据",
        "三、约谈安排",
        "四、你单位的权利",
        "附件：1.",
        "印章位置",
        "扫码核验",
    ):
        assert part in whole, part
    assert "抄送：伊川县医疗保障局。洛阳市医疗保障局办公室2026年11月20日印发" in found[-1]
    assert all(f"—{number}—" in text for number, text in enumerate(found, start=1))


def test_no_word_of_a_letter_is_lost(long_one: tuple[LetterContent, bytes]) -> None:
    written, pdf = long_one
    whole = "".join(re.sub(r"—\d+—|\s", "", text) for text in pages(pdf))
    for section in written.sections:
        for paragraph in section.paragraphs:
            assert "".join(paragraph.split()) in whole, paragraph
    for annex in written.annexes:
        assert all("".join(cell.split()) in whole for row in annex.rows for cell in row)


def test_the_heading_of_a_long_annex_stands_on_each_of_its_pages(
    long_one: tuple[LetterContent, bytes],
) -> None:
    found = pages(long_one[1])
    title = "附件2超承诺加价率销售明细（60笔）数量按最小单位计。"
    listed = [text for text in found if "XS202610" in text]
    assert listed[0].startswith(title)
    assert len(listed) >= 3
    assert all(text.removeprefix(title).startswith("序号销售日期小票号药品数量金额") for text in listed)


def test_a_letter_is_set_in_a_chinese_font_that_it_carries(long_one: tuple[LetterContent, bytes]) -> None:
    with pikepdf.open(io.BytesIO(long_one[1])) as paper:
        fonts = {str(font.BaseFont) for page in paper.pages for font in page.Resources.Font.values()}
    assert any("CJK" in font or "Song" in font for font in fonts), fonts


def test_a_draft_says_on_every_page_that_it_has_no_force_and_bears_no_code() -> None:
    html = letter_html(letter(serial=None), address=OWN)
    assert "草稿 · 无效力" in html
    assert "（草稿，未编号）" in html
    assert "扫码核验" not in html


def test_the_code_leads_to_the_page_that_verifies_the_letter() -> None:
    assert verify_address(letter(), f"{OWN}/") == f"{OWN}/verify/sample-token-00000017"
    assert verify_address(letter(), "") == ""
    assert verify_address(letter(serial=None), OWN) == ""


@pytest.mark.parametrize("kind", LetterKind)
def test_every_kind_can_be_laid_out_and_names_are_escaped(kind: LetterKind) -> None:
    html = letter_html(letter(kind, party="<b>安和堂</b>"), address=OWN)
    assert "<b>安和堂" not in html
    assert "&lt;b&gt;安和堂" in html
