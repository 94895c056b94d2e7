"""More assessed years and sheets than a page holds, for the tests that walk over all lists."""

from __future__ import annotations

from decimal import Decimal

from sqlalchemy import select

from clinic_orders.models.assessments import Assessment, AssessmentLine
from clinic_orders.models.base import db
from clinic_orders.rules.assessment import AssessmentState, Indicator
from tests.assessment_world import reckon
from tests.orders_in_work import NOW


def make_assessed(many: int) -> None:
    """A year after the other; in the newest the sheet of every member as it was reckoned, with other points for each."""
    db.session.add_all(
        Assessment(
            year=2026 - number, state=AssessmentState.SELF_SCORING, opened_at=NOW, opened_by_name="李慧",
            self_until=NOW.date(), reckoned_at=NOW, as_of=NOW.date(), months=[], unconfirmed=[],
        )
        for number in range(many)
    )  # fmt: skip
    db.session.flush()
    reckon(2026, at=NOW)
    lines = db.session.scalars(
        select(AssessmentLine)
        .where(AssessmentLine.indicator == Indicator.PAYMENT)
        .order_by(AssessmentLine.sheet_id)
    )
    for number, line in enumerate(lines):
        line.done, line.asked = Decimal(number), Decimal(100)
        line.points = Decimal(number % (line.weight + 1))
        line.self_points = Decimal(number % 5)
