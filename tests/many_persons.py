"""Many people who ask about their data, for the tests that walk over all lists."""

from __future__ import annotations

from datetime import timedelta

from clinic_orders.models.accounts import RoleAssignment, User
from clinic_orders.models.base import db
from clinic_orders.models.privacy import PersonalRequest
from clinic_orders.rules.parties import Role
from clinic_orders.rules.privacy import RequestKind, RequestState
from tests.many_size import MANY, START
from tests.orders_in_work import LONG_AGO, NOW, World


def make_personal_requests(world: World) -> None:
    """Many people of the clinic ask for a correction, one a minute."""
    for number in range(MANY):
        user = User(
            username=f"asks-{number:02}", name=f"第{number:02}人", password_hash="-", created_at=LONG_AGO
        )
        user.assignments.append(
            RoleAssignment(role=Role.INSTITUTION, valid_from=START, institution_id=world.clinic.id)
        )
        db.session.add(user)
        db.session.flush()
        db.session.add(
            PersonalRequest(
                user_id=user.id,
                kind=RequestKind.CORRECT,
                words="姓名写错了",
                state=RequestState.WAITING,
                asked_at=NOW - timedelta(minutes=number),
            )
        )
