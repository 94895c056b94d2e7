"""Trace codes on packs 药品追溯码 (R-TRACE-1).

A code is 20 digits; its first 7 identify product and pack level. GS1 element strings with the application
identifiers 01, 10, 17 and 21 are accepted too, in the form with brackets.

>>> parse_trace_codes("81234567890123456789 81234567890123456788")
('81234567890123456789', '81234567890123456788')
>>> parse_trace_code("8123")
Traceback (most recent call last):
clinic_orders.rules.tracing.TraceCodeNotUnderstood: “8123” is not a trace code. It has 20 digits; scan it again.
"""

from __future__ import annotations

import re
from typing import Final

from clinic_orders.rules.errors import N_, RuleBroken

MAX_LENGTH: Final = 64

_TWENTY: Final = re.compile(r"[0-9]{20}")
_PREFIX: Final = re.compile(r"[0-9]{7}")
_GS1: Final = re.compile(r"\(01\)[0-9]{14}(?:\((?:10|21)\)[!-'*-z]{1,20}|\(17\)[0-9]{6})*")
_BETWEEN: Final = re.compile(r"[\s,;，；、]+")
# A Chinese keyboard types full-width digits unnoticed; they mean the same and nothing else.
_NARROW: Final = {0xFF10 + digit: ord("0") + digit for digit in range(10)}


class TraceCodeNotUnderstood(RuleBroken):
    """What was scanned or typed is no trace code."""

    message = N_("“%(typed)s” is not a trace code. It has 20 digits; scan it again.")


class PrefixNotUnderstood(RuleBroken):
    """The first digits of a trace code are seven."""

    message = N_("“%(typed)s” is not the beginning of a trace code. It has 7 digits, leading zeros included.")


class TraceCodeTwice(RuleBroken):
    """One code stands twice in a list of packs."""

    message = N_("The trace code %(code)s is there twice. Every pack has its own.")


def parse_trace_code(text: str) -> str:
    """Read one code: 20 digits, or a GS1 element string with a (01) part.

    Raises:
        TraceCodeNotUnderstood: neither of the two.

    """
    code = text.strip().translate(_NARROW)
    if _TWENTY.fullmatch(code):
        return code
    if len(code) <= MAX_LENGTH and _GS1.fullmatch(code):
        return code
    raise TraceCodeNotUnderstood(typed=text.strip()[:40])


def parse_prefix(text: str) -> str:
    """Read the first seven digits of a code, which say product and pack level (R-TRACE-1).

    Raises:
        PrefixNotUnderstood: they are not seven digits.

    >>> parse_prefix("0123456")
    '0123456'

    """
    prefix = text.strip().translate(_NARROW)
    if _PREFIX.fullmatch(prefix) is None:
        raise PrefixNotUnderstood(typed=text.strip()[:40])
    return prefix


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
