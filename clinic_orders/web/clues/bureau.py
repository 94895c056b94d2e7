"""The bureau's side: the list of clues, one clue with the life of its pack, its checks, verdict and measures."""

from __future__ import annotations

from collections.abc import Callable
from datetime import date, timedelta
from typing import Any

from flask import abort, flash, redirect, render_template, request, url_for
from flask_babel import gettext
from werkzeug.wrappers import Response

from clinic_orders.actions import clues as deeds
from clinic_orders.actions.loading import NotFound
from clinic_orders.queries import clues as queries
from clinic_orders.queries.cases import cases_of_findings
from clinic_orders.queries.clues import ClueRow, CluesWanted, PartyRow
from clinic_orders.queries.institutions import counties
from clinic_orders.queries.packs import life_of_pack
from clinic_orders.rules.attachments import MOST_FILES
from clinic_orders.rules.clues import (
    CLUE_OVER,
    CLUE_RULES,
    OF_A_PACK,
    CheckWay,
    ClueSide,
    ClueState,
    ClueVerdict,
    ExclusionGround,
    Measure,
    SelfCheckAnswer,
    clue_steps_open_to,
)
from clinic_orders.rules.days import parse_day
from clinic_orders.rules.errors import N_, RuleBroken
from clinic_orders.rules.findings import CheckRule
from clinic_orders.rules.parties import Actor, Permission, Role
from clinic_orders.web.attached_files import attached
from clinic_orders.web.clues.door import SHAPES, blueprint, fresh_key, matter, told
from clinic_orders.web.display import label
from clinic_orders.web.errors import say
from clinic_orders.web.guards import actor, at, needs, today
from clinic_orders.web.listing import Column, as_file, page_cut, sort_order, wanted_file
from clinic_orders.web.navigation import counts
from clinic_orders.web.packs import paper_address

COLUMNS = (
    Column(N_("Clue"), lambda row: row.number),
    Column(N_("Matter"), matter),
    Column(N_("About"), lambda row: row.code),
    Column(N_("Item"), lambda row: row.item),
    Column(N_("Period"), lambda row: row.period),
    Column(N_("State"), lambda row: row.state),
    Column(N_("In charge"), lambda row: row.team),
    Column(N_("Last day of the self-check"), lambda row: row.deadline),
    Column(N_("Verdict"), lambda row: row.verdict),
    Column(N_("Ground"), lambda row: row.ground),
    Column(N_("Batch from above"), lambda row: row.issued_batch),
    Column(N_("Number in the batch"), lambda row: row.issued_no),
    Column(N_("Assigned at"), lambda row: row.assigned_at),
    Column(N_("Closed at"), lambda row: row.closed_at),
)


@counts("clues.index")
def _waiting(person: Actor, _at: object) -> Any:
    return queries.waiting_question(person, today())


def _wanted() -> CluesWanted:
    """What the address asks for; words that are none of the lists filter nothing."""
    state, rule = request.args.get("state", "live"), request.args.get("rule", "")
    origin = request.args.get("origin", "")
    return CluesWanted(
        request.args.get("q", "").strip()[:64],
        state if state in {*ClueState, "live", "mine", "all"} else "live",
        CheckRule(rule) if rule in {one.value for one in CLUE_RULES} else None,
        origin if origin in {"own", "above"} else "",
        request.args.get("county", "")[:12] if actor().role is Role.CITY else "",
    )


def _with_parties(rows: list[ClueRow], on: date) -> list[tuple[ClueRow, list[PartyRow]]]:
    found = queries.parties_of([row.id for row in rows], on=on)
    return [(row, found.get(row.id, [])) for row in rows]


def _columns(parties: dict[int, list[PartyRow]]) -> tuple[Column, ...]:
    """The columns of the file, with the institutions after what a clue is about."""
    named = Column(N_("Institutions"), lambda row: "、".join(one.name for one in parties.get(row.id, [])))
    return (*COLUMNS[:4], named, *COLUMNS[4:])


