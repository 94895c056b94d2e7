"""Many people who ask about their data, each with a token of a program, for the tests that walk over all lists."""

from __future__ import annotations

from datetime import timedelta

from clinic_orders.models.accounts import RoleAssignment, User
from clinic_orders.models.api import ApiToken
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
        db.session.add(
            ApiToken(
                name=f"第{number:02}台收银机",
                mark=f"co_{number:08}",
                token_digest=f"{number:064}",
                user_id=user.id,
                assignment_id=user.assignments[0].id,
                scopes="catalogue:read orders:read",
                created_at=NOW - timedelta(minutes=number),
                created_by_name="运维",
                expires_at=NOW + timedelta(days=100 + number),
            )
        )
