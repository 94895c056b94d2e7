"""The stocking list 配备目录: an institution ticks and adopts its own, the bureau reads everybody's (R-STOCK-2)."""

from __future__ import annotations

from dataclasses import dataclass

from flask import Blueprint, abort, flash, redirect, render_template, request, url_for
from flask_babel import gettext, ngettext
from werkzeug.wrappers import Response

from clinic_orders.actions import stocking_lists as deeds
from clinic_orders.actions.loading import ChangedMeanwhile
from clinic_orders.queries import ordering
from clinic_orders.queries import stocking_lists as queries
from clinic_orders.queries.institutions import counties
from clinic_orders.queries.ordering import ItemRow
from clinic_orders.queries.policy import policy_book
from clinic_orders.queries.roster import seen_standing, standing
from clinic_orders.queries.stocking_lists import ListsWanted
from clinic_orders.rules.errors import N_, RuleBroken
from clinic_orders.rules.parties import InstitutionKind, Permission, Role
from clinic_orders.web.display import label
from clinic_orders.web.errors import say
from clinic_orders.web.goods_pages import frame
from clinic_orders.web.guards import actor, at, needs, today
from clinic_orders.web.listing import Column, as_file, page_cut, sort_order, wanted_file
from clinic_orders.web.report_lines import found_items

blueprint = Blueprint("stocking", __name__, url_prefix="/stocking")

STATE_WORDS = {
    "none": N_("no list yet"),
    "short": N_("shorter than the minimum"),
    "enough": N_("long enough"),
    "draft": N_("with a draft"),
}
SHAPES = {"none": "off", "short": "warn", "enough": "ok"}


@dataclass(frozen=True, slots=True)
class TickLine:
    """A medicine with its box: whether it is in the list, in the draft, and on the shelf."""

    item: ItemRow
    listed: bool
    drafted: bool
    kept: bool


def _own() -> int:
    found = actor().institution_id
    if found is None:
        abort(404)
    return found


def _page(refusal: str = "", query: str = "") -> str:
    """The list with its draft; what a search finds stands on top."""
    institution_id, on, book = _own(), today(), policy_book()
    state = standing(institution_id, on=on)
    own = queries.own_list(institution_id)
    kept = queries.kept_now(institution_id, state.kind, on=on, book=book)
    offered = ordering.items_on(on).offered(state.kind, urgent=False)
    fits = {item.id: item for item in offered}
    query = query or request.args.get("q", "").strip()[:64]
    show = request.args.get("show", "")
    mine = own.listed | own.drafted
    hits = [one for one in found_items(on, query) if one in fits] if query else []

    def lines(items: list[ItemRow]) -> list[TickLine]:
        return [
            TickLine(item, item.id in own.listed, item.id in own.drafted, item.id in kept) for item in items
        ]

    minimum = book.find("stocking.minimum", kind=state.kind, scale=state.scale or None, on=on)
    groups = {
        "found": lines([fits[one] for one in hits]),
        "all": lines(list(offered)) if show == "all" and not query else [],
        "mine": lines([item for item in offered if item.id in mine]) if show != "all" and not query else [],
        "more": lines([item for item in offered if item.id in kept and item.id not in mine])
        if show != "all" and not query
        else [],
    }
    shown = [line.item.code for group in groups.values() for line in group]
    return render_template(
        "stocking/index.html",
        frame=frame(),
        own=own,
        groups=groups,
        shown=" ".join(shown),
        offered=len(offered),
        listed=len(own.listed & fits.keys()),
        drafted=len(own.drafted & fits.keys()),
        added=len(own.drafted - own.listed),
        removed=len(own.listed - own.drafted),
        gone=len(mine - fits.keys()),
        minimum=minimum.value if isinstance(minimum.value, int) else None,
        confirmed=minimum.confirmed,
        query=query,
        show=show,
        refusal=refusal,
    )


@blueprint.get("/")
@needs(Permission.REPORTS_MAKE)
def index() -> str:
    """The list of the actor's own institution, to tick and to adopt."""
    return _page()


