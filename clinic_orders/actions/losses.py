"""Losses 损耗: what is gone without having been sold, with a coded reason; and an institution's own numbers of stock."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import asdict, dataclass
from datetime import date, datetime
from typing import Final, cast

from sqlalchemy import Table

from clinic_orders.actions import audit
from clinic_orders.actions.loading import ChangedMeanwhile
from clinic_orders.actions.reported.replacing import Facts, keep
from clinic_orders.actions.stock_entries import item_ids, new_entry, own_institution, write_down
from clinic_orders.actions.transaction import transactional
from clinic_orders.models.base import db
from clinic_orders.models.stock_entries import StockEntry, StockLoss
from clinic_orders.models.stock_keeping import StockSetting
from clinic_orders.queries.selling import entry_by_key
from clinic_orders.rules.parties import Actor
from clinic_orders.rules.quantities import UnitsTooFew
from clinic_orders.rules.reasons import LossReason, Reason
from clinic_orders.rules.reordering import Keeping
from clinic_orders.rules.stock_entries import EntryKind

_LOSSES: Final = Facts(
    "record_loss",
    "stock_loss",
    cast("Table", StockLoss.__table__),
    ("entry_id", "line_no"),
    ("base_units", "reason", "batch_no"),
)


@dataclass(frozen=True, slots=True)
class LostLine:
    """Base units above 0 of an item that are gone, their batch if it is known, and why."""

    item_code: str
    base_units: int
    reason: Reason[LossReason]
    batch_no: str = ""


@transactional
def record_loss(lines: Sequence[LostLine], *, lost_on: date, key: str, by: Actor, at: datetime) -> StockEntry:
    """Write down what the actor's institution lost. It is no count: the checks' ledger (R-STOCK-3) knows nothing of it.

    Args:
        lines: what is gone.
        lost_on: the day on which it was noticed, today or earlier.
        key: made when the form was rendered; the same key always answers with the same entry.
        by: who.
        at: when.

    Raises:
        NothingEntered, TooManyLines, EntryInFuture, NotFound, UnitsTooFew: what is wrong with it.

    """
    institution_id = own_institution(by)
    known = entry_by_key(key)
    if known is not None and known.institution_id == institution_id:
        return known
    for line in lines:
        if line.base_units < 1:
            raise UnitsTooFew(typed=line.base_units, minimum=1)
    ids = item_ids([line.item_code for line in lines])
    entry = new_entry(EntryKind.LOSS, institution_id, lost_on, key=key, lines=len(lines), by=by, at=at)
    wanted = [
        {
            "entry_id": entry.id,
            "line_no": number,
            "institution_id": institution_id,
            "item_id": ids[line.item_code],
            "lost_on": lost_on,
            "base_units": line.base_units,
            "batch_no": line.batch_no[:64],
            "reason": line.reason.stored,
        }
        for number, line in enumerate(lines, start=1)
    ]
    keep(_LOSSES, wanted, {}, at=at, batch_id=None)
    write_down(
        "record_loss",
        entry,
        by=by,
        at=at,
        after={
            "lost_on": lost_on,
            "quantities": [f"{line.item_code} {line.base_units}" for line in lines],
            "reason": lines[0].reason.stored,
        },
    )
    return entry


@transactional
def set_keeping(keeping: Keeping, *, seen_version: int, by: Actor, at: datetime) -> None:
    """Set an institution's own numbers for suggestions and notices of stock.

    Raises:
        ChangedMeanwhile: somebody else has set them since the page was opened.

    """
    institution_id = own_institution(by)
    setting = db.session.get(StockSetting, institution_id, populate_existing=True)
    before = Keeping()
    if setting is not None:
        before = Keeping(
            setting.use_days, setting.lead_days, setting.cover_days, setting.expiry_days, setting.tells
        )
    if seen_version != (0 if setting is None else setting.version):
        raise ChangedMeanwhile(number=by.org_name)
    if before == keeping:
        return
    if setting is None:
        setting = StockSetting(institution_id=institution_id, updated_at=at, **asdict(keeping))
        db.session.add(setting)
    for name, value in asdict(keeping).items():
        setattr(setting, name, value)
    setting.updated_at = at
    changed = [name for name, value in asdict(keeping).items() if asdict(before)[name] != value]
    audit.record(
        "set_keeping",
        by=by,
        at=at,
        subject_type="stock_setting",
        subject=by.org_name,
        institution_id=institution_id,
        before={name: asdict(before)[name] for name in changed},
        after={name: asdict(keeping)[name] for name in changed},
    )
