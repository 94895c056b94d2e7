"""The bureau's side: the list of cases, one case with its ladder, the letter to come, answers and decisions."""

from __future__ import annotations

from collections.abc import Callable
from datetime import date, timedelta
from typing import Any

from flask import abort, flash, redirect, render_template, request, url_for
from flask_babel import gettext, ngettext
from werkzeug.wrappers import Response

from clinic_orders.actions import cases as deeds
from clinic_orders.actions.loading import NotFound
from clinic_orders.documents.letters import letter_pdf
from clinic_orders.models.cases import CaseLetter
from clinic_orders.queries import cases as queries
from clinic_orders.queries.cases import CaseRow, CasesWanted
from clinic_orders.queries.institutions import counties
from clinic_orders.rules.days import Month, parse_day
from clinic_orders.rules.errors import N_, RuleBroken
from clinic_orders.rules.finding_states import FindingState
from clinic_orders.rules.ladder import (
    OVER,
    RECHECK_DAYS,
    AnswerKind,
    CaseSide,
    CaseState,
    CaseStep,
    Level,
    case_steps_open_to,
    is_jump,
    ladder_of,
    levels_above,
)
from clinic_orders.rules.letters import LetterContent, LetterKind
from clinic_orders.rules.letters.figures import in_words
from clinic_orders.rules.parties import Actor, InstitutionKind, Permission, Role
from clinic_orders.web.attached_files import attached
from clinic_orders.web.cases.door import LETTER_SHAPES, SHAPES, blueprint, file_name, fresh_key
from clinic_orders.web.cases.filters import cases_wanted
from clinic_orders.web.cases.forms import LetterForm, letter_form
from clinic_orders.web.context import locale
from clinic_orders.web.display import label
from clinic_orders.web.errors import say
from clinic_orders.web.finding_sentences import sentence
from clinic_orders.web.guards import actor, at, needs, today
from clinic_orders.web.listing import Column, as_file, page_cut, sort_order, wanted_file
from clinic_orders.web.navigation import counts
from clinic_orders.web.papers import pdf

COLUMNS = (
    Column(N_("Case"), lambda row: row.number),
    Column(N_("Party"), lambda row: row.party),
    Column(N_("Kind"), lambda row: row.kind),
    Column(N_("County"), lambda row: row.county),
    Column(N_("Matter"), lambda row: row.matter),
    Column(N_("Number of findings"), lambda row: row.findings),
    Column(N_("Level"), lambda row: Level(row.level) if row.level else None),
    Column(N_("State"), lambda row: row.state),
    Column(N_("Last day to answer"), lambda row: row.deadline),
    Column(N_("Day of the re-check"), lambda row: row.recheck_on),
    Column(N_("Opened at"), lambda row: row.opened_at),
    Column(N_("Opened by"), lambda row: row.opened_by_name),
    Column(N_("How it ended"), lambda row: row.outcome),
)


@counts("cases.index")
def _waiting(person: Actor, _at: object) -> Any:
    return queries.waiting_question(person, today())


@blueprint.get("/cases/")
@needs(Permission.CASES_HANDLE)
def index() -> str | Response:
    """The cases of the bureau, those that moved last first."""
    wanted, on = cases_wanted(request.args), today()
    sort = sort_order(set(queries.SORTS), "-moved")
    if wanted_file():
        return as_file("cases", COLUMNS, queries.cases(actor(), on=on, wanted=wanted, sort=sort))
    counted = queries.count_cases(actor(), on=on, wanted=wanted)
    page = page_cut(counted.total)
    return render_template(
        "cases/index.html",
        rows=queries.cases(actor(), on=on, wanted=wanted, sort=sort, limit=page.limit, offset=page.offset),
        counted=counted,
        wanted=wanted,
        filtered=wanted != CasesWanted(),
        levels=[(int(level), f"{int(level)} {label(level)}") for level in Level],
        level_of=Level,
        counties=counties(actor()) if actor().role is Role.CITY else [],
        kinds=[(kind.value, label(kind)) for kind in InstitutionKind],
        states=[
            ("live", gettext("Cases under way")),
            ("mine", gettext("Waiting for us")),
            *((state.value, label(state)) for state in CaseState),
            ("all", gettext("All")),
        ],
        shapes=SHAPES,
        month=Month.of(on).previous() if on.day < 16 else Month.of(on),
        page=page,
        sort=sort,
        today=on,
    )


