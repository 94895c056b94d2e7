"""An institution's own sheet on a phone: score oneself, read the result, appeal; and what stands behind a line."""

from __future__ import annotations

from decimal import Decimal

from flask import Response, abort, flash, redirect, render_template, request, url_for
from flask_babel import gettext as _
from werkzeug.wrappers import Response as AnyResponse

from clinic_orders.actions import assessments as deeds
from clinic_orders.actions.loading import ChangedMeanwhile, NotFound
from clinic_orders.queries import assessments as queries
from clinic_orders.queries.assessments import Sheet
from clinic_orders.rules.assessment import AssessmentState, AssessmentStep, Indicator, is_possible
from clinic_orders.rules.assessment.records import MonthPart
from clinic_orders.rules.attachments import MOST_FILES
from clinic_orders.rules.errors import N_, RuleBroken
from clinic_orders.rules.findings import CheckRule
from clinic_orders.rules.parties import BUREAU_ROLES, Permission
from clinic_orders.web.assessments.door import OUT, blueprint, errors_of, found_sheet, fresh_key, words
from clinic_orders.web.attached_files import attached, download
from clinic_orders.web.display import yuan
from clinic_orders.web.guards import actor, at, needs, today

BEHIND: dict[str, tuple[tuple[str, str], ...]] = {
    Indicator.PAYMENT.value: (
        ("amount_due", N_("Due (yuan)")),
        ("amount_paid_on_time", N_("Paid in time (yuan)")),
    ),
    Indicator.STOCKING.value: (("minimum_due", N_("Looked at")), ("minimum_met", N_("Kept"))),
    Indicator.PRICE.value: (("over_markup_lines", N_("Sale lines above the limit")),),
    Indicator.REPORTING.value: (("reports_due", N_("Reports due")), ("reports_in_time", N_("Came in time"))),
    Indicator.TRACING.value: (
        ("codable_lines", N_("Sale lines that want a code")),
        ("coded_lines", N_("With a code")),
    ),
}
"""The columns of the months behind a line."""
_RULES = {
    Indicator.FULFILMENT: CheckRule.VOLUME_BEHIND,
    Indicator.STOCKING: CheckRule.STOCKING_SHORT,
    Indicator.PRICE: CheckRule.OVER_MARKUP,
    Indicator.TRACING: CheckRule.TRACE_MISSING,
    Indicator.SITE: CheckRule.INSPECTION,
}


def _years() -> list[tuple[int, int]]:
    """The years of one's own sheets, each with the sheet."""
    institution_id = actor().institution_id
    return [] if institution_id is None else queries.years_of(institution_id)


@blueprint.get("/assessment")
@needs(Permission.ASSESSMENT_READ)
def newest() -> str | AnyResponse:
    """The newest year; where there is none yet, when there will be one. Officers have their own list."""
    if actor().role in BUREAU_ROLES:
        return redirect(url_for(".index"))
    years = _years()
    return _own(years[0][0]) if years else render_template("assessments/none.html")


def _own(year: int, error: RuleBroken | None = None) -> str:
    years = dict(_years())
    if year not in years:
        abort(404)
    found = found_sheet(year, years[year])
    state = found.assessment.state
    until = found.assessment.appeal_until
    return render_template(
        "assessments/own.html",
        found=found,
        years=list(years),
        may_score=is_possible(AssessmentStep.SCORE_SELF, state) and actor().may(Permission.REPORTS_MAKE),
        may_appeal=state is AssessmentState.PUBLISHED
        and found.waiting is None
        and until is not None
        and today() <= until
        and actor().may(Permission.REPORTS_MAKE),
        out=state in OUT,
        site=Indicator.SITE,
        typed=request.form,
        key=fresh_key(),
        most_files=MOST_FILES,
        errors=errors_of(error),
        wrong=dict(errors_of(error)),
        **words(),
    )


