"""How values look on pages: Jinja filters and the names of enum members.

Nothing here reads the request; the language comes from Flask-Babel's locale. Money and shares are Decimal,
instants are aware, days are dates in Asia/Shanghai.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass, field
from datetime import date, datetime, time, timedelta
from decimal import ROUND_HALF_UP, Decimal
from enum import Enum
from itertools import pairwise
from typing import Any
from zoneinfo import ZoneInfo

from babel.dates import format_date
from flask import Flask
from flask_babel import get_locale, gettext, ngettext

from clinic_orders.rules.days import Month, Quarter, parse_day
from clinic_orders.rules.errors import RuleBroken

SHANGHAI = ZoneInfo("Asia/Shanghai")

# What stands where a value is missing; never an empty cell that could be read as zero.
MISSING = "—"

_DAY_PATTERNS = {"zh": ("M 月 d 日", "y 年 M 月 d 日", "y 年 M 月"), "en": ("d MMMM", "d MMMM y", "MMMM y")}

# Members of two lists with one value are equal as texts, so the list belongs to the key.
_labels: dict[tuple[type[Enum], str], str] = {}


def register_labels(labels: Mapping[Enum, str]) -> None:
    """Name the members of one list: ``register_labels({OrderState.DRAFT: N_("Draft")})``.

    One call a list: members of two lists with one value are equal as keys of a dictionary, and one would be lost.

    Raises:
        ValueError: a member already has another name, or members of several lists came together.

    """
    if len({type(member) for member in labels}) > 1:
        raise ValueError("name the members of one list a call; equal values of two lists would be lost")
    for member, text in labels.items():
        known = _labels.setdefault(_key(member), text)
        if known != text:
            raise ValueError(f"{member} is named twice: {known!r} and {text!r}")


def _key(member: Enum) -> tuple[type[Enum], str]:
    return type(member), member.name


def has_label(member: Enum) -> bool:
    """Whether somebody has named this member (tests ask)."""
    return _key(member) in _labels


def label(member: Enum | None) -> str:
    """The translated name of an enum member; a dash for None.

    Raises:
        KeyError: nobody has named it, which is a bug.

    """
    return MISSING if member is None else gettext(_labels[_key(member)])


@dataclass(frozen=True, slots=True)
class NoticeText:
    """What a kind of notice says.

    Attributes:
        title: msgid of its name in a list, for example N_("Order answered").
        text: msgid of the sentence, with the facts' names as places.
        shown: how a fact is shown where its plain value is not for people (a coded reason).

    """

    title: str
    text: str
    shown: Mapping[str, Callable[[Any], str]] = field(default_factory=dict)


_notices: dict[str, NoticeText] = {}


def register_notices(texts: Mapping[str, NoticeText]) -> None:
    """Say what kinds of notices say: ``register_notices({"order_lapsed": NoticeText(N_("…"), N_("…"))})``.

    Raises:
        ValueError: a kind already says something else.

    """
    for kind, text in texts.items():
        if _notices.setdefault(kind, text) != text:
            raise ValueError(f"the notice {kind!r} has two texts")


def has_notice(kind: str) -> bool:
    """Whether somebody has said what this kind of notice says (tests ask)."""
    return kind in _notices


def notice_title(kind: str) -> str:
    """The translated name of a kind of notice; the kind itself where nobody has named it."""
    known = _notices.get(kind)
    return gettext(known.title) if known else kind


def notice_text(kind: str, facts: Mapping[str, Any]) -> str:
    """The translated sentence of a notice, its places filled; the bare facts where nobody has written it."""
    known = _notices.get(kind)
    if known is None:
        return "; ".join(f"{name} {value}" for name, value in facts.items())
    filled = {
        name: known.shown[name](value) if name in known.shown else value for name, value in facts.items()
    }
    # An old notice may lack a fact that its text has learnt to name since; the inbox opens all the same.
    return str(gettext(known.text)) % defaultdict(lambda: MISSING, filled)


def yuan(amount: Decimal | int | None) -> str:
    """An amount in yuan with two decimals.

    >>> yuan(Decimal("1904.715"))
    '1,904.72'
    """
    return MISSING if amount is None else f"{_rounded(Decimal(amount), 2):,.2f}"


def price(amount: Decimal | None) -> str:
    """A price in yuan: as many decimals as it has, at least two, at most four.

    >>> price(Decimal("1.7300")), price(Decimal("0.1235")), price(Decimal("12"))
    ('1.73', '0.1235', '12.00')
    """
    if amount is None:
        return MISSING
    text = f"{_rounded(amount, 4):,.4f}"
    return text[:-2] + text[-2:].rstrip("0")


def packs(number: int | None) -> str:
    """A number of packs with its unit."""
    if number is None:
        return MISSING
    return str(ngettext("%(count)s pack", "%(count)s packs", number, count=f"{number:,}"))


def percent(share: Decimal | None, places: int = 1) -> str:
    """A share (0.49) in percent, rounded half up.

    >>> percent(Decimal("0.49")), percent(Decimal("0.5585"), 0), percent(None)
    ('49.0%', '56%', '—')
    """
    return MISSING if share is None else f"{_rounded(share * 100, places):,.{places}f}%"


def day(value: date | datetime | None, year: int | None = None) -> str:
    """A day, with its year unless that is `year`, the year that goes without saying. Instants count in Shanghai."""
    if value is None:
        return MISSING
    value = _in_shanghai(value)
    return _date_text(value, 0 if value.year == year else 1)


def day_full(value: date | datetime | None) -> str:
    """A day with its year."""
    return day(value)


def month(value: date | datetime | None) -> str:
    """The month of a day, with its year."""
    return MISSING if value is None else _date_text(_in_shanghai(value), 2)


def period(value: object) -> str:
    """A day, month or quarter in the reader's words, also where it is kept as a text (2026-10, 2026-Q3)."""
    if value is None:
        return MISSING
    text = str(value)
    try:
        if "Q" in text:
            quarter = Quarter.parse(text)
            return str(gettext("quarter %(number)s of %(year)s", number=quarter.number, year=quarter.year))
        return month(Month.parse(text).first_day) if len(text) == len("2026-10") else day(parse_day(text))
    except RuleBroken:
        return text


