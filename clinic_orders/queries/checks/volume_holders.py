"""Whose agreement packs count for (R-VOL-2, R-VOL-7): as SQL for all movements, or told pair by pair for a few agreements."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterator
from datetime import date
from typing import Any

from sqlalchemy import CTE, ColumnElement, Select, Subquery, and_, exists, func, or_, select, union
from sqlalchemy.orm import aliased

from clinic_orders.models.base import db
from clinic_orders.models.catalogue import Item
from clinic_orders.models.roster import Distributor, InstitutionRecord
from clinic_orders.models.volume import AgreedVolume, SupplyProblem
from clinic_orders.queries.checks.written import written_pairs

Pair = tuple[int, int]
# What every movement says besides its packs.
_KNOWN = frozenset({"movement", "number", "institution_id", "item_id", "day", "distributor_id"})


class Holders:
    """For which agreement packs of some items count that some institutions took: their own, else their hospital's of that day.

    Told once for each pair of them, and not for each movement.

    Args:
        pairs: institution_id and item_id.
        agreements: id, institution_id, item_id, cycle_start, cycle_end of those whose cycles matter.

    """

    def __init__(self, pairs: CTE, agreements: Select[Any]) -> None:
        connection, record = db.session.connection(), InstitutionRecord
        agreement, pair = agreements.subquery("agreement").c, pairs.c
        cycle = (agreement.cycle_start, agreement.cycle_end, agreement.id)
        self._own: dict[Pair, list[tuple[date, date, int]]] = defaultdict(list)
        self._hospital: dict[Pair, list[tuple[date, date | None, date, date, int]]] = defaultdict(list)
        own = select(pair.institution_id, pair.item_id, *cycle).where(
            agreement.institution_id == pair.institution_id, agreement.item_id == pair.item_id
        )
        for institution_id, item_id, *holds in connection.execute(own).all():
            self._own[institution_id, item_id].append((holds[0], holds[1], holds[2]))
        hospital = (
            select(pair.institution_id, pair.item_id, record.valid_from, record.valid_before, *cycle)
            .join(record, record.institution_id == pair.institution_id)
            .where(agreement.institution_id == record.supervisor_id, agreement.item_id == pair.item_id)
        )
        for institution_id, item_id, *holds in connection.execute(hospital).all():
            self._hospital[institution_id, item_id].append((*holds,))

    def on(self, institution_id: int, item_id: int, day: date) -> int | None:
        """The row id of the agreement; None if there is none on that day."""
        for first, last, number in self._own.get((institution_id, item_id), ()):
            if first <= day <= last:
                return number
        for begins, before, first, last, number in self._hospital.get((institution_id, item_id), ()):
            if begins <= day and (before is None or day < before) and first <= day <= last:
                return number
        return None


def receivers_of(named: CTE) -> CTE:
    """Whose packs of which item may count for some agreements: the holder's, and those of whom it supervises."""
    agreed, record = AgreedVolume, InstitutionRecord
    own = select(agreed.institution_id, agreed.item_id).where(agreed.id.in_(select(named))).cte("doubtful")
    villages = select(record.institution_id, own.c.item_id).join(
        own, own.c.institution_id == record.supervisor_id
    )
    return union(select(own), villages).cte("receiver")


def pairs_of(receivers: CTE, first: date) -> CTE:
    """The same receivers with their items and those that help these out (R-VOL-7), as a table of numbers."""
    problem = SupplyProblem
    backups = (
        select(receivers.c.institution_id, problem.backup_item_id)
        .join(problem, problem.item_id == receivers.c.item_id)
        .where(_problem_counts(), _not_over_before(first))
    )
    rows = db.session.connection().execute(union(select(receivers), backups)).all()
    return written_pairs((institution_id, item_id) for institution_id, item_id in rows)


def attributed(
    moved: CTE, agreements: CTE | Subquery, first: date, *, one_by_one: bool = False
) -> Iterator[Any]:
    """The movements' sums by agreement and distributor, or each of them (R-VOL-2, R-VOL-7)."""
    connection = db.session.connection()
    yield from connection.execute(_direct(moved, agreements, one_by_one=one_by_one)).all()
    if _has_backups(first):
        yield from _by_backup(moved, agreements, first)


def attributed_by(
    holders: Holders, moved: CTE, agreements: Select[Any], first: date
) -> Iterator[tuple[int, Any]]:
    """Each movement of a few receivers and items with the agreement that it counts for (R-VOL-2, R-VOL-7)."""
    connection, on = db.session.connection(), holders.on
    with_code = select(moved, Distributor.code.label("distributor"))
    # Outer, although each has one: else the way would begin at the few distributors and read all of theirs.
    statement = with_code.outerjoin(Distributor, Distributor.id == moved.c.distributor_id)
    for row in connection.execute(statement).all():
        number = on(row.institution_id, row.item_id, row.day)
        if number is not None:
            yield number, row
    if _has_backups(first):
        for row in _by_backup(moved, agreements.cte("agreement"), first):
            yield row.agreement_id, row


