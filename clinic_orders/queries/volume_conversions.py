"""What planned volume became: the conversions into agreed volume, and what rests on one (R-VOL-7)."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from sqlalchemy import and_, exists, func, or_, select

from clinic_orders.models.base import db
from clinic_orders.models.reports import VolumeConversion, VolumeConversionRow
from clinic_orders.models.statistics import ClosedMonth
from clinic_orders.models.supervision import FindingRecord
from clinic_orders.models.volume import AgreedVolume
from clinic_orders.rules.days import Month
from clinic_orders.rules.findings import CheckRule

CONVERSION_SORTS = ("made", "quarter", "packs")


def conversions(words: str = "", sort: str = "-made") -> list[VolumeConversion]:
    """Every conversion, also those taken back."""
    rows = list(db.session.scalars(select(VolumeConversion).order_by(VolumeConversion.id)))
    rows = [
        row
        for row in rows
        if all(word in f"{row.quarter} {row.made_by_name} {row.cycle_start}" for word in words.split()[:5])
    ]
    keys: dict[str, Any] = {
        "made": lambda row: row.id,
        "quarter": lambda row: (row.quarter, row.id),
        "packs": lambda row: (row.packs, row.id),
    }
    rows.sort(key=keys[sort.removeprefix("-")], reverse=sort.startswith("-"))
    return rows


@dataclass(frozen=True, slots=True)
class RestsOn:
    """What rests on a conversion: findings about its agreements, months closed with them, figures corrected since."""

    findings: int
    months: int
    changed: int

    def __bool__(self) -> bool:
        """Whether anything does."""
        return bool(self.findings or self.months or self.changed)


def rests_on(conversion: VolumeConversion) -> RestsOn:
    """What rests on the agreements of a conversion; three statements."""
    agreed, row, record = AgreedVolume, VolumeConversionRow, FindingRecord
    mine = (row.conversion_id == conversion.id, row.agreed_volume_id == agreed.id)
    of_institution = exists().where(
        *mine, agreed.institution_id == record.institution_id, agreed.item_id == record.item_id
    )
    of_distributor = and_(
        record.institution_id.is_(None), exists().where(*mine, agreed.item_id == record.item_id)
    )
    findings = db.session.scalar(
        select(func.count())
        .select_from(record)
        .where(
            record.rule == CheckRule.VOLUME_BEHIND,
            record.period == conversion.cycle_start.isoformat(),
            or_(of_institution, of_distributor),
        )
    )
    changed = db.session.scalar(
        select(func.count())
        .select_from(row)
        .join(agreed, agreed.id == row.agreed_volume_id)
        .where(row.conversion_id == conversion.id, agreed.replaced_at.is_not(None))
    )
    closed = db.session.scalars(select(ClosedMonth.month).where(ClosedMonth.cut_off_at >= conversion.made_at))
    months = [
        month
        for month in map(Month.parse, closed)
        if conversion.cycle_start <= month.last_day <= conversion.cycle_end
    ]
    return RestsOn(findings or 0, len(months), changed or 0)
