"""The order page, the check, the answer, the usual list."""

from __future__ import annotations

import re
import secrets
from typing import Any

from flask import abort, current_app, flash, jsonify, redirect, render_template, request, url_for
from flask_babel import gettext, ngettext
from werkzeug.wrappers import Response

from clinic_orders.actions import drafts
from clinic_orders.actions.alarms import report_no_distributor
from clinic_orders.actions.drafts import Typed
from clinic_orders.actions.ordering import submit_draft
from clinic_orders.queries import ordering as queries
from clinic_orders.queries.ordering.submissions import orders_by_number, stored_answer
from clinic_orders.rules.cart import CartChanged, CartEmpty, NothingToReview
from clinic_orders.rules.errors import RuleBroken
from clinic_orders.rules.parties import Permission, Role
from clinic_orders.web import guards
from clinic_orders.web.display import clock_time
from clinic_orders.web.errors import say, say_stored
from clinic_orders.web.guards import needs
from clinic_orders.web.listing import page_cut
from clinic_orders.web.order_words import due_text
from clinic_orders.web.ordering.door import Cart, blueprint, cart, own_cart
from clinic_orders.web.ordering.lines import PER_PAGE, Line, OrderPage, Sum, errors_of

_PACKS = "q-"
_PICK = "to-"
_TICK = re.compile(r"dup\[(.+)\]")


# The order page ----------------------------------------------------------------------------------------


@blueprint.get("/order")
@needs(Permission.ORDERS_PLACE)
def order_page() -> str:
    """One list: usual items, or what a search finds, or the rest page by page, or all."""
    here = cart()
    query = request.args.get("q", "").strip()
    show = request.args.get("show", "")
    whole = show == "all" and not query
    page = OrderPage(here, with_usual=not whole)
    lines, cut = _shown(page, query, show)
    own_draft = page.drafted()
    errors = errors_of(own_draft) if request.args.get("wrong") else errors_of(lines)
    on_page = {line.item_id for line in lines}
    everything, beside = (
        page.total(own_draft),
        page.total(line for line in own_draft if line.item_id not in on_page),
    )
    return render_template(
        "ordering/order_page.html",
        cart=here,
        page=page,
        draft=page.draft,
        draft_key=f"{here.buyer.ordering_id}-{here.buyer.institution_id}-{page.draft.number}-{int(here.urgent)}",
        lines=lines,
        cut=cut,
        query=query,
        show="found" if query else show,
        whole=whole,
        table=page.whole() if whole else (),
        special={line.item_id: line for line in lines} if whole else {},
        layout="layout/desk.html" if whole else "layout/phone.html",
        errors=errors,
        total=everything,
        beside=beside,
        rest=0 if whole else len(page.rest()),
        offered=len(page.offered()),
        lacking=_lacking(page) if not (query or show or here.urgent) else None,
        saved=clock_time(page.draft.updated_at) if page.draft.lines and page.draft.updated_at else "",
        distributors=queries.distributors() if here.urgent else [],
        is_hospital=here.actor.role is Role.HOSPITAL,
    )


def _shown(page: OrderPage, query: str, show: str) -> tuple[list[Line], Any]:
    if query:
        return page.found(query), None
    if show == "all":
        # The table writes plain items by itself; only what has more to say becomes a line.
        return list(page.beside(page.whole()).values()), None
    if show == "rest":
        rest = page.rest()
        cut = page_cut(len(rest), PER_PAGE)
        return [page.line(item) for item in rest[cut.offset : cut.offset + cut.limit]], cut
    if page.cart.urgent:
        return page.drafted(), None
    if show == "missing":
        return page.not_on_shelf(), None
    return page.usual(), None


def _lacking(page: OrderPage) -> Any:
    """The minimum; where none is set, the city's average as a reference, worked out once a day."""
    found = page.lacking()
    if found.minimum is not None:
        return found
    kept: dict[Any, Any] = current_app.extensions.setdefault("carried_average", {})
    key = (page.cart.on, page.days)
    if key not in kept:
        kept.clear()
        kept[key] = queries.carried_average(page.cart.on, days=page.days)
    return page.lacking(average=kept[key])


def _typed(here: Cart) -> Typed:
    """What a whole form sent: an absent tick of a line that was shown means not ticked."""
    form = request.form
    packs = {name[len(_PACKS) :]: text for name, text in form.items() if name.startswith(_PACKS)}
    ticked = set(form.getlist("dup"))
    return Typed(
        packs=packs,
        ticked={code: code in ticked for code in packs},
        picked=_picked(),
        emergency_reason=form.get("emergency_reason") if here.urgent else None,
    )


def _picked() -> dict[str, int | None]:
    return {
        name[len(_PICK) :]: int(value) if value.isdecimal() and len(value) < 10 else None
        for name, value in request.form.items()
        if name.startswith(_PICK)
    }