def _has_backups(first: date) -> bool:
    problems = select(SupplyProblem.backup_item_id).where(_problem_counts(), _not_over_before(first))
    return bool(db.session.connection().scalar(select(problems.exists())))


def _sums(moved: CTE) -> list[Any]:
    return [func.sum(column).label(column.key) for column in moved.c if column.key not in _KNOWN]


def _record_on(moved: CTE) -> ColumnElement[bool]:
    record = InstitutionRecord
    return and_(
        record.institution_id == moved.c.institution_id,
        record.valid_from <= moved.c.day,
        or_(record.valid_before.is_(None), record.valid_before > moved.c.day),
    )


def _holds(agreement: Any, holder: Any, item: Any, day: Any) -> ColumnElement[bool]:
    return and_(
        agreement.c.institution_id == holder,
        agreement.c.item_id == item,
        agreement.c.cycle_start <= day,
        agreement.c.cycle_end >= day,
    )


def _direct(moved: CTE, agreements: CTE | Subquery, *, one_by_one: bool) -> Select[Any]:
    """Packs of the item itself: for the receiver if it holds an agreement, else for its hospital of that day."""
    own, hospital = agreements.alias("own"), agreements.alias("hospital")
    holder = func.coalesce(own.c.id, hospital.c.id)
    columns = [*moved.c] if one_by_one else _sums(moved)
    found = (
        select(holder.label("agreement_id"), Distributor.code.label("distributor"), *columns)
        .select_from(moved)
        .outerjoin(own, _holds(own, moved.c.institution_id, moved.c.item_id, moved.c.day))
        .outerjoin(InstitutionRecord, _record_on(moved))
        .outerjoin(
            hospital,
            and_(
                own.c.id.is_(None),
                _holds(hospital, InstitutionRecord.supervisor_id, moved.c.item_id, moved.c.day),
            ),
        )
        .join(Distributor, Distributor.id == moved.c.distributor_id)
        .where(holder.is_not(None))
    )
    return found if one_by_one else found.group_by(holder, Distributor.code)


def _by_backup(moved: CTE, agreements: CTE | Subquery, first: date) -> Iterator[Any]:
    """Packs of a backup item that nobody agreed on: for the item it stands in for. Each movement counts once.

    Of several problems that it helps out of on one day, the one that began first is meant, then the lower code.
    """
    own, hospital = agreements.alias("own"), agreements.alias("hospital")
    record = InstitutionRecord
    other = aliased(AgreedVolume)
    on_backup = exists().where(
        other.replaced_at.is_(None),
        other.item_id == moved.c.item_id,
        other.cycle_start <= moved.c.day,
        other.cycle_end >= moved.c.day,
        or_(other.institution_id == moved.c.institution_id, other.institution_id == record.supervisor_id),
    )
    holder = func.coalesce(own.c.id, hospital.c.id)
    ranked = (
        select(
            holder.label("agreement_id"),
            Distributor.code.label("distributor"),
            *moved.c,
            func.row_number()
            .over(
                partition_by=moved.c.movement,
                order_by=[SupplyProblem.first_day, Item.item_code, SupplyProblem.id],
            )
            .label("place"),
        )
        .select_from(moved)
        .join(SupplyProblem, SupplyProblem.backup_item_id == moved.c.item_id)
        .join(Item, Item.id == SupplyProblem.item_id)
        .outerjoin(record, _record_on(moved))
        .outerjoin(own, _holds(own, moved.c.institution_id, SupplyProblem.item_id, moved.c.day))
        .outerjoin(
            hospital,
            and_(
                own.c.id.is_(None), _holds(hospital, record.supervisor_id, SupplyProblem.item_id, moved.c.day)
            ),
        )
        .join(Distributor, Distributor.id == moved.c.distributor_id)
        .where(
            _problem_counts(),
            _not_over_before(first),
            SupplyProblem.first_day <= moved.c.day,
            or_(SupplyProblem.last_day.is_(None), SupplyProblem.last_day >= moved.c.day),
            or_(SupplyProblem.county_code.is_(None), SupplyProblem.county_code == record.county_code),
            ~on_backup,
            holder.is_not(None),
        )
        .subquery("ranked")
    )
    yield from db.session.connection().execute(select(ranked).where(ranked.c.place == 1))


def _problem_counts() -> ColumnElement[bool]:
    """A verified supply problem that names its backup item."""
    return and_(
        SupplyProblem.replaced_at.is_(None),
        SupplyProblem.verified_at.is_not(None),
        SupplyProblem.backup_item_id.is_not(None),
    )


def _not_over_before(first: date) -> ColumnElement[bool]:
    """A supply problem that a day, or a later one, still saw."""
    return or_(SupplyProblem.last_day.is_(None), SupplyProblem.last_day >= first)
