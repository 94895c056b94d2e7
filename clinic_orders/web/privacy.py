"""What is kept about persons 隐私说明, one's own data with its file and requests, and the bureaus' answers (decision 0056)."""

from __future__ import annotations

import json
from collections.abc import Callable
from datetime import date, datetime
from enum import Enum
from typing import Any, Final

from flask import Blueprint, Response, abort, flash, redirect, render_template, request, url_for
from flask_babel import gettext
from werkzeug.wrappers import Response as AnyResponse

from clinic_orders.actions import privacy as deeds
from clinic_orders.actions.loading import NotFound
from clinic_orders.documents.my_data import workbook
from clinic_orders.queries import privacy as queries
from clinic_orders.queries.privacy import Section
from clinic_orders.rules.days import SHANGHAI
from clinic_orders.rules.errors import N_, RuleBroken
from clinic_orders.rules.parties import Permission
from clinic_orders.rules.privacy import MAX_WORDS, RETENTION, RequestAnswered, RequestKind, RequestState
from clinic_orders.web.deed_names import deed_name, subject_name
from clinic_orders.web.display import day_full, label, moment, notice_title, register_labels
from clinic_orders.web.downloads import file_answer
from clinic_orders.web.errors import say
from clinic_orders.web.guards import actor, at, needs, public, today
from clinic_orders.web.listing import Column, as_file, page_cut, sort_order, wanted_file

blueprint = Blueprint("privacy", __name__)

register_labels(
    {
        RequestKind.CORRECT: N_("Correct something"),
        RequestKind.ERASE: N_("Erase something"),
        RequestKind.EXPLAIN: N_("Explain something"),
    }
)
register_labels(
    {
        RequestState.WAITING: N_("Waits for the bureau"),
        RequestState.DONE: N_("Done as asked"),
        RequestState.REFUSED: N_("Not done, with the reason"),
    }
)
SHAPES: Final = {RequestState.WAITING: "warn", RequestState.DONE: "ok", RequestState.REFUSED: "muted"}
MOST_SHOWN: Final = 20
"""Rows of a part on the page; the file has all."""
COLUMNS: Final = (
    Column(N_("Asked at"), lambda row: row.asked_at),
    Column(N_("Name"), lambda row: row.name),
    Column(N_("Log-in name"), lambda row: row.username),
    Column(N_("What is asked"), lambda row: row.kind),
    Column(N_("Request"), lambda row: row.words),
    Column(N_("State"), lambda row: row.state),
    Column(N_("Answer of the bureau"), lambda row: row.answer),
    Column(N_("Answered at"), lambda row: row.answered_at),
)


@blueprint.get("/privacy")
@public
def notice() -> str:
    """What is kept about whom, for what, how long, on which rule; where to ask."""
    months = queries.terms(today())
    return render_template(
        "privacy/notice.html",
        lines=[
            (line, gettext(line.until) % {"months": months.get(line.parameter, "")}) for line in RETENTION
        ],
    )


_SAID: Final[dict[str, Callable[[Any], str]]] = {
    "Deed": deed_name,
    "Kind of record": subject_name,
    "Kind of notice": notice_title,
}


def _shown(heading: str, value: Any) -> str:
    if value is None or value == "":
        return ""
    if heading in _SAID:
        return str(_SAID[heading](value))
    if isinstance(value, Enum):
        return str(label(value))
    if isinstance(value, datetime):
        return str(moment(value))
    return str(day_full(value)) if isinstance(value, date) else str(value)


def _plain(heading: str, value: Any) -> Any:
    """A value for a file: words for codes, instants in Shanghai, days as they are."""
    if isinstance(value, datetime):
        return value.astimezone(SHANGHAI).replace(tzinfo=None)
    return value if isinstance(value, date) else _shown(heading, value)


def _own(most: int | None = None) -> list[Section]:
    user_id = actor().user_id
    assert user_id is not None
    return queries.data_of(user_id, actor().name, most=most)


