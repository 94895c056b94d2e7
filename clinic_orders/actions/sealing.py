"""Seal the audit: bind new entries into its chain, many at once, so that no deed waits for another (decision 0010)."""

from __future__ import annotations

from datetime import datetime
from typing import Final, cast

from sqlalchemy import Table, text

from clinic_orders.actions.bulk import insert_rows
from clinic_orders.actions.transaction import transactional
from clinic_orders.models.audit import AuditLink
from clinic_orders.models.base import db
from clinic_orders.queries.audit_chain import Head, head, unsealed_entries
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
    while part := _seal_part(by=by, at=at):
        sealed += part
    return sealed


@transactional
def _seal_part(*, by: Actor, at: datetime) -> int:
    by.need(Permission.JOBS_RUN)
    _one_at_a_time()
    last: Head = head()
    links = []
    digest = last.digest
    for position, entry in enumerate(unsealed_entries(_AT_ONCE), start=last.position + 1):
        content = content_digest(entry)
        digest = link_digest(digest, content)
        links.append(
            {
                "position": position,
                "entry_id": entry["id"],
                "content": content,
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
