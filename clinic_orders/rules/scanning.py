"""What a scanner, a camera or a keyboard gave: a pack's trace code, or only the product (R-TRACE-1).

Packs in China carry 20 digits, as a bar code or inside the address of a square code; imported ones a GS1 element
string (GTIN, batch, expiry, serial number). The 69-code on every pack names the product and no pack.

>>> read_scan("81234567890123456789").code
'81234567890123456789'
>>> read_scan("https://example.cn/t?c=81234567890123456789").code
'81234567890123456789'
>>> read_scan("6901234567892").kind
<ScanKind.PRODUCT: 'product'>
>>> read_scan("]d20106901234567892172806301025A" + chr(29) + "21S77").code
'(01)06901234567892(17)280630(10)25A(21)S77'
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from datetime import date
from enum import StrEnum
from typing import Final

from stdnum import ean

from clinic_orders.rules.tracing import (
    NARROW,
    TraceCodeNotUnderstood,
    element_string,
    parse_trace_code,
    parts_of,
)

# The longest square code that is read; anything longer is no code of a pack.
MAX_TEXT: Final = 500
# So many codes fit into one line of a form.
MAX_CODES: Final = 500

_BAR_CODE: Final = re.compile(r"(?:\](?:E0|C0|I0))?([0-9]{13})")
_TWENTY_INSIDE: Final = re.compile(r"(?<![0-9])[0-9]{20}(?![0-9])")
_BETWEEN: Final = re.compile(r"[ \t\r\n\u3000,;，；、]+")


class ScanKind(StrEnum):
    """What was scanned."""

    PACK = "pack"
    PRODUCT = "product"


@dataclass(frozen=True, slots=True)
class Scan:
    """A code that was read.

    Attributes:
        kind: of one pack, or only of a product.
        code: the trace code in the form in which it is stored; of a product its 69-code.
        barcode: the 69-code (GTIN without its leading zero), empty where the code does not say it.
        batch_no: empty where the code does not say it.
        expiry: None where the code does not say it.

    """

    kind: ScanKind
    code: str
    barcode: str = ""
    batch_no: str = ""
    expiry: date | None = None


def read_scan(text: str) -> Scan:
    """Read one code.

    Raises:
        TraceCodeNotUnderstood: it is neither a trace code nor a 69-code with its right check digit.

    """
    typed = text.strip().translate(NARROW)[:MAX_TEXT]
    bar = _BAR_CODE.fullmatch(typed)
    if bar and ean.is_valid(bar[1]):
        return Scan(ScanKind.PRODUCT, bar[1], bar[1])
    string = element_string(typed)
    if string is not None:
        return _of_elements(string)
    inside = set(_TWENTY_INSIDE.findall(typed))
    if len(inside) == 1:
        return Scan(ScanKind.PACK, inside.pop())
    return Scan(ScanKind.PACK, parse_trace_code(typed))


def _of_elements(string: str) -> Scan:
    parts = parts_of(string)
    gtin = parts["01"]
    barcode = gtin.removeprefix("0")
    # A day 00 stands for the end of the month; the law takes the last day too.
    batch_no, expiry = parts.get("10", ""), _expiry(parts.get("17", ""))
    if not parts.get("21"):
        return Scan(ScanKind.PRODUCT, barcode, barcode, batch_no, expiry)
    return Scan(ScanKind.PACK, string, barcode, batch_no, expiry)


def _expiry(digits: str) -> date | None:
    if not digits:
        return None
    year, month, day = 2000 + int(digits[:2]), int(digits[2:4]), int(digits[4:])
    try:
        if day:
            return date(year, month, day)
        following = date(year + month // 12, month % 12 + 1, 1)
        return date.fromordinal(following.toordinal() - 1)
    except ValueError:
        return None


def read_scans(text: str) -> tuple[list[Scan], list[TraceCodeNotUnderstood]]:
    """Read a list of codes parted by blanks, lines, commas or semicolons, and what could not be read of it."""
    scans: list[Scan] = []
    problems: list[TraceCodeNotUnderstood] = []
    for part in [part for part in _BETWEEN.split(text.strip()) if part][:MAX_CODES]:
        try:
            scans.append(read_scan(part))
        except TraceCodeNotUnderstood as problem:
            problems.append(problem)
    return scans, problems
