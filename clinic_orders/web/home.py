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
from clinic_orders.web.navigation import PLACES, counts, places

blueprint = Blueprint("home", __name__)

_BUYER: tuple[tuple[str, str, str], ...] = (
    ("cases.inbox", N_("Official letters"), "mail"),
    ("duties.index", N_("My duties"), "flag"),
    ("sales.new", N_("Write down a sale"), "edit"),
    ("stock.index", N_("Stock"), "box"),
    ("monitoring.collect", N_("Report watched prices"), "money"),
    ("publicity.own", N_("What the public sees of us"), "eye"),
    ("tags.index", N_("Print price tags"), "print"),
    ("reports.index", N_("Reports"), "edit"),
    ("stocking.index", N_("Stocking list"), "list"),
    ("shelf_prices.index", N_("Posted prices"), "money"),
    ("standards.own", N_("Materials of the six standards"), "print"),
    ("ordering.orders", N_("My orders"), "list"),
    ("returns.index", N_("Returns"), "repeat"),
    ("findings.index", N_("Findings about us"), "flag"),
    ("stages.index", N_("Stages of the agreed volume"), "list"),
    ("clues.inbox", N_("Self-checks of trace codes"), "flag"),
    ("packs.index", N_("Life of a pack"), "scan"),
    ("supply.index", N_("Supply problems"), "warn"),
    ("catalogue.search", N_("Catalogue"), "search"),
    ("policy.index", N_("Policy"), "doc"),
    ("audit.index", N_("Who did what"), "history"),
    ("assessments.newest", N_("Annual assessment"), "flag"),
    ("inspections.ours", N_("Inspections of us"), "eye"),
    ("trainings.index", N_("Training of staff"), "users"),
    ("exits.own", N_("Leave the roster"), "logout"),
)
_BUREAU: tuple[tuple[str, str, str], ...] = (
    ("applications.index", N_("Applications"), "building"),
    ("exits.index", N_("Requests to leave"), "logout"),
    ("incentives.index", N_("Incentive and exit lists"), "flag"),
    ("assessments.index", N_("Annual assessment"), "flag"),
    ("trainings.index", N_("Training of staff"), "users"),
    ("findings.index", N_("Findings"), "flag"),
    ("stages.index", N_("Stages of the agreed volume"), "list"),
    ("clues.index", N_("Clues on trace codes"), "scan"),
    ("volumes.index", N_("Planned volume"), "edit"),
    ("stocking.lists", N_("Stocking lists"), "list"),
    ("roster.distributors", N_("Distributors"), "truck"),
    ("roster.relations", N_("Delivery relations"), "link"),
    ("packs.index", N_("Life of a pack"), "scan"),
    ("supply.index", N_("Supply problems"), "warn"),
    ("inspections.index", N_("Inspections"), "eye"),
    ("complaints.index", N_("Complaints of the public"), "mail"),
    ("doubles.index", N_("Possible double orders"), "link"),
    ("bulletins.index", N_("Quarterly bulletins"), "doc"),
    ("monitoring.index", N_("Price monitoring"), "money"),
    ("shortages.index", N_("Shortage watch"), "warn"),
    ("monitoring.labels", N_("Price-risk labels"), "flag"),
    ("standards.index", N_("Materials of the six standards"), "print"),
    ("publicity.index", N_("What is public"), "eye"),
    ("scorecards.index", N_("Distributors' scorecards"), "truck"),
    ("stock_overview.index", N_("Stock of the institutions"), "box"),
    ("editions.index", N_("Editions and prices"), "pill"),
    ("files.index", N_("Files"), "upload"),
    ("users.index", N_("Accounts"), "users"),
    ("privacy.requests", N_("Requests about personal data"), "users"),
    ("jobs.index", N_("Jobs"), "clock"),
    ("gateway_messages.index", N_("Messages of Alipay"), "money"),
    ("audit.index", N_("Who did what"), "history"),
    ("letter_runs.index", N_("Print many letters"), "print"),
)
# What stands under More besides the tabs; an endpoint that is a tab of the role, or not built in, is left out.
MORE: dict[Role, tuple[tuple[str, str, str], ...]] = {
    Role.INSTITUTION: _BUYER,
    Role.HOSPITAL: (*_BUYER, ("stock_overview.index", N_("Stock of the institutions"), "box")),
    Role.DISTRIBUTOR: (
        ("cases.inbox", N_("Official letters"), "mail"),
        ("scorecards.own", N_("Our scorecard"), "truck"),
        ("findings.index", N_("Findings about us"), "flag"),
        ("packs.index", N_("Life of a pack"), "scan"),
        ("supply.index", N_("Supply problems"), "warn"),
        ("policy.index", N_("Policy"), "doc"),
        ("audit.index", N_("Who did what"), "history"),
    ),
    Role.COUNTY: _BUREAU,
    Role.CITY: _BUREAU,
    Role.OPERATOR: (
        ("policy.index", N_("Policy"), "doc"),
        ("gateway_messages.index", N_("Messages of Alipay"), "money"),
        ("privacy.requests", N_("Requests about personal data"), "users"),
    ),
}
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
    links = [
        Link(url_for(endpoint), gettext(word), icon)
        for endpoint, word, icon in MORE.get(actor.role, ())
        if endpoint not in tabs and _may_open(endpoint, actor)
    ]
    return render_template("home/more.html", areas=links, unread=count_unread(actor))


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
