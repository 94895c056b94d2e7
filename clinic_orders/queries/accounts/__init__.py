"""Who a person is: the principal of a session, and accounts as the bureau sees them."""

from __future__ import annotations

from clinic_orders.queries.accounts.lists import (
    ACCOUNT_ORDERS,
    AccountRow,
    RoleRow,
    count_accounts,
    list_accounts,
    roles_of,
)
from clinic_orders.queries.accounts.persons import Post, Principal, actor_again, posts_of, principal
from clinic_orders.queries.accounts.scope import (
    ROLES_IN_CARE,
    account,
    accounts_visible_to,
    assignments_in_scope,
    counties,
    find_organisation,
    in_force,
    user_id_of,
)
from clinic_orders.queries.accounts.second_step import StepState, has_second_step, second_step_of
from clinic_orders.queries.accounts.sessions import Device, devices_of
from clinic_orders.queries.accounts.waiting import (
    Waiting,
    count_without_account,
    institutions_without_account,
)

__all__ = [
    "ACCOUNT_ORDERS",
    "ROLES_IN_CARE",
    "AccountRow",
    "Device",
    "Post",
    "Principal",
    "RoleRow",
    "StepState",
    "Waiting",
    "account",
    "accounts_visible_to",
    "actor_again",
    "assignments_in_scope",
    "count_accounts",
    "count_without_account",
    "counties",
    "devices_of",
    "find_organisation",
    "has_second_step",
    "in_force",
    "institutions_without_account",
    "list_accounts",
    "posts_of",
    "principal",
    "roles_of",
    "second_step_of",
    "user_id_of",
]
