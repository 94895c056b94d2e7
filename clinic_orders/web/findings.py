"""Findings: the bureau's list by severity, county and matter; one finding with its rows; a party's own (R-CASE-1)."""

from __future__ import annotations

from flask import Blueprint, abort, flash, redirect, render_template, request, url_for
from flask_babel import gettext
from werkzeug.wrappers import Response

from clinic_orders.actions import finding_decisions as deeds
from clinic_orders.actions.loading import NotFound
from clinic_orders.queries import findings as queries
from clinic_orders.queries.cases import cases_of_findings
from clinic_orders.queries.checks import checked_rules
from clinic_orders.queries.clues import clues_of_findings
from clinic_orders.queries.findings import FindingRow, FindingsWanted
from clinic_orders.queries.institutions import counties
from clinic_orders.rules.clues import CLUE_RULES
from clinic_orders.rules.errors import N_, RuleBroken
from clinic_orders.rules.finding_states import FindingState, Severity
from clinic_orders.rules.findings import CheckRule
from clinic_orders.rules.parties import BUREAU_ROLES, InstitutionKind, Permission, Role
from clinic_orders.web.display import label, period
from clinic_orders.web.errors import say
from clinic_orders.web.finding_sentences import NAMES, sentence, shown_figures
from clinic_orders.web.formula_words import formula_words
from clinic_orders.web.goods_pages import frame
from clinic_orders.web.guards import actor, at, needs, today
from clinic_orders.web.listing import Column, as_file, page_cut, sort_order, wanted_file

blueprint = Blueprint("findings", __name__, url_prefix="/findings")

SHAPES = {Severity.GRAVE: "bad", Severity.REMINDER: "warn", Severity.CLUE: "wait"}
ICONS = {Severity.GRAVE: "stop", Severity.REMINDER: "warn", Severity.CLUE: "search"}
STATE_SHAPES = {
    FindingState.OPEN: "warn",
    FindingState.ENDED: "ok",
    FindingState.WAIVED: "off",
    FindingState.DECIDED: "ok",
}
COLUMNS = (
    Column(N_("Severity"), lambda row: row.severity),
    Column(N_("Matter"), lambda row: row.rule),
    Column(N_("Institution"), lambda row: row.institution),
    Column(N_("Kind"), lambda row: row.kind),
    Column(N_("County"), lambda row: row.county),
    Column(N_("Distributor"), lambda row: row.distributor),
    Column(N_("About"), lambda row: row.key),
    Column(N_("Period"), lambda row: row.period),
    Column(N_("What was found"), sentence),
    Column(N_("Formula"), lambda row: formula_words(row.rule, row.formula)),
    Column(N_("First found on"), lambda row: row.first_seen),
    Column(N_("Last seen on"), lambda row: row.last_seen),
    Column(N_("State"), lambda row: row.state),
    Column(N_("Cured on"), lambda row: row.ended_on),
    Column(N_("Why waived"), lambda row: row.waive_reason),
)


def _wanted() -> FindingsWanted:
    """What the address asks for; words that are none of the lists filter nothing."""
    rule, kind = request.args.get("rule", ""), request.args.get("kind", "")
    severity, state = request.args.get("severity", ""), request.args.get("state", "open")
    bureau = actor().role in BUREAU_ROLES
    return FindingsWanted(
        request.args.get("q", "").strip()[:64],
        Severity(severity) if severity in set(Severity) else None,
        CheckRule(rule) if rule in set(CheckRule) else None,
        request.args.get("county", "")[:12] if bureau else "",
        InstitutionKind(kind) if bureau and kind in set(InstitutionKind) else None,
        state if state in {*FindingState, "all"} else "open",
    )


@blueprint.get("/")
@needs(Permission.FINDINGS_READ)
def index() -> str | Response:
    """The findings that concern the person, the gravest and oldest first."""
    wanted, on = _wanted(), today()
    sort = sort_order(set(queries.SORTS), "severity")
    if wanted_file():
        return as_file("findings", COLUMNS, queries.findings(actor(), on=on, wanted=wanted, sort=sort))
    counted = queries.count_findings(actor(), on=on, wanted=wanted)
    page = page_cut(counted.total)
    rows = queries.findings(actor(), on=on, wanted=wanted, sort=sort, limit=page.limit, offset=page.offset)
    may_open = actor().may(Permission.CASES_HANDLE)
    return render_template(
        "findings/index.html",
        frame=frame(),
        rows=rows,
        may_open=may_open,
        in_cases=cases_of_findings([row.id for row in rows], actor(), on=on) if may_open else {},
        counted=counted,
        wanted=wanted,
        filtered=wanted != FindingsWanted(),
        bureau=actor().role in BUREAU_ROLES,
        rules=[(rule.value, label(rule)) for rule in checked_rules()],
        kinds=[(kind.value, label(kind)) for kind in InstitutionKind],
        counties=counties(actor()) if actor().role is Role.CITY else [],
        states=[(state.value, label(state)) for state in FindingState],
        severities=list(Severity),
        icons=ICONS,
        shapes=SHAPES,
        state_shapes=STATE_SHAPES,
        sentence=sentence,
        page=page,
        sort=sort,
        today=on,
    )


