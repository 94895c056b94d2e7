"""Agreed volume behind its time, and whose fault the rest is (R-VOL-2 to R-VOL-5, R-VOL-7).

Packs belong to the agreement of the receiver, else of its supervising hospital of that day, on the item; a backup
item's packs, if nobody holds an agreement on the backup itself, to the item whose supply problem it helps out of.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Collection, Iterator, Sequence
from dataclasses import dataclass, field
from datetime import date, timedelta
from typing import Any

from sqlalchemy import (
    CTE,
    ColumnElement,
    Select,
    Subquery,
    and_,
    case,
    func,
    join,
    select,
    true,
    tuple_,
)
from sqlalchemy.orm import InstrumentedAttribute

from clinic_orders.models.base import db
from clinic_orders.models.catalogue import Item
from clinic_orders.models.deliveries import GoodsReturn, ReturnLine, Shipment, ShipmentLine
from clinic_orders.models.expressions import china_day
from clinic_orders.models.orders import Order, OrderLine
from clinic_orders.models.roster import Institution, InstitutionRecord, Membership
from clinic_orders.models.volume import AgreedVolume
from clinic_orders.queries.checks.order_lines import (
    JUSTIFIED_REJECTIONS,
    closed_by,
    delivered_by,
    lines_lacking,
    withdrawn_by_limit,
)
from clinic_orders.queries.checks.scope import Scope
from clinic_orders.queries.checks.volume_doubtful import doubtful_agreements
from clinic_orders.queries.checks.volume_holders import (
    Holders,
    attributed,
    attributed_by,
    pairs_of,
    receivers_of,
)
from clinic_orders.queries.checks.written import written_numbers
from clinic_orders.queries.doubles import not_set_aside
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
                yield volume_behind(
                    state,
                    found,
                    undelivered_by=one.blamed,
                    rejected=one.rejected,
                    rows=sorted(rows.get(one.id, ())),
                )


def _laid_out(
    scope: Scope, until: date, ids: Sequence[int]
) -> tuple[list[Tally], dict[int, set[tuple[str, str]]]]:
    """What happened to some agreements by a day, and by agreement the receipts that count for it and the orders of which
    something did not come.
    """
    agreements = _agreements(scope, until)
    receipts: Iterator[tuple[int, Any]]
    missing: Iterator[tuple[int, Any]]
    if len(ids) > _FEW:
        # Everything is read; so long a list of ids would cost what it spares.
        everybody = agreements.cte("agreement")
        tallies = _tallies(scope, everybody)
        first = min(one.agreement.first for one in tallies.values())
        receipts, missing = (
            ((row.agreement_id, row) for row in attributed(moved, everybody, first, one_by_one=True))
            for moved in (receipts_between(scope, first, until), lines_missing(scope, first, until))
        )
    else:
        named = written_numbers(ids)
        own = agreements.subquery("agreement")
        tallies = _tallies(scope, own, own.c.id.in_(select(named)))
        first = min(one.agreement.first for one in tallies.values())
        pairs = pairs_of(receivers_of(named), first)
        holders = Holders(pairs, agreements)
        # Not the columns themselves, which would lead through all orders of each receiver.
        of_pairs = tuple_(func.coalesce(Order.institution_id, 0), OrderLine.item_id + 0).in_(select(pairs))
        receipts, missing = (
            attributed_by(holders, moved, agreements, first)
            for moved in (
                receipts_between(scope, first, until, pairs=pairs),
                lines_missing(scope, first, until, None, of_pairs),
            )
        )
    wanted, rows = set(ids), defaultdict[int, set[tuple[str, str]]](set)
    for number, row in receipts:
        if number in wanted:
            rows[number].add(("receipt", row.number))
            _take_receipt(tallies[number], row)
    for number, row in missing:
        if number in wanted:
            rows[number].add(("order", row.number))
            tallies[number].blamed[row.distributor] += int(row.undelivered)
    return [tallies[number] for number in ids], rows


def tally(scope: Scope, *, until: date) -> list[Tally]:
    """What happened by a day L to the agreements of the running cycles, or of those that ended on L.

    Args:
        scope: the day D and whose agreements are wanted.
        until: the day L: D itself for the cycles that hold it, the day before for those that ended then.

    """
    if ("tally", until) in scope.kept:
        known: list[Tally] = scope.kept["tally", until]
        return known
    agreements = _agreements(scope, until).cte("agreement")
    tallies = _tallies(scope, agreements)
    if tallies:
        first = min(one.agreement.first for one in tallies.values())
        for row in attributed(receipts_between(scope, first, until), agreements, first):
            if row.agreement_id in tallies:
                _take_receipt(tallies[row.agreement_id], row)
        for row in attributed(lines_missing(scope, first, until), agreements, first):
            if row.agreement_id in tallies and row.undelivered:
                tallies[row.agreement_id].blamed[row.distributor] += int(row.undelivered)
    scope.kept["tally", until] = list(tallies.values())
    return list(tallies.values())


def _agreements(scope: Scope, until: date) -> Select[Any]:
    """The agreements of the cycles that hold the day, or ended on the day before."""
    running = until == scope.as_of
    days = (
        and_(AgreedVolume.cycle_start <= until, AgreedVolume.cycle_end >= until)
        if running
        else AgreedVolume.cycle_end == until
    )
    found: Any = select(
        AgreedVolume.id,
        AgreedVolume.institution_id,
        AgreedVolume.item_id,
        AgreedVolume.cycle_start,
        AgreedVolume.cycle_end,
        AgreedVolume.agreed_packs,
        AgreedVolume.already_adjusted,
    ).where(AgreedVolume.replaced_at.is_(None), days)
    agreements: Select[Any] = found
    return agreements


def _tallies(scope: Scope, agreements: CTE | Subquery, *only: ColumnElement[bool]) -> dict[int, Tally]:
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


def _take_receipt(one: Tally, row: Any) -> None:
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
    scope: Scope,
    first: date,
    until: date,
    items: Collection[int] | None = None,
    *only: ColumnElement[bool],
    pairs: CTE | None = None,
) -> CTE:
    """Receipt lines accepted between two days: packs accepted, rejected, and returned by D, with their reasons.

    Args:
        scope: the day D and whose agreements are wanted.
        first: the first day.
        until: the last one.
        items: row ids; None = all.
        only: more conditions on the shipments.
        pairs: institution_id and item_id of a few; theirs are looked up through keys instead of reading everybody's.

    """
    ends = scope.ends
    shipment, line, ordered = Shipment, ShipmentLine, OrderLine
    accepted_at: ColumnElement[Any] = shipment.accepted_at.expression
    if scope.institution_ids is not None:
        # Not the column itself: a plan for any days would go through everybody's shipments of them, not those of a few.
        accepted_at = func.coalesce(accepted_at, accepted_at)
    moved: Any = (
        join(shipment, line, line.shipment_id == shipment.id).join(ordered, ordered.id == line.order_line_id)
        if pairs is None
        # An item stands on an order once, so that the key leads from a shipment to the one line.
        else join(pairs, shipment, shipment.institution_id == pairs.c.institution_id)
        .join(ordered, and_(ordered.order_id == shipment.order_id, ordered.item_id == pairs.c.item_id))
        .join(line, and_(line.order_line_id == ordered.id, line.shipment_id == shipment.id))
    )

    def returned(*reasons: str) -> ColumnElement[int]:
        """Looked up line by line, of the few of which something ever went back."""
        packs = (
            select(func.sum(ReturnLine.packs))
            .join(GoodsReturn, GoodsReturn.id == ReturnLine.return_id)
            .where(ReturnLine.shipment_line_id == line.id, GoodsReturn.agreed_at < ends)
            .where(ReturnLine.reason.in_(reasons) if reasons else true())
            .correlate(line)
            .scalar_subquery()
        )
        return func.coalesce(case((line.returned_packs > 0, packs)), 0)

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
            returned().label("returned"),
            returned(*JUSTIFIED_RETURNS).label("returned_justified"),
        )
        .select_from(moved)
        .where(
            accepted_at >= start_of_day(first),
            accepted_at < end_of_day(until),
            Shipment.voided_at.is_(None),
            not_set_aside(Shipment.order_id),
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
    received = None if scope.institution_ids is None else may_count(scope, Shipment.institution_id)
    lines = lines_lacking(
        scope.book, first=first, last=until, as_of=scope.as_of, where=where, received=received
    )
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


def memberships(holders: set[int]) -> dict[int, list[Days]]:
    """The memberships of institutions by row id."""
    found: dict[int, list[Days]] = defaultdict(list)
    if holders:
        rows = select(Membership.institution_id, Membership.joined_on, Membership.left_on)
        for holder, first, last in db.session.connection().execute(rows):
            if holder in holders:
                found[holder].append(Days(first, last))
    return found