def _page(error: RuleBroken | None = None) -> str:
    return render_template(
        "privacy/my_data.html",
        parts=[
            (part, [[_shown(h, v) for h, v in zip(part.headings, row, strict=True)] for row in part.rows])
            for part in _own(MOST_SHOWN)
        ],
        kinds=[(one.value, label(one)) for one in RequestKind],
        waiting=queries.has_waiting_request(actor().user_id or 0),
        most=MAX_WORDS,
        typed=request.form,
        errors=[] if error is None else [("words", say(error))],
    )


@blueprint.get("/account/my-data")
@needs(Permission.SELF)
def my_data() -> str:
    """Everything that is recorded about oneself."""
    return _page()


@blueprint.get("/account/my-data/file")
@needs(Permission.SELF)
def my_file() -> Response:
    """The same as a file, whole: JSON for programs, a spreadsheet for people."""
    wanted = request.args.get("format", "json")
    if wanted not in {"json", "xlsx"}:
        abort(404)
    parts = [
        (
            part,
            [gettext(heading) for heading in part.headings],
            [[_plain(h, v) for h, v in zip(part.headings, row, strict=True)] for row in part.rows],
        )
        for part in _own()
    ]
    if wanted == "xlsx":
        sheets = [(gettext(part.title), headings, rows) for part, headings, rows in parts]
        content = workbook(sheets)
    else:
        document = {
            part.name: [dict(zip(headings, row, strict=True)) for row in rows]
            for part, headings, rows in parts
        }
        content = json.dumps(document, ensure_ascii=False, indent=1, default=str).encode()
    return file_answer(content, f"my-data.{wanted}")


@blueprint.post("/account/my-data")
@needs(Permission.SELF)
def ask() -> AnyResponse | tuple[str, int]:
    """Ask that something be corrected, erased or explained."""
    kind = request.form.get("kind", "")
    if kind not in set(RequestKind):
        abort(404)
    try:
        deeds.ask_about_own_data(RequestKind(kind), request.form.get("words", ""), by=actor(), at=at())
    except RuleBroken as error:
        return _page(error), 422
    flash(gettext("The request is sent. The answer will stand on this page."), "ok")
    return redirect(url_for(".my_data"), 303)


def _requests(error: RuleBroken | None = None) -> str:
    words, state = request.args.get("q", "").strip()[:64], request.args.get("state", "")
    sort = sort_order(set(queries.REQUEST_SORTS), "-asked")
    page = page_cut(queries.count_requests(actor(), words=words, state=state, on=today()))
    return render_template(
        "privacy/requests.html",
        rows=queries.request_lines(
            actor(), words=words, state=state, on=today(), sort=sort, limit=page.limit, offset=page.offset
        ),
        words=words,
        state=state,
        states=[(one.value, label(one)) for one in RequestState],
        filtered=bool(words or state),
        shapes=SHAPES,
        errors=[] if error is None else [("", say(error))],
        typed=request.form,
        most=MAX_WORDS,
        page=page,
        sort=sort,
        today=today(),
    )


@blueprint.get("/accounts/requests")
@needs(Permission.ACCOUNTS_MANAGE)
def requests() -> str | Response:
    """What persons of one's scope ask about their data."""
    if wanted_file():
        words, state = request.args.get("q", "").strip()[:64], request.args.get("state", "")
        sort = sort_order(set(queries.REQUEST_SORTS), "-asked")
        return as_file(
            "requests",
            COLUMNS,
            queries.request_lines(actor(), words=words, state=state, on=today(), sort=sort),
        )
    return _requests()


@blueprint.post("/accounts/requests/<int:request_id>")
@needs(Permission.ACCOUNTS_MANAGE)
def answer(request_id: int) -> AnyResponse | tuple[str, int]:
    """Answer one."""
    form = request.form
    try:
        deeds.answer_personal_request(
            request_id, form.get("answer", ""), done=form.get("do") == "done", by=actor(), at=at()
        )
    except NotFound:
        abort(404)
    except RuleBroken as error:
        return _requests(error), 409 if isinstance(error, RequestAnswered) else 422
    flash(gettext("Answered; the person reads it under “My data”."), "ok")
    return redirect(url_for(".requests"), 303)
