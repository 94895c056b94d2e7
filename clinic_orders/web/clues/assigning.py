"""Clues to be assigned: our own findings that nobody looks into yet, chosen by the dozen."""

from __future__ import annotations

from contextlib import suppress
from datetime import date, timedelta

from flask import flash, redirect, render_template, request, url_for
from flask_babel import gettext, ngettext
from werkzeug.wrappers import Response

from clinic_orders.actions import clues as deeds
from clinic_orders.queries.findings import SORTS as FINDING_SORTS
from clinic_orders.queries.findings import FindingsWanted, count_findings, findings
from clinic_orders.queries.institutions import counties
from clinic_orders.rules.clues import CLUE_RULES, NobodyToAsk
from clinic_orders.rules.days import parse_day
from clinic_orders.rules.errors import RuleBroken
from clinic_orders.rules.findings import CheckRule
from clinic_orders.rules.parties import Permission, Role
from clinic_orders.web.clues.door import blueprint
from clinic_orders.web.display import label
from clinic_orders.web.errors import say
from clinic_orders.web.finding_sentences import sentence
from clinic_orders.web.findings import COLUMNS
from clinic_orders.web.guards import actor, at, needs, today
from clinic_orders.web.listing import as_file, page_cut, sort_order, wanted_file

MOST_AT_ONCE = 200


def _wanted() -> FindingsWanted:
    rule = request.args.get("rule", "")
    return FindingsWanted(
        request.args.get("q", "").strip()[:64],
        None,
        CheckRule(rule) if rule in {one.value for one in CLUE_RULES} else None,
        request.args.get("county", "")[:12] if actor().role is Role.CITY else "",
        unassigned=True,
    )


def _page(refusal: str = "") -> str:
    wanted, on = _wanted(), today()
    sort = sort_order(set(FINDING_SORTS), "severity")
    page = page_cut(count_findings(actor(), on=on, wanted=wanted).total)
    return render_template(
        "clues/new.html",
        rows=findings(actor(), on=on, wanted=wanted, sort=sort, limit=page.limit, offset=page.offset),
        wanted=wanted,
        filtered=wanted != FindingsWanted(unassigned=True),
        rules=[(one.value, label(one)) for one in CheckRule if one in CLUE_RULES],
        counties=counties(actor()) if actor().role is Role.CITY else [],
        sentence=sentence,
        refusal=refusal,
        typed=request.form,
        chosen={int(one) for one in request.form.getlist("finding") if one.isdecimal()},
        first_deadline=on + timedelta(days=deeds.answer_days(at=at())),
        page=page,
        sort=sort,
        today=on,
    )


@blueprint.get("/clues/new")
@needs(Permission.CLUES_HANDLE)
def new() -> str | Response:
    """The findings T1 to T10 that nobody looks into yet."""
    if wanted_file():
        sort = sort_order(set(FINDING_SORTS), "severity")
        return as_file("clues-to-assign", COLUMNS, findings(actor(), on=today(), wanted=_wanted(), sort=sort))
    return _page()


def asked_deadline() -> date | None:
    """The last day of the self-check, where the form asks for one at once.

    Raises:
        DayNotUnderstood: it is no day.

    """
    if request.form.get("ask") != "1":
        return None
    return parse_day(request.form.get("deadline", "").strip())


def assigned(number: str, deadline: date | None) -> None:
    """Ask for the self-check of a clue that was assigned just now, where there is somebody to ask."""
    if deadline is None:
        return
    with suppress(NobodyToAsk):
        deeds.ask_self_check(number, deadline, by=actor(), at=at())


@blueprint.post("/clues/new")
@needs(Permission.CLUES_HANDLE)
def assign() -> Response | tuple[str, int]:
    """Assign the chosen findings, and ask for the self-checks at once if wanted."""
    ids = [int(one) for one in request.form.getlist("finding") if one.isdecimal()][:MOST_AT_ONCE]
    made: list[str] = []
    try:
        deadline = asked_deadline()
        for finding_id in ids:
            clue = deeds.assign_clue(request.form.get("team", ""), finding_id=finding_id, by=actor(), at=at())
            made.append(clue.number)
            assigned(clue.number, deadline)
    except RuleBroken as refused:
        if not made:
            return _page(say(refused)), 422
        flash(say(refused), "warn")
    if not ids:
        return _page(gettext("Choose at least one finding.")), 422
    text = ngettext("%(num)d clue is assigned.", "%(num)d clues are assigned.", len(made))
    flash(text, "ok")
    if len(made) == 1:
        return redirect(url_for(".show", number=made[0]), 303)
    return redirect(url_for(".index"), 303)
