"""The life of an assessment as one table: from which state, who, and where to (R-STAT-3).

Self-score first, then on the spot, then published, appealed against, settled.

>>> check_assessment_step(AssessmentStep.PUBLISH, AssessmentState.ON_SITE)
<AssessmentState.PUBLISHED: 'published'>
>>> is_possible(AssessmentStep.SCORE_SELF, AssessmentState.ON_SITE)
False
"""

from __future__ import annotations

from collections.abc import Collection
from dataclasses import dataclass
from datetime import date, timedelta
from enum import StrEnum
from typing import Final

from clinic_orders.rules.errors import N_, RuleBroken


class AssessmentState(StrEnum):
    """Where an assessment stands.

    SELF_SCORING: institutions score themselves. ON_SITE: counties score on the spot. PUBLISHED: the result is out
    and may be appealed against. FINAL: nothing changes any more.
    """

    SELF_SCORING = "self_scoring"
    ON_SITE = "on_site"
    PUBLISHED = "published"
    FINAL = "final"


class AssessmentStep(StrEnum):
    """One deed on an assessment."""

    OPEN = "open"
    RECKON = "reckon"
    SCORE_SELF = "score_self"
    GO_ON_SITE = "go_on_site"
    SCORE_ON_SITE = "score_on_site"
    PUBLISH = "publish"
    APPEAL = "appeal"
    DECIDE = "decide"
    FINISH = "finish"


class Side(StrEnum):
    """Who takes a step."""

    CITY = "city"
    COUNTY = "county"
    INSTITUTION = "institution"
    SYSTEM = "system"


@dataclass(frozen=True, slots=True)
class StepRow:
    """One row of the table; ``before`` None: there is no assessment of the year yet."""

    step: AssessmentStep
    before: AssessmentState | None
    after: AssessmentState
    side: Side


_S = AssessmentState
STEPS: Final = (
    StepRow(AssessmentStep.OPEN, None, _S.SELF_SCORING, Side.CITY),
    *(StepRow(AssessmentStep.RECKON, state, state, Side.SYSTEM) for state in (_S.SELF_SCORING, _S.ON_SITE)),
    StepRow(AssessmentStep.SCORE_SELF, _S.SELF_SCORING, _S.SELF_SCORING, Side.INSTITUTION),
    StepRow(AssessmentStep.GO_ON_SITE, _S.SELF_SCORING, _S.ON_SITE, Side.CITY),
    # The city may score too.
    StepRow(AssessmentStep.SCORE_ON_SITE, _S.ON_SITE, _S.ON_SITE, Side.COUNTY),
    StepRow(AssessmentStep.PUBLISH, _S.ON_SITE, _S.PUBLISHED, Side.CITY),
    StepRow(AssessmentStep.APPEAL, _S.PUBLISHED, _S.PUBLISHED, Side.INSTITUTION),
    StepRow(AssessmentStep.DECIDE, _S.PUBLISHED, _S.PUBLISHED, Side.CITY),
    StepRow(AssessmentStep.FINISH, _S.PUBLISHED, _S.FINAL, Side.CITY),
)
"""Every step of an assessment."""
_TABLE: Final = {(row.step, row.before): row.after for row in STEPS}


class AssessmentOutOfTurn(RuleBroken):
    """The assessment is not in a state for this step."""

    message = N_("The assessment of %(year)s has moved on meanwhile. Look at it again.")


class AssessmentThere(RuleBroken):
    """A year is assessed once."""

    message = N_("The assessment of %(year)s has been opened already.")


class YearAhead(RuleBroken):
    """A year that has not begun has no figures."""

    message = N_("The year %(year)s has not begun. Choose a year that runs or is over.")


class YearNotOver(RuleBroken):
    """A published result holds for the whole year."""

    message = N_("The year %(year)s is not over. Publish its result after its last day.")