@blueprint.get("/clues/")
@needs(Permission.CLUES_HANDLE)
def index() -> str | Response:
    """The clues that are looked into, those that moved last first."""
    wanted, on = _wanted(), today()
    sort = sort_order(set(queries.SORTS), "-moved")
    if wanted_file():
        rows = queries.clues(actor(), on=on, wanted=wanted, sort=sort)
        return as_file("clues", _columns(queries.parties_of([row.id for row in rows], on=on)), rows)
    counted = queries.count_clues(actor(), on=on, wanted=wanted)
    page = page_cut(counted.total)
    rows = queries.clues(actor(), on=on, wanted=wanted, sort=sort, limit=page.limit, offset=page.offset)
    return render_template(
        "clues/index.html",
        rows=_with_parties(rows, on),
        counted=counted,
        wanted=wanted,
        filtered=wanted != CluesWanted(),
        rules=[(one.value, label(one)) for one in CheckRule if one in CLUE_RULES],
        counties=counties(actor()) if actor().role is Role.CITY else [],
        states=[
            ("live", gettext("Clues under way")),
            ("mine", gettext("Waiting for us")),
            *((state.value, label(state)) for state in ClueState),
            ("all", gettext("All")),
        ],
        shapes=SHAPES,
        matter=matter,
        page=page,
        sort=sort,
        today=on,
    )


# One clue ----------------------------------------------------------------------------------------------


def _page(number: str, *, refusal: str = "", box: str = "") -> str:
    row, on = queries.find_clue(number, actor(), on=today()), today()
    if row is None:
        abort(404)
    parties = queries.parties_of([row.id], on=on)[row.id]
    clue = queries.clue_by_id(row.id)
    sides = queries.sides_of(actor(), clue, [one.institution_id for one in parties])
    steps = {step.value for step in clue_steps_open_to(sides, row.state)}
    files = queries.evidence_of(row.id)
    of_pack = row.rule is None or row.rule in OF_A_PACK
    first = on + timedelta(days=deeds.answer_days(at=at()))
    transfer = queries.transfer_of(row.id)
    return render_template(
        "clues/show.html",
        row=row,
        matter=matter(row),
        told=told(row),
        parties=parties,
        steps=steps,
        helps=ClueSide.HELPER in sides,
        life=life_of_pack(row.code, actor(), on=on) if of_pack else None,
        paper_address=paper_address,
        answers=queries.answers_of(row.id, files, on=on),
        events=queries.events_of(row.id, files),
        measures=queries.measures_of(row.id),
        transfer=transfer,
        # A list holds clues of several counties; who may not open it sees its number as that of the document.
        opens_transfer=transfer is not None and queries.find_transfer(transfer, actor()) is not None,
        case_number=cases_of_findings([row.finding_id], actor(), on=on).get(row.finding_id)
        if row.finding_id
        else None,
        may_open_case=_may_open_case(row, parties),
        first_deadline=first,
        grounds=[(one.value, label(one)) for one in _grounds(row)],
        ways=[(one.value, label(one)) for one in CheckWay],
        measure_choices=[(one.value, label(one)) for one in Measure if one is not Measure.TRANSFER],
        answer_choices=[(one.value, label(one)) for one in SelfCheckAnswer],
        shapes=SHAPES,
        over=row.state in CLUE_OVER,
        refusal=refusal,
        box=box,
        typed=request.form,
        key=request.form.get("key") or fresh_key(),
        most_files=MOST_FILES,
        today=on,
    )


def _grounds(row: ClueRow) -> list[ExclusionGround]:
    """The grounds that fit the clue."""
    unfit = set()
    if row.finding_id is None or row.finding_state is None or row.finding_state.value == "open":
        unfit.add(ExclusionGround.GONE)
    if row.issued_batch is None:
        unfit.add(ExclusionGround.NOT_HERE)
    return [one for one in ExclusionGround if one not in unfit]


def _may_open_case(row: ClueRow, parties: list[PartyRow]) -> bool:
    """Whether the ladder can go on with it: a finding that is open, and one institution that is held responsible."""
    judged = row.state in {*queries.JUDGED, ClueState.DISPOSAL}
    open_finding = row.finding_state is not None and row.finding_state.value == "open"
    return judged and open_finding and sum(one.held for one in parties) == 1


@blueprint.get("/clues/<number>")
@needs(Permission.CLUES_HANDLE)
def show(number: str) -> str:
    """One clue: what was found, the life of the pack, what was said and checked, what is to be done next."""
    return _page(number)


