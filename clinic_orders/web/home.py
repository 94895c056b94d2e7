"""The start, more places, notices and help."""

from __future__ import annotations

from typing import NamedTuple

from flask import Blueprint, Response, current_app, flash, g, redirect, render_template, request, url_for
from flask_babel import gettext, ngettext
from werkzeug.wrappers import Response as AnyResponse

from clinic_orders.actions import notices as deeds
from clinic_orders.queries.counting import Question
from clinic_orders.queries.notices import (
    Wanted,
    count_notices,
    count_unread,
    inbox,
    kinds_in_inbox,
    unread_question,
)
from clinic_orders.rules.errors import N_
from clinic_orders.rules.parties import Actor, Permission, Role
from clinic_orders.web import guards
from clinic_orders.web.addresses import own_path
from clinic_orders.web.display import notice_text, notice_title
from clinic_orders.web.guards import needs, public
from clinic_orders.web.listing import Column, as_file, page_cut, sort_order, wanted_file
from clinic_orders.web.more_places import MORE
from clinic_orders.web.navigation import PLACES, counts, places

blueprint = Blueprint("home", __name__)

_FILE = (
    Column(N_("Time"), lambda notice: notice.created_at),
    Column(N_("Kind of notice"), lambda notice: notice_title(notice.kind)),
    Column(N_("Notice"), lambda notice: notice_text(notice.kind, notice.facts)),
    Column(N_("Read at"), lambda notice: notice.read_at),
)


class Link(NamedTuple):
    """One line under More."""

    url: str
    label: str
    icon: str


@counts("home.more")
def _unread(actor: Actor, _at: object) -> Question:
    return unread_question(actor)


@blueprint.get("/")
@public
def start() -> AnyResponse:
    """Lead to the first place of the role, or to the log-in page."""
    found = places(g.actor, g.now)
    return redirect(found[0].url if found else url_for("account.log_in"))


def _may_open(endpoint: str, actor: Actor) -> bool:
    """Whether the page is built in and its guard lets the role in: nobody is led to a refusal."""
    guard = getattr(current_app.view_functions.get(endpoint), "__guard__", None)
    return isinstance(guard, Permission) and actor.may(guard)


@blueprint.get("/more")
@needs(Permission.SELF)
def more() -> str:
    """Everything else that a person can reach."""
    actor = guards.actor()
    tabs = {endpoint for endpoint, _ in PLACES.get(actor.role, ())}
    groups = []
    for group in MORE.get(actor.role, ()):
        links = [
            Link(url_for(place.endpoint), gettext(place.word), place.icon)
            for place in group.places
            if place.endpoint not in tabs and _may_open(place.endpoint, actor)
        ]
        if links:
            groups.append((gettext(group.title), links))
    return render_template("home/more.html", groups=groups, unread=count_unread(actor))


@blueprint.get("/notices")
@needs(Permission.SELF)
def notices() -> str | Response:
    """The inbox of the organisation, unread first."""
    actor = guards.actor()
    kinds = [(word, notice_title(word)) for word in kinds_in_inbox(actor)]
    words = tuple(request.args.get("q", "")[:100].split()[:5])
    wanted = Wanted(
        kind=request.args.get("kind", ""),
        unread=request.args.get("unread") == "1",
        words=words,
        titled=tuple(
            [kind for kind, title in kinds if word.casefold() in title.casefold()] for word in words
        ),
    )
    newest_first = sort_order({"at"}, "-at") == "-at"
    if wanted_file():
        return as_file("notices", _FILE, inbox(actor, wanted, newest_first=newest_first))
    cut = page_cut(count_notices(actor, wanted))
    found = inbox(actor, wanted, newest_first=newest_first, offset=cut.offset, limit=cut.limit)
    return render_template(
        "home/notices.html",
        notices=[
            (notice, notice_title(notice.kind), notice_text(notice.kind, notice.facts)) for notice in found
        ],
        page=cut,
        kinds=kinds,
        wanted=wanted,
        filtered=wanted != Wanted(),
        sort="-at" if newest_first else "at",
        waiting=any(notice.read_at is None for notice in found),
        this_year=guards.today().year,
    )


@blueprint.post("/notices/<int:notice_id>")
@needs(Permission.SELF)
def open_notice(notice_id: int) -> AnyResponse:
    """Mark a notice read and go where it leads."""
    link = deeds.mark_read(notice_id, by=guards.actor(), at=guards.at())
    return redirect(own_path(link, url_for(".notices")))


@blueprint.post("/notices")
@needs(Permission.SELF)
def read_all() -> AnyResponse:
    """Mark the whole inbox read."""
    count = deeds.mark_all_read(by=guards.actor(), at=guards.at())
    flash(ngettext("%(num)d notice marked as read.", "%(num)d notices marked as read.", count), "ok")
    return redirect(url_for(".notices"))


@blueprint.get("/help")
@public
def help_page() -> str:
    """How the main job of each role is done, in plain words."""
    known = [role for role in Role if role is not Role.SYSTEM]
    own: Role | None = g.actor.role if g.actor is not None else None
    asked = request.args.get("role", "")
    shown = Role(asked) if asked in {role.value for role in known} else own or Role.INSTITUTION
    return render_template("home/help_page.html", roles=known, shown=shown)
