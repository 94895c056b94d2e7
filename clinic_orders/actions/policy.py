"""Set policy parameters from a day on, and confirm them with the document they rest on (rules section 13)."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import date, datetime
from typing import Any, Final, cast

from sqlalchemy import Table, select

from clinic_orders.actions import audit
from clinic_orders.actions.bulk import NumberedRow, Problems, Stored, insert_rows, update_rows
from clinic_orders.actions.policy_reach import reach_back
from clinic_orders.actions.transaction import transactional
from clinic_orders.models.base import db
from clinic_orders.models.policy import PolicyValue
from clinic_orders.rules.errors import RuleBroken
from clinic_orders.rules.parties import Actor, Permission
from clinic_orders.rules.policy import PolicyRow, check_row
from clinic_orders.rules.roster_records import RecordTwice

# A document that calls itself an example can never confirm a number.
EXAMPLE_MARK = "演示"
_VALUES: Final = cast("Table", PolicyValue.__table__)
_KEY: Final = ("parameter", "kind", "scale", "valid_from")


@transactional
def put_policies(rows: Sequence[NumberedRow], *, by: Actor, at: datetime) -> Stored:
    """Set values by (parameter, kind, scale, first day) (formats.md kind ``policies``), all or none.

    A value with a document number is confirmed by whoever sets it, unless the document is marked as an example
    of the demonstration. An empty value means "not set" from that day on.

    Raises:
        RowsRefused: unknown parameter, a value in the wrong form, a scale without a kind, a key twice.
    """
    by.need(Permission.POLICY_MANAGE)
    known = {
        (row.parameter, row.kind, row.scale, row.valid_from): row
        for row in db.session.scalars(select(PolicyValue))
    }
    problems, stored = Problems(), Stored()
    new: list[dict[str, Any]] = []
    changed: list[dict[str, Any]] = []
    seen: set[tuple[Any, ...]] = set()
    touched: list[tuple[str, date]] = []
    for number, row in rows:
        kind = row.get("kind") or ""
        document = row.get("document_no") or ""
        example = EXAMPLE_MARK in document
        confirmed = bool(document) and not example
        entry = PolicyRow(
            row["parameter"],
            row["valid_from"],
            row.get("value") or "",
            str(kind),
            row.get("scale") or "",
            confirmed,
        )
        try:
            check_row(entry)
        except RuleBroken as refusal:
            problems.add(number, "value", refusal)
            continue
        values = {
            "value": entry.value,
            "document_no": document,
            "confirmed": confirmed,
            "example": example,
        }
        key = (entry.parameter, str(entry.kind or ""), entry.scale or "", entry.valid_from)
        if key in seen:
            problems.add(number, "parameter", RecordTwice(key=" ".join(str(part) for part in key if part)))
            continue
        seen.add(key)
        old = known.get(key)
        said = {"set_by_id": by.user_id, "recorded_at": at}
        if old is None:
            new.append(dict(zip(_KEY, key, strict=True)) | values | said)
            before = None
        else:
            before = {name: getattr(old, name) for name in values}
            if before == values:
                stored.unchanged += 1
                continue
            changed.append({"id": old.id} | values | said)
        touched.append((entry.parameter, entry.valid_from))
        audit.record(
            "put_policies",
            by=by,
            at=at,
            subject_type="policy",
            subject=" ".join(str(part) for part in key if part),
            before=before,
            after=values,
        )
    problems.raise_if_any()
    insert_rows(_VALUES, new)
    update_rows(_VALUES, changed)
    stored.created, stored.updated = len(new), len(changed)
    db.session.expire_all()
    if touched:
        reach_back({name for name, _ in touched}, min(day for _, day in touched), by=by, at=at)
    return stored
