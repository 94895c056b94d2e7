"""More complaints than a page holds, for the tests that walk over all lists."""

from __future__ import annotations

from datetime import timedelta

from clinic_orders.models.base import db
from clinic_orders.models.complaints import Complaint
from clinic_orders.rules.complaints import ComplaintKind, ComplaintState
from tests.orders_in_work import NOW, World


def make_complaints(world: World, many: int) -> None:
    """Complaints about the clinic, of every kind, some with a last day."""
    for number in range(many):
        at = NOW - timedelta(hours=number)
        db.session.add(
            Complaint(
                number=f"TS20261101-{number:04}",
                tracking=f"23456789{number:04}",
                form_key=f"complaint-{number}",
                kind=list(ComplaintKind)[number % len(ComplaintKind)],
                place=f"第{number}家药房",
                words=f"第{number}件事",
                institution_id=world.clinic.id,
                county_code="410325",
                state=ComplaintState.FILED,
                filed_at=at,
                filed_on=at.date(),
                deadline=at.date() + timedelta(days=number) if number % 2 else None,
            )
        )
