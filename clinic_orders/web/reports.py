"""What an institution reports by hand: the month's count, sales or none, the quarter's planned volume (R-VOL-1)."""

from __future__ import annotations

from datetime import date

from flask import Blueprint, abort, flash, redirect, render_template, request, url_for
from flask_babel import gettext, ngettext
from werkzeug.wrappers import Response

from clinic_orders.actions import reports as deeds
from clinic_orders.queries import ordering
from clinic_orders.queries import reports as queries
from clinic_orders.queries.policy import policy_book
from clinic_orders.queries.roster import standing
from clinic_orders.rules.days import Month, Quarter, day_in_china, parse_day
from clinic_orders.rules.errors import RuleBroken
from clinic_orders.rules.parties import Permission
from clinic_orders.rules.reporting import (
    ReportKind,
    due_in,
    plannable,
    planning_due,
    planning_open_until,
)
from clinic_orders.web.display import period
from clinic_orders.web.errors import say
from clinic_orders.web.goods_pages import frame
from clinic_orders.web.guards import actor, at, needs, today
from clinic_orders.web.report_lines import TypedLines

blueprint = Blueprint("reports", __name__, url_prefix="/reports")

BOUGHT_DAYS = 365
"""How far back the planned volume's page sums up what was bought."""


def _own() -> int:
    found = actor().institution_id
    if found is None:
        abort(404)
    return found


def _quarter() -> Quarter:
    try:
        return Quarter.parse(request.values.get("quarter", ""))
    except RuleBroken:
        return plannable(today())[0]


@blueprint.get("/")
@needs(Permission.REPORTS_MAKE)
def index() -> str:
    """What is to be reported, until when, and what is there."""
    institution_id, on, book = _own(), today(), policy_book()
    own = standing(institution_id, on=on)
    quarter = plannable(on)[0]
    months = []
    for month in (Month.of(on).previous(), Month.of(on)):
        reports = due_in(
            month.next(),
            volume_day=None,
            report_day=queries.report_day(book, month, own.kind, own.scale),
        )
        due = next((one.due_on for one in reports if one.kind is ReportKind.STOCK_COUNT), None)
        months.append(
            (queries.month_reported(institution_id, month, until=due or on), due, on > month.last_day)
        )
    return render_template(
        "reports/index.html",
        frame=frame(),
        months=months,
        quarter=quarter,
        plan=queries.plan_of(institution_id, quarter),
        plan_due=planning_due(quarter, volume_day=queries.volume_day(book, quarter, own.kind, own.scale)),
        today=on,
        day_in_china=day_in_china,
        name=period,
    )


@blueprint.post("/nothing-sold")
@needs(Permission.REPORTS_MAKE)
def nothing_sold() -> Response:
    """Say that nothing was sold in a month, or take it back."""
    try:
        month = Month.parse(request.form.get("month", ""))
        if request.form.get("do") == "take-back":
            deeds.take_back_nothing_sold(month, by=actor(), at=at())
            flash(gettext("Taken back. Please report the month's sales."), "ok")
        else:
            deeds.report_nothing_sold(month, by=actor(), at=at())
            flash(gettext("Reported: nothing was sold in %(month)s.", month=period(month)), "ok")
    except RuleBroken as refusal:
        flash(say(refusal), "bad")
    return redirect(url_for(".index"), 303)


# The month's count ---------------------------------------------------------------------------------------


def _count_page(day: date, *, filled: bool, problem: str = "", problem_at: str = "") -> str:
    institution_id = _own()
    stood = queries.counts_of(institution_id, day)
    there = queries.ledger_of(institution_id, day)
    lines = TypedLines(
        institution_id,
        on=today(),
        stored=stood.figures,
        also=[item for item, units in there.items() if units > 0],
        query=request.form.get("q", "").strip()[:64],
        filled=filled,
        in_packs=True,
    )
    return render_template(
        "reports/stock.html",
        frame=frame(),
        day=day,
        day_typed=request.form.get("counted_on") or day.isoformat(),
        lines=lines,
        there=there,
        stood=stood,
        problem=problem,
        problem_at=problem_at,
        today=today(),
    )