class NotReckoned(RuleBroken):
    """There are no figures."""

    message = N_("The figures of %(year)s are not reckoned yet. Wait some minutes and look again.")


class SitesNotScored(RuleBroken):
    """Every institution is scored on the spot, or it is said why not."""

    message = N_(
        "%(count)s institutions have neither on-site points nor a reason why nobody went. The counties enter one of them first."
    )


class SelfScoringOpen(RuleBroken):
    """Those who may still score themselves come first."""

    message = N_("Institutions may score themselves until %(day)s. Go on after that day.")


class AppealTooLate(RuleBroken):
    """The days to appeal are over."""

    message = N_("The last day to appeal was %(day)s.")


class AppealsOpen(RuleBroken):
    """What is appealed against is decided first, and who may still appeal is waited for."""

    message = N_("%(count)s appeals are undecided. Decide them first.")


class AppealDaysRun(RuleBroken):
    """Who may still appeal is waited for."""

    message = N_("Institutions may appeal until %(day)s. Settle the result after that day.")


def is_possible(step: AssessmentStep, state: AssessmentState | None) -> bool:
    """Whether a step may be taken from a state."""
    return (step, state) in _TABLE


def check_assessment_step(
    step: AssessmentStep, state: AssessmentState | None, *, year: int = 0
) -> AssessmentState:
    """The state to which a step leads.

    Raises:
        AssessmentOutOfTurn: the state does not allow it.

    """
    if not is_possible(step, state):
        raise AssessmentOutOfTurn(year=year)
    return _TABLE[step, state]


def years_to_open(assessed: Collection[int], *, today: date) -> list[int]:
    """The years whose assessment can be opened, the one that is due first: the last that is over, then the running one.

    The year before them is offered only as long as no later one has been assessed.

    >>> years_to_open([], today=date(2026, 11, 20))
    [2025, 2026, 2024]
    >>> years_to_open([2025], today=date(2026, 11, 20))
    [2026]

    """
    due = today.year - 1
    found = [due, today.year] if any(year >= due for year in assessed) else [due, today.year, due - 1]
    return [year for year in found if year not in assessed]


def check_year(year: int, *, today: date) -> None:
    """Refuse a year that has not begun.

    Raises:
        YearAhead: it has not.

    """
    if year > today.year:
        raise YearAhead(year=year)


def check_go_on_site(self_until: date, missing: int, *, today: date) -> None:
    """Refuse to close the self-scoring while somebody may still do it.

    Args:
        self_until: the last day of it.
        missing: how many have not sent theirs.
        today: the day.

    Raises:
        SelfScoringOpen: somebody may.

    """
    if missing and today <= self_until:
        raise SelfScoringOpen(day=self_until)


def check_publish(year: int, *, reckoned: bool, unscored: int, today: date) -> None:
    """Refuse to publish what is not whole.

    Raises:
        YearNotOver, NotReckoned, SitesNotScored: why not.

    """
    if today.year <= year:
        raise YearNotOver(year=year)
    if not reckoned:
        raise NotReckoned(year=year)
    if unscored:
        raise SitesNotScored(count=unscored)


def check_appeal_day(appeal_until: date, *, today: date) -> None:
    """Refuse an appeal after its last day.

    Raises:
        AppealTooLate: it is over.

    """
    if today > appeal_until:
        raise AppealTooLate(day=appeal_until)


def check_finish(appeal_until: date, undecided: int, *, today: date) -> None:
    """Refuse to settle what may still change.

    Raises:
        AppealDaysRun, AppealsOpen: why not.

    """
    if today <= appeal_until:
        raise AppealDaysRun(day=appeal_until)
    if undecided:
        raise AppealsOpen(count=undecided)


def last_day(begins: date, days: int) -> date:
    """The last day of some days after a day; the day itself does not count.

    >>> last_day(date(2027, 1, 4), 15)
    datetime.date(2027, 1, 19)

    """
    return begins + timedelta(days=days)
