"""Ship: the form with its batches."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime

from flask import abort, flash, redirect, render_template, request, url_for
from flask_babel import gettext as _
from werkzeug.wrappers import Response

from clinic_orders.actions import shipping
from clinic_orders.actions.answering import LinesNotPossible
from clinic_orders.actions.loading import NotFound
from clinic_orders.queries import distribution as questions
from clinic_orders.queries import scanning as questions_of_codes
from clinic_orders.queries.scanning import Met
from clinic_orders.rules.days import parse_moment
from clinic_orders.rules.errors import RuleBroken
from clinic_orders.rules.parties import Permission
from clinic_orders.rules.scanning import read_scans
from clinic_orders.web.distribution import forms
from clinic_orders.web.distribution.base import blueprint
from clinic_orders.web.distribution.orders import loaded
from clinic_orders.web.distribution.scanned import scan_into
from clinic_orders.web.errors import say
from clinic_orders.web.guards import actor, at, needs, today
from clinic_orders.web.scanning import Note, met_before


def _ship_page(
    order_no: str,
    rows: list[forms.BatchRow] | None = None,
    error: str = "",
    notes: Sequence[Note] = (),
    scanned: str = "",
) -> str:
    sheet = questions.order_sheet(order_no, actor(), at=at())
    if sheet is None:
        abort(404)
    lines = {line.line_no: line for line in sheet.order.lines}
    shown = forms.fresh_rows(sheet.order) if rows is None else rows
    return render_template(
        "distribution/ship.html",
        sheet=sheet,
        order=sheet.order,
        row=sheet.row,
        lines=lines,
        batches=[batch for batch in shown if batch.line_no in lines],
        missing=[
            line
            for line in sheet.order.lines
            if line.quantities.to_ship and line.line_no not in {batch.line_no for batch in shown}
        ],
        error=error,
        notes=notes,
        scanned=scanned,
        scanning=request.form.get("do") == "scan",
        shipped_at=request.form.get("shipped_at", ""),
    )


@blueprint.get("/orders/<order_no>/ship")
@needs(Permission.DELIVERIES_SHIP)
def ship(order_no: str) -> str:
    """The form of a shipment, prefilled with all that is still to be shipped."""
    return _ship_page(order_no)


@blueprint.post("/orders/<order_no>/ship")
@needs(Permission.DELIVERIES_SHIP)
def send(order_no: str) -> Response | str | tuple[str, int]:
    """Ship what was typed; or give one more row for a batch, without JavaScript too."""
    rows = forms.read_rows(request.form)
    another = request.form.get("add", "")
    if another.isascii() and another.isdigit():
        return _ship_page(order_no, forms.with_another(rows, loaded(order_no), int(another[:5])))
    # A code that stands in the field when the goods are sent was not taken over yet: it is, before anything goes.
    if request.form.get("code", "").strip() or request.form.get("do") == "scan":
        return _scanned(order_no, rows)
    lines, sources = forms.ship_lines(rows)
    try:
        if any(row.problem for row in rows):
            raise LinesNotPossible(order_no, {})
        made = shipping.ship(
            order_no,
            lines,
            by=actor(),
            at=at(),
            seen_version=forms.seen_version(request.form),
            shipped_at=typed_moment("shipped_at"),
        )
    except NotFound:
        abort(404)
    except LinesNotPossible as refusal:
        for place, problem in refusal.problems.items():
            sources[place].problem = problem
        return _ship_page(order_no, rows), 409
    except RuleBroken as refusal:
        return _ship_page(order_no, rows, say(refusal)), 409
    flash(
        _("Shipped as %(number)s. Print the delivery note and send it along.", number=made.receipt_no), "ok"
    )
    return redirect(url_for(".shipment", receipt_no=made.receipt_no), 303)


def _scanned(order_no: str, rows: list[forms.BatchRow]) -> str:
    """Put the codes of the field into the rows of their items, and say where they were met before."""
    scans, problems = read_scans(request.form.get("code", ""))
    items = questions_of_codes.items_of(scans)
    rows, notes, homeless = scan_into(rows, loaded(order_no), scans, items)
    seen = questions_of_codes.sightings([scan.code for scan in scans], actor(), on=today())
    for scan in scans:
        notes += met_before(seen.get(scan.code, ()), now=(Met.REJECTED,))
    notes += [("bad", say(problem)) for problem in problems]
    left = " ".join([*homeless, *(str(problem.facts["typed"]) for problem in problems)])
    return _ship_page(order_no, rows, notes=notes, scanned=left)


def typed_moment(name: str) -> datetime | None:
    """The instant typed into a field; None where it was left empty."""
    typed = request.form.get(name, "").strip()
    return parse_moment(typed) if typed else None
