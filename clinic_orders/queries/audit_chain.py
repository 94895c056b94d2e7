"""Does the chain of the audit hold? Every entry against its link, every link against the one before."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import Any, Final, cast

from sqlalchemy import Table, func, select

from clinic_orders.models.audit import AuditEntry, AuditLink
from clinic_orders.models.base import db
from clinic_orders.models.exchange import BatchRecord
from clinic_orders.rules.audit_chain import (
    GENESIS,
    content_digest,
    is_backdated,
    link_digest,
    records_digest,
)
from clinic_orders.rules.errors import N_

_ENTRIES: Final = cast("Table", AuditEntry.__table__)
_LINKS: Final = cast("Table", AuditLink.__table__)
_RECORDS: Final = cast("Table", BatchRecord.__table__)
_PART: Final = 2000
# The kind of record whose entries tell of an imported file.
BATCH: Final = "import_batch"


@dataclass(frozen=True, slots=True)
class Head:
    """The newest link: written down elsewhere, it witnesses all before it; position 0 = nothing is sealed yet."""

    position: int
    digest: str
    sealed_at: datetime | None = None

    def __str__(self) -> str:
        """As an operator keeps it: the position and the digest."""
        return f"{self.position}:{self.digest}"


@dataclass(frozen=True, slots=True)
class Broken:
    """A place where the chain does not hold.

    Attributes:
        subject: which entry or link.
        message: English msgid of what is wrong.
        facts: for the message.

    """

    subject: str
    message: str
    facts: dict[str, Any]


def head() -> Head:
    """The newest link of the chain."""
    found = db.session.execute(
        select(_LINKS.c.position, _LINKS.c.digest, _LINKS.c.sealed_at)
        .order_by(_LINKS.c.position.desc())
        .limit(1)
    ).first()
    return Head(0, GENESIS) if found is None else Head(found.position, found.digest, found.sealed_at)


def unsealed_entries(limit: int) -> list[dict[str, Any]]:
    """The oldest entries without a link, whole, by id."""
    rows = db.session.execute(
        select(_ENTRIES)
        .outerjoin(_LINKS, _LINKS.c.entry_id == _ENTRIES.c.id)
        .where(_LINKS.c.position.is_(None))
        .order_by(_ENTRIES.c.id)
        .limit(limit)
    )
    return [dict(row._mapping) for row in rows]


def unsealed_batches() -> dict[int, int]:
    """The imported files of which entries without a link tell, and the id of the last of these entries."""
    rows = db.session.execute(
        select(_ENTRIES.c.subject_id, func.max(_ENTRIES.c.id))
        .outerjoin(_LINKS, _LINKS.c.entry_id == _ENTRIES.c.id)
        .where(
            _LINKS.c.position.is_(None), _ENTRIES.c.subject_type == BATCH, _ENTRIES.c.subject_id.is_not(None)
        )
        .group_by(_ENTRIES.c.subject_id)
    )
    return dict(rows.all())


def digest_of_batch(batch_id: int) -> str:
    """The hash of all that an imported file did to records, as it stands now."""
    return records_digest(_records(batch_id))


def _records(batch_id: int) -> Iterator[dict[str, Any]]:
    last = 0
    while True:
        rows = db.session.execute(
            select(_RECORDS)
            .where(_RECORDS.c.batch_id == batch_id, _RECORDS.c.id > last)
            .order_by(_RECORDS.c.id)
            .limit(_PART)
        ).all()
        if not rows:
            return
        yield from (dict(row._mapping) for row in rows)
        last = rows[-1].id


def count_unsealed() -> int:
    """How many entries wait for the next sealing."""
    sealed = select(func.count()).select_from(_LINKS).scalar_subquery()
    return db.session.scalar(select(func.count() - sealed).select_from(_ENTRIES)) or 0


def lost_heads(kept: Iterable[Head]) -> list[Head]:
    """Of the heads that were written down earlier those that the chain has no more, without walking it."""
    wanted = [head for head in kept if head.position > 0]
    positions = sorted({head.position for head in wanted})
    found: dict[int, str] = {}
    for start in range(0, len(positions), _PART):
        part = select(_LINKS.c.position, _LINKS.c.digest).where(
            _LINKS.c.position.in_(positions[start : start + _PART])
        )
        found.update(dict(db.session.execute(part).all()))
    return [head for head in wanted if found.get(head.position) != head.digest]


def broken_places(*witnesses: Head) -> Iterator[Broken]:
    """Walk the chain from its beginning; nothing is the good answer. Memory stays the same however long it is.

    Args:
        witnesses: heads that were written down earlier; they must still be in the chain.

    """
    before, expected, sealed_at, sealing_before = GENESIS, 1, None, None
    written: dict[int, set[str]] = {}
    for witness in witnesses:
        if witness.position > 0:
            written.setdefault(witness.position, set()).add(witness.digest)
    # Of each imported file the newest link that binds what it did; undoing binds it anew.
    bound: dict[int, tuple[int, str]] = {}
    for link, entry in _links_with_entries():
        if link.sealed_at != sealed_at:
            sealing_before, sealed_at = sealed_at, link.sealed_at
        if link.position != expected:
            yield Broken(
                f"#{expected}", N_("Links %(first)s to %(last)s were removed."), {"first": expected, "last": link.position - 1}
            )  # fmt: skip
        elif link.digest != link_digest(before, link.content, link.records):
            yield Broken(
                f"#{link.position}",
                N_("The link does not follow from the one before it: links were reordered or written anew."),
                {},
            )
        before, expected = link.digest, link.position + 1
        yield from _wrong_entry(link, entry, sealing_before)
        if link.records is not None and entry["subject_id"] is not None:
            bound[entry["subject_id"]] = link.position, link.records
        for digest in sorted(written.pop(link.position, set()) - {link.digest}):
            yield Broken(f"#{link.position}", N_("The head that was written down says %(digest)s."), {"digest": digest})  # fmt: skip
    for position in sorted(written):
        yield Broken(
            f"#{position}" if position < expected else f"#{expected}",
            N_("The chain ends before the head that was written down, link %(position)s."),
            {"position": position},
        )
    yield from _changed_records(bound)
    yield from _backdated_unsealed(sealed_at)


def _changed_records(bound: Mapping[int, tuple[int, str]]) -> Iterator[Broken]:
    """Imported files whose records do not say any more what was sealed; one that was just undone is sealed next."""
    moving = unsealed_batches()
    for batch_id, (position, digest) in bound.items():
        if batch_id not in moving and digest_of_batch(batch_id) != digest:
            yield Broken(
                f"#{position}", N_("What import %(batch)s did to its records was changed."), {"batch": batch_id}
            )  # fmt: skip


def _wrong_entry(link: Any, entry: dict[str, Any], sealing_before: datetime | None) -> Iterator[Broken]:
    subject = f"#{link.position}"
    if entry["id"] is None:
        yield Broken(subject, N_("Entry %(entry)s was removed."), {"entry": link.entry_id})
        return
    facts = {"entry": entry["id"], "deed": entry["deed"], "subject": entry["subject"]}
    if content_digest(entry) != link.content:
        yield Broken(subject, N_("Entry %(entry)s (%(deed)s %(subject)s) was changed."), facts)
    if is_backdated(entry["at"], sealing_before):
        yield Broken(subject, N_("Entry %(entry)s (%(deed)s %(subject)s) was inserted afterwards."), facts)


def _backdated_unsealed(last_sealed_at: datetime | None) -> Iterator[Broken]:
    """Entries that no sealing took in although they say they are old."""
    for entry in unsealed_entries(_PART):
        if is_backdated(entry["at"], last_sealed_at):
            yield Broken(
                "–",
                N_("Entry %(entry)s (%(deed)s %(subject)s) was inserted afterwards."),
                {"entry": entry["id"], "deed": entry["deed"], "subject": entry["subject"]},
            )


def _links_with_entries() -> Iterator[tuple[Any, dict[str, Any]]]:
    """Every link in its order with its entry's columns, all None where it is gone."""
    position = 0
    names = [column.name for column in _ENTRIES.columns]
    links = [column.label(f"link_{column.name}") for column in _LINKS.columns]
    while True:
        rows = db.session.execute(
            select(*links, _ENTRIES)
            .outerjoin(_ENTRIES, _ENTRIES.c.id == _LINKS.c.entry_id)
            .where(_LINKS.c.position > position)
            .order_by(_LINKS.c.position)
            .limit(_PART)
        ).all()
        if not rows:
            return
        for row in rows:
            found = row._mapping
            link = AuditLink(**{column.name: found[f"link_{column.name}"] for column in _LINKS.columns})
            yield link, {name: found[name] for name in names}
        position = rows[-1].link_position
