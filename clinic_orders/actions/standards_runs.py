"""Print the sheets of the six unified standards for many institutions: choose whose and which."""

from __future__ import annotations

from collections.abc import Collection
from datetime import datetime

from clinic_orders.actions.paper_runs import ask_for
from clinic_orders.actions.transaction import transactional
from clinic_orders.models.base import db
from clinic_orders.models.roster import County
from clinic_orders.models.standards_runs import StandardsRun
from clinic_orders.queries.standards import standards_of
from clinic_orders.rules.days import day_in_china
from clinic_orders.rules.parties import Actor, InstitutionKind, Permission
from clinic_orders.rules.standards import NobodyToPrintFor, NoSheetChosen, Sheet


@transactional
def request_standards_run(
    county: str,
    sheets: Collection[Sheet],
    *,
    township: str = "",
    kind: InstitutionKind | None = None,
    phone: str,
    by: Actor,
    at: datetime,
) -> StandardsRun:
    """Ask that the sheets of a county's or a township's institutions be printed together.

    Args:
        county: its code.
        sheets: which.
        township: only of this one; empty = all.
        kind: only institutions of this kind; None = all.
        phone: the bureau's telephone for complaints; empty = a line to write it on.
        by: an officer; only institutions that they may see are printed for.
        at: when.

    Raises:
        NoSheetChosen, NobodyToPrintFor: nothing would be printed.

    """
    by.need(Permission.ROSTER_READ)
    if not sheets:
        raise NoSheetChosen
    on = day_in_china(at)
    place = db.session.get(County, county)
    rows = standards_of(by, on=on, county=county, township=township, kind=kind) if place else []
    if place is None or not rows:
        raise NobodyToPrintFor
    run = StandardsRun(
        on_day=on,
        place_code=place.code,
        place=place.name,
        township=township,
        kind=kind,
        sheets=[sheet.value for sheet in Sheet if sheet in sheets],
        phone=phone[:64],
        institution_ids=[one.institution_id for one in rows],
        total=len(rows),
    )
    return ask_for(run, by=by, at=at)
