"""The chain of the audit: each entry is bound to all entries before it, so that no past can be rewritten unseen.

An entry's content is hashed over its canonical JSON (keys sorted, no spaces, UTF-8, instants in UTC). A link binds
that hash to the link before it; the first link is bound to ``GENESIS``. Whoever changes, removes, inserts or
reorders an entry would have to write all later links anew, and the head of the chain that was written down
elsewhere would no longer be among them.

The entry that tells of an imported file, or of its undoing, is bound together with the hash of all that the file did to
records (``records_digest``), so that what stood before cannot be rewritten either.

>>> content = content_digest({"id": 1, "deed": "submit_order", "at": "2026-03-02T01:30:05+00:00"})
>>> link_digest(GENESIS, content)[:12]
'e90eebf93c4d'
"""

from __future__ import annotations

import hashlib
import json
from collections.abc import Iterable, Mapping
from datetime import UTC, datetime, timedelta
from enum import Enum
from typing import Any, Final

GENESIS: Final = "0" * 64
# An entry is sealed at the first sealing after its commit, and a deed takes less than a day. One that is older than
# the sealing before by more was put in afterwards.
GRACE: Final = timedelta(days=1)


def canonical(entry: Mapping[str, Any]) -> bytes:
    """The one way in which an entry is written for hashing."""
    return json.dumps(
        entry, ensure_ascii=False, sort_keys=True, separators=(",", ":"), default=_plain
    ).encode()


def _plain(value: Any) -> str:
    if isinstance(value, datetime):
        return value.astimezone(UTC).isoformat()
    if isinstance(value, Enum):
        return str(value.value)
    raise TypeError(f"an audit entry holds no {type(value).__name__}")


# A column that came when entries had been sealed: empty, it is left out, so that they keep their hash.
_CAME_LATER: Final = "batch_id"


def content_digest(entry: Mapping[str, Any]) -> str:
    """SHA-256 of an entry's content, in hexadecimal."""
    known = {name: value for name, value in entry.items() if name != _CAME_LATER or value is not None}
    return hashlib.sha256(canonical(known)).hexdigest()


def records_digest(records: Iterable[Mapping[str, Any]]) -> str:
    """SHA-256 of all that a file did to records, in their order, in hexadecimal; one of them is in memory at a time."""
    digest = hashlib.sha256()
    for record in records:
        digest.update(canonical(record))
        digest.update(b"\n")
    return digest.hexdigest()


def link_digest(before: str, content: str, records: str | None = None) -> str:
    """SHA-256 that binds an entry's content, and what a file did to records, to the link before it, in hexadecimal."""
    return hashlib.sha256(f"{before}{content}{records or ''}".encode()).hexdigest()


def is_backdated(entry_at: datetime, sealed_before: datetime | None) -> bool:
    """Whether an entry is too old to have been missed by the sealing before the one that took it in."""
    return sealed_before is not None and entry_at < sealed_before - GRACE
