"""Set policy parameters from a day on, and confirm them with the document they rest on (rules section 13)."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime

from sqlalchemy import select

from clinic_orders.actions import audit
from clinic_orders.actions.bulk import NumberedRow, Problems, Stored
from clinic_orders.actions.transaction import transactional
from clinic_orders.models.base import db
from clinic_orders.models.policy import PolicyValue
from clinic_orders.rules.errors import RuleBroken
from clinic_orders.rules.parties import Actor, Permission
from clinic_orders.rules.policy import PolicyRow, check_row

# A document that calls itself an example can never confirm a number.
EXAMPLE_MARK = "演示"


@transactional
def put_policies(rows: Sequence[NumberedRow], *, by: Actor, at: datetime) -> Stored:
    """Set values by (parameter, kind, scale, first day) (formats.md kind ``policies``), all or none.

    A value with a document number is confirmed by whoever sets it, unless the document is marked as an example
    of the demonstration. An empty value means "not set" from that day on.

    Raises:
        RowsRefused: unknown parameter, a value in the wrong form, a scale without a kind.
    """
    by.need(Permission.POLICY_MANAGE)
    known = {
        (row.parameter, row.kind, row.scale, row.valid_from): row
        for row in db.session.scalars(select(PolicyValue))
    }
    problems, stored = Problems(), Stored()
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
        old = known.get(key)
        if old is None:
            stored.created += 1
            known[key] = added = PolicyValue(
                parameter=key[0],
                kind=key[1],
                scale=key[2],
                valid_from=key[3],
                set_by_id=by.user_id,
                recorded_at=at,
                **values,
            )
            db.session.add(added)
            before = None
        else:
            before = {name: getattr(old, name) for name in values}
            if before == values:
                stored.unchanged += 1
                continue
            stored.updated += 1
            for name, value in values.items():
                setattr(old, name, value)
            old.set_by_id, old.recorded_at = by.user_id, at
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
    return stored
