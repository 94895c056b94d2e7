"""The stage board: reported, ordered, accepted, paid, for every institution and cycle, down to the papers (R-STAT-5)."""

from __future__ import annotations

from datetime import date
from operator import attrgetter
from typing import Any

from flask import Blueprint, abort, render_template, request, url_for
from flask_babel import gettext
from werkzeug.wrappers import Response

from clinic_orders.queries import stages as queries
from clinic_orders.queries.institutions import counties
from clinic_orders.queries.stages import BoardRow, BoardWanted, Cycle, Paper
from clinic_orders.rules.days import parse_day
from clinic_orders.rules.errors import N_, RuleBroken
from clinic_orders.rules.parties import InstitutionKind, Permission, Role
from clinic_orders.rules.stages import REPORT_WARNINGS, Stage
from clinic_orders.web.display import label, register_labels
from clinic_orders.web.goods_pages import frame
from clinic_orders.web.guards import actor, needs, today
from clinic_orders.web.listing import Column, as_file, page_cut, sort_order, wanted_file
from clinic_orders.web.volumes import STATE_WORDS

blueprint = Blueprint("stages", __name__, url_prefix="/stages")

register_labels(
    {
        Stage.REPORT: N_("Reporting stage"),
        Stage.ORDER: N_("Ordering stage"),
        Stage.ACCEPT: N_("Acceptance stage"),
        Stage.PAY: N_("Payment stage"),
        Stage.DONE: N_("Up to date"),
    }
)
SHAPES = {
    Stage.REPORT: "wait",
    Stage.ORDER: "wait",
    Stage.ACCEPT: "wait",
    Stage.PAY: "wait",
    Stage.DONE: "ok",
}
WARNINGS = {
    Stage.REPORT: N_("Report late or missing"),
    Stage.ORDER: N_("Ordered too slowly"),
    Stage.ACCEPT: N_("Not delivered or not accepted in time"),
    Stage.PAY: N_("Payment overdue"),
}
FIGURES = {
    "ordered": N_("Ordered (packs)"),
    "undelivered": N_("Not delivered in time (packs)"),
    "counted": N_("Accepted (packs)"),
    "waiting": N_("Waiting to be accepted (packs)"),
    "waiting_late": N_("Not accepted in time (packs)"),
    "paid": N_("Paid (packs)"),
    "unpaid": N_("Not paid yet (packs)"),
    "overdue": N_("Overdue (packs)"),
}
PAPER_WORDS = {"order": N_("Order form"), "receipt": N_("Receipt")}
# Where a reader opens the paper.
_ORDER_PAGES = {Role.INSTITUTION: "ordering.order", Role.HOSPITAL: "ordering.order"}


def _cycle(text: str) -> Cycle | None:
    """The cycle of an address; None where it names none."""
    first, _, last = text.partition("_")
    try:
        return Cycle(parse_day(first), parse_day(last))
    except RuleBroken:
        return None


def _wanted() -> BoardWanted:
    args = request.args
    kind, stands, warns = args.get("kind", ""), args.get("stands", ""), args.get("warns", "")
    return BoardWanted(
        args.get("q", "").strip()[:64],
        args.get("county", "")[:12],
        InstitutionKind(kind) if kind in set(InstitutionKind) else None,
        _cycle(args.get("cycle", "")),
        Stage(stands) if stands in set(Stage) else None,
        Stage(warns) if warns in set(queries.STAGES) else None,
    )


def report_word(state: str) -> str:
    """How the report for the cycle came."""
    return gettext(STATE_WORDS[state]) if state in STATE_WORDS else ""


def warning_words(row: BoardRow) -> list[str]:
    """What warns in a line, stage by stage."""
    found = []
    if row.report in REPORT_WARNINGS:
        found.append(report_word(row.report))
    if row.behind:
        found.append(gettext(WARNINGS[Stage.ORDER]))
    if row.undelivered or row.waiting_late:
        found.append(gettext(WARNINGS[Stage.ACCEPT]))
    if row.overdue:
        found.append(gettext(WARNINGS[Stage.PAY]))
    return found


COLUMNS = (
    Column(N_("Code"), lambda row: row.code),
    Column(N_("Institution"), lambda row: row.name),
    Column(N_("Kind"), lambda row: row.kind),
    Column(N_("County"), lambda row: row.county),
    Column(N_("Township or street"), lambda row: row.township),
    Column(N_("First day of the cycle"), lambda row: row.cycle_start),
    Column(N_("Last day of the cycle"), lambda row: row.cycle_end),
    Column(N_("Stands at"), lambda row: row.stands),
    Column(N_("Report for the cycle"), lambda row: report_word(row.report)),
    Column(N_("Items"), lambda row: row.items),
    Column(N_("Reported (packs)"), lambda row: row.reported),
    Column(N_("Agreed (packs)"), lambda row: row.agreed),
    Column(N_("The time gone asks for (packs)"), lambda row: row.due),
    Column(N_("Items ordered too slowly"), lambda row: row.behind),
    *(Column(word, attrgetter(name)) for name, word in FIGURES.items()),
    Column(N_("Warnings"), lambda row: "；".join(warning_words(row))),
    Column(N_("As of"), lambda row: row.as_of),
)
ITEM_COLUMNS = (
    Column(N_("Item code"), lambda row: row.code),
    Column(N_("Medicine"), lambda row: row.name),
    Column(N_("Strength"), lambda row: row.strength),
    Column(N_("Stands at"), lambda row: row.stands),
    Column(N_("Reported (packs)"), lambda row: row.reported),
    Column(N_("Agreed (packs)"), lambda row: row.agreed),
    Column(N_("The time gone asks for (packs)"), lambda row: row.due),
    *(Column(word, attrgetter(name)) for name, word in FIGURES.items()),
    Column(N_("Lag of the orders"), lambda row: row.grade),
)
PAPER_COLUMNS = (
    Column(N_("Kind of paper"), lambda row: gettext(PAPER_WORDS[row.kind])),
    Column(N_("Number"), lambda row: row.number),
    Column(N_("Day"), lambda row: row.day),
    Column(N_("Receiver"), lambda row: row.receiver),
    Column(N_("Distributor"), lambda row: row.distributor),
    Column(N_("Packs"), lambda row: row.packs),
    Column(N_("Due on"), lambda row: row.due_on),
    Column(N_("Outstanding on the receipt"), lambda row: row.outstanding),
)


