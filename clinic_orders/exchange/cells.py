"""What may stand in one cell of a file: how it is read, how it is written, what a refusal says.

A ``Cell`` is a pair of functions, text → value and value → text, that undo each other. Empty cells never
reach them. Plain digits are wanted everywhere: what could be meant is not guessed at.
"""

from __future__ import annotations

import re
import unicodedata
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from datetime import UTC, date, datetime, timedelta
from decimal import Decimal
from enum import Enum
from typing import Any, Final

from clinic_orders.rules import catalogue, days, money, quantities
from clinic_orders.rules.errors import N_, RuleBroken
from clinic_orders.rules.payments import AmountNotPositive
from clinic_orders.rules.reasons import R, parse_reason
from clinic_orders.rules.tracing import parse_barcode, parse_prefix, parse_trace_code

MAX_PACKS: Final = 9_999_999
# A hundred such lines still fit into one integer of PostgreSQL.
MAX_UNITS: Final = 20_000_000
# With MAX_PACKS, the amount of a line still fits into the integers of the database.
MAX_PRICE: Final = Decimal("9999999.9999")
MAX_AMOUNT: Final = Decimal("9999999999.99")
# No number, date or code is longer; a longer text is cut in messages, too.
MAX_SHORT: Final = 64

_DECIMAL: Final = re.compile(r"-?[0-9]{1,12}(\.[0-9]{1,12})?")
_FRACTION: Final = re.compile(r"(:[0-9]{2}:[0-9]{2})\.([0-9]{1,6})")
# Most instants are written so, and the library reads them much quicker than parse_moment.
_USUAL_INSTANT: Final = re.compile(
    r"20[0-9]{2}-[0-9]{2}-[0-9]{2}[T ][0-9]{2}:[0-9]{2}(?::[0-9]{2})?(?:(?<=:[0-9]{2}:[0-9]{2})\+08:00)?"
)
_AHEAD: Final = timedelta(hours=8)
FIRST_USUAL_YEAR: Final = 2000
_SEPARATORS: Final = re.compile(r"[;；]")
# Invisible and direction-changing characters, surrogates and private use make equal codes unequal.
_UNSEEN: Final = frozenset({"Cc", "Cf", "Co", "Cs", "Zl", "Zp"})


class CellRefused(RuleBroken):
    """A cell holds something that its column does not take."""


class CellEmpty(CellRefused):
    """A value is needed."""

    message = N_("“%(label)s” is empty. Fill it in.")


class CellTooLong(CellRefused):
    """More characters than the column takes."""

    message = N_("The cell has %(found)s characters. At most %(limit)s are possible.")


class UnseenCharacter(CellRefused):
    """A control or invisible character, mostly copied along from elsewhere."""

    message = N_("The cell has an invisible character at position %(position)s. Type the value anew.")


class NotADecimal(CellRefused):
    """Not a number in plain digits."""

    message = N_("“%(typed)s” is not a number. Write plain digits, like 0.15.")


class DecimalTooFine(CellRefused):
    """A number with too many decimals."""

    message = N_("%(typed)s has more than %(places)s decimals.")


class OutOfRange(CellRefused):
    """A number outside its range."""

    message = N_("%(typed)s is not between %(lowest)s and %(highest)s.")


class NotARate(CellRefused):
    """A rate above 1 or written in percent."""

    message = N_("“%(typed)s” is not a rate. Write a decimal between 0 and 1: 0.15 for 15 %%.")


class NotAFlag(CellRefused):
    """Neither yes nor no."""

    message = N_("“%(typed)s” is neither yes nor no. Write Y or N.")


class NotAChoice(CellRefused):
    """Not one of the words that are possible."""

    message = N_("“%(typed)s” is not known here. Possible: %(choices)s.")


class NumberLostDigits(CellRefused):
    """A spreadsheet keeps 15 digits of a number; a longer code typed as a number has lost its end."""

    message = N_(
        "%(typed)s was typed as a number, and the spreadsheet has dropped its last digits. "
        "Format the column as text and enter it anew."
    )


