"""Statements of account 对账单: the list of either side, one month of a pair, its paper, its spreadsheet."""

from __future__ import annotations

from dataclasses import dataclass

from flask import Blueprint, abort, flash, redirect, render_template, request, url_for
from flask_babel import gettext
from werkzeug.wrappers import Response

from clinic_orders.actions import statements as deeds
from clinic_orders.actions.loading import NotFound
from clinic_orders.documents import statements as papers
from clinic_orders.models.statements import AccountStatement
from clinic_orders.queries import statements as queries
from clinic_orders.queries.statements import PairNames, StatementsWanted
from clinic_orders.rules.days import Month
from clinic_orders.rules.errors import N_, RuleBroken
from clinic_orders.rules.parties import Permission
from clinic_orders.rules.statements import (
    STEPS,
    Difference,
    EntryKind,
    Statement,
    StatementState,
    StatementStep,
    difference,
    statement_from_json,
)
from clinic_orders.web.display import label, register_labels
from clinic_orders.web.downloads import file_answer
from clinic_orders.web.errors import say
from clinic_orders.web.goods_pages import asked_month, frame, month_options
from clinic_orders.web.guards import actor, at, needs, today
from clinic_orders.web.listing import Column, as_file, page_cut, sort_order, wanted_file
from clinic_orders.web.papers import pdf

blueprint = Blueprint("statements", __name__, url_prefix="/statements")

register_labels(
    {
        StatementState.READY: N_("To be confirmed by both sides"),
        StatementState.BY_INSTITUTION: N_("Confirmed by the payer"),
        StatementState.BY_DISTRIBUTOR: N_("Confirmed by the distributor"),
        StatementState.DIFFERS: N_("Figures differ"),
        StatementState.AGREED: N_("Confirmed by both sides"),
    }
)
register_labels(
    {
        EntryKind.RECEIPT: N_("Receipt of goods"),
        EntryKind.RETURN: N_("Goods returned"),
        EntryKind.PAYMENT: N_("Payment made"),
        EntryKind.PAYMENT_STOPPED: N_("Payment counts no more"),
        EntryKind.PAYMENT_AGAIN: N_("Payment counts again"),
        EntryKind.REFUND: N_("Advance refunded"),
        EntryKind.REFUND_STOPPED: N_("Refund counts no more"),
        EntryKind.REFUND_AGAIN: N_("Refund counts again"),
    }
)
SHAPES = {
    StatementState.READY: "wait",
    StatementState.BY_INSTITUTION: "wait",
    StatementState.BY_DISTRIBUTOR: "wait",
    StatementState.DIFFERS: "warn",
    StatementState.AGREED: "ok",
}
COLUMNS = (
    Column(N_("Month"), lambda row: row.month),
    Column(N_("Payer"), lambda row: row.payer),
    Column(N_("County"), lambda row: row.county),
    Column(N_("Distributor"), lambda row: row.distributor),
    Column(N_("Opening balance (yuan)"), lambda row: row.opening),
    Column(N_("Goods received (yuan)"), lambda row: row.receipts),
    Column(N_("Goods returned (yuan)"), lambda row: row.returns),
    Column(N_("Paid (yuan)"), lambda row: row.payments),
    Column(N_("Closing balance (yuan)"), lambda row: row.closing),
    Column(N_("Past due (yuan)"), lambda row: row.overdue),
    Column(N_("State"), lambda row: row.state),
    Column(N_("What differs"), lambda row: row.differs_reason),
)


@blueprint.get("/")
@needs(Permission.PAYMENTS_READ)
def index() -> str | Response:
    """The statements that concern the person."""
    asked = request.args.get("state", "")
    wanted = StatementsWanted(
        StatementState(asked) if asked in set(StatementState) else None,
        asked_month(),
        request.args.get("q", "").strip()[:64],
    )
    sort = sort_order(set(queries.SORTS), "-month")
    if wanted_file():
        rows = queries.statements(actor(), on=today(), wanted=wanted, sort=sort)
        return as_file("statements", COLUMNS, rows)
    page = page_cut(queries.statements_count(actor(), on=today(), wanted=wanted))
    return render_template(
        "statements/index.html",
        frame=frame(),
        rows=queries.statements(
            actor(), on=today(), wanted=wanted, sort=sort, limit=page.limit, offset=page.offset
        ),
        side=queries.side_of(actor()),
        waiting=queries.waiting_for(actor(), on=today()) if queries.side_of(actor()) else 0,
        wanted=wanted,
        months=month_options(queries.months_of(actor(), on=today())),
        states=[(state.value, label(state)) for state in StatementState],
        shapes=SHAPES,
        page=page,
        sort=sort,
    )


