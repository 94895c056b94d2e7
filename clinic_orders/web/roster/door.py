"""The blueprint of the roster, and what its pages share: the institution in hand, forms in the columns of a file."""

from __future__ import annotations

import hashlib
from collections.abc import Iterable, Mapping
from datetime import date
from typing import Any

from flask import Blueprint, abort, request
from flask_babel import gettext as _

from clinic_orders.actions.bulk import RowsRefused
from clinic_orders.exchange.kinds import Column, Kind
from clinic_orders.exchange.tables import KINDS
from clinic_orders.queries.institutions import InstitutionSheet, institution_sheet
from clinic_orders.rules.errors import N_, RuleBroken
from clinic_orders.rules.parties import InstitutionKind, Permission
from clinic_orders.web import guards
from clinic_orders.web.display import label
from clinic_orders.web.errors import say

blueprint = Blueprint("roster", __name__, url_prefix="/roster")

Errors = list[tuple[str, str]]
Row = dict[str, Any]

# What the columns of the import files are called beside their boxes.
FIELD_WORDS: dict[str, str] = {
    "code": N_("Code"),
    "valid_from": N_("Holds from"),
    "name": N_("Name"),
    "kind": N_("Kind"),
    "county_code": N_("County"),
    "township": N_("Township or street"),
    "village": N_("Village or neighbourhood"),
    "supervisor_code": N_("Supervising hospital"),
    "scale": N_("Scale"),
    "speciality": N_("Speciality"),
    "remote": N_("Remote place"),
    "headquarters_code": N_("Headquarters of the chain"),
    "lead_hospital_code": N_("Lead hospital of the medical community"),
    "uscc": N_("Unified social credit code"),
    "nhsa_code": N_("Insurance institution code"),
    "joined_on": N_("Member from"),
    "left_on": N_("Member to"),
    "phone": N_("Telephone"),
    "address": N_("Street address"),
    "lng": N_("Longitude"),
    "lat": N_("Latitude"),
}


class FormChanged(RuleBroken):
    """Somebody else changed the record since the form was opened."""

    message = N_(
        "Somebody else has just changed this record. What you typed is kept: compare it with the present state, then go on."
    )


def kinds() -> list[tuple[str, str]]:
    """The kinds of institution for a box, word and name."""
    return [(kind.value, label(kind)) for kind in InstitutionKind]


def kind_asked() -> InstitutionKind | None:
    """The kind that the address asks for, if it is one."""
    asked = request.args.get("kind", "")
    return InstitutionKind(asked) if asked in set(InstitutionKind) else None


def word_asked(name: str, possible: Iterable[str]) -> str:
    """A word of the address, if it is one of those possible."""
    asked = request.args.get(name, "")
    return asked if asked in possible else ""


def may_change() -> bool:
    """Whether the reader may change the roster; a county only reads it."""
    return guards.actor().may(Permission.ROSTER_MANAGE)


def sheet_of(institution_id: int) -> InstitutionSheet:
    """The institution of an address; 404 where the reader may not see it."""
    found = institution_sheet(institution_id, guards.actor(), on=guards.today())
    if found is None:
        abort(404)
    return found


# Forms in the columns of a file -----------------------------------------------------------------------


def read_row(kind: Kind, typed: Mapping[str, str]) -> tuple[Row, Errors]:
    """What was typed as a row of a kind of file, and what is wrong with it, by box."""
    row: Row = {}
    errors: Errors = []
    for column in kind.columns:
        text = typed.get(column.name, "").strip()
        try:
            row[column.name] = column.cell.read(text)
        except RuleBroken as refusal:
            errors.append((column.name, say(refusal)))
            continue
        if not text and not column.takes_empty:
            errors.append((column.name, _("%(field)s: fill this in.", field=field_word(column.name))))
    for column in kind.columns:
        if column.falls_back_on and row.get(column.name) in (None, ""):
            row[column.name] = row.get(column.falls_back_on)
    return row, errors


def field_word(name: str) -> str:
    """What a column is called."""
    return _(FIELD_WORDS[name]) if name in FIELD_WORDS else name


def typed_row(kind: Kind, row: Mapping[str, Any]) -> dict[str, str]:
    """A row as it stands in the boxes of a form."""
    return {column.name: _typed(column, row.get(column.name)) for column in kind.columns}


def _typed(column: Column, value: Any) -> str:
    return "" if value is None or value is False or value == "" else column.cell.write(value)


def refused(refusal: RowsRefused) -> Errors:
    """What a deed refused, by box."""
    return [(problem.column, say(problem.refusal)) for problem in refusal.problems]


def fingerprint(rows: Iterable[Mapping[str, Any]]) -> str:
    """A short word that changes when any of the rows does; forms carry it to notice what happened meanwhile."""
    return hashlib.sha256(repr([sorted(row.items()) for row in rows]).encode()).hexdigest()[:16]


def day_typed(name: str, errors: Errors) -> date | None:
    """A day of the form; what is none goes to the errors."""
    column = KINDS["mandates"].column("valid_from")
    try:
        found: date | None = column.cell.read(request.form.get(name, ""))
    except RuleBroken as refusal:
        errors.append((name, say(refusal)))
        return None
    return found


def required_day(name: str, errors: Errors) -> date:
    """A day that must be there; without it the errors say so, and any day is given."""
    found = day_typed(name, errors)
    if found is None and not any(field == name for field, _message in errors):
        errors.append((name, _("Choose a day.")))
    return found or guards.today()
