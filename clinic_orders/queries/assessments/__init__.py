"""The annual assessment: what a year comes to, the sheets as a list and one by one, the result (R-STAT-3).

``records`` trainings and conduct of a year in SQL · ``reckoning`` the figures of everybody · ``lists`` years, sheets and
their totals in SQL · ``sheets`` one sheet with what stands behind it.
"""

from clinic_orders.queries.assessments.lists import (
    SORTS,
    GradeCount,
    SheetRow,
    SheetsWanted,
    assessments,
    count_sheets,
    find_assessment,
    grade_counts,
    open_appeals,
    result_rows,
    sheet_rows,
    unscored,
)
from clinic_orders.queries.assessments.reckoning import (
    Reckoned,
    SheetFigures,
    reckon,
    wanted_years,
    years_to_remind,
)
from clinic_orders.queries.assessments.sheets import (
    Behind,
    Sheet,
    behind,
    find_sheet,
    visits_of,
    years_of,
)

__all__ = [
    "SORTS",
    "Behind",
    "GradeCount",
    "Reckoned",
    "Sheet",
    "SheetFigures",
    "SheetRow",
    "SheetsWanted",
    "assessments",
    "behind",
    "count_sheets",
    "find_assessment",
    "find_sheet",
    "grade_counts",
    "open_appeals",
    "reckon",
    "result_rows",
    "sheet_rows",
    "unscored",
    "visits_of",
    "wanted_years",
    "years_of",
    "years_to_remind",
]
