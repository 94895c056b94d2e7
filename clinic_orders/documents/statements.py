"""The statement of account 对账单 as a paper and as a spreadsheet; both say the same figures."""

from __future__ import annotations

import io
from collections.abc import Iterable, Sequence
from datetime import date, datetime
from decimal import Decimal
from typing import Any, Final

import xlsxwriter

from clinic_orders.documents import render, words
from clinic_orders.documents.distribution import DEMO_MARK
from clinic_orders.models.statements import AccountStatement
from clinic_orders.queries.statements import PairNames
from clinic_orders.rules.payment_terms import Ageing
from clinic_orders.rules.statements import Difference, EntryKind, Statement

KINDS: Final = {
    EntryKind.RECEIPT: "收货",
    EntryKind.RETURN: "退货",
    EntryKind.PAYMENT: "付款",
    EntryKind.PAYMENT_STOPPED: "付款不再计入",
    EntryKind.PAYMENT_AGAIN: "付款恢复计入",
    EntryKind.REFUND: "退款",
    EntryKind.REFUND_STOPPED: "退款不再计入",
    EntryKind.REFUND_AGAIN: "退款恢复计入",
}
AGES: Final[dict[Ageing | None, str]] = {
    None: "未到期",
    Ageing.UP_TO_30: "逾期 1–30 天",
    Ageing.UP_TO_60: "逾期 31–60 天",
    Ageing.UP_TO_90: "逾期 61–90 天",
    Ageing.OVER_90: "逾期 90 天以上",
}
ZERO = Decimal("0.00")


def columns_of(kind: EntryKind, amount: Decimal) -> tuple[Decimal | None, Decimal | None]:
    """An entry's amount as debit (what is owed more) and credit (what is owed less)."""
    return (amount, None) if kind is EntryKind.RECEIPT else (None, amount)


def month_words(found: Statement) -> str:
    """The month: ``2026年10月``."""
    return f"{found.month.year}年{found.month.first_day.month}月"


def said(made: AccountStatement | None) -> list[tuple[str, str]]:
    """What the two sides said, as pairs of word and text."""
    if made is None:
        return [("付款单位确认", "未确认"), ("配送企业确认", "未确认")]
    rows = []
    for side, at, by in (
        ("付款单位确认", made.institution_at, made.institution_by),
        ("配送企业确认", made.distributor_at, made.distributor_by),
    ):
        rows.append((side, f"{by} 于 {words.moment(at)}" if at else "未确认"))
    if made.differs_at:
        who = "付款单位" if made.differs_side == "institution" else "配送企业"
        rows.append(
            (f"{who}提出不符", f"{made.differs_reason}（{made.differs_by}，{words.moment(made.differs_at)}）")
        )
    return rows


def statement_paper(
    found: Statement,
    names: PairNames,
    made: AccountStatement | None,
    *,
    changed: Difference | None,
    at: datetime,
) -> bytes:
    """The paper.

    Args:
        found: figures and lines: those that were confirmed, or those of now.
        names: the two sides.
        made: what they said.
        changed: what is recorded differently since a confirmation.
        at: the instant of printing.

    Raises:
        PapersOff: see ``documents.render``.

    """
    return render("account_statement", paper_data(found, names, made, changed=changed, at=at))


def paper_data(
    found: Statement,
    names: PairNames,
    made: AccountStatement | None,
    *,
    changed: Difference | None,
    at: datetime,
) -> dict[str, Any]:
    """The values of the template, for the paper and its tests."""
    balance, rows = found.opening, []
    for entry in found.entries:
        debit, credit = columns_of(entry.kind, entry.amount)
        balance += (debit or ZERO) - (credit or ZERO)
        rows.append(
            {"entry": entry, "kind": KINDS[entry.kind], "debit": debit, "credit": credit, "balance": balance}
        )
    return {
        "s": found,
        "month": month_words(found),
        "names": names,
        "rows": rows,
        "ages": [(AGES[age], amount) for age, amount in found.by_age().items()],
        "said": said(made),
        "changed": changed,
        "kinds": KINDS,
        "printed_at": at,
        "mark": DEMO_MARK if names.demo else "",
    }


def statement_workbook(
    found: Statement, names: PairNames, made: AccountStatement | None, *, changed: Difference | None
) -> bytes:
    """The same as a spreadsheet: the sums, every line, what is outstanding, which payment reached what."""
    file = io.BytesIO()
    book = xlsxwriter.Workbook(file, {"strings_to_formulas": False, "strings_to_urls": False})
    forms = {
        "bold": book.add_format({"bold": True, "bottom": 1}),
        date: book.add_format({"num_format": "yyyy-mm-dd"}),
        Decimal: book.add_format({"num_format": "#,##0.00"}),
    }

    def sheet(name: str, headings: Sequence[str], rows: Iterable[Sequence[Any]]) -> None:
        page = book.add_worksheet(name)
        page.freeze_panes(1, 0)
        page.repeat_rows(0)
        page.set_column(0, len(headings) - 1, 20)
        for place, heading in enumerate(headings):
            page.write_string(0, place, heading, forms["bold"])
        for number, row in enumerate(rows, start=1):
            for place, value in enumerate(row):
                if isinstance(value, Decimal):
                    page.write_number(number, place, value, forms[Decimal])
                elif isinstance(value, date):
                    page.write_datetime(number, place, value, forms[date])
                elif isinstance(value, int):
                    page.write_number(number, place, value)
                elif value:
                    page.write_string(number, place, str(value))

    sums: list[tuple[str, Any]] = [
        ("付款单位", names.payer),
        ("配送企业", names.distributor),
        ("对账月份", month_words(found)),
        ("期初余额（元）", found.opening),
        ("本月收货（元）", found.receipts),
        ("本月退货（元）", found.returns),
        ("本月付款（元）", found.payments),
        *([("本月付款已减退款（元）", found.refunds)] if found.refunds else []),
        ("期末余额（元）", found.closing),
        ("其中未付（元）", found.outstanding),
        ("其中预付余额（元）", found.advance),
        ("其中逾期（元）", found.overdue),
        *((f"{AGES[age]}（元）", amount) for age, amount in found.by_age().items()),
        *said(made),
    ]
    if changed:
        sums.append(("确认后变动：期末余额（元）", changed.closing))
    sheet("汇总", ("项目", "内容"), sums)
    sheet(
        "明细",
        ("日期", "事项", "单号", "对应收货单", "应付增加（元）", "应付减少（元）"),
        (
            (one.on, KINDS[one.kind], one.number, one.about, *columns_of(one.kind, one.amount))
            for one in found.entries
        ),
    )
    sheet(
        "未付收货单",
        ("收货单", "验收日期", "付款到期日", "未付（元）", "逾期天数"),
        (
            (one.receipt_no, one.accepted_on, one.due_on, one.outstanding, one.days_overdue)
            for one in found.open_receipts
        ),
    )
    sheet(
        "付款去向",
        ("日期", "付款单号", "收货单", "金额（元）"),
        ((one.on, one.payment_no, one.receipt_no, one.amount) for one in found.reached),
    )
    if changed:
        sheet(
            "确认后变动",
            ("变动", "日期", "事项", "单号", "对应收货单", "金额（元）"),
            (
                (word, one.on, KINDS[one.kind], one.number, one.about, one.amount)
                for word, entries in (("新增", changed.came), ("减少", changed.went))
                for one in entries
            ),
        )
    book.close()
    return file.getvalue()
