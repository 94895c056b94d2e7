"""The parts of the form, each a page that is saved by itself: unit, place, stores, negative list, papers, letter."""

from __future__ import annotations

from collections.abc import Callable
from datetime import date
from decimal import Decimal
from typing import Any

from flask import abort, flash, redirect, render_template, request, url_for
from flask_babel import gettext
from werkzeug.wrappers import Response

from clinic_orders.actions import applications as deeds
from clinic_orders.actions.loading import ChangedMeanwhile
from clinic_orders.models.applications import Application
from clinic_orders.queries import applications as queries
from clinic_orders.rules.applications import (
    FILLED_IN,
    LOOKED_BACK,
    REQUIRED_FILES,
    Declared,
    FileUse,
    NegativeFact,
    newest,
    read_degrees,
    read_rate,
)
from clinic_orders.rules.attachments import MOST_FILES
from clinic_orders.rules.days import parse_day
from clinic_orders.rules.errors import N_, RuleBroken
from clinic_orders.rules.geodesy import Place
from clinic_orders.rules.parties import InstitutionKind
from clinic_orders.web.applications.applicant import mine_or_enter
from clinic_orders.web.applications.door import attached, blueprint, doer, map_picture
from clinic_orders.web.applications.place_map import SIZE, Window, centre_of, window
from clinic_orders.web.display import label
from clinic_orders.web.errors import say
from clinic_orders.web.guards import at, public, today
from clinic_orders.web.limits import limiter

_FIELDS = {
    "NameMissing": "name",
    "CreditCodeRefused": "uscc",
    "InstitutionCodeRefused": "nhsa_code",
    "PhoneNotUnderstood": "phone",
    "UnknownCounty": "county_code",
    "DayNotUnderstood": "licence_until",
    "DegreesNotUnderstood": "lng",
    "PeopleMissing": "people",
    "NumberNotUnderstood": "people",
    "StoreTwice": "nhsa_code",
    "ClausesUnread": "clauses",
    "SignerMissing": "signer",
    "RateNotUnderstood": "rate",
    "RateAboveCap": "rate",
}
FIELD_WORDS = {
    "address": N_("Street and number"),
    "licence_no": N_("Number of the licence"),
    "legal_rep": N_("Legal representative"),
    "contact": N_("Contact person"),
}

Errors = list[tuple[str, str]]
Posted = Callable[[Application, int | None], Any]


class NumberNotUnderstood(RuleBroken):
    """Not a whole number of people."""

    message = N_("Type the number of people as a whole number.")


def _errors(error: RuleBroken) -> Errors:
    if error.code == "FieldMissing":
        field = str(error.facts["field"])
        return [(field, gettext("Fill in: %(field)s.", field=gettext(FIELD_WORDS[field])))]
    return [(_FIELDS.get(error.code, ""), say(error))]


def _page(template: str, found: Application, errors: Errors | None = None, **more: Any) -> str:
    return render_template(
        template,
        a=found,
        typed=request.form,
        errors=errors or [],
        wrong=dict(errors or []),
        version=found.version,
        today=today(),
        **more,
    )


def _opened() -> Application | Response:
    """The application of this session while it can be filled in; else its page says where it stands."""
    found = mine_or_enter()
    if isinstance(found, Application) and found.state not in FILLED_IN:
        return redirect(url_for(".mine"))
    return found


def _saved(
    found: Application,
    do: Callable[[int | None], Any],
    show: Callable[[Application, Errors], str],
    onward: str,
) -> Response | tuple[str, int]:
    """Do a deed on the version seen; on a refusal the page comes back with everything typed."""
    number, version = found.number, request.form.get("version", type=int)
    try:
        do(version)
    except RuleBroken as error:
        again = queries.application_by_number(number)
        assert again is not None, "applications are never deleted"
        return show(again, _errors(error)), 409 if isinstance(error, ChangedMeanwhile) else 422
    return redirect(onward, 303)


# The unit ----------------------------------------------------------------------------------------------


def _unit_page(found: Application, errors: Errors) -> str:
    return _page("applications/unit.html", found, errors, counties=queries.all_counties())


@blueprint.route("/apply/unit", methods=["GET", "POST"])
@public
@limiter.limit("120 per hour", methods=["POST"])
def unit() -> str | Response | tuple[str, int]:
    """Who applies: name, identity code, licence, people."""
    found = _opened()
    if not isinstance(found, Application):
        return found
    if request.method == "GET":
        return _unit_page(found, [])
    form = request.form

    def save(version: int | None) -> None:
        until = form.get("licence_until", "").strip()
        deeds.fill_in_unit(
            found.number,
            deeds.Unit(
                name=form.get("name", ""), county_code=form.get("county_code", ""),
                township=form.get("township", ""), address=form.get("address", ""), uscc=form.get("uscc", ""),
                nhsa_code=form.get("nhsa_code", ""), licence_no=form.get("licence_no", ""),
                licence_until=parse_day(until) if until else None, legal_rep=form.get("legal_rep", ""),
                contact=form.get("contact", ""), phone=form.get("phone", ""), business=form.get("business", ""),
            ),
            seen_version=version, by=doer(found), at=at(),
        )  # fmt: skip
        flash(gettext("Saved."), "ok")

    return _saved(found, save, _unit_page, url_for(".mine"))


