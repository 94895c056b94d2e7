"""What a buyer needs in order to order: who it is on a day, the items, its draft, its history (R-ORD, R-CAT).

These questions stand on the path that every order takes. They are Core statements made once, so that asking
again costs the database alone, and their number does not grow with the lines.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import date, datetime, timedelta
from decimal import Decimal
from operator import attrgetter
from typing import Any, NamedTuple

from sqlalchemy import (
    BigInteger,
    Date,
    Integer,
    String,
    Subquery,
    and_,
    bindparam,
    case,
    exists,
    false,
    func,
    or_,
    select,
    type_coerce,
)

from clinic_orders.models.base import UtcDateTime, db
from clinic_orders.models.catalogue import Edition, EditionItem, Item, Price
from clinic_orders.models.deliveries import Shipment, ShipmentLine
from clinic_orders.models.orders import Draft, DraftLine, Order, OrderLine, Submission, UsualItem
from clinic_orders.models.roster import (
    Commitment,
    County,
    DeliveryRelation,
    Distributor,
    Institution,
    InstitutionRecord,
    Mandate,
    Membership,
    Suspension,
)
from clinic_orders.queries.deadlines import lapse_instant
from clinic_orders.queries.policy import policy_book
from clinic_orders.rules.catalogue import Relation, relation_rank
from clinic_orders.rules.days import end_of_day, start_of_day
from clinic_orders.rules.order_refusals import EarlierOrder, LineRequest, duplicate_of
from clinic_orders.rules.parties import InstitutionKind, OrderMode
from clinic_orders.rules.policy import PolicyBook
from clinic_orders.rules.roster import MayNotOrderFor, Ties, order_mode


def _rows(statement: Any, values: Mapping[str, Any] | None = None) -> Any:
    """Plain rows straight from the session's connection: nothing is loaded as a record here."""
    return db.session.connection().execute(statement, values or {})


HISTORY_DAYS = 400
"""How far back the page looks for "last time" and for what is usually ordered."""

_DAY = bindparam("day", type_=Date)
_INSTITUTION = bindparam("institution", type_=Integer)
_ORDERING = bindparam("ordering", type_=Integer)


# The buyer -------------------------------------------------------------------------------------------


@dataclass(frozen=True, slots=True)
class Buyer:
    """The receiving institution on a day, and who orders for it.

    Attributes:
        ordering_id: who orders; equal to ``institution_id`` where it orders itself.
        mode: what the roster makes of that pair (R-ORD-1).
        suspended_until: last day of the suspension in force, None = not suspended.
        supervisor_id: its hospital, which reviews drafts and takes mandates.
        has_mandate: its hospital's mandate is in force.

    """

    institution_id: int
    code: str
    name: str
    kind: InstitutionKind
    county_code: str
    county_name: str
    township: str
    scale: str
    is_member: bool
    has_letter: bool
    suspended_until: date | None
    supervisor_id: int | None
    ordering_id: int
    mode: OrderMode
    has_mandate: bool

    @property
    def is_own(self) -> bool:
        """Whether the institution orders for itself."""
        return self.ordering_id == self.institution_id


_record = InstitutionRecord
_letter_holds = (
    select(case((or_(Commitment.ends_on.is_(None), Commitment.ends_on >= _DAY), 1), else_=0))
    .where(Commitment.institution_id == Institution.id, Commitment.signed_on <= _DAY)
    .order_by(Commitment.signed_on.desc())
    .limit(1)
    .correlate(Institution)
    .scalar_subquery()
)
_suspended_until = (
    select(func.max(Suspension.last_day))
    .where(
        Suspension.institution_id == Institution.id,
        Suspension.first_day <= _DAY,
        Suspension.last_day >= _DAY,
        or_(Suspension.lifted_on.is_(None), Suspension.lifted_on > _DAY),
    )
    .correlate(Institution)
    .scalar_subquery()
)


def _mandate_to(hospital: Any) -> Any:
    return exists().where(
        Mandate.institution_id == Institution.id,
        Mandate.hospital_id == hospital,
        Mandate.valid_from <= _DAY,
        or_(Mandate.valid_to.is_(None), Mandate.valid_to >= _DAY),
    )