class Sheet(Enum):
    """As what a value is kept in a spreadsheet."""

    TEXT = "text"
    WHOLE = "whole"
    DECIMAL = "decimal"
    DAY = "day"
    INSTANT = "instant"


@dataclass(frozen=True, slots=True)
class Cell:
    """How the cells of a column are read and written.

    Attributes:
        parse: a stripped, non-empty text → the value; raises RuleBroken.
        write: the value → the text of a CSV file, which `parse` reads back as the same value.
        sheet: as what it is kept in a spreadsheet.
        absent: the value of an empty cell.
        limit: most characters.

    """

    parse: Callable[[str], Any]
    write: Callable[[Any], str]
    sheet: Sheet = Sheet.TEXT
    absent: Any = None
    limit: int = MAX_SHORT

    def read(self, text: str) -> Any:
        """The value of a text; that of an empty one is `absent`.

        Raises:
            RuleBroken: the text is too long or not what the column takes.

        """
        stripped = text.strip()
        if not stripped:
            return self.absent
        if len(stripped) > self.limit:
            raise CellTooLong(found=len(stripped), limit=self.limit)
        return self.parse(stripped)


def code(limit: int = MAX_SHORT) -> Cell:
    """A code or number that is compared exactly: text, leading zeros kept, nothing invisible in it.

    >>> code().read(" 0012 ")
    '0012'
    """
    return Cell(_plain, str, absent="", limit=limit)


def text(limit: int = 200) -> Cell:
    """Words for people; line breaks are kept."""
    return Cell(_words, str, absent="", limit=limit)


def whole(minimum: int = 0, maximum: int = MAX_PACKS) -> Cell:
    """A whole number of packs or base units.

    >>> whole(1).read("1.5")
    Traceback (most recent call last):
    clinic_orders.rules.quantities.PacksNotWhole: Write a whole number of packs. You wrote “1.5”.
    """
    return Cell(
        lambda typed: quantities.parse_packs(typed, minimum=minimum, maximum=maximum), str, Sheet.WHOLE
    )


def units(minimum: int = 0) -> Cell:
    """A whole number of base units, pieces on a shelf or in a sale; below 0 only where the minimum is.

    >>> units(-MAX_UNITS).read("-10")
    -10
    """
    return Cell(
        lambda typed: quantities.parse_units(typed, minimum=minimum, maximum=MAX_UNITS), str, Sheet.WHOLE
    )


def price() -> Cell:
    """Yuan of a pack: above 0, at most 4 decimals.

    >>> price().read("3.36")
    Decimal('3.36')
    """
    return Cell(_price, _price_text, Sheet.DECIMAL)


def amount() -> Cell:
    """Yuan that were paid: above 0, at most 2 decimals."""
    return Cell(_amount, _amount_text, Sheet.DECIMAL)


def money_taken(*, may_be_negative: bool = False) -> Cell:
    """Yuan with at most 2 decimals, 0 included.

    >>> money_taken(may_be_negative=True).read("-1.2")
    Decimal('-1.20')
    """
    return Cell(
        lambda typed: _within_reach(money.parse_amount(typed, may_be_negative=may_be_negative), typed),
        _amount_text,
        Sheet.DECIMAL,
    )


def rate() -> Cell:
    """A share as a decimal with at most 4 decimals, from 0 to 1.

    >>> rate().read("15%")
    Traceback (most recent call last):
    clinic_orders.exchange.cells.NotARate: “15%” is not a rate. Write a decimal between 0 and 1: 0.15 for 15 %.
    """
    return Cell(_rate, _decimal_text, Sheet.DECIMAL)


