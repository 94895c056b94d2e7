"""Choose the items of an edition out of all landed items, many at once (R-CAT-1)."""

from __future__ import annotations

from collections.abc import Collection
from datetime import datetime
from typing import Final, cast

from sqlalchemy import Table, select

from clinic_orders.actions import audit
from clinic_orders.actions.bulk import delete_rows, insert_rows
from clinic_orders.actions.transaction import transactional
from clinic_orders.models.base import db
from clinic_orders.models.catalogue import Edition, EditionItem, Item
from clinic_orders.rules.parties import Actor, Permission

_EDITION_ITEMS: Final = cast("Table", EditionItem.__table__)


@transactional
def choose_items(
    edition: Edition, *, shown: Collection[str], chosen: Collection[str], by: Actor, at: datetime
) -> tuple[int, int]:
    """Make the edition hold, of the items that were shown, exactly those that were chosen.

    Items that were not shown stay as they are; orders made before keep what is taken out.

    Args:
        edition: the edition.
        shown: item codes that the person looked at; unknown ones are left out.
        chosen: those of them that belong to the edition.
        by: who.
        at: when.

    Returns:
        how many were added and how many taken out.

    """
    by.need(Permission.CATALOGUE_MANAGE)
    known = dict(
        db.session.connection()
        .execute(select(Item.item_code, Item.id).where(Item.item_code.in_(list(shown))))
        .all()
    )
    held = set(
        db.session.connection().scalars(
            select(EditionItem.item_id).where(
                EditionItem.edition_id == edition.id, EditionItem.item_id.in_(list(known.values()))
            )
        )
    )
    wanted = {known[code] for code in chosen if code in known}
    added, gone = sorted(wanted - held), sorted(held - wanted)
    insert_rows(_EDITION_ITEMS, [{"edition_id": edition.id, "item_id": one} for one in added])
    if gone:
        delete_rows(
            _EDITION_ITEMS,
            (_EDITION_ITEMS.c.edition_id == edition.id) & _EDITION_ITEMS.c.item_id.in_(gone),
        )
    if added or gone:
        code_of = {id_: code for code, id_ in known.items()}
        audit.record(
            "choose_items",
            by=by,
            at=at,
            subject_type="edition",
            subject_id=edition.id,
            subject=edition.edition,
            before={"items": [code_of[one] for one in gone]} if gone else None,
            after={"items": [code_of[one] for one in added]} if added else None,
        )
    return len(added), len(gone)