_BUYER = (
    select(
        Institution.id,
        Institution.code,
        _record.name,
        _record.kind,
        _record.county_code,
        County.name.label("county_name"),
        _record.township,
        _record.scale,
        _record.supervisor_id,
        _record.headquarters_id,
        _record.lead_hospital_id,
        exists()
        .where(
            Membership.institution_id == Institution.id,
            Membership.joined_on <= _DAY,
            or_(Membership.left_on.is_(None), Membership.left_on >= _DAY),
        )
        .label("is_member"),
        _letter_holds.label("has_letter"),
        _suspended_until.label("suspended_until"),
        _mandate_to(_ORDERING).label("mandate"),
        _mandate_to(_record.supervisor_id).label("supervisor_mandate"),
    )
    .select_from(Institution)
    .join(_record, _record.institution_id == Institution.id)
    .join(County, County.code == _record.county_code)
    .where(_record.valid_from <= _DAY, or_(_record.valid_before.is_(None), _record.valid_before > _DAY))
)
_BUYER_BY_ID = _BUYER.where(Institution.id == _INSTITUTION)
_BUYER_BY_CODE = _BUYER.where(Institution.code == bindparam("code", type_=String))


def buyer(
    ordering_id: int, *, on: date, institution_id: int | None = None, code: str | None = None
) -> Buyer | None:
    """The institution for which an organisation orders; None where the two have nothing to do with each other.

    Args:
        ordering_id: who orders.
        on: the day.
        institution_id: for whom, by row id.
        code: for whom, by code; neither given means for itself.

    Raises:
        MayNotOrderFor: its hospital asks, but has no mandate on that day.

    """
    if code is not None:
        statement, key = _BUYER_BY_CODE, dict[str, Any](code=code)
    else:
        statement, key = _BUYER_BY_ID, dict[str, Any](institution=institution_id or ordering_id)
    row = _rows(statement, {"day": on, "ordering": ordering_id, **key}).first()
    if row is None:
        return None
    holders: frozenset[int | str] = frozenset({ordering_id}) if row.mandate else frozenset()
    try:
        mode = order_mode(
            ordering_id,
            Ties(
                row.id,
                headquarters=row.headquarters_id,
                lead_hospital=row.lead_hospital_id,
                mandate_holders=holders,
            ),
        )
    except MayNotOrderFor:
        if row.supervisor_id == ordering_id:
            raise
        return None
    return Buyer(
        institution_id=row.id,
        code=row.code,
        name=row.name,
        kind=row.kind,
        county_code=row.county_code,
        county_name=row.county_name,
        township=row.township,
        scale=row.scale,
        is_member=bool(row.is_member),
        has_letter=bool(row.has_letter),
        suspended_until=row.suspended_until,
        supervisor_id=row.supervisor_id,
        ordering_id=ordering_id,
        mode=mode,
        has_mandate=bool(row.supervisor_mandate),
    )


# Items on a day ----------------------------------------------------------------------------------------


class ItemRow(NamedTuple):
    """An item as a buyer sees it on a day."""

    id: int
    code: str
    name: str
    form: str
    strength: str
    pack_size: int
    base_unit: str
    manufacturer: str
    suits: str
    initials: str
    supplies_here: bool
    in_edition: bool
    price_units: int | None
    price_document: str | None

    @property
    def price(self) -> Decimal | None:
        """Yuan per pack; stored as ten-thousandths, and left so for the hundreds that are only listed."""
        return None if self.price_units is None else Decimal(self.price_units).scaleb(-4)

    def suits_kind(self, kind: InstitutionKind) -> bool:
        """Whether this kind of institution may order it (R-CAT-1)."""
        return not self.suits or f";{kind.value};" in self.suits