def _day(name: str) -> date:
    """A day that was typed; DayNotUnderstood where it is none."""
    return parse_day(request.form.get(name, "").strip())


def _said(name: str) -> str:
    return request.form.get(name, "")


def _reassign(number: str, version: int | None) -> str:
    deeds.reassign_clue(number, _said("team"), seen_version=version, by=actor(), at=at())
    return str(gettext("Somebody else is in charge now."))


def _ask(number: str, version: int | None) -> str:
    deeds.ask_self_check(
        number, _day("deadline"), _said("question"), seen_version=version, by=actor(), at=at()
    )
    return str(gettext("The institutions are asked and have been told."))


def _check(number: str, version: int | None) -> str:
    way = _said("way")
    if way not in set(CheckWay):
        abort(400)
    with attached() as files:
        deeds.record_check(
            number, CheckWay(way), _said("text"), files, seen_version=version, by=actor(), at=at()
        )
    return str(gettext("The check is recorded with its evidence."))


def _paper_answer(number: str, version: int | None) -> str:
    del version  # The key of the form keeps it from being recorded twice.
    choice = _said("choice")
    if choice not in set(SelfCheckAnswer):
        abort(400)
    with attached() as files:
        deeds.answer_clue(
            number, SelfCheckAnswer(choice), _said("text"), _said("repaid"), files,
            institution_id=request.form.get("institution", type=int), key=_said("key")[:64] or fresh_key(),
            by=actor(), at=at(),
        )  # fmt: skip
    return str(gettext("The answer is recorded."))


def _exclude(number: str, version: int | None) -> str:
    ground = _said("ground")
    if ground not in set(ExclusionGround):
        abort(400)
    deeds.exclude_clue(
        number, ExclusionGround(ground), _said("reason"), seen_version=version, by=actor(), at=at()
    )
    return str(gettext("The clue is excluded; its finding is waived with the reason."))


def _judge(number: str, version: int | None) -> str:
    verdict = _said("verdict")
    if verdict not in {ClueVerdict.VIOLATION.value, ClueVerdict.SUSPECTED_FRAUD.value}:
        abort(400)
    held = [int(one) for one in request.form.getlist("held") if one.isdecimal()]
    deeds.judge_clue(
        number, ClueVerdict(verdict), held, _said("reason"), seen_version=version, by=actor(), at=at()
    )
    return str(gettext("The verdict is recorded. Write down next what is done about it."))


def _take_back(number: str, version: int | None) -> str:
    deeds.take_back_verdict(number, _said("reason"), seen_version=version, by=actor(), at=at())
    return str(gettext("The verdict is taken back; the clue is being checked again."))


def _dispose(number: str, version: int | None) -> str:
    measure = _said("measure")
    if measure not in set(Measure) - {Measure.TRANSFER}:
        abort(400)
    deeds.dispose_clue(
        number, Measure(measure), _said("amount"), _said("document_no"), _day("day"), _said("note"),
        seen_version=version, by=actor(), at=at(),
    )  # fmt: skip
    return str(gettext("The measure is recorded."))


def _close(number: str, version: int | None) -> str:
    deeds.close_clue(number, _said("note"), seen_version=version, by=actor(), at=at())
    return str(gettext("The clue is closed."))


_DEEDS: dict[str, Callable[[str, int | None], str]] = {
    "reassign": _reassign,
    "ask": _ask,
    "check": _check,
    "paper_answer": _paper_answer,
    "exclude": _exclude,
    "judge": _judge,
    "take_back": _take_back,
    "dispose": _dispose,
    "close": _close,
}


@blueprint.post("/clues/<number>")
@needs(Permission.CLUES_HANDLE)
def decide(number: str) -> Response | tuple[str, int]:
    """Every step that the bureau takes with a clue."""
    wanted = request.form.get("do", "")
    if wanted not in _DEEDS:
        abort(400)
    try:
        text = _DEEDS[wanted](number, request.form.get("version", type=int))
    except NotFound:
        abort(404)
    except RuleBroken as refused:
        code = 409 if refused.code == "ChangedMeanwhile" else 422
        return _page(number, refusal=say(refused), box=wanted), code
    flash(text, "ok")
    return redirect(url_for(".show", number=number), 303)