@blueprint.get("/assessment/<int:year>")
@needs(Permission.ASSESSMENT_READ)
def own(year: int) -> str | AnyResponse:
    """One's own sheet of a year; officers are led to theirs."""
    if actor().role in BUREAU_ROLES:
        return redirect(url_for(".year_page", year=year))
    return _own(year)


@blueprint.post("/assessment/<int:year>")
@needs(Permission.REPORTS_MAKE)
def send(year: int) -> AnyResponse | tuple[str, int]:
    """Send the self-score, or an appeal."""
    form = request.form
    try:
        if form.get("do") == "appeal":
            with attached() as files:
                deeds.file_appeal(
                    year, form.get("text", ""), files, key=form.get("key", "")[:64] or fresh_key(),
                    by=actor(), at=at(),
                )  # fmt: skip
            flash(_("The appeal has been sent; the city bureau answers it here."), "ok")
        else:
            deeds.score_self(
                year,
                {one: form.get(one.value, "") for one in Indicator},
                form.get("note", ""),
                seen_version=form.get("version", type=int),
                by=actor(),
                at=at(),
            )
            flash(_("Your self-score has been sent."), "ok")
    except NotFound:
        abort(404)
    except RuleBroken as error:
        return _own(year, error), 409 if isinstance(error, ChangedMeanwhile) else 422
    return redirect(url_for(".own", year=year), 303)


def _written(part: MonthPart, column: str) -> str:
    """A figure of a month."""
    value = getattr(part, column)
    return yuan(value) if isinstance(value, Decimal) else str(value)


def _link(found: Sheet, indicator: Indicator) -> tuple[str, str] | None:
    """Where the records behind a line stand."""
    bureau, name, year = actor().role in BUREAU_ROLES, found.sheet.name, found.assessment.year
    words_ = found.code if bureau else None
    if indicator is Indicator.TRAINING:
        return _("The trainings"), url_for("trainings.index", year=year, q=words_)
    if indicator is Indicator.PAYMENT:
        return None if bureau else (_("To pay"), url_for("payables.index", state="all"))
    if indicator is Indicator.REPORTING:
        return None if bureau else (_("Reports"), url_for("reports.index"))
    if indicator is Indicator.CONDUCT:
        if bureau:
            return _("The cases"), url_for("cases.index", q=name, state="all")
        return _("Official letters"), url_for("cases.inbox")
    rule = _RULES.get(indicator)
    if rule is None:
        return None
    named = name if bureau else None
    return _("The findings"), url_for("findings.index", rule=rule.value, state="all", q=named)


@blueprint.get("/assessments/<int:year>/sheets/<int:sheet_id>/behind/<indicator>")
@needs(Permission.ASSESSMENT_READ)
def behind(year: int, sheet_id: int, indicator: str) -> str:
    """The months, agreements or records behind a line."""
    found = found_sheet(year, sheet_id)
    line = next((one for one in found.lines if one.indicator.value == indicator), None)
    if line is None:
        abort(404)
    bureau = actor().role in BUREAU_ROLES
    own = found.sheet.institution_id == actor().institution_id
    return render_template(
        "assessments/behind.html",
        found=found,
        line=line,
        behind=queries.behind(found.sheet.id),
        visits=queries.visits_of(found.sheet.institution_id, year)
        if line.indicator is Indicator.SITE
        else [],
        bureau=bureau,
        columns=BEHIND,
        value_of=_written,
        link=_link(found, line.indicator) if bureau or own else None,
        own=own,
        **words(),
    )


@blueprint.get("/assessments/<int:year>/sheets/<int:sheet_id>/files/<int:file_id>")
@needs(Permission.ASSESSMENT_READ)
def appeal_file(year: int, sheet_id: int, file_id: int) -> Response:
    """A file that came with an appeal, only ever as a download."""
    found = found_sheet(year, sheet_id)
    return download(next((one for one in found.files if one.id == file_id), None))
