"""Incentive and exit lists of a year: who earns preference, who gets a notice, and the months behind."""

from __future__ import annotations

from flask import Blueprint, Response, abort, flash, redirect, render_template, request, url_for
from flask_babel import gettext, ngettext
from werkzeug.wrappers import Response as AnyResponse

from clinic_orders.actions import incentives as deeds
from clinic_orders.queries import incentives as queries
from clinic_orders.queries.incentives import YearLine
from clinic_orders.queries.institutions import counties, institution_id_of
from clinic_orders.rules.errors import N_, RuleBroken
from clinic_orders.rules.incentives import YearList
from clinic_orders.rules.parties import InstitutionKind, Permission, Role
from clinic_orders.web.display import label
from clinic_orders.web.errors import say
from clinic_orders.web.guards import actor, at, needs, today
from clinic_orders.web.listing import Column, as_file, page_cut, sort_order, wanted_file

blueprint = Blueprint("incentives", __name__, url_prefix="/incentives")


def _verdict(line: YearLine) -> str:
    if line.notice:
        return str(gettext("gets a notice"))
    if line.preferred is None:
        return str(gettext("no threshold is set"))
    return str(gettext("preference") if line.preferred else gettext("neither"))


COLUMNS = (
    Column(N_("Code"), lambda line: line.code),
    Column(N_("Name"), lambda line: line.name),
    Column(N_("Kind"), lambda line: line.kind),
    Column(N_("County"), lambda line: line.county),
    Column(N_("Months with figures"), lambda line: line.year.months),
    Column(N_("Purchases of the year (yuan)"), lambda line: line.year.purchased),
    Column(N_("Packs counted"), lambda line: line.year.counted),
    Column(N_("Packs agreed"), lambda line: line.year.agreed),
    Column(N_("Fulfilment"), lambda line: line.year.fulfilment),
    Column(N_("Reports due"), lambda line: line.year.due),
    Column(N_("Reports missed"), lambda line: line.year.missed),
    Column(N_("On which list"), _verdict),
)


def _year() -> int:
    asked = request.args.get("year", today().year, int)
    return asked if _is_year(asked) else today().year


def _is_year(year: int) -> bool:
    """Whether there can be figures of a year."""
    return 2000 <= year <= today().year


@blueprint.get("/")
@needs(Permission.STATISTICS_READ)
def index() -> str | Response:
    """The institutions of a year and the list on which each stands."""
    return _index()


@blueprint.post("/")
@needs(Permission.MONTH_CLOSE)
def publish() -> AnyResponse | tuple[str | Response, int]:
    """Publish the preference list of a year; those on it are told."""
    year = request.form.get("year", 0, int)
    if not _is_year(year):
        abort(400)
    try:
        number = deeds.publish_preference(year, by=actor(), at=at())
    except RuleBroken as error:
        return _index(say(error)), 409
    flash(
        ngettext("%(num)d institution has been told.", "%(num)d institutions have been told.", number), "ok"
    )
    return redirect(url_for(".index", year=year, list="preference"), 303)


def _index(refusal: str = "") -> str | Response:
    year, words = _year(), request.args.get("q", "").strip()[:64]
    which, kind = request.args.get("list", ""), request.args.get("kind", "")
    county = request.args.get("county", "") if actor().role is Role.CITY else ""
    everyone, months = queries.year_lines(actor(), year)
    fitting = [
        line
        for line in everyone
        if all(word in line.name or word in line.code for word in words.split())
        and (not county or line.county_code == county)
        and (not kind or line.kind.value == kind)
    ]
    shown = {
        "preference": [line for line in fitting if line.preferred],
        "notice": [line for line in fitting if line.notice],
    }
    rows = shown.get(which, fitting)
    sort = sort_order(set(queries.SORTS), "-purchased")
    rows = sorted(sorted(rows, key=lambda line: line.code), key=queries.SORTS[sort.removeprefix("-")],
                  reverse=sort.startswith("-"))  # fmt: skip
    if wanted_file():
        return as_file(f"incentives-{year}", COLUMNS, rows)
    page = page_cut(len(rows))
    return render_template(
        "incentives/index.html",
        told=queries.told(year),
        year_lists={one.value: one for one in YearList},
        may_publish=actor().may(Permission.MONTH_CLOSE) and year < today().year,
        refusal=refusal,
        rows=rows[page.offset : page.offset + page.limit],
        counted={"all": len(fitting)} | {name: len(found) for name, found in shown.items()},
        asked=queries.thresholds(year),
        months=months,
        year=year,
        years=[(one, str(one)) for one in range(today().year, today().year - 6, -1)],
        which=which if which in shown else "",
        words=words,
        county=county,
        kind=kind,
        filtered=bool(words or county or kind or which in shown),
        counties=counties(actor()) if actor().role is Role.CITY else [],
        kinds=[(one.value, label(one)) for one in InstitutionKind],
        page=page,
        sort=sort,
    )


@blueprint.get("/<int:year>/<code>")
@needs(Permission.STATISTICS_READ)
def show(year: int, code: str) -> str:
    """The months behind one institution's year."""
    months = queries.months_of(actor(), year, code)
    if not months:
        abort(404)
    lines, _ = queries.year_lines(actor(), year)
    line = next(line for line in lines if line.code == code)
    return render_template(
        "incentives/show.html",
        line=line,
        months=months,
        asked=queries.thresholds(year),
        year=year,
        institution_id=institution_id_of(code),
    )
