"""Institutions: the list, one of them with its history, adding and changing with a look before saving."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import date
from typing import Any

from flask import Response, flash, redirect, render_template, request, url_for
from flask_babel import gettext as _
from werkzeug.wrappers import Response as AnyResponse

from clinic_orders.actions import roster as deeds
from clinic_orders.actions.bulk import RowsRefused
from clinic_orders.exchange.tables import KINDS
from clinic_orders.models.roster import InstitutionRecord
from clinic_orders.queries import institutions as questions
from clinic_orders.queries.institutions import InstitutionFilter, InstitutionSheet
from clinic_orders.queries.publicity.matters import phone_is_hidden
from clinic_orders.queries.roster_consequences import (
    UNDER_IT,
    RosterFacts,
    owed_by,
    when_changing,
    when_leaving,
)
from clinic_orders.rules.errors import RuleBroken
from clinic_orders.rules.parties import SUPERVISED_KINDS, InstitutionKind, Permission, Role
from clinic_orders.web import guards
from clinic_orders.web.display import day_full, label
from clinic_orders.web.errors import say
from clinic_orders.web.guards import needs
from clinic_orders.web.import_files import as_import_file
from clinic_orders.web.listing import page_cut, sort_order, wanted_file
from clinic_orders.web.roster.consequence_words import said
from clinic_orders.web.roster.door import (
    Errors,
    FormChanged,
    blueprint,
    field_word,
    fingerprint,
    kind_asked,
    kinds,
    may_change,
    read_row,
    refused,
    required_day,
    sheet_of,
    typed_row,
    word_asked,
)

_KIND = KINDS["institutions"]


@blueprint.get("/")
@needs(Permission.ROSTER_READ)
def institutions() -> str | Response:
    """The institutions that fit, as of today."""
    actor, today = guards.actor(), guards.today()
    wanted = InstitutionFilter(
        words=request.args.get("q", "").strip(),
        county=request.args.get("county", ""),
        township=request.args.get("township", ""),
        kind=kind_asked(),
        state=word_asked("state", questions.STATES),
        lacks=word_asked("lacks", questions.LACKS),
    )
    if wanted_file():
        rows = questions.institution_file(actor, wanted, on=today)
        return as_import_file("institutions", rows)
    sort = sort_order(questions.SORTS, "name")
    cut = page_cut(questions.count_institutions(actor, wanted, on=today))
    return render_template(
        "roster/institutions.html",
        rows=questions.institutions_page(
            actor, wanted, on=today, sort=sort, offset=cut.offset, limit=cut.limit
        ),
        page=cut,
        sort=sort,
        wanted=wanted,
        filtered=wanted != InstitutionFilter(),
        counties=[] if actor.role is Role.COUNTY else questions.counties(actor),
        town_options=[(name, name) for name in questions.townships(actor, wanted.county)],
        kinds=kinds(),
        may_change=may_change(),
        today=today,
    )


# One institution --------------------------------------------------------------------------------------


@dataclass(frozen=True, slots=True)
class Turn:
    """One dated record on the time line, and what it changed against the one before."""

    record: InstitutionRecord
    changes: list[tuple[str, str, str]]


_SAID = (
    "name", "kind", "county_code", "township", "village", "supervisor_id", "headquarters_id", "lead_hospital_id",
    "scale", "speciality", "remote", "uscc", "nhsa_code", "joined_on", "left_on", "phone", "address", "lng", "lat",
)  # fmt: skip


def _said(sheet: InstitutionSheet, name: str, value: Any) -> str:
    """A fact of a record in words; nothing is a dash."""
    if value is None or value == "":
        return "—"
    if name in {"supervisor_id", "headquarters_id", "lead_hospital_id"}:
        return sheet.names.get(value, ("—", ""))[0]
    if name == "county_code":
        return sheet.counties.get(value, str(value))
    return _shown(value)


def _shown(value: Any) -> str:
    if isinstance(value, bool):
        return str(_("yes") if value else _("no"))
    if isinstance(value, date):
        return day_full(value)
    return label(value) if hasattr(value, "name") and hasattr(value, "value") else str(value)


def turns(sheet: InstitutionSheet) -> list[Turn]:
    """The dated records, newest first, each with what it changed."""
    found = []
    for record, before in zip(sheet.records, [*sheet.records[1:], None], strict=True):
        changes = []
        for name in _SAID:
            old, new = (None if before is None else getattr(before, name)), getattr(record, name)
            if before is not None and old != new:
                word = field_word(name.replace("_id", "_code") if name.endswith("_id") else name)
                changes.append((word, _said(sheet, name, old), _said(sheet, name, new)))
        found.append(Turn(record, changes))
    return found


def institution_page(
    institution_id: int, *, errors: Errors | None = None, typed: Mapping[str, str] | None = None, at: str = ""
) -> str:
    """The page of one institution; after a refusal with what was typed in the form `at`."""
    sheet = sheet_of(institution_id)
    return render_template(
        "roster/institution.html",
        sheet=sheet,
        state=sheet.state,
        turns=turns(sheet),
        county=sheet.counties.get(sheet.state.county_code, ""),
        supervised_kind=sheet.state.kind in SUPERVISED_KINDS,
        hospitals=questions.hospitals(sheet.on)
        if may_change() and sheet.state.kind in SUPERVISED_KINDS
        else [],
        supervisor_code=sheet.names.get(sheet.state.supervisor_id or 0, ("", ""))[1],
        may_change=may_change(),
        phone_hidden=phone_is_hidden(institution_id),
        today=sheet.on,
        errors=errors or [],
        wrong=dict(errors or []),
        typed=typed or {},
        at=at,
    )


@blueprint.get("/institutions/<int:institution_id>")
@needs(Permission.ROSTER_READ)
def institution(institution_id: int) -> str:
    """One institution: its state today, its history, letters, mandates, suspensions."""
    return institution_page(institution_id)


# Add and change ---------------------------------------------------------------------------------------


@blueprint.route("/institutions/new", methods=["GET", "POST"])
@needs(Permission.ROSTER_MANAGE)
def new_institution() -> str | AnyResponse | tuple[str, int]:
    """Put an institution on the roster."""
    if request.method == "GET":
        return _form(
            None, {"joined_on": guards.today().isoformat(), "county_code": request.args.get("county", "")}
        )
    return _posted(None)


@blueprint.route("/institutions/<int:institution_id>/change", methods=["GET", "POST"])
@needs(Permission.ROSTER_MANAGE)
def change_institution(institution_id: int) -> str | AnyResponse | tuple[str, int]:
    """Record what changes from a day on, or correct the record that began on a day (``?from=``)."""
    sheet = sheet_of(institution_id)
    if request.method == "POST":
        return _posted(sheet)
    rows = questions.file_rows_of(institution_id)
    corrected = request.args.get("from", "")
    row = next((row for row in rows if row["valid_from"].isoformat() == corrected), None)
    if row is not None:
        return _form(sheet, typed_row(_KIND, row))
    held = max(
        (row for row in rows if row["valid_from"] <= sheet.on),
        key=lambda row: row["valid_from"],
        default=rows[0],
    )
    return _form(sheet, typed_row(_KIND, held) | {"valid_from": sheet.on.isoformat()})


def _seen(sheet: InstitutionSheet | None) -> str:
    return "" if sheet is None else fingerprint(questions.file_rows_of(sheet.institution.id))


def _form(sheet: InstitutionSheet | None, typed: Mapping[str, str], errors: Errors | None = None) -> str:
    return render_template(
        "roster/institution_form.html",
        sheet=sheet,
        typed=typed,
        errors=errors or [],
        wrong=dict(errors or []),
        seen=_seen(sheet),
        counties=questions.counties(guards.actor()),
        kinds=kinds(),
        hospitals=questions.hospitals(guards.today()),
        word=field_word,
    )


def _posted(sheet: InstitutionSheet | None) -> str | AnyResponse | tuple[str, int]:
    """The form as sent: looked at (``do=check``), gone back to, or saved."""
    typed: dict[str, str] = {
        column.name: request.form.get(column.name, "").strip() for column in _KIND.columns
    }
    if sheet is not None:
        typed["code"] = sheet.institution.code
    if request.form.get("do") == "back":
        return _form(sheet, typed)
    row, errors = read_row(_KIND, typed)
    if not errors and request.form.get("seen", "") != _seen(sheet):
        errors.append(("", say(FormChanged())))
    if not errors and sheet is None and _is_there(row["code"]):
        errors.append(
            (
                "code",
                _("There is an institution with this code already. Open it in the roster and change it."),
            )
        )
    if not errors:
        try:
            if request.form.get("do") == "save":
                deeds.put_institution(row, by=guards.actor(), at=guards.at())
                flash(_("The roster has been changed."), "ok")
                return redirect(url_for(".institution", institution_id=_id_of(row["code"])))
            deeds.check_institutions([(1, row)], by=guards.actor())
        except RowsRefused as refusal:
            errors = refused(refusal)
    if errors:
        return _form(sheet, typed, errors), 400
    return _check_page(sheet, typed, row)


def _is_there(code: str) -> bool:
    return questions.institution_id_of(code) is not None


def _id_of(code: str) -> int:
    found = questions.institution_id_of(code)
    assert found is not None, "it has just been stored"
    return found


def _check_page(sheet: InstitutionSheet | None, typed: Mapping[str, str], row: Mapping[str, Any]) -> str:
    rows = [] if sheet is None else questions.file_rows_of(sheet.institution.id)
    before = max(
        (held for held in rows if held["valid_from"] <= row["valid_from"]),
        key=lambda held: held["valid_from"],
        default=None,
    )
    corrects = before is not None and before["valid_from"] == row["valid_from"]
    after = min((held["valid_from"] for held in rows if held["valid_from"] > row["valid_from"]), default=None)
    counties = dict(questions.counties(guards.actor()))
    return render_template(
        "roster/institution_check.html",
        follows=_what_follows(sheet, before, row),
        sheet=sheet,
        typed=typed,
        changes=_changes(before, row, counties),
        is_new=before is None,
        corrects=corrects,
        first_day=row["valid_from"],
        next_day=after,
        seen=_seen(sheet),
    )


def _roster_facts(row: Mapping[str, Any]) -> RosterFacts:
    return RosterFacts(
        county_code=row["county_code"],
        kind=InstitutionKind(row["kind"]),
        scale=row.get("scale") or "",
        supervisor_code=row.get("supervisor_code") or None,
        remote=bool(row.get("remote")),
    )


def _what_follows(
    sheet: InstitutionSheet | None, before: Mapping[str, Any] | None, row: Mapping[str, Any]
) -> list[tuple[str, tuple[str, ...]]]:
    """What follows of the change from its first day on, as sentences with names."""
    if sheet is None or before is None:
        return []
    id_, first = sheet.institution.id, row["valid_from"]
    found = when_changing(id_, _roster_facts(before), _roster_facts(row), on=first)
    left_on = row.get("left_on")
    if left_on is not None and before.get("left_on") != left_on:
        found += when_leaving(id_, last_day=left_on, owed=owed_by(id_, on=sheet.on))
    return [(said(one), one.names) for one in found]


def _changes(
    before: Mapping[str, Any] | None, row: Mapping[str, Any], counties: Mapping[str, str]
) -> list[tuple[str, str, str]]:
    """What the row changes against the record before it: word, old, new; of a new institution all it says."""
    found = []
    for column in _KIND.columns:
        name = column.name
        if name in {"code", "valid_from"} and before is not None:
            continue
        old, new = (None if before is None else before.get(name)), row.get(name)
        if (old or None) == (new or None):
            continue
        found.append((field_word(name), _in_words(name, old, counties), _in_words(name, new, counties)))
    return found


def _in_words(name: str, value: Any, counties: Mapping[str, str]) -> str:
    if value is None or value == "":
        return "—"
    if name == "county_code":
        return counties.get(value, str(value))
    if name == "kind":
        return dict(kinds())[str(value)]
    return _shown(value)


# Close and reopen -------------------------------------------------------------------------------------


@blueprint.post("/institutions/<int:institution_id>/close")
@needs(Permission.ROSTER_MANAGE)
def close_institution(institution_id: int) -> str | AnyResponse | tuple[str, int]:
    """End the membership: looked at first with what follows, then done; another may take over those under it."""
    sheet = sheet_of(institution_id)
    errors: Errors = []
    last_day = required_day("last_day", errors)
    into = request.form.get("into", "").strip()
    if not errors and request.form.get("do") != "save":
        found = when_leaving(institution_id, last_day=last_day, owed=owed_by(institution_id, on=sheet.on))
        return render_template(
            "roster/close_check.html",
            sheet=sheet,
            last_day=last_day,
            into=into,
            follows=[(said(one), one.names) for one in found],
            under=any(one.what in UNDER_IT for one in found),
            hospitals=questions.hospitals(sheet.on),
        )
    if into:
        return done(
            institution_id,
            "close",
            errors,
            lambda: deeds.merge_institution(
                sheet.institution.code, into, last_day, by=guards.actor(), at=guards.at()
            ),
            "last_day",
            _(
                "The membership ends on %(day)s, and those under it belong to %(code)s from the next day on.",
                day=day_full(last_day),
                code=into,
            ),
        )
    return done(
        institution_id,
        "close",
        errors,
        lambda: deeds.close_institution(sheet.institution.code, last_day, by=guards.actor(), at=guards.at()),
        "last_day",
        _("The membership ends on %(day)s.", day=day_full(last_day)),
    )


@blueprint.post("/institutions/<int:institution_id>/reopen")
@needs(Permission.ROSTER_MANAGE)
def reopen_institution(institution_id: int) -> AnyResponse | tuple[str, int]:
    """Begin a new membership."""
    sheet = sheet_of(institution_id)
    errors: Errors = []
    first_day = required_day("first_day", errors)
    return done(
        institution_id,
        "reopen",
        errors,
        lambda: deeds.reopen_institution(
            sheet.institution.code, first_day, by=guards.actor(), at=guards.at()
        ),
        "first_day",
        _("A new membership begins on %(day)s.", day=day_full(first_day)),
    )


def done(
    institution_id: int, form: str, errors: Errors, deed: Any, field: str, said: str
) -> AnyResponse | tuple[str, int]:
    """Do it and say so, or show the institution again with what is wrong and everything typed."""
    if not errors:
        try:
            deed()
        except RowsRefused as refusal:
            errors = [(field, message) for _column, message in refused(refusal)]
        except RuleBroken as refusal:
            errors = [(field, say(refusal))]
    if errors:
        return institution_page(institution_id, errors=errors, typed=request.form, at=form), 400
    flash(said, "ok")
    return redirect(url_for(".institution", institution_id=institution_id))
