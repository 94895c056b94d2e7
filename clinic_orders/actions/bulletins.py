"""Draft, word and publish the bulletin of a quarter (R-STAT-3)."""

from __future__ import annotations

from dataclasses import replace
from datetime import datetime

from clinic_orders.actions import audit
from clinic_orders.actions.loading import ChangedMeanwhile
from clinic_orders.actions.numbers import next_of_year
from clinic_orders.actions.transaction import transactional
from clinic_orders.models.base import db
from clinic_orders.models.statistics import Bulletin
from clinic_orders.queries.bulletins import find_bulletin, quarter_figures
from clinic_orders.rules.bulletins import (
    BulletinNotDrafted,
    BulletinPublished,
    check_demands,
    compose_bulletin,
)
from clinic_orders.rules.days import Quarter, day_in_china
from clinic_orders.rules.letter_requests import series_of
from clinic_orders.rules.letters import LetterKind, LetterNumber
from clinic_orders.rules.parties import Actor, Permission


def _draft(quarter: Quarter, seen_version: int | None) -> Bulletin:
    """The draft of a quarter.

    Raises:
        BulletinNotDrafted, BulletinPublished, ChangedMeanwhile: why it can't be touched.

    """
    bulletin = find_bulletin(quarter)
    if bulletin is None:
        raise BulletinNotDrafted(quarter=str(quarter))
    if bulletin.number is not None:
        raise BulletinPublished(quarter=str(quarter), number=bulletin.number)
    if seen_version is not None and bulletin.version != seen_version:
        raise ChangedMeanwhile(number=str(quarter))
    return bulletin


@transactional
def draft_bulletin(quarter: Quarter, *, by: Actor, at: datetime) -> Bulletin:
    """Make the draft of a quarter's bulletin; one that is there already stays.

    Raises:
        NotAllowed: by this role.
        MonthsNotClosed, MonthsWithoutRows: see ``rules.bulletins``.

    """
    by.need(Permission.MONTH_CLOSE)
    bulletin = find_bulletin(quarter)
    if bulletin is not None:
        return bulletin
    quarter_figures(quarter)
    bulletin = Bulletin(quarter=str(quarter), demands="", drafted_at=at, drafted_by_name=by.name)
    db.session.add(bulletin)
    db.session.flush()
    audit.record(
        "draft_bulletin", by=by, at=at, subject_type="bulletin", subject_id=bulletin.id, subject=str(quarter)
    )
    return bulletin


@transactional
def word_bulletin(
    quarter: Quarter, demands: str, *, seen_version: int | None = None, by: Actor, at: datetime
) -> None:
    """Write what the bulletin demands, a paragraph a line; nothing = the usual words.

    Raises:
        NotAllowed: by this role.
        DemandsTooLong, BulletinNotDrafted, BulletinPublished, ChangedMeanwhile: why not.

    """
    by.need(Permission.MONTH_CLOSE)
    text = check_demands(demands)
    bulletin = _draft(quarter, seen_version)
    before = bulletin.demands
    if before == text:
        return
    bulletin.demands = text
    audit.record(
        "word_bulletin",
        by=by,
        at=at,
        subject_type="bulletin",
        subject_id=bulletin.id,
        subject=str(quarter),
        before={"note": before},
        after={"note": text},
    )


@transactional
def publish_bulletin(
    quarter: Quarter, *, seen_version: int | None = None, by: Actor, at: datetime
) -> Bulletin:
    """Give the bulletin its number and keep it word for word, with its hash.

    Raises:
        NotAllowed: by this role.
        MonthsNotClosed, BulletinNotDrafted, BulletinPublished, ChangedMeanwhile: why not.

    """
    by.need(Permission.MONTH_CLOSE)
    bulletin = _draft(quarter, seen_version)
    today = day_in_china(at)
    content = compose_bulletin(quarter_figures(quarter), demands=bulletin.demands, signed_on=today)
    series = series_of(LetterKind.BULLETIN)
    # The number is taken last: the row of its series stays locked from here to the end of the deed.
    number = LetterNumber(series, today.year, next_of_year(series, today.year))
    final = replace(content, number=number)
    bulletin.number, bulletin.content, bulletin.sha256 = str(number), final.canonical(), final.sha256()
    bulletin.published_at, bulletin.published_by_id, bulletin.published_by_name = at, by.user_id, by.name
    audit.record(
        "publish_bulletin",
        by=by,
        at=at,
        subject_type="bulletin",
        subject_id=bulletin.id,
        subject=str(quarter),
        after={"number": str(number), "sha256": bulletin.sha256},
    )
    return bulletin
