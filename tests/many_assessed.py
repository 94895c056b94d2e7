"""More assessed years and sheets than a page holds, for the tests that walk over all lists."""

from __future__ import annotations

from decimal import Decimal

from sqlalchemy import select

from clinic_orders.models.assessments import Assessment, AssessmentLine, AssessmentSheet
from clinic_orders.models.base import db
from clinic_orders.models.roster import InstitutionRecord
from clinic_orders.rules.assessment import AssessmentState, Indicator
from tests.orders_in_work import NOW


def make_assessed(many: int) -> None:
    """A year after the other; in the newest a sheet for every institution, with other points for each."""
    years = [
        Assessment(
            year=2026 - number, state=AssessmentState.SELF_SCORING, opened_at=NOW, opened_by_name="李慧",
            self_until=NOW.date(), reckoned_at=NOW, as_of=NOW.date(), months=[], unconfirmed=[],
        )
        for number in range(many)
    ]  # fmt: skip
    db.session.add_all(years)
    db.session.flush()
    for number, record in enumerate(db.session.scalars(select(InstitutionRecord)).all()):
        sheet = AssessmentSheet(
            assessment_id=years[0].id, institution_id=record.institution_id, name=record.name, kind=record.kind,
            county_code=record.county_code, township=record.township, excellent=90, good=80, passed=60, behind={},
        )  # fmt: skip
        db.session.add(sheet)
        db.session.flush()
        db.session.add(
            AssessmentLine(
                sheet_id=sheet.id, indicator=Indicator.PAYMENT, weight=100, done=Decimal(number), asked=Decimal(100),
                points=Decimal(number % 100), self_points=Decimal(number % 50),
            )
        )  # fmt: skip
