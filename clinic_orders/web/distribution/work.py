"""The day's work: answer, open, choose, print what to pick."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import timedelta
from typing import Any

from flask import flash, redirect, render_template, request, url_for
from flask_babel import gettext as _
from flask_babel import ngettext
from werkzeug.wrappers import Response

from clinic_orders.actions import answering
from clinic_orders.documents import distribution as papers
from clinic_orders.queries import distribution as questions
from clinic_orders.queries import payables
from clinic_orders.queries.distribution import OrderRow, OrderStatus
from clinic_orders.queries.payables import PayableState
from clinic_orders.rules.days import SHANGHAI
from clinic_orders.rules.errors import N_
from clinic_orders.rules.parties import Permission
from clinic_orders.rules.payment_terms import Ageing
from clinic_orders.web.distribution import forms
from clinic_orders.web.distribution.base import blueprint
from clinic_orders.web.distribution.trouble import Trouble, answer_typed
from clinic_orders.web.guards import actor, at, needs, today
from clinic_orders.web.listing import Column, as_file, page_cut, sort_order, wanted_file
from clinic_orders.web.papers import pdf

WORK_PER_PAGE = 20
MAX_OPENED = 20
WORK_SORTS = {"deadline", "institution", "packs", "amount"}
WORK_COLUMNS = (
    Column(N_("Order number"), lambda row: row.order_no),
    Column(N_("Deadline"), lambda row: row.deadline),
    Column(N_("Institution"), lambda row: row.institution),
    Column(N_("County"), lambda row: row.county),
    Column(N_("Township"), lambda row: row.township),
    Column(N_("Ordered by"), lambda row: row.ordering or row.institution),
    Column(N_("Mode"), lambda row: row.mode),
    Column(N_("Emergency"), lambda row: _("Yes") if row.emergency else ""),
    Column(N_("Submitted"), lambda row: row.submitted_at),
    Column(N_("To do"), lambda row: _("answer") if row.status is OrderStatus.TO_ANSWER else _("ship")),
    Column(N_("Items"), lambda row: row.open_items),
    Column(N_("Packs"), lambda row: row.open_packs),
    Column(N_("Amount (yuan)"), lambda row: row.amount),
)


def _matches(row: OrderRow, show: str, words: list[str]) -> bool:
    said = f"{row.order_no} {row.institution} {row.ordering or ''} {row.county} {row.township}".casefold()
    if not all(word in said for word in words):
        return False
    wanted = {
        "late": row.late,
        "answer": row.status is OrderStatus.TO_ANSWER,
        "ship": row.status is OrderStatus.TO_SHIP,
    }
    return wanted.get(show, True)


def _sorted(rows: list[OrderRow], sort: str) -> list[OrderRow]:
    keys = {
        "deadline": lambda row: (row.deadline or row.submitted_at, row.order_no),
        "institution": lambda row: (row.institution, row.order_no),
        "packs": lambda row: (row.open_packs, row.order_no),
        "amount": lambda row: (row.amount, row.order_no),
    }
    return sorted(rows, key=keys[sort.removeprefix("-")], reverse=sort.startswith("-"))


def _chosen(everything: list[OrderRow]) -> tuple[list[OrderRow], str]:
    """Of the open orders those that the address asks for, in its order; and that order."""
    show, words = request.args.get("show", ""), request.args.get("q", "")[:100].casefold().split()[:5]
    sort = sort_order(WORK_SORTS, "deadline")
    return _sorted([row for row in everything if _matches(row, show, words)], sort), sort


def _day_page(
    form: Mapping[str, str] | None = None, opened: list[str] | None = None, trouble: Trouble | None = None
) -> str:
    """The work list, with the orders opened for an answer."""
    by, now = actor(), at()
    everything = questions.open_orders(by, at=now)
    found, sort = _chosen(everything)
    cut = page_cut(len(found), WORK_PER_PAGE)
    rows = found[cut.offset : cut.offset + cut.limit]
    numbers = request.args.getlist("open")[:MAX_OPENED] if opened is None else opened
    wanted = {row.order_no for row in everything if row.status is OrderStatus.TO_ANSWER} & set(numbers)
    on_page = {row.order_no for row in rows}
    # An order opened from elsewhere, or one with an error on another page of the list, is shown too.
    rows = [row for row in everything if row.order_no in wanted - on_page] + rows
    return render_template(
        "distribution/day.html",
        rows=rows,
        everything=everything,
        late=[row for row in everything if row.late],
        show=request.args.get("show", ""),
        words=request.args.get("q", ""),
        sort=sort,
        page=cut,
        opened={order.order_no: order for order in questions.orders_with_lines(wanted, by, at=now)},
        returns=questions.returns_to_agree(by, at=now),
        money=payables.Book(by, on=today()).totals(),
        ageing=[PayableState(age.value) for age in Ageing],
        lapsed=questions.lapsed_since(by, since=now - timedelta(days=7), at=now),
        selected=set(request.form.getlist("no")) or _ticked(rows),
        tickable=sum(row.status is OrderStatus.TO_ANSWER for row in rows),
        typed=form or {},
        trouble=trouble or Trouble(),
        **_work_figures(everything),
    )


def _ticked(rows: list[OrderRow]) -> set[str]:
    """The rows of the page that wait for an answer, where the address asks to tick them all."""
    if request.method != "GET" or request.args.get("tick") != "all":
        return set()
    return {row.order_no for row in rows if row.status is OrderStatus.TO_ANSWER}


def _work_figures(rows: list[OrderRow]) -> dict[str, Any]:
    to_answer = [row for row in rows if row.status is OrderStatus.TO_ANSWER]
    to_ship = [row for row in rows if row.status is OrderStatus.TO_SHIP]
    day = today()
    due_today = [
        row
        for row in to_answer
        if row.deadline and (row.deadline - timedelta(seconds=1)).astimezone(SHANGHAI).date() <= day
    ]
    return {"to_answer": to_answer, "to_ship": to_ship, "due_today": due_today}


@blueprint.get("/")
@needs(Permission.ORDERS_ANSWER)
def day() -> str | Response:
    """What is to be done today, the most urgent first."""
    if wanted_file():
        return as_file("work", WORK_COLUMNS, _chosen(questions.open_orders(actor(), at=at()))[0])
    return _day_page()


@blueprint.post("/")
@needs(Permission.ORDERS_ANSWER)
def work() -> Response | str | tuple[str, int]:
    """Answer one opened order, all opened ones or all chosen ones in full; or print what to pick."""
    what, _colon, order_no = request.form.get("do", "").partition(":")
    chosen = request.form.getlist("no")
    if what == "pick":
        return redirect(url_for(".picking_list", no=chosen), 303)
    opened = request.form.getlist("opened")
    if what == "full":
        return _after_work(*_answer_in_full(chosen), opened)
    numbers = [order_no] if what == "answer" and order_no else opened
    trouble = Trouble()
    done = answer_typed(questions.orders_with_lines(numbers, actor(), at=at()), trouble)
    return _after_work(done, trouble, opened)


def _answer_in_full(numbers: list[str]) -> tuple[list[str], Trouble]:
    seen = {no: version for no in numbers if (version := forms.seen_version(request.form, f"v-{no}"))}
    trouble, done = Trouble(), []
    for outcome in answering.answer_in_full(numbers, by=actor(), at=at(), seen_versions=seen):
        if outcome.refusal is None:
            done.append(outcome.order_no)
        else:
            trouble.note(outcome.order_no, outcome.refusal)
    if not numbers:
        flash(_("Tick the orders first."), "warn")
    return done, trouble


def _after_work(done: list[str], trouble: Trouble, opened: list[str]) -> Response | tuple[str, int]:
    """Say what was done. Where something is still typed, or went wrong, the page comes again with all of it."""
    if done:
        flash(
            ngettext(
                "%(num)d order answered: %(numbers)s",
                "%(num)d orders answered: %(numbers)s",
                len(done),
                numbers="、".join(done[:5]) + ("…" if len(done) > 5 else ""),
            ),
            "ok",
        )
    still_open = [number for number in opened if number not in done]
    if trouble or still_open:
        return _day_page(request.form, still_open, trouble), 409 if trouble else 200
    kept: dict[str, Any] = {name: request.args.get(name) for name in ("q", "show", "sort", "page")}
    return redirect(url_for(".day", **kept), 303)


@blueprint.get("/picking-list.pdf")
@needs(Permission.ORDERS_ANSWER)
def picking_list() -> Response | tuple[str, int]:
    """The picking list of the chosen orders, or of all that are to be shipped."""
    numbers = request.args.getlist("no")
    if not numbers:
        rows = questions.open_orders(actor(), at=at())
        numbers = [row.order_no for row in rows if row.status is OrderStatus.TO_SHIP]
    if not numbers:
        flash(_("There is nothing to pick: no answered order waits to be shipped."), "info")
        return redirect(url_for(".day"))
    return pdf("picking-list", lambda: papers.picking_list(numbers, by=actor(), at=at()))
