"""What is owed to the distributor."""

from __future__ import annotations

from flask import abort, render_template, request
from werkzeug.wrappers import Response

from clinic_orders.queries import arrears, payables
from clinic_orders.queries import distribution as questions
from clinic_orders.queries.payables import PayableState
from clinic_orders.rules.errors import N_
from clinic_orders.rules.parties import Permission
from clinic_orders.rules.payment_terms import Ageing
from clinic_orders.web.distribution.base import blueprint
from clinic_orders.web.guards import actor, at, needs, today
from clinic_orders.web.listing import Column, as_file, page_cut, sort_order, wanted_file

RECEIVABLE_COLUMNS = (
    Column(N_("Shipment note"), lambda row: row.receipt_no),
    Column(N_("Order number"), lambda row: row.order_no),
    Column(N_("Paying organisation"), lambda row: row.payer),
    Column(N_("Institution"), lambda row: row.institution),
    Column(N_("Accepted"), lambda row: row.accepted_at),
    Column(N_("Due on"), lambda row: row.due_on),
    Column(N_("Packs accepted"), lambda row: row.accepted_packs),
    Column(N_("Packs returned"), lambda row: row.returned_packs),
    Column(N_("Owed less returns (yuan)"), lambda row: row.owes),
    Column(N_("Paid (yuan)"), lambda row: row.paid),
    Column(N_("Outstanding (yuan)"), lambda row: row.outstanding),
)


COUNTY_COLUMNS = (
    Column(N_("County"), lambda row: row.county),
    Column(N_("Payers"), lambda row: row.payers),
    Column(N_("Not due (yuan)"), lambda row: row.ages[0]),
    Column(N_("1–30 days (yuan)"), lambda row: row.ages[1]),
    Column(N_("31–60 days (yuan)"), lambda row: row.ages[2]),
    Column(N_("61–90 days (yuan)"), lambda row: row.ages[3]),
    Column(N_("Over 90 days (yuan)"), lambda row: row.ages[4]),
    Column(N_("Together (yuan)"), lambda row: row.amount),
)


@blueprint.get("/receivables/counties")
@needs(Permission.PAYMENTS_READ)
def receivables_by_county() -> Response:
    """What is owed by county and age, as a file."""
    by = actor()
    if by.distributor_id is None:
        abort(404)
    return as_file(
        "receivables-by-county", COUNTY_COLUMNS, arrears.debts_by_county(payables.Book(by, on=today()))
    )


@blueprint.get("/receivables")
@needs(Permission.PAYMENTS_READ)
def receivables() -> str | Response:
    """What institutions owe the distributor, by due date and age."""
    by, day = actor(), today()
    if by.distributor_id is None:
        abort(404)
    state = request.args.get("show", PayableState.OPEN.value)
    wanted = payables.Wanted(
        state=PayableState(state) if state in set(PayableState) else None,
        search=request.args.get("q", "").strip()[:100],
        county=request.args.get("county", ""),
    )
    sort = sort_order({"due", "accepted", "amount", "receipt"}, "due")
    book = payables.Book(by, on=day)
    if wanted_file():
        return as_file("receivables", RECEIVABLE_COLUMNS, book.rows(wanted, sort=sort))
    total, amount = book.sum(wanted, sort=sort)
    page = page_cut(total)
    return render_template(
        "distribution/receivables.html",
        rows=book.rows(wanted, sort=sort, limit=page.limit, offset=page.offset),
        page=page,
        amount=amount,
        sort=sort,
        show=state,
        wanted=wanted,
        money=book.totals(),
        debts=arrears.debts_by_county(book),
        ages=arrears.AGES,
        advance=book.advance,
        ageing=[PayableState(age.value) for age in Ageing],
        counties=questions.counties_of(by, at=at()),
        today=day,
    )
