"""The annexes of a letter: the findings of a rule and the sales behind them as tables."""

from __future__ import annotations

from collections.abc import Sequence
from decimal import Decimal

from clinic_orders.rules.findings import CheckRule
from clinic_orders.rules.letters.content import Align, Annex, Column
from clinic_orders.rules.letters.facts import WORDS, total_of
from clinic_orders.rules.letters.figures import amount, count
from clinic_orders.rules.letters.matters import Matter


def table_of(rule: CheckRule, matters: Sequence[Matter]) -> Annex:
    """The findings of a rule as a table, the sums of what can be added up in its last row."""
    words = WORDS[rule]
    columns = (
        Column("序号", Align.CENTER, 12),
        *(Column(name, align, width) for name, align, width, _ in words.columns),
    )
    rows = tuple(
        (str(number), *(cell(one) for _, _, _, cell in words.columns))
        for number, one in enumerate(matters, start=1)
    )
    total: tuple[str, ...] = ()
    if words.sums and len(matters) > 1:
        summed = {heading: write(total_of(matters, name)) for heading, name, write in words.sums}
        total = ("", "合计", *(summed.get(column.heading, "") for column in columns[2:]))
    return Annex(f"{words.topic}情况（{len(matters)}项）", columns, rows, total)


def sales_of(rule: CheckRule, matters: Sequence[Matter]) -> Annex | None:
    """The sale lines behind the findings of a rule; None where none are to be listed."""
    sold = [line for one in matters for line in one.sales]
    if not sold:
        return None
    columns = (
        Column("序号", Align.CENTER, 13),
        Column("销售日期", Align.CENTER, 26),
        Column("小票号", Align.LEFT, 50),
        Column("药品", Align.LEFT, 55),
        Column("数量", Align.RIGHT, 14),
        Column("金额（元）", Align.RIGHT, 25),
    )
    rows = tuple(
        (
            str(number),
            line.day.isoformat(),
            line.sale_no,
            line.item,
            count(line.base_units),
            amount(line.amount),
        )
        for number, line in enumerate(sold, start=1)
    )
    total = ("", "合计", "", "", "", amount(sum((line.amount for line in sold), Decimal(0))))
    return Annex(f"{WORDS[rule].topic}明细（{len(sold)}笔）", columns, rows, total, "数量按最小单位计。")
