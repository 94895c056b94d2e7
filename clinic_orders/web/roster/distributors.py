"""Distributors: the list, adding and changing."""

from __future__ import annotations

from flask import Response, abort, flash, redirect, render_template, request, url_for
from flask_babel import gettext as _
from werkzeug.wrappers import Response as AnyResponse

from clinic_orders.actions import roster as deeds
from clinic_orders.actions.bulk import RowsRefused
from clinic_orders.exchange.tables import KINDS
from clinic_orders.models.roster import Distributor
from clinic_orders.queries import relations as questions
from clinic_orders.rules.parties import Permission
from clinic_orders.web import guards
from clinic_orders.web.errors import say
from clinic_orders.web.guards import needs
from clinic_orders.web.import_files import as_import_file
from clinic_orders.web.listing import page_cut, sort_order, wanted_file
from clinic_orders.web.roster.door import (
    Errors,
    FormChanged,
    blueprint,
    fingerprint,
    may_change,
    read_row,
    refused,
    typed_row,
)

_KIND = KINDS["distributors"]


def _row(distributor: Distributor) -> dict[str, str]:
    return {column.name: getattr(distributor, column.name) for column in _KIND.columns}


@blueprint.get("/distributors")
@needs(Permission.ROSTER_READ)
def distributors() -> str | Response:
    """The distributors."""
    words = request.args.get("q", "").strip()
    sort = sort_order(questions.DISTRIBUTOR_SORTS, "code")
    actor, today = guards.actor(), guards.today()
    if wanted_file():
        found = questions.distributors_page(actor, words, on=today, sort=sort, limit=None)
        rows = ({column.name: getattr(row, column.name) for column in _KIND.columns} for row in found)
        return as_import_file("distributors", rows)
    cut = page_cut(questions.count_distributors(words))
    return render_template(
        "roster/distributors.html",
        rows=questions.distributors_page(
            actor, words, on=today, sort=sort, offset=cut.offset, limit=cut.limit
        ),
        page=cut,
        sort=sort,
        words=words,
        may_change=may_change(),
    )


@blueprint.route("/distributors/new", methods=["GET", "POST"])
@needs(Permission.ROSTER_MANAGE)
def new_distributor() -> str | AnyResponse | tuple[str, int]:
    """Record a distributor."""
    return _form(None) if request.method == "GET" else _posted(None)


@blueprint.route("/distributors/<int:distributor_id>", methods=["GET", "POST"])
@needs(Permission.ROSTER_MANAGE)
def change_distributor(distributor_id: int) -> str | AnyResponse | tuple[str, int]:
    """Change a distributor's name, credit code or telephone."""
    found = questions.distributor(distributor_id)
    if found is None:
        abort(404)
    return _form(found) if request.method == "GET" else _posted(found)


def _form(
    distributor: Distributor | None, typed: dict[str, str] | None = None, errors: Errors | None = None
) -> str:
    held = {} if distributor is None else _row(distributor)
    return render_template(
        "roster/distributor_form.html",
        distributor=distributor,
        typed=typed if typed is not None else typed_row(_KIND, held),
        seen=fingerprint([held]),
        errors=errors or [],
        wrong=dict(errors or []),
    )


def _posted(distributor: Distributor | None) -> AnyResponse | tuple[str, int]:
    typed = {column.name: request.form.get(column.name, "").strip() for column in _KIND.columns}
    held = {} if distributor is None else _row(distributor)
    if distributor is not None:
        typed["code"] = distributor.code
    row, errors = read_row(_KIND, typed)
    if not errors and request.form.get("seen", "") != fingerprint([held]):
        errors.append(("", say(FormChanged())))
    if not errors and distributor is None and row["code"] in dict(questions.distributor_choices()):
        errors.append(
            ("code", _("There is a distributor with this code already. Open it in the list and change it."))
        )
    if not errors:
        try:
            deeds.put_distributors([(1, row)], by=guards.actor(), at=guards.at())
        except RowsRefused as refusal:
            errors = refused(refusal)
    if errors:
        return _form(distributor, typed, errors), 400
    flash(_("The distributor has been recorded."), "ok")
    return redirect(url_for(".distributors"))
