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
from clinic_orders.actions.accounts.second_step import (
    begin_second_step,
    confirm_second_step,
    end_second_step,
    finish_log_in,
    remove_second_step,
    renew_paper_codes,
)
from clinic_orders.actions.accounts.sessions import close_session, end_device, open_session, renew_session

__all__ = [
    "AccountNotFound",
    "AccountOutOfScope",
    "NewAccount",
    "NotYourself",
    "UsernameTaken",
    "WrongOrganisation",
    "assign_role",
    "begin_second_step",
    "change_password",
    "choose_organisation",
    "close_account",
    "close_session",
    "confirm_second_step",
    "end_all_sessions",
    "end_device",
    "end_role",
    "end_second_step",
    "finish_log_in",
    "hash_password",
    "issue_accounts_for_roster",
    "log_in",
    "log_out",
    "open_account",
    "open_session",
    "record_failed_login",
    "record_login",
    "record_unknown_name",
    "remove_second_step",
    "renew_paper_codes",
    "renew_session",
    "reopen_account",
    "reset_password",
    "set_big_print",
    "set_language",
]
