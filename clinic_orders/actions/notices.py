"""Tell a party something; mark it read."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import datetime
from typing import Any

from sqlalchemy import ColumnElement, insert, select, update

from clinic_orders.actions.loading import NotFound
from clinic_orders.actions.transaction import transactional
from clinic_orders.models.base import db
from clinic_orders.models.notices import Notice
from clinic_orders.queries.notices import notices_of
from clinic_orders.rules.errors import N_
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
        kind: stable word; its text is registered by ``web.display.register_notices``.
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


def tell_each(kind: str, facts: Mapping[int, Mapping[str, Any]], *, at: datetime, link: str = "") -> None:
    """Put a notice into the inbox of many institutions at once, with the facts of each. Called inside a deed.

    Args:
        kind: as for ``tell``.
        facts: by the institution's row id.
        at: when it happened.
        link: path inside the application that the notice opens.

    """
    if facts:
        db.session.execute(
            insert(Notice),
            [
                {
                    "kind": kind,
                    "institution_id": institution_id,
                    "facts": dict(own),
                    "link": link,
                    "created_at": at,
                }
                for institution_id, own in facts.items()
            ],
        )


class NoticeNotFound(NotFound):
    """There is no such notice for this person; a foreign one looks exactly the same."""

    message = N_("This notice was not found, or it does not belong to your organisation.")


@transactional
def mark_read(notice_id: int, *, by: Actor, at: datetime) -> str:
    """Note that somebody of the addressee has read it; the first reader counts.

    Returns:
        the path that the notice opens, or "".

    Raises:
        NoticeNotFound: it is not addressed to the actor's organisation.

    """
    found = db.session.execute(
        select(Notice).where(Notice.id == notice_id, notices_of(by))
    ).scalar_one_or_none()
    if found is None:
        raise NoticeNotFound()
    _mark([Notice.id == notice_id], by=by, at=at)
    return found.link


@transactional
def mark_all_read(*, by: Actor, at: datetime) -> int:
    """Note that the whole inbox of the actor's organisation has been read; how many were unread."""
    return _mark([notices_of(by)], by=by, at=at)


def _mark(conditions: list[ColumnElement[bool]], *, by: Actor, at: datetime) -> int:
    marked = db.session.scalars(
        update(Notice)
        .where(Notice.read_at.is_(None), *conditions)
        .values(read_at=at, read_by_id=by.user_id)
        .returning(Notice.id)
        .execution_options(synchronize_session=False)
    ).all()
    return len(marked)
