"""The stages of every agreement as of a day, from what is recorded: the set-based side of ``rules.stages`` (R-STAT-5).

The database attributes orders and goods to agreements and adds them up; who is late or behind is judged by the rule.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable, Iterator
from dataclasses import dataclass, field
from datetime import date, timedelta
from decimal import Decimal
from functools import partial
from itertools import islice
from typing import Any, Final, NamedTuple

from sqlalchemy import CTE, Date, select, true

from clinic_orders.models.base import db
from clinic_orders.models.catalogue import Item
from clinic_orders.models.deliveries import Shipment
from clinic_orders.models.reports import VolumeConversion
from clinic_orders.models.roster import Institution
from clinic_orders.models.streaming import from_driver
from clinic_orders.queries.checks.scope import Scope
from clinic_orders.queries.checks.volume import lines_missing, memberships, receipts_between
from clinic_orders.queries.checks.volume_holders import attributed
from clinic_orders.queries.doubles import counts_once
from clinic_orders.queries.payables.laying import Which, lay_out_all
from clinic_orders.queries.stages.movements import (
    agreements_since,
    goods_waiting,
    lines_ordered,
    waits_late,
)
from clinic_orders.queries.volume_plans import plans
from clinic_orders.rules.days import Quarter
from clinic_orders.rules.findings import Grade
from clinic_orders.rules.parties import SYSTEM
from clinic_orders.rules.stages import CycleStages, ItemStages, order_grade, together
from clinic_orders.rules.volume_progress import Agreement, standing

KEPT_DAYS: Final = 400
"""Cycles that ended longer ago leave the board; their receipts are long due, and the closed months keep them."""
_AT_ONCE: Final = 500


@dataclass(slots=True)
class AgreementStages:
    """An agreement with what happened to it, in packs; see ``rules.stages.ItemStages``."""

    id: int
    holder_id: int
    item_id: int
    agreement: Agreement
    reported: int | None
    counted: int = 0
    ordered: int = 0
    undelivered: int = 0
    waiting: int = 0
    waiting_late: int = 0
    unpaid: int = 0
    overdue: int = 0


class OpenReceipt(NamedTuple):
    """A receipt on which something is outstanding: its due day, and yuan."""

    due_on: date
    outstanding: Decimal


@dataclass(slots=True)
class Reckoned:
    """A line of the board before it is kept.

    Attributes:
        institution_id: who.
        first, last: the cycle.
        stages: everything added up.
        items: the agreements by themselves: row id of the item, its stages, the grade of its orders.

    """

    institution_id: int
    first: date
    last: date
    stages: CycleStages
    items: list[tuple[int, ItemStages, Grade | None]] = field(default_factory=list)


def reckon_stages(scope: Scope) -> list[Reckoned]:
    """The board as of a day: every institution and cycle, and who owed a report for a cycle and has no agreement."""
    on = scope.as_of
    pp = {
        "warn_pp": scope.book.whole("volume.warn_pp", on=on),
        "interview_pp": scope.book.whole("volume.interview_pp", on=on),
    }
    gathered: dict[tuple[int, date, date], list[tuple[int, ItemStages]]] = defaultdict(list)
    for one, own in stages_of_agreements(scope):
        gathered[one.holder_id, one.agreement.first, one.agreement.last].append((one.item_id, own))
    reports = _reports(scope)
    for (first, last), states in reports.items():
        for institution_id, state in states.items():
            if state not in {"not_owed", "waiting"}:
                gathered.setdefault((institution_id, first, last), [])
    found = []
    for (institution_id, first, last), those in sorted(gathered.items()):
        report = reports.get((first, last), {}).get(institution_id, "")
        stages = together((own for _, own in those), on=on, report=report, **pp)
        items = [(item_id, own, order_grade(own, on=on, **pp)) for item_id, own in those]
        found.append(Reckoned(institution_id, first, last, stages, items))
    return found


def stages_of_agreements(scope: Scope) -> Iterator[tuple[AgreementStages, ItemStages]]:
    """Every agreement with something to buy, and where it stands as of the day."""
    agreements = agreements_since(scope, scope.as_of - timedelta(days=KEPT_DAYS))
    found = _agreements(scope, agreements)
    if found:
        _add_movements(scope, agreements, found)
    members = memberships({one.holder_id for one in found.values()})
    for one in found.values():
        state = standing(
            one.agreement, counted=one.counted, members=members.get(one.holder_id, ()), on=scope.as_of
        )
        if state is not None:
            yield (
                one,
                ItemStages(
                    state,
                    one.reported,
                    one.ordered,
                    one.undelivered,
                    one.waiting,
                    one.waiting_late,
                    one.unpaid,
                    one.overdue,
                ),
            )


def _agreements(scope: Scope, agreements: CTE) -> dict[int, AgreementStages]:
    rows = db.session.connection().execute(
        select(agreements, Institution.code, Item.item_code)
        .join(Institution, Institution.id == agreements.c.institution_id)
        .join(Item, Item.id == agreements.c.item_id)
        .where(
            true()
            if scope.institution_ids is None
            else agreements.c.institution_id.in_(scope.institution_ids)
        )
        .order_by(Institution.code, Item.item_code)
    )
    return {
        row.id: AgreementStages(
            row.id,
            row.institution_id,
            row.item_id,
            Agreement(
                row.item_code,
                row.code,
                row.cycle_start,
                row.cycle_end,
                row.agreed_packs,
                row.already_adjusted,
            ),
            row.reported_packs,
        )
        for row in rows
    }


def _add_movements(scope: Scope, agreements: CTE, found: dict[int, AgreementStages]) -> None:
    on, first = scope.as_of, min(one.agreement.first for one in found.values())

    def of(moved: CTE, *, one_by_one: bool = False) -> Iterator[tuple[AgreementStages, Any]]:
        for row in attributed(moved, agreements, first, one_by_one=one_by_one):
            if row.agreement_id in found:
                yield found[row.agreement_id], row

    # PostgreSQL answers sums as decimals.
    for one, row in of(lines_ordered(scope, first)):
        one.ordered += int(row.packs)
    for one, row in of(receipts_between(scope, first, on)):
        one.counted += int(row.accepted - row.returned)
        one.undelivered += int(row.rejected_justified + row.returned_justified)
    for one, row in of(lines_missing(scope, first, on)):
        one.undelivered += int(row.undelivered)
    for one, row in of(goods_waiting(scope, first), one_by_one=True):
        late = waits_late(scope, row)
        if late is not None:
            one.waiting += row.packs
            one.waiting_late += row.packs if late else 0
    open_ = open_receipts(on)
    # Few are open; the receipts that are paid are never looked at again.
    for overdue in (True, False):
        ids = [number for number, receipt in open_.items() if (receipt.due_on < on) == overdue]
        for part in _parts(ids):
            for one, row in of(receipts_between(scope, first, on, None, Shipment.id.in_(part))):
                packs = int(row.accepted - row.returned)
                one.unpaid += packs
                one.overdue += packs if overdue else 0


def open_receipts(on: date, which: Which | None = None) -> dict[int, OpenReceipt]:
    """The receipts on which something is outstanding at the end of a day, by row id (R-PAY-3)."""
    connection = db.session.connection()
    day = partial(from_driver, Date(), dialect=connection.dialect)
    laid_out = lay_out_all(connection, on, which or Which(counts_once(Shipment.order_id), true()))
    return {
        receipt.shipment_id: OpenReceipt(day(receipt.due), Decimal(receipt.left).scaleb(-4))
        for _, _, laid in laid_out
        for receipt in laid.open
    }


def _parts(ids: Iterable[int]) -> Iterator[list[int]]:
    rest = iter(ids)
    while part := list(islice(rest, _AT_ONCE)):
        yield part


def _reports(scope: Scope) -> dict[tuple[date, date], dict[int, str]]:
    """How everybody's report for a cycle came, for the cycles that were made of reports; one statement a quarter."""
    made = VolumeConversion
    rows = db.session.connection().execute(
        select(made.quarter, made.cycle_start, made.cycle_end)
        .where(
            made.taken_back_at.is_(None),
            made.cycle_start <= scope.as_of,
            made.cycle_end >= scope.as_of - timedelta(days=KEPT_DAYS),
        )
        .order_by(made.quarter)
        .distinct()
    )
    found: dict[tuple[date, date], dict[int, str]] = {}
    for quarter, first, last in rows.all():
        everybody = plans(SYSTEM, Quarter.parse(quarter), on=scope.as_of, book=scope.book)
        # Of several quarters the last one says how it stands.
        found[first, last] = {one.id: one.state for one in everybody}
    return found
