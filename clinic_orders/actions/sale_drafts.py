"""What somebody is typing of a sale; nothing of it has happened, so it is not in the audit."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from datetime import datetime
from typing import Any

from clinic_orders.actions.stock_entries import own_institution
from clinic_orders.actions.transaction import transactional
from clinic_orders.models.base import db
from clinic_orders.models.stock_entries import SaleDraft, StockEntry
from clinic_orders.rules.parties import Actor
from clinic_orders.rules.stock_entries import (
    MOST_LINES,
)

_MOST_FIELDS = 6 * MOST_LINES
_LONGEST = 2_000


@transactional
def save_sale_draft(typed: Mapping[str, str], *, by: Actor, at: datetime) -> SaleDraft | None:
    """Keep what somebody is typing; an empty box is forgotten. None for who has no account.

    An amount belongs to the number beside it: where the number changes, the amount that was typed goes.
    """
    institution_id = own_institution(by)
    if by.user_id is None:
        return None
    draft = _draft(institution_id, by.user_id, at=at)
    fields: dict[str, Any] = dict(draft.fields)
    for name, value in typed.items():
        kind, _, code = name.partition("-")
        text = value[:_LONGEST]
        if kind in {"p", "u"} and not text.strip("0"):
            text = ""
        if fields.get(name, "") == text:
            continue
        if kind in {"p", "u"}:
            fields.pop(f"a-{code}", None)
        if text:
            fields[name] = text
        else:
            fields.pop(name, None)
    if fields != draft.fields and len(fields) <= _MOST_FIELDS:
        draft.fields, draft.updated_at = fields, at
        db.session.flush()
    return draft


def _draft(institution_id: int, user_id: int, *, at: datetime) -> SaleDraft:
    found = db.session.get(SaleDraft, (institution_id, user_id), populate_existing=True)
    if found is None:
        found = SaleDraft(institution_id=institution_id, user_id=user_id, fields={}, number=0, updated_at=at)
        db.session.add(found)
        db.session.flush()
    return found


def empty_draft(
    institution_id: int, by: Actor, *, at: datetime, keep_fields: Mapping[str, str] | None = None
) -> None:
    """Begin a new draft, because what it held is written down now."""
    if by.user_id is None:
        return
    draft = _draft(institution_id, by.user_id, at=at)
    draft.fields, draft.updated_at = dict(keep_fields or {}), at
    draft.number = draft.number + 1
    db.session.flush()


@transactional
def clear_sale_draft(*, by: Actor, at: datetime) -> None:
    """Throw away what somebody was typing, because they said so."""
    empty_draft(own_institution(by), by, at=at)


def refill_draft(
    institution_id: int, entry: StockEntry, rows: Sequence[Any], *, by: Actor, at: datetime
) -> None:
    """Put what was written down into the draft again, because the entry was taken back."""
    if by.user_id is None:
        return
    draft = _draft(institution_id, by.user_id, at=at)
    fields: dict[str, Any] = dict(draft.fields)
    fields["sold_on"] = entry.happened_on.isoformat()
    place = 0
    for row in rows:
        if row.item_code is None:
            place += 1
            fields[f"n-{place}"] = row.other_product
            fields[f"q-{place}"], fields[f"m-{place}"] = str(row.base_units), f"{row.amount:.2f}"
            continue
        packs, pieces = divmod(row.base_units, row.pack_size)
        for name, value in (("p", packs), ("u", pieces)):
            fields.pop(f"{name}-{row.item_code}", None)
            if value:
                fields[f"{name}-{row.item_code}"] = str(value)
        fields[f"a-{row.item_code}"] = f"{row.amount:.2f}"
    draft.fields, draft.updated_at = fields, at