_EDITION_ID = (
    select(Edition.id)
    .where(Edition.valid_from <= _DAY)
    .order_by(Edition.valid_from.desc(), Edition.id.desc())
    .limit(1)
    .scalar_subquery()
)
_PRICE_DAY = (
    select(func.max(Price.valid_from))
    .where(Price.item_id == Item.id, Price.valid_from <= _DAY)
    .correlate(Item)
    .scalar_subquery()
)
# By row id: the price itself is then one look-up, where a second search by item and day would be two.
_earlier = Price.__table__.alias("earlier")
_PRICE_ID = (
    select(_earlier.c.id)
    .where(_earlier.c.item_id == Item.id, _earlier.c.valid_from <= _DAY)
    .order_by(_earlier.c.valid_from.desc())
    .limit(1)
    .correlate(Item)
    .scalar_subquery()
)
_ITEM_COLUMNS = (
    Item.id,
    Item.item_code,
    Item.generic_name,
    Item.form,
    Item.strength,
    Item.pack_size,
    Item.base_unit,
    Item.manufacturer,
    Item.suits,
    Item.search_initials,
    type_coerce(Item.supplies_here, Integer),
    type_coerce(EditionItem.item_id.is_not(None), Integer),
    type_coerce(Price.pack_price, BigInteger),
    Price.document_no,
)
_ITEMS = (
    select(*_ITEM_COLUMNS)
    .select_from(Item)
    .outerjoin(EditionItem, and_(EditionItem.item_id == Item.id, EditionItem.edition_id == _EDITION_ID))
    .outerjoin(Price, Price.id == _PRICE_ID)
)
_EDITION_ITEMS = _ITEMS.where(
    or_(
        EditionItem.item_id.is_not(None),
        Item.id.in_(select(DraftLine.item_id).where(DraftLine.draft_id == bindparam("draft", type_=Integer))),
    )
)
_KEYS = (
    select(Item.id, Item.search_text, Item.search_initials, Item.search_pinyin)
    .select_from(Item)
    .join(EditionItem, and_(EditionItem.item_id == Item.id, EditionItem.edition_id == _EDITION_ID))
)
_ALL_KEYS = select(Item.id, Item.search_text, Item.search_initials, Item.search_pinyin)


_by_pinyin = attrgetter("initials", "code")


def items_on(on: date, *, draft_id: int | None = None, every: bool = False) -> list[ItemRow]:
    """The items of the edition in force with their prices, and those of the draft that are not in it.

    With ``every`` all items there are: an emergency passes the edition (R-ORD-9).
    """
    statement, more = (_ITEMS, {}) if every else (_EDITION_ITEMS, {"draft": draft_id or 0})
    items = [ItemRow._make(row) for row in _rows(statement, {"day": on, **more})]
    # By pinyin; here, since a database compares texts by a language's rules, which costs more than all the rest.
    items.sort(key=_by_pinyin)
    return items


def prices_on(item_ids: Sequence[int], on: date) -> dict[int, Decimal]:
    """The prices in force on a day of some items (R-CAT-2); an item without one is left out."""
    rows = _rows(
        select(Price.item_id, Price.pack_price)
        .join(Item, Item.id == Price.item_id)
        .where(Price.item_id.in_(item_ids), Price.valid_from == _PRICE_DAY),
        {"day": on},
    )
    return {row[0]: row[1] for row in rows}


def search_keys_on(on: date, *, every: bool = False) -> Iterable[tuple[int, str, str, str]]:
    """Item id and its three search columns, for rules.pinyin; the edition in force, or all items."""
    rows = _rows(_ALL_KEYS) if every else _rows(_KEYS, {"day": on})
    return ((row[0], row[1], row[2], row[3]) for row in rows)


# Who delivers (R-CAT-3) ----------------------------------------------------------------------------------

_RELATIONS = select(
    DeliveryRelation.institution_id,
    DeliveryRelation.county_code,
    DeliveryRelation.item_id,
    DeliveryRelation.distributor_id,
).where(
    DeliveryRelation.valid_from <= _DAY,
    or_(DeliveryRelation.valid_to.is_(None), DeliveryRelation.valid_to >= _DAY),
    or_(
        DeliveryRelation.institution_id == _INSTITUTION,
        DeliveryRelation.county_code == bindparam("county", type_=String),
    ),
)


_RELATIONS_OF_DRAFT = _RELATIONS.where(
    or_(
        DeliveryRelation.item_id.is_(None),
        DeliveryRelation.item_id.in_(
            select(DraftLine.item_id).where(DraftLine.draft_id == bindparam("draft", type_=Integer))
        ),
    )
)


