"""The policy parameters that the bureau has set, read once for a page, a deed or a job (rules section 13)."""

from __future__ import annotations

from sqlalchemy import select

from clinic_orders.models.base import db
from clinic_orders.models.policy import PolicyValue
from clinic_orders.rules.policy import PolicyBook, PolicyRow


def policy_book(*parameters: str) -> PolicyBook:
    """All rows of policy, or those of some parameters; one statement, asked as often as wanted."""
    statement = select(
        PolicyValue.parameter,
        PolicyValue.valid_from,
        PolicyValue.value,
        PolicyValue.kind,
        PolicyValue.scale,
        PolicyValue.confirmed,
    )
    if parameters:
        statement = statement.where(PolicyValue.parameter.in_(parameters))
    return PolicyBook(PolicyRow(*row) for row in db.session.execute(statement))
