"""Clues from above 下发线索: the list with what we know of each code ourselves, assigned from here, answers as a file."""

from __future__ import annotations

from datetime import timedelta

from flask import abort, flash, redirect, render_template, request, url_for
from flask_babel import gettext, ngettext
from werkzeug.wrappers import Response

from clinic_orders.actions import clues as deeds
from clinic_orders.queries.clues.issued import (
    ISSUED_SORTS,
    IssuedRow,
    IssuedWanted,
    count_issued,
    issued_batches,
    issued_clues,
    verdict_notes,
)
from clinic_orders.rules.errors import N_, RuleBroken
from clinic_orders.rules.parties import Permission
from clinic_orders.web.clues.assigning import MOST_AT_ONCE, asked_deadline, assigned
from clinic_orders.web.clues.door import SHAPES, blueprint
from clinic_orders.web.errors import say
from clinic_orders.web.guards import actor, at, needs, today
from clinic_orders.web.listing import Column, as_file, page_cut, sort_order, wanted_file


def _columns(notes: dict[str, str]) -> tuple[Column, ...]:
    """The answer to the office above: its own columns, then what it came to."""
    return (
        Column(N_("Batch from above"), lambda row: row.issued_batch),
        Column(N_("Number in the batch"), lambda row: row.clue_no),
        Column(N_("Trace code"), lambda row: row.code),
        Column(N_("Institution"), lambda row: row.institution),
        Column(N_("Code"), lambda row: row.institution_code),
        Column(N_("Product"), lambda row: row.product_name),
        Column(N_("Issued by"), lambda row: row.issuer),
        Column(N_("Issued on"), lambda row: row.issued_on),
        Column(N_("Answer to above by"), lambda row: row.deadline),
        Column(N_("What was noticed"), lambda row: row.text),
        Column(N_("Clue"), lambda row: row.clue),
        Column(N_("State"), lambda row: row.state),
        Column(N_("Verdict"), lambda row: row.verdict),
        Column(N_("Ground"), lambda row: row.ground),
        Column(N_("Facts, and what they rest on"), lambda row: notes.get(row.clue or "", "")),
        Column(N_("Decided at"), lambda row: row.decided_at),
    )


def _wanted() -> IssuedWanted:
    state = request.args.get("state", "")
    return IssuedWanted(
        request.args.get("q", "").strip()[:64],
        state if state in {"open", "assigned", "over"} else "",
        request.args.get("batch", "")[:64],
    )


def _answers(wanted: IssuedWanted, sort: str) -> Response:
    rows: list[IssuedRow] = issued_clues(actor(), on=today(), wanted=wanted, sort=sort)
    return as_file("issued-clues", _columns(verdict_notes([row.clue for row in rows if row.clue])), rows)


@blueprint.get("/clues/issued")
@needs(Permission.CLUES_HANDLE)
def issued() -> str | Response:
    """What was issued from above, with our own match; the file is the answer."""
    wanted, on = _wanted(), today()
    sort = sort_order(set(ISSUED_SORTS), "-issued")
    if wanted_file():
        return _answers(wanted, sort)
    page = page_cut(count_issued(actor(), on=on, wanted=wanted))
    return render_template(
        "clues/issued.html",
        rows=issued_clues(actor(), on=on, wanted=wanted, sort=sort, limit=page.limit, offset=page.offset),
        wanted=wanted,
        filtered=wanted != IssuedWanted(),
        batches=[(one, one) for one in issued_batches(actor(), on=on)],
        states=[
            ("open", gettext("nobody in charge")),
            ("assigned", gettext("being looked into")),
            ("over", gettext("finished")),
        ],
        shapes=SHAPES,
        may_import=actor().may(Permission.FILES_IMPORT),
        typed=request.form,
        first_deadline=on + timedelta(days=deeds.answer_days(at=at())),
        page=page,
        sort=sort,
        today=on,
    )


@blueprint.post("/clues/issued")
@needs(Permission.CLUES_HANDLE)
def assign_issued() -> Response:
    """Assign the chosen, and ask for the self-checks at once if wanted."""
    chosen = [one.partition("\t")[::2] for one in request.form.getlist("issued")][:MOST_AT_ONCE]
    if not chosen:
        flash(gettext("Choose at least one clue."), "warn")
        return redirect(url_for(".issued"), 303)
    made: list[str] = []
    try:
        deadline = asked_deadline()
        for batch, number in chosen:
            clue = deeds.assign_clue(
                request.form.get("team", ""), issued=(batch, number), by=actor(), at=at()
            )
            made.append(clue.number)
            assigned(clue.number, deadline)
    except RuleBroken as refused:
        if refused.code == "NotFound":
            abort(404)
        flash(say(refused), "warn")
    if made:
        flash(ngettext("%(num)d clue is assigned.", "%(num)d clues are assigned.", len(made)), "ok")
    if len(made) == 1:
        return redirect(url_for(".show", number=made[0]), 303)
    return redirect(url_for(".issued"), 303)
