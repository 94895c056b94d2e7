"""What every entry into an institution's stock ledger shares: whose it is, its number, its items, its line in the audit."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from datetime import UTC, date, datetime, time
from decimal import Decimal
from typing import Any

from sqlalchemy import select

from clinic_orders.actions import audit
from clinic_orders.actions.loading import NotFound
from clinic_orders.actions.numbers import LOSS, SALE, next_numbers
from clinic_orders.models.base import db
from clinic_orders.models.catalogue import Item
from clinic_orders.models.roster import Institution
from clinic_orders.models.stock_entries import StockEntry
from clinic_orders.rules.days import SHANGHAI, day_in_china
from clinic_orders.rules.money import ZERO
from clinic_orders.rules.parties import Actor, Permission
from clinic_orders.rules.stock_entries import (
    MOST_LINES,
    EntryKind,
    NothingEntered,
    TooManyLines,
    check_day,
)

_NOON = time(12)


def own_institution(by: Actor) -> int:
    """The institution of the actor, locked: two of its people at once wait for each other.

    Raises:
        NotFound: the actor has none.

    """
    by.need(Permission.REPORTS_MAKE)
    found = db.session.scalar(
        select(Institution.id).where(Institution.id == by.institution_id).with_for_update()
    )
    if found is None:
        raise NotFound(number=by.org_name)
    return found


def new_entry(
    kind: EntryKind,
    institution_id: int,
    happened_on: date,
    *,
    key: str,
    lines: int,
    amount: Decimal = ZERO,
    of_sale_no: str = "",
    by: Actor,
    at: datetime,
) -> StockEntry:
    """Make the paper of an entry, after what holds for every kind of it was looked at.

    Raises:
        NothingEntered, TooManyLines, EntryInFuture: what is wrong with it.

    """
    if not lines:
        raise NothingEntered
    if lines > MOST_LINES:
        raise TooManyLines(most=MOST_LINES)
    check_day(happened_on, today=day_in_china(at))
    (number,) = next_numbers(LOSS if kind is EntryKind.LOSS else SALE, at=at)
    entry = StockEntry(
        institution_id=institution_id,
        kind=kind,
        entry_no=number,
        form_key=key,
        happened_on=happened_on,
        of_sale_no=of_sale_no,
        amount=amount,
        entered_by_id=by.user_id,
        entered_by_name=by.name,
        recorded_at=at,
    )
    db.session.add(entry)
    db.session.flush()
    return entry


def item_ids(codes: Sequence[str]) -> dict[str, int]:
    """Row ids of items by code.

    Raises:
        NotFound: one of them is not there.

    """
    known = {
        row.item_code: row.id
        for row in db.session.execute(select(Item.item_code, Item.id).where(Item.item_code.in_(codes)))
    }
    if missing := sorted(set(codes) - set(known)):
        raise NotFound(number=missing[0])
    return known


def moment_of(day: date, at: datetime) -> datetime:
    """Now for what happens today; noon for what is written down later."""
    return at if day == day_in_china(at) else datetime.combine(day, _NOON, SHANGHAI).astimezone(UTC)


def write_down(
    deed: str,
    entry: StockEntry,
    *,
    by: Actor,
    at: datetime,
    before: Mapping[str, Any] | None = None,
    after: Mapping[str, Any] | None = None,
) -> None:
    """One entry in the audit about one entry of stock."""
    audit.record(
        deed,
        by=by,
        at=at,
        subject_type="stock_entry",
        subject_id=entry.id,
        subject=entry.entry_no,
        institution_id=entry.institution_id,
        before=before,
        after=after,
    )
