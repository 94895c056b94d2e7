"""Distributors 配送企业."""

from __future__ import annotations

from collections.abc import Hashable, Sequence
from datetime import datetime
from typing import Any

from sqlalchemy import select

from clinic_orders.actions.bulk import NumberedRow, Problems, Stored, in_parts
from clinic_orders.actions.roster.storing import Wanted, note, refuse_twice, store
from clinic_orders.actions.transaction import transactional
from clinic_orders.models.base import db
from clinic_orders.models.roster import Distributor
from clinic_orders.rules.catalogue import check_credit_code
from clinic_orders.rules.errors import RuleBroken
from clinic_orders.rules.parties import Actor, Permission


@transactional
def put_distributors(rows: Sequence[NumberedRow], *, by: Actor, at: datetime, demo: bool = False) -> Stored:
    """Add or change distributors by code (formats.md kind ``distributors``), all or none.

    Args:
        rows: with their numbers.
        by: who.
        at: when.
        demo: whether distributors that are new here are invented ones.

    Raises:
        RowsRefused: wrong credit code.

    """
    by.need(Permission.ROSTER_MANAGE)
    problems = Problems()
    known: dict[Hashable, Any] = {}
    for part in in_parts(sorted({row["code"] for _, row in rows})):
        for found in db.session.execute(
            select(*Distributor.__table__.columns).where(Distributor.code.in_(part))
        ):
            known[found.code] = found._mapping
    wanted: list[Wanted] = []
    for number, row in rows:
        uscc = row.get("uscc") or ""
        if uscc:
            try:
                uscc = check_credit_code(uscc)
            except RuleBroken as refusal:
                problems.add(number, "uscc", refusal)
        old = known.get(row["code"])
        wanted.append(
            Wanted(
                number,
                row["code"],
                {"code": row["code"]},
                {"name": row["name"], "uscc": uscc, "phone": row.get("phone") or ""},
                row["code"],
                distributor_id=None if old is None else old["id"],
            )
        )
    refuse_twice(wanted, problems, "code")
    problems.raise_if_any()
    outcome = store(Distributor, wanted, known, at=at, always={"demo": demo})
    note("put_distributors", "distributor", outcome.changes, by=by, at=at)
    return outcome.stored
