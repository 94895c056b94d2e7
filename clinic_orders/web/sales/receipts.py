"""Sales so far, one receipt, what came back of it, and an entry taken back."""

from __future__ import annotations

import re
import secrets
from collections.abc import Mapping, Sequence
from datetime import date
from typing import Any

from flask import Response as FlaskResponse
from flask import abort, flash, redirect, render_template, request, url_for
from flask_babel import gettext
from werkzeug.wrappers import Response

from clinic_orders.actions import selling as deeds
from clinic_orders.actions.loading import NotFound
from clinic_orders.queries import sales as lists
from clinic_orders.queries import selling as queries
from clinic_orders.queries.sales import SalesWanted
from clinic_orders.queries.selling import Receipt, ReceiptLine
from clinic_orders.rules.days import Month, parse_day
from clinic_orders.rules.errors import N_, RuleBroken
from clinic_orders.rules.money import parse_amount
from clinic_orders.rules.parties import Permission
from clinic_orders.rules.quantities import parse_units
from clinic_orders.rules.reasons import ReversalReason, parse_reason, reason_label
from clinic_orders.rules.selling import refund
from clinic_orders.rules.stock_entries import MOST_UNITS, EntryKind
from clinic_orders.rules.tracing import parse_trace_codes
from clinic_orders.web.errors import say
from clinic_orders.web.goods_pages import asked_month, frame, month_options
from clinic_orders.web.guards import actor, at, needs, today
from clinic_orders.web.listing import Column, as_file, page_cut, sort_order, wanted_file
from clinic_orders.web.reasons import reversal_reason
from clinic_orders.web.sales.door import blueprint, own

_KEY = re.compile(r"[A-Za-z0-9_-]{16,64}")
MONTHS = 24
"""So many months back a list offers."""
KINDS = (
    ("sale", N_("Sales")),
    ("return", N_("Customer returns")),
    ("taken_back", N_("Taken back")),
)
COLUMNS = (
    Column(N_("Sold at"), lambda row: row.sold_at),
    Column(N_("Receipt number"), lambda row: row.sale_no),
    Column(N_("Line"), lambda row: row.line_no),
    Column(N_("Item code"), lambda row: row.item_code),
    Column(N_("Medicine"), lambda row: row.name),
    Column(N_("Strength"), lambda row: row.strength),
    Column(N_("Manufacturer"), lambda row: row.manufacturer),
    Column(N_("Smallest units"), lambda row: row.base_units),
    Column(N_("Unit"), lambda row: row.base_unit),
    Column(N_("Units of a pack"), lambda row: row.pack_size),
    Column(N_("Amount"), lambda row: row.amount),
    Column(N_("Insurance"), lambda row: 1 if row.insured else 0),
    Column(N_("Written down by"), lambda row: row.entered_by or gettext("from a file")),
    Column(N_("Of receipt"), lambda row: row.of_sale_no),
    Column(N_("Entry taken back at"), lambda row: row.taken_back_at),
)


def _asked_day() -> date | None:
    try:
        return parse_day(request.args.get("day", ""))
    except RuleBroken:
        return None


@blueprint.get("/")
@needs(Permission.REPORTS_MAKE)
def index() -> str | FlaskResponse:
    """Own sales of a day or month, line by line."""
    day = _asked_day()
    month = asked_month() or Month.of(day or today())
    kind = request.args.get("kind", "")
    wanted = SalesWanted(
        day or month.first_day,
        day or month.last_day,
        request.args.get("q", "").strip()[:64],
        kind if kind in dict(KINDS) else "",
    )
    sort = sort_order(set(lists.SORTS), "-sold")
    if wanted_file():
        return as_file("sales", COLUMNS, lists.sales(own(), wanted, sort=sort))
    whole = lists.sales_sum(own(), wanted)
    page = page_cut(whole.lines)
    months = {Month.of(today()).plus(-back) for back in range(MONTHS)} | {month}
    return render_template(
        "sales/index.html",
        frame=frame(),
        rows=lists.sales(own(), wanted, sort=sort, offset=page.offset, limit=page.limit),
        whole=whole,
        wanted=wanted,
        query=request.args.get("q", "").strip()[:64],
        day=day,
        month=month,
        filtered=bool(wanted.words or wanted.kind or day),
        months=month_options(sorted(months, key=str, reverse=True)),
        kinds=[(word, gettext(text)) for word, text in KINDS],
        page=page,
        sort=sort,
        year=today().year,
    )


def _receipt() -> Receipt:
    found = queries.receipt_of(own(), request.args.get("no", "")[:64])
    if found is None:
        abort(404)
    return found


def _receipt_page(found: Receipt, *, refusal: str = "", status: int = 200) -> tuple[str, int]:
    page = render_template(
        "sales/receipt.html",
        frame=frame(),
        found=found,
        sold_at=min(line.sold_at for line in found.lines),
        can_come_back=any(line.base_units > line.came_back for line in found.lines if line.base_units > 0)
        and not (found.entry and found.entry.taken_back_at),
        reasons=[(one.value, gettext(reason_label(one))) for one in ReversalReason],
        why=reversal_reason(found.entry.taken_back_reason) if found.entry else "",
        refusal=refusal,
        typed=request.form,
        year=today().year,
    )
    return page, status


