"""Trace codes on packs 药品追溯码 (R-TRACE-1).

A code is 20 digits; its first 7 identify product and pack level. GS1 element strings with the application
identifiers 01, 10, 17 and 21 are accepted too, as printed with brackets or as a scanner sends them; they are kept
with brackets.

>>> parse_trace_codes("81234567890123456789 81234567890123456788")
('81234567890123456789', '81234567890123456788')
>>> parse_trace_code("8123")
Traceback (most recent call last):
clinic_orders.rules.tracing.TraceCodeNotUnderstood: “8123” is not a trace code. It has 20 digits; scan it again.
"""

from __future__ import annotations

import re
from datetime import date
from typing import Final

from stdnum import ean, gs1_128
from stdnum.exceptions import ValidationError

from clinic_orders.rules.errors import N_, RuleBroken

MAX_LENGTH: Final = 64

_TWENTY: Final = re.compile(r"[0-9]{20}")
_PREFIX: Final = re.compile(r"[0-9]{7}")
_GS1: Final = re.compile(r"\(01\)[0-9]{14}(?:\((?:10|21)\)[!-'*-z]{1,20}|\(17\)[0-9]{6})*")
_PART: Final = re.compile(r"\((01|10|17|21)\)([^(]*)")
# What scanners put in front of GS1's symbols: Code 128, Data Matrix, QR.
_SYMBOL: Final = re.compile(r"\A\](?:C1|d2|Q3|e0)")
_SENT: Final = re.compile(r"01[0-9]{14}[!-~\x1d]*")
_SEPARATOR: Final = "\x1d"
_BETWEEN: Final = re.compile(r"[ \t\r\n\f\v\u3000,;，；、]+")
# A Chinese keyboard types full-width digits unnoticed; they mean the same and nothing else.
NARROW: Final = {0xFF10 + digit: ord("0") + digit for digit in range(10)}


class TraceCodeNotUnderstood(RuleBroken):
    """What was scanned or typed is no trace code."""

    message = N_("“%(typed)s” is not a trace code. It has 20 digits; scan it again.")


class PrefixNotUnderstood(RuleBroken):
    """The first digits of a trace code are seven."""

    message = N_("“%(typed)s” is not the beginning of a trace code. It has 7 digits, leading zeros included.")


class BarcodeNotUnderstood(RuleBroken):
    """A 69-code has a check digit."""

    message = N_(
        "“%(typed)s” is not a bar code of a product (69-code). A digit is wrong or missing; scan it again."
    )


class TraceCodeTwice(RuleBroken):
    """One code stands twice in a list of packs."""

    message = N_("The trace code %(code)s is there twice. Every pack has its own.")


def element_string(text: str) -> str | None:
    """A GS1 element string with its brackets, in the order of the code; None if the text is none that we accept.

    A scanner leaves the brackets out, puts three signs of the symbol in front, and the sign GS (29) behind a part
    whose length is not fixed.

    >>> element_string("0106901234567892" + "17280630" + "21S77")
    '(01)06901234567892(17)280630(21)S77'
    """
    if text.startswith("(01)"):
        string = text
    else:
        sent = _SYMBOL.sub("", text)
        if _SENT.fullmatch(sent) is None:
            return None
        try:
            found = gs1_128.info(sent, separator=_SEPARATOR)
        except (ValidationError, ValueError):
            # A part that says it is a date and is none is a ValueError of the library's.
            return None
        string = "".join(
            f"({name}){value.strftime('%y%m%d') if isinstance(value, date) else value}"
            for name, value in found.items()
        )
    return string if len(string) <= MAX_LENGTH and _GS1.fullmatch(string) else None


def parts_of(string: str) -> dict[str, str]:
    """The parts of an element string with brackets, by application identifier."""
    return dict(_PART.findall(string))


def parse_trace_code(text: str) -> str:
    """Read one code: 20 digits, or a GS1 element string with a (01) part.

    Raises:
        TraceCodeNotUnderstood: neither of the two.

    """
    code = text.strip().translate(NARROW)
    if _TWENTY.fullmatch(code):
        return code
    string = element_string(code)
    if string is not None:
        return string
    raise TraceCodeNotUnderstood(typed=text.strip()[:40])


def parse_prefix(text: str) -> str:
    """Read the first seven digits of a code, which say product and pack level (R-TRACE-1).

    Raises:
        PrefixNotUnderstood: they are not seven digits.

    >>> parse_prefix("0123456")
    '0123456'

    """
    prefix = text.strip().translate(NARROW)
    if _PREFIX.fullmatch(prefix) is None:
        raise PrefixNotUnderstood(typed=text.strip()[:40])
    return prefix


def parse_barcode(text: str) -> str:
    """Read a 69-code: a GTIN of 8, 13 or 14 digits with its right check digit, without the leading zero of 14.

    Raises:
        BarcodeNotUnderstood: it is none.

    >>> parse_barcode("06901234567892")
    '6901234567892'

    """
    code = text.strip().translate(NARROW)
    if not ean.is_valid(code) or len(code) not in (8, 13, 14):
        raise BarcodeNotUnderstood(typed=text.strip()[:40])
    return code.removeprefix("0") if len(code) == 14 else code


def parse_trace_codes(text: str) -> tuple[str, ...]:
    """Read a list of codes parted by blanks, lines, commas or semicolons, in their order.

    Raises:
        TraceCodeNotUnderstood: one of them is none.
        TraceCodeTwice: one is there twice.

    """
    codes: dict[str, None] = {}
    for part in _BETWEEN.split(text.strip()):
        if not part:
            continue
        code = parse_trace_code(part)
        if code in codes:
            raise TraceCodeTwice(code=code)
        codes[code] = None
    return tuple(codes)
