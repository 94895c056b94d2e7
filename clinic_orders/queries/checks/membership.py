"""Who was a member of the roster on the day of an event (R-ROSTER-3)."""

from __future__ import annotations

from typing import Any

from sqlalchemy import ColumnElement, exists, or_

from clinic_orders.models.roster import Membership


def was_member(institution: Any, day: Any) -> ColumnElement[bool]:
    """The condition that an institution was a member on a day; both are columns or values.

    Checks other than those of payment and volume stop with membership: what was done on a day without it is not
    judged, what was done before it ended is.
    """
    return exists().where(
        Membership.institution_id == institution,
        Membership.joined_on <= day,
        or_(Membership.left_on.is_(None), Membership.left_on >= day),
    )