# Where a reader opens the paper behind a finding.
_ORDER_PAGES = {Role.DISTRIBUTOR: "distribution.order", Role.INSTITUTION: "ordering.order"}
_ORDER_PAGES[Role.HOSPITAL] = _ORDER_PAGES[Role.INSTITUTION]


def _links(found: FindingRow) -> list[tuple[str, str, str]]:
    """The papers behind a finding: what each is called, its number, and the address of its page."""
    order_page = _ORDER_PAGES.get(actor().role, "bureau_orders.order")
    links = []
    for kind, number in found.rows[: queries.MOST_ROWS]:
        if kind == "receipt":
            links.append((gettext("Receipt"), number, url_for("receiving.show", receipt_no=number)))
        elif kind == "order":
            links.append((gettext("Order form"), number, url_for(order_page, order_no=number)))
        elif kind == "item":
            links.append((gettext("Item"), number, url_for("catalogue.item", item_code=number)))
    return links


def _page(finding_id: int, refusal: str = "") -> str:
    found = queries.find_finding(finding_id, actor(), on=today())
    if found is None:
        abort(404)
    may = actor().may(Permission.FINDINGS_DECIDE)
    clue = clues_of_findings([finding_id], actor(), on=today()).get(finding_id) if may else None
    sold = queries.sold_lines(found.institution_id, found.rows) if found.institution_id else []
    bought = queries.other_bought(found.institution_id, found.rows) if found.institution_id else []
    return render_template(
        "findings/show.html",
        frame=frame(),
        found=found,
        sentence=sentence(found),
        formula=formula_words(found.rule, found.formula),
        period=period(found.period),
        figures=[
            (gettext(NAMES[name]), text) for name, text in shown_figures(found.rule, found.figures).items()
        ],
        behind=_links(found),
        sold=sold[: queries.MOST_ROWS],
        sold_total=len(sold),
        bought=bought[: queries.MOST_ROWS],
        rows_total=len(found.rows),
        history=[
            (one, "；".join(shown_figures(found.rule, one.figures).values()))
            for one in queries.history_of(finding_id)
        ],
        shape=SHAPES[found.severity],
        state_shapes=STATE_SHAPES,
        clue=clue,
        may_assign=may and clue is None and found.state is FindingState.OPEN and found.rule in CLUE_RULES,
        may_waive=may and clue is None and found.state is FindingState.OPEN,
        case_number=cases_of_findings([finding_id], actor(), on=today()).get(finding_id) if may else None,
        may_open=may and found.state is FindingState.OPEN and found.accuses,
        may_take_back=may and clue is None and found.state is FindingState.WAIVED,
        refusal=refusal,
        reason=request.form.get("reason", ""),
        today=today(),
    )


@blueprint.get("/<int:finding_id>")
@needs(Permission.FINDINGS_READ)
def show(finding_id: int) -> str:
    """One finding: its rule with its figures, the rows behind it, and what happened to it."""
    return _page(finding_id)


@blueprint.post("/<int:finding_id>")
@needs(Permission.FINDINGS_DECIDE)
def decide(finding_id: int) -> Response | tuple[str, int]:
    """Waive a finding, or take that back."""
    step, seen = request.form.get("do", ""), request.form.get("version", type=int)
    if step not in {"waive", "take_back"}:
        abort(400)
    try:
        if step == "waive":
            deeds.waive_finding(
                finding_id, request.form.get("reason", ""), seen_version=seen, by=actor(), at=at()
            )
            flash(gettext("The finding is waived. The reason stays in its history."), "ok")
        else:
            deeds.take_back_waiver(finding_id, seen_version=seen, by=actor(), at=at())
            flash(gettext("The waiver is taken back; the finding is open again."), "ok")
    except NotFound:
        abort(404)
    except RuleBroken as refusal:
        return _page(finding_id, say(refusal)), 409 if refusal.code == "ChangedMeanwhile" else 422
    return redirect(url_for(".show", finding_id=finding_id), 303)
