"""For whom a hospital, headquarters or lead hospital orders; reviews of villages' drafts; mandates."""

from __future__ import annotations

from flask import abort, flash, redirect, render_template, request, url_for
from flask_babel import gettext
from werkzeug.wrappers import Response

from clinic_orders.actions import drafts, mandates
from clinic_orders.queries.counting import Question
from clinic_orders.queries.members import MEMBER_SORTS, mandates_of, members_of, reviews_question
from clinic_orders.queries.ordering import draft_of
from clinic_orders.rules.cart import NothingToReview
from clinic_orders.rules.days import day_in_china, parse_day
from clinic_orders.rules.errors import N_, RuleBroken
from clinic_orders.rules.parties import Actor, Permission
from clinic_orders.web import guards, navigation
from clinic_orders.web.errors import say
from clinic_orders.web.guards import needs
from clinic_orders.web.listing import Column, as_file, page_cut, sort_order, wanted_file
from clinic_orders.web.ordering.door import blueprint, cart
from clinic_orders.web.ordering.lines import OrderPage
from clinic_orders.web.ordering.pages import render_check

_EXPORT = (
    Column(N_("Code"), lambda row: row.code),
    Column(N_("Institution"), lambda row: row.name),
    Column(N_("Tie"), lambda row: row.tie),
    Column(N_("Mandate from"), lambda row: row.mandate_from),
    Column(N_("Mandate to"), lambda row: row.mandate_to),
    Column(N_("Last order"), lambda row: row.last_order_at),
)


@navigation.counts("ordering.villages")
def _waiting(actor: Actor, at: object) -> Question | int:
    return reviews_question(actor.institution_id) if actor.institution_id is not None else 0


@blueprint.get("/villages")
@needs(Permission.ORDERS_PLACE)
def villages() -> str | Response:
    """Villages with their mandates and drafts to review, stores, members of the community."""
    actor = guards.actor()
    if actor.institution_id is None:
        abort(404)
    words = request.args.get("q", "")
    sort = sort_order(MEMBER_SORTS, "waiting")
    rows = members_of(actor.institution_id, on=guards.today(), words=words, sort=sort)
    if wanted_file():
        return as_file("villages", _EXPORT, rows)
    cut = page_cut(len(rows))
    return render_template(
        "ordering/villages.html",
        rows=rows[cut.offset : cut.offset + cut.limit],
        page=cut,
        sort=sort,
        words=words,
        waiting=sum(1 for row in rows if row.for_review_at is not None),
    )


@blueprint.get("/order/review/<code>")
@needs(Permission.ORDERS_PLACE)
def review(code: str) -> str | Response:
    """A village's draft that waits for its hospital: lower what is too much, then check."""
    return _review(code)


def _review(code: str, *, problem: str = "", typed: dict[str, str] | None = None) -> str | Response:
    here = cart(code)
    draft = draft_of(here.buyer.institution_id, here.buyer.institution_id)
    if here.buyer.is_own or draft.for_review_at is None:
        flash(say(NothingToReview()), "warn")
        return redirect(url_for("ordering.villages"))
    page = OrderPage(here)
    page.draft, page.facts = draft, page.facts.paid_by(draft.payer)
    return render_template(
        "ordering/review.html",
        cart=here,
        page=page,
        draft=draft,
        lines=[page.line(page.by_id[item]) for item in draft.lines if item in page.by_id],
        reviewed={item: row.reviewed_packs for item, row in draft.lines.items()},
        problem=problem,
        typed=typed or {},
    )


@blueprint.post("/order/review/<code>")
@needs(Permission.ORDERS_PLACE)
def check_review(code: str) -> str | Response | tuple[str | Response, int]:
    """Write down the lowered packs and show the page to check."""
    here = cart(code)
    typed = {name[2:]: text for name, text in request.form.items() if name.startswith("r-")}
    try:
        drafts.review_draft(
            here.buyer, typed, request.form.get("payer", "receiver"), by=here.actor, at=here.at
        )
    except RuleBroken as error:
        return _review(code, problem=say(error), typed=typed), 409
    page = OrderPage(here, with_history=False)
    draft = draft_of(here.buyer.institution_id, here.buyer.institution_id)
    lowered = {}
    for item, row in draft.lines.items():
        packs = row.reviewed_packs
        if packs != 0:
            lowered[item] = row if packs is None else row._replace(typed=str(packs))
    draft.lines = lowered
    page.draft, page.facts = draft, page.facts.paid_by(draft.payer)
    lines = [page.line(item) for item in page.items if item.id in lowered]
    return render_check(here, page, lines, reviewed=True)


@blueprint.get("/mandate")
@needs(Permission.ORDERS_PLACE)
def mandate() -> str:
    """Who may order for this institution; give a mandate, take it back."""
    here = cart()
    if not here.buyer.is_own:
        abort(404)
    rows = mandates_of(here.buyer.institution_id, on=here.on)
    in_force = [
        row for row in rows if row.valid_from <= here.on and (row.valid_to is None or row.valid_to >= here.on)
    ]
    return render_template(
        "ordering/mandate.html", cart=here, rows=rows, in_force=in_force, today=day_in_china(here.at)
    )


@blueprint.post("/mandate")
@needs(Permission.ORDERS_PLACE)
def change_mandate() -> Response:
    """Give a mandate to the supervising hospital, or take one back."""
    here = cart()
    form = request.form
    try:
        if form.get("revoke"):
            mandates.revoke_mandate(here.buyer, form.get("revoke", 0, type=int), by=here.actor, at=here.at)
            flash(gettext("The mandate is taken back. Your hospital has been told."), "ok")
        else:
            last = form.get("last_day", "").strip()
            mandates.give_mandate(
                here.buyer, last_day=parse_day(last) if last else None, by=here.actor, at=here.at
            )
            flash(gettext("Your hospital may order for you from today on."), "ok")
    except RuleBroken as error:
        flash(say(error), "bad")
    return redirect(url_for("ordering.mandate"), 303)
