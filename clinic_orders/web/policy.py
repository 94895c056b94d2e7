"""Every number that a bureau may change: what holds today, what it rests on, since when, until what (section 13)."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from datetime import date, timedelta
from typing import Any

from flask import Blueprint, Response, abort, flash, redirect, render_template, request, url_for
from flask_babel import gettext as _
from werkzeug.wrappers import Response as AnyResponse

from clinic_orders.actions.policy import EXAMPLE_MARK, put_policies
from clinic_orders.exchange import cells
from clinic_orders.queries import policy as questions
from clinic_orders.queries.files import rows_of
from clinic_orders.queries.policy import Mark, PolicyLine
from clinic_orders.rules.errors import N_
from clinic_orders.rules.parties import InstitutionKind, Permission
from clinic_orders.rules.policy import PolicyRow, check_row
from clinic_orders.rules.policy_parameters import (
    CHOICE_LABELS,
    PARAMETERS,
    UNITS,
    Parameter,
)
from clinic_orders.web import guards
from clinic_orders.web.display import label, register_labels
from clinic_orders.web.guards import needs
from clinic_orders.web.import_files import as_import_file
from clinic_orders.web.listing import page_cut, sort_order, wanted_file
from clinic_orders.web.policy_words import said, said_text, scope
from clinic_orders.web.typed import Typed

blueprint = Blueprint("policy", __name__, url_prefix="/policy")

register_labels(
    {
        Mark.UNSET: N_("not set"),
        Mark.EXAMPLE: N_("example, not official"),
        Mark.UNCONFIRMED: N_("to be confirmed"),
        Mark.CONFIRMED: N_("confirmed"),
    }
)
SHAPES = {Mark.UNSET: "off", Mark.EXAMPLE: "wait", Mark.UNCONFIRMED: "warn", Mark.CONFIRMED: "ok"}


def _fits(line: PolicyLine, words: Sequence[str]) -> bool:
    about = line.parameter
    text = f"{about.name} {_(about.label)} {_(about.rests_on)} {scope(line.kind, line.scale)}".casefold()
    return all(word in text for word in words)


@blueprint.get("/", strict_slashes=False)
@needs(Permission.POLICY_READ)
def index() -> str | Response:
    """All parameters with what holds today."""
    query, chosen = request.args.get("q", "").strip(), request.args.get("mark", "")
    marks = {mark.value: mark for mark in Mark}
    every = questions.policy_lines(questions.stored_values(), on=guards.today())
    words = query.casefold().split()
    lines = [
        line for line in every if _fits(line, words) and (chosen not in marks or line.mark is marks[chosen])
    ]
    if wanted_file():
        names = {line.parameter.name for line in lines}
        rows = rows_of("policies", guards.actor(), guards.today())
        return as_import_file("policies", (row for row in rows if row["parameter"] in names))
    sort = sort_order({"table", "mark", "name"}, "table")
    orders: dict[str, Callable[[PolicyLine], Any]] = {
        "mark": lambda line: list(Mark).index(line.mark),
        "name": lambda line: line.parameter.name,
    }
    if sort != "table":
        lines.sort(key=orders.get(sort.removeprefix("-"), lambda _line: 0), reverse=sort.startswith("-"))
    cut = page_cut(len(lines))
    return render_template(
        "policy/index.html",
        rows=lines[cut.offset : cut.offset + cut.limit],
        page=cut,
        sort=sort,
        q=query,
        mark=chosen,
        marks=[(mark.value, label(mark)) for mark in Mark],
        counts={mark.value: sum(line.mark is mark for line in every) for mark in Mark},
        filtered=bool(query or chosen),
        **_words(),
    )


def _words() -> dict[str, Any]:
    return {
        "shapes": SHAPES,
        "said": said,
        "said_text": said_text,
        "scope": scope,
        "units": UNITS,
        "manages": guards.actor().may(Permission.POLICY_MANAGE),
    }


@blueprint.get("/set-up")
@needs(Permission.POLICY_MANAGE)
def set_up() -> str:
    """What a new bureau still has to decide: the unset first, then the examples, then what nobody confirmed."""
    every = questions.policy_lines(questions.stored_values(), on=guards.today())
    waiting = sorted(
        (line for line in every if line.mark is not Mark.CONFIRMED),
        key=lambda line: list(Mark).index(line.mark),
    )
    return render_template(
        "policy/set_up.html", rows=waiting, total=len(every), done=len(every) - len(waiting), **_words()
    )


def _about(name: str) -> Parameter:
    if name not in PARAMETERS:
        abort(404)
    return PARAMETERS[name]


@blueprint.route("/<name>", methods=["GET"])
@needs(Permission.POLICY_READ)
def show(name: str) -> str:
    """One parameter: today, its history, and for the city the form to set it."""
    about = _about(name)
    tomorrow = guards.today() + timedelta(days=1)
    values = {
        "kind": request.args.get("kind", ""),
        "scale": request.args.get("scale", ""),
        "valid_from": tomorrow.isoformat(),
    }
    return _page(about, Typed(), values)


def _page(about: Parameter, typed: Typed, values: Any) -> str:
    rows = questions.stored_values(about.name)
    lines = questions.policy_lines(rows, on=guards.today())
    return render_template(
        "policy/show.html",
        about=about,
        lines=[line for line in lines if line.parameter.name == about.name],
        rows=rows,
        typed=typed,
        values=values,
        kinds=[(kind.value, label(kind)) for kind in InstitutionKind],
        choices=[(choice, _(CHOICE_LABELS[choice])) for choice in about.choices],
        today=guards.today(),
        **_words(),
    )


@blueprint.post("/<name>")
@needs(Permission.POLICY_MANAGE)
def set_value(name: str) -> str | AnyResponse | tuple[str, int]:
    """Set a value from a day on: typed, compared with what holds then, stored."""
    about, typed = _about(name), Typed()
    row = _row(about, typed)
    if typed.errors:
        return _page(about, typed, request.form), 400
    rows = questions.stored_values(about.name)
    if request.form.get("do") != "save":
        return _check_page(about, row, rows)
    put_policies([(1, row)], by=guards.actor(), at=guards.at())
    flash(_("The value holds from 00:00 of %(day)s.", day=row["valid_from"].isoformat()), "ok")
    return redirect(url_for(".show", name=about.name))


def _row(about: Parameter, typed: Typed) -> dict[str, Any]:
    """The form as a row of the kind ``policies``; what is wrong stands in ``typed.errors``."""
    kind, value = typed.text("kind"), typed.text("value")
    row = {
        "parameter": about.name,
        "kind": kind if kind in {one.value for one in InstitutionKind} else "",
        "scale": typed.read("scale", cells.text(64), required=False) or "",
        "valid_from": typed.read("valid_from", cells.day()),
        "value": value,
        "document_no": typed.read("document_no", cells.text(128), required=False) or "",
    }
    first = row["valid_from"] or date.max
    typed.tried("value", lambda: check_row(PolicyRow(about.name, first, value, row["kind"], row["scale"])))
    return row


def _check_page(about: Parameter, row: dict[str, Any], rows: Sequence[questions.StoredValue]) -> str:
    on, key = row["valid_from"], (row["kind"], row["scale"])
    lines = questions.policy_lines(rows, on=on)
    old = next(
        (line for line in lines if line.parameter is about and ((line.kind or ""), line.scale) == key), None
    )
    return render_template(
        "policy/check.html",
        about=about,
        row=row,
        old=old,
        replaced=next((one for one in rows if (one.kind, one.scale, one.valid_from) == (*key, on)), None),
        example=EXAMPLE_MARK in row["document_no"],
        past=on <= guards.today(),
        **_words(),
    )
