"""The start, more places, notices and help."""

from __future__ import annotations

from flask import Blueprint, g, redirect, url_for
from werkzeug.wrappers import Response

from clinic_orders.web.guards import public
from clinic_orders.web.navigation import places

blueprint = Blueprint("home", __name__)


@blueprint.get("/")
@public
def start() -> Response:
    """Lead to the first place of the role, or to the log-in page."""
    found = places(g.actor, g.now)
    return redirect(found[0].url if found else url_for("account.log_in"))
