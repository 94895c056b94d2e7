"""The list by which clues are handed over 移交清单, as a paper to be signed for and as a workbook (R-TRACE-3)."""

from __future__ import annotations

import io
from collections.abc import Mapping
from typing import Any, Final

import xlsxwriter

from clinic_orders.documents import render
from clinic_orders.documents.distribution import DEMO_MARK
from clinic_orders.models.clues import ClueTransfer
from clinic_orders.rules.clues import ClueVerdict
from clinic_orders.rules.findings import CheckRule

TITLE: Final = "药品追溯码线索移交清单"
MATTERS: Final[Mapping[str, str]] = {
    CheckRule.TRACE_REPEAT_SAME: "同一机构重复销售追溯码",
    CheckRule.TRACE_REPEAT_FAR: "追溯码在多家机构销售",
    CheckRule.TRACE_REPEAT_NEAR: "追溯码在多家机构短期内销售",
    CheckRule.TRACE_NOT_RECEIVED: "销售未验收入库的追溯码",
    CheckRule.TRACE_SOLD_AFTER_RETURN: "退货后又销售的追溯码",
    CheckRule.TRACE_BEFORE_RECEIPT: "到货之前已销售的追溯码",
    CheckRule.TRACE_WRONG_ITEM: "追溯码与药品不符",
    CheckRule.TRACE_EXPIRED: "过期后销售的追溯码",
    CheckRule.TRACE_MISSING: "销售未采集追溯码",
    CheckRule.SOLD_BEYOND_STOCK: "销售数量超过库存",
    "": "上级下发线索",
}
VERDICTS: Final[Mapping[str, str]] = {
    ClueVerdict.VIOLATION: "违规",
    ClueVerdict.SUSPECTED_FRAUD: "涉嫌欺诈骗保",
}
ROW_HEADINGS: Final = (
    ("clue", "线索编号", 15),
    ("matter", "线索类型", 24),
    ("code", "追溯码（品规编码）", 24),
    ("item", "药品", 18),
    ("institutions", "责任机构", 30),
    ("verdict", "核查结论", 12),
    ("facts", "事实与依据", 44),
    ("decided_on", "结论日期", 12),
    ("checks", "核查次数", 9),
    ("evidence", "证据文件", 9),
    ("repaid", "已退回（元）", 12),
    ("issued", "下发批次与编号", 20),
)
"""The columns of a list: name, heading, width in a workbook."""


def written_row(row: Mapping[str, Any]) -> dict[str, str]:
    """A frozen row in Chinese words."""
    return {
        **{name: str(row.get(name, "")) for name, _, _ in ROW_HEADINGS},
        "matter": MATTERS.get(row.get("rule", ""), ""),
        "verdict": VERDICTS.get(row.get("verdict", ""), ""),
        "institutions": "、".join(f"{name}（{code}）" for code, name in row.get("institutions", [])),
    }


def transfer_pdf(found: ClueTransfer) -> bytes:
    """The list as a paper.

    Raises:
        PapersOff: see ``documents.render``.

    """
    return render(
        "clue_transfer",
        {
            "kind": "business",
            "landscape": True,
            "title": TITLE,
            "mark": DEMO_MARK if found.demo else "",
            "found": found,
            "rows": [written_row(row) for row in found.rows],
        },
    )


def transfer_workbook(found: ClueTransfer) -> bytes:
    """The list as a workbook, every cell a text."""
    file = io.BytesIO()
    book = xlsxwriter.Workbook(file, {"strings_to_formulas": False, "strings_to_urls": False})
    page = book.add_worksheet("移交清单")
    title = book.add_format({"bold": True, "font_size": 16, "align": "center"})
    head = book.add_format(
        {"bold": True, "border": 1, "text_wrap": True, "align": "center", "bg_color": "#E7EFEC"}
    )
    cell = book.add_format({"border": 1, "text_wrap": True, "valign": "top"})
    page.merge_range(0, 0, 0, len(ROW_HEADINGS), "", title)
    page.write_string(0, 0, TITLE, title)
    mark = f"　{DEMO_MARK}，不代表任何真实单位" if found.demo else ""
    page.write_string(1, 0, f"{found.number}　移交：{found.issuer}　接收：{found.receiver}{mark}")
    page.write_string(2, 0, found.note)
    page.write_string(3, 0, "序号", head)
    for place, (_, heading, width) in enumerate(ROW_HEADINGS, start=1):
        page.write_string(3, place, heading, head)
        page.set_column(place, place, width)
    for number, row in enumerate(found.rows, start=1):
        words = written_row(row)
        page.write_number(3 + number, 0, number, cell)
        for place, (name, _, _) in enumerate(ROW_HEADINGS, start=1):
            page.write_string(3 + number, place, words[name], cell)
    page.freeze_panes(4, 0)
    page.repeat_rows(0, 3)
    page.set_landscape()
    page.set_paper(9)
    page.fit_to_pages(1, 0)
    page.set_footer("&C第 &P 页，共 &N 页")
    book.close()
    return file.getvalue()
