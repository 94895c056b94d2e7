"""Jobs about figures: months reckoned and closed, bulletins drafted."""

from __future__ import annotations

from datetime import date, datetime

from clinic_orders.actions import assessments as assessment_deeds
from clinic_orders.actions import bulletins as bulletin_deeds
from clinic_orders.actions import incentives as list_deeds
from clinic_orders.actions import publicity as publicity_deeds
from clinic_orders.actions import stages as stage_deeds
from clinic_orders.actions import statistics as statistics_deeds
from clinic_orders.actions import stock_balances
from clinic_orders.jobs.job import Outcome, each
from clinic_orders.models.base import db, reading_only
from clinic_orders.queries.assessments import reckon, wanted_years, years_to_remind
from clinic_orders.queries.bulletins import drafts_wanted
from clinic_orders.queries.checks import Scope
from clinic_orders.queries.incentives import to_be_warned
from clinic_orders.queries.stages import reckon_stages as stages_as_of
from clinic_orders.queries.statistics import closed_month, figures_to_keep, months_wanted
from clinic_orders.rules.days import Month
from clinic_orders.rules.parties import SYSTEM


def close_month(as_of: date, at: datetime, outcome: Outcome) -> None:
    """Freeze the figures of the month before; a month that somebody closed already is left alone (R-STAT-1)."""
    months = [month for month in [Month.of(as_of).previous()] if closed_month(month) is None]
    each(months, lambda month: statistics_deeds.close_month(month, by=SYSTEM, at=at), outcome)


def carry_stock(_as_of: date, at: datetime, outcome: Outcome) -> None:
    """Carry stock to the ends of the last closed months, where it is not or where something in them has changed."""
    outcome.changed = outcome.rows_read = stock_balances.carry_stock(by=SYSTEM, at=at)


def draft_bulletin(as_of: date, at: datetime, outcome: Outcome) -> None:
    """Make the draft of the bulletin of the quarter that has ended; one that is there already stays (R-STAT-3)."""
    each(
        drafts_wanted(as_of),
        lambda quarter: bulletin_deeds.draft_bulletin(quarter, by=SYSTEM, at=at),
        outcome,
    )


def compare_prices(as_of: date, at: datetime, outcome: Outcome) -> None:
    """Keep the price comparison of the month before for the public pages (decision 0043)."""
    each(
        [Month.of(as_of).previous()],
        lambda month: publicity_deeds.keep_comparison(month, by=SYSTEM, at=at),
        outcome,
    )


def _reckon(month: Month, at: datetime) -> None:
    """Reckon first and keep then, so that no writer waits for the reckoning."""
    with reading_only():
        figures = figures_to_keep(month)
        db.session.rollback()
    statistics_deeds.keep_reckoned(month, figures, by=SYSTEM, at=at)


def reckon_months(as_of: date, at: datetime, outcome: Outcome) -> None:
    """Reckon the month that runs, and the one before while it is open, for the pages (R-STAT-2)."""
    running = Month.of(as_of)
    months = [month for month in (running.previous(), running) if closed_month(month) is None]
    each(months, lambda month: _reckon(month, at), outcome)


def reckon_wanted(_as_of: date, at: datetime, outcome: Outcome) -> None:
    """Reckon the months that somebody asked for."""
    each(months_wanted(), lambda month: _reckon(month, at), outcome)


def reckon_stages(as_of: date, at: datetime, outcome: Outcome) -> None:
    """Reckon where every institution stands in its cycles, for the stage board (R-STAT-5)."""
    with reading_only():
        rows = stages_as_of(Scope(as_of))
        db.session.rollback()
    outcome.changed = outcome.rows_read = stage_deeds.keep_stages(rows, as_of, by=SYSTEM, at=at)


def _reckon_year(year: int, as_of: date, at: datetime) -> None:
    """Reckon first and keep then, so that no writer waits for the reckoning."""
    with reading_only():
        reckoned = reckon(year, today=as_of)
        db.session.rollback()
    assessment_deeds.keep_assessment(reckoned, by=SYSTEM, at=at)


def reckon_assessments(as_of: date, at: datetime, outcome: Outcome) -> None:
    """Reckon the assessments that are not published, and remind who has not scored itself (R-STAT-3)."""
    each(wanted_years(every=True), lambda year: _reckon_year(year, as_of, at), outcome)
    each(
        years_to_remind(as_of),
        lambda year: assessment_deeds.remind_of_self_scores(year, by=SYSTEM, at=at),
        outcome,
    )


def reckon_wanted_assessments(as_of: date, at: datetime, outcome: Outcome) -> None:
    """Reckon the assessments that somebody asked for."""
    each(wanted_years(), lambda year: _reckon_year(year, as_of, at), outcome)


def warn_of_missed_reports(as_of: date, at: datetime, outcome: Outcome) -> None:
    """Send the notice to who missed so many reports of the year; in January also for the year before (decision 0053)."""
    years = [as_of.year - 1, as_of.year] if as_of.month == 1 else [as_of.year]

    def warn(year: int) -> None:
        with reading_only():
            lines = to_be_warned(year, on=as_of)
            db.session.rollback()
        list_deeds.warn_of_missed_reports(year, lines, by=SYSTEM, at=at)

    each(years, warn, outcome)