@blueprint.post("/")
@needs(Permission.REPORTS_MAKE)
def change() -> str | Response | tuple[str, int]:
    """Keep the ticks in the draft, then search, adopt the list, or leave the draft."""
    form = request.form
    do, seen = form.get("do", "save"), form.get("version", 0, type=int)
    query = form.get("q", "").strip()[:64]
    try:
        if do == "drop":
            deeds.drop_stocking_draft(seen=seen, by=actor(), at=at())
            flash(gettext("The draft is gone; the list stays as it was."), "ok")
            return redirect(url_for(".index"), 303)
        ticked = set(form.getlist("item"))
        shown = {code: code in ticked for code in form.get("shown", "").split()}
        version = deeds.keep_stocking_draft(shown, seen=seen, by=actor(), at=at())
        if do == "adopt":
            items = deeds.adopt_stocking_list(seen=version, by=actor(), at=at())
            flash(
                ngettext(
                    "Your stocking list has %(num)d item now.",
                    "Your stocking list has %(num)d items now.",
                    items,
                ),
                "ok",
            )
            return redirect(url_for(".index"), 303)
    except RuleBroken as refusal:
        return _page(say(refusal)), 409 if isinstance(refusal, ChangedMeanwhile) else 422
    if do == "save":
        flash(gettext("The draft is kept. It becomes your list when you adopt it."), "ok")
    return redirect(
        url_for(".index", q=query if do == "find" and query else None, show="all" if do == "all" else None),
        303,
    )


# The bureau's view ----------------------------------------------------------------------------------------

COLUMNS = (
    Column(N_("Code"), lambda row: row.code),
    Column(N_("Institution"), lambda row: row.name),
    Column(N_("Kind"), lambda row: row.kind),
    Column(N_("County"), lambda row: row.county),
    Column(N_("Township or street"), lambda row: row.township),
    Column(N_("Items in the list"), lambda row: row.items),
    Column(N_("Minimum"), lambda row: row.minimum),
    Column(N_("Missing items"), lambda row: row.missing),
    Column(N_("State"), lambda row: gettext(STATE_WORDS[row.state])),
    Column(N_("Adopted at"), lambda row: row.adopted_at),
)
ITEM_COLUMNS = (
    Column(N_("Item code"), lambda row: row.item_code),
    Column(N_("Medicine"), lambda row: row.name),
    Column(N_("Strength"), lambda row: row.strength),
    Column(N_("Maker"), lambda row: row.manufacturer),
    Column(N_("In the list"), lambda row: gettext("yes") if row.listed else gettext("only in the draft")),
)


@blueprint.get("/lists")
@needs(Permission.REPORTS_READ)
def lists() -> str | Response:
    """Every member with its list in numbers, the shortest first."""
    kind, state = request.args.get("kind", ""), request.args.get("state", "")
    wanted = ListsWanted(
        request.args.get("q", "").strip()[:64],
        request.args.get("county", "")[:12],
        InstitutionKind(kind) if kind in set(InstitutionKind) else None,
        state if state in queries.STATES else "",
    )
    sort = sort_order(queries.SORTS, "-missing")
    rows = queries.member_lists(actor(), wanted, on=today(), book=policy_book(), sort=sort)
    if wanted_file():
        return as_file("stocking-lists", COLUMNS, rows)
    cut = page_cut(len(rows))
    return render_template(
        "stocking/lists.html",
        rows=rows[cut.offset : cut.offset + cut.limit],
        page=cut,
        sort=sort,
        wanted=wanted,
        filtered=wanted != ListsWanted(),
        states=[(one, gettext(STATE_WORDS[one])) for one in queries.STATES],
        words=STATE_WORDS,
        shapes=SHAPES,
        kinds=[(one.value, label(one)) for one in InstitutionKind],
        counties=counties(actor()) if actor().role is Role.CITY else [],
        today=today(),
    )


@blueprint.get("/lists/<int:institution_id>")
@needs(Permission.REPORTS_READ)
def items(institution_id: int) -> str | Response:
    """The items of one institution's list."""
    state = seen_standing(institution_id, actor(), on=today())
    if state is None:
        abort(404)
    rows = queries.list_items(institution_id, on=today())
    if wanted_file():
        return as_file(f"stocking-list-{institution_id}", ITEM_COLUMNS, rows)
    return render_template(
        "stocking/items.html", name=state.name, items=rows, own=queries.own_list(institution_id)
    )
