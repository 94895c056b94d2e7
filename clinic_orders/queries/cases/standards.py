"""By which policy the findings of a case were judged, and whether the bureau vouches for it (R-CASE-2)."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from datetime import date

from sqlalchemy import select

from clinic_orders.models.base import db
from clinic_orders.models.deliveries import Shipment
from clinic_orders.queries.findings import FindingRow
from clinic_orders.queries.policy import StoredValue, stored_values
from clinic_orders.queries.roster import standing
from clinic_orders.rules.days import Month, Quarter, day_in_china
from clinic_orders.rules.findings import CheckRule
from clinic_orders.rules.policy import value_in_force
from clinic_orders.rules.policy_parameters import Parameter
from clinic_orders.rules.unconfirmed import rests_on


@dataclass(frozen=True, slots=True)
class Standard:
    """A policy value by which a finding was judged.

    Attributes:
        parameter: which.
        day: for which it was asked.
        document_no: what the bureau's own value rests on; empty for a default.
        confirmed: whether the bureau, or the source of the default, settles it.

    """

    parameter: Parameter
    day: date
    document_no: str
    confirmed: bool

    @property
    def text(self) -> str:
        """How a refusal names it."""
        return f"{self.parameter.name} ({self.day.isoformat()})"


def _judged_on(found: FindingRow) -> tuple[date, ...]:
    """The days whose policy a finding was judged by: the ends of its period, or the day it names."""
    if found.rule is CheckRule.VOLUME_BEHIND:
        return (found.last_seen,)
    if "Q" in found.period:
        quarter = Quarter.parse(found.period)
        return (quarter.first_day, quarter.last_day)
    if len(found.period) == len("2026-01"):
        month = Month.parse(found.period)
        # What is judged once on the last day is judged by that day's policy alone.
        if found.rule in {CheckRule.STOCKING_SHORT, CheckRule.DELIVERY_RATE}:
            return (month.last_day,)
        return (month.first_day, min(month.last_day, found.last_seen))
    return (date.fromisoformat(found.period),)


def _acceptances(findings: Iterable[FindingRow]) -> dict[str, tuple[date, bool]]:
    """For overdue receipts the acceptance day, and whether the goods were accepted after the last day to do so."""
    numbers = [found.key for found in findings if found.rule is CheckRule.PAYMENT_OVERDUE]
    if not numbers:
        return {}
    rows = db.session.execute(
        select(Shipment.receipt_no, Shipment.accepted_at, Shipment.acceptance_day).where(
            Shipment.receipt_no.in_(numbers), Shipment.accepted_at.is_not(None)
        )
    )
    return {number: (day, day < day_in_china(at)) for number, at, day in rows if at and day}


def standards_of(findings: Sequence[FindingRow]) -> list[Standard]:
    """Every policy value that the findings rest on, each once, unconfirmed ones first; four statements at most."""
    if not findings:
        return []
    rows: dict[str, list[StoredValue]] = {}
    for row in stored_values():
        rows.setdefault(row.parameter, []).append(row)
    accepted = _acceptances(findings)
    seen = {
        (standard.parameter.name, standard.day, standard.document_no): standard
        for found in findings
        for standard in _standards(found, rows, accepted.get(found.key))
    }
    return sorted(seen.values(), key=lambda one: (one.confirmed, one.parameter.name, one.day))


def _standards(
    found: FindingRow, rows: dict[str, list[StoredValue]], accepted: tuple[date, bool] | None
) -> Iterator[Standard]:
    place = None if found.institution_id is None else standing(found.institution_id, on=found.last_seen)
    late = accepted is None or accepted[1]
    for name in rests_on(found.rule, found.grade, found.key, accepted_late=late):
        days = (accepted[0],) if accepted and found.rule is CheckRule.PAYMENT_OVERDUE else _judged_on(found)
        for day in days:
            value = value_in_force(
                rows.get(name, ()),
                name,
                kind=place.kind if place else None,
                scale=(place.scale or None) if place else None,
                on=day,
            )
            document = value.row.document_no if isinstance(value.row, StoredValue) else ""
            yield Standard(value.parameter, day, document, value.confirmed)


def unconfirmed(standards: Iterable[Standard]) -> list[str]:
    """How a refusal names what is not confirmed, each parameter with the first day that counts."""
    first: dict[str, Standard] = {}
    for one in standards:
        if not one.confirmed and (one.parameter.name not in first or one.day < first[one.parameter.name].day):
            first[one.parameter.name] = one
    return [one.text for one in first.values()]


def documents(standards: Iterable[Standard]) -> tuple[str, ...]:
    """The documents of the bureau's own values, each once, as letters cite them."""
    return tuple(dict.fromkeys(one.document_no for one in standards if one.confirmed and one.document_no))
