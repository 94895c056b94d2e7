"""Tokens of other programs: whose token a call carries, and the list of them."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import date, datetime
from enum import StrEnum
from typing import Any, NamedTuple, TypeVar

from sqlalchemy import ColumnElement, and_, func, select

from clinic_orders.models.accounts import RoleAssignment, User
from clinic_orders.models.api import ApiToken
from clinic_orders.models.base import db
from clinic_orders.models.roster import County, Distributor, InstitutionRecord
from clinic_orders.queries.lists import in_order, with_words
from clinic_orders.queries.roster import current
from clinic_orders.rules.parties import Permission, Role

_Word = TypeVar("_Word", bound=StrEnum)


@dataclass(frozen=True, slots=True)
class KnownToken:
    """A token that holds at an instant, as a call needs it."""

    id: int
    name: str
    mark: str
    user_id: int
    assignment_id: int
    scopes: frozenset[Permission]
    expires_at: datetime
    last_used_at: datetime | None


def known_token(digest: str, *, at: datetime) -> KnownToken | None:
    """The token of a digest, if it has neither ended nor been revoked; one statement."""
    row = db.session.execute(
        select(
            ApiToken.id,
            ApiToken.name,
            ApiToken.mark,
            ApiToken.user_id,
            ApiToken.assignment_id,
            ApiToken.scopes,
            ApiToken.expires_at,
            ApiToken.last_used_at,
        ).where(ApiToken.token_digest == digest, ApiToken.expires_at > at, ApiToken.revoked_at.is_(None))
    ).one_or_none()
    if row is None:
        return None
    return KnownToken(
        row.id,
        row.name,
        row.mark,
        row.user_id,
        row.assignment_id,
        scopes_of(row.scopes),
        row.expires_at,
        row.last_used_at,
    )


def scopes_of(kept: str) -> frozenset[Permission]:
    """Scopes as they are kept, as permissions; a word that is none any more is left out."""
    return known_words(kept, Permission)


def known_words(kept: str, kind: type[_Word]) -> frozenset[_Word]:
    """Words that are kept in one column, as members of an enumeration; one that is none any more is left out.

    >>> sorted(known_words("orders:read gone:read", Permission))
    [<Permission.ORDERS_READ: 'orders:read'>]
    """
    known = {member.value: member for member in kind}
    return frozenset(known[word] for word in kept.split() if word in known)


class TokenRow(NamedTuple):
    """A token in the list."""

    id: int
    name: str
    mark: str
    scopes: str
    username: str
    person: str
    role: Role
    org_name: str
    created_at: datetime
    created_by_name: str
    expires_at: datetime
    last_used_at: datetime | None
    revoked_at: datetime | None
    revoked_by_name: str

    def holds(self, at: datetime) -> bool:
        """Whether a call with it is answered."""
        return self.revoked_at is None and self.expires_at > at


SORTS = ("name", "account", "org", "created", "expires", "used")


@dataclass(frozen=True, slots=True)
class TokensWanted:
    """Which tokens a list shows: words, and ``state`` valid, over or "" for all."""

    words: str = ""
    state: str = ""


_ORG = func.coalesce(InstitutionRecord.name, Distributor.name, County.name, "")


def _conditions(wanted: TokensWanted, at: datetime) -> list[ColumnElement[bool]]:
    valid = and_(ApiToken.revoked_at.is_(None), ApiToken.expires_at > at)
    chosen = {"valid": [valid], "over": [~valid]}.get(wanted.state, [])
    return chosen + with_words(
        wanted.words,
        ApiToken.name,
        ApiToken.mark,
        User.username,
        User.name,
        InstitutionRecord.name,
        Distributor.name,
    )


def _from(statement: Any, on: date) -> Any:
    record = InstitutionRecord
    return (
        statement.select_from(ApiToken)
        .join(User, User.id == ApiToken.user_id)
        .join(RoleAssignment, RoleAssignment.id == ApiToken.assignment_id)
        .outerjoin(record, and_(record.institution_id == RoleAssignment.institution_id, current(record, on)))
        .outerjoin(Distributor, Distributor.id == RoleAssignment.distributor_id)
        .outerjoin(County, County.code == RoleAssignment.county_code)
    )


def count_tokens(wanted: TokensWanted, *, on: date, at: datetime) -> int:
    """How many tokens there are."""
    statement = _from(select(func.count()), on).where(*_conditions(wanted, at))
    return int(db.session.execute(statement).scalar_one())


def list_tokens(
    wanted: TokensWanted | None = None,
    *,
    on: date,
    at: datetime,
    sort: str = "-created",
    limit: int | None = None,
    offset: int = 0,
) -> list[TokenRow]:
    """The tokens of a page or a file; one statement."""
    columns: dict[str, Any] = {
        "name": ApiToken.name,
        "account": User.username,
        "org": _ORG,
        "created": ApiToken.created_at,
        "expires": ApiToken.expires_at,
        "used": ApiToken.last_used_at,
    }
    statement = _from(
        select(
            ApiToken.id,
            ApiToken.name,
            ApiToken.mark,
            ApiToken.scopes,
            User.username,
            User.name,
            RoleAssignment.role,
            _ORG,
            ApiToken.created_at,
            ApiToken.created_by_name,
            ApiToken.expires_at,
            ApiToken.last_used_at,
            ApiToken.revoked_at,
            ApiToken.revoked_by_name,
        ),
        on,
    ).where(*_conditions(wanted or TokensWanted(), at))
    statement = statement.order_by(*in_order(sort, columns, ApiToken.id)).limit(limit).offset(offset)
    return [TokenRow(*row) for row in db.session.execute(statement)]


def token_with_mark(mark: str) -> int | None:
    """The row id of the token with these first characters; None if there is none."""
    return db.session.scalar(select(ApiToken.id).where(ApiToken.mark == mark).order_by(ApiToken.id).limit(1))


class Owner(NamedTuple):
    """An account in one organisation, for which a token can be made."""

    assignment_id: int
    user_id: int
    username: str
    person: str
    role: Role
    org_name: str


def owners(username: str, *, on: date) -> list[Owner]:
    """The organisations in which an open account has a role on a day; none if there is no such account."""
    record = InstitutionRecord
    statement = (
        select(RoleAssignment.id, User.id, User.username, User.name, RoleAssignment.role, _ORG)
        .select_from(User)
        .join(RoleAssignment, RoleAssignment.user_id == User.id)
        .outerjoin(record, and_(record.institution_id == RoleAssignment.institution_id, current(record, on)))
        .outerjoin(Distributor, Distributor.id == RoleAssignment.distributor_id)
        .outerjoin(County, County.code == RoleAssignment.county_code)
        .where(
            func.lower(User.username) == username.strip().lower(),
            User.disabled_at.is_(None),
            RoleAssignment.valid_from <= on,
            (RoleAssignment.valid_to.is_(None)) | (RoleAssignment.valid_to >= on),
        )
        .order_by(RoleAssignment.id)
    )
    return [Owner(*row) for row in db.session.execute(statement)]
