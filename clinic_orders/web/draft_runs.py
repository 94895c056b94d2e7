"""Drafts of many letters in one run, read before anything is issued: ask for it, see how far it is, fetch it."""

from __future__ import annotations

from flask import Blueprint, Response, redirect, render_template, request, url_for
from flask_babel import gettext as _
from werkzeug.wrappers import Response as AnyResponse

from clinic_orders.actions.draft_runs import request_draft_run
from clinic_orders.documents.letters.drafts import DRAFT_RUNS
from clinic_orders.models.draft_runs import DraftRun
from clinic_orders.queries.draft_runs import RUNS
from clinic_orders.queries.institutions import counties
from clinic_orders.rules.errors import N_
from clinic_orders.rules.ladder import Level
from clinic_orders.rules.parties import InstitutionKind, Permission
from clinic_orders.web.cases.filters import cases_wanted
from clinic_orders.web.display import label
from clinic_orders.web.errors import say_stored
from clinic_orders.web.guards import actor, at, needs
from clinic_orders.web.listing import Column, wanted_file
from clinic_orders.web.paper_runs import RunPages

blueprint = Blueprint("draft_runs", __name__, url_prefix="/draft-runs")

MOST_SHOWN = 100
"""So many cases that were left out are named on the page of a run; the others are found in the list of cases."""

_PAGES = RunPages(
    RUNS,
    DRAFT_RUNS,
    "drafts",
    (
        Column(N_("Number"), lambda run: run.id),
        Column(N_("Asked for at"), lambda run: run.requested_at),
        Column(N_("Drafts"), lambda run: run.total),
        Column(N_("Left out"), lambda run: len(run.left_out)),
        Column(N_("Made"), lambda run: run.made),
        Column(N_("State"), lambda run: run.state),
        Column(N_("Asked for by"), lambda run: run.by_name),
        Column(N_("Ended"), lambda run: run.ended_at),
    ),
)
_PAGES.add_deeds(
    blueprint,
    Permission.CASES_HANDLE,
    papers="drafts",
    cancelled=N_("The run is cancelled. The drafts themselves stay as they are."),
)


def _chosen(run: DraftRun) -> str:
    """The filters of a run in words."""
    wanted = run.wanted
    names = dict(counties(actor())) if wanted.get("county") else {}
    words = [
        wanted.get("words", ""),
        label(Level(wanted["level"])) if wanted.get("level") else "",
        names.get(wanted.get("county", ""), ""),
        label(InstitutionKind(wanted["kind"])) if wanted.get("kind") else "",
    ]
    return " · ".join(filter(None, words)) or _("All drafts")


@blueprint.get("/")
@needs(Permission.CASES_HANDLE)
def index() -> str | Response:
    """The runs and where they stand."""
    if wanted_file():
        return _PAGES.as_file()
    return render_template("draft_runs/index.html", **_PAGES.list_values())


@blueprint.post("/")
@needs(Permission.CASES_HANDLE)
def start() -> AnyResponse:
    """Ask that the drafts which a list of cases shows be printed."""
    run = request_draft_run(cases_wanted(request.form), by=actor(), at=at())
    return redirect(url_for(".show", number=run.id), 303)


@blueprint.get("/<int:number>")
@needs(Permission.CASES_HANDLE)
def show(number: int) -> Response:
    """One run: how far it is, or its files, and which drafts can't go out as they stand."""
    run = _PAGES.found(number)
    left_out = [
        (case, say_stored(refused["message"], refused["facts"]))
        for case, refused in sorted(run.left_out.items())[:MOST_SHOWN]
    ]
    return _PAGES.show(number, "draft_runs/show.html", left_out=left_out, chosen=_chosen(run))
