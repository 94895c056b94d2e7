"""Store many dated rows by their natural key: insert what is new, change what differs, leave the rest."""

from __future__ import annotations

from collections.abc import Hashable, Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import date, datetime
from typing import Any, cast

from sqlalchemy import Table, select

from clinic_orders.actions import audit
from clinic_orders.actions.bulk import Problems, Stored, in_parts, insert_rows, update_rows
from clinic_orders.actions.loading import NotFound
from clinic_orders.models.base import Base, db
from clinic_orders.models.roster import Institution, InstitutionRecord
from clinic_orders.queries.roster import current
from clinic_orders.rules.parties import Actor
from clinic_orders.rules.roster_records import RecordTwice

# Above this many changed records in one call a single audit entry sums them up.
AUDITED_ONE_BY_ONE = 10_000


@dataclass(slots=True)
class Wanted:
    """A record as a row wants it.

    Attributes:
        row: number of the row.
        key: natural key, equal to the key of the stored record.
        columns: what the key is in columns.
        values: the other columns.
        subject: its name for people.
        institution_id, distributor_id, county_code: whose matter it is.

    """

    row: int
    key: Hashable
    columns: dict[str, Any]
    values: dict[str, Any]
    subject: str
    institution_id: int | None = None
    distributor_id: int | None = None
    county_code: str | None = None


@dataclass(slots=True)
class Change:
    """A record that was made or changed."""

    wanted: Wanted
    record_id: int | None
    before: dict[str, Any] | None
    after: dict[str, Any]


@dataclass(slots=True)
class Outcome:
    """What storing did."""

    stored: Stored = field(default_factory=Stored)
    changes: list[Change] = field(default_factory=list)


def refuse_twice(wanted: Iterable[Wanted], problems: Problems, column: str) -> None:
    """Note each row whose key stood in an earlier row."""
    seen: set[Hashable] = set()
    for one in wanted:
        if one.key in seen:
            problems.add(one.row, column, RecordTwice(key=one.subject))
        seen.add(one.key)


def store(
    model: type[Base],
    wanted: Sequence[Wanted],
    known: Mapping[Hashable, Any],
    *,
    at: datetime,
    always: Mapping[str, Any] | None = None,
) -> Outcome:
    """Insert or change the records of a table; at most two kinds of statement however many rows.

    Args:
        model: whose table.
        wanted: each key once.
        known: stored rows by key, with ``id`` and the columns of ``values``.
        at: when they are recorded.
        always: further columns of new records.

    """
    table = cast("Table", model.__table__)
    outcome = Outcome()
    new: list[dict[str, Any]] = []
    changed: dict[tuple[str, ...], list[dict[str, Any]]] = {}
    for one in wanted:
        old = known.get(one.key)
        if old is None:
            new.append({**(always or {}), **one.columns, **one.values, "recorded_at": at})
            outcome.changes.append(Change(one, None, None, one.columns | one.values))
            continue
        difference = {name: value for name, value in one.values.items() if old[name] != value}
        if not difference:
            outcome.stored.unchanged += 1
            continue
        outcome.stored.updated += 1
        outcome.changes.append(Change(one, old["id"], {name: old[name] for name in difference}, difference))
        names = tuple(one.values)
        changed.setdefault(names, []).append({"id": old["id"], **one.values})
    insert_rows(table, new)
    for rows in changed.values():
        update_rows(table, rows)
    outcome.stored.created = len(new)
    # Records that the caller has in hand show what is stored now.
    db.session.expire_all()
    return outcome


def note(deed: str, subject_type: str, changes: Sequence[Change], *, by: Actor, at: datetime) -> None:
    """Write the changes down: one audit entry each, or one for all when they are very many."""
    if not changes:
        return
    if len(changes) > AUDITED_ONE_BY_ONE:
        created = sum(1 for change in changes if change.before is None)
        audit.record(
            deed,
            by=by,
            at=at,
            subject_type=subject_type,
            subject=f"× {len(changes)}",
            after={"created": created, "updated": len(changes) - created},
        )
        return
    audit.record_all(
        deed,
        [
            {
                "subject_id": change.record_id,
                "subject": change.wanted.subject[:128],
                "institution_id": change.wanted.institution_id,
                "distributor_id": change.wanted.distributor_id,
                "county_code": change.wanted.county_code,
                "before": change.before,
                "after": {name: value for name, value in change.after.items() if value not in (None, "")}
                if change.before is None
                else change.after,
            }
            for change in changes
        ],
        by=by,
        at=at,
        subject_type=subject_type,
    )


def institution_ids(codes: Iterable[str]) -> dict[str, int]:
    """Row ids of institutions by code; codes that are not there are left out."""
    found: dict[str, int] = {}
    for part in in_parts(sorted(set(codes))):
        found.update(
            (row.code, row.id)
            for row in db.session.execute(
                select(Institution.code, Institution.id).where(Institution.code.in_(part))
            )
        )
    return found


def counties_of(ids: Iterable[int], on: date) -> dict[int, str]:
    """The county of institutions on a day, for the audit entries that its bureau may read."""
    found: dict[int, str] = {}
    record = InstitutionRecord
    for part in in_parts(sorted(set(ids))):
        found.update(
            (row.institution_id, row.county_code)
            for row in db.session.execute(
                select(record.institution_id, record.county_code).where(
                    record.institution_id.in_(part), current(record, on)
                )
            )
        )
    return found


def institution_id(code: str) -> int:
    """The row id of one institution.

    Raises:
        NotFound: there is none with this code.

    """
    found = db.session.scalar(select(Institution.id).where(Institution.code == code))
    if found is None:
        raise NotFound(number=code)
    return found
