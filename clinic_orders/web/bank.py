"""Bank statements 银行流水: upload, say what the columns mean, correct each line, enter the payments, undo."""

from __future__ import annotations

import io
import re

from flask import Blueprint, abort, flash, redirect, render_template, request, url_for
from flask_babel import gettext, ngettext
from werkzeug.wrappers import Response

from clinic_orders.actions import bank as deeds
from clinic_orders.actions.loading import NotFound
from clinic_orders.exchange.bank_statements import read_statement
from clinic_orders.models.bank import BankFile
from clinic_orders.queries import bank as queries
from clinic_orders.rules.bank_files import BankField, BankLineState
from clinic_orders.rules.errors import N_, RuleBroken
from clinic_orders.rules.parties import Permission
from clinic_orders.web.display import label, register_labels
from clinic_orders.web.errors import say
from clinic_orders.web.goods_pages import frame
from clinic_orders.web.guards import actor, at, needs, today
from clinic_orders.web.listing import Column, as_file, page_cut, sort_order, wanted_file

blueprint = Blueprint("bank", __name__, url_prefix="/bank")

register_labels(
    {
        BankField.DATE: N_("Day of payment"),
        BankField.AMOUNT: N_("Amount"),
        BankField.PARTY: N_("Name of the other side"),
        BankField.ACCOUNT: N_("Account of the other side"),
        BankField.REFERENCE: N_("Bank's number or remark"),
    }
)
register_labels(
    {
        BankLineState.OPEN: N_("Not entered"),
        BankLineState.ENTERED: N_("Entered"),
        BankLineState.KNOWN: N_("Was here before"),
    }
)
SHAPES = {BankLineState.OPEN: "wait", BankLineState.ENTERED: "ok", BankLineState.KNOWN: "off"}
FILES = (
    Column(N_("File"), lambda row: row.filename),
    Column(N_("Uploaded"), lambda row: row.at),
    Column(N_("By"), lambda row: row.by_name),
    Column(N_("Number of lines"), lambda row: row.lines),
    Column(N_("Were here before"), lambda row: row.known),
    Column(N_("Entered"), lambda row: row.entered),
)
LINES = (
    Column(N_("Row"), lambda row: row.line.row_no),
    Column(N_("Day of payment"), lambda row: row.line.paid_on),
    Column(N_("Amount (yuan)"), lambda row: row.line.amount),
    Column(N_("Name of the other side"), lambda row: row.line.party),
    Column(N_("Account of the other side"), lambda row: row.line.account),
    Column(N_("Bank's number or remark"), lambda row: row.line.reference),
    Column(N_("State"), lambda row: row.line.state),
    Column(N_("Payment number"), lambda row: row.payment_no),
)


def _own() -> None:
    """Bureaus have no bank statements here."""
    if not queries.owner_of(actor()):
        abort(404)


@blueprint.get("/")
@needs(Permission.PAYMENTS_RECORD)
def index() -> str | Response:
    """The statements of the organisation."""
    _own()
    return _index()


def _index(refusal: str = "") -> str | Response:
    search = request.args.get("q", "").strip()[:64]
    sort = sort_order(set(queries.SORTS), "-at")
    if wanted_file():
        return as_file("bank", FILES, queries.bank_files(actor(), search=search, sort=sort))
    page = page_cut(queries.bank_files_count(actor(), search=search))
    return render_template(
        "bank/index.html",
        frame=frame(),
        rows=queries.bank_files(actor(), search=search, sort=sort, limit=page.limit, offset=page.offset),
        search=search,
        page=page,
        sort=sort,
        refusal=refusal,
        year=today().year,
    )


@blueprint.post("/")
@needs(Permission.PAYMENTS_RECORD)
def upload() -> Response | tuple[str | Response, int]:
    """Take a statement; where the columns are remembered its lines are made at once."""
    _own()
    file = request.files.get("file")
    if file is None or not file.filename:
        return _index(gettext("Choose the file that the bank gave you.")), 422
    try:
        rows = read_statement(io.BytesIO(file.read()))
        made = deeds.store_bank_file(file.filename, rows, by=actor(), at=at())
        columns, remembered = queries.remembered_columns(actor(), rows[0][1])
        if remembered:
            deeds.read_bank_file(made.id, columns, by=actor(), at=at())
    except RuleBroken as refusal:
        return _index(say(refusal)), 422
    return redirect(url_for(".show", file_id=made.id), 303)


@blueprint.get("/<int:file_id>")
@needs(Permission.PAYMENTS_RECORD)
def show(file_id: int) -> str | Response:
    """One statement: its columns, or its lines."""
    return _show(file_id)


