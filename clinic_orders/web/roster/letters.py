"""Letters, mandates and suspensions of an institution, each from a small form on its page."""

from __future__ import annotations

from flask import request
from flask_babel import gettext as _
from werkzeug.wrappers import Response

from clinic_orders.actions import roster as deeds
from clinic_orders.exchange.tables import KINDS
from clinic_orders.rules.parties import Permission
from clinic_orders.web import guards
from clinic_orders.web.guards import needs
from clinic_orders.web.roster.door import (
    Errors,
    blueprint,
    day_typed,
    read_row,
    required_day,
    sheet_of,
)
from clinic_orders.web.roster.institutions import done

Answer = Response | tuple[str, int]


@blueprint.post("/institutions/<int:institution_id>/letters")
@needs(Permission.ROSTER_MANAGE)
def sign(institution_id: int) -> Answer:
    """Record a commitment letter."""
    sheet = sheet_of(institution_id)
    typed = request.form.to_dict() | {"institution_code": sheet.institution.code}
    row, errors = read_row(KINDS["commitments"], typed)
    return done(
        institution_id,
        "letter",
        errors,
        lambda: deeds.sign_commitment(row, by=guards.actor(), at=guards.at()),
        "signed_on",
        _("The letter has been recorded."),
    )


@blueprint.post("/institutions/<int:institution_id>/mandates")
@needs(Permission.ROSTER_MANAGE)
def give_mandate(institution_id: int) -> Answer:
    """Record the village's mandate for a hospital."""
    sheet = sheet_of(institution_id)
    errors: Errors = []
    first, last = required_day("valid_from", errors), day_typed("valid_to", errors)
    return done(
        institution_id,
        "mandate",
        errors,
        lambda: deeds.give_mandate(
            sheet.institution.code,
            request.form.get("hospital_code", ""),
            valid_from=first,
            valid_to=last,
            by=guards.actor(),
            at=guards.at(),
        ),
        "valid_from",
        _("The mandate has been recorded. The hospital has been told."),
    )


@blueprint.post("/institutions/<int:institution_id>/mandates/<int:mandate_id>/revoke")
@needs(Permission.ROSTER_MANAGE)
def revoke_mandate(institution_id: int, mandate_id: int) -> Answer:
    """End a mandate at once."""
    sheet_of(institution_id)
    return done(
        institution_id,
        "mandate",
        [],
        lambda: deeds.revoke_mandate(mandate_id, by=guards.actor(), at=guards.at()),
        "",
        _("The mandate has ended. Both sides have been told."),
    )


@blueprint.post("/institutions/<int:institution_id>/suspensions")
@needs(Permission.ROSTER_MANAGE)
def suspend(institution_id: int) -> Answer:
    """Suspend the institution."""
    sheet = sheet_of(institution_id)
    errors: Errors = []
    first, last = required_day("first_day", errors), required_day("last_day", errors)
    return done(
        institution_id,
        "suspend",
        errors,
        lambda: deeds.suspend_institution(
            sheet.institution.code,
            first_day=first,
            last_day=last,
            reason=request.form.get("reason", ""),
            document_no=request.form.get("document_no", ""),
            by=guards.actor(),
            at=guards.at(),
        ),
        "reason",
        _("The suspension has been recorded. The institution has been told."),
    )


@blueprint.post("/institutions/<int:institution_id>/suspensions/<int:suspension_id>/lift")
@needs(Permission.ROSTER_MANAGE)
def lift(institution_id: int, suspension_id: int) -> Answer:
    """Lift a suspension before its last day."""
    sheet_of(institution_id)
    errors: Errors = []
    day = required_day("lifted_on", errors)
    return done(
        institution_id,
        f"lift-{suspension_id}",
        errors,
        lambda: deeds.lift_suspension(
            suspension_id,
            lifted_on=day,
            reason=request.form.get("lift_reason", ""),
            by=guards.actor(),
            at=guards.at(),
        ),
        "lift_reason",
        _("The suspension has been lifted. The institution has been told."),
    )
