"""The receiving institution on a day and who orders for it (R-ORD-1)."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import date
from typing import Any

from sqlalchemy import (
    String,
    bindparam,
    case,
    exists,
    func,
    or_,
    select,
)

from clinic_orders.models.roster import (
    Commitment,
    County,
    Institution,
    InstitutionRecord,
    Mandate,
    Membership,
    Suspension,
)
from clinic_orders.queries.ordering._common import DAY, INSTITUTION, ORDERING, rows_of
from clinic_orders.rules.parties import InstitutionKind, OrderMode
from clinic_orders.rules.roster import MayNotOrderFor, Ties, order_mode


@dataclass(frozen=True, slots=True)
class Buyer:
    """The receiving institution on a day, and who orders for it.

    Attributes:
        ordering_id: who orders; equal to ``institution_id`` where it orders itself.
        mode: what the roster makes of that pair (R-ORD-1).
        suspended_until: last day of the suspension in force, None = not suspended.
        supervisor_id: its hospital, which reviews drafts and takes mandates.
        has_mandate: its hospital's mandate is in force.

    """

    institution_id: int
    code: str
    name: str
    kind: InstitutionKind
    county_code: str
    county_name: str
    township: str
    scale: str
    is_member: bool
    has_letter: bool
    suspended_until: date | None
    supervisor_id: int | None
    ordering_id: int
    mode: OrderMode
    has_mandate: bool

    @property
    def is_own(self) -> bool:
        """Whether the institution orders for itself."""
        return self.ordering_id == self.institution_id


_record = InstitutionRecord
_letter_holds = (
    select(case((or_(Commitment.ends_on.is_(None), Commitment.ends_on >= DAY), 1), else_=0))
    .where(Commitment.institution_id == Institution.id, Commitment.signed_on <= DAY)
    .order_by(Commitment.signed_on.desc())
    .limit(1)
    .correlate(Institution)
    .scalar_subquery()
)
_suspended_until = (
    select(func.max(Suspension.last_day))
    .where(
        Suspension.institution_id == Institution.id,
        Suspension.first_day <= DAY,
        Suspension.last_day >= DAY,
        or_(Suspension.lifted_on.is_(None), Suspension.lifted_on > DAY),
    )
    .correlate(Institution)
    .scalar_subquery()
)


def _mandate_to(hospital: Any) -> Any:
    return exists().where(
        Mandate.institution_id == Institution.id,
        Mandate.hospital_id == hospital,
        Mandate.valid_from <= DAY,
        or_(Mandate.valid_to.is_(None), Mandate.valid_to >= DAY),
    )


_BUYER = (
    select(
        Institution.id,
        Institution.code,
        _record.name,
        _record.kind,
        _record.county_code,
        County.name.label("county_name"),
        _record.township,
        _record.scale,
        _record.supervisor_id,
        _record.headquarters_id,
        _record.lead_hospital_id,
        exists()
        .where(
            Membership.institution_id == Institution.id,
            Membership.joined_on <= DAY,
            or_(Membership.left_on.is_(None), Membership.left_on >= DAY),
        )
        .label("is_member"),
        _letter_holds.label("has_letter"),
        _suspended_until.label("suspended_until"),
        _mandate_to(ORDERING).label("mandate"),
        _mandate_to(_record.supervisor_id).label("supervisor_mandate"),
    )
    .select_from(Institution)
    .join(_record, _record.institution_id == Institution.id)
    .join(County, County.code == _record.county_code)
    .where(_record.valid_from <= DAY, or_(_record.valid_before.is_(None), _record.valid_before > DAY))
)
_BUYER_BY_ID = _BUYER.where(Institution.id == INSTITUTION)
_BUYER_BY_CODE = _BUYER.where(Institution.code == bindparam("code", type_=String))


def buyer(
    ordering_id: int, *, on: date, institution_id: int | None = None, code: str | None = None
) -> Buyer | None:
    """The institution for which an organisation orders; None where the two have nothing to do with each other.

    Args:
        ordering_id: who orders.
        on: the day.
        institution_id: for whom, by row id.
        code: for whom, by code; neither given means for itself.

    Raises:
        MayNotOrderFor: its hospital asks, but has no mandate on that day.

    """
    if code is not None:
        statement, key = _BUYER_BY_CODE, dict[str, Any](code=code)
    else:
        statement, key = _BUYER_BY_ID, dict[str, Any](institution=institution_id or ordering_id)
    row = rows_of(statement, {"day": on, "ordering": ordering_id, **key}).first()
    if row is None:
        return None
    holders: frozenset[int | str] = frozenset({ordering_id}) if row.mandate else frozenset()
    try:
        mode = order_mode(
            ordering_id,
            Ties(
                row.id,
                headquarters=row.headquarters_id,
                lead_hospital=row.lead_hospital_id,
                mandate_holders=holders,
            ),
        )
    except MayNotOrderFor:
        if row.supervisor_id == ordering_id:
            raise
        return None
    return Buyer(
        institution_id=row.id,
        code=row.code,
        name=row.name,
        kind=row.kind,
        county_code=row.county_code,
        county_name=row.county_name,
        township=row.township,
        scale=row.scale,
        is_member=bool(row.is_member),
        has_letter=bool(row.has_letter),
        suspended_until=row.suspended_until,
        supervisor_id=row.supervisor_id,
        ordering_id=ordering_id,
        mode=mode,
        has_mandate=bool(row.supervisor_mandate),
    )