def _bureau() -> bool:
    return actor().role in {Role.CITY, Role.COUNTY}


@blueprint.get("/")
@needs(Permission.STAGES_READ)
def index() -> str | Response:
    """Every institution that the reader may see, in every cycle; for a bureau summed up by county."""
    on, wanted = today(), _wanted()
    sort = sort_order(queries.SORTS, "stands")
    if wanted_file():
        return as_file("stages", COLUMNS, queries.board(actor(), on=on, wanted=wanted, sort=sort))
    sums = queries.by_county(actor(), on=on, wanted=wanted)
    page = page_cut(sum(one.lines for one in sums))
    rows = queries.board(actor(), on=on, wanted=wanted, sort=sort, limit=page.limit, offset=page.offset)
    return render_template(
        "stages/index.html",
        frame=frame(),
        rows=rows,
        page=page,
        sort=sort,
        wanted=wanted,
        filtered=wanted != BoardWanted(),
        sums=sums if _bureau() else [],
        totals={stage: sum(one.warns[stage] for one in sums) for stage in queries.STAGES},
        stages=queries.STAGES,
        warnings=WARNINGS,
        warning_words=warning_words,
        report_word=report_word,
        shapes=SHAPES,
        counties=counties(actor()) if actor().role is Role.CITY else [],
        kinds=[(one.value, label(one)) for one in InstitutionKind] if _bureau() else [],
        cycles=[(one.word, f"{one.first} – {one.last}") for one in queries.cycles()],
        stands=[(one.value, label(one)) for one in Stage],
        today=on,
    )


def _row(institution_id: int, cycle: str) -> BoardRow:
    days = _cycle(cycle)
    row = None if days is None else queries.find_row(institution_id, days, actor(), on=today())
    if row is None:
        abort(404)
    return row


@blueprint.get("/<int:institution_id>/<cycle>")
@needs(Permission.STAGES_READ)
def show(institution_id: int, cycle: str) -> str | Response:
    """One institution in one cycle: its agreements, which add up to the line."""
    row = _row(institution_id, cycle)
    items = queries.item_rows(row.id)
    if wanted_file():
        return as_file(f"stages-{row.code}-{row.cycle_start}", ITEM_COLUMNS, items)
    return render_template(
        "stages/show.html",
        frame=frame(),
        row=row,
        cycle=cycle,
        items=items,
        figures=FIGURES,
        warning_words=warning_words,
        report_word=report_word,
        shapes=SHAPES,
        today=today(),
    )


def _link(paper: Paper) -> str:
    if paper.kind == "receipt":
        return url_for("receiving.show", receipt_no=paper.number)
    return url_for(_ORDER_PAGES.get(actor().role, "bureau_orders.order"), order_no=paper.number)


@blueprint.get("/<int:institution_id>/<cycle>/<item_code>/<figure>")
@needs(Permission.STAGES_READ)
def papers(institution_id: int, cycle: str, item_code: str, figure: str) -> str | Response:
    """The order lines or receipts that make one figure of an agreement."""
    row = _row(institution_id, cycle)
    item = next((one for one in queries.item_rows(row.id) if one.code == item_code), None)
    if item is None or figure not in FIGURES:
        abort(404)
    found = queries.papers_behind(
        figure, institution_id, item.id, Cycle(row.cycle_start, row.cycle_end), as_of=row.as_of
    )
    words = request.args.get("q", "").strip()[:64]
    found = [one for one in found if words in f"{one.number} {one.receiver} {one.distributor}"]
    sort = sort_order({"day", "number", "receiver", "packs"}, "day")
    keys: dict[str, Any] = {"day": _day, "number": _number, "receiver": _receiver, "packs": _packs}
    found.sort(key=keys[sort.removeprefix("-")], reverse=sort.startswith("-"))
    if wanted_file():
        return as_file(f"stages-{row.code}-{item_code}-{figure}", PAPER_COLUMNS, found)
    page = page_cut(len(found))
    return render_template(
        "stages/papers.html",
        frame=frame(),
        row=row,
        cycle=cycle,
        item=item,
        figure=figure,
        word=FIGURES[figure],
        papers=[(one, _link(one)) for one in found[page.offset : page.offset + page.limit]],
        kinds=PAPER_WORDS,
        total=sum(one.packs for one in found),
        kept=getattr(item, figure),
        words=words,
        page=page,
        sort=sort,
        today=today(),
    )


def _day(paper: Paper) -> tuple[date, str]:
    return paper.day, paper.number


def _number(paper: Paper) -> str:
    return paper.number


def _receiver(paper: Paper) -> tuple[str, str]:
    return paper.receiver, paper.number


def _packs(paper: Paper) -> tuple[int, str]:
    return paper.packs, paper.number
