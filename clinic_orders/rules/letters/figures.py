"""Days, periods, amounts and formulas as letters write them."""

from __future__ import annotations

import re
from collections.abc import Mapping
from datetime import date
from decimal import Decimal
from typing import Any, Final

_QUARTERS: Final = "一二三四"
_NAMES: Final[Mapping[str, str]] = {
    "allowed": "允许金额",
    "excess": "多收",
    "lines": "笔数",
    "outstanding": "未付金额",
    "carried": "在配品规数",
    "minimum": "最少配备数",
    "time_progress": "时间进度",
    "shortfall": "差额",
    "rate": "配送率",
    "months_below": "连续偏低月数",
    "working_days": "工作日",
    "settled": "结算数量",
    "sold": "销售数量",
    "opening": "期初库存",
    "accepted": "验收数量",
    "due_on": "应报日",
    "answer": "检查结论",
    "visit": "检查编号",
    "verified": "查实日",
    "last day": "最迟应答日",
}
_NAME: Final = re.compile(r"\b(?:" + "|".join(sorted(_NAMES, key=len, reverse=True)) + r")\b")


def in_words(formula: str) -> str:
    """A formula with Chinese names for the figures, its signs and numbers untouched.

    >>> in_words("carried = 29 < minimum = 30")
    '在配品规数=29<最少配备数=30'
    """
    named = _NAME.sub(lambda found: _NAMES[found[0]], formula)
    close = re.sub(r"\s*([=<>≥≤×→−+])\s*", r"\1", named.replace(" / ", "÷"))
    return close.replace("; ", "；").replace(": ", "：").replace("Σ ", "合计")


def day_words(day: date) -> str:
    """A day in full: 2026年11月20日."""
    return f"{day.year}年{day.month}月{day.day}日"


def period_words(period: str) -> str:
    """A period in full.

    >>> period_words("2026-11"), period_words("2026-Q3"), period_words("2026-02-28")
    ('2026年11月', '2026年第三季度', '2026年2月28日')
    """
    if "Q" in period:
        return f"{period[:4]}年第{_QUARTERS[int(period[-1]) - 1]}季度"
    if len(period) == len("2026-01"):
        return f"{period[:4]}年{int(period[5:])}月"
    return day_words(date.fromisoformat(period))


def amount(value: Any) -> str:
    """Yuan with two decimals: 1,904.70."""
    return f"{Decimal(value):,.2f}"


def rate(value: Any) -> str:
    """A share as per cent with two decimals: 15.43%."""
    return f"{Decimal(value) * 100:.2f}%"


def count(value: Any) -> str:
    """A whole number: 1,234."""
    return f"{int(value):,}"
