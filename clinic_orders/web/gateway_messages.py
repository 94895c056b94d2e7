"""Messages of the payment gateway 支付宝通知: each as it came, and what it was taken for (decision 0016)."""

from __future__ import annotations

from flask import Blueprint, render_template, request
from werkzeug.wrappers import Response

from clinic_orders.queries import payment_links as questions
from clinic_orders.queries.payment_links import MessagesWanted
from clinic_orders.rules.errors import N_
from clinic_orders.rules.parties import Permission
from clinic_orders.rules.payment_links import Verdict
from clinic_orders.web.display import label, register_labels
from clinic_orders.web.goods_pages import frame
from clinic_orders.web.guards import needs, today
from clinic_orders.web.listing import Column, as_file, page_cut, sort_order, wanted_file

blueprint = Blueprint("gateway_messages", __name__, url_prefix="/gateway-messages")

register_labels(
    {
        Verdict.PAID: N_("Believed: payment entered"),
        Verdict.CLOSED: N_("Believed: link closed"),
        Verdict.WAITING: N_("Not paid yet"),
        Verdict.REPEATED: N_("Told before, nothing done"),
        Verdict.REFUNDED: N_("Money given back at Alipay"),
        Verdict.PAID_TWICE: N_("Paid a second time"),
        Verdict.FORGED: N_("Signature wrong, not believed"),
        Verdict.UNKNOWN_LINK: N_("Speaks of no link of ours"),
        Verdict.OTHER_APP: N_("From another application"),
        Verdict.OTHER_SELLER: N_("For another account"),
        Verdict.OTHER_AMOUNT: N_("Another sum, not entered"),
    }
)
SHAPES = {
    Verdict.PAID: "ok",
    Verdict.CLOSED: "ok",
    Verdict.WAITING: "wait",
    Verdict.REPEATED: "off",
    Verdict.REFUNDED: "warn",
    Verdict.PAID_TWICE: "warn",
    Verdict.OTHER_AMOUNT: "warn",
}
COLUMNS = (
    Column(N_("Received at"), lambda row: row.received_at),
    Column(N_("What it was taken for"), lambda row: row.verdict),
    Column(N_("Link"), lambda row: row.number),
    Column(N_("Payer"), lambda row: row.payer),
    Column(N_("Distributor"), lambda row: row.distributor),
    Column(N_("Amount (yuan)"), lambda row: row.amount),
    Column(N_("What came"), lambda row: row.fields),
)


@blueprint.get("/")
@needs(Permission.JOBS_RUN)
def index() -> str | Response:
    """Every message, the newest first: accepted, repeated, late, forged or about another sum."""
    asked = request.args.get("verdict", "")
    verdict = Verdict(asked) if asked in set(Verdict) else None
    wanted = MessagesWanted(verdict, request.args.get("q", "").strip()[:64])
    sort = sort_order(set(questions.MESSAGE_SORTS), "-received")
    if wanted_file():
        return as_file("gateway-messages", COLUMNS, questions.messages(on=today(), wanted=wanted, sort=sort))
    page = page_cut(questions.messages_count(on=today(), wanted=wanted))
    return render_template(
        "gateway_messages/index.html",
        frame=frame(),
        rows=questions.messages(on=today(), wanted=wanted, sort=sort, limit=page.limit, offset=page.offset),
        wanted=wanted,
        verdicts=[(one.value, label(one)) for one in Verdict],
        shapes=SHAPES,
        page=page,
        sort=sort,
        year=today().year,
    )
