"""Lists by which clues are handed over 移交清单: made from chosen clues, read again, as a paper and as a workbook."""

from __future__ import annotations

from typing import Any

from flask import abort, flash, redirect, render_template, request, url_for
from flask_babel import gettext
from werkzeug.wrappers import Response

from clinic_orders.actions import clues as deeds
from clinic_orders.actions.loading import NotFound
from clinic_orders.documents.clues import transfer_pdf, transfer_workbook, written_row
from clinic_orders.models.clues import ClueTransfer
from clinic_orders.queries import clues as queries
from clinic_orders.queries.clues import CluesWanted
from clinic_orders.queries.roster import has_demo_data
from clinic_orders.rules.clues import ClueState
from clinic_orders.rules.errors import N_, RuleBroken
from clinic_orders.rules.parties import Permission, Role
from clinic_orders.web.clues.door import blueprint, fresh_key, matter
from clinic_orders.web.downloads import file_answer
from clinic_orders.web.errors import say
from clinic_orders.web.guards import actor, at, needs, today
from clinic_orders.web.listing import Column, as_file, page_cut, sort_order, wanted_file
from clinic_orders.web.papers import pdf

COLUMNS = (
    Column(N_("Transfer list"), lambda row: row.number),
    Column(N_("Handed over to"), lambda row: row.receiver),
    Column(N_("Handed over by"), lambda row: row.issuer),
    Column(N_("Number of clues"), lambda row: row.clues),
    Column(N_("List made at"), lambda row: row.made_at),
    Column(N_("List made by"), lambda row: row.made_by_name),
)


def _found(number: str) -> ClueTransfer:
    found = queries.find_transfer(number, actor())
    if found is None:
        abort(404)
    return found


@blueprint.get("/clues/transfers/")
@needs(Permission.CLUES_HANDLE)
def transfers() -> str | Response:
    """The lists that were made, the newest first."""
    words = request.args.get("q", "").strip()[:64]
    sort = sort_order(set(queries.TRANSFER_SORTS), "-made")
    if wanted_file():
        return as_file("transfers", COLUMNS, queries.transfers(actor(), words=words, sort=sort))
    page = page_cut(queries.count_transfers(actor(), words=words))
    return render_template(
        "clues/transfers.html",
        rows=queries.transfers(actor(), words=words, sort=sort, limit=page.limit, offset=page.offset),
        words=words,
        page=page,
        sort=sort,
        today=today(),
    )


def _to_choose() -> list[Any]:
    """The clues that may come onto a list: judged, not handed over, and the actor's own."""
    found = []
    for state in (ClueState.SUSPECTED, ClueState.VIOLATION, ClueState.DISPOSAL):
        found += queries.clues(actor(), on=today(), wanted=CluesWanted(state=state.value), sort="number")
    own = [row for row in found if actor().role is Role.CITY or row.county_code == actor().county_code]
    gone = queries.transferred([row.id for row in own])
    return [row for row in own if row.id not in gone]


def _form(error: tuple[str, str] | None = None) -> str:
    rows = _to_choose()
    parties = queries.parties_of([row.id for row in rows], on=today())
    asked = request.values.getlist("clue")
    return render_template(
        "clues/new_transfer.html",
        rows=[(row, parties.get(row.id, [])) for row in rows],
        chosen=set(asked),
        matter=matter,
        error=error,
        typed=request.form,
        key=request.form.get("key") or fresh_key(),
        today=today(),
    )


@blueprint.get("/clues/transfers/new")
@needs(Permission.CLUES_HANDLE)
def new_transfer() -> str:
    """Choose what is handed over, and to whom."""
    return _form()


@blueprint.post("/clues/transfers/new")
@needs(Permission.CLUES_HANDLE)
def make_transfer() -> Response | tuple[str, int]:
    """Make the list."""
    numbers = request.form.getlist("clue")
    rows = queries.rows_to_transfer(numbers, actor(), on=today())
    try:
        made = deeds.transfer_clues(
            rows, request.form.get("receiver", ""), request.form.get("note", ""),
            issuer=actor().org_name, demo=has_demo_data(), key=request.form.get("key", "")[:64] or fresh_key(),
            by=actor(), at=at(),
        )  # fmt: skip
    except NotFound:
        abort(404)
    except RuleBroken as refused:
        box = {"ReceiverOfListMissing": "receiver", "TextTooLong": "note"}.get(refused.code, "")
        return _form((box, say(refused))), 422
    flash(gettext("%(number)s is made. Print it, and have it signed for.", number=made.number), "ok")
    return redirect(url_for(".transfer", number=made.number), 303)


@blueprint.get("/clues/transfers/<number>")
@needs(Permission.CLUES_HANDLE)
def transfer(number: str) -> str:
    """One list as it was that day."""
    found = _found(number)
    rows = [written_row(row) for row in found.rows]
    return render_template("clues/transfer.html", found=found, rows=rows, today=today())


@blueprint.get("/clues/transfers/<number>/pdf")
@needs(Permission.CLUES_HANDLE)
def transfer_paper(number: str) -> Response | tuple[str, int]:
    """One list as a paper to be signed for."""
    found = _found(number)
    return pdf(f"transfer-{found.number}", lambda: transfer_pdf(found))


@blueprint.get("/clues/transfers/<number>/xlsx")
@needs(Permission.CLUES_HANDLE)
def transfer_file(number: str) -> Response:
    """One list as a workbook."""
    found = _found(number)
    return file_answer(transfer_workbook(found), f"transfer-{found.number}.xlsx")