@blueprint.post("/cases/")
@needs(Permission.CASES_HANDLE)
def open_case() -> Response:
    """Open a case from the chosen findings, or collect drafts of a month by party."""
    if request.form.get("do") == "collect":
        month = Month.parse(request.form.get("month", ""))
        parties = queries.parties_to_collect(month, actor(), on=today())
        made = 0
        for party in parties:
            made += deeds.collect_case(party, month, by=actor(), at=at()) is not None
        text = ngettext(
            "%(num)d draft has findings of the month now.", "%(num)d drafts have findings of the month now.", made
        )  # fmt: skip
        flash(text if made else gettext("Every open finding of that month stands in a case already."), "ok")
        return redirect(url_for(".index", state="draft"), 303)
    ids = [int(one) for one in request.form.getlist("finding") if one.isdecimal()]
    case = deeds.open_case(ids, by=actor(), at=at())
    flash(gettext("The case is opened as a draft. Nothing has been sent."), "ok")
    return redirect(url_for(".show", number=case.number), 303)


# One case ----------------------------------------------------------------------------------------------


def _steps(sides: frozenset[CaseSide], state: CaseState) -> set[str]:
    return {step.value for step in case_steps_open_to(sides, state)}


def _found(number: str) -> CaseRow:
    found = queries.find_case(number, actor(), on=today())
    if found is None:
        abort(404)
    return found


def _page(
    number: str, *, refusal: str = "", box: str = "", form: LetterForm | None = None, shown: bool = False
) -> str:
    case, on = _found(number), today()
    letters = queries.letters_of(case.id)
    last = letters[-1] if letters else None
    record = queries.case_by_id(case.id)
    sides = queries.sides_of(actor(), record, last)
    steps = _steps(sides, case.state)
    findings = queries.findings_of(case.id, on=on)
    standing = [one for one in findings if one.state is FindingState.OPEN]
    may_write = bool(steps & {CaseStep.ISSUE, CaseStep.GIVE_NOTICE, CaseStep.PROPOSE}) and bool(standing)
    form = form or (letter_form(case, request.args, last=last) if may_write else None)
    preview, trouble = _preview(case, last, form) if form is not None else (_content(last), "")
    reached = None if case.level is None else Level(case.level)
    return render_template(
        "cases/show.html",
        case=case,
        ladder=_ladder(case, letters, reached),
        letters=letters,
        last=last,
        letter_shapes=LETTER_SHAPES,
        findings=findings,
        open_findings=standing,
        standards=list(
            {
                (one.parameter.name, one.confirmed, one.document_no): one
                for one in queries.standards_of(standing)
            }.values()
        ),
        in_words=in_words if locale() == "zh_CN" else str,
        sentence=sentence,
        answers=queries.answers_of(case.id),
        events=queries.events_of(case.id),
        form=form,
        levels=[
            (level, is_jump(level, reached, case.kind))
            for level in levels_above(reached, case.kind)
            if CaseSide.DECIDER in sides or level < Level.SUSPENSION
        ],
        preview=preview,
        trouble=trouble if trouble != refusal else "",
        steps=steps,
        looks_on=not sides,
        can_propose=CaseStep.PROPOSE in steps,
        more=_more_findings(case, steps),
        refusal=refusal,
        box=box,
        shown=shown,
        typed=request.form,
        key=request.form.get("key") or fresh_key(),
        recheck_on=(on + timedelta(days=RECHECK_DAYS)).isoformat(),
        answer_days=deeds.answer_days(at=at()),
        answer_kinds=[(kind.value, label(kind)) for kind in AnswerKind],
        shapes=SHAPES,
        over=case.state in OVER,
        today=on,
    )


def _content(last: CaseLetter | None) -> LetterContent | None:
    return None if last is None else LetterContent.from_canonical(last.content)


