"""Tell an institution in the morning what is used up or near its expiry, each thing once (``rules.reordering``)."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import date, datetime

from sqlalchemy import insert, select, update

from clinic_orders.actions import audit, notices
from clinic_orders.actions.transaction import transactional
from clinic_orders.models.base import db
from clinic_orders.models.roster import Institution
from clinic_orders.models.stock_keeping import StockTold
from clinic_orders.queries.stock import StockRow, stock_of
from clinic_orders.rules.parties import Actor, Permission
from clinic_orders.rules.reordering import StockNews

_NAMED = 3
"""So many medicines a notice names; the page has all."""
_KINDS = {StockNews.OUT: "stock_out", StockNews.NEAR_EXPIRY: "stock_near_expiry"}
_LINKS = {StockNews.OUT: "/stock/?show=out", StockNews.NEAR_EXPIRY: "/stock/?show=expiring"}
Key = tuple[int, StockNews, str]


@transactional
def tell_stock_news(institution_id: int, *, for_day: date, by: Actor, at: datetime) -> int:
    """Send one notice of what is newly used up and one of what is newly near its expiry.

    What was told and is true no more is ended, so that it is told anew when it comes again.

    Args:
        institution_id: whose stock.
        for_day: at the end of which day it is looked at.
        by: the system.
        at: now.

    Returns:
        how many things were told.

    """
    by.need(Permission.JOBS_RUN)
    # One at a time for an institution; on SQLite a writer is alone anyway.
    db.session.execute(select(Institution.id).where(Institution.id == institution_id).with_for_update())
    stock = stock_of(institution_id, at=at, on=for_day)
    wanted: dict[Key, StockRow] = {}
    if stock.own.keeping.tells:
        for row in stock.rows:
            if row.is_out and row.use is not None and row.use.base_units > 0:
                wanted[row.item.id, StockNews.OUT, ""] = row
            wanted |= {(row.item.id, StockNews.NEAR_EXPIRY, one.batch_no): row for one in row.near}
    told = StockTold
    known = {
        (row.item_id, row.news, row.batch_no): row.id
        for row in db.session.execute(
            select(told.id, told.item_id, told.news, told.batch_no).where(
                told.institution_id == institution_id, told.ended_at.is_(None)
            )
        )
    }
    over = [row_id for key, row_id in known.items() if key not in wanted]
    if over:
        db.session.execute(update(told).where(told.id.in_(over)).values(ended_at=at))
    new = {key: row for key, row in wanted.items() if key not in known}
    if not new:
        return 0
    db.session.execute(
        insert(told),
        [
            {
                "institution_id": institution_id,
                "item_id": item_id,
                "news": news,
                "batch_no": batch_no,
                "told_on": for_day,
                "told_at": at,
            }
            for item_id, news, batch_no in new
        ],
    )
    for news in StockNews:
        rows = list({row.item.id: row for key, row in new.items() if key[1] is news}.values())
        if rows:
            _tell(institution_id, news, rows, at=at)
    audit.record(
        "tell_stock_news",
        by=by,
        at=at,
        subject_type="stock_told",
        subject=for_day.isoformat(),
        institution_id=institution_id,
        after={"quantities": sorted({f"{row.item.code} {row.on_hand}" for row in new.values()})},
    )
    return len(new)


def _tell(institution_id: int, news: StockNews, rows: Sequence[StockRow], *, at: datetime) -> None:
    names = [row.item.name for row in rows[:_NAMED]]
    more = "…" if len(rows) > _NAMED else ""
    facts: dict[str, str | int] = {"count": len(rows), "names": "、".join(names) + more}
    if news is StockNews.NEAR_EXPIRY:
        facts["expires_on"] = min(row.near[0].expires_on for row in rows).isoformat()
    notices.tell(_KINDS[news], at=at, facts=facts, link=_LINKS[news], institution_id=institution_id)
