"""What the deeds on an application share: finding it locked, the step, the event, the audit."""

from __future__ import annotations

from datetime import datetime
from typing import Any, Final

from sqlalchemy import select
from sqlalchemy.orm.attributes import flag_modified

from clinic_orders.actions import audit
from clinic_orders.actions.loading import ChangedMeanwhile, NotFound
from clinic_orders.models.applications import Application, ApplicationEvent
from clinic_orders.models.base import db
from clinic_orders.queries.applications import applications_visible_to, sides_of, stores_of
from clinic_orders.queries.pharmacies import Near, nearest
from clinic_orders.rules.applications import (
    ApplicationSide,
    ApplicationState,
    ApplicationStep,
    check_application_step,
)
from clinic_orders.rules.geodesy import Place, whole_metres
from clinic_orders.rules.letter_requests import check_length
from clinic_orders.rules.parties import Actor, InstitutionKind, Permission, Role

NOTE: Final = 1000
"""Characters of a reason or remark."""


def visitor(name: str, organisation: str) -> Actor:
    """An applicant as the doer of a deed: nobody's account, but a name for the history."""
    return Actor(name=name or organisation, role=Role.SYSTEM, org_name=organisation)


def take(
    number: str, *, by: Actor, seen_version: int | None = None
) -> tuple[Application, frozenset[ApplicationSide]]:
    """The application, locked until the deed ends, and what the actor is to it.

    A visitor was let in by number and secret before; officers find what they may read.

    Raises:
        NotFound: no such application for this actor.
        ChangedMeanwhile: its version is no longer ``seen_version``.

    """
    statement = select(Application).where(Application.number == number)
    if by.role is not Role.SYSTEM:
        by.need(Permission.APPLICATIONS_HANDLE)
        statement = statement.where(applications_visible_to(by))
    found = db.session.execute(
        statement.with_for_update().execution_options(populate_existing=True)
    ).scalar_one_or_none()
    if found is None:
        raise NotFound(number=number)
    if seen_version is not None and seen_version != found.version:
        raise ChangedMeanwhile(number=number)
    sides = frozenset({ApplicationSide.APPLICANT}) if by.role is Role.SYSTEM else sides_of(by, found)
    return found, sides


def step(
    found: Application,
    sides: frozenset[ApplicationSide],
    wanted: ApplicationStep,
    *,
    towards: ApplicationState | None = None,
) -> ApplicationState:
    """The state to which a step leads; see ``rules.applications.check_application_step`` for the refusals."""
    return check_application_step(wanted, found.state, sides, towards=towards)


def remark(text: str) -> str:
    """A reason or remark without blanks around it, refused where it is too long."""
    return check_length(text, NOTE)


def write(
    found: Application,
    taken: ApplicationStep,
    deed: str,
    side: ApplicationSide,
    *,
    by: Actor,
    at: datetime,
    note: str = "",
    facts: dict[str, Any] | None = None,
    before: dict[str, Any] | None = None,
    after: dict[str, Any] | None = None,
    event: bool = True,
) -> None:
    """Write the event and the audit entry of a step; the application is flushed with its new version."""
    found.moved_at = at
    # The version rises with every step, also with one of the same instant.
    flag_modified(found, "moved_at")
    db.session.flush()
    if event:
        db.session.add(
            ApplicationEvent(
                application_id=found.id,
                step=taken,
                side=side,
                at=at,
                by_id=by.user_id,
                by_name=by.name[:64],
                note=note,
                facts=facts or {},
            )
        )
        db.session.flush()
    audit.record(
        deed,
        by=by,
        at=at,
        subject_type="application",
        subject_id=found.id,
        subject=found.number,
        county_code=found.county_code,
        institution_id=found.institution_id,
        before=before,
        after=after,
    )


def near_to(place: Place, *codes: str) -> Near | None:
    """The nearest designated pharmacy but for those of these insurance codes."""
    return nearest(place, but_for=[code for code in codes if code])


def note_nearest(found: Application) -> None:
    """Reckon the distance to the nearest designated pharmacy anew."""
    found.nearest_m, found.nearest_name = None, ""
    if found.lng is None or found.lat is None or found.kind is not InstitutionKind.RETAIL_PHARMACY:
        return
    place = Place(found.lng, found.lat)
    near = near_to(place, found.nhsa_code, *(store.nhsa_code for store in stores_of(found.id)))
    if near is not None:
        found.nearest_m, found.nearest_name = whole_metres(place, near.place), near.name
