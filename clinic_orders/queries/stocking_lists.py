"""Stocking lists 配备目录: one's own with its draft, and the bureau's view of everybody's (R-STOCK-1, R-STOCK-2)."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from datetime import date, datetime
from typing import Any, NamedTuple

from sqlalchemy import and_, func, or_, select

from clinic_orders.models.base import db
from clinic_orders.models.catalogue import Item
from clinic_orders.models.roster import County, Institution, InstitutionRecord, Membership
from clinic_orders.models.stocking import StockingItem, StockingList
from clinic_orders.queries.checks.stocking import carried_items, edition_items
from clinic_orders.queries.lists import with_words
from clinic_orders.queries.roster import current, institutions_of
from clinic_orders.rules.catalogue import suits
from clinic_orders.rules.parties import Actor, InstitutionKind
from clinic_orders.rules.policy import PolicyBook

STATES = ("none", "short", "enough", "draft")
SORTS = ("name", "place", "kind", "items", "missing", "adopted")


@dataclass(frozen=True, slots=True)
class OwnList:
    """An institution's list as it stands.

    Attributes:
        version: rises with every change; 0 where there is none.
        adopted_at: when it was adopted last; None: nothing but a draft so far.
        listed: the items of the list, by row id.
        drafted: the items that it would have if the draft were adopted.

    """

    version: int
    adopted_at: datetime | None
    listed: frozenset[int]
    drafted: frozenset[int]

    @property
    def has_draft(self) -> bool:
        """Whether list and draft differ."""
        return self.listed != self.drafted


def own_list(institution_id: int) -> OwnList:
    """The list of an institution; two statements."""
    head = db.session.execute(
        select(StockingList.version, StockingList.adopted_at).where(
            StockingList.institution_id == institution_id
        )
    ).one_or_none()
    rows = db.session.execute(
        select(StockingItem.item_id, StockingItem.listed, StockingItem.drafted).where(
            StockingItem.institution_id == institution_id
        )
    ).all()
    return OwnList(
        0 if head is None else head.version,
        None if head is None else head.adopted_at,
        frozenset(row.item_id for row in rows if row.listed),
        frozenset(row.item_id for row in rows if row.drafted),
    )


def listed_items(institution_id: int) -> list[int]:
    """The items of an institution's list, for the order page; one statement."""
    statement = select(StockingItem.item_id).where(
        StockingItem.institution_id == institution_id, StockingItem.listed.is_(True)
    )
    return list(db.session.scalars(statement))


def that_count(items: Iterable[int], kind: InstitutionKind, *, on: date) -> frozenset[int]:
    """Those of some items that count for the minimum: of the edition in force, and suiting the kind (R-STOCK-3)."""
    edition = edition_items(on)
    return frozenset(one for one in items if one in edition and suits(edition[one][1], kind))


def kept_now(institution_id: int, kind: InstitutionKind, *, on: date, book: PolicyBook) -> frozenset[int]:
    """The items that an institution keeps today, by R-STOCK-3."""
    only = select(Institution.id).where(Institution.id == institution_id)
    found = carried_items(on, window_days=book.whole("stocking.window_days", on=on), institutions=only)
    return that_count(found.get(institution_id, ()), kind, on=on)


# The bureau's view ----------------------------------------------------------------------------------------


@dataclass(frozen=True, slots=True)
class ListsWanted:
    """Which members are wanted; empty = all. ``state`` is one of STATES."""

    words: str = ""
    county: str = ""
    kind: InstitutionKind | None = None
    state: str = ""


@dataclass(frozen=True, slots=True)
class MemberList:
    """A member with its list in numbers; ``minimum`` None = not set."""

    id: int
    code: str
    name: str
    kind: InstitutionKind
    county: str
    township: str
    items: int
    drafted: int
    adopted_at: datetime | None
    minimum: int | None

    @property
    def missing(self) -> int:
        """By how many items the list is shorter than the minimum."""
        return max(0, (self.minimum or 0) - self.items)

    @property
    def state(self) -> str:
        """Whether it has a list, and whether that is long enough; where no minimum is set every list is."""
        if self.adopted_at is None:
            return "none"
        return "short" if self.missing else "enough"