def degrees(limit: int) -> Cell:
    """A longitude (limit 180) or latitude (limit 90) in degrees with at most 7 decimals."""

    def parse(typed: str) -> Decimal:
        number = _decimal(typed, places=7)
        if abs(number) > limit:
            raise OutOfRange(typed=typed, lowest=-limit, highest=limit)
        return number

    return Cell(parse, _decimal_text, Sheet.DECIMAL)


def day() -> Cell:
    """A day of the calendar, ``YYYY-MM-DD``."""
    return Cell(days.parse_day, date.isoformat, Sheet.DAY)


def month() -> Cell:
    """A month, ``YYYY-MM``; the value is that text.

    >>> month().read("2026-01")
    '2026-01'
    """
    return Cell(lambda typed: str(days.Month.parse(typed)), str, absent="")


def barcode() -> Cell:
    """A 69-code."""
    return Cell(parse_barcode, str, absent="")


def prefix() -> Cell:
    """The first seven digits of a trace code, as text."""
    return Cell(parse_prefix, str, absent="")


def instant() -> Cell:
    """An instant, ``YYYY-MM-DDTHH:MM[:SS][+08:00]``; without a zone it is Asia/Shanghai. The value is in UTC.

    Parts of a second are taken besides, so that what the records keep goes out and comes back unchanged.

    >>> instant().read("2026-01-31T09:30").isoformat()
    '2026-01-31T01:30:00+00:00'
    """
    return Cell(_instant, _instant_text, Sheet.INSTANT)


def flag() -> Cell:
    """Yes or no: Y, N, 是, 否. An empty cell is no."""
    return Cell(_flag, lambda value: "Y" if value else "N", absent=False, limit=8)


def choice(labels: Mapping[str, str], absent: str = "") -> Cell:
    """One of some words, as its code or its Chinese label. The value is the code."""
    return Cell(lambda typed: _chosen(typed, labels), str, absent=absent)


def choices(labels: Mapping[str, str]) -> Cell:
    """Several words with `;` between them, in the order of `labels`, each once. The value is a tuple of codes."""

    def parse(typed: str) -> tuple[str, ...]:
        chosen = {_chosen(part, labels) for part in _parts(typed)}
        return tuple(word for word in labels if word in chosen)

    return Cell(parse, ";".join, absent=(), limit=200)


def reason(reasons: type[R]) -> Cell:
    """A coded reason or its Chinese label; `other` may carry words of its own. The value is ``code`` or ``other:words``.

    >>> from clinic_orders.rules.reasons import CloseReason
    >>> reason(CloseReason).read("其他：厂家停供")
    'other:厂家停供'
    """
    return Cell(lambda typed: parse_reason(reasons, _plain(typed)).stored, str, absent="", limit=100)


def trace_codes(limit: int) -> Cell:
    """Trace codes with `;` between them (R-TRACE-1). The value is a tuple in the order of the file, each once."""
    return Cell(
        lambda typed: tuple(dict.fromkeys(parse_trace_code(part) for part in _parts(typed))),
        ";".join,
        absent=(),
        limit=limit,
    )


def trace_code() -> Cell:
    """One trace code (R-TRACE-1)."""
    return Cell(lambda typed: parse_trace_code(_plain(typed)), str, absent="", limit=200)


def uscc() -> Cell:
    """A unified social credit code (统一社会信用代码), 18 characters with a check."""
    return Cell(catalogue.check_credit_code, str, absent="")


def nhsa_item() -> Cell:
    """An insurance code of a drug: 23 characters, or 20 for a Chinese patent medicine."""
    return Cell(catalogue.check_drug_code, str, absent="")


def nhsa_institution() -> Cell:
    """An insurance code of an institution: H or P, 6 digits of the region, 5 of the number."""
    return Cell(catalogue.check_institution_code, str, absent="")


def excerpt(text: str, length: int = 80) -> str:
    """A text short enough for a message.

    >>> excerpt("一二三四", 3)
    '一二…'
    """
    return text if len(text) <= length else text[: length - 1] + "…"


