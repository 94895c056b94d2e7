"""Where one is logged in 已登录的设备: each device with its day, ended from here when a phone is lost or lent."""

from __future__ import annotations

from datetime import timedelta

from flask import Blueprint, current_app, flash, redirect, render_template, url_for
from flask_babel import gettext as _
from werkzeug.wrappers import Response

from clinic_orders.actions import accounts as deeds
from clinic_orders.queries.accounts import devices_of
from clinic_orders.rules.accounts import device_words
from clinic_orders.rules.parties import Permission
from clinic_orders.web import guards
from clinic_orders.web.guards import needs

blueprint = Blueprint("devices", __name__, url_prefix="/account/devices")


def _own_id() -> int:
    user_id = guards.actor().user_id
    assert user_id is not None
    return user_id


@blueprint.get("/")
@needs(Permission.SELF)
def index() -> str:
    """The devices on which one is logged in, this one marked."""
    longest = timedelta(days=current_app.extensions["settings"].session_days)
    found = devices_of(_own_id(), guards.device_token(), since=guards.at() - longest)
    return render_template(
        "devices/index.html", devices=[(device, device_words(device.agent)) for device in found]
    )


@blueprint.post("/<int:session_id>/end")
@needs(Permission.SELF)
def end(session_id: int) -> Response:
    """Log one device out."""
    deeds.end_device(session_id, by=guards.actor(), at=guards.at())
    flash(_("That device has been logged out."), "success")
    return redirect(url_for(".index"))


@blueprint.post("/end-others")
@needs(Permission.SELF)
def end_others() -> Response:
    """Log all others out and go on here."""
    guards.go_on_after(deeds.end_all_sessions(_own_id(), by=guards.actor(), at=guards.at()))
    flash(_("All other devices have been logged out."), "success")
    return redirect(url_for(".index"))
