"""Many reckoned and closed months, volumes and stages, for the tests that walk over all lists."""

from __future__ import annotations

from datetime import date, timedelta
from decimal import Decimal
from typing import Any

from sqlalchemy import select

from clinic_orders.actions.statistics import figures_hash
from clinic_orders.models.base import db
from clinic_orders.models.reports import PlannedVolume, VolumeConversion
from clinic_orders.models.roster import Institution
from clinic_orders.models.stages import StageRow
from clinic_orders.models.statistics import Bulletin, ClosedMonth, ReckonedMonth
from clinic_orders.queries.month_rows import InstitutionRow, MonthRows, ScoreRow, VolumeRow, kept, read_rows
from clinic_orders.queries.statistics import figures_to_keep
from clinic_orders.rules.days import Month
from clinic_orders.rules.further_indicators import row_of
from clinic_orders.rules.indicators import Own
from clinic_orders.rules.scorecard import Score
from clinic_orders.rules.stages import Stage
from tests.many_size import MANY, START
from tests.orders_in_work import LONG_AGO, NOW, World


def make_reckoned(world: World) -> None:
    """The running month as it was reckoned, with many more members, agreed volumes, and distributors in many townships."""
    members = [
        InstitutionRow(
            f"M{number:03}",
            f"第{number}村卫生室",
            "410329",
            "village_clinic",
            f"第{number}镇",
            row_of(Own(member=True, orders=number)),
            {},
            {},
        )
        for number in range(MANY)
    ]
    scores = [
        ScoreRow(
            f"D2{number % 55:03}",
            f"第{number % 55}医药有限公司",
            "410329",
            f"第{number}镇",
            Score(orders=number),
        )
        for number in range(MANY)
    ]
    scores += [
        ScoreRow(world.distributor.code, "豫西安康", "410329", f"第{number}镇", Score(late_item_days=number))
        for number in range(MANY)
    ]
    first = START
    volumes = [
        VolumeRow(
            "410329",
            "village_clinic",
            f"LY{number:03}",
            f"第{number}种药",
            "第七批",
            first,
            NOW.date(),
            number + 1,
            number,
            Decimal(1),
        )
        for number in range(MANY)
    ]
    db.session.add_all(
        Bulletin(quarter=f"20{number}-Q1", drafted_at=NOW, drafted_by_name="system")
        for number in range(10, 20)
    )
    month = Month.of(NOW.date())
    figures = figures_to_keep(month)
    own = read_rows(figures.rows)
    db.session.add(
        ReckonedMonth(
            month=str(month),
            blocks=figures.blocks,
            by_county=figures.by_county,
            further=figures.further,
            rows=kept(
                MonthRows([*own.institutions, *members], [*own.scores, *scores], [*own.volumes, *volumes])
            ),
            reckoned_at=NOW,
        )
    )


def make_months() -> None:
    """Closed months before the first order; each has the figures of the first month of the scheme."""
    figures = figures_to_keep(Month.of(START))
    sha256 = figures_hash(figures.blocks, figures.by_county, figures.further, figures.rows)
    for number in range(1, MANY + 1):
        db.session.add(
            ClosedMonth(
                month=str(Month.of(START).plus(-number)),
                cut_off_at=LONG_AGO - timedelta(days=number),
                blocks=figures.blocks,
                by_county=figures.by_county,
                further=figures.further,
                rows=figures.rows,
                sha256=sha256,
                closed_by_name="system",
            )
        )


def make_volumes(world: World) -> None:
    """A quarter's plan of every village, and the conversions of many quarters before."""
    villages = db.session.scalars(select(Institution.id).where(Institution.code.like("V2%")))
    for number, village in enumerate(villages):
        db.session.add(
            PlannedVolume(
                institution_id=village,
                item_id=world.items[number % len(world.items)].id,
                quarter="2026-Q4",
                packs=number + 1,
                recorded_at=NOW - timedelta(hours=number),
            )
        )
    for number in range(MANY):
        year, quarter = 2025 - number // 4, number % 4 + 1
        db.session.add(
            VolumeConversion(
                key=f"many-{number}",
                quarter=f"{year}-Q{quarter}",
                cycle_start=date(year, quarter * 3, 1),
                cycle_end=date(year, quarter * 3, 28),
                agreements=number,
                packs=number * 10,
                made_at=LONG_AGO - timedelta(days=number),
                made_by_name="赵红军",
            )
        )


def make_stages() -> None:
    """Every village in one cycle of the stage board, each a little farther than the one before."""
    villages = db.session.scalars(select(Institution.id).where(Institution.code.like("V2%")))
    for number, village in enumerate(villages):
        db.session.add(stage_row(village, ordered=number))


def stage_row(institution_id: int, **more: Any) -> StageRow:
    """A line of the stage board: 100 packs agreed in 2026, 50 due by now."""
    figures = dict.fromkeys(
        ("ordered", "undelivered", "counted", "waiting", "waiting_late", "unpaid", "overdue", "behind"), 0
    )
    return StageRow(
        institution_id=institution_id,
        **{
            "cycle_start": date(2026, 1, 1),
            "cycle_end": date(2026, 12, 31),
            "items": 1,
            "reported": None,
            "agreed": 100,
            "due": 50,
            **figures,
            "grade": None,
            "report": "",
            "stands": Stage.ORDER,
            "detail": [],
            "as_of": NOW.date(),
            "reckoned_at": NOW,
        }
        | more,
    )
