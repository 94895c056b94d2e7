"""Whether an account has its second step, and how many codes are left on paper."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime

from sqlalchemy import func, select

from clinic_orders.models.base import db
from clinic_orders.models.second_step import PaperCode, SecondStep


@dataclass(frozen=True, slots=True)
class StepState:
    """How an account stands.

    Attributes:
        secret: what was shown to the phone and is not confirmed; empty afterwards.
        confirmed_at: since when each log-in asks for it; None: it does not.
        codes_left: unused codes on paper.

    """

    secret: str = ""
    confirmed_at: datetime | None = None
    codes_left: int = 0


def second_step_of(user_id: int) -> StepState:
    """The state of an account's second step."""
    left = select(func.count()).where(PaperCode.user_id == user_id, PaperCode.used_at.is_(None))
    row = db.session.execute(
        select(SecondStep.secret, SecondStep.confirmed_at, left.scalar_subquery()).where(
            SecondStep.user_id == user_id
        )
    ).one_or_none()
    if row is None:
        return StepState()
    return StepState("" if row[1] else row[0], row[1], row[2])


def has_second_step(user_id: int) -> bool:
    """Whether the account's log-in asks for a code."""
    return second_step_of(user_id).confirmed_at is not None