class Relations:
    """Who delivers what to one institution on a day; the order of preference is that of rules.catalogue.

    With ``draft_id`` only the items of that draft are looked at.
    """

    def __init__(
        self, institution_id: int, county_code: str, on: date, *, draft_id: int | None = None
    ) -> None:
        self._best: dict[int | None, tuple[int, int]] = {}
        values = {"institution": institution_id, "county": county_code, "day": on}
        if draft_id is None:
            rows = _rows(_RELATIONS, values).all()
        else:
            rows = _rows(_RELATIONS_OF_DRAFT, {**values, "draft": draft_id}).all()
        # Hundreds of relations have few ranks: the rule is asked once for each scope.
        ranks: dict[tuple[int | None, str | None, bool], int | None] = {}
        for institution, county, item, distributor in rows:
            scope = (institution, county, item is None)
            if scope not in ranks:
                ranks[scope] = relation_rank(
                    Relation(distributor, on, institution, county, item),
                    institution_id=institution_id,
                    county_code=county_code,
                    item_id=item or 0,
                )
            rank = ranks[scope]
            if rank is None:
                continue
            known = self._best.get(item)
            if known is None or rank >= known[0]:
                self._best[item] = (rank, distributor)

    def distributor_of(self, item_id: int) -> int | None:
        """The distributor of an item; None = nobody delivers it there."""
        own, general = self._best.get(item_id), self._best.get(None)
        best = max(own, general) if own and general else own or general
        return None if best is None else best[1]


_DISTRIBUTORS = select(Distributor.id, Distributor.name).order_by(Distributor.name)


def distributors() -> list[tuple[int, str]]:
    """All distributors by name, for an emergency order without a relation (R-ORD-9)."""
    return [(row[0], row[1]) for row in _rows(_DISTRIBUTORS)]


# The draft -----------------------------------------------------------------------------------------------


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
        Draft.ordering_id == _ORDERING,
        Draft.institution_id == _INSTITUTION,
        Draft.emergency == bindparam("emergency"),
    )
    .order_by(DraftLine.position, DraftLine.item_id)
)


def draft_of(ordering_id: int, institution_id: int, *, emergency: bool = False) -> DraftView:
    """What an organisation has typed for an institution; an empty draft if nothing."""
    rows = _rows(
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
        *_ITEM_COLUMNS,
        DraftLine.item_id,
        DraftLine.typed,
        DraftLine.confirmed_duplicates,
        DraftLine.picked_distributor_id,
        DraftLine.refusal,
        DraftLine.reviewed_packs,
    )
    .select_from(DraftLine)
    .join(Item, Item.id == DraftLine.item_id)
    .outerjoin(EditionItem, and_(EditionItem.item_id == Item.id, EditionItem.edition_id == _EDITION_ID))
    .outerjoin(Price, Price.id == _PRICE_ID)
    .where(DraftLine.draft_id == bindparam("draft", type_=Integer))
    .order_by(DraftLine.position, DraftLine.item_id)
)


def draft_lines(draft_id: int, on: date) -> list[tuple[ItemRow, DraftRow]]:
    """The lines of a draft with their items as they are on a day; one statement."""
    width = len(_ITEM_COLUMNS)
    rows = _rows(_DRAFT_ITEMS, {"draft": draft_id, "day": on})
    return [(ItemRow._make(row[:width]), DraftRow._make(row[width:])) for row in rows]


# History ---------------------------------------------------------------------------------------------------


class LastTime(NamedTuple):
    """An item's last regular order for the institution and how often it was ordered lately."""

    packs: int
    submitted_at: datetime
    times: int


_SINCE = bindparam("since", type_=UtcDateTime)


def _last_time() -> Subquery:
    place = (
        func.row_number()
        .over(partition_by=OrderLine.item_id, order_by=(Order.submitted_at.desc(), OrderLine.id.desc()))
        .label("place")
    )
    return (
        select(
            OrderLine.item_id,
            OrderLine.packs,
            Order.submitted_at,
            func.count().over(partition_by=OrderLine.item_id).label("times"),
            place,
        )
        .join(Order, Order.id == OrderLine.order_id)
        .where(
            Order.institution_id == _INSTITUTION,
            Order.submitted_at >= _SINCE,
            Order.emergency == false(),
            Order.disowned_at.is_(None),
        )
        .subquery()
    )


