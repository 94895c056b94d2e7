"""A quarterly bulletin as a paper, and its annexes as a workbook with every ranking whole (R-STAT-3)."""

from __future__ import annotations

import io
from decimal import Decimal
from typing import Any

import xlsxwriter

from clinic_orders.documents.distribution import DEMO_MARK
from clinic_orders.documents.letters.press import set_letters
from clinic_orders.rules.letters import Align, LetterContent

# A sheet's name has at most 31 characters and none of these.
_NOT_IN_NAMES = str.maketrans("", "", "[]:*?/\\“”")


def bulletin_pdf(content: LetterContent, *, address: str = "") -> bytes:
    """A bulletin as PDF, from the press: hundreds of rows of annexes in seconds.

    Raises:
        PapersOff: see ``documents.render``.

    """
    return set_letters([content], address=address)[0].pdf


def annex_workbook(content: LetterContent) -> bytes:
    """One sheet for each annex of a bulletin, with its title, number and note above the table."""
    file = io.BytesIO()
    book = xlsxwriter.Workbook(file, {"strings_to_formulas": False, "strings_to_urls": False})
    title = book.add_format({"bold": True, "font_size": 16, "align": "center"})
    head = book.add_format(
        {"bold": True, "border": 1, "text_wrap": True, "align": "center", "bg_color": "#E7EFEC"}
    )
    aligned: dict[Align, dict[str, Any]] = {
        Align.LEFT: {"border": 1, "text_wrap": True},
        Align.RIGHT: {"border": 1, "align": "right"},
        Align.CENTER: {"border": 1, "align": "center"},
    }
    cells = {align: book.add_format(form) for align, form in aligned.items()}
    shares = {align: book.add_format({**form, "num_format": "0.00%"}) for align, form in aligned.items()}
    for number, annex in enumerate(content.annexes, start=1):
        page = book.add_worksheet(f"{number} {annex.title.translate(_NOT_IN_NAMES)}"[:31])
        last = max(1, len(annex.columns) - 1)
        page.merge_range(0, 0, 0, last, "", title)
        page.write_string(0, 0, annex.title, title)
        mark = f"　{DEMO_MARK}，不代表任何真实单位" if content.demo else ""
        page.write_string(1, 0, f"{content.title}　{content.number or '草稿'}{mark}")
        page.write_string(2, 0, annex.note)
        for place, column in enumerate(annex.columns):
            page.write_string(3, place, column.heading, head)
            page.set_column(place, place, max(10, column.width * 1.4))
        for row, values in enumerate(annex.rows, start=4):
            for place, value in enumerate(values):
                align = annex.columns[place].align
                _write(page, row, place, value, cells[align], shares[align])
        page.freeze_panes(4, 0)
        page.repeat_rows(0, 3)
        page.set_paper(9)
        page.fit_to_pages(1, 0)
        page.set_footer("&C第 &P 页，共 &N 页")
    book.close()
    return file.getvalue()


def _write(page: Any, row: int, place: int, text: str, form: Any, share: Any) -> None:
    """Whole numbers, amounts and shares become numbers, everything else stays text."""
    percent = text.endswith("%")
    plain = text.removesuffix("%").replace(",", "")
    digits = plain.lstrip("-").replace(".", "", 1)
    if not (digits.isdigit() and digits.isascii()):
        page.write_string(row, place, text, form)
    elif percent:
        page.write_number(row, place, float(Decimal(plain) / 100), share)
    else:
        page.write_number(row, place, float(plain), form)
