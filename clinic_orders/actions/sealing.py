"""Seal the audit: bind new entries into its chain, many at once, so that no deed waits for another (decision 0010)."""

from __future__ import annotations

from datetime import datetime
from typing import Final, cast

from sqlalchemy import Table, text

from clinic_orders.actions.bulk import insert_rows
from clinic_orders.actions.transaction import end_reading, transactional
from clinic_orders.models.audit import AuditLink
from clinic_orders.models.base import db, reading_only
from clinic_orders.queries.audit_chain import (
    BATCH,
    Head,
    digest_of_batch,
    head,
    unsealed_batches,
    unsealed_entries,
)
from clinic_orders.rules.audit_chain import content_digest, link_digest
from clinic_orders.rules.parties import Actor, Permission

# So many entries are sealed in one transaction; on SQLite nobody else writes meanwhile.
_AT_ONCE: Final = 2000
_LINKS: Final = cast("Table", AuditLink.__table__)


def seal_audit(*, by: Actor, at: datetime) -> int:
    """Seal every entry that has no link yet, in the order of their ids; answers how many.

    Entries that are being written meanwhile are sealed the next time. Called twice at once, the second waits and
    finds nothing left.
    """
    sealed = 0
    # What long files did is read before anybody has to wait for the sealing.
    with reading_only():
        read = {batch: (entry, digest_of_batch(batch)) for batch, entry in unsealed_batches().items()}
        end_reading()
    while part := _seal_part(read, by=by, at=at):
        sealed += part
    return sealed


@transactional
def _seal_part(read: dict[int, tuple[int, str]], *, by: Actor, at: datetime) -> int:
    by.need(Permission.JOBS_RUN)
    _one_at_a_time()
    last: Head = head()
    links = []
    digest = last.digest
    for position, entry in enumerate(unsealed_entries(_AT_ONCE), start=last.position + 1):
        content, records = content_digest(entry), None
        batch_id = entry["subject_id"] if entry["subject_type"] == BATCH else None
        if batch_id is not None:
            if batch_id not in read or read[batch_id][0] < entry["id"]:
                # It came since, as that of an undoing does: what the file did is read now.
                read[batch_id] = entry["id"], digest_of_batch(batch_id)
            records = read[batch_id][1]
        digest = link_digest(digest, content, records)
        links.append(
            {
                "position": position,
                "entry_id": entry["id"],
                "content": content,
                "records": records,
                "digest": digest,
                # A clock that was set back must not make later entries look older than an earlier sealing.
                "sealed_at": at if last.sealed_at is None else max(at, last.sealed_at),
            }
        )
    insert_rows(_LINKS, links)
    return len(links)


def _one_at_a_time() -> None:
    """Two sealings never take the same position; on SQLite a writer is alone anyway."""
    if db.session.get_bind().dialect.name == "postgresql":
        db.session.execute(text("LOCK TABLE audit_link IN SHARE ROW EXCLUSIVE MODE"))
