"""Accounts for a whole roster at once (统一分配采购账号)."""

from __future__ import annotations

import os
import secrets
from collections.abc import Callable, Iterable, Sequence
from concurrent.futures import ThreadPoolExecutor
from datetime import datetime

from sqlalchemy import func, insert, select

from clinic_orders.actions.accounts._common import (
    NewAccount,
    hash_password,
    looking,
    note,
)
from clinic_orders.actions.transaction import transaction
from clinic_orders.models.accounts import RoleAssignment, User
from clinic_orders.models.base import db
from clinic_orders.queries import accounts as account_queries
from clinic_orders.rules.accounts import (
    first_password,
    login_name,
)
from clinic_orders.rules.days import day_in_china
from clinic_orders.rules.parties import SUPERVISING_KINDS, Actor, Permission, Role

_BATCH = 500


def issue_accounts_for_roster(
    *,
    by: Actor,
    at: datetime,
    county_code: str | None = None,
    limit: int | None = None,
    progress: Callable[[int, int], None] | None = None,
) -> list[NewAccount]:
    """Open one account for every institution in scope that has none (统一分配采购账号).

    The log-in name is the institution's code, the first password is random and must be changed. A store of a
    chain gets none, since its headquarters orders for it on one account (R-ROSTER-1). All accounts are made in
    one transaction, so that an interruption leaves none whose password nobody knows.

    Args:
        by: a bureau, the operator or the system; a county gets its own institutions only.
        at: the instant; members of that day are served.
        county_code: only this county.
        limit: at most so many at once.
        progress: called with (done, all) while passwords are hashed.

    Returns:
        the accounts with their passwords, sorted by place and code; nobody can ask for the passwords again.

    Raises:
        NotAllowed: the role may not manage accounts.

    """
    by.need(Permission.ACCOUNTS_MANAGE)
    day = day_in_china(at)
    with looking():
        waiting = account_queries.institutions_without_account(by, day, county_code=county_code, limit=limit)
    passwords = [first_password(secrets.choice) for _ in waiting]
    hashes = _hash_all(passwords, progress)
    with transaction():
        # Somebody else may have issued some of them while these passwords were hashed.
        still = {
            row.institution_id
            for row in account_queries.institutions_without_account(by, day, county_code=county_code)
        }
        taken = set(db.session.scalars(select(func.lower(User.username))))
        rows = [
            (row, password, password_hash)
            for row, password, password_hash in zip(waiting, passwords, hashes, strict=True)
            if row.institution_id in still and login_name(row.code) not in taken
        ]
        ids = _insert_accounts([(row, password_hash) for row, _, password_hash in rows], by=by, at=at)
    return [
        NewAccount(
            user_id=ids[row.code],
            username=row.code,
            name=row.name,
            password=password,
            org_name=row.name,
            place=row.place,
        )
        for row, password, _ in rows
    ]


def _hash_all(passwords: Sequence[str], progress: Callable[[int, int], None] | None) -> list[str]:
    """Hash many passwords on all processors; argon2 lets go of the interpreter's lock while it computes."""
    hashes = []
    with ThreadPoolExecutor(max_workers=os.cpu_count() or 1) as pool:
        for done, password_hash in enumerate(pool.map(hash_password, passwords), start=1):
            hashes.append(password_hash)
            if progress is not None and (done % 20 == 0 or done == len(passwords)):
                progress(done, len(passwords))
    return hashes


def _insert_accounts(
    rows: Sequence[tuple[account_queries.Waiting, str]], *, by: Actor, at: datetime
) -> dict[str, int]:
    """Insert accounts, roles and audit entries in batches; the new row ids by code."""
    ids: dict[str, int] = {}
    day = day_in_china(at)
    for batch in _batches(rows):
        made = db.session.execute(
            insert(User).returning(User.username, User.id),
            [
                {
                    "username": row.code,
                    "name": row.name[:64],
                    "password_hash": password_hash,
                    "must_change_password": True,
                    "demo": row.demo,
                    "created_at": at,
                }
                for row, password_hash in batch
            ],
        ).all()
        ids.update((username, user_id) for username, user_id in made)
        db.session.execute(
            insert(RoleAssignment),
            [
                {
                    "user_id": ids[row.code],
                    "role": Role.HOSPITAL if row.kind in SUPERVISING_KINDS else Role.INSTITUTION,
                    "institution_id": row.institution_id,
                    "valid_from": day,
                }
                for row, _ in batch
            ],
        )
        for row, _ in batch:
            note(
                "issue_account",
                ids[row.code],
                row.code,
                by=by,
                at=at,
                institution_id=row.institution_id,
                county_code=row.county_code,
                after={"name": row.name},
            )
    return ids


def _batches(
    rows: Sequence[tuple[account_queries.Waiting, str]],
) -> Iterable[Sequence[tuple[account_queries.Waiting, str]]]:
    return (rows[start : start + _BATCH] for start in range(0, len(rows), _BATCH))
