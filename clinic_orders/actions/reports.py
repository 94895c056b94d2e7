"""What institutions report by hand: counts, planned volume, a month without sales; stored as corrections (R-VOL-1)."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import date, datetime
from typing import Any, Final, cast

from sqlalchemy import Table, exists, select

from clinic_orders.actions import audit
from clinic_orders.actions.loading import ChangedMeanwhile, NotFound, own_institution
from clinic_orders.actions.reported.replacing import Facts, Kept, keep, standing_rows
from clinic_orders.actions.transaction import transactional
from clinic_orders.models.base import db
from clinic_orders.models.catalogue import Item
from clinic_orders.models.reports import NothingSold, PlannedVolume
from clinic_orders.models.sales import SaleLine
from clinic_orders.models.stock import StockCount
from clinic_orders.queries import reports as queries
from clinic_orders.queries.policy import policy_book
from clinic_orders.queries.roster import standing
from clinic_orders.rules.days import Month, Quarter, day_in_china
from clinic_orders.rules.parties import Actor
from clinic_orders.rules.reporting import (
    CountInFuture,
    NothingTyped,
    check_nothing_sold,
    check_planning,
)

_COUNTS: Final = Facts(
    "report_stock_count",
    "stock_count",
    cast("Table", StockCount.__table__),
    ("institution_id", "item_id", "counted_on"),
    ("base_units",),
)
_PLANS: Final = Facts(
    "report_planned_volume",
    "planned_volume",
    cast("Table", PlannedVolume.__table__),
    ("quarter", "institution_id", "item_id"),
    ("packs",),
)


def _ids(codes: Mapping[str, int]) -> dict[int, int]:
    """Numbers by row id instead of item code."""
    if not codes:
        raise NothingTyped
    known = {
        row.item_code: row.id
        for row in db.session.execute(select(Item.item_code, Item.id).where(Item.item_code.in_(codes)))
    }
    if missing := sorted(set(codes) - set(known)):
        raise NotFound(number=missing[0])
    return {known[code]: number for code, number in codes.items()}


def _write_down(facts: Facts, kept: Kept, *, subject: str, counts: str, by: Actor, at: datetime) -> None:
    """One entry for the whole report: what stood of the changed items, and what stands now."""
    if not kept.new:
        return
    names = dict(
        db.session.execute(
            select(Item.id, Item.item_code).where(Item.id.in_([row["item_id"] for row in kept.new]))
        ).all()
    )
    before = sorted(f"{names[row['item_id']]} {row[counts]}" for row in kept.replaced.values())
    after = sorted(f"{names[row['item_id']]} {row[counts]}" for row in kept.new)
    audit.record(
        facts.deed,
        by=by,
        at=at,
        subject_type=facts.subject,
        subject=subject,
        institution_id=by.institution_id,
        before={"quantities": before} if before else None,
        after={"quantities": after},
    )


@transactional
def report_stock_count(
    counted_on: date, base_units: Mapping[str, int], *, seen: int, by: Actor, at: datetime
) -> int:
    """Record what the actor's institution counted on a day; a figure that differs replaces the one before (R-STOCK-3).

    Args:
        counted_on: the day at whose end the items were counted, today or earlier.
        base_units: by item code; what was not counted is left out.
        seen: ``queries.reports.counts_of(…).seen`` of that day as the page showed it.
        by: who.
        at: when.

    Returns:
        how many figures are new or changed.

    Raises:
        NothingTyped, CountInFuture, NotFound, ChangedMeanwhile: what is wrong with it.

    """
    institution_id = own_institution(by)
    if counted_on > day_in_china(at):
        raise CountInFuture(day=counted_on)
    wanted = [
        {
            "institution_id": institution_id,
            "item_id": item_id,
            "counted_on": counted_on,
            "base_units": units,
        }
        for item_id, units in _ids(base_units).items()
    ]
    if seen != queries.counts_of(institution_id, counted_on).seen:
        raise ChangedMeanwhile(number=counted_on)
    kept = keep(_COUNTS, wanted, standing_rows(_COUNTS, wanted), at=at, batch_id=None)
    _write_down(_COUNTS, kept, subject=counted_on.isoformat(), counts="base_units", by=by, at=at)
    return len(kept.new)


@transactional
def report_planned_volume(
    quarter: Quarter, packs: Mapping[str, int], *, seen: int, by: Actor, at: datetime
) -> int:
    """Record what the actor's institution means to buy in a quarter; until the due day it may change it (R-VOL-1).

    Args:
        quarter: the one that runs, or late the one before it.
        packs: by item code; what is left out stays as it was reported.
        seen: ``queries.reports.plan_of(…).seen`` as the page showed it.
        by: who.
        at: when.

    Returns:
        how many figures are new or changed.

    Raises:
        NothingTyped, NotFound, ChangedMeanwhile, PlanningNotOpen, PlanningClosed: what is wrong with it.

    """
    institution_id = own_institution(by)
    today = day_in_china(at)
    own = standing(institution_id, on=today)
    plan = queries.plan_of(institution_id, quarter)
    check_planning(
        quarter,
        volume_day=queries.volume_day(policy_book(), quarter, own.kind, own.scale),
        reported=bool(plan.figures),
        on=today,
    )
    if seen != plan.seen:
        raise ChangedMeanwhile(number=str(quarter))
    wanted = [
        {"institution_id": institution_id, "item_id": item_id, "quarter": str(quarter), "packs": number}
        for item_id, number in _ids(packs).items()
    ]
    kept = keep(_PLANS, wanted, standing_rows(_PLANS, wanted), at=at, batch_id=None)
    _write_down(_PLANS, kept, subject=str(quarter), counts="packs", by=by, at=at)
    return len(kept.new)


def _said(institution_id: int, month: Month) -> NothingSold | None:
    return db.session.scalars(
        select(NothingSold).where(
            NothingSold.institution_id == institution_id,
            NothingSold.month == str(month),
            NothingSold.replaced_at.is_(None),
        )
    ).one_or_none()


@transactional
def report_nothing_sold(month: Month, *, by: Actor, at: datetime) -> None:
    """Say that the actor's institution sold nothing in a month; said twice, it stands once.

    Raises:
        MonthNotOver, SalesAreThere: it can't be said.

    """
    institution_id = own_institution(by)
    line = SaleLine
    sold = db.session.scalar(
        select(
            exists().where(
                line.institution_id == institution_id,
                line.replaced_at.is_(None),
                line.sold_on >= month.first_day,
                line.sold_on <= month.last_day,
            )
        )
    )
    check_nothing_sold(month, sold=bool(sold), on=day_in_china(at))
    if _said(institution_id, month) is None:
        db.session.add(NothingSold(institution_id=institution_id, month=str(month), recorded_at=at))
        _note("report_nothing_sold", month, by=by, at=at, after={"month": str(month)})


@transactional
def take_back_nothing_sold(month: Month, *, by: Actor, at: datetime) -> None:
    """Take back the word that nothing was sold; what was said stays on record."""
    found = _said(own_institution(by), month)
    if found is not None:
        found.replaced_at = at
        _note("take_back_nothing_sold", month, by=by, at=at, before={"month": str(month)})


def _note(
    deed: str,
    month: Month,
    *,
    by: Actor,
    at: datetime,
    before: Mapping[str, Any] | None = None,
    after: Mapping[str, Any] | None = None,
) -> None:
    audit.record(
        deed,
        by=by,
        at=at,
        subject_type="nothing_sold",
        subject=str(month),
        institution_id=by.institution_id,
        before=before,
        after=after,
    )