@blueprint.post("/order")
@needs(Permission.ORDERS_PLACE)
def keep() -> Response:
    """Save what the form holds, then do what the pressed button says."""
    here = cart()
    by, at = here.actor, here.at
    form = request.form
    # An item that is none is not found before anything is kept.
    lacking = _item(here, form["tell"]) if form.get("tell") else None
    drafts.save_draft(here.buyer, _typed(here), emergency=here.urgent, by=by, at=at)
    back = {name: request.args.get(name) for name in ("q", "show", "page")}
    if form.get("add"):
        drafts.add_pack(here.buyer, form["add"], emergency=here.urgent, by=by, at=at)
        return redirect(here.url("order_page", **back, _anchor=form["add"]), 303)
    if form.get("drop"):
        drafts.save_draft(here.buyer, Typed(packs={form["drop"]: ""}), emergency=here.urgent, by=by, at=at)
        return redirect(here.url("order_page", **back), 303)
    if lacking is not None:
        report_no_distributor(here.buyer, {lacking.id: lacking.name}, by=by, at=at)
        flash(
            gettext("The county bureau has been told that nobody delivers %(name)s.", name=lacking.name), "ok"
        )
        return redirect(here.url("order_page", **back, _anchor=lacking.code), 303)
    if form.get("go"):
        show, _, number = form["go"].partition("/")
        return redirect(here.url("order_page", show=show or None, page=number or None), 303)
    return _do(here, form.get("do", "save"), back)


def _do(here: Cart, do: str, back: dict[str, str | None]) -> Response:
    if do == "find":
        return redirect(here.url("order_page", q=request.form.get("q", "").strip() or None), 303)
    if do == "again":
        drafts.fill_from_last(here.buyer, by=here.actor, at=here.at)
        flash(gettext("The last order is filled in. Change what is different this time."), "ok")
        return redirect(here.url("order_page"), 303)
    if do == "suggested":
        _fill_suggested(here)
        return redirect(here.url("order_page"), 303)
    if do == "ask" and here.buyer.is_own:
        drafts.ask_hospital(here.buyer, by=here.actor, at=here.at)
        flash(gettext("Your hospital has been asked to order this."), "ok")
        return redirect(here.url("order_page"), 303)
    if do == "check":
        return redirect(here.url("check"), 303)
    flash(gettext("The draft is saved."), "ok")
    return redirect(here.url("order_page", **back), 303)


def _fill_suggested(here: Cart) -> None:
    """Put what it is time to order into the draft, with the suggested packs; what is typed stays."""
    low = OrderPage(here).low
    typed = Typed(packs={code: str(packs) for code, packs in low.items()})
    drafts.save_draft(here.buyer, typed, by=here.actor, at=here.at)
    flash(
        ngettext(
            "%(num)s item is filled in by your stock. Change what you want to have otherwise.",
            "%(num)s items are filled in by your stock. Change what you want to have otherwise.",
            len(low),
        ),
        "ok",
    )


def _item(here: Cart, code: str) -> Any:
    """An item of today's catalogue, or 404."""
    item = next((item for item in queries.items_on(here.on, every=True).items if item.code == code), None)
    if item is None:
        abort(404)
    return item


@blueprint.post("/order/draft")
@needs(Permission.ORDERS_PLACE)
def autosave() -> Any:
    """Save the few fields that the page's script sends while somebody types."""
    here = cart()
    form = request.form
    ticks = ((_TICK.fullmatch(name), value) for name, value in form.items())
    try:
        saved = drafts.save_draft(
            here.buyer,
            Typed(
                packs={name[len(_PACKS) :]: text for name, text in form.items() if name.startswith(_PACKS)},
                ticked={found[1]: bool(value) for found, value in ticks if found},
                picked=_picked(),
                emergency_reason=form.get("emergency_reason") if here.urgent else None,
            ),
            emergency=here.urgent,
            by=here.actor,
            at=here.at,
        )
    except RuleBroken as error:
        return jsonify(error=say(error)), 409
    return jsonify(version=str(saved.version), saved_at=clock_time(here.at))


@blueprint.post("/order/take-back")
@needs(Permission.ORDERS_PLACE)
def take_back() -> Response:
    """Take the draft back from the hospital."""
    here = cart()
    drafts.take_back_draft(here.buyer, by=here.actor, at=here.at)
    flash(gettext("You have the draft back. Nothing of it was lost."), "ok")
    return redirect(here.url("order_page"), 303)


# The check and the answer --------------------------------------------------------------------------------


@blueprint.get("/order/check")
@needs(Permission.ORDERS_PLACE)
def check() -> str | Response:
    """Check your answers: by distributor with subtotals, what can't go and why."""
    here = cart()
    page = OrderPage(here, with_history=False)
    asked = request.args.get("payer", "")
    if asked in {"receiver", "orderer"}:
        page.facts = page.facts.paid_by(asked)
    lines = page.drafted()
    if not lines:
        flash(say(CartEmpty()), "warn")
        return redirect(here.url("order_page"))
    if any(line.error for line in lines):
        return redirect(here.url("order_page", wrong=1))
    return render_check(here, page, lines)


