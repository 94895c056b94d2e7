"""Webhooks as the operator sees them: whose, how they are, what was sent and how that went; tried, paused, removed."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from flask import Blueprint, Response, abort, flash, redirect, render_template, request, url_for
from flask_babel import gettext as _
from werkzeug.wrappers import Response as AnyResponse

from clinic_orders.actions import webhooks as deeds
from clinic_orders.queries import webhooks as questions
from clinic_orders.queries.webhooks import DeliveriesWanted, WebhookRow, WebhooksWanted
from clinic_orders.rules.errors import N_
from clinic_orders.rules.parties import Permission
from clinic_orders.rules.webhooks import DeliveryState, Event, WebhookState
from clinic_orders.web import guards
from clinic_orders.web.display import label
from clinic_orders.web.guards import needs
from clinic_orders.web.listing import Column, as_file, page_cut, sort_order, wanted_file

blueprint = Blueprint("webhooks", __name__, url_prefix="/webhooks")


def _names(events: str) -> list[str]:
    known = questions.events_of(events)
    return [label(event) for event in Event if event in known]


_FILE = (
    Column(N_("Number"), lambda row: row.code),
    Column(N_("Receiving address"), lambda row: row.url),
    Column(N_("Log-in name"), lambda row: row.username),
    Column(N_("Name"), lambda row: row.person),
    Column(N_("Organisation"), lambda row: row.org_name),
    Column(N_("Events"), lambda row: row.events),
    Column(N_("State"), lambda row: row.state),
    Column(N_("Why paused"), lambda row: row.paused_because),
    Column(N_("Messages waiting"), lambda row: row.waiting),
    Column(N_("Last attempt"), lambda row: row.last_at),
    Column(N_("Registered at"), lambda row: row.created_at),
    Column(N_("Registered by"), lambda row: row.created_by_name),
)
_MESSAGES_FILE = (
    Column(N_("Id of the event"), lambda row: row.event_key),
    Column(N_("Event"), lambda row: row.event),
    Column(N_("Number of the record"), lambda row: row.number),
    Column(N_("Happened at"), lambda row: row.happened_at),
    Column(N_("State"), lambda row: row.state),
    Column(N_("Tries"), lambda row: row.tries),
    Column(N_("Next try"), lambda row: row.next_try_at),
    Column(N_("Last attempt"), lambda row: row.last_at),
    Column(N_("Status"), lambda row: row.last_status),
    Column(N_("What was wrong"), lambda row: row.last_failure),
    Column(N_("Duration in milliseconds"), lambda row: row.last_duration_ms),
    Column(N_("Beginning of the answer"), lambda row: row.last_answer),
)


@blueprint.get("/")
@needs(Permission.TOKENS_MANAGE)
def index() -> str | Response:
    """All webhooks with their state."""
    wanted = WebhooksWanted(request.args.get("q", "").strip()[:64], request.args.get("state", ""))
    sort, on = sort_order(questions.SORTS, "-created"), guards.today()
    if wanted_file():
        return as_file("webhooks", _FILE, questions.list_webhooks(wanted, on=on, sort=sort))
    cut = page_cut(questions.count_webhooks(wanted, on=on))
    rows = questions.list_webhooks(wanted, on=on, sort=sort, limit=cut.limit, offset=cut.offset)
    return render_template(
        "webhooks/index.html",
        rows=rows,
        names=_names,
        last={
            key: attempts[0] for key, attempts in questions.newest_attempts([one.id for one in rows]).items()
        },
        states=[(one.value, label(one)) for one in WebhookState],
        page=cut,
        sort=sort,
        wanted=wanted,
        filtered=wanted != WebhooksWanted(),
        at=guards.at(),
    )


def _one(code: str) -> WebhookRow:
    rows = questions.list_webhooks(WebhooksWanted(code=code[:64]), on=guards.today())
    if not rows or not code:
        abort(404)
    return rows[0]


@blueprint.get("/<code>")
@needs(Permission.TOKENS_MANAGE)
def show(code: str) -> str | Response:
    """One webhook and its messages."""
    row = _one(code)
    wanted = DeliveriesWanted(
        request.args.get("q", "").strip()[:64], request.args.get("state", ""), request.args.get("event", "")
    )
    sort = sort_order(questions.DELIVERY_SORTS, "-at")
    if wanted_file():
        return as_file(
            f"webhook-{row.code}", _MESSAGES_FILE, questions.list_deliveries(row.id, wanted, sort=sort)
        )
    cut = page_cut(questions.count_deliveries(row.id, wanted))
    asked = questions.events_of(row.events)
    return render_template(
        "webhooks/show.html",
        webhook=row,
        names=_names(row.events),
        rows=questions.list_deliveries(row.id, wanted, sort=sort, limit=cut.limit, offset=cut.offset),
        states=[(one.value, label(one)) for one in DeliveryState],
        events=[(one.value, label(one)) for one in Event if one in asked or one is Event.PING],
        page=cut,
        sort=sort,
        wanted=wanted,
        filtered=wanted != DeliveriesWanted(),
        at=guards.at(),
    )


@blueprint.get("/<code>/messages/<key>")
@needs(Permission.TOKENS_MANAGE)
def message(code: str, key: str) -> str:
    """One message with all its attempts."""
    row = _one(code)
    found = questions.list_deliveries(row.id, DeliveriesWanted(key=key[:64]))
    if not found:
        abort(404)
    attempts: list[Any] = questions.attempts_of([found[0].id]).get(found[0].id, [])
    return render_template(
        "webhooks/message.html", webhook=row, delivery=found[0], attempts=attempts[::-1], at=guards.at()
    )


def _done(deed: Callable[..., Any], code: str, said: str, *more: str) -> AnyResponse:
    deed(code, *more, assignment_id=None, by=guards.actor(), at=guards.at())
    flash(said, "ok")
    return redirect(url_for(".show", code=code))


@blueprint.post("/<code>/ping")
@needs(Permission.TOKENS_MANAGE)
def ping(code: str) -> AnyResponse:
    """Send a message that says nothing."""
    return _done(
        deeds.ping_webhook, code, _("A trial message is sent within a minute. See below how it went.")
    )


@blueprint.post("/<code>/pause")
@needs(Permission.TOKENS_MANAGE)
def pause(code: str) -> AnyResponse:
    """Send nothing for now."""
    return _done(deeds.pause_webhook, code, _("Paused. What happens meanwhile waits."))


@blueprint.post("/<code>/resume")
@needs(Permission.TOKENS_MANAGE)
def resume(code: str) -> AnyResponse:
    """Send again."""
    return _done(deeds.resume_webhook, code, _("Resumed. What has waited is sent within a minute."))


@blueprint.post("/<code>/end")
@needs(Permission.TOKENS_MANAGE)
def end(code: str) -> AnyResponse:
    """Remove the webhook."""
    return _done(deeds.end_webhook, code, _("Removed. Nothing is sent there any more."))


@blueprint.post("/<code>/messages/<key>/resend")
@needs(Permission.TOKENS_MANAGE)
def resend(code: str, key: str) -> AnyResponse:
    """Send a message once more."""
    return _done(deeds.send_again, code, _("The message is sent again within a minute."), key)
