"""The party's side: letters to sign for and to answer, on a phone; what the bureau decided (R-CASE-3)."""

from __future__ import annotations

from datetime import date
from typing import Any

from flask import abort, flash, redirect, render_template, request, url_for
from flask_babel import gettext
from werkzeug.wrappers import Response

from clinic_orders.actions import cases as deeds
from clinic_orders.actions.loading import NotFound
from clinic_orders.models.cases import CaseLetter
from clinic_orders.queries import cases as queries
from clinic_orders.queries.cases import LettersWanted
from clinic_orders.queries.counting import Question
from clinic_orders.rules.attachments import MOST_FILES
from clinic_orders.rules.errors import N_, RuleBroken
from clinic_orders.rules.ladder import (
    AnswerKind,
    CaseSide,
    CaseStep,
    LetterState,
    case_steps_open_to,
    deadline_after_receipt,
)
from clinic_orders.rules.letters import LetterContent
from clinic_orders.rules.parties import Actor, Permission
from clinic_orders.web.attached_files import FILE_REFUSALS, attached
from clinic_orders.web.cases.door import LETTER_SHAPES, blueprint, fresh_key
from clinic_orders.web.display import label
from clinic_orders.web.errors import say
from clinic_orders.web.goods_pages import frame
from clinic_orders.web.guards import actor, at, needs, today
from clinic_orders.web.listing import Column, as_file, page_cut, sort_order, wanted_file
from clinic_orders.web.navigation import counts

COLUMNS = (
    Column(N_("Letter number"), lambda row: row.number),
    Column(N_("Letter"), lambda row: row.kind),
    Column(N_("Issued on"), lambda row: row.issued_on),
    Column(N_("Signed for at"), lambda row: row.received_at),
    Column(N_("Last day to answer"), lambda row: row.deadline),
    Column(N_("State"), lambda row: row.state),
)
# What a party reads of the bureau's steps; how the bureau came to a letter is its own matter.
_TOLD = frozenset(
    {
        CaseStep.ISSUE,
        CaseStep.GIVE_NOTICE,
        CaseStep.COUNTERSIGN,
        CaseStep.RECEIVE,
        CaseStep.ANSWER,
        CaseStep.EXTEND,
        CaseStep.ACCEPT,
        CaseStep.UPHOLD,
        CaseStep.RECHECK_PASSED,
        CaseStep.RECHECK_FAILED,
    }
)


@counts("cases.inbox")
def _to_sign(person: Actor, _at: object) -> Question | int:
    return queries.unsigned_question(person)


@blueprint.get("/letters/")
@needs(Permission.LETTERS_ANSWER)
def inbox() -> str | Response:
    """The letters to the organisation; what nobody has signed for stands first."""
    state = request.args.get("state", "")
    wanted = LettersWanted(
        request.args.get("q", "").strip()[:64], state if state in {"waiting", "answer"} else ""
    )
    sort = sort_order(set(queries.LETTER_SORTS), "-issued")
    if wanted_file():
        return as_file("letters", COLUMNS, queries.letters(actor(), on=today(), wanted=wanted, sort=sort))
    page = page_cut(queries.count_letters(actor(), on=today(), wanted=wanted))
    return render_template(
        "cases/inbox.html",
        frame=frame(),
        rows=queries.letters(
            actor(), on=today(), wanted=wanted, sort=sort, limit=page.limit, offset=page.offset
        ),
        wanted=wanted,
        filtered=wanted != LettersWanted(),
        letter_shapes=LETTER_SHAPES,
        page=page,
        sort=sort,
        today=today(),
    )


def _days_left(deadline: date | None) -> int | None:
    return None if deadline is None else (deadline - today()).days


def _last_day(deadline: date, letter: CaseLetter) -> date:
    """The last day to answer; while nobody has signed, as it would be if somebody signed now."""
    if letter.received_at is not None:
        return deadline
    return deadline_after_receipt(deadline, received_on=today(), answer_days=deeds.answer_days(at=at()))


def _page(letter_id: int, errors: list[tuple[str, str]] | None = None) -> str:
    letter = queries.find_letter(letter_id, actor(), on=today())
    if letter is None or not actor().may(Permission.LETTERS_ANSWER):
        abort(404)
    case = queries.case_by_id(letter.case_id)
    last = queries.last_letter_out(case.id)
    is_last = last is not None and last.id == letter.id
    sides = queries.sides_of(actor(), case, last)
    steps = case_steps_open_to(sides & {CaseSide.PARTY}, case.state) if is_last else []
    left = _days_left(case.deadline if is_last else letter.deadline)
    answers = [one for one in queries.answers_of(case.id) if one.answer.letter_id == letter.id]
    return render_template(
        "cases/letter.html",
        frame=frame(),
        letter=letter,
        content=LetterContent.from_canonical(letter.content),
        case=case,
        is_last=is_last,
        newest=last,
        to_sign=CaseStep.RECEIVE in steps,
        may_answer=CaseStep.ANSWER in steps and left is not None and left >= 0,
        too_late=CaseStep.ANSWER in steps and left is not None and left < 0,
        deadline=_last_day(case.deadline if is_last and case.deadline else letter.deadline, letter),
        left=left,
        answers=answers,
        events=[one for one in queries.events_of(case.id) if one.step in _TOLD],
        kinds=[(kind.value, label(kind)) for kind in AnswerKind],
        errors=errors or [],
        typed=request.form,
        key=request.form.get("key") or fresh_key(),
        most_files=MOST_FILES,
        revoked=letter.state is LetterState.REVOKED,
        today=today(),
    )


@blueprint.get("/letters/<int:letter_id>")
@needs(Permission.LETTERS_ANSWER)
def letter(letter_id: int) -> str:
    """One letter: what it says, until when it can be answered, what came of it."""
    return _page(letter_id)


@blueprint.post("/letters/<int:letter_id>")
@needs(Permission.LETTERS_ANSWER)
def answer(letter_id: int) -> Response | tuple[str, int]:
    """Sign for a letter, or answer it with photos and papers."""
    wanted = request.form.get("do", "")
    if wanted not in {"receive", "answer"}:
        abort(400)
    try:
        if wanted == "receive":
            deeds.receive_letter(letter_id, by=actor(), at=at())
            flash(gettext("Signed for. You can answer below."), "ok")
        else:
            _answer(letter_id)
            flash(gettext("Your answer has been sent to the bureau."), "ok")
    except NotFound:
        abort(404)
    except RuleBroken as refused:
        return _page(letter_id, [(_box_of(refused), say(refused))]), 422
    return redirect(url_for(".letter", letter_id=letter_id), 303)


def _box_of(refused: RuleBroken) -> str:
    """The box at which a refusal stands."""
    return (
        "files"
        if refused.code in FILE_REFUSALS
        else "text"
        if refused.code in {"AnswerEmpty", "TextTooLong"}
        else ""
    )


def _answer(letter_id: int) -> Any:
    kind = request.form.get("kind", "")
    if kind not in set(AnswerKind):
        kind = AnswerKind.ANSWER.value
    with attached() as files:
        return deeds.answer_letter(
            letter_id, AnswerKind(kind), request.form.get("text", ""), files,
            key=request.form.get("key", "")[:64] or fresh_key(), by=actor(), at=at(),
        )  # fmt: skip