# The place ---------------------------------------------------------------------------------------------


def _whole(text: str) -> int | None:
    typed = text.strip().replace(",", "")
    if not typed:
        return None
    if not typed.isdecimal() or len(typed) > 8:
        raise NumberNotUnderstood
    return int(typed)


def _typed_place() -> Place | None:
    """The place in the boxes, if there is a whole one."""
    try:
        return Place(*read_degrees(request.values.get("lng", ""), request.values.get("lat", "")))
    except RuleBroken:
        return None


def _window_of(found: Application) -> Window:
    """What the map shows: as asked, else around the place, else the county."""
    pin = _typed_place()
    if pin is None and found.lng is not None and found.lat is not None:
        pin = Place(found.lng, found.lat)
    try:
        centre = Place(*read_degrees(request.values.get("mid_lng", ""), request.values.get("mid_lat", "")))
    except RuleBroken:
        centre = pin or centre_of(found.county_code)
    span = request.values.get("span", 1_500 if pin else 80_000, int)
    return window(centre.lng, centre.lat, span)


def _place_page(
    found: Application, errors: Errors, shown: Window | None = None, pin: Place | None = None
) -> str:
    return _page(
        "applications/place.html",
        found,
        errors,
        shown=shown or _window_of(found),
        pin=pin or _typed_place(),
        size=SIZE,
        pharmacy=found.kind is InstitutionKind.RETAIL_PHARMACY,
        asked=queries.terms(found.kind, on=today()),
        known=queries.pharmacies_known(),
    )


