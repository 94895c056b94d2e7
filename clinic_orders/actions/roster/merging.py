"""An institution ends and another takes over those under it: villages, stores, members of its community (R-ROSTER-3)."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import date, datetime, timedelta
from typing import Any

from sqlalchemy import or_, select

from clinic_orders.actions import audit
from clinic_orders.actions.roster.institutions import close_institution, file_row, put_institutions, states_of
from clinic_orders.actions.transaction import transactional
from clinic_orders.models.base import db
from clinic_orders.models.roster import Institution, InstitutionRecord
from clinic_orders.queries.roster import current
from clinic_orders.rules.errors import N_, RuleBroken
from clinic_orders.rules.parties import Actor, Permission
from clinic_orders.rules.roster import state_on

_TIES = ("supervisor", "headquarters", "lead_hospital")


class MergedIntoItself(RuleBroken):
    """An institution can't take over itself."""

    message = N_("Choose another institution than the one that ends.")


@transactional
def merge_institution(code: str, into: str, last_day: date, *, by: Actor, at: datetime) -> int:
    """End an institution's membership and tie those under it to another one from the next day on.

    Each of them gets a dated record; what was before stays as it was. Mandates are not passed on: a village gives its
    own to its new hospital.

    Args:
        code: of the institution that ends.
        into: code of the one that takes over; for villages a hospital that may supervise.
        last_day: the last day of the membership.
        by: who.
        at: when.

    Returns:
        how many institutions were tied anew.

    Raises:
        NotFound, NotAMember: see ``close_institution``.
        MergedIntoItself: both codes are the same.
        RowsRefused: the other one can't take over, for example because it is no hospital.

    """
    by.need(Permission.ROSTER_MANAGE)
    if code == into:
        raise MergedIntoItself
    states_of(into)
    close_institution(code, last_day, by=by, at=at)
    first = last_day + timedelta(days=1)
    rows = [(number, row) for number, row in enumerate(_tied_rows(code, into, first), start=1)]
    if rows:
        put_institutions(rows, by=by, at=at)
    audit.record(
        "merge_institution",
        by=by,
        at=at,
        subject_type="institution",
        subject_id=db.session.scalar(select(Institution.id).where(Institution.code == code)),
        subject=code,
        after={"code": into, "valid_from": first, "rows": len(rows)},
    )
    return len(rows)


def _tied_rows(code: str, into: str, first: date) -> list[Mapping[str, Any]]:
    """The next record of everybody under an institution, tied to the other one."""
    own = select(Institution.id).where(Institution.code == code).scalar_subquery()
    record = InstitutionRecord
    codes = db.session.scalars(
        select(Institution.code)
        .join(record, record.institution_id == Institution.id)
        .where(
            current(record, first),
            or_(record.supervisor_id == own, record.headquarters_id == own, record.lead_hospital_id == own),
            Institution.code.not_in([code, into]),
        )
        .order_by(Institution.code)
    ).all()
    rows: list[Mapping[str, Any]] = []
    for one in codes:
        states = states_of(one)
        held = state_on(states.values(), first)
        coming = [state for state in states.values() if state.valid_from > first]
        for state, day in [(held, first), *((later, later.valid_from) for later in coming)]:
            row = {} if state is None else file_row(one, state)
            ties = {f"{tie}_code": into for tie in _TIES if row.get(f"{tie}_code") == code}
            if ties:
                rows.append(row | ties | {"valid_from": day})
    return rows
