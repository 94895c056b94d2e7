"""The stocking list 配备目录 of an institution: its draft is kept as it is ticked, then adopted as a whole (R-STOCK-2)."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import datetime

from sqlalchemy import delete, insert, select, update
from sqlalchemy.orm.attributes import flag_modified

from clinic_orders.actions import audit
from clinic_orders.actions.loading import ChangedMeanwhile, own_institution
from clinic_orders.actions.transaction import transactional
from clinic_orders.models.base import db
from clinic_orders.models.catalogue import Item
from clinic_orders.models.stocking import StockingItem, StockingList
from clinic_orders.queries.policy import policy_book
from clinic_orders.queries.roster import standing
from clinic_orders.queries.stocking_lists import own_list, that_count
from clinic_orders.rules.days import day_in_china
from clinic_orders.rules.parties import Actor
from clinic_orders.rules.stocking import NothingToAdopt, check_list_length


def _head(institution_id: int, seen: int, name: str) -> StockingList:
    """The list's row, made if need be.

    Raises:
        ChangedMeanwhile: its version is not the one seen.

    """
    head = db.session.get(StockingList, institution_id, populate_existing=True)
    if seen != (0 if head is None else head.version):
        raise ChangedMeanwhile(number=name)
    if head is None:
        head = StockingList(institution_id=institution_id, adopted_at=None)
        db.session.add(head)
        db.session.flush()
    return head


def _touch(head: StockingList) -> int:
    """Raise the version, also where nothing of the row itself changes."""
    flag_modified(head, "adopted_at")
    db.session.flush()
    return head.version


@transactional
def keep_stocking_draft(ticked: Mapping[str, bool], *, seen: int, by: Actor, at: datetime) -> int:
    """Keep what was ticked in the draft of the actor's institution; items that are not named stay as they are.

    Nothing of a draft reaches anybody else, so it is not in the audit.

    Args:
        ticked: by item code, whether it is to be in the list.
        seen: ``queries.stocking_lists.own_list(…).version`` as the page showed it.
        by: who.
        at: when.

    Returns:
        the new version.

    Raises:
        ChangedMeanwhile: somebody else of the institution changed it since.

    """
    institution_id = own_institution(by)
    head = _head(institution_id, seen, by.org_name)
    own = own_list(institution_id)
    known = {
        row.id: ticked[row.item_code]
        for row in db.session.execute(select(Item.id, Item.item_code).where(Item.item_code.in_(ticked)))
    }
    mine = (StockingItem.institution_id == institution_id,)
    new = [one for one, wanted in known.items() if wanted and one not in own.drafted]
    out = [one for one, wanted in known.items() if not wanted and one in own.drafted]
    if fresh := [one for one in new if one not in own.listed]:
        db.session.execute(
            insert(StockingItem),
            [
                {"institution_id": institution_id, "item_id": one, "listed": False, "drafted": True}
                for one in fresh
            ],
        )
    again = [one for one in new if one in own.listed]
    if again:
        db.session.execute(
            update(StockingItem).where(*mine, StockingItem.item_id.in_(again)).values(drafted=True)
        )
    if gone := [one for one in out if one not in own.listed]:
        db.session.execute(delete(StockingItem).where(*mine, StockingItem.item_id.in_(gone)))
    if waiting := [one for one in out if one in own.listed]:
        db.session.execute(
            update(StockingItem).where(*mine, StockingItem.item_id.in_(waiting)).values(drafted=False)
        )
    return _touch(head)


@transactional
def adopt_stocking_list(*, seen: int, by: Actor, at: datetime) -> int:
    """Make the draft the list of the actor's institution.

    Returns:
        how many items that count the list has now.

    Raises:
        NothingToAdopt: list and draft are the same.
        StockingListTooShort: it would be shorter than the minimum and shorter than it is.
        ChangedMeanwhile: somebody else of the institution changed it since.

    """
    institution_id = own_institution(by)
    on = day_in_china(at)
    head = _head(institution_id, seen, by.org_name)
    own, state = own_list(institution_id), standing(institution_id, on=on)
    if not own.has_draft:
        raise NothingToAdopt
    items = len(that_count(own.drafted, state.kind, on=on))
    check_list_length(
        items,
        before=len(that_count(own.listed, state.kind, on=on)),
        minimum=policy_book().whole_or_none(
            "stocking.minimum", kind=state.kind, scale=state.scale or None, on=on
        ),
    )
    added, removed = own.drafted - own.listed, own.listed - own.drafted
    codes = dict(
        db.session.execute(select(Item.id, Item.item_code).where(Item.id.in_(added | removed))).all()
    )
    mine = (StockingItem.institution_id == institution_id,)
    db.session.execute(delete(StockingItem).where(*mine, StockingItem.drafted.is_(False)))
    db.session.execute(update(StockingItem).where(*mine).values(listed=True))
    head.adopted_at = at
    _touch(head)
    audit.record(
        "adopt_stocking_list",
        by=by,
        at=at,
        subject_type="stocking_list",
        subject=by.org_name,
        institution_id=institution_id,
        before={"count": len(own.listed), "items": sorted(codes[one] for one in removed)},
        after={"count": len(own.drafted), "items": sorted(codes[one] for one in added)},
    )
    return items


@transactional
def drop_stocking_draft(*, seen: int, by: Actor, at: datetime) -> None:
    """Make the draft the same as the list again.

    Raises:
        ChangedMeanwhile: somebody else of the institution changed it since.

    """
    institution_id = own_institution(by)
    head = _head(institution_id, seen, by.org_name)
    mine = (StockingItem.institution_id == institution_id,)
    db.session.execute(delete(StockingItem).where(*mine, StockingItem.listed.is_(False)))
    db.session.execute(update(StockingItem).where(*mine).values(drafted=True))
    _touch(head)
