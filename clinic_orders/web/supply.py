"""Supply problems 供应问题: the list, a report, and what the bureau says about it (R-VOL-7)."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from datetime import date

from flask import Blueprint, abort, flash, redirect, render_template, request, url_for
from flask_babel import gettext
from werkzeug.wrappers import Response

from clinic_orders.actions import supply as deeds
from clinic_orders.actions.loading import NotFound
from clinic_orders.models.volume import SupplyProblem
from clinic_orders.queries import supply as queries
from clinic_orders.queries.audit import times_done
from clinic_orders.queries.catalogue import (
    EVERY,
    Place,
    Wanted,
    find_items,
    item_lines,
    items_of_codes,
    near_items,
)
from clinic_orders.queries.institutions import counties
from clinic_orders.queries.supply import ProblemsWanted
from clinic_orders.rules.days import parse_day
from clinic_orders.rules.errors import N_, RuleBroken
from clinic_orders.rules.parties import Permission, Role
from clinic_orders.rules.supply import ProblemState
from clinic_orders.web.display import label, register_labels
from clinic_orders.web.errors import say
from clinic_orders.web.goods_pages import frame
from clinic_orders.web.guards import actor, at, needs, today
from clinic_orders.web.listing import Column, as_file, page_cut, sort_order, wanted_file

blueprint = Blueprint("supply", __name__, url_prefix="/supply")

register_labels(
    {
        ProblemState.WAITING: N_("To be verified"),
        ProblemState.VERIFIED: N_("Verified"),
        ProblemState.ENDED: N_("Over"),
        ProblemState.REFUSED: N_("Not verified"),
    }
)
STATE_SHAPES = {
    ProblemState.WAITING: "wait",
    ProblemState.VERIFIED: "warn",
    ProblemState.ENDED: "ok",
    ProblemState.REFUSED: "off",
}


def _where(row: queries.ProblemRow) -> str:
    return row.county or gettext("The whole city")


COLUMNS = (
    Column(N_("Item code"), lambda row: row.item_code),
    Column(N_("Item"), lambda row: row.item),
    Column(N_("Manufacturer"), lambda row: row.manufacturer),
    Column(N_("Where"), _where),
    Column(N_("First day of the problem"), lambda row: row.first_day),
    Column(N_("Last day of the problem"), lambda row: row.last_day),
    Column(N_("Backup item code"), lambda row: row.backup_code),
    Column(N_("Backup item"), lambda row: row.backup),
    Column(N_("State"), lambda row: row.state_on(today())),
    Column(N_("Reported by"), lambda row: row.reporter or row.reported_by_name),
    Column(N_("What is the matter"), lambda row: row.words),
    Column(N_("Verified by"), lambda row: row.verified_by),
)


@blueprint.get("/")
@needs(Permission.SUPPLY_READ)
def index() -> str | Response:
    """The supply problems that concern the person."""
    asked = request.args.get("state", "")
    wanted = ProblemsWanted(
        request.args.get("q", "").strip()[:64],
        ProblemState(asked) if asked in set(ProblemState) else None,
        request.args.get("county", "")[:12],
    )
    sort = sort_order(set(queries.SORTS), "-first")
    if wanted_file():
        return as_file("supply", COLUMNS, queries.problems(actor(), on=today(), wanted=wanted, sort=sort))
    page = page_cut(queries.count_problems(actor(), on=today(), wanted=wanted))
    everywhere = actor().role in {Role.CITY, Role.DISTRIBUTOR}
    return render_template(
        "supply/index.html",
        frame=frame(),
        rows=queries.problems(
            actor(), on=today(), wanted=wanted, sort=sort, limit=page.limit, offset=page.offset
        ),
        wanted=wanted,
        states=[(state.value, label(state)) for state in ProblemState],
        counties=counties(actor()) if everywhere else [],
        shapes=STATE_SHAPES,
        page=page,
        sort=sort,
        today=today(),
    )


FOUND = 20
"""How many items a search offers; who sees more types another letter."""


def _choice(error: str = "") -> str:
    """The first step of a report: the item is looked for as everywhere else."""
    words, on = request.args.get("q", "").strip()[:64], today()
    wanted = Wanted(q=words, edition=EVERY)
    ids = find_items(wanted, Place(), on=on, sort="fit") if words else []
    near = bool(words) and not ids
    if near:
        ids = near_items(wanted, Place(), on=on)
    return render_template(
        "supply/choose.html",
        frame=frame(),
        words=words,
        near=near,
        items=item_lines(ids[:FOUND], Place(), on=on),
        more=len(ids) - FOUND,
        error=error,
    )


def _form(typed: Mapping[str, str], errors: Mapping[str, str]) -> str:
    """The form about an item; the step before it where the item is none."""
    code = typed.get("item_code", "")[:64]
    item = items_of_codes([code]).get(code) if code else None
    if item is None:
        return _choice(gettext("Choose the item.") if code or errors else "")
    chooses = actor().role in {Role.CITY, Role.DISTRIBUTOR}
    return render_template(
        "supply/new.html",
        frame=frame(),
        recorded=times_done(actor(), "report_supply_problem"),
        item=item,
        counties=counties(actor()) if chooses else [],
        typed=typed,
        errors=errors,
        today=today(),
    )


@blueprint.get("/new")
@needs(Permission.SUPPLY_REPORT)
def new() -> str:
    """Choose the item, then fill in the form; an item's page may have chosen already."""
    return _form({"item_code": request.args.get("item_code", ""), "first_day": today().isoformat()}, {})


