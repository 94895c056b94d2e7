"""The papers behind a figure of the stage board: order lines, receipts, goods that wait, one agreement at a time."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from datetime import date
from decimal import Decimal
from typing import Any, NamedTuple

from sqlalchemy import CTE, and_, select

from clinic_orders.models.base import db
from clinic_orders.models.deliveries import Shipment
from clinic_orders.models.payments import Payment
from clinic_orders.models.roster import Distributor, InstitutionRecord
from clinic_orders.models.volume import AgreedVolume, SupplyProblem
from clinic_orders.queries.checks.scope import Scope
from clinic_orders.queries.checks.volume import lines_missing, receipts_between
from clinic_orders.queries.checks.volume_holders import attributed
from clinic_orders.queries.doubles import counts_once
from clinic_orders.queries.payables.laying import Which
from clinic_orders.queries.roster import current
from clinic_orders.queries.stages.board import Cycle
from clinic_orders.queries.stages.movements import (
    agreements_since,
    goods_waiting,
    lines_ordered,
    waits_late,
)
from clinic_orders.queries.stages.reckoning import OpenReceipt, open_receipts

FIGURES = ("ordered", "undelivered", "counted", "waiting", "waiting_late", "paid", "unpaid", "overdue")
"""The figures that have papers behind them."""


class Paper(NamedTuple):
    """An order line or a receipt line of the item that counts for the agreement.

    Attributes:
        kind: ``order`` or ``receipt``.
        number: of the order or receipt.
        day: of submission, acceptance or delivery, in China.
        receiver, distributor: names.
        packs: as they make the figure.
        due_on, outstanding: of a receipt on which something is outstanding.

    """

    kind: str
    number: str
    day: date
    receiver: str
    distributor: str
    packs: int
    due_on: date | None = None
    outstanding: Decimal | None = None


def papers_behind(
    figure: str, institution_id: int, item_id: int, cycle: Cycle, *, as_of: date
) -> list[Paper]:
    """The papers of one figure of an agreement, as of the day of the board; a fixed number of statements.

    They say what is recorded now of that day: what was recorded since the board was reckoned shows here first.

    Args:
        figure: one of ``FIGURES``.
        institution_id: the holder.
        item_id: row id of the agreed item.
        cycle: its days.
        as_of: the day of the board.

    """
    scope = Scope(as_of, (institution_id,))
    items = _with_backups(item_id)
    agreements = agreements_since(scope, cycle.last)
    row = AgreedVolume
    mine = db.session.scalar(
        select(row.id).where(
            row.institution_id == institution_id,
            row.item_id == item_id,
            row.cycle_start == cycle.first,
            row.replaced_at.is_(None),
        )
    )

    def of(moved: CTE) -> Iterator[Any]:
        for found in attributed(moved, agreements, cycle.first, one_by_one=True):
            if found.agreement_id == mine:
                yield found

    receipts = receipts_between(scope, cycle.first, as_of, items)
    rows: list[tuple[str, Any, int, OpenReceipt | None]] = []
    if figure == "ordered":
        rows = [("order", one, one.packs, None) for one in of(lines_ordered(scope, cycle.first, items))]
    elif figure == "undelivered":
        missing = lines_missing(scope, cycle.first, as_of, items)
        rows = [("order", one, one.undelivered, None) for one in of(missing)]
        rows += [
            ("receipt", one, one.rejected_justified + one.returned_justified, None) for one in of(receipts)
        ]
    elif figure in {"waiting", "waiting_late"}:
        for one in of(goods_waiting(scope, cycle.first, items)):
            late = waits_late(scope, one)
            if late or (late is not None and figure == "waiting"):
                rows.append(("receipt", one, one.packs, None))
    else:
        found = list(of(receipts))
        open_ = _open_of(found, as_of) if found else {}
        for one in found:
            receipt = open_.get(one.number)
            overdue = receipt is not None and receipt.due_on < as_of
            if {"counted": True, "paid": receipt is None, "unpaid": receipt is not None, "overdue": overdue}[
                figure
            ]:
                rows.append(("receipt", one, one.accepted - one.returned, receipt))
    return _named([one for one in rows if one[2]], as_of)


def _with_backups(item_id: int) -> set[int]:
    """The item, and what may count in its place."""
    problem = SupplyProblem
    found = db.session.scalars(
        select(problem.backup_item_id).where(problem.item_id == item_id, problem.replaced_at.is_(None))
    )
    return {item_id, *(one for one in found if one is not None)}


def _open_of(rows: Sequence[Any], as_of: date) -> dict[str, OpenReceipt]:
    """Those of some receipts on which something is outstanding, by number."""
    shipments = {
        number: (shipment_id, paying_id)
        for number, shipment_id, paying_id in db.session.execute(
            select(Shipment.receipt_no, Shipment.id, Shipment.paying_id).where(
                Shipment.receipt_no.in_({row.number for row in rows})
            )
        )
    }
    payers = {paying_id for _, paying_id in shipments.values()}
    which = Which(
        and_(counts_once(Shipment.order_id), Shipment.paying_id.in_(payers)), Payment.paying_id.in_(payers)
    )
    open_ = open_receipts(as_of, which)
    return {
        number: open_[shipment_id] for number, (shipment_id, _) in shipments.items() if shipment_id in open_
    }


def _named(rows: list[tuple[str, Any, int, OpenReceipt | None]], as_of: date) -> list[Paper]:
    """With names, in the order of their days."""
    receivers = {one.institution_id for _, one, _, _ in rows}
    state = InstitutionRecord
    names = dict(
        db.session.execute(
            select(state.institution_id, state.name).where(
                state.institution_id.in_(receivers), current(state, as_of)
            )
        ).all()
    )
    distributors = dict(db.session.execute(select(Distributor.id, Distributor.name)).all())
    papers = [
        Paper(
            kind,
            one.number,
            one.day,
            names.get(one.institution_id, ""),
            distributors.get(one.distributor_id, ""),
            int(packs),
            None if receipt is None else receipt.due_on,
            None if receipt is None else receipt.outstanding,
        )
        for kind, one, packs, receipt in rows
    ]
    return sorted(papers, key=lambda paper: (paper.day, paper.number))