def render_check(
    here: Cart, page: OrderPage, lines: list[Line], *, reviewed: bool = False, problem: str = ""
) -> str:
    """The page to check; its key makes the submission one of a kind (R-ORD-2)."""
    payer = "receiver" if page.facts.paying_id == here.buyer.institution_id else "orderer"
    against = page.buyer_refusals
    stay = [line for line in lines if against or line.refusal or line.distributor_id is None]
    go = [line for line in lines if line not in stay and line.packs]
    groups: dict[int, tuple[str, list[Line], Sum]] = {}
    names = dict(queries.distributors())
    for line in go:
        distributor = line.distributor_id or 0
        _, rows, subtotal = groups.setdefault(distributor, (names.get(distributor, ""), [], Sum()))
        rows.append(line)
        subtotal.add(line)
    return render_template(
        "ordering/check.html",
        cart=here,
        draft=page.draft,
        groups=list(groups.values()),
        total=page.total(go),
        stay=stay,
        against=against,
        holds=page.hold_notes,
        payer=payer,
        # Where a hold runs, another payer makes another order: it is checked again before it goes.
        may_choose_payer=not page.facts.holds,
        key=secrets.token_urlsafe(18),
        reviewed=reviewed,
        problem=problem,
    )


@blueprint.post("/order/send")
@needs(Permission.ORDERS_PLACE)
def send() -> Response:
    """Submit what was checked; the same key leads to the same answer."""
    form = request.form
    key = form.get("key", "")
    if not re.fullmatch(r"[A-Za-z0-9_-]{16,64}", key):
        abort(400)
    ordering_id, institution_id = own_cart() or _ids(cart())
    try:
        submit_draft(
            key=key,
            ordering_id=ordering_id,
            institution_id=institution_id,
            emergency=request.args.get("urgent") == "1",
            reviewed=form.get("reviewed") == "1",
            seen_version=form.get("version", type=int),
            confirmed=frozenset(form.getlist("dup")),
            payer=form.get("payer"),
            by=guards.actor(),
            at=guards.at(),
        )
    except (CartChanged, CartEmpty, NothingToReview) as error:
        flash(say(error), "warn")
        here = cart()
        reviewed = form.get("reviewed") == "1"
        back = here.url("review", code=here.buyer.code) if reviewed else here.url("order_page")
        return redirect(back, 303)
    return redirect(url_for("ordering.sent", key=key), 303)


def _ids(here: Cart) -> tuple[int, int]:
    return here.buyer.ordering_id, here.buyer.institution_id


@blueprint.get("/order/sent/<key>")
@needs(Permission.ORDERS_PLACE)
def sent(key: str) -> str:
    """The answer of a submission: order numbers, when the answer is due, what stayed and why."""
    actor = guards.actor()
    answer = stored_answer(key, ordering_id=actor.institution_id or 0)
    if answer is None:
        abort(404)
    orders = orders_by_number(answer.orders)
    return render_template(
        "ordering/sent.html",
        orders=orders,
        due={order.order_no: due_text(order.answer_due_at, guards.today().year) for order in orders},
        refused=[(entry["name"], say_stored(entry["message"], entry["facts"])) for entry in answer.refused],
        receiver=answer.receiver,
        for_code=answer.receiver_code if answer.institution_id != actor.institution_id else None,
        urgent=any(order.emergency for order in orders),
    )


# The usual list --------------------------------------------------------------------------------------------


@blueprint.get("/order/usual")
@needs(Permission.ORDERS_PLACE)
def usual() -> str:
    """The usual list, to add, take out and reorder; before there is one, what was ordered most."""
    here = cart()
    page = OrderPage(here)
    query = request.args.get("q", "").strip()
    known = set(page.usual_ids)
    return render_template(
        "ordering/usual.html",
        cart=here,
        lines=[page.line(page.by_id[item]) for item in page.usual_ids if item in page.by_id],
        is_own=page.usual_is_own,
        query=query,
        found=[line for line in page.found(query) if line.item_id not in known] if query else [],
        known=[line for line in page.found(query) if line.item_id in known] if query else [],
    )


@blueprint.post("/order/usual")
@needs(Permission.ORDERS_PLACE)
def change_usual() -> Response:
    """One change of the usual list: add, remove, up or down."""
    here = cart()
    page = OrderPage(here)
    ids = [item for item in page.usual_ids if item in page.by_id]
    codes = {item.code: item.id for item in page.items}
    for deed in ("add", "remove", "up", "down"):
        item = codes.get(request.form.get(deed, ""))
        if item is not None:
            drafts.keep_usual_list(here.buyer, _moved(ids, deed, item), by=here.actor, at=here.at)
            break
    return redirect(here.url("usual", q=request.args.get("q") or None), 303)


def _moved(ids: list[int], deed: str, item: int) -> list[int]:
    if deed == "add":
        return [*ids, item]
    if item not in ids:
        return ids
    place = ids.index(item)
    others = ids[:place] + ids[place + 1 :]
    if deed == "remove":
        return others
    target = max(0, place - 1) if deed == "up" else place + 1
    return [*others[:target], item, *others[target:]]
