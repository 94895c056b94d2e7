"""Agreed volume behind its time, and whose fault the rest is (R-VOL-2 to R-VOL-5, R-VOL-7).

Packs belong to the agreement of the receiver, else of its supervising hospital of that day, on the item; a backup
item's packs, if nobody holds an agreement on the backup itself, to the item whose supply problem it helps out of.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Collection, Iterator, Sequence
from dataclasses import dataclass, field, replace
from datetime import date, timedelta
from typing import Any

from sqlalchemy import (
    CTE,
    ColumnElement,
    Select,
    and_,
    case,
    exists,
    func,
    or_,
    select,
    true,
    tuple_,
    union,
)
from sqlalchemy.orm import InstrumentedAttribute, aliased

from clinic_orders.models.base import china_day, db
from clinic_orders.models.catalogue import Item
from clinic_orders.models.deliveries import GoodsReturn, ReturnLine, Shipment, ShipmentLine
from clinic_orders.models.orders import Order, OrderLine
from clinic_orders.models.roster import Distributor, Institution, InstitutionRecord, Membership
from clinic_orders.models.volume import AgreedVolume, SupplyProblem
from clinic_orders.queries.checks.order_lines import (
    JUSTIFIED_REJECTIONS,
    closed_by,
    delivered_by,
    lines_lacking,
    withdrawn_by_limit,
)
from clinic_orders.queries.checks.scope import Scope
from clinic_orders.queries.checks.volume_doubtful import (
    doubtful_agreements,
    named_agreements,
    receivers_of,
)
from clinic_orders.queries.doubles import counts_once
from clinic_orders.rules.days import end_of_day, start_of_day
from clinic_orders.rules.findings import CheckRule, Finding
from clinic_orders.rules.reasons import ReturnReason
from clinic_orders.rules.roster import Days
from clinic_orders.rules.volume_progress import Agreement, grade, standing, volume_behind

RULES = (CheckRule.VOLUME_BEHIND,)

JUSTIFIED_RETURNS = tuple(reason.value for reason in ReturnReason if reason.is_justified)
"""The values of a return's reason for which the blame is the distributor's (R-VOL-5)."""

_ONE_DAY = timedelta(days=1)
# So many agreements at most are named to the database one by one.
_FEW = 50_000
# What every movement says besides its packs.
_KNOWN = frozenset({"movement", "number", "institution_id", "item_id", "day", "distributor_id"})


@dataclass(slots=True)
class Tally:
    """What is known of one agreement, in packs.

    Attributes:
        agreement: the agreement.
        holder_id: row id of the institution that holds it.
        id, item_id: row ids of the agreement and its item.
        counted: accepted and not returned (R-VOL-2).
        blamed: undelivered, and rejected or returned for a justified reason, by distributor code (R-VOL-5).
        rejected: for other reasons.

    """

    agreement: Agreement
    holder_id: int
    id: int
    item_id: int
    counted: int = 0
    blamed: dict[str, int] = field(default_factory=lambda: defaultdict(int))
    rejected: int = 0


def find(scope: Scope) -> Iterator[Finding]:
    """The findings of cycles that hold the day, or ended on the day before (formats.md section 3)."""
    warn_pp = scope.book.whole("volume.warn_pp", on=scope.as_of)
    interview_pp = scope.book.whole("volume.interview_pp", on=scope.as_of)
    for until in (scope.as_of, scope.as_of - _ONE_DAY):
        ids = doubtful_agreements(scope, until=until)
        if not ids:
            continue
        tallies, rows = _laid_out(scope, until, ids)
        members = memberships({one.holder_id for one in tallies})
        for one in tallies:
            state = standing(
                one.agreement, counted=one.counted, members=members.get(one.holder_id, ()), on=scope.as_of
            )
            if state is None:
                continue
            found = grade(state, on=scope.as_of, warn_pp=warn_pp, interview_pp=interview_pp)
            if found is not None:
                finding = volume_behind(state, found, undelivered_by=one.blamed, rejected=one.rejected)
                yield replace(finding, rows=tuple(sorted(rows.get(one.id, ()))))


def _laid_out(
    scope: Scope, until: date, ids: Sequence[int]
) -> tuple[list[Tally], dict[int, set[tuple[str, str]]]]:
    """What happened to some agreements by a day, and by agreement the receipts that count for it and the orders of which
    something did not come.
    """
    # Of more, everything is read; a longer list of ids would cost what it spares.
    few = len(ids) <= _FEW
    named = named_agreements(ids)
    receivers = receivers_of(named)
    agreements = _agreements(scope, until, _among(select(receivers)) if few else true())
    tallies = _tallies(scope, agreements, agreements.c.id.in_(select(named)) if few else true())
    first = min(one.agreement.first for one in tallies.values())
    pairs = union(select(receivers), _backups(receivers, first))

    def of_pairs(head: type[Shipment] | type[Order]) -> ColumnElement[bool]:
        return tuple_(head.institution_id, OrderLine.item_id).in_(pairs) if few else true()

    wanted, rows = set(ids), defaultdict[int, set[tuple[str, str]]](set)
    for kind, moved in (
        ("receipt", receipts_between(scope, first, until, None, of_pairs(Shipment))),
        ("order", lines_missing(scope, first, until, None, of_pairs(Order))),
    ):
        for row in attributed(moved, agreements, first, one_by_one=True):
            if row.agreement_id not in wanted:
                continue
            rows[row.agreement_id].add((kind, row.number))
            if kind == "receipt":
                _take_receipt(tallies, row)
            else:
                tallies[row.agreement_id].blamed[row.distributor] += int(row.undelivered)
    return [tallies[number] for number in ids], rows


def _backups(receivers: CTE, first: date) -> Select[Any]:
    """The same receivers with the items that help theirs out."""
    problem = SupplyProblem
    return (
        select(receivers.c.institution_id, problem.backup_item_id)
        .join(problem, problem.item_id == receivers.c.item_id)
        .where(_problem_counts(), _not_over_before(first))
    )


def _among(pairs: Select[Any]) -> ColumnElement[bool]:
    return tuple_(AgreedVolume.institution_id, AgreedVolume.item_id).in_(pairs)


def tally(scope: Scope, *, until: date) -> list[Tally]:
    """What happened by a day L to the agreements of the running cycles, or of those that ended on L.

    Args:
        scope: the day D and whose agreements are wanted.
        until: the day L: D itself for the cycles that hold it, the day before for those that ended then.

    """
    if ("tally", until) in scope.kept:
        known: list[Tally] = scope.kept["tally", until]
        return known
    agreements = _agreements(scope, until)
    tallies = _tallies(scope, agreements)
    if tallies:
        first = min(one.agreement.first for one in tallies.values())
        for row in attributed(receipts_between(scope, first, until), agreements, first):
            _take_receipt(tallies, row)
        for row in attributed(lines_missing(scope, first, until), agreements, first):
            if row.agreement_id in tallies and row.undelivered:
                tallies[row.agreement_id].blamed[row.distributor] += int(row.undelivered)
    scope.kept["tally", until] = list(tallies.values())
    return list(tallies.values())


def _agreements(scope: Scope, until: date, *only: ColumnElement[bool]) -> CTE:
    """The agreements of the cycles that hold the day, or ended on the day before."""
    running = until == scope.as_of
    days = (
        and_(AgreedVolume.cycle_start <= until, AgreedVolume.cycle_end >= until)
        if running
        else AgreedVolume.cycle_end == until
    )
    return (
        select(
            AgreedVolume.id,
            AgreedVolume.institution_id,
            AgreedVolume.item_id,
            AgreedVolume.cycle_start,
            AgreedVolume.cycle_end,
            AgreedVolume.agreed_packs,
            AgreedVolume.already_adjusted,
        )
        .where(AgreedVolume.replaced_at.is_(None), days, *only)
        .cte("agreement")
    )


def _tallies(scope: Scope, agreements: CTE, *only: ColumnElement[bool]) -> dict[int, Tally]:
    rows = (
        db.session.connection()
        .execute(
            select(agreements, Institution.code, Item.item_code)
            .join(Institution, Institution.id == agreements.c.institution_id)
            .join(Item, Item.id == agreements.c.item_id)
            .where(
                true()
                if scope.institution_ids is None
                else agreements.c.institution_id.in_(scope.institution_ids),
                *only,
            )
        )
        .all()
    )
    return {
        row.id: Tally(
            Agreement(
                row.item_code,
                row.code,
                row.cycle_start,
                row.cycle_end,
                row.agreed_packs,
                already_adjusted=row.already_adjusted,
            ),
            row.institution_id,
            row.id,
            row.item_id,
        )
        for row in rows
    }


def _take_receipt(tallies: dict[int, Tally], row: Any) -> None:
    one = tallies.get(row.agreement_id)
    if one is None:
        return
    # PostgreSQL answers sums as decimals.
    one.counted += int(row.accepted - row.returned)
    one.rejected += int(row.rejected - row.rejected_justified)
    justified = int(row.rejected_justified + row.returned_justified)
    if justified:
        one.blamed[row.distributor] += justified


def of_items(items: Collection[int] | None) -> ColumnElement[bool]:
    """The condition that an order line is of some items, by row id; None = all."""
    return true() if items is None else OrderLine.item_id.in_(items)


def may_count(scope: Scope, receiver: InstrumentedAttribute[int]) -> ColumnElement[bool]:
    """Whether packs of a receiver may count for those looked at: it is one, or one has ever supervised it (R-VOL-2).

    Whom they really count for is asked of each movement; this only keeps the history of everybody else out.
    """
    if scope.institution_ids is None:
        return true()
    supervised = select(InstitutionRecord.institution_id).where(
        InstitutionRecord.supervisor_id.in_(scope.institution_ids)
    )
    own = select(Institution.id).where(Institution.id.in_(scope.institution_ids))
    return receiver.in_(own.union(supervised))


def receipts_between(
    scope: Scope, first: date, until: date, items: Collection[int] | None = None, *only: ColumnElement[bool]
) -> CTE:
    """Receipt lines accepted between two days: packs accepted, rejected, and returned by D, with their reasons.

    Args:
        scope: the day D and whose agreements are wanted.
        first: the first day.
        until: the last one.
        items: row ids; None = all.
        only: more conditions on the shipments.

    """
    ends = scope.ends
    returned = (
        select(
            ReturnLine.shipment_line_id,
            func.sum(ReturnLine.packs).label("packs"),
            func.sum(case((ReturnLine.reason.in_(JUSTIFIED_RETURNS), ReturnLine.packs), else_=0)).label(
                "justified"
            ),
        )
        .join(GoodsReturn, GoodsReturn.id == ReturnLine.return_id)
        .where(GoodsReturn.agreed_at < ends)
        .group_by(ReturnLine.shipment_line_id)
        .cte("went_back")
    )
    justified = case(
        (ShipmentLine.reject_reason.in_(JUSTIFIED_REJECTIONS), ShipmentLine.rejected_packs), else_=0
    )
    return (
        select(
            ShipmentLine.id.label("movement"),
            Shipment.receipt_no.label("number"),
            Shipment.institution_id,
            OrderLine.item_id,
            china_day(Shipment.accepted_at).label("day"),
            Shipment.distributor_id,
            ShipmentLine.accepted_packs.label("accepted"),
            ShipmentLine.rejected_packs.label("rejected"),
            justified.label("rejected_justified"),
            func.coalesce(returned.c.packs, 0).label("returned"),
            func.coalesce(returned.c.justified, 0).label("returned_justified"),
        )
        .select_from(Shipment)
        .join(ShipmentLine, ShipmentLine.shipment_id == Shipment.id)
        .join(OrderLine, OrderLine.id == ShipmentLine.order_line_id)
        .outerjoin(returned, returned.c.shipment_line_id == ShipmentLine.id)
        .where(
            Shipment.accepted_at >= start_of_day(first),
            Shipment.accepted_at < end_of_day(until),
            Shipment.voided_at.is_(None),
            counts_once(Shipment.order_id),
            may_count(scope, Shipment.institution_id),
            of_items(items),
            *only,
        )
        .cte("moved")
    )


def lines_missing(
    scope: Scope, first: date, until: date, items: Collection[int] | None = None, *only: ColumnElement[bool]
) -> CTE:
    """Order lines submitted between two days and what of them did not come by the second (R-VOL-5)."""
    where = and_(may_count(scope, Order.institution_id), of_items(items), *only)
    lines = lines_lacking(scope.book, first=first, last=until, as_of=scope.as_of, where=where)
    ends = end_of_day(until)
    open_packs = lines.c.ordered - withdrawn_by_limit(lines, as_of=until) - delivered_by(lines, as_of=until)
    # A refusal in the answer, and what was closed since, count at once; both are few.
    declined = case(
        (lines.c.answered_at < ends, lines.c.ordered - lines.c.withdrawn_before - lines.c.confirmed),
        else_=0,
    )
    undelivered = case(
        (lines.c.limit_day <= until, open_packs),
        else_=func.coalesce(declined, 0) + closed_by(lines, as_of=until),
    )
    found = select(
        lines.c.line_id.label("movement"),
        lines.c.order_no.label("number"),
        lines.c.institution_id,
        lines.c.item_id,
        china_day(lines.c.submitted_at).label("day"),
        lines.c.distributor_id,
        undelivered.label("undelivered"),
    ).subquery("open_line")
    # More may have come than was wanted; then nothing is missing.
    return select(found).where(found.c.undelivered > 0).cte("moved")


def attributed(moved: CTE, agreements: CTE, first: date, *, one_by_one: bool = False) -> Iterator[Any]:
    """The movements' sums by agreement and distributor, or each of them (R-VOL-2, R-VOL-7)."""
    connection = db.session.connection()
    yield from connection.execute(_direct(moved, agreements, one_by_one=one_by_one)).all()
    problems = select(SupplyProblem.backup_item_id).where(_problem_counts(), _not_over_before(first))
    if connection.scalar(select(problems.exists())):
        yield from _by_backup(moved, agreements, first)


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


def _direct(moved: CTE, agreements: CTE, *, one_by_one: bool) -> Select[Any]:
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


def _problem_counts() -> ColumnElement[bool]:
    """A verified supply problem that names its backup item."""
    return and_(
        SupplyProblem.replaced_at.is_(None),
        SupplyProblem.verified_at.is_not(None),
        SupplyProblem.backup_item_id.is_not(None),
    )


def _not_over_before(first: date) -> ColumnElement[bool]:
    return or_(SupplyProblem.last_day.is_(None), SupplyProblem.last_day >= first)


def _by_backup(moved: CTE, agreements: CTE, first: date) -> Iterator[Any]:
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


def memberships(holders: set[int]) -> dict[int, list[Days]]:
    """The memberships of institutions by row id."""
    found: dict[int, list[Days]] = defaultdict(list)
    if holders:
        rows = select(Membership.institution_id, Membership.joined_on, Membership.left_on)
        for holder, first, last in db.session.connection().execute(rows):
            if holder in holders:
                found[holder].append(Days(first, last))
    return found
