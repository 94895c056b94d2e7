"""Where an institution stands in a cycle of agreed volume: reported, ordered, accepted, paid (报量—采购—入库—回款, R-STAT-5).

All four are packs, so that they can be held against each other. Each stage has a warning of its own: a late or
missing report, an order behind its time, goods that nobody accepted or delivered in time, a receipt overdue.

>>> from clinic_orders.rules.roster import Days
>>> from clinic_orders.rules.volume_progress import Agreement, standing
>>> cycle = Agreement("X1", "C1", date(2026, 1, 1), date(2026, 12, 31), agreed=365)
>>> half = standing(cycle, counted=120, members=[Days(date(2025, 1, 1))], on=date(2026, 6, 30))
>>> one = ItemStages(half, reported=400, ordered=181, unpaid=40, overdue=10)
>>> one.due, one.paid, one.stands
(181, 80, <Stage.ACCEPT: 'accept'>)
>>> together([one], on=date(2026, 6, 30), warn_pp=10, interview_pp=25).warnings
(<Stage.PAY: 'pay'>,)
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass, replace
from datetime import date
from enum import StrEnum
from typing import Final

from clinic_orders.rules.findings import Grade
from clinic_orders.rules.volume_progress import Standing, grade

REPORT_WARNINGS: Final = ("late", "missing")
"""States of a report that are a warning (``rules.reporting``)."""
_GRAVITY: Final = (Grade.BEHIND, Grade.SEVERELY_BEHIND, Grade.UNFULFILLED)


class Stage(StrEnum):
    """The stages in their order; ``done``: nothing is behind and nothing is to be paid."""

    REPORT = "report"
    ORDER = "order"
    ACCEPT = "accept"
    PAY = "pay"
    DONE = "done"


@dataclass(frozen=True, slots=True)
class ItemStages:
    """One agreement through the stages as of a day, in packs.

    Attributes:
        state: agreed packs for the days of membership, those that count as accepted, the time gone by (R-VOL-3).
        reported: what the institution reported; None = not known.
        ordered: submitted in the cycle, less what the buyer took back.
        undelivered: of these, what did not come by its limit, or was declined, closed, rejected or sent back for a
            reason that is the distributor's (R-VOL-5).
        waiting: delivered and not accepted.
        waiting_late: of these, whose last day to be accepted is over (R-DEL-6).
        unpaid: of the counted ones, on receipts on which something is outstanding.
        overdue: of these, on receipts whose due day is over (R-PAY-4).

    """

    state: Standing
    reported: int | None = None
    ordered: int = 0
    undelivered: int = 0
    waiting: int = 0
    waiting_late: int = 0
    unpaid: int = 0
    overdue: int = 0

    @property
    def due(self) -> int:
        """Packs that the time gone by asks for, as R-VOL-4 takes them."""
        return int(self.state.time_progress * self.state.agreed)

    @property
    def paid(self) -> int:
        """Counted packs on receipts that are paid in full."""
        return self.state.counted - self.unpaid

    @property
    def stands(self) -> Stage:
        """The first stage that has not done what the time gone by asks for."""
        if self.ordered < self.due:
            return Stage.ORDER
        if self.state.counted < self.due:
            return Stage.ACCEPT
        return Stage.PAY if self.unpaid else Stage.DONE


def order_grade(one: ItemStages, *, on: date, warn_pp: int, interview_pp: int) -> Grade | None:
    """How far the orders lag: the grades of R-VOL-4 with ordered packs in place of accepted ones.

    Who has ordered enough is not behind at this stage, whatever the distributor does. Unlike the finding, which is
    made on one day, an order that fell short stays so after the cycle.

    Args:
        one: the agreement.
        on: the day D.
        warn_pp: policy ``volume.warn_pp``, percentage points.
        interview_pp: policy ``volume.interview_pp``, percentage points.

    >>> from clinic_orders.rules.roster import Days
    >>> from clinic_orders.rules.volume_progress import Agreement, standing
    >>> cycle = Agreement("X1", "C1", date(2026, 1, 1), date(2026, 12, 31), agreed=100)
    >>> late = standing(cycle, counted=0, members=[Days(date(2025, 1, 1))], on=date(2026, 6, 30))
    >>> [order_grade(ItemStages(late, ordered=packs), on=date(2026, 6, 30), warn_pp=10, interview_pp=25)
    ...  for packs in (45, 35, 20)]
    [None, <Grade.BEHIND: 'behind'>, <Grade.SEVERELY_BEHIND: 'severely_behind'>]

    """
    if on > one.state.agreement.last:
        return Grade.UNFULFILLED if one.ordered < one.state.agreed else None
    return grade(replace(one.state, counted=one.ordered), on=on, warn_pp=warn_pp, interview_pp=interview_pp)


@dataclass(frozen=True, slots=True)
class CycleStages:
    """All agreements of an institution in one cycle, added up.

    Attributes:
        items: how many agreements.
        reported: of those that are known; None where none is.
        due: packs that the time gone by asks for.
        behind: how many agreements are ordered too slowly; ``grade`` is the gravest.
        report: how the report for the cycle came, a word of ``queries.volume_plans.STATES``; "" = not known.
        stands: the first stage at which any of the agreements stands.

    """

    items: int
    reported: int | None
    agreed: int
    due: int
    ordered: int
    undelivered: int
    counted: int
    waiting: int
    waiting_late: int
    unpaid: int
    overdue: int
    behind: int
    grade: Grade | None
    report: str
    stands: Stage

    @property
    def paid(self) -> int:
        """Counted packs on receipts that are paid in full."""
        return self.counted - self.unpaid

    @property
    def warnings(self) -> tuple[Stage, ...]:
        """The stages that warn."""
        found = {
            Stage.REPORT: self.report in REPORT_WARNINGS,
            Stage.ORDER: self.behind > 0,
            Stage.ACCEPT: self.waiting_late > 0 or self.undelivered > 0,
            Stage.PAY: self.overdue > 0,
        }
        return tuple(stage for stage, warns in found.items() if warns)


def together(
    agreements: Iterable[ItemStages], *, on: date, warn_pp: int, interview_pp: int, report: str = ""
) -> CycleStages:
    """The agreements of an institution in one cycle as one line; none: the institution has only its report.

    What is beyond one agreement does not help another: each is judged by itself.

    Args:
        agreements: they.
        on: the day D.
        warn_pp: policy ``volume.warn_pp``, percentage points.
        interview_pp: policy ``volume.interview_pp``, percentage points.
        report: see ``CycleStages``.

    >>> together([], on=date(2026, 6, 30), warn_pp=10, interview_pp=25, report="missing").stands
    <Stage.REPORT: 'report'>

    """
    those = list(agreements)
    grades = [
        found
        for one in those
        if (found := order_grade(one, on=on, warn_pp=warn_pp, interview_pp=interview_pp)) is not None
    ]
    known = [one.reported for one in those if one.reported is not None]
    order = list(Stage)
    return CycleStages(
        items=len(those),
        reported=sum(known) if known else None,
        agreed=sum(one.state.agreed for one in those),
        due=sum(one.due for one in those),
        ordered=sum(one.ordered for one in those),
        undelivered=sum(one.undelivered for one in those),
        counted=sum(one.state.counted for one in those),
        waiting=sum(one.waiting for one in those),
        waiting_late=sum(one.waiting_late for one in those),
        unpaid=sum(one.unpaid for one in those),
        overdue=sum(one.overdue for one in those),
        behind=len(grades),
        grade=max(grades, key=_GRAVITY.index, default=None),
        report=report,
        stands=min((one.stands for one in those), key=order.index, default=Stage.REPORT),
    )
