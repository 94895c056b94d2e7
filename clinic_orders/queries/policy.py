"""The policy parameters that the bureau has set, read once for a page, a deed or a job (rules section 13)."""

from __future__ import annotations

from functools import cache
from typing import Any

from sqlalchemy import Select, select

from clinic_orders.models.base import db
from clinic_orders.models.policy import PolicyValue
from clinic_orders.rules.policy import PolicyBook, PolicyRow


@cache
def _rows_of(parameters: tuple[str, ...]) -> Select[*tuple[Any, ...]]:
    """The statement for these parameters, made once: few sets are asked for, and often."""
    statement = select(
        PolicyValue.parameter,
        PolicyValue.valid_from,
        PolicyValue.value,
        PolicyValue.kind,
        PolicyValue.scale,
        PolicyValue.confirmed,
    )
    return statement.where(PolicyValue.parameter.in_(parameters)) if parameters else statement


def policy_book(*parameters: str) -> PolicyBook:
    """All rows of policy, or those of some parameters; one statement, asked as often as wanted."""
    rows = db.session.connection().execute(_rows_of(parameters))
    return PolicyBook(PolicyRow(*row) for row in rows)
