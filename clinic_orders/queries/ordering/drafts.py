"""What an organisation has typed for an institution and not sent yet."""

from __future__ import annotations

from dataclasses import dataclass, field
from datetime import date, datetime
from typing import Any, NamedTuple

from sqlalchemy import (
    and_,
    bindparam,
    func,
    select,
)

from clinic_orders.models.catalogue import EditionItem, Item, Price
from clinic_orders.models.orders import Draft, DraftLine, Submission
from clinic_orders.queries.ordering._common import DRAFT, INSTITUTION, ORDERING, rows_of
from clinic_orders.queries.ordering.items import EDITION_ID, ITEM_COLUMNS, PRICE_ID, ItemRow


class DraftRow(NamedTuple):
    """A line of a draft as typed."""

    item_id: int
    typed: str
    confirmed_duplicates: str
    picked_distributor_id: int | None
    refusal: dict[str, Any] | None
    reviewed_packs: int | None


@dataclass(slots=True)
class DraftView:
    """A draft as the page shows it; ``id`` None = nothing was typed yet.

    ``number`` is another one for every new draft, so that a phone's copy of a sent one is never filled in.
    """

    id: int | None = None
    number: int = 0
    version: int = 0
    emergency_reason: str = ""
    payer: str = "receiver"
    for_review_at: datetime | None = None
    updated_at: datetime | None = None
    lines: dict[int, DraftRow] = field(default_factory=dict)


_LAST_SUBMISSION = (
    select(func.max(Submission.id))
    .where(Submission.ordering_id == Draft.ordering_id, Submission.institution_id == Draft.institution_id)
    .correlate(Draft)
    .scalar_subquery()
)
_DRAFT = (
    select(
        Draft.id,
        Draft.version,
        Draft.emergency_reason,
        Draft.payer,
        Draft.for_review_at,
        Draft.updated_at,
        _LAST_SUBMISSION.label("number"),
        DraftLine.item_id,
        DraftLine.typed,
        DraftLine.confirmed_duplicates,
        DraftLine.picked_distributor_id,
        DraftLine.refusal,
        DraftLine.reviewed_packs,
    )
    .select_from(Draft)
    .outerjoin(DraftLine, DraftLine.draft_id == Draft.id)
    .where(
        Draft.ordering_id == ORDERING,
        Draft.institution_id == INSTITUTION,
        Draft.emergency == bindparam("emergency"),
    )
    .order_by(DraftLine.position, DraftLine.item_id)
)


def draft_of(ordering_id: int, institution_id: int, *, emergency: bool = False) -> DraftView:
    """What an organisation has typed for an institution; an empty draft if nothing."""
    rows = rows_of(
        _DRAFT, {"ordering": ordering_id, "institution": institution_id, "emergency": emergency}
    ).all()
    if not rows:
        return DraftView()
    head = rows[0]
    return DraftView(
        id=head.id,
        number=head.number or 0,
        version=head.version,
        emergency_reason=head.emergency_reason,
        payer=head.payer,
        for_review_at=head.for_review_at,
        updated_at=head.updated_at,
        lines={row.item_id: DraftRow._make(row[7:]) for row in rows if row.item_id is not None},
    )


_DRAFT_ITEMS = (
    select(
        *ITEM_COLUMNS,
        DraftLine.item_id,
        DraftLine.typed,
        DraftLine.confirmed_duplicates,
        DraftLine.picked_distributor_id,
        DraftLine.refusal,
        DraftLine.reviewed_packs,
    )
    .select_from(DraftLine)
    .join(Item, Item.id == DraftLine.item_id)
    .outerjoin(EditionItem, and_(EditionItem.item_id == Item.id, EditionItem.edition_id == EDITION_ID))
    .outerjoin(Price, Price.id == PRICE_ID)
    .where(DraftLine.draft_id == DRAFT)
    .order_by(DraftLine.position, DraftLine.item_id)
)


def draft_lines(draft_id: int, on: date) -> list[tuple[ItemRow, DraftRow]]:
    """The lines of a draft with their items as they are on a day; one statement."""
    width = len(ITEM_COLUMNS)
    rows = rows_of(_DRAFT_ITEMS, {"draft": draft_id, "day": on})
    return [(ItemRow._make(row[:width]), DraftRow._make(row[width:])) for row in rows]