@dataclass(frozen=True, slots=True)
class Shown:
    """What the page, the paper and the spreadsheet show.

    Attributes:
        found: what was confirmed; where nobody has spoken or the two differ, what is recorded now.
        made: what the two said.
        changed: what is recorded differently since the confirmation.

    """

    names: PairNames
    month: Month
    found: Statement
    made: AccountStatement | None
    changed: Difference | None

    @property
    def state(self) -> StatementState:
        """Where it stands."""
        return StatementState.READY if self.made is None else self.made.state


def _shown(paying_id: int, distributor_id: int, asked: str) -> Shown:
    """Load what the person may see, or 404."""
    try:
        month = Month.parse(asked)
    except RuleBroken:
        abort(404)
    names = queries.find_pair((paying_id, distributor_id), actor(), on=today())
    if names is None or month.first_day > today():
        abort(404)
    made = queries.find_statement((paying_id, distributor_id), month)
    now = queries.statement_of((paying_id, distributor_id), month)
    if made is None or made.content is None or made.state is StatementState.DIFFERS:
        return Shown(names, month, now, made, None)
    kept = statement_from_json(made.content)
    return Shown(names, month, kept, made, difference(kept, now) or None)


def _page(paying_id: int, distributor_id: int, asked: str, refusal: str = "") -> str:
    shown, side = _shown(paying_id, distributor_id, asked), queries.side_of(actor())
    over = shown.month.last_day < today()
    steps = {step for state, step, who in STEPS if over and (state, who) == (shown.state, side)}
    return render_template(
        "statements/show.html",
        frame=frame(),
        pair={"paying_id": paying_id, "distributor_id": distributor_id},
        shown=shown,
        s=shown.found,
        over=over,
        ages=shown.found.by_age(),
        may_confirm=StatementStep.CONFIRM in steps and actor().may(Permission.PAYMENTS_RECORD),
        may_differ=StatementStep.DIFFER in steps and actor().may(Permission.PAYMENTS_RECORD),
        shapes=SHAPES,
        before=shown.month.previous(),
        after=shown.month.next() if shown.month.next().first_day <= today() else None,
        refusal=refusal,
        typed=request.form.get("reason", ""),
    )


@blueprint.get("/<int:paying_id>/<int:distributor_id>/<month>")
@needs(Permission.PAYMENTS_READ)
def show(paying_id: int, distributor_id: int, month: str) -> str:
    """The account of a pair over a month."""
    return _page(paying_id, distributor_id, month)


@blueprint.post("/<int:paying_id>/<int:distributor_id>/<month>")
@needs(Permission.PAYMENTS_RECORD)
def answer(paying_id: int, distributor_id: int, month: str) -> Response | tuple[str, int]:
    """Confirm it, or say what differs."""
    form, pair = request.form, (paying_id, distributor_id)
    if form.get("do") not in {"confirm", "differ"}:
        abort(400)
    try:
        asked, version = Month.parse(month), form.get("version", type=int)
        if form["do"] == "confirm":
            seen = form.get("seen", "")[:64]
            deeds.confirm_statement(pair, asked, seen=seen, seen_version=version, by=actor(), at=at())
        else:
            reason = form.get("reason", "")
            deeds.dispute_statement(pair, asked, reason, seen_version=version, by=actor(), at=at())
    except NotFound:
        abort(404)
    except RuleBroken as refusal:
        return _page(paying_id, distributor_id, month, say(refusal)), 409
    if form["do"] == "confirm":
        flash(gettext("The statement is confirmed for your side."), "ok")
    else:
        flash(gettext("Noted. The other side has been told what differs."), "ok")
    return redirect(url_for(".show", paying_id=paying_id, distributor_id=distributor_id, month=month), 303)


def _file_name(shown: Shown) -> str:
    return f"statement-{shown.names.payer_code}-{shown.names.distributor_code}-{shown.month}"


@blueprint.get("/<int:paying_id>/<int:distributor_id>/<month>/pdf")
@needs(Permission.PAYMENTS_READ)
def paper(paying_id: int, distributor_id: int, month: str) -> Response | tuple[str, int]:
    """The statement on paper."""
    shown = _shown(paying_id, distributor_id, month)
    return pdf(
        _file_name(shown),
        lambda: papers.statement_paper(shown.found, shown.names, shown.made, changed=shown.changed, at=at()),
    )


@blueprint.get("/<int:paying_id>/<int:distributor_id>/<month>/xlsx")
@needs(Permission.PAYMENTS_READ)
def workbook(paying_id: int, distributor_id: int, month: str) -> Response:
    """The statement as a spreadsheet."""
    shown = _shown(paying_id, distributor_id, month)
    content = papers.statement_workbook(shown.found, shown.names, shown.made, changed=shown.changed)
    return file_answer(content, f"{_file_name(shown)}.xlsx")
