"""The deeds about accounts: log in, passwords, roles, accounts for a whole roster."""

from __future__ import annotations

from clinic_orders.actions.accounts._common import (
    AccountNotFound,
    AccountOutOfScope,
    NewAccount,
    NotYourself,
    UsernameTaken,
    WrongOrganisation,
    hash_password,
)
from clinic_orders.actions.accounts.issuing import issue_accounts_for_roster
from clinic_orders.actions.accounts.log_in import (
    choose_organisation,
    log_in,
    log_out,
    record_failed_login,
    record_login,
    record_unknown_name,
    set_big_print,
    set_language,
)
from clinic_orders.actions.accounts.passwords import change_password, reset_password
from clinic_orders.actions.accounts.roles import (
    assign_role,
    close_account,
    end_all_sessions,
    end_role,
    open_account,
    reopen_account,
)

__all__ = [
    "AccountNotFound",
    "AccountOutOfScope",
    "NewAccount",
    "NotYourself",
    "UsernameTaken",
    "WrongOrganisation",
    "assign_role",
    "change_password",
    "choose_organisation",
    "close_account",
    "end_all_sessions",
    "end_role",
    "hash_password",
    "issue_accounts_for_roster",
    "log_in",
    "log_out",
    "open_account",
    "record_failed_login",
    "record_login",
    "record_unknown_name",
    "reopen_account",
    "reset_password",
    "set_big_print",
    "set_language",
]
