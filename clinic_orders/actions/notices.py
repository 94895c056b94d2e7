"""Tell a party something; mark it read."""

from __future__ import annotations

from datetime import datetime
from typing import Any

from sqlalchemy import insert

from clinic_orders.actions.transaction import transactional
from clinic_orders.models.base import db
from clinic_orders.models.notices import Notice
from clinic_orders.rules.parties import Actor


def tell(
    kind: str,
    *,
    at: datetime,
    facts: dict[str, Any],
    link: str = "",
    institution_id: int | None = None,
    distributor_id: int | None = None,
    county_code: str | None = None,
) -> None:
    """Put a notice into a party's inbox (none given: the city bureau's). Called inside a deed.

    Args:
        kind: stable word; its text is registered in ``web.display.NOTICE_TEXTS``.
        at: when it happened.
        facts: plain values (str, int) that fill the text.
        link: path inside the application that the notice opens.
        institution_id: the addressee, if an institution.
        distributor_id: the addressee, if a distributor.
        county_code: the addressee, if a county bureau.

    """
    db.session.execute(
        insert(Notice),
        [
            {
                "kind": kind,
                "institution_id": institution_id,
                "distributor_id": distributor_id,
                "county_code": county_code,
                "facts": facts,
                "link": link,
                "created_at": at,
            }
        ],
    )


@transactional
def mark_read(notice: Notice, *, by: Actor, at: datetime) -> None:
    """Note that somebody of the addressee has read it; the first reader counts."""
    if notice.read_at is None:
        notice.read_at = at
        notice.read_by_id = by.user_id