_ranked = _last_time()
_LAST = select(_ranked.c.item_id, _ranked.c.packs, _ranked.c.submitted_at, _ranked.c.times).where(
    _ranked.c.place == 1
)
_ACCEPTED = (
    select(OrderLine.item_id, func.sum(ShipmentLine.accepted_packs))
    .select_from(Shipment)
    .join(ShipmentLine, ShipmentLine.shipment_id == Shipment.id)
    .join(OrderLine, OrderLine.id == ShipmentLine.order_line_id)
    .where(
        Shipment.institution_id == _INSTITUTION,
        Shipment.accepted_at >= _SINCE,
        Shipment.accepted_at < bindparam("until", type_=UtcDateTime),
        ShipmentLine.accepted_packs > 0,
    )
    .group_by(OrderLine.item_id)
)
_USUAL = (
    select(UsualItem.item_id)
    .where(UsualItem.institution_id == _INSTITUTION)
    .order_by(UsualItem.position, UsualItem.item_id)
)


def last_time(institution_id: int, *, on: date) -> dict[int, LastTime]:
    """For every item ordered within HISTORY_DAYS: packs, when, how often. Emergencies do not count."""
    rows = _rows(
        _LAST, {"institution": institution_id, "since": start_of_day(on - timedelta(days=HISTORY_DAYS))}
    )
    return {row[0]: LastTime(row[1], row[2], row[3]) for row in rows}


def accepted_packs(institution_id: int, *, on: date, days: int) -> dict[int, int]:
    """Packs accepted per item in the days that end with ``on`` (R-STOCK-3's window; later returns stay in)."""
    rows = _rows(
        _ACCEPTED,
        {
            "institution": institution_id,
            "since": start_of_day(on - timedelta(days=days - 1)),
            "until": end_of_day(on),
        },
    )
    return {row[0]: int(row[1] or 0) for row in rows}


def usual_items(institution_id: int) -> list[int]:
    """The item ids of the usual list 常用清单 in the institution's own order."""
    return [row[0] for row in _rows(_USUAL, {"institution": institution_id})]


# Duplicates (R-ORD-4) ------------------------------------------------------------------------------------

_RECENT = (
    select(
        OrderLine.item_id,
        Order.order_no,
        Order.submitted_at,
        Order.answered_at,
        Order.answer_due_at,
        Order.emergency,
        OrderLine.packs,
        OrderLine.withdrawn_before,
        OrderLine.confirmed_packs,
        OrderLine.withdrawn_after,
        OrderLine.closed_packs,
    )
    .join(Order, Order.id == OrderLine.order_id)
    .where(
        Order.institution_id == _INSTITUTION,
        Order.submitted_at >= _SINCE,
        Order.submitted_at <= bindparam("at", type_=UtcDateTime),
        Order.disowned_at.is_(None),
        OrderLine.packs > OrderLine.withdrawn_before,
    )
)


_RECENT_OF_DRAFT = _RECENT.where(
    OrderLine.item_id.in_(
        select(DraftLine.item_id).where(DraftLine.draft_id == bindparam("draft", type_=Integer))
    )
)


def duplicates(
    institution_id: int, *, at: datetime, on: date, book: PolicyBook, draft_id: int | None = None
) -> dict[int, EarlierOrder]:
    """Per item the earlier order that the buyer is to be asked about, through any channel or mode (R-ORD-4).

    With ``draft_id`` only the items of that draft are looked at.
    """
    days = book.whole("order.duplicate_days", on=on)
    values = {"institution": institution_id, "since": start_of_day(on - timedelta(days=days)), "at": at}
    if draft_id is None:
        rows = _rows(_RECENT, values)
    else:
        rows = _rows(_RECENT_OF_DRAFT, {**values, "draft": draft_id})
    earlier: dict[int, list[EarlierOrder]] = {}
    for row in rows:
        earlier.setdefault(row.item_id, []).append(
            EarlierOrder(row.order_no, row.submitted_at, _still_meant(row, at, book))
        )
    asked = {item: duplicate_of(orders, at=at, duplicate_days=days) for item, orders in earlier.items()}
    return {item: order for item, order in asked.items() if order is not None}


