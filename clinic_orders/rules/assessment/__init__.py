"""The annual assessment 年终考核: what is measured, the points and the grade, its life, what people type (R-STAT-3).

``points`` indicators, points, total and grade · ``records`` what a year's records come to · ``steps`` the life of an
assessment · ``typed`` self-score, on-site points and appeals as people type them.
"""

from clinic_orders.rules.assessment.points import (
    Bands,
    Grade,
    Indicator,
    Measured,
    Use,
    grade_of,
    points_of,
    share_used,
    total_of,
    weight_name,
)
from clinic_orders.rules.assessment.steps import (
    AssessmentState,
    AssessmentStep,
    check_assessment_step,
    is_possible,
)

__all__ = [
    "AssessmentState",
    "AssessmentStep",
    "Bands",
    "Grade",
    "Indicator",
    "Measured",
    "Use",
    "check_assessment_step",
    "grade_of",
    "is_possible",
    "points_of",
    "share_used",
    "total_of",
    "weight_name",
]
