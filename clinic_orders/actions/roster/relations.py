"""Delivery relations 配送关系: who delivers which item to whom (R-CAT-3)."""

from __future__ import annotations

from collections.abc import Hashable, Sequence
from datetime import date, datetime
from typing import Any

from sqlalchemy import and_, exists, or_, select, update

from clinic_orders.actions import audit
from clinic_orders.actions.alarms import NO_DISTRIBUTOR
from clinic_orders.actions.bulk import NumberedRow, Problems, Stored, UnknownCode, in_parts
from clinic_orders.actions.loading import NotFound
from clinic_orders.actions.roster.storing import (
    Change,
    Wanted,
    counties_of,
    institution_ids,
    note,
    refuse_twice,
    store,
)
from clinic_orders.actions.transaction import transactional
from clinic_orders.models.base import db
from clinic_orders.models.catalogue import Item
from clinic_orders.models.notices import Alarm
from clinic_orders.models.roster import County, DeliveryRelation, Distributor, InstitutionRecord
from clinic_orders.queries.roster import current
from clinic_orders.rules.catalogue import ALL_ITEMS
from clinic_orders.rules.days import day_in_china
from clinic_orders.rules.errors import N_
from clinic_orders.rules.parties import Actor, Permission
from clinic_orders.rules.roster_records import EndsOn, LastDayBeforeFirst

# Why an alarm ended by itself; pages show its translation.
DELIVERED_NOW = N_("A delivery relation was recorded.")


def _codes(model: type[Item] | type[Distributor], column: Any, codes: set[str]) -> dict[str, int]:
    found: dict[str, int] = {}
    for part in in_parts(sorted(codes)):
        found.update(
            (code, id_) for code, id_ in db.session.execute(select(column, model.id).where(column.in_(part)))
        )
    return found


def _wanted(rows: Sequence[NumberedRow], at: datetime) -> list[Wanted]:
    """The rows, checked.

    Raises:
        RowsRefused: with every row that can't be stored.

    """
    counties = set(db.session.scalars(select(County.code)))
    institutions = institution_ids(row["scope"] for _, row in rows if row["scope"] not in counties)
    homes = counties_of(institutions.values(), day_in_china(at))
    items = _codes(Item, Item.item_code, {row["item_code"] for _, row in rows} - {ALL_ITEMS})
    distributors = _codes(Distributor, Distributor.code, {row["distributor_code"] for _, row in rows})
    problems = Problems()
    wanted: list[Wanted] = []
    for number, row in rows:
        scope, item_code, first, last = (
            row["scope"],
            row["item_code"],
            row["valid_from"],
            row.get("valid_to"),
        )
        for column, found in (
            ("scope", scope in counties or scope in institutions),
            ("item_code", item_code == ALL_ITEMS or item_code in items),
            ("distributor_code", row["distributor_code"] in distributors),
        ):
            if not found:
                problems.add(number, column, UnknownCode(code=row[column]))
        if last is not None and last < first:
            problems.add(number, "valid_to", LastDayBeforeFirst(first=first, last=last))
        county = scope if scope in counties else None
        institution = institutions.get(scope)
        item, distributor = items.get(item_code), distributors.get(row["distributor_code"], 0)
        wanted.append(
            Wanted(
                number,
                # What is unknown has been noted; its code keeps it apart from the others here.
                (county or institution or scope, item or item_code, first),
                {
                    "institution_id": institution,
                    "county_code": county,
                    "item_id": item,
                    "valid_from": first,
                },
                {"distributor_id": distributor, "valid_to": last},
                f"{scope} {item_code} {first}",
                institution_id=institution,
                distributor_id=distributor,
                county_code=county or homes.get(institution or 0),
            )
        )
    refuse_twice(wanted, problems, "valid_from")
    problems.raise_if_any()
    return wanted


def check_relations(rows: Sequence[NumberedRow], *, by: Actor, at: datetime) -> None:
    """Refuse what ``put_relations`` would refuse, and store nothing.

    Raises:
        RowsRefused: with every row that can't be stored.

    """
    by.need(Permission.ROSTER_MANAGE)
    _wanted(rows, at)