def _still_meant(row: Any, at: datetime, book: PolicyBook) -> int:
    """Packs that are still to come or came: 0 for what lapsed, was declined, disowned or taken back."""
    if row.confirmed_packs is not None:
        return int(row.confirmed_packs - row.withdrawn_after - row.closed_packs)
    lapses = lapse_instant(
        emergency=row.emergency, submitted_at=row.submitted_at, answer_due_at=row.answer_due_at, book=book
    )
    if row.answered_at is None and at >= lapses:
        return 0
    return int(row.packs - row.withdrawn_before)


# What a line is held against ------------------------------------------------------------------------------

SUBMISSION_POLICY = (
    "order.max_packs",
    "order.duplicate_days",
    "order.confirm_days",
    "order.emergency_hours",
)


@dataclass(frozen=True, slots=True)
class Facts:
    """Everything beside the line itself that decides whether it can go, gathered once for a cart."""

    buyer: Buyer
    relations: Relations
    duplicates: Mapping[int, EarlierOrder]
    max_packs: int
    emergency: bool = False
    emergency_reason: str = ""

    def request(self, item: ItemRow, line: DraftRow, packs_text: str) -> LineRequest:
        """The facts of one line for rules.order_refusals."""
        duplicate = self.duplicates.get(item.id)
        return LineRequest(
            packs_text=packs_text,
            max_packs=self.max_packs,
            is_member=self.buyer.is_member,
            has_letter=self.buyer.has_letter,
            is_suspended=self.buyer.suspended_until is not None,
            suspended_until=self.buyer.suspended_until,
            in_edition=item.in_edition,
            suits_kind=item.suits_kind(self.buyer.kind),
            has_price=item.price is not None,
            has_distributor=self.relations.distributor_of(item.id) is not None,
            picked_distributor=line.picked_distributor_id is not None,
            duplicate=duplicate,
            duplicate_confirmed=duplicate is not None
            and duplicate.order_no in line.confirmed_duplicates.split(";"),
            emergency_reason=self.emergency_reason if self.emergency else None,
        )


def facts(
    buyer: Buyer,
    *,
    at: datetime,
    on: date,
    book: PolicyBook,
    emergency: bool = False,
    reason: str = "",
    draft_id: int | None = None,
) -> Facts:
    """Gather the facts of a cart: two statements, one for an emergency, which asks about no duplicates."""
    return Facts(
        buyer=buyer,
        relations=Relations(buyer.institution_id, buyer.county_code, on, draft_id=draft_id),
        duplicates={}
        if emergency
        else duplicates(buyer.institution_id, at=at, on=on, book=book, draft_id=draft_id),
        max_packs=book.whole("order.max_packs", on=on),
        emergency=emergency,
        emergency_reason=reason,
    )


# The minimum (R-STOCK-1) ------------------------------------------------------------------------------------


def carried_average(on: date, *, days: int) -> Decimal | None:
    """Items carried, the mean over the city's members; None without members. A reference, never a demand."""
    members = db.session.scalar(
        select(func.count(func.distinct(Membership.institution_id))).where(
            Membership.joined_on <= on, or_(Membership.left_on.is_(None), Membership.left_on >= on)
        )
    )
    if not members:
        return None
    pairs = (
        select(Shipment.institution_id, OrderLine.item_id)
        .select_from(Shipment)
        .join(ShipmentLine, ShipmentLine.shipment_id == Shipment.id)
        .join(OrderLine, OrderLine.id == ShipmentLine.order_line_id)
        .where(
            Shipment.accepted_at >= start_of_day(on - timedelta(days=days - 1)),
            Shipment.accepted_at < end_of_day(on),
            ShipmentLine.accepted_packs > 0,
        )
        .distinct()
        .subquery()
    )
    carried = db.session.scalar(select(func.count()).select_from(pairs)) or 0
    return (Decimal(carried) / members).quantize(Decimal("0.1"))


def ordering_policy() -> PolicyBook:
    """The parameters of the order page and of a submission, one statement."""
    return policy_book(*SUBMISSION_POLICY, "stocking.minimum", "stocking.window_days")
