"""The life of a pack 一码溯源: type or scan its trace code and see where it was, as far as one may (R-TRACE-1)."""

from __future__ import annotations

import tempfile
from collections.abc import Iterator

from flask import Blueprint, Response, abort, render_template, request, send_file, url_for

from clinic_orders.exchange.epcis import MEDIA_TYPE, write_epcis
from clinic_orders.queries.epcis import life_events, month_events, shipment_events
from clinic_orders.queries.packs import PackEvent, life_of_pack
from clinic_orders.queries.trace_lines import SORTS as LINE_SORTS
from clinic_orders.queries.trace_lines import LinesWanted, count_lines, place_of, trace_lines, trace_rate
from clinic_orders.rules.days import Month
from clinic_orders.rules.epcis import PacksMoved
from clinic_orders.rules.errors import N_, RuleBroken
from clinic_orders.rules.pack_life import PackStep, read_code
from clinic_orders.rules.parties import BUYER_ROLES, Permission, Role
from clinic_orders.web.display import register_labels
from clinic_orders.web.errors import say
from clinic_orders.web.goods_pages import asked_month, frame
from clinic_orders.web.guards import actor, at, needs, today
from clinic_orders.web.listing import Column, as_file, page_cut, sort_order, wanted_file

blueprint = Blueprint("packs", __name__, url_prefix="/packs")

register_labels(
    {
        PackStep.SHIPPED: N_("Pack shipped"),
        PackStep.DELIVERED: N_("Pack delivered"),
        PackStep.ACCEPTED: N_("Pack accepted"),
        PackStep.REJECTED: N_("Pack not accepted"),
        PackStep.SOLD: N_("Pack sold"),
        PackStep.BROUGHT_BACK: N_("Pack brought back by the customer"),
        PackStep.SENT_BACK: N_("Pack returned to the distributor"),
    }
)
_LONGEST = 100
_ON_SALES = frozenset({PackStep.SOLD, PackStep.BROUGHT_BACK})


def paper_address(event: PackEvent) -> str:
    """Where the paper of a step is read; empty for sales, which have no page."""
    if event.step in _ON_SALES:
        return ""
    seller = actor().role is Role.DISTRIBUTOR
    if event.step is PackStep.SENT_BACK:
        return url_for("distribution.goods_return" if seller else "returns.show", return_no=event.paper)
    return url_for("distribution.shipment" if seller else "receiving.show", receipt_no=event.paper)


@blueprint.get("/")
@needs(Permission.PACKS_READ)
def index() -> str:
    """The field, and the life of the code that was typed; what one may not see looks like what is not there."""
    typed = request.args.get("code", "")[:_LONGEST].strip()
    life, problem = None, ""
    if typed:
        try:
            life = life_of_pack(read_code(typed), actor(), on=today())
        except RuleBroken as refusal:
            problem = say(refusal)
    return render_template(
        "packs/index.html",
        frame=frame(),
        typed=typed,
        life=life,
        problem=problem,
        paper_address=paper_address,
        year=today().year,
        month=Month.of(today()).previous(),
        own=actor().role in BUYER_ROLES,
    )


def _document(name: str, events: Iterator[PacksMoved]) -> Response:
    """The events as a file to keep; a month of any size is written beside, not held in memory."""
    out = tempfile.TemporaryFile()  # noqa: SIM115 - it is closed with the answer.
    write_epcis(out, events, at=at())
    out.seek(0)
    return send_file(
        out, mimetype=MEDIA_TYPE, as_attachment=True, download_name=f"epcis-{name}.jsonld", max_age=0
    )


@blueprint.get("/epcis")
@needs(Permission.PACKS_READ)
def epcis() -> Response:
    """What became of packs as EPCIS 2.0: of a code, a receipt or a month; everybody gets their own part."""
    asked = {name: request.args.get(name, "")[:_LONGEST].strip() for name in ("code", "receipt", "month")}
    if asked["code"]:
        return _document("code", life_events(life_of_pack(read_code(asked["code"]), actor(), on=today())))
    if asked["receipt"]:
        return _document("receipt", shipment_events(asked["receipt"], actor(), today()))
    if not asked["month"]:
        abort(404)
    month = Month.parse(asked["month"])
    return _document(str(month), month_events(month, actor(), today()))


_LINES = (
    Column(N_("Sale"), lambda row: f"{row.sale_no}/{row.line_no}"),
    Column(N_("Time"), lambda row: row.sold_at),
    Column(N_("Item code"), lambda row: row.item_code),
    Column(N_("Item"), lambda row: row.item),
    Column(N_("Base units"), lambda row: row.base_units),
    Column(N_("Amount (yuan)"), lambda row: row.amount),
    Column(N_("Trace code uploaded"), lambda row: "Y" if row.coded else "N"),
)


@blueprint.get("/rate")
@needs(Permission.PACKS_READ)
def rate() -> str | Response:
    """The trace rate of an institution in a month, with the sale lines behind it; one's own without a code."""
    if actor().role is Role.DISTRIBUTOR:
        abort(404)
    place = place_of(request.args.get("institution", "")[:32], actor(), on=today())
    if place is None:
        abort(404)
    month = asked_month() or Month.of(today())
    wanted = LinesWanted(request.args.get("q", "").strip()[:64], request.args.get("state") == "missing")
    sort = sort_order(set(LINE_SORTS), "-sold")
    if wanted_file():
        return as_file(f"trace-lines-{month}", _LINES, trace_lines(place, month, wanted, sort=sort))
    page = page_cut(count_lines(place, month, wanted))
    return render_template(
        "packs/rate.html",
        frame=frame(),
        place=place,
        month=month,
        rate=trace_rate(place, month),
        rows=trace_lines(place, month, wanted, sort=sort, limit=page.limit, offset=page.offset),
        wanted=wanted,
        filtered=wanted != LinesWanted(),
        asked=request.args.get("institution", "")[:32],
        page=page,
        sort=sort,
        year=today().year,
    )