@transactional
def put_relations(rows: Sequence[NumberedRow], *, by: Actor, at: datetime) -> Stored:
    """Add or change relations by (scope, item_code, valid_from) (formats.md kind ``delivery-relations``).

    ``scope`` is an institution's or a county's code, item ``*`` means all. Relations may overlap: the most
    specific wins, then the latest first day (R-CAT-3). Open "no distributor" alarms that a relation of today
    answers are closed.

    Raises:
        RowsRefused: unknown scope, item or distributor, last day before the first.

    """
    by.need(Permission.ROSTER_MANAGE)
    wanted = _wanted(rows, at)
    institutions = sorted({one.institution_id for one in wanted if one.institution_id is not None})
    counties = sorted({one.columns["county_code"] for one in wanted} - {None})
    known: dict[Hashable, Any] = {}
    parts: list[Any] = [DeliveryRelation.institution_id.in_(part) for part in in_parts(institutions)]
    parts.extend(DeliveryRelation.county_code.in_(part) for part in in_parts(counties))
    for condition in parts:
        for found in db.session.execute(select(*DeliveryRelation.__table__.columns).where(condition)):
            key = (found.county_code or found.institution_id, found.item_id or ALL_ITEMS, found.valid_from)
            known[key] = found._mapping
    outcome = store(DeliveryRelation, wanted, known, at=at)
    _name_distributors(outcome.changes)
    note("put_relations", "relation", outcome.changes, by=by, at=at)
    if outcome.changes:
        _close_answered_alarms(by=by, at=at)
    return outcome.stored


def _name_distributors(changes: Sequence[Change]) -> None:
    """Let the history speak of distributors by code instead of row number."""
    found = db.session.execute(select(Distributor.id, Distributor.code))
    codes = {row.id: row.code for row in found}
    for change in changes:
        for facts in (change.before, change.after):
            if facts is not None and "distributor_id" in facts:
                facts["distributor"] = codes[facts.pop("distributor_id")]


def _close_answered_alarms(*, by: Actor, at: datetime) -> None:
    """Close the open alarms that nobody delivers an item, where somebody does today."""
    today, record, relation = day_in_china(at), InstitutionRecord, DeliveryRelation
    delivered = exists().where(
        record.institution_id == Alarm.institution_id,
        current(record, today),
        or_(
            relation.institution_id == Alarm.institution_id,
            and_(relation.institution_id.is_(None), relation.county_code == record.county_code),
        ),
        or_(relation.item_id.is_(None), relation.item_id == Alarm.item_id),
        relation.valid_from <= today,
        or_(relation.valid_to.is_(None), relation.valid_to >= today),
    )
    db.session.execute(
        update(Alarm)
        .where(Alarm.kind == NO_DISTRIBUTOR, Alarm.closed_at.is_(None), delivered)
        .values(closed_at=at, closed_by_id=by.user_id, closed_reason=DELIVERED_NOW)
        .execution_options(synchronize_session=False)
    )


@transactional
def end_relation(relation_id: int, *, last_day: date, by: Actor, at: datetime) -> DeliveryRelation:
    """Give a relation its last day; what was ordered by then is still delivered (R-CAT-3).

    Raises:
        NotFound: no such relation.
        LastDayBeforeFirst: it begins later.
        EndsOn: it ends by itself before that day.

    """
    by.need(Permission.ROSTER_MANAGE)
    relation = db.session.scalars(
        select(DeliveryRelation)
        .where(DeliveryRelation.id == relation_id)
        .with_for_update()
        .execution_options(populate_existing=True)
    ).one_or_none()
    if relation is None:
        raise NotFound(number=relation_id)
    if last_day < relation.valid_from:
        raise LastDayBeforeFirst(first=relation.valid_from, last=last_day)
    if relation.valid_to is not None and relation.valid_to <= last_day:
        raise EndsOn(day=relation.valid_to)
    before, relation.valid_to = relation.valid_to, last_day
    home = counties_of([relation.institution_id or 0], day_in_china(at))
    audit.record(
        "end_relation",
        by=by,
        at=at,
        subject_type="relation",
        subject_id=relation.id,
        subject=f"{relation.county_code or relation.institution_id} {relation.item_id or ALL_ITEMS}",
        institution_id=relation.institution_id,
        distributor_id=relation.distributor_id,
        county_code=relation.county_code or home.get(relation.institution_id or 0),
        before={"valid_to": before},
        after={"valid_to": last_day},
    )
    return relation
