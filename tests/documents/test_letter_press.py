"""Letters by the thousand look like single ones, page by page; and all of them go into one file."""

from __future__ import annotations

import io
from collections.abc import Iterator
from contextlib import contextmanager

import pikepdf
import pypdfium2
import pytest
from PIL import Image, ImageChops

from clinic_orders.documents.letters import letter_pdf
from clinic_orders.documents.letters.press import merged, set_letters
from clinic_orders.documents.letters.specimens import LONG_NAME, letter
from clinic_orders.rules.findings import CheckRule
from clinic_orders.rules.letters import LetterContent, LetterKind

OWN = "https://orders.example.cn"
# Of the half million dots of a page so many may be of quite another colour: edges of letters and thin rules.
DOTS = 1000
NOTE = "2026年11月18日现场查看，柜台没有“三进”专柜标识（见照片1、2）；价签写“0.25g×24粒/盒，7.50元”。"


@contextmanager
def opened(pdf: bytes) -> Iterator[pypdfium2.PdfDocument]:
    paper = pypdfium2.PdfDocument(pdf)
    try:
        yield paper
    finally:
        paper.close()


def texts(pdf: bytes) -> list[str]:
    """The characters of each page; the order in which they are drawn does not matter."""
    found = []
    with opened(pdf) as paper:
        for page in paper:
            text = page.get_textpage()
            found.append("".join(sorted("".join(text.get_text_bounded().split()))))
            text.close()
            page.close()
    return found


def pictures(pdf: bytes) -> list[Image.Image]:
    found = []
    with opened(pdf) as paper:
        for page in paper:
            found.append(page.render(scale=1).to_pil().convert("L"))
            page.close()
    return found


@pytest.mark.parametrize(
    "written",
    [
        letter(
            LetterKind.INTERVIEW, (CheckRule.OVER_MARKUP,), findings=4, sales=9, party=LONG_NAME, note=NOTE
        ),
        letter(LetterKind.RECTIFICATION, (CheckRule.PAYMENT_OVERDUE, CheckRule.VOLUME_BEHIND), findings=5),
        letter(LetterKind.BULLETIN, (CheckRule.TRACE_REPEAT_FAR,), findings=2, party=LONG_NAME, serial=None),
    ],
    ids=["long annex", "two annexes", "draft"],
)
def test_a_letter_from_the_press_looks_like_a_single_one(written: LetterContent) -> None:
    single = letter_pdf(written, address=OWN)
    pressed = set_letters([written], address=OWN)[0].pdf
    assert texts(pressed) == texts(single)
    for one, other in zip(pictures(single), pictures(pressed), strict=True):
        assert one.size == other.size
        assert sum(ImageChops.difference(one, other).histogram()[100:]) < DOTS


def test_every_kind_goes_through_the_press_and_keeps_its_words() -> None:
    made = set_letters([letter(kind, note=NOTE) for kind in LetterKind], address=OWN)
    for kind, one in zip(LetterKind, made, strict=True):
        written = letter(kind, note=NOTE)
        whole = sorted("".join(texts(one.pdf)))
        wanted = "".join(paragraph for section in written.sections for paragraph in section.paragraphs)
        assert all(whole.count(sign) >= wanted.count(sign) for sign in set(wanted) - {" "})


def test_a_file_of_many_has_every_page_and_a_bookmark_of_each() -> None:
    written = [letter(findings=number, serial=number, party=f"安和堂第{number}店") for number in (1, 4, 2)]
    made = set_letters(written, address=OWN)
    with pikepdf.open(io.BytesIO(merged(made, title="全部文书"))) as paper, paper.open_outline() as outline:
        assert len(paper.pages) == sum(len(one.sheets) for one in made)
        assert [str(one.title) for one in outline.root] == [
            f"函询通知书 洛医保函〔2026〕{number}号 安和堂第{number}店" for number in (1, 4, 2)
        ]
        assert str(paper.docinfo.Title) == "全部文书"
    assert texts(merged(made, title="全部文书")) == [text for one in made for text in texts(one.pdf)]


def test_many_letters_share_their_fonts() -> None:
    written = [letter(serial=number, party=f"安和堂第{number}店") for number in range(1, 9)]
    made = set_letters(written, address=OWN)
    assert len(merged(made, title="全部")) < sum(len(one.pdf) for one in made) / 3


def test_a_letter_is_the_same_to_the_byte_whenever_it_is_made() -> None:
    first = set_letters([letter()], address=OWN)[0].pdf
    assert set_letters([letter()], address=OWN)[0].pdf == first


def test_signs_that_no_font_has_and_words_without_end_do_no_harm() -> None:
    made = set_letters([letter(note="\U000f0000 𠮷 " + "A1" * 80 + "\n" + "　")], address=OWN)
    with opened(made[0].pdf) as paper:
        assert len(paper) >= 3


def test_without_letters_nothing_is_made() -> None:
    assert set_letters([], address=OWN) == []