def _asked_day() -> date:
    try:
        return min(parse_day(request.args.get("day", "")), today())
    except RuleBroken:
        return today()


@blueprint.get("/stock")
@needs(Permission.REPORTS_MAKE)
def stock() -> str:
    """The count of a day, to type or to put right."""
    return _count_page(_asked_day(), filled=False)


@blueprint.post("/stock")
@needs(Permission.REPORTS_MAKE)
def count_stock() -> str | Response | tuple[str, int]:
    """Add what a search finds, or record the count."""
    shown = _asked_day()
    if request.form.get("do") == "find":
        return _count_page(shown, filled=True)
    try:
        counted_on = parse_day(request.form.get("counted_on", ""))
    except RuleBroken as refusal:
        return _count_page(shown, filled=True, problem=say(refusal), problem_at="counted_on"), 422
    lines = TypedLines(_own(), on=today(), stored={}, filled=True, in_packs=True)
    if lines.errors:
        return _count_page(shown, filled=True), 422
    seen = request.form.get("seen", 0, type=int)
    if counted_on != shown:
        # Another day was written than the page showed: what stands there was not seen, and is put right by this.
        seen = queries.counts_of(_own(), counted_on).seen
    try:
        changed = deeds.report_stock_count(counted_on, lines.numbers, seen=seen, by=actor(), at=at())
    except RuleBroken as refusal:
        where = "counted_on" if refusal.code == "CountInFuture" else ""
        status = 409 if refusal.code == "ChangedMeanwhile" else 422
        return _count_page(shown, filled=True, problem=say(refusal), problem_at=where), status
    flash(ngettext("%(num)d count recorded.", "%(num)d counts recorded.", changed), "ok")
    return redirect(url_for(".index"), 303)


# The quarter's planned volume ----------------------------------------------------------------------------


def _plan_page(quarter: Quarter, *, filled: bool, problem: str = "") -> str:
    institution_id, on = _own(), today()
    own = standing(institution_id, on=on)
    day = queries.volume_day(policy_book(), quarter, own.kind, own.scale)
    plan = queries.plan_of(institution_id, quarter)
    quarters = plannable(on)
    until = planning_open_until(quarter, volume_day=day)
    bought = ordering.accepted_packs(institution_id, on=on, days=BOUGHT_DAYS)
    previous = Quarter.of(quarter.months[0].previous().first_day)
    due = planning_due(quarter, volume_day=day)
    return render_template(
        "reports/plan.html",
        frame=frame(),
        quarter=quarter,
        quarters=quarters,
        plan=plan,
        open=quarter in quarters and (not plan.figures or on <= until),
        due=due,
        late=bool(plan.first_at and due and day_in_china(plan.first_at) > due),
        last=queries.plan_of(institution_id, previous).figures,
        bought=bought,
        lines=TypedLines(
            institution_id,
            on=on,
            stored=plan.figures,
            also=bought,
            query=request.form.get("q", "").strip()[:64],
            filled=filled,
        ),
        problem=problem,
        today=on,
        name=period,
    )


@blueprint.get("/plan")
@needs(Permission.REPORTS_MAKE)
def plan() -> str:
    """The planned volume of a quarter: the usual medicines, what was planned and bought before."""
    return _plan_page(_quarter(), filled=False)


@blueprint.post("/plan")
@needs(Permission.REPORTS_MAKE)
def report_plan() -> str | Response | tuple[str, int]:
    """Add what a search finds, or report."""
    quarter = _quarter()
    if request.form.get("do") == "find":
        return _plan_page(quarter, filled=True)
    lines = TypedLines(_own(), on=today(), stored={}, filled=True)
    if lines.errors:
        return _plan_page(quarter, filled=True), 422
    try:
        deeds.report_planned_volume(
            quarter,
            lines.numbers,
            seen=request.form.get("seen", 0, type=int),
            by=actor(),
            at=at(),
        )
    except RuleBroken as refusal:
        status = 409 if refusal.code == "ChangedMeanwhile" else 422
        return _plan_page(quarter, filled=True, problem=say(refusal)), status
    flash(gettext("The planned volume of %(quarter)s is reported.", quarter=period(quarter)), "ok")
    return redirect(url_for(".index"), 303)