def periods(values: Iterable[object]) -> str:
    """Several months or quarters; months that follow one another as the first and the last."""
    found = [str(value) for value in values]
    try:
        months = [Month.parse(text) for text in found]
    except RuleBroken:
        months = []
    if len(months) > 2 and all(one.next() == other for one, other in pairwise(months)):
        return str(gettext("%(first)s to %(last)s", first=period(months[0]), last=period(months[-1])))
    return "、".join(map(period, found)) or MISSING


def moment(value: datetime | None, year: int | None = None) -> str:
    """An instant as day and time in Shanghai; the year is left out when it is `year`."""
    if value is None:
        return MISSING
    return f"{day(value, year)} {clock_time(value)}"


def until(value: datetime | None, year: int | None = None) -> str:
    """An instant by which something is due: midnight belongs to the day that ends with it, as 24:00."""
    if value is None:
        return MISSING
    if clock_time(value) == "0:00":
        return f"{day(_in_shanghai(value) - timedelta(days=1), year)} 24:00"
    return moment(value, year)


def clock_time(value: datetime | time | None) -> str:
    """The time of day in Shanghai.

    >>> from datetime import UTC
    >>> clock_time(datetime(2026, 11, 20, 1, 41, tzinfo=UTC))
    '9:41'
    """
    if value is None:
        return MISSING
    if isinstance(value, datetime):
        value = value.astimezone(SHANGHAI).time()
    return f"{value.hour}:{value.minute:02}"


def init_display(app: Flask) -> None:
    """Give the filters to the templates: yuan price packs percent day day_full month period periods moment until clock_time label."""
    for filter_ in (
        yuan, price, packs, percent, day, day_full, month, period, periods, moment, until, clock_time, label,
    ):  # fmt: skip
        app.add_template_filter(filter_)


def _rounded(number: Decimal, places: int) -> Decimal:
    return number.quantize(Decimal(1).scaleb(-places), rounding=ROUND_HALF_UP)


def _in_shanghai(value: date | datetime) -> date:
    if isinstance(value, datetime):
        return value.astimezone(SHANGHAI).date()
    return value


def _date_text(value: date, pattern: int) -> str:
    locale = get_locale()
    language = "en" if locale is not None and locale.language == "en" else "zh"
    return str(format_date(value, _DAY_PATTERNS[language][pattern], locale=language))
