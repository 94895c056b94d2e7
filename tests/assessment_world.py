"""An assessed year for tests: figures of a month as they were last reckoned, and sheets made from them."""

from __future__ import annotations

from datetime import datetime
from decimal import Decimal
from typing import Any

from clinic_orders.actions import assessments as deeds
from clinic_orders.models.assessments import Assessment, AssessmentSheet
from clinic_orders.models.base import db
from clinic_orders.models.statistics import ReckonedMonth
from clinic_orders.queries import assessments as queries
from clinic_orders.queries.month_rows import InstitutionRow, MonthRows, kept
from clinic_orders.rules.days import day_in_china
from clinic_orders.rules.further_indicators import row_of
from clinic_orders.rules.indicators import Own
from clinic_orders.rules.parties import SYSTEM, Actor, Role

CITY = Actor("李慧", Role.CITY)


def own_figures(**changes: Any) -> Own:
    """A member's month with something of everything; ``changes`` by the names of ``Own``."""
    figures = {
        "due": Decimal("200.00"), "paid_in_time": Decimal("150.00"), "minimum_due": 1, "minimum_met": 1,
        "reports_due": 2, "reports_received": 2, "reports_in_time": 1, "codable_lines": 10, "coded_lines": 9,
    }  # fmt: skip
    return Own(member=True, **{**figures, **changes})


def keep_month(month: str, own: dict[str, Own], *, county: str, at: datetime) -> None:
    """Store the rows of a month as its last reckoning left them."""
    rows = [
        InstitutionRow(code, code, county, "village_clinic", "车村镇", row_of(one), {}, {})
        for code, one in own.items()
    ]
    db.session.add(
        ReckonedMonth(
            month=month, blocks={"city": None, "counties": [], "kinds": []}, by_county={},
            rows=kept(MonthRows(rows, [], [])), reckoned_at=at,
        )
    )  # fmt: skip
    db.session.commit()


def reckon(year: int, *, at: datetime) -> Assessment:
    """What the clock does: reckon, then keep."""
    deeds.keep_assessment(queries.reckon(year, today=day_in_china(at)), by=SYSTEM, at=at)
    found = queries.find_assessment(year)
    assert found is not None
    return found


def sheet_of(institution_id: int, year: int) -> AssessmentSheet:
    """The sheet of an institution."""
    found = queries.find_assessment(year)
    assert found is not None
    return (
        db.session.query(AssessmentSheet)
        .filter_by(assessment_id=found.id, institution_id=institution_id)
        .one()
    )
