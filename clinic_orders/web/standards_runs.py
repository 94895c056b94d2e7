"""Sheets of the six unified standards for many institutions: how far a run is, and its files."""

from __future__ import annotations

from flask import Blueprint, Response, render_template
from flask_babel import gettext as _

from clinic_orders.documents.standards_runs import STANDARDS_RUNS
from clinic_orders.queries.standards_runs import RUNS
from clinic_orders.rules.errors import N_
from clinic_orders.rules.parties import Permission
from clinic_orders.rules.standards import Sheet
from clinic_orders.web.display import label
from clinic_orders.web.guards import needs
from clinic_orders.web.listing import Column, wanted_file
from clinic_orders.web.paper_runs import RunPages

blueprint = Blueprint("standards_runs", __name__, url_prefix="/standards/runs")

_PAGES = RunPages(
    RUNS,
    STANDARDS_RUNS,
    "six-standards",
    (
        Column(N_("Number"), lambda run: run.id),
        Column(N_("Asked for at"), lambda run: run.requested_at),
        Column(N_("County"), lambda run: run.place),
        Column(N_("Township"), lambda run: run.township),
        Column(N_("Kind of institution"), lambda run: label(run.kind) if run.kind else ""),
        Column(N_("Sheets"), lambda run: _sheets(run.sheets)),
        Column(N_("Institutions"), lambda run: run.total),
        Column(N_("Made"), lambda run: run.made),
        Column(N_("State"), lambda run: run.state),
        Column(N_("Asked for by"), lambda run: run.by_name),
        Column(N_("Ended"), lambda run: run.ended_at),
    ),
)
_PAGES.add_deeds(
    blueprint,
    Permission.ROSTER_READ,
    papers="sheets",
    cancelled=N_("The run is cancelled."),
)


def _sheets(values: list[str]) -> str:
    """The names of the sheets of a run."""
    return _("All") if len(values) == len(Sheet) else "、".join(label(Sheet(one)) for one in values)


@blueprint.get("/")
@needs(Permission.ROSTER_READ)
def index() -> str | Response:
    """The runs and where they stand."""
    if wanted_file():
        return _PAGES.as_file()
    return render_template("standards_runs/index.html", sheets_of=_sheets, **_PAGES.list_values())


@blueprint.get("/<int:number>")
@needs(Permission.ROSTER_READ)
def show(number: int) -> Response:
    """One run: how far it is, or its files."""
    return _PAGES.show(number, "standards_runs/show.html", sheets_of=_sheets)
