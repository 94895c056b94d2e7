"""The history: who did what, when, with what stood before and after."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import date

from flask import Blueprint, Response, render_template, request

from clinic_orders.models.audit import AuditEntry
from clinic_orders.queries import audit as questions
from clinic_orders.rules.days import parse_day
from clinic_orders.rules.errors import N_, RuleBroken
from clinic_orders.rules.parties import Permission, Role
from clinic_orders.web import guards
from clinic_orders.web.deed_facts import changes, codes_in, subject_said
from clinic_orders.web.deed_names import deed_name, subject_name
from clinic_orders.web.display import label
from clinic_orders.web.errors import say
from clinic_orders.web.guards import needs
from clinic_orders.web.listing import Column, as_file, page_cut, sort_order, wanted_file

blueprint = Blueprint("audit", __name__, url_prefix="/audit")


def _role(entry: AuditEntry) -> str:
    return label(Role(entry.actor_role))


def _facts(entry: AuditEntry, names: Mapping[str, str]) -> str:
    return "; ".join(
        f"{change.field}: {change.before} → {change.after}"
        if change.before and change.after
        else f"{change.field}: {change.before or change.after}"
        for change in changes(entry, names, whole=True)
    )


def _columns(names: Mapping[str, str]) -> tuple[Column, ...]:
    return (
        Column(N_("Time"), lambda entry: entry.at),
        Column(N_("Who"), lambda entry: entry.actor_name),
        Column(N_("Role"), _role),
        Column(N_("Organisation"), lambda entry: entry.org_name),
        Column(N_("Deed"), lambda entry: deed_name(entry.deed)),
        Column(N_("Kind of record"), lambda entry: subject_name(entry.subject_type)),
        Column(N_("Record"), lambda entry: subject_said(entry, names)),
        Column(N_("Import"), lambda entry: entry.batch_id),
        Column(N_("Before and after"), lambda entry: _facts(entry, names)),
    )


@blueprint.get("/")
@needs(Permission.AUDIT_READ)
def index() -> str | Response:
    """The part of the history that is the reader's."""
    errors: list[tuple[str, str]] = []
    wanted = questions.Filter(
        deed=request.args.get("deed", ""),
        person=request.args.get("person", "").strip(),
        organisation=request.args.get("organisation", "").strip()[:100],
        subject=request.args.get("subject", "").strip(),
        subject_type=request.args.get("about", ""),
        first=_day("first", errors),
        last=_day("last", errors),
        batch=_batch(),
    )
    actor = guards.actor()
    newest_first = sort_order({"at"}, "-at") == "-at"
    if wanted_file():
        every = questions.entries(actor, wanted, newest_first=newest_first)
        names = questions.names_of(code for entry in every for code in codes_in(entry))
        return as_file("audit", _columns(names), every)
    cut = page_cut(questions.count_entries(actor, wanted))
    found = questions.entries(actor, wanted, newest_first=newest_first, offset=cut.offset, limit=cut.limit)
    names = questions.names_of(code for entry in found for code in codes_in(entry))
    return render_template(
        "audit/index.html",
        rows=[(entry, changes(entry, names)) for entry in found],
        abouts=sorted(
            ((about, subject_name(about)) for about in questions.subject_types_known(actor)),
            key=lambda pair: pair[1],
        ),
        subject_said=subject_said,
        may_import=actor.may(Permission.FILES_IMPORT),
        names=names,
        deeds=sorted(
            ((deed, deed_name(deed)) for deed in questions.deeds_known(actor)), key=lambda pair: pair[1]
        ),
        deed_name=deed_name,
        subject_name=subject_name,
        roles={role.value: label(role) for role in Role},
        page=cut,
        sort="-at" if newest_first else "at",
        wanted=wanted,
        typed=request.args,
        errors=errors,
        filtered=wanted != questions.Filter(),
    )


def _batch() -> int | None:
    """The number of an imported file; something else is no filter."""
    typed = request.args.get("batch", "").strip()
    return int(typed) if typed.isascii() and typed.isdigit() and len(typed) < 10 else None


def _day(name: str, errors: list[tuple[str, str]]) -> date | None:
    """A day of the filter; one that is none is said and left out."""
    typed = request.args.get(name, "").strip()
    if not typed:
        return None
    try:
        return parse_day(typed)
    except RuleBroken as error:
        errors.append((f"f-{name}", say(error)))
        return None
