"""The bureaus' pages: the list of applications, one of them with what speaks for and against it, the deeds."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import asdict
from typing import Any

from flask import abort, flash, redirect, render_template, request, url_for
from flask_babel import gettext
from werkzeug.wrappers import Response

from clinic_orders.actions import applications as deeds
from clinic_orders.actions.accounts import NewAccount
from clinic_orders.actions.bulk import RowsRefused
from clinic_orders.actions.loading import ChangedMeanwhile, NotFound
from clinic_orders.models.applications import Application
from clinic_orders.queries import applications as queries
from clinic_orders.queries.applications import ApplicationFilter
from clinic_orders.queries.institutions import counties
from clinic_orders.rules.applications import (
    APPLYING_KINDS,
    ApplicationState,
    DecisionKind,
    Opinion,
    application_steps_open_to,
    letter_text,
    rate_words,
)
from clinic_orders.rules.days import day_in_china
from clinic_orders.rules.errors import N_, RuleBroken
from clinic_orders.rules.geodesy import Place
from clinic_orders.rules.parties import InstitutionKind, Permission, Role
from clinic_orders.web.applications.door import (
    SHAPES,
    as_download,
    blueprint,
    letter_paper,
    map_picture,
)
from clinic_orders.web.applications.place_map import SIZE, window
from clinic_orders.web.display import label
from clinic_orders.web.errors import say
from clinic_orders.web.guards import actor, at, needs, today
from clinic_orders.web.listing import Column, as_file, page_cut, sort_order, wanted_file
from clinic_orders.web.users import slips_page

COLUMNS = (
    Column(N_("Application"), lambda row: row.number),
    Column(N_("Name"), lambda row: row.name),
    Column(N_("Kind"), lambda row: row.kind),
    Column(N_("Chain"), lambda row: gettext("yes") if row.chain else gettext("no")),
    Column(N_("County"), lambda row: row.county),
    Column(N_("Identity code"), lambda row: row.uscc),
    Column(N_("Telephone"), lambda row: row.phone),
    Column(N_("Metres to the nearest designated pharmacy"), lambda row: row.nearest_m),
    Column(N_("People served"), lambda row: row.people),
    Column(N_("State"), lambda row: row.state),
    Column(N_("Sent at"), lambda row: row.submitted_at),
    Column(N_("Last step at"), lambda row: row.moved_at),
    Column(N_("On the published list until"), lambda row: row.published_until),
)


def _wanted() -> ApplicationFilter:
    state, kind = request.args.get("state", "live"), request.args.get("kind", "")
    return ApplicationFilter(
        request.args.get("q", "").strip()[:64],
        state if state in {*queries.SEEN_BY_BUREAU, "live", "mine", "all"} else "live",
        request.args.get("county", "")[:12] if actor().role is Role.CITY else "",
        InstitutionKind(kind) if kind in set(APPLYING_KINDS) else None,
    )


@blueprint.get("/applications/")
@needs(Permission.APPLICATIONS_HANDLE)
def index() -> str | Response:
    """The applications of the bureau, those that moved last first."""
    wanted, on = _wanted(), today()
    sort = sort_order(set(queries.SORTS), "-moved")
    if wanted_file():
        rows = queries.application_lines(actor(), wanted, on=on, sort=sort)
        return as_file("applications", COLUMNS, rows)
    page = page_cut(queries.count_applications(actor(), wanted, on=on))
    return render_template(
        "applications/index.html",
        rows=queries.application_lines(
            actor(), wanted, on=on, sort=sort, limit=page.limit, offset=page.offset
        ),
        counted=queries.states_counted(actor(), wanted, on=on),
        wanted=wanted,
        filtered=wanted != ApplicationFilter(),
        counties=counties(actor()) if actor().role is Role.CITY else [],
        kinds=[(kind.value, label(kind)) for kind in APPLYING_KINDS],
        states=[
            ("live", gettext("Under way")),
            ("mine", gettext("Waiting for us")),
            *((state.value, label(state)) for state in ApplicationState if state in queries.SEEN_BY_BUREAU),
            ("all", gettext("All")),
        ],
        shapes=SHAPES,
        page=page,
        sort=sort,
        today=on,
    )


def _found(number: str) -> Application:
    found = queries.find_application(number, actor())
    if found is None:
        abort(404)
    return found


def _sheet(number: str, errors: list[tuple[str, str]] | None = None) -> str:
    found = _found(number)
    on = day_in_china(found.submitted_at or found.began_at)
    asked = queries.terms(found.kind, on=on)
    letter = letter_text(found.letter_version) if found.signed_at else None
    return render_template(
        "applications/show.html",
        a=found,
        shape=SHAPES[found.state],
        county=queries.county_name(found.county_code),
        steps={one.value for one in application_steps_open_to(queries.sides_of(actor(), found), found.state)},
        met=queries.conditions_of(found, asked),
        stores=[(one, queries.store_conditions(one, asked)) for one in queries.stores_of(found.id)],
        declared=queries.declared(found),
        asked=asked,
        files=queries.files_of(found.id),
        letter=letter,
        clauses=[]
        if letter is None
        else [(one, one.text.format(rate=rate_words(found.markup_rate))) for one in letter.clauses],
        bar=queries.barred_until(found.uscc, on=today()),
        events=queries.events_of(found.id),
        opinions=[(one.value, label(one)) for one in Opinion],
        decisions=[(one.value, label(one)) for one in DecisionKind],
        span=1_500,
        size=SIZE,
        over=found.published_until is not None and found.published_until < today(),
        errors=errors or [],
        wrong=dict(errors or []),
        typed=request.form,
        today=today(),
    )


@blueprint.get("/applications/<number>")
@needs(Permission.APPLICATIONS_HANDLE)
def show(number: str) -> str:
    """One application: who, where, what speaks for and against it, the letter, the papers, what happened."""
    return _sheet(number)


def _deed(number: str, wanted: str) -> Callable[[int | None], Any]:
    """The deed that a button of the page stands for."""
    form, by, instant = request.form, actor(), at()
    why = form.get("reason", "")
    opinion, decision = form.get("opinion", ""), form.get("decision", "")
    if wanted == "opinion" and opinion in set(Opinion):
        return lambda seen: deeds.give_opinion(
            number, Opinion(opinion), why, seen_version=seen, by=by, at=instant
        )
    if wanted == "decide" and decision in set(DecisionKind):
        return lambda seen: deeds.decide_application(
            number, DecisionKind(decision), why, seen_version=seen, by=by, at=instant
        )
    known: dict[str, Callable[[int | None], Any]] = {
        "send_back": lambda seen: deeds.send_back(number, why, seen_version=seen, by=by, at=instant),
        "confirm": lambda seen: deeds.confirm_decision(number, seen_version=seen, by=by, at=instant),
        "overrule": lambda seen: deeds.overrule_decision(number, why, seen_version=seen, by=by, at=instant),
        "stop": lambda seen: deeds.stop_admission(number, why, seen_version=seen, by=by, at=instant),
        "enrol": lambda seen: deeds.enrol_application(number, seen_version=seen, by=by, at=instant),
    }
    if wanted not in known:
        raise ChoiceMissing
    return known[wanted]


class ChoiceMissing(RuleBroken):
    """The button without a choice."""

    message = N_("Choose one of the two first.")


@blueprint.post("/applications/<number>")
@needs(Permission.APPLICATIONS_HANDLE)
def decide(number: str) -> str | Response | tuple[str, int]:
    """Give the opinion, decide, look a second time, stop, put on the roster."""
    _found(number)
    try:
        made = _deed(number, request.form.get("do", ""))(request.form.get("version", type=int))
    except NotFound:
        abort(404)
    except RowsRefused as refused:
        return _sheet(number, [("", say(one.refusal)) for one in refused.problems]), 422
    except RuleBroken as refused:
        field = "opinion" if refused.code == "ChoiceMissing" else "reason"
        status = 409 if isinstance(refused, ChangedMeanwhile) else 422
        return _sheet(number, [(field, say(refused))]), status
    if isinstance(made, NewAccount):
        slip = NewAccount(**asdict(made))
        return slips_page([slip], back=url_for(".show", number=number))
    flash(gettext("Written down."), "ok")
    return redirect(url_for(".show", number=number), 303)


@blueprint.get("/applications/<number>/letter.pdf")
@needs(Permission.APPLICATIONS_HANDLE)
def letter_pdf(number: str) -> Response | tuple[str, int]:
    """The signed letter as a paper."""
    return letter_paper(_found(number))


@blueprint.get("/applications/<number>/files/<int:file_id>")
@needs(Permission.APPLICATIONS_HANDLE)
def paper(number: str, file_id: int) -> Response:
    """One of the papers."""
    return as_download(queries.file_of(_found(number).id, file_id))


@blueprint.get("/applications/<number>/map.svg")
@needs(Permission.APPLICATIONS_HANDLE)
def place_picture(number: str) -> Response:
    """The map around the unit."""
    found = _found(number)
    if found.lng is None or found.lat is None:
        abort(404)
    span = request.args.get("span", 1_500, int)
    return map_picture(window(found.lng, found.lat, span), Place(found.lng, found.lat), found.nhsa_code)