def _key(sort: str) -> Any:
    return {
        "name": lambda row: row.name,
        "place": lambda row: (row.county, row.township, row.name),
        "kind": lambda row: (row.kind, row.name),
        "items": lambda row: row.items,
        "missing": lambda row: row.missing,
        "adopted": lambda row: 0.0 if row.adopted_at is None else row.adopted_at.timestamp(),
    }[sort]


def member_lists(
    actor: Actor, wanted: ListsWanted, *, on: date, book: PolicyBook, sort: str = "-missing"
) -> list[MemberList]:
    """The members that the actor may see, with their lists; two statements.

    The minimum is policy of the day, so what is short is found here and not in the database; a prefecture has some
    thousand members.
    """
    state = InstitutionRecord
    edition = edition_items(on)
    counted: dict[int, list[tuple[int, bool, bool]]] = {}
    rows = db.session.execute(
        select(
            StockingItem.institution_id, StockingItem.item_id, StockingItem.listed, StockingItem.drafted
        ).where(institutions_of(actor, StockingItem.institution_id, on))
    )
    for institution_id, item_id, listed, drafted in rows:
        counted.setdefault(institution_id, []).append((item_id, listed, drafted))
    statement = (
        select(
            Institution.id,
            Institution.code,
            state.name,
            state.kind,
            state.scale,
            func.coalesce(County.name, "").label("county"),
            state.township,
            StockingList.adopted_at,
        )
        .join(state, and_(state.institution_id == Institution.id, current(state, on)))
        .join(Membership, Membership.institution_id == Institution.id)
        .outerjoin(County, County.code == state.county_code)
        .outerjoin(StockingList, StockingList.institution_id == Institution.id)
        .where(
            institutions_of(actor, Institution.id, on),
            Membership.joined_on <= on,
            or_(Membership.left_on.is_(None), Membership.left_on >= on),
        )
        .order_by(Institution.code)
    )
    statement = statement.where(*with_words(wanted.words, state.name, state.township, Institution.code))
    if wanted.county:
        statement = statement.where(state.county_code == wanted.county)
    if wanted.kind is not None:
        statement = statement.where(state.kind == wanted.kind)
    minima: dict[tuple[InstitutionKind, str], int | None] = {}
    found: list[MemberList] = []
    seen: set[int] = set()
    for row in db.session.execute(statement):
        if row.id in seen:
            continue
        seen.add(row.id)
        who = (row.kind, row.scale)
        if who not in minima:
            minima[who] = book.whole_or_none(
                "stocking.minimum", kind=row.kind, scale=row.scale or None, on=on
            )
        own = [
            one
            for one in counted.get(row.id, ())
            if one[0] in edition and suits(edition[one[0]][1], row.kind)
        ]
        found.append(
            MemberList(
                row.id,
                row.code,
                row.name,
                row.kind,
                row.county,
                row.township,
                sum(listed for _, listed, _ in own),
                sum(drafted for _, _, drafted in own),
                row.adopted_at,
                minima[who],
            )
        )
    if wanted.state == "draft":
        found = [row for row in found if row.drafted != row.items]
    elif wanted.state in STATES:
        found = [row for row in found if row.state == wanted.state]
    found.sort(key=_key(sort.removeprefix("-")), reverse=sort.startswith("-"))
    return found


class ListedItem(NamedTuple):
    """An item of an institution's list, as the bureau reads it."""

    item_code: str
    name: str
    strength: str
    manufacturer: str
    in_edition: bool
    listed: bool
    drafted: bool


def list_items(institution_id: int, *, on: date) -> list[ListedItem]:
    """The items of a list and its draft, by code; two statements."""
    edition = edition_items(on)
    rows = db.session.execute(
        select(
            Item.id,
            Item.item_code,
            Item.generic_name,
            Item.strength,
            Item.manufacturer,
            StockingItem.listed,
            StockingItem.drafted,
        )
        .join(StockingItem, StockingItem.item_id == Item.id)
        .where(StockingItem.institution_id == institution_id)
        .order_by(Item.item_code)
    )
    return [ListedItem(*row[1:5], row.id in edition, row.listed, row.drafted) for row in rows]
