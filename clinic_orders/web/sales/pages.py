"""The sale form: numbers beside the usual medicines, then the amounts to look at, then it is written down."""

from __future__ import annotations

import re
import secrets
from typing import Any

from flask import abort, flash, jsonify, redirect, render_template, request, url_for
from flask_babel import gettext
from werkzeug.wrappers import Response

from clinic_orders.actions import sale_drafts
from clinic_orders.actions import selling as deeds
from clinic_orders.queries.selling import entry_by_key, sale_draft_of
from clinic_orders.rules.errors import RuleBroken
from clinic_orders.rules.parties import Permission
from clinic_orders.rules.stock_entries import NothingEntered
from clinic_orders.web.display import clock_time, yuan
from clinic_orders.web.errors import say
from clinic_orders.web.guards import actor, at, needs, today
from clinic_orders.web.sales.door import blueprint, own, warning_text
from clinic_orders.web.sales.form import BOXES, SaleForm
from clinic_orders.web.sales.scanned import scan_into

_KEY = re.compile(r"[A-Za-z0-9_-]{16,64}")


def _typed() -> dict[str, str]:
    """The boxes of the request that belong to the draft."""
    return {
        name: value.strip()
        for name, value in request.form.items()
        if name in {"sold_on", "insured"} or name[:2] in BOXES
    }


def _form(query: str = "") -> SaleForm:
    return SaleForm(own(), actor().user_id, on=today(), query=query)


def _page(template: str, form: SaleForm, **more: Any) -> str:
    user = actor().user_id
    return render_template(
        template,
        # A column as on a phone, also at a desk: numbers stand beside their medicine.
        frame="layout/phone.html",
        form=form,
        draft_key=f"sale-{own()}-{user}-{form.draft.number}",
        saved=clock_time(form.draft.updated_at) if form.draft.fields and form.draft.updated_at else "",
        today=today(),
        warning_text=warning_text,
        **more,
    )


@blueprint.get("/new")
@needs(Permission.REPORTS_MAKE)
def new() -> str:
    """Numbers beside medicines: the usual ones first, or what a search finds."""
    form = _form(request.args.get("q", "").strip()[:64])
    # Amounts come on the next page: what lacks only those is not wrong yet.
    wrong = [one for one in form.errors if one[0][:2] not in {"a-", "m-"}]
    return _page("sales/new.html", form, errors=wrong if request.args.get("wrong") else [])


@blueprint.post("/new")
@needs(Permission.REPORTS_MAKE)
def keep() -> Response:
    """Save what was typed, then do what the pressed button says."""
    do = request.form.get("do", "save")
    if do == "clear":
        sale_drafts.clear_sale_draft(by=actor(), at=at())
        flash(gettext("What you had typed is thrown away."), "ok")
        return redirect(url_for(".new"), 303)
    typed = _typed()
    code = request.form.get("code", "").strip()
    if code:
        # Whatever is pressed: a code that stands in the field is taken over first.
        known = sale_draft_of(own(), actor().user_id).fields | typed
        changed, notes = scan_into(code, known, actor(), on=today())
        typed |= changed
        for kind, text in notes:
            flash(text, "ok" if kind == "ok" else "warn")
    sale_drafts.save_sale_draft(typed, by=actor(), at=at())
    if code or do == "scan":
        return redirect(url_for(".new", _anchor="scan-l"), 303)
    if do == "check":
        return redirect(url_for(".check"), 303)
    if do == "find":
        return redirect(url_for(".new", q=request.form.get("q", "").strip()[:64] or None), 303)
    return redirect(url_for(".new"), 303)


@blueprint.post("/draft")
@needs(Permission.REPORTS_MAKE)
def autosave() -> Any:
    """Save the few boxes that the page's script sends while somebody types."""
    draft = sale_drafts.save_sale_draft(_typed(), by=actor(), at=at())
    return jsonify(version=str(draft.version if draft else 0), saved_at=clock_time(at()))


@blueprint.get("/check")
@needs(Permission.REPORTS_MAKE)
def check() -> str | Response:
    """The amounts, prefilled, with what would be wrong with them; day, insurance, trace codes."""
    form = _form()
    if not form.kinds:
        flash(say(NothingEntered()), "warn")
        return redirect(url_for(".new"))
    if form.numbers_wrong:
        return redirect(url_for(".new", wrong=1))
    return _page("sales/check.html", form, errors=[], key=secrets.token_urlsafe(18), problem="")


@blueprint.post("/check")
@needs(Permission.REPORTS_MAKE)
def save() -> Response | tuple[str, int]:
    """Write the sale down; what would be wrong is shown first, once. The same form sent twice makes one."""
    key = request.form.get("key", "")
    if not _KEY.fullmatch(key):
        abort(400)
    known = entry_by_key(key)
    if known is not None and known.institution_id == own():
        return redirect(url_for(".receipt", no=known.entry_no), 303)
    sale_drafts.save_sale_draft(_typed(), by=actor(), at=at())
    if request.form.get("do") == "back":
        return redirect(url_for(".new"), 303)
    form = _form()
    if form.errors:
        return _page("sales/check.html", form, errors=form.errors, key=key, problem=""), 422
    if form.seen_warnings and request.form.get("seen", "") != form.seen_warnings:
        return _page("sales/check.html", form, errors=[], key=key, problem="warned"), 422
    lines = [
        deeds.SoldLine(line.code, line.units, line.taken, line.codes)
        for line in form.sold
        if line.taken is not None
    ] + [
        deeds.SoldLine("", other.units, other.taken, other_product=other.name)
        for other in form.others_sold
        if other.taken is not None
    ]
    try:
        entry = deeds.record_sale(
            lines, sold_on=form.sold_on, insured=form.insured, key=key, by=actor(), at=at()
        )
    except NothingEntered as refusal:
        flash(say(refusal), "warn")
        return redirect(url_for(".new"), 303)
    except RuleBroken as refusal:
        where = "sold_on" if refusal.code == "EntryInFuture" else ""
        return _page("sales/check.html", form, errors=[(where, say(refusal))], key=key, problem=""), 422
    flash(
        gettext(
            "Written down: %(amount)s yuan, number %(number)s.",
            amount=yuan(entry.amount),
            number=entry.entry_no,
        ),
        "ok",
    )
    return redirect(url_for(".new"), 303)
