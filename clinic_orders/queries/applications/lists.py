"""Applications as a list of the bureau, what waits there, and the published list of those to be admitted."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date, datetime
from typing import Any

from sqlalchemy import ColumnElement, and_, func, or_, select
from sqlalchemy.orm import InstrumentedAttribute

from clinic_orders.models.applications import Application
from clinic_orders.models.base import db
from clinic_orders.models.roster import County
from clinic_orders.queries.applications.sheets import applications_visible_to
from clinic_orders.queries.lists import with_words
from clinic_orders.rules.applications import APPLICATION_OVER, ApplicationState
from clinic_orders.rules.parties import Actor, InstitutionKind, Role

_A = Application
SORTS: dict[str, InstrumentedAttribute[Any]] = {
    "number": _A.number,
    "name": _A.name,
    "county": _A.county_code,
    "state": _A.state,
    "submitted": _A.submitted_at,
    "moved": _A.moved_at,
}


@dataclass(frozen=True, slots=True)
class ApplicationFilter:
    """What the list is asked for; ``state`` a state, ``live``, ``mine`` or ``all``."""

    words: str = ""
    state: str = "live"
    county: str = ""
    kind: InstitutionKind | None = None


@dataclass(frozen=True, slots=True)
class ApplicationLine:
    """One line of the list."""

    number: str
    name: str
    kind: InstitutionKind
    chain: bool
    county: str
    state: ApplicationState
    uscc: str
    phone: str
    nearest_m: int | None
    people: int | None
    submitted_at: datetime | None
    moved_at: datetime
    published_until: date | None


def _waits_for(actor: Actor, on: date) -> ColumnElement[bool]:
    if actor.role is Role.COUNTY:
        return _A.state == ApplicationState.SUBMITTED
    return or_(
        _A.state == ApplicationState.ASSESSED,
        and_(_A.state == ApplicationState.PROPOSED, _A.decided_by_id.is_distinct_from(actor.user_id)),
        and_(_A.state == ApplicationState.PUBLISHED, _A.published_until < on),
    )


def _conditions(
    actor: Actor, wanted: ApplicationFilter, on: date, *, state: bool = True
) -> list[ColumnElement[bool]]:
    found = [applications_visible_to(actor)]
    found += with_words(wanted.words, _A.name, _A.number, _A.uscc, _A.phone)
    if wanted.county:
        found.append(_A.county_code == wanted.county)
    if wanted.kind is not None:
        found.append(_A.kind == wanted.kind)
    if not state or wanted.state == "all":
        return found
    if wanted.state == "live":
        found.append(_A.state.not_in(APPLICATION_OVER))
    elif wanted.state == "mine":
        found.append(_waits_for(actor, on))
    else:
        found.append(_A.state == ApplicationState(wanted.state))
    return found


def application_lines(
    actor: Actor,
    wanted: ApplicationFilter,
    *,
    on: date,
    sort: str = "-moved",
    limit: int | None = None,
    offset: int = 0,
) -> list[ApplicationLine]:
    """The lines that fit."""
    column = SORTS[sort.removeprefix("-")]
    order = column.desc() if sort.startswith("-") else column.asc()
    rows = db.session.execute(
        select(
            _A.number, _A.name, _A.kind, _A.chain, County.name, _A.state, _A.uscc, _A.phone, _A.nearest_m,
            _A.people, _A.submitted_at, _A.moved_at, _A.published_until,
        )
        .join(County, County.code == _A.county_code)
        .where(*_conditions(actor, wanted, on))
        .order_by(order, _A.id.desc())
        .limit(limit)
        .offset(offset)
    )  # fmt: skip
    return [ApplicationLine(*tuple(row)) for row in rows]


def count_applications(actor: Actor, wanted: ApplicationFilter, *, on: date) -> int:
    """How many fit."""
    return db.session.scalar(select(func.count()).select_from(_A).where(*_conditions(actor, wanted, on))) or 0


def states_counted(actor: Actor, wanted: ApplicationFilter, *, on: date) -> dict[str, int]:
    """How many applications are in each state, and how many wait for the actor (``mine``), under the other filters."""
    base = _conditions(actor, wanted, on, state=False)
    found = {state.value: 0 for state in ApplicationState}
    for state, count in db.session.execute(select(_A.state, func.count()).where(*base).group_by(_A.state)):
        found[state.value] = count
    found["mine"] = (
        db.session.scalar(select(func.count()).select_from(_A).where(*base, _waits_for(actor, on))) or 0
    )
    return found


@dataclass(frozen=True, slots=True)
class PublishedLine:
    """One line of the published list: nothing but who, where and until when."""

    name: str
    kind: InstitutionKind
    county: str
    address: str
    published_on: date | None
    published_until: date | None


def published(on: date) -> Sequence[PublishedLine]:
    """Those whose days on the published list have not ended, by county and name."""
    rows = db.session.execute(
        select(_A.name, _A.kind, County.name, _A.address, _A.published_on, _A.published_until)
        .join(County, County.code == _A.county_code)
        .where(_A.state == ApplicationState.PUBLISHED, _A.published_until >= on)
        .order_by(County.code, _A.name, _A.id)
    )
    return [PublishedLine(*row) for row in rows]