def _preview(case: CaseRow, last: CaseLetter | None, form: LetterForm) -> tuple[LetterContent | None, str]:
    """The letter as it would go out, or why it could not."""
    wanted = form.request()
    if wanted is None:
        return None, ""
    try:
        return deeds.letter_draft(case.number, wanted, by=actor(), at=at()), ""
    except RuleBroken as refused:
        return None, say(refused)


def _ladder(case: CaseRow, letters: Any, reached: Level | None) -> list[dict[str, Any]]:
    """The levels of the party with what happened on each, for the ladder at the left."""
    sent = {one.level: one for one in letters if one.kind is not LetterKind.PRIOR_NOTICE and one.number}
    noticed = {one.level: one for one in letters if one.kind is LetterKind.PRIOR_NOTICE}
    return [
        {
            "level": level,
            "letter": sent.get(int(level)),
            "notice": noticed.get(int(level)),
            "state": "now"
            if level is reached and case.state not in OVER
            else "done"
            if int(level) in sent
            else "next",
        }
        for level in ladder_of(case.kind)
    ]


def _more_findings(case: CaseRow, steps: set[str]) -> list[Any]:
    """Open findings against the same party that stand in no case."""
    if CaseStep.ADD_FINDINGS not in steps:
        return []
    return queries.findings_beside(case, actor(), on=today())


@blueprint.get("/cases/<number>")
@needs(Permission.CASES_HANDLE)
def show(number: str) -> str:
    """One case: what was found, the letter to come, what was answered, what happened."""
    return _page(number, shown="level" in request.args)


@blueprint.get("/cases/<number>/draft.pdf")
@needs(Permission.CASES_HANDLE)
def draft(number: str) -> Response | tuple[str, int]:
    """The letter to come as a paper, without number: the same that will go out."""
    case = _found(number)
    letters = queries.letters_of(case.id)
    last = letters[-1] if letters else None
    form = letter_form(case, request.args, last=last)
    wanted = form.request() if form else None
    if wanted is None:
        abort(404)
    content = deeds.letter_draft(number, wanted, by=actor(), at=at())
    return pdf(file_name(None, f"draft-{number}"), lambda: letter_pdf(content))


def _day(name: str) -> date:
    """A day that was typed; DayNotUnderstood where it is none."""
    return parse_day(request.form.get(name, "").strip())


def _letter_step(number: str, deed: Callable[..., CaseLetter], form: LetterForm) -> CaseLetter | None:
    wanted = form.request()
    if wanted is None:
        return None
    version = request.form.get("version", type=int)
    key = request.form.get("key", "")[:64] or fresh_key()
    return deed(number, wanted, key=key, seen_version=version, by=actor(), at=at())


def _say_no(
    number: str, refused: RuleBroken, *, box: str = "", form: LetterForm | None = None
) -> tuple[str, int]:
    code = 409 if refused.code == "ChangedMeanwhile" else 422
    return _page(number, refusal=say(refused), box=box, form=form), code


@blueprint.post("/cases/<number>/letter")
@needs(Permission.CASES_HANDLE)
def write_letter(number: str) -> Response | tuple[str, int] | str:
    """Show the letter as typed, or issue it, give its notice, or propose it to the second officer."""
    case = _found(number)
    letters = queries.letters_of(case.id)
    form = letter_form(case, request.form, last=letters[-1] if letters else None)
    if form is None:
        abort(400)
    if request.form.get("do") == "show":
        return _page(number, form=form, shown=True)
    try:
        letter = _letter_step(number, deeds.propose_letter if form.proposing else deeds.issue_letter, form)
    except NotFound:
        abort(404)
    except RuleBroken as refused:
        return _say_no(number, refused, form=form)
    if letter is None:
        return _page(number, form=form), 422
    if letter.number:
        flash(
            gettext("%(number)s is issued. The party has been told to sign for it.", number=letter.number),
            "ok",
        )
    else:
        flash(gettext("The letter waits for the second officer; nothing has been sent."), "ok")
    return redirect(url_for(".show", number=number), 303)


def _countersign(number: str, version: int | None) -> str:
    letter = deeds.countersign_letter(number, seen_version=version, by=actor(), at=at())
    return str(gettext("%(number)s is issued and acts from its day on.", number=letter.number))