def _show(file_id: int, refusal: str = "", errors: dict[int, str] | None = None) -> str | Response:
    found = queries.find_bank_file(file_id, actor())
    if found is None:
        abort(404)
    if found.content is not None:
        return _columns(found, refusal)
    asked, search = request.args.get("state", ""), request.args.get("q", "").strip()[:64]
    state = BankLineState(asked) if asked in set(BankLineState) else None
    sort = sort_order(set(queries.LINE_SORTS), "row")
    filters = {"search": search, "state": state}
    if wanted_file():
        rows = queries.proposals(file_id, actor(), on=today(), sort=sort, **filters)  # type: ignore[arg-type]
        return as_file("bank-lines", LINES, rows)
    page = page_cut(queries.lines_count(file_id, search=search, state=state))
    parties = queries.parties_of(actor(), on=today())
    return render_template(
        "bank/show.html",
        frame=frame(),
        found=found,
        rows=queries.proposals(
            file_id,
            actor(),
            on=today(),
            search=search,
            state=state,
            sort=sort,
            limit=page.limit,
            offset=page.offset,
        ),
        amount=queries.total_of(file_id),
        parties=parties if len(parties) <= 300 else [],
        states=[(one.value, label(one)) for one in BankLineState],
        shapes=SHAPES,
        search=search,
        state=state,
        page=page,
        sort=sort,
        refusal=refusal,
        errors=errors or {},
        typed=request.form,
    )


def _columns(found: BankFile, refusal: str) -> str:
    content = found.content or []
    headings: list[str] = content[0][1]
    guessed, _ = queries.remembered_columns(actor(), headings)
    return render_template(
        "bank/columns.html",
        frame=frame(),
        found=found,
        headings=[
            (place, heading or gettext("Column %(number)s", number=place + 1))
            for place, heading in enumerate(headings)
        ],
        fields=[(field, guessed.get(field)) for field in BankField],
        needed={BankField.DATE, BankField.AMOUNT},
        sample=[texts for _, texts in content[1:6]],
        width=len(headings),
        refusal=refusal,
        typed=request.form,
    )


@blueprint.post("/<int:file_id>/columns")
@needs(Permission.PAYMENTS_RECORD)
def say_columns(file_id: int) -> Response | tuple[str | Response, int]:
    """Say what the columns mean; it is remembered."""
    asked = {field: request.form.get(field.value, "") for field in BankField}
    columns = {field: int(text) for field, text in asked.items() if re.fullmatch("[0-9]{1,3}", text)}
    try:
        deeds.read_bank_file(file_id, columns, by=actor(), at=at())
    except NotFound:
        abort(404)
    except RuleBroken as refusal:
        return _show(file_id, say(refusal)), 422
    return redirect(url_for(".show", file_id=file_id), 303)


@blueprint.post("/<int:file_id>")
@needs(Permission.PAYMENTS_RECORD)
def enter(file_id: int) -> Response | tuple[str | Response, int]:
    """Enter the ticked lines as payments; what can't be entered stays with its reason."""
    if queries.find_bank_file(file_id, actor()) is None:
        abort(404)
    done, errors = 0, dict[int, str]()
    for text in request.form.getlist("line")[:500]:
        line_id = int(text) if re.fullmatch("[0-9]{1,9}", text) else 0
        party = request.form.get(f"party-{line_id}", "").strip()
        receipt = request.form.get(f"receipt-{line_id}", "").strip()[:64]
        try:
            deeds.enter_bank_line(line_id, party, receipt, by=actor(), at=at())
            done += 1
        except RuleBroken as refusal:
            errors[line_id] = say(refusal)
    if done:
        flash(
            ngettext(
                "%(num)d line is entered. The other side has been told.",
                "%(num)d lines are entered. The other sides have been told.",
                done,
            ),
            "ok",
        )
    if errors or not done:
        text = gettext("Put the marked lines right.") if errors else gettext("Tick the lines first.")
        return _show(file_id, text, errors), 422
    return redirect(url_for(".show", file_id=file_id, state=BankLineState.OPEN.value), 303)


@blueprint.post("/<int:file_id>/undo")
@needs(Permission.PAYMENTS_RECORD)
def undo(file_id: int) -> Response:
    """Take the payments of a statement back that nobody has confirmed."""
    try:
        back, stay = deeds.undo_bank_file(file_id, by=actor(), at=at())
    except NotFound:
        abort(404)
    flash(
        ngettext(
            "%(back)s payment is taken back; %(stay)s stay, since they are confirmed.",
            "%(back)s payments are taken back; %(stay)s stay, since they are confirmed.",
            back,
            back=back,
            stay=stay,
        ),
        "ok",
    )
    return redirect(url_for(".show", file_id=file_id), 303)
