"""The door for other programs: what a token may carry, when it holds, how a call is refused (formats.md section 5).

A token acts for an account in one organisation and may do what that account may, narrowed to its scopes; a scope is a
permission, called by the same word. Whether the account may still do it is asked anew at every call.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from datetime import date, datetime, timedelta
from typing import Final

from clinic_orders.rules.days import end_of_day
from clinic_orders.rules.errors import N_, RuleBroken
from clinic_orders.rules.parties import GRANTS, Permission, Role

SCOPES: Final = (
    Permission.CATALOGUE_READ,
    Permission.ORDERS_READ,
    Permission.ORDERS_PLACE,
    Permission.ORDERS_ANSWER,
    Permission.DELIVERIES_SHIP,
    Permission.DELIVERIES_ACCEPT,
    Permission.PAYMENTS_READ,
    Permission.PAYMENTS_RECORD,
    Permission.REPORTS_MAKE,
    Permission.FINDINGS_READ,
    Permission.STATISTICS_READ,
    Permission.WEBHOOKS_MANAGE,
)
"""What a token can be made for, in the order of the endpoints."""

PREFIX: Final = "co_"
"""Every token begins so, that a token left in a file is found by those who look for such."""
MARK_LENGTH: Final = 11
"""So many first characters of a token are kept in plain words, by which people tell it from others."""
LONGEST_NAME: Final = 24
MOST_DAYS: Final = 366
USUAL_DAYS: Final = 180
LONGEST_KEY: Final = 128
ANSWERS_KEPT: Final = timedelta(days=7)
"""So long the answer of a call is kept for the same call sent again."""
NOTED_AGAIN_AFTER: Final = timedelta(hours=1)
"""The last use of a token is noted at most so often: a call that reads should not have to write."""
_NAME_LENGTH: Final = 64


class TokenNameWrong(RuleBroken):
    """A token is called nothing, or too much."""

    message = N_("Name the program that will use the token, in 1 to %(limit)s characters.")


class ScopeMissing(RuleBroken):
    """A token that may do nothing."""

    message = N_("Tick at least one thing that the token may do.")


class ScopeNotOfRole(RuleBroken):
    """The account itself may not do it."""

    message = N_("The account itself may not do this: %(scope)s. Leave it out, or choose another account.")


class ExpiryWrong(RuleBroken):
    """A token ends in the past, or too late."""

    message = N_("A token can hold from today to %(latest)s. Choose a day between.")


class TokenNotValid(RuleBroken):
    """No token, an unknown one, one that has ended, or one whose account is closed: all look alike."""

    message = N_(
        "The call carries no valid token. Send “Authorization: Bearer …”; a token that has expired or was revoked is "
        "made anew by the operator."
    )


class ScopeNotCarried(RuleBroken):
    """The account may do it, the token may not."""

    message = N_("The token does not carry %(scope)s. Ask the operator for a token that does.")


class TooManyCalls(RuleBroken):
    """More calls than the limit in one window."""

    message = N_("Too many calls. Try again in %(seconds)s seconds.")


class KeyWrong(RuleBroken):
    """A call that stores something must say which call it is."""

    message = N_(
        "Send the header Idempotency-Key, 1 to %(limit)s characters of ASCII, another one for every new matter."
    )


class KeyUsedOtherwise(RuleBroken):
    """The same key with another body: one of the two is a mistake of the program."""

    message = N_("The Idempotency-Key was used for another call. Send a new key for a new matter.")


class VersionMissing(RuleBroken):
    """An update that does not say what it has seen."""

    message = N_("Send the header If-Match with the ETag of what you have read.")


class VersionNotUnderstood(RuleBroken):
    """An If-Match that no answer has given."""

    message = N_("If-Match is no ETag of ours: %(typed)s. Read the record again and send its ETag.")


class CursorWrong(RuleBroken):
    """A cursor that no answer has given."""

    message = N_("The cursor is none that an answer has given. Begin again without it.")


class BodyNotUnderstood(RuleBroken):
    """Not a JSON object in UTF-8."""

    message = N_("The body must be one JSON object in UTF-8, sent as application/json.")


class FieldsWrong(RuleBroken):
    """Some fields can't be taken; ``problems`` says which and why, by JSON pointer."""

    message = N_("%(count)s fields can't be taken like this.")

    def __init__(self, problems: Mapping[str, RuleBroken]) -> None:
        super().__init__(count=len(problems))
        self.problems = dict(problems)


def check_token(
    name: str, scopes: Iterable[Permission], expires_on: date, *, role: Role, today: date
) -> tuple[str, tuple[Permission, ...]]:
    """The name and the scopes of a token as they are kept, in the order of SCOPES.

    Args:
        name: the program that will use it.
        scopes: what it may do.
        expires_on: the last day on which it holds.
        role: of the account that it acts for.
        today: the day on which it is made.

    Raises:
        TokenNameWrong, ScopeMissing, ScopeNotOfRole, ExpiryWrong: what is wrong with it.

    >>> check_token(" 收银台 ", {Permission.ORDERS_READ}, date(2027, 1, 1), role=Role.INSTITUTION,
    ...     today=date(2026, 11, 20))
    ('收银台', (<Permission.ORDERS_READ: 'orders:read'>,))

    """
    name = name.strip()
    if not 0 < len(name) <= LONGEST_NAME or not name.isprintable():
        raise TokenNameWrong(limit=LONGEST_NAME)
    wanted = set(scopes)
    if not wanted:
        raise ScopeMissing
    for scope in sorted(wanted):
        if scope not in SCOPES or scope not in GRANTS[role]:
            raise ScopeNotOfRole(scope=scope.value)
    latest = today + timedelta(days=MOST_DAYS)
    if not today <= expires_on <= latest:
        raise ExpiryWrong(latest=latest)
    return name, tuple(scope for scope in SCOPES if scope in wanted)


def expiry_of(expires_on: date) -> datetime:
    """The instant at which a token ends whose last day is given."""
    return end_of_day(expires_on)


def check_key(key: str) -> str:
    """The key of a call that stores something.

    Raises:
        KeyWrong: it is missing, too long or not ASCII.

    """
    if not 0 < len(key) <= LONGEST_KEY or not key.isascii() or not key.isprintable():
        raise KeyWrong(limit=LONGEST_KEY)
    return key


def acting_name(person: str, token_name: str, mark: str) -> str:
    """How a deed done by a program is signed: the person whose account it is, the program, the token's mark.

    >>> acting_name("王医生", "收银台", "co_4f3a9c2d")
    '王医生（收银台 co_4f3a9c2d）'
    """
    tail = f"（{token_name} {mark}）"
    return person[: _NAME_LENGTH - len(tail)] + tail
