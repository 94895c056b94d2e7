"""Close a month, keep the figures of one that was reckoned, say how many institutions are in scope (R-STAT-1)."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Mapping
from datetime import date, datetime
from typing import Any, Final

from sqlalchemy import select

from clinic_orders.actions import audit
from clinic_orders.actions.transaction import end_reading, transactional
from clinic_orders.models.base import db, reading_one_state
from clinic_orders.models.statistics import ClosedMonth, ReckonedMonth, ScopeNumber
from clinic_orders.queries.scope_numbers import scope_rows
from clinic_orders.queries.statistics import (
    Figures,
    Reckoning,
    closed_month,
    reckon_to_close,
    recorded_by,
)
from clinic_orders.rules.closing import MonthChangedMeanwhile, check_closing
from clinic_orders.rules.days import Month, day_in_china
from clinic_orders.rules.parties import Actor, InstitutionKind, Permission


def figures_hash(*figures: Mapping[str, Any]) -> str:
    """SHA-256, in hexadecimal, of frozen figures as JSON with sorted names and no spaces."""
    text = json.dumps(figures, ensure_ascii=False, sort_keys=True, separators=(",", ":"))
    return hashlib.sha256(text.encode()).hexdigest()


_ATTEMPTS: Final = 3


def close_month(month: Month, *, by: Actor, at: datetime) -> ClosedMonth:
    """Freeze the figures of a month as of its last day, with what is recorded by now as the cut-off (decision 0038).

    They are reckoned first, from one state of the data, so that nobody waits for it, and stored then. Where a deed
    of the time before the cut-off was still under way when they were read, they are reckoned anew.

    Args:
        month: a month that is over.
        by: who closes it.
        at: the cut-off instant; it moves on to the last thing that was recorded until the reading began.

    Raises:
        NotAllowed: by this role.
        MonthNotOver, MonthAlreadyClosed, MonthChangedMeanwhile: see ``rules.closing``.

    """
    by.need(Permission.MONTH_CLOSE)
    for _ in range(_ATTEMPTS):
        end_reading()
        with reading_one_state():
            check_closing(month, today=day_in_china(at), closed=closed_month(month) is not None)
            reckoning = reckon_to_close(month, at=at)
        closed = _store_closed(month, reckoning, by=by, at=at)
        if closed is not None:
            return closed
    raise MonthChangedMeanwhile(month=month)


@transactional
def _store_closed(month: Month, reckoning: Reckoning, *, by: Actor, at: datetime) -> ClosedMonth | None:
    """Store figures as those of the closing; None where they have not seen everything recorded by their cut-off."""
    check_closing(month, today=day_in_china(at), closed=closed_month(month) is not None)
    if recorded_by(reckoning.cut_off_at) != reckoning.recorded:
        return None
    figures = reckoning.figures
    closed = ClosedMonth(
        month=str(month),
        cut_off_at=reckoning.cut_off_at,
        blocks=figures.blocks,
        by_county=figures.by_county,
        further=figures.further,
        rows=figures.rows,
        sha256=figures_hash(figures.blocks, figures.by_county, figures.further, figures.rows),
        closed_by_id=by.user_id,
        closed_by_name=by.name,
    )
    db.session.add(closed)
    db.session.flush()
    audit.record(
        "close_month",
        by=by,
        at=at,
        subject_type="closed_month",
        subject_id=closed.id,
        subject=str(month),
        after={"month": str(month), "sha256": closed.sha256},
    )
    return closed


def _reckoned(month: Month) -> ReckonedMonth:
    """The row of a month; a new one has no figures."""
    row = db.session.scalar(select(ReckonedMonth).where(ReckonedMonth.month == str(month)))
    if row is None:
        nothing: dict[str, Any] = {"city": None, "counties": [], "kinds": []}
        row = ReckonedMonth(month=str(month), blocks=nothing, by_county={}, wanted_by_name="")
        db.session.add(row)
    return row


@transactional
def ask_to_reckon(month: Month, *, by: Actor, at: datetime) -> None:
    """Ask that a month be reckoned anew; the clock does it within minutes. Asked again, the first wish stands.

    Raises:
        NotAllowed: by this role.

    """
    by.need(Permission.STATISTICS_READ)
    row = _reckoned(month)
    if row.wanted_at is None:
        row.wanted_at, row.wanted_by_name = at, by.name
        audit.record("ask_to_reckon", by=by, at=at, subject_type="reckoned_month", subject=str(month))


@transactional
def keep_reckoned(month: Month, figures: Figures, *, by: Actor, at: datetime) -> None:
    """Keep the figures of a month for the pages, in place of those kept before; a wish for them is met.

    Args:
        month: the month.
        figures: reckoned before the transaction began, so that nobody waits for it.
        by: the clock.
        at: the instant before the reckoning began.

    Raises:
        NotAllowed: by this role.

    """
    by.need(Permission.MONTH_CLOSE)
    row = _reckoned(month)
    row.blocks, row.by_county = figures.blocks, figures.by_county
    row.further, row.rows = figures.further, figures.rows
    row.reckoned_at = at
    if row.wanted_at is not None and row.wanted_at <= at:
        row.wanted_at, row.wanted_by_name = None, ""
    audit.record("keep_reckoned", by=by, at=at, subject_type="reckoned_month", subject=str(month))


@transactional
def set_scope(
    numbers: Mapping[tuple[str, InstitutionKind], int | None],
    *,
    valid_from: date,
    document_no: str = "",
    by: Actor,
    at: datetime,
) -> int:
    """Say from a day on how many institutions of a county and kind the scheme is meant for (R-STAT-2).

    Args:
        numbers: by county code and kind; None = not known.
        valid_from: the first day.
        document_no: what the numbers rest on.
        by: an officer of the city.
        at: the instant.

    Returns:
        how many of them are other than what was in force on the day.

    Raises:
        NotAllowed: by this role.

    """
    by.need(Permission.POLICY_MANAGE)
    before = scope_rows(on=valid_from)
    changed = 0
    for (county_code, kind), institutions in sorted(numbers.items()):
        old = before.get((county_code, kind.value))
        if (None if old is None else old.institutions) == institutions:
            continue
        row = old if old is not None and old.valid_from == valid_from else None
        if row is None:
            row = ScopeNumber(county_code=county_code, kind=kind, valid_from=valid_from)
            db.session.add(row)
        was = None if old is None else old.institutions
        row.institutions, row.document_no = institutions, document_no
        row.set_by_id, row.set_by_name, row.recorded_at = by.user_id, by.name, at
        changed += 1
        audit.record(
            "set_scope",
            by=by,
            at=at,
            subject_type="scope_number",
            subject=f"{county_code} {kind.value}",
            before={"institutions": was},
            after={"institutions": institutions, "valid_from": valid_from, "document_no": document_no},
        )
    return changed