@blueprint.get("/receipt")
@needs(Permission.REPORTS_MAKE)
def receipt() -> tuple[str, int]:
    """One receipt: its lines and codes, what came back, who wrote it down; here it is taken back."""
    return _receipt_page(_receipt())


@blueprint.post("/receipt")
@needs(Permission.REPORTS_MAKE)
def take_back() -> Response | tuple[str, int]:
    """Take an entry back; a sale may go into the form again, to be put right."""
    found, form = _receipt(), request.form
    refill = form.get("do") == "refill"
    try:
        reason = parse_reason(ReversalReason, form.get("reason", ""), form.get("reason_text", "").strip())
        deeds.take_back_entry(
            found.sale_no,
            reason,
            refill=refill,
            seen_version=form.get("version", type=int),
            by=actor(),
            at=at(),
        )
    except NotFound:
        abort(404)
    except RuleBroken as refusal:
        status = 409 if refusal.code in {"ChangedMeanwhile", "EntryTakenBack"} else 422
        return _receipt_page(_receipt(), refusal=say(refusal), status=status)
    if refill:
        flash(
            gettext(
                "%(number)s is taken back. Put the numbers right and write it down anew.",
                number=found.sale_no,
            ),
            "ok",
        )
        return redirect(url_for(".check"), 303)
    flash(gettext("%(number)s is taken back. It stays on record.", number=found.sale_no), "ok")
    return redirect(url_for(".receipt", no=found.sale_no), 303)


# What comes back ----------------------------------------------------------------------------------------------


def _return_page(
    found: Receipt, typed: Mapping[str, str], errors: Sequence[tuple[str, str]], key: str
) -> str:
    return render_template(
        "sales/bring_back.html",
        frame="layout/phone.html",
        found=found,
        lines=[line for line in found.lines if line.base_units > line.came_back],
        typed=typed,
        errors=errors,
        wrong=dict(errors),
        key=key,
        today=today(),
    )


@blueprint.get("/return")
@needs(Permission.REPORTS_MAKE)
def bring_back() -> str:
    """Something comes back of a receipt: units beside its lines; the money is worked out if nothing is typed."""
    return _return_page(_receipt(), {}, [], secrets.token_urlsafe(18))


def _read_back(line: ReceiptLine, errors: list[tuple[str, str]]) -> deeds.BackLine | None:
    form = request.form
    units_box, amount_box, codes_box = (f"{kind}-{line.line_no}" for kind in ("u", "a", "t"))
    units, amount, codes = 0, None, ()
    read: tuple[tuple[str, Any], ...] = (
        (units_box, lambda text: parse_units(text, minimum=0, maximum=MOST_UNITS)),
        (amount_box, parse_amount),
        (codes_box, parse_trace_codes),
    )
    values: dict[str, Any] = {}
    for box, reader in read:
        text = form.get(box, "").strip()
        if not text:
            continue
        try:
            values[box] = reader(text)
        except RuleBroken as refusal:
            errors.append((box, gettext("%(name)s: %(problem)s", name=line.name, problem=say(refusal))))
    units, amount, codes = values.get(units_box, 0), values.get(amount_box), values.get(codes_box, ())
    if not units:
        return None
    if amount is None:
        amount = refund(
            line.amount,
            sold=line.base_units,
            returned=line.came_back,
            refunded=line.given_back,
            coming_back=units,
        )
    return deeds.BackLine(line.line_no, units, amount, codes)


@blueprint.post("/return")
@needs(Permission.REPORTS_MAKE)
def record_return() -> Response | tuple[str, int]:
    """Write down what came back; the same form sent twice makes one."""
    found, key = _receipt(), request.form.get("key", "")
    if not _KEY.fullmatch(key):
        abort(400)
    errors: list[tuple[str, str]] = []
    came_on = today()
    try:
        came_on = parse_day(request.form.get("came_on", ""))
    except RuleBroken as refusal:
        errors.append(("came_on", say(refusal)))
    lines = [
        read for line in found.lines if line.base_units > 0 and (read := _read_back(line, errors)) is not None
    ]
    if not errors:
        try:
            entry = deeds.record_customer_return(
                found.sale_no, lines, came_on=came_on, key=key, by=actor(), at=at()
            )
        except RuleBroken as refusal:
            errors.append(("came_on" if refusal.code == "EntryInFuture" else "", say(refusal)))
        else:
            flash(gettext("Written down as come back: number %(number)s.", number=entry.entry_no), "ok")
            return redirect(url_for(".receipt", no=entry.entry_no), 303)
    return _return_page(found, request.form, errors, key), 422


def entry_kind(found: Receipt) -> EntryKind:
    """What a receipt is by its units, also where it came with a file."""
    return EntryKind.SALE if any(line.base_units > 0 for line in found.lines) else EntryKind.CUSTOMER_RETURN


blueprint.add_app_template_filter(entry_kind, "entry_kind")
