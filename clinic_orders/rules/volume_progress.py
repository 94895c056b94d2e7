"""How far an agreed volume is fulfilled, and whose fault the rest is (rules section 7: R-VOL-2 to R-VOL-5).

Quantities are packs; shares are exact fractions.

>>> cycle = Agreement("X1", "C1", date(2026, 1, 1), date(2026, 12, 31), agreed=100)
>>> state = standing(cycle, counted=20, members=[Days(date(2025, 1, 1))], on=date(2026, 6, 30))
>>> str(state.time_progress), str(state.progress), round(float(state.lag_pp), 2)
('181/365', '1/5', 29.59)
>>> grade(state, on=date(2026, 6, 30), warn_pp=10, interview_pp=25)
<Grade.SEVERELY_BEHIND: 'severely_behind'>
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from datetime import date, timedelta
from fractions import Fraction
from functools import cache

from clinic_orders.rules.days import add_months
from clinic_orders.rules.findings import CheckRule, Finding, Grade
from clinic_orders.rules.roster import Days, member_days

_ONE_DAY = timedelta(days=1)


@dataclass(frozen=True, slots=True)
class Agreement:
    """An agreed volume: item, holder, first and last day of the cycle, packs.

    Attributes:
        already_adjusted: the bureau says that ``agreed`` already fits the days of membership (R-VOL-3).

    """

    item_code: str
    institution: str
    first: date
    last: date
    agreed: int
    already_adjusted: bool = False


@dataclass(frozen=True, slots=True)
class Standing:
    """How an agreement stands on a day.

    Attributes:
        agreement: the agreement.
        agreed: packs, for the days of membership.
        counted: packs (R-VOL-2).
        time_progress: share of the (member) days of the cycle gone by, at most 1.

    """

    agreement: Agreement
    agreed: int
    counted: int
    time_progress: Fraction

    @property
    def progress(self) -> Fraction:
        """Counted ÷ agreed; may be above 1, and below 0 never. Agreed must be above 0."""
        return Fraction(self.counted, self.agreed)

    @property
    def lag_pp(self) -> Fraction:
        """Time progress − progress, in percentage points."""
        gone = self.time_progress
        # The same as (gone − progress) × 100, in one step: it is asked for every agreement.
        over = gone.numerator * self.agreed - self.counted * gone.denominator
        return Fraction(100 * over, gone.denominator * self.agreed)

    @property
    def shortfall(self) -> int:
        """Agreed − counted, at least 0."""
        return max(0, self.agreed - self.counted)


def seen_on(spells: Iterable[Days], day: date) -> list[Days]:
    """Memberships as they are seen on a day: what begins or ends later is not known yet."""
    return [
        Days(one.first, one.last if one.last is not None and one.last <= day else None)
        for one in spells
        if one.first <= day
    ]


@cache
def _share(part: int, whole: int) -> Fraction:
    """Of days, at most 1; cycles have few lengths."""
    return min(Fraction(part, whole), Fraction(1))


def standing(agreement: Agreement, *, counted: int, members: Iterable[Days], on: date) -> Standing | None:
    """How an agreement stands on a day (R-VOL-3).

    Args:
        agreement: the agreement.
        counted: packs that count on the day (R-VOL-2).
        members: the holder's memberships.
        on: the day D, on or after the first day of the cycle.

    Returns:
        None where nothing is agreed for the days of membership.

    >>> half = Agreement("X1", "C1", date(2026, 1, 1), date(2026, 12, 31), agreed=10)
    >>> standing(half, counted=0, members=[Days(date(2026, 7, 1))], on=date(2026, 7, 31)).agreed
    5

    """
    first, last = agreement.first, agreement.last
    spells = seen_on(members, on)
    days = (last - first).days + 1
    own = member_days(spells, first=first, last=last)
    until = min(on, last)
    if own == days:
        return Standing(agreement, agreement.agreed, counted, _share((until - first).days + 1, days))
    agreed = agreement.agreed if agreement.already_adjusted else agreement.agreed * own // days
    if agreed == 0 or own == 0:
        return None
    gone = Fraction(member_days(spells, first=first, last=until), own)
    return Standing(agreement, agreed, counted, min(gone, Fraction(1)))


def grade(state: Standing, *, on: date, warn_pp: int, interview_pp: int) -> Grade | None:
    """The grade of the finding on a day; None where nothing is found (R-VOL-4).

    Args:
        state: how the agreement stands on the day.
        on: the day D.
        warn_pp: policy ``volume.warn_pp``, percentage points.
        interview_pp: policy ``volume.interview_pp``, percentage points.

    >>> cycle = Agreement("X1", "C1", date(2026, 1, 1), date(2026, 12, 31), agreed=100)
    >>> late = standing(cycle, counted=99, members=[Days(date(2025, 1, 1))], on=date(2027, 1, 1))
    >>> grade(late, on=date(2027, 1, 1), warn_pp=10, interview_pp=25)
    <Grade.UNFULFILLED: 'unfulfilled'>

    """
    first, last = state.agreement.first, state.agreement.last
    if on == last + _ONE_DAY:
        return Grade.UNFULFILLED if state.counted < state.agreed else None
    if not first <= on <= last:
        return None
    gone = state.time_progress
    if gone.numerator * state.agreed // gone.denominator - state.counted < 1:
        return None
    lag_pp = state.lag_pp
    if lag_pp >= interview_pp or (state.counted == 0 and on >= add_months(first, 2)):
        return Grade.SEVERELY_BEHIND
    return Grade.BEHIND if lag_pp >= warn_pp else None


@dataclass(frozen=True, slots=True)
class OrderLineSeen:
    """An order line attributed to an agreement, as of a day L: the earlier of D and the cycle's last day (R-VOL-5).

    Attributes:
        ordered: packs.
        withdrawn_by_limit: taken back by the buyer on or before the day of the delivery limit, and by L.
        delivered: delivered on or before L, whatever became of them.
        declined_or_closed: by the distributor, on or before L.
        limit_day: the day in China of the line's delivery limit (R-DEL-3), as seen on L.

    """

    ordered: int
    withdrawn_by_limit: int
    delivered: int
    declined_or_closed: int
    limit_day: date


def undelivered_packs(line: OrderLineSeen, *, until: date) -> int:
    """Packs of an order line that did not come by a day L (R-VOL-5).

    >>> line = OrderLineSeen(ordered=10, withdrawn_by_limit=0, delivered=4, declined_or_closed=2, limit_day=date(2026, 3, 5))
    >>> undelivered_packs(line, until=date(2026, 3, 4)), undelivered_packs(line, until=date(2026, 3, 5))
    (2, 6)
    """
    if line.limit_day <= until:
        return max(0, line.ordered - line.withdrawn_by_limit - line.delivered)
    return line.declined_or_closed


@dataclass(frozen=True, slots=True)
class Blame:
    """The shortfall of an agreement, laid out in this order (R-VOL-5)."""

    undelivered: int
    rejected: int
    not_ordered: int


def blame(shortfall: int, *, undelivered: int, rejected: int) -> Blame:
    """Lay out a shortfall: each part takes at most what is left of it (R-VOL-5).

    >>> blame(10, undelivered=7, rejected=5)
    Blame(undelivered=7, rejected=3, not_ordered=0)
    """
    first = min(shortfall, undelivered)
    second = min(shortfall - first, rejected)
    return Blame(first, second, shortfall - first - second)


def volume_behind(
    state: Standing,
    found: Grade,
    *,
    undelivered_by: Mapping[str, int],
    rejected: int,
    rows: Iterable[tuple[str, str]] = (),
) -> Finding:
    """The finding on one agreement (R-VOL-4, R-VOL-5).

    Args:
        state: how the agreement stands.
        found: its grade.
        undelivered_by: packs undelivered, and rejected or returned for a justified reason, by distributor code.
        rejected: packs rejected for other reasons.
        rows: the receipts and orders behind it.

    >>> cycle = Agreement("X1", "C1", date(2026, 1, 1), date(2026, 12, 31), agreed=10)
    >>> late = standing(cycle, counted=6, members=[Days(date(2025, 1, 1))], on=date(2027, 1, 1))
    >>> volume_behind(late, Grade.UNFULFILLED, undelivered_by={"D2": 3, "D1": 3}, rejected=0).as_json()["key"]
    'X1@C1'

    """
    parts = blame(state.shortfall, undelivered=sum(undelivered_by.values()), rejected=rejected)
    agreement = state.agreement
    of_distributor = parts.not_ordered + parts.rejected == 0 and parts.undelivered > 0
    distributor = (
        min(undelivered_by, key=lambda code: (-undelivered_by[code], code)) if of_distributor else None
    )
    return Finding(
        CheckRule.VOLUME_BEHIND,
        found,
        institution=None if of_distributor else agreement.institution,
        distributor=distributor,
        key=f"{agreement.item_code}@{agreement.institution}" if of_distributor else agreement.item_code,
        period=agreement.first.isoformat(),
        formula=(
            f"{state.counted} / {state.agreed}; time_progress = {state.time_progress};"
            f" shortfall = {state.shortfall} = {parts.undelivered} + {parts.rejected} + {parts.not_ordered}"
        ),
        figures={
            "agreed": state.agreed,
            "counted": state.counted,
            "progress": state.progress,
            "time_progress": state.time_progress,
            "lag_pp": state.lag_pp,
            "undelivered": parts.undelivered,
            "rejected": parts.rejected,
            "not_ordered": parts.not_ordered,
        },
        rows=tuple(rows),
    )
