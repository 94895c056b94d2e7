"""The institution's side: what it is asked to check, and its answer in plain words with photos, on a phone."""

from __future__ import annotations

from flask import abort, flash, redirect, render_template, request, url_for
from flask_babel import gettext
from werkzeug.wrappers import Response

from clinic_orders.actions import clues as deeds
from clinic_orders.actions.loading import NotFound
from clinic_orders.queries import clues as queries
from clinic_orders.queries.clues import SelfChecksWanted
from clinic_orders.queries.counting import Question
from clinic_orders.queries.packs import life_of_pack
from clinic_orders.rules.attachments import MOST_FILES
from clinic_orders.rules.clues import CLUE_OVER, OF_A_PACK, SelfCheckAnswer
from clinic_orders.rules.errors import N_, RuleBroken
from clinic_orders.rules.parties import Actor, Permission
from clinic_orders.web.attached_files import FILE_REFUSALS, attached
from clinic_orders.web.clues.door import blueprint, fresh_key, matter, told
from clinic_orders.web.display import label
from clinic_orders.web.errors import say
from clinic_orders.web.goods_pages import frame
from clinic_orders.web.guards import actor, at, needs, today
from clinic_orders.web.listing import Column, as_file, page_cut, sort_order, wanted_file
from clinic_orders.web.navigation import counts
from clinic_orders.web.packs import paper_address

COLUMNS = (
    Column(N_("Clue"), lambda row: row.number),
    Column(N_("Matter"), matter),
    Column(N_("About"), lambda row: row.code),
    Column(N_("Item"), lambda row: row.item),
    Column(N_("Asked for the self-check at"), lambda row: row.asked_at),
    Column(N_("Last day to answer"), lambda row: row.deadline),
    Column(N_("Answered at"), lambda row: row.answered_at),
)
_BOXES = {"SelfCheckEmpty": "text", "TextTooLong": "text", "AmountWrong": "repaid"}


@counts("clues.inbox")
def _to_answer(person: Actor, _at: object) -> Question | int:
    return queries.to_answer_question(person)


@blueprint.get("/self-checks/")
@needs(Permission.CLUES_ANSWER)
def inbox() -> str | Response:
    """What the institution is asked to check; what waits for an answer stands first."""
    state = request.args.get("state", "")
    wanted = SelfChecksWanted(
        request.args.get("q", "").strip()[:64], state if state in {"open", "answered"} else ""
    )
    sort = sort_order(set(queries.SELF_CHECK_SORTS), "-asked")
    if wanted_file():
        return as_file("self-checks", COLUMNS, queries.self_checks(actor(), wanted=wanted, sort=sort))
    page = page_cut(queries.count_self_checks(actor(), wanted=wanted))
    return render_template(
        "clues/inbox.html",
        frame=frame(),
        rows=queries.self_checks(actor(), wanted=wanted, sort=sort, limit=page.limit, offset=page.offset),
        wanted=wanted,
        filtered=wanted != SelfChecksWanted(),
        matter=matter,
        page=page,
        sort=sort,
        today=today(),
    )


def _page(number: str, error: tuple[str, str] | None = None) -> str:
    row = queries.find_self_check(number, actor())
    if row is None:
        abort(404)
    clue_id = queries.clue_id_of(number)
    of_pack = row.rule is None or row.rule in OF_A_PACK
    return render_template(
        "clues/self_check.html",
        frame=frame(),
        row=row,
        matter=matter(row),
        told=told(row),
        of_pack=of_pack,
        life=life_of_pack(row.code, actor(), on=today()) if of_pack else None,
        paper_address=paper_address,
        answers=queries.answers_of(
            clue_id, queries.evidence_of(clue_id), on=today(), institution_id=actor().institution_id
        ),
        question=queries.question_of(clue_id),
        may_answer=row.state.value in {"self_check", "checking"},
        over=row.state in CLUE_OVER,
        left=None if row.deadline is None else (row.deadline - today()).days,
        choices=[(one.value, label(one)) for one in SelfCheckAnswer],
        error=error,
        typed=request.form,
        key=request.form.get("key") or fresh_key(),
        most_files=MOST_FILES,
        today=today(),
    )


@blueprint.get("/self-checks/<number>")
@needs(Permission.CLUES_ANSWER)
def self_check(number: str) -> str:
    """One self-check: what was noticed, what we know of the pack ourselves, and the answer."""
    return _page(number)


@blueprint.post("/self-checks/<number>")
@needs(Permission.CLUES_ANSWER)
def answer(number: str) -> Response | tuple[str, int]:
    """Answer with a choice, a sentence and photos."""
    choice = request.form.get("choice", "")
    if choice not in set(SelfCheckAnswer):
        return _page(number, ("choice", gettext("Choose what fits best."))), 422
    try:
        with attached() as files:
            deeds.answer_clue(
                number, SelfCheckAnswer(choice), request.form.get("text", ""), request.form.get("repaid", ""),
                files, key=request.form.get("key", "")[:64] or fresh_key(), by=actor(), at=at(),
            )  # fmt: skip
    except NotFound:
        abort(404)
    except RuleBroken as refused:
        box = "files" if refused.code in FILE_REFUSALS else _BOXES.get(refused.code, "")
        return _page(number, (box, say(refused))), 422
    flash(gettext("Your answer has been sent to the bureau."), "ok")
    return redirect(url_for(".self_check", number=number), 303)
