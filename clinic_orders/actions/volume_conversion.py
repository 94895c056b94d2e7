"""Turn the planned volumes of a quarter into agreed volumes of a cycle, once, and take that back (R-VOL-1)."""

from __future__ import annotations

from datetime import datetime
from typing import Any, Final, cast

from sqlalchemy import Table, select, update

from clinic_orders.actions import audit
from clinic_orders.actions.bulk import insert_rows, reserve_ids
from clinic_orders.actions.files import wait_for_other_imports
from clinic_orders.actions.loading import ChangedMeanwhile, NotFound
from clinic_orders.actions.transaction import transactional
from clinic_orders.models.base import db
from clinic_orders.models.reports import VolumeConversion, VolumeConversionRow
from clinic_orders.models.volume import AgreedVolume
from clinic_orders.queries.volume_conversions import rests_on
from clinic_orders.queries.volume_plans import preview
from clinic_orders.rules.days import Quarter, day_in_china
from clinic_orders.rules.parties import Actor, Permission
from clinic_orders.rules.volume import Cycle, CycleEndsBeforeStart
from clinic_orders.rules.volume_conversion import (
    ConversionRestedOn,
    ConversionTakenBack,
    NothingToConvert,
    Ratios,
)

_AGREED: Final = cast("Table", AgreedVolume.__table__)
_ROWS: Final = cast("Table", VolumeConversionRow.__table__)


@transactional
def convert_planned_volume(
    quarter: Quarter, cycle: Cycle, ratios: Ratios, *, key: str, by: Actor, at: datetime
) -> VolumeConversion:
    """Make an agreed volume of every planned one that is not converted yet.

    Left out are items of which another cycle has some of the days, and institutions that have an agreement for the
    item from that day already.

    Args:
        quarter: of the reports.
        cycle: first and last day of the agreement.
        ratios: in per cent.
        key: made when the form was rendered; the same key always answers with the same conversion.
        by: who.
        at: when.

    Raises:
        CycleEndsBeforeStart, NothingToConvert: it can't be made.

    """
    by.need(Permission.VOLUME_AGREE)
    # Files bring agreed volumes too: one of both at a time, or an item's cycles might clash.
    wait_for_other_imports()
    known = db.session.scalars(select(VolumeConversion).where(VolumeConversion.key == key)).one_or_none()
    if known is not None:
        return known
    if cycle.last < cycle.first:
        raise CycleEndsBeforeStart(first=cycle.first, last=cycle.last)
    found = preview(quarter, cycle, ratios, on=day_in_china(at))
    if not found.rows:
        raise NothingToConvert(quarter=str(quarter))
    conversion = VolumeConversion(
        key=key,
        quarter=str(quarter),
        cycle_start=cycle.first,
        cycle_end=cycle.last,
        agreements=len(found.rows),
        packs=found.packs,
        made_at=at,
        made_by_id=by.user_id,
        made_by_name=by.name,
        taken_back_at=None,
    )
    db.session.add(conversion)
    db.session.flush()
    rows: list[dict[str, Any]] = [
        {
            "id": row_id,
            "recorded_at": at,
            "replaced_at": None,
            "replaces_id": None,
            "import_batch_id": None,
            "institution_id": row.institution_id,
            "item_id": row.item_id,
            "cycle_start": cycle.first,
            "cycle_end": cycle.last,
            "reported_packs": row.reported,
            "agreed_packs": row.agreed,
            "already_adjusted": False,
        }
        for row_id, row in zip(reserve_ids(_AGREED, len(found.rows)), found.rows, strict=True)
    ]
    insert_rows(_AGREED, rows)
    insert_rows(_ROWS, [{"conversion_id": conversion.id, "agreed_volume_id": row["id"]} for row in rows])
    audit.record(
        "convert_planned_volume",
        by=by,
        at=at,
        subject_type="volume_conversion",
        subject_id=conversion.id,
        subject=f"{quarter} {cycle.first}",
        after={
            "cycle_start": cycle.first,
            "cycle_end": cycle.last,
            "created": len(rows),
            "packs": found.packs,
            "ratio": str(ratios.common),
            "ratios": {code: str(ratio) for code, ratio in sorted(ratios.by_item.items())},
        },
    )
    return conversion


@transactional
def take_back_conversion(
    conversion_id: int, *, seen_version: int | None = None, by: Actor, at: datetime
) -> VolumeConversion:
    """End the agreed volumes that a conversion made, while nothing rests on them; its rows stay readable.

    Raises:
        NotFound, ChangedMeanwhile: it can't be taken back by this actor now.
        ConversionTakenBack, ConversionRestedOn: why not.

    """
    by.need(Permission.VOLUME_AGREE)
    wait_for_other_imports()
    found = db.session.execute(
        select(VolumeConversion)
        .where(VolumeConversion.id == conversion_id)
        .with_for_update()
        .execution_options(populate_existing=True)
    ).scalar_one_or_none()
    if found is None:
        raise NotFound(number=str(conversion_id))
    if found.taken_back_at is not None:
        raise ConversionTakenBack
    if seen_version is not None and seen_version != found.version:
        raise ChangedMeanwhile(number=found.quarter)
    resting = rests_on(found)
    if resting:
        raise ConversionRestedOn(findings=resting.findings, months=resting.months, changed=resting.changed)
    mine = select(VolumeConversionRow.agreed_volume_id).where(VolumeConversionRow.conversion_id == found.id)
    db.session.execute(
        update(AgreedVolume)
        .where(AgreedVolume.id.in_(mine), AgreedVolume.replaced_at.is_(None))
        .values(replaced_at=at)
        .execution_options(synchronize_session=False)
    )
    found.taken_back_at, found.taken_back_by_name = at, by.name
    db.session.flush()
    audit.record(
        "take_back_conversion",
        by=by,
        at=at,
        subject_type="volume_conversion",
        subject_id=found.id,
        subject=f"{found.quarter} {found.cycle_start}",
        before={"created": found.agreements, "packs": found.packs},
    )
    return found