_FIELD = {
    "NotFound": "item_code",
    "ProblemInFuture": "first_day",
    "WordsMissing": "words",
    "ReasonTooLong": "words",
}


@blueprint.post("/new")
@needs(Permission.SUPPLY_REPORT)
def report() -> Response | tuple[str, int]:
    """Report a problem; the same report again leads to the one that is there."""
    typed = request.form
    try:
        first_day = parse_day(typed.get("first_day", ""))
    except RuleBroken as refusal:
        return _form(typed, {"first_day": say(refusal)}), 422
    try:
        problem = deeds.report_supply_problem(
            typed.get("item_code", ""),
            first_day,
            typed.get("words", ""),
            county_code=typed.get("county_code", ""),
            by=actor(),
            at=at(),
        )
    except RuleBroken as refusal:
        text = gettext("Choose the item.") if refusal.code == "NotFound" else say(refusal)
        return _form(typed, {_FIELD.get(refusal.code, "item_code"): text}), 422
    flash(gettext("The report is recorded."), "ok")
    return redirect(url_for(".show", problem_id=problem.id), 303)


def _page(problem_id: int, refusal: str = "") -> str:
    found = queries.find_problem(problem_id, actor(), on=today())
    if found is None:
        abort(404)
    state = found.state_on(today())
    may = actor().may(Permission.SUPPLY_VERIFY) and not (
        actor().role is Role.COUNTY and found.county_code is None
    )
    waits = may and state is ProblemState.WAITING
    return render_template(
        "supply/show.html",
        frame=frame(),
        found=found,
        state=state,
        where=_where(found),
        shapes=STATE_SHAPES,
        waits=waits,
        may_end=may and state is ProblemState.VERIFIED and found.last_day is None,
        may_continue=may and found.verified_at is not None and found.last_day is not None,
        items=[one for one in queries.items_to_choose() if one.code != found.item_code] if waits else [],
        refusal=refusal,
        typed=request.form,
        today=today(),
    )


@blueprint.get("/<int:problem_id>")
@needs(Permission.SUPPLY_READ)
def show(problem_id: int) -> str:
    """One problem, and what the bureau can say about it now."""
    return _page(problem_id)


def _day_or_none(name: str) -> date | None:
    typed = request.form.get(name, "").strip()
    return parse_day(typed) if typed else None


def _verify(problem_id: int, seen: int | None) -> SupplyProblem:
    backup, last = request.form.get("backup", ""), _day_or_none("last_day")
    return deeds.verify_supply_problem(problem_id, backup, last, seen_version=seen, by=actor(), at=at())


def _refuse(problem_id: int, seen: int | None) -> SupplyProblem:
    reason = request.form.get("reason", "")
    return deeds.refuse_supply_problem(problem_id, reason, seen_version=seen, by=actor(), at=at())


def _end(problem_id: int, seen: int | None) -> SupplyProblem:
    last = parse_day(request.form.get("last_day", ""))
    return deeds.end_supply_problem(problem_id, last, seen_version=seen, by=actor(), at=at())


def _continue(problem_id: int, seen: int | None) -> SupplyProblem:
    return deeds.continue_supply_problem(problem_id, seen_version=seen, by=actor(), at=at())


_STEPS: dict[str, tuple[Callable[[int, int | None], SupplyProblem], str]] = {
    "verify": (_verify, N_("Verified. Purchases of the backup item count from the first day on.")),
    "refuse": (_refuse, N_("Not verified; the reporter has been told why.")),
    "end": (_end, N_("The last day is recorded.")),
    "continue": (_continue, N_("The last day is taken back; the problem goes on.")),
}


@blueprint.post("/<int:problem_id>")
@needs(Permission.SUPPLY_VERIFY)
def decide(problem_id: int) -> Response | tuple[str, int]:
    """Verify, refuse, end or continue a problem."""
    step = _STEPS.get(request.form.get("do", ""))
    if step is None:
        abort(400)
    deed, done = step
    try:
        deed(problem_id, request.form.get("version", type=int))
    except NotFound as missing:
        if missing.facts["number"] == str(problem_id):
            abort(404)
        return _page(problem_id, say(missing)), 422
    except RuleBroken as refusal:
        return _page(problem_id, say(refusal)), 409 if refusal.code == "ChangedMeanwhile" else 422
    flash(gettext(done), "ok")
    return redirect(url_for(".show", problem_id=problem_id), 303)
