"""EPCIS 2.0 documents in JSON-LD, written event by event so that a month of any size fits (decision 0042)."""

from __future__ import annotations

import json
from collections.abc import Iterable, Iterator
from datetime import datetime
from typing import IO

from clinic_orders.rules.epcis import PacksMoved, document_head, event

MEDIA_TYPE = "application/ld+json"


def epcis_parts(events: Iterable[PacksMoved], *, at: datetime) -> Iterator[str]:
    """The parts of a document, one after the other.

    Args:
        events: what happened.
        at: when the document is made.

    """
    head = json.dumps(document_head(at), ensure_ascii=False)
    yield head[:-1] + ', "epcisBody": {"eventList": ['
    between = "\n"
    for one in events:
        yield between + json.dumps(event(one), ensure_ascii=False)
        between = ",\n"
    yield "\n]}}\n"


def write_epcis(out: IO[bytes], events: Iterable[PacksMoved], *, at: datetime) -> int:
    """Write a document; how many events it has."""
    count = 0

    def counted() -> Iterator[PacksMoved]:
        nonlocal count
        for one in events:
            count += 1
            yield one

    for part in epcis_parts(counted(), at=at):
        out.write(part.encode())
    return count
