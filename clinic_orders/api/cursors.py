"""Where a page of a list begins: behind the last row of the page before, written so that nobody reads meaning into it."""

from __future__ import annotations

import base64
import binascii
import json
from datetime import UTC, datetime, timedelta
from typing import Any, Final

from clinic_orders.rules.api import CursorWrong

_LARGEST: Final = 2**63 - 1
_EPOCH: Final = datetime(1970, 1, 1, tzinfo=UTC)
_MICROSECOND: Final = timedelta(microseconds=1)


def cursor(*place: Any) -> str:
    """The cursor of a place.

    >>> place_of(cursor(7), int)
    (7,)
    """
    plain = [(one - _EPOCH) // _MICROSECOND if isinstance(one, datetime) else one for one in place]
    return base64.urlsafe_b64encode(json.dumps(plain).encode()).decode().rstrip("=")


def place_of(text: str, *kinds: type) -> tuple[Any, ...]:
    """The place of a cursor, whose parts are of these kinds.

    Raises:
        CursorWrong: it is none.

    """
    try:
        parts = json.loads(base64.b64decode(text.encode() + b"=" * (-len(text) % 4), b"-_", validate=True))
        if not isinstance(parts, list) or len(parts) != len(kinds):
            raise CursorWrong
        return tuple(_part(part, kind) for part, kind in zip(parts, kinds, strict=True))
    except (ValueError, binascii.Error, RecursionError, OverflowError) as error:
        raise CursorWrong from error


def _part(part: Any, kind: type) -> Any:
    if kind is str:
        if not isinstance(part, str) or not part.isprintable():
            raise CursorWrong
        return part
    if not isinstance(part, int) or isinstance(part, bool) or not 0 <= part <= _LARGEST:
        raise CursorWrong
    if kind is datetime:
        return _EPOCH + part * _MICROSECOND
    return min(part, 2**31 - 1)
