"""The papers of an assessment: a sheet and the summary as PDF and XLSX (R-STAT-3)."""

from __future__ import annotations

from flask import Response, abort
from werkzeug.wrappers import Response as AnyResponse

from clinic_orders.documents import assessments as documents
from clinic_orders.documents.assessments import SheetPaper, SummaryPaper
from clinic_orders.queries import assessments as queries
from clinic_orders.queries.roster import has_demo_data
from clinic_orders.rules.letter_requests import bureau_name
from clinic_orders.rules.parties import BUREAU_ROLES, Permission
from clinic_orders.web.assessments.door import OUT, blueprint, found_sheet
from clinic_orders.web.downloads import file_answer
from clinic_orders.web.guards import actor, at, needs
from clinic_orders.web.papers import pdf


def _sheet_paper(year: int, sheet_id: int) -> SheetPaper:
    found = found_sheet(year, sheet_id)
    if actor().role not in BUREAU_ROLES and found.assessment.state not in OUT:
        abort(404)
    return SheetPaper(found, queries.behind(found.sheet.id), bureau_name(), has_demo_data(), at())


@blueprint.get("/assessments/<int:year>/sheets/<int:sheet_id>/paper")
@needs(Permission.ASSESSMENT_READ)
def sheet_paper(year: int, sheet_id: int) -> AnyResponse | tuple[str, int]:
    """A sheet on paper."""
    paper = _sheet_paper(year, sheet_id)
    return pdf(f"assessment-{year}-{sheet_id}", lambda: documents.sheet_pdf(paper))


@blueprint.get("/assessments/<int:year>/sheets/<int:sheet_id>/workbook")
@needs(Permission.ASSESSMENT_READ)
def sheet_workbook(year: int, sheet_id: int) -> Response:
    """A sheet with what stands behind it."""
    return file_answer(
        documents.sheet_workbook(_sheet_paper(year, sheet_id)), f"assessment-{year}-{sheet_id}.xlsx"
    )


def _summary(year: int) -> SummaryPaper:
    paper = documents.load_summary(year, actor(), at=at())
    if paper is None:
        abort(404)
    return paper


@blueprint.get("/assessments/<int:year>/paper")
@needs(Permission.ASSESSMENT_SCORE)
def summary_paper(year: int) -> AnyResponse | tuple[str, int]:
    """The summary of a year on paper: of the city, or of one's own county."""
    paper = _summary(year)
    return pdf(f"assessment-{year}", lambda: documents.summary_pdf(paper))


@blueprint.get("/assessments/<int:year>/workbook")
@needs(Permission.ASSESSMENT_SCORE)
def summary_workbook(year: int) -> Response:
    """The result list for settlement, deposit and renewal."""
    return file_answer(documents.summary_workbook(_summary(year)), f"assessment-{year}.xlsx")
