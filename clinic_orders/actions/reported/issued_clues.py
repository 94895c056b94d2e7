"""Clues on trace codes that an office above has issued 下发线索, from files (R-TRACE-3)."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from datetime import date, datetime
from typing import Any, Final, cast

from sqlalchemy import Table, select

from clinic_orders.actions.bulk import NumberedRow, Problems, Stored
from clinic_orders.actions.history.shared import Codes, check_code
from clinic_orders.actions.reported.replacing import (
    AUDITED_ONE_BY_ONE,
    Facts,
    Kept,
    keep,
    refuse_twice,
    standing_rows,
    write_down,
)
from clinic_orders.actions.transaction import transactional
from clinic_orders.models.base import db
from clinic_orders.models.clues import IssuedClue
from clinic_orders.models.roster import Institution
from clinic_orders.rules.errors import N_, RuleBroken
from clinic_orders.rules.parties import Actor, Permission

_KEY: Final = ("issued_batch", "clue_no")
_FACTS: Final = Facts(
    "put_issued_clues",
    "issued_clue",
    cast("Table", IssuedClue.__table__),
    _KEY,
    (
        "code", "institution_id", "institution_name", "product_name", "issuer", "issued_on", "deadline", "text",
    ),
)  # fmt: skip


class AnswerBeforeIssue(RuleBroken):
    """Nobody can answer before being asked."""

    message = N_("The last day to answer is before the day of issue, %(issued_on)s.")


@transactional
def put_issued_clues(rows: Sequence[NumberedRow], *, by: Actor, at: datetime, batch_id: int | None) -> Stored:
    """Add or correct clues from above by batch and number in it (kind ``issued-clues``).

    The code and the institution may be none of ours: what an office above has issued is taken as it is.

    Raises:
        RowsRefused: unknown institutions, a last day to answer before the day of issue.

    """
    by.need(Permission.FILES_IMPORT)
    problems = Problems()
    refuse_twice(rows, _KEY, problems)
    codes = Codes(institutions=[row["institution_code"] for _, row in rows if row.get("institution_code")])
    wanted = []
    for number, row in rows:
        code, last = row.get("institution_code") or "", row.get("deadline")
        if code:
            check_code(codes.institutions, row, number, "institution_code", problems)
        if last is not None and last < row["issued_on"]:
            problems.add(number, "deadline", AnswerBeforeIssue(issued_on=row["issued_on"]))
        wanted.append(
            {
                "issued_batch": row["issued_batch"],
                "clue_no": row["clue_no"],
                "code": row["trace_code"],
                "institution_id": codes.institutions.get(code) if code else None,
                "institution_name": row.get("institution_name") or "",
                "product_name": row.get("product_name") or "",
                "issuer": row["issuer"],
                "issued_on": row["issued_on"],
                "deadline": last,
                "text": row.get("text") or "",
            }
        )
    problems.raise_if_any()
    kept = keep(_FACTS, wanted, standing_rows(_FACTS, wanted), at=at, batch_id=batch_id)
    by_id = _codes_of(kept)

    def said(row: Mapping[str, Any]) -> dict[str, Any]:
        return {
            "institution_code" if name == "institution_id" else name: by_id.get(row[name], "")
            if name == "institution_id"
            else row[name].isoformat()
            if isinstance(row[name], date)
            else row[name]
            for name in _FACTS.compared
        }

    write_down(_FACTS, kept, lambda row: f"{row['issued_batch']} {row['clue_no']}", said, by=by, at=at)
    return Stored(created=kept.created, updated=len(kept.replaced), unchanged=kept.unchanged)


def _codes_of(kept: Kept) -> dict[int | None, str]:
    """The codes of the institutions of a small file and of the rows that it replaced."""
    if len(kept.new) > AUDITED_ONE_BY_ONE:
        return {}
    ids = {row["institution_id"] for row in (*kept.new, *kept.replaced.values())} - {None}
    rows = db.session.execute(select(Institution.id, Institution.code).where(Institution.id.in_(ids)))
    return {row.id: row.code for row in rows}