def _send_back(number: str, version: int | None) -> str:
    deeds.send_letter_back(number, request.form.get("reason", ""), seen_version=version, by=actor(), at=at())
    return str(gettext("The letter is sent back; the first officer has been told."))


def _withdraw(number: str, version: int | None) -> str:
    deeds.withdraw_case(number, request.form.get("reason", ""), seen_version=version, by=actor(), at=at())
    return str(gettext("The draft is withdrawn; its findings can come into another case."))


def _remove(number: str, version: int | None) -> str:
    finding = request.form.get("finding", 0, int)
    deeds.remove_finding(number, finding, seen_version=version, by=actor(), at=at())
    return str(gettext("The finding is out of the case and stays open."))


def _add(number: str, version: int | None) -> str:
    ids = [int(one) for one in request.form.getlist("finding") if one.isdecimal()]
    deeds.add_findings(number, ids, seen_version=version, by=actor(), at=at())
    return str(gettext("The findings are in the case; the next letter tells them."))


def _receipt(number: str, version: int | None) -> str:
    day = _day("day")
    deeds.record_receipt(
        number, request.form.get("receiver", ""), day, seen_version=version, by=actor(), at=at()
    )
    return str(gettext("The receipt is recorded; the days to answer run."))


def _paper_answer(number: str, version: int | None) -> str:
    del version  # The key of the form keeps it from being recorded twice.
    letters = queries.letters_of(_found(number).id)
    kind = request.form.get("kind", "")
    if not letters or kind not in set(AnswerKind):
        abort(400)
    with attached() as files:
        deeds.answer_letter(
            letters[-1].id, AnswerKind(kind), request.form.get("text", ""), files,
            key=request.form.get("key", "")[:64] or fresh_key(), by=actor(), at=at(),
        )  # fmt: skip
    return str(gettext("The answer is recorded."))


def _extend(number: str, version: int | None) -> str:
    deeds.extend_deadline(
        number, _day("day"), request.form.get("reason", ""), seen_version=version, by=actor(), at=at()
    )
    return str(gettext("The party has more time and has been told."))


def _accept(number: str, version: int | None) -> str:
    deeds.accept_answer(
        number, request.form.get("reason", ""), _day("recheck_on"), seen_version=version, by=actor(), at=at()
    )
    return str(gettext("Accepted. The case waits for its re-check."))


def _uphold(number: str, version: int | None) -> str:
    deeds.uphold_appeal(number, request.form.get("reason", ""), seen_version=version, by=actor(), at=at())
    return str(gettext("The appeal is upheld, the letter revoked and the case closed."))


def _passed(number: str, version: int | None) -> str:
    deeds.close_after_recheck(
        number, request.form.get("reason", ""), seen_version=version, by=actor(), at=at()
    )
    return str(gettext("The case is closed; its findings are decided."))


def _failed(number: str, version: int | None) -> str:
    deeds.fail_recheck(number, request.form.get("reason", ""), seen_version=version, by=actor(), at=at())
    return str(gettext("Written down. The case can go up a level now."))


_DEEDS: dict[str, Callable[[str, int | None], str]] = {
    "countersign": _countersign,
    "send_back": _send_back,
    "withdraw": _withdraw,
    "remove": _remove,
    "add": _add,
    "receipt": _receipt,
    "paper_answer": _paper_answer,
    "extend": _extend,
    "accept": _accept,
    "uphold": _uphold,
    "passed": _passed,
    "failed": _failed,
}


@blueprint.post("/cases/<number>")
@needs(Permission.CASES_HANDLE)
def decide(number: str) -> Response | tuple[str, int]:
    """Every other step of a case."""
    wanted = request.form.get("do", "")
    if wanted not in _DEEDS:
        abort(400)
    try:
        text = _DEEDS[wanted](number, request.form.get("version", type=int))
    except NotFound:
        abort(404)
    except RuleBroken as refused:
        return _say_no(number, refused, box=wanted)
    flash(text, "ok")
    return redirect(url_for(".show", number=number), 303)
