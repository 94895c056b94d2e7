"""What a file did to records, or would do, said in words: on the page and as a file."""

from __future__ import annotations

from flask_babel import gettext as _

from clinic_orders.models.audit import AuditEntry
from clinic_orders.queries.batches import ShownRecord
from clinic_orders.rules.errors import N_
from clinic_orders.web.deed_facts import Change, changes
from clinic_orders.web.display import MISSING
from clinic_orders.web.listing import Column


def facts_of(record: ShownRecord) -> list[Change]:
    """What the batch did to a record, said as the history says it."""
    entry = AuditEntry(deed="store_file", subject=record.name, before=record.before, after=record.after)
    # What is empty on both sides, or empty in a new record, says nothing.
    return [
        change for change in changes(entry, {}, whole=True) if {change.before, change.after} - {"", MISSING}
    ]


def _side(record: ShownRecord, *, after: bool) -> str:
    """One side of a record on one line."""
    return "; ".join(
        f"{change.field} {said}"
        for change in facts_of(record)
        if (said := change.after if after else change.before)
    )


RECORD_COLUMNS = (
    Column(N_("Kind of record"), lambda record: _(record.word)),
    Column(N_("Record"), lambda record: record.name),
    Column(N_("What happened"), lambda record: record.change),
    Column(N_("Before"), lambda record: _side(record, after=False)),
    Column(N_("After"), lambda record: _side(record, after=True)),
)
