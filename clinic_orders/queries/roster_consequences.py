"""What follows when an institution leaves the roster, moves, changes its kind or its hospital (R-ROSTER-3, R-ROSTER-5).

Nothing here is done by the change itself; it is what the bureau should know before it saves.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from datetime import date
from decimal import Decimal
from enum import StrEnum
from typing import Any

from sqlalchemy import and_, exists, func, or_, select, text

from clinic_orders.models.accounts import RoleAssignment
from clinic_orders.models.base import db
from clinic_orders.models.catalogue import Item
from clinic_orders.models.deliveries import Shipment
from clinic_orders.models.orders import UNSHIPPED, Order, OrderLine, UsualItem
from clinic_orders.models.payments import Payment
from clinic_orders.models.roster import DeliveryRelation, Institution, InstitutionRecord, Mandate
from clinic_orders.models.volume import AgreedVolume
from clinic_orders.queries.checks.stocking import edition_items
from clinic_orders.queries.doubles import counts_once
from clinic_orders.queries.payables.laying import Which, lay_out_all
from clinic_orders.queries.policy import policy_book
from clinic_orders.queries.roster import current
from clinic_orders.rules.catalogue import relation_in_force, suits
from clinic_orders.rules.parties import InstitutionKind


class Follows(StrEnum):
    """One kind of consequence; its words stand in ``web.roster.consequence_words``."""

    VILLAGES_WITHOUT_HOSPITAL = "villages_without_hospital"
    STORES_WITHOUT_HEADQUARTERS = "stores_without_headquarters"
    COMMUNITY_WITHOUT_LEAD = "community_without_lead"
    MANDATES_USELESS = "mandates_useless"
    ORDERS_OPEN = "orders_open"
    GOODS_UNDER_WAY = "goods_under_way"
    MONEY_STAYS = "money_stays"
    VOLUME_STAYS = "volume_stays"
    ACCOUNTS_ONLY_READ = "accounts_only_read"
    OTHER_DISTRIBUTOR = "other_distributor"
    NO_DISTRIBUTOR = "no_distributor"
    OTHER_COUNTY_WATCHES = "other_county_watches"
    POLICY_CHANGES = "policy_changes"
    ITEMS_UNSUITABLE = "items_unsuitable"
    VOLUME_FOR_OTHER_HOSPITAL = "volume_for_other_hospital"
    LONGER_LIMITS = "longer_limits"
    SHORTER_LIMITS = "shorter_limits"


UNDER_IT = frozenset(
    {Follows.VILLAGES_WITHOUT_HOSPITAL, Follows.STORES_WITHOUT_HEADQUARTERS, Follows.COMMUNITY_WITHOUT_LEAD}
)
"""Consequences that another institution can take over."""


@dataclass(frozen=True, slots=True)
class Consequence:
    """One thing that follows: how many, an amount of yuan where it is about money, names or old and new values."""

    what: Follows
    count: int = 0
    amount: Decimal | None = None
    names: tuple[str, ...] = ()
    facts: dict[str, Any] = field(default_factory=dict)


_NAMES_SHOWN = 8


def owed_by(institution_id: int, *, on: date) -> Decimal:
    """What an institution still has to pay as of a day, in yuan (R-PAY-3)."""
    which = Which(
        and_(Shipment.paying_id == institution_id, counts_once(Shipment.order_id)),
        Payment.paying_id == institution_id,
    )
    laid = lay_out_all(db.session.connection(), on, which)
    return Decimal(sum(receipt.left for _, _, one in laid for receipt in one.open)).scaleb(-4)


def _count(statement: Any) -> int:
    return int(db.session.connection().scalar(statement) or 0)


def _tied(tie: Any, institution_id: int, on: date) -> tuple[int, tuple[str, ...]]:
    record = InstitutionRecord
    rows = (
        db.session.connection()
        .scalars(
            select(record.name)
            .where(current(record, on), tie == institution_id, record.institution_id != institution_id)
            .order_by(record.name)
        )
        .all()
    )
    return len(rows), tuple(rows[:_NAMES_SHOWN])


def when_leaving(institution_id: int, *, last_day: date, owed: Decimal) -> list[Consequence]:
    """What follows when a membership ends: ties, mandates, orders, goods, money, agreed volume, accounts.

    Args:
        institution_id: row id.
        last_day: the last day of the membership.
        owed: what it still has to pay, in yuan.

    """
    after = date.fromordinal(last_day.toordinal() + 1)
    found = []
    for what, tie in (
        (Follows.VILLAGES_WITHOUT_HOSPITAL, InstitutionRecord.supervisor_id),
        (Follows.STORES_WITHOUT_HEADQUARTERS, InstitutionRecord.headquarters_id),
        (Follows.COMMUNITY_WITHOUT_LEAD, InstitutionRecord.lead_hospital_id),
    ):
        count, names = _tied(tie, institution_id, after)
        found.append(Consequence(what, count, names=names))
    mandates = select(func.count()).where(
        or_(Mandate.institution_id == institution_id, Mandate.hospital_id == institution_id),
        Mandate.valid_from <= after,
        or_(Mandate.valid_to.is_(None), Mandate.valid_to >= after),
    )
    found.append(Consequence(Follows.MANDATES_USELESS, _count(mandates)))
    found += _open_orders(institution_id)
    if owed:
        found.append(Consequence(Follows.MONEY_STAYS, 1, amount=owed))
    volumes = select(func.count()).where(
        AgreedVolume.institution_id == institution_id,
        AgreedVolume.replaced_at.is_(None),
        AgreedVolume.cycle_end > last_day,
    )
    found.append(Consequence(Follows.VOLUME_STAYS, _count(volumes)))
    accounts = select(func.count()).where(
        RoleAssignment.institution_id == institution_id,
        or_(RoleAssignment.valid_to.is_(None), RoleAssignment.valid_to > last_day),
    )
    found.append(Consequence(Follows.ACCOUNTS_ONLY_READ, _count(accounts)))
    return [one for one in found if one.count]


def _open_orders(institution_id: int) -> list[Consequence]:
    mine = Order.institution_id == institution_id
    unanswered = and_(
        Order.answered_at.is_(None), Order.disowned_at.is_(None), Order.lapse_recorded_at.is_(None)
    )
    unshipped = exists().where(OrderLine.order_id == Order.id, text(UNSHIPPED))
    orders = select(func.count()).select_from(Order).where(mine, or_(unanswered, unshipped))
    goods = select(func.count()).where(
        Shipment.institution_id == institution_id,
        Shipment.accepted_at.is_(None),
        Shipment.voided_at.is_(None),
    )
    return [
        Consequence(Follows.ORDERS_OPEN, _count(orders)),
        Consequence(Follows.GOODS_UNDER_WAY, _count(goods)),
    ]


@dataclass(frozen=True, slots=True)
class RosterFacts:
    """The facts of a record on which something rests."""

    county_code: str
    kind: InstitutionKind
    scale: str
    supervisor_code: str | None
    remote: bool


def when_changing(
    institution_id: int | None, old: RosterFacts, new: RosterFacts, *, on: date
) -> list[Consequence]:
    """What follows when a record changes from a day on: distributors, policy, items, volume, limits.

    Args:
        institution_id: row id; None for an institution that is new, of which nothing follows.
        old: the facts until the day before.
        new: the facts from the day on.
        on: the first day.

    """
    if institution_id is None:
        return []
    found: list[Consequence] = []
    if old.county_code != new.county_code:
        found.append(Consequence(Follows.OTHER_COUNTY_WATCHES, 1))
        found += _distributors(institution_id, old.county_code, new, on)
    if (old.kind, old.scale) != (new.kind, new.scale):
        found += _policy(old, new, on)
    if old.kind != new.kind:
        found.append(_unsuitable(institution_id, new.kind, on))
    if old.supervisor_code != new.supervisor_code:
        found += _hospital(institution_id, new.supervisor_code, on)
    if old.remote != new.remote:
        found.append(Consequence(Follows.LONGER_LIMITS if new.remote else Follows.SHORTER_LIMITS, 1))
    return [one for one in found if one.count]


def _distributors(institution_id: int, old_county: str, new: RosterFacts, on: date) -> list[Consequence]:
    """Items that another distributor will bring, or none (R-CAT-3)."""
    relation = DeliveryRelation
    rows = db.session.scalars(
        select(relation).where(
            or_(
                relation.institution_id == institution_id,
                relation.county_code.in_([old_county, new.county_code]),
            )
        )
    ).all()
    other = none = 0
    for item_id, (_, kinds) in edition_items(on).items():
        if not suits(kinds, new.kind):
            continue
        before, after = (
            relation_in_force(rows, institution_id=institution_id, county_code=county, item_id=item_id, on=on)
            for county in (old_county, new.county_code)
        )
        if after is None:
            none += before is not None
        elif before is not None and before.distributor_id != after.distributor_id:
            other += 1
    return [Consequence(Follows.OTHER_DISTRIBUTOR, other), Consequence(Follows.NO_DISTRIBUTOR, none)]


def _policy(old: RosterFacts, new: RosterFacts, on: date) -> list[Consequence]:
    """The values of policy that differ by kind and scale."""
    book = policy_book("markup.cap", "stocking.minimum")
    found = []
    for name in ("markup.cap", "stocking.minimum"):
        before, after = (
            book.find(name, kind=facts.kind, scale=facts.scale, on=on).value for facts in (old, new)
        )
        if before != after:
            facts = {"parameter": name, "before": before, "after": after}
            found.append(Consequence(Follows.POLICY_CHANGES, 1, facts=facts))
    return found


def _unsuitable(institution_id: int, kind: InstitutionKind, on: date) -> Consequence:
    """Usual items that the new kind may not order (R-CAT-1)."""
    items = edition_items(on)
    usual = db.session.connection().execute(
        select(UsualItem.item_id, Item.generic_name)
        .join(Item, Item.id == UsualItem.item_id)
        .where(UsualItem.institution_id == institution_id)
        .order_by(Item.generic_name)
    )
    names = [name for item_id, name in usual if item_id in items and not suits(items[item_id][1], kind)]
    return Consequence(Follows.ITEMS_UNSUITABLE, len(names), names=tuple(names[:_NAMES_SHOWN]))


def _hospital(institution_id: int, supervisor_code: str | None, on: date) -> list[Consequence]:
    """Mandates to another hospital than the new one, and volume that will count for that one."""
    mandates = (
        select(func.count())
        .select_from(Mandate)
        .join(Institution, Institution.id == Mandate.hospital_id)
        .where(
            Mandate.institution_id == institution_id,
            Mandate.valid_from <= on,
            or_(Mandate.valid_to.is_(None), Mandate.valid_to >= on),
            Institution.code != (supervisor_code or ""),
        )
    )
    return [
        Consequence(Follows.MANDATES_USELESS, _count(mandates)),
        Consequence(Follows.VOLUME_FOR_OTHER_HOSPITAL, 1 if supervisor_code else 0),
    ]