@blueprint.route("/apply/place", methods=["GET", "POST"])
@public
@limiter.limit("600 per hour", methods=["POST"])
def place() -> str | Response | tuple[str, int]:
    """Where the unit is, typed or tapped on the map, and whom it serves."""
    found = _opened()
    if not isinstance(found, Application):
        return found
    if request.method == "GET":
        return _place_page(found, [])
    shown = _window_of(found)
    if "map.x" in request.form:
        x, y = (request.form.get(f"map.{axis}", SIZE // 2, int) for axis in "xy")
        tapped = shown.place_at(min(max(x, 0), SIZE), min(max(y, 0), SIZE))
        return _place_page(found, [], Window(tapped, shown.nearer().span), tapped)
    wanted = request.form.get("do", "")
    if wanted in {"nearer", "farther", "show"}:
        pin = _typed_place()
        if wanted == "show" and pin is None:
            return _place_page(found, [("lng", say(_degrees_refused()))]), 422
        around = Window(pin, 1_500) if wanted == "show" and pin is not None else shown
        return _place_page(
            found,
            [],
            {"nearer": around.nearer, "farther": around.farther}.get(wanted, lambda: around)(),
        )

    def save(version: int | None) -> None:
        lng, lat = read_degrees(request.form.get("lng", ""), request.form.get("lat", ""))
        deeds.fill_in_place(
            found.number,
            Place(lng, lat),
            people=_whole(request.form.get("people", "")),
            people_source=request.form.get("people_source", ""),
            seen_version=version,
            by=doer(found),
            at=at(),
        )
        flash(gettext("Saved."), "ok")

    return _saved(found, save, _place_page, url_for(".mine"))


def _degrees_refused() -> RuleBroken:
    try:
        read_degrees("", "")
    except RuleBroken as error:
        return error
    raise AssertionError("an empty box is no degree")


@blueprint.get("/apply/map.svg")
@public
@limiter.limit("1200 per hour")
def my_map() -> Response:
    """The map as a picture, as asked by the page."""
    found = mine_or_enter()
    if not isinstance(found, Application):
        abort(404)
    return map_picture(_window_of(found), _typed_place(), found.nhsa_code)


# The stores of a chain ---------------------------------------------------------------------------------


def _stores_page(found: Application, errors: Errors) -> str:
    asked = queries.terms(found.kind, on=today())
    return _page(
        "applications/stores.html",
        found,
        errors,
        stores=[(store, queries.store_conditions(store, asked)) for store in queries.stores_of(found.id)],
        counties=queries.all_counties(),
    )


@blueprint.route("/apply/stores", methods=["GET", "POST"])
@public
@limiter.limit("600 per hour", methods=["POST"])
def stores() -> str | Response | tuple[str, int]:
    """The stores that take part: added one by one, taken out again."""
    found = _opened()
    if not isinstance(found, Application):
        return found
    if not found.chain:
        abort(404)
    if request.method == "GET":
        return _stores_page(found, [])
    form = request.form

    def save(version: int | None) -> None:
        if form.get("remove"):
            deeds.remove_store(
                found.number, form["remove"][:32], seen_version=version, by=doer(found), at=at()
            )
            return
        lng, lat = read_degrees(form.get("lng", ""), form.get("lat", ""))
        people = _whole(form.get("people", ""))
        if people is None:
            raise NumberNotUnderstood
        deeds.put_store(
            found.number, form.get("nhsa_code", ""), form.get("name", ""), form.get("address", ""),
            Place(lng, lat), people, county_code=form.get("county_code", ""), seen_version=version,
            by=doer(found), at=at(),
        )  # fmt: skip

    return _saved(found, save, _stores_page, url_for(".stores"))


# The negative list -------------------------------------------------------------------------------------


def _facts_page(found: Application, errors: Errors) -> str:
    said = queries.declared(found)
    answers = {}
    for fact in NegativeFact:
        held = said.get(fact)
        holds = request.form.get(fact.value, "" if held is None else "yes" if held.holds else "no")
        day = request.form.get(f"{fact.value}_day", held.day.isoformat() if held and held.day else "")
        answers[fact] = (holds, day)
    return _page(
        "applications/facts.html",
        found,
        errors,
        answers=answers,
        looked_back=LOOKED_BACK,
        asked=queries.terms(found.kind, on=today()),
    )


@blueprint.route("/apply/facts", methods=["GET", "POST"])
@public
@limiter.limit("120 per hour", methods=["POST"])
def facts() -> str | Response | tuple[str, int]:
    """The negative list, answered line by line."""
    found = _opened()
    if not isinstance(found, Application):
        return found
    if request.method == "GET":
        return _facts_page(found, [])

    def save(version: int | None) -> None:
        said = {}
        for fact in NegativeFact:
            answer = request.form.get(fact.value, "")
            if answer not in {"yes", "no"}:
                continue
            typed = request.form.get(f"{fact.value}_day", "").strip()
            day: date | None = parse_day(typed) if typed and answer == "yes" and fact in LOOKED_BACK else None
            said[fact] = Declared(answer == "yes", day)
        deeds.declare_facts(found.number, said, seen_version=version, by=doer(found), at=at())
        flash(gettext("Saved."), "ok")

    return _saved(found, save, _facts_page, url_for(".mine"))


# Papers ------------------------------------------------------------------------------------------------


def _files_page(found: Application, errors: Errors) -> str:
    papers = queries.files_of(found.id)
    return _page(
        "applications/files.html",
        found,
        errors,
        papers={use: [one for one in papers if one.use is use] for use in FileUse},
        required=REQUIRED_FILES,
        most_files=MOST_FILES,
    )


@blueprint.route("/apply/papers", methods=["GET", "POST"])
@public
@limiter.limit("60 per hour", methods=["POST"])
def files() -> str | Response | tuple[str, int]:
    """Photos of the papers, by what they are."""
    found = _opened()
    if not isinstance(found, Application):
        return found
    if request.method == "GET":
        return _files_page(found, [])

    def save(version: int | None) -> None:
        remove = request.form.get("remove", type=int)
        if remove is not None:
            deeds.remove_paper(found.number, remove, seen_version=version, by=doer(found), at=at())
            return
        use = request.form.get("use", "")
        if use not in set(FileUse):
            abort(400)
        with attached() as papers:
            if not papers:
                raise NoFileChosen
            deeds.attach_papers(
                found.number, FileUse(use), papers, seen_version=version, by=doer(found), at=at()
            )
        flash(gettext("Attached: %(paper)s.", paper=label(FileUse(use))), "ok")

    return _saved(found, save, _files_page, url_for(".files"))


class NoFileChosen(RuleBroken):
    """The button without a file."""

    message = N_("Choose a photo or PDF first, then press the button beside it.")


# The letter --------------------------------------------------------------------------------------------


def _letter_page(found: Application, errors: Errors) -> str:
    cap = queries.terms(found.kind, on=today()).cap
    rate: Decimal | None = found.markup_rate if found.signed_at else cap
    return _page(
        "applications/letter.html",
        found,
        errors,
        letter=newest(today()),
        cap=None if cap is None else f"{(cap * 100).normalize():f}",
        rate="" if rate is None else f"{(rate * 100).normalize():f}",
        ticked={int(one) for one in request.form.getlist("clause") if one.isdecimal()},
    )


@blueprint.route("/apply/letter", methods=["GET", "POST"])
@public
@limiter.limit("60 per hour", methods=["POST"])
def letter() -> str | Response | tuple[str, int]:
    """The commitment letter: read clause by clause and signed with the name."""
    found = _opened()
    if not isinstance(found, Application):
        return found
    if request.method == "GET":
        return _letter_page(found, [])
    form = request.form

    def save(version: int | None) -> None:
        deeds.sign_letter(
            found.number,
            form.get("letter_version", ""),
            read=[int(one) for one in form.getlist("clause") if one.isdecimal()],
            signer=form.get("signer", ""),
            rate=read_rate(form.get("rate", ""), cap=queries.terms(found.kind, on=today()).cap),
            device=request.user_agent.string,
            mark=form.get("mark", "")[:30_000],
            seen_version=version,
            by=doer(found),
            at=at(),
        )
        flash(gettext("The letter is signed."), "ok")

    return _saved(found, save, _letter_page, url_for(".mine"))
