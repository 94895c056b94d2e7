"""Versions of the checklist: the shipped one comes with the first plan, changes make the next (R-CASE-5)."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime

from sqlalchemy import func, select

from clinic_orders.actions import audit
from clinic_orders.actions.transaction import transactional
from clinic_orders.models.base import db
from clinic_orders.models.inspections import Checklist, ChecklistLine
from clinic_orders.queries.inspections import items_of, latest_checklist
from clinic_orders.rules.inspection.checklist import SHIPPED, ChecklistItem, check_checklist
from clinic_orders.rules.parties import Actor, NotAllowed, Permission, Role


def current_checklist(*, by: Actor, at: datetime) -> Checklist:
    """The newest version; the shipped one is put in where there is none. Called inside a deed."""
    return latest_checklist() or _make(1, SHIPPED, "", "shipped", by=by, at=at)


@transactional
def change_checklist(
    items: Sequence[ChecklistItem], basis: str, *, key: str, by: Actor, at: datetime
) -> Checklist:
    """Make the next version of the checklist as the city; plans that are there keep theirs.

    Args:
        items: all lines of the new version, in their order.
        basis: the document on which it rests.
        key: of the form; the same one again answers with the same version.
        by: who.
        at: when.

    Raises:
        NotAllowed: by a county.
        ChecklistEmpty, ChecklistTooLong, ChecklistTextWrong, ChecklistCodeTwice: what is wrong with it.

    """
    by.need(Permission.INSPECTIONS_HANDLE)
    if by.role is not Role.CITY:
        raise NotAllowed
    kept = check_checklist(items)
    known = db.session.scalars(select(Checklist).where(Checklist.form_key == key)).one_or_none()
    if known is not None:
        return known
    last = current_checklist(by=by, at=at)
    if tuple(items_of(last.id).values()) == kept:
        return last
    number = (db.session.scalar(select(func.max(Checklist.number))) or 0) + 1
    return _make(number, kept, basis.strip()[:200], key, by=by, at=at)


def _make(
    number: int, items: Sequence[ChecklistItem], basis: str, key: str, *, by: Actor, at: datetime
) -> Checklist:
    made = Checklist(number=number, basis=basis, made_at=at, made_by_name=by.name, form_key=key)
    db.session.add(made)
    db.session.flush()
    db.session.add_all(
        ChecklistLine(
            checklist_id=made.id,
            code=item.code,
            position=position,
            group=item.group,
            text=item.text,
            hint=item.hint,
            grade=item.grade,
        )
        for position, item in enumerate(items, start=1)
    )
    db.session.flush()
    audit.record(
        "change_checklist",
        by=by,
        at=at,
        subject_type="inspection_checklist",
        subject_id=made.id,
        subject=str(number),
        after={"checklist_lines": len(items), "basis": basis},
    )
    return made
