"""Delivery relations: the list, adding with a look before saving, ending; and what nobody delivers (R-CAT-3)."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from flask import Response, abort, flash, redirect, render_template, request, url_for
from flask_babel import gettext as _
from werkzeug.wrappers import Response as AnyResponse

from clinic_orders.actions import roster as deeds
from clinic_orders.actions.bulk import RowsRefused
from clinic_orders.exchange.tables import KINDS
from clinic_orders.queries import institutions as institution_questions
from clinic_orders.queries import relations as questions
from clinic_orders.queries.relations import RelationFilter
from clinic_orders.rules.errors import N_, RuleBroken
from clinic_orders.rules.parties import Permission, Role
from clinic_orders.web import guards
from clinic_orders.web.display import day_full, label
from clinic_orders.web.errors import say
from clinic_orders.web.guards import needs
from clinic_orders.web.import_files import as_import_file
from clinic_orders.web.listing import Column, as_file, page_cut, sort_order, wanted_file
from clinic_orders.web.roster.door import (
    Errors,
    blueprint,
    kind_asked,
    kinds,
    may_change,
    read_row,
    refused,
    required_day,
    word_asked,
)

_KIND = KINDS["delivery-relations"]
_SCOPES = ("county", "institution")
_STATES = ("now", "ahead", "over")


def _counties() -> list[tuple[str, str]]:
    actor = guards.actor()
    return [] if actor.role is Role.COUNTY else institution_questions.counties(actor)


@blueprint.get("/relations")
@needs(Permission.ROSTER_READ)
def relations() -> str | Response:
    """The relations that fit."""
    actor, today = guards.actor(), guards.today()
    wanted = RelationFilter(
        words=request.args.get("q", "").strip(),
        county=request.args.get("county", ""),
        distributor=request.args.get("distributor", ""),
        scope=word_asked("scope", _SCOPES),
        state=word_asked("state", _STATES),
        institution_id=request.args.get("institution", type=int),
    )
    if wanted_file():
        rows = questions.relation_file(actor, wanted, on=today)
        return as_import_file("delivery-relations", rows)
    sort = sort_order(questions.RELATION_SORTS, "scope")
    cut = page_cut(questions.count_relations(actor, wanted, on=today))
    return render_template(
        "roster/relations.html",
        rows=questions.relations_page(actor, wanted, on=today, sort=sort, offset=cut.offset, limit=cut.limit),
        page=cut,
        sort=sort,
        wanted=wanted,
        filtered=wanted != RelationFilter(),
        counties=_counties(),
        distributors=questions.distributor_choices(),
        gaps=len(questions.gaps(actor, on=today)),
        may_change=may_change(),
        today=today,
    )


@blueprint.route("/relations/new", methods=["GET", "POST"])
@needs(Permission.ROSTER_MANAGE)
def new_relation() -> str | AnyResponse | tuple[str, int]:
    """Record who delivers what to whom."""
    if request.method == "GET":
        typed = {name: request.args.get(name, "") for name in ("scope", "item_code", "distributor_code")}
        return _form(typed | {"valid_from": guards.today().isoformat(), "valid_to": ""})
    typed = {column.name: request.form.get(column.name, "").strip() for column in _KIND.columns}
    if request.form.get("do") == "back":
        return _form(typed)
    row, errors = read_row(_KIND, typed)
    if not errors:
        try:
            if request.form.get("do") == "save":
                deeds.put_relations([(1, row)], by=guards.actor(), at=guards.at())
                flash(_("The delivery relation has been recorded."), "ok")
                return redirect(
                    url_for(".relations", q=row["item_code"] if row["item_code"] != "*" else None)
                )
            deeds.check_relations([(1, row)], by=guards.actor(), at=guards.at())
        except RowsRefused as refusal:
            errors = refused(refusal)
    if errors:
        return _form(typed, errors), 400
    return _check_page(typed, row)


def _form(typed: Mapping[str, str], errors: Errors | None = None) -> str:
    return render_template(
        "roster/relation_form.html",
        typed=typed,
        errors=errors or [],
        wrong=dict(errors or []),
        distributors=questions.distributor_choices(),
        counties=institution_questions.counties(guards.actor()),
    )


def _check_page(typed: Mapping[str, str], row: Mapping[str, Any]) -> str:
    parties = questions.named(row["scope"], row["item_code"], row["distributor_code"], on=guards.today())
    held = questions.same_key(row["scope"], row["item_code"], row["valid_from"])
    return render_template(
        "roster/relation_check.html",
        typed=typed,
        answers=[
            (_("For"), parties.scope),
            (_("Item"), parties.item or _("All items")),
            (_("Distributor"), parties.distributor),
            (_("From"), day_full(row["valid_from"])),
            (_("To"), day_full(row["valid_to"]) if row["valid_to"] else _("until further notice")),
        ],
        replaces=held,
    )


@blueprint.route("/relations/<int:relation_id>/end", methods=["GET", "POST"])
@needs(Permission.ROSTER_MANAGE)
def end_relation(relation_id: int) -> str | AnyResponse | tuple[str, int]:
    """Give a relation its last day."""
    found = questions.relation(relation_id, guards.actor(), on=guards.today())
    if found is None:
        abort(404)
    errors: Errors = []
    if request.method == "POST":
        last_day = required_day("last_day", errors)
        if not errors:
            try:
                deeds.end_relation(relation_id, last_day=last_day, by=guards.actor(), at=guards.at())
            except RuleBroken as refusal:
                errors = [("last_day", say(refusal))]
        if not errors:
            flash(_("The delivery relation ends on %(day)s.", day=day_full(last_day)), "ok")
            return redirect(url_for(".relations"))
    page = render_template(
        "roster/end_relation.html",
        relation=found,
        errors=errors,
        wrong=dict(errors),
        last_day=request.form.get("last_day", guards.today().isoformat()),
    )
    return (page, 400) if errors else page


# What nobody delivers ---------------------------------------------------------------------------------


def _kinds_text(gap: questions.Gap) -> str:
    return "; ".join(f"{label(kind)} {count}" for kind, count in gap.kinds.items())


_GAP_FILE = (
    Column(N_("County"), lambda gap: gap.county),
    Column(N_("Item code"), lambda gap: gap.item_code),
    Column(N_("Item"), lambda gap: gap.item),
    Column(N_("Manufacturer"), lambda gap: gap.maker),
    Column(N_("Institutions without"), lambda gap: gap.institutions),
    Column(N_("By kind"), _kinds_text),
)
_GAP_SORTS = {
    "place": lambda gap: (gap.county_code, gap.item_code),
    "item": lambda gap: (gap.item, gap.county_code),
    "institutions": lambda gap: (gap.institutions, gap.county_code, gap.item_code),
}


@blueprint.get("/relations/missing")
@needs(Permission.ROSTER_READ)
def missing() -> str | Response:
    """Items of the edition in force that nobody delivers to some of the members they suit."""
    county, kind, words = request.args.get("county", ""), kind_asked(), request.args.get("q", "").strip()
    sort = sort_order(_GAP_SORTS, "place")
    found = [
        gap
        for gap in questions.gaps(guards.actor(), on=guards.today(), county=county, kind=kind)
        if all(word in f"{gap.item_code} {gap.item} {gap.maker}" for word in words.split())
    ]
    found.sort(key=_GAP_SORTS[sort.removeprefix("-")], reverse=sort.startswith("-"))
    if wanted_file():
        return as_file("items-nobody-delivers", _GAP_FILE, found)
    cut = page_cut(len(found))
    return render_template(
        "roster/missing.html",
        rows=found[cut.offset : cut.offset + cut.limit],
        page=cut,
        sort=sort,
        words=words,
        county=county,
        kind=kind,
        kinds=kinds(),
        counties=_counties(),
        filtered=bool(county or kind or words),
        may_change=may_change(),
    )
