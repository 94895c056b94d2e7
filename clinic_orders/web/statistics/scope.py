"""How many institutions the scheme is meant for, by county and kind, and how many of them are members (R-STAT-2)."""

from __future__ import annotations

from datetime import date
from typing import NamedTuple

from flask import flash, redirect, render_template, request, url_for
from flask_babel import gettext as _
from flask_babel import ngettext
from werkzeug.wrappers import Response

from clinic_orders.actions.statistics import set_scope
from clinic_orders.queries import institutions as roster
from clinic_orders.queries.scope_numbers import members_by_place, scope_rows
from clinic_orders.rules.days import parse_day
from clinic_orders.rules.errors import RuleBroken
from clinic_orders.rules.parties import InstitutionKind, Permission
from clinic_orders.web.display import label
from clinic_orders.web.errors import say
from clinic_orders.web.guards import actor, at, needs, today
from clinic_orders.web.statistics.door import asked_county, blueprint

_MOST = 99_999


class Cell(NamedTuple):
    """One county and kind: the number in scope (None = not set), members of the day, what was typed."""

    name: str
    kind: InstitutionKind
    in_scope: int | None
    members: int
    typed: str


def _on(errors: list[tuple[str, str]]) -> date:
    typed = request.values.get("on", "").strip()
    if not typed:
        return today()
    try:
        return parse_day(typed)
    except RuleBroken as refusal:
        errors.append(("f-on", say(refusal)))
        return today()


def _page(on: date, errors: list[tuple[str, str]]) -> str:
    rows, members = scope_rows(on=on), members_by_place(on=on)
    mine = asked_county()
    counties = [one for one in roster.counties(actor()) if mine in {"", one[0]}]
    wanted_kind = request.args.get("kind", "")
    kinds = [one for one in InstitutionKind if wanted_kind in {"", one.value}]
    table = []
    for code, name in counties:
        cells = []
        for kind in kinds:
            row = rows.get((code, kind.value))
            number = None if row is None else row.institutions
            field = f"n-{code}-{kind.value}"
            typed = request.form.get(field, "" if number is None else str(number))
            cells.append(Cell(field, kind, number, members.get((code, kind.value), 0), typed))
        table.append((code, name, cells))
    every = [cell for _code, _name, cells in table for cell in cells]
    return render_template(
        "statistics/scope.html",
        on=on,
        table=table,
        kinds=[(kind, label(kind)) for kind in kinds],
        in_scope=sum(cell.in_scope or 0 for cell in every),
        joined=sum(cell.members for cell in every if cell.in_scope is not None),
        unset=sum(1 for cell in every if cell.in_scope is None),
        may_set=actor().may(Permission.POLICY_MANAGE) and not wanted_kind and not mine,
        typed=request.form,
        errors=errors,
    )


@blueprint.get("/scope")
@needs(Permission.STATISTICS_READ)
def scope() -> str:
    """The numbers in force on a day."""
    errors: list[tuple[str, str]] = []
    return _page(_on(errors), errors)


@blueprint.post("/scope")
@needs(Permission.POLICY_MANAGE)
def save_scope() -> Response | tuple[str, int]:
    """Set numbers from a day on; what was typed stays where something is wrong."""
    errors: list[tuple[str, str]] = []
    on = _on(errors)
    numbers: dict[tuple[str, InstitutionKind], int | None] = {}
    for code, name in roster.counties(actor()):
        for kind in InstitutionKind:
            field = f"n-{code}-{kind.value}"
            if field not in request.form:
                continue
            typed = request.form[field].strip()
            if typed and not (typed.isascii() and typed.isdigit() and int(typed) <= _MOST):
                errors.append(
                    (
                        field,
                        _(
                            "%(place)s, %(kind)s: a whole number up to %(most)s is wanted, you wrote %(typed)s.",
                            place=name,
                            kind=label(kind),
                            most=_MOST,
                            typed=typed,
                        ),
                    )
                )
                continue
            numbers[code, kind] = int(typed) if typed else None
    if errors:
        return _page(on, errors), 422
    changed = set_scope(
        numbers,
        valid_from=on,
        document_no=request.form.get("document", "").strip()[:128],
        by=actor(),
        at=at(),
    )
    flash(
        ngettext(
            "%(num)s number is new from %(day)s on.",
            "%(num)s numbers are new from %(day)s on.",
            changed,
            day=on.isoformat(),
        ),
        "ok",
    )
    return redirect(url_for(".scope", on=on.isoformat()), 303)
