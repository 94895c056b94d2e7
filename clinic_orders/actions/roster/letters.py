"""Commitment letters 承诺书 (R-ROSTER-4)."""

from __future__ import annotations

from collections.abc import Hashable, Sequence
from datetime import datetime
from typing import Any

from sqlalchemy import select

from clinic_orders.actions.bulk import NumberedRow, Problems, Row, Stored, UnknownCode, in_parts
from clinic_orders.actions.roster.storing import (
    Wanted,
    counties_of,
    institution_ids,
    note,
    refuse_twice,
    store,
)
from clinic_orders.actions.transaction import transactional
from clinic_orders.models.base import db
from clinic_orders.models.roster import Commitment
from clinic_orders.rules.days import day_in_china
from clinic_orders.rules.parties import Actor, Permission
from clinic_orders.rules.roster_records import LastDayBeforeFirst


@transactional
def put_commitments(rows: Sequence[NumberedRow], *, by: Actor, at: datetime) -> Stored:
    """Add or change letters by (institution_code, signed_on) (formats.md kind ``commitments``), all or none.

    Of several letters the latest signed holds, so a new one needs no ending of the old one.

    Raises:
        RowsRefused: unknown institution, last day before the day of signature.

    """
    by.need(Permission.ROSTER_MANAGE)
    ids = institution_ids(row["institution_code"] for _, row in rows)
    counties = counties_of(ids.values(), day_in_china(at))
    problems = Problems()
    wanted: list[Wanted] = []
    for number, row in rows:
        code, signed_on, ends_on = row["institution_code"], row["signed_on"], row.get("ends_on")
        if code not in ids:
            problems.add(number, "institution_code", UnknownCode(code=code))
            continue
        if ends_on is not None and ends_on < signed_on:
            problems.add(number, "ends_on", LastDayBeforeFirst(first=signed_on, last=ends_on))
        wanted.append(
            Wanted(
                number,
                (ids[code], signed_on),
                {"institution_id": ids[code], "signed_on": signed_on},
                {"version": row["version"], "markup_rate": row.get("markup_rate"), "ends_on": ends_on},
                f"{code} {signed_on}",
                institution_id=ids[code],
                county_code=counties.get(ids[code]),
            )
        )
    refuse_twice(wanted, problems, "signed_on")
    problems.raise_if_any()
    known: dict[Hashable, Any] = {}
    for part in in_parts(sorted(set(ids.values()))):
        for found in db.session.execute(
            select(*Commitment.__table__.columns).where(Commitment.institution_id.in_(part))
        ):
            known[found.institution_id, found.signed_on] = found._mapping
    outcome = store(Commitment, wanted, known, at=at)
    note("put_commitments", "commitment", outcome.changes, by=by, at=at)
    return outcome.stored


def sign_commitment(row: Row, *, by: Actor, at: datetime) -> Stored:
    """Record one letter; as ``put_commitments`` with one row, numbered 1."""
    return put_commitments([(1, row)], by=by, at=at)
