"""Returns 退货: choose packs of a receipt, follow what the distributor decides."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from flask import Blueprint, abort, flash, redirect, render_template, request, url_for
from flask_babel import gettext
from werkzeug.wrappers import Response

from clinic_orders.actions import returns as deeds
from clinic_orders.actions.answering import LinesNotPossible
from clinic_orders.actions.loading import NotFound
from clinic_orders.actions.returns import ReturnedPacks, check_return_lines, request_return
from clinic_orders.models.catalogue import Item
from clinic_orders.models.deliveries import GoodsReturn, Shipment, ShipmentLine
from clinic_orders.queries import receiving as queries
from clinic_orders.queries.receiving import ReturnsWanted
from clinic_orders.queries.scanning import Met, sightings
from clinic_orders.rules.errors import N_, RuleBroken
from clinic_orders.rules.order_steps import Step, sides_of, steps_open_to
from clinic_orders.rules.ordering import ReturnState, return_state, shipment_state
from clinic_orders.rules.parties import Permission
from clinic_orders.rules.quantities import parse_cart_packs
from clinic_orders.rules.reasons import ReturnReason, reason_label
from clinic_orders.rules.scanning import read_scans
from clinic_orders.rules.tracing import parse_trace_codes
from clinic_orders.web.display import label
from clinic_orders.web.errors import say
from clinic_orders.web.goods_pages import frame, named
from clinic_orders.web.guards import actor, at, needs, today
from clinic_orders.web.listing import Column, as_file, page_cut, sort_order, wanted_file
from clinic_orders.web.reasons import RETURN_SHAPES
from clinic_orders.web.scanning import Note, met_before

blueprint = Blueprint("returns", __name__, url_prefix="/returns")

# What can go back of a line is less and is said by the action; this only keeps absurd numbers out.
_MOST = 999_999

COLUMNS = (
    Column(N_("Return"), lambda row: row.return_no),
    Column(N_("Receipt"), lambda row: row.receipt_no),
    Column(N_("Receiver"), lambda row: row.institution),
    Column(N_("Distributor"), lambda row: row.distributor),
    Column(N_("Asked for"), lambda row: row.requested_at),
    Column(N_("Agreed"), lambda row: row.agreed_at),
    Column(N_("Sent back"), lambda row: row.sent_back_at),
    Column(N_("State"), lambda row: row.state),
    Column(N_("Packs"), lambda row: row.packs),
    Column(N_("Amount (yuan)"), lambda row: row.amount),
)


@blueprint.get("/")
@needs(Permission.ORDERS_READ)
def index() -> str | Response:
    """The returns that the person may see."""
    asked = request.args.get("state", "")
    wanted = ReturnsWanted(
        ReturnState(asked) if asked in set(ReturnState) else None, request.args.get("q", "").strip()[:64]
    )
    sort = sort_order(set(queries.RETURN_SORTS), "-requested")
    if wanted_file():
        return as_file("returns", COLUMNS, queries.returns(actor(), on=today(), wanted=wanted, sort=sort))
    page = page_cut(queries.returns_count(actor(), on=today(), wanted=wanted))
    return render_template(
        "returns/index.html",
        frame=frame(),
        rows=queries.returns(
            actor(), on=today(), wanted=wanted, sort=sort, limit=page.limit, offset=page.offset
        ),
        wanted=wanted,
        states=[(state.value, label(state)) for state in ReturnState],
        shapes=RETURN_SHAPES,
        page=page,
        sort=sort,
        today=today(),
    )


def _steps(found: GoodsReturn) -> tuple[ReturnState, list[Step]]:
    state = return_state(
        agreed_at=found.agreed_at,
        refused_at=found.refused_at,
        withdrawn_at=found.withdrawn_at,
        sent_back_at=found.sent_back_at,
    )
    return state, steps_open_to(sides_of(actor(), found.shipment.order.parties), state)


def _page(return_no: str, *, refusal: str = "") -> str:
    found = queries.find_return(return_no, actor(), on=today())
    if found is None:
        abort(404)
    state, steps = _steps(found)
    return render_template(
        "returns/show.html",
        frame=frame(),
        found=found,
        state=state,
        shapes=RETURN_SHAPES,
        steps={step.value for step in steps},
        names=queries.names_of((found.institution_id,), on=today()),
        refusal=refusal,
        today=today(),
    )


@blueprint.get("/<return_no>")
@needs(Permission.ORDERS_READ)
def show(return_no: str) -> str:
    """One return and what can be done with it now."""
    return _page(return_no)


@blueprint.post("/<return_no>")
@needs(Permission.DELIVERIES_ACCEPT)
def follow_up(return_no: str) -> str | tuple[str, int] | Response:
    """Withdraw the request, or say that the goods have left."""
    step = request.form.get("do", "")
    if step not in _DEEDS:
        abort(400)
    try:
        seen = request.form.get("version", type=int)
        _DEEDS[step](return_no, by=actor(), at=at(), seen_version=seen)
    except NotFound:
        abort(404)
    except RuleBroken as refusal:
        return _page(return_no, refusal=say(refusal)), 409
    flash(gettext(_DONE[step]), "ok")
    return redirect(url_for(".show", return_no=return_no))


_DEEDS = {
    Step.WITHDRAW_RETURN.value: deeds.withdraw_return,
    Step.SEND_BACK.value: deeds.confirm_sent_back,
}
_DONE = {
    Step.WITHDRAW_RETURN.value: N_("The request is withdrawn."),
    Step.SEND_BACK.value: N_("Noted: the goods have left."),
}


@dataclass(slots=True)
class ReturnEntry:
    """One received batch in the form of a return, with what was typed."""

    line: ShipmentLine
    left: int
    typed: str
    reason: str
    reason_text: str
    codes: str = ""
    error: str = ""

    @property
    def item(self) -> Item:
        """The item of the batch."""
        return self.line.order_line.item

    @property
    def stored_reason(self) -> str:
        """The reason for the action."""
        if self.reason == ReturnReason.OTHER.value and self.reason_text.strip():
            return f"{self.reason}:{self.reason_text.strip()}"
        return self.reason


def _receipt(receipt_no: str) -> Shipment:
    shipment = queries.find_shipment(receipt_no, actor(), on=today())
    if shipment is None:
        abort(404)
    state = shipment_state(
        shipped_at=shipment.shipped_at, accepted_at=shipment.accepted_at, voided_at=shipment.voided_at
    )
    if Step.REQUEST_RETURN not in steps_open_to(sides_of(actor(), shipment.order.parties), state):
        abort(404)
    return shipment


def _entries(shipment: Shipment) -> list[ReturnEntry]:
    waiting = queries.asked_back(shipment.id)
    return [
        ReturnEntry(
            line,
            (line.accepted_packs or 0) - line.returned_packs - waiting.get(line.id, 0),
            request.form.get(f"n-{line.id}", "")[:32],
            request.form.get(f"why-{line.id}", ""),
            request.form.get(f"text-{line.id}", "")[:200],
            request.form.get(f"codes-{line.id}", "")[:12_000],
        )
        for line in shipment.lines
    ]


def _ask_page(
    shipment: Shipment,
    entries: list[ReturnEntry],
    refusal: str = "",
    notes: Sequence[Note] = (),
    scanned: str = "",
) -> str:
    return render_template(
        "returns/ask.html",
        frame=frame(),
        shipment=shipment,
        entries=entries,
        errors=[(f"n-{entry.line.id}", named(entry.item, entry.error)) for entry in entries if entry.error],
        refusal=refusal,
        notes=notes,
        scanned=scanned,
        scanning=request.form.get("do") == "scan",
        reasons=[(reason.value, gettext(reason_label(reason))) for reason in ReturnReason],
    )


@blueprint.get("/of/<receipt_no>")
@needs(Permission.DELIVERIES_ACCEPT)
def ask(receipt_no: str) -> str:
    """Choose what goes back of a receipt."""
    shipment = _receipt(receipt_no)
    return _ask_page(shipment, _entries(shipment))


def _asked(entries: list[ReturnEntry]) -> dict[int, ReturnedPacks]:
    """What was typed, for the action; an entry that is no number keeps its error."""
    lines: dict[int, ReturnedPacks] = {}
    for entry in entries:
        try:
            packs = parse_cart_packs(entry.typed, maximum=_MOST)
        except RuleBroken as refusal:
            entry.error = say(refusal)
        else:
            if packs:
                try:
                    codes = parse_trace_codes(entry.codes)
                except RuleBroken as refusal:
                    entry.error = say(refusal)
                else:
                    lines[entry.line.id] = ReturnedPacks(packs, entry.stored_reason, codes)
    return lines


def _scan(shipment: Shipment, entries: list[ReturnEntry]) -> str:
    """Put the codes of the field on the batches with which they came; a batch gets a pack more for each."""
    scans, problems = read_scans(request.form.get("code", ""))
    notes: list[Note] = [("bad", say(problem)) for problem in problems]
    left = [str(problem.facts["typed"]) for problem in problems]
    seen = sightings([scan.code for scan in scans], actor(), on=today(), besides=shipment.id)
    for scan in scans:
        entry = next(
            (entry for entry in entries if any(scan.code == code.code for code in entry.line.codes)), None
        )
        if entry is None:
            text = gettext("%(code)s did not come with this receipt. It can't go back on it.", code=scan.code)
            notes.append(("bad", text))
            left.append(scan.code)
            continue
        if scan.code in entry.codes.split():
            notes.append(("warn", gettext("%(code)s is already scanned.", code=scan.code)))
            continue
        entry.codes = f"{entry.codes} {scan.code}".strip()
        typed = int(entry.typed) if entry.typed.isascii() and entry.typed.isdigit() else 0
        entry.typed = str(max(typed, len(entry.codes.split())))
        notes.append(("ok", gettext("%(code)s: %(name)s", code=scan.code, name=entry.item.generic_name)))
        notes += met_before(seen.get(scan.code, ()), now=(Met.ACCEPTED, Met.TAKEN_BACK))
    return _ask_page(shipment, entries, notes=notes, scanned=" ".join(left))


@blueprint.post("/of/<receipt_no>")
@needs(Permission.DELIVERIES_ACCEPT)
def request_(receipt_no: str) -> str | tuple[str, int] | Response:
    """Ask the distributor to take the chosen packs back."""
    shipment = _receipt(receipt_no)
    entries = _entries(shipment)
    if request.form.get("code", "").strip() or request.form.get("do") == "scan":
        return _scan(shipment, entries)
    lines = _asked(entries)
    try:
        seen = request.form.get("version", type=int)
        if any(entry.error for entry in entries):
            check_return_lines(shipment, lines)
            return _ask_page(shipment, entries), 422
        made = request_return(receipt_no, lines, by=actor(), at=at(), seen_version=seen)
    except LinesNotPossible as refused:
        shipment = _receipt(receipt_no)
        again = _entries(shipment)
        _asked(again)
        for entry in again:
            problem = refused.problems.get(entry.line.id)
            entry.error = entry.error or (say(problem) if problem else "")
        return _ask_page(shipment, again), 422
    except RuleBroken as refusal:
        shipment = _receipt(receipt_no)
        return _ask_page(shipment, _entries(shipment), say(refusal)), 409
    flash(gettext("The distributor is asked. It counts from the day it agrees."), "ok")
    return redirect(url_for(".show", return_no=made.return_no))