def _plain(typed: str) -> str:
    # What is printable has none of them; asking for the whole text at once is quick.
    if typed.isprintable():
        return typed
    for position, character in enumerate(typed, 1):
        if unicodedata.category(character) in _UNSEEN:
            raise UnseenCharacter(position=position)
    return typed


def _words(typed: str) -> str:
    if typed.isprintable():
        return typed
    _plain(typed.translate({ord("\n"): " ", ord("\r"): " ", ord("\t"): " "}))
    # A spreadsheet and a CSV file end lines differently; the same words are to compare equal.
    return typed.replace("\r\n", "\n").replace("\r", "\n")


def _decimal(typed: str, places: int) -> Decimal:
    if _DECIMAL.fullmatch(typed) is None:
        raise NotADecimal(typed=typed)
    number = Decimal(typed)
    if len(typed.partition(".")[2]) > places:
        raise DecimalTooFine(typed=typed, places=places)
    return abs(number) if number == 0 else number


def _price(typed: str) -> Decimal:
    number = money.parse_price(typed)
    if number > MAX_PRICE:
        raise money.NumberTooLarge(typed=typed)
    return number


def _within_reach(value: Decimal, typed: str) -> Decimal:
    if abs(value) > MAX_AMOUNT:
        raise money.NumberTooLarge(typed=typed)
    return value


def _amount(typed: str) -> Decimal:
    value = money.parse_amount(typed)
    if value <= 0:
        raise AmountNotPositive
    return value


def _amount_text(value: Decimal) -> str:
    return f"{value:.2f}"


def _rate(typed: str) -> Decimal:
    try:
        number = _decimal(typed, places=4)
    except NotADecimal:
        raise NotARate(typed=typed) from None
    if not 0 <= number <= 1:
        raise NotARate(typed=typed)
    return number


def _decimal_text(value: Decimal | float) -> str:
    whole_part, _, decimals = f"{Decimal(str(value)):f}".partition(".")
    decimals = decimals.rstrip("0")
    return f"{whole_part}.{decimals}" if decimals else whole_part


def _price_text(value: Decimal) -> str:
    whole_part, _, decimals = _decimal_text(value).partition(".")
    return f"{whole_part}.{decimals:0<2}"


def usual_instant(local: datetime) -> datetime:
    """The instant at which the clocks of China show a time, as rules.days.parse_moment gives it."""
    return (local - _AHEAD).replace(tzinfo=UTC)


def _instant(typed: str) -> datetime:
    if _USUAL_INSTANT.fullmatch(typed):
        try:
            return usual_instant(datetime.fromisoformat(typed[:19]))
        except ValueError:
            # No day or time that exists: parse_moment says so.
            pass
    found = _FRACTION.search(typed)
    if found is None:
        return days.parse_moment(typed)
    try:
        moment = days.parse_moment(_FRACTION.sub(r"\1", typed, count=1))
    except days.MomentNotUnderstood:
        raise days.MomentNotUnderstood(typed=typed) from None
    return moment + timedelta(microseconds=int(found[2].ljust(6, "0")))


def _instant_text(value: datetime) -> str:
    return value.astimezone(days.SHANGHAI).isoformat()


_FLAGS: Final = {"y": True, "n": False, "是": True, "否": False}


def _flag(typed: str) -> bool:
    try:
        return _FLAGS[typed.casefold()]
    except KeyError:
        raise NotAFlag(typed=typed) from None


def _parts(typed: str) -> list[str]:
    return [part.strip() for part in _SEPARATORS.split(typed) if part.strip()]


def _chosen(typed: str, labels: Mapping[str, str]) -> str:
    if typed in labels:
        return typed
    for word, label in labels.items():
        if typed == label:
            return word
    raise NotAChoice(typed=typed, choices=_all_of(labels))


def _all_of(labels: Mapping[str, str]) -> str:
    return "、".join(f"{word}（{label}）" for word, label in labels.items())
