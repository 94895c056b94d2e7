"""Tokens of other programs: made, revoked, and noted when they are used (formats.md section 5)."""

from __future__ import annotations

import secrets
from collections.abc import Iterable
from dataclasses import dataclass
from datetime import date, datetime

from sqlalchemy import select, update

from clinic_orders.actions import audit, notices
from clinic_orders.actions.accounts import AccountNotFound
from clinic_orders.actions.loading import NotFound
from clinic_orders.actions.transaction import transactional
from clinic_orders.models.accounts import RoleAssignment, User
from clinic_orders.models.api import ApiToken
from clinic_orders.models.base import db
from clinic_orders.queries.accounts import in_force
from clinic_orders.rules.accounts import token_digest
from clinic_orders.rules.api import MARK_LENGTH, PREFIX, check_token, expiry_of
from clinic_orders.rules.days import day_in_china
from clinic_orders.rules.parties import Actor, Permission


@dataclass(frozen=True, slots=True)
class MadeToken:
    """A new token; ``token`` is shown once and stands nowhere."""

    id: int
    token: str
    mark: str
    expires_at: datetime


@transactional
def make_token(
    assignment_id: int,
    name: str,
    scopes: Iterable[Permission],
    expires_on: date,
    *,
    by: Actor,
    at: datetime,
) -> MadeToken:
    """Make a token with which a program acts for an account in one organisation.

    The organisation is told, so that no token stands behind its back.

    Args:
        assignment_id: the role of the account in its organisation.
        name: the program.
        scopes: what it may do; never more than the account.
        expires_on: the last day on which it holds.
        by: the operator.
        at: when.

    Raises:
        AccountNotFound: the account is closed or has the role no more.
        TokenNameWrong, ScopeMissing, ScopeNotOfRole, ExpiryWrong: see ``rules.api``.

    """
    by.need(Permission.TOKENS_MANAGE)
    today = day_in_china(at)
    owner = db.session.execute(
        select(RoleAssignment, User)
        .join(User, User.id == RoleAssignment.user_id)
        .where(
            RoleAssignment.id == assignment_id,
            in_force(RoleAssignment, today),
            User.disabled_at.is_(None),
        )
    ).one_or_none()
    if owner is None:
        raise AccountNotFound()
    post, user = owner
    called, carried = check_token(name, scopes, expires_on, role=post.role, today=today)
    secret = PREFIX + secrets.token_urlsafe(32)
    token = ApiToken(
        name=called,
        mark=secret[:MARK_LENGTH],
        token_digest=token_digest(secret),
        user_id=user.id,
        assignment_id=post.id,
        scopes=" ".join(carried),
        created_at=at,
        created_by_id=by.user_id,
        created_by_name=by.name,
        expires_at=expiry_of(expires_on),
    )
    db.session.add(token)
    db.session.flush()
    _write_down(
        "make_token",
        token,
        post,
        by=by,
        at=at,
        after={
            "account": user.username,
            "token_name": called,
            "scopes": list(carried),
            "expires_on": expires_on,
        },
    )
    notices.tell(
        "token_made",
        at=at,
        facts={"program": called, "account": user.username, "mark": token.mark},
        institution_id=post.institution_id,
        distributor_id=post.distributor_id,
        county_code=post.county_code,
    )
    return MadeToken(token.id, secret, token.mark, token.expires_at)


@transactional
def revoke_token(token_id: int, *, by: Actor, at: datetime) -> ApiToken:
    """End a token at once; ended twice, the first time counts.

    Raises:
        NotFound: there is no such token.

    """
    by.need(Permission.TOKENS_MANAGE)
    token = db.session.scalars(
        select(ApiToken).where(ApiToken.id == token_id).with_for_update()
    ).one_or_none()
    if token is None:
        raise NotFound(number=token_id)
    if token.revoked_at is None:
        token.revoked_at, token.revoked_by_name = at, by.name
        _write_down("revoke_token", token, token.assignment, by=by, at=at, before={"token_name": token.name})
    return token


@transactional
def note_token_used(token_id: int, *, by: Actor, at: datetime) -> None:
    """Note that a program has called; the audit has its deeds, so it has no entry about calls."""
    del by
    db.session.execute(update(ApiToken).where(ApiToken.id == token_id).values(last_used_at=at))


def _write_down(
    deed: str,
    token: ApiToken,
    post: RoleAssignment,
    *,
    by: Actor,
    at: datetime,
    before: dict[str, object] | None = None,
    after: dict[str, object] | None = None,
) -> None:
    audit.record(
        deed,
        by=by,
        at=at,
        subject_type="api_token",
        subject_id=token.id,
        subject=token.mark,
        institution_id=post.institution_id,
        distributor_id=post.distributor_id,
        county_code=post.county_code,
        before=before,
        after=after,
    )
