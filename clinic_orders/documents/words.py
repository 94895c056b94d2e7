"""How values are written on papers: Chinese dates, amounts in figures and in capitals, QR codes."""

from __future__ import annotations

import itertools
from collections.abc import Callable
from datetime import date, datetime
from decimal import ROUND_HALF_UP, Decimal
from typing import Any, Final

import segno
from markupsafe import Markup

from clinic_orders.rules.days import SHANGHAI, day_in_china
from clinic_orders.rules.errors import RuleBroken
from clinic_orders.rules.reasons import LABELS as REASONS
from clinic_orders.rules.reasons import CloseReason, RejectReason, ReturnReason, parse_reason

_DIGITS: Final = "零壹贰叁肆伍陆柒捌玖"
# What a title ends with stays on one line.
_TAILS: Final = ("情况的通报", "的建议函", "的通报", "的通知")
_COUNTING: Final = "〇一二三四五六七八九"
_PLACES: Final = ("", "拾", "佰", "仟")
_GROUPS: Final = ("", "万", "亿", "万亿")


def yuan(amount: Decimal) -> str:
    """An amount in figures with two decimals: ``1,904.72``."""
    return f"{amount.quantize(Decimal('0.01'), ROUND_HALF_UP):,.2f}"


def price(amount: Decimal) -> str:
    """A price with as many decimals as it has, at least two: ``3.365``."""
    text = f"{amount:.4f}"
    return text[:-2] + text[-2:].rstrip("0")


def day(value: date | datetime | None) -> str:
    """A day in full: ``2026年11月20日``; nothing for None."""
    if value is None:
        return ""
    if isinstance(value, datetime):
        value = day_in_china(value)
    return f"{value.year}年{value.month}月{value.day}日"


def plain_day(value: date | datetime | None) -> str:
    """A day for narrow columns: ``2026-11-20``; nothing for None."""
    if value is None:
        return ""
    return (day_in_china(value) if isinstance(value, datetime) else value).isoformat()


def moment(value: datetime | None) -> str:
    """An instant in Shanghai: ``2026年11月20日 9:41``; nothing for None."""
    if value is None:
        return ""
    local = value.astimezone(SHANGHAI)
    return f"{day(value)} {local.hour}:{local.minute:02}"


def plain_moment(value: datetime | None) -> str:
    """An instant in Shanghai for narrow columns: ``2026-11-20 09:41``; nothing for None."""
    return "" if value is None else value.astimezone(SHANGHAI).strftime("%Y-%m-%d %H:%M")


def _group(number: int) -> str:
    """Up to four digits in capitals; a zero between two digits is said once."""
    text, owed_zero = "", False
    for place in (3, 2, 1, 0):
        digit = number // 10**place % 10
        if digit:
            text += ("零" if owed_zero and text else "") + _DIGITS[digit] + _PLACES[place]
            owed_zero = False
        else:
            owed_zero = True
    return text


def in_capitals(amount: Decimal) -> str:
    """An amount of yuan as papers of accounts write it: 壹仟玖佰零肆元柒角贰分.

    Raises:
        ValueError: the amount has parts of a cent or is too large to be written.

    """
    if amount < 0:
        return "负" + in_capitals(-amount)
    cents = int(amount * 100)
    if Decimal(cents) != amount * 100 or cents >= 10**18:
        raise ValueError(f"not an amount: {amount}")
    whole, jiao, fen = cents // 100, cents // 10 % 10, cents % 10
    text, gap = "", False
    for power in (3, 2, 1, 0):
        group = whole // 10 ** (4 * power) % 10000
        if group:
            text += ("零" if text and (gap or group < 1000) else "") + _group(group) + _GROUPS[power]
            gap = False
        elif text:
            gap = True
    if not cents:
        return "零元整"
    result = f"{text}元" if text else ""
    if jiao:
        result += f"{_DIGITS[jiao]}角"
    elif fen and text:
        result += "零"
    return result + (f"{_DIGITS[fen]}分" if fen else "整")


def reason(stored: str, kind: type[CloseReason] | type[RejectReason] | type[ReturnReason]) -> str:
    """A stored reason in Chinese, its own words behind it; a text that is no code stays as it is."""
    try:
        found: Any = parse_reason(kind, stored)
    except RuleBroken:
        return stored
    label = REASONS[kind][found.code.value][1]
    return f"{label}：{found.text}" if found.text else label


def qr(text: str) -> Markup:
    """A QR code as an inline drawing, to be scanned from paper."""
    # The drawing is made of numbers only; the text cannot reach the markup.
    drawn = segno.make(text, error="m", micro=False).svg_inline(border=2, omitsize=True, svgclass=None)
    return Markup(drawn)  # noqa: S704


def qr_image(text: str) -> str:
    """The same as the address of a picture: one that stands on a paper many times is laid out only once."""
    return segno.make(text, error="m", micro=False).svg_data_uri(border=2, omitsize=True)


def ordinal(place: int) -> str:
    """The n-th place from 0 in Chinese figures, as headings are counted: 一, 二, … up to ninety-nine."""
    tens, ones = divmod(place + 1, 10)
    return (_COUNTING[tens] if tens > 1 else "") + ("十" if tens else "") + (_COUNTING[ones] if ones else "")


def title_lines(text: str, most: int = 18) -> list[str]:
    """A title in lines of about one length that never part a closing word such as 情况的通报.

    >>> title_lines("关于安和堂大药房伊川店超承诺加价率销售情况的通报")
    ['关于安和堂大药房伊川店超', '承诺加价率销售情况的通报']
    """
    lines = -(-len(text) // most)
    end = next((len(tail) for tail in _TAILS if text.endswith(tail)), 0)
    cuts = [round(len(text) * place / lines) for place in range(1, lines)]
    if cuts and cuts[-1] > len(text) - end:
        cuts[-1] = len(text) - end
    marks = [0, *cuts, len(text)]
    return [text[start:stop] for start, stop in itertools.pairwise(marks)]


FILTERS: Final[dict[str, Callable[..., Any]]] = {
    "yuan": yuan,
    "price": price,
    "day": day,
    "plain_day": plain_day,
    "moment": moment,
    "plain_moment": plain_moment,
    "in_capitals": in_capitals,
    "ordinal": ordinal,
    "title_lines": title_lines,
    "qr": qr,
    "qr_image": qr_image,
    "close_reason": lambda stored: reason(stored, CloseReason),
    "reject_reason": lambda stored: reason(stored, RejectReason),
    "return_reason": lambda stored: reason(stored, ReturnReason),
}
"""What every paper's template may use."""
