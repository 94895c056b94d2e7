"""Institutions that keep fewer items than the minimum on the last day of a month (R-STOCK-3, R-STOCK-4)."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import date, timedelta
from functools import lru_cache
from typing import Any

from sqlalchemy import Integer, Select, and_, bindparam, exists, func, or_, select

from clinic_orders.models.base import db
from clinic_orders.models.catalogue import Edition, EditionItem, Item
from clinic_orders.models.deliveries import Shipment, ShipmentLine
from clinic_orders.models.orders import OrderLine
from clinic_orders.models.roster import Institution, InstitutionRecord, Membership, Suspension
from clinic_orders.queries.carried import carried_to
from clinic_orders.queries.checks.scope import Scope
from clinic_orders.queries.ledger import ledger, reporting
from clinic_orders.queries.roster import current
from clinic_orders.rules.catalogue import suits
from clinic_orders.rules.days import end_of_day, start_of_day
from clinic_orders.rules.findings import CheckRule, Finding
from clinic_orders.rules.parties import InstitutionKind
from clinic_orders.rules.stocking import stocking_short

RULES = (CheckRule.STOCKING_SHORT,)


@dataclass(frozen=True, slots=True)
class Member:
    """A member of the roster on a day."""

    institution_id: int
    code: str
    kind: InstitutionKind
    scale: str
    since: date
    suspended: bool


def members(on: date, *conditions: Any) -> list[Member]:
    """The members of a day with the state of the day and the first day of that membership (R-ROSTER-3)."""
    suspended = exists().where(
        Suspension.institution_id == Institution.id,
        Suspension.first_day <= on,
        Suspension.last_day >= on,
        or_(Suspension.lifted_on.is_(None), Suspension.lifted_on > on),
    )
    statement = (
        select(
            Institution.id,
            Institution.code,
            InstitutionRecord.kind,
            InstitutionRecord.scale,
            func.max(Membership.joined_on),
            suspended,
        )
        .join(Membership, Membership.institution_id == Institution.id)
        .join(
            InstitutionRecord,
            and_(InstitutionRecord.institution_id == Institution.id, current(InstitutionRecord, on)),
        )
        .where(
            Membership.joined_on <= on,
            or_(Membership.left_on.is_(None), Membership.left_on >= on),
            *conditions,
        )
        .group_by(Institution.id, Institution.code, InstitutionRecord.kind, InstitutionRecord.scale)
        .order_by(Institution.code)
    )
    return [Member(*row) for row in db.session.connection().execute(statement)]


def _accepted_lately(
    on: date, window_days: int, reporters: Select[*tuple[Any, ...]]
) -> Select[*tuple[Any, ...]]:
    """Institution and item of everything accepted in the days ending with a day by those who do not report."""
    first = start_of_day(on - timedelta(days=window_days - 1))
    return (
        select(Shipment.institution_id, OrderLine.item_id)
        .join(ShipmentLine, ShipmentLine.shipment_id == Shipment.id)
        .join(OrderLine, OrderLine.id == ShipmentLine.order_line_id)
        .where(
            Shipment.accepted_at >= first,
            Shipment.accepted_at < end_of_day(on),
            ShipmentLine.accepted_packs > 0,
            Shipment.institution_id.not_in(reporters),
        )
        .distinct()
    )


def carried_items(
    on: date, *, window_days: int, institutions: Select[*tuple[Any, ...]] | None = None
) -> dict[int, set[int]]:
    """The items that each institution keeps on a day, whether or not the edition has them (R-STOCK-3).

    Args:
        on: the day.
        window_days: policy ``stocking.window_days``.
        institutions: a question for the ids of those wanted; None = all.

    Returns:
        item ids by institution id; who keeps nothing is left out.

    """
    connection = db.session.connection()
    found: dict[int, set[int]] = defaultdict(set)
    reporters = reporting(on)
    if institutions is not None:
        reporters = reporters.where(reporters.selected_columns[0].in_(institutions))
    # Of a few the history is quickly added up; of all, only what came since balances were carried forward.
    base = carried_to(on) if institutions is None else None
    there = ledger(on, reporters, base, of_many=True).subquery("there")
    counted = select(there.c.institution_id, there.c.item_id).where(there.c.base_units > 0)
    lately = _accepted_lately(on, window_days, reporters)
    if institutions is not None:
        lately = lately.where(Shipment.institution_id.in_(institutions))
    for statement in (counted, lately):
        for institution_id, item_id in connection.execute(statement).all():
            found[institution_id].add(item_id)
    return found


@lru_cache(maxsize=8)
def _carried_by_one(on: date, window_days: int) -> tuple[Select[*tuple[Any, ...]], ...]:
    """The questions of ``carried_by``, made once for a day: that takes ten times as long as the answer."""
    whose = bindparam("whose", type_=Integer)
    reports = reporting(on)
    # At most one row, as a database sees without asking; of the counts themselves it would expect hundreds.
    reporters = select(whose).where(reports.where(reports.selected_columns[0] == whose).exists())
    there = ledger(on, reporters).subquery("there")
    lately = _accepted_lately(on, window_days, reporters).where(Shipment.institution_id == whose)
    return (
        select(there.c.item_id).where(there.c.base_units > 0),
        lately.with_only_columns(OrderLine.item_id).distinct(),
    )


def carried_by(institution_id: int, on: date, *, window_days: int) -> set[int]:
    """The items that one institution keeps on a day, as ``carried_items`` says of many; two statements."""
    connection = db.session.connection()
    return {
        item_id
        for statement in _carried_by_one(on, window_days)
        for (item_id,) in connection.execute(statement, {"whose": institution_id}).all()
    }


def edition_items(on: date) -> dict[int, tuple[str, frozenset[InstitutionKind]]]:
    """Code and kinds of institution of each item of the edition in force on a day, by row id (R-CAT-1).

    No kinds: the item suits all of them.
    """
    edition = (
        select(Edition.id)
        .where(Edition.valid_from <= on)
        .order_by(Edition.valid_from.desc())
        .limit(1)
        .scalar_subquery()
    )
    rows = (
        select(Item.id, Item.item_code, Item.suits)
        .join(EditionItem, EditionItem.item_id == Item.id)
        .where(EditionItem.edition_id == edition)
    )
    return {
        row.id: (row.item_code, frozenset(InstitutionKind(kind) for kind in row.suits.split(";") if kind))
        for row in db.session.connection().execute(rows)
    }


def find(scope: Scope) -> Iterator[Finding]:
    """The findings of the month that the day ends; on other days there are none (formats.md section 3)."""
    if not scope.ends_month:
        return
    on, book = scope.as_of, scope.book
    grace_days = book.whole("stocking.grace_days", on=on)
    judged = []
    for member in members(on, scope.only(Membership.institution_id)):
        minimum = book.whole_or_none("stocking.minimum", kind=member.kind, scale=member.scale, on=on)
        if minimum is not None and not member.suspended and (on - member.since).days >= grace_days:
            judged.append((member, minimum))
    if not judged:
        return
    only = None
    if scope.institution_ids is not None:
        only = select(Institution.id).where(Institution.id.in_(scope.institution_ids))
    carried = carried_items(on, window_days=book.whole("stocking.window_days", on=on), institutions=only)
    items = edition_items(on)
    for member, minimum in judged:
        kept = [
            items[item_id][0]
            for item_id in carried.get(member.institution_id, ())
            if item_id in items and suits(items[item_id][1], member.kind)
        ]
        found = stocking_short(
            member.code,
            sorted(kept),
            minimum=minimum,
            member_since=member.since,
            suspended=member.suspended,
            grace_days=grace_days,
            on=on,
        )
        if found is not None:
            yield found
